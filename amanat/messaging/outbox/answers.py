"""Answers that act by themselves: stop and start, 1 to a reminder, and sentences that sound like a stop. Everything else is for the inbox.

Each message is heeded once (`inbox.arriving` takes in each once), inside the transaction that took it in, and what it leads to is said once:
a second stop changes nothing and is not answered again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.basis import rules
from amanat.core import ids, ledger
from amanat.messaging.channels.contract import Arrived
from amanat.messaging.channels.models import Channel, ChannelAccount
from amanat.messaging.inbox import bodies, choices, saying
from amanat.messaging.inbox.models import Message
from amanat.messaging.inbox.saying import Errand, SayRefused, Words
from amanat.messaging.outbox import wishes, words
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.words import Said
from amanat.messaging.reminders.models import Reminder
from amanat.people.models import Contact

#: Ids of buttons that mean what the words mean.
BUTTONS = {"stop": Said.STOP, "start": Said.START, "confirm": Said.YES}
CONFIRMATION = "confirmation"
#: A 1 is about a reminder that is no older.
_ANSWERED_WITHIN = timedelta(days=7)
#: A confirmation this long after the message it answers confuses more than it helps.
_USE_BY = timedelta(hours=12)


def heed(*, account: ChannelAccount, arrived: Arrived, message: Message, at: datetime) -> Said:
    """Do what a message that was just taken in asks for; returns what that was."""
    said = _said(account, arrived, message)
    if said is Said.NOTHING or message.kind == Message.Kind.REACTION:
        return Said.NOTHING
    assert message.contact_id is not None  # it was taken in
    # One answer of a person after the other, so that two stops at once are confirmed once.
    contact = Contact.objects.of(account.workspace_id).select_for_update(of=("self",)).get(pk=message.contact_id)
    match said:
        case Said.STOP:
            if wishes.stop(
                contact, channel=account.channel, address=arrived.sender.strip(), at=at, evidence=str(message.pk)
            ):
                _confirm(contact, account, message, at, said, to=arrived.sender.strip())
        case Said.START:
            if wishes.resume(contact, channel=account.channel, at=at, evidence=str(message.pk)):
                _confirm(contact, account, message, at, said, to=arrived.sender.strip())
        case Said.YES:
            if _reminder_confirmed(contact, account, message, at):
                _confirm(contact, account, message, at, said, to=arrived.sender.strip())
        case Said.MAYBE_STOP:
            if wishes.hold(contact, channel=account.channel, at=at):
                _ask_somebody(message, at)
    return said


def _said(account: ChannelAccount, arrived: Arrived, message: Message) -> Said:
    if arrived.reaction:
        return Said.NOTHING
    by_button = BUTTONS.get(arrived.choice.strip().lower())
    if by_button is not None:
        return by_button
    text = words.first_line(arrived.text) if account.channel == Channel.EMAIL else arrived.text
    said = words.understood(text, also_stop=rules.of(account.workspace_id).policy.rights.stop_words)
    # "Start" or "Confirm" below what a member asked answers her question; only what ends messages is heard everywhere.
    if said in {Said.YES, Said.START} and choices.message_of(arrived.choice) is not None:
        return Said.NOTHING
    return said


def _reminder_confirmed(contact: Contact, account: ChannelAccount, message: Message, at: datetime) -> UUID | None:
    """The reminder whose button she tapped, else the last one she got over this channel, if it was not confirmed yet."""
    reminded = Dispatch.objects.of(account.workspace_id).filter(
        contact=contact,
        source="reminder",
        channel=account.channel,
        source_id__isnull=False,
        sent_at__gte=at - _ANSWERED_WITHIN,
    )
    if message.kind == Message.Kind.CHOICE and message.answers_id is not None:
        reminded = reminded.filter(message=message.answers_id)
    last = reminded.order_by("-created_at", "-id").first()
    if last is None or last.source_id is None:
        return None
    waiting = Reminder.objects.of(account.workspace_id).filter(pk=last.source_id, confirmed_at__isnull=True)
    if not waiting.update(confirmed_at=at):
        return None
    ledger.write("messaging.reminder.confirmed", workspace=account.workspace_id, about=contact, at=at)
    return last.source_id


def _confirm(contact: Contact, account: ChannelAccount, message: Message, at: datetime, said: Said, *, to: str) -> None:
    """Say once what was done. Where the channel does not take it, the deed stands all the same: operators in India drop free texts."""
    with translation.override(contact.language or "en"):
        text = {
            Said.STOP: _(
                "Done. You will get no more reminders and offers from us here. To get them again, answer START."
            ),
            Said.START: _("Done. You will get our messages again. To stop them, answer STOP."),
            Said.YES: _("Thank you, we have noted your confirmation."),
        }[said]
    errand = Errand(source=CONFIRMATION, source_id=message.pk, use_by=message.happened_at + _USE_BY)
    try:
        if saying.needs_template(account.channel, to):
            raise SayRefused(saying.registered_only())
        with transaction.atomic():
            saying.say(
                contact=contact,
                channel=account.channel,
                words=Words(text=text),
                by=None,
                at=at,
                errand=errand,
                account=account,
            )
    except SayRefused:
        ledger.write("messaging.confirmation.refused", workspace=account.workspace_id, about=contact, at=at)


def _ask_somebody(message: Message, at: datetime) -> None:
    """A private note beside the message, which stands unread in the inbox."""
    text = _(
        "This sounds as if the person wants no more messages. Reminders and offers are paused: please ask, and write down the answer "
        "under Choices on the person’s page."
    )
    note = Message(
        id=ids.new(), workspace_id=message.workspace_id, thread_id=message.thread_id, contact_id=message.contact_id, channel="",
        direction=Message.Direction.NOTE, happened_at=at, created_at=at,
    )  # fmt: skip
    note.body = bodies.seal(text, workspace_id=message.workspace_id, message_id=note.pk)
    note.save(force_insert=True)
    bodies.words_of(note, text).save(force_insert=True)
    ledger.write("messaging.hold.made", workspace=message.workspace_id, about=message.contact_id, at=at)
