"""Repeating dates, by one written rule.

1. A repetition begins with its start and counts days on the calendar of its zone. Nothing before the start occurs.
2. Daily: every n days. Weekly: on the named weekdays of every n-th week, weeks beginning on Monday, the first being
   the week of the start. Monthly: on day 1 to 31, or the last day, of every n-th month. Yearly: on the day and month
   of the start, every n years.
3. A day that a month does not have is that month's last day: the 31st falls on 30 April, the 29th on 28 February in a
   common year. A yearly 29 February falls on 28 February in common years and on 29 February in leap years.
4. A time is a wall-clock time in the zone. One that is skipped when clocks go forward moves to the first minute that
   exists; one that happens twice when they go back means the first.
5. Each occurrence happens once: should rule 4 move one onto the next, they are one.
6. `until` is the last day on which it may occur, in the zone; `count` is how many times it occurs in all.

Rule 3 differs from RFC 5545, where such days are left out; `to_rrule` writes them so that calendars show the same
days as we do. Rule 4 differs in the hour skipped in spring: calendars show 02:30 as 03:30 there, we mean 03:00.
"""

import calendar
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from itertools import islice
from typing import Any, cast, overload
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

LAST_DAY = -1
_MOST_EVERY = 1_000
_MOST_COUNT = 10_000
_DAY_NAMES = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_FREQUENCIES = {"day": "DAILY", "week": "WEEKLY", "month": "MONTHLY", "year": "YEARLY"}


class BadRepeat(ValueError):
    """The rule of repetition makes no sense; the text says why."""


class Unit(StrEnum):
    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


@dataclass(frozen=True, slots=True)
class Repeat:
    """How something repeats. Empty fields are taken from the start: its weekday, day of the month, time of day.

    `weekdays` counts from Monday = 0. `month_day` is 1 to 31 or LAST_DAY. `zone` is an IANA name and is needed for
    times.
    """

    unit: Unit
    every: int = 1
    weekdays: tuple[int, ...] = ()
    month_day: int | None = None
    at: time | None = None
    zone: str | None = None
    until: date | None = None
    count: int | None = None

    def __post_init__(self) -> None:
        if not 1 <= self.every <= _MOST_EVERY:
            raise BadRepeat(f"It can repeat every 1 to {_MOST_EVERY} {self.unit.value}s.")
        if self.weekdays and (self.unit is not Unit.WEEK or not set(self.weekdays) <= set(range(7))):
            raise BadRepeat("Weekdays belong to a weekly repetition.")
        if self.month_day is not None and (
            self.unit is not Unit.MONTH or not (self.month_day == LAST_DAY or 1 <= self.month_day <= 31)
        ):
            raise BadRepeat("A day of the month (1 to 31, or the last) belongs to a monthly repetition.")
        if self.count is not None and not 1 <= self.count <= _MOST_COUNT:
            raise BadRepeat(f"It can occur 1 to {_MOST_COUNT} times.")
        if self.at is not None and self.at.tzinfo is not None:
            raise BadRepeat("The time of day carries no zone of its own.")
        if self.zone is not None:
            _zone(self.zone)
        object.__setattr__(self, "weekdays", tuple(sorted(set(self.weekdays))))

    def to_json(self) -> dict[str, Any]:
        """Only what was set, in plain types."""
        values: dict[str, Any] = {"unit": self.unit.value, "every": self.every}
        if self.weekdays:
            values["weekdays"] = list(self.weekdays)
        for name in ("month_day", "zone", "count"):
            if getattr(self, name) is not None:
                values[name] = getattr(self, name)
        if self.at is not None:
            values["at"] = self.at.isoformat()
        if self.until is not None:
            values["until"] = self.until.isoformat()
        return values

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Repeat":
        """The inverse of `to_json`. Raises BadRepeat for anything else."""
        unknown = set(values) - set(cls.__dataclass_fields__)
        if unknown:
            raise BadRepeat("Unknown: " + ", ".join(sorted(unknown)))
        try:
            return cls(
                unit=Unit(values["unit"]),
                every=_whole(values.get("every", 1)),
                weekdays=tuple(_whole(day) for day in values.get("weekdays", ())),
                month_day=None if values.get("month_day") is None else _whole(values["month_day"]),
                at=None if values.get("at") is None else time.fromisoformat(values["at"]),
                zone=values.get("zone"),
                until=None if values.get("until") is None else date.fromisoformat(values["until"]),
                count=None if values.get("count") is None else _whole(values["count"]),
            )
        except BadRepeat:
            raise
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadRepeat("This is not a rule of repetition.") from error

    def to_rrule(self, start: date | datetime) -> str:
        """The value of an RFC 5545 RRULE property, for an event whose DTSTART is the first occurrence, in the zone."""
        day = _local_day(self, start)
        parts = [f"FREQ={_FREQUENCIES[self.unit]}"]
        if self.every > 1:
            parts.append(f"INTERVAL={self.every}")
        if self.unit is Unit.WEEK:
            parts.append("BYDAY=" + ",".join(_DAY_NAMES[weekday] for weekday in self.weekdays or (day.weekday(),)))
            parts.append("WKST=MO")
        if self.unit is Unit.MONTH:
            parts.append(_rrule_month_day(self.month_day or day.day))
        if self.unit is Unit.YEAR and (day.month, day.day) == (2, 29):
            parts.append("BYMONTH=2;" + _rrule_month_day(29))
        if self.until is not None:
            parts.append("UNTIL=" + self._rrule_until(start))
        if self.count is not None and self.until is None:  # RFC 5545 allows only one of the two
            parts.append(f"COUNT={self.count}")
        return ";".join(parts)

    def _rrule_until(self, start: date | datetime) -> str:
        assert self.until is not None
        if not isinstance(start, datetime):
            return f"{self.until:%Y%m%d}"
        end = moment(datetime.combine(self.until, time(23, 59, 59)), _needed_zone(self))
        return f"{end:%Y%m%dT%H%M%SZ}"


