"""Probes of the sealed store."""

from __future__ import annotations

from datetime import timedelta

from django.utils.translation import gettext_lazy as _

from amanat.core.models_vault import Use, WorkspaceKey
from amanat.policy.probing import Asked, Finding, probe
from amanat.privacy.vault.models import SealedRecord

_ONE_DAY = timedelta(days=1)


@probe(
    "vault.destroyed", _("The sealed store is emptied on its days, keys first"), keys=("T-DELANON",), rules=("vault",)
)
def destroyed(asked: Asked) -> Finding:
    yesterday = (asked.at - _ONE_DAY).date()
    rows = SealedRecord.objects.of(asked.workspace_id)
    keys = WorkspaceKey.objects.of(asked.workspace_id).filter(use=Use.VAULT, retired_at__isnull=True)
    late = rows.filter(ends_on__lte=yesterday).count() + keys.filter(version__lte=yesterday.toordinal()).count()
    return Finding(
        late == 0,
        _("{late} sealed records or keys are older than promised; {sealed} records lie there"),
        {"late": late, "sealed": rows.count()},
    )
