"""Which numbers and mail addresses a member has shown to be her own: by the code or the link that was sent there."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from allauth.account.models import EmailAddress

from amanat.accounts.models import Member


def of(members: Sequence[UUID], *, workspace_id: UUID, kind: str) -> dict[UUID, frozenset[str]]:
    """The confirmed addresses of those of the members who still sit in the workspace; `kind` is "phone" (E.164) or "email"."""
    seats = Member.objects.of(workspace_id).filter(pk__in=members).select_related("user")
    users = {seat.pk: seat.user for seat in seats if seat.is_active and seat.user.is_active}
    if kind == "phone":
        return {
            key: frozenset({one.phone} if one.phone and one.phone_verified_at else ()) for key, one in users.items()
        }
    rows = EmailAddress.objects.filter(user__in=list(users.values()), verified=True)
    proved = list(rows.values_list("user_id", "email"))
    return {key: frozenset(email for user, email in proved if user == one.pk) for key, one in users.items()}
