"""Rows for tests of retention: people last seen at a moment, policies with other periods."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from amanat.accounts.models import Member, Workspace
from amanat.core import ids, tenancy
from amanat.people.models import Contact
from amanat.policy import documents, loading, ready
from amanat.policy.format import Policy
from amanat.publishing.models import PolicyVersion

LONG_AGO = datetime(2026, 3, 15, 12, tzinfo=UTC)


def contact(workspace: Workspace, name: str = "Asha Patil", *, at: datetime = LONG_AGO, **fields: Any) -> Contact:
    """A person taken up at `at` and not heard of since, unless `last_contact_at` says so."""
    with tenancy.inside(workspace):
        made: Contact = Contact.objects.create(
            workspace_id=workspace.pk, name=name, created_at=at, updated_at=at, **fields
        )
    return made


def policy(name: str = "default", **keep: dict[str, Any] | None) -> Policy:
    """A ready policy with other rules of `keep`; None leaves one out."""
    document = dict(ready.document(name))
    rules = {**document["keep"], **keep}
    document["keep"] = {rule: value for rule, value in rules.items() if value is not None}
    return loading.from_document(document)


def publish(workspace: Workspace, published: Policy, *, by: Member, at: datetime, number: int = 1) -> None:
    """Put a policy into force, past the checks of the page: tests of retention need rules that no ready policy has."""
    document = json.dumps(published.as_document(), ensure_ascii=False)
    with tenancy.inside(workspace):
        PolicyVersion.objects.create(
            workspace_id=workspace.pk, number=number, source="", document=document, digest=documents.content_hash(published),
            replaces=number - 1, published_at=at, effective_at=at, published_by=by, is_material=False,
        )  # fmt: skip


def ids_of(count: int) -> list[UUID]:
    return [ids.new() for _ in range(count)]


__all__ = ["LONG_AGO", "contact", "ids_of", "policy", "publish"]
