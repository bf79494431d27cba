"""Tables of records that are one, or only look so."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow


class Merge(WorkspaceRow):
    """Two records made one; holds what is needed to take it apart again."""

    kind = models.CharField(max_length=10)
    kept_id = models.UUIDField()
    gone_id = models.UUIDField()
    before = models.JSONField()
    merged_at = models.DateTimeField(default=clock.now)
    merged_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    undone_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "kept_id", "-merged_at"], name="merge_of_record")]


class NotDuplicate(WorkspaceRow):
    """Two contacts that someone looked at and found to be different people."""

    first_id = models.UUIDField()
    second_id = models.UUIDField()
    by = WorkspaceForeignKey(Member, null=True, related_name="+")
    at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "first_id", "second_id"], name="not_duplicate_once"),
            models.CheckConstraint(condition=Q(first_id__lt=F("second_id")), name="not_duplicate_in_order"),
        ]


class LikelyDuplicate(WorkspaceRow):
    """Two contacts that are probably one person. Written by `people.duplicates.refresh` only."""

    watched = False

    first_id = models.UUIDField()
    second_id = models.UUIDField()
    reasons = models.JSONField(default=list)
    score = models.SmallIntegerField()
    found_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "first_id", "second_id"], name="likely_duplicate_once"),
        ]
        indexes = [
            models.Index(fields=["workspace_id", "-score", "id"], name="likely_duplicate_by_score"),
            models.Index(fields=["workspace_id", "second_id"], name="likely_duplicate_by_second"),
        ]
