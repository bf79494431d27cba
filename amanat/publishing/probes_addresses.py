"""The probe of published addresses: not whether they look right, but whether somebody read a mail that was sent there."""

from __future__ import annotations

from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from amanat.policy.probing import Asked, Finding, probe
from amanat.publishing import addresses


@probe(
    "publishing.receiving",
    _("Mail to the published addresses arrives"),
    keys=("O-EMAIL", "O-DPO"),
    rules=("parties.contact", "parties.officer"),
    minutes=6 * 60,
)
def receiving(asked: Asked) -> Finding:
    """Each address that people are told to write to was confirmed by a code mailed there, within half a year."""
    found = addresses.standing(asked.policy, workspace_id=asked.workspace_id, at=asked.at)
    confirmed = [one.confirmed_at for one in found if one.confirmed_at and one.counts(asked.at)]
    oldest = timezone.localdate(min(confirmed)).isoformat() if confirmed else None
    lacking = len(found) - len(confirmed)
    return Finding(
        bool(found) and not lacking,
        _("{addresses} addresses, each confirmed by a code mailed there; the oldest on {oldest}")
        if not lacking
        else _("{lacking} of {addresses} addresses are still to be confirmed by a code mailed there"),
        {"addresses": len(found), "lacking": lacking, "oldest": oldest},
        is_due=bool(found),
    )
