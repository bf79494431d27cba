"""What this part adds to the site: entries of the navigation, words of the ledger, probes."""

from __future__ import annotations


def register() -> None:
    """Called once, when the site starts."""
