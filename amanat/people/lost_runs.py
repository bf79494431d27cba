"""Imports and exports whose job was given up: they end as failed, in words, and can go on.

A job that takes its worker down five times is parked (`core.jobs`), and nobody tells the run it worked for. So whoever looks at a run
that waits or works, and a sweep every ten minutes, asks whether a job for it is still there. Run and job are written in one
transaction, so a run without a job is one that nobody will go on with.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from amanat.accounts import access
from amanat.core import clock, jobs, ledger, tenancy
from amanat.people.models import ExportRun, ImportRun

_IMPORTING = {ImportRun.State.QUEUED, ImportRun.State.RUNNING}
_AT_WORK = {*_IMPORTING, ImportRun.State.UNDOING}
_EXPORTING = {ExportRun.State.QUEUED, ExportRun.State.RUNNING}
_IMPORT_JOBS, _EXPORT_JOBS = ("people.import", "people.import.undo"), ("people.export",)


def end_imports(runs: Iterable[ImportRun], *, at: datetime) -> None:
    """End those of `runs`, all of one workspace, that have no job any more; changes the rows given, too."""
    waiting = [run for run in runs if run.state in _AT_WORK]
    for run in _lost(waiting, _IMPORT_JOBS):
        problem = (
            _("The undoing broke off several times and was given up. Undo again to take back the rest.")
            if run.state == ImportRun.State.UNDOING
            else _("The import broke off several times and was given up. What was taken stays; go on to take the rest.")
        )
        rows = ImportRun.objects.of(run.workspace_id).filter(pk=run.pk, state=run.state)
        if not rows.update(state=ImportRun.State.FAILED, problem=problem, ended_at=at, stop_requested_at=None):
            continue  # it moved on meanwhile
        run.state, run.problem, run.ended_at = ImportRun.State.FAILED, problem, at
        ledger.write("people.import.given_up", workspace=run.workspace_id, about=run, at=at)


def end_exports(runs: Iterable[ExportRun], *, at: datetime) -> None:
    """The same for exports."""
    waiting = [run for run in runs if run.state in _EXPORTING]
    for run in _lost(waiting, _EXPORT_JOBS):
        problem = _("Writing the file broke off several times and was given up. Go on to try again.")
        rows = ExportRun.objects.of(run.workspace_id).filter(pk=run.pk, state=run.state)
        if not rows.update(state=ExportRun.State.FAILED, problem=problem, ended_at=at):
            continue
        run.state, run.problem, run.ended_at = ExportRun.State.FAILED, problem, at
        ledger.write("people.export.given_up", workspace=run.workspace_id, about=run, at=at)


def _lost[Run: (ImportRun, ExportRun)](waiting: list[Run], names: tuple[str, ...]) -> list[Run]:
    if not waiting:
        return []
    alive = jobs.under_way(names, argument="run", among=[str(run.pk) for run in waiting])
    return [run for run in waiting if str(run.pk) not in alive]


def sweep(workspace: UUID, *, at: datetime) -> None:
    with tenancy.inside(workspace):
        end_imports(list(ImportRun.objects.of(workspace).filter(state__in=_AT_WORK)), at=at)
        end_exports(list(ExportRun.objects.of(workspace).filter(state__in=_EXPORTING)), at=at)


def sweep_all() -> None:
    for workspace in access.workspace_ids():
        sweep(workspace, at=clock.now())
