"""What the editor shows of a policy: parts, sentences, the rules beside them with their inputs, findings at their place."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.http import QueryDict
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from amanat.policy import editing, questions, references, rendering, strictness, telling
from amanat.policy.editing import Put, Remove, Step
from amanat.policy.format import PARTS, Clause, Policy
from amanat.policy.linting import Finding, Severity
from amanat.policy.questions import AnswerInvalid, Kind, Question
from amanat.policy.references import GROUPS
from amanat.publishing import editing_words

WRONG: Mapping[str, Any] = {
    "number": _("Write a whole number."),
    "period": _("Write P3Y for years, P6M for months, P30D for days, PT48H for hours."),
    "choice": _("Choose one of the list."),
    "day": _("Choose a day."),
    "empty": _("This cannot be left empty."),
}


@dataclass(frozen=True)
class Told:
    """A finding in the reader's words."""

    wrong: str
    instead: str
    path: str
    line: int
    is_error: bool
    check: str

    @classmethod
    def of(cls, finding: Finding) -> Told:
        return cls(
            telling.in_words(finding.wrong),
            telling.in_words(finding.instead),
            finding.path,
            finding.line,
            finding.severity is Severity.ERROR,
            finding.check,
        )


@dataclass
class Asked:
    """A question as a form shows it. `text` is what stands in the input, typed or held; `errors` stand below it."""

    path: str
    kind: str
    label: str
    now: str
    was: str
    text: str = ""
    unit: str = "D"
    options: list[tuple[str, str, bool]] = field(default_factory=list)
    is_optional: bool = False
    errors: list[str] = field(default_factory=list)

    @property
    def key(self) -> str:
        """For ids of elements."""
        return self.path.replace(".", "-").replace("_", "-")


@dataclass
class Card:
    """A clause with the rules it rests on."""

    id: str
    part: str
    segments: Sequence[rendering.Segment]
    kind: str
    asked: list[Asked]
    more: list[Asked]
    entries: list[tuple[str, str]]  #: address and words of entries that have a page of their own
    findings: list[Told]
    has_details: bool  #: rests on the parties, which have a form of their own
    is_editable: bool = True


@dataclass
class Part:
    id: str
    heading: str
    cards: list[Card]


def parts(policy: Policy, findings: Iterable[Finding]) -> list[Part]:
    placed, seen = _placed(policy, list(findings)), set[str]()
    shown = [
        Part(name, editing_words.part(name), cards)
        for name in PARTS
        if (
            cards := [
                card(policy, clause, placed.get(clause.id, ())) for clause in policy.clauses if clause.part == name
            ]
        )
    ]
    for one in shown:  # an entry is offered once, beside the first sentence about it
        for each in one.cards:
            each.entries = [entry for entry in each.entries if entry[0] not in seen]
            seen |= {address for address, _words in each.entries}
    return shown


def elsewhere(policy: Policy, findings: Sequence[Finding]) -> list[Told]:
    """Findings that belong to no sentence of the page."""
    return [Told.of(one) for one in _placed(policy, findings).get("", ())]


def _placed(policy: Policy, findings: Sequence[Finding]) -> dict[str, list[Finding]]:
    placed: dict[str, list[Finding]] = {}
    for one in findings:
        placed.setdefault(clause_of(policy, one.path), []).append(one)
    return placed


def clause_of(policy: Policy, path: str) -> str:
    """The id of the sentence a path belongs to: its own, or the one that rests most closely on it; "" for none."""
    steps = path.split(".")
    ids = {clause.id for clause in policy.clauses}
    if steps[0] == "clauses" and len(steps) > 1 and steps[1] in ids:
        return steps[1]
    if steps[0] == "translations" and len(steps) > 2 and steps[2] in ids:
        return steps[2]
    fitting = [
        (len(rest), clause.id)
        for clause in policy.clauses
        for rest in clause.rests
        if path == rest or path.startswith(f"{rest}.") or rest.startswith(f"{path}.")
    ]
    return max(fitting, key=lambda one: one[0])[1] if fitting else ""


def card(policy: Policy, clause: Clause, findings: Iterable[Finding] = (), *, data: QueryDict | None = None) -> Card:
    """`data` are the answers of a form, shown again with what is wrong with them."""
    said = references.paths_in(clause.say)
    first = [one for one in questions.about(policy, said) if one.path in said]
    known = {one.path for one in first}
    rests = [path for path in clause.rests if path.split(".")[0] not in {*GROUPS, "parties", "policy"}]
    more = [one for one in questions.about(policy, rests) if one.path not in known]
    if len(first) == 0 and len(more) <= 4:
        first, more = more, []
    return Card(
        clause.id,
        clause.part,
        editing.segments(policy, clause.id, editing_words.language()),
        clause.kind,
        [asked(policy, one, data) for one in first],
        [asked(policy, one, data) for one in more],
        _entries(policy, clause),
        [Told.of(one) for one in findings],
        any(path.startswith("parties") for path in clause.rests),
    )


