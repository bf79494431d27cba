"""What basis puts into the shell: the pages of consent, the card of a contact's choices, its probes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.basis import views
from amanat.people import cards
from amanat.people.cards import Card
from amanat.web import navigation
from amanat.web.navigation import Entry


def register() -> None:
    navigation.register(Entry("trust", 30, _("Consent"), "user-check", "basis:consent", May.READ_TRUST))
    cards.register(
        Card(
            50,
            "basis/_choices_card.html",
            views.card,
            column="trust",
            permission=May.READ_CONTACTS,
            on=("contact",),
            of_restricted=True,
            reads=views.card_reads,
        )
    )
