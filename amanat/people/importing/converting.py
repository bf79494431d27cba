"""From the rows of a file to drafts, whichever of the layouts it has."""

import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Mapping as AnyMapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from itertools import chain
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from amanat.core import clock, money
from amanat.people import custom_fields
from amanat.people.importing import customs, dates, drafts, jsonfiles, layouts, ours, parts, values, vcards
from amanat.people.importing.customs import WORKSPACE
from amanat.people.importing.mapping import ColumnMatch, Mapping, Target
from amanat.people.importing.readings import Reading
from amanat.people.importing.tables import Row, Table
from amanat.people.importing.values import Problem
from amanat.people.models import CustomField, ImportRun

Kind = CustomField.Kind
#: Custom fields by the sort of record they are on, and by their name in the file.
Fields = AnyMapping[str, AnyMapping[str, CustomField]]
#: The heading of the last column of the failed rows that we give to download.
REASON = "Reason"
#: The hour in "21-11-2026 03:30 pm".
_CLOCK = re.compile(r"[\sT,]+(\d{1,2})[:.](\d{2})(?:[:.](\d{2}))?\s*(?:([ap])\.?m\.?)?\s*$", re.IGNORECASE)
_LISTS = {"contacts": "contact", "companies": "company"}


def guess(table: Table, known: Iterable[CustomField] = ()) -> Mapping:
    """What the columns mean. Of our own files nothing needs to be guessed; `known` are the custom fields there are."""
    if is_exact(table):
        columns = tuple(
            ColumnMatch(place, column, Target.IGNORE, samples=_samples(table, place))
            for place, column in enumerate(table.columns)
        )
        return Mapping("amanat", columns)
    mapping = layouts.guess(table)
    hidden = {vcards.AMANAT, vcards.KIND} if table.kind == "vcard" else {REASON} if table.is_ours else set()
    columns = tuple(
        replace(match, target=Target.IGNORE) if match.column in hidden else match for match in mapping.columns
    )
    return Mapping(mapping.layout, customs.recognized(columns, known))


def is_exact(table: Table) -> bool:
    """Whether the file is one of our exports, whose columns say themselves what they are."""
    return table.kind == "json" or ours.kind_of(table.columns) is not None


def kind_of(table: Table) -> str:
    """ "contact", "company", or "workspace" for a file of which all lists are taken."""
    if table.kind == "json":
        return WORKSPACE if table.part == parts.EVERYTHING else _LISTS[table.part]
    place = vcards.place_of_kind(table)
    if place is not None and all(row.cells[place] == vcards.ORG for row in table.rows()):
        return "company"
    return ours.kind_of(table.columns) or "contact"


def has_companies(table: Table) -> bool:
    """Whether there are cards of companies in the file."""
    place = vcards.place_of_kind(table)
    return place is not None and any(row.cells[place] == vcards.ORG for row in table.rows())


def in_order(table: Table) -> Iterator[Row]:
    """The rows as they are taken: cards of companies come first, as people point at them."""
    place = vcards.place_of_kind(table)
    if place is None:
        return table.rows()
    firms = (row for row in table.rows() if row.cells[place] == vcards.ORG)
    return chain(firms, (row for row in table.rows() if row.cells[place] != vcards.ORG))


def list_of(table: Table) -> Callable[[Row], str]:
    """Tells of which list a row is, in a file that has rows of several."""
    place = vcards.place_of_kind(table)
    if place is None:
        return lambda row: row.cells[0]
    return lambda row: "companies" if row.cells[place] == vcards.ORG else "contacts"


def _samples(table: Table, place: int) -> tuple[str, ...]:
    return tuple(row.cells[place][:80] for row in table.sample(3) if row.cells[place])


@dataclass(slots=True)
class Conversion:
    """Makes a `Reading` of each row."""

    reading: Callable[[Row], Reading]
    fields: Fields

    @classmethod
    def of_drafts(cls, draft_of: Callable[[Row, list[Problem]], drafts.Draft | None], fields: Fields) -> "Conversion":
        def reading(row: Row) -> Reading:
            problems: list[Problem] = []
            draft = draft_of(row, problems)
            return Reading(row.number, list(row.cells), draft, problems)

        return cls(reading, fields)


