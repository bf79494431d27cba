"""Who wants to know that a person's yes ended: parts above register a hook, which runs in the transaction of the act."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from uuid import UUID

#: Called with the workspace, the person, the purpose ("" is every purpose) and the moment.
type Hook = Callable[[UUID, UUID, str, datetime], None]

_hooks: list[Hook] = []


def on_end(hook: Hook) -> None:
    """Call `hook` whenever somebody takes a yes back, says no or objects. Keep it short."""
    if hook not in _hooks:
        _hooks.append(hook)


def tell(workspace_id: UUID, contact_id: UUID | None, purpose: str, at: datetime) -> None:
    if contact_id is not None:
        for hook in _hooks:
            hook(workspace_id, contact_id, purpose, at)
