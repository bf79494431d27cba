"""Pages of one's own account: name and language, devices, login history; and the outbox of a site that sends nothing."""

from __future__ import annotations

from uuid import UUID

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts import forms, outbox_access, profile, second_factors, sessions
from amanat.accounts.access import UserRequest, see_other, sent
from amanat.accounts.models import SignIn
from amanat.accounts.session_store import hashed
from amanat.core import clock, routes
from amanat.core.models import LocalMessage
from amanat.web.context import THEME_COOKIE

HISTORY_PAGE = 50
A_YEAR = 365 * 86400


def own_profile(request: UserRequest) -> HttpResponse:
    user = request.user
    form = forms.ProfileForm(sent(request), initial={"name": user.name, "language": user.language, "theme": user.theme})
    if request.method == "POST" and form.is_valid():
        profile.change(user=user, **form.cleaned_data)
        messages.success(request, _("Saved."))
        response = see_other(reverse("accounts:profile"))
        chosen = {settings.LANGUAGE_COOKIE_NAME: user.language, THEME_COOKIE: user.theme or "system"}
        for name, value in chosen.items():
            response.set_cookie(
                name, value, max_age=A_YEAR, samesite="Lax", secure=settings.SESSION_COOKIE_SECURE, httponly=True
            )
        return response
    context = {"form": form, "has_second_factor": second_factors.has_one(user.pk)}
    return TemplateResponse(request, "accounts/account/profile.html", context, status=422 if form.errors else 200)


def _this(request: HttpRequest) -> str:
    return hashed(str(request.session.session_key))


def devices(request: UserRequest) -> HttpResponse:
    found = sessions.of(request.user, this=_this(request), at=clock.now())
    return TemplateResponse(request, "accounts/account/devices.html", {"devices": found})


def end_device(request: UserRequest, device_id: str) -> HttpResponse:
    if device_id == _this(request) or not sessions.end(request.user, device_id):
        return routes.refusal(request, 404)
    messages.success(request, _("The device is signed out."))
    return see_other(reverse("accounts:devices"))


def end_other_devices(request: UserRequest) -> HttpResponse:
    sessions.end_all(request.user, but=_this(request))
    messages.success(request, _("All other devices are signed out."))
    return see_other(reverse("accounts:devices"))


def login_history(request: UserRequest) -> HttpResponse:
    before = None
    after = _uuid_or_none(request.GET.get("after", ""))
    if after is not None:
        before = SignIn.objects.filter(user=request.user, pk=after).first()
    lines = sessions.past(request.user, before=before, count=HISTORY_PAGE + 1)
    older = f"?after={lines[HISTORY_PAGE - 1].pk}" if len(lines) > HISTORY_PAGE else ""
    context = {"lines": lines[:HISTORY_PAGE], "older": older, "is_first": before is None}
    return TemplateResponse(request, "accounts/account/history.html", context)


def _uuid_or_none(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def second_factor_needed(request: UserRequest) -> HttpResponse:
    """Where a member without a second factor lands whose workspace asks for one; with one, the way back to `next`."""
    wanted = request.GET.get("next", "")
    if wanted and get_adapter().is_safe_url(wanted):
        request.session[second_factors.ONWARD] = wanted
    if second_factors.has_one(request.user.pk):
        return see_other(request.session.pop(second_factors.ONWARD, "/"))
    return TemplateResponse(request, "accounts/account/second_factor_needed.html")


def local_outbox(request: HttpRequest) -> HttpResponse:
    """E-mails and texts that were kept instead of sent, with their codes: on this machine only, for trying Amanat out."""
    if not outbox_access.is_open_to(request):
        return routes.refusal(request, 404)
    kept = LocalMessage.objects.order_by("-created_at", "-id")[:100]
    return render(request, "accounts/outbox.html", {"kept": kept})
