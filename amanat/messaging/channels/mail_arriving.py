"""From the mailboxes of accounts into the inbox: each mail once, its place kept in the same transaction as what it said.

A mail that cannot be taken in is tried three times and then left where it lies, so that one does not keep all others waiting.
"""

from __future__ import annotations

import logging
from datetime import datetime
from uuid import UUID

from django.db import OperationalError

from amanat.core import clock, tenancy
from amanat.core.tenancy import HasId
from amanat.messaging.channels import accounts, adapters, imap, mail, mail_ids
from amanat.messaging.channels.contract import Access, AccountNews, Arrived, News, Progress, Report
from amanat.messaging.channels.imap import PLACE, CannotFetch, Fetched, Place
from amanat.messaging.channels.mail_reading import Bounce, Complaint
from amanat.messaging.channels.models import Channel, ChannelAccount
from amanat.messaging.outbox import reports
from amanat.messaging.outbox.models import Dispatch

log = logging.getLogger(__name__)

#: In an account's settings: how often the mail behind its place was tried.
TRIES = "imap_tries"
_MOST_TRIES = 3


def waiting(workspace: HasId | UUID) -> list[UUID]:
    """The accounts of a workspace that have a mailbox to look into. Inside the workspace."""
    found = ChannelAccount.objects.of(workspace).filter(
        channel=Channel.EMAIL, settings__has_key="imap_host", state__in=("ready", "paused")
    )
    return [account.pk for account in found.order_by("id") if account.settings.get("imap_host")]


def fetch(workspace_id: UUID, account_id: UUID, *, at: datetime) -> int:
    """Take in what lies in the mailbox of an account, at most 50 mails; returns how many."""
    with tenancy.inside(workspace_id):
        account = ChannelAccount.objects.of(workspace_id).filter(pk=account_id).first()
        if account is None or account_id not in waiting(workspace_id):
            return 0
        access, place = accounts.access(account), _place(account)
    count = 0
    try:
        for one in imap.fetch(access, place, at=at):
            _take(workspace_id, account_id, access, one)
            count += one.said is not None
    except CannotFetch as fault:
        _trouble(workspace_id, account_id, str(fault), at)
    return count


def _place(account: ChannelAccount) -> Place:
    found = account.settings.get(PLACE)
    return Place(*found) if isinstance(found, list) and len(found) == 2 else Place()


def _take(workspace_id: UUID, account_id: UUID, access: Access, one: Fetched) -> None:
    try:
        with tenancy.inside(workspace_id):
            account = ChannelAccount.objects.of(workspace_id).select_for_update().get(pk=account_id)
            found = news(workspace_id, account, access, one)
            if found:
                reports.take(workspace_id, account, found)
            _keep_place(account, one.place)
    except (OperationalError, ChannelAccount.DoesNotExist):
        raise
    except Exception:
        if not _give_up(workspace_id, account_id, one.place):
            raise
        log.exception("a mail could not be taken in and was left", extra={"account": str(account_id)})


def _keep_place(account: ChannelAccount, place: Place) -> None:
    account.settings = {**account.settings, PLACE: [place.validity, place.uid], TRIES: 0}
    account.save(update_fields=["settings"])


def _give_up(workspace_id: UUID, account_id: UUID, place: Place) -> bool:
    """Count a try at the mail before `place`; True: it was the last, and the place moves on."""
    with tenancy.inside(workspace_id):
        account = ChannelAccount.objects.of(workspace_id).select_for_update().get(pk=account_id)
        tries = int(account.settings.get(TRIES) or 0) + 1
        if tries >= _MOST_TRIES:
            _keep_place(account, place)
            return True
        account.settings = {**account.settings, TRIES: tries}
        account.save(update_fields=["settings"])
        return False


def _trouble(workspace_id: UUID, account_id: UUID, code: str, at: datetime) -> None:
    """A server that does not answer for a moment is no trouble; what only a person can mend is."""
    if code == "unreachable":
        log.warning("a mailbox could not be read", extra={"account": str(account_id)})
        return
    with tenancy.inside(workspace_id):
        account = ChannelAccount.objects.of(workspace_id).filter(pk=account_id).first()
        if account is not None:
            words = " ".join(adapters.adapter_of(account).explain(code))
            accounts.apply(account=account, news=AccountNews(trouble=words), at=at)


def news(workspace_id: UUID, account: ChannelAccount, access: Access, one: Fetched) -> list[News]:
    """What a mail says, as every provider says it. A bounce or complaint counts only where it names a mail that we sent."""
    match one.said:
        case Arrived() as arrived:
            return [arrived]
        case Bounce(message_id, status, is_final, at):
            row = _ours(workspace_id, account, message_id)
            if row is None:
                return []
            # What is not final waits at the other side, which goes on trying: no reason to write there no more.
            progress = Progress.FAILED if is_final else Progress.SENT
            is_gone = is_final and mail.is_gone(status)
            return [Report(row.provider_id, progress, min(at, clock.now()), row.pk, status, opts_out=is_gone)]
        case Complaint(message_id, at):
            row = _ours(workspace_id, account, message_id)
            if row is None:
                return []
            return [
                Report(row.provider_id, Progress.DELIVERED, min(at, clock.now()), row.pk, "complaint", opts_out=True)
            ]
        case None:
            return []


def _ours(workspace_id: UUID, account: ChannelAccount, message_id: str) -> Dispatch | None:
    """The dispatch of a mail of ours, if the mark in its id is right for the address it went to."""
    reference = mail_ids.reference_in(message_id)
    if reference is None:
        return None
    row = Dispatch.objects.of(workspace_id).filter(pk=reference, account=account.pk).first()
    if row is None or not mail_ids.is_ours(message_id, workspace_id=workspace_id, to=row.address):
        return None
    return row
