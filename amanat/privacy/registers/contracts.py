"""Recipients: what the policy says of each, the contract that binds it, and the traffic that really goes there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core import configuration, files, ledger, outgoing
from amanat.core.files import Readable
from amanat.core.models import StoredFile
from amanat.policy import references
from amanat.policy.format import Policy, Recipient
from amanat.privacy.registers import traffic
from amanat.privacy.registers.models import Contract
from amanat.privacy.registers.traffic import Line

#: Whom people sent to ask for them: what goes back there is their answer, and no disclosure that a policy would name.
ANSWERS = "agents of people"
#: This site itself: a probe calls its own public address to see whether it is encrypted, and says nothing about anybody.
OWN_DOOR = "this site"
#: Traffic is compared over so many days.
COMPARED = timedelta(days=90)


class Problem:
    """What is wrong with a recipient."""

    NO_CONTRACT = _("no contract is registered")
    CONTRACT_OVER = _("the contract is over")
    OTHER_COUNTRY = _("the contract names a country that the policy does not")
    NO_SAFEGUARD = _("data leaves the country without the safeguard the policy names")
    UNNAMED = _("traffic goes there, and the policy does not name it")


@dataclass(frozen=True, slots=True)
class Bound:
    """One recipient of the policy. `is_used`: whether data can go there at all in this installation."""

    name: str
    words: str
    recipient: Recipient
    contract: Contract | None
    traffic: Sequence[Line]
    problems: tuple[Promise, ...]

    @property
    def is_used(self) -> bool:
        return bool(self.traffic)

    @property
    def requests(self) -> int:
        return sum(line.requests for line in self.traffic if not line.was_refused)


@dataclass(frozen=True, slots=True)
class Register:
    bound: list[Bound]
    #: traffic to whom the policy does not name
    unnamed: list[Line]
    #: what was tried and refused
    refused: list[Line]
    #: what a program of this very machine was asked: nobody received anything (the doubles of the sandbox, our own public address)
    inside: list[Line]


def register_one(
    *,
    recipient: str,
    party: str,
    country: str,
    safeguard: str,
    signed_on: date,
    until: date | None,
    paper: Readable | None,
    paper_name: str,
    by: Member,
    at: datetime,
) -> Contract:
    """Write a contract down, with its paper sealed. The one before for the same recipient ends. Raises files.FileRefused."""
    here = by.workspace_id
    with transaction.atomic():
        file: StoredFile | None = None
        if paper is not None:
            file = files.store(paper, workspace_id=here, name=paper_name, by=by.pk, kind="paper")
        Contract.objects.of(here).filter(recipient=recipient, ended_at__isnull=True).update(ended_at=at)
        contract = Contract.objects.create(
            workspace_id=here, recipient=recipient, party=party, country=country, safeguard=safeguard, signed_on=signed_on, until=until,
            file=file, added_at=at, added_by=by,
        )  # fmt: skip
        ledger.write("privacy.contract.registered", workspace=here, by=by, about=contract, at=at, recipient=recipient)
    return contract


def standing(workspace_id: UUID) -> dict[str, Contract]:
    """The contract that counts, by recipient."""
    rows = Contract.objects.of(workspace_id).filter(ended_at__isnull=True).order_by("recipient", "signed_on")
    return {row.recipient: row for row in rows}


def register(policy: Policy, *, workspace_id: UUID, language: str, at: datetime) -> Register:
    """Everything about recipients on a day, each with what is wrong."""
    held, lines = standing(workspace_id), traffic.since((at - COMPARED).date())
    owners, wholes = _owners(policy), {one.name: one.part_of or one.name for one in outgoing.recipients()}
    by_name: dict[str, list[Line]] = {}
    unnamed, inside = [], []
    for line in lines:
        whole = wholes.get(line.recipient, line.recipient)
        name = owners.get(line.host) or (whole if whole in policy.recipients else "")
        if name:
            by_name.setdefault(name, []).append(line)
        elif line.recipient == OWN_DOOR or (not line.was_refused and configuration.is_loopback(line.host)):
            inside.append(line)
        elif not line.was_refused and line.recipient != ANSWERS:
            unnamed.append(line)
    bound = [
        Bound(
            name, references.listed(references.in_words(policy, f"recipients.{name}", language), language), one, held.get(name),
            tuple(by_name.get(name, ())), problems(one, held.get(name), timezone.localdate(at)),
        )
        for name, one in policy.recipients.items()
    ]  # fmt: skip
    return Register(bound, unnamed, [line for line in lines if line.was_refused], inside)


def problems(recipient: Recipient, contract: Contract | None, today: date) -> tuple[Promise, ...]:
    """What speaks against giving data to a recipient on a day."""
    found = []
    if recipient.contract == "required" and contract is None:
        return (Problem.NO_CONTRACT,)
    if contract is None:
        return ()
    if contract.until is not None and contract.until <= today:
        found.append(Problem.CONTRACT_OVER)
    if recipient.countries and contract.country not in recipient.countries:
        found.append(Problem.OTHER_COUNTRY)
    if recipient.safeguard and contract.safeguard != recipient.safeguard:
        found.append(Problem.NO_SAFEGUARD)
    return tuple(found)


def _owners(policy: Policy) -> Mapping[str, str]:
    """Whose host it is, by what the policy says."""
    return {one.host: name for name, one in policy.recipients.items() if one.host}


def declared_hosts() -> list[str]:
    """Hosts that this program may reach, by its own table of recipients."""
    return sorted(
        {host for one in outgoing.recipients() for host in (one.hosts() if callable(one.hosts) else one.hosts)}
    )
