"""Jobs of the desk. (The rules of tasks in the sense of "to do" are in `todo.py`.)"""

from __future__ import annotations

from amanat.accounts import access
from amanat.core import clock, files, jobs, tenancy
from amanat.desk import services


@jobs.periodic(
    "desk.empty_bin", "20 3 * * *", purpose="Delete service records that lay in the bin for 30 days, with their papers"
)
def empty_bin() -> None:
    """Batch after batch in each workspace, one transaction a batch, so that it may be stopped anywhere."""
    for workspace_id in access.workspace_ids():
        while True:
            with tenancy.inside(workspace_id):
                if services.purge(workspace_id, at=clock.now()) == 0:
                    break


@jobs.periodic(
    "desk.sweep_files",
    "40 3 * * *",
    purpose="Remove what interrupted uploads left: unfinished rows, objects no row knows",
)
def sweep_files() -> None:
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            files.sweep(workspace_id)
