"""What this part adds to the site: the card of a contact's page, words of the ledger, probes."""

from __future__ import annotations

from amanat.core import ledger_words, schema
from amanat.people import bin as deleted
from amanat.people import cards
from amanat.people.cards import Card
from amanat.privacy.copies import ledger_words as own_words
from amanat.privacy.copies import making, seen, views


def register() -> None:
    """Called once, when the site starts."""
    ledger_words.register(own_words.SENTENCES, own_words.TABLES)
    deleted.before_purging(making.let_go)
    schema.add_sql("ledger_of_exports", seen.INDEX)
    # A restricted person has her rights too, and the card shows nothing of her data.
    cards.register(
        Card(62, "privacy/_copies_card.html", views.card, column="trust", on=("contact",), of_restricted=True)
    )
