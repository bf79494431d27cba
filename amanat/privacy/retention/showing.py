"""What the pages of retention show: each rule with its sentence, what falls under it, what is due next; the line of one person."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.apps import apps
from django.utils.translation import gettext as _

from amanat.core import ledger_words
from amanat.core.tenancy import WorkspaceRow
from amanat.people.models import Contact
from amanat.policy import rendering
from amanat.policy.format import Policy
from amanat.privacy.retention import books, due, holds, reckoning, tables
from amanat.privacy.retention.models import LegalHold
from amanat.privacy.retention.reckoning import Term
from amanat.publishing import versions


@dataclass(slots=True)
class Line:
    """One rule of `keep` as the page shows it."""

    name: str
    sentence: str  #: what the public page says of it
    tables: list[str] = field(default_factory=list)
    tomorrow: int = 0
    in_a_month: int = 0
    holds: list[LegalHold] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        return not self.tables


def lines(workspace_id: UUID, policy: Policy, *, language: str, at: datetime) -> list[Line]:
    """All rules, in the order of the policy."""
    on_hold = holds.on_rules(workspace_id, at=at)
    sentences = sentences_of(policy, language)
    soon, later = _due(workspace_id, policy, at + timedelta(days=1), at + timedelta(days=30))
    return [
        Line(name, sentences.get(name, ""), tables_of(name), soon[name], later[name], on_hold.get(name, []))
        for name in policy.keep
    ]


def _due(workspace_id: UUID, policy: Policy, soon: datetime, later: datetime) -> tuple[Counter[str], Counter[str]]:
    by_soon: Counter[str] = Counter()
    by_later: Counter[str] = Counter()
    for person in due.people(workspace_id, policy, at=later):
        by_soon[person.term.keep] += person.due_at <= soon
        by_later[person.term.keep] += person.due_at <= later
    terms = [
        (one, term)
        for one in tables.counted()
        if one.is_of_a_workspace and (term := reckoning.term(policy, one.keep, one.trigger))
    ]
    for keep, (first, second) in tables.counts(terms, soon=soon, later=later, workspace_id=workspace_id).items():
        by_soon[keep] += first
        by_later[keep] += second
    by_soon["billing"] += books.count(workspace_id, policy, at=soon)
    by_later["billing"] += books.count(workspace_id, policy, at=later)
    return by_soon, by_later


def sentences_of(policy: Policy, language: str) -> dict[str, str]:
    """The sentences of the public page that rest on each rule of `keep`."""
    page = rendering.render(policy, language)
    said = {clause.id: clause.text for part in page.parts for clause in part.clauses}
    found: dict[str, list[str]] = {}
    for clause in policy.clauses:
        for path in clause.rests:
            if path.startswith("keep.") and clause.id in said:
                found.setdefault(path.split(".")[1], []).append(said[clause.id])
    return {name: " ".join(dict.fromkeys(sentences)) for name, sentences in found.items()}


def tables_of(name: str) -> list[str]:
    """The names of the tables with personal data under a rule, people first."""
    found = [apps.get_model(held.model) for held in tables.under(name) if held.whose != "nobody"]
    if name in holds.OF_PEOPLE:
        found.append(Contact)
    ordered = sorted(
        found, key=lambda model: (model is not Contact, not issubclass(model, WorkspaceRow), model._meta.label)
    )
    return list(dict.fromkeys(str(ledger_words.table(model)) for model in ordered))


def on_the_page_of(contact: Contact, *, language: str, at: datetime) -> dict[str, Any]:
    """When one person is erased if nothing happens any more, with the rule in words; or why there is no date."""
    here = contact.workspace_id
    policy = versions.in_force(here, at).policy
    held = holds.in_the_way([contact.pk], workspace_id=here, at=at).get(contact.pk, [])
    return trust(contact, due.of_one(here, policy, contact.pk), held, language=language, at=at)


def trust(
    contact: Contact, ended: tuple[Term, datetime] | None, held: Sequence[LegalHold], *, language: str, at: datetime
) -> dict[str, Any]:
    """The same from what was read already."""
    if ended is None:
        sentence = _("No date: kept as long as the relation lasts, until a request or the closing of this workspace.")
        return {"when": None, "why": sentence, "held": held, "percent": 100, "clause": "keep.content"}
    term, when = ended
    began = max(moment for moment in (contact.created_at, contact.last_contact_at) if moment)
    left = (when - at) / (when - began) if when > began else 0.0
    words = term.period.in_words(language)
    why = {
        "last_interaction": _("%(period)s after the last contact."),
        "opt_out": _("%(period)s after the person opted out."),
    }[term.trigger] % {"period": words}
    if term.warn:
        why += " " + _("Told %(period)s before.") % {"period": term.warn.in_words(language)}
    return {
        "when": when, "why": why, "held": held, "percent": max(0, min(100, round(left * 100))), "clause": f"keep.{term.keep}",
    }  # fmt: skip
