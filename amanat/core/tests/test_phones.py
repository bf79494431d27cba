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


# --- How numbers stand in lists -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "e164"),
    [
        # Mobiles, with every habit of writing them.
        ("+91 98220-41736", "+919822041736"), ("91-9822041736", "+919822041736"), ("0 98220 41736", "+919822041736"),
        ("(98220)41736", "+919822041736"), ("98-220-417-36", "+919822041736"), ("+91.98220.41736", "+919822041736"),
        ("+91\u00a098220\u00a041736", "+919822041736"), ("\ufeff9822041736", "+919822041736"), ("9822041736\u200f", "+919822041736"),
        ("91 98220 41736", "+919822041736"), ("00 91 98220 41736", "+919822041736"), ("6000000000", "+916000000000"),
        ("7000000000", "+917000000000"), ("8000000001", "+918000000001"), ("९१९८२२०४१७३६", "+919822041736"),
        ("૯૮૨૨૦૪૧૭૩૬", "+919822041736"), ("௯௮௨௨௦௪௧௭௩௬", "+919822041736"), ("౯౮౨౨౦౪౧౭౩౬", "+919822041736"),
        ("۹۸۲۲۰۴۱۷۳۶", "+919822041736"), ("+９１ ９８２２０ ４１７３６", "+919822041736"), ("98220 41736\n", "+919822041736"),
        # Landlines: STD codes of two, three and four figures.
        ("020-25671234", "+912025671234"), ("(020) 2567 1234", "+912025671234"), ("+91-20-25671234", "+912025671234"),
        ("011 2345 6789", "+911123456789"), ("044-24331234", "+914424331234"), ("080 2222 3333", "+918022223333"),
        ("0241-2345678", "+912412345678"), ("02422 234567", "+912422234567"), ("+91 2422 234567", "+912422234567"),
        ("0231 2654321", "+912312654321"),
        # Numbers that cost nothing, and one that does not belong to a place.
        ("1800-123-4567", "+9118001234567"), ("1800 11 4477", "+911800114477"), ("1860 266 6161", "+9118602666161"),
        # The neighbours and the relatives abroad.
        ("+977 984-1234567", "+9779841234567"), ("+880 1712-345678", "+8801712345678"), ("+94 71 234 5678", "+94712345678"),
        ("+92 301 2345678", "+923012345678"), ("+975 17 12 34 56", "+97517123456"), ("+971 50 123 4567", "+971501234567"),
        ("+966 51 234 5678", "+966512345678"), ("+974 3312 3456", "+97433123456"), ("+968 9212 3456", "+96892123456"),
        ("+965 500 12345", "+96550012345"), ("+973 3600 1234", "+97336001234"), ("+65 8123 4567", "+6581234567"),
        ("+60 12-345 6789", "+60123456789"), ("+61 412 345 678", "+61412345678"), ("+64 21 123 456", "+6421123456"),
        ("+1 (415) 555-2671", "+14155552671"), ("001 415 555 2671", "+14155552671"), ("+1-416-555-0123", "+14165550123"),
        ("+44 7400 123456", "+447400123456"), ("0044 7400 123456", "+447400123456"), ("+44 (0)20 7946 0958", "+442079460958"),
        ("+49 1512 3456789", "+4915123456789"), ("+33 6 12 34 56 78", "+33612345678"), ("+39 06 1234 5678", "+390612345678"),
        ("+86 131 2345 6789", "+8613123456789"), ("+81 90-1234-5678", "+819012345678"), ("+7 912 345-67-89", "+79123456789"),
        ("+254 712 123456", "+254712123456"), ("+27 71 123 4567", "+27711234567"), ("+255 621 234 567", "+255621234567"),
    ],
)  # fmt: skip
def test_numbers_as_lists_hold_them(text: str, e164: str) -> None:
    found = phones.parse_or_raise(text)
    assert found == e164
    assert phones.is_e164(found)
    assert phones.parse_or_raise(found) == found
    assert phones.parse_or_raise(phones.international(found)) == found


@pytest.mark.parametrize(
    "text",
    [
        "5822041736", "982204173", "98220417", "+91 98220 4173", "+91 982204173666", "091 982204173", "+91", "+", "00", "0",
        "98220417361736", "9822041736 9822041737", "98220x41736", "ninety eight", "asha@example.in", "12/05/1990", "₹ 500", "1,00,000",
        "411 001", "PAN ABCPK1234L", "NA", "-", "nil", "नाही", "+0 98220 41736", "+91 (98220) 41736 ext", "98220 41736#", "9822041736e",
        "9.8e", "1e400", "9.8220417361E+10", "+1 555", "+999 98220 41736", "+44 20", "+1 000 000 0000",
    ],
)  # fmt: skip
def test_what_is_not_a_number_of_anybody_is_refused(text: str) -> None:
    assert phones.parse(text) is None
    with pytest.raises(phones.PhoneInvalid) as refused:
        phones.parse_or_raise(text)
    assert refused.value.reason.endswith(".") and text not in refused.value.reason


