"""Sentences for the ledger entries that this part writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "privacy.erasure.ordered": _("Erasure ordered"),
    "privacy.erasure.held": _("Erasure held back by a legal hold"),
    "privacy.erasure.traced": _("Traces found after an erasure"),
    "privacy.erasure.search_asked": _("Search for traces asked again"),
    "privacy.erasure.certified": _("Erasure certified"),
    "privacy.erasure.item_closed": _("Open item of an erasure answered"),
    "privacy.erasure.recipient_told": _("Recipient told to erase"),
    "privacy.child.frozen": _("Data of a child frozen"),
    "privacy.child.cleared": _("Freeze of a child's data ended"),
}

TABLES = {
    "privacy.Erasure": _("erasure"),
    "privacy.ErasureOpenItem": _("open item of an erasure"),
    "privacy.ErasureCertificate": _("certificate of an erasure"),
    "privacy.ChildFound": _("child found"),
}
