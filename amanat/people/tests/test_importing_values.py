"""One row in, one clean record out, and a reason for each value that was left out."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.people.importing import dates, values
from amanat.people.importing.mapping import ColumnMatch, Mapping, Target
from amanat.people.importing.tables import Row
from amanat.people.importing.values import Address, Converted, Email, Options, Phone, Record

TODAY = date(2026, 11, 21)
OPTIONS = Options(today=TODAY)


def convert(*columns: tuple[str, str] | tuple[str, str, dict[str, str]], extra: tuple[str, ...] = ()) -> Converted:
    """Each column is (target, cell) or (target, cell, options)."""
    matches = tuple(
        ColumnMatch(place, column[0].capitalize(), Target(column[0]), options=column[2] if len(column) > 2 else {})
        for place, column in enumerate(columns)
    )
    return values.convert(Row(2, [column[1] for column in columns], extra), Mapping("list", matches), OPTIONS)


def record(*columns: tuple[str, str] | tuple[str, str, dict[str, str]]) -> Record:
    converted = convert(*columns)
    assert converted.problems == []
    assert converted.record is not None
    return converted.record


def reason(*columns: tuple[str, str] | tuple[str, str, dict[str, str]]) -> str:
    (problem,) = convert(("name", "Asha"), *columns).problems
    return problem.reason


def test_a_whole_row() -> None:
    assert record(
        ("name", "  Sunita \u00a0 Deshmukh\r\n"), ("phone", "98220 41736 / 022 2345 6789", {"label": "mobile"}), ("email", "Sunita@Example.IN"),
        ("company", "Deshmukh Traders"), ("job_title", "Owner"), ("street", "12, MG Road"), ("city", "Nashik"), ("postal_code", "422001"),
        ("tags", "* myContacts ::: Customers; VIP"), ("notes", "one\r\ntwo"), ("birthday", "05-01-1975"), ("language", "mr"), ("stage", "Customer"),
        ("owner_email", "ravi@example.in"), ("external_id", "7"), ("gstin", "27aapfu0939f1zv"), ("source", "Walk-in"), ("created_on", "2024-01-05"),
        ("custom", "=1+1", {"name": "Fee"}), ("ignore", "x"),
    ) == Record(
        name="Sunita Deshmukh", phones=[Phone("+919822041736", "mobile"), Phone("+912223456789", "mobile")], emails=[Email("sunita@example.in")],
        company="Deshmukh Traders", job_title="Owner", addresses=[Address(street="12, MG Road", city="Nashik", postal_code="422001")],
        tags=["Customers", "VIP"], notes="one\ntwo", birthday=date(1975, 1, 5), language="mr", stage="Customer", owner_email="ravi@example.in",
        external_id="7", gstin="27AAPFU0939F1ZV", source="Walk-in", created_on=date(2024, 1, 5), custom={"Fee": "=1+1"},
    )  # fmt: skip


def test_name_is_made_of_its_parts_in_order() -> None:
    assert (
        record(("last_name", "Menon"), ("first_name", "Asha"), ("middle_name", "K."), ("name_prefix", "Dr.")).name
        == "Dr. Asha K. Menon"
    )
    assert record(("name", "Asha M"), ("first_name", "Asha")).name == "Asha M"
    assert record(("company", "Menon Clinic")).name == ""


def test_bad_phone_is_a_problem_and_the_good_one_stays() -> None:
    converted = convert(("name", "Asha"), ("phone", "98220, 9822041737, 9.82204E+09"))
    assert converted.record is not None
    assert converted.record.phones == [Phone(values.phones.E164("+919822041737"))]
    assert [(problem.column, problem.value) for problem in converted.problems] == [
        ("Phone", "98220"),
        ("Phone", "9.82204E+09"),
    ]
    assert "lost digits" in converted.problems[1].reason


def test_same_phone_and_email_are_kept_once() -> None:
    found = record(
        ("name", "Asha"), ("phone", "9822041736"), ("phone", "+91 98220 41736"), ("email", "a@example.in; A@example.in")
    )
    assert [phone.number for phone in found.phones] == ["+919822041736"]
    assert [email.address for email in found.emails] == ["a@example.in"]


def test_extension_goes_to_the_notes() -> None:
    found = record(("phone", "022 2345 6789 ext. 12"))
    assert [phone.number for phone in found.phones] == ["+912223456789"]
    assert found.notes == "Extension of +912223456789: 12"


@pytest.mark.parametrize(
    ("written", "label"),
    [("Mobile", "mobile"), ("* Home", "home"), ("CELL", "mobile"), ("Office", "work"), ("WhatsApp Business", "whatsapp"), ("मोबाइल", "mobile"),
     ("Work Fax", "fax"), ("Shop", "other"), ("", ""), ("Main", "main")],
)  # fmt: skip
def test_labels_from_the_label_column(written: str, label: str) -> None:
    assert record(("ignore", written), ("phone", "9822041736", {"label_from": "0"})).phones[0].label == label


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("ASHA@Example.in", "asha@example.in"), (" asha@example.in ", "asha@example.in"), ("Asha Menon <asha@example.in>", "asha@example.in"),
        ("mailto:asha@example.in", "asha@example.in"), ("asha.k+shop@mail.example.co.in", "asha.k+shop@mail.example.co.in"),
        ("o'brien@example.in", "o'brien@example.in"),
    ],
)  # fmt: skip
def test_email_addresses(written: str, address: str) -> None:
    assert record(("email", written)).emails == [Email(address)]


@pytest.mark.parametrize(
    "written",
    [
        "asha",
        "asha@",
        "@example.in",
        "asha@example",
        "a..b@example.in",
        "asha@exam ple.in",
        "asha@-example.in",
        "a@example.in@b",
    ],
)
def test_wrong_email_addresses_are_problems(written: str) -> None:
    assert reason(("email", written)) == "It is not an e-mail address."


@pytest.mark.parametrize(
    ("written", "order", "day"),
    [
        ("05-01-1975", "dmy", date(1975, 1, 5)), ("5/1/75", "dmy", date(1975, 1, 5)), ("05.01.1975", "dmy", date(1975, 1, 5)), ("01/05/1975", "mdy", date(1975, 1, 5)),
        ("1975-01-05", "dmy", date(1975, 1, 5)), ("75-01-05", "ymd", date(1975, 1, 5)), ("5 Jan 1975", "dmy", date(1975, 1, 5)), ("5-Jan-75", "dmy", date(1975, 1, 5)),
        ("5th January, 1975", "dmy", date(1975, 1, 5)), ("January 5, 1975", "dmy", date(1975, 1, 5)), ("27399", "dmy", date(1975, 1, 5)), ("27399.0", "dmy", date(1975, 1, 5)),
        ("1975-01-05 00:00:00", "dmy", date(1975, 1, 5)), ("1975-01-05T10:30:00+05:30", "dmy", date(1975, 1, 5)), ("05/01/1975 10:30 AM", "dmy", date(1975, 1, 5)),
        ("19750105", "dmy", date(1975, 1, 5)), ("०५-०१-१९७५", "dmy", date(1975, 1, 5)), ("५ जनवरी १९७५", "dmy", date(1975, 1, 5)), ("29-02-2024", "dmy", date(2024, 2, 29)),
        ("1/1/26", "dmy", date(2026, 1, 1)), ("1/1/27", "dmy", date(1927, 1, 1)),
    ],
)  # fmt: skip
def test_days_in_every_writing(written: str, order: dates.Order, day: date) -> None:
    assert dates.parse(written, order=order, today=TODAY) == day


@pytest.mark.parametrize(
    ("written", "word"),
    [("31-02-1990", "no day 31"), ("05-13-1990", "no month 13"), ("29-02-2023", "no day 29"), ("soon", "not a date"), ("--01-05", "year is missing"),
     ("01-01-0900", "year 900"), ("01-01-2030", "future"), ("1", "not a date"), ("99-99-99", "no month")],
)  # fmt: skip
def test_days_that_do_not_exist_are_problems(written: str, word: str) -> None:
    assert word in reason(("birthday", written))


def test_tags_are_split_and_groups_of_the_phone_are_dropped() -> None:
    assert record(("name", "Asha"), ("tags", "* myContacts ::: * Starred in Android ::: VIP, Old;VIP")).tags == [
        "VIP",
        "Old",
    ]
    assert "too long" in reason(("tags", "x" * 61))


def test_gstin_is_checked() -> None:
    assert "check digit" in reason(("gstin", "27AAPFU0939F1ZX"))


def test_control_characters_go_and_text_is_composed() -> None:
    assert record(("name", "Jose\u0301\x07 \u202eevil\ufeff")).name == "José evil"
    assert record(("name", "सुनीता\u200dक")).name == "सुनीता\u200dक"


@pytest.mark.parametrize("text", ["=1+1", "+Asha", "-", "@asha", "'quoted"])
def test_a_text_that_looks_like_a_formula_is_kept(text: str) -> None:
    assert record(("name", text)).name == text


def test_values_that_are_too_long_are_problems() -> None:
    assert "longer than 250" in reason(("company", "x" * 251))
    assert "longer than 20000" in reason(("notes", "x" * 20_001))
    assert "more than 20 values" in reason(("phone", "/".join(["9822041736"] * 21)))


@pytest.mark.parametrize("target", ["phone", "email", "tags", "birthday", "gstin", "owner_email"])
def test_cells_made_to_waste_time_are_refused_by_their_length(target: str) -> None:
    assert "longer than 2000" in reason((target, "x" + " " * 500_000 + "x"))


def test_a_second_address_is_an_address_of_its_own() -> None:
    found = record(
        ("name", "Asha"), ("city", "Nashik"), ("city", "Pune", {"set": "2"}), ("locality", "A"), ("locality", "B")
    )
    assert found.addresses == [Address(city="Nashik", locality="A, B"), Address(city="Pune")]


def test_blank_rows_and_rows_about_nobody() -> None:
    assert convert(("name", " "), ("phone", "")).is_blank
    nobody = convert(("city", "Nashik"))
    assert nobody.record is None
    assert [problem.column for problem in nobody.problems] == [""]
    only_bad_phone = convert(("phone", "98220"))
    assert only_bad_phone.record is None
    assert [problem.column for problem in only_bad_phone.problems] == ["Phone", ""]


def test_what_stands_beyond_the_columns_is_reported() -> None:
    (problem,) = convert(("name", "Asha"), extra=("x", "y")).problems
    assert (problem.column, problem.value) == ("", "x | y")


any_text = st.text(alphabet=st.characters(codec=None), max_size=40)


@given(st.lists(st.tuples(st.sampled_from([target.value for target in Target]), any_text), max_size=8))
def test_any_row_is_converted_without_raising(columns: list[tuple[str, str]]) -> None:
    converted = convert(*columns)
    assert (
        converted.record is None
        or converted.record.name
        or converted.record.phones
        or converted.record.emails
        or converted.record.company
    )
    if converted.record:
        assert "\x00" not in repr(converted.record.name)
        converted.record.name.encode()
