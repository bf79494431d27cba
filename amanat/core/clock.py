"""The only source of the present time. Commands, tests and the demo can move it; leases and locks use the database's clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

_frozen: ContextVar[datetime | None] = ContextVar("frozen", default=None)
_offset = timedelta(0)


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return _frozen.get() or datetime.now(UTC) + _offset


def outside(moment: datetime) -> datetime:
    """`moment` of this clock by the clock of the machine and of the database, which nobody moves."""
    return moment - _offset


def today(zone: str | ZoneInfo) -> date:
    """The day it is now in `zone`, an IANA name such as "Asia/Kolkata"."""
    return now().astimezone(ZoneInfo(zone) if isinstance(zone, str) else zone).date()


def shift(by: timedelta) -> None:
    """Move this process's clock by a fixed distance, for demos and drills (setting AMANAT_TIME_OFFSET)."""
    global _offset
    _offset = by


@contextmanager
def standing_at(moment: datetime) -> Iterator[None]:
    """Hold the clock at `moment` (aware) inside the block."""
    if moment.tzinfo is None:
        raise ValueError("the clock needs an aware time")
    token = _frozen.set(moment.astimezone(UTC))
    try:
        yield
    finally:
        _frozen.reset(token)
