"""The workers of a drill: a nursery forks them from a process that has read the site once, so that a killed one is followed at once.

python -m tests.faults.workers --port 9000 --folder /tmp/somewhere --moved 0    (started by the drills)
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import NamedTuple
from uuid import UUID

from tests.faults.plan import FAST, REAL, ROOT


def install(port: int, folder: Path, moved: timedelta, *, real: bool = False) -> None:
    """Make this process one of the drill: the adapter of the provider, its times, noon in India, a place for journals."""
    from django.conf import settings

    from amanat.core import clock, outgoing
    from amanat.messaging.channels import adapters
    from amanat.messaging.channels.contract import Access, Answer, Outcome, Outgoing, Progress, Report
    from amanat.messaging.outbox import claiming, sending, settling
    from amanat.messaging.outbox.tests.post import Post

    times = REAL if real else FAST

    class Faulty(Post):
        @contextlib.contextmanager
        def line(self, access: Access) -> Iterator[Way]:
            yield Way(access.address)

    kept = threading.local()

    class Way(NamedTuple):
        """Each thread keeps its connection, as `core.outgoing` does."""

        address: str

        def send(self, message: Outgoing) -> Answer:
            connection: HTTPConnection | None = getattr(kept, "connection", None)
            if connection is None:
                connection = HTTPConnection("127.0.0.1", port, timeout=times["request"])
                try:
                    connection.connect()
                except OSError as error:
                    raise outgoing.Unreachable("", reason=repr(error), may_have_arrived=False) from None
            kept.connection = None
            try:
                connection.request(
                    "POST", "/", body=json.dumps({"reference": str(message.reference), "from": self.address})
                )
                answer = connection.getresponse()
                said = json.loads(answer.read())
            except (OSError, HTTPException, ValueError) as error:
                connection.close()
                raise outgoing.Unreachable("", reason=repr(error), may_have_arrived=True) from None
            kept.connection = connection
            if answer.status == 200:
                return Answer(Outcome.ACCEPTED, provider_id=said["id"])
            wait = answer.headers.get("retry-after")
            return Answer(Outcome.LATER, code=str(answer.status), wait=timedelta(seconds=int(wait)) if wait else None)

    settings.FILES_ROOT = folder / "files"
    clock.shift(moved)
    if not real:
        claiming.FRESH, claiming.LEASE = times["fresh"], timedelta(seconds=times["lease"])
        settling._EMPTY_FOR = times["empty"]
        sending.MOST, sending.SLICE = 16, 1.0
    post = Faulty(reports_within=timedelta(seconds=times["silence"]))
    post.news = lambda payload: [
        Report(f"post.{payload['r']}", Progress.DELIVERED, clock.now(), reference=UUID(payload["r"]))
    ]
    adapters.register(post)


def work(nursery: int) -> None:
    """What the jobs do, in a loop: sweep, send, work off. Ends by a kill, or with the process that made it."""
    from django.db import Error, close_old_connections, connection

    from amanat.core import clock
    from amanat.messaging.outbox import events, sending, settling

    last_look = last_rescue = 0.0
    while os.getppid() == nursery:
        try:
            if time.monotonic() - last_rescue > 0.5:
                last_rescue = time.monotonic()
                settling.rescue_here()
            with connection.cursor() as cursor:
                cursor.execute("SELECT what, workspace, account FROM outbox_to_do(%s)", [clock.now()])
                found = cursor.fetchall()
            for what, workspace_id, account_id in found:
                if what == "send":
                    sending.send_waiting(workspace_id, account_id)
                elif what == "events":
                    events.work_off(workspace_id, account_id, seconds=1.0)
                else:
                    settling.rescue(workspace_id)
                    if time.monotonic() - last_look > 2.0:
                        last_look = time.monotonic()
                        settling.settle_by_silence(workspace_id)
        except Error:
            close_old_connections()
        time.sleep(0.05)


def work_for_real(nursery: int) -> None:
    """A worker of an installation: its jobs, its schedule, its threads."""
    from amanat.core import jobs

    def watch() -> None:
        while os.getppid() == nursery:
            time.sleep(0.5)
        os._exit(0)

    threading.Thread(target=watch, daemon=True).start()
    while True:
        with contextlib.suppress(Exception):  # the database is away; a supervisor would start it again
            jobs.run_worker()
        time.sleep(0.5)


def nursery(port: int, folder: Path, moved: timedelta, *, real: bool) -> None:
    """Forks a worker for each line it reads and says its number; without a parent all end."""
    import django

    django.setup()
    install(port, folder, moved, real=real)
    from django.db import connections

    connections.close_all()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    children, mine = list[int](), os.getpid()
    for _line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.setsid()
            (work_for_real if real else work)(mine)
            os._exit(0)
        children.append(child)
        print(child, flush=True)
    for child in children:
        with contextlib.suppress(ProcessLookupError):
            os.kill(child, signal.SIGKILL)


class Workers:
    """The workers of a drill, by their process numbers."""

    def __init__(self, port: int, folder: Path, moved: timedelta, *, real: bool) -> None:
        command = [sys.executable, "-m", "tests.faults.workers", "--port", str(port), "--folder", str(folder)]
        command += ["--moved", str(moved.total_seconds()), *(["--real"] if real else [])]
        self._freeze = (REAL if real else FAST)["freeze"]
        self._nursery = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "AMANAT_LOG_LEVEL": "error"},
        )
        self.alive: list[int] = []
        self.frozen: list[tuple[float, int]] = []

    def start(self) -> None:
        assert self._nursery.stdin is not None and self._nursery.stdout is not None
        self._nursery.stdin.write("\n")
        self._nursery.stdin.flush()
        self.alive.append(int(self._nursery.stdout.readline()))

    def bind(self, cores: set[int]) -> None:
        """Let the workers run on these cores only."""
        for worker in self.alive:
            for thread in Path(f"/proc/{worker}/task").iterdir():
                os.sched_setaffinity(int(thread.name), cores)

    def kill(self, number: int) -> None:
        os.kill(self.alive.pop(number), signal.SIGKILL)

    def freeze(self, number: int) -> None:
        worker = self.alive.pop(number)
        os.kill(worker, signal.SIGSTOP)
        self.frozen.append((time.monotonic() + self._freeze, worker))

    def thaw(self, *, all_of_them: bool = False) -> None:
        """Let those go on whose time it is; they stay among the others."""
        for entry in list(self.frozen):
            if all_of_them or entry[0] <= time.monotonic():
                self.frozen.remove(entry)
                os.kill(entry[1], signal.SIGCONT)
                self.alive.append(entry[1])

    def end(self) -> None:
        self.thaw(all_of_them=True)
        for worker in self.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        assert self._nursery.stdin is not None
        self._nursery.stdin.close()
        self._nursery.wait(timeout=20)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--moved", type=float, required=True)
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args()
    nursery(options.port, options.folder, timedelta(seconds=options.moved), real=options.real)
    return 0


if __name__ == "__main__":
    sys.exit(main())
