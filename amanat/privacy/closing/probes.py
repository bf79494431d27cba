"""Probes of closing: who closed an account or a workspace is gone on the promised day."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.core import routes
from amanat.policy.probing import Asked, Finding, Scope, probe
from amanat.privacy.closing import workspaces
from amanat.privacy.closing.models import AccountClosure, ClosedWorkspace, WorkspaceClosure
from amanat.publishing import versions

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
    days = 0 if open_ones.exists() else _days_too_many(asked)
    return Finding(
        late == 0 and days == 0,
        _("{late} closings are later than promised; one that is asked for today would go {days} days too late"),
        {"late": late, "days": days},
    )


def _days_too_many(asked: Asked) -> int:
    """The workspace is closed for a trial: how many days its end lies behind the promised one."""
    held = Workspace.objects.of(asked.workspace_id).get(pk=asked.workspace_id)
    owner = Member.objects.of(asked.workspace_id).filter(role=Role.OWNER, ended_at__isnull=True).order_by("id").first()
    if owner is None:
        return 0
    ordered = workspaces.order(workspace=held, by=owner, at=asked.at, books_taken=True)
    promised = versions.in_force(held, asked.at).policy.keep["content"].until["closure"].alone.after(asked.at)
    return max((ordered.due_at - promised).days, 0)
