"""What this part adds to the site: an entry of the navigation, words of the ledger, the count of what leaves, probes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.basis import endings
from amanat.core import ledger_words, outgoing
from amanat.people import cards, list_menu
from amanat.people.cards import Card
from amanat.privacy.registers import ended, partner_views, traffic
from amanat.privacy.registers import ledger_words as own_words
from amanat.web import navigation
from amanat.web.navigation import Entry


def register() -> None:
    """Called once, when the site starts."""
    ledger_words.register(own_words.SENTENCES, own_words.TABLES)
    endings.on_end(ended.hear)
    outgoing.on_disclosure(traffic.count)
    outgoing.on_refusal(traffic.count_refused)
    cards.register(
        Card(
            72,
            "privacy/_partners_card.html",
            partner_views.card,
            column="trust",
            permission=May.ANSWER_REQUESTS,
            on=("contact",),
        )
    )
    list_menu.register(list_menu.Offer("partners", May.ANSWER_REQUESTS, partner_views.list_links))
    navigation.register(Entry("trust", 60, _("Registers"), "clipboard-list", "privacy:registers", May.READ_TRUST))
