"""XLSX files (ECMA-376) written as they come: every cell a text, nothing held back and nothing beside the target.

`xlsxwriter`, which was here before, puts the rows into temporary files, and those are the personal data of a whole workspace in
plaintext on a disk. This writes straight into whatever can be written to, such as the sealed file of an export: the sheets as they
are made, the lists of sheets at the end. Only texts, headings in bold and Excel's "quote prefix" are known here; what a cell may
say is the business of `core.spreadsheets`.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Sequence
from typing import IO
from xml.sax.saxutils import escape, quoteattr

#: The formats of cells, by their place in `_STYLES`.
PLAIN, HEADING, GUARDED = 0, 1, 2
#: XML characters of a sheet; its size has to stand in 32 bits, as old Excel reads no ZIP64.
MOST_BYTES = 2_000_000_000
_PIECE = 500
_MAIN = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_OFFICE = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_DECLARED = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
_STYLES = (
    f'{_DECLARED}<styleSheet {_MAIN}><fonts count="2"><font><sz val="11"/><name val="Calibri"/></font>'
    '<font><b/><sz val="11"/><name val="Calibri"/></font></fonts>'
    '<fills count="2"><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="gray125"/></fill></fills>'
    '<borders count="1"><border><left/><right/><top/><bottom/><diagonal/></border></borders>'
    '<cellStyleXfs count="1"><xf numFmtId="0" fontId="0" fillId="0" borderId="0"/></cellStyleXfs>'
    '<cellXfs count="3"><xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0"/>'
    '<xf numFmtId="0" fontId="1" fillId="0" borderId="0" xfId="0" applyFont="1"/>'
    '<xf numFmtId="0" fontId="0" fillId="0" borderId="0" xfId="0" quotePrefix="1"/></cellXfs>'
    '<cellStyles count="1"><cellStyle name="Normal" xfId="0" builtinId="0"/></cellStyles></styleSheet>'
)
_RELATIONS = 'xmlns="http://schemas.openxmlformats.org/package/2006/relationships"'
_ROOT = (
    f'{_DECLARED}<Relationships {_RELATIONS}><Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/>'
    "</Relationships>"
)
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
# Characters that XML 1.0 cannot carry or would change, as Excel writes them; and what only looks like such an escape.
_ESCAPED = re.compile("[\x00-\x08\x0b-\x1f]|_(?=x[0-9A-Fa-f]{4}_)")

Cell = tuple[str, int]


class SheetTooLarge(Exception):
    """The sheet has more text than a sheet can have."""


class Workbook:
    """A workbook on its way into `file`, which needs no more than `write`. Sheets are written one after the other."""

    def __init__(self, file: IO[bytes]) -> None:
        self._archive = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=4)
        self._names: list[str] = []

    def add_sheet(self, name: str, rows: Iterable[Sequence[Cell]]) -> None:
        """Write a sheet whose first row stays in view. Cells of no text are left out. Raises SheetTooLarge."""
        self._names.append(name or f"Sheet{len(self._names) + 1}")
        with self._archive.open(f"xl/worksheets/sheet{len(self._names)}.xml", "w") as sheet:
            start = (
                f'{_DECLARED}<worksheet {_MAIN}><sheetViews><sheetView workbookViewId="0"><pane ySplit="1" topLeftCell="A2" '
                'activePane="bottomLeft" state="frozen"/></sheetView></sheetViews><sheetData>'
            )
            pieces, written = [start], 0
            for number, row in enumerate(rows, start=1):
                pieces.append(_row(number, row))
                if len(pieces) > _PIECE:
                    written += sheet.write("".join(pieces).encode())
                    pieces = []
                    if written > MOST_BYTES:
                        raise SheetTooLarge
            pieces.append("</sheetData></worksheet>")
            sheet.write("".join(pieces).encode())

    def close(self) -> None:
        """Write what says which sheets there are."""
        places = range(1, len(self._names) + 1)
        overrides = [("workbook.xml", "sheet.main"), ("styles.xml", "styles")]
        overrides += [(f"worksheets/sheet{place}.xml", "worksheet") for place in places]
        types = "".join(
            f'<Override PartName="/xl/{name}" ContentType="{_TYPE}.{kind}+xml"/>' for name, kind in overrides
        )
        sheets = "".join(
            f'<sheet name={quoteattr(name)} sheetId="{place}" r:id="rId{place}"/>'
            for place, name in zip(places, self._names, strict=True)
        )
        related = "".join(
            f'<Relationship Id="rId{place}" Type="{_OFFICE}/worksheet" Target="worksheets/sheet{place}.xml"/>'
            for place in places
        )
        styles = f'<Relationship Id="rId{len(self._names) + 1}" Type="{_OFFICE}/styles" Target="styles.xml"/>'
        for name, text in (
            ("xl/styles.xml", _STYLES),
            (
                "xl/workbook.xml",
                f'{_DECLARED}<workbook {_MAIN} xmlns:r="{_OFFICE}"><bookViews><workbookView/></bookViews><sheets>{sheets}</sheets></workbook>',
            ),
            ("xl/_rels/workbook.xml.rels", f"{_DECLARED}<Relationships {_RELATIONS}>{related}{styles}</Relationships>"),
            ("_rels/.rels", _ROOT),
            (
                "[Content_Types].xml",
                f'{_DECLARED}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
                '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
                f'<Default Extension="xml" ContentType="application/xml"/>{types}</Types>',
            ),
        ):
            self._archive.writestr(name, text)
        self._archive.close()


def _row(number: int, cells: Sequence[Cell]) -> str:
    drawn = "".join(
        f'<c r="{_column(place)}{number}"{f" s={chr(34)}{style}{chr(34)}" if style else ""} t="inlineStr">'
        f'<is><t xml:space="preserve">{_escaped(text)}</t></is></c>'
        for place, (text, style) in enumerate(cells)
        if text
    )
    return f'<row r="{number}">{drawn}</row>'


_columns: list[str] = []


def _column(place: int) -> str:
    """A, B, ... Z, AA, ... of a place from 0."""
    while len(_columns) <= place:
        number, name = len(_columns) + 1, ""
        while number:
            number, letter = divmod(number - 1, 26)
            name = chr(65 + letter) + name
        _columns.append(name)
    return _columns[place]


def _escaped(text: str) -> str:
    if text.isalnum():
        return text
    return escape(_ESCAPED.sub(lambda found: f"_x{ord(found[0]):04X}_", text))
