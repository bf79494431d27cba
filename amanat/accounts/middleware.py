"""Who is signed in, and in which language the answer is given."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from django.conf import settings
from django.contrib.auth import HASH_SESSION_KEY
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.crypto import constant_time_compare

from amanat.accounts.models import Session, User
from amanat.accounts.session_store import SessionStore
from amanat.core import bodies, clock, limits, routes

GetResponse = Callable[[HttpRequest], HttpResponseBase]
SEEN_EVERY = timedelta(minutes=1)


def language(get_response: GetResponse) -> GetResponse:
    """Find the session's user (in the query that reads the session) and speak her language.

    What was chosen on this device (cookie) comes first, then what her account says, then the browser's wish.
    """
    known = {code for code, _name in settings.LANGUAGES}

    def middleware(request: HttpRequest) -> HttpResponseBase:
        user = _signed_in_user(request)
        chosen = request.COOKIES.get(settings.LANGUAGE_COOKIE_NAME, "")
        if chosen not in known:
            chosen = user.language if user else translation.get_language_from_request(request)
        request.LANGUAGE_CODE = chosen if chosen in known else settings.LANGUAGE_CODE
        with translation.override(request.LANGUAGE_CODE):
            response = get_response(request)
        response.headers.setdefault("Content-Language", request.LANGUAGE_CODE)
        return response

    return middleware


def _signed_in_user(request: HttpRequest) -> User | None:
    """Fill Django's cache of request.user from the session's row, after the check Django makes (password unchanged)."""
    session = request.session
    if not isinstance(session, SessionStore) or not session.session_key:
        return None
    digest = session.get(HASH_SESSION_KEY, "")
    user = session.row.user if session.row else None
    if user is None or not user.is_active or not constant_time_compare(digest, user.get_session_auth_hash()):
        return None
    request._cached_user = user  # type: ignore[attr-defined]
    row = session.row
    if row is not None and clock.now() - row.last_seen_at > SEEN_EVERY:
        Session.objects.filter(pk=row.pk).update(last_seen_at=clock.now())
    return user


def body(get_response: GetResponse) -> GetResponse:
    """Refuse what is too large before it is read, and read the rest where it holds up nobody (`core.bodies`).

    A program of the API is told from a stranger by its token, hence a large upload to `/api/` is left to `api_access`.
    """

    def middleware(request: HttpRequest) -> HttpResponseBase:
        length = bodies.length_of(request)
        if not length or (length > bodies.SMALL and request.path.startswith("/api/")):
            return get_response(request)
        user = getattr(request, "_cached_user", None)
        whose = limits.network_of(str(request.META.get("REMOTE_ADDR", ""))) if user is None else str(user.pk)
        refused = bodies.receive(request, whose=whose, known=user is not None)
        return routes.refusal(request, refused) if refused else get_response(request)

    return middleware
