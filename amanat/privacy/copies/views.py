"""Copies of a person's data for members who answer requests, who saw the data, and the page on which the person takes her copy."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.models import Workspace
from amanat.accounts.permissions import May
from amanat.basis.forms import CodeForm
from amanat.core import clock, outbox, tenancy
from amanat.core.downloads import download
from amanat.people import vocabulary
from amanat.people.models import Company, Contact
from amanat.privacy.copies import handing, making, seen
from amanat.privacy.copies.forms import OrderForm
from amanat.privacy.copies.making import Handed, NoSuchCopy
from amanat.privacy.copies.models import PersonCopy

LISTED = 20
SEEN = 100
_TONES = {"ordered": "blue", "done": "green", "failed": "red", "expired": ""}


def card(request: MemberRequest, person: Contact | Company) -> dict[str, Any] | None:
    """The card of a contact's page with the way to her copy. Drawing it is opening her page, which is written down for her."""
    assert isinstance(person, Contact)
    if request.method == "GET":
        now = clock.now()
        seen.note(contact=person, by=request.member, at=now, today=timezone.localtime(now).date())
    if not request.member.may(May.READ_TRUST):
        return None
    return {
        "copies_url": reverse("privacy:copies", args=[person.pk]) if request.member.may(May.ANSWER_REQUESTS) else "",
        "seen_url": reverse("privacy:seen", args=[person.pk]),
    }


def copies(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """The copies made of a person, and the form that orders one. The list renews itself while one is being made."""
    person = _person(request, contact_id)
    form = OrderForm(
        request.POST if request.method == "POST" else None, initial={"language": person.language or get_language()}
    )
    if request.method == "POST" and form.is_valid():
        making.order(
            workspace=request.workspace,
            contact_id=person.pk,
            language=form.cleaned_data["language"],
            by=request.member,
            at=clock.now(),
        )
        return see_other(reverse("privacy:copies", args=[person.pk]))
    found = list(
        PersonCopy.objects.of(request.workspace).filter(contact=person).order_by("-ordered_at", "-id")[:LISTED]
    )
    words = vocabulary.of(request.workspace)
    lines = [
        {
            "row": one, "tone": _TONES[one.state], "by": words.member_name(one.ordered_by_id),
            "rows": sum(one.counts.values()), "is_ready": one.state == PersonCopy.State.DONE,
        }
        for one in found
    ]  # fmt: skip
    context = {
        "person": person,
        "form": form,
        "lines": lines,
        "is_busy": any(one.state == PersonCopy.State.ORDERED for one in found),
    }
    part = request.headers.get("HX-Request") and "part" in request.GET
    return render(
        request,
        "privacy/copies_list.html" if part else "privacy/copies_page.html",
        context,
        status=422 if form.errors else 200,
    )


def take(request: MemberRequest, copy_id: UUID) -> HttpResponseBase:
    """The archive, for the member to hand over."""
    try:
        return _download(making.open_for_person(copy_id, request.workspace.pk, by=request.member, at=clock.now()))
    except NoSuchCopy:
        raise Http404 from None


def give(request: MemberRequest, copy_id: UUID) -> HttpResponse:
    """Send the person the link and the code."""
    copy = PersonCopy.objects.of(request.workspace).filter(pk=copy_id, contact__isnull=False).first()
    if copy is None or copy.contact_id is None:
        raise Http404
    base_url = request.build_absolute_uri("/")
    try:
        given = handing.give(
            copy=copy, workspace=request.workspace, base_url=base_url, by=request.member, at=clock.now()
        )
    except handing.NoAddress:
        messages.error(
            request, _("This person has neither a phone number nor an e-mail address. Take the file and hand it over.")
        )
    except NoSuchCopy:
        messages.error(request, _("This copy is not ready, or its time is over."))
    except outbox.NotSent:
        messages.error(
            request, _("The link could not be sent, so nothing changed. Try again, or take the file and hand it over.")
        )
    else:
        told = _("The link was sent. Tell the person this code, which works once: %(code)s") % {"code": given.code}
        messages.success(request, told if given.code else _("The link was sent, and the code by another way."))
    return see_other(reverse("privacy:copies", args=[copy.contact_id]))


def who_saw(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """Who saw a person's data, for the owner and for those who answer her."""
    person = _person(request, contact_id)
    words = vocabulary.of(request.workspace)
    lines = [
        {"at": one.at, "by": words.member_name(one.member_id), "what": one.what}
        for one in seen.of(person.pk, workspace=request.workspace, most=SEEN)
    ]
    return render(request, "privacy/copies_seen.html", {"person": person, "lines": lines, "most": SEEN})


def public(request: HttpRequest, workspace_id: UUID, copy_id: UUID) -> HttpResponseBase:
    """The person takes her copy with the code. A wrong one is counted, so it answers by a redirect and not a refusal."""
    form = CodeForm(request.POST if request.method == "POST" else None)
    with tenancy.inside(workspace_id):
        workspace = Workspace.objects.of(workspace_id).filter(pk=workspace_id).first()
        if workspace is None:
            raise Http404
        if request.method == "POST" and form.is_valid():
            try:
                return _download(
                    handing.take(
                        copy_id=copy_id, workspace_id=workspace_id, typed=form.cleaned_data["code"], at=clock.now()
                    )
                )
            except handing.WrongCode:
                messages.error(request, _("This code does not work. Ask for a new one."))
                return see_other(reverse("privacy:copy_public", args=[workspace_id, copy_id]))
    context = {"workspace": workspace, "form": form}
    return render(request, "privacy/copies_public.html", context, status=422 if form.errors else 200)


def _person(request: MemberRequest, contact_id: UUID) -> Contact:
    found = Contact.objects.of(request.workspace).visible_to(request.member).filter(pk=contact_id).first()
    if found is None:
        raise Http404
    return found


def _download(handed: Handed) -> StreamingHttpResponse:
    response = download(handed.pieces, handed.name, "application/zip")
    response["Content-Length"] = str(handed.size)
    return response
