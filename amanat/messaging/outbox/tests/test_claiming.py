"""Which rows a claim takes up, in which order, and what it writes on each."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.basis import gate
from amanat.core import clock, tenancy
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox import changes, claiming
from amanat.messaging.outbox.changes import Change
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, Post
from amanat.people.models import Contact

State = Dispatch.State
MINUTE = timedelta(minutes=1)


@pytest.fixture
def here(account: ChannelAccount, post: Post) -> Any:
    with tenancy.inside(account.workspace_id):
        yield account.workspace_id


def change(row: Dispatch, **values: Any) -> None:
    Dispatch.objects.of(row.workspace_id).filter(pk=row.pk).update(**values)


def now_is(row: Dispatch) -> Dispatch:
    return Dispatch.objects.of(row.workspace_id).get(pk=row.pk)


def locked(account: ChannelAccount, most: int = 10) -> list[UUID]:
    with transaction.atomic():
        return [row.pk for row in claiming._locked(account, NOON, most)]


def second_account(workspace_id: UUID) -> ChannelAccount:
    return ChannelAccount.objects.create(
        workspace_id=workspace_id, channel="whatsapp", provider="post", name="Second", address="+912048574322"
    )


def test_what_is_due_of_this_account_is_taken_up_the_longest_waiting_first(here: UUID, account: ChannelAccount) -> None:
    at_once, waited, same_time, later, elsewhere, done = rows = provider.order_each(account, 6)
    for row in (waited, same_time):
        change(row, due_at=NOON - MINUTE)
    change(later, due_at=NOON + timedelta(microseconds=1))
    change(elsewhere, account=second_account(here))
    change(done, state=State.DONE)
    assert len(rows) == 6
    assert locked(account) == [waited.pk, same_time.pk, at_once.pk]
    assert locked(account, most=2) == [waited.pk, same_time.pk]


@pytest.mark.parametrize(
    ("earlier", "waits"),
    [
        ({}, True),
        ({"urgency": 4}, True),
        ({"urgency": 6}, False),
        ({"due_at": NOON + MINUTE}, False),
        ({"state": State.SENDING, "lease_until": NOON}, True),
        ({"state": State.SENDING, "lease_until": NOON, "urgency": 9, "due_at": NOON + MINUTE}, True),
        ({"state": State.UNKNOWN}, False),
        ({"state": State.DONE}, False),
    ],
    ids=["alike", "more-urgent", "less-urgent", "not-due", "under-way", "under-way-and-less-urgent", "unclear", "done"],
)
def test_what_one_person_is_told_waits_for_what_was_written_before(
    here: UUID, account: ChannelAccount, asha: Contact, earlier: dict[str, Any], waits: bool
) -> None:
    first, second = provider.order(asha, account), provider.order(asha, account)
    change(first, **earlier)
    assert (second.pk not in locked(account)) == waits


def test_nobody_waits_for_another_person_or_another_account(here: UUID, account: ChannelAccount, asha: Contact) -> None:
    elsewhere, hers = provider.order(asha, second_account(here)), provider.order(asha, account)
    (his,) = provider.order_each(account, 1)
    assert locked(account) == [hers.pk, his.pk]
    assert now_is(elsewhere).state == State.TODO


def database_now() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        return cursor.fetchone()[0]  # type: ignore[no-any-return]


def test_a_claim_marks_what_may_leave_with_a_lease_and_ends_what_may_not(here: UUID, account: ChannelAccount) -> None:
    allowed, refused, late = rows = provider.order_each(account, 3)
    change(refused, purpose="reminders")  # to which this one never agreed
    change(late, use_by=NOON)
    began, moment = database_now(), claiming.moment()
    claimed = claiming.claim(account, "a run", most=10)
    assert moment + claiming.FRESH <= claimed.tries[0].begin_before <= claiming.moment() + claiming.FRESH
    assert ([each.claim for each in claimed.tries], claimed.looked_at) == ([(allowed.pk, 1)], 3)
    allowed, refused, late = (now_is(row) for row in rows)
    assert [(row.state, row.tries, row.claimed_by) for row in (allowed, refused, late)] == [
        (State.SENDING, 1, "a run"), (State.REFUSED, 0, ""), (State.DROPPED, 0, ""),
    ]  # fmt: skip
    assert allowed.begun_at is not None and allowed.lease_until is not None
    assert began <= allowed.begun_at <= database_now()
    assert claiming.LEASE - MINUTE / 60 < allowed.lease_until - allowed.begun_at < claiming.LEASE + MINUTE / 60
    assert allowed.ended_at is None and refused.ended_at == late.ended_at == NOON
    assert {row.begun_at for row in (refused, late)} == {row.lease_until for row in (refused, late)} == {None}
    assert claiming.claim(account, "another", most=10).looked_at == 0


def test_a_rule_with_a_long_name_stops_no_claim(
    here: UUID, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    (row,) = provider.order_each(account, 1)
    long = gate.Answer(row.contact_id or here, False, gate.Reason.RESTRICTED, "x" * 100)
    monkeypatch.setattr(gate, "decide_many", lambda contacts, **asked: [long])
    claiming.claim(account, "a run", most=1)
    assert (now_is(row).state, now_is(row).rule) == (State.REFUSED, "x" * 80)


def test_what_a_part_above_doubts_is_dropped_with_its_reason_and_nobody_else_is_asked(
    here: UUID, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(claiming, "_doubts", {})
    outdated, sound, other = provider.order_each(account, 3)
    for row in (outdated, sound):
        change(row, source="bill")
    asked: list[set[UUID]] = []

    def paid_meanwhile(workspace_id: UUID, rows: Sequence[Dispatch]) -> dict[UUID, str]:
        assert workspace_id == here
        asked.append({row.pk for row in rows})
        return {outdated.pk: "paid"}

    claiming.doubt("bill", paid_meanwhile)
    claiming.doubt("ticket", lambda workspace_id, rows: pytest.fail("there is none"))
    claimed = claiming.claim(account, "a run", most=10)
    assert asked == [{outdated.pk, sound.pk}]
    assert {each.claim[0] for each in claimed.tries} == {sound.pk, other.pk}
    assert (now_is(outdated).state, now_is(outdated).reason) == (State.DROPPED, "paid")


def test_who_listens_hears_what_the_claim_ended_once_it_is_written(
    here: UUID, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[UUID, str, str, str]] = []

    def hook(workspace_id: UUID, found: Sequence[Change]) -> None:
        written = {row.pk: row.state for row in Dispatch.objects.of(workspace_id)}
        heard.extend((one.dispatch_id, one.state, written[one.dispatch_id], one.reason) for one in found)

    monkeypatch.setattr(changes, "_hooks", [hook])
    _allowed, refused, waits = provider.order_each(account, 3)
    change(refused, purpose="reminders")
    night = NOON + timedelta(hours=14)
    with clock.standing_at(night):
        change(waits, due_at=night + MINUTE)
        claiming.claim(account, "a run", most=10)
    assert heard == [(refused.pk, "refused", "refused", "no_consent")]


def test_an_answer_names_what_it_answers_as_the_provider_does(
    here: UUID, account: ChannelAccount, asha: Contact
) -> None:
    """Hers bears the name itself; that of ours stands in its dispatch."""
    hers, ours = provider.write(asha, account), provider.order(asha, account)
    Message.objects.of(here).filter(pk=hers.pk).update(direction="in", provider_id="in.1")
    change(ours, state=State.DONE, provider_id="out.1")
    people = {row.pk: row for row in provider.order_each(account, 3)}
    for row, answered in zip(people.values(), (hers.pk, ours.message_id, None), strict=True):
        Message.objects.of(here).filter(pk=row.message_id).update(answers=answered)
    tries = claiming.claim(account, "a run", most=10).tries
    assert [each.outgoing.answers for each in tries] == ["in.1", "out.1", ""]


@pytest.mark.parametrize(
    ("ago", "direction", "waits"),
    [
        (timedelta(hours=24), "in", True),
        (timedelta(hours=24, seconds=1), "in", False),
        (timedelta(), "in", True),
        (timedelta(hours=1), "out", False),
    ],
    ids=["a-day", "more-than-a-day", "now", "ours"],
)
def test_who_wrote_within_a_day_waits_for_an_answer(
    here: UUID, account: ChannelAccount, asha: Contact, *, ago: timedelta, direction: str, waits: bool
) -> None:
    wrote = provider.write(asha, account)
    Message.objects.of(here).filter(pk=wrote.pk).update(direction=direction, happened_at=NOON - ago)
    row = provider.order(asha, account, source="reply")
    verdicts = claiming._Verdicts(here, NOON)
    assert verdicts._who_waits([row]) == ({asha.pk} if waits else set())
    row.source = "reminder"
    assert verdicts._who_waits([row]) == set(), "no answer is among them"


def test_where_a_workspace_is_is_believed_for_a_minute(
    here: UUID, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    seconds = [100.0]
    monkeypatch.setattr(claiming, "_zones", {})
    monkeypatch.setattr("amanat.messaging.outbox.claiming.time.monotonic", lambda: seconds[0])

    def statements() -> int:
        with CaptureQueriesContext(connection) as seen:
            claiming._Verdicts(here, NOON)._today()
        return len(seen)

    assert statements() == 1
    seconds[0] += 60
    assert statements() == 0
    seconds[0] += 0.1
    assert statements() == 1


@pytest.mark.parametrize(("most", "known"), [(1, 1), (2, 2)])
def test_what_is_known_of_workspaces_does_not_grow_for_ever(
    here: UUID, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch, most: int, known: int
) -> None:
    monkeypatch.setattr(claiming, "_zones", {account.pk: (0.0, "Asia/Kolkata")})
    monkeypatch.setattr(claiming, "_MOST_ZONES", most)
    claiming._Verdicts(here, NOON)._today()
    assert here in claiming._zones and len(claiming._zones) == known


@pytest.mark.slow
def test_what_another_holds_is_passed_over_and_what_is_taken_up_is_held(
    committed_db: None, noon: datetime, post: Post, shree: Workspace, superuser: psycopg.Connection
) -> None:
    with tenancy.inside(shree):
        account = provider.make_account(shree)
        theirs, free = provider.order_each(account, 2)
    lock = "SELECT id FROM messaging_dispatch WHERE id = %s FOR UPDATE SKIP LOCKED"
    assert superuser.execute(lock, [theirs.pk]).fetchone() is not None
    with tenancy.inside(shree):
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
        assert [row.pk for row in claiming._locked(account, NOON, 10)] == [free.pk]
        assert superuser.execute(lock, [free.pk]).fetchone() is None
    superuser.rollback()
