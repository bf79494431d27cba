"""Conversations: who takes care of one, when it comes back, what is noted in it, who else is writing.

A thread changes only inside `changing`, which locks its row, keeps the count of unread threads true and tells the open pages.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models import BooleanField, Exists, F, OuterRef, Q
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, TeamMember
from amanat.core import announcements, ids, ledger, tally
from amanat.core.tenancy import WorkspaceQuerySet
from amanat.messaging.inbox import bodies, news
from amanat.messaging.inbox.models import CannedReply, Mention, Message, ReplyDraft, Thread
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.changes import Change
from amanat.people.models import Company, Contact, Merge

#: The kept count of open threads that hold something unread: the figure in the sidebar.
UNREAD = "inbox.unread"
#: The topic of announcements.
TOPIC = "messaging.thread"
#: Who touched a draft within this time is writing.
WRITING = timedelta(seconds=30)
MOST_NOTE = 10_000
#: Given to one who sees some people only; as an array, so that an index of threads answers it.
_OF_LIMITED = RawSQL(
    "messaging_thread.assigned_to_id = ANY(ARRAY(SELECT m.id FROM accounts_member m WHERE m.workspace_id = messaging_thread.workspace_id "
    "AND m.sees = 'team' AND m.role NOT IN ('owner', 'manager', 'auditor')))",
    [],
    output_field=BooleanField(),
)
_MENTION = re.compile(r"@([^\s@,.;:!?]+(?: [^\s@,.;:!?]+)?)")


class ThreadRefused(Exception):
    """It cannot be done; the text says why."""


def visible(member: Member) -> WorkspaceQuerySet[Thread]:
    """The threads of people whom `member` may see and who are not in the bin."""
    rows = Thread.objects.of(member.workspace_id).filter(contact__deleted_at__isnull=True)
    if not member.sees_all:
        rows = rows.filter(Q(contact__owner_id=member.pk) | Q(contact__team_id__in=member.team_ids))
    return rows


@contextmanager
def changing(thread: Thread | UUID, *, workspace_id: UUID, savepoint: bool = True) -> Iterator[Thread]:
    """The locked thread; what the block sets is saved, counted and announced.

    `savepoint=False` spares two statements where whatever goes wrong takes the whole transaction back anyway.
    """
    with transaction.atomic(savepoint=savepoint):
        found = Thread.objects.of(workspace_id).select_for_update(of=("self",)).get(
            pk=thread if isinstance(thread, UUID) else thread.pk
        )  # fmt: skip
        was = _is_counted(found)
        yield found
        found.save()
        tally.add(UNREAD, _is_counted(found) - was, workspace=workspace_id)
        announcements.announce(TOPIC, workspace=workspace_id, about=found)


def of_contact(contact_id: UUID, *, workspace_id: UUID, at: datetime) -> UUID:
    """The id of the person's thread, made where there is none yet."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO messaging_thread (id, workspace_id, contact_id, last_at) VALUES (%s, %s, %s, %s) "
            "ON CONFLICT (workspace_id, contact_id) DO NOTHING",
            [ids.new(), workspace_id, contact_id, at],
        )
    found: UUID = Thread.objects.of(workspace_id).values_list("pk", flat=True).get(contact_id=contact_id)
    return found


def assign(*, thread: Thread, to: Member | None, by: Member, at: datetime) -> None:
    """Give the conversation to a member, or to nobody. Raises ThreadRefused for one who may not see the person."""
    if to is not None and (to.workspace_id != thread.workspace_id or to.ended_at is not None):
        raise ThreadRefused(_("There is no such member here."))
    if to is not None and not may_see(to, thread.contact_id):
        raise ThreadRefused(_("%(name)s may not see this person.") % {"name": to.name})
    with changing(thread, workspace_id=thread.workspace_id) as locked:
        locked.assigned_to_id = to.pk if to else None
        _tell("assigned", locked, by, at, to=str(to.pk) if to else None)
        news.assigned(locked, to, by)


def snooze(*, thread: Thread, until: datetime | None, by: Member, at: datetime) -> None:
    """Put the conversation away until then, or bring it back. Whoever writes brings it back at once. Raises ThreadRefused."""
    if until is not None and not at < until <= at + timedelta(days=366):
        raise ThreadRefused(_("Choose a time after now, within a year."))
    with changing(thread, workspace_id=thread.workspace_id) as locked:
        locked.snoozed_until = until
        _tell("snoozed" if until else "woken", locked, by, at)


