"""Numbers as people type them and as spreadsheets leave them."""

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.core import phones

MOBILE = "+919822041736"


@pytest.mark.parametrize(
    "text",
    [
        "9822041736", "09822041736", "919822041736", "+919822041736", "00919822041736", "+91 98220 41736", "+91-98220-41736",
        "(+91) 9822041736", "(+91)9822041736", "98220 41736", "98220-41736", "98220.41736", "982 204 1736", "  9822041736\t",
        "+91 (0) 98220 41736", "91 0 9822041736", "0091-98220-41736", "9822041736.0", "919822041736.0", "9.822041736E+09", "9.822041736e9",
        "९८२२०४१७३६", "+९१ ९८२२० ४१७३६", "৯৮২২০৪১৭৩৬", "９８２２０４１７３６", "\u202a+91 98220 41736\u202c", "98220\u00a041736", "98220\u201341736",
    ],
)  # fmt: skip
def test_usual_shapes_of_a_mobile_number(text: str) -> None:
    assert phones.parse_or_raise(text) == MOBILE


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        ("0253-2571234", "+912532571234"), ("(0253) 257 1234", "+912532571234"), ("91-253-2571234", "+912532571234"),
        ("022 2345 6789", "+912223456789"), ("+91 22 2345 6789", "+912223456789"), ("1800 123 4567", "+9118001234567"),
        ("+1 202 555 0123", "+12025550123"), ("+44 20 7946 0958", "+442079460958"), ("00442079460958", "+442079460958"),
        ("(00971) 4 331 0000", "+97143310000"),
    ],
)  # fmt: skip
def test_landlines_and_foreign_numbers(text: str, e164: str) -> None:
    assert phones.parse_or_raise(text) == e164


def test_region_decides_about_numbers_without_country_code() -> None:
    assert phones.parse("020 7946 0958", "GB") == "+442079460958"
    assert phones.parse("9822041736", "US") is None


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("9.82204E+09", "spreadsheet"), ("9,82204E+09", "spreadsheet"), ("98220", "too few"), ("", "no digits"), ("not given", "no digits"),
        ("🙂", "no digits"), ("12 abc", "letters"), ("022 2345 6789 ext. 12", "extension"), ("022 2345 6789 x12", "extension"),
        ("98220417361", "No phone"), ("+999 1234567", "country code"), ("9822041736982204173698", "too many"), ("9" * 61, "too long"),
        ("0000000000", "No phone"), ("98220 41736 (office)", "letters"),
    ],
)  # fmt: skip
def test_what_is_no_number_is_refused_with_a_reason(text: str, word: str) -> None:
    with pytest.raises(phones.PhoneInvalid) as refused:
        phones.parse_or_raise(text)
    assert word in refused.value.reason
    assert phones.parse(text) is None


@pytest.mark.parametrize(
    ("text", "pieces"),
    [
        ("9822041736", ["9822041736"]), ("98220 41736", ["98220 41736"]), ("+91 98220-41736", ["+91 98220-41736"]),
        ("9822041736/9822041737", ["9822041736", "9822041737"]), ("9822041736, 022 23456789", ["9822041736", "022 23456789"]),
        ("9822041736;9822041737|9822041738", ["9822041736", "9822041737", "9822041738"]),
        ("9822041736 and 9822041737", ["9822041736", "9822041737"]), ("9822041736 और 9822041737", ["9822041736", "9822041737"]),
        ("9200102947 ::: 971 566 1523", ["9200102947", "971 566 1523"]), ("9822041736\n9822041737", ["9822041736", "9822041737"]),
        ("9822041736 9822041737", ["9822041736", "9822041737"]), ("9822041736 & 9822041737", ["9822041736", "9822041737"]),
        ("", []), (" / ", []),
    ],
)  # fmt: skip
def test_split_takes_a_cell_apart(text: str, pieces: list[str]) -> None:
    assert phones.split(text) == pieces


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("022 2345 6789 ext. 12", ("022 2345 6789", "12")), ("022 2345 6789 x12", ("022 2345 6789", "12")),
        ("022 2345 6789 (extn 12)", ("022 2345 6789", "12")), ("9822041736", ("9822041736", "")),
    ],
)  # fmt: skip
def test_extension_is_kept_apart(text: str, parts: tuple[str, str]) -> None:
    assert phones.split_extension(text) == parts


def test_cells_too_long_for_numbers_are_not_taken_apart() -> None:
    text = "9822041736" + " " * 300_000 + "/ x"
    assert phones.split(text) == [text]
    assert phones.split_extension(text) == (text, "")
    assert phones.split(" " * 300_000) == []


def test_numbers_for_the_screen() -> None:
    assert phones.national(MOBILE) == "98220 41736"
    assert phones.international(MOBILE) == "+91 98220 41736"
    assert phones.national("+912223456789") == "022 2345 6789"
    assert phones.international("+12025550123") == "+1 202-555-0123"
    assert phones.national("nonsense") == "nonsense"


def test_tail_and_reversed_digits() -> None:
    assert phones.tail(MOBILE) == "9822041736"
    assert phones.tail("+12025550123") == "2025550123"
    assert phones.tail("+97143310000") == "7143310000"
    assert phones.reversed_digits(MOBILE) == "637140228919"


def test_calling_codes_of_one_two_and_three_digits() -> None:
    assert [phones.calling_code(number) for number in (MOBILE, "+12025550123", "+97143310000")] == ["91", "1", "971"]
    with pytest.raises(phones.PhoneInvalid):
        phones.calling_code("+999123456")


@given(st.from_regex(r"[6-9][0-9]{9}", fullmatch=True))
def test_every_mobile_number_reads_the_same_in_every_shape(digits: str) -> None:
    expected = "+91" + digits
    for shape in (
        phones.national(expected),
        phones.international(expected),
        "0" + digits,
        f"(+91) {digits}",
        digits + ".0",
    ):
        assert phones.parse(shape) == expected


@given(st.from_regex(r"[6-9][0-9]{9}", fullmatch=True))
def test_quick_path_agrees_with_the_library_where_that_knows_the_number(digits: str) -> None:
    number = phonenumbers.parse(digits, "IN")
    if phonenumbers.is_valid_number(number):
        assert phones.parse(digits) == phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_is_a_number_or_refused(text: str) -> None:
    number = phones.parse(text)
    assert number is None or phones.is_e164(number)
    for piece in phones.split(text):
        assert piece.strip()
