"""The record of a double: lines of JSON, only ever added to, so that it can be killed at any moment and believed after."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Record:
    """One file. A line is whole on the disk's side of the system call before `add` returns."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._mend()
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def add(self, what: str, **facts: Any) -> None:
        """Write one line."""
        os.write(self._file, json.dumps({"what": what, **facts}, ensure_ascii=False).encode() + b"\n")

    def lines(self) -> Iterator[dict[str, Any]]:
        with self._path.open(encoding="utf-8") as file:
            for line in file:
                yield json.loads(line)

    def clear(self) -> None:
        os.truncate(self._path, 0)

    def close(self) -> None:
        os.close(self._file)

    def _mend(self) -> None:
        """Cut off a last line that a kill left half written."""
        if not self._path.exists():
            return
        content = self._path.read_bytes()
        whole = content.rfind(b"\n") + 1
        if whole < len(content):
            os.truncate(self._path, whole)
