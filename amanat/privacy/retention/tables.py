"""Which tables fall under which rule, found by walking the declarations of all packages; and how their rows go.

A declaration names a rule of `keep` and the column from which a trigger counts (`Held.counted_from`), or several, of which the first that
is not empty counts. Tables whose rows do not simply go have modules of their own: people (`due`), users (`house`), the books (`books`),
acts of consent (`proofs`), the sealed store (`vault`).
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.apps import apps
from django.db import connection, models, transaction

from amanat.core import files
from amanat.core.models_files import StoredFile
from amanat.core.personal_data import Held
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people import pointing, search
from amanat.people.models import Interaction
from amanat.privacy.retention.reckoning import Term

BATCH = 2_000
#: What goes by rules of its own.
ELSEWHERE = {
    "people.Contact": "due",
    "accounts.User": "house",
    "privacy.AccountClosure": "closing",
    "privacy.WorkspaceClosure": "closing",
    "desk.ServiceRecord": "books",
    "desk.Payment": "books",
    "privacy.SealedRecord": "vault",
    "privacy.RelianceEnd": "proofs",
}
#: Triggers that are acts of somebody or are counted for whole people, not columns of the tables under a rule.
OF_OTHER_TABLES = {
    "last_login": "accounts.User.last_login",
    "last_interaction": "people.Contact.last_contact_at",
    "closure": "privacy.WorkspaceClosure.asked_at, privacy.AccountClosure.asked_at",
    "request": "privacy.Erasure.ordered_at, privacy.AccountClosure.asked_at",
    "opt_out": "basis.ConsentRecord.at, basis.Objection.at",
    "withdrawn": "basis.ConsentRecord.at",
    "relied_on_end": "privacy.RelianceEnd.ended_at",
}


@dataclass(frozen=True, slots=True)
class Counted:
    """A table under a rule, and the SQL of the moment from which one of its triggers counts."""

    model: type[models.Model]
    keep: str
    trigger: str
    source: str  #: what stands after FROM
    moment: str

    @property
    def label(self) -> str:
        return self.model._meta.label

    @property
    def is_of_a_workspace(self) -> bool:
        return issubclass(self.model, WorkspaceRow)


@cache
def declarations() -> tuple[Held, ...]:
    """What every package declares."""
    found: list[Held] = []
    for config in apps.get_app_configs():
        if config.name.startswith("amanat.") and any(True for _ in config.get_models()):
            found += importlib.import_module(f"{config.name}.personal_data").HELD
    return tuple(found)


def under(keep: str) -> list[Held]:
    """The tables that fall under a rule."""
    return [held for held in declarations() if held.clause == f"keep.{keep}"]


@cache
def counted() -> tuple[Counted, ...]:
    """All tables whose rows simply go, each with the trigger that ends it."""
    return tuple(
        _counted(held, trigger, column)
        for held in declarations()
        if held.model not in ELSEWHERE
        for trigger, column in sorted(held.counted_from.items())
    )


def _counted(held: Held, trigger: str, columns: str) -> Counted:
    model = apps.get_model(held.model)
    source, moments = f'"{model._meta.db_table}" t', list[str]()
    for named in columns.split(" or "):
        link, _dunder, column = named.rpartition("__")
        alias, holder = "t", model
        if link:
            key: Any = model._meta.get_field(link)
            alias, holder = "p", key.related_model
            source += (
                f' JOIN "{holder._meta.db_table}" p ON p.workspace_id = t.workspace_id AND p.id = t."{key.column}"'
            )
        field = holder._meta.get_field(column)
        moment = f'{alias}."{field.column}"'
        is_day = not isinstance(field, models.DateTimeField)
        moments.append(f"({moment}::timestamp AT TIME ZONE 'UTC')" if is_day else moment)
    moment = moments[0] if len(moments) == 1 else f"coalesce({', '.join(moments)})"
    return Counted(model, held.clause.removeprefix("keep."), trigger, source, moment)


def due_ids(
    one: Counted, term: Term, *, at: datetime, workspace_id: UUID | None = None, limit: int = BATCH
) -> list[Any]:
    """Keys of rows that have ended by `at`."""
    sql, values = _due(one, term, at, workspace_id)
    with connection.cursor() as cursor:
        cursor.execute(f'SELECT t."{_key(one)}" {sql} LIMIT {int(limit)}', values)
        return [row[0] for row in cursor.fetchall()]


def count(one: Counted, term: Term, *, at: datetime, workspace_id: UUID | None = None) -> int:
    """How many rows have ended by `at`."""
    sql, values = _due(one, term, at, workspace_id)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) {sql}", values)
        return int(cursor.fetchone()[0])


def counts(
    terms: Iterable[tuple[Counted, Term]], *, soon: datetime, later: datetime, workspace_id: UUID
) -> dict[str, tuple[int, int]]:
    """How many rows of workspaces will have ended by `soon` and by `later`, by rule: one statement for all tables."""
    parts: list[str] = []
    values: list[Any] = []
    for one, term in terms:
        by_soon, soon_values = term.due(one.moment, soon)
        sql, later_values = _due(one, term, later, workspace_id)
        parts.append(f"SELECT %s::text AS keep, count(*) FILTER (WHERE {by_soon}) AS soon, count(*) AS later {sql}")
        values += [one.keep, *soon_values, *later_values]
    if not parts:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT keep, sum(soon)::int, sum(later)::int FROM ({' UNION ALL '.join(parts)}) AS found GROUP BY keep",  # noqa: S608
            values,
        )
        return {keep: (by_soon, by_later) for keep, by_soon, by_later in cursor.fetchall()}


def _due(one: Counted, term: Term, at: datetime, workspace_id: UUID | None) -> tuple[str, list[Any]]:
    condition, values = term.due(one.moment, at)
    if not one.is_of_a_workspace:
        return f"FROM {one.source} WHERE {condition}", values
    return f"FROM {one.source} WHERE t.workspace_id = %s AND {condition}", [workspace_id, *values]


def _key(one: Counted) -> str:
    key = one.model._meta.pk
    assert key is not None and key.column is not None
    return key.column


def sweep(one: Counted, term: Term, *, at: datetime, workspace_id: UUID) -> int:
    """Delete one batch of rows that have ended, with what cannot be without them; returns how many."""
    with transaction.atomic():
        gone = due_ids(one, term, at=at, workspace_id=workspace_id)
        if gone:
            delete(one.model, gone, workspace_id=workspace_id)  # type: ignore[arg-type]  # of a workspace, as asked
    return len(gone)


def delete(model: type[WorkspaceRow], ids: Sequence[UUID], *, workspace_id: UUID) -> None:
    """Delete rows, their files, what hangs on them and cannot be without, what the timeline and the search say of them; what can lets go."""
    if not ids:
        return
    for other, column in pointing.at(model):
        rows = other.objects.of(workspace_id).filter(**{f"{column}__in": ids})
        if _may_let_go(other, column):
            rows.update(**{column: None})
        elif hanging := list(rows.values_list("pk", flat=True)):
            delete(other, hanging, workspace_id=workspace_id)
    held = list(_files(model, ids, workspace_id))
    Interaction.objects.of(workspace_id).filter(reference_id__in=ids).delete()
    search.forget(ids, workspace=workspace_id)
    _take(model, ids, workspace_id)
    for file in StoredFile.objects.of(workspace_id).filter(pk__in=held):
        files.delete(file)


def _may_let_go(other: type[WorkspaceRow], column: str) -> bool:
    if getattr(other, "append_only", False) and column not in getattr(other, "may_be_filled_later", ()):
        return False
    if column in getattr(other, "goes_with", ()):
        return False
    return any(field.column == column and field.null for field in other._meta.local_fields)


def _files(model: type[WorkspaceRow], ids: Sequence[UUID], workspace_id: UUID) -> Iterable[UUID]:
    for field in model._meta.local_fields:
        if isinstance(field, WorkspaceForeignKey) and field.related_model is StoredFile:
            rows = model.objects.of(workspace_id).filter(pk__in=ids, **{f"{field.name}__isnull": False})
            yield from rows.values_list(field.column, flat=True)


def _take(model: type[WorkspaceRow], ids: Sequence[UUID], workspace_id: UUID) -> None:
    """Straight, as Django's collector would look for what the foreign keys here do on their own."""
    table = model._meta.db_table
    with connection.cursor() as cursor:
        if getattr(model, "append_only", False):
            # The application's role may not delete proofs; the owner's function does, for the tables it knows.
            cursor.execute("SELECT forget_proofs(%s, %s)", [table, list(ids)])
        else:
            cursor.execute(
                f'DELETE FROM "{table}" WHERE workspace_id = %s AND id = ANY(%s)',  # noqa: S608 (our own table)
                [workspace_id, list(ids)],
            )
