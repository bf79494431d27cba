"""The rules of a policy as questions with fit inputs: a number and a unit, a choice, a list to tick, a text.

The format (`format`) says what fits where, so a rule that is added there can be asked for at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from functools import lru_cache
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel

from amanat.policy import law, references, strictness, terms
from amanat.policy.durations import Duration, DurationInvalid
from amanat.policy.format import Policy
from amanat.policy.linting import data as data_checks
from amanat.policy.linting import sharing
from amanat.policy.reading import Value


class Kind(StrEnum):
    DURATION = "duration"  #: number and unit
    PERIOD = "period"  #: any other length of time, as the format writes it
    NUMBER = "number"
    YES = "yes"
    CHOICE = "choice"
    CHOICES = "choices"
    BASIS = "basis"  #: consent, or a ground under each law
    WORDS = "words"  #: a list of free words
    TEXT = "text"
    DAY = "day"


@dataclass(frozen=True)
class Question:
    """One rule: where it stands, what kind of answer fits, what it is now (None: not set)."""

    path: str
    kind: Kind
    value: Any
    choices: tuple[str, ...] = ()
    is_optional: bool = False

    @property
    def number(self) -> int | None:
        """Of a duration."""
        return _parts(str(self.value))[0] if self.value is not None and self.kind is Kind.DURATION else None

    @property
    def unit(self) -> str:
        return _parts(str(self.value))[1] if self.value is not None and self.kind is Kind.DURATION else "D"

    @property
    def written(self) -> str:
        """What it is now as one text, to notice that somebody else changed it meanwhile."""
        return "" if self.value is None else strictness.canonical(self.value)


class AnswerInvalid(ValueError):
    """An answer that does not fit its question; `code` says how: number, period, choice, day, empty."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


#: What a unit is called in the format, longest first; the time marks have a T before them.
UNITS = {"Y": "P{}Y", "M": "P{}M", "W": "P{}W", "D": "P{}D", "TH": "PT{}H", "TM": "PT{}M", "TS": "PT{}S"}
_ONE_UNIT = re.compile(r"P(T?)([0-9]+)([YMWDHS])")
#: Asked nowhere: filled in by publishing, or with one lawful answer only.
_HIDDEN = (
    "amanat", "policy", "parties", "products", "data.*.at", "data.*.via", "changes.silence_is", "vault.when", "vault.key",
    "vault.readers", "purposes.*.is", "recipients.*.is", "security.password", "security.access", "security.egress", "security.attest", "storage.keys.*.at",
)  # fmt: skip
#: Words a list is chosen from, by the last name of its path.
_WORDS = {"per": "channels", "kinds": "kinds", "by": "ways"}
_CHOSEN = {"safeguard": ("", *sharing.SAFEGUARDS), "at_rest": data_checks.AT_REST}
_LISTS = {"mfa": ("totp", "passkey"), "mfa_required": ("admin",), "banned": sharing.VOID}
CONSENT, GROUNDS = "consent", "grounds"


def about(policy: Policy, paths: Sequence[str]) -> list[Question]:
    """The questions at or below the paths, in their order, each once."""
    found: dict[str, Question] = {}
    for path in paths:
        for one in _below(policy, path.removesuffix(".*")):
            found.setdefault(one.path, one)
    return list(found.values())


def of_entry(policy: Policy, path: str) -> list[Question]:
    """All that can be said of one entry of a block, set or not: "recipients.mail"."""
    model = _annotation(tuple(path.split(".")))
    fields = model.model_fields if isinstance(model, type) and issubclass(model, BaseModel) else {}
    names = [field.alias or name for name, field in fields.items()]
    paths = [f"{path}.{name}" for name in names if name not in {"until", "term"}]
    return [one for below in paths for one in _asked(policy, below)] + about(policy, [f"{path}.until"])


def at(policy: Policy, path: str) -> Question:
    """LookupError for a path nobody is asked about."""
    return next(iter(_asked(policy, path)), None) or _missing(path)


def _missing(path: str) -> Question:
    raise LookupError(path)


