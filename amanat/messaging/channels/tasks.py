"""Jobs of the channels."""

from __future__ import annotations

from uuid import UUID

from amanat.accounts import access
from amanat.core import clock, jobs
from amanat.messaging.channels import checking, mail_tasks

__all__ = ["mail_tasks"]


@jobs.job(checking.LOOK, purpose="Ask a message provider whether an account works and how its texts stand")
def look(workspace_id: UUID, account: str) -> None:
    checking.look(workspace_id, UUID(account))


@jobs.job(checking.SUBMIT, purpose="Hand a message template in for approval")
def submit(workspace_id: UUID, text: str) -> None:
    checking.submit(workspace_id, UUID(text))


@jobs.periodic("channels.look_after", "17 * * * *", purpose="Look each hour whether the message channels work")
def look_after() -> None:
    for workspace_id in access.workspace_ids():
        checking.look_after(workspace_id, at=clock.now())
