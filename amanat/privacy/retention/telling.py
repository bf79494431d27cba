"""People hear before everything of theirs goes: a warning, handed over first, by e-mail or else as a text message.

The erasure waits for the warning, not the other way round: a mail server that refuses delays it, and the page says so. Who left no
address cannot be told and is not kept for ever because of that.
"""

from __future__ import annotations

import logging
from datetime import datetime

from django.conf import settings
from django.core.mail import EmailMessage
from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from amanat.accounts import workspaces
from amanat.accounts.models import User, Workspace
from amanat.core import outbox
from amanat.people.models import Contact
from amanat.privacy.retention.models import RetentionDue

log = logging.getLogger(__name__)


def hand_over(due: RetentionDue, contact: Contact, *, at: datetime) -> bool:
    """Tell one person, and write down when and how. False when it could not be handed over: it is tried again at the next run."""
    workspace = workspaces.by_id(due.workspace_id)
    way = "email" if contact.main_email else "phone" if contact.main_phone else "nothing"
    try:
        with translation.override(_language(contact.language, workspace.language)):
            text = _to_a_person(workspace, due.due_at)
            if way == "email":
                _mail(contact.main_email, _("Your data at %(name)s will be deleted") % {"name": workspace.name}, text)
            elif way == "phone":
                outbox.send_text(contact.main_phone, text)
    except Exception:
        # Whatever a mail server or a provider says: she was not told, so nothing is erased.
        log.exception("a warning could not be handed over", extra={"due": str(due.pk)})
        due.tries += 1
        due.save(update_fields=["tries"])
        return False
    due.told_at, due.by_way_of = at, way
    due.save(update_fields=["told_at", "by_way_of"])
    return True


def tell_user(user: User, due_at: datetime) -> None:
    """Warn a user who has not signed in for long. Whatever the mail server raises goes through."""
    with translation.override(_language(user.language)):
        text = _(
            "You have not signed in for a long time. Your account at Amanat, with your name, e-mail and sign-in history, is deleted on "
            "%(day)s.\n\nTo keep it, sign in before that day. If you do not need it any more, do nothing."
        ) % {"day": date_format(due_at, "DATE_FORMAT")}
        _mail(user.email, _("Your account at Amanat will be deleted"), text)


def _to_a_person(workspace: Workspace, due_at: datetime) -> str:
    reach = workspace.email or workspace.phone
    said = _("%(name)s deletes your data on %(day)s, because nothing has happened between you for a long time.") % {
        "name": workspace.name,
        "day": date_format(due_at, "DATE_FORMAT"),
    }
    ask = (
        _("If you want it kept, get in touch: %(reach)s") % {"reach": reach}
        if reach
        else _("If you want it kept, get in touch.")
    )
    return f"{said} {ask}"


def _language(*wanted: str) -> str:
    known = {code for code, _name in settings.LANGUAGES}
    return next((one for one in wanted if one in known), "en")


def _mail(to: str, subject: str, body: str) -> None:
    EmailMessage(subject, body, to=[to]).send()
