"""Legal holds: what may not be deleted for now, and why. Retention and erasure ask here before they delete."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from datetime import date, datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import DateField, F, Q
from django.db.models.expressions import RawSQL

from amanat.accounts.models import Member
from amanat.core import ledger
from amanat.core.tenancy import HasId, workspace_id_of
from amanat.people.models import Contact
from amanat.privacy.retention.models import LegalHold

#: Rules under which people themselves fall: a hold on one of them is in everybody's way.
OF_PEOPLE = ("content", "marketing")
_TODAY = "(%s::timestamptz AT TIME ZONE (SELECT time_zone FROM accounts_workspace WHERE id = %s))::date"


class HoldRefused(ValueError):
    """The hold cannot be set; the sentence says why."""


def in_the_way(contact_ids: Collection[UUID], *, workspace_id: UUID, at: datetime) -> dict[UUID, list[LegalHold]]:
    """The holds that forbid to erase each of these people now; who is in nobody's way is not in it."""
    wanted = list(contact_ids)
    found: defaultdict[UUID, list[LegalHold]] = defaultdict(list)
    for hold in in_force(workspace_id, at).filter(Q(contact__in=wanted) | Q(keep__in=OF_PEOPLE)):
        for contact in [hold.contact_id] if hold.contact_id else wanted:
            found[contact].append(hold)
    return dict(found)


def read_of_one(contact_id: UUID, *, workspace_id: UUID, at: datetime) -> tuple[str, list[Any]]:
    """`in_the_way` of one person as SQL with its values, for a statement that reads more."""
    return (
        "SELECT id, until, basis FROM privacy_legalhold WHERE workspace_id = %s AND set_at <= %s AND lifted_at IS NULL "  # noqa: S608 (our own text)
        f"AND until >= {_TODAY} AND (contact_id = %s OR keep = ANY(%s))",
        [workspace_id, at, at, workspace_id, contact_id, list(OF_PEOPLE)],
    )


def on_rules(workspace_id: UUID, *, at: datetime) -> dict[str, list[LegalHold]]:
    """The holds on whole rules of the policy, by the rule's name."""
    found: defaultdict[str, list[LegalHold]] = defaultdict(list)
    for hold in in_force(workspace_id, at).exclude(keep=""):
        found[hold.keep].append(hold)
    return dict(found)


def listed(workspace_id: UUID) -> list[LegalHold]:
    """All holds, those in force first, then the newest."""
    rows = LegalHold.objects.of(workspace_id).select_related("contact", "set_by", "lifted_by")
    return list(rows.order_by(F("lifted_at").asc(nulls_first=True), "-set_at")[:200])


def add(
    *, workspace: HasId | UUID, contact: Contact | None, keep: str, basis: str, until: date, by: Member, at: datetime
) -> LegalHold:
    """Hold a person, or all under a rule, up to the day `until` (included). Raises HoldRefused."""
    if until < at.astimezone(ZoneInfo(by.workspace.time_zone)).date():
        raise HoldRefused("until")
    if (contact is None) == (not keep):
        raise HoldRefused("what")
    here = workspace_id_of(workspace)
    with transaction.atomic():
        hold = LegalHold.objects.create(
            workspace_id=here, contact=contact, keep=keep, basis=basis, until=until, set_at=at, set_by=by
        )
        ledger.write(
            "privacy.hold.set",
            workspace=here,
            by=by,
            about=contact,
            at=at,
            hold=str(hold.pk),
            keep=keep,
            until=str(until),
        )
    return hold


def lift(*, hold: LegalHold, by: Member, at: datetime) -> LegalHold:
    """End a hold before its day; nothing happens when it was lifted already."""
    with transaction.atomic():
        kept = LegalHold.objects.of(hold.workspace_id).select_for_update(of=("self",)).get(pk=hold.pk)
        if kept.lifted_at is None:
            kept.lifted_at, kept.lifted_by = at, by
            kept.save(update_fields=["lifted_at", "lifted_by"])
            ledger.write(
                "privacy.hold.lifted",
                workspace=kept.workspace_id,
                by=by,
                about=kept.contact_id,
                at=at,
                hold=str(kept.pk),
            )
    return kept


def in_force(workspace_id: UUID, at: datetime) -> Any:
    """The holds that hold at a moment, each to the end of its last day in the workspace's own time."""
    today = RawSQL(_TODAY, [at, workspace_id], output_field=DateField())  # noqa: S611 (our own text)
    return LegalHold.objects.of(workspace_id).filter(set_at__lte=at, lifted_at__isnull=True, until__gte=today)
