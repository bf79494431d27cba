"""A person took back the yes by which a partner got her data: the partner has to hear of it, as it does of an erasure.

What went is marked at once, in the transaction of her act. Somebody then writes to the partner, because policies name no address of partners;
the page of partners has the letter, and waits for what became of it. While she agrees again, there is nothing to write.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.basis import gate
from amanat.basis.objections import SALE
from amanat.basis.rules import UnknownPurpose
from amanat.core import ledger
from amanat.policy.partners import PREFIX, purpose_of
from amanat.privacy.registers.models import HandoverPerson

_SHOWN = 100


def hear(workspace_id: UUID, contact_id: UUID, purpose: str, at: datetime) -> None:
    """A yes ended: to one partner, by an objection to everything, or by opting out of sale, which ends it to all of them."""
    is_to_all = purpose in {"", SALE}
    if not is_to_all and not purpose.startswith(PREFIX):
        return
    went = HandoverPerson.objects.of(workspace_id).filter(
        contact=contact_id, given_at__isnull=False, ended_at__isnull=True
    )
    rows = [
        row.pk
        for row in went.select_related("handover").order_by("id")
        if is_to_all or purpose_of(row.handover.recipient) == purpose
    ]
    if rows:
        went.filter(pk__in=rows).update(ended_at=at)


def waiting(workspace_id: UUID, *, at: datetime) -> list[HandoverPerson]:
    """What partners still have to be told, the oldest first."""
    rows = HandoverPerson.objects.of(workspace_id).filter(ended_at__isnull=False, told_at__isnull=True)
    found = list(rows.select_related("handover").order_by("ended_at", "id")[: gate.MOST])
    again = agreed_again(found, at=at)
    return [row for row in found if row.pk not in again][:_SHOWN]


def agreed_again(rows: Sequence[HandoverPerson], *, at: datetime) -> set[UUID]:
    """Those of the rows whose person may be handed over again, as the gate sees it at this moment."""
    asked: dict[str, list[HandoverPerson]] = {}
    for row in rows:
        if row.contact_id is not None:
            asked.setdefault(purpose_of(row.handover.recipient), []).append(row)
    again = set()
    for purpose, group in asked.items():
        people = [row.contact_id for row in group if row.contact_id is not None]
        try:
            answers = gate.decide_many(
                people, workspace=group[0].workspace_id, purpose=purpose, at=at, today=timezone.localdate(at)
            )
        except UnknownPurpose:  # the policy names this partner no more
            continue
        again |= {row.pk for row, answer in zip(group, answers, strict=True) if answer.is_allowed}
    return again


def letter(row: HandoverPerson) -> str:
    """What is written to the partner. It names nobody: the reference stands in the partner's file."""
    assert row.ended_at is not None and row.given_at is not None  # only such are listed
    return _(
        "On %(given)s we gave you data of a person under the reference %(reference)s. On %(ended)s this person took the agreement to it "
        "back. Stop using these data from now on, delete them, tell those to whom you passed them on, and confirm it to us."
    ) % {
        "given": date_format(timezone.localtime(row.given_at), "j F Y"),
        "reference": row.pk,
        "ended": date_format(timezone.localtime(row.ended_at), "j F Y"),
    }  # fmt: skip


def told(*, row: HandoverPerson, answer: str, by: Member, at: datetime) -> bool:
    """Write down what was done and what the partner answered, once. Returns whether it was news."""
    with transaction.atomic():
        open_one = HandoverPerson.objects.of(row.workspace_id).filter(
            pk=row.pk, ended_at__isnull=False, told_at__isnull=True
        )
        if not open_one.update(told_at=at, told_by=by, answer=answer.strip()[:300]):
            return False
        ledger.write(
            "privacy.partner.told", workspace=row.workspace_id, by=by, about=row.contact_id, at=at, handover=str(row.handover_id),
            recipient=row.handover.recipient,
        )  # fmt: skip
    return True


__all__ = ["agreed_again", "hear", "letter", "told", "waiting"]
