"""Several querysets asked in one statement whose SQL is written once a process.

Turning a queryset into SQL costs Django about a millisecond, a page of twelve pays it twelve times, and the text differs between two
requests in nothing but its values. So the querysets are built once with stand-ins in the place of the member, the workspace, the days;
each request puts its own values where the stand-ins stood. The rules of who sees what stay where they are, in the querysets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

from amanat.accounts.models import Member

_WORKSPACE, _MEMBER, _TEAMS, _OTHERS = UUID(int=1), UUID(int=2), 10_000, 100
_FIRST_DAY, _FIRST_MOMENT = date(1, 1, 1), datetime(1900, 1, 1, tzinfo=UTC)
#: What becomes of the rows of a part: a list of objects, how many there are, or how many and the sum of their one column.
_KINDS = {
    "rows": "(SELECT coalesce(json_agg(p), '[]') FROM ({}) p)",
    "count": "(SELECT to_json(count(*)) FROM ({}) p)",
    "sum": "(SELECT json_build_array(count(*), coalesce(sum(balance_paise), 0)) FROM ({}) p)",
}


@dataclass(frozen=True)
class Part:
    """A queryset of `values()`, and which of `_KINDS` is wanted of it."""

    rows: QuerySet[Any, Any]
    kind: str = "rows"


@dataclass
class Standins:
    """What querysets are built with in the place of the values of a request; each name has one stand-in."""

    member: Member
    names: dict[Any, str] = field(default_factory=dict)

    def day(self, name: str) -> date:
        return self._once(name, _FIRST_DAY + timedelta(days=len(self.names)))

    def moment(self, name: str) -> datetime:
        return self._once(name, _FIRST_MOMENT + timedelta(days=len(self.names)))

    def identity(self, name: str) -> UUID:
        return self._once(name, UUID(int=_OTHERS + len(self.names)))

    def text(self, name: str) -> str:
        return self._once(name, f"\ue000{name}")  # of a private area of Unicode: no text of ours begins so

    def _once[Value](self, name: str, fresh: Value) -> Value:
        known: Value = next((standin for standin, given in self.names.items() if given == name), fresh)
        self.names[known] = name
        return known


#: The SQL, and for each parameter its name in a request or, when it is the same in all, its value.
type Written = tuple[str, list[tuple[str, Any]]]
type Build = Callable[[Standins], dict[str, Part]]
type BuildRows = Callable[[Standins], QuerySet[Any, Any]]
#: Writes the SQL of what was built, and its parameters.
type Writer = Callable[[Standins], tuple[str, list[Any]]]
_written: dict[tuple[Any, ...], Written] = {}


def read(key: str, build: Build, *, member: Member, values: Mapping[str, Any]) -> dict[str, Any]:
    """What the parts that `build` makes hold for `member`, by name. `key` names the shape: equal keys must build the same."""
    answer = _asked(f"parts {key}", lambda standins: _as_parts(build(standins)), member, values)
    found: dict[str, Any] = json.loads(answer[0][0])
    return found


def rows(key: str, build: BuildRows, *, member: Member, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of the queryset of `values_list()` that `build` makes; of columns that the database gives as they are wanted."""
    return _asked(f"rows {key}", lambda standins: _as_rows(build(standins)), member, values)


def _as_parts(parts: Mapping[str, Part]) -> tuple[str, list[Any]]:
    pieces: list[str] = []
    held: list[Any] = []
    for name, part in parts.items():
        sql, more = part.rows.query.sql_with_params()
        pieces.append(f"'{name}', {_KINDS[part.kind].format(sql)}")
        held += more
    return f"SELECT json_build_object({', '.join(pieces)})::text", held


def _as_rows(queryset: QuerySet[Any, Any]) -> tuple[str, list[Any]]:
    sql, held = queryset.query.sql_with_params()
    return sql, list(held)


def _asked(key: str, write: Writer, member: Member, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    teams = list(getattr(member, "team_ids", ()) or ())
    shape = (key, member.sees_all, len(teams))
    if shape not in _written:
        _written[shape] = _write(write, member, len(teams))
    sql, parameters = _written[shape]
    known = {"workspace": member.workspace_id, "member": member.pk, **values}
    known |= {f"team {place}": team for place, team in enumerate(teams)}
    with connection.cursor() as cursor:
        cursor.execute(sql, [known[name] if name else value for name, value in parameters])
        found: list[tuple[Any, ...]] = cursor.fetchall()
    return found


def _write(write: Writer, member: Member, teams: int) -> Written:
    standin = copy(member)
    standin.pk, standin.workspace_id = _MEMBER, _WORKSPACE
    standin.team_ids = [UUID(int=_TEAMS + place) for place in range(teams)]
    standins = Standins(standin)
    sql, held = write(standins)
    names = {_WORKSPACE: "workspace", _MEMBER: "member", **standins.names}
    names |= {team: f"team {place}" for place, team in enumerate(standin.team_ids)}
    return sql, [(_name(value, names), value) for value in held]


def _name(value: Any, names: Mapping[Any, str]) -> str:
    try:
        return names.get(value, "")
    except TypeError:  # a list is no stand-in
        return ""
