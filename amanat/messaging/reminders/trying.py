"""A rule's text sent to the member's own number, so that it is seen on a phone before customers see it."""

from __future__ import annotations

from datetime import datetime

from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.messaging.channels.models import Channel, TemplateText
from amanat.messaging.inbox import saying
from amanat.messaging.inbox.models import Message
from amanat.messaging.inbox.saying import Errand, SayRefused, Words
from amanat.messaging.reminders import values
from amanat.messaging.reminders.models import ReminderRule
from amanat.people.models import Contact


class TryRefused(Exception):
    """It cannot be tried; the text says why."""


def to_myself(*, rule: ReminderRule, by: Member, at: datetime) -> Message:
    """The text of the rule's first channel, with examples for its values, to the contact who has the member's own number or address.

    The gate is asked as for anybody. Raises TryRefused.
    """
    channel = rule.channels[0]
    people = Contact.objects.of(by.workspace_id).visible_to(by).alive()
    if channel == Channel.EMAIL:
        me = people.filter(emails__address=by.user.email).first()
    else:
        me = people.filter(phones__number=by.user.phone or "").first() if by.user.phone else None
    if me is None:
        raise TryRefused(_("Add yourself as a contact with your own number and e-mail address first."))
    texts = TemplateText.objects.of(by.workspace_id).filter(
        template=rule.templates[0], state=TemplateText.State.APPROVED
    )
    held = {text.language: text for text in texts}
    text = held.get(me.language) or held.get(by.workspace.language) or next(iter(held.values()), None)
    if text is None:
        raise TryRefused(_("The text of the first channel is not approved yet."))
    examples = [values.ALL[name].example for name in text.variables]
    try:
        return saying.say(
            contact=me,
            channel=channel,
            words=Words(template=text, values=examples),
            by=by,
            at=at,
            errand=Errand(purpose=rule.purpose, source="test"),
        )
    except SayRefused as refused:
        raise TryRefused(str(refused)) from None
