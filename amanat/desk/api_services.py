"""The API of the catalogue and of service records."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import BaseModel, Field, StrictInt

from amanat.accounts.api_access import ApiRequest, lacks, needs
from amanat.accounts.api_shapes import (
    Currency,
    Day,
    Flag,
    Listed,
    Moment,
    Paise,
    Stale,
    Strict,
    answer,
    broken_key,
    next_of,
    seen_at,
    stale_status,
)
from amanat.accounts.models import Member
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.desk import listing, services, veil
from amanat.desk.api_finding import AboutPeople, Listing, member_of, people_of, record_of, shaped
from amanat.desk.api_payments import PaymentIn, new_payment
from amanat.desk.models import Service, ServiceRecord
from amanat.desk.services import NewService
from amanat.people import api_records, custom_fields, lists, vocabulary
from amanat.people.api_records import CustomValue
from amanat.people.vocabulary import Vocabulary

router = Router(tags=["Services"])

STATUSES = Literal["open", "waiting", "submitted", "ready", "delivered", "refused", "cancelled"]
_Quantity = Annotated[StrictInt, Field(ge=1, le=999)]
_Steps = Annotated[list[Annotated[str, Field(max_length=120)]], Field(max_length=40)]


class ServiceOut(BaseModel):
    """An entry of the catalogue."""

    id: UUID
    name: str
    category: str
    fee_paise: Paise
    currency: Currency = "INR"
    documents: list[str]
    steps: list[str]
    usual_days: int | None
    validity_months: int | None
    remind_days_before: int
    papers_vanish: bool
    is_active: bool


class ServicePage(Listed[ServiceOut]):
    """One page of the catalogue, in its order."""


class ServiceFilters(Listing):
    active: Literal["yes", "no", "all"] = "yes"


class RecordDetails(Strict):
    """What may be said about a service record at any time."""

    title: str = Field(default="", max_length=120, description="Left out: the name in the catalogue.")
    fee_paise: Paise | None = Field(default=None, description="Left out: the fee in the catalogue.")
    quantity: _Quantity = 1
    due_on: Day | None = None
    expires_on: Day | None = None
    follow_up_on: Day | None = None
    acknowledgement: str = Field(default="", max_length=60)
    notes: str = Field(default="", max_length=10_000)
    owner_id: UUID | None = Field(default=None, description="Who does it. Left out: the token's member.")
    custom: Annotated[dict[str, CustomValue], Field(max_length=500)] = Field(
        default={},
        description="Values by the key of the custom field; amounts in paise. In a change, null takes one away.",
    )
    papers_vanish: Flag | None = Field(default=None, description="Whether papers are deleted when it is delivered.")


class ServiceRecordIn(RecordDetails):
    """A job for a contact or a company, out of the catalogue (`service_id`) or in words (`title`)."""

    contact_id: UUID | None = None
    company_id: UUID | None = None
    service_id: UUID | None = None
    payment: PaymentIn | None = Field(default=None, description="What was paid at once.")


class ServiceRecordChange(RecordDetails):
    """Only what is to change. `updated_at` as it was read refuses the change (409) if somebody was quicker."""

    updated_at: Moment | None = None


class ServiceRecordOut(BaseModel):
    id: UUID
    number: int = Field(description="Counts up within the workspace; the receipt's number.")
    contact_id: UUID | None
    contact: str
    company_id: UUID | None
    company: str
    service_id: UUID | None
    title: str
    status: STATUSES
    may_become: list[STATUSES]
    acknowledgement: str
    fee_paise: int
    paid_paise: int
    balance_paise: int
    currency: Currency = "INR"
    quantity: int
    due_on: Day | None
    expires_on: Day | None
    follow_up_on: Day | None
    steps: list[str]
    steps_done: list[str]
    documents: list[str]
    documents_seen: list[str]
    notes: str
    owner_id: UUID | None
    custom: dict[str, Any]
    papers_vanish: bool
    created_at: Moment
    updated_at: Moment
    delivered_at: Moment | None
    deleted_at: Moment | None
    erased_at: Moment | None = Field(
        description="Since when the person is erased and only what the books need is left; it can no longer be changed."
    )


class ServiceRecordPage(Listed[ServiceRecordOut]):
    """One page of service records."""


class ServiceRecordFilters(AboutPeople):
    """The workspace's own fields are filters too: `custom.<key>`, several values mean any of them."""

    view: Literal["in_hand", "due", "unpaid", "expiring", "all", "bin"] = "all"
    status: STATUSES | None = None
    service_id: UUID | None = None
    owner_id: UUID | None = None


class StatusIn(Strict):
    status: STATUSES
    acknowledgement: str = Field(
        default="", max_length=60, description="The office's number, where it came with the step."
    )


class ChecklistIn(Strict):
    """All that is done and seen; what is left out is not. Only entries of the record's own lists count."""

    steps_done: _Steps = []
    documents_seen: _Steps = []


# --- the catalogue -------------------------------------------------------------------------------------------------


