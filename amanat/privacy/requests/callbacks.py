"""An agent's program hears how a request stands (Data Rights Protocol, section 2.02: `status_callback`), at the host of the agent itself.

What is sent is the Exercise Status object and nothing else: numbers, days and a state. A signed message may name any address; only one on
the agent's own host, as the workspace registered it, is called, and never without TLS. It is no disclosure to a third party: the person
sent the agent.
"""

from __future__ import annotations

from urllib.parse import urlsplit
from uuid import UUID

from amanat.accounts.models import Workspace
from amanat.core import ledger, outgoing, tenancy
from amanat.privacy.registers.contracts import ANSWERS
from amanat.privacy.requests import agents
from amanat.privacy.requests.models import RightsRequest

_TIMEOUT, _MOST_BYTES = 10.0, 10_000


def register() -> None:
    """Called once, when the site starts: the host is checked here, against the agent."""
    outgoing.register_recipient(ANSWERS, hosts=(outgoing.ANY_PUBLIC_HOST,))


def is_its_own(url: str, web_url: str) -> bool:
    """Whether an address is one of the agent: https, at its host or below it."""
    try:
        asked, own = urlsplit(url), urlsplit(web_url if "//" in web_url else f"https://{web_url}")
        host, home = (asked.hostname or "").rstrip("."), (own.hostname or "").rstrip(".")
    except ValueError:
        return False
    is_plain = asked.username is None and asked.password is None
    return asked.scheme == "https" and is_plain and bool(home) and (host == home or host.endswith(f".{home}"))


def call(request_id: UUID, *, workspace_id: UUID) -> int | None:
    """Tell the program how the request stands now. Returns what it answered, None when there is nobody to tell.

    Raises outgoing.Unreachable, so that the job is tried again, also for an answer that says "later".
    """
    with tenancy.inside(workspace_id):
        request = RightsRequest.objects.of(workspace_id).select_related("agent").filter(pk=request_id).first()
        if request is None or request.agent is None or request.agent.ended_at is not None:
            return None
        if not is_its_own(request.callback, request.agent.web_url):
            return None
        url, said = request.callback, agents.state_of(request)
    answer = outgoing.send(
        "POST", url, recipient=ANSWERS, json=said, timeout=_TIMEOUT, max_bytes=_MOST_BYTES, about=request_id
    )
    if answer.status >= 500 or answer.status == 429:
        raise outgoing.Unreachable(
            "The agent's program answers later.", reason=f"status {answer.status}", may_have_arrived=True
        )
    with tenancy.inside(workspace_id):
        workspace = Workspace.objects.of(workspace_id).get(pk=workspace_id)
        ledger.write(
            "privacy.request.agent_told",
            workspace=workspace,
            about=request,
            status=answer.status,
            state=str(said["status"]),
        )
    return answer.status


__all__ = ["call", "is_its_own", "register"]
