"""Jobs that the tests of the queue enqueue, and the worker process that does them: `python -m amanat.core.tests.work_for_tests`.

Its words: how many jobs at once; "once" or "wait" for more, which has the whole program's schedule too; and after how many seconds of
silence a worker counts as gone, where that is not what it is in life.
"""

from __future__ import annotations

import gc
import os
import sys
import time
from pathlib import Path
from uuid import UUID

if __name__ == "__main__":
    import django

    django.setup()

from django.db import transaction

from amanat.core import jobs


def note(file: str, line: str) -> None:
    with Path(file).open("a", encoding="utf-8") as out:
        out.write(line + "\n")


@jobs.job("tests.note", purpose="Write a line into a file")
def write_line(workspace_id: UUID, file: str, line: str) -> None:
    note(file, line)


@jobs.job("tests.quick", purpose="Say how much this process spares when it looks for garbage", is_quick=True)
def quick(workspace_id: UUID, file: str) -> None:
    note(file, str(gc.get_freeze_count()))


@jobs.job("tests.passes_on", purpose="Leave work for another job, in a transaction that is rolled back")
def passes_on(workspace_id: UUID, *, file: str) -> None:
    with transaction.atomic():
        jobs.enqueue("tests.note", workspace=workspace_id, file=file, line="of nothing")
        transaction.set_rollback(True)


@jobs.job("tests.slow", purpose="Take a while the first time, so that the worker can be killed in the middle")
def slow(workspace_id: UUID, file: str) -> None:
    first = not Path(file).exists()
    note(file, "began")
    if first:
        time.sleep(60)
    note(file, "ended")


@jobs.job("tests.fails", purpose="Fail every time it is tried", tries=2)
def fails(workspace_id: UUID, file: str) -> None:
    note(file, "tried")
    raise RuntimeError("as it must")


@jobs.job("tests.kills", purpose="Take the worker down every time", tries=2)
def kills(workspace_id: UUID, file: str) -> None:
    note(file, "tried")
    os.kill(os.getpid(), 9)


if __name__ == "__main__":
    # The main module is not the one that the worker's registry knows by its package's name.
    if len(sys.argv) > 3:
        jobs.STALE_SECONDS, jobs.HEARTBEAT_SECONDS = int(sys.argv[3]), int(sys.argv[3]) / 3
    if sys.argv[2] == "once":
        jobs.app.periodic_registry.periodic_tasks.clear()
    jobs.run_worker(concurrency=int(sys.argv[1]), wait=sys.argv[2] == "wait")
