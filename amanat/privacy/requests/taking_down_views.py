"""Pages on which a member takes down a request that came at the counter, by phone, by post, by e-mail."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.core import clock, files
from amanat.core.filetypes import FileRefused
from amanat.people.models import Contact
from amanat.privacy.requests import asking
from amanat.privacy.requests.asking import RequestRefused
from amanat.privacy.requests.forms import TakeDownForm
from amanat.privacy.requests.models import RightsRequest
from amanat.privacy.requests.public_views import PROOF
from amanat.publishing import versions


def new(request: MemberRequest) -> HttpResponse:
    """A request that came at the counter, by phone, by post, by e-mail."""
    policy = versions.in_force(request.workspace).policy
    kinds = policy.rights.kinds
    if request.method != "POST":
        first = {"kind": request.GET.get("kind", ""), "language": request.workspace.language}
        person = visible_contact(request, request.GET.get("contact", ""))
        if person is not None:
            first |= {"contact": str(person.pk), "person": person.name}
        return render(request, "privacy/requests_new.html", {"form": TakeDownForm(kinds=kinds, initial=first)})
    form = TakeDownForm(request.POST, request.FILES, kinds=kinds)
    if form.is_valid():
        made = _take_down(request, form)
        if made is not None:
            words = _("Taken down. The code for the person is %(code)s: tell it now, it is not shown again.")
            messages.success(request, words % {"code": asking.shown_code(made.secret)})
            return see_other(reverse("privacy:request", args=[made.pk]))
    return render(request, "privacy/requests_new.html", {"form": form}, status=422)


def _take_down(request: MemberRequest, form: TakeDownForm) -> RightsRequest | None:
    said = form.cleaned_data
    person = visible_contact(request, said.get("contact"))
    if person is not None and not said["is_sure"]:
        form.add_error("is_sure", _("Make sure who it is, or leave the person empty: then it is cleared up first."))
        return None
    try:
        proof = _stored_proof(request, said.get("proof"))
        return asking.open_request(
            workspace=request.workspace, contact=person, kind=said["kind"], how=said["how"], by=request.member,
            at=clock.now(), details=form.details(), asker=form.asker(proof),
        )  # fmt: skip
    except FileRefused as refused:
        form.add_error("proof", str(refused))
    except RequestRefused as refused:
        form.add_error(None, str(refused))
    return None


def _stored_proof(request: MemberRequest, upload: Any) -> Any:
    if not upload:
        return None
    return files.store(upload, workspace_id=request.workspace.pk, name=upload.name, by=request.member.pk, kind=PROOF)


def visible_contact(request: MemberRequest, identity: Any) -> Contact | None:
    try:
        wanted = identity if isinstance(identity, UUID) else UUID(str(identity))
    except ValueError:
        return None
    found: Contact | None = (
        Contact.objects.of(request.workspace).visible_to(request.member).alive().filter(pk=wanted).first()
    )
    return found
