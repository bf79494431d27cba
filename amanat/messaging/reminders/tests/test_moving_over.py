"""What is too much for a person on one day: counted over all rules, and left out or tried on the next open day."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.desk.models import ServiceRecord
from amanat.desk.tests.factories import make_record
from amanat.messaging.channels.models import TemplateText
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import carrying, moving_over, reporting, tasks
from amanat.messaging.reminders.models import Reminder, ReminderRule
from amanat.messaging.reminders.tests.factories import agreeing, make_rule
from amanat.people.models import Contact

DAY = date(2026, 11, 24)
MORNING = datetime(2026, 11, 24, 1, 0, tzinfo=UTC)
DUE = DAY + timedelta(days=7)
A_DAY = timedelta(days=1)


@pytest.fixture
def owner(db: None, shree: Workspace) -> Any:
    with tenancy.inside(shree):
        yield owner_of(shree)


def two_due(owner: Member) -> Contact:
    """One person with two services due on one day."""
    sunita = agreeing(owner)
    for _service in range(2):
        make_record(owner, contact=sunita, due_on=DUE)
    return sunita


def found(owner: Member) -> list[tuple[str, str, date]]:
    rows = Reminder.objects.of(owner.workspace_id).order_by("day", "state")
    return [(one.state, one.reason, one.day) for one in rows]


def work(rule: ReminderRule, ahead: int = 0) -> int:
    day, at = DAY + ahead * A_DAY, MORNING + ahead * A_DAY
    return carrying.take_up([rule], day, at=at) + carrying.work_out(rule, day, at=at)


def morning(owner: Member, ahead: int) -> list[tuple[str, date]]:
    """A round of a day: which rule reminds of which date on it. What went over the cap is left out."""
    with clock.standing_at(MORNING + ahead * A_DAY):
        tasks.remind_one(owner.workspace_id)
    rows = Reminder.objects.of(owner.workspace_id).filter(day=DAY + ahead * A_DAY, state="ordered")
    return [(one.rule.name, one.on_day) for one in rows.select_related("rule").order_by("rule__name", "on_day")]


def test_what_is_over_goes_out_on_the_next_day_once(owner: Member) -> None:
    two_due(owner)
    rule = make_rule(owner.workspace, most_a_day=1, moves_over=True)
    work(rule)
    assert found(owner) == [("ordered", "", DAY), ("refused", "cap_moves", DAY)]
    assert [work(rule, 1), work(rule, 1)] == [1, 0]
    assert found(owner) == [("ordered", "", DAY), ("ordered", "", DAY + A_DAY)]
    assert Dispatch.objects.of(owner.workspace_id).count() == 2


def test_it_waits_for_approval_where_the_rule_does(owner: Member) -> None:
    two_due(owner)
    rule = make_rule(owner.workspace, most_a_day=1, moves_over=True, needs_approval=True)
    work(rule)
    carrying.approve(Reminder.objects.of(owner.workspace_id), by=owner, at=MORNING, today=DAY)
    work(rule, 1)
    assert found(owner) == [("ordered", "", DAY), ("waits", "", DAY + A_DAY)]


@pytest.mark.parametrize(
    "change",
    [{"quiet_days": [2]}, {"moves_over": False}],  # DAY is a Tuesday
)
def test_not_on_a_quiet_day_nor_where_the_rule_leaves_it_out_now(owner: Member, change: dict[str, Any]) -> None:
    two_due(owner)
    rule = make_rule(owner.workspace, most_a_day=1, moves_over=True)
    work(rule)
    ReminderRule.objects.of(owner.workspace_id).update(**change)
    rule.refresh_from_db()
    assert work(rule, 1) == 0
    reason = "cap_moves" if rule.moves_over else "cap"
    assert found(owner) == [("ordered", "", DAY), ("refused", reason, DAY)]
    assert work(rule, 2) == rule.moves_over


def test_what_was_done_meanwhile_or_is_past_goes_no_more(owner: Member) -> None:
    two_due(owner)
    rule = make_rule(owner.workspace, most_a_day=1, moves_over=True)
    work(rule)
    assert len(moving_over.held_over(rule, DAY + 7 * A_DAY)) == 1  # on the very day
    assert moving_over.held_over(rule, DAY + 8 * A_DAY) == []
    ServiceRecord.objects.of(owner.workspace_id).update(status=ServiceRecord.Status.DELIVERED)
    assert work(rule, 1) == 0
    assert found(owner)[1] == ("refused", "cap", DAY)


@pytest.mark.slow
def test_a_look_ahead_counts_over_all_rules_the_earlier_hour_first(owner: Member) -> None:
    sunita = agreeing(owner)
    make_record(owner, contact=sunita, due_on=DUE)
    for name, hour in (("Late rule", 17), ("Early rule", 11)):
        make_rule(owner.workspace, name=name, at=time(hour), most_a_day=1)
    late = ReminderRule.objects.of(owner.workspace_id).get(name="Late rule")
    client = signed_in(owner)
    for query in ("", f"&rule={late.pk}"):
        with clock.standing_at(MORNING - A_DAY):
            page = client.get(f"/reminders/day/?on={DAY}{query}").context
        assert [(line.rule.name, line.reason) for line in page["not_going"]] == [
            ("Late rule", reporting.in_words("cap"))
        ]
        assert [line.rule.name for line in page["going"]] == ([] if query else ["Early rule"])


def two_rules(owner: Member, **details: Any) -> None:
    """One message a day for one person: an early rule with something new on each of three days, a late one with something on the first."""
    sunita = agreeing(owner)
    for ahead in range(3):
        make_record(owner, contact=sunita, due_on=DUE + ahead * A_DAY)
    make_record(owner, contact=sunita, due_on=DUE - 4 * A_DAY)
    for name, hour, days in (("Early", 9, -7), ("Late", 17, -3)):
        make_rule(owner.workspace, name=name, at=time(hour), days=days, most_a_day=1, moves_over=True, **details)


def test_over_all_rules_what_was_held_over_goes_before_what_is_new(owner: Member) -> None:
    two_rules(owner)
    assert [morning(owner, ahead) for ahead in range(4)] == [
        [("Early", DUE)],
        [("Late", DUE - 4 * A_DAY)],
        [("Early", DUE + A_DAY)],  # of the day before, and not that of the day
        [("Early", DUE + 2 * A_DAY)],
    ]


def test_a_round_of_one_rule_takes_nothing_from_what_another_held_over(owner: Member) -> None:
    two_rules(owner)
    morning(owner, 0)
    early = ReminderRule.objects.of(owner.workspace_id).get(name="Early")
    with clock.standing_at(MORNING + A_DAY):
        tasks.remind_one(owner.workspace_id, only=early.pk)
    assert morning(owner, 1) == [("Late", DUE - 4 * A_DAY)]


def test_an_approval_of_all_sends_what_was_held_over_first(owner: Member) -> None:
    two_rules(owner, needs_approval=True)
    for ahead, goes in enumerate(["Early", "Late"]):
        morning(owner, ahead)
        day, at = DAY + ahead * A_DAY, MORNING + ahead * A_DAY
        with clock.standing_at(at):
            page = signed_in(owner).get("/reminders/day/").context
            carrying.approve(list(carrying.waiting(owner.workspace_id, on=day)), by=owner, at=at, today=day)
        assert [line.rule.name for line in page["waiting"] if not line.reason] == [goes]
        ordered = Reminder.objects.of(owner.workspace_id).filter(day=day, state="ordered")
        assert [one.rule.name for one in ordered.select_related("rule")] == [goes]


def test_a_look_ahead_gives_the_day_to_what_was_held_over(owner: Member) -> None:
    two_rules(owner)
    morning(owner, 0)
    with clock.standing_at(MORNING):
        page = signed_in(owner).get(f"/reminders/day/?on={DAY + A_DAY}").context
    assert [line.rule.name for line in page["going"]] == ["Late"]
    assert [line.rule.name for line in page["not_going"]] == ["Early"]


def test_a_look_at_the_next_day_shows_what_was_too_much_today(owner: Member) -> None:
    two_due(owner)
    work(make_rule(owner.workspace, most_a_day=1, moves_over=True))
    client = signed_in(owner)
    with clock.standing_at(MORNING):
        going = [len(client.get(f"/reminders/day/?on={DAY + ahead * A_DAY}").context["going"]) for ahead in (0, 1, 2)]
    assert going == [1, 1, 0]


def test_of_two_that_wait_the_second_says_before_that_it_is_too_much(owner: Member) -> None:
    make_record(owner, contact=agreeing(owner), due_on=DUE)
    for hour in (17, 11):
        work(make_rule(owner.workspace, name=f"At {hour}", at=time(hour), most_a_day=1, needs_approval=True))
    with clock.standing_at(MORNING):
        waiting = signed_in(owner).get("/reminders/day/").context["waiting"]
    assert {(line.rule.name, str(line.reason)) for line in waiting} == {
        ("At 11", ""),
        ("At 17", str(reporting.in_words("cap"))),
    }


def test_what_would_be_past_tomorrow_is_left_out(owner: Member) -> None:
    sunita = agreeing(owner, birthday=date(1990, 11, 24))
    make_record(owner, contact=sunita, due_on=DUE)
    work(make_rule(owner.workspace, most_a_day=1))
    rule = make_rule(owner.workspace, on="birthday", days=0, most_a_day=1, moves_over=True)
    TemplateText.objects.of(owner.workspace_id).update(body="Namaste {{1}}.", variables=["first_name"])
    work(rule)
    assert ("refused", "cap", DAY) in found(owner)
