"""Rows of the inbox for tests, made by the rules that make them in life."""

from __future__ import annotations

from datetime import datetime
from itertools import count
from typing import Any

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.messaging.channels.contract import Arrived
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import arriving
from amanat.messaging.inbox.models import Message

SUNITA = "+919822041736"
_number = count(1)


def make_account(workspace: Workspace, channel: str = "whatsapp", **fields: Any) -> ChannelAccount:
    """An account whose adapter nobody asks anything."""
    fields.setdefault("address", f"+9125325{next(_number):05d}")
    fields.setdefault("name", "Counter")
    with tenancy.inside(workspace):
        return ChannelAccount.objects.create(
            workspace_id=workspace.pk, channel=channel, provider="nobody", is_default=True, is_sandbox=True, **fields
        )


def arrive(
    workspace: Workspace, account: ChannelAccount, text: str = "Haan, Monday ko aati hoon", *, sender: str = SUNITA,
    at: datetime | None = None, provider_id: str = "", **said: Any,
) -> Message | None:  # fmt: skip
    """A message of a person, as an adapter hands it over."""
    arrived = Arrived(
        provider_id=provider_id or f"wamid.{next(_number)}", sender=sender, at=at or clock.now(), text=text, **said
    )
    with tenancy.inside(workspace):
        return arriving.take_in(workspace_id=workspace.pk, account=account, arrived=arrived)


def came(*args: Any, **said: Any) -> Message:
    """The same, where it is known to be new."""
    message = arrive(*args, **said)
    assert message is not None
    return message
