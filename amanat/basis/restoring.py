"""After a restore of an older backup: what people have stopped since stands again, before anything can leave.

The lines outside the database (`core.tombstones`) name nobody. So every address that came back is held against them, for each purpose and
channel that may be stopped, and every person for each purpose that she may have objected to. What was taken back later stays taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from amanat.basis import objections, rules, suppression
from amanat.basis.consent import How
from amanat.basis.models import Method, Suppression
from amanat.core.tombstones import Kind, Tombstones
from amanat.people.models import Contact, Email, Phone

_PIECE = 1000


def again(ended: Tombstones, *, workspace_id: UUID) -> int:
    """Stop again what was stopped after the backup was made; returns how much. Doing it twice changes nothing."""
    if not ended:
        return 0
    return _opt_outs(ended, workspace_id) + _objections(ended, workspace_id)


def _opt_outs(ended: Tombstones, here: UUID) -> int:
    count, scopes = 0, sorted(_scopes(here))
    for address in _addresses(here):
        digest = suppression.digest(address, workspace_id=here)
        for purpose, channel in scopes:
            at = _since(ended, Kind.OPT_OUT, Kind.OPT_IN, suppression.mark(digest, purpose, channel), here)
            if at is not None:
                count += suppression.add(
                    [address],
                    workspace=here,
                    reason=Suppression.Reason.OPT_OUT,
                    at=at,
                    purpose=purpose,
                    channel=channel,
                )
    return count


def _objections(ended: Tombstones, here: UUID) -> int:
    count, purposes = 0, ["", objections.SALE, *rules.of(here).policy.purposes]
    for contact in Contact.objects.of(here).order_by("id").iterator(chunk_size=_PIECE):
        for purpose in purposes:
            at = _since(ended, Kind.OBJECTION, Kind.OBJECTION_OVER, objections.mark(contact.pk, purpose), here)
            if at is not None and purpose not in objections.standing(contact, at=at):
                objections.make(contact=contact, how=How(Method.FILE), at=at, purpose=purpose)
                count += 1
    return count


def _since(ended: Tombstones, stopped: Kind, over: Kind, subject: UUID, here: UUID) -> datetime | None:
    """Since when something is stopped, if it was and still is."""
    at = ended.ended_at(stopped, subject, workspace_id=here)
    if at is None:
        return None
    back = ended.ended_at(over, subject, workspace_id=here)
    return at if back is None or back <= at else None


def _scopes(here: UUID) -> set[tuple[str, str]]:
    """Every purpose and channel that an address can be kept from; "" is all."""
    purposes = rules.of(here).policy.purposes
    pairs = {(name, channel) for name, purpose in purposes.items() for channel in (*purpose.per, "")}
    return pairs | {("", channel) for _name, channel in pairs}


def _addresses(here: UUID) -> Iterator[str]:
    yield from Phone.objects.of(here).values_list("number", flat=True).iterator(chunk_size=_PIECE)
    yield from Email.objects.of(here).values_list("address", flat=True).iterator(chunk_size=_PIECE)
