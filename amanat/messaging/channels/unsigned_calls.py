"""Calls of providers that sign nothing: the address they call carries a secret, and a call that comes twice is known by what it says."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from amanat.messaging.channels import provider_json
from amanat.messaging.channels.contract import Access, WebhookRefused

#: Header under which the webhook's view hands on the query of the call; one that came from outside is dropped there.
QUERY_HEADER = "x-amanat-query"


def known(access: Access, headers: Mapping[str, str]) -> None:
    """Reports of these providers are not signed: the address they call carries a secret. Raises WebhookRefused."""
    wanted = access.secrets.get("verify_token", "")
    lower = {name.lower(): value for name, value in headers.items()}
    query = dict(parse_qsl(lower.get(QUERY_HEADER, "")))
    given = lower.get("x-webhook-secret") or query.get("key", "")
    if len(wanted) < 20 or not hmac.compare_digest(wanted.encode(), given.encode()):
        raise WebhookRefused("the secret in the address is missing or wrong")


def body_of(body: bytes) -> Any:
    """JSON, or a form, whose fields may hold JSON. Raises WebhookRefused."""
    if len(body) > 1_000_000:
        raise WebhookRefused("too large")
    try:
        text = body.decode()
        if text.lstrip()[:1] in {"{", "["}:
            return provider_json.loads(text)
        form = dict(parse_qsl(text, strict_parsing=True, max_num_fields=200))
        return {name: provider_json.loads(value) if value[:1] in {"{", "["} else value for name, value in form.items()}
    except (ValueError, RecursionError):
        raise WebhookRefused("neither JSON nor a form") from None


def canonical(item: Any) -> bytes:
    """What makes a report the same report: everything it says."""
    return hashlib.sha256(json.dumps(item, sort_keys=True, ensure_ascii=False).encode()).digest()


def uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
