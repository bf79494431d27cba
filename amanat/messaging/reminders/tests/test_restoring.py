"""After a restore nobody gets a reminder a second time by itself."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.desk.tests.factories import make_record
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import batching, carrying, restoring, tasks
from amanat.messaging.reminders.models import MessageBatch, Reminder
from amanat.messaging.reminders.tests.factories import agreeing, make_rule

DAY = date(2026, 11, 24)
NIGHT, NOON = datetime(2026, 11, 23, 20, 30, tzinfo=UTC), datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
DUE = DAY + timedelta(days=7)


@pytest.fixture(autouse=True)
def noon() -> Any:
    with clock.standing_at(NOON):
        yield


@pytest.fixture
def owner(db: None, shree: Workspace) -> Any:
    with tenancy.inside(shree):
        yield owner_of(shree)


def states(owner: Member) -> list[tuple[str, str]]:
    return list(Reminder.objects.of(owner.workspace_id).order_by("day", "id").values_list("state", "reason"))


def sent(owner: Member) -> int:
    return Dispatch.objects.of(owner.workspace_id).count()


def test_what_the_morning_sent_is_not_ordered_again_but_waits_for_a_member(owner: Member) -> None:
    """The backup is of the night: in it neither the reminders of the morning are written nor their messages."""
    make_record(owner, contact=agreeing(owner), due_on=DUE)
    rule = make_rule(owner.workspace)
    assert restoring.hold(owner.workspace_id, made_at=NIGHT, at=NOON) == 1
    tasks.remind_one(owner.workspace_id)
    assert (sent(owner), states(owner)) == (0, [("waits", "restored")])
    assert carrying.approve(list(Reminder.objects.of(owner.workspace_id)), by=owner, at=NOON, today=DAY) == 1
    assert (sent(owner), states(owner)) == (1, [("ordered", "")])
    assert restoring.hold(owner.workspace_id, made_at=NIGHT, at=NOON) == 0, rule


def test_without_the_restore_it_goes_by_itself(owner: Member) -> None:
    make_record(owner, contact=agreeing(owner), due_on=DUE)
    make_rule(owner.workspace)
    tasks.remind_one(owner.workspace_id)
    assert (sent(owner), states(owner)) == (1, [("ordered", "")])


def test_days_before_today_are_left_out_and_tomorrow_goes_on_as_ever(owner: Member) -> None:
    for ahead in (-1, 0, 1):
        make_record(owner, contact=agreeing(owner), due_on=DUE + timedelta(days=ahead))
    rule = make_rule(owner.workspace)
    restoring.hold(owner.workspace_id, made_at=NIGHT - timedelta(days=2), at=NOON)
    assert states(owner) == [("skipped", "restored"), ("waits", "restored")]
    assert carrying.work_out(rule, DAY + timedelta(days=1), at=NOON + timedelta(days=1)) == 1
    assert states(owner)[2:] == [("ordered", "")]


def put_off(owner: Member, **details: Any) -> None:
    """Two of one person yesterday, of whom the second is to go today."""
    sunita = agreeing(owner)
    for _service in range(2):
        make_record(owner, contact=sunita, due_on=DUE - timedelta(days=1))
    rule = make_rule(owner.workspace, most_a_day=1, moves_over=True, **details)
    yesterday = NOON - timedelta(days=1)
    with clock.standing_at(yesterday):
        carrying.work_out(rule, DAY - timedelta(days=1), at=yesterday)
        Dispatch.objects.of(owner.workspace_id).update(state="done", delivery="read", sent_at=yesterday)
        carrying.carry_on(owner.workspace_id, at=yesterday, today=DAY - timedelta(days=1))
    assert states(owner) == [("done", ""), ("refused", "cap_moves")]


@pytest.mark.parametrize(("quiet_days", "becomes"), [([], "waits"), ([1], "skipped")])  # DAY is a Tuesday
def test_what_yesterday_put_off_does_not_go_a_second_time(owner: Member, quiet_days: list[int], becomes: str) -> None:
    put_off(owner, quiet_days=quiet_days)
    restoring.hold(owner.workspace_id, made_at=NIGHT - timedelta(hours=3), at=NOON)
    assert states(owner) == [("done", ""), (becomes, "restored")]
    tasks.remind_one(owner.workspace_id)
    with clock.standing_at(NOON + timedelta(days=1)):
        tasks.remind_one(owner.workspace_id)
    assert sent(owner) == 1


def test_no_further_channel_is_tried_for_what_was_sent_before_the_backup(owner: Member) -> None:
    make_record(owner, contact=agreeing(owner, channels=("sms", "email")), due_on=DUE)
    rule = make_rule(owner.workspace, "sms", "email")
    carrying.work_out(rule, DAY, at=NOON)
    Dispatch.objects.of(owner.workspace_id).update(state="done", delivery="failed", sent_at=NOON)
    restoring.hold(owner.workspace_id, made_at=NOON, at=NOON + timedelta(hours=8))
    carrying.carry_on(owner.workspace_id, at=NOON + timedelta(hours=8), today=DAY)
    assert (sent(owner), states(owner)) == (1, [("done", "restored")])


def test_a_message_to_many_that_was_under_way_is_stopped(owner: Member) -> None:
    batch = MessageBatch.objects.create(workspace_id=owner.workspace_id, people=[agreeing(owner).pk], state="sending")
    restoring.hold(owner.workspace_id, made_at=NIGHT, at=NOON)
    batching.carry_out(batch.pk, workspace_id=owner.workspace_id, at=NOON)
    batch.refresh_from_db()
    assert (batch.state, sent(owner)) == ("stopped", 0)


def test_whoever_approves_is_told_that_it_may_have_gone(db: None, shree: Workspace) -> None:
    with tenancy.inside(shree):
        owner = owner_of(shree)
        make_record(owner, contact=agreeing(owner), due_on=DUE)
        make_rule(shree)
        restoring.hold(shree.pk, made_at=NIGHT, at=NOON)
    page = signed_in(owner).get("/reminders/day/").content.decode()
    assert "A backup was restored: it may have gone out before" in page
