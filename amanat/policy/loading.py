"""From the text of a file to a Policy, or to sentences that say which line is wrong and what to write instead."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from types import UnionType
from typing import Any, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from amanat.policy import reading
from amanat.policy.format import Policy
from amanat.policy.reading import Document, Place
from amanat.policy.telling import _, told


@dataclass(frozen=True)
class Problem:
    """A place in a file that does not have the shape of a policy."""

    line: int
    path: str
    wrong: str
    instead: str

    def __str__(self) -> str:
        return f"line {self.line}: {self.path}: {self.wrong} {self.instead}".strip()


class FormatInvalid(ValueError):
    """The file has not the shape of a policy; `problems` says where, in the order of the lines."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=lambda problem: (problem.line, problem.path)))
        super().__init__("\n".join(map(str, self.problems)))


@dataclass(frozen=True)
class Loaded:
    """A policy and the lines its parts stand on."""

    policy: Policy
    document: Document


def load(text: str) -> Loaded:
    """Raises FormatInvalid."""
    try:
        return _checked(reading.read(text))
    except reading.NotReadable as problem:
        raise FormatInvalid([Problem(problem.line, "file", problem.wrong, problem.instead)]) from None


def from_document(document: Mapping[str, Any]) -> Policy:
    """A policy from its JSON, as `Policy.as_document` made it. Raises FormatInvalid; lines are 1."""
    return _checked(Document(with_tuples(document), {})).policy


def with_tuples(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {name: with_tuples(below) for name, below in value.items()}
    return tuple(map(with_tuples, value)) if isinstance(value, list | tuple) else value


def _checked(document: Document) -> Loaded:
    try:
        return Loaded(Policy.model_validate(document.value), document)
    except ValidationError as invalid:
        # A list whose only item is refused is called empty too; the item's own problem is enough.
        told = (error for error in invalid.errors() if not (error["type"] == "too_short" and error["input"]))
        raise FormatInvalid(_problem(error, document) for error in told) from None


_EXAMPLES = {
    "dict_type": "{name: value}",
    "model_type": "{name: value}",
    "tuple_type": "[one, two]",
    "date_type": "2026-12-01",
}
_KINDS = {
    "string_type": (_("{value} is not a text."), _("Write words, in quotes when they look like a number.")),
    "int_type": (_("{value} is not a whole number."), _("Write digits without quotes.")),
    "bool_type": (_("{value} is not true or false."), _("Write true or false.")),
    "dict_type": (_("{value} is not a group of names."), _("Write `{example}`.")),
    "model_type": (_("{value} is not a group of names."), _("Write `{example}`.")),
    "tuple_type": (_("{value} is not a list."), _("Write `{example}`.")),
    "date_type": (_("{value} is not a day."), _("Write year-month-day, such as {example}.")),
}


def _problem(error: ErrorDetails, document: Document) -> Problem:
    place = _place_in_file(error["loc"])
    wrong, instead = _told(error, place)
    return Problem(document.line(place), ".".join(map(str, place)) or "file", wrong, instead)


def _told(error: ErrorDetails, place: Place) -> tuple[str, str]:
    """What is wrong, and what to write instead."""
    shown, context = _shown(error["input"]), error.get("ctx", {})
    match error["type"]:
        case "missing":
            said = told(_("This is missing.")), told(_("Add `{name}`."), name=str(place[-1]))
        case "extra_forbidden":
            names = _names_at(place[:-1])
            near = get_close_matches(str(place[-1])[:60], names, 1)
            advice = (
                told(_("Write `{words}`."), words=near[0])
                if near
                else told(_("The names here are: {all}."), all=", ".join(names))
            )
            said = told(_("{value} is no name here."), value=_shown(place[-1])), advice
        case "value_error":
            wrong, _sep, instead = str(context["error"]).partition(": write ")
            said = told(_("{sentence}."), sentence=wrong), told(_("Write {words}"), words=instead)
        case "literal_error":
            said = (
                told(_("{value} is not known here."), value=shown),
                told(_("Write {words}."), words=context["expected"]),
            )
        case "string_pattern_mismatch":
            instead = told(_("It must match {pattern}."), pattern=context["pattern"])
            said = told(_("{value} does not fit here."), value=shown), instead
        case kind if kind in _KINDS:
            wrong, instead = _KINDS[kind]
            said = (
                told(wrong, value=shown),
                told(instead, example=_EXAMPLES[kind]) if kind in _EXAMPLES else told(instead),
            )
        case _other:
            said = told(_("{value} does not fit here."), value=shown), told(_("{sentence}."), sentence=error["msg"])
    return said


def _shown(value: Any) -> str:
    text = f"[{', '.join(map(str, value))}]" if isinstance(value, tuple) else str(value)
    return "Nothing" if value is None else f"“{text[:40]}{'…' if len(text) > 40 else ''}”"


def _place_in_file(location: tuple[int | str, ...]) -> Place:
    """Where an error is, without the marks the validator adds for a dict's key or a branch of a union."""
    place: Place = ()
    for step in location:
        if step == "[key]" or (isinstance(step, str) and step.startswith(("dict[", "function-", "str", "is-instance"))):
            continue
        place = (*place, step)
    return place


def _names_at(place: Place) -> list[str]:
    """The names a block may have."""
    model: Any = Policy
    for step in place:
        if isinstance(model, type) and issubclass(model, BaseModel):
            fields = {field.alias or name: field.annotation for name, field in model.model_fields.items()}
            model = _inner(fields.get(str(step)))
        elif get_origin(model) in {dict, tuple}:
            model = _inner(get_args(model)[1 if get_origin(model) is dict else 0])
    if not (isinstance(model, type) and issubclass(model, BaseModel)):
        return []
    return [field.alias or name for name, field in model.model_fields.items()]


def _inner(annotation: Any) -> Any:
    """The block in `Block | None`."""
    if isinstance(annotation, UnionType):
        return next(one for one in get_args(annotation) if one is not type(None))
    return annotation
