"""From the rows of a file to drafts, whichever of the layouts it has; and the custom fields that a file needs."""

import json
from collections.abc import Callable
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import clock, money
from amanat.people import custom_fields
from amanat.people.custom_fields import FieldDraft
from amanat.people.importing import dates, drafts, jsonfiles, layouts, ours, values, vcards
from amanat.people.importing.mapping import ColumnMatch, Mapping, Target
from amanat.people.importing.tables import Row, Table
from amanat.people.importing.values import Problem
from amanat.people.importing.writing import Reading
from amanat.people.models import CustomField, ImportRun

Kind = CustomField.Kind
#: The heading of the last column of the failed rows that we give to download.
REASON = "Reason"
_KINDS = {"text": Kind.TEXT, "amount": Kind.MONEY, "date": Kind.DATE, "number": Kind.NUMBER}
_MOST_CHOICES = 200


def guess(table: Table) -> Mapping:
    """What the columns mean. Of our own files nothing needs to be guessed."""
    if is_exact(table):
        columns = tuple(
            ColumnMatch(place, column, Target.IGNORE, samples=_samples(table, place))
            for place, column in enumerate(table.columns)
        )
        return Mapping("amanat", columns)
    mapping = layouts.guess(table)
    hidden = {vcards.AMANAT} if table.kind == "vcard" else {REASON} if table.is_ours else set()
    columns = tuple(
        replace(match, target=Target.IGNORE) if match.column in hidden else match for match in mapping.columns
    )
    return Mapping(mapping.layout, columns)


def is_exact(table: Table) -> bool:
    """Whether the file is one of our exports, whose columns say themselves what they are."""
    return table.kind == "json" or ours.kind_of(table.columns) is not None


def kind_of(table: Table) -> str:
    """ "contact" or "company"."""
    if table.kind == "json":
        return "company" if table.part == "companies" else "contact"
    return ours.kind_of(table.columns) or "contact"


def _samples(table: Table, place: int) -> tuple[str, ...]:
    return tuple(row.cells[place][:80] for row in table.sample(3) if row.cells[place])


# --- custom fields -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Wanted:
    """A custom field that a file has values for."""

    label: str
    kind: str
    choices: list[str] = field(default_factory=list)


def prepare_fields(run: ImportRun, mapping: Mapping, table: Table, *, by: Member, at: datetime) -> dict[str, str]:
    """Find or make the custom fields that the file needs: {name in the file: key}. Raises ValidationError."""
    on = run.options["on"]
    known = list(CustomField.objects.of(run.workspace_id).filter(on=on))
    by_label = {one.label.casefold(): one for one in known if one.retired_at is None}
    by_key = {one.key: one for one in known if one.retired_at is None}
    keys: dict[str, str] = {}
    for name, wanted in _wanted(mapping, table, on).items():
        found = by_label.get(wanted.label.casefold()) or by_key.get(wanted.label)
        if found is not None and not _fits(found, wanted):
            wanted.label, found = f"{wanted.label[:60]} ({Kind(wanted.kind).label})", None
            found = by_label.get(wanted.label.casefold())
        if found is None:
            found = custom_fields.add(
                workspace=by.workspace,
                by=by,
                at=at,
                draft=FieldDraft(
                    label=wanted.label[:80], kind=wanted.kind, on=on, choices=wanted.choices[:_MOST_CHOICES]
                ),
            )
            by_label[found.label.casefold()] = found
        keys[name] = found.key
    return keys


def _fits(found: CustomField, wanted: _Wanted) -> bool:
    """A text column may go into a field of any kind: values that do not fit are reported."""
    return wanted.kind in {found.kind, Kind.TEXT}


def _wanted(mapping: Mapping, table: Table, on: str) -> dict[str, _Wanted]:
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
            found[name] = _Wanted(name.strip() or _("Column %(number)s") % {"number": match.index + 1}, kind)
    if table.kind == "vcard":
        found |= _of_our_cards(table)
    return found


def _defined(definitions: Any) -> dict[str, _Wanted]:
    found = {}
    for one in definitions if isinstance(definitions, list) else []:
        if isinstance(one, dict) and one.get("kind") in Kind.values and one.get("key") and one.get("label"):
            choices = [str(choice) for choice in one.get("choices") or []]
            found[str(one["key"])] = _Wanted(str(one["label"]), one["kind"], choices)
    return found


