"""Rows of the desk for tests, made by the rules that make them in life."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import count
from typing import Any

from amanat.accounts.models import Member, Workspace
from amanat.desk import services, todo
from amanat.desk.cases import handling
from amanat.desk.cases.handling import NewCase
from amanat.desk.cases.models import SupportCase
from amanat.desk.models import Service, ServiceRecord, Task
from amanat.desk.payments import NewPayment
from amanat.desk.services import NewService
from amanat.desk.todo import NewTask
from amanat.people import contacts
from amanat.people.contacts import ContactDraft
from amanat.people.models import Contact

#: A Saturday, 10:10 in Nashik.
NOW = datetime(2026, 11, 21, 4, 40, tzinfo=UTC)
TODAY = date(2026, 11, 21)
_numbers = count(1)


def make_contact(by: Member, name: str = "Sunita Deshmukh", *, phone: str = "", **details: Any) -> Contact:
    phone = phone or f"98220{next(_numbers):05}"
    draft = ContactDraft(name=name, phones=[(phone, "")], **details)
    return contacts.create(workspace=by.workspace, by=by, at=NOW, draft=draft)


def make_service(workspace: Workspace, name: str = "PAN correction", **details: Any) -> Service:
    values = {"fee_paise": 25_000, "steps": ["Fill the form", "Submit"], "documents": ["Aadhaar card"]} | details
    return Service.objects.create(workspace_id=workspace.pk, key=f"service-{next(_numbers)}", name=name, **values)


def make_record(
    by: Member,
    *,
    contact: Contact | None = None,
    service: Service | None = None,
    paid_paise: int = 0,
    at: datetime = NOW,
    **details: Any,
) -> ServiceRecord:
    if service is None and "title" not in details:
        details["title"] = "PAN correction"
    details.setdefault("fee_paise", None if service else 25_000)
    return services.create(
        workspace=by.workspace,
        wanted=NewService(service=service, **details),
        by=by,
        at=at,
        contact=contact or make_contact(by),
        payment=NewPayment(paid_paise, "cash") if paid_paise else None,
    )


def make_task(
    by: Member, title: str = "Call Sunita", *, due_on: date = TODAY, at: datetime = NOW, **details: Any
) -> Task:
    about = {name: details.pop(name) for name in ("contact", "company", "record") if name in details}
    return todo.create(by=by, at=at, wanted=NewTask(title=title, due_on=due_on, **details), **about)


def make_case(
    by: Member,
    subject: str = "Wrong name on the PAN card",
    *,
    contact: Contact | None = None,
    at: datetime = NOW,
    **details: Any,
) -> SupportCase:
    wanted = NewCase(subject, **details)
    return handling.take_up(contact=contact or make_contact(by), wanted=wanted, by=by, at=at)
