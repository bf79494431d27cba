"""When an event is worked off, tried again, parked and forgotten: each limit by itself."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection

from amanat.core import clock, tenancy
from amanat.messaging.channels.contract import News, Progress, Report
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import events
from amanat.messaging.outbox.models import ProviderEvent
from amanat.messaging.outbox.tests.post import NOON, Post

SECOND, DAY = timedelta(seconds=1), timedelta(days=1)


@pytest.fixture
def here(account: ChannelAccount) -> Iterator[ChannelAccount]:
    with tenancy.inside(account.workspace_id):
        yield account


@pytest.fixture
def heard(post: Post, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The events that were read, in order; those named "poison" cannot be."""
    read: list[str] = []

    def news(payload: Any) -> list[News]:
        read.append(payload["n"])
        if payload["n"].startswith("poison"):
            raise RuntimeError("as it must")
        return []

    monkeypatch.setattr(events, "_LINGER", 0.0)
    post.news = news
    return read


def keep(account: ChannelAccount, *names: str, at: datetime = NOON) -> int:
    return events.keep(account, [(name.encode(), {"n": name}) for name in names], at)


def work(account: ChannelAccount, *, after: timedelta = timedelta(), **more: Any) -> bool:
    with clock.standing_at(NOON + after):
        return events.work_off(account.workspace_id, account.pk, **more)


def kept(account: ChannelAccount) -> list[tuple[int, Any, Any, bool]]:
    rows = ProviderEvent.objects.of(account.workspace_id).order_by("id")
    return [(row.tries, row.next_at, row.done_at, row.payload is not None) for row in rows]


def jobs_waiting(status: str = "todo") -> list[str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args->>'account' FROM procrastinate_jobs WHERE task_name = %s AND status = %s",
            [events.WORK, status],
        )
        return [row[0] for row in cursor.fetchall()]


def test_what_is_new_orders_one_job_and_what_is_repeated_none(here: ChannelAccount, heard: list[str]) -> None:
    assert keep(here, "a") == 1 and jobs_waiting() == [str(here.pk)]
    assert keep(here, "b") == 1 and len(jobs_waiting()) == 1
    with connection.cursor() as cursor:
        cursor.execute("UPDATE procrastinate_jobs SET status = 'doing' WHERE task_name = %s", [events.WORK])
    assert keep(here, "a", "b") == 0 and jobs_waiting() == []
    assert keep(here, "b", "c") == 1 and len(jobs_waiting()) == 1, "one that is at work may have read its last"
    assert keep(here) == 0


def test_a_job_of_another_account_is_no_reason_to_order_none(here: ChannelAccount, heard: list[str]) -> None:
    second = ChannelAccount.objects.create(
        workspace_id=here.workspace_id, channel="sms", provider="post", name="Second", address="SHREEC"
    )
    assert keep(here, "a") == keep(second, "a") == 1
    assert sorted(jobs_waiting()) == sorted([str(here.pk), str(second.pk)])
    work(here)
    assert heard == ["a"] and [done for _tries, _next, done, _keeps in kept(here)] == [NOON, None]


def test_when_its_time_is_over_it_says_that_more_is_left(here: ChannelAccount, heard: list[str]) -> None:
    keep(here, "a")
    assert work(here, seconds=0) is True and heard == []
    assert work(here) is False and heard == ["a"]


def test_more_than_one_turn_is_worked_off_in_order(
    here: ChannelAccount, heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(events, "_AT_ONCE", 2)
    keep(here, "a", "b", "c", "d", "e")
    assert work(here) is False and heard == ["a", "b", "c", "d", "e"]


def test_what_comes_while_it_looks_is_worked_off_too(
    here: ChannelAccount, heard: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks once more after each look in vain, the first one too."""
    coming = ["a", "b", "c"]
    monkeypatch.setattr(events.time, "sleep", lambda _for: coming and keep(here, coming.pop(0)))
    assert work(here) is False and heard == ["a", "b", "c"]


def test_one_that_fails_is_tried_at_longer_and_longer_intervals_and_then_parked(
    here: ChannelAccount, heard: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    keep(here, "poison", "good")
    waits = (4, 16, 64, 256, 1024)
    after = timedelta()
    assert work(here) is False and heard == ["poison", "poison", "good"]
    for tries, wait in enumerate(waits, start=1):
        assert kept(here) == [(tries, NOON + after + wait * SECOND, None, True), (0, None, NOON, False)]
        before, after = after + (wait - 1) * SECOND, after + wait * SECOND
        heard.clear()
        work(here, after=before)
        assert heard == []
        work(here, after=after)
        assert heard == ["poison"] and len(caplog.records) == tries + 1
    assert kept(here)[0][0] == events.MOST_TRIES == 6
    assert kept(here)[0][2:] == (NOON + after, True)
    work(here, after=after + DAY)
    assert heard == ["poison"], "it is parked"


@pytest.mark.parametrize(("waited", "is_over"), [(119, False), (120, True)])
def test_a_report_of_nobody_knows_what_waits_two_minutes(
    post: Post, here: ChannelAccount, heard: list[str], waited: int, *, is_over: bool
) -> None:
    post.news = lambda payload: [Report("strange", Progress.SENT, NOON)] if payload["n"] == "strange" else []
    keep(here, "strange", "good")
    work(here, after=waited * SECOND)
    at = NOON + waited * SECOND
    over = (0, None, at, False)
    assert kept(here) == [over if is_over else (0, at + waited * SECOND, None, True), over]


@pytest.mark.parametrize(
    ("age", "known", "is_forgotten"),
    [
        (9 * DAY + SECOND, {}, True),
        (9 * DAY, {}, False),
        (20 * DAY, {"payload": b"parked"}, False),
        (20 * DAY, {"done_at": None}, False),
    ],
    ids=["old", "on-the-day", "parked", "waits"],
)
def test_only_what_was_worked_off_and_is_repeated_no_more_is_forgotten(
    here: ChannelAccount, heard: list[str], age: timedelta, known: dict[str, Any], *, is_forgotten: bool
) -> None:
    keep(here, "a", at=NOON - age)
    keep(here, "b")
    ProviderEvent.objects.of(here.workspace_id).update(**({"done_at": NOON, "payload": None} | known))
    assert events.sweep(here.workspace_id, at=NOON) == is_forgotten
    assert len(kept(here)) == 2 - is_forgotten
