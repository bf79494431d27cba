"""What a package above adds to an import of people: questions on its page, and what happens with the people once they are written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol
from uuid import UUID

from django import forms

from amanat.people.models import ImportRun


class Besides(Protocol):
    """Called inside the workspace. `fields` are those of the form; `told` raises ValidationError for answers that make no sense and
    gives what is kept in the run's options (plain JSON); `apply` does its part for people of a batch, in the batch's transaction."""

    def fields(self, workspace_id: UUID) -> dict[str, forms.Field]: ...

    def told(self, given: Mapping[str, Any]) -> dict[str, Any]: ...

    def apply(self, run: ImportRun, contact_ids: Sequence[UUID]) -> None: ...


_registered: list[Besides] = []


def register(besides: Besides) -> None:
    """Called in AppConfig.ready()."""
    if all(type(besides) is not type(known) for known in _registered):
        _registered.append(besides)


def registered() -> list[Besides]:
    return list(_registered)
