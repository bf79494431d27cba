"""Tables of the inbox: a thread for each person over all channels, and what was said in it."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.core.models import StoredFile
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.messaging.channels.models import Channel, ChannelAccount, TemplateText
from amanat.people.models import Contact

__all__ = ["CannedReply", "Mention", "Message", "MessageFile", "MessageWords", "ReplyDraft", "Thread"]


class Thread(WorkspaceRow):
    """The conversation with one person, whatever it travels over. There is one for each contact who ever wrote or was written to."""

    contact = WorkspaceForeignKey(Contact, related_name="+")
    assigned_to = WorkspaceForeignKey(Member, null=True, related_name="+")
    last_message = WorkspaceForeignKey("messaging.Message", null=True, related_name="+")
    last_at = models.DateTimeField()  #: of the newest message
    unread = models.PositiveIntegerField(default=0, db_default=0)  #: messages of the person that nobody opened
    waiting_since = models.DateTimeField(null=True)  #: of the first message of the person that nobody answered
    snoozed_until = models.DateTimeField(null=True)
    closed_at = models.DateTimeField(null=True)
    #: until when WhatsApp lets us answer freely; 24 hours after the person's last message there
    window_until = models.DateTimeField(null=True)
    window_account = WorkspaceForeignKey(ChannelAccount, null=True, related_name="+")
    #: {channel: number or address} the person last wrote from: answers go there
    addresses = models.JSONField(default=dict, db_default={})

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id", "contact"], name="thread_one_per_contact")]
        indexes = [
            models.Index(
                fields=["workspace_id", "-last_at", "-id"], condition=Q(closed_at__isnull=True), name="thread_newest"
            ),
            models.Index(
                fields=["workspace_id", "assigned_to", "-last_at", "-id"],
                condition=Q(closed_at__isnull=True),
                name="thread_of_member",
            ),
            models.Index(
                fields=["workspace_id", "-last_at", "-id"], condition=Q(closed_at__isnull=False), name="thread_closed"
            ),
            models.Index(
                fields=["workspace_id", "snoozed_until"],
                condition=Q(snoozed_until__isnull=False),
                name="thread_snoozed",
            ),
            models.Index(
                fields=["workspace_id", "assigned_to"],
                condition=Q(unread__gt=0, closed_at__isnull=True),
                name="thread_unread",
            ),
        ]

    if TYPE_CHECKING:
        contact_id: UUID
        assigned_to_id: UUID | None
        last_message_id: UUID | None
        window_account_id: UUID | None


class Message(WorkspaceRow):
    """One thing said in a thread: by the person, by the workspace, or a private note. The sending of ours is its `Dispatch`.

    What was said is sealed. Rows of the provider's own id arrive once: (account, provider_id) is unique. What a member had sent to
    her own number, to see it, stands in no thread and is about no contact.
    """

    class Direction(models.TextChoices):
        IN = "in", _("From the person")
        OUT = "out", _("To the person")
        NOTE = "note", _("Private note")

    class Kind(models.TextChoices):
        TEXT = "text", _("Text")
        TEMPLATE = "template", _("Template")
        MEDIA = "media", _("File")
        BUTTONS = "buttons", _("Buttons")  #: or a list: a text with choices below it
        CHOICE = "choice", _("Choice")  #: a button or an entry of a list that the person chose
        REACTION = "reaction", _("Reaction")
        LOCATION = "location", _("Place")
        INTENDED = "intended", _("Written or called from a phone of ours")  #: a wa.me or tel: link that was opened
        OTHER = "other", _("Something this inbox cannot show")

    goes_with = ("thread_id", "contact_id")  #: what stood in a thread goes with it: it never becomes a test to oneself

    thread = WorkspaceForeignKey(Thread, null=True, related_name="+")
    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")
    channel = models.CharField(
        max_length=10, choices=[*Channel.choices, ("call", _("Call"))], blank=True
    )  #: "" of a note
    account = WorkspaceForeignKey(ChannelAccount, null=True, related_name="+")
    direction = models.CharField(max_length=4, choices=Direction.choices)
    kind = models.CharField(max_length=8, choices=Kind.choices, default=Kind.TEXT)
    subject = models.BinaryField(max_length=2_000, null=True)
    body = models.BinaryField(max_length=120_000, null=True)
    html = models.BinaryField(max_length=600_000, null=True)  #: sealed, cleaned: of an e-mail
    #: sealed: what is offered to be tapped, as `inbox.choices` writes it
    choices = models.BinaryField(max_length=10_000, null=True)
    language = models.CharField(max_length=10, blank=True, db_default="", default="")
    by = WorkspaceForeignKey(Member, null=True, related_name="+")  #: null: the person, or the program
    text_of = WorkspaceForeignKey(TemplateText, null=True, related_name="+")
    answers = WorkspaceForeignKey("self", null=True, related_name="+")
    provider_id = models.CharField(
        max_length=250, blank=True, db_default="", default=""
    )  #: wamid, Message-ID, report id
    happened_at = models.DateTimeField()  #: when it was said, by the provider's clock for theirs
    created_at = models.DateTimeField(default=clock.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "account", "provider_id"],
                condition=~Q(provider_id=""),
                name="message_arrives_once",
            ),
            models.CheckConstraint(
                condition=Q(thread__isnull=False, contact__isnull=False)
                | Q(thread__isnull=True, contact__isnull=True, direction="out", by__isnull=False),
                name="message_of_a_thread_or_to_oneself",
            ),
        ]
        indexes = [models.Index(fields=["workspace_id", "thread", "-happened_at", "-id"], name="message_of_thread")]

    if TYPE_CHECKING:
        thread_id: UUID | None
        contact_id: UUID  #: None of what stands in no thread, which no part but the outbox and its maker read
        account_id: UUID | None
        text_of_id: UUID | None
        answers_id: UUID | None
        by_id: UUID | None


class MessageWords(WorkspaceRow):
    """What a message is found by: keyed hashes of its words, for its body is sealed. `id` is the message's, so the newest come last."""

    watched = False
    searched = True

    message = WorkspaceForeignKey(Message, related_name="+")
    contact = WorkspaceForeignKey(Contact, related_name="+")
    words = ArrayField(models.BigIntegerField())

    class Meta:
        indexes = [GinIndex(fields=["words"], name="message_words_by_word")]

    if TYPE_CHECKING:
        message_id: UUID
        contact_id: UUID


