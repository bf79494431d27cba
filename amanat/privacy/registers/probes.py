"""Probes of the registers: processing, recipients, authorities, places, training."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Workspace
from amanat.basis import regimes
from amanat.core import jobs
from amanat.policy.probing import Asked, Finding, probe
from amanat.privacy.registers import authorities, contracts, processing, residency, staff
from amanat.privacy.registers.models import AuthorityApproval, AuthorityDisclosure, Residency

#: A workspace is bound by an hourly job; two hours without it are too many.
BOUND_WITHIN = timedelta(hours=2)
#: A number of nobody in Germany, to see which laws would protect its holder.
IN_GERMANY = "+493000000000"


@probe(
    "registers.processing",
    _("The record of processing has every purpose, made from what runs"),
    keys=("T-ROPA",),
    rules=("purposes", "data", "keep"),
)
def record(asked: Asked) -> Finding:
    """Each purpose has its grounds, people, data, place, period and security; each job that runs has a purpose in words."""
    found = processing.activities(asked.policy, language="en", region=residency.of(asked.workspace_id))
    needed = ("purpose", "grounds", "data", "retention", "security")
    empty = sum(not getattr(one, name) for one in found for name in needed)
    unsaid = [name for name, job in jobs.registered().items() if len(job.purpose.split()) < 4]
    return Finding(
        len(found) == len(asked.policy.purposes) and not empty and not unsaid,
        _("{purposes} purposes in the record, {empty} fields empty; {jobs} jobs run, {unsaid} without a purpose"),
        {"purposes": len(found), "empty": empty, "jobs": len(jobs.registered()), "unsaid": len(unsaid)},
    )


@probe(
    "registers.contracts",
    _("Every recipient that is used is bound by a contract that the policy fits"),
    keys=("D-SP", "D-SP-CONTR"),
    rules=("recipients",),
)
def bound(asked: Asked) -> Finding:
    """Recipients with traffic in the last 90 days, and the mail server when one is set, against the register of contracts."""
    found = contracts.register(asked.policy, workspace_id=asked.workspace_id, language="en", at=asked.at)
    used = [one for one in found.bound if one.is_used or (one.name == "mail" and settings.SENDS_MAIL)]
    wrong = [one for one in used if one.problems]
    return Finding(
        not wrong and not found.unnamed,
        _(
            "{used} of {named} recipients are used, {wrong} of them without a fitting contract; {unnamed} get data and are not named"
        ),
        {"used": len(used), "named": len(found.bound), "wrong": len(wrong), "unnamed": len(found.unnamed)},
    )


@probe(
    "registers.never_sold",
    _("No data goes to anybody who is not named, and none is sold"),
    keys=("D-NOSELL",),
    rules=("never", "recipients"),
)
def never_sold(asked: Asked) -> Finding:
    """The policy forbids the sale, third parties get data only by consent, and no traffic went to a host that is nobody's."""
    found = contracts.register(asked.policy, workspace_id=asked.workspace_id, language="en", at=asked.at)
    third = [
        name for name, one in asked.policy.recipients.items() if one.term == "dpv:ThirdParty" and one.when != "consent"
    ]
    forbids = "dpv:SellDataToThirdParties" in asked.policy.never
    requests = sum(line.requests for line in found.unnamed)
    return Finding(
        forbids and not third and not requests,
        _("{requests} requests to unnamed hosts in 90 days, {refused} refused; {third} third parties without consent"),
        {
            "requests": requests,
            "refused": sum(line.requests for line in found.refused),
            "third": len(third),
            "forbids": forbids,
        },
    )


@probe(
    "registers.authorities",
    _("Nothing was given to an authority without a law and enough approvals"),
    keys=("D-LEGAL", "D-SAFETY"),
    rules=("recipients",),
)
def lawful(asked: Asked) -> Finding:
    """Every demand that was met names its law and was approved, before it was met, by enough members other than its writer."""
    needed = authorities.needed(asked.policy)
    given = list(AuthorityDisclosure.objects.of(asked.workspace_id).filter(given_at__isnull=False))
    approvals = (
        AuthorityApproval.objects.of(asked.workspace_id)
        .filter(disclosure__in=given, at__lte=F("disclosure__given_at"))
        .exclude(member_id=F("disclosure__asked_by_id"))
    )
    counts: dict[object, int] = {}
    for disclosure_id in approvals.values_list("disclosure_id", flat=True):
        counts[disclosure_id] = counts.get(disclosure_id, 0) + 1
    wrong = [one for one in given if counts.get(one.pk, 0) < needed or not one.law.strip()]
    waiting = (
        AuthorityDisclosure.objects.of(asked.workspace_id)
        .filter(given_at__isnull=True, refused_at__isnull=True)
        .count()
    )
    return Finding(
        not wrong,
        _("{given} demands were met, {wrong} of them without {needed} approvals or a law; {waiting} wait"),
        {"given": len(given), "wrong": len(wrong), "needed": needed, "waiting": waiting},
    )


