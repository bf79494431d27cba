"""Pages of a day of reminders: who gets what and who not and why, and the approval of what waits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from itertools import islice
from typing import Any
from uuid import UUID

from django.conf import settings as site
from django.contrib import messages
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.models import Workspace
from amanat.accounts.permissions import May
from amanat.basis.models import ConsentRecord, Method
from amanat.core import clock
from amanat.messaging.channels import templates
from amanat.messaging.channels.models import Channel
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import carrying, dates, moving_over, planning, reporting, restoring
from amanat.messaging.reminders.dates import Occasion
from amanat.messaging.reminders.models import Reminder, ReminderRule
from amanat.people.models import Contact
from amanat.web import formatting

#: Lines of a day that are shown; counts are of all that were looked at.
MOST = 200
#: How many days before or after today may be looked at.
MOST_DAYS = 800
#: Occasions of a day to come that are looked at for its preview.
MOST_PLANNED = 2_000


@dataclass(frozen=True, slots=True)
class Line:
    """One person on a day: what she gets, or why nothing."""

    contact: Contact
    rule: ReminderRule
    about: str
    channel: str | Promise
    words: str
    reason: str | Promise
    state: str
    label: str | Promise
    id: UUID | None = None
    moment: Any = None
    ground: str = ""
    warning: str | Promise = ""  #: for whoever approves it
    language: str = ""  #: that of the text, where there is none in the person's own


def day(request: MemberRequest) -> HttpResponse:
    """A day: what was or will be sent to whom, and who gets nothing and why. `?on=` is the day, `?rule=` one rule."""
    today = clock.today(request.workspace.time_zone)
    on, is_too_far = _day(request.GET.get("on", ""), today)
    rows_of_rules = ReminderRule.objects.of(request.workspace).filter(ended_at__isnull=True).select_related("service")
    rules = list(rows_of_rules.order_by("name"))
    reporting.put_into_words(rules, request.workspace)
    alone = [each for each in rules if str(each.pk) == request.GET.get("rule", "")]
    chosen = alone or rules
    working = [each for each in rules if not each.is_paused or each in alone]
    rows = _rows(request, chosen, on) if on <= today else None
    held = {each.pk: each for each in chosen}
    to_approve = (
        rows.filter(pk__in=carrying.waiting(request.workspace.pk, on=on)) if rows is not None and on == today else None
    )
    # What a person gets on the day is counted over all rules, also where one is looked at.
    counted: Counter[UUID] = Counter()
    waiting = _lines(to_approve, held, [Reminder.State.WAITS])
    waiting = _foreseen(waiting, held, on, request.workspace, counted)
    plans = _plans(request, working, on, today, counted) if on >= today else []
    planned = _planned(request, [(each, plan) for each, plan in plans if each in chosen])
    counts = Counter(line.state for line in planned)
    if rows is not None:
        counts.update(dict(rows.order_by().values_list("state").annotate(n=Count("id"))))
    context = {
        "on": on,
        "today": today,
        "before": on - timedelta(days=1),
        "after": on + timedelta(days=1),
        "rules": rules,
        "chosen": alone[0] if alone and len(rules) > 1 else None,
        "is_paused": bool(alone) and alone[0].is_paused,
        "resting": len(rules) - len(working),
        "quiet": [
            (each.name, dates.instead_of(each, on))
            for each in working
            if each in chosen and on.weekday() in each.quiet_days
        ],
        "waiting": waiting,
        "going": [*_lines(rows, held, _GOING), *(line for line in planned if line.state in _GOING)][:MOST],
        "not_going": [*_lines(rows, held, _NOT_GOING), *(line for line in planned if line.state in _NOT_GOING)][:MOST],
        "counts": counts,
        "waiting_count": to_approve.count() if to_approve is not None else 0,
        "going_count": sum(counts[state] for state in _GOING),
        "not_going_count": sum(counts[state] for state in _NOT_GOING),
        "may_manage": request.member.may(May.MANAGE_REMINDERS),
        "is_too_far": is_too_far,
        "most_days": MOST_DAYS,
        "is_cut": len(planned) >= MOST_PLANNED,
    }
    return render(request, "messaging/reminder_day.html", context)


def approve(request: MemberRequest) -> HttpResponse:
    """Send, or leave out, what was ticked; everything that waits for the day, of `rule` where one is named, with `all`."""
    today, rule = clock.today(request.workspace.time_zone), _uuid(request.POST.get("rule", ""))
    rows = carrying.waiting(request.workspace.pk, on=today)
    if rule is not None:
        rows = rows.filter(rule=rule)
    if "all" not in request.POST:
        rows = rows.filter(pk__in=[each for each in map(_uuid, request.POST.getlist("id")) if each])
    found = list(rows[:10_000])
    if request.POST.get("what") == "leave":
        count = carrying.leave_out(found, by=request.member)
        words = ngettext("%(n)d reminder is left out.", "%(n)d reminders are left out.", count)
    else:
        count = carrying.approve(found, by=request.member, at=clock.now(), today=today)
        words = ngettext("%(n)d reminder is on its way.", "%(n)d reminders are on their way.", count)
    if count:
        messages.success(request, words % {"n": count})
    elif "all" in request.POST or request.POST.getlist("id"):
        messages.info(request, _("Nothing of it waits any more. What became of it stands below."))
    else:
        messages.error(request, _("Nobody is ticked, so nothing was done."))
    return see_other(reverse("messaging:reminder_day") + (f"?rule={rule}" if rule is not None else ""))


_GOING = frozenset({"ordered", "done", "planned"})
_NOT_GOING = frozenset({"refused", "skipped", "failed", "unplanned"})


def _rows(request: MemberRequest, rules: Sequence[ReminderRule], on: date) -> QuerySet[Reminder]:
    """What stands written for a day, of people the member may see."""
    seen = Contact.objects.of(request.workspace).visible_to(request.member)
    return Reminder.objects.of(request.workspace).filter(rule__in=rules, day=on, contact__in=seen)


def _lines(rows: QuerySet[Reminder] | None, rules: Mapping[UUID, ReminderRule], states: Collection[str]) -> list[Line]:
    """The first of the rows in these states, by name."""
    if rows is None:
        return []
    found = list(rows.filter(state__in=states).select_related("contact").order_by("contact__name", "id")[:MOST])
    last = _last([row for row in found if row.state in {Reminder.State.ORDERED, Reminder.State.FAILED}])
    return [
        Line(
            contact=row.contact,
            rule=rules[row.rule_id],
            about=rules[row.rule_id].says,
            channel=_channel(rules[row.rule_id], row.step),
            words="",
            state=row.state,
            **_progress(row, last.get(row.pk)),
            id=row.pk,
            warning=reporting.in_words(row.reason) if row.reason == restoring.RESTORED else "",
        )
        for row in found
    ]


def _last(rows: Sequence[Reminder]) -> dict[UUID, Dispatch]:
    """The last message of each, where one was ordered."""
    if not rows:
        return {}
    sent = Dispatch.objects.of(rows[0].workspace_id).filter(
        source=carrying.SOURCE, source_id__in=[row.pk for row in rows]
    )
    return {row.source_id: row for row in sent.select_related("account").order_by("id") if row.source_id}


def _progress(row: Reminder, sent: Dispatch | None) -> dict[str, Any]:
    """How far it is: waiting for its hour, at the provider, or what became of it and why."""
    label, reason = Reminder.State(row.state).label, reporting.in_words(row.reason) if row.reason else ""
    if sent is None:
        return {"label": label, "reason": reason}
    if row.state == Reminder.State.FAILED:
        return {
            "label": label,
            "reason": reporting.failure(sent.account, sent.error_code) if sent.error_code else reason,
        }
    if sent.state == Dispatch.State.DONE:
        return {"label": _("Sent, not delivered yet"), "reason": reason}
    return {"label": label, "reason": reason, "moment": sent.due_at}


def _foreseen(
    lines: list[Line], rules: Mapping[UUID, ReminderRule], on: date, workspace: Workspace, counted: Counter[UUID]
) -> list[Line]:
    """What waits, with the words that would leave, when, and on what ground; or why it would not any more."""
    waiting = Reminder.objects.of(workspace).in_bulk([line.id for line in lines])
    plans: dict[tuple[UUID, UUID, date], planning.Plan] = {}
    for rule, rows in moving_over.in_turn(waiting.values(), rules, workspace):
        for plan in planning.plans(rule, on, at=clock.now(), only=_occasions(rows), counted=counted):
            plans[rule.pk, plan.occasion.about, plan.occasion.on_day] = plan
    grounds = _grounds(plans.values(), workspace)
    found = []
    for line in lines:
        row = waiting.get(line.id)
        what = plans.get((row.rule_id, row.about, row.on_day)) if row is not None else None
        found.append(line if what is None else _as_foreseen(line, _line(line.rule, what, grounds)))
    return found


def _as_foreseen(line: Line, seen: Line) -> Line:
    facts = {
        "words": seen.words, "reason": seen.reason, "moment": seen.moment, "ground": seen.ground, "language": seen.language,
    }  # fmt: skip
    return replace(line, channel=seen.channel or line.channel, **facts)


def _grounds(plans: Iterable[planning.Plan], workspace: Workspace) -> dict[UUID, str]:
    """Of each yes that a plan rests on: since when, and how it was given. One statement."""
    wanted = {plan.consent_id for plan in plans if plan.consent_id}
    records = ConsentRecord.objects.of(workspace).in_bulk(wanted) if wanted else {}
    return {
        key: _("agreed on %(day)s: %(how)s") % {"day": formatting.day(one.at), "how": Method(one.method).label}
        for key, one in records.items()
    }


def _channel(rule: ReminderRule, step: int) -> str | Promise:
    """The channel of a step; a rule that was changed since may have fewer."""
    if step >= len(rule.channels):
        return ""
    names = {"channel": Channel(rule.channels[step]).label, "first": Channel(rule.channels[0]).label}
    return _("%(channel)s instead of %(first)s") % names if step else names["channel"]


def _plans(
    request: MemberRequest, rules: Sequence[ReminderRule], on: date, today: date, counted: Counter[UUID]
) -> list[tuple[ReminderRule, planning.Plan]]:
    """What rules would do on a day, as things stand, besides what is written for it."""
    written = set(
        Reminder.objects.of(request.workspace).filter(rule__in=rules, day__gte=today).values_list("rule_id", "about", "on_day")
    )  # fmt: skip
    held = [row for each in rules for row in _held_over(each, on, today)]
    turns = [
        (each, _occasions(rows))
        for each, rows in moving_over.in_turn(held, {each.pk: each for each in rules}, request.workspace)
    ]
    for each in planning.in_turn(rules):
        new = (one for one in dates.occasions(each, on) if (each.pk, one.about, one.on_day) not in written)
        turns.append((each, list(islice(new, MOST_PLANNED))))
    return [
        (each, plan)
        for each, only in turns
        for plan in planning.plans(each, on, at=clock.now(), only=only, counted=counted)
    ]


def _occasions(rows: Iterable[Reminder]) -> list[Occasion]:
    return [Occasion(row.contact_id, row.about, row.on_day) for row in rows]


def _planned(request: MemberRequest, plans: Sequence[tuple[ReminderRule, planning.Plan]]) -> list[Line]:
    """Plans as lines, of people the member may see."""
    grounds = _grounds((plan for _rule, plan in plans[:MOST]), request.workspace)
    lines = [_line(each, plan, grounds) for each, plan in plans]
    if request.member.sees_all:
        return lines
    people = Contact.objects.of(request.workspace).visible_to(request.member)
    seen = set(people.filter(pk__in={line.contact.pk for line in lines}).values_list("id", flat=True))
    return [line for line in lines if line.contact.pk in seen]


def _held_over(rule: ReminderRule, on: date, today: date) -> list[Reminder]:
    """What was too much for its person until today and is tried again on `on`: the rule's next open day."""
    following = (today + timedelta(days=ahead) for ahead in range(1, 8))
    if on not in {today, next((day for day in following if day.weekday() not in rule.quiet_days), today)}:
        return []
    return moving_over.held_over(rule, on)


