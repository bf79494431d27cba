"""Service records: what is done for whom, for which fee, until when, and how far it is.

The states are a small machine (`MOVES`): work goes from open over papers and submission to delivered; what was refused
or cancelled can be taken up again; what was handed over by mistake goes back to ready. Handing over works out the day
the result expires and makes papers vanish that were promised to. Nothing is deleted at once: a record waits in the bin
for 30 days, and only when no payment counts on it, so that money taken never disappears from the books.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.models import Member, Workspace
from amanat.core import ids, ledger
from amanat.desk import numbers, papers, payments, periods
from amanat.desk.models import Payment, Service, ServiceRecord, Task
from amanat.desk.payments import NewPayment
from amanat.people import rows, search, timeline
from amanat.people.drafts import plain
from amanat.people.models import BIN, Company, Contact
from amanat.people.search import Entry

Status = ServiceRecord.Status

#: From which state a record may go to which.
MOVES: dict[str, tuple[str, ...]] = {
    Status.OPEN: (Status.WAITING, Status.SUBMITTED, Status.READY, Status.DELIVERED, Status.REFUSED, Status.CANCELLED),
    Status.WAITING: (Status.OPEN, Status.SUBMITTED, Status.READY, Status.DELIVERED, Status.CANCELLED),
    Status.SUBMITTED: (Status.WAITING, Status.READY, Status.DELIVERED, Status.REFUSED, Status.CANCELLED),
    Status.READY: (Status.SUBMITTED, Status.DELIVERED, Status.CANCELLED),
    Status.DELIVERED: (Status.READY,),
    Status.REFUSED: (Status.OPEN, Status.SUBMITTED),
    Status.CANCELLED: (Status.OPEN,),
}
NEXT_WORDS = {
    Status.OPEN: gettext_lazy("Open again"),
    Status.WAITING: gettext_lazy("Wait for papers"),
    Status.SUBMITTED: gettext_lazy("Mark as submitted"),
    Status.READY: gettext_lazy("Ready to hand over"),
    Status.DELIVERED: gettext_lazy("Deliver"),
    Status.REFUSED: gettext_lazy("Refused by the office"),
    Status.CANCELLED: gettext_lazy("Cancel the service"),
}
CHANGEABLE = (
    "title", "acknowledgement", "fee_paise", "quantity", "due_on", "expires_on", "follow_up_on", "notes", "custom", "owner",
    "papers_vanish",
)  # fmt: skip
_SEARCHED = {"title", "acknowledgement", "owner"}


class ServiceRefused(ValueError):
    """The record cannot become that; the text says why, for the person at the counter."""


@dataclass(frozen=True)
class NewService:
    """What the quick form says. `fee_paise` and `title` None: as the catalogue has them."""

    service: Service | None
    title: str = ""
    fee_paise: int | None = None
    quantity: int = 1
    due_on: date | None = None
    expires_on: date | None = None
    follow_up_on: date | None = None
    acknowledgement: str = ""
    notes: str = ""
    #: values of the workspace's own fields as `people.custom_fields` stores them
    custom: Mapping[str, Any] = field(default_factory=dict)
    owner: Member | None = None
    papers_vanish: bool | None = None


def create(
    *,
    workspace: Workspace,
    wanted: NewService,
    by: Member,
    at: datetime,
    contact: Contact | None = None,
    company: Company | None = None,
    payment: NewPayment | None = None,
    repeats: ServiceRecord | None = None,
) -> ServiceRecord:
    """Write a record down, with its first payment if some money came at once.

    Raises ServiceRefused for a record about nobody, OverPayment for more money than the fee.
    """
    if contact is None and company is None:
        raise ServiceRefused(_("Choose who the service is for."))
    record = _record(workspace, wanted, by=by, at=at, contact=contact, company=company, repeats=repeats)
    if not record.title:
        raise ServiceRefused(_("Choose a service, or write what is to be done."))
    paid = [payments.first(record, payment, by=by, at=at)] if payment else []
    record.paid_paise = sum(each.amount_paise for each in paid)
    with transaction.atomic():
        record.number = numbers.take("service_record", workspace=workspace)
        record.balance_paise = record.fee_paise - record.paid_paise
        told = timeline.line(
            workspace=workspace, kind="service", summary=_told(record, paid), happened_at=at, contact=contact,
            company=company, actor=by, reference=record,
        )  # fmt: skip
        rows.insert([record, told, search.row_of(_entry(record, contact, company)), *paid, *payments.tallies(paid)])
        ledger.write(
            "desk.service_record.created", workspace=workspace, by=by, about=record, at=at,
            fee_paise=record.fee_paise, paid_paise=record.paid_paise,
        )  # fmt: skip
    return record


def _record(
    workspace: Workspace,
    wanted: NewService,
    *,
    by: Member,
    at: datetime,
    contact: Contact | None,
    company: Company | None,
    repeats: ServiceRecord | None,
) -> ServiceRecord:
    service = wanted.service
    today = at.astimezone(ZoneInfo(workspace.time_zone)).date()
    due_on = wanted.due_on
    if due_on is None and service is not None and service.usual_days is not None:
        due_on = today + timedelta(days=service.usual_days)
    vanish = wanted.papers_vanish
    return ServiceRecord(
        id=ids.new(),
        workspace_id=workspace.pk,
        contact=contact,
        company=company,
        service=service,
        title=(wanted.title or (service.name if service else "")).strip()[:120],
        fee_paise=_fee(wanted),
        quantity=wanted.quantity,
        due_on=due_on,
        expires_on=wanted.expires_on,
        follow_up_on=wanted.follow_up_on,
        steps=list(service.steps) if service else [],
        documents=list(service.documents) if service else [],
        acknowledgement=wanted.acknowledgement.strip(),
        notes=wanted.notes,
        custom=dict(wanted.custom),
        owner=wanted.owner or by,
        papers_vanish=vanish if vanish is not None else bool(service and service.papers_vanish),
        repeats=repeats,
        created_at=at,
        created_by=by,
        updated_at=at,
    )


def _fee(wanted: NewService) -> int:
    if wanted.fee_paise is not None:
        return wanted.fee_paise
    return wanted.service.fee_paise * wanted.quantity if wanted.service else 0


def _told(record: ServiceRecord, paid: list[Payment]) -> timeline.Said:
    if not paid:
        return timeline.say("begun", title=record.title)
    return timeline.say("begun_paid", title=record.title, amount=payments.rupees(paid[0].amount_paise))


def _entry(record: ServiceRecord, contact: Contact | None, company: Company | None) -> Entry:
    person = contact or company
    # Who may find it is who may see the person; the doer of the record finds it by their own list.
    return Entry(
        kind="service",
        id=record.pk,
        workspace_id=record.workspace_id,
        words=[record.title, person.name if person else "", record.acknowledgement],
        digits=[record.acknowledgement, str(record.number)],
        owner_id=person.owner_id if person else record.owner_id,
        team_id=person.team_id if person else None,
    )


def change(*, record: ServiceRecord, by: Member, at: datetime, **details: Any) -> ServiceRecord:
    """Change what was written down. A fee cannot fall below what was paid. The names of changed fields go to the ledger."""
    unknown = set(details) - set(CHANGEABLE)
    if unknown:
        raise ValueError(f"not details of a service record: {', '.join(sorted(unknown))}")
    changed = sorted(name for name, value in details.items() if getattr(record, name) != value)
    if not changed:
        return record
    with transaction.atomic():
        paid = locked(record).paid_paise
        if details.get("fee_paise", paid) < paid:
            raise ServiceRefused(
                _("%(paid)s is paid already; the fee cannot be less.") % {"paid": payments.rupees(paid)}
            )
        for name in changed:
            setattr(record, name, details[name])
        record.updated_at = at
        record.save(update_fields=[*changed, "updated_at"])
        if _SEARCHED & set(changed):
            search.index([_entry(record, record.contact, record.company)])
        ledger.write(
            "desk.service_record.changed", workspace=record.workspace_id, by=by, about=record, at=at, fields=changed
        )
    return record


def tick(*, record: ServiceRecord, steps: Iterable[str], documents: Iterable[str], by: Member, at: datetime) -> None:
    """Keep which steps are done and which documents were seen; only those of the lists count."""
    done, seen = set(steps), set(documents)
    with transaction.atomic():
        locked(record)
        record.steps_done = [step for step in record.steps if step in done]
        record.documents_seen = [document for document in record.documents if document in seen]
        record.updated_at = at
        record.save(update_fields=["steps_done", "documents_seen", "updated_at"])


def may_become(record: ServiceRecord) -> tuple[str, ...]:
    return () if record.deleted_at or record.is_erased else MOVES[record.status]


def set_status(
    *, record: ServiceRecord, status: str, by: Member, at: datetime, acknowledgement: str = ""
) -> ServiceRecord:
    """Move a record on. Raises ServiceRefused for a move that is not in `MOVES`; the same state again is nothing.

    Delivering reckons the expiry from the catalogue's validity unless one was written down, and makes papers vanish.
    """
    with transaction.atomic():
        fresh = locked(record)
        if fresh.status == status:
            return fresh
        if fresh.deleted_at or status not in MOVES[fresh.status]:
            raise ServiceRefused(
                _("A record that is “%(now)s” cannot become “%(wanted)s”.")
                % {"now": fresh.get_status_display(), "wanted": Status(status).label}
            )
        fresh.status, fresh.updated_at = status, at
        acknowledgement = plain(acknowledgement)[:60]
        if acknowledgement:
            fresh.acknowledgement = acknowledgement
        _deliver_or_take_back(fresh, at, ZoneInfo(by.workspace.time_zone))
        fresh.save(update_fields=["status", "updated_at", "acknowledgement", "delivered_at", "expires_on"])
        if status == Status.DELIVERED:
            papers.vanish(record=fresh, by=by, at=at)
        _tell_of_status(fresh, by, at, reindex=bool(acknowledgement))
    for name in ("status", "updated_at", "acknowledgement", "delivered_at", "expires_on"):
        setattr(record, name, getattr(fresh, name))
    return fresh


def _deliver_or_take_back(record: ServiceRecord, at: datetime, zone: ZoneInfo) -> None:
    if record.status != Status.DELIVERED:
        record.delivered_at = None
        return
    record.delivered_at = at
    months = record.service.validity_months if record.service else None
    if months and record.expires_on is None:
        record.expires_on = periods.months_after(at.astimezone(zone).date(), months)


def _tell_of_status(record: ServiceRecord, by: Member, at: datetime, *, reindex: bool) -> None:
    summary = timeline.say("moved", title=record.title, status=record.status)
    timeline.record(
        workspace=record.workspace_id, kind="service", summary=summary, happened_at=at,
        contact=record.contact_id, company=record.company_id, actor=by, reference=record,
    )  # fmt: skip
    if reindex:
        search.index([_entry(record, record.contact, record.company)])
    ledger.write(
        "desk.service_record.moved", workspace=record.workspace_id, by=by, about=record, at=at, to=record.status
    )


def repeat_last(*, record: ServiceRecord, by: Member, at: datetime) -> ServiceRecord:
    """The same again for the same person: title, fee and quantity of last time, a fresh checklist, nothing paid.

    Raises ServiceRefused when the person is erased.
    """
    with transaction.atomic():
        last = locked(record)
        wanted = NewService(
            service=last.service,
            title=last.title,
            fee_paise=last.fee_paise,
            quantity=last.quantity,
            papers_vanish=last.papers_vanish,
        )
        return create(
            workspace=by.workspace,
            wanted=wanted,
            by=by,
            at=at,
            contact=last.contact,
            company=last.company,
            repeats=last,
        )


def delete(*, record: ServiceRecord, by: Member, at: datetime) -> None:
    """Into the bin for 30 days. Raises ServiceRefused while a payment counts on it."""
    with transaction.atomic():
        fresh = locked(record)
        if fresh.deleted_at:
            return
        if fresh.paid_paise:
            raise ServiceRefused(_("Money was taken for this service. Cancel its payments first, with the reason."))
        fresh.deleted_at, fresh.deleted_by = at, by
        fresh.save(update_fields=["deleted_at", "deleted_by"])
        search.forget([fresh.pk], workspace=fresh.workspace_id)
        ledger.write("desk.service_record.deleted", workspace=fresh.workspace_id, by=by, about=fresh, at=at)


def restore(*, record: ServiceRecord, by: Member, at: datetime) -> None:
    """Out of the bin again, as it was."""
    with transaction.atomic():
        fresh = locked(record)
        if fresh.deleted_at is None:
            return
        fresh.deleted_at, fresh.deleted_by = None, None
        fresh.save(update_fields=["deleted_at", "deleted_by"])
        search.index([_entry(fresh, fresh.contact, fresh.company)])
        ledger.write("desk.service_record.restored", workspace=fresh.workspace_id, by=by, about=fresh, at=at)


def purge(workspace: UUID, *, at: datetime, limit: int = 200) -> int:
    """Delete for good what lay in the bin for 30 days, with its papers, tasks and cancelled payments. Returns how many."""
    old = ServiceRecord.objects.of(workspace).filter(deleted_at__lt=at - BIN).order_by("deleted_at")[:limit]
    gone = list(old)
    papers.delete_all([record.pk for record in gone], workspace=workspace, at=at)
    for record in gone:
        Task.objects.of(workspace).filter(record=record).update(record=None)
        ServiceRecord.objects.of(workspace).filter(repeats=record).update(repeats=None)
        Payment.objects.of(workspace).filter(record=record).delete()
        timeline.forget(record)
        ServiceRecord.objects.of(workspace).filter(pk=record.pk).delete()
    if gone:
        ledger.write("desk.bin.emptied", workspace=workspace, at=at, service_records=len(gone))
    return len(gone)


def locked(record: ServiceRecord) -> ServiceRecord:
    """The record as it is now, held until the transaction ends. Raises ServiceRefused when only the books are left of it."""
    held: ServiceRecord = (
        ServiceRecord.objects.of(record.workspace_id)
        .select_related("service", "contact", "company")
        .select_for_update(of=("self",))
        .get(pk=record.pk)
    )
    if held.is_erased:
        raise ServiceRefused(_("The person of this service is erased; what the books need of it stays as it is."))
    return held


def set_many(
    *, records: Iterable[ServiceRecord], status: str, by: Member, at: datetime
) -> Mapping[str, list[ServiceRecord]]:
    """Move several; those that cannot go there stay as they are and are named under "refused"."""
    done: dict[str, list[ServiceRecord]] = {"moved": [], "refused": []}
    for record in records:
        try:
            set_status(record=record, status=status, by=by, at=at)
            done["moved"].append(record)
        except ServiceRefused:
            done["refused"].append(record)
    return done
