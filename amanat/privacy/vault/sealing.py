"""Into the sealed store, and out of it for good.

**Design of the part that keeps and destroys.** A promise says that a person is erased; a law may say that what was done with her data must
stay for a while (DPDP Rules 2025, rule 8(3)). Both hold: erasure takes her out of everything an application can read, and
the least that the law asks for lies here, sealed with a key of its own.

- `seal_before_erasure` is called by the erasure inside its transaction. It seals nothing when the policy has no `vault`, when no law
  of its packs is in force yet, or when the law does not protect this person. What it seals: name, phones, e-mails, and on which days
  something of which kind happened; no word of what was said.
- One key for each day of destruction. On that day `destroy_due` destroys the key and deletes the rows. Keys are dumped apart from data
  (docs/decisions/0006), so an older backup brings back noise.
- Nothing here reads a body; the one way out is `releasing.open_once`.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from amanat.basis import principals, regimes
from amanat.core import ids, ledger, vault
from amanat.people.models import Address, Contact, Email, Interaction, Phone
from amanat.policy import law
from amanat.policy.format import Policy
from amanat.policy.law import Floor, State
from amanat.privacy.vault.models import SealedRecord
from amanat.publishing import versions

_ONE_DAY = timedelta(days=1)
_MOST_DAYS = 1_000
_FOUND_BY = "vault.found_by"
_BODY = "privacy.SealedRecord.body"


@dataclass(frozen=True, slots=True)
class Sealed:
    """What lies sealed of one person: which law asks for it, in its words, and the first day without it."""

    contact_id: UUID
    law: str
    source: str
    ends_on: date


def floors_in_force(policy: Policy, on: date) -> list[Floor]:
    """The laws that make everything of a person stay for a while, as far as they bind on a day."""
    if policy.vault is None:
        return []
    floors = [floor for pack in law.packs(policy.head.law) for floor in pack.floors.values()]
    return [floor for floor in floors if floor.of == "everything" and floor.period and floor.state(on) is State.ON]


def seal_before_erasure(
    contact_ids: Collection[UUID],
    *,
    workspace_id: UUID,
    at: datetime,
    erasure_id: UUID | None,
    today: date | None = None,
) -> list[Sealed]:
    """Seal what laws make us keep of people who are erased at `at`; call it inside the erasure's transaction. May be repeated.

    After a restore `at` is when they were erased first, and `today` the day of the restore: what would not lie here any more is not sealed.
    """
    held = versions.in_force(workspace_id, at)
    policy, zone = held.policy, ZoneInfo(held.time_zone)
    floors = floors_in_force(policy, at.astimezone(zone).date())
    if not floors or not contact_ids:
        return []
    assert policy.vault is not None  # or there were no floors
    ends_on = policy.vault.shred.after(at).date() + _ONE_DAY
    if ends_on <= (today or at.date()):
        return []
    people = _People(list(contact_ids), workspace_id, zone)
    done: list[Sealed] = []
    rows: list[SealedRecord] = []
    for floor in floors:
        for contact in people.contacts:
            if floor.subjects and people.country(contact, policy.parties.venue.law) not in floor.subjects:
                continue
            rows.append(_record(people, contact, floor, ends_on=ends_on, at=at, erasure_id=erasure_id))
            done.append(Sealed(contact.pk, floor.id, floor.source, ends_on))
    if rows:
        SealedRecord.objects.bulk_create(rows, ignore_conflicts=True)
        laws = sorted({one.law for one in done})
        ledger.write(
            "privacy.vault.sealed", workspace=workspace_id, at=at, count=len(rows), laws=laws, ends_on=str(ends_on)
        )
    return done


def destroy_due(workspace_id: UUID, *, at: datetime) -> int:
    """Destroy what has lain here for as long as the law says: keys first, then rows. Returns how many records."""
    keys = vault.destroy_due(workspace_id, on=at.date())
    count, _ = SealedRecord.objects.of(workspace_id).filter(ends_on__lte=at.date()).delete()
    if keys or count:
        ledger.write("privacy.vault.destroyed", workspace=workspace_id, at=at, count=count, keys=keys)
    return count


def fingerprint(address: str, *, workspace_id: UUID) -> bytes:
    """By which a record is found: of a number in E.164, or of an e-mail address."""
    return vault.fingerprint(address.strip().lower(), workspace_id=workspace_id, purpose=_FOUND_BY)


def opened(record: SealedRecord) -> dict[str, Any]:
    """The body in clear. For `releasing` alone; a test holds every other module to that. Raises VaultRefused."""
    token = vault.open_until(
        record.body,
        workspace_id=record.workspace_id,
        context=vault.context(_BODY, record.pk),
        day=record.ends_on,
    )
    body: dict[str, Any] = json.loads(token)
    return body


def _record(
    people: _People, contact: Contact, floor: Floor, *, ends_on: date, at: datetime, erasure_id: UUID | None
) -> SealedRecord:
    here, pk = contact.workspace_id, ids.new()
    body = json.dumps(people.least(contact, at), ensure_ascii=False).encode()
    return SealedRecord(
        id=pk,
        workspace_id=here,
        principal=principals.digest(contact.pk, workspace_id=here),
        found_by=[fingerprint(one, workspace_id=here) for one in people.addresses(contact)],
        body=vault.seal_until(body, workspace_id=here, context=vault.context(_BODY, pk), day=ends_on),
        law=floor.id,
        sealed_at=at,
        ends_on=ends_on,
        erasure_id=erasure_id,
    )


class _People:
    """What is sealed of several people, read in five statements whatever their number."""

    def __init__(self, contact_ids: list[UUID], workspace_id: UUID, zone: ZoneInfo) -> None:
        self._zone = zone
        wanted = {"contact__in": contact_ids}
        self.contacts = list(Contact.objects.of(workspace_id).filter(pk__in=contact_ids).order_by("pk"))
        self._phones = _by_holder(Phone.objects.of(workspace_id).filter(**wanted).values_list("contact_id", "number"))
        self._emails = _by_holder(Email.objects.of(workspace_id).filter(**wanted).values_list("contact_id", "address"))
        self._countries = _by_holder(
            Address.objects.of(workspace_id).filter(**wanted).values_list("contact_id", "country").order_by("position")
        )
        happened: defaultdict[UUID, list[Any]] = defaultdict(list)
        lines = Interaction.objects.of(workspace_id).filter(**wanted).order_by("-happened_at")
        for holder, moment, kind in lines.values_list("contact_id", "happened_at", "kind"):
            if len(happened[holder]) < _MOST_DAYS:
                happened[holder].append([self._day(moment), kind])
        self._happened = happened

    def addresses(self, contact: Contact) -> list[str]:
        return [*self._phones[contact.pk], *self._emails[contact.pk]]

    def country(self, contact: Contact, otherwise: str) -> str:
        """Where the law looks for the person: her address says, else her phone, else the workspace's own country."""
        written = next((text for text in self._countries[contact.pk] if text), "")
        return regimes.country_of(country=written, phone=contact.main_phone) or otherwise

    def least(self, contact: Contact, at: datetime) -> dict[str, Any]:
        return {
            "name": contact.name,
            "phones": self._phones[contact.pk],
            "emails": self._emails[contact.pk],
            "known_since": self._day(contact.created_at),
            "erased_on": self._day(at),
            "happened": self._happened[contact.pk],
        }

    def _day(self, moment: datetime) -> str:
        return moment.astimezone(self._zone).date().isoformat()


def _by_holder(rows: Iterable[tuple[UUID, str]]) -> defaultdict[UUID, list[str]]:
    found: defaultdict[UUID, list[str]] = defaultdict(list)
    for holder, value in rows:
        found[holder].append(value)
    return found
