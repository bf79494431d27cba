"""Reminders are written once, ordered once, go on to the next channel, and end in a state that says what happened."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, ids, jobs, tenancy
from amanat.core.models import LedgerEntry
from amanat.desk.models import ServiceRecord
from amanat.desk.tests.factories import make_contact, make_record
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.outbox import changes, claiming
from amanat.messaging.outbox.changes import Change
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import carrying, setting, tasks
from amanat.messaging.reminders.models import Reminder, ReminderRule
from amanat.messaging.reminders.tests.factories import agreeing, make_rule
from amanat.people.models import Contact

DAY = date(2026, 11, 24)
MORNING = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
DUE = DAY + timedelta(days=7)


@pytest.fixture
def owner(db: None, shree: Workspace) -> Any:
    with tenancy.inside(shree):
        yield owner_of(shree)


def due(owner: Member, **details: Any) -> Contact:
    contact = agreeing(owner, **details)
    make_record(owner, contact=contact, due_on=DUE)
    return contact


def reminders(owner: Member) -> list[Reminder]:
    return list(Reminder.objects.of(owner.workspace_id).order_by("id"))


def dispatches(owner: Member) -> list[Dispatch]:
    return list(Dispatch.objects.of(owner.workspace_id).order_by("id"))


def test_a_reminder_becomes_a_message_in_her_thread_and_a_row_of_the_outbox(owner: Member) -> None:
    sunita = due(owner, name="Sunita Deshmukh", phone="+919822041736")
    assert carrying.work_out(make_rule(owner.workspace), DAY, at=MORNING) == 1
    (reminder,), (dispatch,) = reminders(owner), dispatches(owner)
    assert (reminder.state, reminder.contact_id, reminder.day, reminder.on_day) == ("ordered", sunita.pk, DAY, DUE)
    assert (dispatch.state, dispatch.source, dispatch.source_id) == ("todo", "reminder", reminder.pk)
    assert (dispatch.address, dispatch.purpose) == ("+919822041736", "reminders")
    message = Message.objects.of(owner.workspace_id).get()
    assert bodies.open(message) == "en: Namaste Sunita, PAN correction is due on 1 Dec 2026."
    assert Thread.objects.of(owner.workspace_id).get().last_message_id == message.pk


def test_worked_out_again_nothing_is_added(owner: Member) -> None:
    due(owner)
    rule = make_rule(owner.workspace)
    assert [carrying.work_out(rule, DAY, at=MORNING) for _again in range(3)] == [1, 0, 0]
    assert len(dispatches(owner)) == 1


def test_what_comes_up_during_the_day_is_added(owner: Member) -> None:
    due(owner)
    rule = make_rule(owner.workspace)
    carrying.work_out(rule, DAY, at=MORNING)
    due(owner)
    assert carrying.work_out(rule, DAY, at=MORNING + timedelta(hours=2)) == 1


def test_who_did_not_agree_is_written_down_with_the_reason(owner: Member) -> None:
    make_record(owner, contact=make_contact(owner), due_on=DUE)
    carrying.work_out(make_rule(owner.workspace), DAY, at=MORNING)
    (reminder,) = reminders(owner)
    assert (reminder.state, reminder.reason) == ("refused", "no_consent")
    assert dispatches(owner) == []


def test_where_somebody_approves_first_nothing_is_sent_before(owner: Member) -> None:
    due(owner)
    due(owner)
    carrying.work_out(make_rule(owner.workspace, needs_approval=True), DAY, at=MORNING)
    first, second = reminders(owner)
    assert {first.state, second.state} == {"waits"} and dispatches(owner) == []
    assert carrying.approve([first], by=owner, at=MORNING, today=DAY) == 1
    assert carrying.leave_out([second], by=owner) == 1
    assert [(each.state, each.approved_by_id) for each in reminders(owner)] == [
        ("ordered", owner.pk), ("skipped", owner.pk),
    ]  # fmt: skip
    assert [each.source_id for each in dispatches(owner)] == [first.pk]
    assert carrying.approve([first, second], by=owner, at=MORNING, today=DAY) == 0
    assert len(dispatches(owner)) == 1


def test_a_day_that_passed_is_written_down_and_not_sent(owner: Member) -> None:
    due(owner)
    rule = make_rule(owner.workspace)
    assert carrying.miss(rule, DAY) == 1
    (reminder,) = reminders(owner)
    assert (reminder.state, reminder.reason) == ("skipped", "late")
    assert carrying.work_out(rule, DAY, at=MORNING) == 0 and dispatches(owner) == []


def sent(dispatch: Dispatch, at: datetime, **values: Any) -> None:
    Dispatch.objects.of(dispatch.workspace_id).filter(pk=dispatch.pk).update(
        **{"state": "done", "sent_at": at, "ended_at": at} | values
    )


def test_not_delivered_in_time_it_goes_over_the_next_channel(owner: Member) -> None:
    due(owner, channels=("whatsapp", "sms"))
    rule = make_rule(owner.workspace, "whatsapp", "sms", fallback_hours=3)
    carrying.work_out(rule, DAY, at=MORNING)
    (first,) = dispatches(owner)
    at = MORNING + timedelta(hours=5)
    sent(first, at)
    carrying.carry_on(owner.workspace_id, at=at + timedelta(hours=2), today=DAY)
    assert len(dispatches(owner)) == 1
    carrying.carry_on(owner.workspace_id, at=at + timedelta(hours=3), today=DAY)
    assert [each.channel for each in dispatches(owner)] == ["whatsapp", "sms"]
    assert [(each.state, each.step) for each in reminders(owner)] == [("ordered", 1)]
    carrying.carry_on(owner.workspace_id, at=at + timedelta(hours=3), today=DAY)
    assert len(dispatches(owner)) == 2


@pytest.mark.parametrize(
    "values", [{"state": "dead"}, {"state": "refused", "reason": "withdrawn"}, {"delivery": "failed"}]
)
def test_what_failed_goes_on_at_once(owner: Member, values: dict[str, str]) -> None:
    due(owner, channels=("whatsapp", "sms"))
    carrying.work_out(make_rule(owner.workspace, "whatsapp", "sms"), DAY, at=MORNING)
    sent(dispatches(owner)[0], MORNING, **values)
    carrying.carry_on(owner.workspace_id, at=MORNING + timedelta(hours=6), today=DAY)
    assert [each.channel for each in dispatches(owner)] == ["whatsapp", "sms"]


@pytest.mark.parametrize("state", ["todo", "sending", "unknown"])
def test_what_may_still_arrive_is_waited_for(owner: Member, state: str) -> None:
    due(owner, channels=("whatsapp", "sms"))
    carrying.work_out(make_rule(owner.workspace, "whatsapp", "sms"), DAY, at=MORNING)
    sent(dispatches(owner)[0], MORNING, state=state, lease_until=clock.now())
    carrying.carry_on(owner.workspace_id, at=MORNING + timedelta(hours=9), today=DAY)
    assert len(dispatches(owner)) == 1


@pytest.mark.parametrize(
    ("values", "ends"),
    [
        ({"delivery": "delivered"}, ("done", "")),
        ({"delivery": "read"}, ("done", "")),
        ({}, ("done", "no_report")),
        ({"delivery": "failed", "error_code": "131026"}, ("failed", "131026")),
        ({"state": "refused", "reason": "suppressed"}, ("refused", "suppressed")),
        ({"state": "dropped", "reason": "late"}, ("failed", "late")),
    ],
)
def test_after_the_last_channel_the_reminder_says_what_became_of_it(
    owner: Member, values: dict[str, str], ends: tuple[str, str]
) -> None:
    due(owner)
    carrying.work_out(make_rule(owner.workspace), DAY, at=MORNING)
    sent(dispatches(owner)[0], MORNING, **values)
    carrying.carry_on(owner.workspace_id, at=MORNING + timedelta(hours=7), today=DAY)
    assert [(each.state, each.reason) for each in reminders(owner)] == [ends]


def test_a_delivery_is_noted_at_once(owner: Member) -> None:
    due(owner)
    carrying.work_out(make_rule(owner.workspace), DAY, at=MORNING)
    (dispatch,) = dispatches(owner)
    dispatch.delivery = "delivered"
    changes.tell(owner.workspace_id, [dispatch])
    assert [each.state for each in reminders(owner)] == ["done"]


def at_work(owner: Member, moment: datetime) -> None:
    with clock.standing_at(moment):
        tasks.remind_one(owner.workspace_id)


def test_the_job_works_out_today_and_writes_down_what_a_standstill_missed(owner: Member) -> None:
    due(owner)
    rule = make_rule(owner.workspace, at=time(11))
    ReminderRule.objects.of(owner.workspace_id).filter(pk=rule.pk).update(last_day=DAY - timedelta(days=2))
    make_record(owner, contact=agreeing(owner), due_on=DUE - timedelta(days=1))
    at_work(owner, MORNING)
    assert sorted((each.day, each.state) for each in reminders(owner)) == [
        (DAY - timedelta(days=1), "skipped"), (DAY, "ordered"),
    ]  # fmt: skip
    rule.refresh_from_db()
    assert rule.last_day == DAY


def test_a_paused_rule_does_nothing(owner: Member) -> None:
    due(owner)
    make_rule(owner.workspace, is_paused=True)
    at_work(owner, MORNING)
    assert reminders(owner) == []


@pytest.mark.parametrize("is_resumed", [False, True])
def test_what_a_pause_took_back_goes_over_no_other_channel(owner: Member, is_resumed: bool) -> None:
    due(owner, channels=("whatsapp", "sms"))
    rule = make_rule(owner.workspace, "whatsapp", "sms")
    carrying.work_out(rule, DAY, at=MORNING)
    assert setting.pause(rule=rule, by=owner, at=MORNING) == 1
    if is_resumed:
        setting.resume(rule=rule, by=owner, at=MORNING, today=DAY)
    carrying.carry_on(owner.workspace_id, at=MORNING + timedelta(hours=7), today=DAY)
    (reminder,), (dispatch,) = reminders(owner), dispatches(owner)
    assert (reminder.state, reminder.reason, dispatch.state) == ("skipped", "rule_paused", "dropped")


def test_while_a_rule_is_paused_nothing_goes_on_to_the_next_channel(owner: Member) -> None:
    due(owner, channels=("whatsapp", "sms"))
    rule = make_rule(owner.workspace, "whatsapp", "sms")
    carrying.work_out(rule, DAY, at=MORNING)
    Dispatch.objects.of(owner.workspace_id).update(state="done", delivery="failed", sent_at=MORNING)
    setting.pause(rule=rule, by=owner, at=MORNING)
    later = MORNING + timedelta(hours=5)
    carrying.carry_on(owner.workspace_id, at=later, today=DAY)
    assert [one.channel for one in dispatches(owner)] == ["whatsapp"]
    setting.resume(rule=rule, by=owner, at=later, today=DAY)
    carrying.carry_on(owner.workspace_id, at=later, today=DAY)
    assert [one.channel for one in dispatches(owner)] == ["whatsapp", "sms"]


def test_what_waits_is_not_sent_by_an_approval_while_its_rule_is_paused(owner: Member) -> None:
    due(owner)
    rule = make_rule(owner.workspace, needs_approval=True)
    carrying.work_out(rule, DAY, at=MORNING)
    setting.pause(rule=rule, by=owner, at=MORNING)
    assert carrying.approve(reminders(owner), by=owner, at=MORNING, today=DAY) == 0
    assert [one.state for one in reminders(owner)] == ["waits"] and not dispatches(owner)


@pytest.mark.parametrize(("values", "goes_on"), [({"delivery": "failed"}, True), ({"delivery": "sent"}, False)])
def test_a_failure_that_is_reported_starts_the_next_channel_without_waiting_for_the_round(
    owner: Member, values: dict[str, str], goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    due(owner, channels=("whatsapp", "sms"))
    carrying.work_out(make_rule(owner.workspace, "whatsapp", "sms"), DAY, at=MORNING)
    (row,) = dispatches(owner)
    Dispatch.objects.of(owner.workspace_id).update(state="done", sent_at=MORNING, **values)
    asked: list[str] = []
    monkeypatch.setattr(jobs, "enqueue", lambda name, **_given: asked.append(name))
    changes.tell_of(owner.workspace_id, {row.pk})
    assert (carrying.CARRY_ON in asked) is goes_on
    with clock.standing_at(MORNING + timedelta(hours=4)):
        tasks.carry_on(owner.workspace_id)
    assert [one.channel for one in dispatches(owner)] == ["whatsapp", "sms"][: 1 + goes_on]


@pytest.mark.parametrize("values", [{"delivery": "failed"}, {"delivery": "sent"}])
def test_one_message_a_day_does_not_keep_it_from_the_next_channel(owner: Member, values: dict[str, str]) -> None:
    due(owner, channels=("whatsapp", "sms"))
    carrying.work_out(make_rule(owner.workspace, "whatsapp", "sms", most_a_day=1), DAY, at=MORNING)
    Dispatch.objects.of(owner.workspace_id).update(state="done", sent_at=MORNING, **values)
    carrying.carry_on(owner.workspace_id, at=MORNING + timedelta(hours=7), today=DAY)
    assert [one.channel for one in dispatches(owner)] == ["whatsapp", "sms"]


def test_what_was_not_delivered_does_not_count_for_the_day(owner: Member) -> None:
    sunita, rule = due(owner), make_rule(owner.workspace, most_a_day=1)
    carrying.work_out(rule, DAY, at=MORNING)
    Dispatch.objects.of(owner.workspace_id).update(state="done", sent_at=MORNING, delivery="failed")
    make_record(owner, contact=sunita, due_on=DUE)
    carrying.work_out(rule, DAY, at=MORNING)
    assert {one.state for one in reminders(owner)} == {"ordered"}


# --- what happens between the order and the hour ---------------------------------------------------------------------


def claimed_at_noon(owner: Member, channel: str = "sms") -> list[str]:
    """The texts of what leaves at noon, by the outbox's own claim."""
    account = ChannelAccount.objects.of(owner.workspace_id).get(channel=channel)
    with clock.standing_at(datetime(2026, 11, 24, 6, 30, tzinfo=UTC)):
        return [each.outgoing.text for each in claiming.claim(account, "a token", most=10).tries]


