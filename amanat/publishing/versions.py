"""Which policy of a workspace holds at a moment, and which were published before. Read from the database every time it is asked.

One small statement finds which version it is; the policy itself is parsed once a process, and a published row never changes. So nothing
is remembered that another process could have altered.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, lru_cache
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import connection

from amanat.accounts.models import Workspace
from amanat.core import clock
from amanat.core.tenancy import HasId, workspace_id_of
from amanat.policy import documents, loading
from amanat.policy.format import Policy
from amanat.publishing import beginning
from amanat.publishing.beginning import Details
from amanat.publishing.models import PolicyVersion


class NoWorkspace(LookupError):
    """There is no such workspace, or it was asked from outside of it (`core.tenancy.inside`)."""


class NoVersion(LookupError):
    """The workspace has published no version of this number."""


@dataclass(frozen=True)
class InForce:
    """A policy that holds, or once held. Number 0 is the ready one that a workspace begins with."""

    policy: Policy = field(repr=False)
    number: int
    effective_at: datetime
    published_at: datetime
    digest: str
    is_material: bool = False
    #: {purpose: number}: consents to the purpose count from this version on
    asks_anew: Mapping[str, int] = field(default_factory=dict)
    #: of the workspace, for its page
    name: str = ""
    time_zone: str = "Asia/Kolkata"
    language: str = "en"

    @property
    def is_published(self) -> bool:
        return self.number > 0

    @cached_property
    def document(self) -> dict[str, Any]:
        return self.policy.as_document()


def in_force(workspace: HasId | UUID, at: datetime | None = None) -> InForce:
    """The policy that holds at an aware moment, now when none is given. Raises NoWorkspace."""
    here = workspace_id_of(workspace)
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM policy_in_force(%s, %s)", [here, at or clock.now()])
        row = cursor.fetchone()
    if row is None:
        raise NoWorkspace(str(here))
    name, time_zone, language, legal_name, place, address, email, phone, created_at, row_id, *version = row
    if row_id is None:
        since = created_at.astimezone(ZoneInfo(time_zone)).date()
        details = Details(legal_name or name, place, " ".join(address.split()), email, phone, since)
        return _beginning(details, created_at, (name, time_zone, language))
    number, digest, effective_at, published_at, is_material, asks_anew = version
    policy = _parsed(here, row_id)
    return InForce(
        policy, number, effective_at, published_at, digest, is_material, _numbers(asks_anew), name, time_zone, language
    )


def of_request(request: Any) -> InForce:
    """The policy that holds in the workspace of a member's request, asked once a request: for pages of several parts."""
    held: InForce | None = request.__dict__.get("_policy_in_force")
    if held is None:
        held = request.__dict__["_policy_in_force"] = in_force(request.workspace)
    return held


def of_row(version: PolicyVersion) -> InForce:
    """A published version with its policy parsed."""
    policy = _policies.get(version.id) or _remember(version.id, version.document)
    return InForce(
        policy, version.number, version.effective_at, version.published_at, version.digest, version.is_material,
        version.asks_anew,
    )  # fmt: skip


def numbered(workspace: HasId | UUID, number: int) -> InForce:
    """A version by its number; 0 is what the workspace begins with. Raises NoVersion, NoWorkspace."""
    if number == 0:
        return begins_with(workspace)
    found = all_of(workspace).filter(number=number).first()
    if found is None:
        raise NoVersion(number)
    return of_row(found)


def begins_with(workspace: HasId | UUID) -> InForce:
    """Number 0: the ready default with the workspace's own details. Raises NoWorkspace."""
    here = workspace_id_of(workspace)
    found = Workspace.objects.of(here).filter(pk=here).first()
    if found is None:
        raise NoWorkspace(str(here))
    return _beginning(Details.of(found), found.created_at, (found.name, found.time_zone, found.language))


def all_of(workspace: HasId | UUID) -> Any:
    """All published versions, the newest first, as a queryset of PolicyVersion."""
    return PolicyVersion.objects.of(workspace).order_by("-number")


def source_of(workspace: HasId | UUID, number: int) -> str:
    """The file of a version as it was published; of number 0 one to begin with. Raises NoVersion, NoWorkspace."""
    if number == 0:
        here = workspace_id_of(workspace)
        found = Workspace.objects.of(here).filter(pk=here).first()
        if found is None:
            raise NoWorkspace(str(here))
        return beginning.source(Details.of(found))
    source: str | None = all_of(workspace).filter(number=number).values_list("source", flat=True).first()
    if source is None:
        raise NoVersion(number)
    return source


def _beginning(details: Details, created_at: datetime, of: tuple[str, str, str]) -> InForce:
    policy, digest = _first(details)
    return InForce(policy, 0, created_at, created_at, digest, name=of[0], time_zone=of[1], language=of[2])


@lru_cache(maxsize=512)
def _first(details: Details) -> tuple[Policy, str]:
    policy = beginning.policy(details)
    return policy, documents.content_hash(policy)


@lru_cache(maxsize=4_096)
def _numbers(text: str) -> Mapping[str, int]:
    return dict(json.loads(text))


#: The parsed policies of published rows, the longest known given up first.
_policies: dict[UUID, Policy] = {}
_MOST = 128


def _parsed(here: UUID, row_id: UUID) -> Policy:
    known = _policies.get(row_id)
    if known is not None:
        return known
    return _remember(row_id, PolicyVersion.objects.of(here).values_list("document", flat=True).get(pk=row_id))


def _remember(row_id: UUID, document: str) -> Policy:
    policy = loading.from_document(json.loads(document))
    if len(_policies) >= _MOST:
        _policies.pop(next(iter(_policies)), None)
    _policies[row_id] = policy
    return policy
