"""Jobs of the rights desk."""

from __future__ import annotations

from amanat.accounts import access
from amanat.core import clock, jobs
from amanat.privacy.requests import following


@jobs.periodic(
    "privacy.requests.watch", "*/5 * * * *",
    purpose="Remind owners of requests whose time runs out, and finish those whose copy or erasure is done",
)  # fmt: skip
def watch_requests() -> None:
    following.sweep(access.workspace_ids(), at=clock.now())
