"""Jobs of publishing."""

from __future__ import annotations

from amanat.core import clock, jobs
from amanat.publishing import mails


@jobs.periodic("publishing.tell_of_versions", "* * * * *", purpose="Mail members of a new version of the policy")
def tell_of_versions() -> None:
    for workspace_id in mails.waiting():
        mails.send_due(workspace_id, at=clock.now())
