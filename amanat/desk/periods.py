"""Days reckoned in months, by the written rule of `core.recurrence`: a day that a month lacks is that month's last."""

from __future__ import annotations

from datetime import date

from amanat.core import recurrence
from amanat.core.recurrence import Repeat, Unit


def months_after(day: date, months: int) -> date:
    """The same day `months` later: 31 January and one month is 28 or 29 February."""
    found = recurrence.next_after(Repeat(unit=Unit.MONTH, every=months), day, day) if months else day
    assert found is not None  # a repetition without end has a next
    return found
