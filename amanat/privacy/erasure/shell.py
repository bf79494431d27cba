"""What this part adds to the site: entries of the navigation, words of the ledger, probes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.core import ledger_words, schema, vault
from amanat.people import bin as deleted
from amanat.people import cards
from amanat.people.cards import Card
from amanat.people.importing import refusals
from amanat.privacy.erasure import children, proofs, returning, views, wanted
from amanat.privacy.erasure import ledger_words as own_words
from amanat.privacy.erasure import schema as own
from amanat.privacy.erasure.models import Erasure
from amanat.web import navigation
from amanat.web.navigation import Entry


def register() -> None:
    """Called once, when the site starts."""
    for name, sql in own.statements():
        schema.add_sql(name, sql)
    schema.add_sql("contact_by_birthday", children.BY_BIRTHDAY)
    ledger_words.register(own_words.SENTENCES, own_words.TABLES)
    vault.register_sealed(Erasure, "wanted", lambda row: vault.context(wanted.COLUMN, row.pk))
    refusals.register(returning.refused)
    deleted.before_purging(proofs.let_go)
    navigation.register(Entry("trust", 45, _("Erasures"), "trash-2", "privacy:erasures", May.READ_TRUST))
    cards.register(
        Card(
            70,
            "privacy/_erasure_card.html",
            views.card,
            column="trust",
            permission=May.ANSWER_REQUESTS,
            on=("contact",),
            of_restricted=True,  # a frozen child's page says so, and has the way out
            reads=views.card_reads,
        )
    )
    schema.add_definer_function(
        "find_traces", "ids of rows that hold given numbers and addresses; carries the wall itself"
    )
