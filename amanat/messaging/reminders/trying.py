"""A rule's text sent to the member's own number, so that it is seen on a phone before customers see it.

No contact stands behind such a message: it goes to a number or address that the member has shown to be hers, once she pressed the button,
and is marked as a test. It leaves as every message does, by the outbox, which asks the gate (docs/decisions/0022).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext

from amanat.accounts import own_addresses
from amanat.accounts.models import Member
from amanat.basis import rules
from amanat.core import ids, ledger
from amanat.messaging.channels import stop_words, templates
from amanat.messaging.channels.models import Channel, ChannelAccount, TemplateText
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.reminders import planning, reporting, values
from amanat.messaging.reminders.models import ReminderRule
from amanat.messaging.reminders.planning import Way
from amanat.people.models import Contact

SOURCE, PURPOSE = "test", "service"
#: A test that could not leave by then is not sent any more, and how long it is kept.
_GOOD_FOR, _KEPT = timedelta(minutes=15), timedelta(days=30)
#: What a register lets one value hold.
_MOST_LETTERS = 30
_NAMES = frozenset({"first_name", "name"})
_WORDS: dict[str, str | Promise] = {
    "unknown_person": gettext_lazy("This number or address is not confirmed as yours any more"),
    "too_late": gettext_lazy("Could not leave within a quarter of an hour"),
}


class TryRefused(Exception):
    """It cannot be tried; the text says why. `where` is the page on which the member can mend it, where there is one."""

    def __init__(self, words: str, *, where: str = "") -> None:
        super().__init__(words)
        self.where = where


@dataclass(frozen=True, slots=True)
class Tried:
    """What became of a test."""

    at: datetime
    channel: str | Promise
    address: str
    state: str | Promise
    reason: str | Promise


def to_myself(*, rule: ReminderRule, by: Member, at: datetime, step: int = 0) -> Dispatch:
    """Order the text of one of the rule's channels, filled with examples, for `by` herself. Raises TryRefused."""
    way = _way(rule, step)
    if way.account is None:
        raise TryRefused(_("No number or mailbox is connected for the channel."))
    if way.account.state != ChannelAccount.State.READY:
        raise TryRefused(_("Nothing leaves from %(name)s at the moment.") % {"name": way.account.name})
    text = planning.text_for(way.texts, by.user.language, by.workspace.language)
    if text is None:
        raise TryRefused(_("The text of this channel is not approved yet."))
    address = _own(by, way.channel)
    filled = _examples(text, by)
    with transaction.atomic():
        message = _message(way.account, text, filled, by=by, at=at)
        row = ordering.order(
            message=message, account=way.account, address=address, purpose=PURPOSE, source=SOURCE, source_id=rule.pk,
            due_at=at, use_by=at + _GOOD_FOR, urgency=0, extra=ordering.Extra(values=filled),
        )  # fmt: skip
        ledger.write(
            "messaging.rule.tried",
            workspace=by.workspace_id,
            by=by,
            about=rule,
            at=at,
            channel=way.channel,
            purpose=PURPOSE,
        )
    return row


def latest(rule: ReminderRule, by: Member) -> list[Tried]:
    """What became of the member's last tests of a rule, the newest first."""
    rows = Dispatch.objects.of(rule.workspace_id).filter(source=SOURCE, source_id=rule.pk, message__by=by)
    return [
        Tried(
            at=row.created_at,
            channel=Channel(row.channel).label,
            address=row.address,
            state=Dispatch.Delivery(row.delivery).label if row.delivery else Dispatch.State(row.state).label,
            reason="" if row.state in _GOES_WELL else _WORDS.get(row.reason) or reporting.in_words(row.reason),
        )
        for row in rows.order_by("-created_at")[:3]
    ]


_GOES_WELL = frozenset({Dispatch.State.TODO, Dispatch.State.SENDING, Dispatch.State.DONE})


def forget(workspace_id: UUID, *, at: datetime) -> int:
    """Old tests go: they are about nobody, so no erasure would find them. Returns how many."""
    old = Dispatch.objects.of(workspace_id).filter(source=SOURCE, contact__isnull=True, created_at__lt=at - _KEPT)
    messages = list(old.values_list("message_id", flat=True))
    old.delete()
    answered = Message.objects.of(workspace_id).filter(answers__in=messages).values("answers")
    Message.objects.of(workspace_id).filter(pk__in=messages).exclude(pk__in=answered).delete()
    return len(messages)


def _way(rule: ReminderRule, step: int) -> Way:
    found = next((way for way in planning.ways(rule) if way.step == step), None)
    if found is None:
        raise TryRefused(_("The rule has no such channel any more."))
    return found


def _own(by: Member, channel: str) -> str:
    """The member's own address. Raises TryRefused where she has none that is confirmed."""
    kind = rules.address_kind(channel)
    own = own_addresses.of([by.pk], workspace_id=by.workspace_id, kind=kind)[by.pk]
    address = by.user.email if by.user.email in own else min(own, default="")
    if address:
        return address
    if kind == "phone":
        raise TryRefused(_("Confirm your own mobile number first: the test goes there."), where="account_change_phone")
    raise TryRefused(_("Confirm your own e-mail address first: the test goes there."), where="account_email")


def _examples(text: TemplateText, by: Member) -> list[str]:
    """Values for the text: the firm's and the member's own, examples for the rest. The name says that it is a test, else the first value."""
    around = values.Around(by.workspace, Contact(name=by.user.name or by.name))
    found = [value or values.ALL[name].example for name, value in _read(text, around)]
    named = [place for place, name in enumerate(text.variables) if name in _NAMES]
    free = [place for place, name in enumerate(text.variables) if name != stop_words.VARIABLE]
    for place in named or free[:1]:
        found[place] = f"{_mark(text)} {found[place]}"[:_MOST_LETTERS]
    return found


def _read(text: TemplateText, around: values.Around) -> list[tuple[str, str]]:
    return list(zip(text.variables, values.read(text.variables, around, language=text.language), strict=True))


def _mark(text: TemplateText) -> str:
    with translation.override(text.language):
        return pgettext("message", "TEST")


def _message(
    account: ChannelAccount, text: TemplateText, filled: Sequence[str], *, by: Member, at: datetime
) -> Message:
    """In no thread and about no contact."""
    message = Message(
        id=ids.new(), workspace_id=by.workspace_id, channel=account.channel, account=account, direction=Message.Direction.OUT,
        kind=Message.Kind.TEMPLATE, by=by, text_of=text, language=text.language, happened_at=at, created_at=at,
    )  # fmt: skip
    subject = f"[{_mark(text)}] {text.subject}" if text.subject else ""
    here, body = by.workspace_id, templates.filled(text, filled)
    message.body = bodies.seal(bodies.cut(body), workspace_id=here, message_id=message.pk)
    message.subject = bodies.seal(
        bodies.cut(subject, bodies.MOST_SUBJECT), workspace_id=here, message_id=message.pk, field="subject"
    )
    message.save(force_insert=True)
    return message
