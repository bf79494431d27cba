"""What the running code really holds, sets and calls: the other side of every comparison with a policy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Self

from amanat.core.personal_data import Held


@dataclass(frozen=True)
class Inventory:
    """Handed in by who knows: this package sees neither models nor routes.

    `columns`: "app.Model.field" of personal data and its term; `fields`: entry point and the terms that enter there;
    `cookies`: names set on a device; `hosts`: each host the code can call and the recipient it calls there; `asked`: recipients that are
    written to only where the policy names them; `promises`: every id that a clause may name in `probe`, none when nobody said.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    cookies: frozenset[str] = frozenset()
    hosts: Mapping[str, str] = field(default_factory=dict)
    asked: frozenset[str] = frozenset()
    promises: frozenset[str] = frozenset()

    @classmethod
    def of(
        cls,
        held: Iterable[Held],
        *,
        cookies: Iterable[str] = (),
        hosts: Mapping[str, str] | None = None,
        asked: Iterable[str] = (),
        promises: Iterable[str] = (),
    ) -> Self:
        """From the packages' declarations of personal data (core.personal_data), which a test holds against the models."""
        columns: dict[str, str] = {}
        fields: defaultdict[str, set[str]] = defaultdict(set)
        for table in held:
            for name, personal in table.personal.items():
                columns[f"{table.model}.{name}"] = personal.kind
                for entry in table.via:
                    fields[entry].add(personal.kind)
        return cls(
            columns=columns,
            fields={entry: frozenset(kinds) for entry, kinds in fields.items()},
            cookies=frozenset(cookies),
            hosts=dict(hosts or {}),
            asked=frozenset(asked),
            promises=frozenset(promises),
        )
