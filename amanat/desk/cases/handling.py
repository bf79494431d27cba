"""Cases: taking one up, writing down what is done, waiting for the customer, closing, reopening.

Each step is a line on the timeline of the contact that refers to the case; the lines are the case's history and go with it. A case that is
closed is counted (`counting`) and is kept as long from that moment as `keep.support` of the policy says; reopening takes both back.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ledger
from amanat.desk import numbers
from amanat.desk.cases import counting
from amanat.desk.cases.models import SupportCase
from amanat.people import search, timeline
from amanat.people.models import Contact
from amanat.people.search import Entry

State = SupportCase.State
#: So long an answer may take unless somebody says another day.
ANSWER_WITHIN = timedelta(days=3)
CHANGEABLE = ("subject", "what", "owner", "due_on")


class CaseRefused(ValueError):
    """It cannot be done with this case; the text says why."""


@dataclass(frozen=True)
class NewCase:
    """What the form says; without `due_on` the answer is due in `ANSWER_WITHIN`."""

    subject: str
    what: str = ""
    due_on: date | None = None
    owner: Member | None = None


def usual_day(today: date) -> date:
    """By when an answer is due unless somebody says another day."""
    return today + ANSWER_WITHIN


def take_up(*, contact: Contact, wanted: NewCase, by: Member, at: datetime) -> SupportCase:
    """Write a case of a contact down. Raises CaseRefused without a subject."""
    subject = _subject(wanted.subject)
    today = at.astimezone(ZoneInfo(by.workspace.time_zone)).date()
    with transaction.atomic():
        case: SupportCase = SupportCase.objects.create(
            workspace_id=by.workspace_id,
            number=numbers.take("support_case", workspace=by.workspace),
            contact=contact,
            subject=subject,
            what=wanted.what.strip(),
            owner=wanted.owner,
            due_on=wanted.due_on or usual_day(today),
            created_at=at,
            created_by=by,
        )
        _tell(case, "taken_up", by=by, at=at, subject=subject)
        search.index([entry(case, contact)])
        ledger.write("desk.case.taken_up", workspace=case.workspace_id, by=by, about=case, at=at)
    return case


def change(*, case: SupportCase, by: Member, at: datetime, **details: Any) -> SupportCase:
    """Change what was written down; the names of changed fields go to the ledger. Raises CaseRefused without a subject."""
    unknown = set(details) - set(CHANGEABLE)
    if unknown:
        raise ValueError(f"not details of a case: {', '.join(sorted(unknown))}")
    if "subject" in details:
        details["subject"] = _subject(details["subject"])
    with transaction.atomic():
        held = locked(case)
        changed = sorted(name for name, value in details.items() if getattr(held, name) != value)
        if not changed:
            return held
        for name in changed:
            setattr(held, name, details[name])
        held.save(update_fields=changed)
        if "subject" in changed:
            search.index([entry(held, held.contact)])
        ledger.write("desk.case.changed", workspace=held.workspace_id, by=by, about=held, at=at, fields=changed)
    return held


def note(*, case: SupportCase, text: str, by: Member, at: datetime, now_waits: bool = False) -> SupportCase:
    """Write down what was done or said; `now_waits` for the customer. Raises CaseRefused for nothing, or when it is closed."""
    text = text.strip()
    if not text:
        raise CaseRefused(_("Write what was done or said."))
    with transaction.atomic():
        held = _unsolved(case)
        held.state = State.WAITING if now_waits else State.OPEN
        held.save(update_fields=["state"])
        _tell(held, "noted_waits" if now_waits else "noted", by=by, at=at, body=text)
        ledger.write("desk.case.noted", workspace=held.workspace_id, by=by, about=held, at=at, state=held.state)
    return held


def close(*, case: SupportCase, outcome: str, by: Member, at: datetime, satisfaction: int | None = None) -> SupportCase:
    """End it, with what came of it. Raises CaseRefused without an outcome, or when it is closed already."""
    outcome = outcome.strip()
    if not outcome:
        raise CaseRefused(_("Write how it ended."))
    with transaction.atomic():
        held = _unsolved(case)
        held.state, held.closed_at, held.closed_by = State.CLOSED, at, by
        held.outcome, held.satisfaction = outcome, satisfaction
        held.save(update_fields=["state", "closed_at", "closed_by", "outcome", "satisfaction"])
        counting.count([_counted(held, by)], workspace=held.workspace_id)
        _tell(held, "closed", by=by, at=at, body=outcome)
        ledger.write(
            "desk.case.closed", workspace=held.workspace_id, by=by, about=held, at=at, satisfaction=satisfaction or 0
        )
    return held


def reopen(*, case: SupportCase, by: Member, at: datetime) -> SupportCase:
    """Take the closing back: the time it is kept begins anew when it is closed again. An open case stays as it is."""
    with transaction.atomic():
        held = locked(case)
        if not held.is_closed:
            return held
        counting.count([_counted(held, by)], workspace=held.workspace_id, taken_back=True)
        held.state, held.closed_at, held.closed_by, held.satisfaction = State.OPEN, None, None, None
        held.due_on = max(held.due_on, usual_day(at.astimezone(ZoneInfo(by.workspace.time_zone)).date()))
        held.save(update_fields=["state", "closed_at", "closed_by", "satisfaction", "due_on"])
        _tell(held, "reopened", by=by, at=at)
        ledger.write("desk.case.reopened", workspace=held.workspace_id, by=by, about=held, at=at)
    return held


def locked(case: SupportCase) -> SupportCase:
    """The case as it is now, held until the transaction ends."""
    rows = SupportCase.objects.of(case.workspace_id).select_related("contact").select_for_update(of=("self",))
    held: SupportCase = rows.get(pk=case.pk)
    return held


def _unsolved(case: SupportCase) -> SupportCase:
    held = locked(case)
    if held.is_closed:
        raise CaseRefused(_("This case is closed. Reopen it first."))
    return held


def _subject(text: str) -> str:
    subject = " ".join(text.split())[:150]
    if not subject:
        raise CaseRefused(_("Write in a few words what it is about."))
    return subject


def _counted(case: SupportCase, by: Member) -> tuple[int, int | None]:
    assert case.closed_at is not None
    return counting.year_of(case.closed_at, by.workspace), case.satisfaction


def _tell(case: SupportCase, what: str, *, by: Member, at: datetime, body: str = "", **values: str) -> None:
    timeline.record(
        workspace=case.workspace_id, kind="case", summary=timeline.say(what, number=str(case.number), **values), body=body,
        happened_at=at, contact=case.contact_id, actor=by, reference=case, data={"url": f"/cases/{case.pk}/"},
    )  # fmt: skip


def entry(case: SupportCase, contact: Contact) -> Entry:
    """What a case is found by: its number, its subject, and whose it is."""
    return Entry(
        kind="case", id=case.pk, workspace_id=case.workspace_id, words=[case.subject, contact.name],
        digits=[str(case.number)], owner_id=contact.owner_id, team_id=contact.team_id,
    )  # fmt: skip
