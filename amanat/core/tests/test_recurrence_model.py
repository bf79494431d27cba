"""The rules of repetition against a model that looks at every single day, and at every single minute."""

from __future__ import annotations

import calendar
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.core.recurrence import LAST_DAY, Repeat, Unit, between, moment, next_after, occurrences

SPAN = 1_500  # days that the model looks at


def occurs(repeat: Repeat, start: date, day: date) -> bool:
    """Rules 1 to 3 and 6 (without the count), asked of one day."""
    if day < start or (repeat.until is not None and day > repeat.until):
        return False
    last = calendar.monthrange(day.year, day.month)[1]
    months = (day.year - start.year) * 12 + day.month - start.month
    match repeat.unit:
        case Unit.DAY:
            return (day - start).days % repeat.every == 0
        case Unit.WEEK:
            monday, first = (each - timedelta(days=each.weekday()) for each in (day, start))
            wanted = repeat.weekdays or (start.weekday(),)
            return day.weekday() in wanted and (monday - first).days // 7 % repeat.every == 0
        case Unit.MONTH:
            wanted_day = repeat.month_day or start.day
            is_day = day.day == (last if wanted_day == LAST_DAY else min(wanted_day, last))
            return months % repeat.every == 0 and is_day
        case Unit.YEAR:
            is_day = day.month == start.month and day.day == min(start.day, last)
            return (day.year - start.year) % repeat.every == 0 and is_day


def model(repeat: Repeat, start: date) -> list[date]:
    every_day = (start + timedelta(days=number) for number in range(SPAN))
    return list(islice((day for day in every_day if occurs(repeat, start, day)), repeat.count))


DAYS = st.one_of(
    st.dates(date(2019, 1, 1), date(2029, 12, 31)),
    st.sampled_from([date(2020, 2, 29), date(2024, 2, 29), date(2021, 1, 31), date(2020, 12, 31), date(2023, 2, 28)]),
)


@st.composite
def repeats(draw: st.DrawFn, start: date) -> Repeat:
    unit = draw(st.sampled_from(list(Unit)))
    return Repeat(
        unit,
        every=draw(st.integers(1, 14)),
        weekdays=tuple(draw(st.lists(st.integers(0, 6), max_size=4))) if unit is Unit.WEEK else (),
        month_day=draw(st.one_of(st.none(), st.just(LAST_DAY), st.integers(1, 31))) if unit is Unit.MONTH else None,
        until=draw(st.one_of(st.none(), st.integers(0, SPAN).map(lambda days: start + timedelta(days=days)))),
        count=draw(st.one_of(st.none(), st.integers(1, 40))),
    )


RULES = DAYS.flatmap(lambda start: st.tuples(repeats(start), st.just(start)))


@pytest.mark.slow
@settings(max_examples=120)
@given(rule=RULES)
def test_the_occurrences_are_the_days_the_model_names(rule: tuple[Repeat, date]) -> None:
    repeat, start = rule
    end = start + timedelta(days=SPAN)
    assert between(repeat, start, start, end, limit=SPAN) == model(repeat, start)


@pytest.mark.slow
@settings(max_examples=120)
@given(rule=RULES, ahead=st.integers(-400, SPAN - 1))
def test_the_next_is_the_first_later_day_of_the_model(rule: tuple[Repeat, date], ahead: int) -> None:
    repeat, start = rule
    after = start + timedelta(days=ahead)
    wanted = next((day for day in model(repeat, start) if day > after), None)
    found = next_after(repeat, start, after)
    if found is not None and (found - start).days >= SPAN:
        found = None  # beyond what the model looks at
    assert found == wanted


@pytest.mark.slow
@settings(max_examples=80)
@given(rule=RULES, first=st.integers(-100, SPAN), length=st.integers(0, 400), limit=st.integers(1, 50))
def test_any_window_holds_the_days_of_the_model(rule: tuple[Repeat, date], first: int, length: int, limit: int) -> None:
    repeat, start = rule
    opens = start + timedelta(days=first)
    closes = min(opens + timedelta(days=length), start + timedelta(days=SPAN))
    wanted = [day for day in model(repeat, start) if opens <= day < closes][:limit]
    assert between(repeat, start, opens, closes, limit=limit) == wanted


@pytest.mark.slow
@settings(max_examples=60)
@given(rule=RULES, steps=st.integers(1, 20))
def test_walking_from_one_to_the_next_gives_the_same_as_asking_for_all(rule: tuple[Repeat, date], steps: int) -> None:
    repeat, start = rule
    at: date | None = start - timedelta(days=1)
    walked = []
    for _ in range(steps):
        assert at is not None
        at = next_after(repeat, start, at)
        if at is None:
            break
        walked.append(at)
    assert walked == list(islice(occurrences(repeat, start), steps))


# --- Times ----------------------------------------------------------------------------------------------------------