@overload
def occurrences(repeat: Repeat, start: datetime) -> Iterator[datetime]: ...
@overload
def occurrences(repeat: Repeat, start: date) -> Iterator[date]: ...
def occurrences(repeat: Repeat, start: date | datetime) -> Iterator[date] | Iterator[datetime]:
    """All occurrences, rising, from the start on: days for a day, aware UTC times for an aware time. May be endless."""
    return cast(Iterator[datetime], _occurrences(repeat, start, None))


@overload
def next_after(repeat: Repeat, start: datetime, after: datetime) -> datetime | None: ...
@overload
def next_after(repeat: Repeat, start: date, after: date) -> date | None: ...
def next_after(repeat: Repeat, start: date | datetime, after: date | datetime) -> date | datetime | None:
    """The first occurrence later than `after`, or None when it has ended. `start` is always the original start."""
    if isinstance(start, datetime) != isinstance(after, datetime):
        raise BadRepeat("Start and moment must both be days or both be times.")
    found: Iterator[date | datetime] = _occurrences(repeat, start, after)
    return next((moment for moment in found if moment > after), None)


@overload
def between(
    repeat: Repeat, start: datetime, first: datetime, end: datetime, *, limit: int = 1000
) -> list[datetime]: ...
@overload
def between(repeat: Repeat, start: date, first: date, end: date, *, limit: int = 1000) -> list[date]: ...
def between(
    repeat: Repeat, start: date | datetime, first: date | datetime, end: date | datetime, *, limit: int = 1000
) -> list[date] | list[datetime]:
    """Up to `limit` occurrences from `first` on and before `end`."""
    kept: list[date | datetime] = []
    for found in _occurrences(repeat, start, first):
        if found >= end or len(kept) >= limit:
            break
        if found >= first:
            kept.append(found)
    return cast("list[datetime]", kept)


def moment(local: datetime, zone: ZoneInfo) -> datetime:
    """The UTC time of a naive wall-clock time in `zone`, by rule 4."""
    first = local.replace(tzinfo=zone, fold=0)
    found = first.astimezone(UTC)
    if found.astimezone(zone).replace(tzinfo=None) == local:
        return found
    # Skipped: with fold 1 the offset after the change is applied, giving a time before it; the change lies between
    # the two.
    early, late = local.replace(tzinfo=zone, fold=1).astimezone(UTC), found
    offset = late.astimezone(zone).utcoffset()
    while late - early > timedelta(seconds=1):
        middle = early + (late - early) // 2
        if middle.astimezone(zone).utcoffset() == offset:
            late = middle
        else:
            early = middle
    return late.replace(microsecond=0)


