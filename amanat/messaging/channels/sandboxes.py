"""Numbers of the sandbox: they say who they are each time they are used, so a sandbox that was off or emptied knows them again."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from amanat.core import configuration, outgoing
from amanat.core.outgoing import Unreachable
from amanat.messaging.channels.contract import Access

RECIPIENT = "sandbox"


def introduce(access: Access, *, has_past: bool = True) -> None:
    """Tell the sandbox the number, its keys, and where it calls us; `has_past`: people may have written to it before.

    One that it knows already stays as it is. Raises Unreachable while the sandbox is off.
    """
    wanted = {
        "id": access.settings["phone_number_id"],
        "waba_id": access.settings["waba_id"],
        "token": access.secrets["token"],
        "app_secret": access.secrets["app_secret"],
        "display": access.address,
        "if_new": True,
        "has_past": has_past,
        **_near(access),
    }
    url = f"{settings.SANDBOX_URL}/control/numbers"
    answer = outgoing.send("POST", url, recipient=RECIPIENT, json=wanted, timeout=3.0)
    if not answer.is_success:
        raise Unreachable("The sandbox did not take the number.", reason=answer.text, may_have_arrived=True)


def _near(access: Access) -> dict[str, str]:
    """Where the sandbox calls us: on this machine, whatever the site is called outside."""
    path = reverse("messaging:channel_hook", args=[access.workspace_id, access.account_id])
    host = urlsplit(str(settings.BASE_URL)).netloc
    return {"callback": f"http://127.0.0.1:{configuration.current().port}{path}", "host": host}
