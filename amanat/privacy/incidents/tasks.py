"""Jobs of incidents."""

from __future__ import annotations

from uuid import UUID

from amanat.core import clock, jobs
from amanat.privacy.incidents import reporting, telling


@jobs.job(reporting.JOB, purpose="Tell the people whom a breach touched")
def tell_people(workspace_id: UUID, incident: str, by: str) -> None:
    telling.tell_people(UUID(incident), workspace_id=workspace_id, by=UUID(by), at=clock.now())


@jobs.periodic(
    "privacy.incident.warnings", "*/5 * * * *", purpose="Warn owners before a period after a breach is broken"
)
def warn() -> None:
    reporting.warn_due(at=clock.now())
