"""Who answers for a child, and how that was checked; what a guardian agreed to for her (DPDP Act s.9 and Rule 10, GDPR article 8).

How an adult's identity is checked is an adapter (`Verifier`): by details that are known here already, by a paper that was shown, or by a
token of a digital locker, for which a provider's own adapter is registered. Following a child or advertising to her stays forbidden,
whoever agrees.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection, transaction

from amanat.accounts.models import Member
from amanat.basis import consent, principals
from amanat.basis.models import ConsentRecord, Guardianship, Method, Notice
from amanat.core import ledger, tombstones
from amanat.core.tenancy import HasId, workspace_id_of
from amanat.core.tombstones import Kind
from amanat.people.models import Contact
from amanat.policy import partners

if TYPE_CHECKING:
    from amanat.basis.rules import Rules

Check = Guardianship.Check
#: Purposes that follow a child or advertise to her, by their terms: no consent opens them.
NEVER = frozenset(
    {
        "dpv:DirectMarketing", "dpv:Marketing", "dpv:Advertising", "dpv:PersonalisedAdvertising", "dpv:ServiceUsageAnalytics",
        "dpv:Personalisation", "dpv:ImproveExistingProductsAndServices",
    }
)  # fmt: skip
ADULT = 18


class NotVerified(ValueError):
    """It could not be shown that the guardian is an adult who can be identified."""


class NoGuardian(ValueError):
    """Nobody is named who answers for the child."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check found. `evidence` leads to the proof and holds nothing of the guardian's own data."""

    check: Check
    evidence: Mapping[str, str] = field(default_factory=dict)


class Verifier(Protocol):
    """A way to show that somebody is an identifiable adult. Raises NotVerified."""

    def verify(self, guardian: Contact, given: Mapping[str, str], *, at: datetime) -> Verified: ...


class DetailsHeld:
    """Rule 10(1)(a): age and identity are known here already, reliably: a birthday and a verified number or address."""

    def verify(self, guardian: Contact, given: Mapping[str, str], *, at: datetime) -> Verified:
        today = at.astimezone(ZoneInfo("Asia/Kolkata")).date()
        if guardian.birthday is None or _years(guardian.birthday, today) < ADULT:
            raise NotVerified("birthday")
        if not (guardian.main_phone or guardian.main_email):
            raise NotVerified("address")
        return Verified(Check.HELD, {"birthday": "held"})


class DetailsGiven:
    """Rule 10(1)(b): a paper was shown at the counter. Kept is which kind and the last letters of its number."""

    def verify(self, guardian: Contact, given: Mapping[str, str], *, at: datetime) -> Verified:
        kind, number = given.get("paper", "").strip()[:60], "".join(given.get("number", "").split())
        if not kind or len(number) < 4:
            raise NotVerified("paper")
        return Verified(Check.GIVEN, {"paper": kind, "number": f"••{number[-4:]}"})


class NoLocker:
    """Rule 10(2): a token of a digital locker, which nobody here can read until a provider is set."""

    def verify(self, guardian: Contact, given: Mapping[str, str], *, at: datetime) -> Verified:
        raise NotVerified("token")


_verifiers: dict[str, Verifier] = {Check.HELD: DetailsHeld(), Check.GIVEN: DetailsGiven(), Check.TOKEN: NoLocker()}


def register(check: Check, verifier: Verifier) -> None:
    """Let `verifier` do this kind of check, such as a provider's reader of locker tokens."""
    _verifiers[check] = verifier


def name(
    *,
    child: Contact,
    guardian: Contact,
    check: Check,
    given: Mapping[str, str],
    by: Member | None,
    method: Method,
    at: datetime,
) -> Guardianship:
    """Write down that `guardian` answers for `child`. Raises NotVerified, also when the guardian is the child."""
    if guardian.pk == child.pk:
        raise NotVerified("self")
    verified = _verifiers[check].verify(guardian, given, at=at)
    return _write(child, guardian, Guardianship.What.NAMED, verified, by=by, method=method, at=at)


def end(*, guardianship: Guardianship, by: Member | None, method: Method, at: datetime) -> Guardianship:
    """From `at` on the guardian answers no longer; what she agreed to does not count any more."""
    child, guardian = guardianship.contact, guardianship.guardian
    if child is None or guardian is None:
        raise NoGuardian
    verified = Verified(Check(guardianship.verified_by), guardianship.evidence)
    return _write(child, guardian, Guardianship.What.ENDED, verified, by=by, method=method, at=at)


