"""Workbooks as offices keep them, and as nobody should send them."""

from __future__ import annotations

import io
import itertools
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import pytest
import xlsxwriter
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.core import spreadsheets
from amanat.people.importing import workbooks
from amanat.people.importing.readers import FileRefused, Limits, open_table
from amanat.people.importing.tables import Table

HEADING = ["Name", "Mobile"]


def workbook(fill: Callable[[Any], None], **options: Any) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer, options)
    fill(book)
    book.close()
    return buffer.getvalue()


def rows_of(table: Table) -> list[list[str]]:
    return [list(row.cells) for row in table.rows()]


def sheet_of(*rows: list[Any], heading: list[str] | None = None) -> bytes:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        for place, row in enumerate([heading or HEADING, *rows]):
            sheet.write_row(place, 0, row)

    return workbook(fill)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (9823012345, "9823012345"), (9823012345.0, "9823012345"), (919823012345, "919823012345"), (0.5, "0.5"), (1234.5, "1234.5"),
        (1e20, "100000000000000000000"), (-5, "-5"), (True, "TRUE"), (False, "FALSE"), ("007", "007"), ("9.19E+11", "9.19E+11"),
        (0.1 + 0.2, "0.3"), ("  x ", "  x "), ("=1+1", "=1+1"),
    ],
)  # fmt: skip
def test_cells_read_as_a_person_would_type_them(value: Any, text: str) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, HEADING)
        sheet.write_string(1, 0, "Asha")
        sheet.write_string(1, 1, value) if isinstance(value, str) else sheet.write(1, 1, value)

    assert rows_of(open_table(workbook(fill), "a.xlsx")) == [["Asha", text]]


@pytest.mark.parametrize(
    ("value", "shape", "text"),
    [
        (date(1975, 2, 5), "dd-mm-yyyy", "1975-02-05"), (datetime(1975, 2, 5, 16, 30), "dd-mm-yyyy hh:mm", "1975-02-05 16:30:00"),  # noqa: DTZ001
        (date(1975, 2, 5), "mmm yy", "1975-02-05"), (time(16, 30), "hh:mm", "16:30:00"), (27430, "General", "27430"),
    ],
)  # fmt: skip
def test_days_and_times_of_cells(value: Any, shape: str, text: str) -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ["Name", "DOB"])
        sheet.write(1, 0, "Asha")
        kind = book.add_format({"num_format": shape})
        sheet.write_number(1, 1, value, kind) if isinstance(value, int) else sheet.write_datetime(1, 1, value, kind)

    assert rows_of(open_table(workbook(fill), "a.xlsx")) == [["Asha", text]]


def test_a_formula_gives_the_value_it_showed() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [*HEADING, "Fee"])
        sheet.write_row(1, 0, ["Asha", "9823012345"])
        sheet.write_formula(1, 2, "=1000+100", None, 1100)
        sheet.write_row(2, 0, ["Ravi", "9823012346"])
        sheet.write_formula(2, 2, '=CONCATENATE("a","b")', None, "ab")

    assert rows_of(open_table(workbook(fill), "a.xlsx")) == [
        ["Asha", "9823012345", "1100"], ["Ravi", "9823012346", "ab"],
    ]  # fmt: skip


def test_merged_cells_count_once() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, [*HEADING, "Village"])
        sheet.merge_range(1, 2, 2, 2, "Sinnar")
        sheet.write_row(1, 0, ["Asha", "9823012345"])
        sheet.write_row(2, 0, ["Ravi", "9823012346"])

    assert rows_of(open_table(workbook(fill), "a.xlsx")) == [
        ["Asha", "9823012345", "Sinnar"],
        ["Ravi", "9823012346", ""],
    ]


def test_a_title_merged_over_the_table_is_no_heading_of_people() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.merge_range(0, 0, 0, 1, "List of customers")
        sheet.write_row(1, 0, HEADING)
        sheet.write_row(2, 0, ["Asha", "9823012345"])

    table = open_table(workbook(fill), "a.xlsx")
    assert table.columns[0] == "List of customers"
    assert ["Asha"] in [row[:1] for row in rows_of(table)]


def test_hidden_columns_and_rows_are_read_and_hidden_sheets_are_not() -> None:
    def fill(book: Any) -> None:
        secret, shown = book.add_worksheet("Secret"), book.add_worksheet("Shown")
        secret.hide()
        secret.write_row(0, 0, ["Name", "PIN"])
        shown.activate()
        shown.set_first_sheet()
        shown.set_column(1, 1, None, None, {"hidden": True})
        shown.write_row(0, 0, HEADING)
        shown.write_row(1, 0, ["Asha", "9823012345"])
        shown.set_row(1, None, None, {"hidden": True})

    table = open_table(workbook(fill), "a.xlsx")
    assert (table.parts, table.part) == (["Shown"], "Shown")
    assert rows_of(table) == [["Asha", "9823012345"]]
    with pytest.raises(FileRefused):
        open_table(workbook(fill), "a.xlsx", part="Secret")


