"""The bin: what is deleted waits there for 30 days, then goes for good.

**Design of the part that destroys.** `delete` only marks: the record leaves lists, search and counts at once, and everything that hangs
on it stays, so `restore` brings it back whole. `purge` removes it and all that points at it, found by walking the foreign keys of all
packages (`people.pointing`), in one transaction a batch; foreign keys are checked at its end, so a table that was forgotten stops the
whole batch rather than leaving half of it.

- A row that points at the record goes with it; when it also belongs to another contact or company, it only lets go.
- Contacts of a purged company let go of it.
- Further away, a row that cannot be without the one that goes, goes too; one that can, lets go, unless its table names the column in
  `goes_with`: it may stand without, but never loses what it had.
- What the law says must stay is taken off the record first, by the rules that packages above gave to `before_purging`.
- Files of rows that go are deleted with their keys. Entries of the search, lines of the timeline that refer to rows that go, and notes
  of imports, merges and duplicates about the record go too. The ledger stays: it holds ids and counts only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection, transaction

from amanat.accounts import access
from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import clock, files, ledger, tally, tenancy, tombstones
from amanat.core import ids as identifiers
from amanat.core.models_files import StoredFile
from amanat.core.tenancy import HasId, WorkspaceForeignKey, WorkspaceRow, workspace_id_of
from amanat.people import duplicates, pointing
from amanat.people.importing import entries, rowsets
from amanat.people.models import (
    BIN,
    Company,
    Contact,
    Email,
    ImportChange,
    Interaction,
    LikelyDuplicate,
    Merge,
    NotDuplicate,
    Phone,
    SearchEntry,
)

Kind = type[Contact] | type[Company]
KINDS: dict[str, Kind] = {"contact": Contact, "company": Company}
MOST = 10_000
_PIECE = 2500
#: What names a record that goes, without a foreign key, and says nothing without it.
_NAMING: tuple[tuple[type[WorkspaceRow], str], ...] = (
    (ImportChange, "record_id"),
    (Merge, "kept_id"),
    (NotDuplicate, "first_id"),
    (NotDuplicate, "second_id"),
    (LikelyDuplicate, "first_id"),
    (LikelyDuplicate, "second_id"),
)

#: Takes off the people who go what must stay without them: called with the model, the workspace, their ids and the moment.
type Keeping = Callable[[Kind, UUID, Sequence[UUID], datetime], object]
_keeping: list[Keeping] = []
before_purging = _keeping.append


class MayNotDelete(PermissionError):
    """The member may not delete or restore records."""


def _words(model: Kind) -> tuple[str, str]:
    """The name of the kind, and of its kept count."""
    return ("contact", "contacts") if model is Contact else ("company", "companies")


def counted(model: Kind) -> str:
    """The name of the kept count of a kind."""
    return _words(model)[1]


def delete(*, model: Kind, workspace: HasId | UUID, by: Member, at: datetime, ids: Sequence[UUID]) -> int:
    """Move records that `by` may see to the bin; returns how many. Their numbers and external ids are free at once."""
    here = workspace_id_of(workspace)
    with transaction.atomic():
        going = [pk for pk, _external in _locked(model, here, by, ids, is_deleted=False)]
        if not going:
            return 0
        model.objects.of(here).filter(pk__in=going).update(deleted_at=at, deleted_by=by)
        SearchEntry.objects.of(here).filter(pk__in=going).delete()
        duplicates.forget(going, workspace=here)
        _tell("deleted", model, here, going, by=by, at=at, change=-len(going))
    return len(going)


def restore(*, model: Kind, workspace: HasId | UUID, by: Member, at: datetime, ids: Sequence[UUID]) -> tuple[int, int]:
    """Bring records back as they were. Returns how many, and how many lost their external id because another has it now."""
    here = workspace_id_of(workspace)
    with transaction.atomic():
        rows = _locked(model, here, by, ids, is_deleted=True)
        if not rows:
            return 0, 0
        coming = [pk for pk, _external in rows]
        taken = _taken(model, here, rows)
        model.objects.of(here).filter(pk__in=taken).update(external_id="")
        model.objects.of(here).filter(pk__in=coming).update(deleted_at=None, deleted_by=None, updated_at=at)
        index(model, here, coming)
        _tell("restored", model, here, coming, by=by, at=at, change=len(coming))
    return len(coming), len(taken)


def _locked(model: Kind, here: UUID, by: Member, ids: Sequence[UUID], *, is_deleted: bool) -> list[tuple[UUID, str]]:
    """Id and external id of those that `by` may see, locked in the order of their ids. Raises MayNotDelete."""
    if not by.may(May.DELETE_CONTACTS):
        raise MayNotDelete
    seen: Any = model.objects.of(here).visible_to(by).filter(pk__in=list(ids)[:MOST])
    found = seen.filter(deleted_at__isnull=not is_deleted).order_by("id").select_for_update(of=("self",))
    return list(found.values_list("pk", "external_id"))


def _tell(what: str, model: Kind, here: UUID, ids: Sequence[UUID], *, by: Member, at: datetime, change: int) -> None:
    """Count them, and write it to the ledger."""
    kind, tallied = _words(model)
    tally.add(tallied, change, workspace=here)
    about = ids[0] if len(ids) == 1 else None
    ledger.write(f"people.{kind}.{what}", workspace=here, by=by, at=at, about=about, count=len(ids))


def _taken(model: Kind, here: UUID, rows: list[tuple[UUID, str]]) -> list[UUID]:
    """Those whose external id a living record has, or an earlier one of the same batch."""
    seen = set(
        model.objects.of(here)
        .alive()
        .filter(external_id__in=[external for _pk, external in rows if external])
        .values_list("external_id", flat=True)
    )
    taken = []
    for pk, external in rows:
        if external and external in seen:
            taken.append(pk)
        seen.add(external)
    return taken


def index(model: Kind, here: UUID, ids: Sequence[UUID]) -> None:
    """Write the search entries of records anew."""
    kind = _words(model)[0]
    column = f"{kind}_id"
    numbers: dict[str, list[str]] = {}
    mails: dict[str, list[str]] = {}
    for reach, value, target in ((Phone, "number", numbers), (Email, "address", mails)):
        found = reach.objects.of(here).filter(**{f"{column}__in": ids}).order_by("position", "id")
        for holder, text in found.values_list(column, value):
            target.setdefault(str(holder), []).append(text)
    rows = [
        entries.entry(kind, row, phones=numbers.get(row["id"], ()), emails=mails.get(row["id"], ()))
        for row in rowsets.as_json(model, ids, workspace_id=here)
    ]
    SearchEntry.objects.of(here).filter(pk__in=list(ids)).delete()
    rowsets.insert(SearchEntry, rows, workspace_id=here)


# --- for good ------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Going:
    """Ids of the rows that go, by model, and of the files that go with them."""

    rows: dict[type[WorkspaceRow], set[UUID]] = field(default_factory=dict)
    files: set[UUID] = field(default_factory=set)

    def add(self, model: type[WorkspaceRow], ids: Iterable[UUID]) -> set[UUID]:
        """Returns those that were not known to go."""
        known = self.rows.setdefault(model, set())
        new = set(ids) - known
        known |= new
        return new


def purge(
    *,
    model: Kind,
    workspace: HasId | UUID,
    by: Member | None,
    at: datetime,
    ids: Sequence[UUID],
    also_alive: bool = False,
) -> int:
    """Remove records of the bin for good with all that hangs on them; returns how many. `by` is None for the daily job.

    `also_alive` takes those too that are not in the bin: for an erasure, which waits for nothing.
    """
    if by is not None and not by.may(May.DELETE_CONTACTS):
        raise MayNotDelete
    here, (kind, tallied) = workspace_id_of(workspace), _words(model)
    with transaction.atomic():
        found = model.objects.of(here).filter(pk__in=list(ids)[:MOST])
        if not also_alive:
            found = found.filter(deleted_at__isnull=False)
        if by is not None:
            found = found.visible_to(by)
        rows = list(found.order_by("id").select_for_update(of=("self",)).values_list("pk", "deleted_at"))
        going = [pk for pk, _deleted_at in rows]
        if alive := sum(deleted_at is None for _pk, deleted_at in rows):
            tally.add(tallied, -alive, workspace=here)
        for start in range(0, len(going), _PIECE):
            piece = going[start : start + _PIECE]
            for keep in _keeping:
                keep(model, here, piece, at)
            _purge(model, here, piece)
        if going:
            ledger.write(f"people.{kind}.purged", workspace=here, by=by, at=at, count=len(going))
            tombstones.record(tombstones.Kind(f"{kind} purged"), going, workspace_id=here, at=at)
    return len(going)


def _purge(model: Kind, here: UUID, ids: list[UUID]) -> None:
    all_going = _Going()
    _collect(all_going, model, here, set(all_going.add(model, ids)), is_first=True)
    flat = [pk for pks in all_going.rows.values() for pk in pks]
    _delete(Interaction, "reference_id", here, flat)
    _delete(SearchEntry, "id", here, flat)
    for other, column in _NAMING:
        _delete(other, column, here, ids)
    for gone_model, gone in all_going.rows.items():
        _delete_rows(gone_model, here, gone)
    for file in StoredFile.objects.of(here).filter(pk__in=all_going.files):
        files.delete(file)


def remove(rows: Mapping[type[WorkspaceRow], Collection[UUID]], *, workspace_id: UUID) -> None:
    """Delete rows with what cannot be without them and their files, inside the caller's transaction; others let go of them."""
    going = _Going()
    for model, ids in rows.items():
        _collect(going, model, workspace_id, going.add(model, ids))
    for model, ids in going.rows.items():
        _delete_rows(model, workspace_id, ids)
    for file in StoredFile.objects.of(workspace_id).filter(pk__in=going.files):
        files.delete(file)


