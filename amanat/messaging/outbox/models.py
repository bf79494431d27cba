"""Tables of the way out and the way in: what is to be sent and how far it got, and what providers told us."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.messaging.channels.models import Channel, ChannelAccount
from amanat.messaging.inbox.models import Message
from amanat.people.models import Contact

__all__ = ["Dispatch", "ProviderEvent"]


class Dispatch(WorkspaceRow):
    """The sending of one message, written in the transaction of its cause. Its id is the reference that the provider echoes.

    `todo` waits for `due_at`; `sending` is claimed by a worker until `lease_until`; `unknown` may have been sent, and is settled by the
    provider's report or by a person; `done` was taken by the provider; `dead` cannot be sent; `refused` is the gate's word; `dropped` was
    taken back or came too late; `held` came out of a backup and waits for a person. What becomes of a message after `done` is `delivery`,
    which only moves forward.
    """

    class State(models.TextChoices):
        TODO = "todo", _("Waiting")
        SENDING = "sending", _("Being sent")
        UNKNOWN = "unknown", _("Not clear whether it was sent")
        DONE = "done", _("Sent")
        DEAD = "dead", _("Could not be sent")
        REFUSED = "refused", _("Not allowed")
        DROPPED = "dropped", _("Not sent any more")
        HELD = "held", _("Held back after a restore")

    class Delivery(models.TextChoices):
        NONE = "", _("No report yet")
        SENT = "sent", _("On its way")
        DELIVERED = "delivered", pgettext_lazy("message", "Delivered")
        READ = "read", _("Read")
        FAILED = "failed", _("Not delivered")

    goes_with = ("contact_id",)  #: the sending of a message to a person goes with her

    message = WorkspaceForeignKey(Message, related_name="+")
    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")  #: null: to a member's own number, for a look
    account = WorkspaceForeignKey(ChannelAccount, related_name="+")
    channel = models.CharField(max_length=10, choices=Channel.choices)
    address = models.CharField(max_length=254)  #: where it goes: E.164 or e-mail address
    purpose = models.CharField(max_length=40)
    state = models.CharField(max_length=8, choices=State.choices, default=State.TODO)
    delivery = models.CharField(max_length=9, choices=Delivery.choices, blank=True, db_default="", default="")
    urgency = models.PositiveSmallIntegerField(default=5, db_default=5)  #: 0 a person waits, 5 reminders, 9 bulk
    due_at = models.DateTimeField()  #: not before
    use_by = models.DateTimeField(null=True)  #: later it makes no sense any more
    #: sealed JSON: what the adapter needs beside the text (variables, buttons, headers); gone once the message was taken
    extra = models.BinaryField(max_length=20_000, null=True)
    tries = models.PositiveIntegerField(default=0, db_default=0)  #: how often it was claimed; names one claim
    failures = models.PositiveSmallIntegerField(default=0, db_default=0)  #: tries that the provider turned away
    claimed_by = models.CharField(max_length=80, blank=True, db_default="", default="")  #: the journal of the run
    lease_until = models.DateTimeField(null=True)
    begun_at = models.DateTimeField(null=True)  #: of the last try
    sent_at = models.DateTimeField(null=True)  #: when the provider took it
    ended_at = models.DateTimeField(null=True)  #: when it became done, dead, refused or dropped
    provider_id = models.CharField(max_length=250, blank=True, db_default="", default="")
    reason = models.CharField(max_length=40, blank=True, db_default="", default="")  #: the gate's, or ours for dropped
    rule = models.CharField(
        max_length=80, blank=True, db_default="", default=""
    )  #: of the policy on which the decision rests
    decided_at = models.DateTimeField(null=True)
    error_code = models.CharField(max_length=40, blank=True, db_default="", default="")
    pricing = models.CharField(max_length=30, blank=True, db_default="", default="")  #: category the provider charged
    source = models.CharField(max_length=20)  #: "reply", "reminder", "batch", "confirmation", "test"
    source_id = models.UUIDField(null=True)  #: of the reminder or batch
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "message"], name="dispatch_one_per_message"),
            models.CheckConstraint(
                condition=~Q(state="sending") | Q(lease_until__isnull=False), name="dispatch_sending_has_a_lease"
            ),
            models.CheckConstraint(
                condition=Q(contact__isnull=False) | Q(source="test"), name="dispatch_to_a_contact_or_a_test"
            ),
            models.CheckConstraint(condition=Q(urgency__lte=9), name="dispatch_urgency_is_a_digit"),
        ]
        indexes = [
            models.Index(
                fields=["workspace_id", "account", "urgency", "due_at", "id"],
                condition=Q(state="todo"),
                name="dispatch_due",
            ),
            models.Index(fields=["workspace_id", "lease_until"], condition=Q(state="sending"), name="dispatch_claimed"),
            models.Index(
                fields=["workspace_id", "state", "begun_at"],
                condition=Q(state__in=["unknown", "held"]),
                name="dispatch_for_a_person",
            ),
            models.Index(
                fields=["workspace_id", "-created_at"],
                condition=Q(state="dead") | Q(delivery="failed"),
                name="dispatch_failed",
            ),
            models.Index(
                fields=["workspace_id", "account", "begun_at"], condition=~Q(delivery=""), name="dispatch_reported"
            ),
            models.Index(
                fields=["workspace_id", "account", "begun_at"],
                condition=Q(state="done", delivery=""),
                name="dispatch_unreported",
            ),
            models.Index(
                fields=["workspace_id", "account", "provider_id"],
                condition=~Q(provider_id=""),
                name="dispatch_of_provider",
            ),
            models.Index(
                fields=["workspace_id", "source_id"], condition=Q(source_id__isnull=False), name="dispatch_of_source"
            ),
            models.Index(fields=["workspace_id", "contact", "-created_at"], name="dispatch_of_contact"),
            models.Index(
                fields=["workspace_id", "contact", "id"],
                condition=Q(state__in=["todo", "sending"]),
                name="dispatch_open_of_contact",
            ),
        ]

    if TYPE_CHECKING:
        message_id: UUID
        contact_id: UUID | None
        account_id: UUID


class ProviderEvent(WorkspaceRow):
    """One event of a provider's webhook, kept as it came (sealed) until it was worked off, and its digest for longer than repeats may come.

    One that could not be worked off is parked: it is done and keeps its payload.
    """

    watched = False  #: of no consequence by itself; what it says becomes messages, reports and acts

    account = WorkspaceForeignKey(ChannelAccount, related_name="+")
    digest = models.BinaryField(max_length=32)  #: keyed hash of what makes it the same event
    payload = models.BinaryField(max_length=300_000, null=True)  #: sealed JSON; null once worked off
    received_at = models.DateTimeField()
    done_at = models.DateTimeField(null=True)
    tries = models.PositiveSmallIntegerField(default=0, db_default=0)
    next_at = models.DateTimeField(null=True)  #: not tried again before

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "account", "digest"], name="provider_event_once")
        ]
        indexes = [
            models.Index(
                fields=["workspace_id", "account", "id"],
                condition=Q(done_at__isnull=True),
                name="provider_event_waiting",
            ),
            models.Index(fields=["workspace_id", "received_at"], name="provider_event_by_age"),
        ]

    if TYPE_CHECKING:
        account_id: UUID
