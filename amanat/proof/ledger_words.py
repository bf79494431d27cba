"""Sentences for the ledger entries that this package writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "proof.evidence.published": _("End of the chain of evidence written down"),
    "proof.evidence.thinned": _("Old evidence that repeated itself taken out"),
    "proof.promise.broken": _("A promise was found broken"),
    "proof.promise.kept_again": _("A promise is kept again"),
    "proof.check.asked": _("A check of the promises asked for"),
    "proof.attestation.made": _("Something attested for the promises"),
    "proof.bundle.made": _("Proof of the promises downloaded"),
}

TABLES = {
    "proof.Evidence": _("evidence"),
    "proof.EvidenceGap": _("gap in the evidence"),
    "proof.Round": _("round of checks"),
    "proof.Attestation": _("attestation"),
}
