"""Which policy holds in a workspace, and what its purposes ask for, for a person under given laws."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from amanat.policy import partners
from amanat.policy.format import Policy, Purpose
from amanat.publishing import versions
from amanat.publishing.versions import InForce

CONSENT = "consent"

#: Grounds that a law itself gives: no objection and no refusal stops what the law orders.
LEGAL_DUTY = frozenset({"s7d", "A6-1-c"})
#: Who carries a channel, by the name of the recipient in the policy. Every other channel is mail.
CARRIERS = {"sms": "carrier", "call": "carrier", "whatsapp": "whatsapp"}
#: Channels that reach a phone. Every other channel writes e-mail.
_TO_A_PHONE = frozenset({"sms", "whatsapp", "call"})
#: By which a message goes whose purpose is not agreed to channel by channel: an answer, a bill.
_WAYS = frozenset({"sms", "whatsapp", "email"})


class UnknownPurpose(ValueError):
    """The policy knows no such purpose, so nothing may be done for it."""


class UnknownChannel(ValueError):
    """The purpose is not carried out over this channel."""


@dataclass(frozen=True, slots=True)
class Rules:
    """A policy in force, each partner that data may go to as a purpose of its own (`policy.partners`). `version` is 0 for the policy a workspace begins with, before it has published its own."""

    policy: Policy
    version: int
    #: {purpose: version}: whoever agreed to the purpose as an earlier version had it has to be asked anew
    asks_anew: Mapping[str, int] = field(default_factory=dict)

    def counts(self, purpose: str, shown_version: int | None) -> bool:
        """Whether a yes to the purpose still counts that was given to it as the version `shown_version` had it."""
        return (shown_version or 0) >= self.asks_anew.get(purpose, 0)

    def purpose(self, name: str) -> Purpose:
        """Raises UnknownPurpose."""
        try:
            return self.policy.purposes[name]
        except KeyError:
            raise UnknownPurpose(name) from None

    def check_channel(self, purpose: str, channel: str) -> None:
        """Raises UnknownPurpose or UnknownChannel. A purpose with channels is agreed to channel by channel."""
        per = self.purpose(purpose).per
        if (channel not in per) if per else bool(channel):
            raise UnknownChannel(channel)

    def check_way(self, purpose: str, channel: str) -> None:
        """The same, for a message about to leave: what is not agreed to channel by channel may go over any.

        Raises UnknownPurpose or UnknownChannel.
        """
        if self.purpose(purpose).per or channel not in _WAYS:
            self.check_channel(purpose, channel)

    def asked_of_people(self) -> list[tuple[str, tuple[str, ...]]]:
        """Purposes that need a person's own yes under some law, with their channels ("" for a purpose without)."""
        return [
            (name, purpose.per or ("",))
            for name, purpose in self.policy.purposes.items()
            if purpose.grain == "person" and needs_consent(self.grounds(name, self.policy.head.regimes))
        ]

    def rests_on_consent(self, purpose: str) -> bool:
        """Whether the purpose needs a yes under some law of the workspace. Raises UnknownPurpose."""
        return needs_consent(self.grounds(purpose, self.policy.head.regimes))

    def grounds(self, purpose: str, regimes: Iterable[str]) -> frozenset[str]:
        """The grounds of a purpose under each of the laws; "consent" among them asks for consent."""
        basis = self.purpose(purpose).basis
        if isinstance(basis, str):
            return frozenset({basis})
        return frozenset(basis[regime] for regime in regimes if regime in basis)


def of(workspace_id: UUID, at: datetime | None = None) -> Rules:
    """The rules in force in a workspace at an aware moment, now when none is given. Asked inside of it, by one small statement."""
    return of_version(versions.in_force(workspace_id, at))


def of_version(held: InForce) -> Rules:
    """The rules of a policy at hand."""
    return Rules(partners.with_purposes(held.policy), held.number, held.asks_anew)


def needs_consent(grounds: Collection[str]) -> bool:
    return CONSENT in grounds


def is_legal_duty(grounds: Collection[str]) -> bool:
    return CONSENT not in grounds and not LEGAL_DUTY.isdisjoint(grounds)


def address_kind(channel: str) -> str:
    """What kind of address a channel writes to: "phone", "email", or "" for no channel."""
    return "phone" if channel in _TO_A_PHONE else "email" if channel else ""
