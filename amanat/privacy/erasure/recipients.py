"""Who received data of the people and must delete it too (GDPR article 19; DPDP Act section 8(7)): an order for each, with proof or an open item.

A package that gives data away registers a `core.onward.Receiver`: it says, before anything is erased, which of its rows went there, and hands the order
over afterwards. What it gives back as proof closes the item; nothing leaves it open for a member. A recipient that the policy names,
to which data left this machine lately and for which no receiver speaks, is an open item too. So is a partner to whom a member handed data over.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import datetime
from uuid import UUID

from amanat.core import ids, jobs, ledger, onward, tenancy
from amanat.core.onward import Order, Receiver
from amanat.policy.format import Policy
from amanat.privacy.erasure import wanted
from amanat.privacy.erasure.models import Erasure, ErasureOpenItem
from amanat.privacy.erasure.wanted import Wanted
from amanat.privacy.registers import contracts, partners
from amanat.publishing import versions

log = logging.getLogger(__name__)

JOB = "privacy.erasure.recipients"
_RECIPIENT = ErasureOpenItem.Kind.RECIPIENT
#: The acts of erasing that others must hear of; what merely ends by its time ends with them by their own contracts.
_SAID_ALOUD = (Erasure.Because.REQUEST, Erasure.Because.CHILD, Erasure.Because.DECISION)
_SHOWN = 20


def note(erasure: Erasure, *, at: datetime) -> int:
    """Before the people go: an item for each who received data of them. Call it in the erasure's transaction, once. Returns how many."""
    if erasure.because not in _SAID_ALOUD:
        return 0
    here = erasure.workspace_id
    found = {name: list(one.went(here, erasure.contact_ids)) for name, one in onward.receivers().items()}
    found |= partners.went(here, erasure.contact_ids)
    policy = versions.in_force(here, at).policy
    items = [(name, rows) for name, rows in found.items() if rows]
    items += [(name, []) for name in _used(policy, here, at) if name not in found]
    ErasureOpenItem.objects.bulk_create(
        [
            ErasureOpenItem(
                id=ids.new(),
                workspace_id=here,
                erasure=erasure,
                kind=_RECIPIENT,
                place=name[:120],
                count=max(len(rows), 1),
                rows=rows[:_SHOWN],
                opened_at=at,
            )
            for name, rows in items
        ],
        ignore_conflicts=True,
    )
    return len(items)


def _used(policy: Policy, here: UUID, at: datetime) -> Iterator[str]:
    """Recipients of the policy to whom data left lately, but authorities, who keep what a law gave them."""
    for one in contracts.register(policy, workspace_id=here, language="en", at=at).bound:
        if one.requests and one.recipient.term != "dpv:Authority":
            yield one.name


def waits(erasure: Erasure) -> bool:
    """Whether an order is still to be handed over: it needs to know the people until then, or until the night."""
    if erasure.because not in _SAID_ALOUD or not (names := _spoken_for()):
        return False
    return bool(erasure.items.filter(kind=_RECIPIENT, closed_at__isnull=True, place__in=names).exists())


def tell_soon(erasure: Erasure) -> None:
    """A job hands the orders over, if there is one to hand over. In the transaction of the step."""
    if waits(erasure):
        jobs.enqueue(JOB, workspace=erasure.workspace_id, once=f"{JOB}:{erasure.pk}", erasure=str(erasure.pk))


def _spoken_for() -> list[str]:
    return [name for name, one in onward.receivers().items() if one.tell is not None]


def tell(erasure_id: UUID, *, workspace_id: UUID, at: datetime) -> int:
    """Hand over what is still open; returns how many came back with proof. The same order twice is for the recipient to bear."""
    with tenancy.inside(workspace_id):
        erasure = Erasure.objects.of(workspace_id).get(pk=erasure_id)
        if erasure.wanted is None:
            return 0
        known: Wanted = wanted.opened(erasure.wanted, workspace_id=workspace_id, erasure_id=erasure_id)
        items = list(
            erasure.items.filter(kind=_RECIPIENT, closed_at__isnull=True, place__in=_spoken_for()).order_by("id")
        )
    done = 0
    for item in items:
        proof = _proof(onward.receivers()[item.place], Order(workspace_id, erasure_id, known.reach, item.rows))
        if proof:
            done += _close(item, proof, at)
    with tenancy.inside(workspace_id):
        # Searched to the end already: nothing else needs to know them.
        Erasure.objects.of(workspace_id).filter(pk=erasure_id, confirmed_at__isnull=False).update(wanted=None)
    return done


def _proof(receiver: Receiver, order: Order) -> str:
    assert receiver.tell is not None  # only such are asked
    try:
        return receiver.tell(order).strip()
    except Exception as error:  # whatever it is, the order stays open for a member and the other recipients are told
        log.warning(
            "an order to erase could not be handed over",
            extra={"recipient": receiver.name, "reason": type(error).__name__},
        )
        return ""


def _close(item: ErasureOpenItem, proof: str, at: datetime) -> int:
    with tenancy.inside(item.workspace_id):
        mine = ErasureOpenItem.objects.of(item.workspace_id).filter(pk=item.pk, closed_at__isnull=True)
        changed = mine.update(closed_at=at, answer=proof[:300])
        if changed:
            ledger.write(
                "privacy.erasure.recipient_told", workspace=item.workspace_id, about=item, at=at, erasure=str(item.erasure_id),
                recipient=item.place,
            )  # fmt: skip
    return changed


__all__ = ["JOB", "note", "tell", "tell_soon", "waits"]
