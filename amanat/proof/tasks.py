"""Jobs of proof."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from amanat.core import clock, jobs, tenancy
from amanat.proof import running, thinning

#: Workspaces that one tick looks at; those that wait longest come first, so none is forgotten.
BATCH = 500


@jobs.periodic("proof.look", "* * * * *", purpose="Find the promises that are due to be checked")
def look() -> None:
    """Workspaces with something to check get a job of their own, so that a big one holds up nobody."""
    for workspace_id in to_probe():
        with tenancy.inside(workspace_id):
            jobs.enqueue("proof.run_due", workspace=workspace_id, once=f"proof.run_due:{workspace_id}")


@jobs.job("proof.run_due", purpose="Check whether promises of the privacy policy are kept")
def run_due(workspace_id: UUID) -> None:
    running.run_due(workspace_id)
    thinning.thin_daily(workspace_id)


@jobs.job("proof.run_all", purpose="Check all promises of the privacy policy, because somebody asked")
def run_all(workspace_id: UUID, only: list[str] | None = None) -> None:
    running.run_all(workspace_id, only=only)


def to_probe() -> list[UUID]:
    """Ids of the workspaces where something is due."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspaces_to_probe(%s, %s)", [clock.now(), BATCH])
        return [row[0] for row in cursor.fetchall()]
