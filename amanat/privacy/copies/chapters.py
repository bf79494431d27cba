"""The chapters of a copy: the person's data, and what GDPR article 15(1), DPDP Act s.11 and CCPA 1798.110 want told beside it.

Purposes and grounds, recipients, sources, how long, choices, decisions with their reasons, who saw it: each from the policy in force and from
rows, never typed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from amanat.accounts.models import Workspace
from amanat.basis import explaining, gate, regimes, rules, wording
from amanat.basis.gate import Reason
from amanat.basis.rules import Rules
from amanat.core.personal_data import Held
from amanat.people import differences, vocabulary
from amanat.people.models import Source
from amanat.policy import law, references, terms
from amanat.policy.format import Policy
from amanat.privacy import laws as law_words
from amanat.privacy.copies import seen
from amanat.privacy.copies.gathering import Gathered
from amanat.privacy.copies.telling import Record, Section, Teller
from amanat.privacy.registers import partners

LANGUAGES = ("en", "hi", "mr")
#: When each period of the policy begins.
TRIGGERS: dict[str, Promise] = {
    "last_login": gettext_lazy("after the last sign-in"),
    "closure": gettext_lazy("after the account is closed"),
    "request": gettext_lazy("after a request to erase"),
    "recorded": gettext_lazy("after the recording"),
    "last_interaction": gettext_lazy("after the last contact"),
    "opt_out": gettext_lazy("after opting out"),
    "issued": gettext_lazy("after the bill"),
    "case_closed": gettext_lazy("after the case is closed"),
    "seen": gettext_lazy("after it was seen"),
    "relied_on_end": gettext_lazy("after nothing rests on it any more"),
    "request_closed": gettext_lazy("after the request is closed"),
    "made": gettext_lazy("after it was made"),
}
SOURCES: dict[str, Promise] = {
    Source.FORM: gettext_lazy("written down by a member"),
    Source.FILE: gettext_lazy("from a file that was brought in"),
    Source.API: gettext_lazy("through a connected program"),
    Source.PERSON: gettext_lazy("given by yourself"),
    Source.WHATSAPP: gettext_lazy("from your message by WhatsApp"),
    Source.SMS: gettext_lazy("from your message by SMS"),
    Source.EMAIL: gettext_lazy("from your e-mail"),
    Source.DEMO: gettext_lazy("sample data"),
}


@dataclass(frozen=True, slots=True)
class Document:
    """A copy as it is read: the same for HTML and PDF. `facts` is what the chapters say, for machines."""

    title: str
    lead: str
    language: str
    sections: tuple[Section, ...]
    facts: Mapping[str, Any]


def language_of(wanted: str) -> str:
    """The language of the policy's words nearest to the wanted one."""
    return wanted if wanted in LANGUAGES else "en"


def document(gathered: Gathered, teller: Teller, *, workspace: Workspace, at: datetime) -> Document:
    """The copy in the language that is active."""
    language = language_of((get_language() or "en").split("-")[0])
    in_force = rules.of(workspace.pk)
    person = gathered.rows("people.Contact")[0]
    laws = _laws(gathered, in_force)
    facts: dict[str, Any] = {}
    sections = [
        Section(
            _("What we hold about you"),
            lead=_("Every row of every table that is about you, and the files in the folder “files”."),
        ),
        *(teller.section(table) for table in gathered.tables.values()),
        _files(gathered),
        _purposes(gathered, in_force, laws, language, facts),
        _recipients(gathered, in_force.policy, language, facts),
        _sources(gathered, facts),
        _retention(gathered, in_force.policy, language, facts),
        _choices(gathered, in_force, workspace, at=at, language=language, facts=facts),
        _seen(gathered, teller, workspace, facts),
        _rights(in_force.policy, language),
    ]
    return Document(
        title=_("Copy of the data about %(name)s") % {"name": person["name"]},
        lead=_(
            "Made by %(workspace)s on %(day)s, from everything that is stored at that moment. Names, numbers and addresses of other people are masked."
        )
        % {"workspace": workspace.legal_name or workspace.name, "day": _moment(at)},
        language=language,
        sections=tuple(one for one in sections if one.records or one.lead or one.level == 3),
        facts=facts,
    )


def _moment(at: datetime) -> str:
    return date_format(timezone.localtime(at), "j M Y, H:i")


def _laws(gathered: Gathered, in_force: Rules) -> tuple[str, ...]:
    phone = next((row["number"] for row in gathered.rows("people.Phone")), "")
    country = next((row["country"] for row in gathered.rows("people.Address") if row["country"]), "")
    return regimes.protecting(in_force.policy.head.regimes, country=country, phone=phone)


