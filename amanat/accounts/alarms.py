"""Mails to the owners of a workspace about what a token of theirs does."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import transaction
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.models import ApiToken, Member
from amanat.accounts.permissions import Role
from amanat.core import limits
from amanat.core.limits import Limit

#: A token that changes many members is one mail an hour; the ledger has each change.
MEMBERS_CHANGED = Limit(1, timedelta(hours=1), per="token")


def tell_owners(workspace_id: UUID, *, subject: str, body: str) -> None:
    """Mail each present owner once this transaction is through. Call inside the workspace."""
    owners = Member.objects.of(workspace_id).filter(role=Role.OWNER, ended_at__isnull=True, user__is_active=True)
    for address in sorted(owners.values_list("user__email", flat=True)):
        message = EmailMessage(" ".join(subject.split()), body, settings.DEFAULT_FROM_EMAIL, [address])
        transaction.on_commit(message.send)


def members_changed(*, token: ApiToken, member: Member) -> None:
    """A token has invited, changed or removed somebody: the owners hear of it, for nobody signed in for it."""
    if not limits.spend("members changed", str(token.pk), MEMBERS_CHANGED).allowed:
        return
    facts = {"token": token.name, "member": member.name, "workspace": member.workspace.name}
    body = _(
        "Namaste,\n\nthe API token “%(token)s” of %(member)s has invited, changed or removed members of %(workspace)s. What it did "
        "stands in the ledger: %(ledger)s\n\nIf a program of yours keeps the members, all is well. If not, revoke the token at "
        "once: %(tokens)s\n"
    ) % {
        **facts,
        "ledger": settings.BASE_URL + reverse("oversight:ledger"),
        "tokens": settings.BASE_URL + reverse("accounts:tokens"),
    }
    tell_owners(token.workspace_id, subject=_("The API token %(token)s has changed members") % facts, body=body)
