"""Mails about a closed account. Closing never hangs on a mail: what cannot be sent is written to the log."""

from __future__ import annotations

import logging
from datetime import datetime

from django.utils import translation
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from amanat.accounts.models import User
from amanat.core import codes, outbox

log = logging.getLogger(__name__)


def closed(user: User, due_at: datetime) -> None:
    """So that nobody loses an account that somebody else closed at her device."""
    with translation.override(user.language):
        text = _(
            "Your account at Amanat was closed. On %(day)s your name, e-mail, password and sign-in history are deleted for good.\n\n"
            "If you want to keep it, or if it was not you, sign in before that day: then everything stays."
        ) % {"day": date_format(due_at, "j F Y")}
        _send(user, _("Your account at Amanat is closed"), text)


def stays(user: User) -> None:
    with translation.override(user.language):
        text = _("You signed in again after your account was closed, so it is not deleted: everything stays.")
        _send(user, _("Your account at Amanat stays"), text)


def _send(user: User, subject: str, text: str) -> None:
    try:
        codes.deliver(user.email, subject=subject, body=text)
    except outbox.NotSent:
        log.exception("a mail about a closed account did not leave", extra={"user": str(user.pk)})
