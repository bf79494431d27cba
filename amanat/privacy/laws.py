"""Laws and their grounds as people read them: "DPDP Rules 2025 Rule 8(3)", not the name in a law pack."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from amanat.policy import law

#: Why a law lets data be used, by the names of the law packs: DPDP Act sections 6 and 7, GDPR article 6(1), CCPA 1798.100.
GROUNDS: dict[str, Promise] = {
    "s6": _("with your consent"),
    "s7a": _("you gave it for this yourself"),
    "s7d": _("a law demands it"),
    "s7e": _("a court orders it"),
    "s7f": _("to save a life"),
    "s7i": _("for a job"),
    "A6-1-a": _("with your consent"),
    "A6-1-b": _("to do what was agreed with you"),
    "A6-1-c": _("a law demands it"),
    "A6-1-d": _("to save a life"),
    "A6-1-e": _("a public task"),
    "A6-1-f": _("an interest that weighs more than yours"),
    "notice": _("you were told before"),
}


def ground(name: str) -> str:
    """ "you gave it for this yourself (s7a)"; the name alone where there are no words."""
    return f"{GROUNDS[name]} ({name})" if name in GROUNDS else name


@cache
def _regimes() -> dict[str, str]:
    return {name: one.name for pack in law.packs(law.names()) for name, one in pack.regimes.items()}


def regime(name: str) -> str:
    """ "Digital Personal Data Protection Act 2023"."""
    return _regimes().get(name, name)


@cache
def _sources() -> dict[str, str]:
    """By the name of the floor, of every pack there is: what lies sealed may have been sealed under an older one."""
    return {key: floor.source for pack in law.packs(law.names()) for key, floor in pack.floors.items()}


def in_words(floors: Iterable[str]) -> list[str]:
    """A floor that no pack knows keeps its name."""
    return [_sources().get(one) or one for one in floors]


__all__ = ["ground", "in_words", "regime"]
