"""The alarm on a token that reads a great many contacts: once an hour it is written down and mailed to the owners.

Reading is not stopped, for a first synchronisation looks the same; but who owns the data hears of it within the minute.
"""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts import alarms
from amanat.accounts.models import ApiToken, Member
from amanat.core import clock, ledger, limits
from amanat.core.limits import Limit

#: More contacts than this in an hour raise the alarm.
ALARM = Limit(5_000, timedelta(hours=1), per="token")


def count(*, token: ApiToken, member: Member, contacts: int) -> None:
    """Note that `token` was given so many contacts. Call inside the workspace, in the request's transaction."""
    if not contacts:
        return
    read = limits.spend("bulk read", str(token.pk), ALARM, cost=contacts).tries
    if read > ALARM.tries >= read - contacts:
        _alarm(token, member, read)


def _alarm(token: ApiToken, member: Member, read: int) -> None:
    workspace_id, at = token.workspace_id, clock.now()
    ledger.write("accounts.token.bulk_read", workspace=workspace_id, by=member, about=token, at=at, contacts=read)
    facts = {"token": token.name, "count": read, "member": member.name, "workspace": member.workspace.name}
    subject = _("The API token %(token)s has read %(count)d contacts within an hour") % facts
    body = _(
        "Namaste,\n\nthe API token “%(token)s” of %(member)s in %(workspace)s has read %(count)d contacts within an hour.\n\n"
        "If a program of yours is taking over contacts, all is well. If not, revoke the token at once: %(url)s\n"
    ) % {**facts, "url": settings.BASE_URL + reverse("accounts:tokens")}
    alarms.tell_owners(workspace_id, subject=subject, body=body)
