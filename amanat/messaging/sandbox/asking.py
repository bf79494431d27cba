"""What the pages of the other side order of the doubles: with the key of an account, for that account."""

from __future__ import annotations

from typing import Any

from django.conf import settings

from amanat.core import outgoing
from amanat.core.outgoing import Refused, Unreachable
from amanat.messaging.channels import sandboxes


class SandboxOff(Exception):
    """Nobody answers where the sandbox should be, or it lost its record of this account."""


def order(act: str, key: str, wanted: dict[str, Any]) -> dict[str, Any]:
    """Raises SandboxOff."""
    try:
        answer = outgoing.send(
            "POST",
            f"{settings.SANDBOX_URL}/control/{act}",
            recipient=sandboxes.RECIPIENT,
            headers={"authorization": f"Bearer {key}"},
            json=wanted,
            timeout=3.0,
        )
        if not answer.is_success:
            raise SandboxOff
        found: dict[str, Any] = answer.json()
    except (Unreachable, Refused, ValueError):
        raise SandboxOff from None
    return found
