"""Jobs of this part."""

from __future__ import annotations

import logging
from uuid import UUID

from amanat.accounts import access
from amanat.accounts.models import Member
from amanat.core import clock, jobs, tenancy
from amanat.privacy.closing import workspaces
from amanat.privacy.retention import house, sweeping
from amanat.publishing import versions

log = logging.getLogger(__name__)


@jobs.job("privacy.retention", purpose="Delete what the policy says has ended, because a member asked for it now")
def sweep_one(workspace_id: UUID, member: str = "") -> None:
    by = None
    if member:
        with tenancy.inside(workspace_id):
            by = Member.objects.of(workspace_id).filter(pk=UUID(member)).first()
    sweeping.run(workspace_id, at=clock.now(), by=by)


@jobs.periodic(
    "privacy.retention.daily", "45 3 * * *", purpose="Delete what the policies say has ended, tell people before"
)
def sweep_all() -> None:
    """One workspace that fails does not keep the others waiting; its page and probes say so."""
    for workspace_id in access.workspace_ids():
        try:
            sweeping.run(workspace_id, at=clock.now())
        except versions.NoWorkspace:
            continue  # it was closed for good while others were swept
        except Exception:
            log.exception("a sweep failed", extra={"workspace": str(workspace_id)})


@jobs.periodic(
    "privacy.house.daily", "15 4 * * *", purpose="Delete sign-ins and accounts whose time is over, tell users before"
)
def sweep_house() -> None:
    house.sweep(at=clock.now())


@jobs.periodic(
    "privacy.closing", "20 * * * *", purpose="Delete the workspaces whose closing is due, with their files and keys"
)
def close_workspaces() -> None:
    workspaces.close_due(at=clock.now())
