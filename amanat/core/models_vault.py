"""Keys, wrapped by the root key. They are dumped apart from the data, so that erasing reaches backups: see `vault`."""

from __future__ import annotations

from django.db import models
from django.db.models import Q

from amanat.core import clock, ids
from amanat.core.tenancy import WorkspaceRow


class Use(models.TextChoices):
    """What a key is for. Rotation replaces the sealing key, never that of fingerprints, or none would match again."""

    SEAL = "seal", "Sealing"
    FINGERPRINT = "fingerprint", "Fingerprints"
    #: what laws keep of erased people; one key for each day of destruction, see `keyring.of_day`
    VAULT = "vault", "Sealed store"


class Key(models.Model):
    """One version of one key. A retired version has lost its key for good."""

    use = models.CharField(max_length=12, choices=Use.choices)
    version = models.IntegerField()
    root_id = models.CharField(max_length=16)
    wrapped = models.BinaryField()
    created_at = models.DateTimeField(default=clock.now)
    retired_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class WorkspaceKey(WorkspaceRow, Key):
    """A key of a workspace."""

    watched = False

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "use", "version"], name="workspace_key_once_per_version"),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True) | Q(wrapped=b""), name="workspace_key_retired_means_destroyed"
            ),
        ]


class SystemKey(Key):
    """A key for what belongs to no workspace: second factors of users, tokens of the site itself."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["use", "version"], name="system_key_once_per_version"),
            models.CheckConstraint(
                condition=Q(retired_at__isnull=True) | Q(wrapped=b""), name="system_key_retired_means_destroyed"
            ),
        ]
