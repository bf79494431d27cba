"""Tables of the sealed store: what lies in it, and each time somebody asked to have one record opened."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow

__all__ = ["SealedRecord", "VaultRelease"]


class SealedRecord(WorkspaceRow):
    """The least that a law makes us keep of an erased person, under a key that is destroyed on `ends_on`.

    Nobody can look through these rows: `found_by` are keyed hashes of phones and addresses, made so that a request by a court
    about a named person finds hers and nothing else.
    """

    watched = False  #: its rules write to the ledger themselves

    found_by = ArrayField(models.BinaryField(max_length=32), default=list)
    principal = models.BinaryField(max_length=32)  #: keyed hash of the contact's id, as on acts (`basis.principals`)
    body = models.BinaryField()
    law = models.CharField(max_length=60)  #: a floor of the policy's law packs, such as "in-dpdp-8-3"
    sealed_at = models.DateTimeField()
    ends_on = models.DateField()  #: the first day on which it must not be there any more; its key's version too
    erasure_id = models.UUIDField(null=True)

    class Meta:
        db_table = "privacy_sealedrecord"
        indexes = [models.Index(fields=["workspace_id", "ends_on"], name="sealed_record_by_end")]
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "principal", "law"], name="sealed_record_once_a_law")
        ]


class VaultRelease(WorkspaceRow):
    """A request by law for one sealed record: asked by one member, allowed by another, opened once."""

    record_id = models.UUIDField()  #: no foreign key: the proof outlives the record
    reason = models.CharField(_("legal reason"), max_length=300)
    authority = models.CharField(_("who demands it"), max_length=160)
    asked_at = models.DateTimeField()
    asked_by = WorkspaceForeignKey(Member, related_name="+")
    allowed_at = models.DateTimeField(null=True)
    allowed_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    opened_at = models.DateTimeField(null=True)
    opened_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    refused_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "privacy_vaultrelease"
        indexes = [models.Index(fields=["workspace_id", "-asked_at"], name="vault_release_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(allowed_by__isnull=True) | ~Q(allowed_by=F("asked_by")), name="vault_release_by_two_people"
            ),
            models.CheckConstraint(
                condition=Q(opened_at__isnull=True) | Q(allowed_at__isnull=False), name="vault_release_allowed_first"
            ),
            models.CheckConstraint(condition=~Q(reason="") & ~Q(authority=""), name="vault_release_has_a_reason"),
        ]
