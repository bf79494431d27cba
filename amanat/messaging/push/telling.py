"""Whom to tell of what: a message in a conversation that is hers or nobody's, a note that names her, a conversation given to her.

What happened only leaves a job behind, in its own transaction; who is told is worked out by that job, and each browser has a job of
its own, so one slow service holds up nobody. A notification holds no name and no text of a person: that something waits, and where.

Each thing that happened has a job to itself. One that waited already would not do: a worker may take it up between our look and our
commit, see nothing new, and be done. What the jobs order is one notification while it waits, for by then everything is committed.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID

from django.db.models import Exists, OuterRef, QuerySet
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Session
from amanat.accounts.permissions import May
from amanat.core import clock, jobs, tenancy
from amanat.core.vault import VaultRefused
from amanat.messaging.inbox import threads
from amanat.messaging.inbox.models import Mention, Thread
from amanat.messaging.push import devices, encryption, services
from amanat.messaging.push.models import PushDevice
from amanat.messaging.push.services import Outcome

log = logging.getLogger(__name__)

TELL, DELIVER = "messaging.push.tell", "messaging.push.deliver"
#: After this a notification is old: the services forget it, and so do we.
LASTS = timedelta(hours=6)
MOST_TRIES = 6
#: Where a notification leads, written out: a worker that asked the routes would load every view of the site first.
PLACE = "/inbox/notifications/{workspace}/{thread}/"
_FIRST_WAIT = timedelta(seconds=10)
#: Bytes to which every notification is filled up.
_LENGTH = 600


class What(StrEnum):
    MESSAGE = "message"
    MENTION = "mention"
    ASSIGNED = "assigned"


# --- what happened -------------------------------------------------------------------------------------------------


def message_came(thread: Thread) -> None:
    """A person wrote: whoever takes care of her is told, or those who want to hear of what nobody has."""
    wanted = PushDevice.objects.of(thread.workspace_id).exclude(wants=PushDevice.Wants.OFF)
    if thread.assigned_to_id and not threads.has_lost(thread):
        wanted = wanted.filter(member=thread.assigned_to_id)
    else:
        wanted = wanted.filter(wants=PushDevice.Wants.ALL)
    _enqueue(What.MESSAGE, thread.workspace_id, thread.pk, wanted)


def named(thread_id: UUID, members: Sequence[Member], by: Member) -> None:
    """A note names members."""
    for one in members:
        _enqueue(What.MENTION, by.workspace_id, thread_id, _wanted_by(one), one)


def assigned(thread: Thread, to: Member | None, by: Member) -> None:
    if to is not None and to.pk != by.pk:
        _enqueue(What.ASSIGNED, by.workspace_id, thread.pk, _wanted_by(to), to)


def _wanted_by(member: Member) -> QuerySet[PushDevice]:
    of_hers: QuerySet[PushDevice] = PushDevice.objects.of(member.workspace_id).filter(member=member.pk)
    return of_hers.exclude(wants=PushDevice.Wants.OFF)


def _enqueue(
    what: What, workspace_id: UUID, thread_id: UUID, wanted: QuerySet[PushDevice], member: Member | None = None
) -> None:  # fmt: skip
    if not wanted.exists():
        return
    jobs.enqueue(
        TELL, workspace=workspace_id, what=what.value, thread=str(thread_id), member=str(member.pk) if member else "",
        use_by=(clock.now() + LASTS).isoformat(),
    )  # fmt: skip


# --- who is told ---------------------------------------------------------------------------------------------------


def tell(workspace_id: UUID, *, what: What, thread_id: UUID, member_id: UUID | None, use_by: datetime) -> int:
    """Order a notification for each browser that is to have one; returns how many."""
    with tenancy.inside(workspace_id):
        thread = Thread.objects.of(workspace_id).filter(pk=thread_id).first()
        if thread is None or use_by <= clock.now() or not services.is_named(workspace_id):
            return 0
        told = [one for one in _listening(workspace_id) if _is_for(one, what, thread, member_id)]
        for device in told:
            order(device, what=what, thread_id=thread_id, use_by=use_by)
    return len(told)


def order(
    device: PushDevice, *, what: What, thread_id: UUID, use_by: datetime, tries: int = 0, not_before: datetime | None = None
) -> None:  # fmt: skip
    """Several messages before the first is handed over are one notification; one that is tried again later holds up no new one."""
    once = f"{DELIVER}:{device.pk}:{what}:{thread_id}" if tries == 0 else None
    jobs.enqueue(
        DELIVER, workspace=device.workspace_id, not_before=not_before, once=once, device=str(device.pk), what=what.value,
        thread=str(thread_id), use_by=use_by.isoformat(), tries=tries,
    )  # fmt: skip


def _listening(workspace_id: UUID) -> QuerySet[PushDevice]:
    """Devices that want anything, of members who may still come in by the sign-in that the device belongs to."""
    signed_in = Session.objects.filter(
        session_key=OuterRef("session_key"), expire_date__gt=clock.now(), user=OuterRef("member__user")
    )
    rows: QuerySet[PushDevice] = PushDevice.objects.of(workspace_id).exclude(wants=PushDevice.Wants.OFF)
    return rows.filter(
        Exists(signed_in), member__ended_at__isnull=True, member__user__is_active=True
    ).select_related("member__user", "member__workspace")  # fmt: skip


def _is_for(device: PushDevice, what: What, thread: Thread, member_id: UUID | None) -> bool:
    """Whether what happened is still news for the member of this device, who may see the person."""
    member = device.member
    match what:
        case What.MESSAGE if thread.assigned_to_id is not None and not threads.has_lost(thread):
            is_hers = thread.assigned_to_id == member.pk and thread.unread > 0
        case What.MESSAGE:
            is_hers = device.wants == PushDevice.Wants.ALL and thread.unread > 0
        case What.MENTION:
            unseen = Mention.objects.of(member.workspace_id).filter(thread=thread.pk, member=member.pk)
            is_hers = member_id == member.pk and unseen.filter(seen_at__isnull=True).exists()
        case What.ASSIGNED:
            is_hers = member_id == member.pk == thread.assigned_to_id
    return is_hers and member.may(May.READ_CONTACTS) and threads.may_see(member, thread.contact_id)


# --- one browser ---------------------------------------------------------------------------------------------------


def deliver(
    workspace_id: UUID, *, device_id: UUID, what: What, thread_id: UUID, use_by: datetime, tries: int
) -> Outcome | None:  # fmt: skip
    """Hand one notification over, outside of any transaction; None where it is no news any more."""
    now = clock.now()
    with tenancy.inside(workspace_id):
        device = _listening(workspace_id).filter(pk=device_id).first()
        thread = Thread.objects.of(workspace_id).filter(pk=thread_id).first()
        if device is None or thread is None or use_by <= now or not services.is_named(workspace_id):
            return None
        if not _is_for(device, what, thread, device.member_id):
            return None
        text = notification(device, what, thread_id)
        try:
            endpoint, keys = devices.address(device)
        except VaultRefused:
            return None
    body = encryption.sealed(text, keys, length=_LENGTH)
    answer = services.push(endpoint, body, topic=_topic(device, thread_id), lasts=use_by - now)
    with tenancy.inside(workspace_id):
        row = PushDevice.objects.of(workspace_id).filter(pk=device_id)
        if answer.outcome is Outcome.SENT:
            row.update(used_at=clock.now())
        elif answer.outcome is Outcome.GONE:
            row.delete()
        elif answer.outcome is Outcome.LATER:
            again = clock.now() + (answer.wait or _FIRST_WAIT * 4**tries)
            if tries + 1 < MOST_TRIES and again < use_by:
                order(device, what=what, thread_id=thread_id, use_by=use_by, tries=tries + 1, not_before=again)
        else:
            log.warning(
                "a push service refused a notification", extra={"service": device.service, "status": answer.status}
            )
    return answer.outcome


def notification(device: PushDevice, what: What, thread_id: UUID) -> bytes:
    """What the browser shows, in the member's language: where something waits, and nothing of whom or what."""
    with translation.override(device.member.user.language):
        words = {
            What.MESSAGE: _("A new message is waiting."),
            What.MENTION: _("You are mentioned in a note."),
            What.ASSIGNED: _("A conversation was given to you."),
        }
        said = {
            "title": _workspace_name(device),
            "body": words[what],
            "url": PLACE.format(workspace=device.workspace_id, thread=thread_id),
            "tag": _topic(device, thread_id),
            "lang": translation.get_language() or "en",
        }
    return json.dumps(said, ensure_ascii=False).encode()


def _workspace_name(device: PushDevice) -> str:
    name: str = device.member.workspace.name
    return name[:80]


def _topic(device: PushDevice, thread_id: UUID) -> str:
    """32 letters that are the same for the same conversation on the same device, and tell a service nothing."""
    digest = hashlib.blake2b(thread_id.bytes, key=bytes(device.digest)[:32], digest_size=24).digest()
    return encryption.encoded(digest)