def _line(rule: ReminderRule, plan: planning.Plan, grounds: Mapping[UUID, str]) -> Line:
    words = templates.filled(plan.text, plan.values) if plan.text is not None and plan.is_to_be_sent else ""
    return Line(
        contact=plan.contact,
        rule=rule,
        about=rule.says,
        channel=_channel(rule, plan.step) if plan.channel else "",
        words=words,
        reason=_why(plan),
        state="planned" if plan.is_to_be_sent else "unplanned",
        label=_("Planned") if plan.is_to_be_sent else _("Not sent"),
        moment=plan.due_at if plan.is_to_be_sent else None,
        language=_other_language(plan) if plan.is_to_be_sent else "",
        ground=grounds.get(plan.consent_id, "") if plan.consent_id and plan.is_to_be_sent else "",
    )


def _other_language(plan: planning.Plan) -> str:
    wanted = plan.contact.language
    if plan.text is None or not wanted or plan.text.language == wanted:
        return ""
    names = dict(site.LANGUAGES)
    return str(names.get(plan.text.language, plan.text.language))


def _why(plan: planning.Plan) -> str | Promise:
    words = reporting.in_words(plan.reason) if plan.reason else ""
    return f"{words}: {', '.join(plan.missing)}" if plan.reason == "no_value" else words


def _day(text: str, today: date) -> tuple[date, bool]:
    """The day asked for, and whether it was too far away: then the furthest there is."""
    try:
        found = date.fromisoformat(text)
    except ValueError:
        return today, False
    ahead = max(min((found - today).days, MOST_DAYS), -MOST_DAYS)
    return today + timedelta(days=ahead), today + timedelta(days=ahead) != found


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
