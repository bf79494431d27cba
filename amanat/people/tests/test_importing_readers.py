"""Files as phones, spreadsheet programs and enemies make them."""

import base64
import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
import xlsxwriter
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from amanat.core import spreadsheets
from amanat.people.importing import readers
from amanat.people.importing.readers import FileRefused, Limits, Table, open_table

SMALL = Limits(workbook_memory=420_000_000)


def read(content: bytes, filename: str = "list.csv", **options: object) -> tuple[list[str], list[list[str]]]:
    table = open_table(content, filename, **options)  # type: ignore[arg-type]
    return table.columns, [list(row.cells) for row in table.rows()]


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return buffer.getvalue()


def workbook(fill: Callable[[xlsxwriter.Workbook], None]) -> bytes:
    buffer = io.BytesIO()
    book = xlsxwriter.Workbook(buffer)
    fill(book)
    book.close()
    return buffer.getvalue()


TEXT = "Name,City\r\nसुनीता,नाशिक\r\nJosé,Sinnar\r\n"
ROWS = [["सुनीता", "नाशिक"], ["José", "Sinnar"]]


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode(), b"\xef\xbb\xbf" + TEXT.encode(), TEXT.encode("utf-16"), TEXT.encode("utf-16-le"), TEXT.encode("utf-16-be"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"), TEXT.replace(",", ";").encode(), TEXT.replace(",", "\t").encode(), TEXT.replace(",", "|").encode(),
        TEXT.replace("\r\n", "\n").encode(), TEXT.replace("\r\n", "\r").encode(), TEXT.replace("\r\n", "\r\r\n").encode(),
        TEXT.replace("\r\n", "\r\n\r\n").encode(), ("sep=;\r\n" + TEXT.replace(",", ";")).encode(), ("\r\n\r\n" + TEXT).encode(), TEXT.encode() + b"\0\0",
    ],
)  # fmt: skip
def test_encodings_separators_and_line_ends(content: bytes) -> None:
    assert read(content) == (["Name", "City"], ROWS)


def test_windows_1252_when_it_is_not_utf8() -> None:
    assert read("Name;City\r\nJosé;Façade – €\r\n".encode("cp1252"))[1] == [["José", "Façade – €"]]


def test_one_broken_byte_does_not_spoil_a_hindi_file() -> None:
    names = "".join(f"सुनीता,{number}\n" for number in range(20))
    assert read(f"Name,City\n{names}".encode() + b"\xe0\xa4,x\n")[1][0] == ["सुनीता", "0"]


def test_a_byte_beyond_the_sample_decides_about_the_encoding_too() -> None:
    content = b"Name,City\n" + b"Asha,Sinnar\n" * 10_000 + "José,Nashik\n".encode("cp1252")
    assert read(content)[1][-1] == ["José", "Nashik"]


def test_quotes_line_breaks_and_nuls_inside_cells() -> None:
    content = b'Name,Note\r\n"Asha, A","said ""hi""\r\nand left"\r\nRa\0vi,x\r\n'
    assert read(content)[1] == [["Asha, A", 'said "hi"\r\nand left'], ["Ravi", "x"]]


def test_row_numbers_are_lines_of_the_file() -> None:
    table = open_table(b'Name,Note\n\nAsha,"1\n2"\nRavi,x\n', "a.csv")
    assert [row.number for row in table.rows()] == [3, 5]


def test_ragged_rows_are_filled_and_what_is_too_much_is_kept_apart() -> None:
    table = open_table(b"Name,City,Note\nAsha\nRavi,Sinnar,x,y,,z\n", "a.csv")
    assert [(list(row.cells), list(row.extra)) for row in table.rows()] == [
        (["Asha", "", ""], []),
        (["Ravi", "Sinnar", "x"], ["y", "z"]),
    ]


def test_empty_columns_at_the_end_of_the_heading_go() -> None:
    assert read(b"Name,City,,\nAsha,Sinnar,,\n") == (["Name", "City"], [["Asha", "Sinnar"]])


def test_a_file_without_heading_keeps_its_first_row() -> None:
    table = open_table(b"Asha Menon,9822041736,Sinnar\nRavi,9822041737,Nashik\n", "a.csv")
    assert not table.has_heading
    assert table.columns == ["Column 1", "Column 2", "Column 3"]
    assert [row.cells[0] for row in table.rows()] == ["Asha Menon", "Ravi"]


def test_a_list_of_one_column() -> None:
    assert read(b"Mobile\n9822041736\n9822041737\n") == (["Mobile"], [["9822041736"], ["9822041737"]])


