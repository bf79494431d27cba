"""The record of processing (GDPR article 30(1) and (2)), made from the policy in force, the declarations and what really runs.

Nothing is typed: purposes, grounds, recipients and periods come from the policy, kinds of data and tables from the declarations of all
packages, security from its rules, and the acts of processing themselves from the registered jobs.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.text import capfirst
from django.utils.translation import gettext as _

from amanat.accounts.models import Workspace
from amanat.core import jobs, ledger_words
from amanat.core.personal_data import Held
from amanat.core.schema import workspace_models
from amanat.policy import law, references
from amanat.policy.format import Policy
from amanat.privacy import laws
from amanat.privacy.copies import chapters
from amanat.privacy.copies.chapters import TRIGGERS, Document
from amanat.privacy.copies.telling import Record, Section
from amanat.privacy.erasure import belongings
from amanat.privacy.registers import residency

WHOSE = ("contact", "member", "user")


@dataclass(frozen=True, slots=True)
class Activity:
    """One purpose, as article 30(1) wants it told; every field is text in the active language."""

    name: str
    purpose: str
    grounds: str
    people: str
    data: str
    tables: str
    recipients: str
    transfers: str
    retention: str
    security: str

    def pairs(self) -> tuple[tuple[str, str], ...]:
        said = zip(
            headings()[2:],
            (
                self.grounds,
                self.people,
                self.data,
                self.tables,
                self.recipients,
                self.transfers,
                self.retention,
                self.security,
            ),
            strict=True,
        )
        return tuple(pair for pair in said if pair[1])

    def cells(self) -> list[str]:
        return [
            self.name,
            self.purpose,
            self.grounds,
            self.people,
            self.data,
            self.tables,
            self.recipients,
            self.transfers,
            self.retention,
            self.security,
        ]


def headings() -> list[str]:
    """The columns of the record, in the active language."""
    return [
        _("Name"), _("Purpose"), _("Grounds"), _("Whose data"), _("Kinds of data"), _("Where it lies"), _("Recipients"),
        _("Transfers abroad"), _("Kept until"), _("Security"),
    ]  # fmt: skip


def activities(policy: Policy, *, language: str, region: str) -> list[Activity]:
    """One for each purpose of the policy."""
    declared = [
        held for model in workspace_models() if (held := belongings.held(model)) is not None and held.whose in WHOSE
    ]
    security = "; ".join(_security(policy, language))
    return [_activity(policy, name, declared, security, language=language, region=region) for name in policy.purposes]


def _activity(
    policy: Policy, name: str, declared: list[Held], security: str, *, language: str, region: str
) -> Activity:
    purpose = policy.purposes[name]
    kinds = {term for data in purpose.uses if data in policy.data for term in policy.data[data].terms}
    holding = [held for held in declared if kinds & {personal.kind for personal in held.personal.values()}]
    receiving = [one for one, recipient in policy.recipients.items() if set(recipient.gets) & set(purpose.uses)]
    keeping = [one for one, block in policy.keep.items() if set(block.of) & set(purpose.uses)]
    return Activity(
        name=name,
        purpose=str(capfirst(references.listed(references.in_words(policy, f"purposes.{name}", language), language))),
        grounds=_grounds(policy, name),
        people=_people(holding),
        data=references.listed(chapters.references_of(policy, list(purpose.uses), language), language),
        tables=", ".join(dict.fromkeys(str(ledger_words.table(_model(held.model))) for held in holding)),
        recipients="; ".join(words(policy, f"recipients.{one}", language) for one in receiving),
        transfers="; ".join(_transfers(policy, receiving, language, region)),
        retention="; ".join(_periods(policy, one, language) for one in keeping),
        security=security,
    )


def _grounds(policy: Policy, name: str) -> str:
    basis = policy.purposes[name].basis
    names = {regime: one.name for pack in law.packs(policy.head.law) for regime, one in pack.regimes.items()}
    if isinstance(basis, str):
        return _("consent") if basis == "consent" else basis
    return "; ".join(f"{names.get(regime, regime)}: {ground}" for regime, ground in basis.items())


def _people(holding: Iterable[Held]) -> str:
    words = {
        "contact": _("customers and their contacts"),
        "member": _("members of the staff"),
        "user": _("people with an account"),
    }
    return ", ".join(words[whose] for whose in WHOSE if any(held.whose == whose for held in holding))


def _transfers(policy: Policy, receiving: list[str], language: str, region: str) -> Iterable[str]:
    for one in residency.transfers(policy, region=region):
        if one.name in receiving:
            yield words(policy, f"recipients.{one.name}", language)


def _periods(policy: Policy, name: str, language: str) -> str:
    block = policy.keep[name]
    data = references.listed(chapters.references_of(policy, list(block.of), language), language)
    periods = [
        f"{period.in_words(language)} {TRIGGERS.get(trigger, trigger)}" for trigger, period in block.until.items()
    ]
    said = f"{data}: {references.listed(tuple(periods), language)}"
    return f"{said} ({', '.join(laws.in_words(block.floor))})" if block.floor else said


def _security(policy: Policy, language: str) -> Iterable[str]:
    labels = {
        "tls": _("encryption on the way"), "at_rest": _("encryption at rest"), "password": _("passwords"), "mfa": _("second factor"),
        "audit_every": _("audit every"), "update_every": _("updates every"), "pentest_every": _("attack tests every"),
        "training_every": _("training every"), "backup_every": _("backups every"), "restore_test_every": _("trial restores every"),
    }  # fmt: skip
    for name, label in labels.items():
        yield f"{label}: {words(policy, f'security.{name}', language)}"


def words(policy: Policy, path: str, language: str) -> str:
    return references.listed(references.in_words(policy, path, language), language)


def _model(label: str) -> type:
    return next(model for model in workspace_models() if model._meta.label == label)


def document(policy: Policy, *, workspace: Workspace, language: str, at: datetime) -> Document:
    """The record as it is read: HTML and PDF."""
    parties = policy.parties
    who = (
        (_("Controller"), workspace.legal_name or workspace.name),
        (_("Operator of the system"), f"{parties.operator.name}, {parties.operator.office}"),
        (_("Contact"), " · ".join(filter(None, [parties.contact.email, parties.contact.phone, parties.contact.post]))),
        (_("Data protection officer"), " · ".join(filter(None, [parties.officer.title, parties.officer.email]))),
        (_("Place of the data"), residency.of(workspace.pk)),
    )
    found = activities(policy, language=language, region=residency.of(workspace.pk))
    running = tuple(
        Record("", ((one.name, f"{_(one.purpose)}{f' ({one.every})' if one.every else ''}"),))
        for one in sorted(jobs.registered().values(), key=lambda one: one.name)
    )
    return Document(
        title=_("Record of processing"),
        lead=_("Made on %(day)s from the policy in force and from what runs.")
        % {"day": date_format(timezone.localtime(at), "j M Y")},
        language=language,
        sections=(
            Section(_("Who"), (Record("", tuple(pair for pair in who if pair[1])),)),
            Section(_("What is done, and why"), tuple(Record(one.purpose, one.pairs()) for one in found)),
            Section(_("Work that runs by itself"), running, _("Each registered job with its purpose.")),
        ),
        facts={},
    )
