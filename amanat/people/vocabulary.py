"""The words a workspace uses for its records: stages, members, teams, tags, custom fields. One statement reads them all,
so that a list names the owner and stage of each row without joins."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.core import clock
from amanat.core.tenancy import HasId, workspace_id_of

_SQL = """
SELECT
  (SELECT json_agg(json_build_array(id, name, is_closed) ORDER BY position, name)::text FROM people_stage WHERE workspace_id = %(ws)s),
  (SELECT json_agg(json_build_array(id, name, ended_at IS NULL) ORDER BY name)::text FROM accounts_member WHERE workspace_id = %(ws)s),
  (SELECT json_agg(json_build_array(id, name) ORDER BY name)::text FROM accounts_team WHERE workspace_id = %(ws)s),
  (SELECT json_agg(json_build_array(id, name, key) ORDER BY key)::text FROM people_tag WHERE workspace_id = %(ws)s),
  (SELECT json_agg(json_build_array(id, "on", key, label, kind, choices, help_text, is_required, personal_kind)
     ORDER BY position, created_at, id)::text FROM people_customfield WHERE workspace_id = %(ws)s AND retired_at IS NULL)
"""
_OWN = 5  #: columns of the statement that are words
_besides: dict[str, str] = {}


def also(name: str, sql: str) -> None:
    """Read one text more in the same statement, for a package above: a scalar subselect that may use %(ws)s and %(now)s.

    What it finds is `Vocabulary.besides[name]`. Called in AppConfig.ready().
    """
    _besides[name] = sql


@dataclass(frozen=True, slots=True)
class StageWord:
    id: UUID
    name: str
    is_closed: bool


@dataclass(frozen=True, slots=True)
class MemberWord:
    id: UUID
    name: str
    is_active: bool


@dataclass(frozen=True, slots=True)
class TagWord:
    id: UUID
    name: str
    key: str


@dataclass(frozen=True, slots=True)
class FieldWord:
    """A custom field in use."""

    id: UUID
    on: str
    key: str
    label: str
    kind: str
    choices: Sequence[str]
    help_text: str
    is_required: bool
    personal_kind: str


@dataclass(frozen=True)
class Vocabulary:
    """All by id, in the order they are shown. `key` is another one for other words, so that what was drawn from it can be kept."""

    stages: dict[UUID, StageWord] = field(default_factory=dict)
    members: dict[UUID, MemberWord] = field(default_factory=dict)
    teams: dict[UUID, str] = field(default_factory=dict)
    tags: dict[UUID, TagWord] = field(default_factory=dict)
    fields: Sequence[FieldWord] = ()
    key: str = ""
    besides: Mapping[str, str | None] = field(default_factory=dict)  #: see `also`

    def member_name(self, identity: UUID | None) -> str:
        member = self.members.get(identity) if identity else None
        return member.name if member else ""

    def first_name(self, identity: UUID | None) -> str:
        return self.member_name(identity).partition(" ")[0]

    def stage_name(self, identity: UUID | None) -> str:
        stage = self.stages.get(identity) if identity else None
        return stage.name if stage else ""

    def tag_names(self, identities: Sequence[UUID]) -> list[str]:
        return [self.tags[identity].name for identity in identities if identity in self.tags]

    def fields_on(self, on: str) -> list[FieldWord]:
        return [one for one in self.fields if one.on == on]

    def active_members(self) -> list[MemberWord]:
        return [member for member in self.members.values() if member.is_active]


def of(workspace: HasId | UUID) -> Vocabulary:
    """The vocabulary of one workspace, in one statement."""
    with connection.cursor() as cursor:
        sql = _SQL + "".join(f", ({one})" for one in _besides.values())
        cursor.execute(sql, {"ws": workspace_id_of(workspace), "now": clock.now()})
        row = cursor.fetchone()
    words = _read(*row[:_OWN])
    # Who makes a tag adds it to the words in hand.
    return replace(words, tags=dict(words.tags), besides=dict(zip(_besides, row[_OWN:], strict=True)))


def of_request(request: Any) -> Vocabulary:
    """The vocabulary of a member's workspace, read once a request: for pages of several parts."""
    held: Vocabulary | None = request.__dict__.get("_vocabulary")
    if held is None:
        held = request.__dict__["_vocabulary"] = of(request.workspace)
    return held


@lru_cache(100)
def _read(*lists: str | None) -> Vocabulary:
    """Words change rarely, so the same text is read once."""
    stages, members, teams, tags, fields = ([] if text is None else json.loads(text) for text in lists)
    return Vocabulary(
        stages={UUID(row[0]): StageWord(UUID(row[0]), *row[1:]) for row in stages},
        members={UUID(row[0]): MemberWord(UUID(row[0]), *row[1:]) for row in members},
        teams={UUID(row[0]): row[1] for row in teams},
        tags={UUID(row[0]): TagWord(UUID(row[0]), *row[1:]) for row in tags},
        fields=[FieldWord(UUID(row[0]), *row[1:]) for row in fields],
        key=hashlib.sha256(repr(lists).encode()).hexdigest(),
    )
