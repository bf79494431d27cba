"""Who may sign up and make a workspace, and what becomes of sign-ups that nobody confirmed.

Until its e-mail is confirmed an account is nobody's: whoever typed a stranger's address must gain nothing from having been
first. So an unconfirmed account gets no codes for signing in or for a new password, and a new sign-up with the same
address replaces it, password, number and all. It is deleted after two days.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from allauth.account.models import EmailAddress
from django.conf import settings
from django.db.models import Exists, OuterRef, QuerySet
from django.http import HttpRequest
from django.urls import reverse

from amanat.accounts import access, setup
from amanat.accounts.models import User
from amanat.accounts.permissions import Role

OWNER_SECRET = "owner_secret"  # noqa: S105  # the name under which the session keeps it
#: The path of the invitation that this browser followed.
INVITATION = "invitation"
UNCONFIRMED_FOR = timedelta(days=2)


def is_open(request: HttpRequest) -> bool:
    """Whether this browser may sign up: anyone on an open site, else who holds the owner's link or an invitation."""
    return settings.CONFIGURATION.sign_up == "open" or INVITATION in request.session or _holds_owner_link(request)


def may_make_workspace(request: HttpRequest, user: User) -> bool:
    """On a closed site only who holds the owner's link, or owns a workspace already."""
    if settings.CONFIGURATION.sign_up == "open" or _holds_owner_link(request):
        return True
    return any(seat.role == Role.OWNER for seat in access.seats_of(user))


def _holds_owner_link(request: HttpRequest) -> bool:
    secret = request.session.get(OWNER_SECRET, "")
    return bool(secret) and setup.is_owner_secret(secret)


def remember_invitation(request: HttpRequest, *, workspace_id: UUID, secret: str) -> None:
    """Keep the invitation through signing up or in; it is opened again right after."""
    request.session[INVITATION] = reverse("accounts:join", args=[workspace_id, secret])


def join_url(request: HttpRequest) -> str:
    """Where a browser that followed an invitation goes after signing in; empty without one."""
    return str(request.session.get(INVITATION, ""))


def unconfirmed() -> QuerySet[User]:
    """Accounts whose e-mail was never confirmed and that were never entered. One that was closed is emptied and not active: it is none
    of these, old records point at it."""
    confirmed = EmailAddress.objects.filter(user_id=OuterRef("pk"), verified=True)
    return User.objects.filter(~Exists(confirmed), is_active=True, last_login__isnull=True, seats__isnull=True)


def is_unconfirmed(email: str) -> bool:
    return unconfirmed().filter(email=email).exists()


def forget_unconfirmed(email: str) -> None:
    """Delete the account that somebody began with this e-mail and never confirmed."""
    unconfirmed().filter(email=email).delete()


def sweep(*, at: datetime) -> int:
    """Delete what was not confirmed within two days; returns how many accounts."""
    old = unconfirmed().filter(created_at__lt=at - UNCONFIRMED_FOR)
    return old.delete()[1].get("accounts.User", 0)
