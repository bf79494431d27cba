"""Jobs of the rights desk."""

from __future__ import annotations

from uuid import UUID

from amanat.accounts import access
from amanat.core import clock, jobs
from amanat.privacy.requests import asking, callbacks, following


@jobs.periodic(
    "privacy.requests.watch", "*/5 * * * *",
    purpose="Remind owners of requests whose time runs out, and finish those whose copy or erasure is done",
)  # fmt: skip
def watch_requests() -> None:
    following.sweep(access.workspace_ids(), at=clock.now())


@jobs.job(asking.CALLBACK, purpose="Tell the program of a person's agent how her request stands")
def tell_agent(workspace_id: UUID, request: str) -> None:
    callbacks.call(UUID(request), workspace_id=workspace_id)
