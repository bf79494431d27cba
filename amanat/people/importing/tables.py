"""What every reader gives: a `Table` of text cells, or `FileRefused` in words.

Rows are read as they are asked for, so memory does not grow with the file.
"""

import io
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from django.utils.translation import gettext as _

from amanat.core import spreadsheets


class FileRefused(Exception):
    """The file cannot be imported; `reason` says why and what to do, for the person who chose it."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Limits:
    """What a file may at most be. The memory of a workbook is bounded by `workbook_memory`, of anything else by a few rows."""

    file_bytes: int = 500_000_000
    #: A workbook's bytes as they lie on the disk, and after unpacking.
    workbook_bytes: int = 60_000_000
    workbook_unpacked: int = 400_000_000
    #: Address space of the process that reads a workbook, and its time in seconds of CPU.
    workbook_memory: int = 420_000_000
    workbook_seconds: int = 120
    archive_unpacked: int = 500_000_000
    archive_ratio: int = 200
    archive_members: int = 2_000
    rows: int = 1_048_576
    columns: int = 1_000
    line: int = 1_000_000


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands in the file. `cells` is as long as the table's columns; what stood beyond them is in `extra`."""

    #: Line of a sheet or record of a list, counted from 1 and with the heading, so that people find it.
    number: int
    cells: Sequence[str]
    extra: Sequence[str] = ()


@dataclass(slots=True)
class Source:
    """The bytes of a file: on the disk, or in memory."""

    path: str | None
    content: bytes = b""
    size: int = 0
    #: Keeps an unpacked archive member on the disk for as long as it is read.
    keeper: object = None

    def open(self) -> IO[bytes]:
        if self.path is not None:
            return Path(self.path).open("rb")
        return io.BytesIO(self.content)

    def beginning(self, length: int) -> bytes:
        if self.path is None:
            return self.content[:length]
        with Path(self.path).open("rb") as file:
            return file.read(length)


def path_of(file: IO[bytes]) -> str:
    """A path under which an open file that has no name can be opened again, from its beginning, while it is open here."""
    return f"/proc/{os.getpid()}/fd/{file.fileno()}"


@dataclass(slots=True)
class Table:
    """A file as columns and rows. `rows()` may be called again and starts from the first row."""

    columns: list[str]
    #: "csv", "xlsx", "xls", "ods", "vcard".
    kind: str
    read: Callable[[], Iterator[Row]]
    #: The parts one could have chosen: sheets of a workbook or files of an archive; `part` was read.
    parts: list[str] = field(default_factory=list)
    part: str = ""
    #: The file says that Amanat wrote it.
    is_ours: bool = False
    has_heading: bool = True

    def rows(self) -> Iterator[Row]:
        """Raises FileRefused when the file turns out to be broken or beyond a limit."""
        return self.read()

    def sample(self, count: int = 200) -> list[Row]:
        """The first rows."""
        found: list[Row] = []
        rows = self.rows()
        for row in rows:
            found.append(row)
            if len(found) == count:
                break
        with suppress(AttributeError):
            rows.close()  # type: ignore[attr-defined]
        return found


@dataclass(frozen=True, slots=True)
class Line:
    """A row before anybody knows which line is the heading."""

    number: int
    cells: list[str]


def table_from_lines(
    kind: str, lines: Callable[[], Iterator[Line]], limits: Limits, *, looks_like_data: Callable[[list[str]], bool]
) -> Table:
    """Make the first line with text the heading, unless it looks like data; take our own marks off."""
    first = _first_line(lines)
    if len(first.cells) > limits.columns:
        raise FileRefused(_("The file has more than %(count)s columns.") % {"count": limits.columns})
    is_ours = bool(first.cells) and first.cells[-1].strip() == spreadsheets.MARKER
    has_heading = is_ours or not looks_like_data(first.cells)
    if is_ours:
        columns = [spreadsheets.restored(cell) for cell in first.cells[:-1]]
    elif has_heading:
        columns = _without_empty_end(first.cells)
    else:
        columns = [_("Column %(number)s") % {"number": place} for place in range(1, len(first.cells) + 1)]
    width = len(columns)

    def rows() -> Iterator[Row]:
        source = lines()
        count = 0
        for line in source:
            if has_heading and line.number <= first.number:
                continue
            count += 1
            if count > limits.rows:
                raise FileRefused(
                    _("The file has more than %(count)s rows. Split it and import the parts.") % {"count": limits.rows}
                )
            yield _row(line, width, is_ours)

    return Table(columns=columns, kind=kind, read=rows, is_ours=is_ours, has_heading=has_heading)


def _first_line(lines: Callable[[], Iterator[Line]]) -> Line:
    for line in lines():
        if any(cell.strip() for cell in line.cells):
            return line
    raise FileRefused(_("The file is empty."))


def _row(line: Line, width: int, is_ours: bool) -> Row:
    cells = line.cells
    extra: list[str] = []
    if len(cells) > width:
        cells, extra = cells[:width], [cell for cell in cells[width:] if cell.strip()]
    elif len(cells) < width:
        cells = cells + [""] * (width - len(cells))
    if is_ours:
        cells = [spreadsheets.restored(cell) if cell[:1] in {"'", "("} else cell for cell in cells]
    return Row(line.number, cells, extra)


def _without_empty_end(cells: list[str]) -> list[str]:
    end = len(cells)
    while end > 1 and not cells[end - 1].strip():
        end -= 1
    return [cell.strip() for cell in cells[:end]]


def source_of(path_or_bytes: str | os.PathLike[str] | bytes, limits: Limits) -> Source:
    """Raises FileRefused when the file is empty or too large."""
    if isinstance(path_or_bytes, bytes):
        source = Source(None, path_or_bytes, len(path_or_bytes))
    else:
        path = os.fspath(path_or_bytes)
        source = Source(path, b"", Path(path).stat().st_size)
    if source.size == 0:
        raise FileRefused(_("The file is empty."))
    if source.size > limits.file_bytes:
        raise FileRefused(
            _("The file is larger than %(size)s MB. Split it and import the parts.")
            % {"size": limits.file_bytes // 1_000_000}
        )
    return source
