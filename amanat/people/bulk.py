"""One change on many records at once, in a handful of statements however many there are."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Case, F, Func, JSONField, TextField, UUIDField, Value, When
from django.db.models.functions import Cast
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ledger
from amanat.core.tenancy import HasId
from amanat.people import custom_fields, differences, masking, records, rows, timeline, vocabulary
from amanat.people.models import Company, Contact, Interaction, SearchEntry
from amanat.people.vocabulary import FieldWord, Vocabulary

#: More than this is a matter for an import.
MOST = 10_000
_PIECE = 2_000
_TAGS = ArrayField(UUIDField())


@dataclass(frozen=True, slots=True)
class Offer:
    """A button of the bulk bar of contacts that a package above adds: the chosen rows are posted to its route."""

    label: str | Promise
    icon: str
    url_name: str
    permission: str


_offers: list[Offer] = []


def offer(button: Offer) -> None:
    """Called in AppConfig.ready()."""
    if button not in _offers:
        _offers.append(button)


def offers_for(member: Member) -> list[Offer]:
    return [button for button in _offers if member.may(button.permission)]


class _Unset:
    """The field is left as it is; None empties it."""


UNSET = _Unset()


@dataclass(frozen=True, slots=True, kw_only=True)
class BulkChanges:
    """What to change. Tags are names; `stage` counts for contacts only."""

    stage: UUID | _Unset | None = UNSET
    owner: UUID | _Unset | None = UNSET
    team: UUID | _Unset | None = UNSET
    follow_up_on: date | _Unset | None = UNSET
    add_tag: str = ""
    remove_tag: str = ""
    #: values of custom fields as somebody enters them, by key; None takes the value away
    custom: Mapping[str, Any] = field(default_factory=dict)


def apply(
    model: type[Contact] | type[Company],
    *,
    workspace: HasId,
    by: Member,
    at: datetime,
    ids: Sequence[UUID],
    changes: BulkChanges,
) -> int:
    """Change the records of `ids` that `by` may see and that are not in the bin; returns how many. Raises ValidationError."""
    words = vocabulary.of(workspace)
    _check(changes, words, model, by)
    with transaction.atomic():
        visible = model.objects.of(workspace).visible_to(by).alive()
        chosen = list(
            visible.filter(pk__in=list(ids)[:MOST])
            .order_by("id")
            .select_for_update(of=("self",))
            .values_list("pk", flat=True)
        )
        columns, told, tags = _columns(changes, words, workspace)
        own = words.fields_on("contact" if model is Contact else "company")
        _set_own(changes, own, columns, told)
        data = differences.as_data({name: ("", new) for name, new in told.items()}, differences.own_labels(told, own))
        if not chosen or not columns:
            return 0
        rows.insert(tags)
        for start in range(0, len(chosen), _PIECE):
            piece = chosen[start : start + _PIECE]
            model.objects.of(workspace).filter(pk__in=piece).update(updated_at=at, **columns)
            _follow(piece, columns, workspace)
            rows.insert(_lines(model, piece, data, workspace=workspace, by=by, at=at))
        ledger.write(
            f"people.{model._meta.model_name}.changed_many", workspace=workspace, by=by, at=at,
            count=len(chosen), fields=sorted(told),
        )  # fmt: skip
    return len(chosen)


def _lines(
    model: type[Contact] | type[Company],
    piece: Sequence[UUID],
    data: dict[str, Any],
    *,
    workspace: HasId,
    by: Member,
    at: datetime,
) -> list[Interaction]:
    """What the timeline of each tells; what was there before is not read, and not told."""
    return [
        timeline.line(
            workspace=workspace, kind="change", summary=differences.told_again(data), happened_at=at, actor=by,
            data=data,
            contact=pk if model is Contact else None, company=pk if model is Company else None,
        )
        for pk in piece
    ]  # fmt: skip


def _check(changes: BulkChanges, words: Vocabulary, model: type[Contact] | type[Company], by: Member) -> None:
    errors: dict[str, str] = {}
    if not isinstance(changes.stage, _Unset) and (
        model is Company or (changes.stage and changes.stage not in words.stages)
    ):
        errors["stage"] = _("There is no such stage here.")
    if not isinstance(changes.owner, _Unset) and changes.owner and changes.owner not in words.members:
        errors["owner"] = _("There is no such member here.")
    if not isinstance(changes.team, _Unset) and changes.team and changes.team not in words.teams:
        errors["team"] = _("There is no such team here.")
    if len(changes.add_tag) > 60:
        errors["add_tag"] = _("At most %(count)d characters.") % {"count": 60}
    own = words.fields_on("contact" if model is Contact else "company")
    held = masking.guard(by, words, masking.SERVICE) if changes.custom and model is Contact else masking.Guard()
    for key in changes.custom:
        if held.hides(f"custom-{key}"):
            errors[f"custom-{key}"] = _("You do not see this field, so you cannot set it.")
    if errors:
        raise ValidationError(errors)
    custom_fields.merged(own, {}, changes.custom)


def _columns(
    changes: BulkChanges, words: Vocabulary, workspace: HasId
) -> tuple[dict[str, Any], dict[str, str], list[Any]]:
    """Columns for UPDATE, what the timeline tells, tags to make."""
    columns: dict[str, Any] = {}
    told: dict[str, str] = {}
    for name, column in (
        ("stage", "stage_id"),
        ("owner", "owner_id"),
        ("team", "team_id"),
        ("follow_up_on", "follow_up_on"),
    ):
        value = getattr(changes, name)
        if not isinstance(value, _Unset):
            columns[column], told[name] = value, differences.told(name, value, words)
    made: list[Any] = []
    if changes.add_tag.strip():
        (tag,), made = records.tag_ids([changes.add_tag.strip()], words, workspace=workspace)
        columns["tag_ids"] = Case(
            When(tag_ids__contains=[tag], then=F("tag_ids")),
            default=Func(F("tag_ids"), Value(tag, UUIDField()), function="array_append", output_field=_TAGS),
        )
        told["tags"] = f"+ {changes.add_tag.strip()}"
    elif changes.remove_tag.strip():
        key = changes.remove_tag.strip().casefold()
        tag_id = next((one.id for one in words.tags.values() if one.key == key), None)
        if tag_id is not None:
            columns["tag_ids"] = Func(
                F("tag_ids"), Value(tag_id, UUIDField()), function="array_remove", output_field=_TAGS
            )
            told["tags"] = f"− {changes.remove_tag.strip()}"
    return columns, told, made


def _set_own(changes: BulkChanges, own: Sequence[FieldWord], columns: dict[str, Any], told: dict[str, str]) -> None:
    """Values of custom fields, each into the records' own values; the others of a record stay."""
    stored = custom_fields.merged(own, {}, changes.custom)
    gone = [key for key in changes.custom if key not in stored]
    if not changes.custom:
        return
    held: Any = F("custom")
    for key in gone:
        held = Func(
            held,
            Cast(Value(key), TextField()),
            template="(%(expressions)s)",
            arg_joiner=" - ",
            output_field=JSONField(),
        )
    if stored:
        given = Cast(Value(json.dumps(stored)), JSONField())
        held = Func(held, given, template="(%(expressions)s)", arg_joiner=" || ", output_field=JSONField())
    columns["custom"] = held
    by_key = {one.key: one for one in own}
    told |= {f"custom-{key}": differences.own_value(by_key[key], stored.get(key)) for key in changes.custom}


def _follow(piece: Sequence[UUID], columns: dict[str, Any], workspace: HasId) -> None:
    """The search knows owner and team too, for members who see only theirs."""
    shared = {name: columns[name] for name in ("owner_id", "team_id") if name in columns}
    if shared:
        SearchEntry.objects.of(workspace).filter(pk__in=piece).update(**shared)
