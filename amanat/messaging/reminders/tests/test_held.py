"""What a restore held back, decided for all or for a group at once."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.accounts.tests.parallel import at_once
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.desk.tests.factories import make_record
from amanat.desk.tests.test_pages import statements
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import carrying, held
from amanat.messaging.reminders.models import Reminder
from amanat.messaging.reminders.tests.factories import agreeing, make_rule

YESTERDAY, TODAY = date(2026, 11, 23), date(2026, 11, 24)
NOON = datetime(2026, 11, 24, 6, 30, tzinfo=UTC)
A_DAY = timedelta(days=1)


@pytest.fixture(autouse=True)
def noon() -> Any:
    with clock.standing_at(NOON):
        yield


def hold(owner: Member, yesterday: int = 1, today: int = 2) -> None:
    """Reminders over WhatsApp, else SMS: those of yesterday are past their time."""
    rule = make_rule(owner.workspace, "whatsapp", "sms", name="A week before", at=time(15))
    for day, count in ((YESTERDAY, yesterday), (TODAY, today)):
        for number in range(count):
            person = agreeing(
                owner, f"Person {day.day} {number}", channels=("whatsapp", "sms"), phone=f"98220 {day.day}{number:03d}"
            )
            make_record(owner, contact=person, due_on=day + 7 * A_DAY)
        at = NOON - (TODAY - day)
        with clock.standing_at(at):
            carrying.work_out(rule, day, at=at)
    ordering.hold_after_restore(owner.workspace_id, at=NOON)


@pytest.fixture
def owner(db: None, shree: Workspace) -> Member:
    with tenancy.inside(shree):
        owner = owner_of(shree)
        hold(owner)
    return owner


def states(owner: Member) -> list[tuple[str, str]]:
    with tenancy.inside(owner.workspace_id):
        return list(Dispatch.objects.of(owner.workspace_id).order_by("id").values_list("state", "reason"))


def decide(client: Client, what: str, count: int | str, group: str = "") -> str:
    return client.post("/held/decide/", {"what": what, "count": count, "group": group}, follow=True).text


def keys(owner: Member) -> list[str]:
    with tenancy.inside(owner.workspace_id):
        return [one.key for one in held.groups(owner.workspace, at=NOON)]


HELD = ("held", "restored")


def test_all_are_shown_by_rule_and_day_with_what_is_still_in_time(owner: Member) -> None:
    page = signed_in(owner).get("/held/").context
    shown = [(one.title, one.day, one.count, one.late) for one in page["groups"]]
    assert shown == [("A week before", YESTERDAY, 1, 1), ("A week before", TODAY, 2, 0)]
    assert (page["count"], page["in_time"]) == (3, 2)


@pytest.mark.parametrize(
    ("what", "says"),
    [("send", ["Send 2 messages?", "1 is past its time", "asked about again"]), ("leave", ["Leave 3 messages out?"])],
)
def test_first_it_is_said_in_words_and_nothing_is_done(owner: Member, what: str, says: list[str]) -> None:
    page = signed_in(owner).get(f"/held/decide/?what={what}").text
    assert [words for words in says if words not in page] == []
    assert states(owner) == [HELD] * 3


def test_what_is_in_time_goes_and_the_rest_is_dropped_over_every_channel(owner: Member) -> None:
    page = decide(signed_in(owner), "send", 3)
    assert "2 messages are on their way. 1 was too late and is dropped." in page
    assert states(owner) == [("dropped", "too_late"), ("todo", ""), ("todo", "")]
    with tenancy.inside(owner.workspace_id):
        carrying.carry_on(owner.workspace_id, at=NOON, today=TODAY)
        assert Reminder.objects.of(owner.workspace_id).get(day=YESTERDAY).state == "skipped"
    assert len(states(owner)) == 3


def test_all_are_left_out_and_nothing_is_tried_over_another_channel(owner: Member) -> None:
    assert "3 messages are left out." in decide(signed_in(owner), "leave", 3)
    assert states(owner) == [("dropped", "restored")] * 3
    with tenancy.inside(owner.workspace_id):
        carrying.carry_on(owner.workspace_id, at=NOON, today=TODAY)
    assert len(states(owner)) == 3


def test_one_group_alone(owner: Member) -> None:
    yesterday, today = keys(owner)
    decide(signed_in(owner), "send", 2, today)
    assert states(owner) == [HELD, ("todo", ""), ("todo", "")]
    assert keys(owner) == [yesterday]


def test_a_group_of_which_nothing_is_in_time_is_only_left_out(owner: Member) -> None:
    page = signed_in(owner).get("/held/decide/", {"what": "send", "group": keys(owner)[0]}).text
    assert "None of these is still in time" in page and "Leave 1 message out?" in page


@pytest.mark.parametrize(
    ("what", "count", "group"),
    [("send", 2, ""), ("leave", "", ""), ("leave", "-3", ""), ("perhaps", 3, ""), ("send", 3, "nonsense")],
)
def test_what_was_not_asked_for_right_changes_nothing(owner: Member, what: str, count: int | str, group: str) -> None:
    page = decide(signed_in(owner), what, count, group)
    assert "Nothing was done" in page or "Nothing of it is held" in page
    assert states(owner) == [HELD] * 3


def test_the_second_of_two_sees_what_was_decided_and_undoes_nothing(owner: Member) -> None:
    with tenancy.inside(owner.workspace_id):
        ids = list(Dispatch.objects.of(owner.workspace_id).values_list("id", flat=True))
    client = signed_in(owner)
    decide(client, "send", 2, keys(owner)[1])
    page = decide(client, "leave", 3)
    assert "1 message is left out. About 2 somebody else had decided." in page
    assert states(owner) == [("dropped", "restored"), ("todo", ""), ("todo", "")]
    page = decide(client, "leave", 3)
    assert "somebody decided before you" in page and "Held messages released (2)" in page and owner.name in page
    with tenancy.inside(owner.workspace_id):
        assert ordering.let_go(by=owner, at=NOON, ids=ids, is_sent=True).count == 0
    assert states(owner) == [("dropped", "restored"), ("todo", ""), ("todo", "")]


def test_the_ledger_says_who_decided_what(owner: Member) -> None:
    decide(signed_in(owner), "send", 3)
    with tenancy.inside(owner.workspace_id):
        entries = LedgerEntry.objects.of(owner.workspace_id).filter(event__in=ordering.DECISIONS, actor=owner.pk)
        assert sorted((one.event, one.facts["count"]) for one in entries) == [
            ("messaging.outbox.released", 2), ("messaging.outbox.too_late", 1),
        ]  # fmt: skip


@pytest.mark.parametrize("role", [Role.AGENT, Role.AUDITOR])
def test_only_who_may_decides(owner: Member, role: Role) -> None:
    with tenancy.inside(owner.workspace_id):
        client = signed_in(make_member(owner.workspace, role=role))
    assert [client.get("/held/").status_code, client.post("/held/decide/", {}).status_code] == [403, 403]
    assert states(owner) == [HELD] * 3


def test_what_stands_in_conversations_is_a_group_of_its_own(owner: Member) -> None:
    with tenancy.inside(owner.workspace_id):
        Dispatch.objects.of(owner.workspace_id).filter(use_by__gt=NOON).update(
            source="reply", source_id=None, use_by=None
        )
    page = signed_in(owner).get("/held/")
    assert [(one.kind, one.count, one.late) for one in page.context["groups"]] == [("rule", 1, 1), ("talk", 2, 0)]
    assert "Replies and other messages of conversations" in page.text
    decide(signed_in(owner), "send", 2, keys(owner)[1])
    assert states(owner) == [HELD, ("todo", ""), ("todo", "")]


def test_three_groups_cost_as_many_statements_as_one(owner: Member) -> None:
    browser = signed_in(owner)
    before = statements(browser, "/held/")
    with tenancy.inside(owner.workspace_id):
        for number in range(2):
            rows = Dispatch.objects.of(owner.workspace_id).filter(use_by__gt=NOON)
            row = rows.order_by("id")[number]
            Dispatch.objects.of(owner.workspace_id).filter(pk=row.pk).update(due_at=NOON - (number + 2) * A_DAY)
    assert len(keys(owner)) == 3 and statements(browser, "/held/") == before


@pytest.mark.slow  # two connections, and everything is committed
def test_of_two_who_decide_at_once_only_one_does(committed_db: None, shree: Workspace) -> None:
    with tenancy.inside(shree):
        owner = owner_of(shree)
        hold(owner)
        ids = list(Dispatch.objects.of(shree).values_list("id", flat=True))

    def press(is_sent: bool) -> int:
        with clock.standing_at(NOON), tenancy.inside(shree):
            return ordering.let_go(by=owner, at=NOON, ids=ids, is_sent=is_sent).count

    assert sorted(at_once(press, [True, False])) == [0, 3]
    assert len({state for state, _reason in states(owner)[1:]}) == 1