@router.get("/services", response=ServicePage, summary="List the catalogue of services")
@needs("services:read", May.READ_SERVICES)
def list_services(request: HttpRequest, filters: Query[ServiceFilters]) -> ServicePage:
    found = Service.objects.of(cast(ApiRequest, request).workspace)
    if filters.active != "all":
        found = found.filter(is_active=filters.active == "yes")
    if filters.after:
        position, identity = _place(filters.after)
        found = found.filter(Q(position__gt=position) | Q(position=position, id__gt=identity))
    rows = list(found.order_by("position", "id")[: filters.limit + 1])
    more, rows = len(rows) > filters.limit, rows[: filters.limit]
    items = [shaped(ServiceOut, row) for row in rows]
    return ServicePage(items=items, next=next_of(request, f"{rows[-1].position}~{rows[-1].pk}" if more else None))


def _place(after: str) -> tuple[int, UUID]:
    position, _tilde, identity = after.partition("~")
    try:
        return max(-32768, min(int(position[:9]), 32767)), UUID(identity)
    except ValueError:
        raise broken_key() from None


# --- service records -----------------------------------------------------------------------------------------------


@router.get("/service-records", response=ServiceRecordPage, summary="List service records")
@needs("services:read", May.READ_SERVICES)
def list_records(request: HttpRequest, filters: Query[ServiceRecordFilters]) -> ServiceRecordPage:
    """Records the member may see, a page at a time. `due` and `expiring` come by day, `unpaid` by what is owed, all others
    newest first."""
    asked = cast(ApiRequest, request)
    if filters.after and not listing.is_place(filters.after, filters.view):
        raise broken_key()
    words = vocabulary.of(asked.workspace)
    wanted = listing.Filters(
        view=filters.view, status=filters.status or "", service=filters.service_id, owner=filters.owner_id,
        custom={name: values for name, values in request.GET.lists() if name.startswith("custom.")},
    )  # fmt: skip
    found = listing.rows(asked.member, wanted, today=clock.today(asked.workspace.time_zone))
    if wanted.custom:
        found = found.filter(listing.custom(asked.member, wanted, words))
    if filters.contact_id:
        found = found.filter(contact_id=filters.contact_id)
    if filters.company_id:
        found = found.filter(company_id=filters.company_id)
    with lists.bounded(lists.Definition(on="service", filters=wanted.custom)):
        page = listing.page(found, filters.view, after=filters.after or None, limit=filters.limit)
    items = [_shape(record, words, asked.member) for record in page.records]
    return ServiceRecordPage(items=items, next=next_of(request, page.after))


@router.post("/service-records", response={201: ServiceRecordOut, 409: None}, summary="Add a service record")
@needs("services:write", May.WRITE_SERVICES)
def create_record(request: HttpRequest, record: ServiceRecordIn) -> HttpResponse:
    """Title, fee, checklist and due day come from the catalogue unless they are given."""
    asked = cast(ApiRequest, request)
    at = clock.now()
    if record.payment is not None and not asked.member.may(May.TAKE_PAYMENTS):
        return lacks(May.TAKE_PAYMENTS)
    contact, company = people_of(asked, record.contact_id, record.company_id)
    if contact is None and company is None:
        raise ValidationError({"contact_id": _("Choose who the service is for.")})
    service, words = _offered(asked, record.service_id), vocabulary.of(asked.workspace)
    if service is None and not record.title.strip():
        raise ValidationError({"title": _("Choose a service, or write what is to be done.")})
    wanted = NewService(
        service=service,
        title=record.title,
        fee_paise=record.fee_paise,
        quantity=record.quantity,
        due_on=record.due_on,
        expires_on=record.expires_on,
        follow_up_on=record.follow_up_on,
        acknowledgement=record.acknowledgement,
        notes=record.notes,
        owner=member_of(asked, record.owner_id, name="owner_id"),
        papers_vanish=record.papers_vanish,
        custom=_own(record.custom, {}, words, is_new=True),
    )
    made = services.create(
        workspace=asked.workspace,
        wanted=wanted,
        by=asked.member,
        at=at,
        contact=contact,
        company=company,
        payment=new_payment(asked, record.payment) if record.payment else None,
    )
    shown = _shape(made, words, asked.member)
    return answer(shown, status=201, location=f"/api/v1/service-records/{made.pk}", updated_at=made.updated_at)


@router.get("/service-records/{uuid:record_id}", response=ServiceRecordOut, summary="Read a service record")
@needs("services:read", May.READ_SERVICES)
def get_record(request: HttpRequest, record_id: UUID) -> HttpResponse:
    return _read(cast(ApiRequest, request), record_id)


