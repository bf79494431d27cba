"""What differs between two versions as a reader sees it: the sentences of the page in her language, word by word."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import SequenceMatcher
from functools import lru_cache

from amanat.policy import rendering
from amanat.policy.format import Policy
from amanat.policy.rendering import Page


@dataclass(frozen=True, slots=True)
class Piece:
    """Some words of a sentence: as before, gone or new."""

    what: str  #: "same", "gone", "new"
    text: str


@dataclass(frozen=True, slots=True)
class Difference:
    """One sentence that was added, removed or changed. `clause` is the anchor of it on the page."""

    clause: str
    heading: str
    before: str
    after: str

    @property
    def kind(self) -> str:
        return "added" if not self.before else "removed" if not self.after else "changed"

    @property
    def pieces(self) -> list[Piece]:
        return list(_pieces(self.before, self.after))


def sentences(before: Policy, after: Policy, language: str) -> list[Difference]:
    """The sentences that differ, in the order of the newer page, those that are gone behind."""
    old, new = (_said(rendering.render(policy, language)) for policy in (before, after))
    changed = [
        Difference(name, heading, old.get(name, ("", ""))[1], text)
        for name, (heading, text) in new.items()
        if old.get(name, ("", ""))[1] != text
    ]
    gone = [Difference(name, heading, text, "") for name, (heading, text) in old.items() if name not in new]
    return [*changed, *gone]


def _said(page: Page) -> dict[str, tuple[str, str]]:
    return {clause.id: (part.heading, clause.text) for part in page.parts for clause in part.clauses}


@lru_cache(maxsize=1_024)
def _pieces(before: str, after: str) -> tuple[Piece, ...]:
    old, new = before.split(" "), after.split(" ")
    found: list[Piece] = []
    for what, from_old, to_old, from_new, to_new in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if what == "equal":
            found.append(Piece("same", " ".join(old[from_old:to_old])))
            continue
        if text := " ".join(old[from_old:to_old]):
            found.append(Piece("gone", text))
        if text := " ".join(new[from_new:to_new]):
            found.append(Piece("new", text))
    return tuple(found)
