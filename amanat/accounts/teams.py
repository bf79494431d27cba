"""Teams: a member who sees only her teams' contacts sees what these teams own."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction

from amanat.accounts.models import Invitation, Member, Team, TeamMember
from amanat.core import ledger


class NameTaken(Exception):
    """Another team of the workspace has this name."""


class TeamInUse(Exception):
    """Records still name the team, so it cannot be deleted."""


@dataclass(frozen=True)
class Listed:
    """A line of the list of teams."""

    team: Team
    names: list[str]


def listed(workspace_id: UUID) -> list[Listed]:
    """The teams by name, each with the names of its members."""
    names: dict[UUID, list[str]] = defaultdict(list)
    for seat in TeamMember.objects.of(workspace_id).select_related("member").order_by("member__name"):
        names[seat.team_id].append(seat.member.name)
    return [Listed(team, names[team.pk]) for team in Team.objects.of(workspace_id).order_by("name")]


def member_ids(team: Team) -> set[UUID]:
    return set(TeamMember.objects.of(team.workspace_id).filter(team=team).values_list("member_id", flat=True))


def make(*, workspace_id: UUID, name: str, by: Member, at: datetime) -> Team:
    """Raises NameTaken."""
    try:
        with transaction.atomic():
            team = Team.objects.create(workspace_id=workspace_id, name=name, created_at=at)
    except IntegrityError:
        raise NameTaken from None
    ledger.write("accounts.team.made", workspace=workspace_id, by=by, about=team, at=at)
    return team


def rename(*, team: Team, name: str, by: Member, at: datetime) -> Team:
    """Raises NameTaken."""
    team.name = name
    try:
        with transaction.atomic():
            team.save(update_fields=["name"])
    except IntegrityError:
        raise NameTaken from None
    ledger.write("accounts.team.renamed", workspace=team.workspace_id, by=by, about=team, at=at)
    return team


def set_members(*, team: Team, member_ids: set[UUID], by: Member, at: datetime) -> None:
    """Make exactly these present members the team's."""
    workspace_id = team.workspace_id
    seats = TeamMember.objects.of(workspace_id).filter(team=team)
    present = set(seats.values_list("member_id", flat=True))
    wanted = set(
        Member.objects.of(workspace_id).filter(id__in=member_ids, ended_at__isnull=True).values_list("id", flat=True)
    )
    seats.filter(member_id__in=present - wanted).delete()
    TeamMember.objects.bulk_create(
        [
            TeamMember(workspace_id=workspace_id, team=team, member_id=member_id)
            for member_id in sorted(wanted - present)
        ],
        ignore_conflicts=True,
    )
    ledger.write(
        "accounts.team.members_changed",
        workspace=workspace_id,
        by=by,
        about=team,
        at=at,
        came=len(wanted - present),
        left=len(present - wanted),
    )


def delete(*, team: Team, by: Member, at: datetime) -> None:
    """Delete a team that nothing names but seats and invitations, which lose it. Raises TeamInUse.

    The foreign keys of records are checked at once, inside a savepoint, so that the rule can say what is in the way.
    """
    workspace_id = team.workspace_id
    try:
        with transaction.atomic():
            TeamMember.objects.of(workspace_id).filter(team=team).delete()
            Invitation.objects.of(workspace_id).filter(team=team).update(team=None)
            Team.objects.of(workspace_id).filter(pk=team.pk).delete()
            with transaction.get_connection().cursor() as cursor:
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
                cursor.execute("SET CONSTRAINTS ALL DEFERRED")
    except IntegrityError:
        raise TeamInUse from None
    ledger.write("accounts.team.deleted", workspace=workspace_id, by=by, about=team.pk, at=at)
