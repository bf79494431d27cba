"""The API of payments, and the list of papers."""

from __future__ import annotations

from typing import Annotated, Any, Literal, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Query, Router
from pydantic import BaseModel, Field, StrictInt

from amanat.accounts.api_access import ApiRequest, needs
from amanat.accounts.api_shapes import (
    LISTED,
    MOST_PAISE,
    After,
    Currency,
    Day,
    Limit,
    Listed,
    Moment,
    Paise,
    Strict,
    answer,
)  # fmt: skip
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.desk import payments
from amanat.desk.api_finding import Listing, newest, record_of, shaped
from amanat.desk.models import Paper, Payment, ServiceRecord
from amanat.desk.payments import NewPayment

router = Router(tags=["Services"])

_METHODS = Literal["cash", "upi", "card", "bank"]


class PaymentIn(Strict):
    amount_paise: Annotated[StrictInt, Field(ge=1, le=MOST_PAISE, examples=[15_000])]
    currency: Currency = "INR"
    method: _METHODS
    reference: str = Field(default="", max_length=60)
    paid_on: Day | None = Field(default=None, description="Left out: today.")


class PaymentTaken(PaymentIn):
    """A payment for a record. `expected_balance_paise` refuses it (409) when somebody else took money meanwhile."""

    expected_balance_paise: Paise | None = None


class PaymentOut(BaseModel):
    id: UUID
    service_record_id: UUID
    amount_paise: int
    currency: Currency = "INR"
    method: _METHODS
    reference: str
    paid_on: Day
    taken_by_id: UUID | None
    created_at: Moment
    cancelled_at: Moment | None
    cancel_reason: str


class PaymentPage(Listed[PaymentOut]):
    """One page of payments, newest first, cancelled ones too."""


class PaymentFilters(Listing):
    paid_from: Day | None = None
    paid_to: Day | None = Field(default=None, description="The last day, included.")
    method: _METHODS | None = None


class CancellationIn(Strict):
    reason: str = Field(min_length=1, max_length=200, examples=["Entered twice."])


class PaperOut(BaseModel):
    """That a paper is kept, never what it says: opening it asks for a signed-in browser and a reason."""

    id: UUID
    kind: str = Field(examples=["aadhaar", "pan", "passbook"])
    contact_id: UUID | None
    service_record_id: UUID | None
    has_file: bool
    masked_number: str = Field(examples=["···· ···· 4821"])
    note: str
    vanishes_on_delivery: bool
    added_by_id: UUID | None
    added_at: Moment


class PaperPage(Listed[PaperOut]):
    """One page of papers, newest first."""


class PaperFilters(Listing):
    contact_id: UUID | None = None
    service_record_id: UUID | None = None


# --- payments ------------------------------------------------------------------------------------------------------


@router.get("/payments", response=PaymentPage, summary="List payments")
@needs("services:read", May.READ_SERVICES)
def list_payments(request: HttpRequest, filters: Query[PaymentFilters]) -> PaymentPage:
    found = _payments(cast(ApiRequest, request))
    if filters.paid_from:
        found = found.filter(paid_on__gte=filters.paid_from)
    if filters.paid_to:
        found = found.filter(paid_on__lte=filters.paid_to)
    if filters.method:
        found = found.filter(method=filters.method)
    return _payment_page(request, found, filters.after, filters.limit)


@router.get(
    "/service-records/{uuid:record_id}/payments", response=PaymentPage, summary="List the payments of a service record"
)
@needs("services:read", May.READ_SERVICES)
def list_payments_of(request: HttpRequest, record_id: UUID, limit: Limit = LISTED, after: After = "") -> PaymentPage:
    record = record_of(cast(ApiRequest, request), record_id)
    return _payment_page(request, Payment.objects.of(record.workspace_id).filter(record=record), after, limit)


