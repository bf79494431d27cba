"""Reactions of ours: the emoji that a member puts on a message of a person, changes, and takes away again.

One leaves by the outbox like every message, but it is no answer: nobody is assigned by it, nothing counts as read, and who waits goes on waiting.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.models import Member
from amanat.core import ids, ledger
from amanat.messaging.channels.models import Channel
from amanat.messaging.inbox import bodies, saying, threads
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.inbox.saying import SayRefused
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.models import Dispatch
from amanat.people.models import Contact

#: What may be put on a message, with the words that a screen reader says.
EMOJIS: Final = {
    "👍": gettext_lazy("Thumbs up"), "❤️": gettext_lazy("Heart"), "😂": gettext_lazy("Laughing"),
    "😮": gettext_lazy("Astonished"), "😢": gettext_lazy("Sad"), "🙏": gettext_lazy("Thank you"),
}  # fmt: skip
#: WhatsApp takes no reaction to a message that is older (Cloud API, "Reaction messages", November 2026).
OLDEST = timedelta(days=30)
_State = Dispatch.State


def palette() -> list[tuple[str, str]]:
    """Each emoji with its name in the language of the page."""
    return [(emoji, str(name)) for emoji, name in EMOJIS.items()]


def why_not(message: Message, thread: Thread, at: datetime) -> str:
    """Why no reaction can be put on a message now, in words; "" where one can."""
    is_theirs = message.direction == Message.Direction.IN and message.kind != Message.Kind.REACTION
    if not is_theirs or message.channel != Channel.WHATSAPP or not message.provider_id:
        return _("A reaction goes only on what the person wrote on WhatsApp.")
    if message.account_id != thread.window_account_id or not saying.is_window_open(thread, at):
        return _(
            "It is more than 24 hours since this person wrote on WhatsApp: no reaction goes until the next message."
        )
    if at - message.happened_at > OLDEST:
        return _("WhatsApp takes no reaction to a message older than 30 days.")
    return ""


def react(*, message: Message, emoji: str, by: Member, at: datetime) -> Message | None:
    """Put `emoji` on the message instead of what is there of ours, or take that away with "".

    Returns our reaction as it is now; None where there was none to take away. Raises SayRefused.
    """
    here = message.workspace_id
    assert message.thread_id is not None
    with transaction.atomic(), threads.changing(message.thread_id, workspace_id=here) as thread:
        if emoji and emoji not in EMOJIS:
            raise SayRefused(_("Choose one of the emojis that are offered."))
        if trouble := why_not(message, thread, at):
            raise SayRefused(trouble)
        last = _last(message)
        if emoji == (bodies.open(last) if last else ""):
            return last
        account = message.account
        assert account is not None  # it came over one
        saying.require_working(account)
        contact = Contact.objects.of(here).get(pk=thread.contact_id)
        reaction = Message(
            id=ids.new(), workspace_id=here, thread_id=thread.pk, contact_id=thread.contact_id, channel=message.channel, account=account,
            direction=Message.Direction.OUT, kind=Message.Kind.REACTION, by=by, answers=message, happened_at=at, created_at=at,
        )  # fmt: skip
        reaction.body = bodies.seal(emoji, workspace_id=here, message_id=reaction.pk)
        reaction.save(force_insert=True)
        ordering.order(
            message=reaction, account=account, address=saying.address_of(thread, contact, message.channel),
            purpose=saying.SERVICE, source=saying.REPLY, due_at=at, use_by=thread.window_until, urgency=0,
        )  # fmt: skip
        ledger.write(
            "messaging.message.written", workspace=here, by=by, about=thread.contact_id, at=at, channel=message.channel,
            kind=reaction.kind, source=saying.REPLY, purpose=saying.SERVICE,
        )  # fmt: skip
    return reaction


def _last(message: Message) -> Message | None:
    """Our newest reaction to a message that did not surely fail."""
    here = message.workspace_id
    ours = Message.objects.of(here).filter(
        thread=message.thread_id, answers=message.pk, kind=Message.Kind.REACTION, direction=Message.Direction.OUT
    )
    failed = Dispatch.objects.of(here).filter(message__in=ours)
    failed = failed.filter(state__in=[_State.REFUSED, _State.DROPPED, _State.DEAD]) | failed.filter(
        delivery=Dispatch.Delivery.FAILED
    )
    found: Message | None = ours.exclude(pk__in=failed.values("message")).order_by("-happened_at", "-id").first()
    return found
