"""After a restore: ways in that were closed since the backup are closed again, and rights that were taken are taken again.

- Passkeys, authenticator apps and recovery codes that were removed go; so do recovery codes of which one was used since.
- An e-mail address that was left for another gives way to one that reaches nobody: the new one is not in the backup, and whoever has the
  old mailbox could ask for a new password. Its user comes in with a passkey, or the owner invites the new address.
- Members have the role, the sight and the teams that they had last. Invitations that were open in the backup are withdrawn.
"""

from datetime import datetime
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator

from amanat.accounts import gone
from amanat.accounts.models import Invitation, Member, TeamMember, User
from amanat.accounts.permissions import Role
from amanat.core.tombstones import Kind, Tombstones

#: RFC 2606: no mail is ever delivered there.
NOWHERE = "restored.invalid"


def factors(ended: Tombstones, *, since: datetime) -> int:
    """Remove the factors that ended; returns how many. In the caller's transaction."""
    return sum(
        one.delete()[0]
        for one in Authenticator.objects.order_by("pk").iterator(chunk_size=500)
        if _is_since(ended.ended_at(Kind.FACTOR, gone.factor(one)), since)
    )


def addresses(ended: Tombstones, *, since: datetime) -> int:
    """Void the addresses that were left; returns how many."""
    count = 0
    for one in EmailAddress.objects.select_related("user").order_by("pk").iterator(chunk_size=500):
        if not _is_since(ended.ended_at(Kind.ADDRESS, gone.address(one.user_id, one.email)), since):
            continue
        nowhere = f"{one.user_id}@{NOWHERE}"
        User.objects.filter(pk=one.user_id, email__iexact=one.email).update(email=nowhere)
        if EmailAddress.objects.filter(user_id=one.user_id, email=nowhere).exists():
            one.delete()
        else:
            EmailAddress.objects.filter(pk=one.pk).update(email=nowhere)
        count += 1
    return count


def seats(ended: Tombstones, workspace: UUID, *, since: datetime, at: datetime) -> int:
    """Roles, sight and teams as they were last; returns how many members changed. A workspace is never left without an owner."""
    present = list(Member.objects.of(workspace).filter(ended_at__isnull=True))
    owners = [one.pk for one in present if one.role == Role.OWNER]
    changed: list[Member] = []
    for one in present:
        if (last := _last(ended, one, since)) not in {None, (one.role, one.sees)}:
            assert last is not None
            one.role, one.sees = last
            changed.append(one)
    if owners and not any(one.role == Role.OWNER for one in present):
        changed = [
            one for one in changed if one.pk not in owners
        ]  # those who became owners since are not in the backup
    Member.objects.of(workspace).bulk_update(changed, ["role", "sees"])
    left = [
        one.pk
        for one in TeamMember.objects.of(workspace)
        if _is_since(
            ended.ended_at(Kind.TEAM_LEFT, gone.in_team(one.member_id, one.team_id), workspace_id=workspace), since
        )
    ]
    TeamMember.objects.of(workspace).filter(pk__in=left).delete()
    Invitation.objects.of(workspace).filter(accepted_at__isnull=True, withdrawn_at__isnull=True).update(withdrawn_at=at)
    return len(changed) + len(left)


def _last(ended: Tombstones, member: Member, since: datetime) -> tuple[str, str] | None:
    found = [
        (at, role, sees)
        for role, sees, subject in gone.seats(member.pk)
        if (at := ended.ended_at(Kind.SEAT_CHANGED, subject, workspace_id=member.workspace_id)) is not None
        and at >= since
    ]
    return max(found)[1:] if found else None


def _is_since(at: datetime | None, since: datetime) -> bool:
    return at is not None and at >= since
