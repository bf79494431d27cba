"""Packages that give data to recipients outside say here how these are told to erase it; erasing itself, far above, asks.

A `Receiver` is one recipient by its name in the policy. What it gives back as proof closes the order; nothing leaves it to a member.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from uuid import UUID

from django.utils.functional import Promise


@dataclass(frozen=True, slots=True)
class Order:
    """What a recipient is told: the numbers (E.164) and addresses it knows the people by. `rows` are those that `went` named."""

    workspace_id: UUID
    erasure_id: UUID
    addresses: Sequence[str]
    rows: Sequence[UUID]


@dataclass(frozen=True, slots=True)
class Receiver:
    """`went(workspace, contacts)` gives ids of rows that show what the recipient received of them, none: nothing; it is asked inside the
    workspace, before they are erased. `tell` hands the order over, outside of any transaction, and gives the proof ("number 4711 of the
    provider"), "" when a member must do it; whatever it raises leaves the order open. It may be asked twice. `how` tells that member
    what to do there, in a sentence or two."""

    name: str
    went: Callable[[UUID, Collection[UUID]], Sequence[UUID]]
    tell: Callable[[Order], str] | None = None
    how: str | Promise = ""


_receivers: dict[str, Receiver] = {}


def register(receiver: Receiver) -> None:
    """Let orders reach a recipient; the same name again replaces it. Called in AppConfig.ready()."""
    _receivers[receiver.name] = receiver


def receivers() -> Mapping[str, Receiver]:
    """Those registered, by name."""
    return MappingProxyType(_receivers)


__all__ = ["Order", "Receiver", "receivers", "register"]
