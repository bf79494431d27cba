"""Sentences for the ledger entries that this package writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "publishing.version.published": _("Policy published"),
    "publishing.draft.begun": _("Draft of the policy begun"),
    "publishing.draft.changed": _("Draft of the policy changed"),
    "publishing.draft.discarded": _("Draft of the policy thrown away"),
}

TABLES = {
    "publishing.PolicyVersion": _("policy version"),
    "publishing.PolicyDraft": _("policy draft"),
    "publishing.PolicyMail": _("mail about a policy"),
}
