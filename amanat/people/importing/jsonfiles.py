"""Our own JSON, read line by line, so that memory does not grow with the file.

An export writes its head on the first line, the name of each list on a line, and one record on each line. A file that a program has
written anew in another form is read as a whole, up to a size.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from amanat.people.importing import archives
from amanat.people.importing.tables import FileRefused, Limits, Row, Source, Table, source_of

FORMAT = "amanat"
VERSION = 1
PARTS = ("contacts", "companies")
COLUMN = "Amanat record"
_MOST_AS_A_WHOLE = 30_000_000
_LONGEST_LINE = 2_000_000


def looks_like(path: str) -> bool:
    with Path(path).open("rb") as file:
        return file.read(64).lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{")


def inside_archive(path: str, limits: Limits) -> Source | None:
    """The one JSON file of a ZIP, unpacked for as long as the returned source lives; None when it is no such ZIP."""
    source = source_of(path, limits)
    if source.beginning(4) != b"PK\x03\x04":
        return None
    found = archives.members(source, limits, unpacked=limits.archive_unpacked)
    if len(found) != 1 or not found[0].filename.lower().endswith(".json"):
        return None
    return archives.unpacked(source, found, limits.archive_unpacked)


@dataclass(slots=True)
class JsonTable(Table):
    """A list of one of our files; `head` is what the file says about itself, with the custom fields."""

    head: dict[str, Any] = field(default_factory=dict)


def head_of(table: Table) -> dict[str, Any]:
    return table.head if isinstance(table, JsonTable) else {}


def open_table(path: str, part: str, limits: Limits) -> JsonTable:
    """The list `part` ("" takes the first there is). Raises FileRefused."""
    source = source_of(path, limits)
    head = _head(source)
    if head is None:
        return _whole(source, part)
    parts = [name for name in PARTS if name in head.get("parts", PARTS)]
    chosen = part or next((name for name in parts), "")
    if chosen not in parts:
        raise FileRefused(_("The file has no such list."))
    return JsonTable([COLUMN], "json", lambda: _rows(source, chosen), parts=parts, part=chosen, is_ours=True, head=head)


def _head(source: Source) -> dict[str, Any] | None:
    with source.open() as file:
        line = file.readline(_LONGEST_LINE).decode("utf-8-sig", "replace").strip()
    if not line.endswith(","):
        return None
    try:
        head = json.loads(line[:-1] + "}")
    except ValueError:
        return None
    return _checked(head)


def _checked(head: Any) -> dict[str, Any]:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise FileRefused(_("This JSON file was not exported by Amanat. Save your list as CSV and import that."))
    if head.get("version") != VERSION:
        raise FileRefused(_("This file was exported by a newer Amanat. Upgrade first."))
    return head


def _rows(source: Source, part: str) -> Iterator[Row]:
    number, inside = 0, False
    with source.open() as file:
        while line := file.readline(_LONGEST_LINE):
            text = line.decode("utf-8", "replace").strip()
            if not inside:
                inside = text == f'"{part}":['
            elif text in {"]", "],"}:
                return
            elif text:
                number += 1
                yield Row(number, [text.removesuffix(",")])
    if inside:
        raise FileRefused(_("The file was cut off: its end is missing."))


def _whole(source: Source, part: str) -> JsonTable:
    if source.size > _MOST_AS_A_WHOLE:
        raise FileRefused(_("This JSON file is too large to be read in this form. Export it again."))
    try:
        with source.open() as file:
            content = json.load(file)
    except (ValueError, RecursionError):
        raise FileRefused(_("The file is not JSON that can be read.")) from None
    head = _checked(content)
    parts = [name for name in PARTS if isinstance(head.get(name), list) and head[name]]
    chosen = part or next(iter(parts), "")
    if chosen not in parts:
        raise FileRefused(_("The file has no such list."))
    records = head[chosen]

    def rows() -> Iterator[Row]:
        for number, record in enumerate(records, start=1):
            yield Row(number, [json.dumps(record, ensure_ascii=False)])

    return JsonTable([COLUMN], "json", rows, parts=parts, part=chosen, is_ours=True, head=head)
