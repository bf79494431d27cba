"""What this part adds to the site: an entry of the navigation, words of the ledger, probes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.core import ledger_words
from amanat.privacy.incidents import ledger_words as own_words
from amanat.web import navigation
from amanat.web.navigation import Entry


def register() -> None:
    """Called once, when the site starts."""
    ledger_words.register(own_words.SENTENCES, own_words.TABLES)
    navigation.register(Entry("trust", 50, _("Incidents"), "siren", "privacy:incidents", May.READ_TRUST))
