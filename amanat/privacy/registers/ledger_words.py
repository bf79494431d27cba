"""Sentences for the ledger entries that this part writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "privacy.contract.registered": _("Contract with a recipient registered"),
    "privacy.authority.asked": _("Demand of an authority written down"),
    "privacy.authority.approved": _("Demand of an authority approved"),
    "privacy.authority.given": _("Data given to an authority"),
    "privacy.authority.refused": _("Demand of an authority refused"),
    "privacy.partner.prepared": _("Handover to a partner prepared"),
    "privacy.partner.given": _("Data given to a partner"),
    "privacy.partner.told": _("Partner told that a person took the agreement back"),
    "privacy.training.recorded": _("Training of members recorded"),
    "privacy.residency.pinned": _("Workspace bound to its region"),
}

TABLES = {
    "privacy.Contract": _("contract with a recipient"),
    "privacy.AuthorityDisclosure": _("demand of an authority"),
    "privacy.AuthorityApproval": _("approval of a demand"),
    "privacy.Handover": _("handover to a partner"),
    "privacy.HandoverPerson": _("person of a handover to a partner"),
    "privacy.Training": _("training"),
    "privacy.Residency": _("region of the workspace"),
}
