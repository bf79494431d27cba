"""Whose turn it is to send, within one process.

One thread at a time sends for an account, at most two for a workspace, and half of the worker's quick threads are always left for other work:
what people answer is heard while everything else is being sent. Accounts of a workspace that find its threads taken queue up, and who sends
makes room for them within a second. While several workspaces send, each has one thread and no more than a few requests under way, over however
many accounts, none keeps this process and the database busy for more than a part of the time, and who has much to send lets those pass
that have little. Accounts that found the same provider down try it again one at a time, for one that swallows requests holds a thread as long
as a request may take.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum
from uuid import UUID

from amanat.core import configuration, jobs

#: Accounts of one workspace that are sent for at once, and how many of these take up new messages while other workspaces send too.
MOST_OF_ONE, MOST_OF_ONE_AMONG_OTHERS = 2, 1
#: Seconds after which a run makes room for another account of its workspace.
GIVES_WAY_AFTER = 1.0
#: Requests of one workspace under way at once, over all its accounts, while other workspaces send too.
SHARED = 8
#: So many accounts must have found their provider down, and none the contrary since, before these take turns.
_MANY = 2

#: While other workspaces send too, one rests so many times as long as it kept this process and the database busy, over all its accounts.
_RESTS, _LONGEST_REST = 3.0, 1.0

#: Seconds for which a workspace that has much to send lets others pass, at most, before it begins what keeps this process busy.
_LETS_PASS = 0.05

#: For so many seconds after its last run a workspace counts as one that sends too.
_REMEMBERED = 10.0

type Place = tuple[str, str]  #: a provider, and its address where each account has its own


class Turn(Enum):
    OURS = 1
    TAKEN = 2  #: another thread sends for the account, and was told to look once more
    QUEUED = 3  #: others of the workspace are at it; the first that leaves says whose turn it is
    LATER = 4  #: too many are at it


@dataclass(slots=True)
class _Run:
    workspace_id: UUID
    began_at: float = field(default_factory=time.monotonic)
    is_asked: bool = False  #: look once more
    is_in_a_hurry: bool = True  #: it does what keeps this process busy, for little that is to be sent; nobody knows how much when it begins
    has_made_room: bool = False  #: it takes up nothing more and only waits for answers


@dataclass(frozen=True, slots=True)
class Left:
    """What there is to do when a run ended: whether somebody asked for its account meanwhile, and which one has waited longest for its place."""

    was_asked: bool
    follower: UUID | None


_busy: dict[UUID, _Run] = {}
_queues: dict[UUID, dict[UUID, None]] = {}  #: accounts that wait for a place, by workspace, in their order
_seen: dict[UUID, float] = {}  #: when a workspace was last sent for
_rests: dict[UUID, float] = {}  #: until when a workspace claims nothing more
_failing: dict[Place, set[UUID]] = {}
_trying: set[Place] = set()
_guard = threading.Lock()
_has_passed = threading.Condition(_guard)


def take(workspace_id: UUID, account_id: UUID) -> Turn:
    """Whether the caller sends for the account now; who does says `leave`."""
    with _guard:
        run = _busy.get(account_id)
        if run is not None:
            run.is_asked = True
            return Turn.TAKEN
        if not _has_place(workspace_id):
            _queues.setdefault(workspace_id, {})[account_id] = None
            return Turn.QUEUED
        if len(_busy) >= most():
            return Turn.LATER
        _unqueue(workspace_id, account_id)
        _busy[account_id] = _Run(workspace_id)
        _seen[workspace_id] = time.monotonic()
        return Turn.OURS


def make_room(account_id: UUID) -> UUID | None:
    """A run takes up nothing more: returns who has waited longest for its place, whom the caller wakes."""
    with _guard:
        run = _busy[account_id]
        run.has_made_room = True
        return _follower(run.workspace_id)


def leave(account_id: UUID) -> Left:
    """Let the account go. The caller wakes the follower; should it die before, the next sweep finds what is due."""
    with _has_passed:
        run = _busy.pop(account_id)
        _has_passed.notify_all()
        _seen[run.workspace_id] = time.monotonic()
        return Left(run.is_asked, _follower(run.workspace_id))


def gives_way(account_id: UUID) -> bool:
    """Whether a run has lasted long enough, since its workspace has other accounts that wait or more runs than it may have now."""
    with _guard:
        run = _busy[account_id]
        is_one_of_many = _others_send(run.workspace_id) and _taking_up(run.workspace_id) > MOST_OF_ONE_AMONG_OTHERS
        is_waited_for = run.workspace_id in _queues or is_one_of_many
        return is_waited_for and time.monotonic() - run.began_at >= GIVES_WAY_AFTER


def share(workspace_id: UUID) -> int | None:
    """How many requests each account of a workspace may have under way while others send too, now or a moment ago; None: nobody does."""
    with _guard:
        return SHARED // max(_of(workspace_id), 1) if _others_send(workspace_id) else None


def _of(workspace_id: UUID) -> int:
    return sum(run.workspace_id == workspace_id for run in _busy.values())


def _taking_up(workspace_id: UUID) -> int:
    return sum(run.workspace_id == workspace_id and not run.has_made_room for run in _busy.values())


def _has_place(workspace_id: UUID) -> bool:
    if _of(workspace_id) >= MOST_OF_ONE:
        return False
    return not _others_send(workspace_id) or _taking_up(workspace_id) < MOST_OF_ONE_AMONG_OTHERS


def _follower(workspace_id: UUID) -> UUID | None:
    queue = _queues.get(workspace_id)
    if not queue or not _has_place(workspace_id):
        return None
    first = next(iter(queue))
    _unqueue(workspace_id, first)
    return first


def _unqueue(workspace_id: UUID, account_id: UUID) -> None:
    queue = _queues.get(workspace_id, {})
    queue.pop(account_id, None)
    if not queue:
        _queues.pop(workspace_id, None)


def _others_send(workspace_id: UUID) -> bool:
    since = time.monotonic() - _REMEMBERED
    for other in [other for other, at in _seen.items() if at < since]:
        del _seen[other]
        _rests.pop(other, None)
    return any(other != workspace_id for other in _seen)


def rest_after(workspace_id: UUID, busy: float) -> None:
    """The workspace kept this process and the database busy for so many seconds: it leaves them to others for a multiple of that."""
    with _guard:
        now = time.monotonic()
        _rests[workspace_id] = min(max(_rests.get(workspace_id, 0.0), now) + _RESTS * busy, now + _LONGEST_REST)


def rest_of(workspace_id: UUID) -> float:
    """Seconds until the workspace may claim again; zero or less: now."""
    with _guard:
        return _rests.get(workspace_id, 0.0) - time.monotonic()


def hurry(account_id: UUID, *, is_over: bool = False) -> None:
    """A run with little to send does what keeps this process busy: milliseconds, for which those with much to send let it pass."""
    with _has_passed:
        _busy[account_id].is_in_a_hurry = not is_over
        _has_passed.notify_all()


def let_pass(workspace_id: UUID) -> None:
    """Wait until no run of another workspace is in a hurry, or long enough."""
    with _has_passed:
        _has_passed.wait_for(lambda: not _others_hurry(workspace_id), timeout=_LETS_PASS)


def _others_hurry(workspace_id: UUID) -> bool:
    return any(run.is_in_a_hurry and run.workspace_id != workspace_id for run in _busy.values())


def most() -> int:
    """Accounts that are sent for at once."""
    return jobs.quick_threads(configuration.current().worker_concurrency) // 2


@contextmanager
def at(place: Place, account_id: UUID) -> Iterator[bool]:
    """Whether the account may try its provider: of those that found it down, one at a time. What they met holds up no other."""
    with _guard:
        failing = _failing.get(place, set())
        takes_turns = account_id in failing and len(failing) >= _MANY
        may_try = not takes_turns or place not in _trying
        if takes_turns:
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
