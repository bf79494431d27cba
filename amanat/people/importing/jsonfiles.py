"""Our own JSON, read line by line, so that memory does not grow with the file.

An export writes its head on the first line, the name of each list on a line, and one record on each line. A file that a program has
written anew in another form is read as a whole, up to a size.
"""

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from django.utils.translation import gettext as _

from amanat.people.importing import archives, parts
from amanat.people.importing.tables import FileRefused, Limits, Row, Source, Table, source_of

FORMAT = "amanat"
VERSION = 1
PEOPLE = ("contacts", "companies")
LIST, COLUMN = "Amanat list", "Amanat record"
_MOST_AS_A_WHOLE = 30_000_000
_LONGEST_LINE = 2_000_000
_HEADING = re.compile(rb'"([a-z-]{1,40})":\[')


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
    #: the lists of the file that can be taken, in the order in which they are
    lists: list[str] = field(default_factory=list)
    #: "json", or how the file really is written: "csv" or "workbook"
    written: str = "json"


def head_of(table: Table) -> dict[str, Any]:
    return table.head if isinstance(table, JsonTable) else {}


def lists_of(table: Table) -> list[str]:
    return table.lists if isinstance(table, JsonTable) else []


def open_table(path: str, part: str, limits: Limits) -> JsonTable:
    """The list `part` of the file; "" takes all of an export of a workspace, or the first list there is. Raises FileRefused."""
    source = source_of(path, limits)
    head = _head(source)
    return _of_lines(source, head, part) if head is not None else _whole(source, part)


def object_of(text: str) -> dict[str, Any]:
    """A record, or nothing when it is not readable."""
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _head(source: Source) -> dict[str, Any] | None:
    with source.open() as file:
        line = file.readline(_LONGEST_LINE).decode("utf-8-sig", "replace").strip()
    if not line.endswith(","):
        return None
    try:
        head = json.loads(line[:-1] + "}")
    except (ValueError, RecursionError):
        return None
    return _checked(head)


def _checked(head: Any) -> dict[str, Any]:
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise FileRefused(_("This JSON file was not exported by Amanat. Save your list as CSV and import that."))
    if head.get("version") != VERSION:
        raise FileRefused(_("This file was exported by a newer Amanat. Upgrade first."))
    if not isinstance(head.get("fields", {}), dict):
        head["fields"] = {}
    return head


def _of_lines(source: Source, head: dict[str, Any], part: str) -> JsonTable:
    named = head.get("parts", PEOPLE)
    present = [name for name in parts.order() if isinstance(named, list | tuple) and name in named]

    def records(name: str) -> Iterator[str]:
        return _lines(source, name, places)

    places: dict[str, int] = {}
    return table(present, part, head, records)


def _lines(source: Source, name: str, places: dict[str, int]) -> Iterator[str]:
    """The records of a list; where each list begins is looked for once."""
    with source.open() as file:
        if not places:
            while line := file.readline(_LONGEST_LINE):
                if line.rstrip().endswith(b":[") and (heading := _HEADING.fullmatch(line.strip())):
                    places[heading[1].decode()] = file.tell()
        if name not in places:
            raise _cut_off()
        file.seek(places[name])
        while line := file.readline(_LONGEST_LINE):
            text = line.decode("utf-8", "replace").strip()
            if text in {"]", "],"}:
                return
            if text:
                yield text.removesuffix(",")
    raise _cut_off()


def _cut_off() -> FileRefused:
    return FileRefused(_("The file was cut off: its end is missing."))


def _whole(source: Source, part: str) -> JsonTable:
    if source.size > _MOST_AS_A_WHOLE:
        raise FileRefused(_("This JSON file is too large to be read in this form. Export it again."))
    try:
        with source.open() as file:
            content = json.load(file)
    except (ValueError, RecursionError):
        raise FileRefused(_("The file is not JSON that can be read.")) from None
    head = _checked(content)
    present = [name for name in parts.order() if isinstance(head.get(name), list) and head[name]]
    return table(present, part, head, lambda name: (json.dumps(one, ensure_ascii=False) for one in head[name]))


def table(present: list[str], part: str, head: dict[str, Any], records: Callable[[str], Iterator[str]]) -> JsonTable:
    """The list `part`, or all of `present` in their order, out of the JSON of their records. Raises FileRefused."""
    people = [name for name in PEOPLE if name in present]
    offered = people if set(present) <= set(PEOPLE) else [parts.EVERYTHING, *people]
    chosen = part or next(iter(offered), "")
    if chosen not in offered:
        raise FileRefused(_("The file has no such list."))

    def rows() -> Iterator[Row]:
        for number, text in enumerate(records(chosen), start=1):
            yield Row(number, [text])

    def all_rows() -> Iterator[Row]:
        number = 0
        for name in present:
            for text in records(name):
                number += 1
                yield Row(number, [name, text])

    is_all = chosen == parts.EVERYTHING
    columns = [LIST, COLUMN] if is_all else [COLUMN]
    return JsonTable(
        columns,
        "json",
        all_rows if is_all else rows,
        parts=offered,
        part=chosen,
        is_ours=True,
        head=head,
        lists=present,
    )