@router.patch(
    "/service-records/{uuid:record_id}",
    response={200: ServiceRecordOut, 409: None, 412: None},
    summary="Change what was written down about a service",
)
@needs("services:write", May.WRITE_SERVICES)
def change_record(request: HttpRequest, record_id: UUID, change: ServiceRecordChange) -> HttpResponse:
    """What is left out stays. The fee cannot fall below what was paid (409)."""
    asked = cast(ApiRequest, request)
    record = services.locked(record_of(asked, record_id, alive=True))
    seen = seen_at(request, change.updated_at)
    if seen is not None and seen != record.updated_at:
        raise Stale(stale_status(request))
    details = {name: getattr(change, name) for name in change.model_fields_set - {"updated_at"}}
    empty: list[str] = [name for name in ("fee_paise", "papers_vanish") if name in details and details[name] is None]
    if "title" in details and not details["title"].strip():
        empty.append("title")
    if empty:
        raise ValidationError({name: _("This cannot be empty.") for name in empty})
    if "owner_id" in details:
        details["owner"] = member_of(asked, details.pop("owner_id"), name="owner_id")
    if "custom" in details:
        words = vocabulary.of(asked.workspace)
        details["custom"] = _own(details["custom"], record.custom, words, is_new=False)
    services.change(record=record, by=asked.member, at=clock.now(), **details)
    return _read(asked, record_id)


@router.put(
    "/service-records/{uuid:record_id}/status",
    response={200: ServiceRecordOut, 409: None},
    summary="Move a service record to another state",
)
@needs("services:write", May.WRITE_SERVICES)
def set_status(request: HttpRequest, record_id: UUID, wanted: StatusIn) -> HttpResponse:
    """Only to one of `may_become` (409 otherwise). Delivering reckons the expiry and deletes papers that were promised to go."""
    asked = cast(ApiRequest, request)
    record = record_of(asked, record_id, alive=True)
    services.set_status(
        record=record, status=wanted.status, by=asked.member, at=clock.now(), acknowledgement=wanted.acknowledgement
    )
    return _read(asked, record_id)


@router.put(
    "/service-records/{uuid:record_id}/checklist", response=ServiceRecordOut, summary="Tick steps and documents"
)
@needs("services:write", May.WRITE_SERVICES)
def set_checklist(request: HttpRequest, record_id: UUID, ticks: ChecklistIn) -> HttpResponse:
    asked = cast(ApiRequest, request)
    services.tick(
        record=record_of(asked, record_id, alive=True),
        steps=ticks.steps_done,
        documents=ticks.documents_seen,
        by=asked.member,
        at=clock.now(),
    )
    return _read(asked, record_id)


@router.delete(
    "/service-records/{uuid:record_id}", response={204: None, 409: None}, summary="Move a service record to the bin"
)
@needs("services:write", May.WRITE_SERVICES)
def delete_record(request: HttpRequest, record_id: UUID) -> HttpResponse:
    """Not while a payment counts on it (409): cancel that first, with the reason."""
    asked = cast(ApiRequest, request)
    services.delete(record=record_of(asked, record_id, alive=True), by=asked.member, at=clock.now())
    return HttpResponse(status=204)


@router.post(
    "/service-records/{uuid:record_id}/restoration",
    response=ServiceRecordOut,
    summary="Bring a service record back from the bin",
)
@needs("services:write", May.WRITE_SERVICES)
def restore_record(request: HttpRequest, record_id: UUID) -> HttpResponse:
    asked = cast(ApiRequest, request)
    services.restore(record=record_of(asked, record_id), by=asked.member, at=clock.now())
    return _read(asked, record_id)


# --- finding and showing -------------------------------------------------------------------------------------------


def _read(request: ApiRequest, record_id: UUID) -> HttpResponse:
    record = record_of(request, record_id)
    return answer(_shape(record, vocabulary.of(request.workspace), request.member), updated_at=record.updated_at)


def _own(given: dict[str, CustomValue], stored: dict[str, Any], words: Vocabulary, *, is_new: bool) -> dict[str, Any]:
    """Values of the workspace's own fields as they are stored. Raises ValidationError, for a new record also for one that is missing."""
    entered = api_records.custom_entered(given, words, on="service")
    own = words.fields_on("service")
    if is_new:
        return custom_fields.cleaned_all(own, entered)
    unknown = {f"custom-{key}": _("There is no such field here.") for key in entered.keys() - {one.key for one in own}}
    if unknown:
        raise ValidationError(unknown)
    return custom_fields.merged(own, stored, entered)


def _offered(request: ApiRequest, service_id: UUID | None) -> Service | None:
    if service_id is None:
        return None
    found = Service.objects.of(request.workspace).filter(pk=service_id, is_active=True).first()
    if found is None:
        raise ValidationError({"service_id": _("There is no such service here.")})
    return found


def _shape(record: ServiceRecord, words: Vocabulary, member: Member) -> ServiceRecordOut:
    held = veil.guard(member, words)
    return shaped(
        ServiceRecordOut,
        record,
        contact=record.contact.name if record.contact else "",
        company=record.company.name if record.company else "",
        may_become=list(services.may_become(record)),
        balance_paise=record.fee_paise - record.paid_paise,
        acknowledgement=veil.shown(held, "acknowledgement", record.acknowledgement),
        custom=api_records.custom_shown(veil.custom(held, record.custom), words, on="service"),
    )
