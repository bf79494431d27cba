"""After a restore of an older backup: what people have stopped since stands again, before anything can leave.

The lines outside the database (`core.tombstones`) name nobody. So every yes, every guardian and every person that came back is held against
them; what was said about an address is written again by its keyed hash, whether the backup knows the address or not, because it may be
brought in again later. What was taken back later stays taken back.
"""

from __future__ import annotations

from datetime import datetime
from itertools import product
from uuid import UUID

from amanat.basis import consent, guardians, objections, restrictions, rules, suppression
from amanat.basis.consent import How
from amanat.basis.models import ConsentRecord, Guardianship, Method, Restriction
from amanat.core.tombstones import Kind, Tombstones
from amanat.people.models import Contact

_PIECE = 1000
_BY_THE_FILE = How(Method.FILE)


def again(ended: Tombstones, *, workspace_id: UUID) -> int:
    """Stop again what was stopped after the backup was made; returns how much. Doing it twice changes nothing."""
    if not ended:
        return 0
    acts = (_consents, _guardians, _objections_and_restrictions)
    return suppression.again(ended, workspace_id=workspace_id) + sum(act(ended, workspace_id) for act in acts)


def _consents(ended: Tombstones, here: UUID) -> int:
    """Each yes that stands in the backup and was taken back since, or answered with a no: by channel, or as a whole, as to a partner."""
    count = 0
    latest = (
        ConsentRecord.objects.of(here)
        .filter(contact__isnull=False)
        .order_by("contact", "purpose", "channel", "-at", "-id")
        .distinct("contact", "purpose", "channel")
    )
    for record in latest.iterator(chunk_size=_PIECE):
        if record.what != ConsentRecord.What.GIVEN or record.contact_id is None:
            continue
        subject = consent.mark(record.contact_id, record.purpose, record.channel)
        at = _since(ended, Kind.CONSENT_OVER, Kind.CONSENT_AGAIN, subject, here)
        if at is not None and at >= record.at:
            consent.withdraw_again(record, at=at)
            count += 1
    return count


def _guardians(ended: Tombstones, here: UUID) -> int:
    """Who answered for a child in the backup and does no longer."""
    count = 0
    latest = (
        Guardianship.objects.of(here)
        .filter(contact__isnull=False, guardian__isnull=False)
        .select_related("contact", "guardian")
        .order_by("contact", "guardian_principal", "-at", "-id")
        .distinct("contact", "guardian_principal")
    )
    for one in latest.iterator(chunk_size=_PIECE):
        if one.what != Guardianship.What.NAMED or one.contact_id is None or one.guardian_id is None:
            continue
        subject = guardians.mark(one.contact_id, one.guardian_id)
        at = _since(ended, Kind.GUARDIAN_OVER, Kind.GUARDIAN_AGAIN, subject, here)
        if at is not None and at >= one.at:
            guardians.end(guardianship=one, by=None, method=Method.FILE, at=at)
            count += 1
    return count


def _objections_and_restrictions(ended: Tombstones, here: UUID) -> int:
    count, purposes = 0, ["", objections.SALE, *rules.of(here).policy.purposes]
    for contact in Contact.objects.of(here).order_by("id").iterator(chunk_size=_PIECE):
        for purpose, until_yes in product(purposes, (False, True)):
            mark = objections.mark(contact.pk, purpose, until_yes=until_yes)
            at = _since(ended, Kind.OBJECTION, Kind.OBJECTION_OVER, mark, here)
            if at is not None and purpose not in objections.standing(contact, at=at):
                objections.restore(contact=contact, purpose=purpose, until_yes=until_yes, at=at)
                count += 1
        for ground in Restriction.Ground:
            at = _since(ended, Kind.RESTRICTED, Kind.RESTRICTION_OVER, restrictions.mark(contact.pk, ground), here)
            if at is not None and ground not in restrictions.standing(contact, at=at):
                restrictions.impose(contact=contact, ground=ground, how=_BY_THE_FILE, at=at)
                count += 1
    return count


def _since(ended: Tombstones, stopped: Kind, over: Kind, subject: UUID, here: UUID) -> datetime | None:
    """Since when something is stopped, if it was and still is."""
    at = ended.ended_at(stopped, subject, workspace_id=here)
    if at is None:
        return None
    back = ended.ended_at(over, subject, workspace_id=here)
    return at if back is None or back <= at else None