def standing(child: HasId | UUID, *, workspace: HasId | UUID, at: datetime) -> list[Guardianship]:
    """Who answers for a child at a moment."""
    child_id = child if isinstance(child, UUID) else child.pk
    latest = (
        Guardianship.objects.of(workspace_id_of(workspace))
        .filter(contact=child_id, at__lte=at)
        .select_related("contact", "guardian")
        .order_by("guardian_principal", "-at", "-id")
        .distinct("guardian_principal")
    )
    return [one for one in latest if one.what == Guardianship.What.NAMED]


def agree(
    *,
    guardianship: Guardianship,
    purpose: str,
    channels: Iterable[str] = ("",),
    notice: Notice,
    by: Member | None,
    method: Method,
    at: datetime,
) -> list[ConsentRecord]:
    """The guardian agrees for the child. Raises NoGuardian, and what `consent.give` raises."""
    child = guardianship.contact
    if child is None or guardianship.pk not in {one.pk for one in standing(child, workspace=child.workspace_id, at=at)}:
        raise NoGuardian
    how = consent.How(method, by=by, evidence={"guardianship": str(guardianship.pk)})
    return consent.give(
        contact=child, purpose=purpose, channels=channels, notice=notice, how=how, at=at, guardianship=guardianship
    )


def consented(contact_ids: Iterable[UUID], workspace_id: UUID, at: datetime) -> set[UUID]:
    """Those children for whom somebody answers at a moment and has agreed to something that still stands."""
    with connection.cursor() as cursor:
        cursor.execute(_CONSENTED, {"here": workspace_id, "ids": list(contact_ids), "at": at})
        return {row[0] for row in cursor.fetchall()}


_CONSENTED = """
SELECT DISTINCT said.contact_id FROM (
    SELECT DISTINCT ON (contact_id, purpose, channel) contact_id, what, until, guardianship_id FROM basis_consentrecord
    WHERE workspace_id = %(here)s AND contact_id = ANY(%(ids)s::uuid[]) AND at <= %(at)s
    ORDER BY contact_id, purpose, channel, at DESC, id DESC) said
JOIN basis_guardianship named ON named.workspace_id = %(here)s AND named.id = said.guardianship_id
WHERE said.what = 'given' AND (said.until IS NULL OR said.until > %(at)s) AND 'named' = (
    SELECT latest.what FROM basis_guardianship latest
    WHERE latest.workspace_id = %(here)s AND latest.contact_id = said.contact_id
      AND latest.guardian_principal = named.guardian_principal AND latest.at <= %(at)s
    ORDER BY latest.at DESC, latest.id DESC LIMIT 1)
"""


def is_never_for_children(rules: Rules, purpose: str) -> bool:
    """Whether a purpose follows people, advertises to them, or gives them away."""
    return rules.purpose(purpose).term in NEVER | {partners.TERM}


def mark(child_id: UUID, guardian_id: UUID) -> UUID:
    """What it is known by outside the database that one person answers for another, or does no longer."""
    return tombstones.subject(child_id.bytes, guardian_id.bytes)


def _write(
    child: Contact,
    guardian: Contact,
    what: Guardianship.What,
    verified: Verified,
    *,
    by: Member | None,
    method: Method,
    at: datetime,
) -> Guardianship:
    here = child.workspace_id
    kind = Kind.GUARDIAN_OVER if what is Guardianship.What.ENDED else Kind.GUARDIAN_AGAIN
    with transaction.atomic():
        tombstones.record(kind, [mark(child.pk, guardian.pk)], at=at, workspace_id=here)
        ledger.write(
            f"basis.guardian.{what.value}", workspace=here, by=by, about=child, at=at, check=verified.check.value
        )
        return Guardianship.objects.create(
            workspace_id=here, contact=child, principal=principals.digest(child.pk, workspace_id=here), guardian=guardian,
            guardian_principal=principals.digest(guardian.pk, workspace_id=here), what=what, verified_by=verified.check,
            evidence=dict(verified.evidence), method=method, by=by, at=at,
        )  # fmt: skip


def _years(birthday: date, today: date) -> int:
    return today.year - birthday.year - ((today.month, today.day) < (birthday.month, birthday.day))


__all__ = [
    "ADULT", "NEVER", "Check", "DetailsGiven", "DetailsHeld", "NoGuardian", "NotVerified", "Verified", "Verifier", "agree",
    "consented", "end", "is_never_for_children", "mark", "name", "register", "standing",
]  # fmt: skip