@pytest.mark.parametrize(
    "meanwhile",
    [
        {"status": ServiceRecord.Status.DELIVERED},
        {"status": ServiceRecord.Status.CANCELLED},
        {"due_on": DUE + timedelta(days=3)},
        {"deleted_at": MORNING},
    ],
)
def test_a_service_that_was_done_or_moved_in_the_morning_is_not_reminded_of(
    owner: Member, meanwhile: dict[str, Any]
) -> None:
    due(owner)
    carrying.work_out(make_rule(owner.workspace, "sms", "whatsapp"), DAY, at=MORNING)
    ServiceRecord.objects.of(owner.workspace_id).update(**meanwhile)
    assert claimed_at_noon(owner) == []
    (dispatch,) = dispatches(owner)
    assert (dispatch.state, dispatch.reason) == ("dropped", "occasion_over")
    carrying.carry_on(owner.workspace_id, at=MORNING + timedelta(hours=6), today=DAY)
    (reminder,) = reminders(owner)
    assert (reminder.state, reminder.reason) == ("skipped", "occasion_over") and len(dispatches(owner)) == 1


def test_what_changed_in_the_morning_is_written_anew_and_leaves_once(owner: Member) -> None:
    due(owner)
    carrying.work_out(make_rule(owner.workspace), DAY, at=MORNING)
    ServiceRecord.objects.of(owner.workspace_id).update(title="Passport")
    assert claimed_at_noon(owner) == []
    carrying.carry_on(owner.workspace_id, at=MORNING + timedelta(hours=5), today=DAY)
    assert [row.reason for row in dispatches(owner)] == ["changed", ""]
    assert [text.split(",")[1] for text in claimed_at_noon(owner)] == [" Passport is due on 1 Dec 2026."]
    (reminder,) = reminders(owner)
    assert (reminder.state, reminder.reason) == ("ordered", "")


