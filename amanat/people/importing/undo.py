"""An import taken back as a whole: what it made goes to the bin, what it changed becomes what it was.

Nothing that a person did since is undone with it. A record that the import made and somebody changed, or hung something on, stays; a
value that the import set and somebody changed stays; both are counted and told. Companies go last, when nobody belongs to them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import clock, jobs, ledger, tally, tenancy
from amanat.people import pointing
from amanat.people.importing import entries, rowsets
from amanat.people.importing.runs import ImportRefused
from amanat.people.models import (
    Address,
    Company,
    Contact,
    Email,
    ImportChange,
    ImportRun,
    Interaction,
    Phone,
    SearchEntry,
)

BATCH = 1000
_REACHES: dict[str, type[Phone] | type[Email] | type[Address]] = {
    "phones": Phone,
    "emails": Email,
    "addresses": Address,
}
_WITHOUT_MEANING = {"updated_at", "sort_name"}
State = ImportRun.State


def start(*, run: ImportRun, by: Member, at: datetime) -> None:
    """Queue the undoing. Raises ImportRefused while the import runs, or when it was undone before."""
    if not by.may(May.IMPORT):
        raise ImportRefused(_("You may not import."))
    if run.state not in {State.DONE, State.STOPPED, State.FAILED} or run.undone_at is not None:
        raise ImportRefused(_("Only an import that has ended can be undone, and only once."))
    options = {**run.options, "undone_by": str(by.pk)}
    ImportRun.objects.of(run.workspace_id).filter(pk=run.pk).update(state=State.UNDOING, options=options)
    ledger.write("people.import.undo_started", workspace=run.workspace_id, by=by, about=run, at=at)
    jobs.enqueue("people.import.undo", workspace=run.workspace_id, run=str(run.pk))


def work(workspace_id: UUID, run_id: UUID) -> None:
    """Undo batch by batch; each commits by itself and can be repeated, so a worker that dies loses nothing."""
    with tenancy.inside(workspace_id):
        run = ImportRun.objects.of(workspace_id).filter(pk=run_id, state=State.UNDOING).first()
        if run is None:
            return
        member = Member.objects.of(workspace_id).filter(pk=run.options.get("undone_by"), ended_at__isnull=True).first()
        if member is None or not member.may(May.IMPORT):
            ImportRun.objects.of(workspace_id).filter(pk=run.pk).update(
                state=State.DONE, problem=_("Whoever wanted to undo this import may not import any more.")
            )
            return
    _restore_changes(run, member)
    removed = {kind: _remove_made(run, member, kind) for kind in (Contact, Company)}
    _finish(run, member, contacts=removed[Contact], companies=removed[Company])


# --- what was changed ----------------------------------------------------------------------------------------------


def _restore_changes(run: ImportRun, by: Member) -> None:
    """Newest change first, so that a record changed twice ends as it began. A restored change is deleted."""
    while True:
        with tenancy.inside(run.workspace_id, actor=by.pk):
            changes = list(ImportChange.objects.of(run.workspace_id).filter(run=run).order_by("-id")[:BATCH])
            if not changes:
                return
            counts = {"restored": 0, "kept": 0}
            for kind in ("contact", "company"):
                mine = [change for change in changes if change.record_kind == kind]
                if mine:
                    _restore(run, kind, mine, counts)
            ImportChange.objects.of(run.workspace_id).filter(pk__in=[change.pk for change in changes]).delete()
            _count(run, **counts)


def _restore(run: ImportRun, kind: str, changes: list[ImportChange], counts: dict[str, int]) -> None:
    model = Contact if kind == "contact" else Company
    ids = {change.record_id for change in changes}
    rows = {row["id"]: row for row in rowsets.as_json(model, ids, workspace_id=run.workspace_id, lock=True)}
    touched: dict[str, dict[str, Any]] = {}
    now = clock.now().isoformat()
    for change in changes:
        row = rows.get(str(change.record_id))
        if row is None:
            counts["kept"] += 1
            continue
        if _restore_columns(row, change) and _remove_reaches(run, change, kind):
            counts["restored"] += 1
        else:
            counts["kept"] += 1
        row["updated_at"] = now
        touched[row["id"]] = row
    if not touched:
        return
    _renew_first_reaches(run, kind, touched)
    columns = {"id", "updated_at", "sort_name"} | {name for change in changes for name in change.before}
    columns |= {"main_phone", "main_email"} if kind == "contact" else set()
    ordered = [touched[identity] for identity in sorted(touched)]
    rowsets.update(
        model, [{name: row[name] for name in sorted(columns)} for row in ordered], workspace_id=run.workspace_id
    )


def _restore_columns(row: dict[str, Any], change: ImportChange) -> bool:
    """Put the former values back where the import's value still stands. False when something stays."""
    whole = True
    for name, before in change.before.items():
        if name in _WITHOUT_MEANING:
            continue
        after = change.after.get(name)
        if name == "custom":
            whole &= _restore_custom(row, before, after or {})
        elif name == "tag_ids":
            added = [tag for tag in after or [] if tag not in before]
            row["tag_ids"] = [tag for tag in row["tag_ids"] if tag not in added]
        elif row[name] == after:
            row[name] = before
        elif row[name] != before:
            whole = False
    row["sort_name"] = entries.sort_name(row["name"])
    return whole


