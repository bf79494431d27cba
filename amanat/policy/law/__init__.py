"""Law packs: what laws demand, in versioned files beside this one, each number with its source and how surely it is known.

A pack never changes once published; a new month gets a new file. A number that is not in force yet is told from one that is, so
that a policy can keep it early (state SHADOW) and nobody claims that it binds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Any, Literal

from amanat.policy import reading
from amanat.policy.durations import Duration, DurationInvalid

_FOLDER = Path(__file__).parent
Mark = Literal["read", "secondary", "recalled"]


class PackUnknown(KeyError):
    """There is no such pack, or no such figure in it."""

    def __str__(self) -> str:
        return str(self.args[0])


class State(StrEnum):
    SHADOW = "not in force yet"
    ON = "in force"


@dataclass(frozen=True)
class Source:
    """Where something in a pack comes from, and since when it is in force (None: before this product)."""

    source: str
    mark: Mark
    since: date | None

    def state(self, on: date) -> State:
        return State.ON if self.since is None or self.since <= on else State.SHADOW


@dataclass(frozen=True)
class Figure(Source):
    """A number of the law: a duration, a whole number with its `unit`, or a word."""

    key: str
    value: Duration | int | str
    unit: str


@dataclass(frozen=True)
class Regime(Source):
    """A law that a policy can be under: the grounds on which it lets data be used; `consent` is that of agreement."""

    id: str
    name: str
    consent: str
    grounds: tuple[str, ...]


@dataclass(frozen=True)
class Floor(Source):
    """How long a law makes one keep: a `period`, or until the day `on` so many years after the end of the financial year.

    `of` says what: "books", "logs" or "everything"; `subjects` whose, by country (none: everybody's).
    """

    id: str
    of: Literal["books", "logs", "everything"]
    period: Duration | None = None
    years_after_year_end: int = 0
    on: str = ""
    companies_only: bool = False
    subjects: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pack:
    id: str
    noted: date
    figures: Mapping[str, Figure]
    regimes: Mapping[str, Regime] = field(default_factory=dict)
    floors: Mapping[str, Floor] = field(default_factory=dict)


def names() -> list[str]:
    """The packs there are."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


@cache
def pack(name: str) -> Pack:
    """Raises PackUnknown."""
    if name not in names():
        raise PackUnknown(f"There is no law pack “{name}”. There are: {', '.join(names())}.")
    held = reading.read_file(_FOLDER / f"{name}.yaml").value
    return Pack(
        id=held["pack"],
        noted=date.fromisoformat(held["noted"]),
        figures={key: _figure(key, dict(entry)) for key, entry in held["figures"].items()},
        regimes={key: Regime(id=key, **_sourced(entry)) for key, entry in held.get("regimes", {}).items()},
        floors={key: _floor(key, _sourced(entry)) for key, entry in held.get("floors", {}).items()},
    )


def packs(chosen: Iterable[str]) -> tuple[Pack, ...]:
    """Those of `chosen` that exist."""
    known = set(names())
    return tuple(pack(name) for name in chosen if name in known)


def figure(name: str, key: str) -> Figure:
    """One number of one pack; ask it for its `state`. Raises PackUnknown."""
    try:
        return pack(name).figures[key]
    except KeyError as missing:
        if isinstance(missing, PackUnknown):
            raise
        raise PackUnknown(f"The pack {name} has no figure “{key}”.") from None


def _sourced(entry: Mapping[str, Any]) -> dict[str, Any]:
    since = entry.get("since")
    return {**entry, "since": date.fromisoformat(since) if since else None}


def _figure(key: str, entry: dict[str, Any]) -> Figure:
    value = entry.pop("value")
    if isinstance(value, str):
        with suppress(DurationInvalid):  # a word
            value = Duration.parse(value)
    return Figure(key=key, value=value, unit=entry.pop("unit", ""), **_sourced(entry))


def _floor(key: str, entry: dict[str, Any]) -> Floor:
    period = entry.pop("period", None)
    return Floor(id=key, period=Duration.parse(period) if period else None, **entry)
