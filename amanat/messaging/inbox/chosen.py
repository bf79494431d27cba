"""The list that stands beside a conversation: whatever is done there, the one that was chosen before stays."""

from __future__ import annotations

from urllib.parse import urlencode

from django.http import HttpResponse
from django.urls import reverse

from amanat.accounts.access import MemberRequest, see_other
from amanat.messaging.inbox import listing
from amanat.messaging.inbox.models import Thread
from amanat.people.timeline import Place


def of(request: MemberRequest) -> dict[str, str]:
    """Which list was chosen, as it stands in addresses: words that were searched for, else a view and a place in it, else nothing."""
    given = request.GET
    query = " ".join(given.get("q", "").replace("\x00", "").split())[:200]
    if query:
        return {"q": query}
    if given.get("view", "") not in listing.VIEWS:
        return {}
    place = Place.parse(given.get("after", ""))
    return {"view": given["view"]} | ({"after": str(place)} if place else {})


def beside(request: MemberRequest, url: str) -> str:
    """The address with the list that was chosen, which stays the same whatever is done with a conversation."""
    kept = of(request)
    return f"{url}?{urlencode(kept)}" if kept else url


def back(request: MemberRequest, found: Thread) -> HttpResponse:
    """To the conversation, after something was done in it."""
    return see_other(beside(request, reverse("messaging:thread", args=[found.pk])))


def to_list(request: MemberRequest) -> HttpResponse:
    """To the list, after the conversation was put away."""
    return see_other(beside(request, reverse("messaging:inbox")))
