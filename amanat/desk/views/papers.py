"""Papers: attaching, opening with a reason, the one download, removing, and who opened what."""

from __future__ import annotations

import re
from uuid import UUID

from django.conf import settings as site
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts import workspaces
from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.once import only_once
from amanat.accounts.permissions import May
from amanat.core import clock, routes, tenancy
from amanat.core.filelinks import LinkRefused
from amanat.core.files import FileDamaged
from amanat.desk import papers
from amanat.desk.forms import OpeningForm, PaperForm
from amanat.desk.models import Paper, PaperOpening
from amanat.desk.papers import Opened, PaperRefused
from amanat.desk.views import finding, records
from amanat.people.models import Contact


@only_once
def attach_to_record(request: MemberRequest, record_id: UUID) -> HttpResponse:
    record = finding.record_of(request, record_id)
    form = PaperForm(request.POST, request.FILES)
    if form.is_valid():
        data, file = form.cleaned_data, form.cleaned_data["file"]
        try:
            papers.attach(
                kind=data["kind"], by=request.member, at=clock.now(), record=record, source=file,
                name=file.name if file else "", number=data["number"], note=data["note"],
                vanishes_on_delivery=data["vanishes"],
            )  # fmt: skip
            return see_other(reverse("desk:service", args=[record_id]) + "#papers")
        except PaperRefused as refused:
            form.add_error("number" if data["number"] and not file else "file", str(refused))
    return records.page_of(request, record, paper_form=form, status=422)


@only_once
def papers_of_contact(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """All papers of a person, with the form for another."""
    people = Contact.objects.of(request.workspace).visible_to(request.member).alive()
    contact = people.filter(pk=contact_id).first()
    if contact is None:
        raise Http404
    form = PaperForm(request.POST or None, request.FILES or None)
    status = 200
    if request.method == "POST":
        if not request.member.may(May.WRITE_PAPERS):
            return routes.refusal(request, 403)
        status = 422
        if form.is_valid():
            data, file = form.cleaned_data, form.cleaned_data["file"]
            try:
                papers.attach(
                    kind=data["kind"], by=request.member, at=clock.now(), contact=contact, source=file,
                    name=file.name if file else "", number=data["number"], note=data["note"],
                )  # fmt: skip
                return see_other(reverse("desk:papers_of_contact", args=[contact_id]))
            except PaperRefused as refused:
                form.add_error("number" if data["number"] and not file else "file", str(refused))
    held = Paper.objects.of(request.workspace).filter(contact=contact).select_related("file", "record").order_by("-id")
    context = {
        "contact": contact,
        "papers": list(held[:100]),
        "form": form,
        "may_write": request.member.may(May.WRITE_PAPERS),
        "may_open": request.member.may(May.OPEN_PAPERS),
    }
    return render(request, "desk/papers.html", context, status=status)


def paper(request: MemberRequest, paper_id: UUID) -> HttpResponse:
    """One paper: the form to open it, and everybody who did."""
    return _page(request, finding.paper_of(request, paper_id))


def _page(
    request: MemberRequest, found: Paper, *, opened: Opened | None = None, form: OpeningForm | None = None,
    status: int = 200,
) -> HttpResponse:  # fmt: skip
    openings = PaperOpening.objects.of(request.workspace).filter(paper_id=found.pk).select_related("member")
    suggested = found.record.title if found.record else ""
    context = {
        "paper": found,
        "person": found.contact,
        "openings": list(openings.order_by("-at", "-id")[:50]),
        "form": form or OpeningForm(initial={"reason": suggested}),
        "opened": opened,
        "number": _in_groups(opened.number) if opened else "",
        "link": _link(opened) if opened and opened.token else "",
        "can_mark": bool(found.file and found.file.content_type in papers.MARKABLE),
        "may_write": request.member.may(May.WRITE_PAPERS),
        "may_open": request.member.may(May.OPEN_PAPERS),
    }
    response = render(request, "desk/paper.html", context, status=status)
    response["Cache-Control"] = "no-store, private"
    return response


def _in_groups(number: str) -> str:
    """Twelve digits as they are printed on the card: 2345 6789 0124."""
    return " ".join(re.findall("....", number)) if re.fullmatch(r"\d{12}", number) else number


def _link(opened: Opened) -> str:
    """The download's address, on the host of files if there is one."""
    path = reverse("desk:paper_file", args=[opened.opening.pk, opened.token])
    return f"{site.FILES_URL.rstrip('/')}{path}" if site.FILES_URL else path


def paper_open(request: MemberRequest, paper_id: UUID) -> HttpResponse:
    """Open a paper: only by POST, only with a reason, always written down."""
    found = finding.paper_of(request, paper_id)
    form = OpeningForm(request.POST)
    if form.is_valid():
        reason, what = form.cleaned_data["reason"], form.cleaned_data["what"] or "file"
        try:
            if what == "number":
                opened = papers.open_number(paper=found, by=request.member, at=clock.now(), reason=reason)
            else:
                opened = papers.open_file(
                    paper=found, by=request.member, at=clock.now(), reason=reason, marked=what == "marked"
                )
            return _page(request, found, opened=opened)
        except PaperRefused as refused:
            form.add_error("reason", str(refused))
    return _page(request, found, form=form, status=422)


def paper_file(request: HttpRequest, opening_id: UUID, token: str) -> HttpResponseBase:
    """The one download of an opening. The link itself says who may; there is no session on the host of files."""
    try:
        link = papers.read_link(opening_id, token)
        with tenancy.inside(link.workspace_id):
            name = workspaces.by_id(link.workspace_id).name
            return papers.download(opening_id=opening_id, link=link, workspace_name=name)
    except (LinkRefused, FileDamaged):
        return routes.refusal(request, 404)


def paper_remove(request: MemberRequest, paper_id: UUID) -> HttpResponse:
    found = finding.paper_of(request, paper_id)
    papers.remove(paper=found, by=request.member, at=clock.now(), reason=request.POST.get("reason", ""))
    messages.success(request, _("The paper is deleted: file, key and number."))
    if found.record_id:
        return see_other(reverse("desk:service", args=[found.record_id]) + "#papers")
    return see_other(reverse("desk:papers_of_contact", args=[found.contact_id]))
