"""Passwords: how they are hashed and which are refused, all without asking anyone."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.hashers import Argon2PasswordHasher
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _


class Argon2id(Argon2PasswordHasher):
    """Argon2id, 64 MiB, 3 passes, one lane: about 100 ms of one core (RFC 9106, section 4, second choice, with one lane)."""

    time_cost = 3
    memory_cost = 65536
    parallelism = 1


#: What is added in front and behind when a word must "contain a digit and a sign".
_TRIMMINGS = re.compile(r"^[\W\d_]+|[\W\d_]+$")
_LEET = str.maketrans("@431!05$7", "aaeilosst")
#: Words that guessers in India try first, beside the list of passwords from breaches.
_LOCAL = {
    "amanat",
    "india",
    "bharat",
    "krishna",
    "ganesh",
    "jaishriram",
    "sairam",
    "namaste",
    "hanuman",
    "welcome",
    "admin",
    "csc",
}


class NotCommon(CommonPasswordValidator):
    """Refuses the 20,000 passwords that breaches show most (Django's list), also with the usual additions.

    "P@ssw0rd123!" is "password" with trimmings; guessers' rules try it in the first second.
    """

    def validate(self, password: str, user: Any = None) -> None:
        plain = password.lower().strip()
        bare = _TRIMMINGS.sub("", plain)
        candidates = {
            plain,
            plain.translate(_LEET),
            bare,
            bare.translate(_LEET),
            _TRIMMINGS.sub("", plain.translate(_LEET)),
        }
        common = (candidates & self.passwords) | (candidates & _LOCAL)
        mostly = {word for word in common if len(word) >= min(len(plain) - 5, len(plain) / 2)}
        if plain in self.passwords or mostly or len(set(plain)) < 5:
            raise ValidationError(
                _(
                    "This password is among those that are guessed first. Three or four unrelated words are hard to guess."
                ),
                code="password_too_common",
            )

    def get_help_text(self) -> str:
        return _("Not a common password. Three or four unrelated words make a good one.")
