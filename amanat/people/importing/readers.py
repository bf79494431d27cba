"""Any file a person may have their contacts in, as a `Table`: CSV, TSV, XLSX, XLS, ODS, vCard, and a ZIP of those.

What a file is, its bytes say; its name is not trusted. Whatever the bytes, the only exception is FileRefused.
"""

import os
import re
from dataclasses import replace

from django.utils.translation import gettext as _

from amanat.people.importing import archives, delimited, headings, vcards, workbooks
from amanat.people.importing.tables import FileRefused, Limits, Row, Source, Table, source_of, table_from_lines

__all__ = ["FileRefused", "Limits", "Row", "Table", "open_table"]

_VCARD = re.compile(r"\s*BEGIN:VCARD", re.IGNORECASE)
_EMPTY_ARCHIVE = b"PK\x05\x06"
_ARCHIVE = b"PK\x03\x04"


def open_table(
    path_or_bytes: str | os.PathLike[str] | bytes, filename: str, *, part: str = "", limits: Limits | None = None
) -> Table:
    """The table in a file. `part` names a sheet of a workbook or a file of an archive; "" takes the first with text.

    `filename` is what the person called it; only a ".tsv" in it counts, when the bytes leave the separator open.
    Raises FileRefused. Rows are read later, by `Table.rows()`.
    """
    limits = limits or Limits()
    source = source_of(path_or_bytes, limits)
    if source.beginning(4) in {_ARCHIVE, _EMPTY_ARCHIVE}:
        return _from_archive(source, filename, part, limits)
    return _from_source(source, filename, part, limits)


def _from_archive(source: Source, filename: str, part: str, limits: Limits) -> Table:
    found = archives.members(source, limits, unpacked=max(limits.archive_unpacked, limits.workbook_unpacked))
    if workbooks.is_workbook({info.filename for info in found}):
        return _workbook(source, part, limits)
    readable = archives.choose(found)
    names = [info.filename for info in readable]
    if all(name.lower().endswith((".vcf", ".vcard")) for name in names) and not part:
        chosen = readable
    else:
        chosen = [info for info in readable if info.filename == part] or ([] if part else readable[:1])
    if not chosen:
        raise FileRefused(_("The archive has no such file."))
    inner = archives.unpacked(source, chosen, limits.archive_unpacked)
    table = _from_member(inner, chosen[0].filename, limits)
    return replace(table, parts=names, part=chosen[0].filename if len(chosen) == 1 else "")


def _from_member(inner: Source, name: str, limits: Limits) -> Table:
    """A workbook inside an archive is an archive too; any other archive inside is not opened."""
    if inner.beginning(4) in {_ARCHIVE, _EMPTY_ARCHIVE}:
        found = archives.members(inner, limits, unpacked=limits.workbook_unpacked)
        if not workbooks.is_workbook({info.filename for info in found}):
            raise FileRefused(_("The archive holds another archive. Unpack it and import the file inside."))
        return _workbook(inner, "", limits)
    return _from_source(inner, name, "", limits)


def _from_source(source: Source, filename: str, part: str, limits: Limits) -> Table:
    if source.beginning(8) == workbooks.OLE:
        return _workbook(source, part, limits)
    encoding = delimited.encoding_of(source)
    delimited.check_is_text(source, encoding)
    if _VCARD.match(delimited.beginning_of(source, encoding)):
        return table_from_lines(
            "vcard", lambda: vcards.lines(source, encoding, limits), limits, looks_like_data=lambda cells: False
        )
    separator = "\t" if filename.lower().endswith((".tsv", ".tab")) else delimited.separator_of(source, encoding)
    return table_from_lines(
        "csv",
        lambda: delimited.lines(source, encoding, separator, limits),
        limits,
        looks_like_data=headings.looks_like_data,
    )


def _workbook(source: Source, part: str, limits: Limits) -> Table:
    workbooks.check(source, limits)
    sheet = workbooks.sheet(source, part, limits)
    table = table_from_lines("workbook", sheet.lines, limits, looks_like_data=headings.looks_like_data)
    return replace(table, parts=sheet.names, part=sheet.name)
