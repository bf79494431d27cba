"""The one clock, and what may move it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from amanat.core import clock

NOON = datetime(2026, 12, 1, 12, 0, tzinfo=UTC)


@pytest.fixture(autouse=True)
def _unmoved() -> Iterator[None]:
    yield
    clock.shift(timedelta(0))


def test_now_is_aware_in_utc_and_goes_on() -> None:
    first, real = clock.now(), datetime.now(UTC)
    assert first.tzinfo is UTC
    assert abs(real - first) < timedelta(seconds=5)
    assert clock.now() >= first


def test_the_clock_stands_inside_the_block_and_goes_on_after_it() -> None:
    with clock.standing_at(NOON):
        assert clock.now() == clock.now() == NOON
        with clock.standing_at(NOON + timedelta(days=1)):
            assert clock.now() == NOON + timedelta(days=1)
        assert clock.now() == NOON
    assert clock.now() != NOON


def test_the_clock_goes_on_after_an_error_too() -> None:
    with pytest.raises(ZeroDivisionError), clock.standing_at(NOON):
        raise ZeroDivisionError
    assert clock.now() != NOON


def test_a_moment_in_another_zone_is_the_same_moment() -> None:
    with clock.standing_at(datetime(2026, 12, 1, 17, 30, tzinfo=timezone(timedelta(hours=5, minutes=30)))):
        assert clock.now() == NOON
        assert clock.now().utcoffset() == timedelta(0)


def test_a_moment_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"), clock.standing_at(datetime(2026, 12, 1)):  # noqa: DTZ001
        pass


def test_the_clock_stands_only_for_who_asked() -> None:
    seen: list[datetime] = []
    with clock.standing_at(NOON):
        thread = threading.Thread(target=lambda: seen.append(clock.now()))
        thread.start()
        thread.join()
    assert seen[0] != NOON


@pytest.mark.parametrize("by", [timedelta(days=30), timedelta(hours=-3), timedelta(0)])
def test_a_moved_clock_goes_on_at_its_distance(by: timedelta) -> None:
    clock.shift(by)
    assert abs(clock.now() - datetime.now(UTC) - by) < timedelta(seconds=5)


def test_moving_twice_is_not_added_and_a_standing_clock_is_not_moved() -> None:
    clock.shift(timedelta(days=9))
    clock.shift(timedelta(days=1))
    assert abs(clock.now() - datetime.now(UTC) - timedelta(days=1)) < timedelta(seconds=5)
    with clock.standing_at(NOON):
        assert clock.now() == NOON


@pytest.mark.parametrize(
    ("moment", "zone", "day"),
    [
        (datetime(2026, 12, 1, 18, 29, 59, tzinfo=UTC), "Asia/Kolkata", date(2026, 12, 1)),
        (datetime(2026, 12, 1, 18, 30, tzinfo=UTC), "Asia/Kolkata", date(2026, 12, 2)),
        (datetime(2026, 12, 1, 18, 15, tzinfo=UTC), "Asia/Kathmandu", date(2026, 12, 2)),
        (datetime(2026, 12, 31, 18, 30, tzinfo=UTC), "Asia/Kolkata", date(2027, 1, 1)),
        (datetime(2026, 12, 1, 4, 59, tzinfo=UTC), "America/New_York", date(2026, 11, 30)),
        (datetime(2026, 12, 1, 5, 0, tzinfo=UTC), "America/New_York", date(2026, 12, 1)),
        (datetime(2026, 12, 1, 10, 0, tzinfo=UTC), "Pacific/Kiritimati", date(2026, 12, 2)),
        (datetime(2028, 2, 28, 18, 30, tzinfo=UTC), "Asia/Kolkata", date(2028, 2, 29)),
        (datetime(2026, 12, 1, 12, 0, tzinfo=UTC), "UTC", date(2026, 12, 1)),
    ],
)
def test_what_day_it_is_depends_on_where(moment: datetime, zone: str, day: date) -> None:
    with clock.standing_at(moment):
        assert clock.today(zone) == clock.today(ZoneInfo(zone)) == day
