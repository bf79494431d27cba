from datetime import UTC, date, datetime, time, timedelta
from itertools import islice, pairwise
from zoneinfo import ZoneInfo

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.core.recurrence import LAST_DAY, BadRepeat, Repeat, Unit, between, moment, next_after, occurrences

ZONES = [
    "Asia/Kolkata",
    "America/New_York",
    "America/Los_Angeles",
    "America/St_Johns",
    "America/Sao_Paulo",
    "America/Santiago",
    "America/Asuncion",
    "Europe/London",
    "Europe/Berlin",
    "Europe/Lisbon",
    "Africa/Cairo",
    "Africa/Casablanca",
    "Asia/Beirut",
    "Asia/Jerusalem",
    "Asia/Tehran",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Pacific/Chatham",
    "Atlantic/Azores",
]
TEN_YEARS = (date(2020, 1, 1), date(2030, 1, 1))
#: In these years a clock of these zones is changed at no other hour but before five and after eleven at night; noon stands for the rest.
HOURS = (0, 1, 2, 3, 4, 12, 23)


def days(repeat: Repeat, start: date, how_many: int) -> list[str]:
    return [f"{day:%Y-%m-%d}" for day in islice(occurrences(repeat, start), how_many)]


def local(repeat: Repeat, start: datetime, how_many: int) -> list[str]:
    zone = ZoneInfo(repeat.zone or "")
    return [f"{at.astimezone(zone):%m-%d %H:%M %z}" for at in islice(occurrences(repeat, start), how_many)]


def test_every_third_day() -> None:
    assert days(Repeat(Unit.DAY, every=3), date(2026, 2, 26), 3) == ["2026-02-26", "2026-03-01", "2026-03-04"]


def test_weekdays_of_every_second_week_begin_with_the_week_of_the_start() -> None:
    repeat = Repeat(Unit.WEEK, every=2, weekdays=(4, 0))
    assert days(repeat, date(2026, 11, 18), 4) == ["2026-11-20", "2026-11-30", "2026-12-04", "2026-12-14"]


def test_the_31st_falls_on_the_last_day_of_short_months_and_returns() -> None:
    found = days(Repeat(Unit.MONTH), date(2027, 12, 31), 5)
    assert found == ["2027-12-31", "2028-01-31", "2028-02-29", "2028-03-31", "2028-04-30"]


def test_a_day_before_the_start_does_not_occur() -> None:
    assert days(Repeat(Unit.MONTH, month_day=5), date(2026, 1, 20), 2) == ["2026-02-05", "2026-03-05"]


def test_last_day_of_every_second_month() -> None:
    found = days(Repeat(Unit.MONTH, every=2, month_day=LAST_DAY), date(2026, 12, 1), 3)
    assert found == ["2026-12-31", "2027-02-28", "2027-04-30"]


def test_29_february_every_year() -> None:
    found = days(Repeat(Unit.YEAR), date(2024, 2, 29), 5)
    assert found == ["2024-02-29", "2025-02-28", "2026-02-28", "2027-02-28", "2028-02-29"]


def test_until_is_the_last_possible_day() -> None:
    assert days(Repeat(Unit.DAY, until=date(2026, 1, 2)), date(2026, 1, 1), 9) == ["2026-01-01", "2026-01-02"]


def test_count_counts_from_the_start_even_when_asked_later() -> None:
    repeat = Repeat(Unit.DAY, count=3)
    assert next_after(repeat, date(2026, 1, 1), date(2026, 1, 2)) == date(2026, 1, 3)
    assert next_after(repeat, date(2026, 1, 1), date(2026, 1, 3)) is None


def test_the_calendar_ends() -> None:
    assert days(Repeat(Unit.YEAR), date(9998, 5, 5), 9) == ["9998-05-05", "9999-05-05"]
    assert days(Repeat(Unit.MONTH), date(9999, 11, 30), 9) == ["9999-11-30", "9999-12-30"]


