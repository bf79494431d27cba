"""Tables: who asked to have an account or a workspace closed, and the note that stays when a workspace is gone."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from amanat.accounts.models import Member, User
from amanat.core import ids
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow

__all__ = ["AccountClosure", "ClosedWorkspace", "WorkspaceClosure"]


class AccountClosure(models.Model):
    """A user who closed the account; signing in again before `due_at` takes it back and removes the row."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")
    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()

    class Meta:
        db_table = "privacy_accountclosure"
        indexes = [models.Index(fields=["due_at"], name="account_closure_by_due")]
        constraints = [models.CheckConstraint(condition=Q(due_at__gte=F("asked_at")), name="account_closes_later")]


class WorkspaceClosure(WorkspaceRow):
    """The owner closed the workspace. Until `due_at` it can be read and exported, and the owner can take it back."""

    asked_at = models.DateTimeField()
    due_at = models.DateTimeField()
    asked_by = WorkspaceForeignKey(Member, related_name="+")
    cancelled_at = models.DateTimeField(null=True)
    cancelled_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    books_taken = models.BooleanField()  #: the owner said that she has the books the law makes her keep

    class Meta:
        db_table = "privacy_workspaceclosure"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id"], condition=Q(cancelled_at__isnull=True), name="workspace_closes_once"
            ),
            models.CheckConstraint(condition=Q(due_at__gte=F("asked_at")), name="workspace_closes_later"),
        ]


class ClosedWorkspace(models.Model):
    """What is left of a workspace: that it is gone, when, and how much of what went. No word about anybody."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    was = models.UUIDField(unique=True)  #: the id it had
    asked_at = models.DateTimeField()
    gone_at = models.DateTimeField()
    counts = models.JSONField(default=dict)  #: {table: rows}
    files_gone_at = models.DateTimeField(null=True)  #: null: objects of its files are still to be removed

    class Meta:
        db_table = "privacy_closedworkspace"
