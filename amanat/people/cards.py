"""Cards that packages above put on the page of a contact or company: services, tasks, papers."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection, models

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.people.models import Company, Contact

#: A SELECT and its values.
type Read = tuple[str, Sequence[Any]]


@dataclass(frozen=True, slots=True)
class Card:
    """A card. `context` says what the template shows; None leaves the card out.

    `column` is "left" (facts), "right" (what follows) or "trust" (parts of the one card about trust). The template
    gets the context and `record`. What a card reads it names in `reads`, by a name of its own: the reads of all cards travel in one statement, and `rows` gives what they found.
    """

    order: int
    template: str
    context: Callable[[MemberRequest, Contact | Company], dict[str, Any] | None]
    column: str = "left"
    permission: May | None = None
    on: tuple[str, ...] = ("contact", "company")
    of_restricted: bool = (
        False  #: shows nothing of the person's data, so that it stands on the page of a restricted one too
    )
    reads: Callable[[MemberRequest, Contact | Company], Mapping[str, Read]] | None = None


@dataclass(frozen=True, slots=True)
class Shown:
    """A card with what it shows."""

    template: str
    context: dict[str, Any]


_cards: list[Card] = []


def register(card: Card) -> None:
    """Add `card`; the same template registered again replaces the first."""
    _cards[:] = sorted([kept for kept in _cards if kept.template != card.template] + [card], key=lambda one: one.order)


def of(request: MemberRequest, record: Contact | Company, *, is_restricted: bool = False) -> dict[str, list[Shown]]:
    """The cards the member may see, by column."""
    on = "contact" if isinstance(record, Contact) else "company"
    shown: dict[str, list[Shown]] = {"left": [], "right": [], "trust": []}
    seen = [
        card
        for card in _cards
        if on in card.on
        and (card.permission is None or request.member.may(card.permission))
        and (card.of_restricted or not is_restricted)
    ]
    _read(request, record, seen)
    for card in seen:
        context = card.context(request, record)
        if context is not None:
            shown[card.column].append(Shown(card.template, context))
    return shown


def rows(request: MemberRequest, name: str) -> list[dict[str, Any]]:
    """What a read of the page's cards found; times, days and ids are text, as JSON has them."""
    found: list[dict[str, Any]] = request.__dict__["_card_rows"].get(name, [])
    return found


def instance[Row: models.Model](model: type[Row], row: Mapping[str, Any]) -> Row:
    """The object of a row whose read named columns of `model`; columns not read are deferred."""
    read = [field for field in model._meta.concrete_fields if field.attname in row]
    values = [field.to_python(row[field.attname]) for field in read]
    return model.from_db(connection.alias, [field.attname for field in read], values)


def _read(request: MemberRequest, record: Contact | Company, seen: Sequence[Card]) -> None:
    """Ask for all that the cards need, at once."""
    reads = {name: one for card in seen if card.reads for name, one in card.reads(request, record).items()}
    found: dict[str, Any] = {}
    if reads:
        pieces = [f"(SELECT coalesce(json_agg(p), '[]') FROM ({sql}) p)" for sql, _values in reads.values()]  # noqa: S608
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT json_build_array({', '.join(pieces)})::text",
                [value for _sql, values in reads.values() for value in values],
            )
            found = dict(zip(reads, json.loads(cursor.fetchone()[0]), strict=True))
    request.__dict__["_card_rows"] = found
