"""Tables: every breach, the people it touched, and one clock for each audience that must hear of it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people.models import Contact

__all__ = ["SAID_TO_PEOPLE", "AffectedPerson", "Audience", "Incident", "IncidentClock"]

#: The words of a breach that the people read.
SAID_TO_PEOPLE = ("nature", "place", "consequences", "measures", "advice")


class Audience(models.TextChoices):
    """Who hears of a breach; each has its own period in the policy, `breach.<name>`."""

    PEOPLE = "people", _("The people concerned")
    BOARD_FIRST = "board_first", _("Data Protection Board: first report")
    BOARD_DETAIL = "board_detail", _("Data Protection Board: details")
    EU_AUTHORITY = "eu_authority", _("Data protection authority in the EU")
    CERTIN = "certin", _("Computer emergency team (CERT-In)")


class Incident(WorkspaceRow):
    """One breach, or a drill of one. The register keeps all of them (GDPR article 33(5)); the words name nobody."""

    class Kind(models.TextChoices):
        ACCESS = "access", _("Somebody saw data who should not")
        DISCLOSURE = "disclosure", _("Data was given to the wrong person")
        LOSS = "loss", _("Data was lost or destroyed")
        CHANGE = "change", _("Data was changed by somebody who should not")
        OUTAGE = "outage", _("Data could not be reached")

    kind = models.CharField(_("what kind"), max_length=10, choices=Kind.choices)
    title = models.CharField(_("in one line"), max_length=160)
    nature = models.TextField(_("what happened, and how much data"), max_length=4_000)
    place = models.CharField(_("where"), max_length=160, blank=True)
    happened_from = models.DateTimeField(_("from"))
    happened_to = models.DateTimeField(_("until"))
    noticed_at = models.DateTimeField(_("known since"))  #: all clocks run from here
    consequences = models.TextField(_("likely consequences for the people"), max_length=4_000, blank=True)
    measures = models.TextField(_("what was done about it"), max_length=4_000, blank=True)
    advice = models.TextField(_("what the people can do"), max_length=4_000, blank=True)
    cause = models.TextField(_("cause and findings"), max_length=4_000, blank=True)
    #: the same words in other languages than the workspace's, for the people: {"hi": {"nature": "..."}}
    in_languages = models.JSONField(default=dict, blank=True, db_default={})
    is_drill = models.BooleanField(default=False)
    reported_at = models.DateTimeField()
    reported_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    lessons = models.TextField(_("what was learned"), max_length=4_000, blank=True)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "-noticed_at", "-id"], name="incident_newest_first")]
        constraints = [
            models.CheckConstraint(
                condition=Q(happened_to__gte=F("happened_from")), name="incident_ends_after_it_began"
            )
        ]

    @property
    def is_open(self) -> bool:
        return self.closed_at is None


class IncidentClock(WorkspaceRow):
    """One audience of one breach: until when it must be told, the warning before, and the proof that it was."""

    incident = WorkspaceForeignKey(Incident, related_name="clocks")
    audience = models.CharField(max_length=14, choices=Audience.choices)
    due_at = models.DateTimeField()
    warned_at = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    told_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    #: how it can be proven: number of the receipt, "24 of 25 people"
    proof = models.CharField(_("proof"), max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "incident", "audience"], name="incident_clock_once")
        ]
        indexes = [
            models.Index(
                fields=["workspace_id", "due_at"], condition=Q(told_at__isnull=True), name="incident_clock_running"
            )
        ]

    def is_late(self, at: datetime) -> bool:
        """Whether the period was broken, or is being broken at a moment."""
        return (self.told_at or at) > self.due_at


class AffectedPerson(WorkspaceRow):
    """A person whom a breach touched, found in the logs or named by a member, and the one message to her."""

    class Found(models.TextChoices):
        LEDGER = "ledger", _("Changed at that time")
        SEEN = "seen", _("Opened at that time")
        NAMED = "named", _("Named by a member")

    incident = WorkspaceForeignKey(Incident, related_name="affected")
    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")
    found = models.CharField(max_length=10, choices=Found.choices)
    added_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    channel = models.CharField(max_length=10, blank=True)  #: email or sms
    language = models.CharField(max_length=10, blank=True)
    problem = models.CharField(max_length=100, blank=True)  #: why she could not be told

    if TYPE_CHECKING:
        contact_id: UUID | None

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "incident", "contact"], name="affected_person_once")
        ]
        indexes = [
            models.Index(fields=["workspace_id", "contact"], name="affected_person_by_contact"),
            models.Index(
                fields=["workspace_id", "incident", "id"],
                condition=Q(told_at__isnull=True),
                name="affected_person_not_told",
            ),
        ]
