"""Everything out again: a list, or the whole workspace, as CSV, XLSX, vCard or JSON, and what goes out can come back in unchanged.

A short list is answered at once. A long one and the whole workspace are written by a job straight into an encrypted file that is kept
for 24 hours; each download of it is a link for one opening by the member who asked, alive for five minutes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import IO, Any, cast
from uuid import UUID

from django.db import connection
from django.utils import translation
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amanat.accounts import access
from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import clock, files, jobs, ledger, tenancy
from amanat.core.filetypes import FileType
from amanat.core.models_files import StoredFile
from amanat.people import differences, export_formats, lists, masking, vocabulary
from amanat.people.export_formats import FORMATS, ExportRefused
from amanat.people.export_records import Records
from amanat.people.models import ExportRun

#: Rows that are answered at once.
AT_ONCE = 2_000
KEPT = timedelta(hours=24)
PURPOSE = "export"
#: Why an exported list is read; the whole workspace is the owner's own, stored elsewhere, and goes whole.
READ_FOR = "service"
State = ExportRun.State


@dataclass(frozen=True)
class Answer:
    """A short list, ready, or the run that will make a long one."""

    name: str
    content_type: str
    content: bytes | None
    run: ExportRun | None = None
    left_out: str = ""  #: a sentence


def of_list(*, definition: lists.Definition, format: str, by: Member, at: datetime, at_once: bool = True) -> Answer:
    """Export a list as the member sees it; without `at_once`, a short one is queued too.

    Raises ExportRefused, and `lists.Refused` for a list that makes no sense.
    """
    _check(by, format)
    words = vocabulary.of(by.workspace_id)
    rows = lists.rows_of(definition, member=by, words=words)
    ids = list(rows.values_list("pk", flat=True)[: AT_ONCE + 1])
    scope = "contacts" if definition.on == "contact" else "companies"
    content_type, ending = FORMATS[format]
    name = f"{scope}-{at:%Y-%m-%d}.{ending}"
    if at_once and len(ids) <= AT_ONCE:
        left = masking.for_export(by, words, ids, on=definition.on, purpose=READ_FOR)
        content = export_formats.in_memory(Records(definition.on, by.workspace_id, left.ids, left.fields), format)
        ledger.write(
            f"people.{scope}.exported", workspace=by.workspace_id, by=by, at=at, count=len(left.ids), format=format,
            purpose=READ_FOR, **left.as_facts(),
        )  # fmt: skip
        return Answer(name, content_type, content, left_out=in_words(left.as_facts(), words))
    run = _queue(scope, format, {"on": definition.on, **definition.as_json()}, by, at)
    return Answer(name, content_type, None, run)


def of_workspace(*, format: str, by: Member, at: datetime) -> ExportRun:
    """Queue the export of everything. Raises ExportRefused."""
    _check(by, format)
    if not by.sees_all:
        raise ExportRefused(_("Only somebody who sees all contacts may export the whole workspace."))
    return _queue("workspace", format, {}, by, at)


def _check(by: Member, format: str) -> None:
    if not by.may(May.EXPORT):
        raise ExportRefused(_("You may not export."))
    if format not in FORMATS:
        raise ExportRefused(_("There is no such format."))


def _queue(scope: str, format: str, definition: dict[str, Any], by: Member, at: datetime) -> ExportRun:
    run = ExportRun.objects.create(
        workspace_id=by.workspace_id, scope=scope, format=format, definition=definition, created_by=by, created_at=at
    )
    ledger.write("people.export.asked", workspace=by.workspace_id, by=by, about=run, at=at, scope=scope, format=format)
    jobs.enqueue("people.export", workspace=by.workspace_id, run=str(run.pk))
    return run


def go_on(*, run: ExportRun, by: Member, at: datetime) -> None:
    """Write the file of an export that failed after all. Raises ExportRefused."""
    _check(by, run.format)
    if run.scope == "workspace" and not by.sees_all:
        raise ExportRefused(_("Only somebody who sees all contacts may export the whole workspace."))
    failed = ExportRun.objects.of(run.workspace_id).filter(pk=run.pk, state=State.FAILED)
    if not failed.update(state=State.QUEUED, problem="", ended_at=None):
        raise ExportRefused(_("This export did not fail. Reload the page."))
    ledger.write(
        "people.export.asked", workspace=run.workspace_id, by=by, about=run, at=at, scope=run.scope, format=run.format
    )
    jobs.enqueue("people.export", workspace=run.workspace_id, run=str(run.pk))


def wait_for_all(workspace_id: UUID) -> None:
    """Wait until no export of the workspace is being written, and let none begin before the caller's transaction ends."""
    _hold_files(workspace_id, "SELECT pg_advisory_xact_lock(hashtext('people.export'), hashtext(%s))")