def test_what_did_not_change_leaves(owner: Member) -> None:
    due(owner)
    carrying.work_out(make_rule(owner.workspace), DAY, at=MORNING)
    assert len(claimed_at_noon(owner)) == 1


SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("known", "is_so"),
    [
        ({"state": "dead"}, True),
        ({"state": "refused"}, True),
        ({"state": "dropped"}, True),
        ({"state": "sending", "delivery": "failed"}, True),
        ({"state": "done", "sent_at": MORNING - timedelta(hours=3)}, True),
        ({"state": "done", "sent_at": MORNING - timedelta(hours=3) + SECOND}, False),
        ({"state": "done"}, False),
        ({"state": "todo", "sent_at": MORNING - timedelta(days=3)}, False),
    ],
    ids=["dead", "refused", "dropped", "failed", "no-report-for-long", "no-report-yet", "never-sent", "not-sent-yet"],
)
def test_what_surely_did_not_arrive(known: dict[str, Any], is_so: bool) -> None:
    assert carrying._did_not_arrive(Dispatch(**known), ReminderRule(fallback_hours=3), MORNING) is is_so


def waiting(owner: Member, *names: str) -> tuple[ReminderRule, list[Reminder]]:
    """A rule that needs a yes, and a reminder that waits for it for each."""
    rule = make_rule(owner.workspace, needs_approval=True)
    for number, name in enumerate(names):
        due(owner, name=name, phone=f"+9198220417{number:02}")
    carrying.work_out(rule, DAY, at=MORNING)
    return rule, reminders(owner)


