"""What makes a mail an answer for the program that the person reads it with: it names the mail that it answers and carries its subject."""

from __future__ import annotations

import re
from dataclasses import replace

from amanat.core.vault import VaultRefused
from amanat.messaging.channels.models import Channel
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.inbox.saying import Words

_IS_ANSWER = re.compile(r"(?:re|aw|sv|antw)\s*:", re.IGNORECASE)


def subject_of(thread: Thread | None) -> str:
    """What stands above an answer to the person's newest mail; "" where there is none or it had none."""
    newest = _newest(thread)
    if newest is None:
        return ""
    try:
        subject = bodies.open(newest, "subject")
    except VaultRefused:
        return ""
    return f"Re: {subject}" if subject and not _IS_ANSWER.match(subject) else subject


def as_answer(words: Words, *, channel: str, thread: Thread | None) -> Words:
    """`words` as an answer to the person's newest mail, with its subject where they bring none; as they are on other channels."""
    if channel != Channel.EMAIL or words.template is not None:
        return words
    return replace(words, answers=_newest(thread), subject=words.subject.strip() or subject_of(thread))


def _newest(thread: Thread | None) -> Message | None:
    if thread is None:
        return None
    theirs = Message.objects.of(thread.workspace_id).filter(
        thread=thread.pk, direction=Message.Direction.IN, channel=Channel.EMAIL
    )
    return theirs.order_by("-happened_at", "-id").first()
