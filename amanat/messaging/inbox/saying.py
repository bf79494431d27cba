"""What the workspace says to a person: a message in her thread, and its sending through the outbox in the same transaction.

What a channel allows is checked here, in words for who writes: a number or mailbox is connected, the person can be reached that way,
and outside WhatsApp's window only an approved template goes. Whether it *may* be sent, the gate says when it leaves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.basis import rules
from amanat.core import files, filetypes, ids, ledger
from amanat.messaging.channels import accounts, sms, templates, whatsapp_payloads
from amanat.messaging.channels.models import Channel, ChannelAccount, TemplateText
from amanat.messaging.inbox import bodies, choices, threads
from amanat.messaging.inbox.arriving import FILES, MOST_FILES
from amanat.messaging.inbox.choices import Offer, Problem
from amanat.messaging.inbox.models import Message, MessageFile, Thread
from amanat.messaging.outbox import ordering
from amanat.people import timeline
from amanat.people.models import Contact, Email, Phone

#: Characters of a free text by channel; SMS: ten parts of one message.
MOST: dict[str, int] = {Channel.WHATSAPP: 4_096, Channel.SMS: 1_530, Channel.EMAIL: 50_000}
REPLY = "reply"
#: What somebody has seen of a conversation in which nothing was said.
NOTHING = UUID(int=0)
#: What a free text is for: an answer, or what a person has to know of her matter.
SERVICE = "service"


class SayRefused(Exception):
    """It cannot be said that way; the text says why."""


class OfferRefused(SayRefused):
    """What is offered below the text cannot be; the text says the first reason, `problems` each with its part."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        super().__init__(problems[0].says)
        self.problems = problems


class AnsweredMeanwhile(SayRefused):
    """Another member answered since `seen`; the text is her name."""


@dataclass(frozen=True, slots=True)
class Words:
    """What is said: a free text, or a template with its values. `files` are (name, content)."""

    text: str = ""
    subject: str = ""
    template: TemplateText | None = None
    values: Sequence[str] = ()
    files: Sequence[tuple[str, bytes]] = ()
    answers: Message | None = None
    offer: Offer | None = None  #: buttons or a list below a free text


@dataclass(frozen=True, slots=True)
class Errand:
    """Why it is sent and when. `due_at` and `use_by` are aware; `source` as in `Dispatch`.

    `purpose` is "" for that of the template, and for a free text `SERVICE`.
    """

    purpose: str = ""
    source: str = REPLY
    source_id: UUID | None = None
    due_at: datetime | None = None
    use_by: datetime | None = None
    urgency: int = 0


def say(
    *,
    contact: Contact,
    channel: str,
    words: Words,
    by: Member | None,
    at: datetime,
    errand: Errand | None = None,
    account: ChannelAccount | None = None,
    address: str = "",
    seen: UUID | None = None,
) -> Message:
    """Write the message and order it to be sent. `by` is None for the program. Raises SayRefused, files.FileRefused.

    `seen` is the newest message whoever writes has before her eyes, `NOTHING` where there was none: who is answered for already
    is asked first (AnsweredMeanwhile), also where both press at once.
    """
    errand = errand or Errand()
    errand = replace(errand, purpose=purpose_of(words, errand))
    here = contact.workspace_id
    with transaction.atomic():
        thread_id = threads.of_contact(contact.pk, workspace_id=here, at=at)
        with threads.changing(thread_id, workspace_id=here) as thread:
            if by is not None and seen is not None:
                _require_unanswered(thread, by, seen)
            account = account or (words.template and words.template.template.account) or account_for(thread, channel)
            address = address or address_of(thread, contact, channel)
            check(thread, channel, words, account=account, at=at)
            if by is not None and words.template is None and needs_template(channel, address):
                raise SayRefused(registered_only())
            message = _message(thread, words, channel=channel, account=account, by=by, at=at)
            message.save(force_insert=True)
            offered = choices.written(words.offer.choices) if words.offer else ""
            bodies.words_of(message, words.subject, _text(words), offered).save(force_insert=True)
            _attach(message, words.files, by)
            _order(message, account, address, errand, words)
            _move_on(thread, message, by)
        if by is not None:
            threads.forget_draft(thread=thread_id, by=by)
        _tell(message, by, errand)
    return message


def _require_unanswered(thread: Thread, by: Member, seen: UUID) -> None:
    """Raise AnsweredMeanwhile where another member wrote to the person later than `seen`."""
    ours = Message.objects.of(thread.workspace_id).filter(
        thread=thread.pk, direction=Message.Direction.OUT, pk__gt=seen
    )
    ours = ours.filter(by__isnull=False).exclude(by=by.pk).exclude(kind=Message.Kind.REACTION)  # which answers nothing
    answer = ours.select_related("by").order_by("-id").first()
    if answer is not None and answer.by is not None:
        raise AnsweredMeanwhile(answer.by.name)


def purpose_of(words: Words, errand: Errand) -> str:
    """What it is sent for: a template brings its own purpose, whoever picked it. Raises SayRefused where the errand says another."""
    if words.template is None:
        return errand.purpose or SERVICE
    own: str = words.template.template.purpose
    if errand.purpose and errand.purpose != own:
        raise SayRefused(_("This template is for another purpose."))
    return own


