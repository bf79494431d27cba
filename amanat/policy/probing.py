"""Probes: small checks that show whether the running system keeps what a policy says.

Each package registers the probes of its own subject in its `probes.py`, found when the site starts. A probe looks at real
rows, files, settings or answers of the running system, never at a flag that says "done"; what it finds becomes evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from uuid import UUID

from django.utils.functional import Promise

from amanat.policy.format import Policy

type Words = str | Promise


class Scope(StrEnum):
    """What one run of a probe is about."""

    WORKSPACE = "workspace"
    INSTALLATION = "installation"  #: the same for all workspaces: run once, shown to each


@dataclass(frozen=True, slots=True)
class Asked:
    """What a probe is asked: whether `policy` is kept in a workspace (inside whose tenancy it runs) at an aware moment."""

    workspace_id: UUID
    policy: Policy
    at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """What a probe found. `said` is a lazy translation with named places, filled from `facts`: "{done} of {all} members".

    `facts` are plain JSON values without personal data: they become evidence and are shown to anyone. `is_due` says of one that is not
    kept that nothing is wrong, but somebody has to confirm it, for the first time or anew.
    """

    is_kept: bool
    said: Words
    facts: Mapping[str, int | float | str | bool | None] = field(default_factory=dict)
    is_due: bool = False


type Run = Callable[[Asked], Finding]


@dataclass(frozen=True, slots=True)
class Probe:
    """`keys`: the promises (keys of the maps beside the ready policies) it proves; `rules`: paths of the rules of a policy it
    checks, such as "keep.account" (that block or anything below it); `minutes`: how long its evidence is fresh."""

    name: str
    title: Words
    keys: frozenset[str]
    rules: tuple[str, ...]
    run: Run
    scope: Scope = Scope.WORKSPACE
    minutes: int = 24 * 60


_probes: dict[str, Probe] = {}


def probe(
    name: str,
    title: Words,
    *,
    keys: tuple[str, ...],
    rules: tuple[str, ...],
    scope: Scope = Scope.WORKSPACE,
    minutes: int = 24 * 60,
) -> Callable[[Run], Run]:
    """Register the function below as a probe; a name belongs to one function."""

    def register(run: Run) -> Run:
        known = _probes.get(name)
        if known is not None and known.run.__qualname__ != run.__qualname__:
            raise ValueError(f"two probes are called {name}")
        _probes[name] = Probe(name, title, frozenset(keys), rules, run, scope, minutes)
        return run

    return register


def registered() -> dict[str, Probe]:
    """All probes by name."""
    return dict(_probes)


def proving(key: str) -> list[Probe]:
    """The probes that prove a promise."""
    return [one for one in _probes.values() if key in one.keys]
