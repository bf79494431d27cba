"""Jobs of notifications."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from amanat.core import jobs
from amanat.messaging.push import telling
from amanat.messaging.push.telling import What


@jobs.job(telling.TELL, purpose="Work out which members are told that a conversation waits for them.")
def tell(workspace_id: UUID, *, what: str, thread: str, member: str, use_by: str) -> None:
    telling.tell(
        workspace_id, what=What(what), thread_id=UUID(thread), member_id=UUID(member) if member else None,
        use_by=datetime.fromisoformat(use_by),
    )  # fmt: skip


@jobs.job(
    telling.DELIVER,
    purpose="Hand a notification, sealed for one browser of a member, to the push service of that browser.",
)
def deliver(workspace_id: UUID, *, device: str, what: str, thread: str, use_by: str, tries: int) -> None:
    telling.deliver(
        workspace_id, device_id=UUID(device), what=What(what), thread_id=UUID(thread),
        use_by=datetime.fromisoformat(use_by), tries=tries,
    )  # fmt: skip