def _files(gathered: Gathered) -> Section:
    records = tuple(
        Record("", ((str(number), f"{file.name} · {file.size:,} B"),))
        for number, file in enumerate(gathered.files, start=1)
    )
    return Section(_("Files"), records, level=2)


def kinds_held(gathered: Gathered) -> frozenset[str]:
    """The DPV kinds of the values that are there."""
    return frozenset(
        personal.kind
        for table in gathered.tables.values()
        for name, personal in table.held.personal.items()
        if any(row.get(name) not in (None, "", [], {}) for row in table.rows)
    )


def _purposes(
    gathered: Gathered, in_force: Rules, laws: tuple[str, ...], language: str, facts: dict[str, Any]
) -> Section:
    """The purposes that use a kind of data that is held, with the ground under each law that protects her."""
    policy, held = in_force.policy, kinds_held(gathered)
    used = {name for name, data in policy.data.items() if held & set(data.terms)}
    names = {regime: one.name for pack in law.packs(policy.head.law) for regime, one in pack.regimes.items()}
    records, facts["purposes"] = [], []
    for name, purpose in policy.purposes.items():
        if not used & set(purpose.uses):
            continue
        basis = purpose.basis if isinstance(purpose.basis, dict) else dict.fromkeys(laws, purpose.basis)
        grounds = {names.get(regime, regime): ground for regime, ground in basis.items() if regime in laws}
        data = references.listed(
            references_of(policy, [one for one in purpose.uses if one in used], language), language
        )
        said = "; ".join(
            f"{one}: {_('with your consent') if ground == rules.CONSENT else law_words.ground(ground)}"
            for one, ground in grounds.items()
        )
        records.append(
            Record(str(capfirst(wording.purpose(policy, name, language))), ((_("Data"), data), (_("Ground"), said)))
        )
        facts["purposes"].append(
            {"purpose": name, "dpv": purpose.term, "data": sorted(used & set(purpose.uses)), "basis": grounds}
        )
    return Section(_("What it is used for, and on what ground"), tuple(records))


def references_of(policy: Policy, names: list[str], language: str) -> tuple[str, ...]:
    """Kinds of data of a policy in words."""
    return tuple(
        dict.fromkeys(words for name in names for words in references.in_words(policy, f"data.{name}", language))
    )


def _recipients(gathered: Gathered, policy: Policy, language: str, facts: dict[str, Any]) -> Section:
    """Who may receive data by the policy, and what partners did receive of this person."""
    records, facts["recipients"] = [], []
    went = partners.received(gathered.workspace_id, gathered.contact_ids)
    for name, one in policy.recipients.items():
        said = references.listed(references.in_words(policy, f"recipients.{name}", language), language)
        data = references.listed(references_of(policy, list(one.gets), language), language)
        records.append(Record(str(capfirst(said)), ((_("May receive"), data),)))
        facts["recipients"].append(
            {
                "recipient": name,
                "dpv": one.term,
                "gets": list(one.gets),
                "countries": list(one.countries),
                "safeguard": one.safeguard,
                "when": one.when,
            }
        )
    words = vocabulary.of(gathered.workspace_id)
    for row in went:
        own = differences.own_labels(row.handover.fields, words.fields_on("contact"))
        given = [own.get(name) or differences.label(name) for name in row.handover.fields]
        assert row.given_at is not None  # only such are asked for
        pairs = ((_("Received"), ", ".join(given)), (_("On"), _moment(row.given_at)), (_("What for"), row.handover.why))
        records.append(Record(row.handover.party, pairs))
        facts.setdefault("received", []).append(
            {
                "recipient": row.handover.recipient,
                "party": row.handover.party,
                "at": row.given_at.isoformat(),
                "fields": row.handover.fields,
                "why": row.handover.why,
            }
        )
    lead = _("These may receive data. What an authority was given about you by law stands among the rows above.")
    return Section(_("Who receives it"), tuple(records), lead)


def _sources(gathered: Gathered, facts: dict[str, Any]) -> Section:
    """Where the record and each way to reach her came from."""
    found = []
    for label, shown in (
        ("people.Contact", "name"),
        ("people.Phone", "number"),
        ("people.Email", "address"),
        ("people.Address", "city"),
    ):
        for row in gathered.rows(label):
            found.append((row[shown] or _("address"), row["source"], row.get("source_detail", ""), row["created_at"]))
    facts["sources"] = [
        {"value": value, "source": source, "detail": detail, "at": at.isoformat()}
        for value, source, detail, at in found
    ]
    pairs = tuple(
        (value, ", ".join(filter(None, [str(SOURCES.get(source, source)), detail, _moment(at)])))
        for value, source, detail, at in found
    )
    return Section(_("Where it came from"), (Record("", pairs),))