def check(thread: Thread, channel: str, words: Words, *, account: ChannelAccount, at: datetime) -> None:
    """Raise SayRefused where the channel itself would not take it."""
    require_working(account)
    if words.offer is not None:
        _check_offer(thread.workspace_id, channel, words, words.offer)
    if words.template is None and not words.text.strip() and not words.files:
        raise SayRefused(_("Write something first."))
    if words.template is not None:
        _check_template(words.template, words.values, channel)
    elif len(words.text) > MOST[channel]:
        raise SayRefused(_("At most %(count)d characters go over this channel.") % {"count": MOST[channel]})
    elif channel == Channel.WHATSAPP and not is_window_open(thread, at):
        raise SayRefused(_("It is more than 24 hours since this person wrote on WhatsApp: choose a template."))
    if channel == Channel.WHATSAPP and words.files:
        _check_whatsapp_file(words)
    if channel == Channel.SMS and words.files:
        raise SayRefused(_("Files cannot go by SMS."))
    if len(words.files) > MOST_FILES:
        raise SayRefused(_("At most %(count)d files go with one message.") % {"count": MOST_FILES})


def needs_template(channel: str, address: str) -> bool:
    """Whether operators would drop what a member writes freely. What the program says so is ordered, and refused by the adapter:
    whoever ordered it hears of that and tries another way."""
    return channel == Channel.SMS and sms.takes_registered_only(address)


def registered_only() -> str:
    """Why no free text goes by SMS to a number of India."""
    return _("To an Indian number operators deliver only texts that are registered with DLT: choose a template.")


def require_working(account: ChannelAccount) -> None:
    """Raise SayRefused where nothing leaves from this account until somebody repairs it."""
    if account.state == ChannelAccount.State.BROKEN:
        raise SayRefused(
            _("%(name)s does not work at the moment: %(trouble)s") % {"name": account.name, "trouble": account.trouble}
        )


def _check_offer(workspace_id: UUID, channel: str, words: Words, offer: Offer) -> None:
    if channel != Channel.WHATSAPP or words.template is not None:
        raise SayRefused(_("Buttons and lists go with a free text on WhatsApp only."))
    if words.files:
        raise SayRefused(_("A file does not go with buttons or a list. Send each by itself."))
    stop_words = rules.of(workspace_id).policy.rights.stop_words
    if found := choices.problems(offer, words.text, also_stop=stop_words):
        raise OfferRefused(found)


