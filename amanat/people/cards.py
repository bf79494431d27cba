"""Cards that packages above put on the page of a contact or company: services, tasks, papers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.people.models import Company, Contact


@dataclass(frozen=True, slots=True)
class Card:
    """A card. `context` reads what the template shows, in one or two statements; None leaves the card out.

    `column` is "left" (facts) or "right" (what follows). The template gets the context and `record`.
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
    shown: dict[str, list[Shown]] = {"left": [], "right": []}
    for card in _cards:
        if on not in card.on or (card.permission is not None and not request.member.may(card.permission)):
            continue
        if is_restricted and not card.of_restricted:
            continue
        context = card.context(request, record)
        if context is not None:
            shown[card.column].append(Shown(card.template, context))
    return shown
