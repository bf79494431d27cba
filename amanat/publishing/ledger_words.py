"""Sentences for the ledger entries that this package writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "publishing.version.published": _("Policy published"),
    "publishing.address.asked": _("Code sent to an address that the policy publishes"),
    "publishing.address.confirmed": _("Shown that mail to an address of the policy arrives"),
    "publishing.draft.begun": _("Draft of the policy begun"),
    "publishing.draft.changed": _("Draft of the policy changed"),
    "publishing.draft.discarded": _("Draft of the policy thrown away"),
}

TABLES = {
    "publishing.PolicyVersion": _("policy version"),
    "publishing.PolicyDraft": _("policy draft"),
    "publishing.AddressCheck": _("check of a published address"),
    "publishing.PolicyMail": _("mail about a policy"),
}
