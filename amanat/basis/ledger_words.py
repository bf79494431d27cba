"""Sentences for the ledger entries that this package writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "basis.consent.asked": _("Person asked for consent"),
    "basis.consent.given": _("Consent given"),
    "basis.consent.refused": _("Consent refused"),
    "basis.consent.withdrawn": _("Consent withdrawn"),
    "basis.objection.made": _("Objection made"),
    "basis.objection.none_wanted": _("Person wants none of a use"),
    "basis.objection.withdrawn": _("Objection taken back"),
    "basis.restriction.imposed": _("Use of a person's data restricted"),
    "basis.restriction.lifted": _("Restriction lifted"),
    "basis.suppression.added": _("Addresses suppressed"),
    "basis.suppression.lifted": _("Suppression of addresses lifted"),
    "basis.guardian.named": _("Guardian named for a child"),
    "basis.guardian.ended": _("Guardian answers no longer"),
    "basis.value.opened": _("Masked value of a person opened"),
    "basis.form.made": _("Public form made"),
    "basis.form.closed": _("Public form closed"),
    "basis.form.submitted": _("Public form confirmed by a code"),
    "basis.link.sent": _("Link to the own choices sent to a person"),
    "basis.receipt.sent": _("Receipt of consent sent to a person"),
}

TABLES = {
    "basis.Notice": _("notice"),
    "basis.Telling": _("telling of a new policy"),
    "basis.Asking": _("question for consent"),
    "basis.ConsentRecord": _("consent record"),
    "basis.Objection": _("objection"),
    "basis.Restriction": _("restriction"),
    "basis.Passcode": _("code for the public page"),
    "basis.Suppression": _("suppressed address"),
    "basis.Decision": _("decision"),
    "basis.Guardianship": _("guardian of a child"),
    "basis.Opening": _("opened value"),
    "basis.Withholding": _("withheld field"),
    "basis.PublicForm": _("public form"),
    "basis.Submission": _("answer to a public form"),
}
