"""Jobs of people."""

from __future__ import annotations

from uuid import UUID

from amanat.core import jobs
from amanat.people.importing import runs, undo


@jobs.job("people.import", purpose="Bring in the people of a file that a member uploaded")
def import_file(workspace_id: UUID, run: str) -> None:
    runs.work(workspace_id, UUID(run))


@jobs.job("people.import.undo", purpose="Take back an import that a member wants undone")
def undo_import(workspace_id: UUID, run: str) -> None:
    undo.work(workspace_id, UUID(run))
