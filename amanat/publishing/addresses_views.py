"""The owner's page of the addresses that the policy publishes: sending a code there, typing it in."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.publishing import addresses, versions


class AddressForm(forms.Form):
    """Which address of the policy is meant."""

    address = forms.EmailField(max_length=254)


class CodeForm(AddressForm):
    """The code that was mailed there."""

    code = forms.CharField(
        label=gettext_lazy("Code from the mail"),
        max_length=20,
        widget=forms.TextInput({"inputmode": "numeric", "autocomplete": "one-time-code"}),
    )


@dataclass(frozen=True, slots=True)
class Line:
    """One address as the page shows it."""

    standing: addresses.Standing
    counts: bool
    is_asked: bool
    until: datetime | None
    form: CodeForm


def page(request: MemberRequest) -> HttpResponse:
    """Each address with its state."""
    at, holds = clock.now(), versions.in_force(request.workspace)
    found = addresses.standing(holds.policy, workspace_id=request.workspace.pk, at=at)
    lines = [
        Line(one, one.counts(at), one.is_asked(at), one.counts_until(), CodeForm(auto_id=f"address{number}-%s"))
        for number, one in enumerate(found)
    ]
    return render(
        request,
        "publishing/editing_addresses.html",
        {"lines": lines, "may_edit": request.member.may(May.MANAGE_POLICY)},
    )


def said(request: MemberRequest) -> HttpResponse:
    """A code was typed in, or one is wanted. It always leads back, with what became of it: so a wrong try counts."""
    at = clock.now()
    form = CodeForm(request.POST) if "code" in request.POST else AddressForm(request.POST)
    if not form.is_valid():
        messages.error(request, _("This is not the code, or its time is over. Send a new one."))
        return see_other(reverse("publishing:policy_addresses"))
    address, code = form.cleaned_data["address"], form.cleaned_data.get("code", "")
    try:
        if code:
            addresses.confirm(address, code=code, by=request.member, at=at)
            messages.success(request, _("Mail to %(address)s arrives: that is on record now.") % {"address": address})
        else:
            policy = versions.in_force(request.workspace).policy
            addresses.ask(address, policy=policy, by=request.member, who=policy.parties.operator.name, at=at)
            messages.success(request, _("A code is on its way to %(address)s.") % {"address": address})
    except addresses.NotPublished:
        messages.error(request, _("The policy in force does not name this address."))
    except addresses.TooMany:
        messages.error(request, _("That was too often. Try again later."))
    except addresses.WrongCode:
        messages.error(request, _("This is not the code, or its time is over. Send a new one."))
    except OSError:
        messages.error(request, _("The mail could not be sent. Try again later."))
    return see_other(reverse("publishing:policy_addresses"))
