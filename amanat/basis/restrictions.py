"""A person's data may be stored and nothing else, until the restriction is lifted (GDPR article 18)."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from amanat.basis import principals
from amanat.basis.consent import How
from amanat.basis.models import Restriction
from amanat.core import ledger
from amanat.people.models import Contact


def impose(*, contact: Contact, ground: Restriction.Ground, how: How, at: datetime) -> Restriction:
    """From `at` on the gate refuses everything but what the law orders, on this ground."""
    return _write(contact, ground, Restriction.What.IMPOSED, how, at)


def lift(*, contact: Contact, ground: Restriction.Ground, how: How, at: datetime) -> Restriction:
    """The ground is gone; a restriction on another ground stays."""
    return _write(contact, ground, Restriction.What.LIFTED, how, at)


def _write(contact: Contact, ground: Restriction.Ground, what: Restriction.What, how: How, at: datetime) -> Restriction:
    here = contact.workspace_id
    with transaction.atomic():
        ledger.write(
            f"basis.restriction.{what.value}", workspace=here, by=how.by, about=contact, at=at, ground=ground.value
        )
        return Restriction.objects.create(
            workspace_id=here, contact=contact, principal=principals.digest(contact.pk, workspace_id=here),
            ground=ground, what=what, at=at, method=how.method, by=how.by,
        )  # fmt: skip
