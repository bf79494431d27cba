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


def said(body: bytes, headers: Mapping[str, str]) -> Any:
    """What a call says: its body, else its query, in which some providers pass on everything. Raises WebhookRefused."""
    if body:
        return body_of(body)
    query = {name.lower(): value for name, value in headers.items()}.get(QUERY_HEADER, "")
    try:
        return {name: value for name, value in _form(query).items() if name != "key"}
    except ValueError:
        raise WebhookRefused("no query") from None


def body_of(body: bytes) -> Any:
    """JSON, or a form, whose fields may hold JSON. Raises WebhookRefused."""
    if len(body) > 1_000_000:
        raise WebhookRefused("too large")
    try:
        text = body.decode()
        if text.lstrip()[:1] in {"{", "["}:
            return provider_json.loads(text)
        return _form(text)
    except (ValueError, RecursionError):
        raise WebhookRefused("neither JSON nor a form") from None


def _form(text: str) -> dict[str, Any]:
    """Raises ValueError. People may write what only begins like JSON."""
    form = parse_qsl(text, strict_parsing=True, max_num_fields=200)
    return {provider_json.cleaned(name): _field(provider_json.cleaned(value)) for name, value in form}


def _field(value: str) -> Any:
    try:
        return provider_json.loads(value) if value[:1] in {"{", "["} else value
    except (ValueError, RecursionError):
        return value


def canonical(item: Any) -> bytes:
    """What makes a report the same report: everything it says."""
    return hashlib.sha256(json.dumps(item, sort_keys=True, ensure_ascii=False).encode()).digest()


def uuid_of(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
