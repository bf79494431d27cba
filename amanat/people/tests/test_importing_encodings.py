"""Text tables as programs and people write them: every encoding with every separator and line end, quotes, blanks, NULs."""

from __future__ import annotations

import codecs
import csv
import io
import itertools
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.people.importing import delimited, layouts
from amanat.people.importing.mapping import Target
from amanat.people.importing.readers import FileRefused, Limits, open_table
from amanat.people.importing.tables import Table

HINDI = [["नाम", "मोबाइल नंबर", "गाँव"], ["सुनीता देशमुख", "9822041736", "सिन्नर"], ["रवि पाटील", "9822041737", "नाशिक"]]
ENGLISH = [
    ["Name", "Mobile", "Village"],
    ["Asha D’Souza", "9822041736", "Sinnar"],
    ["Ravi “Bunty” Patil", "9822041737", "Nashik – West"],
]
PLAIN = [["Name", "Mobile", "Village"], ["Asha Menon", "9822041736", "Sinnar"], ["Ravi Patil", "9822041737", "Nashik"]]
ENCODINGS = {
    "utf-8": lambda text: text.encode(), "utf-8 with mark": lambda text: codecs.BOM_UTF8 + text.encode(),
    "utf-16-le with mark": lambda text: codecs.BOM_UTF16_LE + text.encode("utf-16-le"),
    "utf-16-be with mark": lambda text: codecs.BOM_UTF16_BE + text.encode("utf-16-be"),
    "utf-16-le": lambda text: text.encode("utf-16-le"), "utf-16-be": lambda text: text.encode("utf-16-be"),
    "windows-1252": lambda text: text.encode("cp1252"),
}  # fmt: skip
SEPARATORS = [",", ";", "\t", "|"]
ENDS = ["\n", "\r\n", "\r"]


def written(rows: list[list[str]], separator: str, end: str) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator=end).writerows(rows)
    return text.getvalue()


def all_rows(table: Table) -> list[list[str]]:
    return [table.columns, *(list(row.cells) for row in table.rows())]


@pytest.mark.parametrize(("encoding", "separator", "end"), list(itertools.product(ENCODINGS, SEPARATORS, ENDS)))
def test_every_encoding_with_every_separator_and_line_end(encoding: str, separator: str, end: str) -> None:
    rows = ENGLISH if encoding == "windows-1252" else PLAIN if encoding in {"utf-16-le", "utf-16-be"} else HINDI
    table = open_table(ENCODINGS[encoding](written(rows, separator, end)), "list.csv")
    assert all_rows(table) == rows


@pytest.mark.parametrize("separator", SEPARATORS)
def test_cells_with_the_separator_quotes_and_line_ends_stay_whole(separator: str) -> None:
    nasty = [
        ["Name", "Address", "Note"],
        [f"Deshmukh{separator} Sunita", "12 Main Road\nSinnar", 'says "yes"'],
        ['"', separator, "\n"],
        ["a", "", " spaces stay "],
    ]
    assert all_rows(open_table(written(nasty, separator, "\r\n").encode(), "a.csv")) == nasty


def test_text_with_other_separators_inside_is_divided_by_the_even_one() -> None:
    text = "Name;Address;Mobile\nAsha;12, Main Road, Sinnar;9822041736\nRavi;Flat 3, Nashik;9822041737\n"
    assert open_table(text.encode(), "a.csv").columns == ["Name", "Address", "Mobile"]
    text = "Name,Tags,Mobile\nAsha,a;b;c,9822041736\nRavi,d;e,9822041737\n"
    assert open_table(text.encode(), "a.csv").columns == ["Name", "Tags", "Mobile"]
    text = "Name|Address|Mobile\nAsha|12, Main Road, Sinnar|9822041736\n"
    assert open_table(text.encode(), "a.csv").columns == ["Name", "Address", "Mobile"]


@pytest.mark.parametrize("separator", [";", "|", "\t", ","])
@pytest.mark.parametrize("quoted", [True, False])
def test_the_line_in_which_excel_says_its_separator_is_no_row(separator: str, quoted: bool) -> None:
    line = f'"sep={separator}"' if quoted else f"sep={separator}"
    table = open_table(f"{line}\r\nName{separator}Mobile\r\nAsha{separator}9822041736\r\n".encode(), "a.csv")
    assert all_rows(table) == [["Name", "Mobile"], ["Asha", "9822041736"]]


def test_a_column_of_one_name_needs_no_separator() -> None:
    assert all_rows(open_table(b"Name\nAsha\nRavi\n", "a.csv")) == [["Name"], ["Asha"], ["Ravi"]]