def close(*, thread: Thread, by: Member, at: datetime) -> None:
    """Nothing is left to do here. It opens again when the person writes."""
    with changing(thread, workspace_id=thread.workspace_id) as locked:
        locked.closed_at, locked.waiting_since, locked.unread, locked.snoozed_until = at, None, 0, None
        _tell("closed", locked, by, at)


def reopen(*, thread: Thread, by: Member, at: datetime) -> None:
    with changing(thread, workspace_id=thread.workspace_id) as locked:
        locked.closed_at = None
        _tell("reopened", locked, by, at)


#: Called with a thread whose messages a member has now read, for channels that tell the person so.
type WhenRead = Callable[[Thread, Member, datetime], None]
_when_read: list[WhenRead] = []


def when_read(hook: WhenRead) -> None:
    """Let a channel send its receipts; called when the site starts."""
    if hook not in _when_read:
        _when_read.append(hook)


def mark_read(*, thread: Thread, by: Member, at: datetime) -> bool:
    """Nothing is unread here any more, for anybody; mentions of `by` are seen. Returns whether anything was unread."""
    with transaction.atomic():
        Mention.objects.of(by.workspace_id).filter(thread=thread.pk, member=by.pk, seen_at__isnull=True).update(
            seen_at=at
        )
        if not Thread.objects.of(by.workspace_id).filter(pk=thread.pk, unread__gt=0).exists():
            return False
        with changing(thread, workspace_id=thread.workspace_id) as locked:
            locked.unread = 0
        for hook in _when_read:
            hook(locked, by, at)
    return True


def mark_unread(*, thread: Thread, by: Member) -> None:
    """As if the last message of the person had not been opened."""
    with changing(thread, workspace_id=thread.workspace_id) as locked:
        locked.unread = max(locked.unread, 1)


def note(*, thread: Thread, text: str, by: Member, at: datetime) -> Message:
    """Write a private note; members named in it with @ are told. Raises ThreadRefused for an empty one."""
    text = text.strip()
    if not text:
        raise ThreadRefused(_("Write something first."))
    if len(text) > MOST_NOTE:
        raise ThreadRefused(_("At most %(count)d characters.") % {"count": MOST_NOTE})
    here = thread.workspace_id
    message = Message(
        id=ids.new(), workspace_id=here, thread_id=thread.pk, contact_id=thread.contact_id, channel="",
        direction=Message.Direction.NOTE, by=by, happened_at=at, created_at=at,
    )  # fmt: skip
    message.body = bodies.seal(bodies.cut(text), workspace_id=here, message_id=message.pk)
    with transaction.atomic():
        message.save(force_insert=True)
        bodies.words_of(message, text).save(force_insert=True)
        named = mentioned(text, _members(here))
        told = [one for one in named if one.pk != by.pk and may_see(one, thread.contact_id)]
        Mention.objects.bulk_create(
            Mention(workspace_id=here, thread_id=thread.pk, message=message, member=one, created_at=at) for one in told
        )
        news.named(thread.pk, told, by)
        ledger.write(
            "messaging.note.written", workspace=here, by=by, about=thread.contact_id, at=at, members=len(named)
        )
        announcements.announce(TOPIC, workspace=here, about=thread)
    return message


def mentioned(text: str, members: Sequence[Member]) -> list[Member]:
    """The members that a text names: @Prakash, where one is called so, or @Prakash Jadhav."""
    found: dict[UUID, Member] = {}
    for match in _MENTION.finditer(text):
        wanted = match[1].casefold()
        first = wanted.partition(" ")[0]
        whole = [one for one in members if one.name.casefold() == wanted]
        by_first = [one for one in members if one.name.casefold().partition(" ")[0] == first]
        for one in whole or (by_first if len(by_first) == 1 else []):
            found[one.pk] = one
    return list(found.values())


def when_sent(workspace_id: UUID, changed: Sequence[Change]) -> None:
    """Tell the open pages how far answers got. Of messages to many, pages learn when they are opened."""
    people = {one.contact_id for one in changed if one.source in ordering.ANSWERS}
    if people:
        for thread_id in Thread.objects.of(workspace_id).filter(contact__in=people).values_list("pk", flat=True):
            announcements.announce(TOPIC, workspace=workspace_id, about=thread_id)


