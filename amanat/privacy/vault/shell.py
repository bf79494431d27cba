"""What this part adds to the site: words of the ledger, probes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.core import ledger_words

SENTENCES = {
    "privacy.vault.sealed": _("Records of erased people sealed, as the law says"),
    "privacy.vault.destroyed": _("Sealed records destroyed, keys first"),
    "privacy.vault.asked": _("Opening of a sealed record asked for"),
    "privacy.vault.allowed": _("Opening of a sealed record allowed"),
    "privacy.vault.refused": _("Opening of a sealed record refused"),
    "privacy.vault.opened": _("Sealed record opened"),
}
TABLES = {"privacy.SealedRecord": _("sealed record"), "privacy.VaultRelease": _("demand for a sealed record")}


def register() -> None:
    """Called once, when the site starts."""
    ledger_words.register(SENTENCES, TABLES)