def _collect(going: _Going, model: type[WorkspaceRow], here: UUID, ids: set[UUID], *, is_first: bool = False) -> None:
    """Add what goes with rows of `model`, and let go of them where a row can be without."""
    if not ids:
        return
    going.files |= _files_of(model, here, ids)
    for other, column in pointing.at(model):
        if getattr(other, "append_only", False):
            # Its rows outlive what they are about; they may let go when the table allows it.
            if column in getattr(other, "may_be_filled_later", ()):
                _let_go(other, column, here, ids)
            continue
        if other is Contact or not _goes_along(other, column, is_first=is_first):
            _let_go(other, column, here, ids)
            continue
        if is_first:
            _let_go_where_shared(other, column, here, ids)
        _collect(going, other, here, going.add(other, _read(other, "id", column, here, ids)))


def _goes_along(other: type[WorkspaceRow], column: str, *, is_first: bool) -> bool:
    return is_first or not _field(other, column).null or column in getattr(other, "goes_with", ())


def _field(model: type[WorkspaceRow], column: str) -> WorkspaceForeignKey:
    return next(f for f in model._meta.local_fields if f.column == column)  # type: ignore[return-value]


def _let_go(other: type[WorkspaceRow], column: str, here: UUID, ids: set[UUID]) -> None:
    _run(f'UPDATE "{other._meta.db_table}" SET "{column}" = NULL WHERE {_among(column)}', here, ids)  # noqa: S608 - our own table