# --- drafts --------------------------------------------------------------------------------------------------------


def keep_draft(
    *, thread: Thread, by: Member, text: str, subject: str = "", channel: str = "", offer: Mapping[str, str] | None = None,
    at: datetime,
) -> None:  # fmt: skip
    """Keep what a member began to write; nothing written forgets it. Others see that she is writing.

    `offer` is what she typed into the buttons or the list below it, by the name of its field.
    """
    if not text.strip() and not offer:
        forget_draft(thread=thread, by=by)
        return
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO messaging_replydraft (id, workspace_id, thread_id, member_id, channel, touched_at) "
                "VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (workspace_id, thread_id, member_id) "
                "DO UPDATE SET touched_at = excluded.touched_at, channel = excluded.channel RETURNING id, xmax = 0",
                [ids.new(), by.workspace_id, thread.pk, by.pk, channel, at],
            )
            identity, is_new = cursor.fetchone()
        draft = ReplyDraft(id=identity, workspace_id=by.workspace_id)
        sealed = bodies.seal_draft(bodies.cut(text, 15_000), bodies.cut(subject, bodies.MOST_SUBJECT), draft, offer)
        ReplyDraft.objects.of(by.workspace_id).filter(pk=identity).update(body=sealed)
        if is_new:
            announcements.announce("messaging.draft", workspace=by.workspace_id, about=thread)


def writing(thread: Thread, *, by: Member, at: datetime) -> list[UUID]:
    """Who else is writing here."""
    drafts = ReplyDraft.objects.of(by.workspace_id).filter(thread=thread.pk, touched_at__gt=at - WRITING)
    return list(drafts.exclude(member=by.pk).order_by("touched_at").values_list("member_id", flat=True))


def forget_draft(*, thread: Thread | UUID, by: Member) -> None:
    key = thread if isinstance(thread, UUID) else thread.pk
    ReplyDraft.objects.of(by.workspace_id).filter(thread=key, member=by.pk).delete()


# --- replies written again and again -------------------------------------------------------------------------------


def keep_canned(*, canned: CannedReply, by: Member, at: datetime) -> CannedReply:
    """Add or change a canned reply. Raises ThreadRefused when another has the shortcut."""
    canned.shortcut = canned.shortcut.strip().lstrip("/").casefold()
    with transaction.atomic():
        same = CannedReply.objects.of(by.workspace_id).filter(shortcut=canned.shortcut, language=canned.language)
        if same.exclude(pk=canned.pk).exists():
            raise ThreadRefused(_("Another reply has this shortcut."))
        is_new = canned._state.adding
        if is_new:
            canned.made_by = by
        canned.save()
        word = "added" if is_new else "changed"
        ledger.write(f"messaging.canned.{word}", workspace=by.workspace_id, by=by, about=canned, at=at)
    return canned


def remove_canned(*, canned: CannedReply, by: Member, at: datetime) -> None:
    with transaction.atomic():
        CannedReply.objects.of(by.workspace_id).filter(pk=canned.pk).delete()
        ledger.write("messaging.canned.removed", workspace=by.workspace_id, by=by, about=canned, at=at)


# --- counts --------------------------------------------------------------------------------------------------------


def recount(workspace_id: UUID) -> int:
    """Bring the kept count to what is there: people in the bin do not count. Returns the difference."""
    unread = Thread.objects.of(workspace_id).filter(
        unread__gt=0, closed_at__isnull=True, contact__deleted_at__isnull=True
    )  # fmt: skip
    difference = unread.count() - tally.count(UNREAD, workspace=workspace_id)
    tally.add(UNREAD, difference, workspace=workspace_id)
    return difference


def _is_counted(thread: Thread) -> int:
    return int(thread.unread > 0 and thread.closed_at is None)


def _members(workspace_id: UUID) -> list[Member]:
    return list(Member.objects.of(workspace_id).filter(ended_at__isnull=True))


