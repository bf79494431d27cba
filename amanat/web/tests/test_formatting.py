"""Figures, money, numbers and times as people read them."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.utils import timezone, translation
from hypothesis import given
from hypothesis import strategies as st

from amanat.web import formatting

NOW = datetime(2026, 11, 21, 4, 40, tzinfo=UTC)  # 10:10 in India


@pytest.fixture(autouse=True)
def _india() -> object:
    with timezone.override("Asia/Kolkata"), translation.override("en"):
        yield


@given(st.integers(min_value=0, max_value=10**18))
def test_indian_grouping_keeps_the_digits_and_groups_two_after_three(value: int) -> None:
    written = formatting.grouped(str(value), indian=True)
    assert written.replace(",", "") == str(value)
    head, *rest = written.split(",")
    if rest:
        assert 1 <= len(head) <= 2
        assert len(rest[-1]) == 3
        assert all(len(group) == 2 for group in rest[:-1])


@given(st.integers(min_value=0, max_value=10**18))
def test_western_grouping_is_pythons(value: int) -> None:
    assert formatting.grouped(str(value), indian=False) == f"{value:,}"


@given(st.integers(min_value=-(10**15), max_value=10**15))
def test_rupees_can_be_read_back(paise: int) -> None:
    written = formatting.rupees(paise, always_paise=True)
    plain = written.replace(",", "").replace("₹", "").replace(formatting.NARROW_GAP, "").replace(formatting.MINUS, "-")
    assert int(Decimal(plain) * 100) == paise


@pytest.mark.parametrize(
    ("paise", "written"),
    [
        (120650000, "₹\u00a012,06,500"),
        (114050, "₹\u00a01,140.50"),
        (5, "₹\u00a00.05"),
        (0, "₹\u00a00"),
        (-25000, "−₹\u00a0250"),
        (10**9, "₹\u00a01,00,00,000"),
    ],
)
def test_rupees(paise: int, written: str) -> None:
    assert formatting.rupees(paise) == written


def test_paise_are_shown_when_asked() -> None:
    assert formatting.rupees(25000, always_paise=True) == "₹\u00a0250.00"


@pytest.mark.parametrize(
    ("value", "language", "written"),
    [
        (104218, "en", "1,04,218"),
        (104218, "hi", "1,04,218"),
        (104218, "en-gb", "104,218"),
        (-1500, "mr", "−1,500"),
        (999, "hi", "999"),
        (Decimal("1234567.25"), "en", "12,34,567.25"),
        (12.5, "en", "12.5"),
    ],
)
def test_number_follows_the_readers_language(value: int, language: str, written: str) -> None:
    assert formatting.number(value, language) == written


@pytest.mark.parametrize(
    ("e164", "written"),
    [("+919822041736", "+91 98220 41736"), ("+12025550143", "+1 202-555-0143"), ("98220", "98220"), ("<b>", "<b>")],
)
def test_phone(e164: str, written: str) -> None:
    assert formatting.phone(e164) == written


def test_days_and_times_are_those_of_the_workspace() -> None:
    late = datetime(2026, 11, 20, 20, 0, tzinfo=UTC)  # already the 21st in India
    assert formatting.day(late) == "21 Nov 2026"
    assert formatting.day(date(2029, 11, 21)) == "21 Nov 2029"
    assert formatting.clock_time(NOW) == "10:10"
    assert formatting.short_time(NOW, now=NOW) == "21 Nov, 10:10"


def test_the_year_is_written_when_it_is_not_this_one() -> None:
    assert formatting.short_day(date(2026, 3, 14), now=NOW) == "14 Mar"
    assert formatting.short_day(date(2025, 3, 14), now=NOW) == "14 Mar 2025"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (NOW, "Today, 10:10"),
        (NOW.date(), "Today"),
        (NOW - timedelta(hours=11), "Yesterday"),
        (date(2026, 11, 22), "Tomorrow"),
        (NOW - timedelta(days=3), "18 Nov"),
    ],
)
def test_recent(value: date, written: str) -> None:
    assert formatting.recent(value, now=NOW) == written


@pytest.mark.parametrize(
    ("distance", "written"),
    [
        (timedelta(seconds=40), "just now"),
        (timedelta(minutes=2), "2 min ago"),
        (timedelta(hours=19), "19 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=3), "3 days ago"),
        (timedelta(seconds=-10), "in a moment"),
        (timedelta(days=-9), "in 9 days"),
        (timedelta(days=400), "17 Oct 2025"),
    ],
)
def test_ago(distance: timedelta, written: str) -> None:
    assert formatting.ago(NOW - distance, now=NOW) == written


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Sunita Deshmukh", "SD"),
        ("Gurpreet Singh Pannu", "GP"),
        ("Kavita", "K"),
        ("सुनीता देशमुख", "सु"),
        ("लक्ष्मी", "ल"),
        ("(Ravi) o'Neil", "RO"),
        ("  ", "?"),
        ("—", "?"),
    ],
)
def test_initials(name: str, letters: str) -> None:
    assert formatting.initials(name) == letters


@given(st.text(max_size=40))
def test_initials_of_anything_are_short(name: str) -> None:
    assert formatting.initials(name)


def test_avatar_tone_is_stable_and_uses_all_eight() -> None:
    assert formatting.avatar_tone("0190aaaa-0000-7000-8000-000000000001") == formatting.avatar_tone(
        "0190aaaa-0000-7000-8000-000000000001"
    )
    assert {formatting.avatar_tone(number) for number in range(200)} == set(range(8))


def test_hindi_months_are_written_in_hindi() -> None:
    with translation.override("hi"):
        assert "Nov" not in formatting.day(date(2029, 11, 21))
