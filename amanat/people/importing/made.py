"""Rows that an import made in tables of parts: noted with a digest of what was written, so that undoing knows what somebody touched."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.core import ids
from amanat.core.tenancy import WorkspaceRow
from amanat.people import pointing
from amanat.people.models import ImportChange, ImportRun

Model = type[WorkspaceRow]


def note(run: ImportRun, kind: str, model: Model, made: Sequence[str], *, loose: Sequence[str]) -> None:
    """Remember these new rows. `loose` are columns that may change without anybody having touched the row."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO people_importchange "  # noqa: S608 - our own table
            "(id, workspace_id, run_id, record_kind, record_id, before, after) SELECT note.id, row.workspace_id, %s, %s, row.id, '{}', "
            f"jsonb_build_object('made', {_DIGEST}) FROM \"{model._meta.db_table}\" AS row "
            "JOIN unnest(%s::uuid[], %s::uuid[]) AS note (id, made) ON row.id = note.made WHERE row.workspace_id = %s",
            [run.pk, kind, list(loose), [ids.new() for _one in made], list(made), run.workspace_id],
        )


@dataclass(slots=True)
class Made:
    """A batch of notes: `touched` are rows that somebody changed since. Rows that are gone are in neither list."""

    notes: list[UUID]
    untouched: list[UUID]
    touched: list[UUID]


def newest(run: ImportRun, kind: str, model: Model, *, loose: Sequence[str], count: int) -> Made:
    """The last notes of a kind, their rows locked in the order of their ids. Needs the transaction."""
    found = list(
        ImportChange.objects.of(run.workspace_id)
        .filter(run=run, record_kind=kind)
        .order_by("-id")
        .values_list("id", "record_id", "after")[:count]
    )
    wanted = {record: after.get("made") for _id, record, after in found}
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT row.id, {_DIGEST} FROM "{model._meta.db_table}" AS row '  # noqa: S608 - our own table
            "WHERE row.workspace_id = %s AND row.id = ANY(%s) ORDER BY row.id FOR UPDATE",
            [list(loose), run.workspace_id, list(wanted)],
        )
        now = dict(cursor.fetchall())
    same = [record for record, digest in wanted.items() if now.get(record) == digest]
    return Made([one for one, _record, _after in found], same, [record for record in now if record not in set(same)])


def untouched_of(run: ImportRun, kind: str, model: Model, ids: Sequence[UUID], *, loose: Sequence[str]) -> set[UUID]:
    """Which of these rows the import made and nobody touched."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT row.id FROM "{model._meta.db_table}" AS row JOIN people_importchange AS note '  # noqa: S608 - our own table
            "ON note.workspace_id = row.workspace_id AND note.run_id = %s AND note.record_kind = %s AND note.record_id = row.id "
            f"WHERE row.workspace_id = %s AND row.id = ANY(%s) AND note.after->>'made' = {_DIGEST}",
            [run.pk, kind, run.workspace_id, list(ids), list(loose)],
        )
        return {row[0] for row in cursor.fetchall()}


def of_this_run(run: ImportRun, kind: str, ids: Sequence[UUID]) -> set[UUID]:
    """Which of these rows the import made."""
    notes = ImportChange.objects.of(run.workspace_id).filter(run=run, record_kind=kind, record_id__in=list(ids))
    return set(notes.values_list("record_id", flat=True))


def held(
    workspace_id: UUID, model: Model, ids: Sequence[UUID], *, own: Mapping[Model, tuple[str, list[Any]]] | None = None
) -> set[UUID]:
    """Those to which something points, more than a note that somebody looked (`is_a_look` of a model). `own` excuses rows of a model that fulfil a condition (SQL) with its parameters."""
    parts, parameters = [], []
    for other, column in pointing.at(model):
        if getattr(other, "is_a_look", False):
            continue
        condition, values = (own or {}).get(other, ("true", []))
        parts.append(
            f'SELECT "{column}" FROM "{other._meta.db_table}" '  # noqa: S608 - our own tables and conditions
            f'WHERE workspace_id = %s AND "{column}" = ANY(%s) AND {condition}'
        )
        parameters += [workspace_id, list(ids), *values]
    if not ids or not parts:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(" UNION ".join(parts), parameters)
        return {row[0] for row in cursor.fetchall()}


def forget(run: ImportRun, notes: Sequence[UUID]) -> None:
    ImportChange.objects.of(run.workspace_id).filter(pk__in=list(notes)).delete()


def remove(model: Model, workspace_id: UUID, going: Sequence[UUID]) -> None:
    """Delete rows; foreign keys here need nobody to look for what hangs on them, the caller has."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'DELETE FROM "{model._meta.db_table}" WHERE workspace_id = %s AND id = ANY(%s)',  # noqa: S608 - our own table
            [workspace_id, list(going)],
        )


_DIGEST = "md5((to_jsonb(row) - %s::text[])::text)"
