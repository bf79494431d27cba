"""What a run tried, in a file that outlives its process: after a kill it says which messages may have left and which surely did not.

Each run of the sending job has one file, locked as long as the run lives. A line is written before a request is made and another when
its answer came; the kernel keeps both when the process is killed. Whoever can lock the file knows that the run is over for good: no
request of it will begin any more. After a crash of the whole machine lines may be missing, so the file names the boot it was written in.

Nothing here is kept: a run that recorded everything in the database takes its file away, one that was killed is read by
`settling.rescue` within seconds.
"""

from __future__ import annotations

import fcntl
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from uuid import UUID, uuid4

from django.conf import settings

from amanat.messaging.channels.contract import Answer, Outcome

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_SUFFIX = ".journal"
type Claim = tuple[UUID, int]  #: a dispatch and its number of tries


@dataclass(slots=True)
class Evidence:
    """What a file says. `is_whole` is False where lines may be missing: then nothing is surely unsent."""

    workspace_id: UUID
    is_whole: bool
    begun: set[Claim] = field(default_factory=set)
    answers: dict[Claim, Answer] = field(default_factory=dict)
    put_back: set[Claim] = field(default_factory=set)


def folder() -> Path:
    return Path(settings.FILES_ROOT).with_name("outbox")


@cache
def _boot() -> str:
    """Which start of this machine this is; "" where it cannot be told."""
    try:
        return _BOOT.read_text().strip()
    except OSError:
        return ""


class Journal:
    """The journal of a run that lives: `token` is what its claims are marked with. May be written by many threads."""

    def __init__(self, workspace_id: UUID) -> None:
        self.token = uuid4().hex
        self.is_settled = False
        place = folder()
        place.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._path = place / f"{self.token}{_SUFFIX}"
        unfinished = self._path.with_suffix(".new")
        self._file = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600)
        fcntl.flock(self._file, fcntl.LOCK_EX)
        self._write({"workspace": str(workspace_id), "boot": _boot()})
        unfinished.rename(self._path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it; a run that recorded everything (`is_settled`) takes it away, any other leaves it to the rescue."""
        if self.is_settled:
            self._path.unlink(missing_ok=True)
        os.close(self._file)

    def begin(self, claim: Claim) -> None:
        """The request is about to be made."""
        self._write(["began", str(claim[0]), claim[1]])

    def never_left(self, claim: Claim) -> None:
        self._write(["back", str(claim[0]), claim[1]])

    def answered(self, claim: Claim, answer: Answer) -> None:
        said = [answer.outcome.value, answer.provider_id, answer.code, answer.pricing, answer.opts_out]
        self._write(["answer", str(claim[0]), claim[1], *said])

    def _write(self, line: Any) -> None:
        os.write(self._file, json.dumps(line).encode() + b"\n")


def tokens() -> list[str]:
    """Of all journals on this machine."""
    return [path.name.removesuffix(_SUFFIX) for path in folder().glob(f"*{_SUFFIX}")]


def is_here(token: str) -> bool:
    return (folder() / f"{token}{_SUFFIX}").exists()


class Found:
    """A journal that somebody else wrote. `is_over`: its run has ended and we hold its lock until `close`."""

    def __init__(self, token: str) -> None:
        self._path = folder() / f"{token}{_SUFFIX}"
        self._file = os.open(self._path, os.O_RDONLY)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.is_over = True
        except BlockingIOError:
            self.is_over = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        os.close(self._file)

    def read(self) -> Evidence:
        lines = _lines(self._path.read_bytes())
        head = next(lines, None)
        if not isinstance(head, dict):
            raise ValueError("not a journal")
        found = Evidence(UUID(head["workspace"]), is_whole=bool(_boot()) and head["boot"] == _boot())
        for line in lines:
            claim = (UUID(line[1]), int(line[2]))
            if line[0] == "began":
                found.begun.add(claim)
            elif line[0] == "back":
                found.put_back.add(claim)
            else:
                outcome, provider_id, code, pricing, opts_out = line[3:]
                found.answers[claim] = Answer(
                    Outcome(outcome), provider_id=provider_id, code=code, pricing=pricing, opts_out=opts_out
                )
        return found

    @property
    def age(self) -> float:
        """Seconds since its last line, by the clock of the file system, which nobody moves for a demo."""
        return time.time() - self._path.stat().st_mtime

    def take_away(self) -> None:
        self._path.unlink(missing_ok=True)


def _lines(content: bytes) -> Iterator[Any]:
    """Every whole line; the last may have been cut off."""
    for line in content.splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return
