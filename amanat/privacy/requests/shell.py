"""What this part adds to the site: entries of the navigation, words of the ledger, probes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.accounts import access
from amanat.accounts.permissions import May
from amanat.core import ledger_words, vault
from amanat.people import bin as deleted
from amanat.people import cards
from amanat.people.cards import Card
from amanat.privacy.requests import asking, callbacks, details, views
from amanat.privacy.requests import ledger_words as own_words
from amanat.privacy.requests.models import Nomination, RightsRequest
from amanat.web import navigation
from amanat.web.navigation import Entry


def register() -> None:
    """Called once, when the site starts."""
    access.count_in_the_frame(asking.OPEN_COUNT)
    ledger_words.register(own_words.SENTENCES, own_words.TABLES)
    vault.register_sealed(RightsRequest, "details", details.place)
    vault.register_sealed(RightsRequest, "answer", details.place_of_answer)
    vault.register_sealed(Nomination, "nominee", details.place_of_nominee)
    deleted.before_purging(asking.let_go)
    callbacks.register()
    navigation.register(
        Entry("trust", 20, _("Requests"), "inbox", "privacy:requests", May.READ_TRUST, badge=views.open_count)
    )
    cards.register(
        Card(
            60,
            "privacy/_requests_card.html",
            views.card,
            column="trust",
            permission=May.READ_TRUST,
            on=("contact",),
            reads=views.card_reads,
        )
    )
