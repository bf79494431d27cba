"""Messages of the workspace to many people at once: threads, messages and dispatches with the same few statements for each part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.messaging.channels import templates
from amanat.messaging.channels.models import Channel, ChannelAccount, TemplateText
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message, MessageWords, Thread
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.ordering import Extra
from amanat.people import timeline
from amanat.people.models import Interaction


@dataclass(frozen=True, slots=True)
class Said:
    """A template filled for one person, not written down yet. `due_at` and `use_by` are aware; `source` as in `Dispatch`."""

    contact_id: UUID
    account: ChannelAccount
    address: str
    text: TemplateText
    values: Sequence[str]
    purpose: str
    source: str
    source_id: UUID
    due_at: datetime
    use_by: datetime | None = None
    urgency: int = 5
    headers: Sequence[tuple[str, str]] = ()


def say_many(said: Sequence[Said], *, workspace_id: UUID, by: Member | None = None) -> list[Message]:
    """Write the messages and order them to be sent, in the caller's transaction. Seven statements, however many."""
    if not said:
        return []
    now = clock.now()
    threads = _threads({each.contact_id for each in said}, workspace_id, now)
    messages = [_message(each, threads[each.contact_id], workspace_id, by, now) for each in said]
    Message.objects.bulk_create(messages)
    MessageWords.objects.bulk_create(
        bodies.words_of(message, each.text.subject, _body(each)) for each, message in zip(said, messages, strict=True)
    )
    for each, message in zip(said, messages, strict=True):
        thread = threads[each.contact_id]
        thread.last_message_id, thread.last_at = message.pk, now
    Thread.objects.of(workspace_id).bulk_update(threads.values(), ["last_message", "last_at"])
    Interaction.objects.bulk_create(_line(message, by) for message in messages)
    ordering.order_many(
        [
            Dispatch(
                workspace_id=workspace_id,
                message=message,
                contact_id=each.contact_id,
                account=each.account,
                channel=each.account.channel,
                address=each.address,
                purpose=each.purpose,
                urgency=each.urgency,
                due_at=each.due_at,
                use_by=each.use_by,
                source=each.source,
                source_id=each.source_id,
            )
            for each, message in zip(said, messages, strict=True)
        ],
        [Extra(values=each.values, headers=dict(each.headers)) for each in said],
    )
    return messages


def _threads(people: set[UUID], workspace_id: UUID, now: datetime) -> dict[UUID, Thread]:
    """The thread of each person; one is made where there is none, closed: it asks nobody's care until the person writes."""
    held = Thread.objects.of(workspace_id).filter(contact__in=people)
    found = {thread.contact_id: thread for thread in held}
    missing = people - found.keys()
    if missing:
        Thread.objects.bulk_create(
            [
                Thread(workspace_id=workspace_id, contact_id=person, last_at=now, closed_at=now)
                for person in sorted(missing)
            ],
            ignore_conflicts=True,
        )
        found |= {thread.contact_id: thread for thread in held.filter(contact__in=missing)}
    return found


def _message(each: Said, thread: Thread, workspace_id: UUID, by: Member | None, now: datetime) -> Message:
    message = Message(
        workspace_id=workspace_id,
        thread=thread,
        contact_id=each.contact_id,
        channel=each.account.channel,
        account=each.account,
        direction=Message.Direction.OUT,
        kind=Message.Kind.TEMPLATE,
        language=each.text.language,
        text_of=each.text,
        by=by,
        happened_at=now,
    )
    message.body = bodies.seal(_body(each), workspace_id=workspace_id, message_id=message.pk)
    message.subject = bodies.seal(each.text.subject, workspace_id=workspace_id, message_id=message.pk, field="subject")
    return message


def _body(each: Said) -> str:
    return templates.filled(each.text, each.values)


def _line(message: Message, by: Member | None) -> Interaction:
    """The line of the timeline. It is no contact: what the program sends by itself would make people be kept for ever."""
    return timeline.line(
        workspace=message.workspace_id,
        kind="sent",
        contact=message.contact_id,
        summary=_("Written to by %(channel)s") % {"channel": Channel(message.channel).label},
        happened_at=message.happened_at,
        actor=by,
        reference=message,
        data={"url": f"/inbox/{message.thread_id}/"},
    )
