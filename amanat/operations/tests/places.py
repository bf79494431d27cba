"""Installations in folders of their own, and programs started and killed as a user or an accident would."""

import contextlib
import fcntl
import functools
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, Any

from amanat.core import configuration
from amanat.core.configuration import CHECKOUT, Configuration
from amanat.operations import ports, postgres, roles
from amanat.operations.tests import nursery

#: Seconds for what takes one or two on a machine that does nothing else. Only a fault waits so long; a busy machine is none.
PATIENCE = 120.0
LONGEST_RUN = 3600.0  # seconds after which an installation is made anew, and one made for other code is in nobody's way
#: Of this process's environment, what programs are given too.
KEPT = {"PATH", "HOME", "LANG", "TMPDIR", "PYTHONPYCACHEPREFIX"}
#: What a killed process may leave in the database: somebody was ended for good, and the file outside does not know yet.
TOMBSTONE = '{"kind": "contact purged", "subject": "ab", "at": "2026-11-22T10:00:00+00:00"}\n'


def install(within: Path, **environ: str) -> Configuration:
    """Configuration and secrets of a new installation; the database is not made yet."""
    found = configuration.load({"AMANAT_DATA": str(within / "data"), **environ})
    configuration.ensure_secrets(found)
    return found


def started(within: Path, **environ: str) -> Configuration:
    """A new installation whose server has run: its cluster, its database and its roles are there, no table is."""
    return made_once("started", _start, within, **environ)


def _start(folder: Path) -> None:
    here = install(folder)
    server = postgres.start(here, purpose="tests", durable=False)
    try:
        roles.set_up(here)
    finally:
        server.stop()


def migrated(within: Path, **environ: str) -> Configuration:
    """A new installation with today's tables and nothing in them: the tables alone take ten seconds."""
    return made_once("migrated", _migrate, within, **environ)


def _migrate(folder: Path) -> None:
    said, output = run(install(folder).data, "migrate", by_itself=True)
    assert said == 0, output


def with_demo(within: Path, **environ: str) -> tuple[Configuration, dict[str, Any], str]:
    """A new installation with the demo in it; what the demo says of itself, and the path with which its first owner begins."""
    found = made_once("demo", _make_demo, within, **environ)
    told = json.loads((within / "told.json").read_text())
    return found, told["demo"], told["owner"]


def _make_demo(folder: Path) -> None:
    here = migrated(folder)
    words = (
        "from amanat.operations import services; services.set_up_django(); from amanat.accounts import setup; "
        "print(setup.owner_link(''))"
    )
    with postgres.using(here):
        said, link = run(here.data, code=words)
        assert said == 0, link
        said, output = run(here.data, "demo", "--json", by_itself=True)
        assert said == 0, output
    demo = json.loads(next(line for line in output.splitlines() if line.startswith("{")))
    (folder / "told.json").write_text(json.dumps({"demo": demo, "owner": link.split()[-1]}))


def made_once(name: str, make: Callable[[Path], object], within: Path, **environ: str) -> Configuration:
    """An installation that `make` makes in a folder; what else it leaves in the folder comes along. What it holds is of this hour.

    It is a copy of one that the first to ask makes for all processes of the run. A data folder may be moved, so may its copy; the keys
    are the same in all of them.
    """
    shared = Path(tempfile.gettempdir()) / f"amanat-tests-{os.getuid()}" / "installed"
    made = shared / _digest_of_code() / name
    made.parent.mkdir(parents=True, exist_ok=True)
    for above in (shared.parent, shared, made.parent):
        above.chmod(0o711)  # whatever the umask: the database of a root lies elsewhere otherwise, and would be shared
    with (shared / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if made.exists() and time.time() - made.stat().st_mtime > LONGEST_RUN:
            shutil.rmtree(made)
        if not made.exists():
            for old in shared.iterdir():
                if old.is_dir() and time.time() - old.stat().st_mtime > LONGEST_RUN:
                    shutil.rmtree(old, ignore_errors=True)
            # Under a name of its own: what a broken-off try has left is in nobody's way.
            begun = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=made.parent))
            begun.chmod(0o711)
            make(begun)
            begun.rename(made)
        subprocess.run(["cp", "-a", f"{made}/.", str(within)], check=True)
    return install(within, **environ)


