"""A policy for machines: one canonical JSON, its hash, and the filled document that is published."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from amanat.policy.format import Policy
from amanat.policy.inventory import Inventory


def canonical(policy: Policy) -> bytes:
    """The same bytes for the same rules and words, however the file was written."""
    document = policy.as_document()
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def content_hash(policy: Policy) -> str:
    """SHA-256 of the canonical JSON, in hex; what publishing fills in does not count."""
    return hashlib.sha256(canonical(policy)).hexdigest()


def as_document(policy: Policy, inventory: Inventory | None = None) -> dict[str, Any]:
    """What is published: the rules, with the columns and entry points of the running system filled in, and the content's hash."""
    document = policy.as_document()
    if inventory:
        for kind in document["data"].values():
            kind["at"] = sorted(column for column, term in inventory.columns.items() if term in kind["is"])
            kind["via"] = sorted(entry for entry, fields in inventory.fields.items() if fields & set(kind["is"]))
    return {**document, "hash": f"sha256:{content_hash(policy)}"}


def schema() -> dict[str, Any]:
    """The JSON Schema of a policy file; `schema.json` beside this module is its text."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Amanat policy, format 1",
        **Policy.model_json_schema(by_alias=True),
    }


def schema_text() -> str:
    return json.dumps(schema(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"