def _below(policy: Policy, path: str) -> Iterator[Question]:
    try:
        found = references.find(policy, path)
    except references.ReferenceMissing:
        return
    if isinstance(found, Mapping) and strictness.rule_for(path) is None:
        for name in found:
            yield from _below(policy, f"{path}.{name}")
        model = _annotation(
            tuple(path.split("."))
        )  # what could be said here and is not, such as another clock of a breach
        if isinstance(model, type) and issubclass(model, BaseModel):
            for name, field in model.model_fields.items():
                below = f"{path}.{field.alias or name}"
                if (field.alias or name) not in found and field.annotation is not None:
                    yield from _asked(policy, below)
    else:
        yield from _asked(policy, path)


def _asked(policy: Policy, path: str) -> Iterator[Question]:
    steps = tuple(path.split("."))
    if _is_ground(steps):
        yield from _ground(policy, steps)
        return
    if any(_fits(steps, hidden.split(".")) for hidden in _HIDDEN) or strictness.rule_for(path) is None:
        return
    annotation = _annotation(steps)
    if annotation is None:
        return
    try:
        value = references.find(policy, path)
    except references.ReferenceMissing:
        value = None
    kind, choices = _kind(policy, steps, annotation, value)
    if kind is not None:
        yield Question(path, kind, value, choices, _is_optional(steps))
    if kind is Kind.BASIS and isinstance(value, Mapping):
        for regime in policy.head.regimes:
            yield from _ground(policy, (*steps, regime))


def _is_ground(steps: Sequence[str]) -> bool:
    return len(steps) == 4 and steps[0] == "purposes" and steps[2] == "basis"


def _ground(policy: Policy, steps: tuple[str, ...]) -> Iterator[Question]:
    """On what a law lets a purpose rest."""
    basis = policy.purposes[steps[1]].basis if steps[1] in policy.purposes else CONSENT
    if isinstance(basis, dict) and steps[3] in policy.head.regimes:
        yield Question(".".join(steps), Kind.CHOICE, basis.get(steps[3]), grounds(policy).get(steps[3], ()))


def grounds(policy: Policy) -> dict[str, tuple[str, ...]]:
    """The grounds of each law in scope."""
    known = {name: regime.grounds for pack in law.packs(policy.head.law) for name, regime in pack.regimes.items()}
    return {name: known[name] for name in policy.head.regimes if name in known}


def _fits(steps: Sequence[str], hidden: Sequence[str]) -> bool:
    return len(steps) >= len(hidden) and all(h in ("*", s) for s, h in zip(steps, hidden, strict=False))


def _kind(policy: Policy, steps: tuple[str, ...], annotation: Any, value: Any) -> tuple[Kind | None, tuple[str, ...]]:
    name = steps[-1]
    chosen = {"basis": (CONSENT, GROUNDS), "log_copy": ("", *references.vocabulary("en")["countries"]), **_CHOSEN}
    if name in chosen:
        return (Kind.BASIS if name == "basis" else Kind.CHOICE), chosen[name]
    if annotation is Duration:
        return (Kind.DURATION if value is None or _ONE_UNIT.fullmatch(str(value)) else Kind.PERIOD), ()
    if get_origin(annotation) is Literal:
        return Kind.CHOICE, tuple(map(str, get_args(annotation)))
    if get_origin(annotation) is tuple:
        known = _known(policy, steps, _bare(get_args(annotation)[0]))
        more = tuple(one for one in value or () if one not in known)
        return (Kind.CHOICES, (*known, *more)) if known else (Kind.WORDS, ())
    plain = {bool: Kind.YES, int: Kind.NUMBER, str: Kind.TEXT, date: Kind.DAY}
    return plain.get(annotation), ()


def _known(policy: Policy, steps: tuple[str, ...], item: Any) -> tuple[str, ...]:
    """The items a list is chosen from; none for a list of free words."""
    words = references.vocabulary("en")
    found: tuple[str, ...]
    match steps[-1]:
        case "never":
            found = ("dpv:SellDataToThirdParties", *words["never"])
        case "per" | "kinds" | "by" as name:
            found = tuple(words[_WORDS[name]])
        case "uses" | "gets" | "of":
            found = tuple(policy.data)
        case "floor":
            found = tuple(floor for pack in law.packs(policy.head.law) for floor in pack.floors)
        case "in" | "subjects":
            found = tuple(words["countries"])
        case "is":
            found = tuple(term for term in terms.vocabulary().labels if term.startswith("pd:"))
        case name:
            found = tuple(map(str, get_args(item))) if get_origin(item) is Literal else _LISTS.get(name, ())
    return found


