"""An import from the upload to the report: what a person decides about it. `working` does it, `undo` takes it back."""

from datetime import datetime, timedelta
from typing import IO, Any
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import files, jobs, ledger
from amanat.people.importing import converting, customs, jsonfiles, uploads, working
from amanat.people.importing.mapping import Mapping
from amanat.people.models import BIN, CustomField, ImportRun

State = ImportRun.State


class ImportRefused(Exception):
    """The import cannot do this now; the text says why."""


def upload(*, source: IO[bytes], name: str, by: Member, at: datetime) -> ImportRun:
    """Keep the file and guess what its columns mean. Raises FileRefused (of `core.files` or of the readers) in words."""
    file = uploads.keep(source, name=name, by=by)
    run = ImportRun(
        workspace_id=by.workspace_id,
        file=file,
        file_name=name[:200],
        created_by=by,
        created_at=at,
        options={"part": ""},
    )
    with uploads.opened(run) as table:
        mapping = converting.guess(table, fields_of(by.workspace_id))
        run.options = {"part": table.part, "on": converting.kind_of(table)}
    run.mapping = mapping.to_json()
    run.save(force_insert=True)
    ledger.write("people.import.uploaded", workspace=by.workspace_id, by=by, about=run, at=at, bytes=file.size)
    return run


def fields_of(workspace_id: UUID) -> list[CustomField]:
    """The custom fields of people that a column may go into."""
    return list(CustomField.objects.of(workspace_id).filter(on=CustomField.On.CONTACT, retired_at__isnull=True))


def choose_part(*, run: ImportRun, part: str) -> None:
    """Take another sheet of the workbook, or another file of the archive. Raises FileRefused."""
    _require(run, State.UPLOADED)
    run.options = {**run.options, "part": part}
    with uploads.opened(run) as table:
        run.mapping = converting.guess(table, fields_of(run.workspace_id)).to_json()
        run.options["on"] = converting.kind_of(table)
    run.save(update_fields=["mapping", "options"])


def start(*, run: ImportRun, mapping: Mapping, options: dict[str, Any], by: Member, at: datetime) -> None:
    """Queue the import with what the person decided. Raises ImportRefused."""
    _require(run, State.UPLOADED)
    if not by.may(May.IMPORT):
        raise ImportRefused(_("You may not import."))
    run.mapping = mapping.to_json()
    run.options = {**run.options, **options}
    with uploads.opened(run) as table:
        if converting.is_exact(table):
            run.options["on"] = converting.kind_of(table)
        if run.options["on"] == customs.WORKSPACE and not working.may_import(by, jsonfiles.lists_of(table)):
            raise ImportRefused(_("Only somebody who sees and may write everything may import a whole workspace."))
        run.options["is_mixed"] = run.options["on"] == "contact" and converting.has_companies(table)
        run.options["fields"] = customs.prepare(run, mapping, table, by=by, at=at)
    run.created_by = by
    run.state = State.QUEUED
    run.save(update_fields=["mapping", "options", "created_by", "state"])
    ledger.write("people.import.started", workspace=run.workspace_id, by=by, about=run, at=at)
    jobs.enqueue("people.import", workspace=run.workspace_id, run=str(run.pk))


def stop(*, run: ImportRun, by: Member, at: datetime) -> None:
    """End after the batch that is being written; what is done stays, and the import can go on later."""
    waiting = ImportRun.objects.of(run.workspace_id).filter(pk=run.pk, state=State.QUEUED)
    if not waiting.update(state=State.STOPPED, ended_at=at):
        running = ImportRun.objects.of(run.workspace_id).filter(pk=run.pk, state=State.RUNNING)
        running.update(stop_requested_at=at)
    ledger.write("people.import.stopped", workspace=run.workspace_id, by=by, about=run, at=at)


def go_on(*, run: ImportRun, by: Member, at: datetime) -> None:
    """Continue a stopped or failed import behind its last row; whoever continues it answers for the rest."""
    _require(run, State.STOPPED, State.FAILED)
    if not by.may(May.IMPORT):
        raise ImportRefused(_("You may not import."))
    ImportRun.objects.of(run.workspace_id).filter(pk=run.pk).update(
        state=State.QUEUED, stop_requested_at=None, problem="", ended_at=None, created_by=by
    )
    ledger.write("people.import.continued", workspace=run.workspace_id, by=by, about=run, at=at)
    jobs.enqueue("people.import", workspace=run.workspace_id, run=str(run.pk))


def cancel(*, run: ImportRun, by: Member, at: datetime) -> None:
    """Throw away an upload that was never started, with its file."""
    _require(run, State.UPLOADED)
    file = uploads.file_of(run)
    ImportRun.objects.of(run.workspace_id).filter(pk=run.pk).delete()
    if file is not None:
        files.delete(file)
    ledger.write("people.import.cancelled", workspace=run.workspace_id, by=by, about=run, at=at)


def forget_old_files(workspace: UUID, *, at: datetime) -> int:
    """Delete the files of imports that are 30 days old, and those that ended well after a day; returns how many."""
    old = ImportRun.objects.of(workspace).filter(file__isnull=False)
    due = list(
        old.filter(
            Q(created_at__lte=at - BIN) | Q(state__in=[State.DONE, State.UNDONE], ended_at__lte=at - timedelta(days=1))
        )
    )
    for run in due:
        file = uploads.file_of(run)
        ImportRun.objects.of(workspace).filter(pk=run.pk).update(file=None)
        if file is not None:
            files.delete(file)
    return len(due)


def _require(run: ImportRun, *states: str) -> None:
    if run.state not in states:
        raise ImportRefused(_("This import is not waiting for that any more. Reload the page."))
