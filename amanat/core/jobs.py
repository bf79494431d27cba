"""Work done after the answer: jobs in PostgreSQL, enqueued in the same transaction as their cause.

A job is a function with a name and a purpose (why it may touch data), registered at import of a package's `tasks.py`.
Delivery is at least once: a worker may die after the work and before saying so, so every job must bear being run
twice. Arguments are ids and numbers, never personal data. procrastinate underneath stays behind this module.

Two queues: sending and taking in messages has threads of its own in the worker, which no import or erasure takes.
Fairness: priority falls by one for every five jobs a workspace has waiting, so ten jobs of one shop are not behind
two thousand of another (a lock per workspace was tried and took 9 s a fetch with a full queue).
Rescue: a job of a dead worker is put back within a minute (heartbeat 10 s, stale at 30 s, looked at every 10 s).
Poison: after its tries a job is parked as failed, is shown on the jobs page, and can be tried again by hand. A job that
takes its worker down with it spends a try as well, so it cannot kill one worker after the other for ever.
"""

from __future__ import annotations

import asyncio
import functools
import gc
import logging
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, close_old_connections, connection, connections, transaction
from procrastinate import RetryStrategy
from procrastinate.contrib.django import app
from procrastinate.contrib.django.django_connector import DjangoConnector
from procrastinate.exceptions import AlreadyEnqueued
from procrastinate.manager import JobManager

from amanat.core import clock, schedule, tenancy
from amanat.core.tenancy import HasId

log = logging.getLogger(__name__)

STALE_SECONDS = 30
HEARTBEAT_SECONDS = 10
#: What must not wait behind long work, and is done in seconds; and everything else.
QUICK, USUAL = "quick", "default"
#: Seconds for which a thread of the worker keeps its connection from job to job. A new one costs 3 ms here (the password's proof) and a
#: backend that has to read its catalogues again, together more than most jobs.
KEEPS_CONNECTIONS = 300
#: Seconds after which a thread of the worker that computes lets another go on. A job asks the database some twenty times, and behind each
#: answer it waits so long for a thread that is busy with another workspace: with Python's own 5 ms, 50 to 100 ms a job.
SWITCHES_AFTER = 0.001


@dataclass(frozen=True)
class Job:
    """A registered kind of work. `purpose` is a sentence for the record of processing."""

    name: str
    purpose: str
    every: str | None = None  #: cron expression, with seconds as an optional sixth field; None: only when enqueued
    tries: int = 1


_registry: dict[str, Job] = {}
#: Puts jobs into the queue over Django's connection, in whatever transaction is open there.
_HERE = JobManager(DjangoConnector())


def registered() -> dict[str, Job]:
    return dict(_registry)


def job(
    name: str, *, purpose: str, tries: int = 5, is_quick: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Register a function(workspace_id: UUID, **arguments) as the job `name`. `is_quick`: it must not wait behind long work, and is done in seconds."""

    def register(function: Callable[..., None]) -> Callable[..., None]:
        _registry[name] = Job(name, purpose, tries=tries)

        @functools.wraps(function)
        def run(workspace_id: str, **arguments: Any) -> None:
            close_old_connections()
            try:
                function(UUID(workspace_id), **arguments)
            finally:
                close_old_connections()

        # tries - 1 retries after 4, 16, 64, 256 s
        retry = RetryStrategy(max_attempts=tries - 1, exponential_wait=4)
        app.task(name=name, queue=_queue(is_quick), retry=retry)(run)
        return function

    return register


def periodic(
    name: str, every: str, *, purpose: str, is_quick: bool = False
) -> Callable[[Callable[[], None]], Callable[[], None]]:
    """Register a function() that runs on a schedule, once per tick however many workers there are."""

    def register(function: Callable[[], None]) -> Callable[[], None]:
        _registry[name] = Job(name, purpose, every)

        @functools.wraps(function)
        def run(timestamp: int) -> None:
            close_old_connections()
            try:
                function()
            finally:
                close_old_connections()

        task = app.task(name=name, queue=_queue(is_quick), queueing_lock=name, priority=50, pass_context=False)
        app.periodic(cron=every)(task(run))
        return function

    return register


def _queue(is_quick: bool) -> str:
    return QUICK if is_quick else USUAL


def enqueue(
    name: str,
    *,
    workspace: HasId | UUID,
    not_before: datetime | None = None,
    once: str | None = None,
    **arguments: Any,
) -> int | None:
    """Put a job in the queue as part of the open transaction; returns its number.

    `once` is a key: while a job with it waits, another is not added and None is returned; the one that waits is done no later
    than this one would have been. (The database refuses the second, which would spoil the open transaction; hence the savepoint.)
    """
    if name not in _registry:
        raise LookupError(f"no such job: {name}")
    workspace_id = str(tenancy.workspace_id_of(workspace))
    due = clock.outside(not_before) if not_before else None
    deferrer = app.configure_task(
        name, schedule_at=due, queueing_lock=once, priority=-(waiting(workspace_id) // 5), allow_unknown=False
    )
    # Within a worker procrastinate's own connector has a connection of its own: the job would begin before its cause is there.
    deferrer.job_manager = _HERE
    try:
        with transaction.atomic() if once else nullcontext():
            return int(deferrer.defer(workspace_id=workspace_id, **arguments))
    except AlreadyEnqueued:
        with connection.cursor() as cursor:
            cursor.execute(
                "UPDATE procrastinate_jobs SET scheduled_at = %s WHERE queueing_lock = %s AND status = 'todo' "
                "AND scheduled_at > coalesce(%s, now())",
                [due, once, due],
            )
        return None


def waiting(workspace_id: str) -> int:
    """How many jobs of a workspace wait, counted up to 5,000."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM (SELECT 1 FROM procrastinate_jobs WHERE status = 'todo' "
            "AND args->>'workspace_id' = %s LIMIT 5000) AS queued",
            [workspace_id],
        )
        return int(cursor.fetchone()[0])


