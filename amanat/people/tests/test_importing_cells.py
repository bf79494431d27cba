"""What people write into cells: numbers of phones in every fashion, days in every order, and what spreadsheets make of both."""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.people.importing import dates, layouts, values
from amanat.people.importing.dates import DayInvalid
from amanat.people.importing.readers import open_table
from amanat.people.importing.values import Converted, Options

TODAY = date(2026, 11, 22)
OPTIONS = Options(today=TODAY)


def converted(text: str) -> list[Converted]:
    table = open_table(text.encode(), "a.csv")
    mapping = layouts.guess(table)
    return [values.convert(row, mapping, OPTIONS) for row in table.rows()]


def phone_cell(cell: str) -> tuple[list[str], list[str], str]:
    """Numbers, reasons and notes that come of one cell of phones."""
    quoted = cell.replace('"', '""')
    (one,) = converted(f'Name;Mobile\nAsha Menon;"{quoted}"\n')
    assert one.record is not None
    return [phone.number for phone in one.record.phones], [problem.value for problem in one.problems], one.record.notes


_PHONES: list[tuple[str, list[str]]] = [
    ("9823012345", ["+919823012345"]), ("98230 12345", ["+919823012345"]), ("98230-12345", ["+919823012345"]),
    ("098230 12345", ["+919823012345"]), ("+91 98230 12345", ["+919823012345"]), ("+91-98230-12345", ["+919823012345"]),
    ("0091 98230 12345", ["+919823012345"]), ("91 9823012345", ["+919823012345"]), ("919823012345", ["+919823012345"]),
    ("(+91) 98230 12345", ["+919823012345"]), ("+91-98230 12345 / 98230-54321", ["+919823012345", "+919823054321"]),
    ("9823012345/9823054321", ["+919823012345", "+919823054321"]), ("9823012345, 9823054321", ["+919823012345", "+919823054321"]),
    ("9823012345; 9823054321", ["+919823012345", "+919823054321"]), ("9823012345 ::: 9823054321", ["+919823012345", "+919823054321"]),
    ("9823012345\n9823054321", ["+919823012345", "+919823054321"]), ("9823012345 or 9823054321", ["+919823012345", "+919823054321"]),
    ("9823012345 9823012345", ["+919823012345"]), ("९८२३०१२३४५", ["+919823012345"]), ("०९८२३०-१२३४५", ["+919823012345"]),
    ("0253 2570001", ["+912532570001"]), ("0253-257 0001", ["+912532570001"]), ("(0253) 2570001", ["+912532570001"]),
    ("022 2345 6789", ["+912223456789"]), ("tel:+919823012345", ["+919823012345"]), ("+44 20 7946 0958", ["+442079460958"]),
    ("+1 (212) 555-0100", ["+12125550100"]), ("M: 98230 12345", ["+919823012345"]), ("98230 12345 (wife)", ["+919823012345"]),
    ("9823012345.0", ["+919823012345"]), ("'9823012345", ["+919823012345"]), ("98 23 01 23 45", ["+919823012345"]),
    ("\u200e+91 98230 12345\u202c", ["+919823012345"]), ("98230\u00a012345", ["+919823012345"]), ("+९१ ९८२३० १२३४५", ["+919823012345"]),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "numbers"), _PHONES)
def test_phones_as_they_are_written(cell: str, numbers: list[str]) -> None:
    assert phone_cell(cell)[0] == numbers


@pytest.mark.parametrize(
    "cell", ["9.82301E+09", "9.19E+11", "9.19823E+11", "9,19E+11", "1E10", "12345", "98230", "0000000000", "N/A", "-", "same", "982301234567890123"]
)  # fmt: skip
def test_a_number_that_cannot_be_one_is_told_and_never_invented(cell: str) -> None:
    """A spreadsheet that showed 9.19E+11 has lost the digits: whatever number came of it would be somebody else's."""
    numbers, refused, _notes = phone_cell(cell)
    assert numbers == []
    assert refused, cell


