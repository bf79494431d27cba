"""The laws that make a business keep something, as people read them: "DPDP Rules 2025 Rule 8(3)", not the name in a law pack."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from amanat.policy import law


@cache
def _sources() -> dict[str, str]:
    """By the name of the floor, of every pack there is: what lies sealed may have been sealed under an older one."""
    return {key: floor.source for pack in law.packs(law.names()) for key, floor in pack.floors.items()}


def in_words(floors: Iterable[str]) -> list[str]:
    """A floor that no pack knows keeps its name."""
    return [_sources().get(one) or one for one in floors]


__all__ = ["in_words"]
