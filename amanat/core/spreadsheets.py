"""The one place that writes CSV and XLSX.

**No cell may run.** A spreadsheet program takes a CSV cell that begins with = + - @ (also after white space, and in full-width form)
for a formula. So a leading apostrophe is put before such a cell, and before a cell that already begins with apostrophes and then such
a sign; taking one apostrophe off is therefore exact. White space counts as part of the beginning, as programs trim it.

**What was written reads back the same.** Only our own files may lose apostrophes, so each CSV says that it is ours: its last column
has the heading `MARKER` and no values. A heading survives Excel, LibreOffice and Google Sheets when they save the file again, which an
invisible character or a comment line would not. `people.importing.readers` drops the column and undoes the escape with `restored`.

**Phone numbers stay whole.** "+919822041736" would be read as the number 919822041736: the plus is lost, the cell shows 9.19822E+11,
and saving the file keeps that. "+91 98220 41736" stays text in Excel and LibreOffice but Google Sheets answers "formula parse error".
So a cell that is exactly an E.164 number is written "(+91) 98220 41736": no program reads it as a number or a formula, people and
dialers understand it, and `restored` makes E.164 of it again. (Reasoned from the programs' rules for typed cells.)

XLSX needs none of this on opening, as its text cells are text. Cells that look like formulas also carry Excel's "quote prefix", so
that they stay text when somebody edits them. A sheet that is full goes on in the next one.

Text that no file can hold (NUL, lone surrogates) is dropped or becomes U+FFFD.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, count, islice
from typing import IO

from django.utils.translation import gettext as _

from amanat.core import phones
from amanat.core.workbooks import GUARDED, HEADING, PLAIN, SheetTooLarge, Workbook

MARKER = "(Amanat export 1)"

_SIGNS = "=+\\-@\t\r\n|%\uff1d\uff0b\uff0d\uff20\u2212"
_LOOKS_LIKE_FORMULA = re.compile(rf"[\s\"\ufeff\u200b\x00-\x20]*[{_SIGNS}]")
_ESCAPED = re.compile(rf"'+[\s\"\ufeff\u200b\x00-\x20]*[{_SIGNS}]")
_WRITTEN_PHONE = re.compile(r"'*\(\+([1-9][0-9]{0,2})\) ([0-9][0-9 ]*[0-9])")
_HARMLESS = re.compile(r"[0-9A-Za-z\u0900-\u0d7f][^\x00\ud800-\udfff]*")
_UNSTORABLE = re.compile("\x00")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
# What an XML 1.0 document cannot carry. Those below U+0020 are written as _x001F_, which readers turn back.
_NOT_IN_XML = re.compile("[\ufffe\uffff]")

_ROWS_PER_PIECE = 500
SHEET_ROWS = 1_048_576
SHEET_COLUMNS = 16_384
CELL_LENGTH = 32_767


class SpreadsheetRefused(ValueError):
    """The table does not fit the format; `reason` says what is too large."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def inert(value: str) -> str:
    """`value` as it is written into a CSV cell; `restored` is its inverse."""
    if _HARMLESS.fullmatch(value):
        return value
    text = _storable(value)
    if phones.is_e164(text):
        return _phone(text)
    if _LOOKS_LIKE_FORMULA.match(text) or _ESCAPED.match(text) or _WRITTEN_PHONE.fullmatch(text):
        return "'" + text
    return text


def restored(cell: str) -> str:
    """What `inert` was given. Only for cells of a file that carries the MARKER."""
    if cell.startswith("(+"):
        written = _WRITTEN_PHONE.fullmatch(cell)
        return "+" + written[1] + written[2].replace(" ", "") if written else cell
    if cell.startswith("'") and (_ESCAPED.match(cell) or _WRITTEN_PHONE.fullmatch(cell)):
        return cell[1:]
    return cell


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[bytes]:
    """The table as CSV in pieces: UTF-8 with BOM, CRLF, comma; the last column is the MARKER."""
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\r\n")
    buffer.write("\ufeff")
    writer.writerow([*map(inert, columns), MARKER])
    source = iter(rows)
    while True:
        written = 0
        for row in islice(source, _ROWS_PER_PIECE):
            writer.writerow([*map(inert, row), ""])
            written += 1
        yield buffer.getvalue().encode()
        buffer.seek(0)
        buffer.truncate()
        if written < _ROWS_PER_PIECE:
            return


def write_xlsx(columns: Sequence[str], rows: Iterable[Sequence[str]], file: IO[bytes]) -> int:
    """Write the table into `file`, all cells as text; returns how many rows there were. Memory does not grow with the rows.

    Raises SpreadsheetRefused when a cell has more than 32,767 characters or there are more than 16,384 columns.
    """
    return write_workbook([("", columns, rows)], file)


def write_workbook(tables: Iterable[tuple[str, Sequence[str], Iterable[Sequence[str]]]], file: IO[bytes]) -> int:
    """Write tables, each with its name, columns and rows, as the sheets of one workbook; returns the rows of all.

    A table is read to its end before the next one is asked for. One that fills its sheet goes on in "name 2". A name
    has at most 25 letters and none that a sheet's name cannot have; "" leaves the name to the program. `file` is only ever
    written to, from its beginning to its end. Raises like `write_xlsx`.
    """
    book = Workbook(file)
    total = 0
    for name, columns, rows in tables:
        total += _write_sheets(book, name, columns, rows)
    book.close()
    return total


def _write_sheets(book: Workbook, name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> int:
    if len(columns) > SHEET_COLUMNS:
        raise SpreadsheetRefused(_("A sheet has at most 16,384 columns. Export fewer columns."))
    heading = [(_cell(column, 0), HEADING) for column in columns]
    cells = ([_styled(value, number) for value in row] for number, row in enumerate(rows, start=1))
    counted = _Counted(cells)
    for place in count(1):
        first = list(islice(counted, 1))
        if not first and place > 1:
            break
        try:
            book.add_sheet(_numbered(name, place), chain([heading], first, islice(counted, SHEET_ROWS - 2)))
        except SheetTooLarge:
            raise SpreadsheetRefused(_("The sheet has too much text for a workbook. Export as CSV.")) from None
    return counted.count


class _Counted[Thing](Iterator[Thing]):
    """Counts what passes."""

    def __init__(self, things: Iterable[Thing]) -> None:
        self._things = iter(things)
        self.count = 0

    def __next__(self) -> Thing:
        thing = next(self._things)
        self.count += 1
        return thing


def _styled(value: str, row: int) -> tuple[str, int]:
    text = _cell(value, row)
    return text, GUARDED if _LOOKS_LIKE_FORMULA.match(text) else PLAIN


def _numbered(name: str, place: int) -> str:
    return f"{name} {place}" if name and place > 1 else name


def _cell(value: str, row: int) -> str:
    text = _NOT_IN_XML.sub("\ufffd", _storable(value))
    if len(text) > CELL_LENGTH:
        raise SpreadsheetRefused(
            _("Row %(row)s has a text of more than 32,767 characters, which Excel cannot hold. Export as CSV.")
            % {"row": row}
        )
    return text


def _storable(value: str) -> str:
    return _LONE_SURROGATE.sub("\ufffd", _UNSTORABLE.sub("", value))


def _phone(e164: str) -> str:
    try:
        code = phones.calling_code(e164)
    except phones.PhoneInvalid:
        return "'" + e164
    rest = e164[1 + len(code) :]
    return f"(+{code}) {rest[:5]} {rest[5:]}" if len(rest) > 5 else f"(+{code}) {rest}"