def test_several_sheets_may_be_chosen_and_empty_ones_are_passed_over() -> None:
    def fill(book: Any) -> None:
        for name in ("Empty", "Nashik", "पुणे"):
            sheet = book.add_worksheet(name)
            if name != "Empty":
                sheet.write_row(0, 0, HEADING)
                sheet.write_row(1, 0, [f"Asha of {name}", "9823012345"])

    content = workbook(fill)
    table = open_table(content, "a.xlsx")
    assert (table.parts, table.part) == (["Empty", "Nashik", "पुणे"], "Nashik")
    assert rows_of(open_table(content, "a.xlsx", part="पुणे")) == [["Asha of पुणे", "9823012345"]]
    with pytest.raises(FileRefused):
        list(open_table(content, "a.xlsx", part="Mumbai").rows())


def test_empty_lines_and_columns_before_the_table_are_passed_over() -> None:
    def fill(book: Any) -> None:
        sheet = book.add_worksheet()
        sheet.write_row(3, 0, HEADING)
        sheet.write_row(5, 0, ["Asha", "9823012345"])
        sheet.write_row(9, 0, ["Ravi", "9823012346"])

    table = open_table(workbook(fill), "a.xlsx")
    assert table.columns == HEADING
    assert [(row.number, row.cells[0]) for row in table.rows()] == [(6, "Asha"), (10, "Ravi")]


@pytest.mark.sampled
@pytest.mark.parametrize(
    "rows", [workbooks._KEPT - 2, workbooks._KEPT - 1, workbooks._KEPT, workbooks._KEPT + 1, 2 * workbooks._KEPT]
)
def test_no_row_is_lost_or_doubled_where_the_kept_ones_end(rows: int) -> None:
    content = sheet_of(*([f"Person {n}", f"98230{n:05}"] for n in range(rows)))
    table = open_table(content, "a.xlsx")
    assert [row.cells[0] for row in table.rows()] == [f"Person {n}" for n in range(rows)]
    assert [row.cells[0] for row in table.rows()] == [f"Person {n}" for n in range(rows)]


