"""Change a policy rule by rule: what to put where, what else goes with it, and what the change means before anybody saves it.

A place is the way to a value: `("keep", "content", "until", "request")`, written "keep.content.until.request". Clauses are named by
their id. The text of the file is kept where nothing changed (`rewriting`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from amanat.policy import differences, linting, loading, reading, ready, references, rendering, rewriting
from amanat.policy.differences import Change
from amanat.policy.format import Clause, Policy
from amanat.policy.inventory import Inventory
from amanat.policy.linting import Finding, Severity
from amanat.policy.reading import Place, Value
from amanat.policy.references import GROUPS, REFERENCE

#: Lists of kinds of data, by block.
_NAMING = (("purposes", "uses"), ("recipients", "gets"), ("keep", "of"))
#: Blocks whose entries may be taken out whole.
REMOVABLE = (*GROUPS, "keep", "clauses")


class PlaceMissing(LookupError):
    """The way leads to nothing in this policy."""


@dataclass(frozen=True)
class Put:
    """Write `value` at `place`; what lies around it must be there, the last name may be new."""

    place: Place
    value: Value


@dataclass(frozen=True)
class Remove:
    """Take out what stands at `place`."""

    place: Place


@dataclass(frozen=True)
class LeaveOut:
    """Take out an entry of a block and all that names it: lists of data, what clauses rest on, sentences about it, translations."""

    place: Place


Step = Put | Remove | LeaveOut


def place(path: str) -> Place:
    """The place of a written path; names of translations and labels may hold dots themselves."""
    steps = path.split(".")
    whole = {"labels": 1, "translations": 2}.get(steps[0], len(steps))
    return (*steps[:whole], ".".join(steps[whole:])) if steps[whole:] else tuple(steps)


def edit(source: str, steps: Iterable[Step]) -> str:
    """`source` with the steps taken. Raises NotReadable for a text that is no file of ours, PlaceMissing."""
    held = reading.read(source).value
    wanted = held
    for step in steps:
        if isinstance(step, Put):
            wanted = _put(wanted, step.place, step.value)
        elif isinstance(step, Remove):
            wanted = _removed(wanted, step.place)
        else:
            wanted = _left_out(wanted, step.place)
    return rewriting.rewrite(source, wanted)


@cache
def source_of(name: str) -> str:
    """A ready policy as a text with comments. Raises KeyError for a name that is not among `ready.names`."""
    wanted = ready.document(name)
    return rewriting.rewrite(_default(), wanted)


def source_from(policy: Policy) -> str:
    """A text for a policy that has none of its own, laid out like the ready one."""
    return rewriting.rewrite(_default(), loading.with_tuples(policy.as_document()))


@cache
def _default() -> str:
    return (Path(ready.__file__).with_name("default.yaml")).read_text("utf-8")


# --- steps --------------------------------------------------------------------------------------------------------------------


def _key(around: Value, step: str | int, where: Place) -> str | int:
    """The name or number of `step` in what is around it; an entry of a list is named by its id."""
    if isinstance(around, tuple):
        numbers = [
            n for n, one in enumerate(around) if n == step or (isinstance(one, Mapping) and one.get("id") == step)
        ]
        if numbers:
            return numbers[0]
    elif isinstance(around, Mapping) and step in around:
        return step
    raise PlaceMissing(".".join(map(str, where)))


def _put(around: Value, where: Place, value: Value) -> Value:
    if not where:
        return value
    step, *rest = where
    if isinstance(around, Mapping) and step not in around and not rest:
        return {**around, str(step): value}
    if isinstance(around, tuple) and not rest and step in ("", len(around)):
        return (*around, value)
    key = _key(around, step, where)
    return _with(around, key, _put(around[key], tuple(rest), value))


def _removed(around: Value, where: Place) -> Value:
    step, *rest = where
    key = _key(around, step, where)
    if rest:
        return _with(around, key, _removed(around[key], tuple(rest)))
    if isinstance(around, tuple):
        return tuple(one for number, one in enumerate(around) if number != key)
    return {name: below for name, below in around.items() if name != key}


def _with(around: Value, key: str | int, value: Value) -> Value:
    if isinstance(around, tuple):
        return tuple(value if number == key else one for number, one in enumerate(around))
    return {name: value if name == key else below for name, below in around.items()}


def _left_out(whole: Value, where: Place) -> Value:
    path, name = ".".join(map(str, where)), where[-1]
    whole = _removed(whole, where)
    if where[0] == "data":
        for block, key in _NAMING:
            whole = _without_name(whole, block, key, str(name))
    gone = {str(name)} if where[0] == "clauses" else set()
    clauses = []
    for clause in whole["clauses"]:
        if any(_is_below(named, path) for named in REFERENCE.findall(clause["say"])):
            gone.add(clause["id"])
            continue
        rests = tuple(one for one in clause.get("rests", ()) if not _is_below(one, path))
        clauses.append({**clause, "rests": rests} if "rests" in clause and rests != clause["rests"] else clause)
    said = {
        language: {key: words for key, words in held.items() if key not in gone and not _is_below(key, path)}
        for language, held in whole.get("translations", {}).items()
    }
    labels = {key: words for key, words in whole.get("labels", {}).items() if not _is_below(key, path)}
    mended = {**whole, "clauses": tuple(clauses)}
    return {**mended, **({"translations": said} if said else {}), **({"labels": labels} if labels else {})}


def _without_name(whole: Value, block: str, key: str, name: str) -> Value:
    """A rule of keeping that keeps nothing any more goes with the last kind of data."""
    entries = {
        entry: {**held, key: tuple(one for one in held[key] if one != name)} if name in held.get(key, ()) else held
        for entry, held in whole[block].items()
    }
    return {**whole, block: {entry: held for entry, held in entries.items() if block != "keep" or held[key]}}


def _is_below(path: str, around: str) -> bool:
    return path == around or path.startswith(f"{around}.")


# --- what a change means ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Sentence:
    """A clause before and after; "" where it was not, or is not any more."""

    clause: str
    before: str
    after: str


@dataclass(frozen=True)
class Effect:
    """What a text would mean in the place of another."""

    source: str
    policy: Policy | None  #: None when the text has not the shape of a policy
    findings: tuple[Finding, ...]
    caused: tuple[Finding, ...]  #: those that the text before had not
    sentences: tuple[Sentence, ...]
    changes: tuple[Change, ...]

    @property
    def errors(self) -> tuple[Finding, ...]:
        return tuple(one for one in self.findings if one.severity is Severity.ERROR)

    @property
    def refused(self) -> tuple[Finding, ...]:
        """The errors this change itself would bring in; for them it may not be made rule by rule."""
        return tuple(one for one in self.caused if one.severity is Severity.ERROR)


def effect(before: str, after: str, *, language: str = "en", inventory: Inventory | None = None) -> Effect:
    """Compare two texts of a policy; the one before may be unfinished, but has the shape of a policy. Raises FormatInvalid if not."""
    old = loading.load(before)
    findings = tuple(linting.lint_text(after, inventory=inventory))
    known = {(one.check, one.path, one.wrong) for one in linting.lint(old.policy, inventory=inventory)}
    caused = tuple(one for one in findings if (one.check, one.path, one.wrong) not in known)
    try:
        new = loading.load(after).policy
    except loading.FormatInvalid:
        return Effect(after, None, findings, caused, (), ())
    return Effect(
        after,
        new,
        findings,
        caused,
        tuple(sentences_between(old.policy, new, language)),
        tuple(differences.between(old.policy, new)),
    )


def sentences_between(old: Policy, new: Policy, language: str) -> list[Sentence]:
    """The sentences that read differently, in the order of the page."""
    before, after = sentences_of(old, language), sentences_of(new, language)
    names = [*after, *(name for name in before if name not in after)]
    told = [Sentence(name, before.get(name, ""), after.get(name, "")) for name in names]
    return [one for one in told if one.before != one.after]


def sentences_of(policy: Policy, language: str) -> dict[str, str]:
    """Each clause's sentence by its id; a path that leads nowhere stays in its braces."""
    return {clause.id: clause_text(policy, clause.id, language) for clause in policy.clauses}


def paths_said(clause: Clause) -> list[str]:
    """The rules a sentence names in its braces."""
    return references.paths_in(clause.say)


def clause_text(policy: Policy, name: str, language: str) -> str:
    return "".join(segment.text for segment in segments(policy, name, language))


def segments(policy: Policy, name: str, language: str) -> Sequence[rendering.Segment]:
    """As the page says it; of an unfinished policy, what has no words yet stays in its braces. Raises StopIteration for no clause."""
    clause = next(one for one in policy.clauses if one.id == name)
    said = []
    for number, piece in enumerate(REFERENCE.split(rendering.sentence(policy, clause, language))):
        if number % 2:
            try:
                items = references.in_words(policy, piece, language)
            except (references.ReferenceMissing, references.WordsMissing):
                items = (f"{{{piece}}}",)
            said.append(rendering.Segment(references.listed(items, language), piece, items))
        elif piece:
            said.append(rendering.Segment(piece))
    return said