def preview(run: ImportRun, mapping: Mapping, table: Table, *, region: str, count: int = 20) -> list[Reading]:
    """The first rows as they would be written; custom fields need not exist yet."""
    sample = table.sample(count)
    first = replace(table, read=lambda: iter(sample))
    sorts = customs.sorts_of(run.options["on"], table)
    fields = {
        on: {
            name: CustomField(key=name, label=wanted.label, kind=wanted.kind, choices=wanted.choices)
            for name, wanted in customs.wanted_of(mapping, first, on).items()
        }
        for on in sorts
    }
    made = _conversion(run, mapping, table, fields, region=region)
    return [made.reading(row) for row in sample]


def conversion(run: ImportRun, mapping: Mapping, table: Table, *, region: str) -> Conversion:
    """How the rows of `table` become drafts. Needs the transaction: it reads the custom fields."""
    known: dict[str, dict[str, CustomField]] = {}
    for one in CustomField.objects.of(run.workspace_id).filter(retired_at__isnull=True):
        known.setdefault(one.on, {})[one.key] = one
    keys: dict[str, dict[str, str]] = run.options.get("fields", {})
    fields = {on: customs.named(known.get(on, {}), mine) for on, mine in keys.items()}
    return _conversion(run, mapping, table, fields, region=region)


def _conversion(run: ImportRun, mapping: Mapping, table: Table, fields: Fields, *, region: str) -> Conversion:
    options = values.Options(today=clock.now().date(), region=region, longest_notes=10_000)
    on = run.options["on"]
    if on == WORKSPACE:
        return _of_everything(options, fields)
    mine = fields.get(on, {})
    if table.kind == "json":
        return Conversion.of_drafts(_of_json(on, options, mine), fields)
    if ours.kind_of(table.columns):
        return Conversion.of_drafts(_of_ours(table, options, mine), fields)
    return Conversion.of_drafts(_of_mapping(table, mapping, options, fields, on), fields)


DraftOf = Callable[[Row, list[Problem]], drafts.Draft | None]


def _of_everything(options: values.Options, fields: Fields) -> Conversion:
    """Each row says of which list it is."""
    people = {key: _of_json(on, options, fields.get(on, {})) for key, on in _LISTS.items()}
    others = parts.registered()

    def reading(row: Row) -> Reading:
        key = row.cells[0]
        if key in others:
            return parts.reading_of(others[key], row.number, list(row.cells), jsonfiles.object_of(row.cells[1]))
        found = Reading(row.number, list(row.cells), None)
        found.draft = people[key](Row(row.number, row.cells[1:]), found.problems)
        return found

    return Conversion(reading, fields)


def _of_ours(table: Table, options: values.Options, fields: AnyMapping[str, CustomField]) -> DraftOf:
    places = {
        place: fields[table.columns[place]] for place in ours.fields_of(table.columns) if table.columns[place] in fields
    }
    reader = ours.Reader(kind_of(table), table.columns, places, options)

    def draft_of(row: Row, problems: list[Problem]) -> drafts.Draft | None:
        draft = reader.draft(row.number, row.cells, problems)
        drafts.shorten(draft, problems)
        return _named(draft, row, problems)

    return draft_of


def _of_json(on: str, options: values.Options, fields: AnyMapping[str, CustomField]) -> DraftOf:
    def draft_of(row: Row, problems: list[Problem]) -> drafts.Draft | None:
        found = jsonfiles.object_of(row.cells[0])
        if not found:
            problems.append(Problem("", "", _("This record is not readable JSON.")))
            return None
        draft = ours.from_object(on, row.number, found, options, problems)
        draft.custom = customs.taken(draft.custom, fields, problems)
        drafts.shorten(draft, problems)
        return _named(draft, row, problems)

    return draft_of


