"""An export of a whole workspace as tables, read as the JSON of the same workspace is.

A ZIP of CSV files or a workbook has a table for each list. Each row becomes the record that the JSON has for it, so that everything
behind this module knows one format. Cells are texts: what a column of a list takes decides what a text means.
"""

import json
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from amanat.people import export_tables
from amanat.people.importing import archives, delimited, jsonfiles, ours, parts, values, workbooks
from amanat.people.importing.checking import Check
from amanat.people.importing.jsonfiles import JsonTable
from amanat.people.importing.parts import Part
from amanat.people.importing.tables import Limits, Source, Table, source_of, table_from_lines
from amanat.people.models import CustomField

type _Open = Callable[[], Table]
#: By the sort of record, the names in the file of the custom fields by label and kind.
type _Names = dict[str, dict[tuple[str, str], str]]
_PEOPLE = {"contacts": "contact", "companies": "company"}
_FIELDS, _CSV = "custom-fields", ".csv"
_LONGEST_LIST = 1_000_000
_LONGEST_AMOUNT = 40  #: characters; what is longer is no amount, and Python refuses to read it from 4,300 digits on
_YES_NO = {"yes": True, "no": False}


def open_table(path: str, part: str, limits: Limits) -> JsonTable | None:
    """All lists of the file together; None when it is no such export, or one table of it is wanted. Raises FileRefused."""
    if part not in {"", parts.EVERYTHING}:
        return None
    source = source_of(path, limits)
    if source.beginning(4) != b"PK\x03\x04":
        return None
    found = archives.members(source, limits, unpacked=max(limits.archive_unpacked, limits.workbook_unpacked))
    names = {info.filename for info in found}
    sheets = _sheets(source, limits) if workbooks.is_workbook(names) else _files(source, names, limits)
    present = [name for name in parts.order() if name in sheets]
    if not set(present) - set(_PEOPLE) or "contacts" not in present:
        return None
    if ours.kind_of(sheets["contacts"]().columns) != "contact":
        return None
    written = "workbook" if workbooks.is_workbook(names) else "csv"
    return replace(_table(sheets, present), written=written, parts=[parts.EVERYTHING, *_choices(source, found, limits)])


def _choices(source: Source, found: list[zipfile.ZipInfo], limits: Limits) -> list[str]:
    """The tables that can be taken by themselves, as `readers` calls them."""
    if workbooks.is_workbook({info.filename for info in found}):
        return workbooks.sheet(source, "", limits).names
    return [info.filename for info in archives.choose(found)]


def _files(source: Source, names: set[str], limits: Limits) -> dict[str, _Open]:
    """Of a ZIP of CSV files, named as our lists are."""
    known = {one.key for one in export_tables.registered()}
    ours_here = (name for name in names if name.endswith(_CSV) and name.removesuffix(_CSV) in known)
    return {name.removesuffix(_CSV): _file(source, name, limits) for name in ours_here}


def _file(source: Source, name: str, limits: Limits) -> _Open:
    def opened() -> Table:
        chosen = [
            one for one in archives.members(source, limits, unpacked=limits.archive_unpacked) if one.filename == name
        ]
        inner = archives.unpacked(source, chosen, limits.archive_unpacked)
        encoding = delimited.encoding_of(inner)
        separator = delimited.separator_of(inner, encoding)
        return table_from_lines(
            "csv",
            lambda: delimited.lines(inner, encoding, separator, limits),
            limits,
            looks_like_data=lambda cells: False,
        )

    return opened


def _sheets(source: Source, limits: Limits) -> dict[str, _Open]:
    """Of a workbook, whose sheets are named as our lists are; a list that filled its sheet goes on in "name 2"."""
    if not _may_be_ours(source):
        return {}
    workbooks.check(source, limits)
    names = workbooks.sheet(source, "", limits).names
    known = {one.key for one in export_tables.registered()}
    return {name: _joined(source, _numbered(name, names), limits) for name in names if name in known}


def _may_be_ours(source: Source) -> bool:
    """Whether the list of sheets names ours; looked at first, as reading a workbook starts a process."""
    with source.open() as file:
        try:
            with zipfile.ZipFile(file) as archive, archive.open("xl/workbook.xml") as member:
                listed = member.read(_LONGEST_LIST)
        except (*archives.BROKEN, KeyError):
            return False
    return b'"contacts"' in listed and b'"catalogue"' in listed


def _numbered(name: str, names: list[str]) -> list[str]:
    found = [name]
    while (following := f"{name} {len(found) + 1}") in names:
        found.append(following)
    return found


def _joined(source: Source, names: list[str], limits: Limits) -> _Open:
    def opened() -> Table:
        tables = [_sheet(source, name, limits) for name in names]
        if len(tables) == 1:
            return tables[0]
        first = tables[0]
        return Table(first.columns, first.kind, lambda: (row for table in tables for row in table.rows()))

    return opened


