"""The part of the reply box in which buttons or a list are typed: its fields, and what stands in them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

from django.utils.translation import gettext as _

from amanat.messaging.channels import whatsapp_payloads
from amanat.messaging.channels.contract import Choices

AS_BUTTONS, AS_LIST = "buttons", "list"
#: Fields of what is offered below a text: titles of buttons; titles and descriptions of a list.
BUTTONS = [f"button{place}" for place in range(whatsapp_payloads.MOST_BUTTONS)]
ROWS = [(f"row{place}", f"about{place}") for place in range(whatsapp_payloads.MOST_ROWS)]
OFFERED = ("label", *BUTTONS, *chain.from_iterable(ROWS))


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    text: str
    errors: Sequence[str]


@dataclass(frozen=True, slots=True)
class Box:
    """What the page draws. `kind` is what is open now, "" for neither."""

    kind: str
    label: Field
    buttons: Sequence[Field]
    rows: Sequence[tuple[Field, Field]]

    @property
    def kinds(self) -> list[tuple[str, str, str]]:
        """What may be chosen: value, icon, words."""
        return [
            (AS_BUTTONS, "circle-dot", _("Buttons")), (AS_LIST, "list", _("List")), ("", "x", _("Neither buttons nor a list")),
        ]  # fmt: skip


def box(text: Mapping[str, str], errors: Mapping[str, Sequence[str]]) -> Box:
    """`text` and `errors` by the name of the field."""

    def field(name: str) -> Field:
        return Field(name, text.get(name, ""), errors.get(name, ()))

    return Box(
        kind=text.get("offer", ""),
        label=field("label"),
        buttons=[field(name) for name in BUTTONS],
        rows=[(field(row), field(about)) for row, about in ROWS],
    )


def typed(posted: Mapping[str, str]) -> dict[str, str]:
    """What was typed of an offer, by the name of its field; nothing where none is wanted."""
    if posted.get("offer") not in {AS_BUTTONS, AS_LIST}:
        return {}
    return {name: value[:100] for name in ("offer", *OFFERED) if (value := posted.get(name, "").strip())}


def retyped(choices: Choices) -> dict[str, str]:
    """An offer that was made, as it would be typed again."""
    if not choices.offered:
        return {}
    if not choices.label:
        return {"offer": AS_BUTTONS, **{name: one.title for name, one in zip(BUTTONS, choices.offered, strict=False)}}
    rows = {"offer": AS_LIST, "label": choices.label}
    for (row, about), one in zip(ROWS, choices.offered, strict=False):
        rows |= {row: one.title, about: one.description}
    return rows
