"""Settings → Channels: which numbers, headers and mailboxes there are, and how they fare."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlencode
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.core import clock
from amanat.core.outgoing import Refused, Unreachable
from amanat.messaging.channels import accounts, adapters, checking, mail_sign_in, sandboxes
from amanat.messaging.channels.accounts import AccountRefused
from amanat.messaging.channels.adapters import UnknownProvider
from amanat.messaging.channels.contract import Adapter
from amanat.messaging.channels.forms import AccountForm
from amanat.messaging.channels.models import Channel, ChannelAccount
from amanat.web import formatting

if TYPE_CHECKING:
    from amanat.messaging.outbox.charging import Month

ICONS = {Channel.WHATSAPP: "message-circle", Channel.SMS: "smartphone", Channel.EMAIL: "mail"}
_QUALITIES: dict[str, tuple[str | Promise, str]] = {
    "green": (gettext_lazy("Quality high"), "green"),
    "yellow": (gettext_lazy("Quality medium"), "marigold"),
    "red": (gettext_lazy("Quality low"), "red"),
}
_STATES = {"ready": "green", "paused": "marigold", "broken": "red"}
_NO_LIMIT = 1_000_000_000


def _line(account: ChannelAccount) -> dict[str, object]:
    quality, tone = _QUALITIES.get(account.quality, ("", ""))
    has_limit = account.daily_limit is not None and account.daily_limit < _NO_LIMIT
    return {
        "account": account,
        "icon": ICONS[Channel(account.channel)],
        "address": formatting.phone(account.address) if account.channel == Channel.WHATSAPP else account.address,
        "state": account.get_state_display(),
        "state_tone": _STATES[account.state],
        "quality": quality,
        "quality_tone": tone,
        "limit": account.daily_limit if has_limit else None,
        "has_phone": sandboxes.has_other_side(account),
        "other_side": _("The other mailbox") if account.channel == Channel.EMAIL else _("The other phone"),
        "is_paused": account.state == ChannelAccount.State.PAUSED,
        "waits": account.resumes_at is not None and account.resumes_at > clock.now(),
    }


def channels(request: MemberRequest) -> HttpResponse:
    found = list(ChannelAccount.objects.of(request.workspace).order_by("channel", "-is_default", "name", "id"))
    in_sandbox = {one.channel for one in found if one.is_sandbox}
    missing = [(one.value, one.label) for one in Channel if one.value not in in_sandbox]
    context = {
        "lines": [_line(one) for one in found],
        "sandboxes": missing,
        "has_sandbox_number": Channel.WHATSAPP.value in in_sandbox,
    }
    return render(request, "messaging/channels.html", context)


def connect(request: MemberRequest) -> HttpResponse:
    """The first step: over whom."""
    ways = [
        {
            "title": adapter.title,
            "channel": Channel(adapter.channel).label,
            "icon": ICONS[Channel(adapter.channel)],
            "url": reverse("messaging:channel_new", args=[adapter.name]),
        }
        for adapter in adapters.all()
    ]
    return render(request, "messaging/channel_connect.html", {"ways": ways})


def channel_new(request: MemberRequest, provider: str) -> HttpResponse:
    """The second step: the details."""
    adapter = _adapter(provider)
    form = AccountForm(sent(request), adapter=adapter)
    if request.method == "POST" and form.is_valid():
        settings, secrets = form.details()
        try:
            account = accounts.connect(
                workspace=request.workspace,
                by=request.member,
                at=clock.now(),
                provider=adapter.name,
                name=form.cleaned_data["name"],
                address=form.cleaned_data["address"],
                settings=settings,
                secrets=secrets,
            )
        except AccountRefused as refused:
            form.add_error("address", str(refused))
        else:
            checking.ask_soon(account)
            messages.success(request, _("Connected. It is being checked now."))
            return see_other(reverse("messaging:channel", args=[account.pk]))
    context = {"form": form, "adapter": adapter, "channel": Channel(adapter.channel).label}
    return render(request, "messaging/channel_edit.html", context, status=422 if form.errors else 200)


def sandbox_new(request: MemberRequest) -> HttpResponse:
    """One click: a number that works at once and reaches nobody."""
    try:
        account = checking.connect_sandbox(
            workspace=request.workspace,
            by=request.member,
            at=clock.now(),
            channel=wanted if (wanted := request.POST.get("channel", "")) in Channel.values else Channel.WHATSAPP,
        )
    except AccountRefused as refused:
        messages.error(request, str(refused))
        return see_other(reverse("messaging:channels"))
    except (Unreachable, Refused):
        context = {"lines": [], "is_sandbox_off": True}
        return render(request, "messaging/channels.html", context, status=409)
    checking.ask_soon(account)
    messages.success(request, _("The sandbox is connected. What you send through it reaches nobody."))
    return see_other(reverse("messaging:phone", args=[account.pk]))


def channel(request: MemberRequest, account_id: UUID) -> HttpResponse:
    """How an account fares, what to enter at the provider, and its details."""
    account = _account(request, account_id)
    adapter = _adapter(account.provider)
    form = AccountForm(sent(request), adapter=adapter, account=account)
    if request.method == "POST" and form.is_valid():
        settings, secrets = form.details()
        at = clock.now()
        name = form.cleaned_data["name"]
        try:
            accounts.change(account=account, by=request.member, at=at, name=name, settings=settings, secrets=secrets)
        except AccountRefused as refused:
            form.add_error(None, str(refused))
        else:
            checking.ask_soon(account)
            messages.success(request, _("Saved. It is being checked now."))
            return see_other(reverse("messaging:channel", args=[account.pk]))
    context = {
        "form": form,
        "adapter": adapter,
        "line": _line(account),
        "account": account,
        "webhook": _webhook(account),
        "verify_token": accounts.access(account).secrets.get("verify_token", ""),
        "is_called": bool(account.settings.get("calls")),
        "charged": _charged(account, request.workspace.time_zone),
        "is_looked_into": account.channel == Channel.EMAIL and bool(account.settings.get("imap_host")),
    }
    access = accounts.access(account)
    if (house := mail_sign_in.house_of(access)) is not None:
        context |= {
            "house": house,
            "has_signed_in": mail_sign_in.REFRESH in access.secrets,
            "back_url": mail_sign_in.back_url(),
        }
    return render(request, "messaging/channel.html", context, status=422 if form.errors else 200)


def _webhook(account: ChannelAccount) -> str:
    """What to enter at the provider, "" where it never calls; those of text messages know nothing but an address, so the secret stands in it."""
    if adapters.hearing(account) is None:
        return ""
    url = accounts.webhook_url(account)
    if account.channel != Channel.SMS:
        return url
    return f"{url}?{urlencode({'key': accounts.access(account).secrets.get('verify_token', '')})}"


def _charged(account: ChannelAccount, time_zone: str) -> list[Month]:
    from amanat.messaging.outbox import charging  # it stands above the channels

    return (
        charging.by_month(account, time_zone=time_zone, now=clock.now()) if account.channel == Channel.WHATSAPP else []
    )


def channel_act(request: MemberRequest, account_id: UUID) -> HttpResponse:
    """Pause, resume, check, make it the usual one, or have providers call another address."""
    account, at, act = _account(request, account_id), clock.now(), request.POST.get("act", "")
    if act == "pause":
        accounts.pause(account=account, by=request.member, at=at)
    elif act == "resume":
        accounts.resume(account=account, by=request.member, at=at)
        checking.ask_soon(account)
    elif act == "default":
        accounts.make_default(account=account, by=request.member, at=at)
    elif act == "renew" and account.channel == Channel.SMS:
        accounts.renew_address(account=account, by=request.member, at=at)
        messages.success(request, _("This is the new address. The old one is refused: enter this one at the provider."))
    elif act == "check":
        checking.ask_soon(account)
        messages.success(request, _("It is being checked. Look again in a moment."))
    else:
        return HttpResponse(status=400)
    return see_other(reverse("messaging:channel", args=[account.pk]))


def _account(request: MemberRequest, account_id: UUID) -> ChannelAccount:
    return get_object_or_404(ChannelAccount.objects.of(request.workspace), pk=account_id)


def _adapter(provider: str) -> Adapter:
    try:
        return adapters.named(provider)
    except UnknownProvider:
        raise Http404 from None
