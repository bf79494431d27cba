"""Durations: parsed strictly, added as a calendar does, compared without guessing, said in three languages."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.policy import durations
from amanat.policy.durations import NOTHING, PATTERN, Duration, DurationInvalid, longer, shorter

# Few enough that the calendar of each is worked out once.
MONTHS = st.sampled_from([0, 1, 2, 3, 6, 11, 12, 13, 24, 36, 93, 108, 1_200]).map(
    lambda months: Duration(months=months)
)
SECONDS = st.one_of(st.integers(0, 2_400), st.integers(0, 36_525 * 24)).map(
    lambda hours: Duration(seconds=hours * 3_600)
)
DURATIONS = st.one_of(MONTHS, SECONDS)
LIMITS = st.one_of(DURATIONS, st.builds(Duration.extended, DURATIONS, DURATIONS))
MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2300, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (asked for so)


@pytest.mark.parametrize(
    ("text", "months", "seconds"),
    [
        ("P3Y", 36, 0),
        ("P1Y6M", 18, 0),
        ("P13M", 13, 0),
        ("P30D", 0, 2_592_000),
        ("P2W", 0, 1_209_600),
        ("P1W3D", 0, 864_000),
        ("PT48H", 0, 172_800),
        ("PT1M", 0, 60),
        ("PT60S", 0, 60),
        ("PT0S", 0, 0),
        ("P1DT12H", 0, 129_600),
        ("PT1H30M15S", 0, 5_415),
        ("P100Y", 1_200, 0),
        ("P0D", 0, 0),
    ],
)
def test_parse_counts_months_or_seconds(text: str, months: int, seconds: int) -> None:
    duration = Duration.parse(text)
    assert (duration.months, duration.seconds, str(duration)) == (months, seconds, text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "P",
        "PT",
        "P1",
        "1Y",
        "p1y",
        "P1Y ",
        " P1Y",
        "P-1Y",
        "-P1Y",
        "P1.5Y",
        "P1,5Y",
        "P1H",
        "PT1D",
        "P1YT",
        "P1M1Y",
        "P1D1W",
        "P1S",
        "3 years",
        "P٣Y",
        "P3Y\n",
        "P1M+",
        "+P1M",
        "P1M+P2M+P3M",
        "P99999Y",
    ],
)
def test_parse_refuses_what_is_no_duration(text: str) -> None:
    with pytest.raises(DurationInvalid, match="write"):
        Duration.parse(text)


@pytest.mark.parametrize("text", ["P1M15D", "P1Y1W", "P1MT1H", "P1Y2M3DT4H5M6S"])
def test_parse_refuses_months_mixed_with_days(text: str) -> None:
    with pytest.raises(DurationInvalid, match="mixes months with days"):
        Duration.parse(text)


@pytest.mark.parametrize("text", ["P101Y", "P1201M", "P36526D", "P5300W"])
def test_parse_refuses_more_than_a_hundred_years(text: str) -> None:
    with pytest.raises(DurationInvalid, match="hundred years"):
        Duration.parse(text)


def test_extension_is_what_may_be_added_once() -> None:
    limit = Duration.parse("P1M+P2M")
    assert (limit.alone, limit.extension) == (Duration(months=1), Duration(months=2))
    assert str(limit) == "P1M+P2M"
    assert limit.alone.extended(NOTHING) == limit.alone
    assert Duration.parse("P45D+PT0S") == Duration.parse("P45D")


@pytest.mark.parametrize("text", ["P3Y", "P1M+P2M", "PT0S", "P1DT12H"])
def test_pattern_of_the_schema_accepts(text: str) -> None:
    assert re.fullmatch(PATTERN, text)


@pytest.mark.parametrize("text", ["P", "PT", "P1M+", "3 years", "P1Y2", "P1M+P2M+P3M"])
def test_pattern_of_the_schema_refuses(text: str) -> None:
    assert not re.fullmatch(PATTERN, text)


def test_equal_length_is_equal_however_it_is_written() -> None:
    assert Duration.parse("P1W") == Duration.parse("P7D") == Duration.parse("PT168H")
    assert Duration.parse("P12M") == Duration.parse("P1Y")
    assert len({Duration.parse("P1W"), Duration.parse("P7D")}) == 1
    assert Duration.parse("P1M") != Duration.parse("P30D")


@pytest.mark.parametrize(
    ("begins", "text", "ends"),
    [
        ("2026-01-31", "P1M", "2026-02-28"),
        ("2028-01-31", "P1M", "2028-02-29"),
        ("2026-03-31", "P1M", "2026-04-30"),
        ("2028-02-29", "P1Y", "2029-02-28"),
        ("2028-02-29", "P4Y", "2032-02-29"),
        ("2026-12-15", "P1M", "2027-01-15"),
        ("2026-12-31", "P2M", "2027-02-28"),
        ("2026-11-22", "P13M", "2027-12-22"),
        ("2026-02-27", "P2D", "2026-03-01"),
        ("2026-11-22", "P1W", "2026-11-29"),
        ("2099-12-31", "P2M", "2100-02-28"),
    ],
)
def test_after_keeps_to_the_calendar(begins: str, text: str, ends: str) -> None:
    duration = Duration.parse(text)
    moment = datetime.fromisoformat(f"{begins}T18:30:00+00:00")
    assert duration.after(moment) == datetime.fromisoformat(f"{ends}T18:30:00+00:00")
    assert duration.after_day(date.fromisoformat(begins)) == date.fromisoformat(ends)


def test_after_day_counts_a_part_of_a_day_as_one() -> None:
    assert Duration.parse("PT1H").after_day(date(2026, 11, 22)) == date(2026, 11, 23)
    assert Duration.parse("PT48H").after_day(date(2026, 11, 22)) == date(2026, 11, 24)
    assert Duration.parse("PT49H").after_day(date(2026, 11, 22)) == date(2026, 11, 25)
    assert NOTHING.after_day(date(2026, 11, 22)) == date(2026, 11, 22)


def test_after_adds_hours_across_midnight() -> None:
    assert Duration.parse("PT48H").after(datetime(2026, 12, 31, 23, 30, tzinfo=UTC)) == datetime(
        2027, 1, 2, 23, 30, tzinfo=UTC
    )


@pytest.mark.parametrize(
    ("text", "fewest", "most"),
    [
        ("P1M", 28, 31),
        ("P2M", 59, 62),
        ("P3M", 89, 92),
        ("P6M", 181, 184),
        ("P1Y", 365, 366),
        ("P4Y", 1_460, 1_461),
        ("P30D", 30, 30),
    ],
)
def test_bounds_are_the_fewest_and_most_days(text: str, fewest: int, most: int) -> None:
    assert Duration.parse(text).bounds == (fewest * 86_400, most * 86_400)


@given(MONTHS, MOMENTS)
def test_bounds_hold_for_every_moment(duration: Duration, moment: datetime) -> None:
    fewest, most = duration.bounds
    assert timedelta(seconds=fewest) <= duration.after(moment) - moment <= timedelta(seconds=most)


@pytest.mark.parametrize(
    ("one", "other", "answer"),
    [
        ("P30D", "P30D", True),
        ("P30D", "P31D", True),
        ("P31D", "P30D", False),
        ("P28D", "P1M", True),
        ("P29D", "P1M", False),
        ("P1M", "P30D", False),
        ("P1M", "P31D", True),
        ("P1M", "P2M", True),
        ("P3Y", "P1095D", False),
        ("P1Y", "P366D", True),
        ("PT72H", "P3D", True),
        ("PT0S", "P1M", True),
        ("P1M", "PT0S", False),
        ("P1M", "P1M+P2M", True),
        ("P1M+P2M", "P1M", False),
        ("P1M+P1M", "P1M+P2M", True),
        ("P45D+P45D", "P1M+P2M", False),
    ],
)
def test_never_longer_answers_for_every_beginning(one: str, other: str, answer: bool) -> None:
    assert Duration.parse(one).is_never_longer_than(Duration.parse(other)) is answer


@given(DURATIONS, DURATIONS, MOMENTS)
def test_never_longer_is_true_of_every_moment(one: Duration, other: Duration, moment: datetime) -> None:
    if one.is_never_longer_than(other):
        assert one.after(moment) <= other.after(moment)


@given(DURATIONS, DURATIONS, MOMENTS)
def test_shorter_ends_no_later_than_either(one: Duration, other: Duration, moment: datetime) -> None:
    least = shorter(one, other)
    assert least.after(moment) <= min(one.after(moment), other.after(moment))
    most = longer(one, other)
    assert most.after(moment) >= max(one.after(moment), other.after(moment))


@given(LIMITS, LIMITS)
def test_shorter_and_longer_do_not_mind_the_order(one: Duration, other: Duration) -> None:
    assert shorter(one, other) == shorter(other, one)
    assert longer(one, other) == longer(other, one)


@given(LIMITS, LIMITS, LIMITS)
def test_shorter_and_longer_do_not_mind_the_grouping(one: Duration, two: Duration, three: Duration) -> None:
    assert shorter(shorter(one, two), three) == shorter(one, shorter(two, three))
    assert longer(longer(one, two), three) == longer(one, longer(two, three))


@given(LIMITS, LIMITS)
def test_shorter_is_bound_by_both(one: Duration, other: Duration) -> None:
    least = shorter(one, other)
    assert least.is_never_longer_than(one)
    assert least.is_never_longer_than(other)
    assert shorter(least, one) == least


@given(LIMITS)
def test_shorter_of_the_same_is_the_same(one: Duration) -> None:
    assert shorter(one, one) == one == longer(one, one)


def test_a_month_and_thirty_days_meet_in_days() -> None:
    month, days = Duration.parse("P1M"), Duration.parse("P30D")
    assert (str(shorter(month, days)), str(longer(month, days))) == ("P28D", "P31D")


@pytest.mark.parametrize(
    ("text", "english", "hindi", "marathi"),
    [
        ("P3Y", "3 years", "3 वर्ष", "3 वर्षे"),
        ("P1Y", "1 year", "1 वर्ष", "1 वर्ष"),
        ("P13M", "13 months", "13 महीने", "13 महिने"),
        ("P1M", "1 month", "1 महीना", "1 महिना"),
        ("P1Y6M", "1 year 6 months", "1 वर्ष 6 महीने", "1 वर्ष 6 महिने"),
        ("P2W", "2 weeks", "2 सप्ताह", "2 आठवडे"),
        ("P30D", "30 days", "30 दिन", "30 दिवस"),
        ("PT48H", "48 hours", "48 घंटे", "48 तास"),
        ("PT1H", "1 hour", "1 घंटा", "1 तास"),
        ("PT1M", "1 minute", "1 मिनट", "1 मिनिट"),
        ("PT60S", "60 seconds", "60 सेकंड", "60 सेकंद"),
        ("PT0S", "at once", "तुरंत", "लगेच"),
        (
            "P1M+P2M",
            "1 month, and at most 2 months more",
            "1 महीना, और अधिकतम 2 महीने अतिरिक्त",
            "1 महिना, आणि कमाल 2 महिने जादा",
        ),
    ],
)
def test_in_words(text: str, english: str, hindi: str, marathi: str) -> None:
    duration = Duration.parse(text)
    assert [duration.in_words(language) for language in ("en", "hi", "mr")] == [english, hindi, marathi]


def test_a_duration_nobody_wrote_has_words_too() -> None:
    assert Duration(months=18).in_words() == "18 months"
    assert Duration(seconds=90).in_words() == "1 minute 30 seconds"
    assert (str(Duration(seconds=90)), str(Duration(seconds=90_061)), str(Duration())) == (
        "P0DT1M30S",
        "P1DT1H1M1S",
        "PT0S",
    )
    assert durations.Duration.days(28).in_words("hi") == "28 दिन"


@given(LIMITS)
def test_what_is_written_is_read_back(duration: Duration) -> None:
    assert Duration.parse(str(duration)) == duration
