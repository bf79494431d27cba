"""The custom fields that a file needs: found or made before the first row is written, and their values checked."""

from collections.abc import Iterable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.people import custom_fields
from amanat.people.custom_fields import FieldDraft
from amanat.people.importing import dates, jsonfiles, ours, values, vcards
from amanat.people.importing.mapping import KNOWN, ColumnMatch, Mapping, Target
from amanat.people.importing.tables import Table
from amanat.people.importing.values import Problem
from amanat.people.models import CustomField, ImportRun

Kind = CustomField.Kind
_KINDS = {"text": Kind.TEXT, "amount": Kind.MONEY, "date": Kind.DATE, "number": Kind.NUMBER}
_MOST_CHOICES = 200
_PERSONAL_KINDS = dict(custom_fields.PERSONAL_KINDS)
#: The sort of an import that takes everything of a workspace.
WORKSPACE = "workspace"


@dataclass(slots=True)
class Wanted:
    """A custom field that a file has values for."""

    label: str
    kind: str
    choices: list[str] = field(default_factory=list)
    help_text: str = ""
    personal_kind: str = ""
    is_required: bool = False


def recognized(columns: Iterable[ColumnMatch], known: Iterable[CustomField]) -> tuple[ColumnMatch, ...]:
    """A column that bears the name of a custom field goes into it, unless the program that wrote the file says otherwise."""
    by_label = {one.label.casefold(): one for one in known}
    return tuple(
        into(match, one)
        if (one := by_label.get(match.column.strip().casefold()))
        and (match.confidence < 1 or match.target is Target.CUSTOM)
        else match
        for match in columns
    )


def into(match: ColumnMatch, definition: CustomField) -> ColumnMatch:
    """The column as one for a custom field that is there already."""
    options = {"name": definition.label, "kind": KNOWN, "key": definition.key}
    if definition.kind in {Kind.DATE, Kind.TIME}:
        options["order"] = match.options.get("order") or dates.order_of(list(match.samples))
    return replace(match, target=Target.CUSTOM, confidence=1.0, options=options)


def prepare(run: ImportRun, mapping: Mapping, table: Table, *, by: Member, at: datetime) -> dict[str, dict[str, str]]:
    """Find or make the custom fields that the file needs: {sort of record: {name in the file: key}}. Raises ValidationError."""
    sorts = sorts_of(run.options["on"], table)
    return {on: _prepared(on, wanted_of(mapping, table, on), by=by, at=at) for on in sorts}


def sorts_of(on: str, table: Table) -> list[str]:
    """Of what sorts the records of a file are. Cards of people may have cards of companies among them."""
    if on == WORKSPACE:
        return list(CustomField.On.values)
    has_firms = on == "contact" and vcards.place_of_kind(table) is not None
    return ["contact", "company"] if has_firms else [on]


def _prepared(on: str, wanted_fields: AnyMapping[str, Wanted], *, by: Member, at: datetime) -> dict[str, str]:
    known = CustomField.objects.of(by.workspace_id).filter(on=on, retired_at__isnull=True)
    by_label = {one.label.casefold(): one for one in known}
    by_key = {one.key: one for one in by_label.values()}
    keys: dict[str, str] = {}
    for name, wanted in wanted_fields.items():
        found = by_label.get(wanted.label.casefold()) or by_key.get(wanted.label)
        if found is not None and not _fits(found, wanted):
            wanted.label = f"{wanted.label[:60]} ({Kind(wanted.kind).label})"
            found = by_label.get(wanted.label.casefold())
        if found is None:
            found = custom_fields.add(workspace=by.workspace, by=by, at=at, draft=_draft(on, wanted))
            by_label[found.label.casefold()] = found
        keys[name] = found.key
    return keys


def _draft(on: str, wanted: Wanted) -> FieldDraft:
    return FieldDraft(
        label=wanted.label[:80], kind=wanted.kind, on=on, choices=wanted.choices[:_MOST_CHOICES],
        help_text=wanted.help_text[:200], personal_kind=wanted.personal_kind, is_required=wanted.is_required,
    )  # fmt: skip


