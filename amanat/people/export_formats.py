"""What an export looks like: CSV, XLSX, vCard and JSON, each written as it is read, into an answer or into a sealed file.

Nothing here uses a temporary file: what is exported is personal data, and no disk but that of the encrypted store may see it.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any
from uuid import UUID

from amanat.core import clock, spreadsheets
from amanat.people import export_tables, vcard_writing
from amanat.people.export_records import Records
from amanat.people.importing import jsonfiles, ours
from amanat.people.models import CustomField

_PIECE = 1_000
#: Content type and ending of the name.
FORMATS = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "xlsx": ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    "vcf3": ("text/vcard; charset=utf-8", "vcf"),
    "vcf4": ("text/vcard; charset=utf-8", "vcf"),
    "json": ("application/json", "json"),
}
_VERSIONS = {"vcf3": "3.0", "vcf4": "4.0"}


class ExportRefused(Exception):
    """This cannot be exported so; the text says why."""


def of_records(records: Records, format: str, file: IO[bytes]) -> None:
    """Write a list into `file`, of which only `write` is used. Raises ExportRefused."""
    if format in _VERSIONS:
        version = _VERSIONS[format]
        file.writelines(vcard_writing.write(records.drafts(), records.fields(), version=version, on=records.on))
    elif format == "json":
        part = "contacts" if records.on == "contact" else "companies"
        objects = (ours.as_object(records.on, draft) for draft in records.drafts())
        file.writelines(_json(records.workspace_id, [(part, objects)]))
    else:
        widths = records.widths()
        columns = ours.columns(records.on, widths)
        rows = (ours.cells(records.on, draft, widths) for draft in records.drafts())
        if format == "csv":
            file.writelines(spreadsheets.write_csv(columns, rows))
        else:
            _workbook([("", columns, rows)], file)


def in_memory(records: Records, format: str) -> bytes:
    """A short list."""
    file = io.BytesIO()
    of_records(records, format, file)
    return file.getvalue()


def of_workspace(workspace: UUID, format: str, file: IO[bytes]) -> int:
    """Write the whole workspace into `file` and tell how many rows that is: JSON as one file, CSV as a ZIP of one each, XLSX as a
    workbook with a sheet each, cards of its companies and contacts. Raises ExportRefused."""
    counted = _Counted()
    tables = export_tables.registered()
    if format in _VERSIONS:
        for on in ("company", "contact"):  # companies first: people point at them
            records = Records(on, workspace)
            drafts = counted.each(records.drafts())
            file.writelines(vcard_writing.write(drafts, records.fields(), version=_VERSIONS[format], on=on))
    elif format == "json":
        file.writelines(_json(workspace, [(one.key, counted.each(one.objects(workspace))) for one in tables]))
    elif format == "xlsx":
        _workbook(((one.key, one.columns(workspace), counted.each(one.rows(workspace))) for one in tables), file)
    else:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for one in tables:
                rows = counted.each(one.rows(workspace))
                with archive.open(f"{one.key}.csv", "w", force_zip64=True) as member:
                    member.writelines(spreadsheets.write_csv(one.columns(workspace), rows))
    return counted.count


def _workbook(tables: Iterable[tuple[str, Sequence[str], Iterable[Sequence[str]]]], file: IO[bytes]) -> None:
    try:
        spreadsheets.write_workbook(tables, file)
    except spreadsheets.SpreadsheetRefused as refusal:
        raise ExportRefused(refusal.reason) from refusal


@contextmanager
def zipped(file: IO[bytes], name: str) -> Iterator[IO[bytes]]:
    """A file of this name inside a ZIP."""
    with (
        zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open(name, "w", force_zip64=True) as inner,
    ):
        yield inner


def _json(workspace: UUID, parts: Sequence[tuple[str, Iterable[dict[str, Any]]]]) -> Iterator[bytes]:
    """One head line, then one record a line: see `people.importing.jsonfiles`."""
    fields = {on: [ours.field_object(one) for one in Records(on, workspace).fields()] for on in CustomField.On.values}
    head = {
        "format": jsonfiles.FORMAT, "version": jsonfiles.VERSION, "exported_at": clock.now().isoformat(), "fields": fields,
        "parts": [name for name, _objects in parts],
    }  # fmt: skip
    yield (json.dumps(head, ensure_ascii=False)[:-1] + ",\n").encode()
    for name, objects in parts:
        yield f'"{name}":[\n'.encode()
        lines: list[str] = []
        lead = ""
        for found in objects:
            lines.append(lead + json.dumps(found, ensure_ascii=False, default=str))
            lead = ",\n"
            if len(lines) == _PIECE:
                yield "".join(lines).encode()
                lines = []
        yield ("".join(lines) + "\n],\n").encode()
    yield b'"end":true}\n'


@dataclass(slots=True)
class _Counted:
    """Counts what passes through."""

    count: int = 0

    def each[Thing](self, things: Iterable[Thing]) -> Iterator[Thing]:
        for thing in things:
            self.count += 1
            yield thing