@pytest.mark.parametrize("blank", ["\n", "\r\n", "\n\n\n", " \n", ",,\n", " , , \n"])
def test_blank_lines_are_no_people(blank: str) -> None:
    table = open_table(f"{blank}Name,Mobile,Village\n{blank}Asha,9822041736,Sinnar\n{blank}{blank}".encode(), "a.csv")
    rows = [row for row in table.rows() if any(cell.strip() for cell in row.cells)]
    assert [list(row.cells) for row in rows] == [["Asha", "9822041736", "Sinnar"]]


def test_rows_know_the_line_they_stand_on() -> None:
    text = 'Name,Note\nAsha,"two\nlines"\n\nRavi,one\n'
    assert [row.number for row in open_table(text.encode(), "a.csv").rows()] == [2, 5]


def test_short_rows_are_filled_and_long_ones_tell_what_was_too_much() -> None:
    table = open_table(b"Name,Mobile\nAsha\nRavi,9822041737,more, ,even more\nOm,,,,\n", "a.csv")
    assert [(list(row.cells), list(row.extra)) for row in table.rows()] == [
        (["Asha", ""], []), (["Ravi", "9822041737"], ["more", "even more"]), (["Om", ""], []),
    ]  # fmt: skip


@pytest.mark.parametrize("place", [0, 5, 30])
def test_nul_bytes_are_dropped(place: int) -> None:
    text = "Name,Mobile\nAsha Menon,9822041736\n"
    content = (text[:place] + "\0" + text[place:]).encode()
    assert all_rows(open_table(content, "a.csv")) == [["Name", "Mobile"], ["Asha Menon", "9822041736"]]


def test_a_broken_byte_in_a_hindi_file_is_damage_and_no_other_encoding() -> None:
    content = written(HINDI, ",", "\n").encode() + "ओम,9822041738,येवला\n".encode()
    broken = content.replace("ओम".encode(), b"\xff" + "ओम".encode())
    rows = all_rows(open_table(broken, "a.csv"))
    assert rows[1] == HINDI[1] and rows[3] == ["\ufffdओम", "9822041738", "येवला"]


def test_a_latin_file_with_one_word_beyond_ascii_is_windows() -> None:
    assert all_rows(open_table("Name,Town\nJosé,Goa\n".encode("cp1252"), "a.csv"))[1] == ["José", "Goa"]
    assert all_rows(open_table("Name,Town\nJosé,Goa\n".encode(), "a.csv"))[1] == ["José", "Goa"]


def test_bytes_that_windows_does_not_know_are_marked() -> None:
    assert all_rows(open_table(b"Name,Town\nJos\xe9 \x81,Goa\n", "a.csv"))[1] == ["José \ufffd", "Goa"]


