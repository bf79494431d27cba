"""Amounts as written in lists, to the paisa."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.core import money


@pytest.mark.parametrize(
    ("text", "paise"),
    [
        ("1,100", 110000), ("Rs 1,100.50", 110050), ("₹ 1,10,000/-", 11000000), ("1.1 lakh", 11000000), ("१,१००", 110000), ("Rs.500", 50000),
        ("Rs500", 50000), ("INR 2 crore", 2000000000), ("2 Cr.", 2000000000), ("500 only", 50000), ("२ लाख", 20000000), ("रु. ५००/-", 50000),
        ("1,100,000", 110000000), ("11,00,000", 110000000), ("5k", 500000), ("50.", 5000), (".50", 50), (" 1100.5 ", 110050), ("0", 0),
        ("1.125 lakh", 11250000), ("1 10 000", 11000000), ("₹500", 50000), ("1,10,000.00", 11000000), ("2 हज़ार", 200000), ("500 रुपये", 50000),
    ],
)  # fmt: skip
def test_parse_reads_what_people_write(text: str, paise: int) -> None:
    assert money.parse(text) == paise


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("", "empty"), ("Rs", "empty"), ("abc", "not an amount"), ("1e5", "not an amount"), ("1,10", "commas"), ("12,345,67", "commas"), ("10 20", "commas"),
        ("1.005", "two places"), ("0.1 k paise", "not an amount"), ("-5", "less than zero"), ("(500)", "less than zero"), ("1.100,50", "not an amount"),
        ("9" * 18, "too large"), ("99999999999 crore", "too large"), ("१" * 101, "not an amount"), ("NaN", "not an amount"), ("5 lakh 20", "not an amount"),
    ],
)  # fmt: skip
def test_what_is_unclear_is_refused_with_a_reason(text: str, word: str) -> None:
    with pytest.raises(money.MoneyInvalid) as refused:
        money.parse(text)
    assert word in refused.value.reason


def test_negative_amounts_only_where_they_are_allowed() -> None:
    assert money.parse("-1,100.50", allow_negative=True) == -110050
    assert money.parse("(500)", allow_negative=True) == -50000


@pytest.mark.parametrize(
    ("paise", "shown"),
    [
        (120650000, "₹ 12,06,500"),
        (110050, "₹ 1,100.50"),
        (5, "₹ 0.05"),
        (0, "₹ 0"),
        (-50000, "-₹ 500"),
        (99900, "₹ 999"),
        (1000000000000, "₹ 10,00,00,00,000"),
    ],
)
def test_rupees(paise: int, shown: str) -> None:
    assert money.rupees(paise) == shown
    assert money.rupees(paise, "hi-IN") == shown


def test_rupees_in_marathi_digits() -> None:
    assert money.rupees(120650000, "mr-IN") == "₹ १२,०६,५००"


@pytest.mark.parametrize(
    ("number", "grouped"),
    [(0, "0"), (999, "999"), (1000, "1,000"), (99999, "99,999"), (100000, "1,00,000"), (-12345678, "-1,23,45,678")],
)
def test_indian_grouping(number: int, grouped: str) -> None:
    assert money.indian_grouping(number) == grouped


@given(st.integers(min_value=-money.LARGEST, max_value=money.LARGEST), st.sampled_from(["en-IN", "hi-IN", "mr-IN"]))
def test_what_is_shown_reads_back(paise: int, locale: str) -> None:
    assert money.parse(money.rupees(paise, locale), allow_negative=True) == paise


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_is_an_amount_or_refused(text: str) -> None:
    try:
        assert 0 <= money.parse(text) <= money.LARGEST
    except money.MoneyInvalid as refused:
        assert refused.reason
