"""A person's data may be stored and nothing else, until the restriction is lifted (GDPR article 18)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from amanat.basis import principals
from amanat.basis.consent import How
from amanat.basis.models import Restriction
from amanat.core import ledger, tombstones
from amanat.core.tombstones import Kind
from amanat.people.models import Contact


def impose(*, contact: Contact, ground: Restriction.Ground, how: How, at: datetime) -> Restriction:
    """From `at` on the gate refuses everything but what the law orders, on this ground."""
    return _write(contact, ground, Restriction.What.IMPOSED, how, at)


def lift(*, contact: Contact, ground: Restriction.Ground, how: How, at: datetime) -> Restriction:
    """The ground is gone; a restriction on another ground stays."""
    return _write(contact, ground, Restriction.What.LIFTED, how, at)


def mark(contact_id: UUID, ground: str) -> UUID:
    """What a restriction is known by outside the database."""
    return tombstones.subject(contact_id.bytes, ground.encode())


def standing(contact: Contact, *, at: datetime) -> frozenset[str]:
    """The grounds on which her data is restricted at a moment."""
    latest = (
        Restriction.objects.of(contact.workspace_id)
        .filter(contact=contact, at__lte=at)
        .order_by("ground", "-at", "-id")
        .distinct("ground")
    )
    return frozenset(one.ground for one in latest if one.what == Restriction.What.IMPOSED)


def _write(contact: Contact, ground: Restriction.Ground, what: Restriction.What, how: How, at: datetime) -> Restriction:
    here = contact.workspace_id
    kind = Kind.RESTRICTED if what is Restriction.What.IMPOSED else Kind.RESTRICTION_OVER
    with transaction.atomic():
        tombstones.record(kind, [mark(contact.pk, ground.value)], at=at, workspace_id=here)
        ledger.write(
            f"basis.restriction.{what.value}", workspace=here, by=how.by, about=contact, at=at, ground=ground.value
        )
        return Restriction.objects.create(
            workspace_id=here, contact=contact, principal=principals.digest(contact.pk, workspace_id=here),
            ground=ground, what=what, at=at, method=how.method, by=how.by,
        )  # fmt: skip
