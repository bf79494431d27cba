"""A policy as a page: parts, clauses and sentences in one language, every number and name taken from a rule."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from amanat.policy import documents, references
from amanat.policy.format import PARTS, Clause, Policy


@dataclass(frozen=True)
class Segment:
    """A piece of a sentence: words of the author, or what a rule says (`path` names it, `items` when it says several things)."""

    text: str
    path: str = ""
    items: tuple[str, ...] = ()


@dataclass(frozen=True)
class RenderedClause:
    id: str
    kind: str
    segments: tuple[Segment, ...]

    @property
    def text(self) -> str:
        return "".join(segment.text for segment in self.segments)


@dataclass(frozen=True)
class RenderedPart:
    id: str
    heading: str
    clauses: tuple[RenderedClause, ...]


@dataclass(frozen=True)
class Page:
    """What a template shows. `hash` names the content the page was made from."""

    language: str
    title: str
    updated: str
    hash: str
    parts: tuple[RenderedPart, ...]

    def as_text(self) -> str:
        lines = [self.title, self.updated, ""]
        for part in self.parts:
            lines += [part.heading, *(f"  {clause.text}" for clause in part.clauses), ""]
        return "\n".join(lines)


def render(
    policy: Policy, language: str = "en", *, on: date | None = None, attested: frozenset[str] = frozenset()
) -> Page:
    """The page in `language` as it reads on a day (by default the first day of the policy).

    A sentence whose evidence has run out by then is left out, unless it is among the `attested` clauses, whose evidence lies
    elsewhere. Raises ReferenceMissing or WordsMissing for a policy that was not linted.
    """
    words = references.vocabulary(language)
    day = on or policy.head.effective
    shown = [clause for clause in policy.clauses if clause.id in attested or is_shown(policy, clause, day)]
    parts = [
        RenderedPart(part, words["parts"][part], clauses)
        for part in PARTS
        if (clauses := tuple(clause_of(policy, clause, language) for clause in shown if clause.part == part))
    ]
    return Page(
        language=language,
        title=words["page"]["title"],
        updated=f"{words['page']['updated']}: {references.day_in_words(policy.head.effective, language)}",
        hash=documents.content_hash(policy),
        parts=tuple(parts),
    )


def is_shown(policy: Policy, clause: Clause, on: date) -> bool:
    """Attested words stay only while every piece of evidence they rest on is valid."""
    if clause.kind != "attested":
        return True
    resting = [path.rpartition(".")[2] for path in clause.rests if path.startswith("security.attest.")]
    return all(name in policy.security.attest and policy.security.attest[name].is_valid(on) for name in resting)


def sentence(policy: Policy, clause: Clause, language: str) -> str:
    """The clause's words in a language; English where nobody has translated it, which the linter reports."""
    if language == "en":
        return clause.say
    return policy.translations.get(language, {}).get(clause.id, clause.say)


def clause_of(policy: Policy, clause: Clause, language: str) -> RenderedClause:
    """One clause alone. Raises ReferenceMissing, WordsMissing."""
    segments = []
    # Odd pieces of the split are what stood in braces.
    for number, piece in enumerate(references.REFERENCE.split(sentence(policy, clause, language))):
        if number % 2:
            items = references.in_words(policy, piece, language)
            segments.append(Segment(references.listed(items, language), piece, items))
        elif piece:
            segments.append(Segment(piece))
    return RenderedClause(clause.id, clause.kind, tuple(segments))
