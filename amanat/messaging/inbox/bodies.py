"""What was said, at rest: sealed with the workspace's key, each text bound to its message, and found again by keyed hashes of its words.

Nothing readable of a conversation stands in the database, in its backups or in its logs of writes. What is sealed cannot be searched, so
each message has, beside it, 64-bit hashes of its words under a key of the workspace (docs/decisions/0019): in Latin letters and by
sound, as names are found, so that हाँ, haan and han meet.
"""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterable, Mapping
from typing import Literal
from uuid import UUID

from django.db import connection

from amanat.accounts.models import Member
from amanat.core import vault
from amanat.messaging.inbox.models import Message, MessageWords, ReplyDraft
from amanat.people import script

type Field = Literal["body", "subject", "html", "choices"]

#: Bytes of UTF-8 that are kept of a text; what a mail has beyond is cut off.
MOST_BYTES = 110_000
MOST_SUBJECT = 1_500
#: Words beyond these are not looked for.
MOST_WORDS, MOST_ASKED = 300, 8
PURPOSE = "messaging.words"


def seal(text: str, *, workspace_id: UUID, message_id: UUID, field: Field = "body") -> bytes | None:
    """The sealed text, None for an empty one; `message_id` is the row it will stand in."""
    if not text:
        return None
    return vault.seal_text(text, workspace_id=workspace_id, context=_place(message_id, field))


def open(message: Message, field: Field = "body") -> str:
    """The text of a message, "" where there is none. Raises vault.VaultRefused when it is not as it was sealed."""
    return opened(getattr(message, field), workspace_id=message.workspace_id, message_id=message.pk, field=field)


def opened(
    token: bytes | memoryview | None, *, workspace_id: UUID, message_id: UUID, field: Field = "body"
) -> str:  # fmt: skip
    """The same, for values that were read without their row."""
    if not token:
        return ""
    return vault.open_text(token, workspace_id=workspace_id, context=_place(message_id, field))


def cut(text: str, most_bytes: int = MOST_BYTES) -> str:
    """As much of the beginning as is kept, without half a letter at the end, and without the one character no database takes."""
    text = text.replace("\x00", "")
    encoded = text.encode(errors="replace")
    return text if len(encoded) <= most_bytes else encoded[:most_bytes].decode(errors="ignore")


def seal_draft(text: str, subject: str, draft: ReplyDraft, offer: Mapping[str, str] | None = None) -> bytes:
    said = json.dumps([text, subject, dict(offer or {})], ensure_ascii=False)
    return vault.seal_text(said, workspace_id=draft.workspace_id, context=place_of_draft(draft))


def open_draft(
    token: bytes | memoryview | None, *, workspace_id: UUID, draft_id: UUID
) -> tuple[str, str, dict[str, str]]:
    """Text and subject of a draft, and what was typed into the choices below it, by the name of its field."""
    if not token:
        return "", "", {}
    context = vault.context("messaging.ReplyDraft.body", draft_id)
    text, subject, *offer = json.loads(vault.open_text(token, workspace_id=workspace_id, context=context))
    return text, subject, offer[0] if offer else {}  # one of before there were choices has two parts


def place_of_draft(draft: ReplyDraft) -> str:
    return vault.context("messaging.ReplyDraft.body", draft.pk)


def _place(message_id: UUID, field: str) -> str:
    return vault.context(f"messaging.Message.{field}", message_id)


def declare_sealed() -> None:
    """Tell the vault where sealed texts lie."""
    vault.register_sealed(Message, "body", lambda row: _place(row.pk, "body"))
    vault.register_sealed(Message, "subject", lambda row: _place(row.pk, "subject"))
    vault.register_sealed(Message, "html", lambda row: _place(row.pk, "html"))
    vault.register_sealed(Message, "choices", lambda row: _place(row.pk, "choices"))
    vault.register_sealed(ReplyDraft, "body", place_of_draft)


# --- finding -------------------------------------------------------------------------------------------------------


def words_of(message: Message, *texts: str) -> MessageWords:
    """The row by which a message is found, unsaved; of a message that stands in a thread."""
    assert message.contact_id is not None
    forms = dict.fromkeys(form for text in texts for form in script.search_text(text).split())
    hashes = _hashes(list(forms)[:MOST_WORDS], message.workspace_id)
    return MessageWords(
        id=message.pk,
        workspace_id=message.workspace_id,
        message_id=message.pk,
        contact_id=message.contact_id,
        words=sorted(set(hashes)),
    )


def find(
    query: str, *, member: Member, contact_id: UUID | None = None, before: UUID | None = None, limit: int = 30
) -> list[UUID]:
    """Ids of the messages that have every word of `query`, newest first, of people `member` may see. One statement."""
    words = script.query_words(query[:200])[:MOST_ASKED]
    wanted = [_hashes(script.search_text(word.original).split(), member.workspace_id) for word in words]
    wanted = [forms for forms in wanted if forms]
    if not wanted:
        return []
    owner, teams = (None, None) if member.sees_all else (member.pk, list(member.team_ids))
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM find_messages(%s::jsonb, %s::uuid, %s::uuid[], %s::uuid, %s::uuid, %s)",
            [json.dumps(wanted), owner, teams, contact_id, before, limit],
        )
        return [row[0] for row in cursor.fetchall()]


def holding(phrase: str, *, workspace_id: UUID, limit: int) -> list[UUID]:
    """Ids of messages of the workspace that have all words of a phrase, in whatever order; newest first. Needs its transaction.

    The parts of an address are words of their own: whoever writes "gmail" has not written down somebody's address there.
    """
    words = [_hashes(script.search_text(word.original).split(), workspace_id) for word in script.query_words(phrase)]
    words = [forms for forms in words if forms]
    if not words:
        return []
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT id FROM find_messages(%s::jsonb, NULL, NULL, NULL, NULL, %s)",
            [json.dumps(words[:MOST_ASKED]), limit],
        )
        return [row[0] for row in cursor.fetchall()]


def _hashes(forms: Iterable[str], workspace_id: UUID) -> list[int]:
    key = vault.fingerprint_key(workspace_id, purpose=PURPOSE)
    return [struct.unpack(">q", hashlib.blake2b(form.encode(), key=key, digest_size=8).digest())[0] for form in forms]
