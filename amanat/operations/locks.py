"""Locks on files, kept by the kernel: they end with the last process that holds them, however it ends."""

import contextlib
import fcntl
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any


class Lock:
    """One holder at a time. The file tells others who holds it; its descriptor may be handed to a child, which then holds it too."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.descriptor = -1

    def take(self, note: dict[str, Any], *, wait: bool = False) -> bool:
        """Whether we hold it now. `note` is what others will read."""
        descriptor = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            os.close(descriptor)
            return False
        self.descriptor = descriptor
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps({"pid": os.getpid(), **note}).encode(), 0)
        return True

    def release(self) -> None:
        """Let go of our hold; a child that was given the descriptor keeps its own."""
        if self.descriptor >= 0:
            os.close(self.descriptor)
            self.descriptor = -1

    def is_free(self) -> bool:
        """Whether nobody holds it. Looks with a shared lock, so that two who look do not see each other."""
        try:
            with self._path.open() as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except FileNotFoundError:
            return True
        except BlockingIOError:
            return False
        return True

    def holder(self) -> dict[str, Any]:
        """The note of whoever took it last; empty when nobody did or the note is being written."""
        try:
            note = json.loads(self._path.read_text())
        except (FileNotFoundError, ValueError):
            return {}
        return note if isinstance(note, dict) else {}


@contextlib.contextmanager
def shared(path: Path) -> Iterator[None]:
    """Be one of several users of something for a while."""
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield


def nobody_shares(path: Path) -> bool:
    """Whether no process is within `shared(path)`."""
    with path.open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
    return True
