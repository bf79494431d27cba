"""Jobs of basis."""

from __future__ import annotations

from amanat.accounts import access
from amanat.basis import capturing, passcodes
from amanat.core import clock, jobs, tenancy


@jobs.periodic("basis.sweep_codes", "50 * * * *", purpose="Delete codes of the public page a day after they were sent")
def sweep_codes() -> None:
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            passcodes.sweep(workspace_id, at=clock.now())
            capturing.sweep(workspace_id, at=clock.now())