def test_approved_is_what_was_named_and_waits_and_says_by_whom(owner: Member) -> None:
    _rule, (first, second, left_out) = waiting(owner, "Sunita", "Ravi", "Meera")
    assert carrying.leave_out([left_out], by=owner) == 1
    assert carrying.leave_out([left_out], by=owner) == 0
    assert carrying.approve([first, left_out], by=owner, at=MORNING, today=DAY) == 1
    assert [(one.state, one.reason, one.approved_by_id) for one in reminders(owner)] == [
        ("ordered", "", owner.pk), ("waits", "", None), ("skipped", "by_hand", owner.pk),
    ]  # fmt: skip
    assert [row.source_id for row in dispatches(owner)] == [first.pk] != [second.pk]
    said = LedgerEntry.objects.of(owner.workspace_id).filter(event="messaging.reminders.approved").get()
    assert (said.actor, said.facts) == (owner.pk, {"count": 1})


def test_what_may_not_be_sent_any_more_when_it_is_approved_says_why(owner: Member) -> None:
    _rule, rows = waiting(owner, "Sunita", "Ravi")
    ChannelAccount.objects.of(owner.workspace_id).delete()
    assert carrying.approve(rows, by=owner, at=MORNING, today=DAY) == 0
    assert {(one.state, one.reason) for one in reminders(owner)} == {("refused", "no_account")}
    assert dispatches(owner) == []


