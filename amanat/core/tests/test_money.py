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


# --- As the books of shops hold them ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "paise"),
    [
        # Grouped as in India, as elsewhere, with blanks, or not at all.
        ("1,00,000", 1_00_000_00), ("10,00,000", 10_00_000_00), ("1,00,00,000", 1_00_00_000_00), ("100,000", 1_00_000_00),
        ("1,000,000", 10_00_000_00), ("1 00 000", 1_00_000_00), ("100 000", 1_00_000_00), ("1000", 1000_00), ("999", 999_00),
        ("12,34,567.89", 12_34_567_89), ("1,234,567.89", 12_34_567_89), ("0012", 12_00), ("000", 0),
        # With what people write around them.
        ("Rs. 1,500/-", 1500_00), ("Rs 1500 /-", 1500_00), ("rs.1500/=", 1500_00), ("INR 1500", 1500_00), ("1500 INR", 1500_00),
        ("₹1,500.00/-", 1500_00), ("₹ 1500 only", 1500_00), ("Rupees 1500 only", 1500_00), ("1500 rupees", 1500_00), ("1 rupee", 1_00),
        ("रु १,५००/-", 1500_00), ("१५०० रुपये", 1500_00), ("रू. १५००", 1500_00), ("१५०० रुपए", 1500_00), ("₹ १,५००.५०", 1500_50),
        # In words of size.
        ("1 lakh", 1_00_000_00), ("2.5 lakh", 2_50_000_00), ("2.5 lakhs", 2_50_000_00), ("2.5 Lac", 2_50_000_00), ("3 lacs", 3_00_000_00),
        ("3L", 3_00_000_00), ("0.5 lakh", 50_000_00), (".5 lakh", 50_000_00), ("1 crore", 1_00_00_000_00), ("1.25 Cr", 1_25_00_000_00),
        ("Rs 1.25 cr.", 1_25_00_000_00), ("10k", 10_000_00), ("1.5K", 1_500_00), ("7 thousand", 7_000_00), ("2 hazar", 2_000_00),
        ("३ लाख", 3_00_000_00), ("२ कोटी", 2_00_00_000_00), ("१.५ हजार", 1_500_00), ("₹ 1,50,000 lakh", 1_50_000 * 1_00_000_00),
        # To the paisa.
        ("0.01", 1), ("0.1", 10), ("0.10", 10), (".05", 5), ("99.99", 99_99), ("1.50000", 1_50), ("1.00000 lakh", 1_00_000_00),
        ("1.0000001 lakh", 1_00_000_01), ("1.234567 crore", 1_23_45_670_00), ("0.0000001 crore", 100), ("0.00", 0),
    ],
)  # fmt: skip
def test_amounts_as_the_books_hold_them(text: str, paise: int) -> None:
    assert money.parse(text) == paise
    assert money.parse(f"  {text}\u00a0") == paise


@pytest.mark.parametrize(
    "text",
    [
        "1,0", "1,00", "10,0,000", "1,,000", ",100", "1,000,", "1000,000", "1,0000", "1,00,0000", "12,345,6789", "1, 2, 3",
        "1.2.3", "1..2", "1,000.005", "0.001", "1.000001 k", "0.0000000001 crore", "½", "1/2", "10%", "10-20", "10 to 20", "10+5", "=10",
        "1e3", "1E3", "0x10", "infinity", "nan", "10 dollars", "$10", "€10", "10 paise", "50p", "five hundred", "पाचशे", "10 lakh crore",
        "--5", "- ", "()", "(5", "5)", "((5))", "(-5)", "+5", "5-", "1 lakh 50 thousand", "Rs Rs", "only", "/-", "\x00", "5\x00", "٫5",
    ],
)  # fmt: skip
def test_what_could_be_read_in_two_ways_or_none_is_refused(text: str) -> None:
    with pytest.raises(money.MoneyInvalid) as refused:
        money.parse(text)
    assert refused.value.reason.endswith(".")
    with pytest.raises(money.MoneyInvalid):
        money.parse(f"{text} ")


@pytest.mark.parametrize(
    ("text", "paise"),
    [
        ("-500", -500_00), ("- 500", -500_00), ("−500", -500_00), ("(500)", -500_00), ("( 500 )", -500_00), ("Rs (500)", -500_00),
        ("(₹ 1,500.50)", -1500_50), ("-1.5 lakh", -1_50_000_00), ("₹ -5", -5_00), ("-0", 0), ("(0)", 0), ("500", 500_00),
    ],
)  # fmt: skip
def test_less_than_nothing_where_it_may_be(text: str, paise: int) -> None:
    assert money.parse(text, allow_negative=True) == paise


@pytest.mark.parametrize(
    ("text", "is_taken"),
    [
        ("1000000000000000", True), ("1000000000000000.00", True), ("1000000000000000.01", False), ("10000000000000000", False),
        ("100000000 crore", True), ("100000001 crore", False), ("99999999999999999", False), ("1" + "0" * 40, False),
    ],
)  # fmt: skip
def test_the_largest_amount_is_exact(text: str, is_taken: bool) -> None:
    if is_taken:
        assert money.parse(text) == money.LARGEST
    else:
        with pytest.raises(money.MoneyInvalid, match="too large"):
            money.parse(text)


@pytest.mark.parametrize(
    ("number", "grouped"),
    [
        (0, "0"), (9, "9"), (99, "99"), (999, "999"), (1_000, "1,000"), (9_999, "9,999"), (10_000, "10,000"), (99_999, "99,999"),
        (1_00_000, "1,00,000"), (9_99_999, "9,99,999"), (10_00_000, "10,00,000"), (99_99_999, "99,99,999"), (1_00_00_000, "1,00,00,000"),
        (99_99_99_999, "99,99,99,999"), (1_00_00_00_000, "1,00,00,00,000"), (10**15, "1,00,00,00,00,00,00,000"), (-1, "-1"),
        (-999, "-999"), (-1_000, "-1,000"), (-1_00_000, "-1,00,000"),
    ],
)  # fmt: skip
def test_lakhs_and_crores_are_grouped(number: int, grouped: str) -> None:
    assert money.indian_grouping(number) == grouped


@given(number=st.integers(-(10**18), 10**18))
def test_grouping_only_adds_commas(number: int) -> None:
    grouped = money.indian_grouping(number)
    assert int(grouped.replace(",", "")) == number
    head, *rest = grouped.lstrip("-").split(",")
    assert 1 <= len(head) <= 3 and [len(part) for part in rest[:-1]] == [2] * len(rest[:-1])
    assert not rest or (len(rest[-1]) == 3 and len(head) <= 2)


@given(paise=st.integers(0, money.LARGEST), unit=st.sampled_from(["", " lakh", " crore", "k"]))
def test_an_amount_in_any_unit_is_exact_or_refused(paise: int, unit: str) -> None:
    """Written out with all its places, no paisa is ever lost or found."""
    size = {"": 100, " lakh": 10_000_000, " crore": 1_000_000_000, "k": 100_000}[unit]
    whole, rest = divmod(paise, size)
    places = len(str(size)) - 1
    text = f"{whole}.{rest:0{places}}{unit}"
    assert money.parse(text) == paise
