"""Codes of authenticator apps, used once; and who has a second factor."""

from __future__ import annotations

import time
from collections.abc import Iterable
from uuid import UUID

from allauth.core.internal.cryptokit import compare_user_code
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from allauth.mfa.utils import decrypt
from django.db import connection, transaction

from amanat.accounts.models import User

PERIOD = 30  # seconds
#: What counts as a second factor; recovery codes are only spares of one.
TYPES = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
LAST_USED = "last_counter"
#: In the session: the page somebody was going to when a second factor was asked for first.
ONWARD = "after_second_factor"


def is_right_app_code(authenticator: Authenticator, code: str) -> bool:
    """Whether `code` is that of the present half minute or a neighbor, and later than any code used before.

    The counter of the last used code lies in the authenticator's row, which is locked meanwhile: of two clients with the
    same code one gets in, however many processes serve them (RFC 6238, section 5.2).
    """
    now = int(time.time()) // PERIOD
    with transaction.atomic():
        row = Authenticator.objects.select_for_update().get(pk=authenticator.pk)
        secret = decrypt(row.data["secret"])
        for counter in (now - 1, now, now + 1):
            fits = compare_user_code(actual=code, expected=format_hotp_value(hotp_value(secret, counter)))
            if fits and counter > row.data.get(LAST_USED, 0):
                row.data[LAST_USED] = counter
                row.save(update_fields=["data"])
                return True
    return False


def matching(user: User, code: str) -> Authenticator | None:
    """The user's authenticator that this typed code belongs to; the code is spent."""
    for authenticator in Authenticator.objects.filter(user_id=user.pk).exclude(type=Authenticator.Type.WEBAUTHN):
        if authenticator.type == Authenticator.Type.TOTP:
            right = is_right_app_code(authenticator, code)
        else:
            right = bool(authenticator.wrap().validate_code(code))
        if right:
            authenticator.refresh_from_db()
            authenticator.user = user
            return authenticator
    return None


def has_one(user_id: UUID, types: Iterable[str] = TYPES) -> bool:
    """Whether the user has an app or a passkey. Asked at each sign-in, hence by hand."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM mfa_authenticator WHERE user_id = %s AND type = ANY(%s))",
            [user_id, [str(kind) for kind in types]],
        )
        return bool(cursor.fetchone()[0])


def who_has_one(user_ids: Iterable[UUID]) -> set[UUID]:
    """Those of the users who have an app or a passkey; in one query."""
    found = Authenticator.objects.filter(user_id__in=list(user_ids), type__in=TYPES)
    return set(found.values_list("user_id", flat=True))