ZONES = [
    "Asia/Kolkata",
    "America/New_York",
    "Europe/London",
    "Australia/Lord_Howe",
    "America/Sao_Paulo",
    "Pacific/Apia",
]
#: Days around which the clocks of these zones go forward or back, and some on which they do not.
CHANGES = [
    date(2026, 3, 8), date(2026, 11, 1), date(2026, 3, 29), date(2026, 10, 25), date(2026, 4, 5), date(2026, 10, 4),
    date(2018, 11, 4), date(2019, 2, 17), date(2011, 12, 30), date(2026, 6, 15),
]  # fmt: skip


def minute_by_minute(wall: datetime, zone: ZoneInfo) -> datetime:
    """Rule 4 as it is written: the first minute at which the clock on the wall shows `wall` or already more."""
    at = wall.replace(tzinfo=UTC) - timedelta(hours=15)
    while at.astimezone(zone).replace(tzinfo=None) < wall:
        at += timedelta(minutes=1)
    return at


@settings(max_examples=60, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(CHANGES),
    around=st.integers(-1, 1),
    minute=st.one_of(st.integers(0, 1439), st.integers(0, 240)),
)
def test_a_moment_is_the_first_minute_that_shows_it(zone: str, day: date, around: int, minute: int) -> None:
    wall = datetime.combine(day + timedelta(days=around), time(minute // 60, minute % 60))
    assert moment(wall, ZoneInfo(zone)) == minute_by_minute(wall, ZoneInfo(zone))


def timed_model(repeat: Repeat, start: datetime, days: int) -> Iterator[datetime]:
    zone = ZoneInfo(repeat.zone or "")
    first = start.astimezone(zone).date()
    wall = repeat.at or start.astimezone(zone).time()
    last: datetime | None = None
    for number in range(days):
        day = first + timedelta(days=number)
        if occurs(repeat, first, day):
            at = minute_by_minute(datetime.combine(day, wall), zone)
            if at >= start and (last is None or at > last):
                last = at
                yield at


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(CHANGES),
    hour=st.integers(0, 23),
    at=st.one_of(st.none(), st.times(time(0), time(4)).map(lambda found: found.replace(second=0, microsecond=0))),
    every=st.integers(1, 3),
)
def test_times_are_those_of_the_model(zone: str, day: date, hour: int, at: time | None, every: int) -> None:
    repeat = Repeat(Unit.DAY, every=every, at=at, zone=zone)
    start = minute_by_minute(datetime.combine(day - timedelta(days=2), time(hour, 30)), ZoneInfo(zone))
    wanted = list(timed_model(repeat, start, 9))  # a day more than the week: Samoa left one out
    assert between(repeat, start, start, start + timedelta(days=7), limit=50) == [
        found for found in wanted if found < start + timedelta(days=7)
    ]


@pytest.mark.parametrize(
    ("repeat", "start", "wanted"),
    [
        # A shop's habits, written out: rent on the 5th, GST on the 20th, the weekly bazaar, a yearly renewal.
        (Repeat(Unit.MONTH, month_day=5), "2026-11-22", ["2026-12-05", "2027-01-05", "2027-02-05"]),
        (Repeat(Unit.MONTH, month_day=20), "2026-11-20", ["2026-11-20", "2026-12-20", "2027-01-20"]),
        (Repeat(Unit.WEEK, weekdays=(1, 5)), "2026-11-22", ["2026-11-24", "2026-11-28", "2026-12-01"]),
        (Repeat(Unit.WEEK, every=2, weekdays=(6,)), "2026-11-23", ["2026-11-29", "2026-12-13", "2026-12-27"]),
        (Repeat(Unit.YEAR), "2024-02-29", ["2024-02-29", "2025-02-28", "2026-02-28"]),
        (Repeat(Unit.YEAR, every=4), "2024-02-29", ["2024-02-29", "2028-02-29", "2032-02-29"]),
        (Repeat(Unit.MONTH, every=3, month_day=LAST_DAY), "2026-11-30", ["2026-11-30", "2027-02-28", "2027-05-31"]),
        (Repeat(Unit.MONTH, month_day=31), "2027-01-31", ["2027-01-31", "2027-02-28", "2027-03-31"]),
        (Repeat(Unit.MONTH, month_day=30), "2028-01-30", ["2028-01-30", "2028-02-29", "2028-03-30"]),
        (Repeat(Unit.MONTH, every=12, month_day=29), "2027-02-01", ["2027-02-28", "2028-02-29", "2029-02-28"]),
        (Repeat(Unit.DAY, every=45), "2026-11-22", ["2026-11-22", "2027-01-06", "2027-02-20"]),
        (Repeat(Unit.DAY, every=1000), "2026-11-22", ["2026-11-22", "2029-08-18", "2032-05-14"]),
        (Repeat(Unit.DAY, count=2), "2026-11-22", ["2026-11-22", "2026-11-23"]),
        (Repeat(Unit.WEEK, weekdays=(0,), until=date(2026, 12, 7)), "2026-11-25", ["2026-11-30", "2026-12-07"]),
        (Repeat(Unit.DAY, until=date(2026, 11, 21)), "2026-11-22", []),
    ],
)
def test_habits_written_out(repeat: Repeat, start: str, wanted: list[str]) -> None:
    found = islice(occurrences(repeat, date.fromisoformat(start)), 3)
    assert [day.isoformat() for day in found] == wanted
