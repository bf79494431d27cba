"""Pages of accounts."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from amanat.accounts import access, setup, signing_up
from amanat.accounts.access import UserRequest


def owner(request: HttpRequest, secret: str) -> HttpResponse:
    """The one-time owner link: remembers the secret and goes to sign-up."""
    if not setup.is_owner_secret(secret):
        return render(request, "404.html", status=404)
    request.session[signing_up.OWNER_SECRET] = secret
    return HttpResponseRedirect(reverse("account_signup"))


def workspace_list(request: UserRequest) -> HttpResponse:
    return render(request, "accounts/workspaces.html", {"seats": access.seats_of(request.user)})
