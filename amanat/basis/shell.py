"""What basis puts into the shell: the card of a contact's choices."""

from __future__ import annotations

from amanat.accounts.permissions import May
from amanat.basis import views
from amanat.people import cards
from amanat.people.cards import Card


def register() -> None:
    cards.register(
        Card(50, "basis/_choices_card.html", views.card, column="right", permission=May.READ_CONTACTS, on=("contact",))
    )
