"""What waits for a decision, in parts above the desk: the home page of who may decide says how many, at no statement of its own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.functional import Promise

from amanat.accounts.models import Member
from amanat.accounts.permissions import May


@dataclass(frozen=True, slots=True)
class Waiting:
    """`rows` of a workspace that wait. `says` makes a sentence of how many there are and that figure as it is shown."""

    name: str
    permission: May
    rows: Callable[[UUID], QuerySet[Any]]
    says: Callable[[int, str], str]
    url: Callable[[], str]
    action: str | Promise


_registered: list[Waiting] = []


def register(new: Waiting) -> None:
    """Called when the site starts; the same name again replaces the first."""
    _registered[:] = [*(one for one in _registered if one.name != new.name), new]


def of(member: Member) -> list[Waiting]:
    return [one for one in _registered if member.may(one.permission)]
