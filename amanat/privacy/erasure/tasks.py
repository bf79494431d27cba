"""Jobs of this part."""

from __future__ import annotations

from uuid import UUID

from amanat.accounts import access
from amanat.core import clock, jobs, tenancy
from amanat.privacy.erasure import children, erasing, recipients


@jobs.job(erasing.JOB, purpose="Erase people whose data must go, and search for what may be left of them")
def erase(workspace_id: UUID, erasure: str) -> None:
    erasing.carry_out(UUID(erasure), workspace_id=workspace_id)


@jobs.job(recipients.JOB, purpose="Tell those who received data of erased people to delete it too")
def tell_recipients(workspace_id: UUID, erasure: str) -> None:
    recipients.tell(UUID(erasure), workspace_id=workspace_id, at=clock.now())


@jobs.periodic("privacy.erasure.again", "*/10 * * * *", purpose="Go on with erasures whose job was lost or that waited")
def go_on() -> None:
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            waiting = erasing.unfinished(workspace_id)
        for erasure_id in waiting:
            erasing.carry_out(erasure_id, workspace_id=workspace_id)


@jobs.periodic(
    "privacy.erasure.confirm", "37 1 * * *", purpose="Read everything once more for people who were erased by day"
)
def confirm() -> None:
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            waiting = erasing.unconfirmed(workspace_id)
        for erasure_id in waiting:
            erasing.confirm(erasure_id, workspace_id=workspace_id)


@jobs.periodic("privacy.children", "* * * * *", purpose="Freeze what is known of children, and erase it on time")
def look_after_children() -> None:
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            children.sweep(workspace_id, at=clock.now())
