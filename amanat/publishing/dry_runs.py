"""What would be erased tomorrow under a policy: counted by whoever erases, shown by the editor before anything is published.

The package that erases registers its count when it is loaded, so that the editor need not know it:

    dry_runs.provide(sweeping.foretell)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from amanat.policy.format import Policy


@dataclass(frozen=True)
class DryRun:
    """So many rows that the rule `keep_name` of a policy would erase. `label` are words for one table, a lazy translation."""

    keep_name: str
    label: Any
    count: int


type Provider = Callable[[UUID, Policy, datetime], list[DryRun]]

_providers: list[Provider] = []


def provide(count: Provider | None) -> None:
    """Whom to ask: `count(workspace_id, policy, at)` inside the workspace's tenancy; it changes nothing. The last one wins."""
    _providers[:] = [count] if count else []


def provider() -> Provider | None:
    """Who was named last."""
    return _providers[0] if _providers else None


def of(workspace_id: UUID, policy: Policy, at: datetime) -> list[DryRun] | None:
    """What would be erased at `at`, the largest first; None when nobody can say."""
    count = provider()
    if count is None:
        return None
    found = [one for one in count(workspace_id, policy, at) if one.count]
    return sorted(found, key=lambda one: (-one.count, one.keep_name, str(one.label)))
