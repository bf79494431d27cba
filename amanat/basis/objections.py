"""A person objects to a purpose, or takes that back (GDPR article 21; DPDP Act s.7(a): "has not indicated that she does not consent")."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db import transaction

from amanat.basis import endings, principals, rules
from amanat.basis.consent import How
from amanat.basis.models import Objection
from amanat.core import ledger, tombstones
from amanat.core.tombstones import Kind
from amanat.people.models import Contact

#: Opting out of sale. No policy here knows a purpose of that name, and none may: it is written down all the same (CCPA s.1798.120).
#: A yes to a partner by name that she gave before ends with it; `basis.schema` knows.
SALE = "sale"


def make(*, contact: Contact, how: How, at: datetime, purpose: str = "") -> Objection:
    """From `at` on the purpose is not carried out for her; "" is every purpose that no law orders. Raises UnknownPurpose."""
    return _write(contact, purpose, Objection.What.MADE, how, at)


def withdraw(*, contact: Contact, how: How, at: datetime, purpose: str = "") -> Objection:
    """She takes an objection back, exactly the one named: that to everything does not end with that to one purpose."""
    return _write(contact, purpose, Objection.What.WITHDRAWN, how, at)


def mark(contact_id: UUID, purpose: str) -> UUID:
    """What an objection is known by outside the database."""
    return tombstones.subject(contact_id.bytes, purpose.encode())


def _write(contact: Contact, purpose: str, what: Objection.What, how: How, at: datetime) -> Objection:
    here = contact.workspace_id
    if purpose and purpose != SALE:
        rules.of(here).purpose(purpose)
    with transaction.atomic():
        kind = Kind.OBJECTION if what is Objection.What.MADE else Kind.OBJECTION_OVER
        tombstones.record(kind, [mark(contact.pk, purpose)], at=at, workspace_id=here)
        if what is Objection.What.MADE:
            endings.tell(here, contact.pk, purpose, at)
        ledger.write(f"basis.objection.{what.value}", workspace=here, by=how.by, about=contact, at=at, purpose=purpose)
        return Objection.objects.create(
            workspace_id=here, contact=contact, principal=principals.digest(contact.pk, workspace_id=here),
            purpose=purpose, what=what, at=at, method=how.method, by=how.by,
        )  # fmt: skip


def standing(contact: Contact, *, at: datetime) -> frozenset[str]:
    """The purposes objected to at a moment; "" among them is every purpose."""
    latest = (
        Objection.objects.of(contact.workspace_id)
        .filter(contact=contact, at__lte=at)
        .order_by("purpose", "-at", "-id")
        .distinct("purpose")
    )
    return frozenset(one.purpose for one in latest if one.what == Objection.What.MADE)


def opt_out_of_sale(contact: Contact, *, how: How, at: datetime) -> bool:
    """Written down once while it stands. Returns whether it was news."""
    if SALE in standing(contact, at=at):
        return False
    make(contact=contact, how=how, at=at, purpose=SALE)
    return True