def _sheet(source: Source, name: str, limits: Limits) -> Table:
    sheet = workbooks.sheet(source, name, limits)
    return table_from_lines("workbook", sheet.lines, limits, looks_like_data=lambda cells: False)


def _table(sheets: dict[str, _Open], present: list[str]) -> JsonTable:
    fields = _fields(sheets)
    names: _Names = {
        on: {(one["label"], one["kind"]): one["key"] for one in defined} for on, defined in fields.items()
    }  # fmt: skip
    head = {"format": jsonfiles.FORMAT, "version": jsonfiles.VERSION, "fields": fields}
    return jsonfiles.table(present, parts.EVERYTHING, head, lambda name: _records(name, sheets[name](), names))


def _records(name: str, table: Table, names: _Names) -> Iterator[str]:
    on = _PEOPLE.get(name, "")
    record = _of_people(on, table, names) if on else _of_part(name, table, names)
    return (json.dumps(record(list(row.cells)), ensure_ascii=False) for row in table.rows())


def _fields(sheets: Mapping[str, _Open]) -> dict[str, list[dict[str, Any]]]:
    """The custom fields in use, as the head of the JSON has them."""
    found: dict[str, list[dict[str, Any]]] = {on: [] for on in CustomField.On.values}
    if _FIELDS not in sheets:
        return found
    table = sheets[_FIELDS]()
    for row in table.rows():
        cells = dict(zip(table.columns, row.cells, strict=False))
        on = cells.get("On", "")
        if on in found and not cells.get("Retired at") and cells.get("Key") and cells.get("Label"):
            found[on].append(
                {
                    "key": cells["Key"], "label": cells["Label"], "kind": cells.get("Kind", ""), "choices": ours.parted(cells.get("Choices", "")),
                    "help": cells.get("Help", ""), "personal": cells.get("Personal", ""), "is_required": cells.get("Required") == "yes",
                }
            )  # fmt: skip
    return found


def _custom(
    cells: list[str], columns: Mapping[int, tuple[str, str]], names: Mapping[tuple[str, str], str]
) -> dict[str, Any]:
    """Values of custom fields under the names the file has for them; what they may be is checked where JSON is."""
    found: dict[str, Any] = {}
    for place, (label, kind) in columns.items():
        cell = cells[place]
        if cell.strip():
            found[names.get((label, kind), label)] = ours.parted(cell) if kind == CustomField.Kind.CHOICES else cell
    return found


def _of_people(on: str, table: Table, names: _Names) -> Callable[[list[str]], dict[str, Any]]:
    columns = ours.fields_of(table.columns)
    reader = ours.Reader(on, table.columns, {}, values.Options(date.min))

    def record(cells: list[str]) -> dict[str, Any]:
        draft = reader.unchecked(cells)
        draft.custom = _custom(cells, columns, names[on])
        return ours.as_object(on, draft)

    return record


def _of_part(name: str, table: Table, names: _Names) -> Callable[[list[str]], dict[str, Any]]:
    part, keys = parts.registered()[name], export_tables.keys_of(name)
    checks = _checks(part)
    places = [(place, keys[heading]) for place, heading in enumerate(table.columns) if heading in keys]
    customs = ours.fields_of(table.columns) if "custom" in checks else {}

    def record(cells: list[str]) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for place, (key, is_money) in places:
            if cells[place].strip() and key in checks:
                found[key] = _paise(cells[place]) if is_money else meant(cells[place], checks[key])
        custom = _custom(cells, customs, names["service"])
        return found | ({"custom": custom} if custom else {})

    return record


def _checks(part: Part) -> dict[str, Check]:
    return {column.key: column.check for column in part.columns}


def meant(cell: str, check: Check) -> Any:
    """The value that a cell stands for: of all it might mean, the first that the column takes; else the text, which is refused
    later and in words."""
    for reading in (str, int, _yes_no, json.loads, ours.parted):
        try:
            value = reading(cell)
            check(value)
        except (ValueError, TypeError, RecursionError, OverflowError):
            continue
        return value
    return cell


def _yes_no(cell: str) -> bool:
    try:
        return _YES_NO[cell.strip().casefold()]
    except KeyError:
        raise ValueError(cell) from None


def _paise(cell: str) -> int | str:
    """Rupees with a point as whole paise; a text that is no such amount stays, to be refused in words."""
    rupees, point, rest = cell.strip().replace(",", "").partition(".")
    digits = rupees.removeprefix("-")
    if len(digits) > _LONGEST_AMOUNT or not digits.isdecimal() or (point and not (rest.isdecimal() and len(rest) <= 2)):
        return cell
    paise = int(digits) * 100 + int((rest or "0").ljust(2, "0"))
    return -paise if rupees.startswith("-") else paise
