"""An authenticator in software: makes a key for a site and signs its challenges, as a phone does behind a fingerprint."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any

from allauth.mfa.models import Authenticator
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.test import Client
from django.urls import reverse
from fido2.cose import ES256
from fido2.utils import websafe_decode, websafe_encode
from fido2.webauthn import Aaguid, AttestationObject, AttestedCredentialData, AuthenticatorData, CollectedClientData

from amanat.accounts.models import User

FLAG = AuthenticatorData.FLAG
ORIGIN = "http://localhost:8000"


class Passkey:
    """One key. `is_verified` says whether the finger was shown; `rp` is the site it believes to be at."""

    def __init__(self, *, rp: str = "localhost", origin: str = ORIGIN, is_verified: bool = True) -> None:
        self.rp, self.origin, self.is_verified = rp, origin, is_verified
        self.id = os.urandom(32)
        self.user_handle = b""
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._count = 0

    def make(self, options: Any, *, alone: bool = True) -> dict[str, Any]:
        """What the browser sends after `navigator.credentials.create(options)`."""
        asked = options["publicKey"]
        self.user_handle = _bytes(asked["user"]["id"])
        about = CollectedClientData.create(CollectedClientData.TYPE.CREATE, asked["challenge"], self.origin)
        key = AttestedCredentialData.create(Aaguid.NONE, self.id, ES256.from_cryptography_key(self._key.public_key()))
        attestation = AttestationObject.create("none", self._data(FLAG.AT, key), {})
        response = {"clientDataJSON": websafe_encode(about), "attestationObject": websafe_encode(attestation)}
        return self._answer(response, {"credProps": {"rk": alone}})

    def sign(self, options: Any, *, as_user: User | None = None) -> dict[str, Any]:
        """What the browser sends after `navigator.credentials.get(options)`."""
        about = CollectedClientData.create(CollectedClientData.TYPE.GET, options["publicKey"]["challenge"], self.origin)
        data = self._data(FLAG(0))
        signature = self._key.sign(data + about.hash, ec.ECDSA(hashes.SHA256()))
        handle = self.user_handle if as_user is None else _handle(as_user)
        response = {
            "clientDataJSON": websafe_encode(about), "authenticatorData": websafe_encode(data),
            "signature": websafe_encode(signature), "userHandle": websafe_encode(handle),
        }  # fmt: skip
        return self._answer(response, {})

    def _data(self, flags: AuthenticatorData.FLAG, key: bytes = b"") -> AuthenticatorData:
        self._count += 1
        flags |= FLAG.UP | (FLAG.UV if self.is_verified else FLAG(0))
        return AuthenticatorData.create(hashlib.sha256(self.rp.encode()).digest(), flags, self._count, key)

    def _answer(self, response: dict[str, str], results: dict[str, Any]) -> dict[str, Any]:
        name = websafe_encode(self.id)
        return {
            "type": "public-key",
            "id": name,
            "rawId": name,
            "response": response,
            "clientExtensionResults": results,
        }


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else websafe_decode(value)


def _handle(user: User) -> bytes:
    return str(user.pk.hex).encode()


def offered(client: Client) -> Any:
    """The options with which the page of signing in asks for a passkey."""
    asked = client.get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"})
    return asked.json()["request_options"]


def added(client: Client, passkey: Passkey, *, alone: bool = True, name: str = "Phone", path: str = "") -> Any:
    """Add a passkey over the page, as the member of this browser."""
    page = client.get(path or reverse("mfa_add_webauthn"))
    credential = passkey.make(page.context["js_data"]["creation_options"], alone=alone)
    form = {"name": name, "credential": json.dumps(credential), **({"passwordless": "on"} if alone else {})}
    return client.post(reverse("mfa_add_webauthn"), form)


def signed_by(client: Client, passkey: Passkey, **more: Any) -> Any:
    """Sign in with a passkey alone."""
    credential = passkey.sign(offered(client), **more)
    return client.post(reverse("mfa_login_webauthn"), {"credential": json.dumps(credential)})


def kept(user: User) -> list[Authenticator]:
    return list(Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).order_by("pk"))
