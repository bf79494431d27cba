"""Tables of erasures: what was ordered and how far it came, what is left to do by people, and the certificates."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people.models import Contact

__all__ = ["ChildFound", "Erasure", "ErasureCertificate", "ErasureOpenItem"]


class Erasure(WorkspaceRow):
    """An order to erase people, and how far it has come: ids, counts and hashes.

    Until everything was read and nothing found, it holds sealed what to search for; with that certificate it forgets it, the night after
    at the latest. While something is found, the order is not done, and its open items are asked for (`erasure.certified`).
    """

    class State(models.TextChoices):
        ORDERED = "ordered", _("Waiting to start")
        HELD = "held", _("Held: the law forbids it now")
        ERASING = "erasing", _("Being erased")
        SEARCHING = "searching", _("Being searched for traces")
        DONE = "done", _("Erased")
        FAILED = "failed", _("Erased, with open items")

    class Because(models.TextChoices):
        REQUEST = "request", _("The person asked for it")
        RETENTION = "retention", _("The promised time is over")
        CHILD = "child", _("The data is a child's")
        DECISION = "decision", _("A member decided it")
        CLOSING = "closing", _("The workspace is closed")
        RESTORE = "restore", _("A backup brought it back")

    UNDER_WAY = (State.ORDERED, State.ERASING, State.SEARCHING)

    contact_ids = ArrayField(models.UUIDField())
    state = models.CharField(max_length=10, choices=State.choices, default=State.ORDERED)
    because = models.CharField(max_length=10, choices=Because.choices)
    #: the request of the person that this answers
    request_id = models.UUIDField(null=True)
    by = WorkspaceForeignKey(Member, null=True, related_name="+")
    ordered_at = models.DateTimeField()
    started_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    #: what was done when: [{"step": "...", "at": "...", "count": 1}, ...]
    steps = models.JSONField(default=list, db_default=[])
    #: rows that went, and rows that stayed without the person, by the label of their table
    gone = models.JSONField(default=dict, db_default={})
    stayed = models.JSONField(default=dict, db_default={})
    #: what the vault took, as it says itself: [{"law": "...", "until": "...", "rows": 1}, ...]
    sealed = models.JSONField(default=list, db_default=[])
    #: what the searches look for (`wanted.Wanted`), sealed; emptied when the last of them found nothing
    wanted = models.BinaryField(null=True)
    searched_at = models.DateTimeField(null=True)
    #: when every row of every table was read to the end
    confirmed_at = models.DateTimeField(null=True)
    problem = models.CharField(max_length=200, blank=True, db_default="", default="")

    if TYPE_CHECKING:
        by_id: UUID | None

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "-ordered_at", "-id"], name="erasure_newest_first"),
            models.Index(
                fields=["workspace_id", "state"],
                condition=Q(state__in=["ordered", "held", "erasing", "searching"]) | Q(wanted__isnull=False),
                name="erasure_not_over",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state__in=["done", "failed"]) | Q(searched_at__isnull=False),
                name="erasure_ends_with_a_search",
            ),
        ]

    @property
    def is_over(self) -> bool:
        return self.state in {self.State.DONE, self.State.FAILED}


class ErasureOpenItem(WorkspaceRow):
    """Something that the program cannot do by itself, or a trace that it found: somebody has to look, and says what was done."""

    class Kind(models.TextChoices):
        TRACE = "trace", _("Something that may be about the person is still there")
        FILE = "file", _("A file that may name the person")
        IMPORT = "import", _("A file of an import that may hold the person")
        RECIPIENT = "recipient", _("Somebody received data of the person and must delete it too")

    erasure = WorkspaceForeignKey(Erasure, related_name="items")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    #: label and column of the table, or name of the recipient; never a value
    place = models.CharField(max_length=120)
    count = models.IntegerField(default=1)
    #: ids of the rows, at most 20, of the export or of the disclosure
    rows = ArrayField(models.UUIDField(), default=list)
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    answer = models.CharField(_("What was done"), max_length=300, blank=True, db_default="", default="")

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "erasure", "kind", "id"], name="erasure_item_of")]
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "erasure", "kind", "place"], name="erasure_item_once"),
            models.CheckConstraint(
                condition=Q(closed_at__isnull=True) | ~Q(answer=""), name="erasure_item_closed_with_an_answer"
            ),
        ]


class ErasureCertificate(WorkspaceRow):
    """What a search found nothing in: written once, never changed; `digest` is in the ledger."""

    append_only = True

    class Search(models.TextChoices):
        INDEXED = "indexed", _("By indexes, and whole tables where they are small")
        WHOLE = "whole", _("Every row of every table read to its end")

    erasure = WorkspaceForeignKey(Erasure, related_name="certificates")
    search = models.CharField(max_length=7, choices=Search.choices)
    issued_at = models.DateTimeField()
    #: canonical JSON: what was erased, what stayed and why, what was searched with how many rows
    body = models.TextField()
    digest = models.CharField(max_length=64)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "erasure", "-issued_at"], name="certificate_of_erasure")]
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "erasure", "digest"], name="certificate_once"),
        ]


class ChildFound(WorkspaceRow):
    """A contact that is, or is said to be, under the policy's age: frozen at once, erased by the promised time unless a guardian agrees."""

    class How(models.TextChoices):
        BIRTHDAY = "birthday", _("By the birthday")
        MEMBER = "member", _("A member noticed")
        REPORT = "report", _("A parent or guardian reported it")

    class State(models.TextChoices):
        FROZEN = "frozen", _("Frozen")
        ERASED = "erased", _("Erased")
        CLEARED = "cleared", _("Not a child after all")
        AGREED = "agreed", _("A guardian agreed")

    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")
    principal = models.BinaryField(max_length=32)  #: keyed hash of the contact's id
    how = models.CharField(max_length=10, choices=How.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.FROZEN)
    found_at = models.DateTimeField()
    frozen_at = models.DateTimeField()
    erase_by = models.DateTimeField()
    closed_at = models.DateTimeField(null=True)
    closed_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    erasure_id = models.UUIDField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "erase_by"], condition=Q(state="frozen"), name="child_frozen_by_time"),
            models.Index(
                fields=["workspace_id", "contact"], condition=Q(contact__isnull=False), name="child_by_contact"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "contact"], condition=Q(state="frozen"), name="child_frozen_once"
            ),
            models.CheckConstraint(
                condition=Q(state="frozen", closed_at__isnull=True) | ~Q(state="frozen") & Q(closed_at__isnull=False),
                name="child_closed_with_a_time",
            ),
        ]
