"""What is asked of a provider after a message came: its files, and that the person is told when it was read. Both by jobs."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol, runtime_checkable
from uuid import UUID

from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import announcements, jobs, tenancy
from amanat.messaging.channels import accounts, adapters
from amanat.messaging.channels.contract import Access, Attached
from amanat.messaging.channels.models import Channel, ChannelAccount
from amanat.messaging.inbox import arriving, threads
from amanat.messaging.inbox.models import Message, MessageFile, Thread

RECEIPT = "messaging.inbox.receipt"


@runtime_checkable
class Fetches(Protocol):
    """A provider that keeps what came along until it is asked for. Raises core.outgoing.Unreachable or Refused."""

    def fetch(self, access: Access, file: Attached) -> Attached: ...


@runtime_checkable
class TellsRead(Protocol):
    """A provider that tells a person that her message was opened."""

    def mark_read(self, access: Access, provider_id: str) -> None: ...


def fetch(file_id: UUID, *, workspace_id: UUID) -> None:
    """Fetch one file and keep it, or write down why not. A file that is there already is left alone."""
    with tenancy.inside(workspace_id):
        row = MessageFile.objects.of(workspace_id).select_related("message__account").filter(pk=file_id).first()
        if row is None or row.file_id is not None or row.message.account is None:
            return
        adapter, access = adapters.adapter_of(row.message.account), accounts.access(row.message.account)
    waiting = Attached(row.name, row.content_type, provider_id=row.provider_id)
    found = adapter.fetch(access, waiting) if isinstance(adapter, Fetches) else None
    with tenancy.inside(workspace_id):
        locked = MessageFile.objects.of(workspace_id).select_for_update(of=("self",)).filter(pk=file_id).first()
        if locked is None or locked.file_id is not None:
            return
        if found is None:
            locked.trouble = _("The file could not be fetched.")
        else:
            locked.name = locked.name or found.name[:190]
            arriving.keep(locked, found.content)
        locked.save()
        announcements.announce(threads.TOPIC, workspace=workspace_id, about=row.message.thread_id)


def when_read(thread: Thread, by: Member, at: datetime) -> None:
    """Have the provider tell the person, once the transaction is through."""
    jobs.enqueue(RECEIPT, workspace=thread.workspace_id, once=f"{RECEIPT}:{thread.pk}", thread=str(thread.pk))


def tell_read(thread_id: UUID, *, workspace_id: UUID) -> None:
    """Tell the person that her newest message was opened, where the channel can; the older ones count as read with it."""
    with tenancy.inside(workspace_id):
        theirs = Message.objects.of(workspace_id).filter(
            thread=thread_id, direction=Message.Direction.IN, channel=Channel.WHATSAPP, account__isnull=False
        )
        newest = theirs.exclude(provider_id="").select_related("account").order_by("-happened_at", "-id").first()
        if newest is None or newest.account is None or newest.account.state != ChannelAccount.State.READY:
            return
        if newest.account.settings.get(accounts.READ_RECEIPTS) == "no":
            return
        adapter, access = adapters.adapter_of(newest.account), accounts.access(newest.account)
    if isinstance(adapter, TellsRead):
        adapter.mark_read(access, newest.provider_id)
