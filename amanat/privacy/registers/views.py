"""Pages of the registers: processing, recipients, authorities, staff, places."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.permissions import May
from amanat.basis import rules
from amanat.core import clock, files, spreadsheets
from amanat.core.downloads import download
from amanat.core.models import StoredFile
from amanat.people import vocabulary
from amanat.people.models import Contact
from amanat.policy import references
from amanat.privacy.copies import archive, chapters
from amanat.privacy.registers import authorities, contracts, forms, partners, processing, residency, staff
from amanat.privacy.registers.models import AuthorityApproval, AuthorityDisclosure, Contract

LISTED = 100
TABS = (
    ("registers", gettext_lazy("Processing")),
    ("register_recipients", gettext_lazy("Recipients")),
    ("register_partners", gettext_lazy("Partners")),
    ("register_authorities", gettext_lazy("Authorities")),
    ("register_staff", gettext_lazy("Staff")),
    ("register_places", gettext_lazy("Places")),
)


def page(request: MemberRequest, here: str, **context: Any) -> dict[str, Any]:
    """What every page of the registers shows: its tabs, what the member may do, and `context`."""
    tabs = [{"label": label, "url": reverse(f"privacy:{name}"), "is_current": name == here} for name, label in TABS]
    return {
        "tabs": tabs,
        "may_manage": request.member.may(May.MANAGE_POLICY),
        "may_answer": request.member.may(May.ANSWER_REQUESTS),
        **context,
    }


def _language() -> str:
    return chapters.language_of((get_language() or "en").split("-")[0])


def record(request: MemberRequest) -> HttpResponse:
    """The record of processing."""
    policy = rules.of(request.workspace.pk).policy
    shown = processing.document(policy, workspace=request.workspace, language=_language(), at=clock.now())
    return render(request, "privacy/registers_processing.html", page(request, "registers", record=shown))


def record_file(request: MemberRequest, ending: str) -> HttpResponseBase:
    """The record as PDF or CSV, for an authority that asks for it."""
    policy, now = rules.of(request.workspace.pk).policy, clock.now()
    if ending == "pdf":
        content = archive.pdf(processing.document(policy, workspace=request.workspace, language=_language(), at=now))
        return download([content], f"record-of-processing-{now:%Y-%m-%d}.pdf", "application/pdf")
    if ending != "csv":
        raise Http404
    found = processing.activities(policy, language=_language(), region=residency.of(request.workspace.pk))
    pieces = spreadsheets.write_csv(processing.headings(), [one.cells() for one in found])
    return download(list(pieces), f"record-of-processing-{now:%Y-%m-%d}.csv", "text/csv; charset=utf-8")


def recipients(request: MemberRequest) -> HttpResponse:
    """Who may receive data, the contract, and what really went there."""
    policy = rules.of(request.workspace.pk).policy
    form = forms.ContractForm(
        request.POST if request.method == "POST" else None,
        request.FILES or None,
        choices=forms.recipients(policy, _language()),
    )
    if request.method == "POST" and form.is_valid() and _registered(request, form):
        return see_other(reverse("privacy:register_recipients"))
    found = contracts.register(policy, workspace_id=request.workspace.pk, language=_language(), at=clock.now())
    given = partners.given(request.workspace.pk)
    context = page(
        request, "register_recipients", form=form, register=found, hosts=contracts.declared_hosts(),
        lines=[{"bound": one, "given": given.get(one.name)} for one in found.bound],
    )  # fmt: skip
    return render(request, "privacy/registers_recipients.html", context, status=422 if form.errors else 200)


def _registered(request: MemberRequest, form: forms.ContractForm) -> bool:
    paper = form.cleaned_data.pop("paper", None)
    try:
        contracts.register_one(
            **form.cleaned_data, paper=paper, paper_name=paper.name if paper else "", by=request.member, at=clock.now()
        )
    except files.FileRefused as refusal:
        form.add_error("paper", str(refusal))
        return False
    return True


def contract_file(request: MemberRequest, contract_id: UUID) -> HttpResponseBase:
    found = Contract.objects.of(request.workspace).filter(pk=contract_id, file__isnull=False).first()
    file = StoredFile.objects.of(request.workspace).filter(pk__in=[found.file_id]).first() if found else None
    if file is None:
        raise Http404
    return files.serve(file)


def demands(request: MemberRequest) -> HttpResponse:
    """What authorities demanded, and the form that writes a demand down."""
    form = forms.DemandForm(request.POST if request.method == "POST" else None)
    if request.method == "POST" and form.is_valid():
        contact = _contact(request, form)
        if not form.errors:
            values = {name: form.cleaned_data[name] for name in ("authority", "law", "reference", "wanted")}
            asked = authorities.ask(**values, contact=contact, by=request.member, at=clock.now())
            return see_other(reverse("privacy:register_authority", args=[asked.pk]))
    rows = list(AuthorityDisclosure.objects.of(request.workspace).order_by("-asked_at", "-id")[:LISTED])
    context = page(request, "register_authorities", form=form, rows=rows)
    return render(request, "privacy/registers_authorities.html", context, status=422 if form.errors else 200)


def _contact(request: MemberRequest, form: forms.DemandForm) -> Contact | None:
    wanted = form.cleaned_data["contact_id"]
    if wanted is None:
        return None
    found = Contact.objects.of(request.workspace).filter(pk=wanted).first()
    if found is None:
        form.add_error("contact_id", _("There is no such person here."))
    return found


def demand(request: MemberRequest, disclosure_id: UUID) -> HttpResponse:
    """One demand: who approved, and giving or refusing it."""
    return _demand(request, disclosure_id, forms.GivenForm(), forms.RefusalForm())


def _demand(
    request: MemberRequest, disclosure_id: UUID, given: forms.GivenForm, refusal: forms.RefusalForm
) -> HttpResponse:
    row = AuthorityDisclosure.objects.of(request.workspace).select_related("contact").filter(pk=disclosure_id).first()
    if row is None:
        raise Http404
    words = vocabulary.of(request.workspace)
    approvals = list(AuthorityApproval.objects.of(request.workspace).filter(disclosure=row).order_by("at"))
    needed = authorities.needed(rules.of(request.workspace.pk).policy)
    me = request.member.pk
    context = page(
        request, "register_authorities", row=row, needed=needed, asked_by=words.member_name(row.asked_by_id), given_form=given, refusal_form=refusal,
        approvals=[{"name": words.member_name(one.member_id), "at": one.at} for one in approvals],
        may_approve=row.is_open and me != row.asked_by_id and me not in {one.member_id for one in approvals},
        may_give=row.is_open and len(approvals) >= needed,
        lacking=max(needed - authorities.others_who_may(row), 0) if row.is_open else 0,
    )  # fmt: skip
    return render(
        request, "privacy/registers_authority.html", context, status=422 if given.errors or refusal.errors else 200
    )


def demand_approve(request: MemberRequest, disclosure_id: UUID) -> HttpResponse:
    try:
        authorities.approve(disclosure_id=disclosure_id, by=request.member, at=clock.now())
    except AuthorityDisclosure.DoesNotExist:
        raise Http404 from None
    except authorities.OwnDemand:
        messages.error(request, _("You wrote this demand down, so others must approve it."))
    except authorities.Settled:
        messages.error(request, _("This demand is settled already."))
    return see_other(reverse("privacy:register_authority", args=[disclosure_id]))


def demand_give(request: MemberRequest, disclosure_id: UUID) -> HttpResponse:
    form = forms.GivenForm(request.POST)
    if not form.is_valid():
        return _demand(request, disclosure_id, form, forms.RefusalForm())
    try:
        authorities.give(
            disclosure_id=disclosure_id, given=form.cleaned_data["given"], by=request.member, at=clock.now()
        )
    except AuthorityDisclosure.DoesNotExist:
        raise Http404 from None
    except authorities.NotApproved:
        messages.error(request, _("Too few members have approved this."))
    except authorities.Settled:
        messages.error(request, _("This demand is settled already."))
    return see_other(reverse("privacy:register_authority", args=[disclosure_id]))


def demand_refuse(request: MemberRequest, disclosure_id: UUID) -> HttpResponse:
    form = forms.RefusalForm(request.POST)
    if not form.is_valid():
        return _demand(request, disclosure_id, forms.GivenForm(), form)
    try:
        authorities.refuse(
            disclosure_id=disclosure_id, because=form.cleaned_data["because"], by=request.member, at=clock.now()
        )
    except AuthorityDisclosure.DoesNotExist:
        raise Http404 from None
    except authorities.Settled:
        messages.error(request, _("This demand is settled already."))
    return see_other(reverse("privacy:register_authority", args=[disclosure_id]))


def staff_page(request: MemberRequest) -> HttpResponse:
    """Who has which access, and who was trained when."""
    policy, today = rules.of(request.workspace.pk).policy, clock.today(request.workspace.time_zone)
    seats = staff.seats(request.workspace.pk, every=policy.security.training_every)
    form = forms.TrainingForm(
        request.POST if request.method == "POST" else None,
        choices=[(str(seat.id), seat.name) for seat in seats],
        today=today,
    )
    if request.method == "POST" and form.is_valid():
        staff.record_training(
            member_ids=[UUID(one) for one in form.cleaned_data["members"]], topic=form.cleaned_data["topic"],
            done_on=form.cleaned_data["done_on"], by=request.member, at=clock.now(),
        )  # fmt: skip
        return see_other(reverse("privacy:register_staff"))
    lines = [{"seat": seat, "is_due": seat.is_due(today)} for seat in seats]
    every = policy.security.training_every.in_words(_language())
    context = page(request, "register_staff", lines=lines, form=form, every=every)
    return render(request, "privacy/registers_staff.html", context, status=422 if form.errors else 200)


def places(request: MemberRequest) -> HttpResponse:
    """Where the data lies, and who receives it abroad."""
    policy = rules.of(request.workspace.pk).policy
    region, named = residency.of(request.workspace.pk), references.vocabulary(_language())["countries"]
    found = [
        {"words": processing.words(policy, f"recipients.{one.name}", _language()), "is_safe": one.is_safe}
        for one in residency.transfers(policy, region=region)
    ]
    context = page(
        request,
        "register_places",
        region=named.get(region, region),
        machine=named.get(residency.here(), residency.here()),
        is_pinned=policy.transfers.region == "pinned",
        transfers=found,
    )
    return render(request, "privacy/registers_places.html", context)
