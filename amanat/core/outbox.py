"""Where e-mails and text messages go while no provider is set: kept, and shown on the local outbox page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import cast

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.utils.module_loading import import_string

from amanat.core import clock
from amanat.core.models import LocalMessage

KEPT = timedelta(days=1)


class NotSent(OSError):
    """A mail or a text did not leave, or nobody knows; an OSError like what smtplib raises. It names neither address nor words.

    `is_final`: the provider refuses this one, and another try changes nothing.
    """

    def __init__(self, why: str, *, is_final: bool = False) -> None:
        super().__init__(f"not sent ({why})")
        self.is_final = is_final


class EmailBackend(BaseEmailBackend):
    """Django's mail backend when AMANAT_SMTP_HOST is empty."""

    def send_messages(self, email_messages: Sequence[EmailMessage]) -> int:
        for message in email_messages:
            for address in message.recipients():
                LocalMessage.objects.create(
                    channel="email", to=address, title=str(message.subject)[:300], body=str(message.body)
                )
        return len(email_messages)


def send_text(to: str, body: str) -> None:
    """Send a text message to an E.164 number through whatever sender is set. Raises NotSent."""
    cast(Callable[[str, str], None], import_string(settings.TEXT_SENDER))(to, body)


def keep_text(to: str, body: str) -> None:
    LocalMessage.objects.create(channel="sms", to=to, body=body)


def is_shown() -> bool:
    """Whether messages wait on the outbox page: only while no mail server is set and the site is on this machine alone."""
    from amanat.core import configuration

    return not settings.SENDS_MAIL and configuration.is_loopback(settings.CONFIGURATION.host_name)


def sweep() -> int:
    """Delete kept messages after a day; returns how many."""
    return LocalMessage.objects.filter(created_at__lt=clock.now() - KEPT).delete()[0]
