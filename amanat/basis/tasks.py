"""Jobs of basis."""

from __future__ import annotations

from uuid import UUID

from amanat.accounts import access
from amanat.basis import capturing, passcodes, telling
from amanat.core import clock, jobs, tenancy


@jobs.periodic("basis.sweep_codes", "50 * * * *", purpose="Delete codes of the public page a day after they were sent")
def sweep_codes() -> None:
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            passcodes.sweep(workspace_id, at=clock.now())
            capturing.sweep(workspace_id, at=clock.now())


@jobs.job(passcodes.SEND, purpose="Send a person the code for her own choices, where her address is known", tries=3)
def send_code(workspace_id: UUID, passcode: str, language: str) -> None:
    passcodes.deliver(workspace_id, UUID(passcode), language=language, at=clock.now())


@jobs.periodic("basis.look_for_people_to_tell", "* * * * *", purpose="Find people to mail about a new policy")
def look_for_people_to_tell() -> None:
    """Each workspace gets a job of its own, so that one with many people holds up nobody."""
    for workspace_id in telling.waiting(clock.now()):
        with tenancy.inside(workspace_id):
            jobs.enqueue("basis.tell_people", workspace=workspace_id, once=f"basis.tell_people:{workspace_id}")


@jobs.job("basis.tell_people", purpose="Mail people about a new policy before it holds")
def tell_people(workspace_id: UUID) -> None:
    telling.tell(workspace_id, at=clock.now())