def clause_of(held: Held, policy: Policy) -> str:
    """The block of the policy that says how long rows of a table are kept: the declared one, else the first that keeps their kinds."""
    declared = held.clause.partition(".")[2]
    if declared in policy.keep:
        return declared
    kinds = {personal.kind for personal in held.personal.values()}
    data = {name for name, one in policy.data.items() if kinds & set(one.terms)}
    return next((name for name, one in policy.keep.items() if data & set(one.of)), "")


def _retention(gathered: Gathered, policy: Policy, language: str, facts: dict[str, Any]) -> Section:
    """How long each kind of row is kept: whichever period ends first, and the law that makes it longer."""
    facts["retention"] = {}
    pairs = []
    for table in gathered.tables.values():
        block = policy.keep.get(clause_of(table.held, policy))
        if block is None:
            continue
        periods = [
            f"{period.in_words(language)} {TRIGGERS.get(trigger, trigger)}" for trigger, period in block.until.items()
        ]
        said = references.listed(tuple(periods), language)
        if block.floor:
            said = _("%(periods)s; longer where the law says so: %(laws)s") % {
                "periods": said,
                "laws": ", ".join(law_words.in_words(block.floor)),
            }
        heading = str(capfirst(str(_heading(table.label))))
        pairs.append((heading, said))
        facts["retention"][table.label] = {
            "clause": f"keep.{clause_of(table.held, policy)}",
            "until": {name: str(period) for name, period in block.until.items()},
            "floor": list(block.floor),
        }
    lead = _("Whichever comes first ends it. Asking for erasure is possible at any time.")
    return Section(_("How long it is kept"), (Record("", tuple(pairs)),), lead)


def _heading(label: str) -> Any:
    from django.apps import apps

    from amanat.core import ledger_words

    return ledger_words.table(apps.get_model(label))


def _choices(
    gathered: Gathered, in_force: Rules, workspace: Workspace, *, at: datetime, language: str, facts: dict[str, Any]
) -> Section:
    """What may be done now for each purpose that is asked for, with the reason. The acts themselves stand among the rows."""
    wanted = [(purpose, channel) for purpose, channels in in_force.asked_of_people() for channel in channels]
    today = timezone.localtime(at).date()
    answers = gate.overview(gathered.contact_ids[0], workspace=workspace, wanted=wanted, at=at, today=today)
    pairs, facts["choices"] = [], []
    for key, answer in zip(wanted, answers, strict=True):
        # The hour at which the copy is made says nothing about what she allowed.
        words = _("allowed") if answer.is_agreed else _("not allowed")
        pairs.append(
            (
                str(capfirst(wording.phrase(in_force.policy, key, language))),
                f"{words}: {explaining.SENTENCES[answer.reason]}"
                if answer.is_allowed or not answer.is_agreed
                else words,
            )
        )
        facts["choices"].append(
            {
                "purpose": key[0],
                "channel": key[1],
                "allowed": answer.is_allowed,
                "reason": Reason(answer.reason).value,
                "rule": answer.rule,
            }
        )
    return Section(_("What you allowed"), (Record("", tuple(pairs)),))


def _seen(gathered: Gathered, teller: Teller, workspace: Workspace, facts: dict[str, Any]) -> Section:
    lines = seen.of(gathered.contact_ids[0], workspace=workspace)
    told = [
        (
            one.at,
            str(teller.masker.member(one.member_id) or _("nobody: by the program or by yourself")),
            teller.masker.text(one.what),
        )
        for one in lines
    ]
    facts["seen"] = [{"at": at.isoformat(), "by": who, "what": what} for at, who, what in told]
    records = tuple(Record("", ((_moment(at), f"{what} · {who}"),)) for at, who, what in told)
    lead = _(
        "First opening of your page by each member each day, papers opened, exports, copies and every fact of the ledger about you. Lists in which you were one line among others are not written down."
    )
    return Section(_("Who saw it"), records, lead)


def _rights(policy: Policy, language: str) -> Section:
    kinds = references.listed(references.in_words(policy, "rights.kinds", language), language)
    contact = policy.parties.contact
    ways = " · ".join(filter(None, [contact.email, contact.phone, contact.post]))
    pairs = ((_("You can"), kinds), (_("Write to"), ways), (_("Who answers"), policy.parties.officer.title))
    return Section(
        _("Your rights"), (Record("", pairs),), _("You may also complain to your data protection authority.")
    )


def term_in_words(kind: str, language: str) -> str:
    """A DPV kind in words; itself when there are none."""
    return terms.in_words(kind, language) if terms.is_known(kind) else kind


__all__ = [
    "LANGUAGES",
    "SOURCES",
    "TRIGGERS",
    "Document",
    "clause_of",
    "document",
    "kinds_held",
    "language_of",
    "references_of",
    "term_in_words",
]