def test_a_skipped_time_moves_to_the_next_minute_that_exists() -> None:
    repeat = Repeat(Unit.DAY, zone="America/New_York")
    start = datetime(2027, 3, 13, 2, 30, tzinfo=ZoneInfo("America/New_York"))
    assert local(repeat, start, 3) == ["03-13 02:30 -0500", "03-14 03:00 -0400", "03-15 02:30 -0400"]


def test_a_time_that_happens_twice_means_the_first() -> None:
    repeat = Repeat(Unit.DAY, zone="America/New_York")
    start = datetime(2026, 10, 31, 1, 30, tzinfo=ZoneInfo("America/New_York"))
    assert local(repeat, start, 3) == ["10-31 01:30 -0400", "11-01 01:30 -0400", "11-02 01:30 -0500"]


def test_the_start_itself_occurs_when_it_is_the_second_of_two() -> None:
    start = datetime(2026, 11, 1, 1, 30, tzinfo=ZoneInfo("America/New_York"), fold=1)
    repeat = Repeat(Unit.DAY, zone="America/New_York")
    assert local(repeat, start, 2) == ["11-01 01:30 -0500", "11-02 01:30 -0500"]


@pytest.mark.parametrize(
    ("zone", "first", "again", "change"),
    [
        ("America/New_York", "2026-03-08 02:00", "2026-03-08 03:00", "2026-03-08 07:00"),
        ("Europe/London", "2026-03-29 01:00", "2026-03-29 02:00", "2026-03-29 01:00"),
        ("America/Santiago", "2026-09-06 00:00", "2026-09-06 01:00", "2026-09-06 04:00"),
        ("Africa/Cairo", "2026-04-24 00:00", "2026-04-24 01:00", "2026-04-23 22:00"),
        ("Pacific/Chatham", "2026-09-27 02:45", "2026-09-27 03:45", "2026-09-26 14:00"),
        ("Australia/Lord_Howe", "2026-10-04 02:00", "2026-10-04 02:30", "2026-10-03 15:30"),
        ("Pacific/Apia", "2011-12-30 00:00", "2011-12-31 00:00", "2011-12-30 10:00"),
    ],
    ids=lambda value: value if "/" in value else "",
)
def test_whatever_a_change_of_clocks_leaves_out_means_its_moment(
    zone: str, first: str, again: str, change: str
) -> None:
    left_out, ends = datetime.fromisoformat(first), datetime.fromisoformat(again)
    at, info = datetime.fromisoformat(change).replace(tzinfo=UTC), ZoneInfo(zone)
    step = (ends - left_out) / 23  # no multiple of what a search by halves would hit by luck
    walls = [left_out + step * number for number in range(23)] + [ends - timedelta(seconds=1), ends]
    assert [moment(wall, info) for wall in walls] == [at] * len(walls)
    second = timedelta(seconds=1)
    assert (moment(left_out - second, info), moment(ends + second, info)) == (at - second, at + second)


def test_a_time_that_exists_keeps_its_fractions() -> None:
    wall = datetime.fromisoformat("2026-06-15 12:00:00.000005")
    assert moment(wall, ZoneInfo("Asia/Kolkata")) == datetime(2026, 6, 15, 6, 30, 0, 5, tzinfo=UTC)


def test_a_half_hour_change_is_found_to_the_minute() -> None:
    found = moment(datetime.combine(date(2026, 10, 4), time(2, 10)), ZoneInfo("Australia/Lord_Howe"))
    assert f"{found.astimezone(ZoneInfo('Australia/Lord_Howe')):%H:%M:%S}" == "02:30:00"


def test_a_whole_skipped_day_and_the_midnight_after_it_are_one() -> None:
    zone = ZoneInfo("Pacific/Apia")  # 30 December 2011 did not happen there
    repeat = Repeat(Unit.DAY, zone="Pacific/Apia")
    start = datetime(2011, 12, 29, 0, 0, tzinfo=zone)
    found = [at.astimezone(zone).date() for at in islice(occurrences(repeat, start), 3)]
    assert found == [date(2011, 12, 29), date(2011, 12, 31), date(2012, 1, 1)]


