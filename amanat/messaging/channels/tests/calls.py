"""Calls of WhatsApp as Meta's pages show them, signed with the secret of the tests."""

from __future__ import annotations

import hashlib
import hmac
import json
from datetime import UTC, datetime
from typing import Any

from amanat.messaging.sandbox.tests.doubles import NUMBER, SECRETS

AT = datetime(2026, 11, 21, 6, 30, tzinfo=UTC)
STAMP = str(int(AT.timestamp()))
SENDER = "919822041736"
#: The secret in the address that providers without a signature call.
SECRET = "a-secret-of-thirty-characters!"


def signed(body: bytes, secret: str = SECRETS["app_secret"]) -> dict[str, str]:
    return {"X-Hub-Signature-256": "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}


def call(*changes: dict[str, Any], waba_id: str = NUMBER.waba_id, stamp: str = STAMP) -> bytes:
    entry = {"id": waba_id, "time": int(stamp), "changes": list(changes)}
    return json.dumps({"object": "whatsapp_business_account", "entry": [entry]}).encode()


def about(number: str = NUMBER.id, **value: Any) -> dict[str, Any]:
    metadata = {"display_phone_number": "919822000001", "phone_number_id": number}
    return {"field": "messages", "value": {"messaging_product": "whatsapp", "metadata": metadata, **value}}


def message(kind: str = "text", content: Any = None, *, stamp: str = STAMP, **other: Any) -> dict[str, Any]:
    said = {"id": "wamid.theirs", "from": SENDER, "timestamp": stamp, "type": kind, **other}
    if kind != "unsupported":
        said[kind] = {"body": "Namaste"} if content is None else content
    return about(contacts=[{"wa_id": SENDER, "profile": {"name": "Sunita"}}], messages=[said])


def status(state: str, *, wamid: str = "wamid.ours", stamp: str = STAMP, **other: Any) -> dict[str, Any]:
    return about(
        statuses=[{"id": wamid, "status": state, "timestamp": stamp, "recipient_id": SENDER, **other}],
    )
