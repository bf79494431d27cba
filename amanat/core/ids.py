"""Identifiers: UUID version 7 (RFC 9562, section 5.7), in order of creation.

Order matters twice: new rows go to the right-hand end of an index, and a list "newest first" can be paged by id alone.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from uuid import UUID

_lock = threading.Lock()
_last = 0


def new() -> UUID:
    """A new id, greater than every id this process has made before, whatever the clock does.

    48 bits of Unix milliseconds, then 74 bits of which the first 12 count up within a millisecond (RFC 9562, 6.2, method 3).
    """
    return UUID(int=_next())


def text() -> str:
    """A new id as PostgreSQL and `str` write it: where thousands of rows are made, making each a UUID first costs more than the id."""
    said = f"{_next():032x}"
    return f"{said[:8]}-{said[8:12]}-{said[12:16]}-{said[16:20]}-{said[20:]}"


def array(wanted: Iterable[UUID]) -> str:
    """Ids as the literal of an array, for `%s::uuid[]`: where thousands are handed to many statements, the driver would look at each of them
    each time."""
    return "{" + ",".join([one.hex for one in wanted]) + "}"


def _next() -> int:
    global _last
    # In units of 1/4096 ms: the top 48 bits are milliseconds, the low 12 become rand_a.
    ticks = time.time_ns() * 4096 // 1_000_000
    with _lock:
        if ticks <= _last:
            ticks = _last + 1
        _last = ticks
    milliseconds, fraction = divmod(ticks, 4096)
    random_part = int.from_bytes(os.urandom(8)) & ((1 << 62) - 1)
    return (milliseconds << 80) | (0x7 << 76) | (fraction << 64) | (0b10 << 62) | random_part
