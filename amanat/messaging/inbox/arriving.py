"""What people write to the workspace becomes messages in their conversation, each once, whoever hands it over and however often.

The sender is found by the number or address it was written from; somebody unknown becomes a contact whose source is the channel.
Everything happens in one transaction under a lock on the sender, so that two deliveries at once make neither two people nor two
messages. A message may come days late and in any order: the thread's own figures only ever move forward.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import connection, transaction
from django.db.models import F, OuterRef, Subquery
from django.utils.translation import gettext as _

from amanat.core import clock, files, html, ids, jobs, ledger, phones
from amanat.core.files import FileRefused
from amanat.core.filetypes import FILMS, PICTURES, SOUNDS, FileType
from amanat.messaging.channels.contract import Arrived, Attached
from amanat.messaging.channels.models import Channel, ChannelAccount
from amanat.messaging.inbox import bodies, choices, news, threads
from amanat.messaging.inbox.models import Message, MessageFile, Thread
from amanat.people import contacts, timeline
from amanat.people.drafts import ContactDraft
from amanat.people.models import Contact

#: How long WhatsApp lets a workspace answer freely after the person wrote (Meta's customer service window).
WINDOW = timedelta(hours=24)
#: What came later than this is no news: a mailbox connected today brings what is old.
FRESH = timedelta(hours=6)
#: A use of files: what comes and goes with messages.
FILES = "message"
MOST_FILES = 20
FETCH = "messaging.inbox.fetch"
_KINDS = frozenset(Message.Kind.values)
#: What turns the letters after it round, also those of the sentence that a name stands in (Unicode, UAX 9). No name is written with it.
_TURNS_ROUND = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])


def declare_files() -> None:
    """Which files may come with a message; called when the site starts."""
    allowed = (
        PICTURES
        | SOUNDS
        | FILMS
        | {FileType.PDF, FileType.DOCX, FileType.XLSX, FileType.TXT, FileType.CSV, FileType.VCF}
    )
    files.register_kind(FILES, allowed=frozenset(allowed))


def take_in(*, workspace_id: UUID, account: ChannelAccount, arrived: Arrived) -> Message | None:
    """The message that came, written into its thread; None when it came before. Inside the workspace's transaction."""
    now = clock.now()
    with transaction.atomic():
        _one_at_a_time(workspace_id, account.channel, arrived.sender)
        if arrived.provider_id and _known(workspace_id, account, arrived.provider_id):
            return None
        contact, thread_id = _sender(workspace_id, account, arrived)
        contact = contact or _new(workspace_id, account, arrived, now)
        thread_id = thread_id or threads.of_contact(contact.pk, workspace_id=workspace_id, at=now)
        message = _message(account, arrived, contact, thread_id, now)
        message.save(force_insert=True)
        bodies.words_of(message, arrived.subject, arrived.text).save(force_insert=True)
        _attach(message, arrived.files)
        with threads.changing(thread_id, workspace_id=workspace_id, savepoint=False) as thread:
            _move_on(thread, message, account, arrived)
        if message.kind != Message.Kind.REACTION and now - message.happened_at < FRESH:
            news.message_came(thread)
        _tell(message, account)
    return message


def _one_at_a_time(workspace_id: UUID, channel: str, sender: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"{workspace_id}:{channel}:{sender}"])


def _known(workspace_id: UUID, account: ChannelAccount, provider_id: str) -> bool:
    return Message.objects.of(workspace_id).filter(account=account.pk, provider_id=provider_id[:250]).exists()


# --- who it is -----------------------------------------------------------------------------------------------------


def _sender(workspace_id: UUID, account: ChannelAccount, arrived: Arrived) -> tuple[Contact | None, UUID | None]:
    """The contact with this number or address, of several the one last talked to here, and the thread where there is one."""
    sender = arrived.sender.strip()
    by = {"emails__address": sender.lower()} if account.channel == Channel.EMAIL else {"phones__number": sender}
    talked = Thread.objects.of(workspace_id).filter(contact=OuterRef("pk"))
    found: Contact | None = (
        Contact.objects.of(workspace_id)
        .alive()
        .filter(**by)
        .annotate(talked_at=Subquery(talked.values("last_at")[:1]), thread=Subquery(talked.values("pk")[:1]))
        .order_by(F("talked_at").desc(nulls_last=True), "id")
        .first()
    )
    return found, getattr(found, "thread", None)


def _new(workspace_id: UUID, account: ChannelAccount, arrived: Arrived, now: datetime) -> Contact:
    sender = arrived.sender.strip()
    name = " ".join(bodies.cut(arrived.name, 600).translate(_TURNS_ROUND).split())[:150]
    reach: dict[str, Any] = {}
    if account.channel == Channel.EMAIL:
        if _is_address(sender):
            reach["emails"] = [(sender.lower(), "")]
    elif phones.is_e164(sender) and phones.parse(sender):
        reach["phones"] = [(sender, "")]
    draft = ContactDraft(name=name or _name_from(sender), **reach)
    # Short senders of an SMS ("VK-BANKIN") and broken addresses have nothing to reach them by, and are people all the same.
    workspace: Any = _Id(workspace_id)
    return contacts.create(
        workspace=workspace, by=None, at=now, draft=draft, source=account.channel, source_detail=account.name
    )


class _Id:
    """A workspace of which only the id is known."""

    def __init__(self, pk: UUID) -> None:
        self.pk = pk


def _name_from(sender: str) -> str:
    return phones.national(sender) if phones.is_e164(sender) else sender[:150] or _("Unknown sender")


def _is_address(text: str) -> bool:
    try:
        validate_email(text)
    except ValidationError:
        return False
    return len(text) <= 254


