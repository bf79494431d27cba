"""Members of a workspace: who they are, how they join, what changes their role, how a seat ends.

A workspace always keeps an owner. Whatever could take the last one away first locks the workspace's row, so that two owners
who demote each other at the same moment cannot both succeed.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.db import IntegrityError, transaction
from django.db.models import Max

from amanat.accounts import gone, second_factors
from amanat.accounts.models import ApiToken, Member, Session, Team, TeamMember, User, Workspace
from amanat.accounts.permissions import Role
from amanat.core import ledger, tombstones


class LastOwner(Exception):
    """The act would leave the workspace without an owner."""


class AlreadyMember(Exception):
    """The user has a seat in this workspace."""


@dataclass
class Listed:
    """A line of the list of members."""

    member: Member
    has_second_factor: bool
    last_seen_at: datetime | None
    teams: list[Team] = field(default_factory=list)


def listed(workspace: Workspace) -> list[Listed]:
    """The present members by name, with teams, second factor and when they were last seen in this workspace."""
    members = list(
        Member.objects.of(workspace).filter(ended_at__isnull=True).select_related("user").order_by("name", "id")
    )
    user_ids = [member.user_id for member in members]
    with_factor = second_factors.who_has_one(user_ids)
    seen = dict(
        Session.objects.filter(workspace_id=workspace.pk, user_id__in=user_ids)
        .values_list("user_id")
        .annotate(seen=Max("last_seen_at"))
    )
    teams: dict[UUID, list[Team]] = defaultdict(list)
    for seat in TeamMember.objects.of(workspace).select_related("team").order_by("team__name"):
        teams[seat.member_id].append(seat.team)
    return [
        Listed(member, member.user_id in with_factor, seen.get(member.user_id), teams[member.pk]) for member in members
    ]


def join(
    *,
    workspace_id: UUID,
    user: User,
    role: str,
    at: datetime,
    sees: str = Member.Sees.ALL,
    team: Team | None = None,
) -> Member:
    """Give the user a seat. Raises AlreadyMember. Call inside the workspace."""
    try:
        with transaction.atomic():
            member = Member.objects.create(
                workspace_id=workspace_id, user=user, role=role, sees=sees, name=user.name, joined_at=at
            )
    except IntegrityError:
        raise AlreadyMember from None
    if team is not None:
        TeamMember.objects.create(workspace_id=workspace_id, team=team, member=member)
    ledger.write("accounts.member.joined", workspace=workspace_id, by=member, about=member, at=at, role=role)
    return member


def change(*, member: Member, by: Member, at: datetime, role: str, sees: str, team_ids: set[UUID]) -> Member:
    """Set role, sight and teams of a member. Raises LastOwner."""
    workspace_id = member.workspace_id
    kept = _locked(member)
    if kept.is_owner and role != Role.OWNER:
        _require_another_owner(kept)
    before = {"role": kept.role, "sees": kept.sees}
    kept.role, kept.sees = role, sees
    kept.save(update_fields=["role", "sees"])
    present = set(TeamMember.objects.of(workspace_id).filter(member=kept).values_list("team_id", flat=True))
    known = set(Team.objects.of(workspace_id).filter(id__in=team_ids).values_list("id", flat=True))
    TeamMember.objects.of(workspace_id).filter(member=kept, team_id__in=present - known).delete()
    TeamMember.objects.bulk_create(
        [TeamMember(workspace_id=workspace_id, team_id=team_id, member=kept) for team_id in sorted(known - present)],
        ignore_conflicts=True,
    )
    gone.seat_changed(kept, left=present - known, at=at)
    ledger.write(
        "accounts.member.changed", workspace=workspace_id, by=by, about=kept, at=at, before=before, role=role, sees=sees
    )
    return kept


def end(*, member: Member, by: Member | None, at: datetime) -> Member:
    """End a seat: the next request of this member is refused, her tokens stop, her calendar feed closes. Raises LastOwner.

    `by` is None when a restored backup forgot that it had ended.
    """
    kept = _locked(member)
    if kept.ended_at is not None:
        return kept
    if kept.is_owner:
        _require_another_owner(kept)
    kept.ended_at, kept.feed_secret = at, ""
    kept.save(update_fields=["ended_at", "feed_secret"])
    TeamMember.objects.of(kept.workspace_id).filter(member=kept).delete()
    ApiToken.objects.of(kept.workspace_id).filter(member=kept, revoked_at__isnull=True).update(revoked_at=at)
    Session.objects.filter(user_id=kept.user_id, workspace_id=kept.workspace_id).update(workspace_id=None)
    ledger.write("accounts.member.ended", workspace=kept.workspace_id, by=by, about=kept, at=at)
    tombstones.record(tombstones.Kind.SEAT, [kept.pk], workspace_id=kept.workspace_id, at=at)
    return kept


def _locked(member: Member) -> Member:
    """The member as it is now, with the workspace locked until the transaction ends: owners come and go one at a time."""
    Workspace.objects.of(member.workspace_id).select_for_update().get()
    return Member.objects.of(member.workspace_id).get(pk=member.pk)


def _require_another_owner(member: Member) -> None:
    others = Member.objects.of(member.workspace_id).filter(role=Role.OWNER, ended_at__isnull=True, user__is_active=True)
    if not others.exclude(pk=member.pk).exists():
        raise LastOwner
