"""Which rows: who may see them, what lies in the bin, what is open, what is owed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from django.db.models import Exists, OuterRef, Q

from amanat.accounts.models import Member
from amanat.core.tenancy import WorkspaceQuerySet
from amanat.people.models import Company, Contact

if TYPE_CHECKING:
    from amanat.desk.models import Paper, ServiceRecord, Task  # noqa: F401 (named below as text)

#: States of a service that is not finished.
IN_HAND = ("open", "waiting", "submitted", "ready")
CLOSED = ("delivered", "refused", "cancelled")
CANCELLED = "cancelled"


def _of_visible_people(member: Member) -> Q:
    """Rows whose contact or company the member may see: their own and those of their teams."""
    mine = Q(contact__owner=member) | Q(company__owner=member)
    teams = list(getattr(member, "team_ids", ()) or ())
    return mine | Q(contact__team__in=teams) | Q(company__team__in=teams) if teams else mine


def in_the_bin(model: type[Contact] | type[Company], column: str) -> Exists:
    """By EXISTS, which looks at the few rows of the bin; a join would look up every person of a long list."""
    people = model.objects.filter(workspace_id=OuterRef("workspace_id"), pk=OuterRef(column))
    return Exists(people.filter(deleted_at__isnull=False))


def _for_people_here() -> tuple[Q, ...]:
    """Not about a contact, or a firm when there is no contact, that lies in the bin; such rows come back with it."""
    return (
        Q(~in_the_bin(Contact, "contact_id")),
        Q(contact__isnull=False) | Q(~in_the_bin(Company, "company_id")),
    )


class ServiceRecordQuerySet(WorkspaceQuerySet["ServiceRecord"]):
    def visible_to(self, member: Member) -> Self:
        """Need to know: everything, or the records of contacts the member may see and those that are theirs to do."""
        if member.sees_all:
            return self
        return self.filter(Q(owner=member) | _of_visible_people(member))

    def alive(self) -> Self:
        """Those that are not in the bin, nor is whom they are for."""
        return self.filter(deleted_at__isnull=True).for_people_here()

    def for_people_here(self) -> Self:
        return self.filter(*_for_people_here())

    def in_hand(self) -> Self:
        return self.filter(status__in=IN_HAND)

    def owed(self) -> Self:
        """Those for which money is still to come: not cancelled ones, nor those of an erased person, whom nobody can ask."""
        return self.filter(balance_paise__gt=0, erased_at__isnull=True).exclude(status=CANCELLED)


class TaskQuerySet(WorkspaceQuerySet["Task"]):
    def visible_to(self, member: Member) -> Self:
        """One's own, those one wrote, and those of people one may see; of tasks about nobody, also what nobody has taken."""
        if member.sees_all:
            return self
        about_nobody = Q(contact__isnull=True, company__isnull=True, record__isnull=True, assignee__isnull=True)
        return self.filter(Q(assignee=member) | Q(created_by=member) | about_nobody | _of_visible_people(member))

    def for_people_here(self) -> Self:
        return self.filter(*_for_people_here())

    def open(self) -> Self:
        """Still to be done. A task of somebody who lies in the bin is not, until they come back."""
        return self.filter(done_at__isnull=True, cancelled_at__isnull=True).for_people_here()

    def assigned_or_free(self, member: Member) -> Self:
        """Assigned to the member, or to nobody yet."""
        return self.filter(Q(assignee=member) | Q(assignee__isnull=True))


class PaperQuerySet(WorkspaceQuerySet["Paper"]):
    def visible_to(self, member: Member) -> Self:
        if member.sees_all:
            return self
        teams = list(getattr(member, "team_ids", ()) or ())
        mine = Q(contact__owner=member) | Q(record__owner=member) | Q(record__company__owner=member)
        theirs = Q(contact__team__in=teams) | Q(record__company__team__in=teams)
        return self.filter(mine | theirs if teams else mine)

    def kept(self) -> Self:
        return self.filter(gone_at__isnull=True)

    def for_people_here(self) -> Self:
        return self.filter(~in_the_bin(Contact, "contact_id"))
