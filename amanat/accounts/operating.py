"""Telling the owners of the installation (of its first workspace) that its backups fail: on the page of jobs, and by a mail each day."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils.translation import gettext, gettext_lazy, override

from amanat.accounts import access
from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.core import clock, safekeeping, tenancy
from amanat.core.safekeeping import Trouble

WORDS = {
    Trouble.BACKUP_FAILED: gettext_lazy("The last nightly backup failed."),
    Trouble.BACKUP_STALE: gettext_lazy("No backup was made for more than a day."),
    Trouble.ARCHIVE_FAILED: gettext_lazy("The archive, from which any moment can be restored, cannot be kept."),
    Trouble.ARCHIVE_STALE: gettext_lazy("The archive, from which any moment can be restored, has come to a stop."),
}


def troubles_for(workspace: Workspace) -> list[str]:
    """Sentences about the copies, for the workspace whose owners run the installation; empty for the others."""
    found = _troubles()
    return [str(WORDS[one]) for one in found] if found and workspace.pk == _first_workspace() else []


def tell() -> int:
    """Mail the owners of the first workspace when something is wrong; how many mails."""
    found, first = _troubles(), _first_workspace()
    if not found or first is None:
        return 0
    with tenancy.inside(first):
        owners = Member.objects.of(first).filter(role=Role.OWNER, ended_at__isnull=True, user__is_active=True)
        addressed = sorted(owners.values_list("user__email", "user__language"))
    for address, language in addressed:
        with override(language or settings.LANGUAGE_CODE):
            body = gettext(
                "Namaste,\n\n%(troubles)s\n\nUntil that is mended, what is entered now could be lost with the disk. Whoever runs the "
                "machine finds the reason with: ./run doctor\n\n%(url)s\n"
            ) % {"troubles": "\n".join(str(WORDS[one]) for one in found), "url": settings.BASE_URL}
            subject = gettext("Amanat is not being backed up")
        EmailMessage(subject, body, settings.DEFAULT_FROM_EMAIL, [address]).send()
    return len(addressed)


def _troubles() -> list[Trouble]:
    """By the machine's own clock, whatever the site's was moved to for a demonstration."""
    configuration = settings.CONFIGURATION
    return safekeeping.troubles(configuration, clock.now() - timedelta(seconds=configuration.time_offset))


def _first_workspace() -> UUID | None:
    """The one that was made first: ids are ordered by time."""
    return min(access.workspace_ids(), default=None)