def test_the_wall_clock_stays_when_the_offset_changes() -> None:
    repeat = Repeat(Unit.WEEK, zone="Europe/London", at=time(9, 0))
    start = datetime(2026, 10, 19, 7, 0, tzinfo=UTC)
    assert local(repeat, start, 2) == ["10-19 09:00 +0100", "10-26 09:00 +0000"]


def test_a_time_given_apart_before_the_start_waits_for_the_next_day() -> None:
    repeat = Repeat(Unit.DAY, zone="Asia/Kolkata", at=time(8, 0))
    assert local(repeat, datetime(2026, 1, 1, 6, 0, tzinfo=UTC), 1) == ["01-02 08:00 +0530"]


@pytest.mark.slow
@given(
    zone=st.sampled_from(ZONES),
    unit=st.sampled_from(list(Unit)),
    every=st.integers(1, 5),
    minute=st.integers(0, 24 * 60 - 1),
    offset=st.integers(0, 400),
    weekdays=st.sets(st.integers(0, 6), max_size=4),
)
@settings(max_examples=60, deadline=None)
def test_times_rise_and_none_is_skipped_or_doubled(
    *, zone: str, unit: Unit, every: int, minute: int, offset: int, weekdays: set[int]
) -> None:
    wall_clock = time(*divmod(minute, 60))
    chosen = tuple(weekdays) if unit is Unit.WEEK else ()
    repeat = Repeat(unit, every=every, weekdays=chosen, at=wall_clock, zone=zone, until=TEN_YEARS[1])
    first_day = TEN_YEARS[0] + timedelta(days=offset)
    start = moment(datetime.combine(first_day, time(0, 0)), ZoneInfo(zone))
    found = list(occurrences(repeat, start))
    expected_days = list(occurrences(Repeat(unit, every=every, weekdays=chosen, until=TEN_YEARS[1]), first_day))
    assert all(early < late for early, late in pairwise(found))
    assert [at.astimezone(ZoneInfo(zone)).date() for at in found] == expected_days
    for at in found:
        shown = at.astimezone(ZoneInfo(zone))
        late_by = datetime.combine(shown.date(), shown.time()) - datetime.combine(shown.date(), wall_clock)
        assert timedelta(0) <= late_by <= timedelta(hours=1)


@pytest.mark.parametrize("zone", ZONES)
def test_daily_over_ten_years_in_every_zone_at_every_hour_of_change(zone: str) -> None:
    info = ZoneInfo(zone)
    for hour in HOURS:
        repeat = Repeat(Unit.DAY, at=time(hour, 30), zone=zone, until=TEN_YEARS[1] - timedelta(days=1))
        start = moment(datetime.combine(TEN_YEARS[0], time(0, 0)), info)
        found = [at.astimezone(info).date() for at in occurrences(repeat, start)]
        assert found == [TEN_YEARS[0] + timedelta(days=n) for n in range(3653)]


@given(
    unit=st.sampled_from(list(Unit)),
    every=st.integers(1, 7),
    start=st.dates(date(2000, 1, 1), date(2004, 12, 31)),
    ahead=st.integers(-10, 8_000),
)
@settings(deadline=None)
def test_jumping_ahead_finds_what_walking_finds(unit: Unit, every: int, start: date, ahead: int) -> None:
    repeat = Repeat(unit, every=every)
    after = start + timedelta(days=ahead)
    walked = next(day for day in occurrences(repeat, start) if day > after)
    assert next_after(repeat, start, after) == walked


