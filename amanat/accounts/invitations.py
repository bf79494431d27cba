"""Invitations by link: for one e-mail address, once, within seven days.

The link holds the workspace and a secret of which only the hash is stored. It brings in nobody but the person invited: her
account must have confirmed the invited address, so a forwarded or overheard link opens nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta
from uuid import UUID

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse

from amanat.accounts import mails, members
from amanat.accounts.models import Invitation, Member, Team, User
from amanat.core import ledger, tenancy

VALID_FOR = timedelta(days=7)


class InvitationOver(Exception):
    """The invitation was used, withdrawn or has expired."""


class OtherEmail(Exception):
    """The user's confirmed address is not the invited one."""


def send(
    *,
    workspace_id: UUID,
    email: str,
    role: str,
    by: Member,
    at: datetime,
    name: str = "",
    sees: str = Member.Sees.ALL,
    team: Team | None = None,
) -> tuple[Invitation, str]:
    """Invite `email`; returns the invitation and its link, which is sent by mail and can be shown once.

    Raises AlreadyMember. An earlier open invitation for the address is withdrawn.
    """
    email = email.strip().lower()
    if Member.objects.of(workspace_id).filter(ended_at__isnull=True, user__email=email).exists():
        raise members.AlreadyMember
    _open(workspace_id, at).filter(email=email).update(withdrawn_at=at)
    secret = secrets.token_urlsafe(24)
    invitation = Invitation.objects.create(
        workspace_id=workspace_id,
        email=email,
        name=name,
        role=role,
        sees=sees,
        team=team,
        invited_by=by,
        secret_hash=_hash(secret),
        created_at=at,
        expires_at=at + VALID_FOR,
    )
    ledger.write("accounts.invitation.sent", workspace=workspace_id, by=by, about=invitation, at=at, role=role)
    return invitation, _mail(invitation, secret, by)


def send_again(*, invitation: Invitation, by: Member, at: datetime) -> str:
    """A new link for the same invitation; the old one stops working. Raises InvitationOver when it was used or withdrawn."""
    secret = secrets.token_urlsafe(24)
    changed = (
        Invitation.objects.of(invitation.workspace_id)
        .filter(pk=invitation.pk, accepted_at__isnull=True, withdrawn_at__isnull=True)
        .update(secret_hash=_hash(secret), expires_at=at + VALID_FOR)
    )
    if not changed:
        raise InvitationOver
    ledger.write("accounts.invitation.sent_again", workspace=invitation.workspace_id, by=by, about=invitation, at=at)
    return _mail(invitation, secret, by)


def withdraw(*, invitation: Invitation, by: Member, at: datetime) -> None:
    """Nothing happens when it was used meanwhile."""
    changed = (
        Invitation.objects.of(invitation.workspace_id)
        .filter(pk=invitation.pk, accepted_at__isnull=True, withdrawn_at__isnull=True)
        .update(withdrawn_at=at)
    )
    if changed:
        ledger.write("accounts.invitation.withdrawn", workspace=invitation.workspace_id, by=by, about=invitation, at=at)


def waiting(workspace_id: UUID) -> list[Invitation]:
    """Those neither used nor withdrawn, expired ones too, newest first."""
    rows = Invitation.objects.of(workspace_id).filter(accepted_at__isnull=True, withdrawn_at__isnull=True)
    return list(rows.select_related("invited_by", "team").order_by("-created_at")[:200])


def by_secret(*, workspace_id: UUID, secret: str, at: datetime) -> Invitation | None:
    """The open invitation of a link. Call inside the workspace the link names."""
    return _open(workspace_id, at).filter(secret_hash=_hash(secret)).select_related("invited_by").first()


def accept(*, workspace_id: UUID, secret: str, user: User, at: datetime) -> Member:
    """Take the seat. Raises InvitationOver, OtherEmail or AlreadyMember; of parallel calls one succeeds."""
    with tenancy.inside(workspace_id):
        invitation = by_secret(workspace_id=workspace_id, secret=secret, at=at)
        if invitation is None:
            raise InvitationOver
        if not is_for(invitation, user):
            raise OtherEmail
        with transaction.atomic():
            if not _open(workspace_id, at).filter(pk=invitation.pk).update(accepted_at=at):
                raise InvitationOver
            return members.join(
                workspace_id=workspace_id,
                user=user,
                role=invitation.role,
                sees=invitation.sees,
                team=invitation.team,
                at=at,
            )


def is_for(invitation: Invitation, user: User) -> bool:
    return bool(EmailAddress.objects.filter(user=user, verified=True, email=invitation.email).exists())


def _open(workspace_id: UUID, at: datetime) -> tenancy.WorkspaceQuerySet[Invitation]:
    rows: tenancy.WorkspaceQuerySet[Invitation] = Invitation.objects.of(workspace_id).filter(
        accepted_at__isnull=True, withdrawn_at__isnull=True, expires_at__gt=at
    )
    return rows


def _mail(invitation: Invitation, secret: str, by: Member) -> str:
    url = settings.BASE_URL + reverse("accounts:join", args=[invitation.workspace_id, secret])
    subject, body = mails.invitation(
        workspace=by.workspace.name, by=by.name, role=invitation.get_role_display(), url=url, days=VALID_FOR.days
    )
    message = EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [invitation.email])
    transaction.on_commit(message.send)
    return url


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
