"""Tables of what happened with a contact or company, and of what they are found by."""

from __future__ import annotations

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people.models_records import Company, Contact


class Interaction(WorkspaceRow):
    """One line of the timeline of a contact or company. Written by `people.timeline.record` only."""

    watched = False

    contact = WorkspaceForeignKey(Contact, null=True, related_name="interactions")
    company = WorkspaceForeignKey(Company, null=True, related_name="interactions")
    happened_at = models.DateTimeField()
    kind = models.CharField(max_length=30)
    actor = WorkspaceForeignKey(Member, null=True, related_name="+")
    summary = models.CharField(max_length=300)
    body = models.TextField(max_length=10_000, blank=True, db_default="", default="")
    #: the row that owns this line, e.g. "desk.ServiceRecord", and its id
    reference_kind = models.CharField(max_length=40, blank=True, db_default="", default="")
    reference_id = models.UUIDField(null=True)
    data = models.JSONField(default=dict, blank=True, db_default={})

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "contact", "-happened_at", "-id"], name="timeline_of_contact"),
            models.Index(
                fields=["workspace_id", "company", "-happened_at", "-id"],
                name="timeline_of_company",
                condition=Q(company__isnull=False),
            ),
            models.Index(
                fields=["workspace_id", "reference_id"],
                condition=Q(reference_id__isnull=False),
                name="timeline_by_reference",
            ),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(contact__isnull=False) | Q(company__isnull=False), name="interaction_is_about_someone"
            ),
        ]


class Attachment(WorkspaceRow):
    """A file on a contact's or company's timeline."""

    contact = WorkspaceForeignKey(Contact, null=True, related_name="attachments")
    company = WorkspaceForeignKey(Company, null=True, related_name="attachments")
    file = WorkspaceForeignKey("core.StoredFile", related_name="+")
    name = models.CharField(max_length=200)
    added_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    added_at = models.DateTimeField(default=clock.now)

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "contact"], name="attachment_by_contact"),
            models.Index(fields=["workspace_id", "company"], name="attachment_by_company"),
        ]


class SearchEntry(WorkspaceRow):
    """What is found: one row per record, its id the record's own. Written by `people.search.index` only."""

    class Kind(models.TextChoices):
        CONTACT = "contact", _("Contact")
        COMPANY = "company", _("Company")
        SERVICE = "service", _("Service")

    watched = False
    searched = True

    kind = models.CharField(max_length=10, choices=Kind.choices)
    #: words in Latin letters and as phonetic keys (people.script.search_text), a space before, between and after them
    text = models.TextField()
    #: digits of phones and acknowledgement numbers, a space before, between and after them
    digits = models.TextField(db_default="", default="")
    owner_id = models.UUIDField(null=True)
    team_id = models.UUIDField(null=True)

    class Meta:
        indexes = [
            GinIndex(OpClass(F("workspace_id"), "uuid_ops"), OpClass(F("text"), "gin_trgm_ops"), name="search_by_text"),
            GinIndex(
                OpClass(F("workspace_id"), "uuid_ops"), OpClass(F("digits"), "gin_trgm_ops"), name="search_by_digits"
            ),
        ]