# --- what it says --------------------------------------------------------------------------------------------------


def _message(account: ChannelAccount, arrived: Arrived, contact: Contact, thread_id: UUID, now: datetime) -> Message:
    workspace_id = contact.workspace_id
    message = Message(
        id=ids.new(), workspace_id=workspace_id, thread_id=thread_id, contact_id=contact.pk, channel=account.channel,
        account=account, direction=Message.Direction.IN, kind=_kind(arrived), provider_id=arrived.provider_id[:250],
        happened_at=min(arrived.at, now), created_at=now, answers=_answered(account, arrived, contact),
    )  # fmt: skip
    texts = (("subject", bodies.cut(arrived.subject, bodies.MOST_SUBJECT)), ("body", bodies.cut(_text(arrived))))
    for field, text in (*texts, ("html", _html(arrived))):
        sealed = bodies.seal(text, workspace_id=workspace_id, message_id=message.pk, field=field)  # type: ignore[arg-type]
        setattr(message, field, sealed)
    return message


def _kind(arrived: Arrived) -> str:
    if arrived.reaction:
        return Message.Kind.REACTION
    if arrived.choice and arrived.kind == Message.Kind.TEXT:
        return Message.Kind.CHOICE
    return arrived.kind if arrived.kind in _KINDS else Message.Kind.OTHER


def _text(arrived: Arrived) -> str:
    return arrived.reaction or arrived.text or arrived.choice


def _html(arrived: Arrived) -> str:
    """Cleaned again: whoever wrote the adapter, nothing that runs or loads is kept."""
    try:
        return bodies.cut(html.clean(arrived.html), 500_000) if arrived.html else ""
    except html.TooLong:
        return ""


def _answered(account: ChannelAccount, arrived: Arrived, contact: Contact) -> Message | None:
    """The message that this one answers: by the choice that was tapped below it, else by what the provider called it."""
    here, provider_id = contact.workspace_id, arrived.answers
    if (offered := choices.message_of(arrived.choice)) is not None:
        asked = (
            Message.objects.of(here).filter(pk=offered, contact=contact.pk, choices__isnull=False).only("id").first()
        )
        if asked is not None:
            return asked
    if not provider_id:
        return None
    ours = "SELECT message_id FROM messaging_dispatch WHERE workspace_id = %s AND account_id = %s AND provider_id = %s"
    theirs = "SELECT id FROM messaging_message WHERE workspace_id = %s AND account_id = %s AND provider_id = %s"
    values: list[Any] = [here, account.pk, provider_id[:250]]
    with connection.cursor() as cursor:
        cursor.execute(f"{theirs} UNION ALL {ours} LIMIT 1", values * 2)
        row = cursor.fetchone()
    return Message(id=row[0], workspace_id=here) if row else None


def _attach(message: Message, attached: Sequence[Attached]) -> None:
    """Keep the files that came along; of one that may not be kept, why. What the provider still holds is fetched by a job."""
    for place, one in enumerate(attached[:MOST_FILES]):
        row = MessageFile(
            workspace_id=message.workspace_id, message=message, provider_id=one.provider_id[:250], position=place,
            name=bodies.cut(one.name, 190)[:190], content_type=one.content_type[:100],
        )  # fmt: skip
        if one.content:
            keep(row, one.content)
        row.save(force_insert=True)
        if not one.content and one.provider_id:
            jobs.enqueue(FETCH, workspace=message.workspace_id, file=str(row.pk))
    if len(attached) > MOST_FILES:
        MessageFile(
            workspace_id=message.workspace_id, message=message, position=MOST_FILES,
            trouble=_("%(count)d more files were not kept.") % {"count": len(attached) - MOST_FILES},
        ).save(force_insert=True)  # fmt: skip


def keep(row: MessageFile, content: bytes) -> None:
    """Store what a message carries, or say in the row why not; the caller saves the row."""
    try:
        with transaction.atomic():
            row.file = files.store(
                content, workspace_id=row.workspace_id, name=row.name or _("file"), by=None, kind=FILES
            )
        row.content_type, row.trouble = row.file.content_type, ""
    except FileRefused as refused:
        row.trouble = str(refused)[:200]


# --- what follows --------------------------------------------------------------------------------------------------


def _move_on(thread: Thread, message: Message, account: ChannelAccount, arrived: Arrived) -> None:
    is_newest = thread.last_message_id is None or message.happened_at >= thread.last_at
    if message.kind != Message.Kind.REACTION:
        thread.unread += 1
        thread.waiting_since = min(thread.waiting_since or message.happened_at, message.happened_at)
        thread.closed_at = thread.snoozed_until = None
        if is_newest:
            thread.last_message_id, thread.last_at = message.pk, message.happened_at
    if is_newest or account.channel not in thread.addresses:
        thread.addresses = {**thread.addresses, account.channel: arrived.sender.strip()}
    if account.channel == Channel.WHATSAPP:
        until = message.happened_at + WINDOW
        if thread.window_until is None or until > thread.window_until:
            thread.window_until, thread.window_account_id = until, account.pk


def _tell(message: Message, account: ChannelAccount) -> None:
    """The timeline has a line without the words, which also counts as contact; the ledger that something came."""
    timeline.record(
        workspace=message.workspace_id, kind="message", happened_at=message.happened_at, contact=message.contact_id,
        summary=_("Wrote by %(channel)s") % {"channel": Channel(account.channel).label}, reference=message,
        data={"url": f"/inbox/{message.thread_id}/"},
    )  # fmt: skip
    ledger.write(
        "messaging.message.arrived", workspace=message.workspace_id, about=message.contact_id, at=message.created_at,
        channel=account.channel, kind=message.kind,
    )  # fmt: skip
