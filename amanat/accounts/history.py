"""The login history: every sign-in and failure of a known user, with place, device and how long it lasted."""

from __future__ import annotations

from typing import Any, cast

from django.db import connection
from django.http import HttpRequest

from amanat.accounts import devices
from amanat.accounts.models import SignIn, User
from amanat.accounts.session_store import SessionStore, hashed
from amanat.core import clock, ids


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
    """Write down a success, on the account too, and describe the new session for the list of devices.

    Two facts in one statement by hand: what a sign-in costs beside its hash is counted.
    """
    session = cast(SessionStore, request.session)
    if not session.session_key:
        session.save()
    now, where = clock.now(), _where(request)
    session.describe(signed_in_at=now, **where)
    key = hashed(str(session.session_key))
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH account AS (UPDATE accounts_user SET last_login = %(at)s WHERE id = %(user)s) "
            "INSERT INTO accounts_signin (id, user_id, outcome, method, at, ended_by, address, device, session_key) "
            "VALUES (%(id)s, %(user)s, %(outcome)s, %(method)s, %(at)s, '', %(address)s, %(device)s, %(key)s)",
            {"id": ids.new(), "user": user.pk, "outcome": SignIn.Outcome.SIGNED_IN.value, "method": method, "at": now,
             "key": key, **where},
        )  # fmt: skip
    user.last_login = now


def ended(session_key_hash: str, *, by: str) -> None:
    """Write when and how a session ended: "sign-out", "revoked", "password"."""
    SignIn.objects.filter(session_key=session_key_hash, ended_at__isnull=True).update(ended_at=clock.now(), ended_by=by)
