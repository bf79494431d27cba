"""Jobs of copies."""

from __future__ import annotations

from uuid import UUID

from amanat.accounts import access
from amanat.core import clock, jobs
from amanat.privacy.copies import making


@jobs.job(making.JOB, purpose="Write the copy of everything about a person that was asked for")
def make_copy(workspace_id: UUID, copy: str) -> None:
    making.make(UUID(copy), workspace_id=workspace_id)


@jobs.periodic("privacy.copies.expire", "23 * * * *", purpose="Destroy copies of people's data whose time is over")
def expire_copies() -> None:
    for workspace_id in access.workspace_ids():
        making.expire_due(workspace_id, at=clock.now())
        making.order_lost_again(workspace_id, at=clock.now())