@pytest.mark.parametrize(
    ("cell", "number", "extension"),
    [
        ("0253 2570001 ext 12", "+912532570001", "12"), ("0253 2570001 extn. 12", "+912532570001", "12"),
        ("0253-2570001 x12", "+912532570001", "12"), ("0253 2570001 Ext: 405", "+912532570001", "405"),
    ],
)  # fmt: skip
def test_an_extension_is_kept_beside_the_number(cell: str, number: str, extension: str) -> None:
    numbers, refused, notes = phone_cell(cell)
    assert (numbers, refused) == ([number], [])
    assert extension in notes


def test_one_bad_number_of_a_cell_costs_only_itself() -> None:
    assert phone_cell("98230 12345 / 12")[:2] == (["+919823012345"], ["12"])


def test_more_than_twenty_numbers_in_a_cell_are_no_phones() -> None:
    numbers, refused, _notes = phone_cell(", ".join(f"98230{place:05}" for place in range(21)))
    assert numbers == [] and len(refused) == 1


def test_a_cell_of_a_megabyte_is_refused_at_once() -> None:
    assert phone_cell("9" * 500_000)[0] == []


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(
    digits=st.integers(6_000_000_000, 9_999_999_999).map(str), prefix=st.sampled_from(["", "0", "+91", "+91 ", "+91-", "0091", "91"]),
    gaps=st.lists(st.sampled_from(["", " ", "-", ".", "\u00a0"]), min_size=9, max_size=9), around=st.sampled_from(["", " ", "\t"]),
)  # fmt: skip
def test_an_indian_mobile_is_one_number_however_it_is_written(
    digits: str, prefix: str, gaps: list[str], around: str
) -> None:
    cell = around + prefix + "".join(itertools.chain(*zip(digits, [*gaps, ""], strict=True))) + around
    if not cell.strip().replace(" ", "").count("."):
        assert phone_cell(cell)[0] in ([f"+91{digits}"], [])
    compact = prefix + digits
    assert phone_cell(compact)[0] == [f"+91{digits}"]


# --- days ----------------------------------------------------------------------------------------------------------

_DAYS: list[tuple[str, date]] = [
    ("05-02-1975", date(1975, 2, 5)), ("5/2/1975", date(1975, 2, 5)), ("5.2.75", date(1975, 2, 5)), ("05 02 1975", date(1975, 2, 5)),
    ("1975-02-05", date(1975, 2, 5)), ("1975/02/05", date(1975, 2, 5)), ("19750205", date(1975, 2, 5)), ("5 Feb 1975", date(1975, 2, 5)),
    ("5-Feb-75", date(1975, 2, 5)), ("5th February, 1975", date(1975, 2, 5)), ("Feb 5, 1975", date(1975, 2, 5)),
    ("05/02/1975 00:00", date(1975, 2, 5)), ("1975-02-05T10:11:12Z", date(1975, 2, 5)), ("1975-02-05 10:11:12.5 +05:30", date(1975, 2, 5)),
    ("5/2/1975 11:59 PM", date(1975, 2, 5)), ("५/२/१९७५", date(1975, 2, 5)), ("५ फरवरी १९७५", date(1975, 2, 5)), ("५ फेब्रुवारी १९७५", date(1975, 2, 5)),
    ("27430", date(1975, 2, 5)), ("27430.0", date(1975, 2, 5)), ("27430.75", date(1975, 2, 5)), ("29-02-2024", date(2024, 2, 29)),
    ("01-01-00", date(2000, 1, 1)), ("31-12-26", date(2026, 12, 31)), ("31-12-27", date(1927, 12, 31)), ("1-1-1850", date(1850, 1, 1)),
]  # fmt: skip


@pytest.mark.parametrize(("text", "day"), _DAYS)
def test_days_as_they_are_written(text: str, day: date) -> None:
    assert dates.parse(text, order="dmy", today=TODAY) == day


@pytest.mark.parametrize(
    "text", ["31-02-1975", "29-02-2023", "32-01-1975", "1975", "05-13-1975", "1-1-1849", "1-1-2200", "5 Fbe 1975", "tomorrow", "--02-05", "0-1-2000",
             "1-0-2000", "5-2-", "5--2--1975", "1975-02-30", "19751301", "99999999", "²-2-1975", "05-02-197", "12:30"]
)  # fmt: skip
def test_no_days(text: str) -> None:
    with pytest.raises(DayInvalid) as refusal:
        dates.parse(text, order="dmy", today=TODAY)
    assert refusal.value.reason


