"""Tables: legal holds, who is due and was told, what each run did, since when nothing rests on a person's proofs."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member, User
from amanat.core import ids
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people.models import Contact

__all__ = ["HouseRun", "LegalHold", "RelianceEnd", "RetentionDue", "RetentionRun", "UserDue"]


class LegalHold(WorkspaceRow):
    """Something may not be deleted for now: a person, or all that falls under one rule of the policy's `keep`.

    It has a reason in law and a last day; who wants it longer sets a new one. Lifting it is a fact of its own.
    """

    contact = WorkspaceForeignKey(Contact, null=True, related_name="+", verbose_name=_("person"))
    keep = models.CharField(
        _("what"), max_length=40, blank=True, default=""
    )  #: a block of `keep`; "" when it is about a person
    basis = models.CharField(_("legal reason"), max_length=300)
    until = models.DateField(_("until"))  #: the last day on which it holds
    set_at = models.DateTimeField()
    set_by = WorkspaceForeignKey(Member, related_name="+")
    lifted_at = models.DateTimeField(null=True)
    lifted_by = WorkspaceForeignKey(Member, null=True, related_name="+")

    class Meta:
        db_table = "privacy_legalhold"
        indexes = [
            models.Index(
                fields=["workspace_id", "contact"], condition=Q(lifted_at__isnull=True), name="legal_hold_in_force"
            )
        ]
        constraints = [
            models.CheckConstraint(condition=~Q(basis=""), name="legal_hold_has_a_reason"),
            models.CheckConstraint(
                condition=Q(contact__isnull=True) | Q(keep=""), name="legal_hold_is_about_a_person_or_a_rule"
            ),
        ]


class RetentionDue(WorkspaceRow):
    """A person whose time is up, or will be in a moment: told before, when the rule says so, and then erased.

    A contact in between makes another day of it, and the row is closed as "contacted".
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        ORDERED = "ordered", _("Erasure ordered")
        CANCELLED = "cancelled", _("Contacted in between")

    contact = WorkspaceForeignKey(Contact, null=True, related_name="+")
    keep = models.CharField(max_length=40)
    trigger = models.CharField(max_length=40)
    due_at = models.DateTimeField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    told_at = models.DateTimeField(null=True)  #: when the warning was handed over; null: not yet
    by_way_of = models.CharField(
        max_length=10, blank=True, default=""
    )  #: email, phone, "nothing" where there is no address
    tries = models.PositiveIntegerField(default=0)
    warning_id = models.UUIDField(null=True)  #: the message that carries the warning, where an account of ours does
    came_back = models.TextField(blank=True, db_default="", default="")  #: marks of the ways that led nowhere
    closed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "privacy_retentiondue"
        constraints = [
            models.UniqueConstraint(
                fields=["workspace_id", "contact"], condition=Q(state="waiting"), name="retention_due_once_a_person"
            ),
            models.CheckConstraint(
                condition=Q(state="waiting", closed_at__isnull=True) | ~Q(state="waiting") & Q(closed_at__isnull=False),
                name="retention_due_closed_with_a_time",
            ),
        ]
        indexes = [
            models.Index(fields=["workspace_id", "due_at"], condition=Q(state="waiting"), name="retention_due_waiting"),
            models.Index(
                fields=["workspace_id", "warning_id"], condition=Q(state="waiting"), name="retention_due_warned"
            ),
        ]


class RetentionRun(WorkspaceRow):
    """One sweep through a workspace: when, by whom, and what it did. `counts`: {rule: {what: how many}}."""

    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)  #: null: under way, or its worker was killed
    by = WorkspaceForeignKey(Member, null=True, related_name="+")  #: null: the daily job
    policy_number = models.PositiveIntegerField()
    counts = models.JSONField(default=dict)
    waiting = models.JSONField(default=dict)  #: what did not go, and why: {"held": 2, "not told yet": 1}

    class Meta:
        db_table = "privacy_retentionrun"
        indexes = [models.Index(fields=["workspace_id", "-started_at"], name="retention_run_newest")]
        constraints = [
            models.CheckConstraint(
                condition=Q(ended_at__isnull=True) | Q(ended_at__gte=F("started_at")), name="retention_run_ends_later"
            )
        ]


class RelianceEnd(WorkspaceRow):
    """Since when nothing rests on the proofs of one person, because the person is not here any more."""

    watched = False

    principal = models.BinaryField(max_length=32)
    ended_at = models.DateTimeField()

    class Meta:
        db_table = "privacy_relianceend"
        constraints = [models.UniqueConstraint(fields=["workspace_id", "principal"], name="reliance_ends_once")]


class HouseRun(models.Model):
    """One sweep through what belongs to no workspace: sessions, sign-ins, users."""

    id = models.UUIDField(primary_key=True, default=ids.new, editable=False)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    counts = models.JSONField(default=dict)

    class Meta:
        db_table = "privacy_houserun"
        indexes = [models.Index(fields=["-started_at"], name="house_run_newest")]


class UserDue(models.Model):
    """A user who has been away for long and was told that her account will be closed. Signing in removes the row."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")
    due_at = models.DateTimeField()
    told_at = models.DateTimeField(null=True)
    tries = models.PositiveIntegerField(default=0)

    class Meta:
        db_table = "privacy_userdue"
