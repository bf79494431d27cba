"""A private calendar feed: a member's tasks in their own calendar program, by an address only they have.

The address holds a secret; the workspace keeps its SHA-256 alone. A new address ends the old one, and so does the end
of the seat. Whoever has the address reads the feed, so it says little: the kind of each task ("Call"), its day and time.
Only when names were asked for as the address was made does the first name of the person follow ("Call Sunita"); titles,
numbers, notes, services and amounts never leave. An address made without names can never give names: the choice is part
of the secret. It shows the open tasks of the member and those nobody has taken that the member may see; a task that repeats shows each
occurrence of the next 90 days once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import icalendar
from django.urls import reverse

from amanat.accounts import access
from amanat.accounts.models import Member
from amanat.core import ledger, recurrence
from amanat.core.recurrence import Repeat
from amanat.desk.models import Task

_WITH_NAMES, _WITHOUT = "n", "k"
_PAST, _AHEAD, _MOST = timedelta(days=30), timedelta(days=90), 500
_USUAL_LENGTH = timedelta(minutes=30)


def new_address(*, member: Member, at: datetime, with_names: bool) -> str:
    """A fresh path of the feed, shown once; an earlier one ends."""
    secret = (_WITH_NAMES if with_names else _WITHOUT) + secrets.token_urlsafe(24)
    member.feed_secret = _hash(secret)
    member.save(update_fields=["feed_secret"])
    ledger.write("desk.feed.made", workspace=member.workspace_id, by=member, about=member, at=at, names=with_names)
    return reverse("desk:feed", args=[member.workspace_id, member.pk, secret])


def stop(*, member: Member, at: datetime) -> None:
    """Make the address useless."""
    if member.feed_secret:
        member.feed_secret = ""
        member.save(update_fields=["feed_secret"])
        ledger.write("desk.feed.ended", workspace=member.workspace_id, by=member, about=member, at=at)


def owner_of(*, workspace_id: UUID, member_id: UUID, secret: str) -> Member | None:
    """The member whose feed this is, if the secret is theirs, the seat has not ended and the account is on. Call inside the workspace."""
    present = Member.objects.of(workspace_id).filter(ended_at__isnull=True, user__is_active=True)
    member = present.select_related("user").filter(pk=member_id).first()
    kept = member.feed_secret if member is not None else ""
    if member is None or not hmac.compare_digest(kept, _hash(secret)):
        return None
    return access.seat_of(member.user, workspace_id)


def calendar(member: Member, *, at: datetime, secret: str) -> bytes:
    """The feed as iCalendar (RFC 5545)."""
    shows_names = secret.startswith(_WITH_NAMES)
    zone = ZoneInfo(member.workspace.time_zone)
    today = at.astimezone(zone).date()
    feed = icalendar.Calendar()
    feed.add("prodid", "-//Amanat//Calendar feed//EN")
    feed.add("version", "2.0")
    feed.add("x-wr-calname", str(member.workspace))
    feed.add("x-published-ttl", "PT1H")
    tasks = (
        Task.objects.of(member.workspace_id)
        .visible_to(member)
        .open()
        .assigned_or_free(member)
        .filter(due_on__gte=today - _PAST, due_on__lt=today + _AHEAD)
        .select_related("contact")
        .order_by("due_on", "due_time", "id")[:_MOST]
    )
    for task in tasks:
        for place, day in enumerate(days_of(task, until=today + _AHEAD)):
            feed.add_component(_event(task, day, place, zone, at, shows_names=shows_names))
    return bytes(feed.to_ical())


def days_of(task: Task, *, until: date) -> Iterator[date]:
    """The day of a task, then the days of its later occurrences before `until`."""
    yield task.due_on
    if task.repeat is None or task.series_start_on is None:
        return
    done_for = task.first_due_on or task.due_on
    later = recurrence.between(
        Repeat.from_json(task.repeat), task.series_start_on, max(done_for, task.due_on) + timedelta(days=1), until
    )
    yield from later[:_MOST]


def _event(task: Task, day: date, place: int, zone: ZoneInfo, at: datetime, *, shows_names: bool) -> icalendar.Event:
    event = icalendar.Event()
    event.add("uid", f"{task.pk}-{place}@amanat")
    event.add("dtstamp", at)
    event.add("summary", title(task, shows_names=shows_names))
    event.add("class", "PRIVATE")
    if task.due_time is None:
        event.add("dtstart", day)
        event.add("dtend", day + timedelta(days=1))
    else:
        begins = recurrence.moment(datetime.combine(day, task.due_time), zone)
        event.add("dtstart", begins)
        event.add("dtend", begins + _USUAL_LENGTH)
    return event


def title(task: Task, *, shows_names: bool) -> str:
    kind = task.get_kind_display()
    words = task.contact.name.split() if shows_names and task.contact is not None else []
    return f"{kind} {words[0]}" if words else kind


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
