"""What is known about stored files; their bytes lie encrypted in the object store under `object_name`: see `files`."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from amanat.core import clock
from amanat.core.tenancy import WorkspaceRow


class StoredFile(WorkspaceRow):
    """One file. `size` and `sha256` are those of what was kept, which for a picture is what we encoded anew."""

    kind = models.CharField(max_length=40)
    name = models.CharField(max_length=200)
    object_name = models.CharField(max_length=80)
    content_type = models.CharField(max_length=100)
    size = models.BigIntegerField()
    sha256 = models.CharField(max_length=64)
    wrapped_key = models.BinaryField()
    made_by = models.UUIDField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "object_name"], name="stored_file_one_per_object"),
            models.CheckConstraint(condition=Q(size__gte=0), name="stored_file_size_is_not_negative"),
        ]


class UsedLink(models.Model):
    """A file link that was opened. Kept until the link would have ended anyway; belongs to no workspace."""

    nonce = models.CharField(max_length=32, primary_key=True)
    expires_at = models.DateTimeField(db_index=True)
