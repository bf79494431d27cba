"""Jobs of this part."""

from __future__ import annotations

from uuid import UUID

from amanat.accounts import access
from amanat.core import jobs, tenancy
from amanat.messaging.inbox import fetching, threads
from amanat.messaging.inbox.arriving import FETCH


@jobs.job(FETCH, purpose="Fetch the file that a person sent with a message from the provider that holds it.")
def fetch(workspace_id: UUID, *, file: str) -> None:
    fetching.fetch(UUID(file), workspace_id=workspace_id)


@jobs.job(fetching.RECEIPT, purpose="Tell a person, where the channel can, that her message was read.", tries=2)
def receipt(workspace_id: UUID, *, thread: str) -> None:
    fetching.tell_read(UUID(thread), workspace_id=workspace_id)


@jobs.periodic(
    "messaging.inbox.recount", "37 * * * *", purpose="Keep the figure of unread conversations true after deletions."
)
def recount() -> None:
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            threads.recount(workspace_id)
