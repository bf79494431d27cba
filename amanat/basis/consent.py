"""Consent given, refused and withdrawn. A record never changes; the newest one up to a moment says what holds at it.

Taken back is only what was given (DPDP Act s.6(4)). Who says no without having agreed has refused (s.7(a)), and that is what is written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from amanat.accounts.models import Member
from amanat.basis import endings, principals, rules, suppression
from amanat.basis.models import ConsentRecord, Guardianship, Method, Notice, Suppression
from amanat.core import ledger, tombstones
from amanat.core.tombstones import Kind
from amanat.people.models import Contact, Email, Phone

What = ConsentRecord.What


class NoticeMissing(ValueError):
    """Nobody can agree to what was not shown: a consent needs the notice for its purpose, or the file it is declared in."""


class AlreadyPast(ValueError):
    """The consent would end before it begins."""


@dataclass(frozen=True, slots=True)
class How:
    """How an act reached us. `by` is the member who wrote it down, None when the person acted herself."""

    method: Method
    by: Member | None = None
    #: number of a code, name of a file, id of a form: what leads to the proof, never the person's own data
    evidence: dict[str, str] | None = None


def give(
    *,
    contact: Contact,
    purpose: str,
    channels: Iterable[str] = ("",),
    notice: Notice | None,
    how: How,
    at: datetime,
    until: datetime | None = None,
    guardianship: Guardianship | None = None,
) -> list[ConsentRecord]:
    """The person agrees, from `at` until `until` (excluded). Raises UnknownPurpose, UnknownChannel, NoticeMissing, AlreadyPast.

    When she herself says so, it also lifts what stood against her addresses; a file cannot do that. `guardianship` says who
    agreed for a child.
    """
    was_shown = how.method == Method.FILE if notice is None else purpose in notice.purposes
    if not was_shown:
        raise NoticeMissing(purpose)
    if until is not None and until <= at:
        raise AlreadyPast(purpose)
    with transaction.atomic():
        _lock(contact)
        records = _write(
            contact,
            What.GIVEN,
            purpose=purpose,
            channels=channels,
            how=how,
            at=at,
            notice=notice,
            until=until,
            guardianship=guardianship,
        )
        if how.method != Method.FILE:
            for record in records:
                suppression.lift(
                    _addresses(contact, record.channel),
                    workspace=contact.workspace_id, at=at, purpose=purpose, channel=record.channel,
                )  # fmt: skip
    return records


def refuse(
    *, contact: Contact, purpose: str, channels: Iterable[str] = ("",), notice: Notice, how: How, at: datetime
) -> list[ConsentRecord]:
    """The person was asked and said no. Raises UnknownPurpose, UnknownChannel."""
    with transaction.atomic():
        endings.tell(contact.workspace_id, contact.pk, purpose, at)
        return _write(contact, What.REFUSED, purpose=purpose, channels=channels, how=how, at=at, notice=notice)


def withdraw(
    *, contact: Contact, purpose: str, channels: Iterable[str] = ("",), how: How, at: datetime
) -> list[ConsentRecord]:
    """The person takes her agreement back: it holds at once, also for other records with the same number or address.

    Where she had not agreed, her no is written down as a refusal, and where she said so before, not again. Asks for nothing that giving
    did not ask for. Returns what was written. Raises UnknownPurpose, UnknownChannel.
    """
    in_force, wanted = rules.of(contact.workspace_id), sorted(set(channels))
    for channel in wanted:
        in_force.check_channel(purpose, channel)
    with transaction.atomic():
        _lock(contact)
        last = _last(contact, purpose, at)
        agreed = [one for one in wanted if one in last and _stands(last[one], at)]
        news = [one for one in wanted if one not in agreed and not (one in last and _is_no_of_her_own(last[one]))]
        records = [
            *(_write(contact, What.WITHDRAWN, purpose=purpose, channels=agreed, how=how, at=at) if agreed else ()),
            *(_write(contact, What.REFUSED, purpose=purpose, channels=news, how=how, at=at) if news else ()),
        ]
        stop(contact, purpose=purpose, channels=wanted, at=at)
    return records


def withdraw_all(*, contact: Contact, purpose: str, how: How, at: datetime) -> list[ConsentRecord]:
    """She takes back whatever she agreed to of a purpose; where she did not, nothing is written. Raises UnknownPurpose."""
    channels = rules.of(contact.workspace_id).purpose(purpose).per or ("",)
    with transaction.atomic():
        _lock(contact)
        last = _last(contact, purpose, at)
        agreed = [one for one in channels if one in last and _stands(last[one], at)]
        records = _write(contact, What.WITHDRAWN, purpose=purpose, channels=agreed, how=how, at=at) if agreed else []
        stop(contact, purpose=purpose, channels=channels, at=at)
    return records


def stop(contact: Contact, *, purpose: str, channels: Iterable[str], at: datetime) -> None:
    """Her addresses are not written to for the purpose over the channels, in whatever record they stand; those who listen hear of it."""
    endings.tell(contact.workspace_id, contact.pk, purpose, at)
    for channel in channels:
        suppression.add(
            _addresses(contact, channel), workspace=contact.workspace_id, reason=Suppression.Reason.OPT_OUT, at=at,
            purpose=purpose, channel=channel,
        )  # fmt: skip


def _last(contact: Contact, purpose: str, at: datetime) -> dict[str, ConsentRecord]:
    """Her last word on a purpose, by channel."""
    return {channel: record for (of, channel), record in standing(contact, at=at).items() if of == purpose}


def _stands(record: ConsentRecord, at: datetime) -> bool:
    """Whether there is a yes to take back."""
    return record.what == What.GIVEN and (record.until is None or record.until > at)


def _is_no_of_her_own(record: ConsentRecord) -> bool:
    """Whether she has said so before, without having been asked."""
    return record.what == What.WITHDRAWN or (record.what == What.REFUSED and record.notice_id is None)


def _lock(contact: Contact) -> None:
    """What she says of one person is written one after the other: what is taken back depends on what stands."""
    list(Contact.objects.of(contact.workspace_id).select_for_update(no_key=True).filter(pk=contact.pk).values("pk"))


def withdraw_again(record: ConsentRecord, *, at: datetime) -> None:
    """After a restore: she had taken this yes back at `at`. The policy of the backup need not know its purpose any more."""
    ConsentRecord.objects.create(
        workspace_id=record.workspace_id, contact_id=record.contact_id, principal=record.principal, at=at,
        purpose=record.purpose, channel=record.channel, what=What.WITHDRAWN, method=Method.FILE,
    )  # fmt: skip
    ledger.write(
        "basis.consent.withdrawn", workspace=record.workspace_id, about=record.contact_id, at=at,
        purpose=record.purpose, channels=[record.channel], method=Method.FILE.value,
    )  # fmt: skip
    endings.tell(record.workspace_id, record.contact_id, record.purpose, at)


def mark(contact_id: UUID, purpose: str, channel: str) -> UUID:
    """What a yes is known by outside the database."""
    return tombstones.subject(contact_id.bytes, purpose.encode(), channel.encode())


def standing(contact: Contact, *, at: datetime) -> dict[tuple[str, str], ConsentRecord]:
    """The record that counts at a moment, by purpose and channel."""
    latest = (
        ConsentRecord.objects.of(contact.workspace_id)
        .filter(contact=contact, at__lte=at)
        .select_related("notice")
        .order_by("purpose", "channel", "-at", "-id")
        .distinct("purpose", "channel")
    )
    return {(record.purpose, record.channel): record for record in latest}


def still_counts(record: ConsentRecord, in_force: rules.Rules) -> bool:
    """Whether it is a yes to what the purpose means now; a later version that widens it asks anew."""
    if record.what != What.GIVEN:
        return False
    if not in_force.asks_anew.get(record.purpose):
        return True
    # A consent declared in a file was shown nothing of ours: what held at its time counts.
    shown = record.notice.policy_version if record.notice else rules.of(record.workspace_id, record.at).version
    return in_force.counts(record.purpose, shown)


def receipt(record: ConsentRecord, *, operator: str) -> dict[str, Any]:
    """The record as its person may keep it: the fields of ISO/IEC TS 27560, plain JSON, nobody's name in it."""
    event = {"state": record.what, "at": record.at.isoformat(), "method": record.method}
    if record.until is not None:
        event["until"] = record.until.isoformat()
    if record.declared_source:
        event["source"] = record.declared_source
    shown = record.notice
    return {
        "schema": "ISO/IEC TS 27560:2023",
        "record": str(record.id),
        "principal": bytes(record.principal).hex(),
        "controller": operator,
        "purpose": record.purpose,
        "channel": record.channel or None,
        "notice": shown and {
            "language": shown.language, "policy_version": shown.policy_version, "sha256": shown.digest, "text": shown.text,
        },
        "event": event,
    }  # fmt: skip