@functools.cache
def _digest_of_code() -> str:
    code = b"".join(path.read_bytes() for path in sorted((CHECKOUT / "amanat").rglob("*.py")))
    return hashlib.sha256(code).hexdigest()[:16]


_held: list[IO[str]] = []  # open files whose locks say that ports are ours


def free_port() -> int:
    """The first of four in a row that are free, below those that the system lends to outgoing connections. They are this process's
    for as long as it lives: no other process of the run draws them, even while nobody listens there."""
    taken = Path(tempfile.gettempdir()) / f"amanat-tests-{os.getuid()}" / "ports"
    taken.mkdir(parents=True, exist_ok=True)
    for _ in range(500):
        port = random.SystemRandom().randrange(20000, 30000, 4)
        hold = (taken / str(port)).open("a")
        try:
            fcntl.flock(hold, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            hold.close()
            continue
        if any(ports.problem("127.0.0.1", port + number) for number in range(4)):
            hold.close()
            continue
        _held.append(hold)
        return port
    raise AssertionError("no four free ports in a row")


@contextlib.contextmanager
def folder() -> Iterator[Path]:
    """A folder that the server's user can enter, for good: pytest closes its own again with each run that begins."""
    with tempfile.TemporaryDirectory(prefix="amanat-place-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o711)
        yield Path(name)


def environment(data: Path, **changes: str) -> dict[str, str]:
    """The environment of a new shell: nothing of the test run's own settings."""
    kept = {name: value for name, value in os.environ.items() if name in KEPT}
    return {**kept, "AMANAT_DATA": str(data), "PYTHONPATH": str(CHECKOUT), "PYTHONUNBUFFERED": "1", **changes}


def spawn(data: Path, *words: str, code: str = "", by_itself: bool = False, **changes: str) -> subprocess.Popen[str]:
    """Start the command line with `words`, or a piece of Python: `by_itself` with an interpreter of its own, as long-lived ones are."""
    start = subprocess.Popen if by_itself or not nursery.takes(() if code else words, changes) else nursery.Nursed
    return start(
        [sys.executable, *(["-c", code] if code else ["-m", "amanat"]), *words],
        cwd="/",
        env=environment(data, **changes),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def run(data: Path, *words: str, by_itself: bool = False, **changes: str) -> tuple[int, str]:
    """Exit code and everything printed."""
    process = spawn(data, *words, by_itself=by_itself, **changes)
    output = process.communicate(timeout=5 * PATIENCE)[0]
    return process.returncode, output


def wait_for(condition: Callable[[], object], told: str) -> None:
    give_up = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < give_up, told
        time.sleep(0.05)


def read_until(process: subprocess.Popen[str], words: str) -> str:
    """Output up to the line that has `words`."""
    assert process.stdout is not None
    seen = ""
    for line in process.stdout:
        seen += line
        if words in line:
            return seen
    raise AssertionError(f"{words!r} was never said: {seen}")


def descendants(pid: int) -> set[int]:
    """Processes started by `pid`, and theirs."""
    parents: dict[int, list[int]] = {}
    for line in subprocess.run(
        ["ps", "-eo", "pid=,ppid="], capture_output=True, text=True, check=True
    ).stdout.splitlines():
        child, parent = map(int, line.split())
        parents.setdefault(parent, []).append(child)
    found: set[int] = set()
    todo = [pid]
    while todo:
        for child in parents.get(todo.pop(), []):
            found.add(child)
            todo.append(child)
    return found


def is_running(pid: int) -> bool:
    """Alive and not merely unburied."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return bool(state) and not state.startswith("Z")


def kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
