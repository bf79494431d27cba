"""The page of notifications: this browser, her other ones, what each is told of; and the way from a notification to its conversation."""

from __future__ import annotations

from typing import cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts import access
from amanat.accounts import devices as browsers
from amanat.accounts.access import MemberRequest, UserRequest, see_other
from amanat.accounts.session_store import hashed
from amanat.core import clock, routes
from amanat.messaging.push import devices, services, vapid
from amanat.messaging.push.devices import DeviceRefused, Subscription
from amanat.messaging.push.forms import SwitchOnForm, WantsForm
from amanat.messaging.push.models import PushDevice


def push(request: MemberRequest, *, trouble: str = "", status: int = 200) -> HttpResponse:
    """What is switched on where."""
    this = _this(request)
    try:
        key = vapid.public_key()
    except vapid.KeyMissing:
        key = ""
    found = devices.of(request.member)
    context = {
        "devices": [(one, one.session_key == this) for one in found], "is_on_here": any(one.session_key == this for one in found),
        "key": key, "choices": PushDevice.Wants.choices, "form": WantsForm(initial={"wants": PushDevice.Wants.ALL}), "is_named": services.is_named(request.workspace.pk),
        "trouble": trouble, "services": ", ".join(services.SERVICES),
    }  # fmt: skip
    return render(request, "messaging/push.html", context, status=status)


def switch_on(request: MemberRequest) -> HttpResponse:
    form = SwitchOnForm(request.POST)
    if not form.is_valid():
        return push(request, trouble=_("The browser gave something that cannot be used. Try again."), status=422)
    given = form.cleaned_data
    try:
        devices.switch_on(
            by=request.member, subscription=Subscription(given["endpoint"], given["public"], given["secret"]),
            session_key=_this(request), name=browsers.describe(request.headers.get("User-Agent", "")),
            wants=given["wants"], at=clock.now(),
        )  # fmt: skip
    except DeviceRefused as refused:
        return push(request, trouble=str(refused), status=422)
    messages.success(request, _("This device is told from now on."))
    return see_other(reverse("messaging:push"))


def change(request: MemberRequest, pushdevice_id: UUID) -> HttpResponse:
    device, form = _device(request, pushdevice_id), WantsForm(request.POST)
    if not form.is_valid():
        return push(request, status=422)
    devices.change(device=device, wants=form.cleaned_data["wants"], by=request.member, at=clock.now())
    messages.success(request, _("Saved."))
    return see_other(reverse("messaging:push"))


def remove(request: MemberRequest, pushdevice_id: UUID) -> HttpResponse:
    devices.remove(device=_device(request, pushdevice_id), by=request.member, at=clock.now())
    messages.success(request, _("The device is told nothing any more."))
    return see_other(reverse("messaging:push"))


def open_thread(request: UserRequest, workspace_id: UUID, thread_id: UUID) -> HttpResponse:
    """From a notification to its conversation. Into another workspace of hers leads one press: a link alone, which any page can hold,
    must not move the browser away from where another tab is at work."""
    if access.chosen_workspace(request, request.user) != workspace_id:
        found = next((seat for seat in access.seats_of(request.user) if seat.workspace_id == workspace_id), None)
        if found is None:
            return routes.refusal(request, 404)
        if request.method != "POST":
            return TemplateResponse(request, "messaging/push_elsewhere.html", {"seat": found})
        access.choose_workspace(request, workspace_id)
    return see_other(reverse("messaging:thread", args=[thread_id]))


def _device(request: MemberRequest, device_id: UUID) -> PushDevice:
    found = devices.one_of(request.member, device_id)
    if found is None:
        raise Http404
    return found


def _this(request: HttpRequest) -> str:
    return hashed(str(cast(MemberRequest, request).session.session_key))