def _entries(policy: Policy, clause: Clause) -> list[tuple[str, str]]:
    found: dict[str, str] = {}
    for path in clause.rests:
        block, _dot, name = path.partition(".")
        if block in GROUPS and block != "products":
            for one in [name.partition(".")[0]] if name else list(getattr(policy, block)):
                found[reverse("publishing:policy_entry", args=(block, one))] = entry_words(policy, block, one)
    return list(found.items())


def entry_words(policy: Policy, block: str, name: str) -> str:
    """A kind of data, a purpose or a recipient in words, as the page says it."""
    spoken = editing_words.language()
    try:
        said = references.in_words(policy, f"{block}.{name}", spoken)
    except (references.ReferenceMissing, references.WordsMissing):
        return telling.name(name)
    return references.listed(said, spoken)


def asked(policy: Policy, question: Question, data: QueryDict | None = None) -> Asked:
    chosen = [str(one) for one in question.value or ()] if question.kind in {Kind.CHOICES, Kind.WORDS} else []
    if question.kind is Kind.BASIS:
        chosen = [questions.CONSENT if question.value == questions.CONSENT else questions.GROUNDS]
    elif question.kind is Kind.CHOICE:
        chosen = ["" if question.value is None else str(question.value)]
    text, unit = _text(question), question.unit
    if data is not None and f"was:{question.path}" in data:
        given = data.getlist(f"r:{question.path}")
        chosen, text = given, (given[0] if given else "")
        unit = data.getlist(f"u:{question.path}")[-1] if f"u:{question.path}" in data else unit
    return Asked(
        question.path,
        question.kind.value,
        editing_words.rule(question),
        editing_words.value(policy, question),
        question.written,
        text,
        unit,
        [(one, editing_words.choice(policy, question, one), one in chosen) for one in question.choices],
        question.is_optional,
    )


def _text(question: Question) -> str:
    if question.value is None:
        return ""
    if question.kind is Kind.DURATION:
        return str(question.number)
    if question.kind is Kind.WORDS:
        return ", ".join(question.value)
    if question.kind is Kind.YES:
        return "yes" if question.value else "no"
    return str(question.value) if question.kind in {Kind.PERIOD, Kind.NUMBER, Kind.TEXT, Kind.DAY} else ""


# --- answers ------------------------------------------------------------------------------------------------------------------


@dataclass
class Answers:
    """What a form sent: the steps it asks for, what its reader saw, and what is wrong, by path."""

    steps: list[Step]
    was: dict[str, str]
    errors: dict[str, str]


def read(policy: Policy, data: QueryDict) -> Answers:
    """Only answers that differ from what their reader saw become steps, so that two people do not undo each other."""
    answers = Answers([], {}, {})
    for key in data:
        if not key.startswith("was:"):
            continue
        path = key.removeprefix("was:")
        try:
            question = questions.at(policy, path)
            answer = questions.read(question, data.getlist(f"r:{path}"), data.get(f"u:{path}", ""))
        except LookupError:
            continue  # somebody else took the rule out
        except AnswerInvalid as invalid:
            answers.errors[path] = str(WRONG[invalid.code])
            continue
        seen = data.getlist(key)[-1]
        if _as_seen(question, answer) != seen:
            answers.was[path] = seen
            answers.steps.append(_step(policy, question, answer))
    return answers


def _as_seen(question: Question, answer: Any) -> str:
    """How `Question.written` would put the answer, to compare it with what the reader saw."""
    if answer is None:
        return ""
    if question.kind is Kind.BASIS:
        same = not questions.differs(question, answer)
        return question.written if same else strictness.canonical(answer)
    if question.kind in {Kind.CHOICES, Kind.WORDS} and question.value is not None and {*answer} == {*question.value}:
        return question.written
    if isinstance(answer, str) and question.kind in {Kind.DURATION, Kind.PERIOD}:
        return strictness.canonical(answer)
    return strictness.canonical(answer)


def _step(policy: Policy, question: Question, answer: Any) -> Step:
    place = editing.place(question.path)
    if answer is None:
        return Remove(place)
    return Put(place, questions.to_write(policy, question, answer))


def with_errors(cards: Iterable[Asked], errors: Mapping[str, str], findings: Iterable[Finding] = ()) -> list[Told]:
    """Puts each error below its input; gives back the findings that have no input here."""
    shown = {one.path: one for one in cards}
    for path, text in errors.items():
        if path in shown:
            shown[path].errors.append(text)
    rest = []
    for finding in findings:
        told = Told.of(finding)
        if finding.path in shown:
            shown[finding.path].errors.append(f"{told.wrong} {told.instead}")
        else:
            rest.append(told)
    return rest
