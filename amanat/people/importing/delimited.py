"""Text tables: CSV and TSV in the encodings and with the separators that spreadsheet programs write."""

import codecs
import csv
import io
import re
from collections import Counter
from collections.abc import Iterator
from typing import IO

from django.utils.translation import gettext as _

from amanat.core import spreadsheets
from amanat.people.importing.tables import FileRefused, Limits, Line, Source

_SAMPLE = 65_536
_SEPARATORS = (",", ";", "\t", "|")
_SEPARATOR_LINE = re.compile(r'"?sep=([^"\r\n\0])"?[\r\n]*$')
_BOMS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_CONTROL = re.compile("[\x01-\x08\x0e-\x1f]")
_NO_TABLES = ("%pdf", "<!doctype", "<html", "<?xml", "<table", "{\\rtf", '{"', "[{")

# The csv module's own limit is global for the process; ours is checked per cell as well.
csv.field_size_limit(1_100_000)


def encoding_of(source: Source) -> str:
    """The encoding's Python name. UTF-8 is checked to the end of the file; what is not UTF-8 is Windows-1252."""
    start = source.beginning(_SAMPLE)
    for mark, name in _BOMS:
        if start.startswith(mark):
            return name
    wide = _wide_encoding(start)
    if wide:
        return wide
    good, bad = _count_utf8(source)
    # One broken character in a file of Hindi names is damage, not another encoding.
    return "utf-8" if not bad or good > 20 * bad else "cp1252"


def lines(source: Source, encoding: str, separator: str, limits: Limits) -> Iterator[Line]:
    """The records, with the line each starts on; blank lines are left out. Raises FileRefused."""
    with source.open() as file:
        reader = csv.reader(pieces(file, encoding, limits), delimiter=separator)
        started = 1
        try:
            for cells in reader:
                if cells:
                    if len(cells) > limits.columns:
                        raise FileRefused(_("The file has more than %(count)s columns.") % {"count": limits.columns})
                    if not _is_separator_line(cells, started):
                        yield Line(started, cells)
                started = reader.line_num + 1
        except csv.Error as error:
            raise FileRefused(
                _("The table cannot be read near line %(line)s: a quote mark is probably not closed.")
                % {"line": reader.line_num}
            ) from error


def separator_of(source: Source, encoding: str) -> str:
    """The separator by which the beginning of the file falls into most columns most evenly."""
    text = _text_of(source.beginning(_SAMPLE), encoding)
    declared = _SEPARATOR_LINE.match(text.split("\n", 1)[0])
    if declared:
        return declared[1]
    complete = text[: text.rfind("\n") + 1] or text
    return max(_SEPARATORS, key=lambda separator: (_evenness(complete, separator), -_SEPARATORS.index(separator)))


def check_is_text(source: Source, encoding: str) -> None:
    """Raises FileRefused for pictures, programs, PDF, web pages and the like."""
    text = _text_of(source.beginning(_SAMPLE), encoding)
    if text.lstrip().lower().startswith(_NO_TABLES):
        raise FileRefused(_("This is not a table. Open it in a spreadsheet program and save it as CSV or XLSX."))
    strange = len(_CONTROL.findall(text)) + text.count("\ufffd")
    if strange > 8 and strange > len(text) / 50 and spreadsheets.MARKER not in text:
        raise FileRefused(_("This is not a table. Choose a CSV, XLSX, XLS, ODS, VCF or ZIP file."))


def pieces(file: IO[bytes], encoding: str, limits: Limits) -> Iterator[str]:
    """The lines of the file with their ends, without NULs. Raises FileRefused for a line beyond the limit."""
    text = io.TextIOWrapper(file, encoding=encoding, errors="replace", newline="")
    while piece := text.readline(limits.line):
        if len(piece) == limits.line:
            raise FileRefused(
                _("A line has more than %(count)s characters. This is not a table.") % {"count": limits.line}
            )
        yield piece.replace("\0", "") if "\0" in piece else piece


def beginning_of(source: Source, encoding: str) -> str:
    return _text_of(source.beginning(_SAMPLE), encoding)


def _is_separator_line(cells: list[str], number: int) -> bool:
    """Excel's own first line "sep=;" is no row."""
    return number == 1 and cells[0].startswith("sep=") and len("".join(cells)) <= 5


def _wide_encoding(start: bytes) -> str:
    """UTF-16 without BOM shows itself by the zero bytes of separators and line ends; a stray NUL or two are only damage."""
    even, odd = start[0::2].count(0), start[1::2].count(0)
    least = max(len(start) / 40, 3)
    if odd > least and odd > 10 * even:
        return "utf-16-le"
    if even > least and even > 10 * odd:
        return "utf-16-be"
    return ""


def _count_utf8(source: Source) -> tuple[int, int]:
    """How many characters beyond ASCII the file has as UTF-8, and how many are broken."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    good = bad = 0
    with source.open() as file:
        while chunk := file.read(1 << 20):
            if chunk.isascii():
                continue
            text = decoder.decode(chunk)
            broken = text.count("\ufffd")
            good += len(text) - len(text.encode("ascii", "ignore")) - broken
            bad += broken
    return good, bad + len(decoder.decode(b"", final=True))


def _text_of(start: bytes, encoding: str) -> str:
    return codecs.getincrementaldecoder(encoding)("replace").decode(start)


def _evenness(text: str, separator: str) -> float:
    widths: Counter[int] = Counter()
    try:
        for place, cells in enumerate(csv.reader(io.StringIO(text, newline=""), delimiter=separator)):
            if cells:
                widths[len(cells)] += 1
            if place > 200:
                break
    except csv.Error:
        return 0.0
    several = [(count, width) for width, count in widths.items() if width > 1]
    if not several:
        return 0.0
    count, width = max(several)
    return count / widths.total() * (1 + min(width, 50) / 100)
