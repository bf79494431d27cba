"""An import taken back as a whole: what it made goes to the bin, what it changed becomes what it was.

Nothing that a person did since is undone with it. A record that the import made and somebody changed, or hung something on, stays; a
value that the import set and somebody changed stays; both are counted and told. Companies go last, when nobody belongs to them.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import clock, jobs, ledger, tally, tenancy
from amanat.core.tenancy import WorkspaceRow
from amanat.people.importing import entries, made, parts, rowsets
from amanat.people.importing.parts import Part
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


class _Broken(Exception):
    """Whoever wanted this may not any more."""


def work(workspace_id: UUID, run_id: UUID) -> None:
    """Undo batch by batch; each commits by itself and can be repeated, so a worker that dies loses nothing.

    Each batch asks again whether whoever wanted it still may; when not, the run ends as failed, what is taken back stays
    taken back, and somebody who may can undo the rest.
    """
    with tenancy.inside(workspace_id):
        run = ImportRun.objects.of(workspace_id).filter(pk=run_id, state=State.UNDOING).first()
    if run is None:
        return
    try:
        _remove_parts(run)
        _restore_changes(run)
        removed = {kind: _remove_made(run, kind) for kind in (Contact, Company)}
        _finish(run, contacts=removed[Contact], companies=removed[Company])
    except _Broken:
        _give_up(run)


@contextmanager
def _batch(run: ImportRun) -> Iterator[Member]:
    """The transaction of a batch, by whoever wanted the import undone. Raises _Broken when she may not any more."""
    member_id = UUID(run.options["undone_by"])
    with tenancy.inside(run.workspace_id, actor=member_id):
        member = Member.objects.of(run.workspace_id).filter(pk=member_id, ended_at__isnull=True).first()
        if member is None or not member.may(May.IMPORT):
            raise _Broken
        yield member


def _give_up(run: ImportRun) -> None:
    problem = _("Whoever wanted to undo this import may not import any more. Somebody who may can undo the rest.")
    with tenancy.inside(run.workspace_id):
        now = clock.now()
        mine = ImportRun.objects.of(run.workspace_id).filter(pk=run.pk, state=State.UNDOING)
        if mine.update(state=State.FAILED, problem=problem, ended_at=now):
            ledger.write("people.import.refused", workspace=run.workspace_id, about=run, at=now)


# --- what lists besides contacts and companies brought -------------------------------------------------------------


def _remove_parts(run: ImportRun) -> None:
    """Rows of other lists that nobody touched are deleted; they go first, as they point at people."""
    undone = [part for part in parts.registered().values() if part.undo is not None]
    for part in sorted(undone, key=lambda part: part.undo_order):
        while _remove_some(run, part):
            pass


def _remove_some(run: ImportRun, part: Part) -> bool:
    assert part.undo is not None
    with _batch(run):
        found = made.newest(run, part.kind, part.model, loose=part.loose, count=BATCH)
        kept = part.undo(run, found.untouched) if found.untouched else set()
        made.forget(run, found.notes)
        if found.notes:
            _count(run, removed=len(found.untouched) - len(kept), kept=len(found.touched) + len(kept))
        return bool(found.notes)


# --- what was changed ----------------------------------------------------------------------------------------------


def _restore_changes(run: ImportRun) -> None:
    """Newest change first, so that a record changed twice ends as it began. A restored change is deleted."""
    while True:
        with _batch(run):
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
        _remove_reaches(run, change, kind)
        counts["restored" if _restore_columns(row, change) else "kept"] += 1
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


def _remove_reaches(run: ImportRun, change: ImportChange, kind: str) -> None:
    """Take away the phones, e-mails and addresses that the import added, also when a value stays."""
    for name, model in _REACHES.items():
        ids = change.after.get(name) or []
        if ids:
            model.objects.of(run.workspace_id).filter(pk__in=ids, **{kind: change.record_id}).delete()


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
    _hide_again(run, kind, touched)


def _hide_again(run: ImportRun, kind: str, touched: dict[str, dict[str, Any]]) -> None:
    """Those that the import had brought back from the bin are found no more."""
    gone = SearchEntry.objects.of(run.workspace_id).filter(
        pk__in=[pk for pk, row in touched.items() if row["deleted_at"]]
    )
    tally.add(f"{kind}s" if kind == "contact" else "companies", -gone.delete()[0], workspace=run.workspace_id)


# --- what was made -------------------------------------------------------------------------------------------------


def _remove_made(run: ImportRun, model: type[Contact] | type[Company]) -> int:
    """Move to the bin what the import made and nobody has touched; returns how many."""
    removed, after = 0, UUID(int=0)
    while True:
        with _batch(run) as by:
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
    of_the_file = ("NOT (source = 'file' AND created_at = %s)", [run.started_at])
    own: dict[type[WorkspaceRow], tuple[str, list[Any]]] = {
        **dict.fromkeys((Phone, Email, Address), of_the_file),
        Interaction: ("reference_id IS DISTINCT FROM %s", [run.pk]),
        Contact: ("deleted_at IS NULL", []),
    }
    return made.held(run.workspace_id, model, ids, own=own)


def _count(run: ImportRun, **more: int) -> None:
    """Add to the figures of the undoing, which the report shows."""
    current = ImportRun.objects.of(run.workspace_id).select_for_update().get(pk=run.pk)
    undone = dict(current.options.get("undone", {}))
    for name, count in more.items():
        undone[name] = undone.get(name, 0) + count
    options = {**current.options, "undone": undone}
    ImportRun.objects.of(run.workspace_id).filter(pk=run.pk).update(options=options)


def _finish(run: ImportRun, *, contacts: int, companies: int) -> None:
    with _batch(run) as by:
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