@pytest.mark.parametrize(
    "content",
    [
        b"", b"   \n \n", b"\xef\xbb\xbf", b"\xff\xfe", b"%PDF-1.7\n1 0 obj", b"<!DOCTYPE html><html>", b"<html><body><table><tr><td>x",
        b"<?xml version='1.0'?><a/>", b"{\\rtf1 hello}", b"\x01\x02\x03\x04\x05\x06\x07\x08" * 40, b'{"a": 1}', b'[{"a": 1}]',
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_in_words(content: bytes) -> None:
    with pytest.raises(FileRefused) as refusal:
        table = open_table(content, "a.csv")
        list(table.rows())
    assert refusal.value.reason.endswith((".", "?"))


def test_a_quote_that_is_never_closed_is_refused_with_its_line() -> None:
    content = ('Name,Note\nAsha,ok\nRavi,"open\n' + "x,y\n" * 3 + "z" * 1_200_000).encode()
    with pytest.raises(FileRefused, match=r"line \d+|characters"):
        list(open_table(content, "a.csv").rows())


@pytest.mark.parametrize(("limit", "value"), [("line", 50), ("columns", 3), ("rows", 2)])
def test_limits_are_kept(limit: str, value: int) -> None:
    text = "A,B,C,D\n" if limit == "columns" else "A,B\n"
    text += "1,2\n" * 3 + ("x" * 60 + ",2\n" if limit == "line" else "")
    with pytest.raises(FileRefused):
        list(open_table(text.encode(), "a.csv", limits=Limits(**{limit: value})).rows())


def test_a_file_of_only_headings_has_no_rows() -> None:
    assert all_rows(open_table(b"Name,Mobile\n", "a.csv")) == [["Name", "Mobile"]]


def test_a_file_without_headings_keeps_its_first_person() -> None:
    table = open_table(b"Asha Menon,9822041736,21-11-1990\nRavi Patil,9822041737,02-01-1985\n", "a.csv")
    assert not table.has_heading
    assert table.columns == ["Column 1", "Column 2", "Column 3"]
    assert next(iter(table.rows())).cells == ["Asha Menon", "9822041736", "21-11-1990"]


@pytest.mark.parametrize("name", ["list.tsv", "LIST.TAB"])
def test_the_ending_tsv_decides_when_the_bytes_do_not(name: str) -> None:
    assert open_table(b"Name, first\tMobile\nAsha\t9822041736\n", name).columns == ["Name, first", "Mobile"]


def test_headings_are_trimmed_and_empty_ones_at_the_end_gone() -> None:
    assert open_table(b" Name , Mobile ,,\nAsha,9822041736,,\n", "a.csv").columns == ["Name", "Mobile"]


_HINDI_HEADINGS = [
    ("नाम", "name"), ("पूरा नाम", "name"), ("ग्राहक का नाम", "name"), ("मोबाइल", "phone"), ("मोबाइल नंबर", "phone"), ("फ़ोन", "phone"), ("फोन नंबर", "phone"),
    ("व्हाट्सएप नंबर", "phone"), ("ईमेल", "email"), ("पता", "street"), ("गाँव", "city"), ("गांव", "city"), ("जिला", "district"), ("ज़िला", "district"),
    ("राज्य", "state"), ("पिन कोड", "postal_code"), ("जन्मतिथि", "birthday"), ("जन्म तिथि", "birthday"), ("टिप्पणी", "notes"), ("दुकान का नाम", "company"),
    ("भाषा", "language"), ("जीएसटी नंबर", "gstin"), ("तहसील", "locality"), ("पद", "job_title"), ("नाव", "name"), ("आडनाव", "last_name"),
    ("पहिले नाव", "first_name"), ("भ्रमणध्वनी", "phone"), ("पत्ता", "street"), ("तालुका", "locality"), ("जिल्हा", "district"), ("शेरा", "notes"),
    ("जन्मतारीख", "birthday"), ("ग्राहक क्रमांक", "external_id"), ("हुद्दा", "job_title"), ("देश", "country"), ("श्रेणी", "tags"), ("स्रोत", "source"),
]  # fmt: skip


@pytest.mark.parametrize(("heading", "target"), _HINDI_HEADINGS)
def test_headings_of_hindi_and_marathi_lists(heading: str, target: str) -> None:
    for written_so in (heading, f" {heading} ", f"{heading}:", f"*{heading}*"):
        table = open_table(f"{written_so},x\nअ,ब\n".encode(), "a.csv")
        assert layouts.guess(table).columns[0].target is Target(target), written_so


_cells = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=12)


@settings(max_examples=60, deadline=None)
@given(
    rows=st.integers(2, 5).flatmap(lambda width: st.lists(st.lists(_cells, min_size=width, max_size=width), min_size=1, max_size=6)),
    separator=st.sampled_from(SEPARATORS), end=st.sampled_from(["\n", "\r\n"]),
)  # fmt: skip
def test_any_table_of_text_reads_back(rows: list[list[str]], separator: str, end: str) -> None:
    heading = [f"Name {place}" for place in range(len(rows[0]))]
    content = codecs.BOM_UTF8 + f"sep={separator}{end}{written([heading, *rows], separator, end)}".encode()
    read = all_rows(open_table(content, "a.csv"))
    wanted = [row for row in rows if row != [""] * len(row) or separator]
    assert read == [heading, *(row for row in wanted)]


@settings(max_examples=40, deadline=None)
@given(content=st.binary(max_size=400))
def test_whatever_the_bytes_only_a_refusal_is_raised(content: bytes) -> None:
    try:
        table = open_table(content, "a.csv")
        for row in itertools.islice(table.rows(), 50):
            assert all("\0" not in cell for cell in row.cells)
    except FileRefused as refusal:
        assert refusal.reason


def test_the_encoding_is_found_also_far_behind_the_beginning() -> None:
    """A list whose first Hindi name comes after the sample is still UTF-8."""
    text = "Name,Mobile\n" + "Asha,9822041736\n" * 6_000 + "सुनीता,9822041737\n"
    *_rest, last = open_table(text.encode(), "a.csv").rows()
    assert last.cells == ["सुनीता", "9822041737"]


def test_evenness_prefers_the_separator_that_every_line_has() -> None:
    numbers = random.Random(7)
    lines = ["a;b,c;d"] + [f"x{numbers.randint(1, 9)};y,{'z,' * numbers.randint(0, 3)};w" for _ in range(30)]
    source = "\n".join(lines)
    table = open_table(source.encode(), "a.csv")
    assert len(table.columns) == 3
    assert delimited.separator_of.__doc__
