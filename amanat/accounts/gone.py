"""Ways in and rights that ended are written down outside the database: a restored backup must not bring them back.

What comes back is recognized by what it is and when it was made: numbers of rows are given anew after a restore.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from itertools import product
from typing import Any
from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.account.signals import email_changed, email_removed
from allauth.mfa.models import Authenticator
from allauth.mfa.signals import authenticator_removed, authenticator_reset, authenticator_used

from amanat.accounts.models import Member
from amanat.accounts.permissions import Role
from amanat.core import clock, tombstones
from amanat.core.tombstones import Kind

_CODES = Authenticator.Type.RECOVERY_CODES


def factor(authenticator: Authenticator) -> UUID:
    """A second factor; recovery codes of a person are one thing, however often they are made."""
    made = b"" if authenticator.type == _CODES else authenticator.created_at.isoformat().encode()
    return tombstones.subject(authenticator.user_id.bytes, str(authenticator.type).encode(), made)


def address(user_id: UUID, email: str) -> UUID:
    return tombstones.subject(user_id.bytes, email.lower().encode())


def seat(member_id: UUID, role: str, sees: str) -> UUID:
    """A member with a role and sight."""
    return tombstones.subject(member_id.bytes, role.encode(), sees.encode())


def seats(member_id: UUID) -> Iterator[tuple[str, str, UUID]]:
    """Every role and sight there is, of one member."""
    for role, sees in product(Role.values, Member.Sees.values):
        yield role, sees, seat(member_id, role, sees)


def in_team(member_id: UUID, team_id: UUID) -> UUID:
    return tombstones.subject(member_id.bytes, team_id.bytes)


def seat_changed(member: Member, *, left: Collection[UUID], at: datetime) -> None:
    """Write down what a member is now, and the teams she left; with the open transaction."""
    here = member.workspace_id
    tombstones.record(Kind.SEAT_CHANGED, [seat(member.pk, member.role, member.sees)], at=at, workspace_id=here)
    tombstones.record(Kind.TEAM_LEFT, [in_team(member.pk, team) for team in left], at=at, workspace_id=here)


def listen() -> None:
    """Hear of it from the library that does it."""
    for signal in (authenticator_removed, authenticator_reset):
        signal.connect(_factor_gone, dispatch_uid="amanat.accounts.gone")
    authenticator_used.connect(_codes_used, dispatch_uid="amanat.accounts.gone")
    email_changed.connect(_email_changed, dispatch_uid="amanat.accounts.gone")
    email_removed.connect(_email_removed, dispatch_uid="amanat.accounts.gone")


def _factor_gone(authenticator: Authenticator, **_more: Any) -> None:
    tombstones.record(Kind.FACTOR, [factor(authenticator)], at=clock.now())


def _codes_used(authenticator: Authenticator, **_more: Any) -> None:
    """A code works once; in a backup it is not used yet."""
    if authenticator.type == _CODES:
        _factor_gone(authenticator)


def _email_changed(from_email_address: EmailAddress | None, to_email_address: EmailAddress, **_more: Any) -> None:
    if from_email_address is not None:
        _email_removed(from_email_address, user_id=to_email_address.user_id)


def _email_removed(email_address: EmailAddress, *, user_id: UUID | None = None, **_more: Any) -> None:
    gone = address(user_id or email_address.user_id, email_address.email)
    tombstones.record(Kind.ADDRESS, [gone], at=clock.now())
