"""The first owner: a one-time link that the start prints while the installation has no workspace.

The link opens sign-up also on a closed site. It is spent when the workspace is made, not before, so that a mistyped
e-mail or a closed browser does not lock the owner out of her own installation.
"""

from __future__ import annotations

import hashlib
import secrets

from django.db import transaction
from django.urls import reverse

from amanat.accounts import access
from amanat.accounts.models import OwnerLink
from amanat.core import clock


def owner_link(base_url: str) -> str | None:
    """A fresh link for the first owner, or None once there is a workspace. Earlier unused links stop working."""
    with transaction.atomic():
        if access.workspace_ids():
            return None
        secret = secrets.token_urlsafe(24)
        OwnerLink.objects.filter(used_at__isnull=True).delete()
        OwnerLink.objects.create(secret_hash=_hash(secret))
    return base_url + reverse("accounts:owner", args=[secret])


def is_owner_secret(secret: str) -> bool:
    return OwnerLink.objects.filter(secret_hash=_hash(secret), used_at__isnull=True).exists()


def use_owner_secret(secret: str) -> bool:
    """Spend the link; true for exactly one caller."""
    return OwnerLink.objects.filter(secret_hash=_hash(secret), used_at__isnull=True).update(used_at=clock.now()) == 1


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
