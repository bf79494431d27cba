"""Tables of the ground: ledger, limits, kept counts, answers to repeated requests; keys and files live beside."""

from __future__ import annotations

from django.db import models

from amanat.core import clock, ids
from amanat.core.models_files import StoredFile, UsedLink
from amanat.core.models_vault import SystemKey, WorkspaceKey
from amanat.core.tenancy import WorkspaceRow

__all__ = [
    "IdempotentAnswer",
    "LedgerEntry",
    "LedgerHead",
    "LimitCount",
    "LocalMessage",
    "StoredFile",
    "SystemKey",
    "Tally",
    "TombstoneDue",
    "UsedLink",
    "WorkspaceKey",
]


class LedgerEntry(WorkspaceRow):
    """One fact. Never updated except that the sealer fills number, previous and hash once."""

    append_only = True
    may_be_filled_later = ("number", "previous", "hash")
    watched = False

    at = models.DateTimeField()
    event = models.CharField(max_length=80)
    actor = models.UUIDField(null=True)
    about = models.UUIDField(null=True)
    facts = models.JSONField(default=dict)
    number = models.BigIntegerField(null=True)
    previous = models.CharField(max_length=64, default="", db_default="")
    hash = models.CharField(max_length=64, default="", db_default="")

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "-at", "-id"], name="ledger_newest_first"),
            models.Index(fields=["workspace_id", "about", "-at"], name="ledger_about"),
            models.Index(fields=["workspace_id"], condition=models.Q(number__isnull=True), name="ledger_unsealed"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "number"], name="ledger_numbers_are_unique"),
        ]


class LedgerHead(WorkspaceRow):
    """The newest sealed entry of a workspace; locked by whoever seals."""

    watched = False

    number = models.BigIntegerField()
    hash = models.CharField(max_length=64)
    sealed_at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id"], name="ledger_one_head_a_workspace")]


class Tally(WorkspaceRow):
    """A kept count as a sum of changes, so that writers never wait for each other; a job folds the rows together."""

    watched = False

    what = models.CharField(max_length=40)
    change = models.BigIntegerField()

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "what"], include=["change"], name="tally_by_what")]


class LimitCount(models.Model):
    """How often something was tried in the current window. The table is UNLOGGED: a crash forgives."""

    key = models.CharField(max_length=120, primary_key=True)
    tries = models.IntegerField()
    window_ends_at = models.DateTimeField()


class IdempotentAnswer(WorkspaceRow):
    """The first answer to a POST with an Idempotency-Key, given again to repeats (API, seven days)."""

    watched = False

    member_id = models.UUIDField()
    route = models.CharField(max_length=80)
    key = models.CharField(max_length=255)
    request_digest = models.CharField(max_length=64)
    status = models.IntegerField(null=True)
    body = models.BinaryField(null=True)
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "member_id", "route", "key"], name="idempotent_once_per_key"
            ),
        ]


class TombstoneDue(models.Model):
    """Lines for the file of tombstones, written with what they are about in one transaction, and deleted once they are in the file."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    lines = models.TextField()  #: keyed hashes, as they go into the file
    created_at = models.DateTimeField(default=clock.now)


class LocalMessage(models.Model):
    """An e-mail or text message that was not sent because no provider is set: shown on the local outbox page."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    channel = models.CharField(max_length=10, choices=[("email", "E-mail"), ("sms", "SMS")])
    to = models.CharField(max_length=254)
    title = models.CharField(max_length=300, blank=True)
    body = models.TextField()
    created_at = models.DateTimeField(default=clock.now)
