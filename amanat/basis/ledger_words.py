"""Sentences for the ledger entries that this package writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "basis.consent.asked": _("Person asked for consent"),
    "basis.consent.given": _("Consent given"),
    "basis.consent.refused": _("Consent refused"),
    "basis.consent.withdrawn": _("Consent withdrawn"),
    "basis.objection.made": _("Objection made"),
    "basis.objection.withdrawn": _("Objection taken back"),
    "basis.restriction.imposed": _("Use of a person's data restricted"),
    "basis.restriction.lifted": _("Restriction lifted"),
    "basis.suppression.added": _("Addresses suppressed"),
    "basis.suppression.lifted": _("Suppression of addresses lifted"),
}

TABLES = {
    "basis.Notice": _("notice"),
    "basis.Asking": _("question for consent"),
    "basis.ConsentRecord": _("consent record"),
    "basis.Objection": _("objection"),
    "basis.Restriction": _("restriction"),
    "basis.Passcode": _("code for the public page"),
    "basis.Suppression": _("suppressed address"),
    "basis.Decision": _("decision"),
}
