"""Signing in at the provider of a mailbox: what will be asked there, the way back, and what came of it."""

from __future__ import annotations

import hmac
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.core import clock
from amanat.messaging.channels import accounts, mail_sign_in, mail_sign_in_ending
from amanat.messaging.channels.mail_sign_in import House
from amanat.messaging.channels.models import ChannelAccount

#: In the session, while the owner is away at the provider.
_KEY = "mail_sign_in"
_GOOD_FOR = timedelta(minutes=15)


def begin(request: MemberRequest, account_id: UUID) -> HttpResponse:
    """Make a sign-in and show where it leads; nothing leaves before the owner follows the link."""
    account, house = _account(request, account_id)
    begun = mail_sign_in.begin(house, accounts.access(account))
    request.session[_KEY] = {
        "account": str(account.pk),
        "state": begun.state,
        "verifier": begun.verifier,
        "until": (clock.now() + _GOOD_FOR).isoformat(),
    }
    context = {"account": account, "house": house, "url": begun.url, "back_url": mail_sign_in.back_url()}
    return render(request, "messaging/mail_sign_in.html", context)


def back(request: MemberRequest) -> HttpResponse:
    """GET shows what the provider said, POST has the code taken to it: a page that is only looked at changes nothing."""
    given = request.POST if request.method == "POST" else request.GET
    waiting = request.session.get(_KEY) or {}
    if not _is_ours(waiting, given.get("state", "")):
        return _ended(
            request, _("This sign-in has ended, or was not begun here. Begin it again from the channel."), None
        )
    account, house = _account(request, UUID(waiting["account"]))
    if given.get("error") or not given.get("code"):
        del request.session[_KEY]
        words = _("%(provider)s says that nobody was let in. Begin again when you want to.") % {"provider": house.title}
        return _ended(request, words, account)
    if request.method != "POST":
        context = {"account": account, "house": house, "code": given["code"], "state": given["state"]}
        return render(request, "messaging/mail_sign_in_back.html", context)
    del request.session[_KEY]  # a code works once, and so does the state
    mail_sign_in_ending.leave(account, code=given["code"], verifier=waiting["verifier"], by=request.member)
    messages.success(request, _("The sign-in is being finished. Look at this page again in a moment."))
    return see_other(reverse("messaging:channel", args=[account.pk]))


def _ended(request: MemberRequest, words: str, account: ChannelAccount | None) -> HttpResponse:
    context = {"account": account, "words": words}
    return render(request, "messaging/mail_sign_in_back.html", context, status=409)


def _is_ours(waiting: Any, state: str) -> bool:
    if (
        not isinstance(waiting, dict)
        or datetime.fromisoformat(waiting.get("until") or "1970-01-01T00:00:00+00:00") < clock.now()
    ):
        return False
    return bool(state) and hmac.compare_digest(str(waiting.get("state", "")).encode(), state.encode())


def _account(request: MemberRequest, account_id: UUID) -> tuple[ChannelAccount, House]:
    account = get_object_or_404(ChannelAccount.objects.of(request.workspace), pk=account_id)
    house = mail_sign_in.house_of(accounts.access(account))
    if house is None:
        raise Http404
    return account, house