def _hold_files(workspace_id: UUID, lock: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(lock, [str(workspace_id)])


def work(workspace: UUID, run_id: UUID) -> None:
    """Write the file of a queued export; from the beginning again when a worker died over it."""
    with tenancy.inside(workspace):
        _hold_files(workspace, "SELECT pg_advisory_xact_lock_shared(hashtext('people.export'), hashtext(%s))")
        run = ExportRun.objects.of(workspace).select_for_update().filter(pk=run_id).first()
        if run is None or run.state not in {State.QUEUED, State.RUNNING}:
            return
        member = (
            Member.objects.of(workspace)
            .select_related("user")
            .filter(pk__in=[run.created_by_id], ended_at__isnull=True)
            .first()
        )
        if member is None or not member.may(May.EXPORT):
            _end(run, State.FAILED, problem=_("Whoever asked for this export may not export any more."))
            return
        member.team_ids = list(member.team_seats.values_list("team_id", flat=True))
        with translation.override(member.user.language):
            try:
                count, run.file = _written(run, member)
            except (ExportRefused, files.FileRefused, lists.Refused) as refusal:
                _end(run, State.FAILED, problem=str(refusal))
                return
        _end(run, State.DONE, count=count)
        ledger.write(
            f"people.{run.scope}.exported",
            workspace=workspace,
            by=member,
            about=run,
            at=clock.now(),
            count=count,
            format=run.format,
            purpose=READ_FOR,
            **{name: run.definition[name] for name in ("left_out_people", "left_out_fields") if name in run.definition},
        )


def _written(run: ExportRun, member: Member) -> tuple[int, StoredFile]:
    """How many rows, and their file, sealed as it is written. Text goes into a ZIP: it is a tenth as long."""
    name, ending = f"{run.scope}-{clock.now():%Y-%m-%d}", FORMATS[run.format][1]
    is_workbook = run.format == "xlsx"
    found = FileType.XLSX if is_workbook else FileType.ZIP
    whole_name = f"{name}.{'xlsx' if is_workbook else 'zip'}"
    with files.writing(
        workspace_id=run.workspace_id, name=whole_name, by=member.pk, kind=PURPOSE, found=found
    ) as target:
        if is_workbook or (run.format == "csv" and run.scope == "workspace"):
            return _write(run, member, cast(IO[bytes], target)), target.file
        with export_formats.zipped(cast(IO[bytes], target), f"{name}.{ending}") as inner:
            count = _write(run, member, inner)
    return count, target.file


def _write(run: ExportRun, member: Member, file: IO[bytes]) -> int:
    if run.scope == "workspace":
        return export_formats.of_workspace(run.workspace_id, run.format, file)
    words = vocabulary.of(run.workspace_id)
    chosen = {name: run.definition[name] for name in ("filters", "sort", "columns") if name in run.definition}
    definition = lists.parse(chosen, on=run.definition["on"], words=words)
    ids = list(lists.rows_of(definition, member=member, words=words).values_list("pk", flat=True))
    left = masking.for_export(member, words, ids, on=definition.on, purpose=READ_FOR)
    export_formats.of_records(Records(definition.on, run.workspace_id, left.ids, left.fields), run.format, file)
    run.definition = {**run.definition, **left.as_facts(), "left_out": in_words(left.as_facts(), words)}
    return len(left.ids)


def in_words(facts: dict[str, Any], words: vocabulary.Vocabulary) -> str:
    """What an export left out, as a sentence; "" when nothing was."""
    own = {f"custom-{one.key}": one.label for one in words.fields_on("contact")}
    said = []
    if people := facts.get("left_out_people"):
        said.append(
            ngettext(
                "%(count)d person is left out, because the use of the data is restricted.",
                "%(count)d people are left out, because the use of their data is restricted.",
                people,
            )
            % {"count": people}
        )
    if fields := facts.get("left_out_fields"):
        names = ", ".join(own.get(name) or str(differences.LABELS.get(name, name)) for name in fields)
        said.append(_("Left out, because the purpose does not need it: %(fields)s.") % {"fields": names})
    return " ".join(said)


def _end(run: ExportRun, state: str, *, problem: str = "", count: int | None = None) -> None:
    run.state, run.problem, run.ended_at = state, problem[:300], clock.now()
    run.total, run.position = count, count or 0
    run.save(update_fields=["state", "problem", "ended_at", "total", "position", "file", "definition"])


def expire_due(workspace: UUID, *, at: datetime) -> int:
    """Delete the files of exports after their 24 hours; returns how many."""
    with tenancy.inside(workspace):
        due = list(ExportRun.objects.of(workspace).filter(state=State.DONE, ended_at__lte=at - KEPT))
        for run in due:
            file = StoredFile.objects.of(workspace).filter(pk__in=[run.file_id]).first()
            ExportRun.objects.of(workspace).filter(pk=run.pk).update(state=State.EXPIRED, file=None)
            if file is not None:
                files.delete(file)
    return len(due)


def expire_all() -> int:
    """The hourly round through all workspaces."""
    return sum(expire_due(workspace, at=clock.now()) for workspace in access.workspace_ids())


__all__ = [
    "AT_ONCE", "FORMATS", "KEPT", "PURPOSE", "Answer", "ExportRefused", "expire_all", "expire_due", "go_on", "of_list",
    "of_workspace", "work",
]  # fmt: skip
