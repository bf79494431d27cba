"""The record of a double: lines of JSON, only ever added to, so that it can be killed at any moment and believed after.

What it was told of people does not stay: lines about messages go after a week, and those that name somebody when she is erased. The file is
locked for each line, so that another process may take lines out (`forget`).
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

from amanat.core import clock

#: Lines that hold texts and numbers of people; the others are of the double itself.
OF_PEOPLE = frozenset({"accepted", "said", "event", "acked", "power"})
KEPT_FOR = timedelta(days=7)
_A_DAY = timedelta(days=1).total_seconds()
_WRITTEN = "written"


class Record:
    """One file. A line is whole on the disk's side of the system call before `add` returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        with _locked(path) as file:
            _mend(file)
        self._tidied = 0.0
        self._tidy(_now())

    def add(self, what: str, **facts: Any) -> None:
        """Write one line."""
        now = _now()
        line = json.dumps({"what": what, _WRITTEN: now, **facts}, ensure_ascii=False).encode() + b"\n"
        with _locked(self._path) as file:
            os.write(file, line)
        self._tidy(now)

    def lines(self) -> Iterator[dict[str, Any]]:
        with self._path.open(encoding="utf-8") as file:
            for line in file:
                said = json.loads(line)
                said.pop(_WRITTEN, None)
                yield said

    def clear(self) -> None:
        with _locked(self._path) as file:
            os.ftruncate(file, 0)

    def _tidy(self, now: float) -> None:
        """Once a day, and at the start: what is older than a week goes."""
        if abs(now - self._tidied) < _A_DAY:
            return
        self._tidied, oldest = now, now - KEPT_FOR.total_seconds()
        _take_out(self._path, lambda line: float(json.loads(line).get(_WRITTEN, now)) < oldest)


def forget(folder: Path, names_one: Callable[[str], bool]) -> int:
    """Take out of every record in a folder the lines about messages for which `names_one` holds; returns how many."""
    return sum(_take_out(path, names_one) for path in sorted(folder.glob("*.jsonl")))


def holding(folder: Path, names_one: Callable[[str], bool]) -> list[str]:
    """The names of records in which such a line stands."""
    found = []
    for path in sorted(folder.glob("*.jsonl")):
        with path.open(encoding="utf-8", errors="replace") as file:
            if any(_is_of_people(line) and names_one(line) for line in file):
                found.append(path.name)
    return found


def _take_out(path: Path, is_to_go: Callable[[str], bool]) -> int:
    with _locked(path) as file:
        lines = os.pread(file, os.fstat(file).st_size, 0).decode(errors="replace").splitlines(keepends=True)
        kept = [line for line in lines if not (_is_of_people(line) and is_to_go(line))]
        if len(kept) < len(lines):
            os.ftruncate(file, 0)
            os.write(file, "".join(kept).encode())
    return len(lines) - len(kept)


def _is_of_people(line: str) -> bool:
    try:
        return json.loads(line)["what"] in OF_PEOPLE
    except (ValueError, KeyError, TypeError):
        return True  # half a line: whatever it was


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file
    finally:
        os.close(file)


def _mend(file: int) -> None:
    """Cut off a last line that a kill left half written."""
    content = os.pread(file, os.fstat(file).st_size, 0)
    whole = content.rfind(b"\n") + 1
    if whole < len(content):
        os.ftruncate(file, whole)


def _now() -> float:
    return clock.now().timestamp()