@lru_cache(maxsize=1_024)
def _annotation(steps: tuple[str, ...]) -> Any:
    """What the format wants at a path; None where it has nothing."""
    here: Any = Policy
    for step in steps:
        if isinstance(here, type) and issubclass(here, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in here.model_fields.items()}
            here = _bare(fields.get(step))
        elif get_origin(here) is dict:
            here = _bare(get_args(here)[1])
        else:
            return None
    return here


def _bare(annotation: Any) -> Any:
    """Without None, without constraints."""
    while True:
        if get_origin(annotation) is Annotated:
            annotation = get_args(annotation)[0]
        elif isinstance(annotation, UnionType) or get_origin(annotation) is Union:
            annotation = next(one for one in get_args(annotation) if one is not type(None))
        else:
            return annotation


def _is_optional(steps: tuple[str, ...]) -> bool:
    """Whether the format lets it be left out: nothing is asked for it by default."""
    around = _annotation(steps[:-1])
    if isinstance(around, type) and issubclass(around, BaseModel):
        field = next(one for name, one in around.model_fields.items() if (one.alias or name) == steps[-1])
        return not field.is_required() and field.default is None
    return steps[0] == "keep" and steps[-2] == "until"


def _parts(written: str) -> tuple[int | None, str]:
    found = _ONE_UNIT.fullmatch(written)
    return (int(found[2]), found[1] + found[3]) if found else (None, "D")


# --- answers ------------------------------------------------------------------------------------------------------------------


def read(question: Question, given: Sequence[str], unit: str = "") -> Value:
    """The value to write in the file for what a form sent; None takes the rule out. Raises AnswerInvalid."""
    first = given[0].strip() if given else ""
    if question.kind is Kind.CHOICES:
        if {*given} - {*question.choices}:
            raise AnswerInvalid("choice")
        kept = [one for one in question.value or () if one in given]  # in the sequence they have, new ones behind
        return (*kept, *(one for one in question.choices if one in given and one not in kept))
    if question.kind is Kind.WORDS:
        return tuple(word for one in given for word in re.split(r"[,\n]\s*", one.strip()) if word)
    if question.kind is Kind.YES:
        return first == "yes"
    if question.kind in {Kind.CHOICE, Kind.BASIS}:
        if first not in question.choices:
            raise AnswerInvalid("choice")
        return first or (None if question.is_optional else first)
    if not first and question.is_optional:
        return None
    return _read_written(question.kind, first, unit)


def _read_written(kind: Kind, first: str, unit: str) -> Value:
    if kind is Kind.TEXT:
        return first
    if not first:
        raise AnswerInvalid("empty")
    if kind in {Kind.DURATION, Kind.NUMBER}:
        if not (first.isascii() and first.isdigit() and len(first) < 8):
            raise AnswerInvalid("number")
        if kind is Kind.NUMBER:
            return int(first)
        if unit not in UNITS:
            raise AnswerInvalid("choice")
        first = UNITS[unit].format(int(first))
    if kind is Kind.DAY:
        try:
            return date.fromisoformat(first).isoformat()
        except ValueError:
            raise AnswerInvalid("day") from None
    try:
        Duration.parse(first)
    except DurationInvalid:
        raise AnswerInvalid("period") from None
    return first


def differs(question: Question, answer: Value) -> bool:
    """Whether an answer says something else than the policy does."""
    now = question.value
    if question.kind is Kind.BASIS:
        return (answer == CONSENT) is not (now == CONSENT)
    if isinstance(now, Duration):
        return answer is None or str(answer) != str(now)
    if isinstance(now, date):
        return bool(answer != now.isoformat())
    return bool(answer != now)


def to_write(policy: Policy, question: Question, answer: Value) -> Value:
    """What stands in the file for an answer: who needs no consent any more names the first other ground of each law."""
    if question.kind is Kind.BASIS and answer == GROUNDS:
        known = {name: regime for pack in law.packs(policy.head.law) for name, regime in pack.regimes.items()}
        return {
            name: next(one for one in offered if one != known[name].consent)
            for name, offered in grounds(policy).items()
        }
    return answer
