"""A double of the browsers' push services (RFC 8030), and of the browsers behind it: it opens what it takes and writes it down.

A browser is made by POST /push/control/subscriptions, which answers as `PushSubscription.toJSON()` does. What is posted to its endpoint is
taken only as the services take it: signed for this host (RFC 8292), with a time to live, sealed for this very browser (RFC 8291). What
goes wrong is told it beforehand: /control/fail takes a list of "500", "429", "404", "410", "413", "lost", or "" for nothing.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import struct
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from amanat.messaging.sandbox.http import Reply

_MOST = 10_000
_LARGEST = 4_096
_DAY = 86_400


@dataclass(frozen=True, slots=True)
class Browser:
    """One subscription: whoever has its private key and secret can read what is sent to it."""

    id: str
    private: ec.EllipticCurvePrivateKey
    secret: bytes

    @property
    def public(self) -> bytes:
        return self.private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


@dataclass(frozen=True, slots=True)
class Pushed:
    """What a browser was given. `text` is None where it would not open."""

    browser: str
    text: str | None
    size: int
    topic: str
    ttl: int
    urgency: str
    subject: str


class Refused(Exception):
    """The service would not take it; `status` is its answer."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


@dataclass
class PushSandbox:
    """Service and browsers in one; safe for many threads."""

    received: list[Pushed] = field(default_factory=list)
    browsers: dict[str, Browser] = field(default_factory=dict)
    _plan: deque[str] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def subscribe(self, base: str) -> dict[str, Any]:
        """A new browser, in the words of PushSubscription.toJSON()."""
        made = Browser(secrets.token_urlsafe(16), ec.generate_private_key(ec.SECP256R1()), os.urandom(16))
        with self._lock:
            self.browsers[made.id] = made
        keys = {"p256dh": _encoded(made.public), "auth": _encoded(made.secret)}
        return {"endpoint": f"{base}/push/to/{made.id}", "expirationTime": None, "keys": keys}

    def fail(self, *ways: str) -> None:
        with self._lock:
            self._plan.extend(ways)

    def answer(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """One request, with names of headers in lower case."""
        base = f"http://{headers.get('host', '')}"
        if path.startswith("/push/control/"):
            return self._control(path.removeprefix("/push/control/"), base, body)
        if method != "POST":
            return Reply(405, b"")
        with self._lock:
            way = self._plan.popleft() if self._plan else ""
        if way.isdigit():
            return Reply(int(way), b"", {"Retry-After": "2"} if way in {"429", "503"} else {})
        try:
            taken = self._take(path.removeprefix("/push/to/"), base, headers, body)
        except Refused as refused:
            return Reply(refused.status, str(refused).encode())
        with self._lock:
            self.received.append(taken)
            del self.received[:-_MOST]
        return Reply(201, b"", {"Location": f"{base}/push/message/{len(self.received)}"}, is_lost=way == "lost")

    def _control(self, act: str, base: str, body: bytes) -> Reply:
        if act == "subscriptions":
            return _json(self.subscribe(base), 201)
        if act == "fail":
            self.fail(*[str(way) for way in json.loads(body or b"[]")])
            return _json({})
        if act == "received":
            return _json([asdict(one) for one in self.received])
        return Reply(404, b"")

    def _take(self, name: str, base: str, headers: Mapping[str, str], body: bytes) -> Pushed:
        browser = self.browsers.get(name)
        if browser is None:
            raise Refused(404, "no such subscription")
        subject = checked_vapid(headers.get("authorization", ""), audience=base, now=time.time())
        if not headers.get("ttl", "").isdigit():
            raise Refused(400, "TTL is missing")
        if headers.get("content-encoding") != "aes128gcm":
            raise Refused(415, "not aes128gcm")
        if len(body) > _LARGEST:
            raise Refused(413, "too large")
        topic = headers.get("topic", "")
        if len(topic) > 32:
            raise Refused(400, "the topic is too long")
        try:
            text: str | None = opened(body, browser.private, browser.secret).decode()
        except (ValueError, InvalidTag):
            text = None
        return Pushed(
            browser.id, text, len(body), topic, int(headers["ttl"]), headers.get("urgency", "normal"), subject
        )


def opened(body: bytes, private: ec.EllipticCurvePrivateKey, secret: bytes) -> bytes:
    """The text of a push as a browser reads it. Raises ValueError or InvalidTag."""
    salt, (size, length) = body[:16], struct.unpack(">IB", body[16:21])
    point, record = body[21 : 21 + length], body[21 + length :]
    if len(record) > size:
        raise ValueError("more than one record")
    own = private.public_key().public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)
    shared = private.exchange(ec.ECDH(), ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point))
    material = HKDF(SHA256(), 32, secret, b"WebPush: info\x00" + own + point).derive(shared)
    key = HKDF(SHA256(), 16, salt, b"Content-Encoding: aes128gcm\x00").derive(material)
    nonce = HKDF(SHA256(), 12, salt, b"Content-Encoding: nonce\x00").derive(material)
    text = AESGCM(key).decrypt(nonce, record, None).rstrip(b"\x00")
    if not text.endswith(b"\x02"):
        raise ValueError("the last record has no end")
    return text[:-1]


def checked_vapid(header: str, *, audience: str, now: float) -> str:
    """The subject of a good signature for this host and time. Raises Refused as services do."""
    scheme, _, rest = header.partition(" ")
    fields = dict(part.strip().partition("=")[::2] for part in rest.split(","))
    if scheme.lower() != "vapid" or not {"t", "k"} <= set(fields):
        raise Refused(401, "no signature of the sender")
    try:
        head, said, signature = fields["t"].split(".")
        claims, sealed = json.loads(_decoded(said)), _decoded(signature)
        key = ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), _decoded(fields["k"]))
        pair = encode_dss_signature(int.from_bytes(sealed[:32]), int.from_bytes(sealed[32:]))
        key.verify(pair, f"{head}.{said}".encode(), ec.ECDSA(SHA256()))
    except (ValueError, InvalidSignature):
        raise Refused(403, "the signature is not good") from None
    if claims.get("aud") != audience or not now < claims.get("exp", 0) <= now + _DAY:
        raise Refused(403, "signed for another host or time")
    return str(claims.get("sub", ""))


def _json(data: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(data).encode(), {"Content-Type": "application/json"})


def _encoded(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
