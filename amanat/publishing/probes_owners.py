"""Probes of who answers for the data: when that changes, people hear of it first."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.policy.probing import Asked, Finding, probe
from amanat.publishing import publish, versions


@probe(
    "publishing.handed_over",
    _("People hear before somebody else answers for their data"),
    keys=("D-BIZNOTE",),
    rules=("transfers.notice_before_sale",),
)
def handed_over(asked: Asked) -> Finding:
    """Each version that names another operator held no sooner than the notice promised by the one before it, and was mailed."""
    changes = early = untold = 0
    for row in versions.all_of(asked.workspace_id).filter(replaces__gt=0):
        before = versions.numbered(asked.workspace_id, row.replaces).policy
        if publish.is_handed_over(before, versions.of_row(row).policy):
            changes += 1
            early += row.effective_at < publish.notice_of_sale(before, row.published_at)
            untold += before.changes.email_if != "never" and not row.mails.exists()
    return Finding(
        not early and not untold,
        _("the operator changed {changes} times: {early} times too early, {untold} times without a mail"),
        {"changes": changes, "early": early, "untold": untold},
    )