class Mention(WorkspaceRow):
    """A member named in a private note, until she has seen it."""

    thread = WorkspaceForeignKey(Thread, related_name="+")
    message = WorkspaceForeignKey(Message, related_name="+")
    member = WorkspaceForeignKey(Member, related_name="+")
    created_at = models.DateTimeField(default=clock.now)
    seen_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "member"], condition=Q(seen_at__isnull=True), name="mention_unseen")
        ]

    if TYPE_CHECKING:
        thread_id: UUID
        message_id: UUID
        member_id: UUID


class MessageFile(WorkspaceRow):
    """A file that came or went with a message. `file` is null until it was fetched from the provider."""

    message = WorkspaceForeignKey(Message, related_name="files")
    file = WorkspaceForeignKey(StoredFile, null=True, related_name="+")
    provider_id = models.CharField(max_length=250, blank=True, db_default="", default="")
    name = models.CharField(max_length=200, blank=True, db_default="", default="")
    content_type = models.CharField(max_length=100, blank=True, db_default="", default="")
    trouble = models.CharField(max_length=200, blank=True, db_default="", default="")  #: why it could not be taken in
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "message", "position"], name="message_files_in_order")]

    if TYPE_CHECKING:
        message_id: UUID
        file_id: UUID | None


class CannedReply(WorkspaceRow):
    """A reply that is written again and again; `shortcut` is what is typed after a slash."""

    shortcut = models.CharField(max_length=30)
    body = models.TextField(max_length=4_096)
    language = models.CharField(max_length=10, blank=True, db_default="", default="")
    made_by = WorkspaceForeignKey(Member, null=True, related_name="+")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "shortcut", "language"], name="canned_reply_one_per_shortcut"
            )
        ]


class ReplyDraft(WorkspaceRow):
    """What a member began to write in a thread; sealed, one for each member and thread. `touched_at` tells others who is writing."""

    watched = False

    thread = WorkspaceForeignKey(Thread, related_name="+")
    member = WorkspaceForeignKey(Member, related_name="+")
    channel = models.CharField(max_length=10, blank=True, db_default="", default="")
    body = models.BinaryField(max_length=20_000, null=True)
    touched_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "thread", "member"], name="reply_draft_one_each")
        ]

    if TYPE_CHECKING:
        thread_id: UUID
        member_id: UUID
