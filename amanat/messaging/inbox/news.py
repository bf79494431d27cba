"""What happens in conversations, for parts above that tell members who look at no page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol
from uuid import UUID

from amanat.accounts.models import Member
from amanat.messaging.inbox.models import Thread


class Listener(Protocol):
    """Called inside the transaction of what happened; what takes time belongs into a job."""

    def message_came(self, thread: Thread) -> None:
        """A person wrote; the thread as it is now."""
        ...

    def named(self, thread_id: UUID, members: Sequence[Member], by: Member) -> None:
        """A note names members who may see it, and not its writer."""
        ...

    def assigned(self, thread: Thread, to: Member | None, by: Member) -> None:
        """Somebody was given the conversation, or nobody has it any more."""
        ...


_listeners: list[Listener] = []


def listen(listener: Listener) -> None:
    """Hear of all of it; called when the site starts."""
    if listener not in _listeners:
        _listeners.append(listener)


def message_came(thread: Thread) -> None:
    for one in _listeners:
        one.message_came(thread)


def named(thread_id: UUID, members: Sequence[Member], by: Member) -> None:
    for one in _listeners:
        one.named(thread_id, members, by)


def assigned(thread: Thread, to: Member | None, by: Member) -> None:
    for one in _listeners:
        one.assigned(thread, to, by)