@pytest.mark.parametrize(
    ("text", "region", "e164"),
    [
        ("98220 41736", "IN", "+919822041736"), ("984-1234567", "NP", "+9779841234567"), ("01712-345678", "BD", "+8801712345678"),
        ("071 234 5678", "LK", "+94712345678"), ("050 123 4567", "AE", "+971501234567"), ("(415) 555-2671", "US", "+14155552671"),
        ("07400 123456", "GB", "+447400123456"), ("00 91 98220 41736", "GB", "+919822041736"), ("011 91 98220 41736", "US", "+919822041736"),
        ("+91 98220 41736", "US", "+919822041736"), ("9822041736.0", "IN", "+919822041736"), ("4155552671.0", "US", "+14155552671"),
    ],
)  # fmt: skip
def test_the_country_of_the_workspace_decides(text: str, region: str, e164: str) -> None:
    assert phones.parse_or_raise(text, region) == e164


@pytest.mark.parametrize(
    ("cell", "numbers"),
    [
        ("9822041736/9822041737", ["9822041736", "9822041737"]), ("9822041736 , 9822041737", ["9822041736", "9822041737"]),
        ("9822041736;9822041737;9822041738", ["9822041736", "9822041737", "9822041738"]),
        ("9822041736 | 02422 234567", ["9822041736", "02422 234567"]), ("9822041736\n9822041737\r\n", ["9822041736", "9822041737"]),
        ("9822041736 & 9822041737", ["9822041736", "9822041737"]), ("9822041736 and 9822041737", ["9822041736", "9822041737"]),
        ("9822041736 व 9822041737", ["9822041736", "9822041737"]), ("9822041736 या 9822041737", ["9822041736", "9822041737"]),
        ("9822041736 आणि 9822041737", ["9822041736", "9822041737"]), ("9822041736 OR +91 9822041737", ["9822041736", "+91 9822041737"]),
        ("9822041736 ::: 9822041737", ["9822041736", "9822041737"]), ("9822041736 9822041737", ["9822041736", "9822041737"]),
        ("+91 9822041736 +91 9822041737", ["+91 9822041736", "+91 9822041737"]), ("09822041736 09822041737", ["09822041736", "09822041737"]),
        ("022 2345 6789", ["022 2345 6789"]), ("98220 41736", ["98220 41736"]), ("+1 (415) 555-2671", ["+1 (415) 555-2671"]),
        ("", []), ("   ", []), (",;/", []), ("9822041736,", ["9822041736"]), (" 9822041736 ", ["9822041736"]),
    ],
)  # fmt: skip
def test_a_cell_of_several_numbers_is_taken_apart(cell: str, numbers: list[str]) -> None:
    assert phones.split(cell) == numbers
    assert all(phones.parse(number) for number in numbers)


@pytest.mark.parametrize(
    ("text", "number", "extension"),
    [
        ("022 2345 6789 ext 12", "022 2345 6789", "12"), ("022 2345 6789 Extn: 104", "022 2345 6789", "104"),
        ("022 2345 6789, ext. 7", "022 2345 6789", "7"), ("022 2345 6789 (ext 12)", "022 2345 6789", "12"),
        ("022 2345 6789 EXTENSION 1234567", "022 2345 6789", "1234567"), ("022 2345 6789x12", "022 2345 6789", "12"),
        ("022 2345 6789 #12", "022 2345 6789", "12"), ("022 2345 6789 विस्तार १२", "022 2345 6789 विस्तार १२", ""),
        ("022 2345 6789 विस्तार 12", "022 2345 6789", "12"), ("022 2345 6789", "022 2345 6789", ""), ("", "", ""),
        ("ext 12", "", "12"), ("022 2345 6789 ext 12345678", "022 2345 6789 ext 12345678", ""),
    ],
)  # fmt: skip
def test_an_extension_is_taken_off(text: str, number: str, extension: str) -> None:
    assert phones.split_extension(text) == (number, extension)


@pytest.mark.parametrize(
    ("e164", "national", "international"),
    [
        ("+919822041736", "98220 41736", "+91 98220 41736"), ("+916000000000", "60000 00000", "+91 60000 00000"),
        ("+912223456789", "022 2345 6789", "+91 22 2345 6789"), ("+14155552671", "(415) 555-2671", "+1 415-555-2671"),
        ("+447400123456", "07400 123456", "+44 7400 123456"), ("+9779841234567", "984-1234567", "+977 984-1234567"),
        ("+971501234567", "050 123 4567", "+971 50 123 4567"), ("+9118001234567", "1800 123 4567", "+91 1800 123 4567"),
    ],
)  # fmt: skip
def test_numbers_are_shown_as_their_country_writes_them(e164: str, national: str, international: str) -> None:
    assert (phones.national(e164), phones.international(e164)) == (national, international)


@pytest.mark.parametrize("text", ["", "+", "+91", "rubbish", "9822041736", "+0123456789", "+91982204173612345"])
def test_what_is_no_e164_string_is_known(text: str) -> None:
    assert not phones.is_e164(text)
    assert phones.national(text) == phones.national(text)  # shows something, whatever it is


@pytest.mark.parametrize(
    ("e164", "code"), [("+919822041736", "91"), ("+14155552671", "1"), ("+9779841234567", "977"), ("+79123456789", "7")]
)
def test_calling_codes(e164: str, code: str) -> None:
    assert phones.calling_code(e164) == code


@pytest.mark.parametrize("e164", ["+999123456789", "+", "", "+0", "+२१"])
def test_a_calling_code_that_does_not_exist_is_refused(e164: str) -> None:
    with pytest.raises(phones.PhoneInvalid, match="country code"):
        phones.calling_code(e164)