def _let_go_where_shared(other: type[WorkspaceRow], column: str, here: UUID, ids: set[UUID]) -> None:
    """A row that is about a contact and a company stays with the other one."""
    for second in other._meta.local_fields:
        if (
            isinstance(second, WorkspaceForeignKey)
            and second.column != column
            and second.related_model in KINDS.values()
            and _field(other, column).null
        ):
            _run(
                f'UPDATE "{other._meta.db_table}" SET "{column}" = NULL '  # noqa: S608 - our own table
                f'WHERE "{second.column}" IS NOT NULL AND {_among(column)}',
                here,
                ids,
            )


def _files_of(model: type[WorkspaceRow], here: UUID, ids: set[UUID]) -> set[UUID]:
    columns = [
        f.column
        for f in model._meta.local_fields
        if isinstance(f, WorkspaceForeignKey) and f.related_model is StoredFile
    ]
    found: set[Any] = set()
    for column in columns:
        found |= _read(model, column, "id", here, ids)
    return found - {None}


def _delete_rows(model: type[WorkspaceRow], here: UUID, ids: set[UUID]) -> None:
    # Straight, as Django's collector would look for what the foreign keys here do on their own.
    _delete(model, "id", here, ids)


# Thousands of ids go to each of some sixty statements: as one text, joined to the table. A parameter for each would be looked at by the
# driver, and an array of them weighed one by one by the planner, at more than what is looked for costs.


def _among(column: str) -> str:
    return f'workspace_id = %s AND "{column}" IN (SELECT unnest(%s::uuid[]))'


def _run(sql: str, here: UUID, wanted: Collection[UUID]) -> None:
    if wanted:
        with connection.cursor() as cursor:
            cursor.execute(sql, [here, identifiers.array(wanted)])


def _delete(model: type[WorkspaceRow], column: str, here: UUID, wanted: Collection[UUID]) -> None:
    _run(f'DELETE FROM "{model._meta.db_table}" WHERE {_among(column)}', here, wanted)  # noqa: S608 - our own table


def _read(model: type[WorkspaceRow], wanted: str, column: str, here: UUID, among: Collection[UUID]) -> set[Any]:
    """A column of the rows whose other column is among the ids."""
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT "{wanted}" FROM "{model._meta.db_table}" WHERE {_among(column)}',  # noqa: S608 - our own table
            [here, identifiers.array(among)],
        )
        return {row[0] for row in cursor.fetchall()}


def empty_when_due(workspace: UUID, *, at: datetime) -> int:
    """Purge what has waited its 30 days, a batch a transaction; returns how many."""
    gone = 0
    for model in (Contact, Company):
        while True:
            with tenancy.inside(workspace):
                due = list(
                    model.objects.of(workspace)
                    .filter(deleted_at__lte=at - BIN)
                    .order_by("deleted_at")
                    .values_list("pk", flat=True)[:_PIECE]
                )
                if not due:
                    break
                gone += purge(model=model, workspace=workspace, by=None, at=at, ids=due)
    return gone


def empty_all() -> int:
    """The daily round through all workspaces."""
    return sum(empty_when_due(workspace, at=clock.now()) for workspace in access.workspace_ids())


__all__ = [
    "KINDS",
    "MayNotDelete",
    "before_purging",
    "delete",
    "empty_all",
    "empty_when_due",
    "index",
    "purge",
    "remove",
    "restore",
]
