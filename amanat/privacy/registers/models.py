"""Tables: contracts of recipients, disclosures to authorities with their approvals, training, the region of a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people.models import Contact

__all__ = [
    "AuthorityApproval", "AuthorityDisclosure", "Contract", "Handover", "HandoverPerson", "Residency", "Traffic", "Training",
]  # fmt: skip


class Contract(WorkspaceRow):
    """What binds a recipient that the policy names: its paper, from when, until when."""

    recipient = models.CharField(_("recipient"), max_length=40)  #: its name in the policy
    party = models.CharField(_("name of the firm"), max_length=160)
    country = models.CharField(_("country"), max_length=2)  #: ISO 3166 code of where the data goes
    safeguard = models.CharField(_("safeguard"), max_length=40, blank=True)
    signed_on = models.DateField(_("signed on"))
    until = models.DateField(_("valid until"), null=True, blank=True)  #: excluded; null: no end agreed
    file = WorkspaceForeignKey("core.StoredFile", null=True, blank=True, related_name="+")
    added_at = models.DateTimeField()
    added_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    ended_at = models.DateTimeField(null=True)

    if TYPE_CHECKING:
        file_id: UUID | None

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "recipient", "-signed_on"], name="contract_of_recipient")]
        constraints = [
            models.CheckConstraint(
                condition=Q(until__isnull=True) | Q(until__gt=F("signed_on")), name="contract_ends_after_it_begins"
            )
        ]


class AuthorityDisclosure(WorkspaceRow):
    """An authority asks for data by law. Nothing is given before as many members approve as the policy names."""

    authority = models.CharField(_("authority"), max_length=160)
    law = models.CharField(_("law and section"), max_length=200)
    reference = models.CharField(_("number of the order"), max_length=80, blank=True)
    contact = WorkspaceForeignKey(Contact, null=True, related_name="+", verbose_name=_("about whom"))
    wanted = models.TextField(_("which data"), max_length=2_000)
    asked_at = models.DateTimeField()
    asked_by = WorkspaceForeignKey(Member, related_name="+")
    given_at = models.DateTimeField(null=True)
    given_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    given = models.TextField(_("what was given"), max_length=2_000, blank=True)
    refused_at = models.DateTimeField(null=True)
    refused_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    refused_because = models.CharField(_("why it is refused"), max_length=300, blank=True)

    if TYPE_CHECKING:
        contact_id: UUID | None
        asked_by_id: UUID

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "-asked_at", "-id"], name="authority_newest_first"),
            models.Index(fields=["workspace_id", "contact"], name="authority_about"),
        ]
        constraints = [
            models.CheckConstraint(
                condition=Q(given_at__isnull=True) | Q(refused_at__isnull=True), name="authority_is_given_or_refused"
            )
        ]

    @property
    def is_open(self) -> bool:
        return self.given_at is None and self.refused_at is None


class AuthorityApproval(WorkspaceRow):
    """One member found the demand lawful. Never taken back: a demand found wrong later is refused."""

    append_only = True

    disclosure = WorkspaceForeignKey(AuthorityDisclosure, related_name="approvals")
    member = WorkspaceForeignKey(Member, related_name="+")
    at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "disclosure", "member"], name="authority_approval_once_a_member"
            )
        ]


class Handover(WorkspaceRow):
    """Data of people for a partner that the policy names: prepared, and taken as a file within a day. The file itself is never kept."""

    class Format(models.TextChoices):
        CSV = "csv", _("CSV, for any program")
        JSON = "json", _("JSON, for programs")

    recipient = models.CharField(max_length=40)  #: its name in the policy
    party = models.CharField(_("partner"), max_length=160)  #: as it was named to people
    why = models.CharField(_("what the partner gets it for"), max_length=300)
    fields = models.JSONField(_("fields"), default=list, db_default=[])
    format = models.CharField(_("format"), max_length=10, choices=Format.choices)
    policy_version = models.IntegerField()
    prepared_at = models.DateTimeField()
    prepared_by = WorkspaceForeignKey(Member, related_name="+")
    expires_at = models.DateTimeField()
    taken_at = models.DateTimeField(null=True)  #: first
    taken_by = WorkspaceForeignKey(Member, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "-prepared_at", "-id"], name="handover_newest_first")]


class HandoverPerson(WorkspaceRow):
    """One person of a handover: what the gate answered, and when her data went."""

    handover = WorkspaceForeignKey(Handover, related_name="people")
    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")
    is_allowed = models.BooleanField()
    reason = models.CharField(max_length=20)  #: of the gate
    given_at = models.DateTimeField(null=True)  #: first
    ended_at = models.DateTimeField(null=True)  #: when the person took her yes back; null: it holds
    told_at = models.DateTimeField(null=True)  #: when the partner was told of that
    told_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    answer = models.CharField(_("What was done"), max_length=300, blank=True, db_default="", default="")

    if TYPE_CHECKING:
        contact_id: UUID | None
        handover_id: UUID

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "contact"], name="handover_about"),
            models.Index(
                fields=["workspace_id", "ended_at", "id"],
                condition=models.Q(ended_at__isnull=False, told_at__isnull=True),
                name="handover_partner_to_tell",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "handover", "contact"], name="handover_once_a_person")
        ]


class Training(WorkspaceRow):
    """A member was trained in handling personal data."""

    member = WorkspaceForeignKey(Member, related_name="+", verbose_name=_("who"))
    topic = models.CharField(_("what was taught"), max_length=160)
    done_on = models.DateField(_("on"))
    recorded_at = models.DateTimeField()
    recorded_by = WorkspaceForeignKey(Member, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "member", "-done_on"], name="training_of_member")]


class Residency(WorkspaceRow):
    """The region to which a workspace is pinned: its rows are not served from anywhere else."""

    region = models.CharField(max_length=20)
    pinned_at = models.DateTimeField()
    pinned_by = WorkspaceForeignKey(Member, null=True, related_name="+")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id"], name="residency_one_a_workspace")]


class Traffic(models.Model):
    """How many requests left for a host of a recipient on a day; says nothing about whom they were. Of the installation.

    A day has several rows (`slot`), so that those who send at the same time do not wait for each other.
    """

    recipient = models.CharField(max_length=60)
    host = models.CharField(max_length=255)
    on = models.DateField()
    slot = models.SmallIntegerField(default=0)
    was_refused = models.BooleanField(default=False)
    requests = models.BigIntegerField(default=0)
    sent_bytes = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["on", "recipient", "host", "was_refused", "slot"], name="traffic_once_a_day"
            )
        ]
