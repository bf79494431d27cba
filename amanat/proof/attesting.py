"""Attestations: what no program can see, vouched for by a member, with a paper, for as long as the policy says.

The periods are the policy's own (security.training_every, …). A certificate counts to its last day, and never longer than a year:
independent reports are renewed yearly.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID
from zoneinfo import ZoneInfo

from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core import files, ledger
from amanat.policy.durations import Duration
from amanat.policy.format import Policy
from amanat.policy.probing import Words
from amanat.proof.evidence import digest_of
from amanat.proof.models import Attestation

#: A certificate without a period in the policy.
LONGEST = timedelta(days=366)
#: How long before its end an attestation is asked for again.
NEARLY = timedelta(days=14)
KIND = "attestation"


class NotAttestable(ValueError):
    """What was vouched for is no subject of the policy, or its days make no sense; the text is for the person."""


@dataclass(frozen=True, slots=True)
class Subject:
    """Something to vouch for. `path` is its rule; `keys` the promises it shows; `every` its period, if the policy has one."""

    path: str
    title: Words
    asks: Words
    keys: tuple[str, ...]
    every: Duration | None = None

    @property
    def is_certificate(self) -> bool:
        """Whether it is worth nothing without its paper: an independent report, not work of our own."""
        return self.path.startswith("security.attest.")


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subject stands on a day: its newest attestation and the last day it covers."""

    subject: Subject
    newest: Attestation | None
    until: date | None

    def is_valid(self, on: date) -> bool:
        return self.until is not None and on <= self.until

    def is_nearly_due(self, on: date) -> bool:
        return self.is_valid(on) and self.until is not None and on > self.until - NEARLY


_PERIODS: tuple[tuple[str, Words, Words, tuple[str, ...]], ...] = (
    (
        "audit_every", _("Security audit"),
        _("Who looked at sign-ins, members, tokens, backups and open findings, and what came of it?"), ("S-AUDIT", "S-AUDITM"),
    ),
    ("update_every", _("Updates"), _("Which versions of program, database and system are installed now?"), ("S-UPDATES",)),
    (
        "pentest_every", _("Attack test"), _("Who tried to break in, what was found, what was mended?"), ("S-PENTEST", "F-SECENH"),
    ),
    ("training_every", _("Training"), _("Who was trained in handling personal data, by whom, and in what?"), ("S-TRAIN",)),
)  # fmt: skip
_CERTIFICATES: Mapping[str, tuple[Words, Words, tuple[str, ...]]] = {
    "premises": (
        _("Premises"),
        _("Which report shows that premises and data center are locked?"),
        ("S-DCPHYS", "S-PHYS"),
    ),
    "surveillance": (
        _("Surveillance"),
        _("Which report shows that the premises are watched day and night?"),
        ("S-247",),
    ),
    "soc2_aligned": (_("Independent report"), _("Which auditor reported, on which criteria?"), ("S-SOC2",)),
}


def subjects(policy: Policy) -> dict[str, Subject]:
    """What the policy leaves to people, by the path of its rule."""
    found = [
        Subject(f"security.{name}", title, asks, keys, getattr(policy.security, name))
        for name, title, asks, keys in _PERIODS
    ]
    for name in policy.security.attest:
        title, asks, keys = _CERTIFICATES.get(name, (name.replace("_", " ").capitalize(), _("What shows it?"), ()))
        found.append(Subject(f"security.attest.{name}", title, asks, keys))
    return {one.path: one for one in found}


def attested_keys() -> frozenset[str]:
    """All promises that an attestation can show."""
    return frozenset(key for *_rest, found in _PERIODS for key in found) | frozenset(
        key for *_rest, found in _CERTIFICATES.values() for key in found
    )


def standings(workspace_id: UUID, policy: Policy) -> dict[str, Standing]:
    """How every subject stands, in one statement."""
    newest = {
        one.subject: one
        for one in Attestation.objects.of(workspace_id)
        .select_related("by", "file")
        .order_by("subject", "-attested_at", "-id")
        .distinct("subject")
    }
    return {path: _standing(one, newest.get(path)) for path, one in subjects(policy).items()}


def _standing(subject: Subject, newest: Attestation | None) -> Standing:
    if newest is None:
        return Standing(subject, None, None)
    until = subject.every.after_day(newest.done_on) if subject.every else newest.done_on + LONGEST
    return Standing(subject, newest, min(until, newest.valid_to) if newest.valid_to else until)


def attest(
    *,
    path: str,
    policy: Policy,
    policy_number: int,
    statement: str,
    done_on: date,
    valid_to: date | None,
    paper: BinaryIO | None,
    paper_name: str,
    by: Member,
    at: datetime,
) -> Attestation:
    """Write down that `by` vouches for `path`, with its paper.

    Raises NotAttestable for what nobody is asked or for days that cannot be, and files.FileRefused for the paper.
    """
    subject = subjects(policy).get(path)
    if subject is None:
        raise NotAttestable(gettext("The policy in force does not ask for this."))
    if done_on > at.astimezone(ZoneInfo(by.workspace.time_zone)).date():
        raise NotAttestable(gettext("This day is still to come. Vouch for what was done."))
    if valid_to is not None and valid_to < done_on:
        raise NotAttestable(gettext("It would end before it began."))
    if subject.is_certificate and paper is None:
        raise NotAttestable(gettext("Attach the report: without it nobody can see that this is true."))
    stored = paper and files.store(paper, workspace_id=by.workspace_id, name=paper_name, by=by.pk, kind=KIND)
    made = Attestation(
        workspace_id=by.workspace_id, subject=path, statement=statement, by=by, role=by.role, file=stored or None,
        file_sha256=stored.sha256 if stored else "", attested_at=at, done_on=done_on, valid_to=valid_to, policy_number=policy_number,
    )  # fmt: skip
    made.digest = digest_of(canonical(made))
    made.save(force_insert=True)
    ledger.write(
        "proof.attestation.made", workspace=by.workspace_id, by=by, about=made, at=at, subject=path, digest=made.digest
    )
    return made


def canonical(made: Attestation) -> dict[str, Any]:
    """What an attestation's digest covers; the member is an id, so a bundle names nobody."""
    return {
        "id": str(made.pk),
        "workspace": str(made.workspace_id),
        "subject": made.subject,
        "statement_sha256": hashlib.sha256(made.statement.encode()).hexdigest(),
        "by": str(made.by_id),
        "role": made.role,
        "file_sha256": made.file_sha256,
        "attested_at": made.attested_at.astimezone(UTC).isoformat(timespec="microseconds"),
        "done_on": made.done_on.isoformat(),
        "valid_to": made.valid_to.isoformat() if made.valid_to else None,
        "policy_number": made.policy_number,
    }
