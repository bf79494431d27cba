"""Codes of six digits: made, hashed, compared, and sent to a phone or a mailbox."""

from __future__ import annotations

import hmac
import secrets
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage

from amanat.core import outbox, vault

_DIGITS = 6


def new() -> str:
    return f"{secrets.randbelow(10**_DIGITS):0{_DIGITS}}"


def digest(code: str, of: UUID, *, workspace_id: UUID) -> bytes:
    """What is kept of a code: a keyed hash, bound to the row it belongs to."""
    return vault.fingerprint(f"{of}:{code}", workspace_id=workspace_id, purpose="code")


def is_right(typed: str, kept: bytes | memoryview | None, of: UUID, *, workspace_id: UUID) -> bool:
    """Whether somebody typed the code, with whatever spaces and words around it. Nothing fits where none is kept."""
    plain = "".join(character for character in typed if character.isdecimal())
    return kept is not None and hmac.compare_digest(digest(plain, of, workspace_id=workspace_id), bytes(kept))


def deliver(to: str, *, subject: str, body: str) -> None:
    """Send a text to an address, which is a number in E.164 or an e-mail address. Raises outbox.NotSent."""
    if "@" in to:
        try:
            EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [to]).send()
        except OSError as error:  # what smtplib raises; its own words may name the address
            raise outbox.NotSent(type(error).__name__) from None
    else:
        outbox.send_text(to, body)
