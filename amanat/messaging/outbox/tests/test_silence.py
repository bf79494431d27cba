"""When a provider's silence means that a message was not sent: each condition by itself, on rows alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.db.models.functions import Now

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import tenancy
from amanat.core.models import LedgerEntry
from amanat.messaging.channels.contract import Answer, Outcome
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import changes, ordering, settling
from amanat.messaging.outbox.changes import Change
from amanat.messaging.outbox.journal import Claim, Evidence
from amanat.messaging.outbox.models import Dispatch, ProviderEvent
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, Post

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
#: Beside the doubtful one and the three later ones: a message of the same minute.
DOUBTFUL, LATER, BESIDE = 0, 1, 4


@pytest.fixture
def other(account: ChannelAccount) -> ChannelAccount:
    with tenancy.inside(account.workspace_id):
        return ChannelAccount.objects.create(
            workspace_id=account.workspace_id, channel="sms", provider="post", name="Second", address="+912048574322"
        )


@pytest.fixture
def rows(post: Post, account: ChannelAccount) -> Iterator[list[Dispatch]]:
    """An hour ago one may have left; three left just now and arrived; one beside it arrived too."""
    post.reports_within = 5 * MINUTE
    with tenancy.inside(account.workspace_id):
        made = provider.order_each(account, 5)
        for row in made:
            change(row, state="done", delivery="delivered", ago=SECOND, claimed_by="gone", reason="x")
        change(made[DOUBTFUL], state="unknown", delivery="", ago=HOUR)
        change(made[BESIDE], ago=HOUR + SECOND)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")
        yield made


def change(row: Dispatch, *, ago: timedelta | None = None, **values: Any) -> None:
    if ago is not None:
        values["begun_at"] = Now() - ago
    Dispatch.objects.of(row.workspace_id).filter(pk=row.pk).update(**values)


def woken() -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT args->>'account' FROM procrastinate_jobs WHERE task_name = %s", [ordering.SEND])
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize(
    ("which", "said", "count"),
    [
        (BESIDE, {}, 1),
        (DOUBTFUL, {"ago": 4 * MINUTE}, 0),
        (DOUBTFUL, {"ago": 6 * MINUTE}, 1),
        (DOUBTFUL, {"state": "done"}, 0),
        (LATER, {"delivery": ""}, 0),
        (LATER, {"ago": 2 * HOUR}, 0),
        (LATER, {"account": "other"}, 0),
        (BESIDE, {"delivery": ""}, 0),
        (BESIDE, {"delivery": "", "ago": HOUR - 59 * SECOND}, 0),
        (BESIDE, {"delivery": "", "ago": HOUR + 59 * SECOND}, 0),
        (BESIDE, {"delivery": "", "ago": HOUR - 61 * SECOND}, 1),
        (BESIDE, {"delivery": "", "ago": HOUR + 61 * SECOND}, 1),
        (BESIDE, {"delivery": "", "state": "dead"}, 1),
        (BESIDE, {"delivery": "", "account": "other"}, 1),
    ],
)
def test_silence_is_told_by_what_was_reported_later_and_by_its_minute(
    rows: list[Dispatch], other: ChannelAccount, which: int, said: dict[str, Any], count: int
) -> None:
    change(rows[which], **{name: other if value == "other" else value for name, value in said.items()})
    assert settling.settle_by_silence(other.workspace_id) == count


@pytest.mark.parametrize(
    ("ago", "said", "count"),
    [
        (2 * HOUR - MINUTE, {}, 0),
        (2 * HOUR + MINUTE, {}, 1),
        (HOUR, {"payload": None}, 1),
        (HOUR, {"account": "other"}, 1),
        (3 * HOUR, {"done_at": None}, 0),
        (HOUR, {"account": "other", "done_at": None}, 1),
    ],
)
def test_silence_is_doubted_while_events_of_that_account_and_time_are_kept(
    rows: list[Dispatch],
    account: ChannelAccount,
    other: ChannelAccount,
    *,
    ago: timedelta,
    said: dict[str, Any],
    count: int,
) -> None:
    values = {"account": account, "payload": b"x", "done_at": NOON} | said
    values["account"] = other if values["account"] == "other" else account
    kept = ProviderEvent.objects.create(workspace_id=account.workspace_id, digest=b"1", received_at=NOON, **values)
    ProviderEvent.objects.of(account.workspace_id).filter(pk=kept.pk).update(received_at=Now() - ago)
    assert settling.settle_by_silence(account.workspace_id) == count


def test_what_goes_back_by_silence_is_told_and_woken(
    rows: list[Dispatch], account: ChannelAccount, other: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[UUID, str, str]] = []

    def hook(workspace_id: UUID, found: Sequence[Change]) -> None:
        heard.extend((one.dispatch_id, one.state, one.reason) for one in found)

    monkeypatch.setattr(changes, "_hooks", [hook])
    change(rows[DOUBTFUL], due_at=NOON - HOUR)
    change(rows[BESIDE], account=other)
    assert settling.settle_by_silence(account.workspace_id) == 1
    row = Dispatch.objects.of(account.workspace_id).get(pk=rows[DOUBTFUL].pk)
    assert (row.state, row.reason, row.claimed_by, row.due_at) == ("todo", "", "", NOON)
    assert heard == [(row.pk, "todo", "")] and woken() == [str(account.pk)]
    told = LedgerEntry.objects.of(account.workspace_id).get(event="messaging.outbox.settled_by_silence")
    assert told.facts == {"count": 1}
    assert settling.settle_by_silence(account.workspace_id) == 0


@pytest.mark.parametrize(("ago", "states"), [(2 * HOUR, ["unknown", "todo"]), (HOUR / 2, ["todo", "unknown"])])
def test_of_many_the_oldest_goes_back_first(
    rows: list[Dispatch], account: ChannelAccount, monkeypatch: pytest.MonkeyPatch, ago: timedelta, states: list[str]
) -> None:
    monkeypatch.setattr(settling, "_SILENT_AT_ONCE", 1)
    change(rows[BESIDE], state="unknown", delivery="", ago=ago)
    assert settling.settle_by_silence(account.workspace_id) == 1
    found = {row.pk: row.state for row in Dispatch.objects.of(account.workspace_id)}
    assert [found[rows[which].pk] for which in (DOUBTFUL, BESIDE)] == states


def test_a_provider_that_is_no_more_keeps_the_others_from_nothing(
    rows: list[Dispatch], account: ChannelAccount
) -> None:
    for name, number in (("A first", 3), ("Z last", 4)):
        ChannelAccount.objects.create(
            workspace_id=account.workspace_id,
            channel="sms",
            provider="no_more",
            name=name,
            address=f"+91204857432{number}",
        )
    ChannelAccount.objects.of(account.workspace_id).filter(pk=account.pk).update(name="now the last one in the table")
    assert settling.settle_by_silence(account.workspace_id) == 1


# --- what a person found, and what a journal says --------------------------------------------------------------------


@pytest.mark.parametrize("is_sent", [True, False])
def test_a_person_settles_what_is_unknown_alone(
    rows: list[Dispatch], account: ChannelAccount, shree: Workspace, monkeypatch: pytest.MonkeyPatch, *, is_sent: bool
) -> None:
    heard: list[tuple[UUID, str]] = []
    monkeypatch.setattr(changes, "_hooks", [lambda _here, found: heard.extend((x.dispatch_id, x.state) for x in found)])
    change(rows[DOUBTFUL], extra=b"sealed", due_at=NOON - HOUR)
    change(rows[BESIDE], state="unknown", delivery="")
    rows = rows[:BESIDE]
    settle, state = (settling.settle_sent, "done") if is_sent else (settling.settle_again, "todo")
    assert settle(dispatches=rows, by=owner_of(shree)) == 1
    row = Dispatch.objects.of(shree).get(pk=rows[DOUBTFUL].pk)
    assert (row.state, row.reason, row.claimed_by) == (state, "by_hand", "")
    sent = (row.begun_at, NOON, None, NOON - HOUR) if is_sent else (None, None, b"sealed", NOON)
    assert (row.sent_at, row.ended_at, row.extra and bytes(row.extra), row.due_at) == sent
    assert heard == [(row.pk, state)] and woken() == ([] if is_sent else [str(account.pk)])
    told = LedgerEntry.objects.of(shree).get(event=f"messaging.outbox.settled_{'sent' if is_sent else 'again'}")
    assert (told.facts, told.at, told.actor) == ({"count": 1}, NOON, owner_of(shree).pk)
    assert settle(dispatches=rows, by=owner_of(shree)) == 0
    assert LedgerEntry.objects.of(shree).filter(event=told.event).count() == 1


ONE: Claim = (UUID(int=1), 1)
TAKEN, LOST = Answer(Outcome.ACCEPTED, provider_id="p"), Answer(Outcome.UNCLEAR, code="lost")


@pytest.mark.parametrize("is_whole", [True, False])
@pytest.mark.parametrize(
    ("said", "whole", "torn"),
    [
        ({}, None, LOST),
        ({"begun": {ONE}}, LOST, LOST),
        ({"begun": {(ONE[0], 2)}}, None, LOST),
        ({"begun": {ONE}, "answers": {ONE: TAKEN}}, TAKEN, TAKEN),
        ({"begun": {ONE}, "put_back": {ONE}}, None, None),
    ],
)
def test_what_a_journal_says_of_a_claim(
    said: dict[str, Any], whole: Answer | None, torn: Answer | None, *, is_whole: bool
) -> None:
    evidence = Evidence(UUID(int=9), is_whole, **said)
    assert settling._answer(ONE, evidence) == (whole if is_whole else torn)


def test_without_a_journal_nobody_can_say() -> None:
    assert settling._answer(ONE, None) == LOST
