"""Probes of closing: who closed an account or a workspace is gone on the promised day."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from amanat.core import routes
from amanat.policy.probing import Asked, Finding, Scope, probe
from amanat.privacy.closing.models import AccountClosure, ClosedWorkspace, WorkspaceClosure

_GRACE = timedelta(hours=25)


@probe(
    "closing.accounts",
    _("Anybody can close the account, and it goes on the promised day"),
    keys=("R-CLOSE", "T-DEL30"),
    rules=("keep.account",),
    scope=Scope.INSTALLATION,
)
def accounts(asked: Asked) -> Finding:
    closing = AccountClosure.objects.filter(Q(user__last_login__isnull=True) | Q(user__last_login__lte=F("asked_at")))
    late = closing.filter(due_at__lte=asked.at - _GRACE).count()
    is_offered = {"account_close", "workspace_close"} <= set(routes.table())
    half = ClosedWorkspace.objects.filter(files_gone_at__isnull=True, gone_at__lte=asked.at - _GRACE).count()
    return Finding(
        late == 0 and half == 0 and is_offered,
        _("{late} accounts are later than promised, {open} are under way; files of {half} closed workspaces are left"),
        {"late": late, "open": closing.count(), "half": half},
    )


@probe(
    "closing.workspace",
    _("A workspace that was closed goes on the promised day"),
    keys=("R-CLOSE",),
    rules=("keep.content",),
)
def workspace(asked: Asked) -> Finding:
    open_ones = WorkspaceClosure.objects.of(asked.workspace_id).filter(cancelled_at__isnull=True)
    late = open_ones.filter(due_at__lte=asked.at - _GRACE).count()
    return Finding(late == 0, _("{late} closings are later than promised"), {"late": late})
