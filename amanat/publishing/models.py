"""Tables of the policy of a workspace: its versions for ever, the draft of the next one, the mails that told people of it."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q

from amanat.accounts.models import Member
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow


class PolicyVersion(WorkspaceRow):
    """A policy as it was published. It never changes; which one holds at a moment follows from the times alone.

    The one that holds is the highest number that has taken effect. A later version that takes effect sooner thereby
    withdraws an earlier one that people were only told of.
    """

    append_only = True

    number = models.PositiveIntegerField()  #: from 1 in each workspace
    source = models.TextField()  #: the file as its author wrote it
    document = models.TextField()  #: its JSON in the file's order, with the computed head
    digest = models.CharField(max_length=64)  #: SHA-256 of the canonical JSON of `document`, hex
    replaces = models.PositiveIntegerField()  #: the number that held, or would have held, before it
    published_at = models.DateTimeField()
    effective_at = models.DateTimeField()
    published_by = WorkspaceForeignKey(Member, null=True, related_name="+")  #: null: by the operator's command
    is_material = models.BooleanField()
    #: what differs from `replaces`: [{"path", "direction", "sentence", "reason"}, ...]
    changes = models.JSONField(default=list)
    #: {purpose: number}: a consent to the purpose counts when its notice showed this version or a later one
    asks_anew = models.JSONField(default=dict)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "number"], name="policy_version_once_a_number"),
            models.CheckConstraint(condition=Q(number__gte=1), name="policy_version_from_one"),
            models.CheckConstraint(condition=Q(replaces__lt=F("number")), name="policy_version_replaces_an_earlier"),
            models.CheckConstraint(
                condition=Q(effective_at__gte=F("published_at")), name="policy_version_never_holds_before_it_is_public"
            ),
        ]

    def __str__(self) -> str:
        return f"version {self.number}"


class PolicyDraft(WorkspaceRow):
    """The next policy, being written; one a workspace."""

    source = models.TextField()
    based_on = models.PositiveIntegerField()  #: the number it was begun from; 0: a ready one
    edited_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    edited_at = models.DateTimeField()
    #: grows with every change: who saves names the one she read, so of two at once the second is told
    revision = models.PositiveIntegerField(default=1)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace_id"], name="policy_draft_one_a_workspace")]


class AddressCheck(WorkspaceRow):
    """A code sent to an address that the policy publishes; typed in here, it shows that mail to it arrives and is read."""

    address = models.EmailField(max_length=254)  #: as the policy says it, in lower case
    code = models.BinaryField(max_length=32)  #: keyed hash
    sent_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    sent_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    confirmed_at = models.DateTimeField(null=True)  #: null: not yet
    confirmed_by = WorkspaceForeignKey(Member, null=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "address", "-sent_at"], name="address_check_latest_first")]
        constraints = [
            models.CheckConstraint(
                condition=Q(confirmed_at__isnull=True) | Q(confirmed_at__gte=F("sent_at")),
                name="address_confirmed_after_the_code_was_sent",
            ),
        ]


class PolicyMail(WorkspaceRow):
    """One member who is told of one version by e-mail. A row with a due time, so that a stop loses none and repeats none."""

    version = WorkspaceForeignKey(PolicyVersion, related_name="mails")
    member = WorkspaceForeignKey(Member, related_name="+")
    due_at = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)  #: null: not yet
    tries = models.PositiveIntegerField(default=0)
    #: who left before it was due is not written to
    dropped_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "version", "member"], name="policy_mail_once_a_member"),
        ]
        indexes = [
            models.Index(
                fields=["workspace_id", "due_at"],
                name="policy_mail_open",
                condition=Q(sent_at__isnull=True, dropped_at__isnull=True),
            )
        ]