@router.post(
    "/service-records/{uuid:record_id}/payments", response={201: PaymentOut, 409: None}, summary="Write down a payment"
)
@needs("services:write", May.TAKE_PAYMENTS)
def take_payment(request: HttpRequest, record_id: UUID, payment: PaymentTaken) -> HttpResponse:
    """Never more than is owed (409). Send an Idempotency-Key, so that a repeat takes no money twice."""
    asked = cast(ApiRequest, request)
    wanted = new_payment(asked, payment, expected=payment.expected_balance_paise)
    taken = payments.take(
        record=record_of(asked, record_id, alive=True), payment=wanted, by=asked.member, at=clock.now()
    )
    return answer(_payment(taken), status=201, location=f"/api/v1/payments/{taken.pk}")


@router.get("/payments/{uuid:payment_id}", response=PaymentOut, summary="Read a payment")
@needs("services:read", May.READ_SERVICES)
def get_payment(request: HttpRequest, payment_id: UUID) -> PaymentOut:
    return _payment(_payment_of(cast(ApiRequest, request), payment_id))


@router.post(
    "/payments/{uuid:payment_id}/cancellation", response={200: PaymentOut, 409: None}, summary="Cancel a payment"
)
@needs("services:write", May.CANCEL_PAYMENTS)
def cancel_payment(request: HttpRequest, payment_id: UUID, cancellation: CancellationIn) -> HttpResponse:
    """A payment is never changed or deleted: it stays, cancelled, with the reason."""
    asked = cast(ApiRequest, request)
    payment = _payment_of(asked, payment_id)
    cancelled = payments.cancel(payment=payment, by=asked.member, at=clock.now(), reason=cancellation.reason)
    return answer(_payment(cancelled))


# --- papers --------------------------------------------------------------------------------------------------------


@router.get("/papers", response=PaperPage, summary="List papers that are kept", tags=["Papers"])
@needs("services:read", May.READ_SERVICES)
def list_papers(request: HttpRequest, filters: Query[PaperFilters]) -> PaperPage:
    """Kinds and masked numbers only. No token opens a paper."""
    asked = cast(ApiRequest, request)
    found = Paper.objects.of(asked.workspace).visible_to(asked.member).kept().for_people_here()
    if filters.contact_id:
        found = found.filter(contact_id=filters.contact_id)
    if filters.service_record_id:
        found = found.filter(record_id=filters.service_record_id)
    rows, following = newest(request, found, filters.after, filters.limit)
    return PaperPage(items=[_paper(row) for row in rows], next=following)


def _paper(paper: Paper) -> PaperOut:
    return shaped(PaperOut, paper, service_record_id=paper.record_id, has_file=paper.file_id is not None)


def new_payment(request: ApiRequest, payment: PaymentIn, *, expected: int | None = None) -> NewPayment:
    if payment.paid_on is not None and payment.paid_on > clock.today(request.workspace.time_zone):
        raise ValidationError({"paid_on": _("This day has not come yet.")})
    return NewPayment(
        amount_paise=payment.amount_paise,
        method=payment.method,
        reference=payment.reference,
        paid_on=payment.paid_on,
        expected_balance_paise=expected,
    )


def _payments(request: ApiRequest) -> Any:
    """Payments of records the member may see."""
    found = Payment.objects.of(request.workspace)
    if request.member.sees_all:
        return found
    return found.filter(record__in=ServiceRecord.objects.of(request.workspace).visible_to(request.member).values("pk"))


def _payment_of(request: ApiRequest, payment_id: UUID) -> Payment:
    found: Payment | None = _payments(request).filter(pk=payment_id).first()
    if found is None:
        raise Http404
    return found


def _payment_page(request: HttpRequest, found: Any, after: str, limit: int) -> PaymentPage:
    rows, following = newest(request, found, after, limit)
    return PaymentPage(items=[_payment(row) for row in rows], next=following)


def _payment(payment: Payment) -> PaymentOut:
    return shaped(PaymentOut, payment, service_record_id=payment.record_id)
