"""A notification sealed for one browser: RFC 8291 over the content encoding aes128gcm of RFC 8188.

By hand, because the libraries bring HTTP clients of their own, which would be a second way out beside `core.outgoing`; what is left of
them is this page. The tests hold it against the examples of the RFC.
"""

from __future__ import annotations

import base64
import binascii
import os
import struct
from dataclasses import dataclass

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

#: What every service takes (RFC 8030, 7.2), and the size of our one record.
MOST = 4_096
_SALT, _SECRET, _TAG = 16, 16, 16


@dataclass(frozen=True, slots=True)
class Keys:
    """What a browser gave us to write to it alone: its public key, an uncompressed point of P-256, and its secret of 16 bytes."""

    public: bytes
    secret: bytes


def read_keys(public: str, secret: str) -> Keys:
    """The keys as browsers write them (base64url). Raises ValueError for what no browser gives."""
    keys = Keys(decoded(public), decoded(secret))
    if len(keys.public) != 65 or len(keys.secret) != _SECRET:
        raise ValueError("these are no keys of a subscription")
    ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), keys.public)  # on the curve, or ValueError
    return keys


def sealed(
    text: bytes, keys: Keys, *, length: int = 0, salt: bytes = b"", own: ec.EllipticCurvePrivateKey | None = None
) -> bytes:
    """The body of a push. Texts shorter than `length` are filled up, so that their size says nothing. `salt` and `own` are for tests."""
    salt, own = salt or os.urandom(_SALT), own or ec.generate_private_key(ec.SECP256R1())
    point = public_bytes(own)
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), keys.public)
    shared = own.exchange(ec.ECDH(), theirs)
    material = _derived(shared, salt=keys.secret, info=b"WebPush: info\0" + keys.public + point, length=32)
    key = _derived(material, salt=salt, info=b"Content-Encoding: aes128gcm\0", length=16)
    nonce = _derived(material, salt=salt, info=b"Content-Encoding: nonce\0", length=12)
    record = text + b"\x02" + b"\0" * max(0, length - len(text))
    head = salt + struct.pack(">IB", MOST, len(point)) + point
    if len(head) + len(record) + _TAG > MOST:
        raise ValueError("a notification is short")
    return head + AESGCM(key).encrypt(nonce, record, None)


def public_bytes(key: ec.EllipticCurvePrivateKey) -> bytes:
    """The public half as an uncompressed point."""
    return key.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def encoded(content: bytes) -> str:
    """Base64url without padding, as everything here is written."""
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def decoded(text: str) -> bytes:
    """The bytes of base64url, padded or not. Raises ValueError."""
    plain = text.rstrip("=")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("this is not base64url") from None


def _derived(secret: bytes, *, salt: bytes, info: bytes, length: int) -> bytes:
    return HKDF(algorithm=SHA256(), length=length, salt=salt, info=info).derive(secret)