def under_way(names: Sequence[str], *, argument: str, among: Sequence[str]) -> set[str]:
    """Which of the values `among` are the `argument` of a job called one of `names` that waits or is being done."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT args->>%s FROM procrastinate_jobs WHERE status IN ('todo', 'doing') AND task_name = ANY(%s) "
            "AND args->>%s = ANY(%s)",
            [argument, list(names), argument, list(among)],
        )
        return {row[0] for row in cursor.fetchall()}


WAITING_INDEX = """
CREATE INDEX IF NOT EXISTS jobs_waiting_by_workspace ON procrastinate_jobs ((args->>'workspace_id')) WHERE status = 'todo';
"""


_STALLED = """
SELECT job.id, job.task_name, job.attempts FROM procrastinate_jobs job
LEFT JOIN procrastinate_workers worker ON worker.id = job.worker_id
WHERE job.status = 'doing' AND (worker.id IS NULL OR worker.last_heartbeat < now() - make_interval(secs => %s))
ORDER BY job.id FOR UPDATE OF job SKIP LOCKED
"""


def rescue() -> int:
    """Put back the jobs whose worker is gone, park those that have used up their tries; returns how many were found."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_STALLED, [STALE_SECONDS])
        stalled = cursor.fetchall()
        for number, name, attempts in stalled:
            known = _registry.get(name)
            if known is None or (known.every is None and attempts + 1 >= known.tries):
                cursor.execute("SELECT procrastinate_finish_job_v1(%s, 'failed', false)", [number])
            elif not _put_back(number):
                # Its like waits already (a later tick of a schedule, or the same `once`) and will do the work.
                cursor.execute("SELECT procrastinate_finish_job_v1(%s, 'aborted', false)", [number])
            log.warning("a job lost its worker", extra={"job": number, "task": name})
    return len(stalled)


def _put_back(number: int) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT procrastinate_retry_job_v1(%s, now(), NULL, NULL, NULL)", [number])
    except IntegrityError:
        return False
    return True


def run_worker(*, concurrency: int = 4, wait: bool = True) -> None:
    """Work until told to stop: `concurrency` jobs at once, and twice as many quick ones. Includes the scheduler of periodic jobs.

    With wait=False: until nothing is left of either queue.
    """
    if wait:  # the process is a worker's and nothing else
        _share_well()
    with app.replace_connector(app.connector.get_worker_connector()) as working:  # type: ignore[attr-defined]
        asyncio.run(_work(working, concurrency, wait))


async def _work(working: Any, concurrency: int, wait: bool) -> None:
    async with working.open_async():
        working.perform_import_paths()
        if wait:
            _spare_what_is_loaded()
        queues = [([QUICK], quick_threads(concurrency)), ([USUAL], concurrency)] if wait else [(None, concurrency)]
        # asyncio's own pool of threads has four more than there are cores.
        threads = ThreadPoolExecutor(sum(each for _names, each in queues), thread_name_prefix="job")
        asyncio.get_running_loop().set_default_executor(threads)
        workers = [
            schedule.Worker(
                app=working,
                queues=names,
                concurrency=at_once,
                wait=wait,
                listen_notify=wait,
                fetch_job_polling_interval=2.0,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALE_SECONDS,
                shutdown_graceful_timeout=20,
                install_signal_handlers=wait and number == 0,
                delete_jobs="never",
            )
            for number, (names, at_once) in enumerate(queues)
        ]
        await schedule.run_together(workers)


def quick_threads(concurrency: int) -> int:
    """How many quick jobs a worker does at once: who sends waits for another's server most of the time."""
    return 2 * concurrency


def _spare_what_is_loaded() -> None:
    """What is loaded stays: to look through it for garbage stops every thread for 130 ms, again and again."""
    gc.collect()
    gc.freeze()


def _share_well() -> None:
    """Connections are kept, and no thread waits long for another."""
    connections.settings["default"]["CONN_MAX_AGE"] = KEEPS_CONNECTIONS
    sys.setswitchinterval(SWITCHES_AFTER)


def sweep_finished(*, days: int = 7) -> int:
    """Delete jobs that ended well: ticks of a schedule after an hour, others after `days`; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            DELETE FROM procrastinate_jobs job WHERE job.status IN ('succeeded', 'aborted') AND NOT EXISTS (
                SELECT 1 FROM procrastinate_events event WHERE event.job_id = job.id AND event.at > now()
                    - CASE WHEN job.args ? 'workspace_id' THEN make_interval(days => %s) ELSE interval '1 hour' END)
            """,
            [days],
        )
        deleted = int(cursor.rowcount)
        cursor.execute("DELETE FROM procrastinate_periodic_defers WHERE job_id IS NULL AND defer_timestamp < %s", [
            int(clock.now().timestamp()) - 86400
        ])  # fmt: skip
    return deleted
