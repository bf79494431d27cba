"""A person objects to a purpose, or takes that back (GDPR article 21; DPDP Act s.7(a): "has not indicated that she does not consent").

Who wants none of a purpose that she is asked for objects to it too (`want_none`): for every channel, also one that is added later. Such a wish
gives way, channel by channel, to each yes that she gives herself afterwards; an objection proper stands until she takes it back.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from uuid import UUID

from django.db import transaction

from amanat.basis import consent, endings, principals, rules, suppression
from amanat.basis.consent import How
from amanat.basis.models import ConsentRecord, Method, Objection, Suppression
from amanat.core import ledger, tombstones
from amanat.core.tombstones import Kind
from amanat.people.models import Contact, Email, Phone

#: Opting out of sale. No policy here knows a purpose of that name, and none may: it is written down all the same (CCPA s.1798.120).
#: A yes to a partner by name that she gave before ends with it; `basis.schema` knows.
SALE = "sale"


def make(*, contact: Contact, how: How, at: datetime, purpose: str = "") -> Objection:
    """From `at` on the purpose is not carried out for her; "" is every purpose that no law orders. Raises UnknownPurpose."""
    return _write(contact, purpose, Objection.What.MADE, how, at)


def withdraw(*, contact: Contact, how: How, at: datetime, purpose: str = "") -> Objection:
    """She takes an objection back, exactly the one named: that to everything does not end with that to one purpose."""
    return _write(contact, purpose, Objection.What.WITHDRAWN, how, at)


def want_none(*, contact: Contact, purpose: str, how: How, at: datetime) -> list[ConsentRecord]:
    """She wants nothing more for the purpose, over whatever channel. What she had agreed to is taken back; returns that.

    An objection of hers that stands already is kept as it is: it is worth more. Raises UnknownPurpose.
    """
    here = contact.workspace_id
    with transaction.atomic():
        taken_back = consent.withdraw_all(contact=contact, purpose=purpose, how=how, at=at)
        addresses = [
            *Phone.objects.of(here).filter(contact=contact).values_list("number", flat=True),
            *Email.objects.of(here).filter(contact=contact).values_list("address", flat=True),
        ]
        suppression.add(addresses, workspace=here, reason=Suppression.Reason.OPT_OUT, at=at, purpose=purpose)
        if purpose not in closed(contact, at=at) or is_pause(of_person(contact, at=at)[purpose]):
            _write(contact, purpose, Objection.What.MADE, how, at, until_yes=True)
    return taken_back


def mark(contact_id: UUID, purpose: str, *, until_yes: bool = False) -> UUID:
    """What an objection is known by outside the database."""
    kind = (b"until yes",) if until_yes else ()
    return tombstones.subject(contact_id.bytes, purpose.encode(), *kind)


def restore(*, contact: Contact, purpose: str, until_yes: bool, at: datetime) -> Objection:
    """After a restore: she had objected at `at`."""
    return _write(contact, purpose, Objection.What.MADE, How(Method.FILE), at, until_yes=until_yes)


def _write(
    contact: Contact, purpose: str, what: Objection.What, how: How, at: datetime, *, until_yes: bool = False
) -> Objection:
    here, is_made = contact.workspace_id, what is Objection.What.MADE
    if is_made and purpose and purpose != SALE:
        rules.of(here).purpose(purpose)
    with transaction.atomic():
        kind = Kind.OBJECTION if is_made else Kind.OBJECTION_OVER
        marks = [mark(contact.pk, purpose, until_yes=one) for one in ([until_yes] if is_made else [False, True])]
        tombstones.record(kind, marks, at=at, workspace_id=here)
        if is_made:
            endings.tell(here, contact.pk, purpose, at)
        event = "basis.objection.none_wanted" if until_yes else f"basis.objection.{what.value}"
        ledger.write(event, workspace=here, by=how.by, about=contact, at=at, purpose=purpose)
        return Objection.objects.create(
            workspace_id=here, contact=contact, principal=principals.digest(contact.pk, workspace_id=here),
            purpose=purpose, what=what, at=at, method=how.method, by=how.by, until_yes=until_yes,
            evidence=how.evidence or {},
        )  # fmt: skip


def of_person(contact: Contact, *, at: datetime) -> dict[str, Objection]:
    """Those that stand at a moment, by purpose; "" is every purpose."""
    latest = (
        Objection.objects.of(contact.workspace_id)
        .filter(contact=contact, at__lte=at)
        .select_related("by")
        .order_by("purpose", "-at", "-id")
        .distinct("purpose")
    )
    return {one.purpose: one for one in latest if one.what == Objection.What.MADE}


def standing(contact: Contact, *, at: datetime) -> frozenset[str]:
    """The purposes objected to at a moment; "" among them is every purpose."""
    return frozenset(of_person(contact, at=at))


def closed(contact: Contact, *, at: datetime) -> frozenset[str]:
    """Those of them that no later yes of hers has opened again for a channel."""
    found = of_person(contact, at=at)
    return frozenset(found) - {purpose for purpose, _channel in opened(contact, found, at=at)}


def opened(contact: Contact, found: Mapping[str, Objection], *, at: datetime) -> frozenset[tuple[str, str]]:
    """Purposes and channels for which she herself said yes after a wish for none among `found`, and no no since. The gate reads the same."""
    wishes = {purpose: one for purpose, one in found.items() if one.until_yes}
    if not wishes:
        return frozenset()
    own = (
        ConsentRecord.objects.of(contact.workspace_id)
        .filter(contact=contact, purpose__in=list(wishes), at__lte=at)
        .exclude(method=Method.FILE, what=ConsentRecord.What.GIVEN)
        .order_by("purpose", "channel", "-at", "-id")
        .distinct("purpose", "channel")
    )
    return frozenset(
        (one.purpose, one.channel)
        for one in own
        if one.what == ConsentRecord.What.GIVEN and one.at > wishes[one.purpose].at
    )


def against(
    found: Mapping[str, Objection], again: Collection[tuple[str, str]], purpose: str, channel: str
) -> Objection | None:
    """What of `of_person` stands against a purpose over a channel; `again` is what is `opened`."""
    for one in (found.get(purpose), found.get("")):
        if one is not None and not (one.until_yes and (purpose, channel) in again):
            return one
    return None


def proper(found: Mapping[str, Objection]) -> set[str]:
    """The uses among `of_person` that she objected to until she takes it back: neither by a message that only sounded so, nor until her next yes."""
    return {purpose for purpose, one in found.items() if purpose != SALE and not (one.until_yes or is_pause(one))}


def is_pause(one: Objection) -> bool:
    """Whether it was made by a message that only sounded like it (`pauses`); a request that came by e-mail is none."""
    return one.method == Method.MESSAGE and bool(one.purpose) and not one.until_yes and not one.evidence


def opt_out_of_sale(contact: Contact, *, how: How, at: datetime) -> bool:
    """Written down once while it stands. Returns whether it was news."""
    if SALE in standing(contact, at=at):
        return False
    make(contact=contact, how=how, at=at, purpose=SALE)
    return True
