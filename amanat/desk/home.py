"""What the home page shows: today, late, expected, unpaid, and the money collected. One statement for all of it.

Nothing here counts without a limit: beyond `MOST` a figure says "999+". The money collected is a kept sum (`Tally`)
for members who see everything; a member who sees only some people is shown what they took themselves.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Exists, F, Q, Sum
from django.db.models.functions import Coalesce, TruncMonth

from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core.models import Tally
from amanat.desk import payments, prepared, waiting
from amanat.desk.models import Payment, Service, ServiceRecord, Task
from amanat.desk.prepared import Part, Standins
from amanat.desk.waiting import Waiting
from amanat.people.models import Company, Contact

MOST = 1_000
_MOST_UNPAID = 10_000
LIST = 8
AHEAD = timedelta(days=14)
MONTHS = 12


@dataclass(frozen=True)
class Reach:
    """The person whom a line is about, and the number she is called by."""

    contact: UUID
    name: str
    phone: str


@dataclass(frozen=True)
class TaskRow:
    """A task of today or late. `person` and `service` are what it is about, "" for nothing."""

    id: UUID
    title: str
    kind: str
    due_on: date
    due_time: time | None
    person: str
    service: str
    reach: Reach | None = None


@dataclass(frozen=True)
class RecordRow:
    """A service and the name it is for."""

    id: UUID
    title: str
    number: int
    status: str
    person: str
    balance_paise: int
    due_on: date | None
    expires_on: date | None
    follow_up_on: date | None
    reach: Reach | None = None


@dataclass(frozen=True)
class Expected:
    """Something that comes up: a service that expires, a follow-up. `about` is service, contact or company."""

    day: date
    kind: str  #: "expiry" or "follow-up"
    about: str
    id: UUID
    title: str
    person: str = ""
    reach: Reach | None = None


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
        return shown(self.in_hand)

    @property
    def due_text(self) -> str:
        return shown(self.due_this_week)


def shown(count: int) -> str:
    """A count that stopped at `MOST`."""
    return f"{MOST - 1}+" if count >= MOST else str(count)


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


@dataclass(frozen=True)
class Overview:
    """The home page of one member. Lists that the member may not read are empty, figures and months then None and ()."""

    setup: Setup
    due: Sequence[TaskRow] = ()  #: tasks of today by time
    late: Sequence[TaskRow] = ()  #: tasks that are late, the newest first
    records: Sequence[RecordRow] = ()  #: services in hand that are due today or were due before
    unpaid: Sequence[RecordRow] = ()  #: where the most is owed
    expected: Sequence[Expected] = ()
    figures: Figures | None = None
    waiting: Sequence[tuple[Waiting, int]] = ()  #: what somebody has to decide, `MOST` at most of each
    months: Sequence[Month] = ()  #: the money taken in the last twelve months, the current one last


def overview(member: Member, today: date) -> Overview:
    """All of it, in one statement."""
    may = (member.may(May.READ_TASKS), member.may(May.READ_SERVICES))
    months = _months_until(today)
    values = {
        "today": today,
        "until": today + AHEAD,
        "week_end": today + timedelta(days=6 - today.weekday()),
        "first_month": months[0],
        **{f"month_{place}": payments.collected_key(month) for place, month in enumerate(months)},
    }
    deciding = waiting.of(member)
    asked = f"today {may} {[one.name for one in deciding]}"
    found = prepared.read(asked, lambda standins: _parts(standins, deciding, *may), member=member, values=values)
    tasks = [_task(row) for row in found.get("tasks", ())]
    return Overview(
        setup=Setup(*(found["setup"][0][name] for name in ("services", "contacts", "records", "members"))),
        due=[task for task in tasks if task.due_on == today],
        late=[task for task in tasks if task.due_on < today],
        records=[_record(row) for row in found.get("due", ())],
        unpaid=[_record(row) for row in found.get("unpaid", ())],
        waiting=[(one, count) for one in deciding if (count := found[f"waiting {one.name}"])],
        expected=_expected(found) if may[1] else (),
        figures=_figures(found) if may[1] else None,
        months=_collected(member, months, found["collected"]) if may[1] else (),
    )


# --- what is asked ---------------------------------------------------------------------------------------------------


def _parts(
    standins: Standins, deciding: Sequence[Waiting], shows_tasks: bool, shows_services: bool
) -> dict[str, Part]:  # fmt: skip
    parts = {"setup": Part(_setup(standins.member))}
    here = standins.member.workspace_id
    parts |= {f"waiting {one.name}": Part(one.rows(here).order_by().values("pk")[:MOST], "count") for one in deciding}
    if shows_tasks:
        parts["tasks"] = Part(_tasks(standins.member, standins.day("today")))
    if shows_services:
        parts |= _of_services(standins)
    return parts


def _tasks(member: Member, today: date) -> Any:
    """Open tasks of the member and those nobody has, of today by time, then late ones."""
    open_ones = Task.objects.of(member.workspace_id).visible_to(member).open().assigned_or_free(member)
    return (
        open_ones.filter(due_on__lte=today)
        .order_by("-due_on", F("due_time").asc(nulls_last=True), "id")
        .values("id", "title", "kind", "due_on", "due_time", person=_PERSON, service=F("record__title"), **_REACH)[
            : 5 * LIST
        ]
    )


_PERSON = Coalesce("contact__name", "company__name")
_REACH = {"whom": F("contact_id"), "named": F("contact__name"), "phone": F("contact__main_phone")}
_RECORD = ("id", "title", "number", "status", "balance_paise", "due_on", "expires_on", "follow_up_on")


def _of_services(standins: Standins) -> dict[str, Part]:
    member, today, until = standins.member, standins.day("today"), standins.day("until")
    alive = records(member)
    in_hand = alive.in_hand()
    shown = alive.values(*_RECORD, person=_PERSON, **_REACH)
    parts = {
        "due": Part(shown.in_hand().filter(due_on__lte=today).order_by("-due_on", "id")[:LIST]),
        "unpaid": Part(shown.owed().order_by("-balance_paise")[:LIST]),
        "expiry": Part(shown.filter(expires_on__gte=today, expires_on__lte=until).order_by("expires_on", "id")[:LIST]),
        "in_hand": Part(in_hand.values("id")[:MOST], "count"),
        "this_week": Part(in_hand.filter(due_on__lte=standins.day("week_end")).values("id")[:MOST], "count"),
        "owed": Part(alive.owed().order_by("-balance_paise").values("balance_paise")[:_MOST_UNPAID], "sum"),
        "collected": Part(_money(standins)),
    }
    people = Contact.objects.of(member.workspace_id).visible_to(member).alive()
    firms = Company.objects.of(member.workspace_id).visible_to(member).alive()
    for about, rows in (
        ("service", shown),
        (
            "contact",
            people.values("id", "follow_up_on", title=F("name"), whom=F("id"), named=F("name"), phone=F("main_phone")),
        ),
        ("company", firms.values("id", "follow_up_on", title=F("name"))),
    ):
        # The nearest from today on and the nearest that are late, so that a long backlog hides nothing that is near.
        ahead = rows.filter(follow_up_on__gte=today, follow_up_on__lte=until).order_by("follow_up_on", "id")
        late = rows.filter(follow_up_on__lt=today).order_by("-follow_up_on", "id")
        parts |= {f"{about} ahead": Part(ahead[:LIST]), f"{about} late": Part(late[:LIST])}
    return parts


def records(member: Member) -> Any:
    return ServiceRecord.objects.of(member.workspace_id).visible_to(member).alive()


def _money(standins: Standins) -> Any:
    member = standins.member
    if member.sees_all:
        keys = [standins.text(f"month_{place}") for place in range(MONTHS)]
        sums = Tally.objects.of(member.workspace_id).filter(what__in=keys).order_by().values("what")
        return sums.annotate(total=Sum("change"))
    own = Payment.objects.of(member.workspace_id).filter(
        taken_by=member, paid_on__gte=standins.day("first_month"), cancelled_at__isnull=True
    )
    return own.order_by().annotate(what=TruncMonth("paid_on")).values("what").annotate(total=Sum("amount_paise"))


def _setup(member: Member) -> Any:
    """A step is done when one row of its kind exists."""
    workspace_id = member.workspace_id
    rows: dict[str, Any] = {
        "services": Service.objects.of(workspace_id),
        "contacts": Contact.objects.of(workspace_id),
        "records": ServiceRecord.objects.of(workspace_id),
        "members": Member.objects.of(workspace_id).exclude(pk=member.pk),
    }
    own = Member.objects.of(workspace_id).filter(pk=member.pk)
    return own.values(**{name: Exists(found) for name, found in rows.items()})


# --- what came back --------------------------------------------------------------------------------------------------


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


def _task(row: Mapping[str, Any]) -> TaskRow:
    at = time.fromisoformat(row["due_time"]) if row["due_time"] else None
    day = date.fromisoformat(row["due_on"])
    person, service = row["person"] or "", row["service"] or ""
    return TaskRow(UUID(row["id"]), row["title"], row["kind"], day, at, person, service, _reach(row))


def _reach(row: Mapping[str, Any]) -> Reach | None:
    """None where the line is about a firm, about nobody, or about somebody without a number."""
    return Reach(UUID(row["whom"]), row["named"] or "", row["phone"]) if row.get("whom") and row["phone"] else None


def _record(row: Mapping[str, Any]) -> RecordRow:
    return RecordRow(
        UUID(row["id"]), row["title"], row["number"], row["status"], row["person"] or "", row["balance_paise"],
        _day(row["due_on"]), _day(row["expires_on"]), _day(row["follow_up_on"]),
        _reach(row),
    )  # fmt: skip


def _expected(found: Mapping[str, Any]) -> list[Expected]:
    """Expiries and follow-ups from today on for 14 days, and follow-ups that are late, by day."""
    wanted = [("expiry", "service", "expires_on", "expiry")]
    for about in ("service", "contact", "company"):
        wanted += [("follow-up", about, "follow_up_on", f"{about} {when}") for when in ("ahead", "late")]
    lines = [
        Expected(
            date.fromisoformat(row[column]),
            kind,
            about,
            UUID(row["id"]),
            row["title"],
            row.get("person") or "",
            _reach(row),
        )
        for kind, about, column, part in wanted
        for row in found[part]
    ]
    return sorted(lines, key=lambda each: each.day)


def _figures(found: Mapping[str, Any]) -> Figures:
    count, paise = found["owed"]
    return Figures(
        in_hand=found["in_hand"],
        due_this_week=found["this_week"],
        unpaid_paise=paise,
        unpaid_count=count,
        unpaid_is_more=count == _MOST_UNPAID,
    )


def _collected(member: Member, months: Sequence[date], rows: Sequence[Mapping[str, Any]]) -> list[Month]:
    sums = {row["what"] if member.sees_all else row["what"][:10]: int(row["total"]) for row in rows}
    key = payments.collected_key if member.sees_all else date.isoformat
    return [Month(month, sums.get(key(month), 0)) for month in months]


def _months_until(today: date) -> list[date]:
    last = today.year * 12 + today.month - 1
    return [date(number // 12, number % 12 + 1, 1) for number in range(last - MONTHS + 1, last + 1)]


def open_for_person(record: ServiceRecord, member: Member, today: date) -> list[ServiceRecord]:
    """What else is open, unpaid or about to expire for the person of `record`."""
    if record.is_erased:
        return []
    person = Q(contact=record.contact_id) if record.contact_id else Q(company=record.company_id)
    waiting = (
        Q(status__in=ServiceRecord.IN_HAND)
        | (Q(balance_paise__gt=0) & ~Q(status=ServiceRecord.Status.CANCELLED))
        | Q(expires_on__range=(today - timedelta(days=30), today + timedelta(days=60)))
    )
    found = records(member).filter(person & waiting).exclude(pk=record.pk).select_related("contact", "company")
    return list(found.order_by("-id")[:LIST])