@pytest.mark.parametrize(
    ("column", "order"),
    [
        (["05-02-1975", "13-02-1975"], "dmy"), (["05-02-1975", "02-13-1975"], "mdy"), (["05-02-1975"], "dmy"), ([], "dmy"),
        (["1975-02-05", "1980-12-31"], "ymd"), (["", "n/a", "02/28/1980"], "mdy"), (["28/02/1980", "02/28/1980", "03/30/1981"], "mdy"),
        (["१३-०२-१९७५"], "dmy"), (["12/31/2020 10:00 AM"], "mdy"), (["5 Feb 1975"], "dmy"), (["01/01/2020"] * 50 + ["12/25/2020"], "mdy"),
    ],
)  # fmt: skip
def test_the_order_is_what_the_column_proves(column: list[str], order: str) -> None:
    assert dates.order_of(column) == order


def test_a_column_that_proves_month_first_is_read_so_to_its_end() -> None:
    rows = "".join(f"Person {n},98230{n:05},{(n % 12) + 1:02}/{(n % 28) + 1:02}/1980\n" for n in range(40))
    people = converted("Name,Mobile,Birthday\n" + rows)
    assert [one.problems for one in people] == [[]] * 40
    assert people[4].record is not None and people[4].record.birthday == date(1980, 5, 5)
    assert people[14].record is not None and people[14].record.birthday == date(1980, 3, 15)


def test_two_columns_of_days_have_an_order_each() -> None:
    (one,) = converted("Name,DOB,Added on\nAsha,13/02/1975,02/13/2024\n")
    assert one.record is not None
    assert (one.record.birthday, one.record.created_on) == (date(1975, 2, 13), date(2024, 2, 13))


@settings(max_examples=120)
@given(day=st.dates(date(1930, 1, 1), date(2025, 12, 31)), separator=st.sampled_from("-/. "))
def test_a_day_reads_back_in_every_order(day: date, separator: str) -> None:
    for order, shape in (("dmy", "%d{0}%m{0}%Y"), ("mdy", "%m{0}%d{0}%Y"), ("ymd", "%Y{0}%m{0}%d")):
        assert dates.parse(day.strftime(shape.format(separator)), order=order, today=TODAY) == day  # type: ignore[arg-type]
    assert dates.parse(f"{day:%d %B %Y}", order="dmy", today=TODAY) == day
    assert dates.parse(str((day - date(1899, 12, 30)).days), order="dmy", today=TODAY) == day


@settings(max_examples=60)
@given(days=st.integers(0, 36_500))
def test_a_year_of_two_digits_lies_in_the_hundred_years_up_to_today(days: int) -> None:
    day = TODAY - timedelta(days=days)
    if day.year > TODAY.year - 100:
        assert dates.parse(f"{day:%d-%m-%y}", order="dmy", today=TODAY) == day


# --- other cells ---------------------------------------------------------------------------------------------------

_NAMES = [
    ("  Sunita   Deshmukh ", "Sunita Deshmukh"), ("Sunita\nDeshmukh", "Sunita Deshmukh"), ("Sunita\tDeshmukh", "Sunita Deshmukh"),
    ("\ufeffSunita", "Sunita"), ("Sunita\u200e", "Sunita"), ("=cmd|' /C calc'!A0", "=cmd|' /C calc'!A0"), ("Su\x07nita", "Sunita"),
    ("सुनीता", "सुनीता"), ("José", "José"), ("<b>Sunita</b>", "<b>Sunita</b>"), ("O'Brien", "O'Brien"), ("राम कृष्ण", "राम कृष्ण"),
    ("क़िला", "क़िला"), ("\u202eatinuS", "atinuS"), ("S\u00a0D", "S D"), ("0012", "0012"),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "name"), _NAMES)
def test_names_are_cleaned_and_nothing_else(cell: str, name: str) -> None:
    import unicodedata

    quoted = cell.replace('"', '""')
    (one,) = converted(f'Name;Mobile\n"{quoted}";9823012345\n')
    assert one.record is not None and one.record.name == unicodedata.normalize("NFC", name)


