"""What this part adds to the site: functions of the database, the count before publishing, pages, the line of a contact, probes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.core import ledger_words, schema
from amanat.messaging.outbox import changes
from amanat.people import cards
from amanat.people.cards import Card
from amanat.privacy.retention import schema as sql
from amanat.privacy.retention import sweeping, telling, views
from amanat.publishing import dry_runs
from amanat.web import navigation
from amanat.web.navigation import Entry

SENTENCES = {
    "privacy.hold.set": _("Legal hold set"),
    "privacy.hold.lifted": _("Legal hold lifted"),
    "privacy.retention.swept": _("What the policy says has ended was deleted"),
}
TABLES = {
    "privacy.RelianceEnd": _("end of what a proof was for"),
    "privacy.HouseRun": _("sweep of accounts"),
    "privacy.UserDue": _("user whose time is up"),
    "privacy.AccountClosure": _("closing of an account"),
    "privacy.ClosedWorkspace": _("closed workspace"),
    "privacy.LegalHold": _("legal hold"),
    "privacy.RetentionDue": _("person whose time is over"),
    "privacy.RetentionRun": _("sweep"),
}


def register() -> None:
    """Called once, when the site starts."""
    schema.add_sql("retention.forget_proofs", sql.forget_proofs())
    schema.add_definer_function(
        "forget_proofs", "deletes rows of the append-only tables it names, of the transaction's workspace alone"
    )
    dry_runs.provide(sweeping.foretell)
    changes.on_change(telling.hear)
    ledger_words.register(SENTENCES, TABLES)
    navigation.register(Entry("trust", 40, _("Retention"), "hourglass", "privacy:retention", May.READ_TRUST.value))
    cards.register(
        Card(
            5,
            "privacy/_retention_card.html",
            views.card,
            column="trust",
            permission=May.READ_CONTACTS,
            on=("contact",),
            reads=views.card_reads,
        )
    )
