"""Links to one file, for one member and one purpose, alive for minutes and good for one opening.

The host that gives files out has no session, so the link itself says who may use it; the table of used links makes it
single.
"""

import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from django.core import signing
from django.db import connection

from amanat.core import clock
from amanat.core.models_files import UsedLink

LONGEST = timedelta(minutes=5)
_SALT = "amanat.core.filelinks"


class LinkRefused(Exception):
    """The link is not ours, was altered, has ended, is for something else, or was used before. Which is not told."""

    def __init__(self) -> None:
        super().__init__("This link does not work any more.")


@dataclass(frozen=True)
class FileLink:
    file_id: UUID
    workspace_id: UUID
    member_id: UUID
    purpose: str
    expires_at: datetime
    nonce: str


def link_token(
    file_id: UUID, *, workspace_id: UUID, member_id: UUID, purpose: str, expires_at: datetime | None = None
) -> str:
    """A token for a URL. It lives until `expires_at` (aware), by default and at most five minutes."""
    now = clock.now()
    ends = expires_at or now + LONGEST
    if not now < ends <= now + LONGEST:
        raise ValueError("a file link lives for five minutes at most")
    values = [file_id.hex, workspace_id.hex, member_id.hex, purpose, int(ends.timestamp()), secrets.token_hex(16)]
    return signing.Signer(salt=_SALT).sign_object(values)


def read_link_token(token: str, *, purpose: str) -> FileLink:
    """What a token says. Raises LinkRefused. Does not use it up: see `consume`."""
    try:
        file_id, workspace_id, member_id, meant, ends, nonce = signing.Signer(salt=_SALT).unsign_object(token)
        expires_at = datetime.fromtimestamp(ends, UTC)
    except (signing.BadSignature, ValueError, TypeError, OverflowError):
        raise LinkRefused from None
    if meant != purpose or expires_at <= clock.now():
        raise LinkRefused
    return FileLink(UUID(file_id), UUID(workspace_id), UUID(member_id), meant, expires_at, nonce)


def consume(link: FileLink) -> None:
    """Use the link up, in one statement: of any number of openings at once one succeeds, the others get LinkRefused."""
    # bulk_create(ignore_conflicts=True) would not tell whether it inserted.
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO core_usedlink (nonce, expires_at) VALUES (%s, %s) ON CONFLICT DO NOTHING",
            [link.nonce, link.expires_at],
        )
        if cursor.rowcount != 1:
            raise LinkRefused


def forget_used() -> int:
    """Drop the marks of links that have ended anyway."""
    return UsedLink.objects.filter(expires_at__lt=clock.now() - LONGEST).delete()[0]
