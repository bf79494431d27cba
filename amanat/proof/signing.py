"""The installation's signature under bundles of proof: Ed25519, its seed a file of the secrets folder like the other keys.

The command line makes the file (`core.configuration.ensure_secrets`); a web request never makes a key.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from django.conf import settings
from nacl.signing import SigningKey


class SigningKeyMissing(Exception):
    """The key file is missing or damaged; the text says what to do."""


def sign(content: bytes) -> bytes:
    """64 bytes. Raises SigningKeyMissing."""
    signature: bytes = _key().sign(content).signature
    return signature


def public_key() -> bytes:
    """32 bytes, to be published. Raises SigningKeyMissing."""
    return bytes(_key().verify_key)


def fingerprint(public: bytes) -> str:
    """What people compare: the first 16 hexadecimal digits of the key's SHA-256, in fours."""
    digits = hashlib.sha256(public).hexdigest()[:16]
    return " ".join(digits[place : place + 4] for place in range(0, 16, 4))


def _key() -> SigningKey:
    path = Path(settings.PROOF_KEY_FILE)
    try:
        return SigningKey(bytes.fromhex(path.read_text().strip()))
    except FileNotFoundError:
        raise SigningKeyMissing(
            f"The signing key {path} is missing: start Amanat once with ./run, which makes it."
        ) from None
    except ValueError:
        raise SigningKeyMissing(f"The signing key {path} is damaged: put it back from where you keep it.") from None