def _of_mapping(table: Table, mapping: Mapping, options: values.Options, fields: Fields, chosen: str) -> DraftOf:
    custom = {on: _custom_of(mapping, options, fields.get(on, {})) for on in ("contact", "company")}
    kind = vcards.place_of_kind(table)
    amanat = table.columns.index(vcards.AMANAT) if table.kind == "vcard" and vcards.AMANAT in table.columns else None

    def draft_of(row: Row, problems: list[Problem]) -> drafts.Draft | None:
        converted = values.convert(row, mapping, options)
        problems += converted.problems
        if converted.record is None:
            return None
        is_firm = kind is not None and row.cells[kind] == vcards.ORG
        on = "company" if is_firm else chosen
        draft = drafts.from_record(converted.record, number=row.number, custom=custom[on], problems=problems)
        if amanat is not None and row.cells[amanat]:
            ours_on = "company" if is_firm else "contact"
            found = jsonfiles.object_of(row.cells[amanat])
            draft = _with_ours(draft, found, options, fields.get(on, {}), problems, on=ours_on)
        elif is_firm:
            draft.name, draft.company, draft.birthday = draft.name or draft.company, "", None
        return draft

    return draft_of


def _custom_of(mapping: Mapping, options: values.Options, fields: AnyMapping[str, CustomField]) -> drafts.Custom:
    orders = {
        match.options.get("name") or match.column: match.options.get("order", "dmy")
        for match in mapping.columns
        if match.target is Target.CUSTOM
    }

    def custom(name: str, text: str) -> tuple[str, Any]:
        definition = fields.get(name)
        if definition is None:
            raise ValueError(_("There is no field of this name any more."))
        return definition.key, _value(definition, text, orders.get(name, "dmy"), options.today)

    return custom


def _value(definition: CustomField, text: str, order: str, today: date) -> Any:
    if definition.kind in {Kind.DATE, Kind.TIME}:
        chosen: dates.Order = "mdy" if order == "mdy" else "ymd" if order == "ymd" else "dmy"
        try:
            plain = _CLOCK.sub("", text) if definition.kind == Kind.TIME else text
            day = dates.parse(plain, order=chosen, today=today)
        except dates.DayInvalid as invalid:
            raise ValueError(invalid.reason) from invalid
        if definition.kind == Kind.DATE:
            return day.isoformat()
        return custom_fields.cleaned(definition, _moment(text, day))
    if definition.kind == Kind.MONEY:
        try:
            return int(money.parse(text, allow_negative=True))
        except money.MoneyInvalid as invalid:
            raise ValueError(invalid.reason) from invalid
    parted = ours.parted(text) if definition.kind == Kind.CHOICES else []
    try:
        return custom_fields.cleaned(definition, parted if len(parted) > 1 else text)
    except ValidationError as problem:
        raise ValueError(" ".join(problem.messages)) from problem


def _moment(text: str, day: date) -> datetime:
    """`text` with the day that was read in it; without an hour it is midnight."""
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        found = _CLOCK.search(text)
    if found is None:
        return datetime(day.year, day.month, day.day)  # noqa: DTZ001 (the field makes it a moment of this place)
    hour, minute, second = int(found[1]), int(found[2]), int(found[3] or 0)
    if found[4]:
        hour = hour % 12 + (12 if found[4].casefold() == "p" else 0)
    try:
        return datetime(day.year, day.month, day.day, hour, minute, second)  # noqa: DTZ001
    except ValueError:
        raise ValueError(_("Please enter a date and a time.")) from None


def _with_ours(
    plain: drafts.Draft,
    found: dict[str, Any],
    options: values.Options,
    fields: AnyMapping[str, CustomField],
    problems: list[Problem],
    *,
    on: str,
) -> drafts.Draft:
    """What our own card says besides. What a phone's address book may have changed since, the card itself decides."""
    draft = ours.from_object(on, plain.number, found, options, problems)
    draft.custom = customs.taken(draft.custom, fields, problems)
    if plain.name:
        draft.name = plain.name if " ".join(plain.name.split()) != " ".join(draft.name.split()) else draft.name
    if {phone.number for phone in plain.phones} != {phone.number for phone in draft.phones[: vcards.PHONES]}:
        draft.phones = plain.phones
    if {email.address for email in plain.emails} != {email.address for email in draft.emails[: vcards.EMAILS]}:
        draft.emails = plain.emails
    drafts.shorten(draft, problems)
    return draft


def _named(draft: drafts.Draft, row: Row, problems: list[Problem]) -> drafts.Draft | None:
    if draft.shown_name:
        return draft
    if any(cell.strip() for cell in row.cells):
        problems.append(Problem("", "", _("The row has no name, phone, e-mail address or company that could be used.")))
    return None
