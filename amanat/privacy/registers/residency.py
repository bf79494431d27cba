"""Where data lies: the region of this machine (`AMANAT_REGION`), the region each workspace is pinned to, and who receives data elsewhere.

A workspace whose policy pins its region is bound to the one it began in. A machine in another region refuses to start with its rows, so a
backup restored abroad does not serve them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db import transaction

from amanat.accounts import access
from amanat.accounts.models import Member
from amanat.basis import rules
from amanat.core import ledger, tenancy
from amanat.policy.format import Policy, Recipient
from amanat.privacy.registers.models import Residency


class Elsewhere(Exception):
    """The workspace is, or would be, pinned to another region than this machine's."""

    def __init__(self, region: str) -> None:
        super().__init__(f"pinned to {region}, and this machine stands in {here()}")
        self.region = region


@dataclass(frozen=True, slots=True)
class Transfer:
    """A recipient that gets data in another country."""

    name: str
    recipient: Recipient
    countries: tuple[str, ...]
    is_safe: bool


def here() -> str:
    """The region of this machine."""
    return str(settings.CONFIGURATION.region)


def of(workspace_id: UUID) -> str:
    """The region a workspace is pinned to; this machine's when it is pinned to none."""
    return Residency.objects.of(workspace_id).values_list("region", flat=True).first() or here()


def pin(*, workspace_id: UUID, region: str, by: Member | None, at: datetime) -> Residency:
    """Bind a workspace to a region for good. Raises Elsewhere for another than this machine's, or when it is bound to another."""
    if region != here():
        raise Elsewhere(region)
    with transaction.atomic():
        row, is_new = Residency.objects.of(workspace_id).get_or_create(
            workspace_id=workspace_id, defaults={"region": region, "pinned_at": at, "pinned_by": by}
        )
        if row.region != region:
            raise Elsewhere(row.region)
        if is_new:
            ledger.write("privacy.residency.pinned", workspace=workspace_id, by=by, at=at, region=region)
    return row


def pin_promised(*, at: datetime) -> int:
    """Bind every workspace whose policy promises it and that is not bound yet to this machine's region; returns how many."""
    done = 0
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            if (
                Residency.objects.of(workspace_id).exists()
                or rules.of(workspace_id).policy.transfers.region != "pinned"
            ):
                continue
            pin(workspace_id=workspace_id, region=here(), by=None, at=at)
            done += 1
    return done


def elsewhere() -> list[tuple[UUID, str]]:
    """Workspaces whose rows lie here though they are pinned to another region."""
    found = []
    for workspace_id in access.workspace_ids():
        with tenancy.inside(workspace_id):
            region = of(workspace_id)
            if region != here():
                found.append((workspace_id, region))
    return found


def transfers(policy: Policy, *, region: str) -> list[Transfer]:
    """Recipients in other countries, each with whether a safeguard that is not banned covers it."""
    found = []
    for name, one in policy.recipients.items():
        abroad = tuple(country for country in one.countries if country != region)
        if abroad:
            is_safe = bool(one.safeguard) and one.safeguard not in policy.transfers.banned
            found.append(Transfer(name, one, abroad, is_safe))
    return found
