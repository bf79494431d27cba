"""The measured installation: started like any other, on one core, and filled with made-up people."""

from __future__ import annotations

import http.client
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from amanat.core import clock
from amanat.core import configuration as settings
from amanat.core.configuration import CHECKOUT
from amanat.operations import Refused
from amanat.operations.bench import machine

SETTLED_SHARE = 0.05  #: of the core: a site that uses less has settled
PATIENCE = 300.0
CORE = 0  #: the site and its database run here, the client on another
CORES = 2  #: that sending, taking in and the retention run have


@dataclass
class Running:
    """A started site: its port, the processes to account, its environment for commands."""

    port: int
    supervisor: int
    environment: dict[str, str]
    memory_mb: float = 0.0
    paused: list[int] = field(default_factory=list)

    def tree_of(self, word: str) -> list[int]:
        """Processes below the supervisor whose command line has `word`, with all below them."""
        found: list[int] = []
        for pid in machine.tree(self.supervisor):
            if word in _command(pid) and pid not in found:
                found += [below for below in machine.tree(pid) if below not in found]
        return found

    def web(self) -> list[int]:
        return self.tree_of("amanat web")

    def database(self) -> list[int]:
        return self.tree_of("postgres")

    def worker(self) -> list[int]:
        return self.tree_of("amanat worker")

    def is_asked_nothing(self) -> bool:
        """Whether no client of the database is in the middle of a transaction: its processes say so in their titles."""
        clients = [each for each in map(_command, self.database()) if "[local]" in each and "walsender" not in each]
        return all(each.rstrip().endswith(" idle") for each in clients)

    @contextmanager
    def shared(self) -> Iterator[None]:
        """Let the site's processes use as many cores as goals that name none speak of, and bring them back to theirs."""
        self._bind(set(range(os.cpu_count() or 1)[:CORES]))
        try:
            yield
        finally:
            self._bind({CORE})

    def _bind(self, cores: set[int]) -> None:
        if not hasattr(os, "sched_setaffinity"):
            return
        for pid in machine.tree(self.supervisor):
            for thread in machine.threads(pid):
                with suppress(ProcessLookupError):
                    os.sched_setaffinity(thread, cores)

    def told(self, module: str, *arguments: str, is_pinned: bool = True, is_shared: bool = False) -> Any:
        """What a module of ours prints as JSON, run in the site's environment: on its core, beside it, or on as many as are `shared`."""
        cores = range(os.cpu_count() or 1)[:CORES] if is_shared else [CORE] if is_pinned else []
        process = subprocess.run(
            [*(_pinned(*cores) if cores else ()), sys.executable, "-m", module, *arguments],
            cwd=CHECKOUT, env=self.environment, stdout=subprocess.PIPE, check=True, text=True,
        )  # fmt: skip
        return json.loads(process.stdout.splitlines()[-1])


def _command(pid: int) -> str:
    """The command line of a process, "" where it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return ""


@contextmanager
def running(folder: Path, *, port: int) -> Iterator[Running]:
    """Start `amanat up` on one core with its data in `folder`; stop it at the end."""
    environment = settings.child_environment(
        AMANAT_DATA=str(folder / "data"), AMANAT_SECRETS=str(folder / "secrets"), AMANAT_PORT=str(port), DATABASE_URL="",
        AMANAT_LOG_LEVEL="error", AMANAT_BASE_URL=f"http://localhost:{port}", AMANAT_TIME_OFFSET=str(_to_noon()),
    )  # fmt: skip
    command = [sys.executable, "-m", "amanat", "up", "--port", str(port), "--data", str(folder / "data")]
    process = subprocess.Popen(
        [*_pinned(CORE), *command], cwd=CHECKOUT, env=environment, stdout=sys.stderr, start_new_session=True
    )
    if os.cpu_count() and (os.cpu_count() or 1) > 1 and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {core for core in range(os.cpu_count() or 1) if core != CORE})
    site = Running(port, process.pid, environment)
    try:
        _wait(site, process)
        site.memory_mb = round(machine.memory_mb(machine.tree(process.pid)), 1)
        yield site
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()


def _to_noon() -> int:
    """Seconds to noon in India on this or the next day: messages go out by day only."""
    noon_in_utc = 6.5 * 3600
    return int((noon_in_utc - clock.now().timestamp()) % 86_400)


def _pinned(*cores: int) -> list[str]:
    taskset = shutil.which("taskset")
    return [taskset, "-c", ",".join(map(str, cores))] if taskset and (os.cpu_count() or 1) > 1 else []


def _wait(site: Running, process: subprocess.Popen[bytes]) -> None:
    """Raises Refused when the site ends instead: what answers on its port is then another one."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        if process.poll() is not None:
            raise Refused(
                "The site to be measured did not start; what it said stands above. Is the port taken? Try --port."
            )
        try:
            connection = http.client.HTTPConnection("127.0.0.1", site.port, timeout=5)
            connection.request("GET", "/healthz")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        time.sleep(0.5)
    raise TimeoutError("the site did not become healthy")


def settle(site: Running, *, seconds: float) -> None:
    """Wait until the site has done what filling it left behind: the first copy of the archive, the statistics, the checkpoint: until it has
    been still for so many `seconds`."""
    give_up = time.monotonic() + PATIENCE
    while time.monotonic() < give_up:
        before = machine.cpu_ms(machine.tree(site.supervisor))
        time.sleep(seconds)
        if machine.cpu_ms(machine.tree(site.supervisor)) - before < seconds * 1000 * SETTLED_SHARE:
            return


def seed(site: Running, contacts: int, workspaces: int, others: int) -> dict[str, Any]:
    """Fill the site in a process of its own; returns sign-ins, ids of records to open, sizes."""
    process = subprocess.run(
        [sys.executable, "-m", "amanat.operations.bench.seed", str(contacts), str(workspaces), str(others)],
        cwd=CHECKOUT, env=site.environment, stdout=subprocess.PIPE, check=True, text=True,
    )  # fmt: skip
    seeded: dict[str, Any] = json.loads(process.stdout.splitlines()[-1])
    return seeded