def _of_our_columns(table: Table) -> dict[str, _Wanted]:
    places = ours.fields_of(table.columns)
    found = {table.columns[place]: _Wanted(label, kind) for place, (label, kind) in places.items()}
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


def _of_our_cards(table: Table) -> dict[str, _Wanted]:
    place = table.columns.index(vcards.AMANAT)
    found: dict[str, _Wanted] = {}
    for row in table.rows():
        if row.cells[place]:
            found |= _defined(_object(row.cells[place]).get("fields"))
    return found


# --- rows ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Conversion:
    """Makes a `Reading` of each row."""

    draft_of: Callable[[Row, list[Problem]], drafts.Draft | None]

    def reading(self, row: Row) -> Reading:
        problems: list[Problem] = []
        draft = self.draft_of(row, problems)
        return Reading(row.number, list(row.cells), draft, problems)


def preview(run: ImportRun, mapping: Mapping, table: Table, *, region: str, count: int = 20) -> list[Reading]:
    """The first rows as they would be written; custom fields need not exist yet."""
    keys = {name: name for name in _wanted(mapping, _first_rows(table, count), run.options["on"])}
    fields = {
        name: CustomField(key=name, label=wanted.label, kind=wanted.kind, choices=wanted.choices)
        for name, wanted in _wanted(mapping, _first_rows(table, count), run.options["on"]).items()
    }
    made = _conversion(run, mapping, table, fields=fields, keys=keys, region=region)
    return [made.reading(row) for row in table.sample(count)]


def _first_rows(table: Table, count: int) -> Table:
    return replace(table, read=lambda: iter(table.sample(count)))


def conversion(run: ImportRun, mapping: Mapping, table: Table, *, region: str) -> Conversion:
    """How the rows of `table` become drafts. Needs the transaction: it reads the custom fields."""
    on = run.options["on"]
    fields = {one.key: one for one in CustomField.objects.of(run.workspace_id).filter(on=on, retired_at__isnull=True)}
    return _conversion(run, mapping, table, fields=fields, keys=run.options.get("fields", {}), region=region)


def _conversion(
    run: ImportRun,
    mapping: Mapping,
    table: Table,
    *,
    fields: AnyMapping[str, CustomField],
    keys: AnyMapping[str, str],
    region: str,
) -> Conversion:
    options = values.Options(today=clock.now().date(), region=region, longest_notes=10_000)
    if table.kind == "json":
        return _of_json(run.options["on"], options, fields, keys)
    if ours.kind_of(table.columns):
        return _of_ours(table, options, fields, keys)
    return _of_mapping(table, mapping, options, fields, keys)


def _of_ours(
    table: Table, options: values.Options, fields: AnyMapping[str, CustomField], keys: AnyMapping[str, str]
) -> Conversion:
    places = {
        place: fields[keys[table.columns[place]]]
        for place in ours.fields_of(table.columns)
        if keys.get(table.columns[place]) in fields
    }
    reader = ours.Reader(kind_of(table), table.columns, places, options)

    def draft_of(row: Row, problems: list[Problem]) -> drafts.Draft | None:
        draft = reader.draft(row.number, row.cells, problems)
        drafts.shorten(draft, problems)
        return _named(draft, row, problems)

    return Conversion(draft_of)


def _of_json(
    on: str, options: values.Options, fields: AnyMapping[str, CustomField], keys: AnyMapping[str, str]
) -> Conversion:
    def draft_of(row: Row, problems: list[Problem]) -> drafts.Draft | None:
        found = _object(row.cells[0])
        if not found:
            problems.append(Problem("", "", _("This record is not readable JSON.")))
            return None
        draft = ours.from_object(on, row.number, found, options, problems)
        _take_custom(draft, fields, keys, problems)
        drafts.shorten(draft, problems)
        return _named(draft, row, problems)

    return Conversion(draft_of)


