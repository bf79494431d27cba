"""Commands without the start of an interpreter, which is most of what they cost: a process that has loaded the program, and forks.

It has read nothing of any installation: what is forked gets the environment of its own and reads the settings anew, as a new process
does. One nursery serves one test process and ends with it. It has one thread and no connection when it forks, or it refuses.
"""

from __future__ import annotations

import atexit
import contextlib
import functools
import gc
import importlib
import json
import os
import select
import socket
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

#: Loaded beforehand, beside all that Django's setup loads.
LOADED = (
    "django.test.signals",  # makes anew what Django made of former settings
    "amanat.accounts.tests.factories",
    "amanat.operations.archive.rewinding",
    "amanat.operations.cli",
    "amanat.operations.doctor",
    "amanat.operations.keys",
    "amanat.operations.ledgers",
    "amanat.operations.nightly",
    "amanat.operations.preparing",
    "amanat.operations.replay",
    "amanat.operations.restore",
)
#: What lives long, and must be shown to start by itself, or needs next to nothing loaded.
BY_THEMSELVES = {"up", "web", "live", "worker", "archive", "sandbox", "bench", "test", "version", "help", "shell"}


NUMBER = 8  # bytes of a number between the two


def takes(words: tuple[str, ...], changes: dict[str, str]) -> bool:
    """Whether a program may be forked: not where the interpreter itself is told something."""
    told = any(name.startswith(("LD_", "PYTHON", "DYLD_")) for name in changes)
    return hasattr(os, "pidfd_open") and not told and not (words and words[0] in BY_THEMSELVES)


class Nursed(subprocess.Popen[str]):
    """A forked program, used as any other."""

    def _execute_child(self, args: list[str], *rest: Any) -> None:
        env, output = rest[5], rest[12]
        self._told, theirs = socket.socketpair()
        request = json.dumps({"args": args, "env": env}).encode()
        with theirs:
            socket.send_fds(_nursery(), [len(request).to_bytes(NUMBER)], [theirs.fileno(), output])
            _nursery().sendall(request)
        os.close(output)
        self.pid = int.from_bytes(self._told.recv(NUMBER))
        assert self.pid, "the nursery has ended"
        self._child_created = True

    def _internal_poll(self, *_rest: Any, **_more: Any) -> int | None:
        if self.returncode is None:
            pid, status = self._try_wait(os.WNOHANG)
            if pid:
                self._handle_exitstatus(status)
        return self.returncode

    def _try_wait(self, wait_flags: int) -> tuple[int, int]:
        if wait_flags & os.WNOHANG and not select.select([self._told], [], [], 0)[0]:
            return 0, 0
        with self._told:
            status = self._told.recv(NUMBER)
        assert status, "the nursery has ended"
        return self.pid, int.from_bytes(status)


@functools.cache
def _nursery() -> socket.socket:
    from amanat.core import configuration
    from amanat.operations.tests import places

    folder = tempfile.TemporaryDirectory(prefix="amanat-nursery-")
    configuration.ensure_secrets(configuration.load({"AMANAT_DATA": str(Path(folder.name) / "data")}))
    ours, theirs = socket.socketpair()
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(theirs.fileno())],
        cwd="/",
        env=places.environment(Path(folder.name) / "data"),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        pass_fds=[theirs.fileno()],
    )
    theirs.close()

    def end() -> None:
        ours.close()
        process.wait()
        folder.cleanup()

    atexit.register(end)
    return ours


def serve(requests: socket.socket) -> dict[str, Any] | None:
    """Fork until whoever asks is gone. Returns in each forked process too, with what it is to do."""
    running: dict[int, tuple[int, socket.socket]] = {}  # by the descriptor that tells its end
    while True:
        ready, _, _ = select.select([requests, *running], [], [])
        for ended in ready:
            if ended is requests:
                continue
            pid, tell = running.pop(ended)
            _, status = os.waitpid(pid, 0)
            os.close(ended)
            with tell, contextlib.suppress(OSError):  # whoever asked does not care any more
                tell.sendall(status.to_bytes(NUMBER))
        if requests not in ready:
            continue
        length, descriptors, _, _ = socket.recv_fds(requests, NUMBER, 2)
        if not length:
            return None
        request: dict[str, Any] = json.loads(requests.recv(int.from_bytes(length), socket.MSG_WAITALL))
        tell, output = socket.socket(fileno=descriptors[0]), descriptors[1]
        pid = os.fork()
        if not pid:
            os.dup2(output, 1)
            os.dup2(output, 2)
            for one in (output, requests.detach(), tell.detach(), *running):
                os.close(one)
            for _, other in running.values():
                other.close()
            return request
        os.close(output)
        tell.sendall(pid.to_bytes(NUMBER))
        running[os.pidfd_open(pid)] = (pid, tell)


def load() -> None:
    """All that commands need, and nothing that belongs to an installation."""
    from amanat.operations import services

    services.set_up_django()
    for name in LOADED:
        importlib.import_module(name)
    from django.db import connections

    opened = [connection.alias for connection in connections.all(initialized_only=True) if connection.connection]
    assert not opened, f"loading the program connected to {opened}"
    threads = list(Path("/proc/self/task").iterdir())
    assert len(threads) == 1, "loading the program began a thread: what is forked then would lack it"
    gc.freeze()


def become(environ: dict[str, str]) -> None:
    """Forget the installation of the nursery; the settings are read again when they are asked for, of this one."""
    from asgiref.local import Local
    from django.conf import LazySettings, Settings, settings
    from django.core.signals import setting_changed
    from django.db import connections
    from django.utils.functional import empty

    from amanat.core import configuration

    former = settings._wrapped
    os.environ.clear()
    os.environ.update(environ)
    configuration.current.cache_clear()
    sys.modules.pop("amanat.settings", None)
    settings.__dict__.clear()
    settings._wrapped = empty
    read = LazySettings._setup

    def read_and_tell(of: LazySettings, name: str | None = None) -> None:
        """As when a test changes settings: Django makes anew what it had made of the former ones."""
        LazySettings._setup = read
        read(of, name)
        for one in dir(of):
            if one.isupper() and one != "DATABASES" and getattr(of, one) != getattr(former, one, None):
                setting_changed.send(sender=Settings, setting=one, value=getattr(of, one), enter=True)

    LazySettings._setup = read_and_tell
    connections.__dict__.pop("settings", None)
    connections._settings = None
    connections._connections = Local()


def main() -> None:
    load()
    request = serve(socket.socket(fileno=int(sys.argv[1])))
    if request is None:
        return
    become(request["env"])
    _, option, what, *words = request["args"]
    if option == "-c":
        sys.argv = ["-c", *words]
        exec(compile(what, "<string>", "exec"), {"__name__": "__main__"})
    else:
        from amanat.operations import cli

        sys.argv = ["amanat", *words]
        sys.exit(cli.main())


if __name__ == "__main__":
    try:
        main()
    except Exception:
        traceback.print_exc()
        sys.exit(1)
