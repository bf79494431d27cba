"""XLSX, XLS, XLSB and ODS, read by calamine in a process of its own (see workbook_process.py for why)."""

import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, Any

from django.utils.translation import gettext as _

from amanat.people.importing import archives
from amanat.people.importing.tables import FileRefused, Limits, Line, Source

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
_PROGRAM = Path(__file__).with_name("workbook_process.py")
_LONGEST_LINE = 50_000_000
#: Rows of a sheet that are kept; more than the columns are guessed from.
_KEPT = 300


def is_workbook(names: set[str]) -> bool:
    """Whether an archive with these members is XLSX, XLSB or ODS."""
    return bool(names & {"xl/workbook.xml", "xl/workbook.bin"}) or {"mimetype", "content.xml"} <= names


def check(source: Source, limits: Limits) -> None:
    """Raises FileRefused for a workbook that is too large, has a password or declares XML entities."""
    if source.size > limits.workbook_bytes:
        raise FileRefused(
            _("The workbook is larger than %(size)s MB. Save it as CSV and import that.")
            % {"size": limits.workbook_bytes // 1_000_000}
        )
    if source.beginning(8) == OLE:
        if _ENCRYPTED in source.beginning(source.size):
            raise FileRefused(_password())
        return
    found = archives.members(source, limits, unpacked=limits.workbook_unpacked)
    with source.open() as file, zipfile.ZipFile(file) as archive:
        for info in found:
            if info.filename.lower().endswith((".xml", ".rels", ".vml")):
                _check_entities(archive, info)


@dataclass(frozen=True, slots=True)
class Sheet:
    """The visible sheets, the one that is read, and its first rows: starting the process takes longer than most lists do, so
    what it said once is kept."""

    source: Source
    limits: Limits
    names: list[str]
    name: str
    first: list[Line]
    is_all: bool

    def lines(self) -> Iterator[Line]:
        """The rows that have text. Raises FileRefused."""
        yield from self.first
        if not self.is_all:
            with _process(self.source, self.name, self.limits) as (_answer, output):
                yield from (_line(line) for line in islice(output, len(self.first), None))


def sheet(source: Source, wanted: str, limits: Limits) -> Sheet:
    """The sheet called `wanted`; "" asks for the first with text. Raises FileRefused."""
    with _process(source, wanted, limits) as (answer, output):
        first = [_line(line) for line in islice(output, _KEPT)]
        return Sheet(source, limits, answer["sheets"], answer["sheet"], first, is_all=len(first) < _KEPT)


def _line(line: bytes) -> Line:
    number, cells = _loaded(line)
    return Line(number, cells)


@contextmanager
def _process(source: Source, sheet: str, limits: Limits) -> Iterator[tuple[dict[str, Any], Iterator[bytes]]]:
    command = [
        sys.executable, "-I", str(_PROGRAM),
        str(limits.workbook_memory), str(limits.workbook_seconds), str(limits.columns), sheet.replace("\0", ""),
    ]  # fmt: skip
    with _on_disk(source) as file:
        process = subprocess.Popen(command, stdin=file, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)  # noqa: S603 - our own program
    output = process.stdout
    assert output is not None
    try:
        answer = _loaded(output.readline(_LONGEST_LINE) or b'{"error": "memory"}')
        if "error" in answer:
            raise FileRefused(_refusal(answer["error"]))
        yield answer, _until_end(process, output)
    finally:
        process.kill()
        output.close()
        process.wait()


def _until_end(process: "subprocess.Popen[bytes]", output: IO[bytes]) -> Iterator[bytes]:
    while line := output.readline(_LONGEST_LINE):
        yield line
    if process.wait():
        raise FileRefused(_refusal("memory"))


def _loaded(line: bytes) -> Any:
    try:
        found = json.loads(line)
    except ValueError as error:
        raise FileRefused(_refusal("memory")) from error
    if isinstance(found, dict) and "error" in found and found["error"] != "columns" and "sheets" not in found:
        raise FileRefused(_refusal(found["error"]))
    return found


@contextmanager
def _on_disk(source: Source) -> Iterator[IO[bytes]]:
    if source.path is not None:
        with Path(source.path).open("rb") as file:
            yield file
        return
    with tempfile.TemporaryFile() as copy:
        copy.write(source.content)
        copy.flush()
        copy.seek(0)
        yield copy


def _check_entities(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> None:
    try:
        with archive.open(info) as member:
            start = member.read(8_192)
    except archives.BROKEN as error:
        raise FileRefused(_refusal("broken")) from error
    if b"<!DOCTYPE" in start or b"<!ENTITY" in start or "<!DOCTYPE".encode("utf-16-le") in start:
        raise FileRefused(
            _("The workbook contains XML declarations that no spreadsheet program writes. It was not read.")
        )


def _password() -> str:
    return _("The workbook has a password. Remove the password and save it again.")


def _refusal(error: str) -> str:
    match error:
        case "password":
            return _password()
        case "sheet":
            return _("The workbook has no such sheet, or all its sheets are hidden.")
        case "columns":
            return _("The sheet has too many columns. Copy what you need into a new sheet.")
        case "memory":
            return _("The workbook is too large to read. Save it as CSV and import that.")
        case _:
            return _(
                "The workbook is damaged or is not a workbook. Open it in a spreadsheet program and save it again."
            )
