"""Figures and lists over acts and decisions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Count, Q

from amanat.accounts.models import Member
from amanat.basis.models import ConsentRecord, Decision, Suppression
from amanat.core.tenancy import HasId, workspace_id_of
from amanat.people.models import Contact

PAGE = 50


class PlaceUnknown(ValueError):
    """The page of the list is not there."""


def standing(workspace: HasId | UUID, *, at: datetime) -> dict[tuple[str, str], dict[str, int]]:
    """How many people stand where, by purpose and channel: {"given": 12, "withdrawn": 3}. Consents that are over count as none."""
    with connection.cursor() as cursor:
        cursor.execute(_STANDING, {"here": workspace_id_of(workspace), "at": at})
        found: dict[tuple[str, str], dict[str, int]] = {}
        for purpose, channel, what, count in cursor.fetchall():
            found.setdefault((purpose, channel), {})[what] = count
    return found


_STANDING = """
SELECT purpose, channel, what, count(*) FROM (
    SELECT DISTINCT ON (contact_id, purpose, channel) purpose, channel, what, until FROM basis_consentrecord
    WHERE workspace_id = %(here)s AND contact_id IS NOT NULL AND at <= %(at)s
    ORDER BY contact_id, purpose, channel, at DESC, id DESC) latest
WHERE until IS NULL OR until > %(at)s
GROUP BY purpose, channel, what
"""


@dataclass(frozen=True, slots=True)
class Week:
    begins_on: date
    given: int
    withdrawn: int


def trend(workspace: HasId | UUID, *, at: datetime, weeks: int) -> list[Week]:
    """Consents given and taken back in each of the last weeks, the oldest first; weeks begin on Monday (UTC)."""
    monday = (at - timedelta(days=at.weekday())).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = monday - timedelta(weeks=weeks - 1)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT floor(extract(epoch FROM at - %(begin)s) / 604800)::int, what, count(*) FROM basis_consentrecord "
            "WHERE workspace_id = %(here)s AND at >= %(begin)s AND at <= %(at)s GROUP BY 1, 2",
            {"here": workspace_id_of(workspace), "begin": begin, "at": at},
        )
        counted = {(number, what): count for number, what, count in cursor.fetchall()}
    return [
        Week(
            (begin + timedelta(weeks=number)).date(),
            counted.get((number, "given"), 0),
            counted.get((number, "withdrawn"), 0),
        )
        for number in range(weeks)
    ]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which decisions: `answer` is "yes", "no" or "" for both; `on` a day where the workspace is; `after` a place from a page."""

    answer: str = ""
    reason: str = ""
    purpose: str = ""
    on: date | None = None
    after: str = ""
    zone: str = "Asia/Kolkata"


@dataclass(frozen=True, slots=True)
class Page:
    rows: list[Decision]
    after: str  #: "" on the last page


def decisions(workspace: HasId | UUID, *, member: Member, wanted: Wanted) -> Page:
    """One page, newest first, of the people the member may see. Raises PlaceUnknown."""
    rows = Decision.objects.of(workspace_id_of(workspace)).select_related("contact")
    if not member.sees_all:
        seen = Contact.objects.of(workspace_id_of(workspace)).visible_to(member)
        rows = rows.filter(contact__in=seen)
    if wanted.answer in {"yes", "no"}:
        rows = rows.filter(is_allowed=wanted.answer == "yes")
    if wanted.reason:
        rows = rows.filter(reason=wanted.reason)
    if wanted.purpose:
        rows = rows.filter(purpose=wanted.purpose)
    if wanted.on is not None:
        begins, ends = (datetime.combine(wanted.on, edge, ZoneInfo(wanted.zone)) for edge in (time.min, time.max))
        rows = rows.filter(at__range=(begins, ends))
    if wanted.after:
        at, key = _place(wanted.after)
        rows = rows.filter(Q(at__lt=at) | Q(at=at, id__lt=key), at__lte=at)
    found = list(rows.order_by("-at", "-id")[: PAGE + 1])
    more, found = len(found) > PAGE, found[:PAGE]
    return Page(found, f"{found[-1].at.isoformat()}~{found[-1].pk}" if more else "")


def _place(text: str) -> tuple[datetime, UUID]:
    moment, _separator, key = text.partition("~")
    try:
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise PlaceUnknown(text)
        return at, UUID(key)
    except ValueError:
        raise PlaceUnknown(text) from None


def suppressed(workspace: HasId | UUID, *, at: datetime) -> list[dict[str, Any]]:
    """How many addresses are suppressed at a moment, by purpose, channel and reason. No address can be read from it."""
    with connection.cursor() as cursor:
        cursor.execute(_SUPPRESSED, {"here": workspace_id_of(workspace), "at": at})
        rows = cursor.fetchall()
    return [
        {"purpose": purpose, "channel": channel, "reason": Suppression.Reason(reason).label, "count": count}
        for purpose, channel, reason, count in rows
    ]


_SUPPRESSED = """
SELECT purpose, channel, reason, count(*) FROM (
    SELECT DISTINCT ON (digest, purpose, channel) purpose, channel, what, reason FROM basis_suppression
    WHERE workspace_id = %(here)s AND at <= %(at)s
    ORDER BY digest, purpose, channel, at DESC, id DESC) latest
WHERE what = 'added' GROUP BY purpose, channel, reason ORDER BY count(*) DESC, purpose, channel
"""


def uses_of(workspace: HasId | UUID, notice_ids: Iterable[UUID]) -> dict[UUID, int]:
    """How many records rest on each notice."""
    rows = ConsentRecord.objects.of(workspace_id_of(workspace)).filter(notice__in=list(notice_ids))
    return dict(rows.values_list("notice").annotate(count=Count("id")))
