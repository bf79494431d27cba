"""Message-IDs of our own mails: made before the first try, and such that nobody can make one up.

`<reference.mark@domain>`: the mark is a keyed hash over workspace, reference and recipient. An answer, a bounce or a complaint that names
it comes from somebody who has the mail; a forged In-Reply-To joins nobody's thread.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from uuid import UUID

from django.utils.crypto import constant_time_compare, salted_hmac

_OURS = re.compile(r"<([0-9a-f]{32})\.([0-9a-f]{20})@[^<>@\s]{1,200}>")
_ID = re.compile(r"<[^<>\s]{1,248}>")
#: So many ids of earlier mails are looked at.
MOST = 50


def make(reference: UUID, *, workspace_id: UUID, to: str, domain: str) -> str:
    """The Message-ID of the mail with this reference to this recipient."""
    return f"<{reference.hex}.{_mark(reference, workspace_id, to)}@{domain}>"


def reference_in(message_id: str) -> UUID | None:
    """The reference in an id that looks like ours; whether it is, `is_ours` tells."""
    found = _OURS.fullmatch(message_id)
    return UUID(found[1]) if found else None


def is_ours(message_id: str, *, workspace_id: UUID, to: str) -> bool:
    """Whether this workspace made the id, for a mail to this recipient."""
    found = _OURS.fullmatch(message_id)
    return found is not None and constant_time_compare(found[2], _mark(UUID(found[1]), workspace_id, to))


def listed(*headers: str) -> list[str]:
    """The ids in headers such as References, in order, each once, at most `MOST`."""
    found: Iterable[str] = (one for header in headers for one in _ID.findall(header[:10_000]))
    return list(dict.fromkeys(found))[:MOST]


def _mark(reference: UUID, workspace_id: UUID, to: str) -> str:
    said = f"{workspace_id.hex} {reference.hex} {to.strip().lower()}"
    return salted_hmac("amanat.messaging.mail_ids", said, algorithm="sha256").hexdigest()[:20]
