"""The table of how far people were told of a new version of the policy."""

from __future__ import annotations

from uuid import UUID

from django.db import models

from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.publishing.models import PolicyVersion


class Telling(WorkspaceRow):
    """One version of which people are told by mail, one after the other in the order of their ids: who was told is who comes before
    `after`, so nobody needs a row of her own and nobody is told twice."""

    watched = False  #: what was decided about each person stands in the decisions

    version = WorkspaceForeignKey(PolicyVersion, related_name="+")
    after = models.UUIDField(default=UUID(int=0))
    due_at = models.DateTimeField()
    told = models.PositiveIntegerField(default=0)
    passed_over = models.PositiveIntegerField(default=0)  #: no longer to be written to, or the address took no mail
    tries = models.PositiveSmallIntegerField(default=0)  #: of the next person's mail
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id", "version"], name="telling_once_a_version")]
