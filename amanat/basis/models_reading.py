"""Tables of reading: masked values that were opened, and what was asked for outside a purpose."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people.models import Contact


class Opening(WorkspaceRow):
    """A member opened a value that her role sees masked, or the data of a restricted person: what, why, until when."""

    append_only = True
    may_be_filled_later = ("contact_id",)
    watched = False  #: the rule that makes it writes its own entry into the ledger

    class Reason(models.TextChoices):
        SERVICE = "service", _("For a service the person asked for")
        CHECK = "check", _("To check who the person is")
        REQUEST = "request", _("The person asked about their own data")
        CLAIM = "claim", _("For a legal claim")
        LAW = "law", _("A law or an authority demands it")

    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")
    principal = models.BinaryField(max_length=32)  #: keyed hash of the contact's id
    by = WorkspaceForeignKey(Member, related_name="+")
    field = models.CharField(max_length=80)  #: "birthday", "custom.aadhaar"; "*" is everything of a restricted person
    purpose = models.CharField(max_length=40)
    reason = models.CharField(max_length=10, choices=Reason.choices)
    words = models.CharField(max_length=300)
    at = models.DateTimeField()
    ends_at = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["workspace_id", "contact", "-at", "-id"], name="opening_newest_first"),
            models.Index(fields=["workspace_id", "by", "contact", "-ends_at"], name="opening_in_force"),
        ]
        constraints = [models.CheckConstraint(condition=~Q(words=""), name="opening_says_why")]


class Withholding(WorkspaceRow):
    """A field that a purpose does not need was asked for and came back empty: once a day for each member, purpose and field."""

    append_only = True
    watched = False

    by = WorkspaceForeignKey(Member, related_name="+")
    purpose = models.CharField(max_length=40)
    field = models.CharField(max_length=80)
    policy_version = models.PositiveIntegerField()
    on = models.DateField()
    at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["workspace_id", "-at"], name="withholding_newest")]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "by", "purpose", "field", "on"], name="withholding_once_a_day"
            )
        ]
