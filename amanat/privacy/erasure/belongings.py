"""All that belongs to people, in every package: found by walking the declarations and the foreign keys, so that a table that comes
later is covered without being named.

- A row that points at a contact belongs to it, shared or not with a company or another contact.
- A row that hangs on such a row belongs too, when it cannot be without it or has nobody else of its own.
- A row of a table that is declared as people's and names one of these by a bare id belongs too: lines of the timeline, notes of imports
  and merges, the entry of the search. So does what names a record that was merged into one of them.
- Files belong to whoever's row holds them.

The number of statements is that of the levels of tables, whatever the number of people and rows.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models

from amanat.core import ids, personal_data
from amanat.core.models_files import StoredFile
from amanat.core.schema import workspace_models
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.desk.models import ServiceRecord
from amanat.people import pointing
from amanat.people.models import Company, Contact, Merge, SearchEntry

type Model = type[WorkspaceRow]
#: Bare ids in people's tables that are those of members, teams or series.
_NOT_HERS = {
    "id",
    "workspace_id",
    "made_by",
    "member_id",
    "owner_id",
    "team_id",
    "series_id",
    "request_id",
    "erasure_id",
}
_HOLDERS = (Contact, Company)


@dataclass(slots=True)
class Belongings:
    """What belongs to `contact_ids` in a workspace: ids of rows by model, each with the contact whose it is."""

    workspace_id: UUID
    contact_ids: tuple[UUID, ...]
    rows: dict[Model, dict[UUID, UUID]] = field(default_factory=dict)
    #: those of `rows` that belong to a company or another contact as well
    shared: dict[Model, set[UUID]] = field(default_factory=dict)
    files: dict[UUID, UUID] = field(default_factory=dict)
    #: ids of contacts that were merged into these, with the one that stayed
    former: dict[UUID, UUID] = field(default_factory=dict)

    def of_one(self, contact_id: UUID) -> dict[Model, list[UUID]]:
        """The rows of one of the contacts."""
        found = {model: [pk for pk, whose in rows.items() if whose == contact_id] for model, rows in self.rows.items()}
        return {model: ids for model, ids in found.items() if ids}

    def files_of_one(self, contact_id: UUID) -> list[UUID]:
        return [pk for pk, whose in self.files.items() if whose == contact_id]

    def counts(self) -> dict[str, int]:
        """Rows by the label of the model, and files; kinds of which there is none are left out."""
        counted = {model._meta.label: len(rows) for model, rows in self.rows.items() if rows}
        return counted | ({StoredFile._meta.label: len(self.files)} if self.files else {})

    def whose(self) -> dict[UUID, UUID]:
        """Every id that stands for something of the people, their own and those of their former records included."""
        return {pk: contact for rows in self.rows.values() for pk, contact in rows.items()} | self.former

    def _add(self, model: Model, pk: UUID, contact: UUID, *, is_shared: bool) -> bool:
        known = self.rows.setdefault(model, {})
        if is_shared:
            self.shared.setdefault(model, set()).add(pk)
        if pk in known:
            return False
        known[pk] = contact
        return True


def of(contact_ids: Collection[UUID], *, workspace_id: UUID, is_whole: bool = True) -> Belongings:
    """What belongs to the contacts, those of the bin too; ids of no contact here bring nothing. Needs the workspace's transaction.

    Without `is_whole` only their services and what leads to them: enough to say by which identifiers the people are known.
    """
    found = Belongings(workspace_id, ())
    contacts = Contact.objects.of(workspace_id).filter(pk__in=list(contact_ids)).values_list("pk", flat=True)
    found.contact_ids = tuple(contacts)
    if not found.contact_ids:
        return found
    found.rows[Contact] = {pk: pk for pk in found.contact_ids}
    _former(found)
    reached: dict[Model, dict[UUID, UUID]] = {Contact: found.rows[Contact]}
    is_first = True
    while reached:
        reached, is_first = _level(found, reached, is_first=is_first, is_whole=is_whole), False
    if is_whole:
        _named(found)
        _files(found)
    return found


array = ids.array


def held(model: Model) -> personal_data.Held | None:
    """The declaration of a model."""
    return _declared().get(model._meta.label)


@cache
def _declared() -> dict[str, personal_data.Held]:
    from importlib import import_module, util  # at the first use: the declarations import the models

    found: dict[str, personal_data.Held] = {}
    for config in apps.get_app_configs():
        if config.name.startswith("amanat.") and util.find_spec(f"{config.name}.personal_data"):
            found |= {one.model: one for one in import_module(f"{config.name}.personal_data").HELD}
    return found


def holders(model: Model) -> tuple[str, ...]:
    """The columns of a table that say which contact or company a row belongs to."""
    return tuple(each.column for each in _keys(model) if each.related_model in _HOLDERS)


def _keys(model: Model) -> Iterator[WorkspaceForeignKey]:
    return (each for each in model._meta.local_fields if isinstance(each, WorkspaceForeignKey))


def _former(found: Belongings) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"""WITH RECURSIVE chain (gone, kept) AS (
                SELECT m.gone_id, m.kept_id FROM "{Merge._meta.db_table}" m
                WHERE m.workspace_id = %(here)s AND m.kept_id = ANY(%(ids)s::uuid[]) AND m.kind = 'contact' AND m.undone_at IS NULL
                UNION SELECT m.gone_id, chain.kept FROM chain JOIN "{Merge._meta.db_table}" m
                ON m.workspace_id = %(here)s AND m.kept_id = chain.gone AND m.undone_at IS NULL
            ) SELECT gone, kept FROM chain WHERE NOT gone = ANY(%(ids)s::uuid[])""",  # noqa: S608 - our own table
            {"here": found.workspace_id, "ids": array(found.contact_ids)},
        )
        found.former.update(cursor.fetchall())


@dataclass(frozen=True, slots=True)
class _Edge:
    """A column of `model` that points at rows of `at`; `test` is what a row must fulfil to belong, `shared` when it has another."""

    model: Model
    column: str
    at: Model
    test: str
    shared: str


@cache
def _edges(at: Model, *, is_first: bool) -> tuple[_Edge, ...]:
    edges = []
    for model, column in pointing.at(at):
        if model in _HOLDERS:
            continue
        field = next(each for each in _keys(model) if each.column == column)
        others = [f't."{each}" IS NOT NULL' for each in holders(model) if each != column]
        is_bound = is_first or not field.null
        test = "true" if is_bound or not others else f"NOT ({' OR '.join(others)})"
        if not is_bound and not others and (declared := held(model)) is not None and declared.whose != "contact":
            continue  # it may be without, and is nobody's of ours
        edges.append(_Edge(model, column, at, test, " OR ".join(others) or "false"))
    return tuple(edges)


@cache
def _leading_to(goal: Model) -> frozenset[Model]:
    """The model and those on whose rows rows of it may hang."""
    found: set[Any] = {goal}
    new: set[Any] = {goal}
    while new:
        new = {each.related_model for model in new for each in _keys(model)} - found
        found |= new
    return frozenset(found)


def _level(
    found: Belongings, reached: Mapping[Model, Mapping[UUID, UUID]], *, is_first: bool, is_whole: bool
) -> dict[Model, dict[UUID, UUID]]:
    """One statement: what hangs on the rows `reached`. Returns what was not known yet."""
    edges = [
        edge
        for model in reached
        for edge in _edges(model, is_first=is_first)
        if is_whole or edge.model in _leading_to(ServiceRecord)
    ]
    if not edges:
        return {}
    at_models = list(dict.fromkeys(edge.at for edge in edges))
    given = ", ".join(f"%s::uuid[] AS ids{number}" for number in range(len(at_models)))
    parts = " UNION ALL ".join(
        f'SELECT {number} AS edge, t.id, t."{edge.column}" AS target, ({edge.shared}) AS shared FROM "{edge.model._meta.db_table}" t '  # noqa: S608
        f'WHERE t.workspace_id = %s AND t."{edge.column}" = ANY((SELECT ids{at_models.index(edge.at)} FROM given)::uuid[]) AND {edge.test}'
        for number, edge in enumerate(edges)
    )
    new: dict[Model, dict[UUID, UUID]] = {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH given AS (SELECT {given}) {parts}",
            [array(reached[model]) for model in at_models] + [found.workspace_id] * len(edges),
        )
        for number, pk, target, is_shared in cursor.fetchall():
            edge = edges[number]
            contact = reached[edge.at][target]
            if found._add(edge.model, pk, contact, is_shared=is_first and is_shared):
                new.setdefault(edge.model, {})[pk] = contact
    return new


@cache
def _naming() -> tuple[tuple[Model, str], ...]:
    """Tables of people and their columns that hold bare ids."""
    found: list[tuple[Model, str]] = [(SearchEntry, "id")]
    for model in workspace_models():
        declared = held(model)
        if declared is None or declared.whose != "contact":
            continue
        found += [
            (model, str(each.column))
            for each in model._meta.local_fields
            if isinstance(each, models.UUIDField) and not each.primary_key and each.column not in _NOT_HERS
        ]
    return tuple(found)


def naming() -> tuple[tuple[Model, str], ...]:
    """Columns that name rows of people by a bare id: what an erasure must find quickly."""
    return _naming()


def _named(found: Belongings) -> None:
    """One statement: rows that name any of the others by a bare id."""
    whose = found.whose()
    columns = _naming()
    parts = " UNION ALL ".join(
        f'SELECT {number}, t.id, t."{column}" FROM "{model._meta.db_table}" t '  # noqa: S608
        f'WHERE t.workspace_id = %s AND t."{column}" = ANY((SELECT ids FROM given)::uuid[])'
        for number, (model, column) in enumerate(columns)
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH given AS (SELECT %s::uuid[] AS ids) {parts}",
            [array(whose), *[found.workspace_id] * len(columns)],
        )
        for number, pk, named in cursor.fetchall():
            found._add(columns[number][0], pk, whose[named], is_shared=False)


def _files(found: Belongings) -> None:
    """One statement: the files that the rows hold."""
    parts: list[str] = []
    values: list[Any] = []
    for model, rows in found.rows.items():
        for each in _keys(model):
            if each.related_model is StoredFile and rows:
                parts.append(
                    f'SELECT t."{each.column}", t.id FROM "{model._meta.db_table}" t WHERE t.workspace_id = %s AND t.id = ANY(%s::uuid[]) '  # noqa: S608
                    f'AND t."{each.column}" IS NOT NULL'
                )
                values += [found.workspace_id, array(rows)]
    if not parts:
        return
    whose = found.whose()
    with connection.cursor() as cursor:
        cursor.execute(" UNION ALL ".join(parts), values)
        found.files.update({file: whose[row] for file, row in cursor.fetchall()})