def _check_whatsapp_file(words: Words) -> None:
    """What WhatsApp takes: one file, of its size, and a text only with what can bear one. Raises SayRefused, files.FileRefused."""
    if len(words.files) > 1:
        raise SayRefused(_("WhatsApp takes one file with a message. Send each by itself."))
    for name, content in words.files:
        found = filetypes.sniff(content, name)
        most = whatsapp_payloads.MOST_BYTES[whatsapp_payloads.media_kind(found.value)]
        if found not in filetypes.PICTURES and len(content) > most:  # pictures are made smaller before they are kept
            raise SayRefused(
                _("WhatsApp takes at most %(size)s MB of such a file.") % {"size": most // filetypes.MEGABYTE}
            )
        if words.text.strip() and not whatsapp_payloads.takes_words(found.value):
            raise SayRefused(_("WhatsApp carries no text with a sound. Send the text by itself."))


def _check_template(text: TemplateText, values: Sequence[str], channel: str) -> None:
    if text.template.channel != channel:
        raise SayRefused(_("This template is for another channel."))
    if channel == Channel.WHATSAPP and text.state != TemplateText.State.APPROVED:
        raise SayRefused(_("WhatsApp has not approved this template yet."))
    if len(values) != len(text.variables) or not all(value.strip() for value in values):
        raise SayRefused(_("This template needs something that is not known of this person."))


def is_window_open(thread: Thread, at: datetime) -> bool:
    """Whether WhatsApp lets us write freely now."""
    return thread.window_until is not None and thread.window_until > at


def account_for(thread: Thread, channel: str) -> ChannelAccount:
    """Where the answer leaves from: on WhatsApp the number that was written to, while its window is open. Raises SayRefused."""
    if channel not in MOST:
        raise SayRefused(_("There is no such channel."))
    if channel == Channel.WHATSAPP and thread.window_account_id:
        mine = ChannelAccount.objects.of(thread.workspace_id).filter(pk=thread.window_account_id).first()
        if mine is not None and mine.state != ChannelAccount.State.BROKEN:
            return mine
    found = accounts.default(thread.workspace_id, channel)
    if found is None:
        raise SayRefused(_("%(channel)s is not connected yet.") % {"channel": Channel(channel).label})
    return found


def address_of(thread: Thread, contact: Contact, channel: str) -> str:
    """Where it goes: what the person last wrote from while it is still hers, else the first there is. Raises SayRefused."""
    rows: Any = Email if channel == Channel.EMAIL else Phone
    column = "address" if channel == Channel.EMAIL else "number"
    held = rows.objects.of(thread.workspace_id).filter(contact=contact.pk).order_by("position", "id")
    known = list(held.values_list(column, flat=True))
    if not known:
        missing = _("e-mail address") if channel == Channel.EMAIL else _("telephone number")
        raise SayRefused(_("No %(what)s of this person is known.") % {"what": missing})
    return among(known, thread, channel)


def among(known: Sequence[str], thread: Thread | None, channel: str) -> str:
    """Of a person's numbers or addresses, in her order, the one that is written to."""
    last = str(thread.addresses.get(channel, "")) if thread is not None else ""
    wanted = last.lower() if channel == Channel.EMAIL else last
    return str(wanted if wanted in known else known[0])


def intend(*, contact: Contact, channel: str, text: str, by: Member, at: datetime) -> Message:
    """Note that somebody is about to write or call from a phone of their own, by a wa.me or tel: link."""
    here = contact.workspace_id
    with transaction.atomic():
        thread_id = threads.of_contact(contact.pk, workspace_id=here, at=at)
        with threads.changing(thread_id, workspace_id=here) as thread:
            message = _message(thread, Words(text=text), channel=channel, account=None, by=by, at=at)
            message.kind = Message.Kind.INTENDED
            message.save(force_insert=True)
            bodies.words_of(message, text).save(force_insert=True)
            _move_on(thread, message, by)
        _tell(message, by, Errand(purpose=SERVICE))
    return message


def _message(
    thread: Thread, words: Words, *, channel: str, account: ChannelAccount | None, by: Member | None, at: datetime
) -> Message:  # fmt: skip
    message = Message(
        id=ids.new(), workspace_id=thread.workspace_id, thread_id=thread.pk, contact_id=thread.contact_id,
        channel=channel, account=account, direction=Message.Direction.OUT, kind=_kind(words), by=by, text_of=words.template,
        language=words.template.language if words.template else "", answers=words.answers, happened_at=at, created_at=at,
    )  # fmt: skip
    here = thread.workspace_id
    message.body = bodies.seal(bodies.cut(_text(words)), workspace_id=here, message_id=message.pk)
    subject = words.template.subject if words.template else words.subject
    message.subject = bodies.seal(
        bodies.cut(subject, bodies.MOST_SUBJECT), workspace_id=here, message_id=message.pk, field="subject"
    )
    if words.offer is not None:
        offered = choices.written(words.offer.choices)
        message.choices = bodies.seal(offered, workspace_id=here, message_id=message.pk, field="choices")
    return message


def _kind(words: Words) -> Message.Kind:
    if words.template:
        return Message.Kind.TEMPLATE
    if words.offer:
        return Message.Kind.BUTTONS
    return Message.Kind.MEDIA if words.files else Message.Kind.TEXT


def _text(words: Words) -> str:
    return templates.filled(words.template, words.values) if words.template else words.text.strip()


def _attach(message: Message, attached: Sequence[tuple[str, bytes]], by: Member | None) -> None:
    for place, (name, content) in enumerate(attached):
        kept = files.store(
            content, workspace_id=message.workspace_id, name=name, by=by.pk if by else None, kind=FILES
        )  # fmt: skip
        MessageFile.objects.create(
            workspace_id=message.workspace_id, message=message, file=kept, name=kept.name[:200],
            content_type=kept.content_type, position=place,
        )  # fmt: skip


def _order(message: Message, account: ChannelAccount, address: str, errand: Errand, words: Words) -> None:
    ordering.order(
        message=message, account=account, address=address, purpose=errand.purpose, source=errand.source,
        source_id=errand.source_id, due_at=errand.due_at or message.happened_at, use_by=errand.use_by, urgency=errand.urgency,
        extra=ordering.Extra(values=words.values) if words.values else None,
    )  # fmt: skip


def _move_on(thread: Thread, message: Message, by: Member | None) -> None:
    if by is None and thread.last_message_id is None:
        thread.closed_at = (
            message.created_at
        )  # a reminder or a message to many asks nobody's care until the person writes
    if message.happened_at >= thread.last_at or thread.last_message_id is None:
        thread.last_message_id, thread.last_at = message.pk, message.happened_at
    if by is None:
        return
    thread.waiting_since, thread.unread, thread.closed_at = None, 0, None
    if thread.assigned_to_id is None:
        thread.assigned_to_id = by.pk


def _tell(message: Message, by: Member | None, errand: Errand) -> None:
    """A line on the timeline. What the program sends by itself is no contact: it would make people be kept for ever."""
    channel = Channel(message.channel).label if message.channel in Channel.values else _("telephone")
    timeline.record(
        workspace=message.workspace_id, kind="message" if by is not None else "sent", contact=message.contact_id,
        summary=_("Written to by %(channel)s") % {"channel": channel}, happened_at=message.happened_at, actor=by,
        reference=message, data={"url": f"/inbox/{message.thread_id}/"},
    )  # fmt: skip
    ledger.write(
        "messaging.message.written", workspace=message.workspace_id, by=by, about=message.contact_id,
        at=message.created_at, channel=message.channel, source=errand.source, purpose=errand.purpose,
    )  # fmt: skip
