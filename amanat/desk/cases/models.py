"""The table of support cases. Their history stands on the timeline of the contact, by reference."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Self
from uuid import UUID

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from amanat.accounts.models import Member
from amanat.core import clock
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceQuerySet, WorkspaceRow
from amanat.desk.querysets import in_the_bin
from amanat.people.models import Contact


class SupportCaseQuerySet(WorkspaceQuerySet["SupportCase"]):
    def visible_to(self, member: Member) -> Self:
        """Need to know: everything, or one's own and those of contacts one may see."""
        if member.sees_all:
            return self
        mine = Q(owner=member) | Q(contact__owner=member)
        teams = list(getattr(member, "team_ids", ()) or ())
        return self.filter(mine | Q(contact__team__in=teams) if teams else mine)

    def for_people_here(self) -> Self:
        """Not of a contact that lies in the bin; they come back with it."""
        return self.filter(~in_the_bin(Contact, "contact_id"))

    def unsolved(self) -> Self:
        return self.filter(closed_at__isnull=True)

    def late(self, today: date) -> Self:
        """Not answered by the promised day. What waits for the customer is not late."""
        return self.filter(state=SupportCase.State.OPEN, closed_at__isnull=True, due_on__lt=today)


class SupportCase(WorkspaceRow):
    """Something that a contact asks to be put right. It is counted from its closing, and reopening takes that back."""

    class State(models.TextChoices):
        OPEN = "open", pgettext_lazy("state of a case", "Open")
        WAITING = "waiting", _("Waiting for the customer")
        CLOSED = "closed", pgettext_lazy("state of a case", "Closed")

    class Satisfaction(models.IntegerChoices):
        VERY_POOR = 1, _("1 – very unhappy")
        POOR = 2, _("2 – unhappy")
        FAIR = 3, _("3 – neither")
        GOOD = 4, _("4 – happy")
        VERY_GOOD = 5, _("5 – very happy")

    number = models.BigIntegerField()  #: counts up within the workspace
    contact = WorkspaceForeignKey(Contact, related_name="cases", verbose_name=_("contact"))
    subject = models.CharField(_("subject"), max_length=150)
    what = models.TextField(_("what happened"), max_length=10_000, blank=True, db_default="", default="")
    state = models.CharField(_("state"), max_length=7, choices=State.choices, default=State.OPEN)
    owner = WorkspaceForeignKey(Member, null=True, related_name="+", verbose_name=_("who has it"))
    #: by when the person hears from us
    due_on = models.DateField(_("answer by"))
    created_at = models.DateTimeField(default=clock.now)
    created_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    closed_at = models.DateTimeField(null=True)
    closed_by = WorkspaceForeignKey(Member, null=True, related_name="+")
    #: how it ended; stays when the case is reopened until it is closed again
    outcome = models.TextField(_("outcome"), max_length=10_000, blank=True, db_default="", default="")
    satisfaction = models.SmallIntegerField(
        _("how happy they are"), choices=Satisfaction.choices, null=True, blank=True
    )

    objects = models.Manager.from_queryset(SupportCaseQuerySet)()  # type: ignore[misc]  # the wall of WorkspaceRow with more words

    if TYPE_CHECKING:
        contact_id: UUID
        owner_id: UUID | None
        created_by_id: UUID | None
        closed_by_id: UUID | None

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["workspace_id", "number"], name="support_case_number_once"),
            models.CheckConstraint(
                condition=Q(state="closed", closed_at__isnull=False)
                | Q(closed_at__isnull=True, satisfaction__isnull=True) & ~Q(state="closed"),
                name="support_case_is_closed_at_a_moment",
            ),
            models.CheckConstraint(
                condition=Q(satisfaction__isnull=True) | Q(satisfaction__gte=1, satisfaction__lte=5),
                name="support_case_satisfaction_is_one_to_five",
            ),
        ]
        indexes = [
            models.Index(
                fields=["workspace_id", "due_on", "id"], condition=Q(closed_at__isnull=True), name="support_case_by_day"
            ),
            models.Index(
                fields=["workspace_id", "owner", "due_on", "id"],
                condition=Q(closed_at__isnull=True),
                name="support_case_by_owner",
            ),
            models.Index(
                fields=["workspace_id", "-closed_at", "-id"],
                condition=Q(closed_at__isnull=False),
                name="support_case_closed",
            ),
            models.Index(fields=["workspace_id", "contact", "-id"], name="support_case_of_contact"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} #{self.number}"

    @property
    def is_closed(self) -> bool:
        return self.closed_at is not None

    @property
    def is_waiting(self) -> bool:
        return self.state == self.State.WAITING

    def is_late(self, today: date) -> bool:
        return self.state == self.State.OPEN and self.due_on < today