@probe(
    "registers.region",
    _("The data lies in the region to which the workspace is bound"),
    keys=("X-REGION", "X-GLOBAL"),
    rules=("transfers.region",),
    minutes=6 * 60,
)
def region(asked: Asked) -> Finding:
    """The workspace is bound where the policy promises it, and this machine stands there."""
    pinned = Residency.objects.of(asked.workspace_id).values_list("region", flat=True).first()
    if pinned is None and _is_new(asked):
        return Finding(
            True,
            _("A new workspace, bound within the hour; this machine stands in {here}"),
            {"here": residency.here(), "promised": asked.policy.transfers.region},
        )
    is_kept = asked.policy.transfers.region != "pinned" or pinned == residency.here()
    return Finding(
        is_kept,
        _("Bound to {bound}; this machine stands in {here}"),
        {"bound": pinned or "-", "here": residency.here(), "promised": asked.policy.transfers.region},
    )


def _is_new(asked: Asked) -> bool:
    """Whether the hourly job that binds workspaces has not had its turn yet."""
    workspace = Workspace.objects.of(asked.workspace_id).get(pk=asked.workspace_id)
    return asked.at - workspace.created_at < BOUND_WITHIN


@probe(
    "registers.transfers",
    _("Who gets data abroad is covered by a safeguard that holds"),
    keys=("X-SCC", "X-SHIELD"),
    rules=("transfers.banned", "recipients"),
)
def abroad(asked: Asked) -> Finding:
    """Each recipient in another country has a safeguard that is not void, and where data really goes, its contract names the same."""
    found = residency.transfers(asked.policy, region=residency.of(asked.workspace_id))
    unsafe = [one for one in found if not one.is_safe]
    register = contracts.register(asked.policy, workspace_id=asked.workspace_id, language="en", at=asked.at)
    names = {one.name for one in found}
    unproved = [one for one in register.bound if one.name in names and one.is_used and one.problems]
    shield = "privacy_shield" in asked.policy.transfers.banned
    return Finding(
        not unsafe and not unproved and shield,
        _(
            "{abroad} recipients abroad, {unsafe} without a valid safeguard, {unproved} used without a contract that has it"
        ),
        {"abroad": len(found), "unsafe": len(unsafe), "unproved": len(unproved), "shield_banned": shield},
    )


@probe(
    "registers.rights_abroad",
    _("The law of where a person lives protects her, wherever her data lies"),
    keys=("X-RESID",),
    rules=("rights.regimes",),
)
def rights_abroad(asked: Asked) -> Finding:
    """Which laws would protect somebody with a German number, and whether each of them has its clock."""
    laws = regimes.protecting(asked.policy.head.regimes, phone=IN_GERMANY)
    clocks = [law for law in laws if law in asked.policy.rights.regimes]
    is_kept = ("eu-gdpr" not in asked.policy.head.regimes or "eu-gdpr" in laws) and len(clocks) == len(laws)
    return Finding(
        is_kept,
        _("{laws} laws protect a person in Germany, {clocks} with a clock for answers"),
        {"laws": len(laws), "clocks": len(clocks), "here": residency.here()},
    )


@probe(
    "registers.training",
    _("Everybody who handles data was trained within the promised interval"),
    keys=("S-TRAIN",),
    rules=("security.training_every",),
)
def trained(asked: Asked) -> Finding:
    """The register of training against the seats of today. That a training took place is attested by who recorded it."""
    seats = staff.seats(asked.workspace_id, every=asked.policy.security.training_every)
    today = timezone.localdate(asked.at)
    due = [seat for seat in seats if seat.is_due(today)]
    soon = [seat for seat in seats if seat not in due and seat.is_due(today + timedelta(days=30))]
    return Finding(
        not due,
        _("{due} of {members} members are due for training, {soon} within a month"),
        {"members": len(seats), "due": len(due), "soon": len(soon)},
    )