@given(
    repeat=st.builds(
        Repeat,
        unit=st.sampled_from([Unit.MONTH]),
        every=st.integers(1, 4),
        month_day=st.none() | st.integers(1, 31) | st.just(LAST_DAY),
    )
    | st.builds(Repeat, unit=st.sampled_from([Unit.DAY, Unit.WEEK, Unit.YEAR]), every=st.integers(1, 4))
    | st.builds(
        Repeat, unit=st.just(Unit.WEEK), weekdays=st.sets(st.integers(0, 6)).map(tuple), every=st.integers(1, 4)
    ),
    start=st.dates(date(2019, 1, 1), date(2025, 1, 1)) | st.just(date(2020, 2, 29)) | st.just(date(2021, 1, 31)),
)
@settings(deadline=None)
def test_calendars_show_the_same_days(repeat: Repeat, start: date) -> None:
    first = next(iter(occurrences(repeat, start)))
    theirs = rrulestr(repeat.to_rrule(start), dtstart=datetime.combine(first, time(0)))
    assert [at.date() for at in islice(theirs, 40)] == list(islice(occurrences(repeat, start), 40))


def test_rrule_bounds() -> None:
    start = datetime(2026, 3, 31, 18, 30, tzinfo=UTC)  # 1 April in Kolkata
    repeat = Repeat(Unit.MONTH, zone="Asia/Kolkata", until=date(2026, 6, 1))
    assert repeat.to_rrule(start) == "FREQ=MONTHLY;BYMONTHDAY=1;UNTIL=20260601T182959Z"
    assert Repeat(Unit.DAY, every=2, count=5).to_rrule(date(2026, 1, 1)) == "FREQ=DAILY;INTERVAL=2;COUNT=5"
    assert Repeat(Unit.YEAR, until=date(2030, 1, 1)).to_rrule(date(2024, 2, 29)) == (
        "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=28,29;BYSETPOS=-1;UNTIL=20300101"
    )


def test_between_takes_the_first_and_leaves_the_end() -> None:
    repeat = Repeat(Unit.DAY)
    found = between(repeat, date(2020, 1, 1), date(2026, 1, 1), date(2026, 1, 3))
    assert found == [date(2026, 1, 1), date(2026, 1, 2)]
    assert len(between(repeat, date(2020, 1, 1), date(2026, 1, 1), date(2030, 1, 1), limit=7)) == 7


@given(
    st.builds(
        Repeat,
        unit=st.just(Unit.MONTH),
        every=st.integers(1, 9),
        month_day=st.none() | st.integers(1, 31),
        at=st.none() | st.times(),
        zone=st.none() | st.sampled_from(ZONES),
        until=st.none() | st.dates(),
        count=st.none() | st.integers(1, 99),
    )
)
def test_json_brings_back_the_same_rule(repeat: Repeat) -> None:
    assert Repeat.from_json(repeat.to_json()) == repeat


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"unit": "hour"},
        {"unit": "day", "every": 0},
        {"unit": "day", "every": "2"},
        {"unit": "day", "every": True},
        {"unit": "day", "every": 10**9},
        {"unit": "day", "weekdays": [1]},
        {"unit": "week", "weekdays": [7]},
        {"unit": "week", "weekdays": "MO"},
        {"unit": "day", "month_day": 1},
        {"unit": "month", "month_day": 32},
        {"unit": "month", "month_day": 0},
        {"unit": "day", "count": 0},
        {"unit": "day", "until": "soon"},
        {"unit": "day", "until": 5},
        {"unit": "day", "at": "25:00"},
        {"unit": "day", "at": "10:00+05:30"},
        {"unit": "day", "zone": "Mars/Olympus"},
        {"unit": "day", "zone": "../../etc/passwd"},
        {"unit": "day", "zone": 7},
        {"unit": "day", "bysetpos": 1},
    ],
)
def test_nonsense_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(BadRepeat):
        Repeat.from_json(values)


def test_times_need_a_zone() -> None:
    with pytest.raises(BadRepeat):
        next(iter(occurrences(Repeat(Unit.DAY), datetime(2026, 1, 1, tzinfo=UTC))))
    with pytest.raises(BadRepeat):
        next(iter(occurrences(Repeat(Unit.DAY, zone="Asia/Kolkata"), datetime.combine(date(2026, 1, 1), time(0)))))
    with pytest.raises(BadRepeat):
        next_after(Repeat(Unit.DAY), date(2026, 1, 1), datetime(2026, 1, 1, tzinfo=UTC))