def test_rows_can_be_read_again() -> None:
    table = open_table(TEXT.encode(), "a.csv")
    assert [row.cells for row in table.rows()] == [row.cells for row in table.rows()] == ROWS


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (b"", "empty"), (b"\r\n \r\n", "empty"), (b"\xef\xbb\xbf", "empty"), (b"%PDF-1.7 ...", "not a table"), (b"<html><table>", "not a table"),
        (b'{"name": "Asha"}', "not a table"), (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20, "not a table"), (b"\x7fELF" + bytes(range(1, 32)) * 50, "not a table"),
        (b"Name,City\n" + b'"' + b"x" * 1_200_000, "not a table"), (b'Name,City\n"' + b"x\n" * 700_000, "quote"), (b",".join([b"x"] * 1_001), "columns"),
        (b"BEGIN:VCARD\r\n", "no contact"), (b"PK\x03\x04 broken", "damaged"), (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "damaged"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600 + "EncryptedPackage".encode("utf-16-le"), "password"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_in_words(content: bytes, word: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read(content)
    assert word in refused.value.reason


def test_limits_of_size_and_rows() -> None:
    with pytest.raises(FileRefused, match="larger than"):
        open_table(b"x" * 2_000, "a.csv", limits=Limits(file_bytes=1_000))
    with pytest.raises(FileRefused, match="more than 3 rows"):
        read(b"Name\n" + b"Asha\n" * 4, limits=Limits(rows=3))
    assert len(read(b"Name\n" + b"Asha\n" * 3, limits=Limits(rows=3))[1]) == 3


@pytest.mark.slow
def test_memory_does_not_grow_with_the_rows(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    with path.open("w") as file:
        file.write("Name,Mobile,City\n")
        for number in range(100_000):
            file.write(f"Name {number},9{number:09d},Sinnar\n")
    tracemalloc.start()
    try:
        assert sum(1 for _row in open_table(path, "large.csv").rows()) == 100_000
        assert tracemalloc.get_traced_memory()[1] < 8_000_000
    finally:
        tracemalloc.stop()


def test_workbook_cells_become_what_a_person_would_type() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("Customers")
        day = book.add_format({"num_format": "dd/mm/yyyy"})
        sheet.write_row(1, 1, ["Name", "Mobile", "Birth date", "Fee", "Paid", "Note"])
        sheet.write_row(2, 1, ["सुनीता", 9822041736])
        sheet.write_number(2, 3, 27399, day)
        sheet.write_row(2, 4, [1100.5, True])
        sheet.write_string(2, 6, "=1+1")
        sheet.write_row(4, 1, ["Asha", "09822041737"])

    table = open_table(workbook(fill), "book.xlsx")
    assert (table.columns, table.kind, table.parts, table.part) == (
        ["Name", "Mobile", "Birth date", "Fee", "Paid", "Note"],
        "workbook",
        ["Customers"],
        "Customers",
    )
    assert [(row.number, list(row.cells)) for row in table.rows()] == [
        (3, ["सुनीता", "9822041736", "1975-01-05", "1100.5", "TRUE", "=1+1"]),
        (5, ["Asha", "09822041737", "", "", "", ""]),
    ]


def test_a_sheet_can_be_chosen_and_hidden_or_empty_ones_are_not_taken() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        book.add_worksheet("Empty")
        book.add_worksheet("Secret").hide()
        for name in ("First", "Second"):
            book.add_worksheet(name).write_column(0, 0, ["Name", name])

    content = workbook(fill)
    assert open_table(content, "a.xlsx").parts == ["Empty", "First", "Second"]
    assert read(content, "a.xlsx")[1] == [["First"]]
    assert read(content, "a.xlsx", part="Second")[1] == [["Second"]]
    with pytest.raises(FileRefused, match="no such sheet"):
        open_table(content, "a.xlsx", part="Secret")


@pytest.mark.slow
def test_a_workbook_that_claims_too_many_cells_is_refused_and_nothing_else_suffers() -> None:
    def fill(book: xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "Name")
        sheet.write(1_048_575, 900, "far away")

    with pytest.raises(FileRefused):
        read(workbook(fill), "a.xlsx")


def test_workbook_with_entities_is_refused() -> None:
    good = workbook(lambda book: book.add_worksheet().write(0, 0, "Name") and None)
    with zipfile.ZipFile(io.BytesIO(good)) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    evil = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]>'
    files["xl/workbook.xml"] = evil + files["xl/workbook.xml"].split(b"?>", 1)[1]
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    with pytest.raises(FileRefused, match="XML declarations"):
        read(buffer.getvalue(), "a.xlsx")


def test_archive_with_one_table_and_with_several() -> None:
    assert read(zipped(list__csv=TEXT.encode(), readme__md=b"x"), "a.zip")[1] == ROWS
    two = zipped(a__csv=TEXT.encode(), b__csv=b"Name\nAsha\n")
    assert open_table(two, "a.zip").parts == ["a.csv", "b.csv"]
    assert read(two, "a.zip", part="b.csv") == (["Name"], [["Asha"]])
    with pytest.raises(FileRefused, match="no such file"):
        open_table(two, "a.zip", part="c.csv")


def test_archive_of_a_workbook_and_of_many_cards() -> None:
    inner = workbook(lambda book: book.add_worksheet().write_column(0, 0, ["Name", "Asha"]) and None)
    assert read(zipped(a__xlsx=inner), "a.zip") == (["Name"], [["Asha"]])
    card = "BEGIN:VCARD\nVERSION:3.0\nFN:{}\nEND:VCARD"
    cards = zipped(a__vcf=card.format("Asha").encode(), b__vcf=card.format("Ravi").encode())
    assert [row[0] for row in read(cards, "a.zip")[1]] == ["Asha", "Ravi"]


@pytest.mark.parametrize(
    ("content", "word"),
    [
        (zipped(bomb__csv=b"a,b\n" * 4_000_000), "too large"), (zipped(inner__zip=zipped(a__csv=b"Name\nAsha\n")), "another archive"),
        (zipped(a__csv=zipped(b__csv=b"Name\nAsha\n")), "another archive"), (zipped(readme__md=b"x"), "holds no"), (b"PK\x05\x06" + b"\0" * 18, "holds no"),
        (zipped(**{f"f{number}__csv": b"" for number in range(2_001)}), "more than 2000"),
    ],
)  # fmt: skip
def test_archives_that_are_refused(content: bytes, word: str) -> None:
    with pytest.raises(FileRefused) as refused:
        read(content, "a.zip")
    assert word in refused.value.reason


def test_archive_that_lies_about_its_sizes_is_stopped_while_unpacking() -> None:
    with pytest.raises(FileRefused, match="too large"):
        read(
            zipped(a__csv=b"Name\n" + bytes(range(33, 120)) * 100),
            "a.zip",
            limits=Limits(archive_unpacked=1_000, workbook_unpacked=1_000_000),
        )


def test_names_inside_an_archive_are_never_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("../../outside.csv", "Name\nAsha\n")
    assert read(buffer.getvalue(), "a.zip")[1] == [["Asha"]]
    assert list(tmp_path.rglob("*")) == []
    assert not (tmp_path.parent.parent / "outside.csv").exists()


CARDS = rb"""BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E0=A4=A6=E0=A5=87=E0=A4=B6=E0=A4=AE=E0=A5=81=E0=A4=96;=E0=A4=B8=E0=A5=81=
=E0=A4=A8=E0=A5=80=E0=A4=A4=E0=A4=BE;;;
FN;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:=E0=A4=B8=E0=A5=81=E0=A4=A8=E0=A5=80=E0=A4=A4=E0=A4=BE
TEL;CELL;PREF:+91 98220 41736
TEL;WORK;VOICE:022 2345 6789
EMAIL;HOME:sunita@example.in
NOTE;ENCODING=QUOTED-PRINTABLE:first line=0D=0Asecond=3B line
PHOTO;ENCODING=BASE64;JPEG:/9j/4AAQSkZJRgABAQ
 AAAQABAAD/BEGIN:VCARD

END:VCARD
BEGIN:VCARD
VERSION:3.0
PRODID:-//Apple Inc.//iPhone OS 17.0//EN
N:Menon;Asha;K.;Dr.;
FN:Dr. Asha K. Menon
ORG:Menon Clinic;Front desk;
TITLE:Owner
item1.TEL;type=pref:+91 98220 41737
item1.X-ABLabel:_$!<Main>!$_
item2.EMAIL;type=INTERNET:asha@example.in
item2.X-ABLabel:Shop
item3.ADR;type=HOME;type=pref:;;12\, MG Road\nNear bus stand;Nashik;Maharashtra;422001;India
BDAY:1975-01-05
CATEGORIES:Customers,VIP
NOTE:a long note that is fol
 ded\; yes
END:VCARD
begin:vcard
VERSION:4.0
FN:Ravi Iyer
TEL;VALUE=uri;TYPE="voice,cell":tel:+91-98220-41738
ADR;LABEL="12: Main":;;1 Main Road;Pune;;411001;
UID:urn:uuid:4fbe8971
end:vcard
"""


@pytest.mark.parametrize(
    "content", [CARDS, CARDS.replace(b"\n", b"\r\n"), b"\xef\xbb\xbf" + CARDS, CARDS.decode().encode("utf-16")]
)
def test_cards_of_all_three_versions(content: bytes) -> None:
    table = open_table(content, "contacts.vcf")
    found = [
        {column: cell for column, cell in zip(table.columns, row.cells, strict=True) if cell} for row in table.rows()
    ]
    found[0]["Notes"] = found[0]["Notes"].replace("\r\n", "\n")
    assert found == [
        {
            "Name": "सुनीता", "Last Name": "देशमुख", "First Name": "सुनीता", "Phone 1 - Label": "Mobile", "Phone 1 - Value": "+91 98220 41736",
            "Phone 2 - Label": "Work", "Phone 2 - Value": "022 2345 6789", "E-mail 1 - Label": "Home", "E-mail 1 - Value": "sunita@example.in",
            "Notes": "first line\nsecond; line",
        },
        {
            "Name": "Dr. Asha K. Menon", "Last Name": "Menon", "First Name": "Asha", "Middle Name": "K.", "Name Prefix": "Dr.",
            "Organization Name": "Menon Clinic, Front desk", "Organization Title": "Owner", "Phone 1 - Label": "Main", "Phone 1 - Value": "+91 98220 41737",
            "E-mail 1 - Label": "Shop", "E-mail 1 - Value": "asha@example.in", "Address 1 - Street": "12, MG Road\nNear bus stand", "Address 1 - City": "Nashik",
            "Address 1 - Region": "Maharashtra", "Address 1 - Postal Code": "422001", "Address 1 - Country": "India", "Birthday": "1975-01-05",
            "Labels": "Customers,VIP", "Notes": "a long note that is folded; yes",
        },
        {
            "Name": "Ravi Iyer", "Phone 1 - Label": "Mobile", "Phone 1 - Value": "+91-98220-41738", "Address 1 - Street": "1 Main Road",
            "Address 1 - City": "Pune", "Address 1 - Postal Code": "411001", "UID": "urn:uuid:4fbe8971",
        },
    ]  # fmt: skip


def test_more_phones_than_columns_stay_together_in_the_last() -> None:
    lines = "".join(f"TEL:982204173{number}\n" for number in range(7))
    table = open_table(f"BEGIN:VCARD\nFN:Asha\n{lines}END:VCARD\n".encode(), "a.vcf")
    (row,) = table.rows()
    assert row.cells[table.columns.index("Phone 5 - Value")] == "9822041734 ::: 9822041735 ::: 9822041736"


def test_cards_that_are_not_closed_or_hold_a_large_photo() -> None:
    photo = "\n ".join(base64.b64encode(bytes(3_000)).decode() for _ in range(500))
    content = f"BEGIN:VCARD\nFN:Asha\nPHOTO;ENCODING=b:{photo}\nTEL:9822041736\nBEGIN:VCARD\nFN:Ravi".encode()
    assert [row[0] for row in read(content, "a.vcf")[1]] == ["Asha", "Ravi"]


storable = st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00"), max_size=12)
tables = st.integers(1, 4).flatmap(
    lambda width: st.lists(st.lists(storable, min_size=width, max_size=width), min_size=1, max_size=6)
)


def was_read(table: Table) -> list[list[str]]:
    return [table.columns, *(list(row.cells) for row in table.rows())]


@given(tables)
@settings(deadline=None)
def test_what_csv_is_written_reads_back_unchanged(table: list[list[str]]) -> None:
    content = b"".join(spreadsheets.write_csv(table[0], table[1:]))
    assert was_read(open_table(content, "export.csv")) == table


def test_own_csv_resaved_with_semicolons_or_as_workbook_still_reads_back() -> None:
    values = ["=1+1", "+919822041736", "'=x", "plain"]
    content = b"".join(spreadsheets.write_csv(["a", "b", "c", "d"], [values]))
    assert was_read(open_table(content.replace(b",", b";"), "export.csv"))[1] == values
    cells = content.decode("utf-8-sig").split("\r\n")
    sheet = workbook(lambda book: _fill(book, [line.split(",") for line in cells if line]))
    assert was_read(open_table(sheet, "export.xlsx"))[1] == values


def _fill(book: xlsxwriter.Workbook, lines: list[list[str]]) -> None:
    sheet = book.add_worksheet()
    for place, line in enumerate(lines):
        for column, value in enumerate(line):
            sheet.write_string(place, column, value)


def test_a_file_of_others_keeps_its_apostrophes() -> None:
    assert read(b"Name,Note\nAsha,'=x\nRavi,(+91) 98220 41736\n")[1] == [["Asha", "'=x"], ["Ravi", "(+91) 98220 41736"]]


@pytest.mark.slow
@given(
    st.lists(
        st.lists(
            st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\x00\r￾￿"), min_size=1, max_size=8),
            min_size=2,
            max_size=2,
        ),
        min_size=1,
        max_size=4,
    )
)
@settings(deadline=None, max_examples=15)
def test_what_xlsx_is_written_reads_back_unchanged(rows: list[list[str]]) -> None:
    buffer = io.BytesIO()
    spreadsheets.write_xlsx(["Name", "Note"], rows, buffer)
    assert was_read(open_table(buffer.getvalue(), "export.xlsx")) == [["Name", "Note"], *rows]


GARBAGE = st.binary(max_size=600) | st.builds(
    bytes.__add__,
    st.sampled_from([b"PK\x03\x04", b"BEGIN:VCARD\n", b"\xff\xfe", b"\xfe\xff", b"Name,Mobile\n", b'"', b"sep=", b"BEGIN:VCARD\nN;ENCODING=QUOTED-PRINTABLE:=",
                     b"BEGIN:VCARD\nTEL;\"", b"PK\x05\x06"]),
    st.binary(max_size=400),
)  # fmt: skip


def exhaust(content: bytes) -> None:
    try:
        table = open_table(content, "upload.bin")
        for row in table.rows():
            assert len(row.cells) == len(table.columns)
    except FileRefused as refused:
        assert refused.reason


@pytest.mark.slow
@example(b'sep="')
@example(b"sep=\r")
@given(GARBAGE)
@settings(deadline=None, max_examples=400, suppress_health_check=[HealthCheck.too_slow])
def test_any_bytes_are_a_table_or_refused(content: bytes) -> None:
    exhaust(content)


@pytest.mark.slow
@given(st.data())
@settings(deadline=None, max_examples=25)
def test_damaged_workbooks_and_archives_are_a_table_or_refused(data: st.DataObject) -> None:
    good = data.draw(
        st.sampled_from([_GOOD_WORKBOOK, _GOOD_ARCHIVE, b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(2_000)])
    )
    place = data.draw(st.integers(4, len(good) - 1))
    exhaust(good[:place] + data.draw(st.binary(max_size=4)) + good[place + data.draw(st.integers(0, 4)) :])


_GOOD_WORKBOOK = workbook(lambda book: _fill(book, [["Name", "Mobile"], ["Asha", "9822041736"]]))
_GOOD_ARCHIVE = zipped(a__csv=TEXT.encode(), b__vcf=CARDS)


def test_public_names() -> None:
    assert readers.Row(1, ["a"]).extra == ()


def ods(rows: str) -> bytes:
    spaces = " ".join(
        f'xmlns:{short}="urn:oasis:names:tc:opendocument:xmlns:{long}:1.0"'
        for short, long in (("office", "office"), ("table", "table"), ("text", "text"))
    )
    content = f'<?xml version="1.0" encoding="UTF-8"?><office:document-content {spaces}><office:body><office:spreadsheet><table:table table:name="List">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
    manifest = (
        '<?xml version="1.0"?><manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"/>'
    )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("mimetype", "application/vnd.oasis.opendocument.spreadsheet")
        archive.writestr("content.xml", content)
        archive.writestr("META-INF/manifest.xml", manifest)
    return buffer.getvalue()


def ods_cell(text: str, repeated: str = "") -> str:
    return f'<table:table-cell {repeated} office:value-type="string"><text:p>{text}</text:p></table:table-cell>'


def test_opendocument_sheets() -> None:
    rows = "".join(
        f"<table:table-row>{ods_cell(name)}{ods_cell(city)}</table:table-row>"
        for name, city in [("Name", "City"), ("सुनीता", "नाशिक")]
    )
    table = open_table(ods(rows), "a.ods")
    assert (table.part, was_read(table)) == ("List", [["Name", "City"], ["सुनीता", "नाशिक"]])


def test_opendocument_bomb_of_repeated_rows_is_refused() -> None:
    wide = ods_cell("x", 'table:number-columns-repeated="900"')
    with pytest.raises(FileRefused):
        read(
            ods(
                f'<table:table-row>{ods_cell("Name")}</table:table-row><table:table-row table:number-rows-repeated="1000000">{wide}</table:table-row>'
            ),
            "a.ods",
        )
