"""Proofs end when nothing has rested on them for the time the policy says (`keep.evidence`).

Something rests on the newest thing a person said about a purpose and channel, as long as she is here: that is what the gate asks.
Nothing rests any more on what she replaced by a later word, nor on anything she said once she is not here; since when that
is, `RelianceEnd` remembers, because the proofs have let go of her. Suppressions stay: a later import rests on them.
"""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import connection, transaction

from amanat.basis.models import Asking, ConsentRecord, Decision, Objection, Opening, Restriction, Withholding
from amanat.core import ids
from amanat.core.tenancy import WorkspaceRow
from amanat.policy.format import Policy
from amanat.privacy.retention import reckoning, tables
from amanat.privacy.retention.reckoning import Term

_BATCH = 2_000
#: Acts, in the order in which they can go, and by which columns a later one replaces an earlier one.
_ACTS: tuple[tuple[type[WorkspaceRow], tuple[str, ...]], ...] = (
    (ConsentRecord, ("purpose", "channel")),
    (Objection, ("purpose",)),
    (Restriction, ("ground",)),
)
#: Each of these stands by itself: it was relied on when it was made.
_MOMENTS: tuple[tuple[type[WorkspaceRow], str], ...] = (
    (Asking, "ends_at"),
    (Decision, "at"),
    (Opening, "at"),
    (Withholding, "at"),
)

#: Tables that this module sweeps, not `tables`.
LABELS = frozenset(model._meta.label for model, _ in (*_ACTS, *_MOMENTS))


def note_who_left(workspace_id: UUID, *, at: datetime) -> int:
    """Remember since when nothing rests on the proofs of people who are not here any more; returns how many are new."""
    new = 0
    for model, _ in _ACTS:
        table = model._meta.db_table
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT DISTINCT principal FROM {table} a WHERE workspace_id = %s AND contact_id IS NULL AND NOT EXISTS ("  # noqa: S608
                "SELECT 1 FROM privacy_relianceend e WHERE e.workspace_id = a.workspace_id AND e.principal = a.principal)",
                [workspace_id],
            )
            rows = [(workspace_id, ids.new(), row[0], at) for row in cursor.fetchall()]
            cursor.executemany(
                "INSERT INTO privacy_relianceend (workspace_id, id, principal, ended_at) VALUES (%s, %s, %s, %s) "
                "ON CONFLICT DO NOTHING",
                rows,
            )
        new += len(rows)
    return new


def sweep(workspace_id: UUID, policy: Policy, *, at: datetime) -> dict[str, int]:
    """Delete one batch of each kind of proof that has ended; returns how many by table."""
    term = reckoning.term(policy, "evidence", "relied_on_end")
    if term is None:
        return {}
    found: dict[str, int] = {}
    with transaction.atomic():
        for model, same in _ACTS:
            found[model._meta.label] = _delete(model, _ended_acts(model, same, term, workspace_id, at), workspace_id)
        for model, column in _MOMENTS:
            found[model._meta.label] = _delete(
                model, _ended_moments(model, column, term, workspace_id, at), workspace_id
            )
        _forget_the_ends(workspace_id)
    return {label: number for label, number in found.items() if number}


def _forget_the_ends(workspace_id: UUID) -> None:
    """Since when somebody is not here is of no use once none of her proofs is left."""
    left = " AND ".join(
        f"NOT EXISTS (SELECT 1 FROM {model._meta.db_table} a WHERE a.workspace_id = e.workspace_id AND a.principal = e.principal)"  # noqa: S608
        for model, _ in _ACTS
    )
    with connection.cursor() as cursor:
        cursor.execute(f"DELETE FROM privacy_relianceend e WHERE e.workspace_id = %s AND {left}", [workspace_id])  # noqa: S608


def _ended_acts(
    model: type[WorkspaceRow], same: tuple[str, ...], term: Term, workspace_id: UUID, at: datetime
) -> list[UUID]:
    matching = " AND ".join(f"later.{name} = a.{name}" for name in same)
    replaced, replaced_values = term.due("later.at", at)
    left, left_values = term.due("e.ended_at", at)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT a.id FROM {table} a WHERE a.workspace_id = %s AND (EXISTS ("  # noqa: S608 (our own names)
            f"SELECT 1 FROM {table} later WHERE later.workspace_id = a.workspace_id AND later.principal = a.principal "
            f"AND {matching} AND (later.at, later.id) > (a.at, a.id) AND {replaced}) OR a.contact_id IS NULL AND EXISTS ("
            "SELECT 1 FROM privacy_relianceend e WHERE e.workspace_id = a.workspace_id AND e.principal = a.principal "
            f"AND {left})) ORDER BY a.at LIMIT {_BATCH}",
            [workspace_id, *replaced_values, *left_values],
        )
        return [row[0] for row in cursor.fetchall()]


def _ended_moments(model: type[WorkspaceRow], column: str, term: Term, workspace_id: UUID, at: datetime) -> list[UUID]:
    condition, values = term.due(column, at)
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {model._meta.db_table} WHERE workspace_id = %s AND {condition} LIMIT {_BATCH}",  # noqa: S608
            [workspace_id, *values],
        )
        return [row[0] for row in cursor.fetchall()]


def _delete(model: type[WorkspaceRow], gone: list[UUID], workspace_id: UUID) -> int:
    tables.delete(model, gone, workspace_id=workspace_id)
    return len(gone)


def count(workspace_id: UUID, policy: Policy, *, at: datetime) -> int:
    """How many proofs had ended by `at`, counted up to one batch a table."""
    term = reckoning.term(policy, "evidence", "relied_on_end")
    if term is None:
        return 0
    acts = sum(len(_ended_acts(model, same, term, workspace_id, at)) for model, same in _ACTS)
    return acts + sum(len(_ended_moments(model, column, term, workspace_id, at)) for model, column in _MOMENTS)
