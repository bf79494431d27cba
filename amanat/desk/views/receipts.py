"""The receipt, as a page to print and as PDF."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import render

from amanat.accounts.access import MemberRequest
from amanat.core import clock
from amanat.desk import receipts, veil
from amanat.desk.models import Payment, ServiceRecord
from amanat.desk.receipts import Receipt
from amanat.desk.views import finding
from amanat.people import vocabulary


def receipt(request: MemberRequest, record_id: UUID) -> HttpResponse:
    record = finding.record_of(request, record_id)
    return render(
        request, "desk/receipt.html", {"receipt": _receipt(request, record), "record": record, "paper": _paper(request)}
    )


def receipt_pdf(request: MemberRequest, record_id: UUID) -> HttpResponse:
    made = _receipt(request, finding.record_of(request, record_id))
    response = HttpResponse(receipts.pdf(made, paper=_paper(request)), content_type="application/pdf")
    response["Content-Disposition"] = f'inline; filename="receipt-{made.number}.pdf"'
    response["Cache-Control"] = "no-store, private"
    return response


def _receipt(request: MemberRequest, record: ServiceRecord) -> Receipt:
    taken = Payment.objects.of(request.workspace).filter(record=record).order_by("id")
    held = veil.guard(request.member, vocabulary.of(request.workspace), request.purpose)
    return receipts.of(record=record, payments=list(taken), workspace=request.workspace, at=clock.now(), held=held)


def _paper(request: MemberRequest) -> str:
    asked = request.GET.get("paper", "")
    return asked if asked in receipts.PAPERS else "a4"
