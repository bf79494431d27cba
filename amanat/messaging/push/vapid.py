"""How push services know this site: a signature with a key of its own (RFC 8292), which browsers are bound to when they subscribe.

The key is made of the seed in the file `vapid-key` of the secrets folder. A lost one is made anew; the browsers are then unknown to
their services, and notifications have to be switched on again there.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from email.utils import parseaddr
from functools import lru_cache
from pathlib import Path
from urllib.parse import urlsplit

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from django.conf import settings

from amanat.messaging.push.encryption import encoded, public_bytes

#: The RFC allows a day.
_HOLDS = timedelta(hours=12)
_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


class KeyMissing(Exception):
    """There is no usable key, so no notification can be sent."""


def public_key() -> str:
    """What a browser is given when it subscribes."""
    return encoded(public_bytes(_key()))


def authorization(endpoint: str, *, at: datetime) -> str:
    """The header that names us to the service of `endpoint`. Raises KeyMissing."""
    parts = urlsplit(endpoint)
    claims = {
        "aud": f"{parts.scheme}://{parts.netloc}",
        "exp": int((at + _HOLDS).timestamp()),
        "sub": f"mailto:{parseaddr(settings.DEFAULT_FROM_EMAIL)[1]}",
    }
    head = {"typ": "JWT", "alg": "ES256"}
    said = ".".join(encoded(json.dumps(part, separators=(",", ":")).encode()) for part in (head, claims))
    r, s = decode_dss_signature(_key().sign(said.encode(), ec.ECDSA(SHA256())))
    return f"vapid t={said}.{encoded(r.to_bytes(32, 'big') + s.to_bytes(32, 'big'))}, k={public_key()}"


def _key() -> ec.EllipticCurvePrivateKey:
    path = Path(settings.VAPID_KEY_FILE)
    try:
        return _key_of(str(path), path.stat().st_mtime_ns)
    except (OSError, ValueError):
        raise KeyMissing(f"The key of push notifications, {path}, is missing or damaged.") from None


@lru_cache(maxsize=4)
def _key_of(path: str, _changed: int) -> ec.EllipticCurvePrivateKey:
    """The private key of a file, read once while it stays the same."""
    seed = bytes.fromhex(Path(path).read_text().strip())
    if len(seed) != 32:
        raise ValueError("not a seed")
    return ec.derive_private_key(int.from_bytes(seed) % (_ORDER - 1) + 1, ec.SECP256R1())
