"""Handing data of people to a partner that the policy names, for ends of its own: each person with her own yes to that very partner.

A handover is prepared and then taken, within a day. Preparing asks the gate about each person and writes down who is left out and why; taking asks
it again about everybody, because a yes may have been taken back meanwhile, and writes down who went. No file is kept: it is written as it is
taken, from the people of that moment, with the fields that the policy's clause names and that were chosen, and no other.

What went stays written down for each person: it stands in her copy, in the register of recipients, and an erasure orders the partner to
delete it (`went`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Count, Max, Q
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.models import Member
from amanat.basis import gate, reading, rules
from amanat.basis.models import ConsentRecord
from amanat.core import ids, ledger, spreadsheets
from amanat.people import differences, lists, masking, vocabulary
from amanat.people.export_records import Records
from amanat.people.importing.drafts import Draft
from amanat.people.models import Contact
from amanat.people.vocabulary import Vocabulary
from amanat.policy import partners
from amanat.policy.format import Policy, Recipient
from amanat.privacy.registers import contracts
from amanat.privacy.registers.models import Handover, HandoverPerson

#: So long may a prepared handover be taken.
OPEN_FOR = timedelta(hours=24)
#: People at once: the gate answers for so many with one question.
MOST = gate.MOST
#: What the gate's log of decisions calls it.
WHAT = "partner"
FORMATS: Mapping[str, tuple[str, str]] = {
    "csv": ("text/csv; charset=utf-8", "csv"),
    "json": ("application/json", "json"),
}
#: What a handover can hold of a contact; the rest of the record is the business's own.
_NAME = {"name": "pd:Name"}
_NEVER = frozenset({"last_contact_at", "follow_up_on", "stage"})
#: Orders to erase go to a partner by hand: what a member does there.
HOW: Promise = gettext_lazy(
    "Write to %(party)s: delete the person who stands in the file under this reference. Note the answer here: that is the proof. Reference: %(references)s"
)
#: The column by which a partner is told later who must be deleted: it says nothing to anybody else, and outlives the person here.
REFERENCE = "reference"


class HandoverRefused(Exception):
    """It cannot be handed over so; the text says why."""


@dataclass(frozen=True, slots=True)
class Partner:
    """A partner of the policy in force: its name there, the purpose by which people are asked, and what speaks against giving it anything."""

    name: str
    purpose: str
    recipient: Recipient
    problems: tuple[Promise, ...]

    @property
    def party(self) -> str:
        return self.recipient.name.strip()


@dataclass(frozen=True, slots=True)
class Taken:
    """The file on its way out."""

    name: str
    content_type: str
    pieces: Iterator[bytes]


def known(policy: Policy, *, workspace_id: UUID, at: datetime) -> dict[str, Partner]:
    """The partners of a policy by their names there, each with what is wrong with its contract."""
    held = contracts.standing(workspace_id)
    found = {}
    for purpose, one in partners.of(policy).items():
        name = next(key for key, recipient in policy.recipients.items() if recipient is one)
        found[name] = Partner(name, purpose, one, contracts.problems(one, held.get(name), timezone.localdate(at)))
    return found


def fields_of(policy: Policy, purpose: str, words: Vocabulary) -> dict[str, str]:
    """What the clause lets a partner have of a contact: the names of fields and what they are called, in order."""
    kinds = {**_NAME, **masking.kinds_of(words)}
    allowed = reading.fields_of(partners.with_purposes(policy), purpose, kinds) - _NEVER
    own = differences.own_labels(allowed, words.fields_on("contact"))
    return {name: own.get(name) or differences.label(name) for name in kinds if name in allowed}


def agreed(workspace_id: UUID, purpose: str) -> list[UUID]:
    """People who said yes to a partner at some time, newest last, one more than fit; what holds now, the gate knows."""
    said = ConsentRecord.objects.of(workspace_id).filter(purpose=purpose, what="given", contact__isnull=False)
    people = Contact.objects.of(workspace_id).alive().filter(pk__in=said.values("contact"))
    return list(people.order_by("pk").values_list("pk", flat=True)[: MOST + 1])


def of_list(definition: lists.Definition, *, by: Member, words: Vocabulary) -> list[UUID]:
    """The people of a filtered list as the member sees it, one more than fit. Raises lists.Refused."""
    return list(lists.rows_of(definition, member=by, words=words).values_list("pk", flat=True)[: MOST + 1])


def prepare(
    *,
    contact_ids: Sequence[UUID],
    recipient: str,
    fields: Sequence[str],
    why: str,
    format: str,
    by: Member,
    at: datetime,
) -> Handover:
    """Ask the gate about each person and write the answers down. Nothing leaves. Raises HandoverRefused."""
    here = by.workspace_id
    held = rules.of(here, at)
    partner = _partner(held.policy, recipient, here, at)
    chosen = _chosen(held.policy, partner, fields, here)
    if format not in FORMATS:
        raise HandoverRefused(_("There is no such format."))
    people = _seen(contact_ids, by)
    answers = gate.decide_many(
        people, workspace=here, purpose=partner.purpose, at=at, today=timezone.localdate(at), what=WHAT
    )
    with transaction.atomic():
        handover = Handover.objects.create(
            id=ids.new(), workspace_id=here, recipient=recipient, party=partner.party, why=why, fields=chosen, format=format,
            policy_version=held.version, prepared_at=at, prepared_by=by, expires_at=at + OPEN_FOR,
        )  # fmt: skip
        HandoverPerson.objects.bulk_create(
            [
                HandoverPerson(
                    id=ids.new(), workspace_id=here, handover=handover, contact_id=one.contact_id, is_allowed=one.is_allowed,
                    reason=one.reason.value,
                )
                for one in answers
            ]
        )  # fmt: skip
        ledger.write(
            "privacy.partner.prepared", workspace=here, by=by, about=handover, at=at, recipient=recipient,
            fields=chosen, people=sum(one.is_allowed for one in answers), left_out=sum(not one.is_allowed for one in answers),
        )  # fmt: skip
    return handover


def _partner(policy: Policy, recipient: str, here: UUID, at: datetime) -> Partner:
    found = known(policy, workspace_id=here, at=at).get(recipient)
    if found is None:
        raise HandoverRefused(_("The policy in force names no such partner."))
    if found.problems:
        raise HandoverRefused(
            _("Nothing may be given to %(party)s: %(problem)s.")
            % {"party": found.party, "problem": ", ".join(map(str, found.problems))}
        )
    return found


def _chosen(policy: Policy, partner: Partner, fields: Sequence[str], here: UUID) -> list[str]:
    offered = fields_of(policy, partner.purpose, vocabulary.of(here))
    if not fields or not set(fields) <= offered.keys():
        raise HandoverRefused(_("Choose among the fields that the policy names for this partner."))
    return [name for name in offered if name in fields]


def _seen(contact_ids: Sequence[UUID], by: Member) -> list[UUID]:
    if len(contact_ids) > MOST:
        raise HandoverRefused(
            _("These are more than %(most)d people. Narrow the list and hand it over in parts.") % {"most": MOST}
        )
    people = Contact.objects.of(by.workspace_id).visible_to(by).filter(pk__in=list(contact_ids))
    seen = set(people.values_list("pk", flat=True))
    if not seen:
        raise HandoverRefused(_("There is nobody in this list."))
    return [one for one in contact_ids if one in seen]


def take(*, handover: Handover, by: Member, at: datetime) -> Taken:
    """Ask the gate again, write down who goes, and give the file. Raises HandoverRefused: its time is over, or nobody is left."""
    here = handover.workspace_id
    with transaction.atomic():
        kept = Handover.objects.of(here).select_for_update(of=("self",)).get(pk=handover.pk)
        if kept.expires_at <= at:
            raise HandoverRefused(_("Its time is over. Prepare the handover anew."))
        policy = rules.of(here, at).policy
        partner = _partner(policy, kept.recipient, here, at)
        if not set(kept.fields) <= fields_of(policy, partner.purpose, vocabulary.of(here)).keys():
            raise HandoverRefused(_("The policy names other fields by now. Prepare the handover anew."))
        going = _asked_again(kept, partner.purpose, by, at)
        if going:
            kept.taken_at, kept.taken_by = kept.taken_at or at, kept.taken_by or by
            kept.save(update_fields=["taken_at", "taken_by"])
        pieces = list(_FORMS[kept.format](kept, _lines(kept, going)))
        name = f"{kept.recipient}-{at:%Y-%m-%d}.{FORMATS[kept.format][1]}"
    if not going:
        raise HandoverRefused(_("Nobody in it may be handed over any more."))
    return Taken(name, FORMATS[kept.format][0], iter(pieces))


def _asked_again(kept: Handover, purpose: str, by: Member, at: datetime) -> dict[UUID, UUID]:
    """Those whose data goes now, with their references; written down for each of them."""
    here = kept.workspace_id
    rows = list(HandoverPerson.objects.of(here).filter(handover=kept, is_allowed=True, contact__isnull=False))
    people = [row.contact_id for row in rows if row.contact_id]
    answers = gate.decide_many(people, workspace=here, purpose=purpose, at=at, today=timezone.localdate(at), what=WHAT)
    held = HandoverPerson.objects.of(here)
    told: dict[tuple[bool, str], list[UUID]] = {}
    for row, answer in zip(rows, answers, strict=True):
        told.setdefault((answer.is_allowed, answer.reason.value), []).append(row.pk)
    for (is_allowed, reason), group in told.items():
        held.filter(pk__in=group).update(is_allowed=is_allowed, reason=reason)
    going = {
        row.contact_id: row.pk for row, one in zip(rows, answers, strict=True) if one.is_allowed and row.contact_id
    }
    held.filter(pk__in=going.values(), given_at__isnull=True).update(given_at=at)
    for contact_id in going:
        ledger.write(
            "privacy.partner.given", workspace=here, by=by, about=contact_id, at=at, handover=str(kept.pk),
            recipient=kept.recipient, fields=kept.fields,
        )  # fmt: skip
    return going


def _lines(kept: Handover, going: Mapping[UUID, UUID]) -> Iterator[dict[str, Any]]:
    """The reference and the chosen fields of each person, and no other."""
    for draft in Records("contact", kept.workspace_id, list(going)).drafts():
        yield {REFERENCE: str(going[UUID(draft.our_id)]), **_values(draft, kept.fields)}


def _values(draft: Draft, fields: Sequence[str]) -> dict[str, Any]:
    whole: dict[str, Any] = {
        "name": draft.name,
        "phones": [one.number for one in draft.phones],
        "emails": [one.address for one in draft.emails],
        "addresses": [", ".join(one.parts.values()) for one in draft.addresses],
        "company": draft.company,
        "job_title": draft.job_title,
        "language": draft.language,
        "birthday": draft.birthday or "",
        "external_id": draft.external_id,
        "notes": draft.notes,
        **{f"custom-{key}": value for key, value in draft.custom.items()},
    }
    return {name.removeprefix("custom-"): whole.get(name, "") for name in fields}


def _csv(kept: Handover, lines: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    names = [REFERENCE, *(name.removeprefix("custom-") for name in kept.fields)]
    yield from spreadsheets.write_csv(names, ([_cell(line[name]) for name in names] for line in lines))


def _cell(value: Any) -> str:
    return "; ".join(map(str, value)) if isinstance(value, list) else str(value)


def _json(kept: Handover, lines: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    said = {"recipient": kept.party, "for": kept.why, "handover": str(kept.pk), "people": list(lines)}
    yield json.dumps(said, ensure_ascii=False, default=str, indent=1).encode()


_FORMS = {"csv": _csv, "json": _json}


@dataclass(frozen=True, slots=True)
class Given:
    """What a partner was given, in figures: people, and the last time."""

    people: int
    last_at: datetime


def given(workspace_id: UUID) -> dict[str, Given]:
    """By the name of the recipient, also of those that the policy does not name any more; one statement."""
    went_there = HandoverPerson.objects.of(workspace_id).filter(given_at__isnull=False)
    rows = went_there.values("handover__recipient").annotate(people=Count("pk"), last_at=Max("given_at"))
    return {row["handover__recipient"]: Given(row["people"], row["last_at"]) for row in rows}


def went(workspace_id: UUID, contact_ids: Collection[UUID]) -> dict[str, list[UUID]]:
    """What shows that partners received data of these people: ids of rows by the name of the recipient."""
    found: dict[str, list[UUID]] = {}
    rows = HandoverPerson.objects.of(workspace_id).filter(contact__in=list(contact_ids), given_at__isnull=False)
    for recipient, pk in rows.order_by("id").values_list("handover__recipient", "pk"):
        found.setdefault(recipient, []).append(pk)
    return found


def how(workspace_id: UUID, recipient: str, rows: Sequence[UUID]) -> str:
    """What a member does so that a partner deletes the people of these rows; "" where none of them is of a handover."""
    found = HandoverPerson.objects.of(workspace_id).filter(pk__in=list(rows), handover__recipient=recipient)
    one = found.select_related("handover").order_by("-id").first()
    if one is None:
        return ""
    return str(HOW) % {"party": one.handover.party, "references": ", ".join(map(str, rows))}


def received(workspace_id: UUID, contact_ids: Collection[UUID]) -> list[HandoverPerson]:
    """What was given of these people, oldest first, each with its handover."""
    rows = HandoverPerson.objects.of(workspace_id).filter(contact__in=list(contact_ids), given_at__isnull=False)
    return list(rows.select_related("handover").order_by("given_at", "id"))


def counts(handovers: Collection[Handover]) -> dict[UUID, tuple[int, int]]:
    """By handover: how many went or may go, and how many are left out; one statement."""
    if not handovers:
        return {}
    rows = HandoverPerson.objects.of(next(iter(handovers)).workspace_id).filter(handover__in=list(handovers))
    told = rows.values("handover").annotate(
        fit=Count("pk", filter=Q(is_allowed=True)), out=Count("pk", filter=Q(is_allowed=False))
    )
    return {row["handover"]: (row["fit"], row["out"]) for row in told}


__all__ = [
    "FORMATS", "MOST", "OPEN_FOR", "REFERENCE", "Given", "HandoverRefused", "Partner", "Taken", "agreed", "counts", "fields_of", "given", "how",
    "known", "of_list", "prepare", "received", "take", "went",
]  # fmt: skip
