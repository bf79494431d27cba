"""What the desk shows on the page of a contact or company: services, papers, tasks, cases. One statement for all four cards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.desk import prepared, veil
from amanat.desk.cases import veil as case_veil
from amanat.desk.cases.models import SupportCase
from amanat.desk.models import Paper, ServiceRecord, Task
from amanat.desk.prepared import Part, Standins
from amanat.people import vocabulary
from amanat.people.models import Company, Contact
from amanat.web import formatting

MOST = 6
Status, CaseState = ServiceRecord.Status, SupportCase.State
Row = Mapping[str, Any]


def services_card(request: MemberRequest, person: Contact | Company) -> dict[str, Any]:
    """The newest services, each with its dot: green is done and paid, red owes or has expired, marigold is in hand."""
    found, now = _found(request, person)["services"], clock.now()
    number = _number_for(request)
    today = clock.today(request.workspace.time_zone)
    return {
        "lines": [
            {
                "url": reverse("desk:service", args=[row["id"]]),
                "title": row["title"],
                "sub": _told({**row, "acknowledgement": number(row)}, today, now),
                "end": _money(row),
                "dot": _dot(row),
            }
            for row in found[:MOST]
        ],
        "has_more": len(found) > MOST,
        **_new(request, person, May.WRITE_SERVICES),
    }


def _number_for(request: MemberRequest) -> Callable[[Row], str]:
    """How this reader sees the number of the office. Whoever types it sees it, which costs no statement."""
    if request.member.may(May.WRITE_SERVICES):
        return lambda row: row["acknowledgement"]
    held = veil.guard(request.member, vocabulary.of_request(request), request.purpose)
    return lambda row: veil.shown(held, "acknowledgement", row["acknowledgement"])


def papers_card(request: MemberRequest, person: Contact | Company) -> dict[str, Any]:
    kinds = dict(Paper.Kind.choices)
    return {
        "lines": [
            {
                "url": reverse("desk:paper", args=[row["id"]]),
                "title": kinds[row["kind"]],
                "number": Paper(number_tail=row["number_tail"]).masked_number,
            }
            for row in _found(request, person)["papers"]
        ],
        "may_write": request.member.may(May.WRITE_PAPERS),
    }


def tasks_card(request: MemberRequest, person: Contact | Company) -> dict[str, Any]:
    today, now = clock.today(request.workspace.time_zone), clock.now()
    return {
        "lines": [
            {
                "url": reverse("desk:task", args=[row["id"]]),
                "done_url": reverse("desk:task_done", args=[row["id"]]),
                "title": row["title"],
                "sub": ", ".join(filter(None, [_short(row["due_on"], now), (row["due_time"] or "")[:5]])),
                "is_late": date.fromisoformat(row["due_on"]) < today,
            }
            for row in _found(request, person)["tasks"]
        ],
        **_new(request, person, May.WRITE_TASKS),
    }


def cases_card(request: MemberRequest, person: Contact | Company) -> dict[str, Any]:
    """The newest cases; what has ended is green, what is late red. They are read for support, whatever the page is read for."""
    today, now = clock.today(request.workspace.time_zone), clock.now()
    tells = case_veil.tells(case_veil.guard(request.member, vocabulary.of_request(request)), person.pk)
    return {
        "lines": [
            {
                "url": reverse("desk:case", args=[row["id"]]),
                "title": row["subject"] if tells else _("Case #%(number)d") % {"number": row["number"]},
                "sub": _case_told(row, now),
                "dot": _case_dot(row, today),
            }
            for row in _found(request, person)["cases"]
        ],
        **_new(request, person, May.WRITE_CASES),
    }


def _case_told(row: Row, now: datetime) -> str:
    if row["closed_at"]:
        return _("Closed %(day)s") % {"day": _short(row["closed_at"], now)}
    return f"{CaseState(row['state']).label} · " + _("answer by %(day)s") % {"day": _short(row["due_on"], now)}


def _case_dot(row: Row, today: date) -> str:
    if row["closed_at"]:
        return "green"
    is_late = row["state"] == CaseState.OPEN and date.fromisoformat(row["due_on"]) < today
    return "red" if is_late else "marigold"


def _new(request: MemberRequest, person: Contact | Company, permission: May) -> dict[str, Any]:
    return {"may_write": request.member.may(permission), "new_query": f"{_about(person)}={person.pk}"}


def _about(person: Contact | Company) -> str:
    return "contact" if isinstance(person, Contact) else "company"


def _found(request: MemberRequest, person: Contact | Company) -> dict[str, Any]:
    """The rows of all the cards this member may see of the person, asked for once a request."""
    held: dict[UUID, dict[str, Any]] = request.__dict__.setdefault("_desk_cards", {})
    if person.pk not in held:
        member, about = request.member, _about(person)
        # A case is of a person.
        may = (
            member.may(May.READ_SERVICES),
            member.may(May.READ_TASKS),
            about == "contact" and member.may(May.READ_CASES),
        )
        build = partial(_parts, about=about, shows_services=may[0], shows_tasks=may[1], shows_cases=may[2])
        held[person.pk] = prepared.read(f"cards {about} {may}", build, member=member, values={"person": person.pk})
    return held[person.pk]


def _parts(
    standins: Standins, *, about: str, shows_services: bool, shows_tasks: bool, shows_cases: bool
) -> dict[str, Part]:
    member, person = standins.member, {about: standins.identity("person")}
    parts = {}
    if shows_services:
        rows = ServiceRecord.objects.of(member.workspace_id).visible_to(member).alive().filter(**person)
        columns = (
            "id", "title", "status", "acknowledgement", "due_on", "expires_on", "delivered_at", "balance_paise", "paid_paise",
        )  # fmt: skip
        parts["services"] = Part(rows.order_by("-id").values(*columns)[: MOST + 1])
        papers = Paper.objects.of(member.workspace_id).kept().filter(contact=standins.identity("person"))
        parts["papers"] = Part(papers.order_by("-id").values("id", "kind", "number_tail")[:MOST])
    if shows_tasks:
        tasks = Task.objects.of(member.workspace_id).visible_to(member).open().filter(**person)
        in_order = tasks.order_by("due_on", "due_time", "id")
        parts["tasks"] = Part(in_order.values("id", "title", "due_on", "due_time")[:MOST])
    if shows_cases:
        cases = SupportCase.objects.of(member.workspace_id).visible_to(member).filter(**person).order_by("-id")
        parts["cases"] = Part(cases.values("id", "number", "subject", "state", "due_on", "closed_at")[:MOST])
    return parts


def _short(day: str, now: datetime) -> str:
    moment = datetime.fromisoformat(day) if "T" in day else date.fromisoformat(day)
    return formatting.short_day(moment, now=now)


def _told(row: Row, today: date, now: datetime) -> str:
    """Delivered 3 Nov; or how far it is, its number at the office or its day. Then until when the result holds."""
    if row["delivered_at"]:
        parts = [_("Done %(day)s") % {"day": _short(row["delivered_at"], now)}]
    else:
        due = _("due %(day)s") % {"day": _short(row["due_on"], now)} if row["due_on"] else ""
        parts = [str(Status(row["status"]).label), row["acknowledgement"] or due]
    if row["expires_on"]:
        is_over = date.fromisoformat(row["expires_on"]) < today
        words = _("expired %(day)s") if is_over else _("expires %(day)s")
        parts.append(words % {"day": _short(row["expires_on"], now)})
    return " · ".join(part for part in parts if part)


def _money(row: Row) -> str:
    if row["balance_paise"] > 0:
        return _("%(amount)s due") % {"amount": formatting.rupees(row["balance_paise"])}
    return _("%(amount)s paid") % {"amount": formatting.rupees(row["paid_paise"])}


def _dot(row: Row) -> str:
    status = row["status"]
    if status == Status.REFUSED or (row["balance_paise"] > 0 and status == Status.DELIVERED):
        return "red"
    return "green" if status == Status.DELIVERED else "marigold" if status in ServiceRecord.IN_HAND else ""
