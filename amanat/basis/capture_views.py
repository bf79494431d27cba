"""Public forms and receipts: pages for people without an account; and the link a member sends to somebody's own choices."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.accounts.models import Workspace
from amanat.basis import capturing, consent, forms, notices, passcodes, receipts, rules, views, wording
from amanat.basis.forms import CodeForm, JoinForm
from amanat.basis.models import PublicForm, Submission
from amanat.basis.public_views import workspace_of
from amanat.core import clock, outbox, tenancy


def form_page(request: HttpRequest, workspace_id: UUID, form_id: UUID) -> HttpResponse:
    """Name, address, ticks; then a code to the address."""
    with tenancy.inside(workspace_id):
        workspace, public = workspace_of(workspace_id), _open_form(workspace_id, form_id)
        form = JoinForm(sent(request), choices=_choices(workspace, public))
        if request.method == "POST" and form.is_valid():
            submission = _submitted(workspace, public, form)
            if submission is not None:
                return see_other(reverse("basis:public_form_code", args=[workspace_id, submission.pk]))
        context = {"workspace": workspace, "public": public, "form": form, "notice": _offered(workspace, public)}
        return render(request, "basis/form.html", context, status=422 if form.errors else 200)


def form_code(request: HttpRequest, workspace_id: UUID, submission_id: UUID) -> HttpResponse:
    """The code that came. Wrong ones are counted, so they answer by a redirect and not a refusal."""
    form = CodeForm(sent(request))
    with tenancy.inside(workspace_id):
        workspace = workspace_of(workspace_id)
        found = Submission.objects.of(workspace_id).select_related("form", "notice").filter(pk=submission_id).first()
        if found is None:
            raise Http404
        if request.method == "POST" and form.is_valid():
            return _confirmed(request, workspace, found, form.cleaned_data["code"])
    form_url = reverse("basis:public_form", args=[workspace_id, found.form_id])
    context = {"workspace": workspace, "form": form, "form_url": form_url}
    return render(request, "basis/public_code.html", context, status=422 if form.errors else 200)


def receipt(request: HttpRequest, workspace_id: UUID, token: str) -> HttpResponse:
    """A consent as its person may keep it, to read and, with `?format=json`, for programs."""
    with tenancy.inside(workspace_id):
        workspace = workspace_of(workspace_id)
        record = receipts.find(workspace_id, token)
        if record is None:
            raise Http404
        policy, language = rules.of(workspace_id).policy, get_language() or "en"
        operator = workspace.legal_name or workspace.name
        if request.GET.get("format") == "json":
            return JsonResponse(
                consent.receipt(record, operator=operator), json_dumps_params={"indent": 2, "ensure_ascii": False}
            )
        wanted = (record.purpose, record.channel)
        title = wording.phrase(policy, wanted, language) if record.purpose in policy.purposes else record.purpose
        return render(request, "basis/receipt.html", {"workspace": workspace, "record": record, "title": title})


def send_link(request: MemberRequest, contact_id: UUID) -> HttpResponse:
    """Send a person the link to her own choices."""
    person = views.person_of(request, contact_id)
    try:
        to = passcodes.invite(person, workspace=request.workspace, by=request.member, at=clock.now())
        messages.success(request, _("The link is on its way to %(address)s.") % {"address": to})
    except passcodes.NoAddress:
        messages.error(request, _("This person has neither a phone number nor an e-mail address to send the code to."))
    except passcodes.TooMany:
        messages.error(request, _("Too many codes were sent to this person. Try again in an hour."))
    except outbox.NotSent:
        messages.error(request, _("The link could not be sent. Try again, or use an e-mail address."))
    return see_other(reverse("basis:choices", args=[person.pk]))


def _open_form(workspace_id: UUID, form_id: UUID) -> PublicForm:
    found = PublicForm.objects.of(workspace_id).filter(pk=form_id, closed_at__isnull=True).first()
    if found is None:
        raise Http404
    return found


def _choices(workspace: Workspace, public: PublicForm) -> list[tuple[str, str]]:
    """What the form offers, as far as the policy in force still knows it."""
    offered = {f"{purpose}.{channel}" for purpose, channel in public.wanted}
    every = forms.wanted(rules.of(workspace.pk), get_language() or "en")
    return [(value, label) for value, label in every if value in offered]


def _purposes(workspace: Workspace, public: PublicForm) -> list[str]:
    """What the notice of the form is about: all that it asks for, whatever is ticked."""
    known = rules.of(workspace.pk).policy.purposes
    return sorted({purpose for purpose, _channel in public.wanted if purpose in known})


def _wanted(public: PublicForm) -> list[tuple[str, str]]:
    return [(purpose, channel) for purpose, channel in public.wanted]


def _offered(workspace: Workspace, public: PublicForm) -> notices.Offered | None:
    purposes = _purposes(workspace, public)
    if not purposes:
        return None
    return notices.offer(
        workspace=workspace, purposes=purposes, language=get_language() or "en", wanted=_wanted(public)
    )  # fmt: skip


def _submitted(workspace: Workspace, public: PublicForm, form: JoinForm) -> Submission | None:
    """The answer on its way, or None with the reason at the form."""
    given: dict[str, Any] = form.cleaned_data
    if given["website"]:
        form.add_error(None, _("This was filled in by a program. Please write to us instead."))
        return None
    now = clock.now()
    try:
        notice = notices.as_shown(
            given["shown"], workspace=workspace, purposes=_purposes(workspace, public), at=now, wanted=_wanted(public)
        )
        return capturing.submit(
            form=public, workspace=workspace, wanted=[forms.as_wanted(one) for one in given["wanted"]], notice=notice, at=now,
            given=capturing.Given(given["name"].strip(), given["address"], notice.language),
        )  # fmt: skip
    except notices.Stale:
        form.add_error(None, forms.read_again())
    except passcodes.NoAddress:
        form.add_error("address", _("This is neither a phone number nor an e-mail address."))
    except passcodes.TooMany:
        form.add_error("address", _("Too many codes were sent. Try again in an hour."))
    except outbox.NotSent:
        form.add_error("address", _("The code could not be sent. Try again, or use an e-mail address."))
    return None


def _confirmed(request: HttpRequest, workspace: Workspace, submission: Submission, code: str) -> HttpResponse:
    here = reverse("basis:public_form_code", args=[workspace.pk, submission.pk])
    try:
        records = capturing.confirm(submission=submission, workspace=workspace, code=code, at=clock.now())
    except passcodes.WrongCode:
        messages.error(request, _("This is not the code that was sent."))
        return see_other(here)
    except (passcodes.TooMany, passcodes.Over, ValidationError):
        messages.error(request, _("This code no longer works. Ask for a new one."))
        return see_other(reverse("basis:public_form", args=[workspace.pk, submission.form_id]))
    messages.success(request, _("Thank you. It is written down, and a receipt is on its way to you."))
    return see_other(receipts.address_of(records[0]))
