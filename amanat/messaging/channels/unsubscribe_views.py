"""The page behind the link that ends messages: a question and a button, for anybody who has the link."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.csrf import csrf_exempt

from amanat.basis import receipts, rules, wording
from amanat.basis.public_views import workspace_of
from amanat.core import clock, tenancy
from amanat.messaging.channels import unsubscribing
from amanat.messaging.channels.unsubscribing import LinkRefused, Wish


@csrf_exempt  # mail programs call it without a page before; who has the link may use it, and it only ever ends things
def unsubscribe(request: HttpRequest, workspace_id: UUID, token: str) -> HttpResponse:
    """GET asks and changes nothing; POST ends it at once and never redirects (RFC 8058, section 3.1)."""
    with tenancy.inside(workspace_id):
        workspace_of(workspace_id)
        try:
            wish = unsubscribing.read(token, workspace_id=workspace_id)
        except LinkRefused:
            raise Http404 from None
        return _answer(request, wish)


@csrf_exempt
def unsubscribe_short(request: HttpRequest, token: str) -> HttpResponse:
    """The same for the short link of a text message."""
    try:
        wish = unsubscribing.read_short(token)
    except LinkRefused:
        raise Http404 from None
    with tenancy.inside(wish.workspace_id):
        return _answer(request, wish)


def _answer(request: HttpRequest, wish: Wish) -> HttpResponse:
    is_done = request.method == "POST"
    records = unsubscribing.stop(wish, at=clock.now()) if is_done else []
    language, policy = get_language() or "en", rules.of(wish.workspace_id).policy
    known = wish.purpose in policy.purposes
    context = {
        "workspace": workspace_of(wish.workspace_id),
        "is_done": is_done,
        "what": wording.phrase(policy, (wish.purpose, wish.channel), language) if known else wish.purpose,
        "receipts": [receipts.address_of(one) for one in records],
    }
    response = render(request, "messaging/unsubscribe.html", context)
    response["X-Robots-Tag"] = "noindex"
    response["Referrer-Policy"] = "no-referrer"
    return response
