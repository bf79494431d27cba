"""Tables of the channels: the numbers, headers and mailboxes of a workspace, and the texts that may leave from them."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow

__all__ = ["Channel", "ChannelAccount", "MessageTemplate", "TemplateText"]


class Channel(models.TextChoices):
    """How a message travels; the names are those of a policy's `purposes.<name>.per`."""

    WHATSAPP = "whatsapp", _("WhatsApp")
    SMS = "sms", _("SMS")
    EMAIL = "email", _("E-mail")


class ChannelAccount(WorkspaceRow):
    """A WhatsApp number, an SMS header or a mailbox of the workspace: messages leave from it and answers arrive at it.

    `settings` holds what is no secret (ids, hosts), `secrets` is sealed JSON (tokens, passwords, the secret of webhooks).
    """

    class State(models.TextChoices):
        READY = "ready", _("Ready")
        PAUSED = "paused", _("Paused")
        BROKEN = "broken", _("Not working")

    channel = models.CharField(max_length=10, choices=Channel.choices)
    provider = models.CharField(max_length=20)  #: name of the adapter in channels.adapters
    name = models.CharField(max_length=80)
    address = models.CharField(max_length=254)  #: E.164 number, SMS header or e-mail address
    settings = models.JSONField(default=dict, db_default={})
    secrets = models.BinaryField(max_length=8_000, null=True)
    is_sandbox = models.BooleanField(default=False, db_default=False)  #: talks to our own fake, reaches nobody
    is_default = models.BooleanField(default=False, db_default=False)  #: used where nobody chose one
    state = models.CharField(max_length=6, choices=State.choices, default=State.READY)
    trouble = models.CharField(max_length=300, blank=True, db_default="", default="")  #: in words, for the owner
    quality = models.CharField(max_length=10, blank=True, db_default="", default="")  #: green, yellow, red
    daily_limit = models.PositiveIntegerField(null=True)  #: people who may be written to first in 24 hours
    resumes_at = models.DateTimeField(null=True)  #: the provider asked to wait until then
    checked_at = models.DateTimeField(null=True)
    made_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "channel", "address"], name="channel_account_one_per_address"
            ),
            models.UniqueConstraint(
                fields=["workspace_id", "channel"], condition=Q(is_default=True), name="channel_account_one_default"
            ),
        ]

    if TYPE_CHECKING:
        made_by_id: UUID | None


class MessageTemplate(WorkspaceRow):
    """A text with variables that may be sent unasked. `purpose` is one of the policy; a template with an offer is marketing."""

    class Category(models.TextChoices):
        UTILITY = "utility", _("Service")
        MARKETING = "marketing", _("Offer")
        AUTHENTICATION = "authentication", _("One-time code")

    name = models.CharField(max_length=60)  #: lower-case letters, digits, underscores: the provider's name for it too
    title = models.CharField(max_length=120)
    channel = models.CharField(max_length=10, choices=Channel.choices)
    account = WorkspaceForeignKey(ChannelAccount, null=True, related_name="+")  #: null: any account of the channel
    purpose = models.CharField(max_length=40)
    category = models.CharField(max_length=14, choices=Category.choices)
    made_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "channel", "name"], name="message_template_one_per_name")
        ]

    if TYPE_CHECKING:
        account_id: UUID | None


class TemplateText(WorkspaceRow):
    """A template in one language. Variables stand as {{1}}, {{2}}; `variables` says what each is, by a name of reminders.values."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Draft")
        SUBMITTED = "submitted", _("Waiting for the provider")
        APPROVED = "approved", _("May be sent")
        REJECTED = "rejected", _("Refused by the provider")
        PAUSED = "paused", _("Paused by the provider")

    template = WorkspaceForeignKey(MessageTemplate, related_name="texts")
    language = models.CharField(max_length=10)
    subject = models.CharField(max_length=200, blank=True, db_default="", default="")  #: of an e-mail
    header = models.CharField(max_length=60, blank=True, db_default="", default="")
    body = models.TextField(max_length=4_096)
    footer = models.CharField(max_length=60, blank=True, db_default="", default="")
    buttons = models.JSONField(default=list, db_default=[])
    variables = ArrayField(models.CharField(max_length=40), default=list)
    examples = ArrayField(models.CharField(max_length=200), default=list)
    provider_id = models.CharField(max_length=64, blank=True, db_default="", default="")  #: of the provider, or of DLT
    registered = models.TextField(
        max_length=2_000, blank=True, db_default="", default=""
    )  #: its wording there, with {#var#}
    state = models.CharField(max_length=9, choices=State.choices, default=State.DRAFT)
    reason = models.CharField(max_length=300, blank=True, db_default="", default="")
    counted_as = models.CharField(
        max_length=14, choices=MessageTemplate.Category.choices, blank=True, db_default="", default=""
    )  #: the provider's category of it
    synced_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "template", "language"], name="template_text_one_a_language"
            )
        ]

    if TYPE_CHECKING:
        template_id: UUID
