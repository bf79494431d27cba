"""When periodic jobs run: by the site's clock, each once per tick, and what was missed is made up for.

A shop's computer is off at night. Procrastinate forgets a tick that is ten minutes old, so what is due before the shop opens would never
run there. Here the newest tick of each schedule counts until it was done, however old it is: within ten minutes at once, an older one when
the worker has been up for a while, so that a start stays quick. Ticks before the newest are not made up for. The database knows which were done
(one row for a job and a tick), whichever worker saw them. A clock that was moved (AMANAT_TIME_OFFSET) moves the schedules along.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence
from typing import Any

from procrastinate import jobs, periodic, worker

from amanat.core import clock

#: Seconds for which a worker is up before it makes up for what was missed.
MAKES_UP_AFTER = 60.0


class Schedule(periodic.PeriodicDeferrer):
    """Procrastinate's own reads the machine's clock."""

    def __init__(self, registry: periodic.PeriodicRegistry) -> None:
        super().__init__(registry)
        self._began = time.monotonic()

    async def worker(self) -> None:
        while self.registry.periodic_tasks:
            now = clock.now().timestamp()
            await self.defer_jobs(self.get_previous_tasks(at=now))
            await self.wait(self.get_next_tick(at=now))

    def get_timestamps(self, periodic_task: Any, since: int | None, until: float) -> Iterable[int]:
        ticks = periodic_task.croniter
        ticks.set_current(start_time=until)
        newest = round(ticks.get_prev(ret_type=float))
        if since is not None:
            return [newest] if newest > since else []
        is_up_long = time.monotonic() - self._began >= MAKES_UP_AFTER
        return [newest] if is_up_long or until - newest <= self.max_delay else []


class Worker(worker.Worker):
    """Procrastinate's worker with our schedule, and with an ear for what is ordered while it looks for jobs.

    Procrastinate forgets a notification that comes while it asks the database: the job of it may have been committed after that look
    began, and would wait for the next one or for the poll, up to two seconds.
    """

    _notified: int = 0
    #: Whether this worker orders periodic jobs, and those of the process that stop with it.
    has_schedule: bool = True
    companions: Sequence[Worker] = ()

    def stop(self) -> None:
        if not self._stop_event.is_set():
            super().stop()  # type: ignore[no-untyped-call]  # procrastinate's own
            for each in self.companions:
                each.stop()

    async def _periodic_deferrer(self) -> None:
        if self.has_schedule:
            await Schedule(self.app.periodic_registry).worker()
        else:
            await asyncio.Event().wait()

    async def _handle_notification(self, *, channel: str, notification: jobs.Notification) -> None:
        self._notified += 1
        await super()._handle_notification(channel=channel, notification=notification)

    async def _fetch_and_process_jobs(self) -> None:
        heard = -1
        while heard != self._notified and not self._stop_event.is_set():
            heard = self._notified
            await super()._fetch_and_process_jobs()  # type: ignore[no-untyped-call]  # procrastinate's own


async def run_together(workers: Sequence[Worker]) -> None:
    """Run the workers of a process, the first with the schedule, until one of them ends, for whatever reason: then all do."""
    for one in workers:
        one.has_schedule, one.companions = one is workers[0], [each for each in workers if each is not one]
    running = [asyncio.create_task(one.run()) for one in workers]  # type: ignore[no-untyped-call]  # procrastinate's own
    await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
    for one in workers:
        one.stop()
    await asyncio.gather(*running)
