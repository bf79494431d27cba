"""Ready replies: the page that lists them, and the form that adds and changes one."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.messaging.inbox import threads
from amanat.messaging.inbox.forms import CannedForm
from amanat.messaging.inbox.models import CannedReply
from amanat.messaging.inbox.threads import ThreadRefused

MOST = 500


def replies(request: MemberRequest) -> HttpResponse:
    rows = CannedReply.objects.of(request.workspace).order_by("shortcut", "language")[:MOST]
    context = {"replies": list(rows), "may_manage": request.member.may(May.MANAGE_FIELDS)}
    return render(request, "messaging/inbox_replies.html", context)


def new(request: MemberRequest) -> HttpResponse:
    return _form(request, CannedReply(workspace_id=request.workspace.pk))


def edit(request: MemberRequest, canned_id: UUID) -> HttpResponse:
    return _form(request, _find(request, canned_id))


def _form(request: MemberRequest, canned: CannedReply) -> HttpResponse:
    sent: Any = request.POST if request.method == "POST" else None
    form = CannedForm(sent, instance=canned)
    if sent is not None and form.is_valid():
        try:
            threads.keep_canned(canned=form.instance, by=request.member, at=clock.now())
            return see_other(reverse("messaging:canned"))
        except ThreadRefused as refused:
            form.add_error("shortcut", str(refused))
    context = {"form": form, "canned": None if canned._state.adding else canned}
    return render(request, "messaging/inbox_reply_form.html", context, status=200 if sent is None else 422)


def remove(request: MemberRequest, canned_id: UUID) -> HttpResponse:
    threads.remove_canned(canned=_find(request, canned_id), by=request.member, at=clock.now())
    return see_other(reverse("messaging:canned"))


def _find(request: MemberRequest, canned_id: UUID) -> CannedReply:
    found = CannedReply.objects.of(request.workspace).filter(pk=canned_id).first()
    if found is None:
        raise Http404
    return found