def _fits(found: CustomField, wanted: Wanted) -> bool:
    """A text column may go into a field of any kind: values that do not fit are reported."""
    return wanted.kind in {found.kind, Kind.TEXT}


def wanted_of(mapping: Mapping, table: Table, on: str) -> dict[str, Wanted]:
    """The fields that the file names for records of this sort, by their names in the file."""
    if table.kind == "json":
        head = jsonfiles.head_of(table)
        return _defined(head.get("fields", {}).get(on, []))
    if ours.kind_of(table.columns):
        return _of_our_columns(table)
    found = {}
    for match in mapping.columns:
        if match.target is Target.CUSTOM:
            name = match.options.get("name") or match.column
            kind = _KINDS.get(match.options.get("kind", "text"), Kind.TEXT)
            found[name] = Wanted(name.strip() or _("Column %(number)s") % {"number": match.index + 1}, kind)
    if table.kind == "vcard":
        found |= _of_our_cards(table, on)
    if on == "company" and table.kind == "vcard":
        place = vcards.place_of_kind(table)
        return found if any(row.cells[place or 0] == vcards.ORG for row in table.rows()) else {}
    return found


def _defined(definitions: Any) -> dict[str, Wanted]:
    found = {}
    for one in definitions if isinstance(definitions, list) else []:
        if isinstance(one, dict) and one.get("kind") in Kind.values and one.get("key") and one.get("label"):
            choices = [str(choice)[:100] for choice in one.get("choices") or [] if str(choice).strip()]
            personal = one.get("personal")
            found[str(one["key"])] = Wanted(
                str(one["label"]), one["kind"], choices, str(one.get("help") or ""),
                personal if personal in _PERSONAL_KINDS else "", one.get("is_required") is True,
            )  # fmt: skip
    return found


def _of_our_columns(table: Table) -> dict[str, Wanted]:
    places = ours.fields_of(table.columns)
    found = {table.columns[place]: Wanted(label, kind) for place, (label, kind) in places.items()}
    choosing = {
        place: found[table.columns[place]]
        for place, (_l, kind) in places.items()
        if kind in {Kind.CHOICE, Kind.CHOICES}
    }
    if choosing:
        for row in table.rows():
            for place, wanted in choosing.items():
                cell = values.cleaned(row.cells[place])
                for choice in ours.parted(cell) if wanted.kind == Kind.CHOICES else [cell] if cell else []:
                    if choice not in wanted.choices and len(wanted.choices) < _MOST_CHOICES:
                        wanted.choices.append(choice)
        for place, wanted in choosing.items():
            if not wanted.choices:
                del found[table.columns[place]]
    return found


def _of_our_cards(table: Table, on: str) -> dict[str, Wanted]:
    place, kind = table.columns.index(vcards.AMANAT), table.columns.index(vcards.KIND)
    found: dict[str, Wanted] = {}
    for row in table.rows():
        if row.cells[place] and (row.cells[kind] == vcards.ORG) == (on == "company"):
            found |= _defined(jsonfiles.object_of(row.cells[place]).get("fields"))
    return found


# --- values --------------------------------------------------------------------------------------------------------


def named(fields: AnyMapping[str, CustomField], keys: AnyMapping[str, str]) -> dict[str, CustomField]:
    """The fields of one sort of record by their names in the file."""
    return {name: fields[key] for name, key in keys.items() if key in fields}


def taken(given: AnyMapping[str, Any], fields: AnyMapping[str, CustomField], problems: list[Problem]) -> dict[str, Any]:
    """The values of an object under the keys of this workspace's fields, checked; `fields` are by their names in the file."""
    found = {}
    for name, value in given.items():
        definition = fields.get(name)
        if definition is None:
            problems.append(Problem(name, str(value)[:200], _("There is no field of this name any more.")))
            continue
        text = ours.custom_text(definition.kind, value) if definition.kind == Kind.MONEY else value
        try:
            cleaned = custom_fields.cleaned(definition, text)
        except (ValidationError, TypeError) as problem:
            words = (
                " ".join(problem.messages) if isinstance(problem, ValidationError) else _("This value does not fit.")
            )
            problems.append(Problem(definition.label, str(value)[:200], words))
        else:
            if cleaned is not None:
                found[definition.key] = cleaned
    return found
