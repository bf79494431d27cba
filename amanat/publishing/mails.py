"""Telling the members of a workspace of a new version, before it holds.

A mail is a row with a due time, written with the version itself. The sweep takes one row at a time, locks it, sends, and notes the time
in the same transaction: whatever stops it, the rest is sent by the next, and nothing twice. (A mail server that took a mail whose
transaction then failed sees the same Message-ID again.)
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.mail import EmailMessage
from django.db import connection
from django.urls import reverse
from django.utils import translation
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Workspace
from amanat.core import clock, tenancy
from amanat.core.tenancy import HasId, WorkspaceQuerySet
from amanat.policy import references
from amanat.publishing import comparing, versions
from amanat.publishing.models import PolicyMail, PolicyVersion

log = logging.getLogger(__name__)

#: Sentences a mail quotes; the page has them all.
QUOTED = 12
_LONGEST_WAIT = timedelta(hours=1)


def order(version: PolicyVersion, *, at: datetime) -> int:
    """A row for each present member; call it in the transaction that publishes. Returns how many."""
    members = Member.objects.of(version.workspace_id).filter(ended_at__isnull=True)
    rows = [
        PolicyMail(workspace_id=version.workspace_id, version=version, member=member, due_at=at) for member in members
    ]
    return len(PolicyMail.objects.bulk_create(rows))


def waiting() -> list[UUID]:
    """Ids of the workspaces that have mails to send."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspaces_with_policy_mail(%s)", [clock.now()])
        return [row[0] for row in cursor.fetchall()]


def send_due(workspace: HasId | UUID, *, at: datetime) -> int:
    """Send what is due in one workspace, a transaction a mail; returns how many were sent."""
    sent = 0
    while (outcome := _send_next(tenancy.workspace_id_of(workspace), at)) is not None:
        sent += outcome
    return sent


def open_of(workspace: HasId | UUID) -> WorkspaceQuerySet[PolicyMail]:
    """Mails not sent yet."""
    rows: WorkspaceQuerySet[PolicyMail] = PolicyMail.objects.of(workspace).filter(
        sent_at__isnull=True, dropped_at__isnull=True
    )
    return rows


def _send_next(here: UUID, at: datetime) -> int | None:
    """1: sent; 0: it could not be sent, or its member is gone; None: nothing is due."""
    with tenancy.inside(here):
        mail = (
            open_of(here)
            .filter(due_at__lte=at)
            .order_by("due_at", "id")
            .select_for_update(skip_locked=True, of=("self",))
            .select_related("version", "member__user")
            .first()
        )
        if mail is None:
            return None
        member = mail.member
        if not member.is_active or not member.user.is_active:
            mail.dropped_at = at
            mail.save(update_fields=["dropped_at"])
            return 0
        message = _message(mail)
        try:
            message.send()
        except OSError as problem:  # what smtplib raises; the next try comes by itself
            mail.tries += 1
            mail.due_at = at + min(timedelta(minutes=2**mail.tries), _LONGEST_WAIT)
            mail.save(update_fields=["tries", "due_at"])
            log.warning("a mail about a policy was not sent", extra={"problem": type(problem).__name__})
            return 0
        mail.sent_at = at
        mail.save(update_fields=["sent_at"])
        return 1


def _message(mail: PolicyMail) -> EmailMessage:
    user, version = mail.member.user, mail.version
    with translation.override(user.language):
        subject, body = written(version, language=translation.get_language() or "en")
    identity = f"<{mail.pk}@{settings.CONFIGURATION.host_name}>"
    return EmailMessage(
        " ".join(subject.split()), body, settings.DEFAULT_FROM_EMAIL, [user.email], headers={"Message-ID": identity}
    )


def written(version: PolicyVersion, *, language: str, closing: str = "") -> tuple[str, str]:
    """Subject and body in the language that is active. Quotes the sentences that differ, as the page says them. `closing` says what
    the reader can do; without it, what a member can."""
    workspace = Workspace.objects.of(version.workspace_id).get()
    after, before = versions.of_row(version), versions.numbered(version.workspace_id, version.replaces)
    spoken = language if language in after.policy.head.langs else "en"
    differing = comparing.sentences(before.policy, after.policy, spoken)
    day = references.day_in_words(version.effective_at.astimezone(ZoneInfo(workspace.time_zone)).date(), language)
    facts = {"workspace": workspace.name, "day": day, "number": version.number}
    said = [f"– {one.after}" if one.after else f"– {_('Removed:')} {one.before}" for one in differing[:QUOTED]]
    parts = [
        _("Namaste,"),
        _(
            "the privacy policy of %(workspace)s changes. Version %(number)s holds from %(day)s. These sentences are new:"
        )
        % facts
        if said
        else _("the privacy policy of %(workspace)s changes. Version %(number)s holds from %(day)s.") % facts,
        "\n".join(said),
        _("All of it, with every earlier version and what differs: %(url)s") % {"url": address(version)},
        closing
        or _(
            "Silence is not taken for a yes: whatever needs your agreement is asked for again. If you do not want to go on, you can "
            "take your data with you and close your account before that day."
        ),
    ]
    return _("The privacy policy of %(workspace)s changes on %(day)s") % facts, "\n\n".join(filter(None, parts)) + "\n"


def address(version: PolicyVersion) -> str:
    """The public address of a version's page."""
    page = reverse("publishing:public_version", args=[version.workspace_id, version.number])
    return f"{settings.BASE_URL}{page}"
