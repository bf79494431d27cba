"""Whose turn it is to send, within one process.

One thread at a time sends for an account, at most two for a workspace, and one thread of the worker is always left for other work: what
people answer is heard while everything else is being sent. While several workspaces send, none has more than a few requests under way, over
however many accounts, and none keeps this process and the database busy for more than a part of the time. Accounts that
found the same provider down try it again one at a time, for one that swallows requests holds a thread as long as a request may take.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import Enum
from uuid import UUID

from amanat.core import configuration

#: Accounts of one workspace that are sent for at once.
MOST_OF_ONE = 2
#: Requests of one workspace under way at once, over all its accounts, while other workspaces send too.
SHARED = 16
#: So many accounts must have found their provider down, and none the contrary since, before these take turns.
_MANY = 2

#: For so many seconds after its last run a workspace counts as one that sends too.
_REMEMBERED = 10.0

type Place = tuple[str, str]  #: a provider, and its address where each account has its own


class Turn(Enum):
    OURS = 1
    TAKEN = 2  #: another thread sends for the account, and was told to look once more
    LATER = 3  #: too many are at it


@dataclass(slots=True)
class _Run:
    workspace_id: UUID
    is_asked: bool = False  #: look once more


_busy: dict[UUID, _Run] = {}
_seen: dict[UUID, float] = {}  #: when a workspace was last sent for
_failing: dict[Place, set[UUID]] = {}
_trying: set[Place] = set()
_guard = threading.Lock()


def take(workspace_id: UUID, account_id: UUID) -> Turn:
    """Whether the caller sends for the account now; who does says `leave`."""
    with _guard:
        run = _busy.get(account_id)
        if run is not None:
            run.is_asked = True
            return Turn.TAKEN
        of_one = sum(other.workspace_id == workspace_id for other in _busy.values())
        if len(_busy) >= most() or of_one >= MOST_OF_ONE:
            return Turn.LATER
        _busy[account_id] = _Run(workspace_id)
        _seen[workspace_id] = time.monotonic()
        return Turn.OURS


def leave(account_id: UUID) -> bool:
    """Let the account go; returns whether somebody asked meanwhile."""
    with _guard:
        run = _busy.pop(account_id)
        _seen[run.workspace_id] = time.monotonic()
        return run.is_asked


def share(workspace_id: UUID) -> int | None:
    """How many requests each account of a workspace may have under way while others send too, now or a moment ago; None: nobody does."""
    with _guard:
        since = time.monotonic() - _REMEMBERED
        for other in [other for other, at in _seen.items() if at < since]:
            del _seen[other]
        if not any(other != workspace_id for other in _seen):
            return None
        own = sum(run.workspace_id == workspace_id for run in _busy.values())
        return SHARED // max(own, 1)


def most() -> int:
    """Accounts that are sent for at once."""
    return max(1, configuration.current().worker_concurrency - 1)


@contextmanager
def at(place: Place, account_id: UUID) -> Iterator[bool]:
    """Whether the account may try its provider: of those that found it down, one at a time. What they met holds up no other."""
    with _guard:
        failing = _failing.get(place, set())
        takes_turns = account_id in failing and len(failing) >= _MANY
        may_try = not takes_turns or place not in _trying
        if takes_turns and may_try:
            _trying.add(place)
    try:
        yield may_try
    finally:
        if takes_turns and may_try:
            with _guard:
                _trying.discard(place)


def fared(place: Place, account_id: UUID, *, well: bool) -> None:
    """How a run of an account found its provider."""
    with _guard:
        if well:
            _failing.pop(place, None)
        else:
            _failing.setdefault(place, set()).add(account_id)