def _occurrences(repeat: Repeat, start: date | datetime, since: date | datetime | None) -> Iterator[Any]:
    """Occurrences in order; those well before `since` may be passed over when nothing has to be counted."""
    first_day = _local_day(repeat, start)
    from_day = first_day
    if since is not None and repeat.count is None:
        from_day = max(first_day, _back(_local_day(repeat, since), 2))
    days = _days(repeat, first_day, from_day)
    found = _times(repeat, start, days) if isinstance(start, datetime) else days
    return islice(found, repeat.count)


def _times(repeat: Repeat, start: datetime, days: Iterator[date]) -> Iterator[datetime]:
    zone = _needed_zone(repeat)
    wall_clock = repeat.at or start.astimezone(zone).time()
    last = start - timedelta(microseconds=1)
    for day in days:
        try:
            found = moment(datetime.combine(day, wall_clock), zone)
        except OverflowError:
            return
        if repeat.at is None and day == start.astimezone(zone).date():
            found = start.astimezone(UTC)  # the start itself, also when it is the second of an hour that happens twice
        if found > last:
            last = found
            yield found


def _days(repeat: Repeat, start: date, from_day: date) -> Iterator[date]:
    """The days of rules 1 to 3 from `from_day` on, until `until` or the end of the calendar."""
    period = _periods_until(repeat, start, from_day)
    while True:
        try:
            candidates = _days_of_period(repeat, start, period * repeat.every)
        except (OverflowError, ValueError):
            return
        for day in candidates:
            if repeat.until is not None and day > repeat.until:
                return
            if day >= from_day:
                yield day
        period += 1


def _periods_until(repeat: Repeat, start: date, from_day: date) -> int:
    """A number of periods that can be passed over without missing a day from `from_day` on."""
    elapsed = {
        Unit.DAY: (from_day - start).days,
        Unit.WEEK: (from_day - start).days // 7,
        Unit.MONTH: (from_day.year - start.year) * 12 + from_day.month - start.month,
        Unit.YEAR: from_day.year - start.year,
    }[repeat.unit]
    return max(0, elapsed // repeat.every - 1)


def _days_of_period(repeat: Repeat, start: date, distance: int) -> list[date]:
    """The days of the period `distance` units after that of the start. Raises when it lies past the year 9999."""
    if repeat.unit is Unit.DAY:
        return [start + timedelta(days=distance)]
    if repeat.unit is Unit.WEEK:
        base = start + timedelta(weeks=distance)
        return [base + timedelta(days=weekday - start.weekday()) for weekday in repeat.weekdays or (start.weekday(),)]
    if repeat.unit is Unit.MONTH:
        year, month = divmod(start.year * 12 + start.month - 1 + distance, 12)
        return [_day_of_month(year, month + 1, repeat.month_day or start.day)]
    return [_day_of_month(start.year + distance, start.month, start.day)]


def _day_of_month(year: int, month: int, day: int) -> date:
    if year > date.max.year:
        raise OverflowError
    last = calendar.monthrange(year, month)[1]
    return date(year, month, last if day == LAST_DAY else min(day, last))


def _local_day(repeat: Repeat, at: date | datetime) -> date:
    if not isinstance(at, datetime):
        return at
    if at.tzinfo is None:
        raise BadRepeat("A time must carry its zone.")
    return at.astimezone(_needed_zone(repeat)).date()


def _back(day: date, days: int) -> date:
    return day - timedelta(days=days) if day.toordinal() > days else day


def _needed_zone(repeat: Repeat) -> ZoneInfo:
    if repeat.zone is None:
        raise BadRepeat("A repetition of times needs a zone.")
    return _zone(repeat.zone)


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise BadRepeat("This is not a time zone.") from error


def _whole(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        raise BadRepeat("A whole number is needed.")
    return value


def _rrule_month_day(day: int) -> str:
    """Days that some months lack are written as "the last that exists of 28 to day"."""
    if day == LAST_DAY or day <= 28:
        return f"BYMONTHDAY={day}"
    return "BYMONTHDAY=" + ",".join(str(each) for each in range(28, day + 1)) + ";BYSETPOS=-1"
