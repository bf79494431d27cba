"""A step of signing up."""

from __future__ import annotations

from typing import Any

from allauth.account.stages import PhoneVerificationStage
from django.conf import settings
from django.contrib import messages
from django.utils.translation import gettext as _

from amanat.core import outbox


class PhoneAtSignUp(PhoneVerificationStage):  # type: ignore[misc]  # the sign-in library has no types
    """The number is confirmed once, at sign-up, where codes can arrive at all; later it is hers to do, in her account."""

    def handle(self) -> tuple[Any, bool]:
        if not self.login.signup or not texts_arrive():
            return None, True
        try:
            response, goes_on = super().handle()
        except outbox.NotSent:  # the account is made all the same
            messages.error(
                self.request, _("The code could not be sent to your phone. Confirm the number later, in your account.")
            )
            return None, True
        return response, goes_on


def texts_arrive() -> bool:
    """Whether text messages reach anybody: through a sender that was set, or on the outbox page of this machine."""
    return settings.TEXT_SENDER != "amanat.core.outbox.keep_text" or outbox.is_shown()
