"""Tables: a copy of everything about a person, and which member saw which person on which day."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people.models import Contact

__all__ = ["PersonCopy", "Sighting"]


class PersonCopy(WorkspaceRow):
    """One copy: ordered, made by a job, handed out until it expires. Its file is an archive, sealed at rest."""

    class State(models.TextChoices):
        ORDERED = "ordered", _("Waiting")
        DONE = "done", _("Ready")
        FAILED = "failed", _("Failed")
        EXPIRED = "expired", _("Expired")

    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")
    state = models.CharField(max_length=10, choices=State.choices, default=State.ORDERED)
    language = models.CharField(max_length=10)
    #: the request of the person that this copy answers, if there is one
    request_id = models.UUIDField(null=True)
    ordered_at = models.DateTimeField()
    ordered_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    made_at = models.DateTimeField(null=True)
    expires_at = models.DateTimeField(null=True)
    file = WorkspaceForeignKey("core.StoredFile", null=True, related_name="+")
    #: rows of each table, by the model's label
    counts = models.JSONField(default=dict, db_default={})
    problem = models.CharField(max_length=300, blank=True, db_default="", default="")
    opened_at = models.DateTimeField(null=True)  #: first taken
    openings = models.IntegerField(default=0, db_default=0)
    #: keyed hash of the one-time code by which the person takes it from the link, and what is left of it
    code = models.BinaryField(max_length=32, null=True)
    code_ends_at = models.DateTimeField(null=True)
    code_tries = models.IntegerField(default=0, db_default=0)

    if TYPE_CHECKING:
        contact_id: UUID | None
        file_id: UUID | None
        ordered_by_id: UUID | None

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "contact", "-ordered_at"], name="copy_of_contact"),
            models.Index(fields=["workspace_id", "expires_at"], condition=Q(state="done"), name="copy_by_end"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=~Q(state="done") | Q(file__isnull=False, made_at__isnull=False, expires_at__isnull=False),
                name="copy_that_is_done_has_a_file_and_an_end",
            ),
        ]


class Sighting(WorkspaceRow):
    """A member opened the page of a person, first at this moment of that day. One row a day, so that it costs next to nothing."""

    watched = False
    is_a_look = True  #: who only looked changed nothing: an import can still be undone

    contact = WorkspaceForeignKey(Contact, related_name="+")
    member = WorkspaceForeignKey(Member, related_name="+")
    on = models.DateField()
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "contact", "member", "on"], name="sighting_once_a_day")
        ]
        indexes = [models.Index(fields=["workspace_id", "on"], name="sighting_by_day")]
