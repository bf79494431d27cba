"""What is exported must be inert, whole and readable again. (How it reads back is tested in people, where the readers are.)"""

import csv
import io
import re
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amanat.core import spreadsheets

FORMULA = re.compile(r'^[\s"\ufeff\u200b\x00-\x20]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]')
storable = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"))
dangerous = st.builds(
    lambda quotes, sign, rest: quotes + sign + rest,
    st.sampled_from(["", "'", "''", " ", "\t", "\ufeff", "' ", '"', "\n"]),
    st.sampled_from(
        ["=", "+", "-", "@", "\t", "\r", "＝", "＋", "(+91) 98220 41736", "+919822041736", "-2+3", "|", "%"]
    ),
    storable,
)
cells = storable | dangerous


def read_csv(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("=1+1", "'=1+1"), ("@SUM(A1)", "'@SUM(A1)"), ("-5", "'-5"), ("+1", "'+1"), ("\t=1", "'\t=1"), (" =1", "' =1"), ("＝1", "'＝1"),
        ("'=1", "''=1"), ("'quoted'", "'quoted'"), ("Sunita", "Sunita"), ("a=b", "a=b"), ("सुनीता", "सुनीता"), ("", ""),
        ("+919822041736", "(+91) 98220 41736"), ("+97143310000", "(+971) 43310 000"), ("(+91) 98220 41736", "'(+91) 98220 41736"),
        ("+91 98220 41736", "'+91 98220 41736"), ("+9990000000", "'+9990000000"),
    ],
)  # fmt: skip
def test_inert_and_restored(value: str, written: str) -> None:
    assert spreadsheets.inert(value) == written
    assert spreadsheets.restored(written) == value


@given(cells)
def test_restored_undoes_inert(value: str) -> None:
    assert spreadsheets.restored(spreadsheets.inert(value)) == value


@given(cells)
def test_no_written_cell_begins_like_a_formula(value: str) -> None:
    assert not FORMULA.match(spreadsheets.inert(value))


@given(st.text(alphabet=st.characters(codec=None)))
def test_any_text_can_be_written(value: str) -> None:
    content = b"".join(spreadsheets.write_csv(["a"], [[value]]))
    assert not FORMULA.match(read_csv(content)[1][0])


def test_csv_has_bom_crlf_and_says_that_it_is_ours() -> None:
    content = b"".join(
        spreadsheets.write_csv(["Name", "Mobile"], [["Sunita, Nashik", "+919822041736"], ['say "hi"', ""]])
    )
    assert content.decode() == (
        '\ufeffName,Mobile,(Amanat export 1)\r\n"Sunita, Nashik",(+91) 98220 41736,\r\n"say ""hi""",,\r\n'
    )


def test_csv_of_no_rows_has_its_heading() -> None:
    assert read_csv(b"".join(spreadsheets.write_csv(["=Name"], []))) == [["'=Name", spreadsheets.MARKER]]


def test_csv_comes_in_pieces_as_rows_are_made() -> None:
    made = 0

    def rows() -> "list[list[str]]":  # a generator, typed by what it yields
        nonlocal made
        for number in range(5_000):
            made += 1
            yield [str(number)]  # type: ignore[misc]

    pieces = spreadsheets.write_csv(["n"], rows())
    next(pieces)
    assert made < 1_000
    assert len(read_csv(b"".join(pieces))) > 4_000


def xml(file: io.BytesIO, name: str = "xl/worksheets/sheet1.xml") -> str:
    with zipfile.ZipFile(file) as archive:
        return archive.read(name).decode()


def test_xlsx_cells_are_text_and_never_formulas_or_links() -> None:
    file = io.BytesIO()
    values = ["=1+1", "+919822041736", "https://example.in", "12", "@x"]
    assert spreadsheets.write_xlsx(["a"], [[value] for value in values], file) == 5
    sheet = xml(file)
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert sheet.count('t="inlineStr"') == 6
    assert "<v>" not in sheet


def test_xlsx_marks_what_looks_like_a_formula_as_text_for_editing() -> None:
    file = io.BytesIO()
    spreadsheets.write_xlsx(["a"], [["=1+1"], ["plain"]], file)
    assert 'quotePrefix="1"' in xml(file, "xl/styles.xml")
    styles = re.findall(r'<c r="A([23])"(?: s="(\d+)")?', xml(file))
    assert styles[0][1] != styles[1][1]


def test_xlsx_goes_on_in_a_new_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "SHEET_ROWS", 3)
    file = io.BytesIO()
    assert spreadsheets.write_xlsx(["a"], [[str(number)] for number in range(5)], file) == 5
    with zipfile.ZipFile(file) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
    assert len(sheets) == 3
    assert ">4<" in xml(file, "xl/worksheets/sheet3.xml")


def test_xlsx_refuses_what_it_cannot_hold() -> None:
    with pytest.raises(spreadsheets.SpreadsheetRefused, match="Row 2"):
        spreadsheets.write_xlsx(["a"], [["x"], ["x" * 32_768]], io.BytesIO())
    with pytest.raises(spreadsheets.SpreadsheetRefused, match="16,384"):
        spreadsheets.write_xlsx(["a"] * 16_385, [], io.BytesIO())
