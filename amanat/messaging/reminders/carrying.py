"""What rules lead to: reminders written once, messages ordered for them, the next channel where one did not arrive.

Everything here may be killed and run again: a reminder is one row for each rule, thing and date, and is ordered in the
transaction that writes it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from itertools import batched
from uuid import UUID

from django.db.models import OuterRef, QuerySet, Subquery

from amanat.accounts.models import Member, Workspace
from amanat.core import jobs, ledger, tenancy
from amanat.messaging.inbox import many
from amanat.messaging.inbox.many import Said
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.changes import Change
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import dates, moving_over, planning
from amanat.messaging.reminders.dates import Occasion
from amanat.messaging.reminders.models import Reminder, ReminderRule
from amanat.messaging.reminders.planning import Plan

SOURCE, CARRY_ON = "reminder", "messaging.reminders.carry_on"
#: Why what waited was taken back when its rule was paused: no other channel is tried for it.
PAUSED = "rule_paused"
#: Why what waited was dropped when it was claimed: its reason is gone, or it would say what is not so any more and is written anew.
OVER, CHANGED = "occasion_over", "changed"
_State = Reminder.State
_ARRIVED = frozenset({"delivered", "read"})
#: States of a dispatch after which the person surely has nothing.
_NOT_SENT = frozenset({"dead", "refused", "dropped"})


def work_out(rule: ReminderRule, day: date, *, at: datetime) -> int:
    """Write the reminders of a rule for a day, and order them unless somebody has to approve first; returns how many are new.

    What was put off until then takes its turn before: `take_up`.
    """
    with tenancy.inside(rule.workspace_id):
        known = set(
            Reminder.objects.of(rule.workspace_id)
            .filter(rule=rule, on_day__in=dates.days_reminded_of(rule, day))
            .values_list("about", "on_day")
        )
        wanted = [each for each in dates.occasions(rule, day) if (each.about, each.on_day) not in known]
    new = 0
    for part in batched(wanted, planning.AT_ONCE):
        with tenancy.inside(rule.workspace_id):
            new += _write(rule, list(planning.plans(rule, day, at=at, only=part)), day)
    return new


def take_up(rules: Sequence[ReminderRule], day: date, *, at: datetime) -> int:
    """Before what is new on a day for any of these rules comes what was too much on an earlier one; returns how many."""
    if not rules:
        return 0
    here, taken = rules[0].workspace_id, 0
    open_ones = {rule.pk: rule for rule in rules if day.weekday() not in rule.quiet_days}
    with tenancy.inside(here):
        workspace, rows = Workspace.objects.of(here).get(), []
        for rule in open_ones.values():
            found = moving_over.held_over(rule, day)
            moving_over.too_many(rule, day).exclude(pk__in=[row.pk for row in found]).update(reason=planning.CAP)
            rows += found
    for rule, group in moving_over.in_turn(rows, open_ones, workspace):
        with tenancy.inside(here):
            locked = moving_over.too_many(rule, day).filter(pk__in=[row.pk for row in group]).select_for_update()
            held = {(row.about, row.on_day): row for row in locked.order_by("id")}
            for row in held.values():
                row.day, row.state, row.reason = day, _State.WAITS, ""
            Reminder.objects.of(here).bulk_update(held.values(), ["day", "state", "reason"])
            if held and not rule.needs_approval:
                _order(rule, held, day, at=at)
        taken += len(held)
    return taken


def miss(rule: ReminderRule, day: date) -> int:
    """Write down as left out what the rule would have done on a day that has passed; returns how many."""
    return write_down(rule, day, state=_State.SKIPPED, reason="late")


def write_down(rule: ReminderRule, day: date, *, state: str, reason: str) -> int:
    """Write what falls on a day for a rule and is not written yet, in this state; nothing is ordered. Returns how many."""
    with tenancy.inside(rule.workspace_id):
        rows = [_row(rule, each, day, state, reason) for each in dates.occasions(rule, day)]
        return len(_inserted(rule.workspace_id, rows))


def approve(reminders: Sequence[Reminder], *, by: Member, at: datetime, today: date) -> int:
    """Order what waited for approval; returns how many are ordered. What may not be sent any more says why; a paused rule waits on."""
    ordered = 0
    rules = (
        ReminderRule.objects.of(by.workspace_id).filter(is_paused=False).in_bulk({each.rule_id for each in reminders})
    )
    for rule, group in moving_over.in_turn(reminders, rules, by.workspace):
        held = (
            Reminder.objects.of(by.workspace_id)
            .filter(pk__in=[each.pk for each in group], state=_State.WAITS)
            .select_for_update()
        )
        rows = {(each.about, each.on_day): each for each in held}
        ordered += _order(rule, rows, today, at=at, by=by)
    ledger.write("messaging.reminders.approved", workspace=by.workspace_id, by=by, count=ordered)
    return ordered


def leave_out(reminders: Sequence[Reminder], *, by: Member) -> int:
    """Take waiting reminders out of the day; returns how many."""
    rows = Reminder.objects.of(by.workspace_id).filter(pk__in=[each.pk for each in reminders], state=_State.WAITS)
    return rows.update(state=_State.SKIPPED, reason="by_hand", approved_by=by)


def waiting(workspace_id: UUID, *, on: date) -> QuerySet[Reminder]:
    """What waits for approval on a day and would leave if it were approved."""
    return Reminder.objects.of(workspace_id).filter(state=_State.WAITS, day=on, rule__is_paused=False)


def end_unapproved(workspace_id: UUID, *, today: date) -> int:
    """What nobody approved before its day was over is left out and says so; returns how many."""
    rows = Reminder.objects.of(workspace_id).filter(state=_State.WAITS, day__lt=today)
    return rows.update(state=_State.SKIPPED, reason="unapproved")


def carry_on(workspace_id: UUID, *, at: datetime, today: date) -> int:
    """Look at what became of the ordered ones: done, failed, or on to the next channel; returns how many moved."""
    moved = 0
    for rule in ReminderRule.objects.of(workspace_id).filter(ended_at__isnull=True):
        last = Dispatch.objects.of(workspace_id).filter(source_id=OuterRef("id"), source=SOURCE).order_by("-id")[:1]
        rows = (
            Reminder.objects.of(workspace_id)
            .filter(rule=rule, state=_State.ORDERED)
            .annotate(dispatch_id=Subquery(last.values("id")))
            .select_for_update(skip_locked=True, of=("self",))
            .order_by("id")
        )
        for part in batched(rows[:5_000], planning.AT_ONCE):
            moved += _looked_at(rule, part, at=at, today=today)
    return moved


def outdated(workspace_id: UUID, rows: Sequence[Dispatch]) -> dict[UUID, str]:
    """Of reminders about to leave, those whose service was done, paid or moved since they were ordered, and those whose words changed."""
    held = Reminder.objects.of(workspace_id).filter(pk__in=[row.source_id for row in rows if row.source_id])
    reminders = {each.pk: each for each in held.select_related("rule", "contact")}
    groups: dict[tuple[UUID, date], list[Reminder]] = {}
    for each in reminders.values():
        groups.setdefault((each.rule_id, each.on_day), []).append(each)
    over: set[UUID] = set()
    for (_rule, on_day), group in groups.items():
        there = dates.standing(group[0].rule, on_day, [each.about for each in group])
        over |= {each.pk for each in group if each.about not in there}
    changed = planning.changed(
        workspace_id, [(row, reminders[row.source_id]) for row in rows if row.source_id in reminders]
    )
    found = {}
    for row in rows:
        if row.source_id in over:
            found[row.pk] = OVER
        elif row.pk in changed:
            found[row.pk] = CHANGED
    return found


def hear(workspace_id: UUID, changed: Sequence[Change]) -> None:
    """What was delivered is done at once, what a pause took back is left out, and what surely did not arrive goes on to the next channel by
    a job; the rest waits for `carry_on`."""
    arrived = [
        each.source_id for each in changed if each.source_id and each.source == SOURCE and each.delivery in _ARRIVED
    ]
    if arrived:
        rows = Reminder.objects.of(workspace_id).filter(pk__in=arrived, state=_State.ORDERED)
        rows.update(state=_State.DONE, reason="")
    taken_back = [
        each.source_id for each in changed if each.source_id and each.source == SOURCE and each.reason == PAUSED
    ]
    if taken_back:
        rows = Reminder.objects.of(workspace_id).filter(pk__in=taken_back, state=_State.ORDERED)
        rows.update(state=_State.SKIPPED, reason=PAUSED)
    if any(
        each.source == SOURCE and (each.delivery == "failed" or each.state == "dead" or each.reason in {OVER, CHANGED})
        for each in changed
    ):
        jobs.enqueue(CARRY_ON, workspace=workspace_id, once=f"{CARRY_ON}:{workspace_id}")


def _write(rule: ReminderRule, planned: Sequence[Plan], day: date) -> int:
    rows = [_row(rule, plan.occasion, day, _begins(rule, plan), plan.reason) for plan in planned]
    for row, plan in zip(rows, planned, strict=True):
        row.step = plan.step
    there = _inserted(rule.workspace_id, rows)
    _say(rule, [(row, plan) for row, plan in zip(rows, planned, strict=True) if row.pk in there])
    return len(there)


def _begins(rule: ReminderRule, plan: Plan) -> str:
    if not plan.is_to_be_sent:
        return _State.REFUSED
    return _State.WAITS if rule.needs_approval else _State.ORDERED


def _row(rule: ReminderRule, occasion: Occasion, day: date, state: str, reason: str) -> Reminder:
    return Reminder(
        workspace_id=rule.workspace_id,
        rule=rule,
        contact_id=occasion.contact_id,
        about=occasion.about,
        on_day=occasion.on_day,
        day=day,
        state=state,
        reason=reason,
    )


def _inserted(workspace_id: UUID, rows: Sequence[Reminder]) -> set[UUID]:
    """Insert what is not there yet; the ids of those that are new."""
    Reminder.objects.bulk_create(rows, ignore_conflicts=True)
    written = Reminder.objects.of(workspace_id).filter(pk__in=[row.pk for row in rows])
    return set(written.values_list("id", flat=True))


def _say(rule: ReminderRule, found: Sequence[tuple[Reminder, Plan]], *, by: Member | None = None) -> None:
    """Order the messages of those whose state says so."""
    said = [
        Said(
            contact_id=row.contact_id,
            account=plan.account,
            address=plan.address,
            text=plan.text,
            values=plan.values,
            purpose=rule.purpose,
            source=SOURCE,
            source_id=row.pk,
            due_at=plan.due_at,
            use_by=plan.use_by,
        )
        for row, plan in found
        if row.state == _State.ORDERED and plan.account and plan.text and plan.due_at
    ]
    many.say_many(said, workspace_id=rule.workspace_id, by=by)


def _order(
    rule: ReminderRule,
    rows: dict[tuple[UUID, date], Reminder],
    today: date,
    *,
    at: datetime,
    by: Member | None = None,
    first_step: int = 0,
) -> int:
    """Plan these again, from a channel on, and order them; those with no way say why. Returns how many are ordered."""
    only = [Occasion(row.contact_id, row.about, row.on_day) for row in rows.values()]
    found = []
    for plan in planning.plans(rule, today, at=at, first_step=first_step, only=only):
        row = rows[plan.occasion.about, plan.occasion.on_day]
        if plan.is_to_be_sent:
            row.state, row.reason, row.step = _State.ORDERED, "", plan.step
            found.append((row, plan))
        else:
            row.state, row.reason = (_State.FAILED if first_step else _State.REFUSED), plan.reason
        row.approved_by = by or row.approved_by
    Reminder.objects.of(rule.workspace_id).bulk_update(rows.values(), ["state", "reason", "step", "approved_by"])
    _say(rule, found, by=by)
    return len(found)


def _looked_at(rule: ReminderRule, rows: Sequence[Reminder], *, at: datetime, today: date) -> int:
    here = rule.workspace_id
    sent = Dispatch.objects.of(here).in_bulk([row.dispatch_id for row in rows if row.dispatch_id])  # type: ignore[attr-defined]
    ended: list[Reminder] = []
    over: dict[int, list[Reminder]] = {}
    anew: dict[int, list[Reminder]] = {}
    for row in rows:
        dispatch = sent.get(row.dispatch_id)  # type: ignore[attr-defined]
        if dispatch is None:
            continue
        if dispatch.delivery in _ARRIVED:
            row.state, row.reason = _State.DONE, ""
            ended.append(row)
        elif dispatch.state == "dropped" and (
            dispatch.reason in {PAUSED, OVER, ordering.RESTORED}
            or (dispatch.reason == ordering.TOO_LATE and row.day < today)
        ):
            row.state, row.reason = _State.SKIPPED, dispatch.reason
            ended.append(row)
        elif dispatch.state == "dropped" and dispatch.reason == CHANGED:
            if not rule.is_paused:
                anew.setdefault(row.step, []).append(row)
        elif not rule.is_paused and _did_not_arrive(dispatch, rule, at):
            row.reason = dispatch.reason or dispatch.error_code or "not_delivered"
            over.setdefault(row.step, []).append(row)
    Reminder.objects.of(here).bulk_update(ended, ["state", "reason"])
    for step, stale in anew.items():
        _order(rule, {(row.about, row.on_day): row for row in stale}, today, at=at, first_step=step)
    for step, late in over.items():
        if step + 1 < len(rule.channels):
            _order(rule, {(row.about, row.on_day): row for row in late}, today, at=at, first_step=step + 1)
        else:
            _end(here, late, sent)
    return len(ended) + sum(map(len, over.values())) + sum(map(len, anew.values()))


def _did_not_arrive(dispatch: Dispatch, rule: ReminderRule, at: datetime) -> bool:
    if dispatch.state in _NOT_SENT or dispatch.delivery == "failed":
        return True
    waits = timedelta(hours=rule.fallback_hours)
    return dispatch.state == "done" and dispatch.sent_at is not None and dispatch.sent_at + waits <= at


def _end(workspace_id: UUID, rows: Sequence[Reminder], sent: dict[UUID, Dispatch]) -> None:
    """No channel is left: sent as far as we know, refused, or failed."""
    for row in rows:
        dispatch = sent[row.dispatch_id]  # type: ignore[attr-defined]
        if dispatch.state == "done" and dispatch.delivery != "failed":
            row.state, row.reason = _State.DONE, "no_report"
        else:
            row.state = _State.REFUSED if dispatch.state == "refused" else _State.FAILED
    Reminder.objects.of(workspace_id).bulk_update(rows, ["state", "reason"])
