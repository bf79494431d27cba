"""Buttons and lists below a text of ours: what may be offered, how it is kept, and under which message an answer was tapped.

They are kept sealed beside the body, as lines that a person can read in the copy of her data: what opens the list (empty for buttons), then
each choice with, after a tab, what is said of it. Ids are not kept: one is made of the message's id and the choice's number, so that an
answer finds its message even where the provider's name of it never reached us. Limits are the Cloud API's (`whatsapp_payloads`).
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple
from uuid import UUID

from django.utils.translation import gettext as _

from amanat.messaging.channels import whatsapp_payloads as whatsapp
from amanat.messaging.channels.contract import Choice, Choices
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox import words
from amanat.messaging.outbox.words import Said

#: Words that say by themselves that messages stop; "Cancel" or "बंद" on a button may be meant of a visit.
_PLAINLY_STOP = re.compile(r"stop|unsub|opt ?out|स्टॉप", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Offer:
    """What somebody wants to offer, as it was typed: (title, description) in places of which some may be empty."""

    entries: Sequence[tuple[str, str]]
    is_list: bool = False
    label: str = ""

    @property
    def choices(self) -> Choices:
        filled = [(_line(title), _line(description)) for title, description in self.entries]
        offered = [Choice(title, description) for title, description in filled if title or description]
        return Choices(offered, _line(self.label) if self.is_list else "")


class Problem(NamedTuple):
    """What is wrong with which part; `place` counts the entries from 0."""

    part: Literal["text", "label", "title", "description"]
    place: int
    says: str


def problems(offer: Offer, text: str, *, also_stop: Iterable[str] = ()) -> list[Problem]:
    """Why it cannot be sent below `text`, each at its part; nothing where it can. `also_stop` as in `words.understood`."""
    found = [*_of_text(offer, text.strip())]
    if offer.is_list:
        label, most = _line(offer.label), whatsapp.LONGEST_LABEL
        if not label:
            found.append(Problem("label", 0, _("Write what opens the list, such as “Choose a time”.")))
        elif len(label) > most:
            found.append(Problem("label", 0, _too_long(most)))
    seen: set[str] = set()
    for place, entry in enumerate(offer.entries):
        title, description = map(_line, entry)
        if title or description:
            found += _of_title(offer, place, title, seen, also_stop)
            found += _of_description(offer, place, description)
            seen.add(title.casefold())
    most = whatsapp.MOST_ROWS if offer.is_list else whatsapp.MOST_BUTTONS
    if not seen:
        found.append(Problem("title", 0, _("Write at least one.")))
    elif len(offer.choices.offered) > most:
        found.append(Problem("title", most, _("At most %(count)d may be offered.") % {"count": most}))
    return found


def _of_text(offer: Offer, text: str) -> list[Problem]:
    most = whatsapp.LONGEST_ABOVE_LIST if offer.is_list else whatsapp.LONGEST_ABOVE_BUTTONS
    if not text:
        return [Problem("text", 0, _("Buttons and lists need a text above them."))]
    if len(text) > most:
        said = _("With buttons or a list the text has at most %(count)d characters; this one has %(has)d.")
        return [Problem("text", 0, said % {"count": most, "has": len(text)})]
    return []


def _of_title(offer: Offer, place: int, title: str, seen: Container[str], also_stop: Iterable[str]) -> list[Problem]:
    most = whatsapp.LONGEST_ROW if offer.is_list else whatsapp.LONGEST_BUTTON
    if not title:
        return [Problem("title", place, _("Write what is chosen here."))]
    if len(title) > most:
        return [Problem("title", place, _too_long(most))]
    if title.casefold() in seen:
        return [Problem("title", place, _("This is offered already."))]
    if words.understood(title, also_stop=also_stop) is Said.STOP and not _PLAINLY_STOP.search(title):
        said = _("Tapped, “%(title)s” counts as STOP and ends reminders. Say what is meant, such as “Cancel visit”.")
        return [Problem("title", place, said % {"title": title})]
    return []


def _of_description(offer: Offer, place: int, description: str) -> list[Problem]:
    if description and not offer.is_list:
        return [Problem("description", place, _("Only what stands in a list has a description."))]
    if len(description) > whatsapp.LONGEST_DESCRIPTION:
        return [Problem("description", place, _too_long(whatsapp.LONGEST_DESCRIPTION))]
    return []


def _too_long(most: int) -> str:
    return _("At most %(count)d characters.") % {"count": most}


def _line(text: str) -> str:
    return " ".join(text.replace("\x00", "").split())


# --- keeping -------------------------------------------------------------------------------------------------------


def written(choices: Choices) -> str:
    """As it is sealed, and found by its words."""
    lines = ["\t".join(filter(None, [one.title, one.description])) for one in choices.offered]
    return "\n".join([choices.label, *lines])


def of(message: Message) -> Choices | None:
    """What a message offers, with the ids that come back. Raises vault.VaultRefused."""
    text = bodies.open(message, "choices")
    if not text:
        return None
    label, *lines = text.split("\n")
    parts = [line.partition("\t") for line in lines]
    offered = [Choice(title, description) for title, _tab, description in parts]
    return Choices([replace(one, id=f"{message.pk}/{place}") for place, one in enumerate(offered)], label)


def message_of(choice: str) -> UUID | None:
    """The message that a tapped choice stood under, if the id is one of ours."""
    key, _slash, place = choice.partition("/")
    try:
        return UUID(key) if place.isdigit() else None
    except ValueError:
        return None