def news(reminder: Reminder | None, **known: Any) -> Change:
    """What became of a message, of this reminder or of none."""
    said = {"source": "reminder", "state": "done", "delivery": "", "reason": ""} | known
    return Change(
        dispatch_id=ids.new(), message_id=ids.new(), contact_id=None, source_id=reminder and reminder.pk, **said
    )


@pytest.mark.parametrize(
    ("known", "state", "goes_on"),
    [
        ({"delivery": "delivered"}, "done", False),
        ({"delivery": "read"}, "done", False),
        ({"delivery": "read", "source": "batch"}, "ordered", False),
        ({"delivery": "failed"}, "ordered", True),
        ({"state": "dead"}, "ordered", True),
        ({"state": "dropped", "reason": carrying.OVER}, "ordered", True),
        ({"state": "dropped", "reason": carrying.CHANGED}, "ordered", True),
        ({"state": "dropped", "reason": carrying.PAUSED}, "skipped", False),
        ({"state": "dead", "source": "batch"}, "ordered", False),
        ({}, "ordered", False),
    ],
    ids=["delivered", "read", "of-a-batch", "failed", "dead", "over", "changed", "paused", "dead-batch", "sent"],
)
def test_what_is_heard_is_noted_or_goes_on(
    owner: Member, known: dict[str, str], state: str, goes_on: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    enqueued: list[str] = []
    monkeypatch.setattr(carrying.jobs, "enqueue", lambda job, **_more: enqueued.append(job))
    for number in range(3):
        due(owner, phone=f"+9198220417{number:02}")
    carrying.work_out(make_rule(owner.workspace), DAY, at=MORNING)
    reminder, _unheard_of, over = reminders(owner)
    Reminder.objects.of(owner.workspace_id).filter(pk=over.pk).update(state="skipped", reason="by_hand")
    carrying.hear(owner.workspace_id, [news(None), news(reminder, **known), news(over, delivery="read")])
    assert [(one.state, one.reason) for one in reminders(owner)] == [
        (state, carrying.PAUSED if state == "skipped" else ""),
        ("ordered", ""),
        ("skipped", "by_hand"),
    ]
    assert enqueued == ([carrying.CARRY_ON] if goes_on else [])


def test_the_channel_it_was_ordered_over_is_written_down(owner: Member) -> None:
    due(owner)
    carrying.work_out(make_rule(owner.workspace, "whatsapp", "sms"), DAY, at=MORNING)
    assert [(one.state, one.step) for one in reminders(owner)] == [("ordered", 1)]


def test_of_a_rule_that_ended_nothing_goes_on(owner: Member) -> None:
    due(owner)
    rule = make_rule(owner.workspace)
    carrying.work_out(rule, DAY, at=MORNING)
    Dispatch.objects.of(owner.workspace_id).update(state="dead")
    ReminderRule.objects.of(owner.workspace_id).update(ended_at=MORNING)
    assert carrying.carry_on(owner.workspace_id, at=MORNING, today=DAY) == 0
    ReminderRule.objects.of(owner.workspace_id).update(ended_at=None)
    assert carrying.carry_on(owner.workspace_id, at=MORNING, today=DAY) == 1
    assert [one.state for one in reminders(owner)] == ["failed"]


def test_two_rules_of_one_thing_remind_of_it_each_in_its_own_words(owner: Member) -> None:
    """Worked out anew without a rule of its own to know them apart, or approved together."""
    due(owner)
    rules = [make_rule(owner.workspace, needs_approval=True, most_a_day=5) for _rule in range(2)]
    for rule in rules:
        assert carrying.work_out(rule, DAY, at=MORNING) == 1
    assert carrying.approve(reminders(owner), by=owner, at=MORNING, today=DAY) == 2
    said = {row.source_id: row.message.text_of.template_id for row in dispatches(owner) if row.message.text_of}
    of_rules = {rule.pk: rule.templates[0] for rule in rules}
    assert said == {one.pk: of_rules[one.rule_id] for one in reminders(owner)}


def test_what_was_ordered_this_morning_takes_no_place_of_what_comes_up(owner: Member) -> None:
    """Neither of an older service that was moved to that day nor of a new one."""
    sunita = agreeing(owner)
    older = make_record(owner, contact=sunita, due_on=DUE + timedelta(days=1))
    make_record(owner, contact=sunita, due_on=DUE)
    rule = make_rule(owner.workspace, most_a_day=3)
    assert carrying.work_out(rule, DAY, at=MORNING) == 1
    ServiceRecord.objects.of(owner.workspace_id).filter(pk=older.pk).update(due_on=DUE)
    make_record(owner, contact=sunita, due_on=DUE)
    assert carrying.work_out(rule, DAY, at=MORNING) == 2
    assert [one.state for one in reminders(owner)] == ["ordered"] * 3


def test_the_job_is_inside_no_workspace_until_it_says_so(shree: Workspace) -> None:
    with tenancy.inside(shree):
        owner = owner_of(shree)
        due(owner)
        rule = make_rule(shree)
        ReminderRule.objects.of(shree).update(last_day=DAY - timedelta(days=2))
        make_record(owner, contact=agreeing(owner), due_on=DUE - timedelta(days=1))
    at_work(owner, MORNING)
    with tenancy.inside(shree):
        assert sorted(one.state for one in reminders(owner)) == ["ordered", "skipped"]
        assert ReminderRule.objects.of(shree).get(pk=rule.pk).last_day == DAY


def test_two_who_approve_at_once_wait_for_each_other(owner: Member) -> None:
    _rule, rows = waiting(owner, "Sunita")
    with CaptureQueriesContext(connection) as seen:
        carrying.approve(rows, by=owner, at=MORNING, today=DAY)
    assert any("FOR UPDATE" in each["sql"] and "messaging_reminder" in each["sql"] for each in seen)


def test_what_waits_is_that_of_the_day_and_of_rules_that_work_and_ends_with_its_day(owner: Member) -> None:
    rule, (first, second, left_out) = waiting(owner, "Sunita", "Ravi", "Meera")
    carrying.leave_out([left_out], by=owner)
    Reminder.objects.of(owner.workspace_id).filter(pk=second.pk).update(day=DAY + timedelta(days=1))
    assert list(carrying.waiting(owner.workspace_id, on=DAY)) == [first]
    setting.pause(rule=rule, by=owner, at=MORNING)
    assert list(carrying.waiting(owner.workspace_id, on=DAY)) == []
    assert carrying.end_unapproved(owner.workspace_id, today=DAY) == 0
    assert carrying.end_unapproved(owner.workspace_id, today=DAY + timedelta(days=1)) == 1
    assert [(one.state, one.reason) for one in reminders(owner)] == [
        ("skipped", "unapproved"), ("waits", ""), ("skipped", "by_hand"),
    ]  # fmt: skip


def test_each_reminder_is_looked_at_by_its_own_last_message_and_rule(owner: Member) -> None:
    """Of two of different rules; the first was tried twice, and what arrived for it is no word about the second."""
    due(owner, channels=("whatsapp", "sms"))
    for channels in (("whatsapp", "sms"), ("sms",)):
        carrying.work_out(make_rule(owner.workspace, *channels, most_a_day=9), DAY, at=MORNING)
    first, _second = dispatches(owner)
    sent(first, MORNING, delivery="failed")
    assert carrying.carry_on(owner.workspace_id, at=MORNING, today=DAY) == 1
    last = dispatches(owner)[-1]
    sent(last, MORNING, delivery="delivered")
    assert carrying.carry_on(owner.workspace_id, at=MORNING, today=DAY) == 1
    assert [(one.state, one.step) for one in reminders(owner)] == [("done", 1), ("ordered", 0)]
    assert len(dispatches(owner)) == 3


def test_one_that_cannot_be_read_keeps_none_from_being_found_outdated(owner: Member) -> None:
    for number in range(2):
        due(owner, phone=f"+9198220417{number:02}")
    carrying.work_out(make_rule(owner.workspace), DAY, at=MORNING)
    ServiceRecord.objects.of(owner.workspace_id).update(title="Passport")
    torn, changed = dispatches(owner)
    torn.extra = b"nonsense"
    assert carrying.outdated(owner.workspace_id, [torn, changed]) == {changed.pk: carrying.CHANGED}
