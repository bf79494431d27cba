"""Accounts of the sandbox: they say who they are each time they are used, so a sandbox that was off or emptied knows them again."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any
from urllib.parse import urlencode, urlsplit

from django.conf import settings
from django.urls import reverse

from amanat.core import configuration, outgoing
from amanat.core.outgoing import Refused, Unreachable
from amanat.messaging.channels.contract import Access
from amanat.messaging.channels.models import Channel, ChannelAccount

RECIPIENT = "sandbox"


def has_other_side(account: ChannelAccount) -> bool:
    """Whether its messages stay with our own double, and a page shows who gets them. A mailbox may be of another test server."""
    return account.is_sandbox and (account.channel != Channel.EMAIL or not account.settings.get("smtp_host"))


def introduce(access: Access, *, has_past: bool = True) -> None:
    """Tell the sandbox a WhatsApp number, its keys, and where it calls us; `has_past`: people may have written to it before.

    One that it knows already stays as it is. Raises Unreachable while the sandbox is off.
    """
    keys = {
        "id": access.settings["phone_number_id"],
        "waba_id": access.settings["waba_id"],
        "token": access.secrets["token"],
        "app_secret": access.secrets["app_secret"],
    }
    _told("numbers", {**keys, "display": access.address, "if_new": True, "has_past": has_past, **_near(access)})


def introduce_header(access: Access) -> None:
    """Tell the sandbox a header of text messages: its key, and where reports are heard. Raises Unreachable while it is off."""
    near = _near(access)
    callback = f"{near['callback']}?{urlencode({'key': access.secrets['verify_token']})}"
    _told("sms/account", {"id": access.secrets["key"], "callback": callback, "host": near["host"]})


def introduce_mailbox(access: Access) -> int:
    """Tell the sandbox whose mailbox an address is; returns the validity of its numbers. Raises Unreachable while it is off."""
    said = _told("mail/mailbox", {"address": access.address, "key": access.secrets["smtp_password"]})
    return int(said["validity"])


def introduce_again(access: Access) -> None:
    """Before a header is used. Whatever is wrong, what follows says it in its own way."""
    if access.is_sandbox and "url" not in access.settings:
        with suppress(Unreachable, Refused, KeyError):
            introduce_header(access)


def _told(act: str, wanted: Mapping[str, Any]) -> dict[str, Any]:
    answer = outgoing.send(
        "POST", f"{settings.SANDBOX_URL}/control/{act}", recipient=RECIPIENT, json=wanted, timeout=3.0
    )
    if not answer.is_success:
        raise Unreachable("The sandbox did not take the account.", reason=answer.text, may_have_arrived=True)
    taken: dict[str, Any] = answer.json()
    return taken


def _near(access: Access) -> dict[str, str]:
    """Where the sandbox calls us: on this machine, whatever the site is called outside."""
    path = reverse("messaging:channel_hook", args=[access.workspace_id, access.account_id])
    host = urlsplit(str(settings.BASE_URL)).netloc
    return {"callback": f"http://127.0.0.1:{configuration.current().port}{path}", "host": host}
