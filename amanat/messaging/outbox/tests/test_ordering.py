"""What is ordered, taken back and held: which rows, what they say afterwards, and who hears of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from amanat.accounts.models import Workspace
from amanat.core import ids, tenancy
from amanat.core.models import LedgerEntry
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import changes, ordering
from amanat.messaging.outbox.changes import Change
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.ordering import Extra
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, Post

SECOND = timedelta(seconds=1)
LATER = NOON + timedelta(hours=1)


@pytest.fixture
def rows(post: Post, account: ChannelAccount) -> Iterator[list[Dispatch]]:
    """Three for three people, and no job that waits."""
    with tenancy.inside(account.workspace_id):
        made = provider.order_each(account, 3)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM procrastinate_jobs")
        yield made


@pytest.fixture
def heard(monkeypatch: pytest.MonkeyPatch) -> list[tuple[UUID, str, str]]:
    told: list[tuple[UUID, str, str]] = []

    def hook(_here: UUID, found: Sequence[Change]) -> None:
        told.extend((one.dispatch_id, one.state, one.reason) for one in found)

    monkeypatch.setattr(changes, "_hooks", [hook])
    return told


def change(row: Dispatch, **values: Any) -> None:
    Dispatch.objects.of(row.workspace_id).filter(pk=row.pk).update(**values)


def stands(rows: Sequence[Dispatch]) -> list[tuple[str, str]]:
    found = Dispatch.objects.of(rows[0].workspace_id).in_bulk()
    return [(found[row.pk].state, found[row.pk].reason) for row in rows]


def woken() -> list[tuple[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args->>'account', scheduled_at FROM procrastinate_jobs WHERE task_name = %s", [ordering.SEND]
        )
        return cursor.fetchall()


@pytest.mark.parametrize(("later", "wakes"), [(timedelta(), True), (SECOND, False)], ids=["due", "later"])
def test_what_is_due_wakes_a_worker_for_its_account_once(
    rows: list[Dispatch], account: ChannelAccount, later: timedelta, *, wakes: bool
) -> None:
    contact = rows[0].message.contact
    assert contact is not None
    for _time in range(2):
        provider.order(contact, account, due_at=NOON + later)
    assert woken() == [(str(account.pk), None)] * wakes


def test_a_worker_is_woken_not_before_a_moment(rows: list[Dispatch], account: ChannelAccount) -> None:
    ordering.wake(account.workspace_id, account.pk, not_before=LATER)
    ((name, at),) = woken()
    assert name == str(account.pk) and at is not None


def test_what_it_carries_is_sealed_and_read_again_as_it_was(shree: Workspace) -> None:
    place = {"workspace_id": shree.pk, "dispatch_id": ids.new()}
    extra = Extra(("Asha", "1 Dec"), (("yes", "हाँ"), ("stop", "No more")), {"In-Reply-To": "<a@shop.example>"})
    with tenancy.inside(shree):
        for each in (extra, Extra(), Extra(values=("Asha",))):
            assert ordering.open_extra(ordering.seal_extra(each, **place), **place) == each
    assert ordering.open_extra(None, **place) == Extra()


def test_of_many_each_carries_its_own(rows: list[Dispatch], account: ChannelAccount) -> None:
    first, second, _third = rows
    contact = first.message.contact
    assert contact is not None
    fresh = [
        Dispatch(
            id=ids.new(), workspace_id=row.workspace_id, message=provider.write(contact, account), contact=contact,
            account=account, channel="whatsapp", address="x", purpose="service", due_at=NOON, source="batch",
        )
        for row in (first, second)
    ]  # fmt: skip
    ordering.order_many(fresh, [None, Extra(values=("Asha",))])
    kept = Dispatch.objects.of(account.workspace_id).in_bulk()
    said = [
        ordering.open_extra(kept[row.pk].extra, workspace_id=row.workspace_id, dispatch_id=row.pk).values
        for row in fresh
    ]
    assert said == [(), ("Asha",)]


@pytest.mark.parametrize(
    ("state", "is_dropped"),
    [("todo", True), ("held", True), ("sending", False), ("unknown", False), ("done", False), ("refused", False)],
)
def test_only_what_waits_is_taken_back(
    rows: list[Dispatch], heard: list[tuple[UUID, str, str]], state: str, *, is_dropped: bool
) -> None:
    asked, other, _third = rows
    change(asked, state=state, lease_until=NOON, reason="before")
    assert ordering.take_back(workspace=asked.workspace_id, at=NOON, ids=[asked.pk], reason="stopped") == is_dropped
    assert stands([asked, other]) == [("dropped", "stopped") if is_dropped else (state, "before"), ("todo", "")]
    row = Dispatch.objects.of(asked.workspace_id).get(pk=asked.pk)
    assert row.ended_at == (NOON if is_dropped else None)
    assert heard == [(asked.pk, "dropped", "stopped")] * is_dropped


def test_taken_back_is_what_is_named_both_ways_and_never_all(rows: list[Dispatch], shree: Workspace) -> None:
    first, second, third = rows
    source = ids.new()
    for row in (first, second):
        change(row, source_id=source)
    with pytest.raises(ValueError, match="Say which"):
        ordering.take_back(workspace=shree, at=NOON)
    assert ordering.take_back(workspace=shree, at=NOON, ids=[]) == 0
    assert ordering.take_back(workspace=shree, at=NOON, ids=[second.pk, third.pk], source_ids=[source]) == 1
    assert stands(rows) == [("todo", ""), ("dropped", "taken_back"), ("todo", "")]


@pytest.mark.parametrize(
    ("state", "is_held"),
    [("todo", True), ("sending", True), ("unknown", True), ("done", False), ("dead", False), ("dropped", False)],
)
def test_after_a_restore_what_may_have_left_is_held_and_belongs_to_no_run(
    rows: list[Dispatch], shree: Workspace, state: str, *, is_held: bool
) -> None:
    for row in rows:
        change(row, state="done")
    change(rows[0], state=state, lease_until=NOON, claimed_by="a run", reason="before")
    assert ordering.hold_after_restore(shree, at=LATER) == is_held
    row = Dispatch.objects.of(shree).get(pk=rows[0].pk)
    held = ("held", ordering.RESTORED, "", None)
    assert (row.state, row.reason, row.claimed_by, row.lease_until) == (
        held if is_held else (state, "before", "a run", NOON)
    )
    said = LedgerEntry.objects.of(shree).filter(event="messaging.outbox.held")
    assert [(one.facts, one.at) for one in said] == [({"count": 1}, LATER)] * is_held