def nobody_has() -> Q:
    """Threads given to nobody, or to a member who does not see the person any more: who leaves a team must not take people with her."""
    teams = TeamMember.objects.filter(
        workspace_id=OuterRef("workspace_id"), member=OuterRef("assigned_to_id"), team=OuterRef("contact__team_id")
    )
    is_not_hers = Q(contact__owner__isnull=True) | ~Q(contact__owner=F("assigned_to"))
    return Q(assigned_to__isnull=True) | Q(_OF_LIMITED) & ~Exists(teams) & is_not_hers


def has_lost(thread: Thread) -> bool:
    """Whether the member that the thread was given to does not see the person any more."""
    if thread.assigned_to_id is None:
        return False
    member = Member.objects.of(thread.workspace_id).get(pk=thread.assigned_to_id)
    return not may_see(member, thread.contact_id)


def may_see(member: Member, contact_id: UUID) -> bool:
    """Whether another member may see the person; her teams are looked up."""
    if member.sees_all:
        return True
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM people_contact c WHERE c.workspace_id = %(ws)s AND c.id = %(contact)s AND (c.owner_id = %(member)s "
            "OR c.team_id IN (SELECT t.team_id FROM accounts_teammember t WHERE t.workspace_id = %(ws)s AND t.member_id = %(member)s))",
            {"ws": member.workspace_id, "contact": contact_id, "member": member.pk},
        )
        return cursor.fetchone() is not None


def _tell(what: str, thread: Thread, by: Member, at: datetime, **facts: Any) -> None:
    ledger.write(
        f"messaging.thread.{what}", workspace=thread.workspace_id, by=by, about=thread.contact_id, at=at, **facts
    )


# --- when two people are made one ----------------------------------------------------------------------------------


def unite(keep: Contact | Company, gone: Contact | Company) -> None:
    """Before `gone` is merged into `keep`: both conversations become one, for a person has one thread."""
    here = keep.workspace_id
    found = {one.contact_id: one for one in Thread.objects.of(here).filter(contact__in=[keep.pk, gone.pk])}
    if len(found) < 2:
        return
    stays, goes = found[keep.pk], found[gone.pk]
    mine = ReplyDraft.objects.of(here).filter(thread=stays.pk).values_list("member_id", flat=True)
    ReplyDraft.objects.of(here).filter(thread=goes.pk, member__in=list(mine)).delete()
    for model in (Message, Mention, ReplyDraft):
        model.objects.of(here).filter(thread=goes.pk).update(thread=stays.pk)
    Thread.objects.of(here).filter(pk=goes.pk).update(unread=0, last_message=None)
    with changing(stays, workspace_id=here) as locked:
        if goes.last_at > locked.last_at:
            locked.last_at, locked.last_message_id = goes.last_at, goes.last_message_id
        locked.unread += goes.unread
        locked.addresses = {**goes.addresses, **locked.addresses}
        waiting = [since for since in (locked.waiting_since, goes.waiting_since) if since]
        locked.waiting_since = min(waiting, default=None)
        if goes.window_until and (locked.window_until is None or goes.window_until > locked.window_until):
            locked.window_until, locked.window_account_id = goes.window_until, goes.window_account_id
            locked.addresses = {**locked.addresses, **goes.addresses}
        if goes.closed_at is None:
            locked.closed_at = None
        tally.add(UNREAD, -_is_counted(goes), workspace=here)


def part(merge: Merge) -> None:
    """After a merge was undone: each message stands again in the thread of whom it belongs to."""
    workspace_id, both = merge.workspace_id, Thread.objects.of(merge.workspace_id)
    both = both.filter(contact__in=[merge.kept_id, merge.gone_id])
    for thread in both:
        theirs = Message.objects.of(workspace_id).filter(contact=thread.contact_id)
        theirs.exclude(thread=thread.pk).update(thread=thread.pk)
        Mention.objects.of(workspace_id).filter(message__thread=thread.pk).exclude(thread=thread.pk).update(
            thread=thread.pk
        )
    for thread in both.all():
        newest = (
            Message.objects.of(workspace_id)
            .filter(thread=thread.pk)
            .exclude(direction=Message.Direction.NOTE)
            .order_by("-happened_at", "-id")
            .first()
        )
        with changing(thread, workspace_id=workspace_id) as locked:
            locked.last_message = newest
            if newest is not None:
                locked.last_at = newest.happened_at
