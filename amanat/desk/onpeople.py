"""What the desk shows on the page of a contact or company: services, papers, tasks. One statement each."""

from __future__ import annotations

from typing import Any

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.desk.models import Paper, ServiceRecord, Task
from amanat.people.models import Company, Contact

MOST = 6
Status = ServiceRecord.Status


def services_card(request: MemberRequest, person: Contact | Company) -> dict[str, Any]:
    """The newest services, each with its dot: green is done and paid, red owes or has expired, marigold is in hand."""
    rows = ServiceRecord.objects.of(request.workspace).visible_to(request.member).alive().filter(**_about(person))
    found = list(rows.order_by("-id")[: MOST + 1])
    today = clock.today(request.workspace.time_zone)
    return {
        "services": [
            {"record": record, "dot": _dot(record), "is_expired": _expired(record, today)} for record in found[:MOST]
        ],
        "has_more": len(found) > MOST,
        "may_write": request.member.may(May.WRITE_SERVICES),
        "new_query": "&".join(f"{key}={value}" for key, value in _about(person).items()),
    }


def papers_card(request: MemberRequest, person: Contact | Company) -> dict[str, Any]:
    papers = Paper.objects.of(request.workspace).kept().filter(contact=person.pk).order_by("-id")[:MOST]
    return {"papers": list(papers), "may_write": request.member.may(May.WRITE_PAPERS)}


def tasks_card(request: MemberRequest, person: Contact | Company) -> dict[str, Any]:
    rows = Task.objects.of(request.workspace).visible_to(request.member).open().filter(**_about(person))
    return {
        "tasks": list(rows.order_by("due_on", "due_time", "id")[:MOST]),
        "today": clock.today(request.workspace.time_zone),
        "may_write": request.member.may(May.WRITE_TASKS),
        "new_query": "&".join(f"{key}={value}" for key, value in _about(person).items()),
    }


def _about(person: Contact | Company) -> dict[str, Any]:
    return {"contact" if isinstance(person, Contact) else "company": person.pk}


def _expired(record: ServiceRecord, today: Any) -> bool:
    return bool(record.expires_on and record.expires_on < today)


def _dot(record: ServiceRecord) -> str:
    if record.status == Status.REFUSED or (record.balance_paise > 0 and record.status == Status.DELIVERED):
        return "red"
    return "green" if record.status == Status.DELIVERED else "marigold" if not record.is_closed else ""