def _restore_custom(row: dict[str, Any], before: dict[str, Any], after: dict[str, Any]) -> bool:
    whole = True
    for key in {key for key in (*before, *after) if before.get(key) != after.get(key)}:
        if row["custom"].get(key) == after.get(key):
            if key in before:
                row["custom"][key] = before[key]
            else:
                row["custom"].pop(key, None)
        elif row["custom"].get(key) != before.get(key):
            whole = False
    return whole


def _remove_reaches(run: ImportRun, change: ImportChange, kind: str) -> bool:
    for name, model in _REACHES.items():
        ids = change.after.get(name) or []
        if ids:
            model.objects.of(run.workspace_id).filter(pk__in=ids, **{kind: change.record_id}).delete()
    return True


def _renew_first_reaches(run: ImportRun, kind: str, touched: dict[str, dict[str, Any]]) -> None:
    """The main phone and e-mail, and what the records are found by."""
    found: dict[str, tuple[list[str], list[str]]] = {identity: ([], []) for identity in touched}
    with connection.cursor() as cursor:
        for place, (table, value) in enumerate((("people_phone", "number"), ("people_email", "address"))):
            cursor.execute(
                f"SELECT {kind}_id, {value} FROM {table} WHERE workspace_id = %s AND {kind}_id = ANY(%s::uuid[]) "  # noqa: S608
                "ORDER BY position, id",
                [run.workspace_id, list(touched)],
            )
            for identity, text in cursor.fetchall():
                found[str(identity)][place].append(text)
    search_rows = []
    for identity, row in touched.items():
        phones, emails = found[identity]
        if kind == "contact":
            row["main_phone"], row["main_email"] = next(iter(phones), ""), next(iter(emails), "")
        search_rows.append(entries.entry(kind, row, phones=phones, emails=emails))
    rowsets.update(SearchEntry, search_rows, workspace_id=run.workspace_id)


# --- what was made -------------------------------------------------------------------------------------------------


def _remove_made(run: ImportRun, by: Member, model: type[Contact] | type[Company]) -> int:
    """Move to the bin what the import made and nobody has touched; returns how many."""
    removed, after = 0, UUID(int=0)
    while True:
        with tenancy.inside(run.workspace_id, actor=by.pk):
            rows = list(
                model.objects.of(run.workspace_id)
                .filter(import_run=run, deleted_at__isnull=True, pk__gt=after)
                .order_by("pk")
                .select_for_update()
                .values_list("pk", "updated_at")[:BATCH]
            )
            if not rows:
                return removed
            after = rows[-1][0]
            untouched = [pk for pk, updated_at in rows if updated_at == run.started_at]
            held = _with_something_of_others(run, model, untouched)
            going = [pk for pk in untouched if pk not in held]
            now = clock.now()
            model.objects.of(run.workspace_id).filter(pk__in=going).update(deleted_at=now, deleted_by=by)
            SearchEntry.objects.of(run.workspace_id).filter(pk__in=going).delete()
            tally.add("contacts" if model is Contact else "companies", -len(going), workspace=run.workspace_id)
            _count(run, removed=len(going), kept=len(rows) - len(going))
            removed += len(going)


def _with_something_of_others(run: ImportRun, model: type[Contact] | type[Company], ids: list[UUID]) -> set[UUID]:
    """Those to which something points that the import did not make itself."""
    held: set[UUID] = set()
    parts, parameters = [], []
    for other, column in pointing.at(model):
        own = ""
        extra: list[Any] = []
        if other in (Phone, Email, Address):
            own, extra = "AND NOT (source = 'file' AND created_at = %s)", [run.started_at]
        elif other is Interaction:
            own, extra = "AND reference_id IS DISTINCT FROM %s", [run.pk]
        elif other is Contact:
            own = "AND deleted_at IS NULL"
        parts.append(
            f'SELECT "{column}" FROM "{other._meta.db_table}" WHERE workspace_id = %s AND "{column}" = ANY(%s) {own}'  # noqa: S608
        )
        parameters += [run.workspace_id, ids, *extra]
    if ids and parts:
        with connection.cursor() as cursor:
            cursor.execute(" UNION ".join(parts), parameters)
            held = {row[0] for row in cursor.fetchall()}
    return held


def _count(run: ImportRun, **more: int) -> None:
    """Add to the figures of the undoing, which the report shows."""
    current = ImportRun.objects.of(run.workspace_id).select_for_update().get(pk=run.pk)
    undone = dict(current.options.get("undone", {}))
    for name, count in more.items():
        undone[name] = undone.get(name, 0) + count
    options = {**current.options, "undone": undone}
    ImportRun.objects.of(run.workspace_id).filter(pk=run.pk).update(options=options)


def _finish(run: ImportRun, by: Member, *, contacts: int, companies: int) -> None:
    with tenancy.inside(run.workspace_id, actor=by.pk):
        now = clock.now()
        ImportRun.objects.of(run.workspace_id).filter(pk=run.pk).update(state=State.UNDONE, undone_at=now)
        ledger.write(
            "people.import.undone",
            workspace=run.workspace_id,
            by=by,
            about=run,
            at=now,
            contacts=contacts,
            companies=companies,
        )
