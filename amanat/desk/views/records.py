"""Service records: the list, one record, a new one, and what is done with it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.models import Member
from amanat.accounts.once import only_once
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.desk import columns, fields, home, payments, persons, services, veil
from amanat.desk.forms import ChangeServiceForm, NewServiceForm, PaperForm, PaymentForm
from amanat.desk.models import Paper, Payment, ServiceRecord, Task
from amanat.desk.payments import NewPayment, PaymentRefused
from amanat.desk.persons import PersonUnclear
from amanat.desk.services import NEXT_WORDS, NewService, ServiceRefused
from amanat.desk.views import choosing, finding
from amanat.people import vocabulary
from amanat.people.models import Company, Contact

Status = ServiceRecord.Status


@only_once
def service_new(request: MemberRequest) -> HttpResponse:
    """The quick form: who, what, fee, paid at once."""
    offered = finding.offered(request)
    own = finding.own_fields(request, offered)
    if request.method != "POST":
        form = NewServiceForm(services=offered, own=own, initial=choosing.first_person(request))
        return render(request, "desk/service_new.html", {"form": form, "offered": offered, "people": []})
    form = NewServiceForm(request.POST, services=offered, own=own)
    people: list[dict[str, Any]] = []
    if form.is_valid():
        try:
            return see_other(reverse("desk:service", args=[_create(request, form).pk]))
        except PersonUnclear as unclear:
            form.add_error("person", str(unclear))
            people = choosing.options(request, unclear.people)
        except PaymentRefused as refused:
            form.add_error("paid", str(refused))
        except ServiceRefused as refused:
            form.add_error(None, str(refused))
    return render(request, "desk/service_new.html", {"form": form, "offered": offered, "people": people}, status=422)


def _create(request: MemberRequest, form: NewServiceForm) -> ServiceRecord:
    data, at = form.cleaned_data, clock.now()
    person = persons.chosen(request.member, data, at=at)
    wanted = NewService(
        service=data["service"], title=data["title"], fee_paise=data["fee"], quantity=data["quantity"],
        due_on=data["due_on"], expires_on=data["expires_on"], follow_up_on=data["follow_up_on"],
        acknowledgement=data["acknowledgement"], notes=data["notes"],
        custom=data["custom"],
    )  # fmt: skip
    paid = NewPayment(data["paid"], data["method"], data["reference"]) if data["paid"] else None
    return services.create(
        workspace=request.workspace, wanted=wanted, by=request.member, at=at, payment=paid,
        contact=person if isinstance(person, Contact) else None,
        company=person if isinstance(person, Company) else None,
    )  # fmt: skip


def people_picker(request: MemberRequest) -> HttpResponse:
    """The people a text fits, as options for the picker."""
    text = request.GET.get("q", "")[:200]
    typed = persons.take_apart(text)
    people = persons.find(request.member, typed.phone or text) if text.strip() else []
    context = {"people": choosing.options(request, people), "typed": typed, "text": text.strip()}
    return render(request, "desk/_people_options.html", context)


def service(request: MemberRequest, record_id: UUID) -> HttpResponse:
    return page_of(request, finding.record_of(request, record_id))


def page_of(
    request: MemberRequest,
    record: ServiceRecord,
    *,
    payment_form: PaymentForm | None = None,
    paper_form: PaperForm | None = None,
    status: int = 200,
) -> HttpResponse:
    member, workspace = request.member, request.workspace
    today = clock.today(workspace.time_zone)
    taken = list(
        Payment.objects.of(workspace).filter(record=record).select_related("taken_by", "cancelled_by").order_by("id")
    )
    papers = list(Paper.objects.of(workspace).filter(record=record).select_related("file").order_by("id"))
    tasks = list(Task.objects.of(workspace).visible_to(member).open().filter(record=record).order_by("due_on", "id"))
    others = home.open_for_person(record, member, today)
    own = fields.of(workspace)
    held = veil.guard(member, vocabulary.of_request(request), request.purpose).about(record.contact_id)
    context = {
        "record": record,
        "person": record.contact or record.company,
        "tone": columns.TONES[record.status],
        "steps": [(step, step in record.steps_done) for step in record.steps],
        "documents": [(each, each in record.documents_seen) for each in record.documents],
        "payments": taken,
        "payment_form": payment_form or PaymentForm.blank(record),
        "papers": papers,
        "paper_form": paper_form or PaperForm(initial={"vanishes": record.papers_vanish}),
        "tasks": tasks,
        "own_fields": fields.lines(own, veil.custom(held, record.custom)),
        "acknowledgement": veil.shown(held, "acknowledgement", record.acknowledgement),
        "phone": veil.phone(held, record.contact.main_phone) if record.contact else "",
        "others": [
            {
                "record": each,
                "is_late": columns.is_late(each, today),
                "is_expired": columns.is_expired(each, today),
            }
            for each in others
        ],
        "moves": [(move, NEXT_WORDS[Status(move)]) for move in services.may_become(record)],
        "may_pay": _may(member, May.TAKE_PAYMENTS, record)
        and not record.deleted_at
        and record.status != Status.CANCELLED,
        "may_write": _may(member, May.WRITE_SERVICES, record),
        "may_cancel": _may(member, May.CANCEL_PAYMENTS, record),
        "may_papers": _may(member, May.WRITE_PAPERS, record),
        "may_open": member.may(May.OPEN_PAPERS),
        "may_tasks": _may(member, May.WRITE_TASKS, record),
        "today": today,
    }
    return render(request, "desk/service.html", context, status=status)


def _may(member: Member, what: May, record: ServiceRecord) -> bool:
    """Nothing is changed, taken or added any more once only the books are left."""
    return member.may(what) and not record.is_erased


def service_edit(request: MemberRequest, record_id: UUID) -> HttpResponse:
    record = finding.record_of(request, record_id)
    members, own = finding.members(request), fields.of(request.workspace)
    form = ChangeServiceForm(request.POST or None, instance=record, members=members, own=own)
    if request.method != "POST":
        return render(request, "desk/service_edit.html", {"form": form, "record": record})
    if form.is_valid():
        fresh = finding.record_of(request, record_id)  # the form has written into the first one
        try:
            services.change(record=fresh, by=request.member, at=clock.now(), **form.cleaned_data)
            return see_other(reverse("desk:service", args=[record_id]))
        except ServiceRefused as refused:
            form.add_error("fee_paise", str(refused))
    return render(request, "desk/service_edit.html", {"form": form, "record": record}, status=422)


def _act(request: MemberRequest, record_id: UUID, rule: Callable[[ServiceRecord], object]) -> HttpResponse:
    """Apply a rule to a record and go back to its page, where a refusal is told."""
    try:
        rule(finding.record_of(request, record_id))
    except ServiceRefused as refused:
        messages.error(request, str(refused))
    return see_other(reverse("desk:service", args=[record_id]))


def service_status(request: MemberRequest, record_id: UUID) -> HttpResponse:
    status, acknowledgement = request.POST.get("status", ""), request.POST.get("acknowledgement", "")[:60]

    def move(record: ServiceRecord) -> None:
        if status in Status.values:
            services.set_status(
                record=record, status=status, by=request.member, at=clock.now(), acknowledgement=acknowledgement
            )

    return _act(request, record_id, move)


def service_checklist(request: MemberRequest, record_id: UUID) -> HttpResponse:
    steps, documents = request.POST.getlist("step"), request.POST.getlist("document")
    tick = partial(services.tick, steps=steps, documents=documents, by=request.member, at=clock.now())
    return _act(request, record_id, lambda record: tick(record=record))


@only_once
def service_repeat(request: MemberRequest, record_id: UUID) -> HttpResponse:
    """The same again, in one click."""
    try:
        again = services.repeat_last(record=finding.record_of(request, record_id), by=request.member, at=clock.now())
    except ServiceRefused as refused:
        messages.error(request, str(refused))
        return see_other(reverse("desk:service", args=[record_id]))
    messages.success(request, _("The same service again, with a fresh checklist."))
    return see_other(reverse("desk:service", args=[again.pk]))


def service_delete(request: MemberRequest, record_id: UUID) -> HttpResponse:
    try:
        services.delete(record=finding.record_of(request, record_id), by=request.member, at=clock.now())
    except ServiceRefused as refused:
        messages.error(request, str(refused))
        return see_other(reverse("desk:service", args=[record_id]))
    messages.success(request, _("Moved to the bin. It can be brought back for 30 days."))
    return see_other(reverse("desk:services"))


def service_restore(request: MemberRequest, record_id: UUID) -> HttpResponse:
    return _act(request, record_id, lambda record: services.restore(record=record, by=request.member, at=clock.now()))


def payment_take(request: MemberRequest, record_id: UUID) -> HttpResponse:
    record = finding.record_of(request, record_id)
    form = PaymentForm(request.POST, today=clock.today(request.workspace.time_zone))
    if form.is_valid():
        data = form.cleaned_data
        wanted = NewPayment(
            data["amount"] or 0, data["method"], data["reference"], data["paid_on"], data["once"], data["seen"]
        )
        try:
            payments.take(record=record, payment=wanted, by=request.member, at=clock.now())
            return see_other(reverse("desk:service", args=[record_id]))
        except payments.BalanceChanged as changed:
            fresh = PaymentForm.blank(finding.record_of(request, record_id))
            form = PaymentForm({**request.POST.dict(), "seen": str(fresh.initial["seen"])})
            form.full_clean()
            form.add_error("amount", str(changed))
        except PaymentRefused as refused:
            form.add_error("amount", str(refused))
    return page_of(request, finding.record_of(request, record_id), payment_form=form, status=422)


def payment_cancel(request: MemberRequest, payment_id: UUID) -> HttpResponse:
    payment = Payment.objects.of(request.workspace).filter(pk=payment_id).first()
    if payment is None:
        raise Http404
    record = finding.record_of(request, payment.record_id)
    try:
        payments.cancel(payment=payment, by=request.member, at=clock.now(), reason=request.POST.get("reason", ""))
        messages.success(request, _("The payment is cancelled and no longer counts."))
    except PaymentRefused as refused:
        messages.error(request, str(refused))
    return see_other(reverse("desk:service", args=[record.pk]))
