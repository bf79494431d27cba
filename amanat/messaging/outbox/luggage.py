"""How much of files this process holds while it sends: each message has its own in memory as long as its request takes.

A hundred messages with a film each would be gigabytes. So they wait for one another, in the order in which they came; messages without files
never wait, and one message always may go, however large.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager

#: Bytes of files of all requests under way together. A mail needs some four times as much while it is made.
MOST = 32_000_000
#: How often one that waits asks whether it still may, in seconds.
_LOOK = 0.25

_changed = threading.Condition()
_waiting: deque[object] = deque()
_held: list[int] = []


@contextmanager
def room(size: int, *, may_wait: Callable[[], bool]) -> Iterator[bool]:
    """Inside, `size` bytes may be held. Waits for that; gives False, and room for nothing, once `may_wait` says no."""
    has_room = not size or _enter(size, may_wait)
    try:
        yield has_room
    finally:
        if size and has_room:
            with _changed:
                _held.remove(size)
                _changed.notify_all()


def _enter(size: int, may_wait: Callable[[], bool]) -> bool:
    ticket = object()
    with _changed:
        _waiting.append(ticket)
        try:
            while _waiting[0] is not ticket or (_held and sum(_held) + size > MOST):
                if not may_wait():
                    return False
                _changed.wait(_LOOK)
            _held.append(size)
            return True
        finally:
            _waiting.remove(ticket)
            _changed.notify_all()
