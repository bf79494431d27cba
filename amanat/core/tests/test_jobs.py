from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest
from django.db import connection, connections, transaction

from amanat.core import clock, ids, jobs
from amanat.core.tests import work_for_tests

pytestmark = pytest.mark.usefixtures("committed_db")
A, B = ids.new(), ids.new()


def work() -> None:
    """Let a worker empty the queue: here, without the schedule of the whole program."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(jobs.app.periodic_registry, "periodic_tasks", {})
        jobs.run_worker(concurrency=1, wait=False)


def work_apart() -> int:
    """The same in a process of its own; how it ended."""
    return subprocess.run(command(1, "once"), check=False, timeout=300).returncode


def command(concurrency: int, until: str, *stale_seconds: str) -> list[str]:
    return [sys.executable, "-m", work_for_tests.__name__, str(concurrency), until, *stale_seconds]


@contextmanager
def worker(*stale_seconds: str) -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(command(1, "wait", *stale_seconds), start_new_session=True)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGKILL)
        process.wait()


def wait_for(fact: Callable[[], bool], seconds: float) -> float:
    """How long it took until `fact` held."""
    began = time.monotonic()
    while not fact():
        assert time.monotonic() - began < seconds, "it did not happen in time"
        time.sleep(0.1)
    return time.monotonic() - began


def lines(file: Path) -> list[str]:
    return file.read_text().splitlines() if file.exists() else []


def states() -> list[tuple[str, str, int]]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT task_name, status::text, attempts FROM procrastinate_jobs WHERE task_name LIKE 'tests.%' ORDER BY id"
        )
        return [(name, status, attempts) for name, status, attempts in cursor.fetchall()]


@pytest.mark.slow
def test_a_job_is_done_once_by_a_real_worker(tmp_path: Path) -> None:
    file = tmp_path / "done"
    number = jobs.enqueue("tests.note", workspace=A, file=str(file), line="hello")
    assert isinstance(number, int)
    assert jobs.waiting(str(A)) == 1
    assert work_apart() == 0
    assert lines(file) == ["hello"]
    assert states() == [("tests.note", "succeeded", 1)]
    assert jobs.waiting(str(A)) == 0


@pytest.mark.slow
def test_a_transaction_that_is_rolled_back_leaves_no_job(tmp_path: Path) -> None:
    with transaction.atomic():
        jobs.enqueue("tests.note", workspace=A, file=str(tmp_path / "kept"), line="kept")
    with transaction.atomic():
        jobs.enqueue("tests.note", workspace=A, file=str(tmp_path / "lost"), line="lost")
        transaction.set_rollback(True)
    work()
    assert (lines(tmp_path / "kept"), lines(tmp_path / "lost")) == (["kept"], [])


def test_a_job_passes_work_on_as_part_of_its_own_transaction(tmp_path: Path) -> None:
    """Else a quick worker begins before there is what the work is about, finds nothing, and it is never done."""
    jobs.enqueue("tests.passes_on", workspace=A, file=str(tmp_path / "done"))
    work()
    assert (states(), lines(tmp_path / "done")) == ([("tests.passes_on", "succeeded", 1)], [])


@pytest.mark.slow
def test_once_adds_no_second_job_and_spoils_no_transaction(tmp_path: Path) -> None:
    file = str(tmp_path / "done")
    with transaction.atomic():
        first = jobs.enqueue("tests.note", workspace=A, once="key", file=file, line="one")
        second = jobs.enqueue("tests.note", workspace=A, once="key", file=file, line="two")
        third = jobs.enqueue("tests.note", workspace=A, once="other key", file=file, line="three")
    assert first is not None and second is None and third is not None
    work()
    assert lines(tmp_path / "done") == ["one", "three"]


@pytest.mark.slow
def test_workspaces_take_turns_in_fives(tmp_path: Path) -> None:
    file = tmp_path / "order"
    for number in range(12):
        jobs.enqueue("tests.note", workspace=A, file=str(file), line=f"A{number}")
    for number in range(7):
        jobs.enqueue("tests.note", workspace=B, file=str(file), line=f"B{number}")
    work()
    done = lines(file)
    assert "".join(line[0] for line in done) == "AAAAA" + "BBBBB" + "AAAAA" + "BB" + "AA"
    assert sorted(done) == sorted([*(f"A{n}" for n in range(12)), *(f"B{n}" for n in range(7))])


@pytest.mark.slow
def test_what_must_not_wait_passes_long_work_in_a_process_that_spares_what_it_loaded(tmp_path: Path) -> None:
    """The worker does one job at a time, and that one takes a minute."""
    jobs.enqueue("tests.slow", workspace=A, file=str(tmp_path / "long"))
    with worker():
        wait_for(lambda: lines(tmp_path / "long") == ["began"], 60)
        jobs.enqueue("tests.note", workspace=A, file=str(tmp_path / "usual"), line="usual")
        jobs.enqueue("tests.quick", workspace=A, file=str(tmp_path / "quick"))
        wait_for(lambda: bool(lines(tmp_path / "quick")), 30)
        assert lines(tmp_path / "long") == ["began"] and lines(tmp_path / "usual") == []
    assert int(lines(tmp_path / "quick")[0]) > 50_000, "of some hundred thousand things that are loaded"


@pytest.mark.slow
def test_a_job_for_later_waits(tmp_path: Path) -> None:
    jobs.enqueue(
        "tests.note", workspace=A, not_before=clock.now() + timedelta(hours=1), file=str(tmp_path / "x"), line="late"
    )
    work()
    assert states() == [("tests.note", "todo", 0)]


def test_an_unknown_job_is_refused_when_it_is_enqueued() -> None:
    with pytest.raises(LookupError, match=r"tests\.unheard"):
        jobs.enqueue("tests.unheard", workspace=A)


@pytest.mark.slow
def test_a_job_that_fails_is_tried_again_and_then_parked(tmp_path: Path, superuser: psycopg.Connection) -> None:
    file = tmp_path / "tries"
    jobs.enqueue("tests.fails", workspace=A, file=str(file))
    jobs.enqueue("tests.note", workspace=A, file=str(file), line="the next goes on")
    work()
    assert lines(file) == ["tried", "the next goes on"]
    assert states()[0] == ("tests.fails", "todo", 1)
    superuser.execute("UPDATE procrastinate_jobs SET scheduled_at = now()")
    superuser.commit()
    work()
    assert lines(file).count("tried") == 2
    assert states()[0] == ("tests.fails", "failed", 2)


def plant(superuser: psycopg.Connection, name: str, *, attempts: int, once: str | None = None) -> None:
    """A job in the hands of a worker that was last heard of an hour ago."""
    superuser.execute("INSERT INTO procrastinate_workers (last_heartbeat) VALUES (now() - interval '1 hour')")
    superuser.execute(
        "INSERT INTO procrastinate_jobs (queue_name, task_name, status, args, attempts, worker_id, queueing_lock) VALUES "
        "('default', %s, 'doing', '{}', %s, (SELECT max(id) FROM procrastinate_workers), %s)",
        [name, attempts, once],
    )
    superuser.commit()


@pytest.mark.parametrize(
    ("name", "attempts", "becomes"),
    [
        ("tests.kills", 0, ("tests.kills", "todo", 1)),
        ("tests.kills", 1, ("tests.kills", "failed", 2)),
        ("tests.unheard", 0, ("tests.unheard", "failed", 1)),
    ],
)
def test_rescue_puts_back_until_the_tries_are_used_up(
    superuser: psycopg.Connection, name: str, attempts: int, becomes: tuple[str, str, int]
) -> None:
    plant(superuser, name, attempts=attempts)
    assert jobs.rescue() == 1
    assert states() == [becomes]
    assert jobs.rescue() == 0


def test_rescue_is_not_stopped_by_a_twin_that_waits(superuser: psycopg.Connection, tmp_path: Path) -> None:
    plant(superuser, "tests.note", attempts=0, once="key")
    plant(superuser, "tests.slow", attempts=0)
    jobs.enqueue("tests.note", workspace=A, once="key", file=str(tmp_path / "x"), line="twin")
    assert jobs.rescue() == 2
    assert [(name, status) for name, status, _ in states()] == [
        ("tests.note", "aborted"), ("tests.slow", "todo"), ("tests.note", "todo")
    ]  # fmt: skip


def test_rescue_leaves_a_living_worker_its_job(superuser: psycopg.Connection) -> None:
    plant(superuser, "tests.slow", attempts=0)
    superuser.execute("UPDATE procrastinate_workers SET last_heartbeat = now()")
    superuser.commit()
    assert jobs.rescue() == 0
    assert states() == [("tests.slow", "doing", 0)]


def test_finished_jobs_go_after_a_week_and_ticks_after_an_hour(superuser: psycopg.Connection, tmp_path: Path) -> None:
    for _ in range(2):
        jobs.enqueue("tests.note", workspace=A, file=str(tmp_path / "x"), line="x")
    jobs.enqueue("tests.fails", workspace=A, file=str(tmp_path / "x"))
    superuser.execute("UPDATE procrastinate_jobs SET status = 'doing'")
    superuser.execute(
        "UPDATE procrastinate_jobs SET status = CASE task_name WHEN 'tests.fails' THEN 'failed' ELSE 'succeeded' END::procrastinate_job_status"
    )
    superuser.execute(
        "UPDATE procrastinate_jobs SET args = '{\"timestamp\": 1}' WHERE id = (SELECT min(id) FROM procrastinate_jobs)"
    )
    superuser.execute("UPDATE procrastinate_events SET at = now() - interval '2 hours'")
    superuser.commit()
    assert jobs.sweep_finished() == 1
    superuser.execute("UPDATE procrastinate_events SET at = now() - interval '8 days'")
    superuser.commit()
    assert jobs.sweep_finished() == 1
    assert [name for name, _, _ in states()] == ["tests.fails"]


def test_every_registered_job_says_what_for() -> None:
    assert {"tests.note", "accounts.rescue_jobs"} <= set(jobs.registered())
    assert all(job.purpose and (job.every or job.tries >= 2) for job in jobs.registered().values())


@pytest.mark.slow
def test_a_job_whose_worker_is_killed_is_done_by_the_next(tmp_path: Path) -> None:
    file = tmp_path / "slow"
    jobs.enqueue("tests.slow", workspace=A, file=str(file))
    with worker("6") as first:
        wait_for(lambda: lines(file) == ["began"], 60)
        first.send_signal(signal.SIGKILL)
        first.wait()
    with worker("6"):
        wait_for(lambda: states() == [("tests.slow", "succeeded", 2)], 60)
    assert lines(file) == ["began", "began", "ended"]


def test_in_life_that_takes_less_than_a_minute() -> None:
    """The test above shortens the silence after which a worker counts as gone; all else is as in life."""
    assert (jobs.HEARTBEAT_SECONDS, jobs.STALE_SECONDS) == (10, 30)
    assert jobs.registered()["accounts.rescue_jobs"].every == "* * * * * */10"


@pytest.mark.slow
def test_a_job_that_kills_its_worker_is_parked_and_others_go_on(tmp_path: Path, superuser: psycopg.Connection) -> None:
    file = tmp_path / "kills"
    jobs.enqueue("tests.kills", workspace=A, file=str(file))
    for becomes in (("tests.kills", "todo", 1), ("tests.kills", "failed", 2)):
        assert work_apart() == -signal.SIGKILL
        assert states() == [("tests.kills", "doing", becomes[2] - 1)]
        superuser.execute("UPDATE procrastinate_workers SET last_heartbeat = now() - interval '1 hour'")
        superuser.commit()
        assert jobs.rescue() == 1
        assert states() == [becomes]
    jobs.enqueue("tests.note", workspace=A, file=str(file), line="after")
    work()
    assert lines(file) == ["tried", "tried", "after"]


def test_a_workers_threads_keep_their_connections_and_share_the_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(connections.settings["default"], "CONN_MAX_AGE", 0)
    before = sys.getswitchinterval()
    try:
        jobs._share_well()
        assert sys.getswitchinterval() == pytest.approx(jobs.SWITCHES_AFTER)
    finally:
        sys.setswitchinterval(before)
    with connection.cursor():
        assert connection.settings_dict["CONN_MAX_AGE"] == jobs.KEEPS_CONNECTIONS


def test_a_job_is_due_by_the_clock_of_the_database_wherever_the_sites_own_stands(db: None) -> None:
    clock.shift(timedelta(hours=5))
    try:
        number = jobs.enqueue(
            "tests.note", workspace=A, not_before=clock.now() + timedelta(minutes=1), file="", line=""
        )
    finally:
        clock.shift(timedelta(0))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT scheduled_at < now() + interval '2 minutes' FROM procrastinate_jobs WHERE id = %s", [number]
        )
        assert cursor.fetchone()[0]


@pytest.mark.parametrize(("asked", "due"), [(None, None), (5, 5), (60, 30)])
def test_what_is_wanted_earlier_brings_forward_the_one_that_waits(db: None, asked: int | None, due: int | None) -> None:
    at = clock.now()

    def enqueue(minutes: int | None) -> int | None:
        moment = at + timedelta(minutes=minutes) if minutes else None
        return jobs.enqueue("tests.note", workspace=A, once="key", not_before=moment, file="", line="")

    number = enqueue(30)
    assert enqueue(asked) is None
    with connection.cursor() as cursor:
        cursor.execute("SELECT scheduled_at FROM procrastinate_jobs WHERE id = %s", [number])
        assert cursor.fetchone()[0] == (at + timedelta(minutes=due) if due else None)