def test_a_short_workbook_is_read_by_one_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Starting one for each look made an import of six rows take seconds."""
    started = []
    real = workbooks._process

    def counted(*arguments: Any) -> Any:
        started.append(arguments)
        return real(*arguments)

    monkeypatch.setattr(workbooks, "_process", counted)
    table = open_table(sheet_of(["Asha", "9823012345"]), "a.xlsx")
    assert len(table.sample(200)) == len(rows_of(table)) == len(rows_of(table)) == 1
    assert len(started) == 1


# --- what nobody should send ---------------------------------------------------------------------------------------


def zipped(members: dict[str, bytes], *, level: int = 9) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=level) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


def changed(content: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {one: archive.read(one) for one in archive.namelist()}
    return zipped(members | {name: change(members[name])})


CSV = b"Name,Mobile\nAsha,9823012345\n"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"people.csv": b"x" * 50_000_000}, "too large"), ({f"{n}.csv": CSV for n in range(2_001)}, "more than"),
        ({"inner.zip": zipped({"people.csv": CSV})}, "another archive"), ({"photo.jpg": b"\xff\xd8"}, "holds no"), ({}, "holds no"),
        ({"people.xlsx": zipped({"a.csv": CSV})}, "another archive"), ({"a.rar": b"Rar!", "b.7z": b"7z"}, "another archive"),
        ({"__MACOSX/people.csv": CSV, ".hidden.csv": CSV}, "holds no"), ({"people.csv": b""}, "empty"),
    ],
)  # fmt: skip
def test_archives_that_are_refused(members: dict[str, bytes], words: str) -> None:
    with pytest.raises(FileRefused) as refusal:
        open_table(zipped(members), "a.zip")
    assert words in refusal.value.reason


@pytest.mark.parametrize("name", ["../../etc/people.csv", "/etc/people.csv", "a/b/c/people.csv", "people.CSV"])
def test_names_inside_an_archive_are_only_names(name: str, tmp_path: Path) -> None:
    table = open_table(zipped({name: CSV}), "a.zip")
    assert rows_of(table) == [["Asha", "9823012345"]]
    assert not list(tmp_path.iterdir())


def test_an_archive_with_a_password_is_refused() -> None:
    content = bytearray(zipped({"people.csv": CSV}))
    content[6] |= 1  # the flag in the member's own head
    place = content.index(b"PK\x01\x02")
    content[place + 8] |= 1  # and in the directory
    with pytest.raises(FileRefused, match="password"):
        open_table(bytes(content), "a.zip")


def test_a_directory_that_lies_about_its_sizes_is_found_out() -> None:
    content = bytearray(zipped({"people.csv": b"Name\n" + b"x" * 3_000_000}))
    place = content.index(b"PK\x01\x02")
    content[place + 24 : place + 28] = (1_000).to_bytes(4, "little")
    with pytest.raises(FileRefused):
        list(open_table(bytes(content), "a.zip", limits=Limits(archive_unpacked=1_000_000)).rows())


@pytest.mark.parametrize("cut", [10, 100, 400, -30, -1])
def test_a_damaged_workbook_is_refused_in_words(cut: int) -> None:
    content = sheet_of(["Asha", "9823012345"])
    with pytest.raises(FileRefused) as refusal:
        list(open_table(content[:cut], "a.xlsx").rows())
    assert refusal.value.reason


@pytest.mark.parametrize(
    "declaration",
    [
        b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>', b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
        b'<!DOCTYPE lolz [<!ENTITY lol "lol"><!ENTITY lol2 "&lol;&lol;">]>',
    ],
)  # fmt: skip
@pytest.mark.parametrize("member", ["xl/worksheets/sheet1.xml", "xl/sharedStrings.xml", "xl/workbook.xml"])
def test_declarations_of_xml_entities_are_refused(member: str, declaration: bytes) -> None:
    content = changed(sheet_of(["Asha", "x"]), member, lambda xml: xml.replace(b"?>", b"?>" + declaration, 1))
    with pytest.raises(FileRefused, match="XML declarations"):
        open_table(content, "a.xlsx")


def test_a_sheet_that_claims_to_be_endless_ends() -> None:
    def claim(xml: bytes) -> bytes:
        return xml.replace(b'<row r="2"', b'<row r="1048576"').replace(b'r="B2"', b'r="XFD1048576"')

    content = changed(sheet_of(["Asha", "9823012345"]), "xl/worksheets/sheet1.xml", claim)
    with pytest.raises(FileRefused):
        rows_of(open_table(content, "a.xlsx"))


def test_more_columns_than_bearable_are_refused() -> None:
    content = sheet_of(["x"] * 30, heading=[f"Column {n}" for n in range(30)])
    with pytest.raises(FileRefused, match="columns"):
        open_table(content, "a.xlsx", limits=Limits(columns=20))


@settings(max_examples=25, deadline=None)
@given(place=st.integers(0, 4_000), value=st.integers(0, 255))
def test_one_changed_byte_gives_rows_or_a_refusal(place: int, value: int) -> None:
    content = bytearray(_SMALL)
    content[place % len(content)] = value
    try:
        table = open_table(bytes(content), "a.xlsx")
        list(itertools.islice(table.rows(), 20))
    except FileRefused as refusal:
        assert refusal.reason


_SMALL = sheet_of(["Asha", "9823012345"])


# --- our own writer ------------------------------------------------------------------------------------------------

_texts = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20)


@settings(max_examples=30, deadline=None)
@given(rows=st.lists(st.lists(_texts, min_size=2, max_size=2), min_size=1, max_size=5))
def test_what_we_write_another_reader_reads_back(rows: list[list[str]]) -> None:
    from python_calamine import CalamineWorkbook

    buffer = io.BytesIO()
    spreadsheets.write_xlsx(["A", "B"], rows, buffer)
    buffer.seek(0)
    found = CalamineWorkbook.from_filelike(buffer).get_sheet_by_index(0).to_python(skip_empty_area=False)
    wanted = [
        [cell.replace("\0", "").replace("\ufffe", "\ufffd").replace("\uffff", "\ufffd") for cell in row] for row in rows
    ]
    read = [[str(cell) for cell in row] + [""] * (2 - len(row)) for row in found[1:]]
    read += [["", ""]] * (len(wanted) - len(read))
    assert read == wanted


class OnlyWrite:
    """A file that can do nothing but take bytes, as the sealed file of an export."""

    def __init__(self) -> None:
        self.taken = bytearray()

    def write(self, part: bytes) -> int:
        self.taken += part
        return len(part)

    def flush(self) -> None:
        return None


@pytest.mark.parametrize("sheets", [1, 3, 30])
def test_a_workbook_needs_nothing_but_write(sheets: int) -> None:
    target: Any = OnlyWrite()
    tables = [(f"t{n}", HEADING, [[f"Asha {n}", "9823012345"]]) for n in range(sheets)]
    assert spreadsheets.write_workbook(tables, target) == sheets
    table = open_table(bytes(target.taken), "a.xlsx", part=f"t{sheets - 1}")
    assert table.parts == [f"t{n}" for n in range(sheets)]
    assert rows_of(table) == [[f"Asha {sheets - 1}", "9823012345"]]


def test_columns_beyond_z_have_their_names() -> None:
    buffer = io.BytesIO()
    spreadsheets.write_xlsx([f"c{n}" for n in range(800)], [[str(n) for n in range(800)]], buffer)
    table = open_table(buffer.getvalue(), "a.xlsx")
    assert table.columns == [f"c{n}" for n in range(800)]
    assert rows_of(table) == [[str(n) for n in range(800)]]


def test_names_of_sheets_are_escaped() -> None:
    buffer = io.BytesIO()
    spreadsheets.write_workbook([('R&D "x" <y>', ["A"], [["1"]])], buffer)
    assert open_table(buffer.getvalue(), "a.xlsx").parts == ['R&D "x" <y>']
