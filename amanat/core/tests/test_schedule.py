"""Schedules go by the site's clock, and what was missed at night is made up for once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from procrastinate import App, jobs
from procrastinate.periodic import PeriodicRegistry
from procrastinate.testing import InMemoryConnector

from amanat.core import clock, schedule
from amanat.core.schedule import Schedule

#: A shop opens at ten in India; the job is due at 3:45 UTC, a quarter past nine there.
OPENS = datetime(2026, 11, 23, 4, 30, tzinfo=UTC)
NIGHT = int(datetime(2026, 11, 23, 3, 45, tzinfo=UTC).timestamp())


def registry(*crons: str) -> PeriodicRegistry:
    app = App(connector=InMemoryConnector())
    for number, cron in enumerate(crons):
        app.periodic(cron=cron)(app.task(name=f"job{number}")(lambda timestamp: None))
    return app.periodic_registry


def due(one: Schedule, at: datetime) -> list[int]:
    return [timestamp for _task, timestamp in one.get_previous_tasks(at=at.timestamp())]


@pytest.fixture
def up_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(schedule, "MAKES_UP_AFTER", 0.0)


def test_what_was_due_while_the_machine_was_off_is_made_up_for_once(up_long: None) -> None:
    one = Schedule(registry("45 3 * * *"))
    assert due(one, OPENS) == [NIGHT]
    assert due(one, OPENS + timedelta(hours=5)) == []
    assert due(one, OPENS + timedelta(days=1)) == [NIGHT + 86400]


def test_it_waits_until_the_worker_is_up_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    one = Schedule(registry("45 3 * * *"))
    assert due(one, OPENS) == []
    monkeypatch.setattr(schedule, "MAKES_UP_AFTER", 0.0)
    assert due(one, OPENS) == [NIGHT]


def test_a_tick_of_a_moment_ago_waits_for_nothing() -> None:
    assert due(Schedule(registry("45 3 * * *")), datetime(2026, 11, 23, 3, 54, tzinfo=UTC)) == [NIGHT]


def test_of_many_missed_ticks_the_newest_counts() -> None:
    one = Schedule(registry("* * * * * */5"))
    assert len(due(one, OPENS + timedelta(seconds=1))) == 1
    assert due(one, OPENS + timedelta(hours=8, seconds=1)) == [int((OPENS + timedelta(hours=8)).timestamp())]


def test_it_goes_by_the_clock_of_the_site(up_long: None) -> None:
    seen: list[Any] = []

    class Stopped(Exception):
        pass

    class Watched(Schedule):
        async def defer_jobs(self, jobs_to_defer: Iterable[Any]) -> None:
            seen.extend(timestamp for _task, timestamp in jobs_to_defer)

        async def wait(self, next_tick: float) -> None:
            seen.append(next_tick)
            raise Stopped

    moved = datetime(2031, 5, 1, 4, 45, tzinfo=UTC)
    with clock.standing_at(moved), pytest.raises(Stopped):
        asyncio.run(Watched(registry("45 3 * * *")).worker())
    assert seen == [int((moved - timedelta(hours=1)).timestamp()), 23 * 3600.0]


def test_a_job_ordered_while_the_worker_looks_is_found_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its notification comes while the answer "nothing there" is under way."""
    app = App(connector=InMemoryConnector())
    done: list[str] = []
    looked: list[int] = []

    @app.task(name="note")
    def note(word: str) -> None:
        done.append(word)

    async def scenario() -> None:
        working = schedule.Worker(app, wait=True, listen_notify=False, fetch_job_polling_interval=60)
        fetch = app.job_manager.fetch_job

        async def slow_fetch(*, queues: Iterable[str] | None, worker_id: int) -> jobs.Job | None:
            found = await fetch(queues=queues, worker_id=worker_id)
            looked.append(1)
            if len(looked) == 1:
                await app.configure_task("note").defer_async(word="found")
                await working._handle_notification(channel="any", notification={"type": "job_inserted", "job_id": 1})
            return found

        monkeypatch.setattr(app.job_manager, "fetch_job", slow_fetch)
        running = asyncio.create_task(working.run())
        for _turn in range(200):
            await asyncio.sleep(0.005)
            if done:
                break
        working.stop()
        await running

    asyncio.run(scenario())
    assert done == ["found"]


def test_the_workers_of_a_process_have_one_schedule_and_end_together() -> None:
    app, ticks = App(connector=InMemoryConnector()), list[int]()

    @app.periodic(cron="* * * * * *")
    @app.task(name="tick")
    def tick(timestamp: int) -> None:
        ticks.append(timestamp)

    async def scenario() -> list[bool]:
        both = [
            schedule.Worker(app, queues=queues, wait=True, listen_notify=False, fetch_job_polling_interval=0.05)
            for queues in (["default"], ["quick"])
        ]
        running = asyncio.create_task(schedule.run_together(both))
        for _turn in range(1000):
            await asyncio.sleep(0.01)
            if ticks:
                break
        both[1].stop()
        await asyncio.wait_for(running, 20)
        return [one.has_schedule for one in both]

    assert asyncio.run(scenario()) == [True, False]
    assert len(ticks) == len(set(ticks))


def test_a_worker_that_breaks_takes_the_others_of_its_process_with_it() -> None:
    app = App(connector=InMemoryConnector())

    class Broken(schedule.Worker):
        async def _fetch_and_process_jobs(self) -> None:
            raise ConnectionError("the database is away")

    async def scenario() -> None:
        both = [kind(app, queues=[kind.__name__], wait=True, listen_notify=False) for kind in (schedule.Worker, Broken)]
        await asyncio.wait_for(schedule.run_together(both), 20)

    with pytest.raises(ConnectionError, match="away"):
        asyncio.run(scenario())
