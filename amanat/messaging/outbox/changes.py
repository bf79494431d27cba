"""Who wants to know how far a message got: parts above register a hook, which runs in the transaction of the change."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from amanat.messaging.outbox.models import Dispatch


@dataclass(frozen=True, slots=True)
class Change:
    """Where a dispatch stands now."""

    dispatch_id: UUID
    message_id: UUID
    contact_id: UUID | None  #: null: it went to a member's own number
    source: str
    source_id: UUID | None
    state: str
    delivery: str
    reason: str


type Hook = Callable[[UUID, Sequence[Change]], None]

_hooks: list[Hook] = []


def on_change(hook: Hook) -> None:
    """Call `hook(workspace_id, changes)` whenever dispatches got further, in their transaction. Keep it short."""
    if hook not in _hooks:
        _hooks.append(hook)


def tell(workspace_id: UUID, rows: Sequence[Dispatch]) -> None:
    found = [
        Change(row.pk, row.message_id, row.contact_id, row.source, row.source_id, row.state, row.delivery, row.reason)
        for row in rows
    ]
    pass_on(workspace_id, found)


def pass_on(workspace_id: UUID, found: Sequence[Change]) -> None:
    """The same, for who knows the changes without the rows."""
    if found:
        for hook in _hooks:
            hook(workspace_id, found)


def tell_of(workspace_id: UUID, ids: Collection[UUID]) -> None:
    """The same, for rows that are not at hand; reads them only when somebody listens."""
    if _hooks:
        tell(workspace_id, list(Dispatch.objects.of(workspace_id).filter(pk__in=ids).order_by("id")))