_MAILS = [
    ("Asha@Example.IN", ["asha@example.in"]), ("asha@example.in; ravi@example.in", ["asha@example.in", "ravi@example.in"]),
    ("Asha Menon <asha@example.in>", ["asha@example.in"]), ("mailto:asha@example.in", ["asha@example.in"]),
    ("asha@example.in,asha@example.in", ["asha@example.in"]), ("asha+shop@example.co.in", ["asha+shop@example.co.in"]),
    ("no mail", []), ("asha@", []), ("@example.in", []), ("asha@@example.in", []), ("asha@example", []), ("asha..m@example.in", []),
]  # fmt: skip


@pytest.mark.parametrize(("cell", "addresses"), _MAILS)
def test_mail_addresses(cell: str, addresses: list[str]) -> None:
    (one,) = converted(f'Name;Email\nAsha Menon;"{cell}"\n')
    assert one.record is not None
    assert [email.address for email in one.record.emails] == addresses
    assert bool(one.problems) == (not addresses)


@pytest.mark.parametrize(
    ("cell", "tags"),
    [
        ("VIP", ["VIP"]), ("VIP; New", ["VIP", "New"]), ("VIP, New | Old", ["VIP", "New", "Old"]), ("a ::: b", ["a", "b"]),
        ("* myContacts ::: * starred ::: VIP", ["VIP"]), ("My Contacts", []), ("VIP;VIP", ["VIP"]), (";;", []), ("Imported on 12/7/17", []),
    ],
)  # fmt: skip
def test_tags(cell: str, tags: list[str]) -> None:
    (one,) = converted(f'Name;Tags\nAsha Menon;"{cell}"\n')
    assert one.record is not None and one.record.tags == tags


def test_a_row_that_names_nobody_is_told_and_a_blank_one_is_not() -> None:
    told, blank = converted("Name,Village,Notes\n,Sinnar,hello\n,,\n")
    assert told.record is None and [problem.column for problem in told.problems] == [""]
    assert blank.record is None and blank.is_blank


def test_values_beyond_the_last_column_are_told() -> None:
    (one,) = converted("Name,Mobile\nAsha,9823012345,lost,too\n")
    assert [problem.value for problem in one.problems] == ["lost | too"]


def test_words_beside_a_number_are_kept_and_other_digits_make_it_doubtful() -> None:
    assert phone_cell("98230 12345 (wife)") == (["+919823012345"], [], "98230 12345 (wife)")
    assert phone_cell("bill 4: 98230 12345")[0] == []
    assert phone_cell("98230 12345 and 98230 54321 call after 6")[0] in ([], ["+919823012345"])


@pytest.mark.parametrize("year", ["1975", "1850", "2024", "1999.0"])
def test_a_year_alone_is_no_day_of_1905(year: str) -> None:
    with pytest.raises(DayInvalid, match="year"):
        dates.parse(year, order="dmy", today=TODAY)


_MONTHS = [
    ("January", "जनवरी", "जानेवारी"), ("February", "फरवरी", "फेब्रुवारी"), ("March", "मार्च", "मार्च"), ("April", "अप्रैल", "एप्रिल"),
    ("May", "मई", "मे"), ("June", "जून", "जून"), ("July", "जुलाई", "जुलै"), ("August", "अगस्त", "ऑगस्ट"), ("September", "सितंबर", "सप्टेंबर"),
    ("October", "अक्टूबर", "ऑक्टोबर"), ("November", "नवंबर", "नोव्हेंबर"), ("December", "दिसंबर", "डिसेंबर"),
]  # fmt: skip


@pytest.mark.parametrize(("month", "names"), list(enumerate(_MONTHS, start=1)))
def test_months_by_name_in_three_languages(month: int, names: tuple[str, str, str]) -> None:
    for name in names:
        for text in (f"5 {name} 1975", f"5-{name}-1975", f"{name} 5, 1975", f"5 {name}, 75"):
            assert dates.parse(text, order="dmy", today=TODAY) == date(1975, month, 5), text
