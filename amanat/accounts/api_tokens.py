"""Keys for programs: `amt_<workspace, 32 hex digits>_<secret>`, of which only a hash is kept.

A token acts as the member who made it, within its scopes and never beyond her rights of the moment; it stops when it
expires, when it is revoked, when her seat ends, when her account is switched off. Tokens cannot make tokens: the page asks
for a signed-in browser.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import OuterRef, Q
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import ApiToken, Member, TeamMember
from amanat.core import clock, ledger, tenancy, tombstones

LONGEST = timedelta(days=365)
#: For tokens that may change members, which nobody signs in for afresh: docs/decisions/0009.
LONGEST_FOR_MEMBERS = timedelta(days=30)
USED_EVERY = timedelta(minutes=1)
_TOKEN = re.compile(r"(?:Bearer\s+)?amt_([0-9a-f]{32})_([A-Za-z0-9_-]{20,80})", re.IGNORECASE)


class Scope(models.TextChoices):
    """What a token may be used for, at most."""

    CONTACTS_READ = "contacts:read", _("Read contacts and companies")
    CONTACTS_WRITE = "contacts:write", _("Write contacts and companies")
    SERVICES_READ = "services:read", _("Read service records and payments")
    SERVICES_WRITE = "services:write", _("Write service records and payments")
    TASKS_READ = "tasks:read", _("Read tasks")
    TASKS_WRITE = "tasks:write", _("Write tasks")
    CASES_READ = "cases:read", _("Read support cases")
    CASES_WRITE = "cases:write", _("Write support cases")
    MESSAGES_READ = "messages:read", _("Read conversations")
    MESSAGES_WRITE = "messages:write", _("Write to people")
    REQUESTS_READ = "requests:read", _("Read requests of people")
    REQUESTS_WRITE = "requests:write", _("Take down requests of people")
    IMPORT = "import", _("Import files")
    EXPORT = "export", _("Export")
    MEMBERS_READ = "members:read", _("Read members and teams")
    MEMBERS_WRITE = "members:write", _("Invite and change members")


def make(
    *, member: Member, name: str, scopes: Iterable[str], expires_at: datetime, at: datetime
) -> tuple[ApiToken, str]:
    """A new token of `member` and its text, which is never shown again.

    Raises ValueError for an unknown scope, none, or an end that has passed or lies further ahead than `longest` allows.
    """
    chosen = sorted(set(scopes))
    if not chosen or not set(chosen) <= set(Scope.values):
        raise ValueError("scopes")
    if not at < expires_at <= at + longest(chosen):
        raise ValueError("expires_at")
    secret = secrets.token_urlsafe(32)
    token = ApiToken.objects.create(
        workspace_id=member.workspace_id,
        member=member,
        name=name,
        secret_hash=_hash(secret),
        scopes=chosen,
        created_at=at,
        expires_at=expires_at,
    )
    ledger.write(
        "accounts.token.made", workspace=member.workspace_id, by=member, about=token, at=at, scopes=chosen,
        expires_at=expires_at.isoformat(),
    )  # fmt: skip
    return token, f"amt_{member.workspace_id.hex}_{secret}"


def longest(scopes: Iterable[str]) -> timedelta:
    """How long a token with these scopes may work."""
    return LONGEST_FOR_MEMBERS if Scope.MEMBERS_WRITE in scopes else LONGEST


def revoke(*, token: ApiToken, by: Member, at: datetime) -> None:
    """The next request with it is refused."""
    if ApiToken.objects.of(token.workspace_id).filter(pk=token.pk, revoked_at__isnull=True).update(revoked_at=at):
        ledger.write("accounts.token.revoked", workspace=token.workspace_id, by=by, about=token, at=at)
        tombstones.record(tombstones.Kind.TOKEN, [token.pk], workspace_id=token.workspace_id, at=at)


def listed(workspace_id: UUID) -> list[ApiToken]:
    """Tokens that were not revoked, newest first, expired ones too."""
    rows = ApiToken.objects.of(workspace_id).filter(revoked_at__isnull=True).select_related("member")
    return list(rows.order_by("-created_at")[:200])


def workspace_of(header: str) -> UUID | None:
    """The workspace that the text of a token names, so that the caller can enter it; says nothing about its being valid."""
    found = _TOKEN.fullmatch(header.strip())
    return UUID(hex=found[1]) if found else None


def authenticate(header: str) -> tuple[UUID, ApiToken, Member] | None:
    """Workspace, token and member (with `workspace`, `user` and `team_ids`) for an Authorization header; None refuses.

    Enters the workspace by itself; called inside it already, it is part of that transaction.
    """
    found = _TOKEN.fullmatch(header.strip())
    if found is None:
        return None
    workspace_id, at = UUID(hex=found[1]), clock.now()
    with tenancy.inside(workspace_id):
        token = (
            ApiToken.objects.of(workspace_id)
            .filter(secret_hash=_hash(found[2]), revoked_at__isnull=True, expires_at__gt=at)
            .first()
        )
        if token is None:
            return None
        member = _member(token)
        if member is None:
            return None
        _note_use(token, at)
    return workspace_id, token, member


def _member(token: ApiToken) -> Member | None:
    teams = ArraySubquery(TeamMember.objects.of(token.workspace_id).filter(member_id=OuterRef("id")).values("team_id"))
    return (
        Member.objects.of(token.workspace_id)
        .filter(pk=token.member_id, ended_at__isnull=True, user__is_active=True)
        .select_related("workspace", "user")
        .annotate(team_ids=teams)  # type: ignore[no-redef]  # the model announces it
        .first()
    )


def _note_use(token: ApiToken, at: datetime) -> None:
    """Remember the time of use, to the minute: a write per request would double the cost of reading."""
    if token.last_used_at is None or at - token.last_used_at >= USED_EVERY:
        stale = Q(last_used_at__isnull=True) | Q(last_used_at__lte=at - USED_EVERY)
        ApiToken.objects.of(token.workspace_id).filter(stale, pk=token.pk).update(last_used_at=at)


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
