"""Tables of reminders: the rules of a workspace, what they led to for whom and when, and messages to many."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.desk.models import Service
from amanat.messaging.channels.models import MessageTemplate
from amanat.people.models import Contact

__all__ = ["BatchRefusal", "MessageBatch", "Reminder", "ReminderRule"]


class ReminderRule(WorkspaceRow):
    """When whom to remind of what: `days` before (negative) or after a date, at `at` on the person's clock, over channels in order."""

    class On(models.TextChoices):
        SERVICE_DUE = "service_due", _("A service is due")
        SERVICE_EXPIRY = "service_expiry", _("A service runs out")
        FOLLOW_UP = "follow_up", _("A follow-up")
        BIRTHDAY = "birthday", _("A birthday")
        FIELD = "field", _("A date of an own field")
        UNPAID = "unpaid", _("Something is still owed")

    name = models.CharField(max_length=120)
    on = models.CharField(max_length=14, choices=On.choices)
    field = models.CharField(max_length=40, blank=True, db_default="", default="")  #: key of the own field
    service = WorkspaceForeignKey(Service, null=True, related_name="+")  #: of the catalogue; null for every one
    days = models.SmallIntegerField()  #: -7 is a week before
    at = models.TimeField()
    channels = ArrayField(
        models.CharField(max_length=10)
    )  #: in order; the next is tried when the one before did not arrive
    fallback_hours = models.PositiveSmallIntegerField(default=6, db_default=6)
    #: one template for each channel, in the same order
    templates = ArrayField(models.UUIDField())
    purpose = models.CharField(max_length=40)
    quiet_days = ArrayField(models.PositiveSmallIntegerField(), default=list)  #: 0 is Monday
    most_a_day = models.PositiveSmallIntegerField(default=2, db_default=2)  #: messages to one person
    moves_over = models.BooleanField(default=False, db_default=False)  #: what is over goes on the next open day
    needs_approval = models.BooleanField(default=True, db_default=True)
    is_paused = models.BooleanField(default=True, db_default=True)
    last_day = models.DateField(null=True)  #: the last day that was worked out
    made_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    if TYPE_CHECKING:
        says: str  #: the rule as a sentence, filled by `reporting.put_into_words`


class Reminder(WorkspaceRow):
    """One occurrence: this rule, this person, this thing, this date. Written once, whatever happens around it."""

    class State(models.TextChoices):
        WAITS = "waits", _("Waits for approval")
        ORDERED = "ordered", _("To be sent")
        REFUSED = "refused", _("Not allowed")
        SKIPPED = "skipped", _("Left out")
        DONE = "done", _("Sent")
        FAILED = "failed", _("Not delivered")

    rule = WorkspaceForeignKey(ReminderRule, related_name="+")
    contact = WorkspaceForeignKey(Contact, related_name="+")
    about = models.UUIDField()  #: the service record, task or contact whose date it is
    on_day = models.DateField()  #: the date that is reminded of
    day = models.DateField()  #: the day it is to be sent
    state = models.CharField(max_length=7, choices=State.choices)
    reason = models.CharField(max_length=40, blank=True, db_default="", default="")
    step = models.PositiveSmallIntegerField(default=0, db_default=0)  #: which channel of the rule is being tried
    approved_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)  #: the person answered 1
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "rule", "about", "on_day"], name="reminder_once")
        ]
        indexes = [
            models.Index(fields=["workspace_id", "day", "id"], name="reminder_of_day"),
            models.Index(fields=["workspace_id", "contact", "-day"], name="reminder_of_contact"),
        ]

    if TYPE_CHECKING:
        rule_id: UUID
        contact_id: UUID


class MessageBatch(WorkspaceRow):
    """One message to many people at once: whom, what, who ordered it. Its recipients are rows of the outbox."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Not sent yet")
        SENDING = "sending", _("Being sent")
        DONE = "done", _("Sent")
        STOPPED = "stopped", _("Stopped")

    template = WorkspaceForeignKey(MessageTemplate, null=True, related_name="+")
    people = ArrayField(models.UUIDField())  #: ids of the contacts chosen, in order
    state = models.CharField(max_length=7, choices=State.choices, default=State.DRAFT)
    ordered = models.PositiveIntegerField(default=0, db_default=0)  #: messages handed to the outbox
    refused = models.JSONField(default=dict, db_default={})  #: {reason: count}
    place = models.PositiveIntegerField(default=0, db_default=0)  #: how many of the people are worked off
    made_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)


class BatchRefusal(WorkspaceRow):
    """One person of a message to many for whom nothing was ordered, and why. What is refused later says so in the outbox."""

    batch = WorkspaceForeignKey(MessageBatch, related_name="+")
    contact = WorkspaceForeignKey(Contact, related_name="+")
    reason = models.CharField(max_length=40)

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "batch", "reason", "contact"], name="batch_refusal_of_batch"),
            models.Index(fields=["workspace_id", "contact"], name="batch_refusal_of_contact"),
        ]
