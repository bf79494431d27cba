"""What the home page shows: today, late, expected, unpaid, and the money collected. A fixed number of statements.

Nothing here counts without a limit: beyond `MOST` a figure says "999+". The money collected is a kept sum (`Tally`)
for members who see everything; a member who sees only her own people is shown what she took herself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from django.db.models import Exists, F, Q, Sum
from django.db.models.functions import TruncMonth

from amanat.accounts.models import Member
from amanat.core.models import Tally
from amanat.desk import payments
from amanat.desk.models import Payment, Service, ServiceRecord, Task
from amanat.people.models import Company, Contact

MOST = 1_000
_MOST_UNPAID = 10_000
LIST = 8
AHEAD = timedelta(days=14)
MONTHS = 12


@dataclass(frozen=True)
class Figures:
    """The four figures. `*_more` says that there are more than were counted."""

    in_hand: int
    due_this_week: int
    unpaid_paise: int
    unpaid_count: int
    unpaid_is_more: bool

    @property
    def in_hand_text(self) -> str:
        return f"{MOST - 1}+" if self.in_hand >= MOST else str(self.in_hand)

    @property
    def due_text(self) -> str:
        return f"{MOST - 1}+" if self.due_this_week >= MOST else str(self.due_this_week)


@dataclass(frozen=True)
class Expected:
    """Something that comes up: a service that expires, a follow-up."""

    day: date
    kind: str  #: "expiry" or "follow-up"
    record: ServiceRecord | None = None
    contact: Contact | None = None
    company: Company | None = None


@dataclass(frozen=True)
class Month:
    first: date
    paise: int


@dataclass(frozen=True)
class Setup:
    """What an empty workspace still lacks."""

    has_services: bool
    has_contacts: bool
    has_records: bool
    has_members: bool

    @property
    def is_done(self) -> bool:
        return self.has_services and self.has_contacts and self.has_records and self.has_members


def tasks_of_today(member: Member, today: date) -> tuple[list[Task], list[Task]]:
    """Her open tasks of today by time, and those that are late, the newest first. One statement."""
    due = (
        Task.objects.of(member.workspace_id)
        .visible_to(member)
        .open()
        .hers(member)
        .filter(due_on__lte=today)
        .select_related("contact", "company", "record")
        .order_by("-due_on", F("due_time").asc(nulls_last=True), "id")[: 5 * LIST]
    )
    found = list(due)
    return [task for task in found if task.due_on == today], [task for task in found if task.due_on < today]


def late_records(member: Member, today: date) -> list[ServiceRecord]:
    """Services in hand that are due today or were due before."""
    return list(
        _records(member)
        .in_hand()
        .filter(due_on__lte=today)
        .select_related("contact", "company")
        .order_by("-due_on", "id")[:LIST]
    )


def unpaid(member: Member) -> list[ServiceRecord]:
    """Where the most is owed."""
    return list(
        _records(member)
        .filter(balance_paise__gt=0)
        .exclude(status=ServiceRecord.Status.CANCELLED)
        .select_related("contact", "company")
        .order_by("-balance_paise")[:LIST]
    )


def expected(member: Member, today: date) -> list[Expected]:
    """Expiries and follow-ups from today on for 14 days, and follow-ups that are late. Five statements.

    Of each kind the nearest to today come first, so that a long backlog hides nothing that is near.
    """
    until = today + AHEAD
    records = _records(member).select_related("contact", "company")
    expiring = records.filter(expires_on__gte=today, expires_on__lte=until).order_by("expires_on", "id")[:LIST]
    found = [Expected(each.expires_on, "expiry", record=each) for each in expiring if each.expires_on]
    for followed in _around(records, today, until):
        found += [Expected(each.follow_up_on, "follow-up", record=each) for each in followed if each.follow_up_on]
    people = Contact.objects.of(member.workspace_id).visible_to(member).alive()
    firms = Company.objects.of(member.workspace_id).visible_to(member).alive()
    ahead, late = _around(people, today, until)
    found += [Expected(each.follow_up_on, "follow-up", contact=each) for each in ahead.union(late) if each.follow_up_on]
    ahead, late = _around(firms, today, until)
    found += [Expected(each.follow_up_on, "follow-up", company=each) for each in ahead.union(late) if each.follow_up_on]
    return sorted(found, key=lambda each: each.day)


def _around(rows: Any, today: date, until: date) -> tuple[Any, Any]:
    """The nearest follow-ups from today on, and the nearest that are late."""
    ahead = rows.filter(follow_up_on__gte=today, follow_up_on__lte=until).order_by("follow_up_on", "id")[:LIST]
    return ahead, rows.filter(follow_up_on__lt=today).order_by("-follow_up_on", "id")[:LIST]


def figures(member: Member, today: date) -> Figures:
    """Three statements, each with a limit."""
    in_hand = _records(member).in_hand()
    week_ends = today + timedelta(days=6 - today.weekday())
    owed = list(
        _records(member)
        .filter(balance_paise__gt=0)
        .exclude(status=ServiceRecord.Status.CANCELLED)
        .order_by("-balance_paise")
        .values_list("balance_paise", flat=True)[:_MOST_UNPAID]
    )
    return Figures(
        in_hand=in_hand[:MOST].count(),
        due_this_week=in_hand.filter(due_on__lte=week_ends)[:MOST].count(),
        unpaid_paise=sum(owed),
        unpaid_count=len(owed),
        unpaid_is_more=len(owed) == _MOST_UNPAID,
    )


def collected(member: Member, today: date) -> Sequence[Month]:
    """The money taken in the last twelve months, the current one last. One statement."""
    months = _months_until(today)
    if member.sees_all:
        keys = {payments.collected_key(month): month for month in months}
        sums: dict[Any, int] = {
            keys[what]: total
            for what, total in Tally.objects.of(member.workspace_id)
            .filter(what__in=keys)
            .values_list("what")
            .annotate(total=Sum("change"))
        }
    else:
        hers = Payment.objects.of(member.workspace_id).filter(
            taken_by=member, paid_on__gte=months[0], cancelled_at__isnull=True
        )
        sums = dict(hers.annotate(month=TruncMonth("paid_on")).values_list("month").annotate(total=Sum("amount_paise")))
    return [Month(month, int(sums.get(month, 0))) for month in months]


def setup(member: Member) -> Setup:
    """Which first steps are done. One statement: a step is done when one row of its kind exists."""
    workspace_id = member.workspace_id
    members = Member.objects.of(workspace_id).exclude(pk=member.pk)
    asked = (
        Member.objects.of(workspace_id)
        .filter(pk=member.pk)
        .values_list(
            Exists(Service.objects.of(workspace_id)),
            Exists(Contact.objects.of(workspace_id)),
            Exists(ServiceRecord.objects.of(workspace_id)),
            Exists(members),
        )
    )
    return Setup(*asked.get())


def _records(member: Member) -> Any:
    return ServiceRecord.objects.of(member.workspace_id).visible_to(member).alive()


def _months_until(today: date) -> list[date]:
    last = today.year * 12 + today.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(last - MONTHS + 1, last + 1)]


def open_for_person(record: ServiceRecord, member: Member, today: date) -> list[ServiceRecord]:
    """What else is open, unpaid or about to expire for the person of `record`."""
    person = Q(contact=record.contact_id) if record.contact_id else Q(company=record.company_id)
    waiting = (
        Q(status__in=ServiceRecord.IN_HAND)
        | (Q(balance_paise__gt=0) & ~Q(status=ServiceRecord.Status.CANCELLED))
        | Q(expires_on__range=(today - timedelta(days=30), today + timedelta(days=60)))
    )
    found = _records(member).filter(person & waiting).exclude(pk=record.pk).select_related("contact", "company")
    return list(found.order_by("-id")[:LIST])
