"""Who may sign up: anyone, or, on a closed site, whoever holds the owner's link or an invitation."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from amanat.accounts import setup

OWNER_SECRET = "owner_secret"
INVITATION = "invitation"


def is_open(request: HttpRequest) -> bool:
    if settings.CONFIGURATION.sign_up == "open":
        return True
    secret = request.session.get(OWNER_SECRET, "")
    return bool(request.session.get(INVITATION)) or bool(secret and setup.is_owner_secret(secret))