def _write(
    contact: Contact, what: What, *, purpose: str, channels: Iterable[str], how: How, at: datetime, **shown: Any
) -> list[ConsentRecord]:
    here, in_force = contact.workspace_id, rules.of(contact.workspace_id)
    wanted = sorted(set(channels))
    for channel in wanted:
        in_force.check_channel(purpose, channel)
    _remember(contact, what, purpose, wanted, at)
    principal = principals.digest(contact.pk, workspace_id=here)
    records = ConsentRecord.objects.bulk_create(
        ConsentRecord(
            workspace_id=here, contact=contact, principal=principal, purpose=purpose, channel=channel, what=what, at=at,
            method=how.method, by=how.by, evidence=how.evidence or {}, **shown,
        )
        for channel in wanted
    )  # fmt: skip
    ledger.write(
        f"basis.consent.{what.value}",
        workspace=here,
        by=how.by,
        about=contact,
        at=at,
        purpose=purpose,
        channels=wanted,
        method=how.method.value,
    )
    return records


def _remember(contact: Contact, what: What, purpose: str, channels: list[str], at: datetime) -> None:
    """Outside the database too, that a yes ended: an older backup must not bring it back. A new yes only where one had ended."""
    if what == What.GIVEN:
        said_no = ConsentRecord.objects.of(contact.workspace_id).filter(contact=contact, purpose=purpose)
        if not said_no.exclude(what=What.GIVEN).filter(channel__in=channels, at__lte=at).exists():
            return
    kind = Kind.CONSENT_AGAIN if what == What.GIVEN else Kind.CONSENT_OVER
    marks = [mark(contact.pk, purpose, channel) for channel in channels]
    tombstones.record(kind, marks, at=at, workspace_id=contact.workspace_id)


def _addresses(contact: Contact, channel: str) -> Sequence[str]:
    """The addresses of the person that the channel reaches; none for a purpose without channels."""
    return list(_reached(contact.workspace_id, contact.pk, rules.address_kind(channel)))


def _reached(workspace_id: UUID, contact_id: UUID, kind: str) -> Iterable[str]:
    if kind == "phone":
        return Phone.objects.of(workspace_id).filter(contact=contact_id).values_list("number", flat=True)
    if kind == "email":
        return Email.objects.of(workspace_id).filter(contact=contact_id).values_list("address", flat=True)
    return ()
