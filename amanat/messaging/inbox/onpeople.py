"""What the page of a contact shows of her conversation: the newest messages, and the way to write."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest
from amanat.core import clock
from amanat.messaging.inbox import listing
from amanat.messaging.inbox.models import Message
from amanat.people import cards
from amanat.people.models import Company, Contact

SHOWN = 3
_READ = "messaging.newest"
_NEWEST = """
SELECT m.id, m.direction, m.kind, m.happened_at, encode(m.body, 'base64') AS body FROM messaging_thread t
JOIN messaging_message m ON m.workspace_id = t.workspace_id AND m.thread_id = t.id
WHERE t.workspace_id = %s AND t.contact_id = %s AND m.kind <> 'reaction' ORDER BY m.happened_at DESC, m.id DESC LIMIT %s
"""


def reads(request: MemberRequest, person: Contact | Company) -> Mapping[str, cards.Read]:
    return {_READ: (_NEWEST, [request.workspace.pk, person.pk, SHOWN])}


def card(request: MemberRequest, person: Contact | Company) -> dict[str, Any]:
    now = clock.now()
    who = {
        Message.Direction.IN: person.name,
        Message.Direction.OUT: request.workspace.name,
        Message.Direction.NOTE: _("Private note"),
    }
    return {
        "url": reverse("messaging:write_to", args=[person.pk]),
        "lines": [
            {
                "text": listing.snippet(
                    base64.b64decode(row["body"]) if row["body"] else None, row["kind"], "",
                    workspace_id=request.workspace.pk, message_id=UUID(row["id"]),
                ),
                "who": who[row["direction"]],
                "at": listing.when(datetime.fromisoformat(row["happened_at"]), now=now),
            }
            for row in cards.rows(request, _READ)
        ],
    }  # fmt: skip
