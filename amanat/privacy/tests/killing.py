"""Kill a real process at a chosen statement or commit of what it does.

A driver is started once for all tests of a module; for each order it forks a child, which opens a connection of its own, counts what it sends to the database, and at
the chosen number gets SIGKILL: no `finally`, no rollback, no hook runs. The driver itself touches neither database nor files, so that a
child inherits no connection and no thread of theirs (the tests' own process could not be forked).
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from amanat.core import clock

#: A child that waits longer than this for a lock or a thread hangs; the driver ends, and the test with it.
PATIENCE = 60
_HERE = Path(__file__).resolve().parents[3]
_DRIVER = """
import sys
from amanat.operations import services
services.set_up_django()
from django.db import connections
for each in connections.all():
    each.settings_dict["NAME"] = sys.argv[1]
from amanat.privacy.tests import killing
killing.drive()
"""


class Driver:
    """Orders, one after the other: a function of an importable module with arguments of JSON."""

    def __init__(self) -> None:
        command = [sys.executable, "-c", _DRIVER, str(connections["default"].settings_dict["NAME"])]
        self._process = subprocess.Popen(command, cwd=_HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self._timer: threading.Timer | None = None

    def killed(self, function: str, *arguments: str, after: int, at: datetime | None = None) -> bool:
        """Call "module:function" in a process that is killed once it has sent `after` statements and commits.

        `at` is what its clock says; files lie where those of the test lie. False when it ended well before. Raises RuntimeError when it failed by itself.
        """
        assert self._process.stdin is not None and self._process.stdout is not None
        order = {"call": function, "with": arguments, "after": after, "at": at.isoformat() if at else None}
        order["places"] = {name: str(getattr(settings, name)) for name in ("FILES_ROOT", "LEDGER_HEADS_FILE")}
        print(json.dumps(order), file=self._process.stdin, flush=True)
        watch = threading.Timer(PATIENCE, self._process.kill)
        watch.start()
        said = self._process.stdout.readline().strip()
        watch.cancel()
        if said not in {"killed", "ended"}:
            raise RuntimeError(f"the process failed by itself: {said or 'no answer'}")
        return said == "killed"

    def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()


@contextlib.contextmanager
def driver() -> Iterator[Driver]:
    made = Driver()
    try:
        yield made
    finally:
        made.close()


def drive() -> None:
    """The driver's life."""
    for line in sys.stdin:
        order = json.loads(line)
        child = os.fork()
        if child == 0:
            _do(order)
        _pid, status = os.waitpid(child, 0)
        if os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL:
            print("killed", flush=True)
        else:
            print("ended" if status == 0 else "failed", flush=True)


def _do(order: dict[str, Any]) -> None:
    """The child's life; never returns."""
    code = 1
    signal.alarm(PATIENCE)
    try:
        for place, path in order["places"].items():
            setattr(settings, place, Path(path))
        module, name = order["call"].split(":")
        act = getattr(importlib.import_module(module), name)
        moment = clock.standing_at(datetime.fromisoformat(order["at"])) if order["at"] else contextlib.nullcontext()
        with moment, _counted(order["after"]):
            act(*order["with"])
        code = 0
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        os._exit(code)


@contextlib.contextmanager
def _counted(after: int) -> Iterator[None]:
    left = iter(range(after))

    def one_more() -> None:
        if next(left, None) is None:
            os.kill(os.getpid(), signal.SIGKILL)

    def count(execute: Callable[..., Any], sql: Any, values: Any, many: bool, context: Any) -> Any:
        one_more()
        return execute(sql, values, many, context)

    def watch(connection: BaseDatabaseWrapper) -> None:
        commit = connection._commit

        def commits() -> None:
            one_more()  # all is written, nothing is committed
            commit()
            one_more()  # all is committed, nothing that waits for the commit is done

        connection._commit = commits
        connection.execute_wrappers.append(count)

    def opened(connection: BaseDatabaseWrapper, **_signal: Any) -> None:
        if count not in connection.execute_wrappers:  # of another thread
            watch(connection)

    watch(connections["default"])
    connection_created.connect(opened, weak=False)
    yield


__all__ = ["Driver", "drive", "driver"]
