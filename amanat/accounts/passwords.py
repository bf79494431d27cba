"""Passwords: how they are hashed and which are refused, all without asking anyone."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.hashers import BasePasswordHasher
from django.contrib.auth.password_validation import CommonPasswordValidator
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from nacl.exceptions import InvalidkeyError
from nacl.pwhash import argon2id


class Argon2id(BasePasswordHasher):
    """Argon2id, 64 MiB, 3 passes, one lane (RFC 9106, section 4, second choice, with one lane), by libsodium.

    libsodium fills the memory with the widest vector instructions of the processor: about half the time of the
    reference code, for the same hash. What is stored is "argon2" and the usual "$argon2id$v=19$m=65536,t=3,p=1$salt$hash".
    """

    algorithm = "argon2"
    passes = 3
    memory_bytes = 64 * 1024 * 1024

    def encode(self, password: str, salt: str) -> str:
        """`salt` stays unused: libsodium draws its own 16 bytes."""
        hashed = argon2id.str(password.encode(), opslimit=self.passes, memlimit=self.memory_bytes)
        return self.algorithm + hashed.decode("ascii")

    def verify(self, password: str, encoded: str) -> bool:
        try:
            return argon2id.verify(encoded.removeprefix(self.algorithm).encode(), password.encode())
        except InvalidkeyError:
            return False

    def must_update(self, encoded: str) -> bool:
        return not encoded.startswith(f"argon2$argon2id$v=19$m={self.memory_bytes // 1024},t={self.passes},p=1$")

    def harden_runtime(self, password: str, encoded: str) -> None:
        """Nothing to add: a hash with fewer passes is made anew at the next sign-in, and there is none today."""


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
