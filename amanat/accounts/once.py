"""A form that makes something acts once, however often it arrives: two taps on a slow line, a page that a browser sends again.

The page carries a fresh key (`{% once %}`), the view is marked `@only_once`: whoever sends the same key with the same content again
is led where the first went. The same key with other content is another act: she went back, changed the form and sent it.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import partial, wraps
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse

from amanat.accounts import api_access
from amanat.accounts.access import MemberRequest
from amanat.web.templatetags.amanat import ONCE

#: What a page sent again may carry differently without being another act.
_NOT_CONTENT = frozenset({"csrfmiddlewaretoken"})


def only_once(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Let a member's view, which answers an accepted form with a redirect, act once for each key its page carries."""

    @wraps(view)
    def guarded(request: MemberRequest, *args: object, **address: object) -> HttpResponse:
        run = partial(view, request, *args, **address)
        key = _key(request)
        if request.method != "POST" or key is None:
            return run()
        digest = _digest(request)
        return api_access.once(request.member, _route(request), f"{key.hex} {digest}", digest, run)

    return guarded


def _key(request: HttpRequest) -> UUID | None:
    """The key of the page, None where it carries none that we could have made."""
    try:
        return UUID(request.POST.get(ONCE, ""))
    except ValueError:
        return None


def _route(request: HttpRequest) -> str:
    return request.resolver_match.view_name if request.resolver_match else ""


def _digest(request: HttpRequest) -> str:
    """What was sent, under our key: a plain hash of a short number would tell the number."""
    digest = hmac.new(settings.SECRET_KEY.encode(), request.path.encode(), "sha256")
    for name, values in sorted(request.POST.lists()):
        if name not in _NOT_CONTENT:
            digest.update(repr((name, values)).encode())
    for name, files in sorted(request.FILES.lists()):
        for file in files:
            digest.update(repr((name, file.name, file.size)).encode())
            for piece in file.chunks():
                digest.update(piece)
            file.seek(0)
    return digest.hexdigest()