def _of_mapping(
    table: Table,
    mapping: Mapping,
    options: values.Options,
    fields: AnyMapping[str, CustomField],
    keys: AnyMapping[str, str],
) -> Conversion:
    custom = _custom_of(mapping, options, fields, keys)
    amanat = table.columns.index(vcards.AMANAT) if table.kind == "vcard" and vcards.AMANAT in table.columns else None

    def draft_of(row: Row, problems: list[Problem]) -> drafts.Draft | None:
        converted = values.convert(row, mapping, options)
        problems += converted.problems
        if converted.record is None:
            return None
        draft = drafts.from_record(converted.record, number=row.number, custom=custom, problems=problems)
        if amanat is not None and row.cells[amanat]:
            draft = _with_ours(
                draft, _object(row.cells[amanat]), options=options, fields=fields, keys=keys, problems=problems
            )
        return draft

    return Conversion(draft_of)


def _custom_of(
    mapping: Mapping, options: values.Options, fields: AnyMapping[str, CustomField], keys: AnyMapping[str, str]
) -> drafts.Custom:
    orders = {
        match.options.get("name") or match.column: match.options.get("order", "dmy")
        for match in mapping.columns
        if match.target is Target.CUSTOM
    }

    def custom(name: str, text: str) -> tuple[str, Any]:
        definition = fields.get(keys.get(name, ""))
        if definition is None:
            raise ValueError(_("There is no field of this name any more."))
        return definition.key, _value(definition, text, orders.get(name, "dmy"), options.today)

    return custom


def _value(definition: CustomField, text: str, order: str, today: date) -> Any:
    if definition.kind == Kind.DATE:
        chosen: dates.Order = "mdy" if order == "mdy" else "ymd" if order == "ymd" else "dmy"
        try:
            return dates.parse(text, order=chosen, today=today).isoformat()
        except dates.DayInvalid as invalid:
            raise ValueError(invalid.reason) from invalid
    if definition.kind == Kind.MONEY:
        try:
            return int(money.parse(text, allow_negative=True))
        except money.MoneyInvalid as invalid:
            raise ValueError(invalid.reason) from invalid
    try:
        return custom_fields.cleaned(definition, text)
    except ValidationError as problem:
        raise ValueError(" ".join(problem.messages)) from problem


def _with_ours(
    plain: drafts.Draft,
    found: dict[str, Any],
    *,
    options: values.Options,
    fields: AnyMapping[str, CustomField],
    keys: AnyMapping[str, str],
    problems: list[Problem],
) -> drafts.Draft:
    """What our own card says besides. What a phone's address book may have changed since, the card itself decides."""
    draft = ours.from_object("contact", plain.number, found, options, problems)
    _take_custom(draft, fields, keys, problems)
    if plain.name:
        draft.name = plain.name if " ".join(plain.name.split()) != " ".join(draft.name.split()) else draft.name
    if {phone.number for phone in plain.phones} != {phone.number for phone in draft.phones[: vcards.PHONES]}:
        draft.phones = plain.phones
    if {email.address for email in plain.emails} != {email.address for email in draft.emails[: vcards.EMAILS]}:
        draft.emails = plain.emails
    drafts.shorten(draft, problems)
    return draft


def _take_custom(
    draft: drafts.Draft, fields: AnyMapping[str, CustomField], keys: AnyMapping[str, str], problems: list[Problem]
) -> None:
    """Put the values of an object under the keys of this workspace's fields, checked."""
    given, draft.custom = draft.custom, {}
    for name, value in given.items():
        definition = fields.get(keys.get(name, ""))
        if definition is None:
            problems.append(Problem(name, str(value)[:200], _("There is no field of this name any more.")))
            continue
        text = ours.custom_text(definition.kind, value) if definition.kind == Kind.MONEY else value
        try:
            cleaned = custom_fields.cleaned(definition, text)
        except ValidationError as problem:
            problems.append(Problem(definition.label, str(value)[:200], " ".join(problem.messages)))
        else:
            if cleaned is not None:
                draft.custom[definition.key] = cleaned


def _named(draft: drafts.Draft, row: Row, problems: list[Problem]) -> drafts.Draft | None:
    if draft.shown_name:
        return draft
    if any(cell.strip() for cell in row.cells):
        problems.append(Problem("", "", _("The row has no name, phone, e-mail address or company that could be used.")))
    return None


def _object(text: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
