"""Tables of the export of the whole workspace besides contacts and companies: how one is described, and those of people and accounts.

Headings and keys are not translated: a file must be readable everywhere. Times are ISO 8601 with their zone, money is rupees with a
point and two places ("250.00", its heading says INR); in JSON the paise stand beside it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member, Team, TeamMember
from amanat.people import export_tables
from amanat.people.export_tables import Dataset
from amanat.people.importing import ours
from amanat.people.models import Attachment, CustomField, Interaction, SavedView, Stage, Tag

_PIECE = 1_000
CURRENCY = "INR"


@dataclass(frozen=True)
class Fact:
    """One column: its heading, its key in JSON, and how the value is had from a row."""

    heading: str
    key: str
    value: Callable[[Any], Any]
    is_money: bool = False


def fact(heading: str, name: str, key: str = "") -> Fact:
    """A column that holds an attribute of the row."""
    return Fact(heading, key or name, lambda row: getattr(row, name))


def money(heading: str, name: str) -> Fact:
    """A column of rupees out of an attribute that counts paise; `name` is without "_paise"."""
    return Fact(f"{heading} ({CURRENCY})", name, lambda row: getattr(row, f"{name}_paise"), is_money=True)


def rupees(paise: int) -> str:
    whole, rest = divmod(abs(paise), 100)
    return f"{'-' if paise < 0 else ''}{whole}.{rest:02}"


def in_pieces(rows: QuerySet[Any]) -> Iterator[Any]:
    """All rows, oldest first, a thousand a statement, so that memory does not grow with them."""
    after = UUID(int=0)
    while True:
        found = list(rows.filter(pk__gt=after).order_by("pk")[:_PIECE])
        yield from found
        if len(found) < _PIECE:
            return
        after = found[-1].pk


def dataset(
    key: str,
    title: str | Promise,
    facts: Sequence[Fact],
    rows: Callable[[UUID], QuerySet[Any]],
    *,
    fields: Callable[[UUID], Sequence[CustomField]] = lambda workspace: (),
) -> Dataset:
    """A table out of its columns. `fields` are the custom fields whose values lie in `custom` of each row."""

    def columns(workspace: UUID) -> list[str]:
        return [*(one.heading for one in facts), *(f"{one.label} [{one.kind}]" for one in fields(workspace))]

    def cells(workspace: UUID) -> Iterator[Sequence[str]]:
        own = fields(workspace)
        for row in in_pieces(rows(workspace)):
            values = [_money(one.value(row)) if one.is_money else text(one.value(row)) for one in facts]
            yield values + [ours.custom_text(one.kind, row.custom.get(one.key)) for one in own]

    def objects(workspace: UUID) -> Iterator[dict[str, Any]]:
        has_money = any(one.is_money for one in facts)
        for row in in_pieces(rows(workspace)):
            found: dict[str, Any] = {}
            for one in facts:
                found |= _in_json(one, one.value(row))
            custom = {"custom": row.custom} if getattr(row, "custom", None) else {}
            yield found | ({"currency": CURRENCY} if has_money else {}) | custom

    keys = {one.heading: (f"{one.key}_paise" if one.is_money else one.key, one.is_money) for one in facts}
    return Dataset(key, title, columns, cells, objects, keys)


def _in_json(one: Fact, value: Any) -> dict[str, Any]:
    if value in (None, "", [], {}):
        return {}
    if one.is_money:
        return {one.key: rupees(value), f"{one.key}_paise": value}
    return {one.key: value.isoformat() if isinstance(value, date | time) else value}


def _money(paise: int | None) -> str:
    return "" if paise is None else rupees(paise)


def text(value: Any) -> str:
    """A value as a cell."""
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case datetime() | date() | time():
            return value.isoformat()
        case list():
            return ours.joined(map(str, value))
        case dict():
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)


def name_of(heading: str, relation: str, key: str = "") -> Fact:
    """A column with the name of a member or record the row points at."""

    def value(row: Any) -> str:
        other = getattr(row, relation)
        return str(other) if other is not None else ""

    return Fact(heading, key or relation, value)


def email_of(heading: str, relation: str) -> Fact:
    """A column with the e-mail address of a member the row points at, by which an import knows her."""

    def value(row: Any) -> str:
        seat = getattr(row, relation)
        return str(seat.user.email) if seat is not None else ""

    return Fact(heading, f"{relation}_email", value)


# --- of accounts and people ----------------------------------------------------------------------------------------


def _members() -> Dataset:
    facts = [
        fact("Amanat member id", "id"), fact("Name", "name"), Fact("E-mail", "email", lambda row: row.user.email),
        fact("Role", "role"), fact("Sees", "sees"), fact("Joined at", "joined_at"), fact("Ended at", "ended_at"),
    ]  # fmt: skip
    return dataset("members", _("Members"), facts, lambda here: Member.objects.of(here).select_related("user"))


def _team_members() -> Dataset:
    facts = [
        fact("Amanat team id", "team_id"), name_of("Team", "team"), fact("Amanat member id", "member_id"),
        name_of("Member", "member"),
    ]  # fmt: skip
    rows = TeamMember.objects.of
    return dataset(
        "team-members", _("Members of teams"), facts, lambda here: rows(here).select_related("team", "member")
    )


def _custom_fields() -> Dataset:
    facts = [
        fact("Amanat field id", "id"), fact("On", "on"), fact("Key", "key"), fact("Label", "label"), fact("Kind", "kind"),
        fact("Choices", "choices"), fact("Help", "help_text"), fact("Required", "is_required"),
        fact("Personal", "personal_kind"), fact("Position", "position"), fact("Retired at", "retired_at"),
    ]  # fmt: skip
    return dataset("custom-fields", _("Custom fields"), facts, CustomField.objects.of)


def _saved_views() -> Dataset:
    facts = [
        fact("Amanat view id", "id"), fact("On", "on"), fact("Name", "name"), name_of("Member", "member"),
        fact("Shared", "is_shared"), fact("Definition", "definition"),
    ]  # fmt: skip
    return dataset(
        "saved-views", _("Saved views"), facts, lambda here: SavedView.objects.of(here).select_related("member")
    )


def _timeline() -> Dataset:
    facts = [
        fact("Amanat line id", "id"), fact("Happened at", "happened_at"), fact("Kind", "kind"), fact("What", "summary"),
        fact("Text", "body"), name_of("By", "actor"), email_of("By (e-mail)", "actor"), fact("Amanat id", "contact_id"),
        fact("Amanat company id", "company_id"), fact("Of what", "reference_kind"), fact("Amanat id of that", "reference_id"),
        fact("Details", "data"),
    ]  # fmt: skip
    rows = Interaction.objects.of
    return dataset("timeline", _("Timeline"), facts, lambda here: rows(here).select_related("actor__user"))


def _attachments() -> Dataset:
    facts = [
        fact("Amanat file id", "id"), fact("Name", "name"), fact("Amanat id", "contact_id"),
        fact("Amanat company id", "company_id"), name_of("Added by", "added_by"), fact("Added at", "added_at"),
    ]  # fmt: skip
    rows = Attachment.objects.of
    return dataset("attachments", _("Files (their names)"), facts, lambda here: rows(here).select_related("added_by"))


def register() -> None:
    teams = [fact("Amanat team id", "id"), fact("Name", "name"), fact("Made at", "created_at")]
    stages = [
        fact("Amanat stage id", "id"), fact("Key", "key"), fact("Name", "name"), fact("Position", "position"),
        fact("Closed", "is_closed"),
    ]  # fmt: skip
    tags = [fact("Amanat tag id", "id"), fact("Name", "name")]
    for one in (
        _members(), dataset("teams", _("Teams"), teams, Team.objects.of), _team_members(),
        dataset("stages", _("Stages"), stages, Stage.objects.of),
        dataset("tags", _("Tags"), tags, Tag.objects.of),
        _custom_fields(), _saved_views(), _timeline(), _attachments(),
    ):  # fmt: skip
        export_tables.register(one)
