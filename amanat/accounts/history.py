"""The login history: every sign-in and failure of a known user, with place, device and how long it lasted."""

from __future__ import annotations

from typing import Any, cast

from django.http import HttpRequest

from amanat.accounts import devices
from amanat.accounts.models import Session, SignIn, User
from amanat.accounts.session_store import SessionStore, hashed
from amanat.core import clock


def _where(request: HttpRequest) -> dict[str, Any]:
    return {
        "address": request.META.get("REMOTE_ADDR") or None,
        "device": devices.describe(request.META.get("HTTP_USER_AGENT", "")),
    }


def failed(request: HttpRequest, *, email: str, outcome: str) -> None:
    """Write down a failed try, if somebody has this e-mail; what strangers type is not kept."""
    user = User.objects.filter(email=email.strip().lower()).first()
    if user is not None:
        SignIn.objects.create(user=user, outcome=outcome, **_where(request))


def signed_in(request: HttpRequest, user: User, method: str) -> None:
    """Write down a success and describe the new session for the list of devices."""
    session = cast(SessionStore, request.session)
    if not session.session_key:
        session.save()
    key = hashed(str(session.session_key))
    now = clock.now()
    where = _where(request)
    Session.objects.filter(session_key=key).update(user=user, signed_in_at=now, last_seen_at=now, **where)
    SignIn.objects.create(user=user, outcome=SignIn.Outcome.SIGNED_IN, method=method, session_key=key, at=now, **where)


def ended(session_key_hash: str, *, by: str) -> None:
    """Write when and how a session ended: "sign-out", "revoked", "password"."""
    SignIn.objects.filter(session_key=session_key_hash, ended_at__isnull=True).update(ended_at=clock.now(), ended_by=by)
