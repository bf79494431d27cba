"""Jobs of people."""

from __future__ import annotations

from uuid import UUID

from amanat.accounts import access
from amanat.core import clock, jobs, tenancy
from amanat.people import bin as deleted
from amanat.people import duplicates, exporting, lost_runs, merging
from amanat.people.importing import runs, undo, working


@jobs.job("people.import", purpose="Bring in the people of a file that a member uploaded")
def import_file(workspace_id: UUID, run: str) -> None:
    working.work(workspace_id, UUID(run))


@jobs.job("people.import.undo", purpose="Take back an import that a member wants undone")
def undo_import(workspace_id: UUID, run: str) -> None:
    undo.work(workspace_id, UUID(run))


@jobs.job("people.export", purpose="Write the file of an export that a member asked for")
def export(workspace_id: UUID, run: str) -> None:
    exporting.work(workspace_id, UUID(run))


@jobs.job("people.duplicates", purpose="Look for contacts that are probably one person")
def look_for_duplicates(workspace_id: UUID) -> None:
    duplicates.refresh(workspace_id)


@jobs.periodic("people.duplicates.nightly", "41 2 * * *", purpose="Look for duplicates in large workspaces each night")
def look_everywhere() -> None:
    for workspace in access.workspace_ids():
        with tenancy.inside(workspace):
            small = duplicates.is_small(workspace)
        if not small:
            duplicates.refresh(workspace)


@jobs.periodic("people.bin.empty", "17 3 * * *", purpose="Remove for good what has waited 30 days in the bin")
def empty_bins() -> None:
    deleted.empty_all()


@jobs.periodic("people.exports.expire", "7 * * * *", purpose="Delete the files of exports after 24 hours")
def expire_exports() -> None:
    exporting.expire_all()


@jobs.periodic("people.runs.lost", "*/10 * * * *", purpose="End imports and exports whose work was given up, in words")
def end_lost_runs() -> None:
    lost_runs.sweep_all()


@jobs.periodic(
    "people.leftovers", "27 3 * * *", purpose="Forget old uploads and what old merges keep for their undoing"
)
def forget_leftovers() -> None:
    for workspace in access.workspace_ids():
        with tenancy.inside(workspace):
            merging.forget_old(workspace, at=clock.now())
            runs.forget_old_files(workspace, at=clock.now())
