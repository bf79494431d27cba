"""Stages and tags: made, renamed, ordered, merged, deleted with what they were on."""

from __future__ import annotations

import re
from datetime import datetime
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import connection, transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ledger
from amanat.core.tenancy import HasId, workspace_id_of
from amanat.people import script
from amanat.people.drafts import plain
from amanat.people.models import Company, Contact, Stage, Tag

MOST_STAGES = 40


def _name(text: str) -> str:
    name = plain(text)
    if not name or len(name) > 60:
        raise ValidationError({"name": _("Give it a name of at most 60 characters.")})
    return name


def add_stage(*, workspace: HasId, by: Member, at: datetime, name: str, is_closed: bool = False) -> Stage:
    """Make a stage, the last in order. Raises ValidationError."""
    name = _name(name)
    with transaction.atomic():
        stages = list(Stage.objects.of(workspace).order_by("position", "name"))
        if len(stages) >= MOST_STAGES:
            raise ValidationError({"name": _("There are %(count)d stages already.") % {"count": MOST_STAGES}})
        if any(stage.name.casefold() == name.casefold() for stage in stages):
            raise ValidationError({"name": _("There is a stage of this name.")})
        taken = {stage.key for stage in stages}
        base = re.sub(r"[^a-z0-9]+", "_", script.latin(name)).strip("_")[:25] or "stage"
        key = next(key for key in (base, *(f"{base}_{number}" for number in range(2, 100))) if key not in taken)
        position = max((stage.position for stage in stages), default=-1) + 1
        stage = Stage.objects.create(
            workspace_id=workspace_id_of(workspace), key=key, name=name, position=position, is_closed=is_closed
        )
        ledger.write("people.stage.added", workspace=workspace, by=by, about=stage, at=at)
    return stage


def change_stage(*, stage: Stage, by: Member, at: datetime, name: str, is_closed: bool) -> Stage:
    name = _name(name)
    others = Stage.objects.of(stage.workspace_id).exclude(pk=stage.pk).values_list("name", flat=True)
    if name.casefold() in {other.casefold() for other in others}:
        raise ValidationError({"name": _("There is a stage of this name.")})
    stage.name, stage.is_closed = name, is_closed
    with transaction.atomic():
        stage.save(update_fields=["name", "is_closed"])
        ledger.write("people.stage.changed", workspace=stage.workspace_id, by=by, about=stage, at=at)
    return stage


def move_stage(*, stage: Stage, up: bool) -> None:
    """Exchange places with the neighbour."""
    with transaction.atomic():
        order = list(Stage.objects.of(stage.workspace_id).order_by("position", "name"))
        place = next(index for index, one in enumerate(order) if one.pk == stage.pk)
        other = place - 1 if up else place + 1
        if 0 <= other < len(order):
            order[place], order[other] = order[other], order[place]
            for position, one in enumerate(order):
                one.position = position
            Stage.objects.of(stage.workspace_id).bulk_update(order, ["position"])


def delete_stage(*, stage: Stage, by: Member, at: datetime, instead: Stage | None) -> int:
    """Take a stage away; its contacts go to `instead`, or to none. Returns how many."""
    with transaction.atomic():
        moved = Contact.objects.of(stage.workspace_id).filter(stage_id=stage.pk).update(stage=instead, updated_at=at)
        Stage.objects.of(stage.workspace_id).filter(pk=stage.pk).delete()
        ledger.write("people.stage.deleted", workspace=stage.workspace_id, by=by, about=stage, at=at, count=moved)
    return moved


def stage_counts(workspace: HasId | UUID) -> dict[UUID, int]:
    """How many contacts are in each stage, those in the bin too."""
    rows = Contact.objects.of(workspace).filter(stage__isnull=False).values("stage_id").annotate(count=Count("pk"))
    return {row["stage_id"]: row["count"] for row in rows}


def tag_counts(workspace: HasId | UUID) -> dict[UUID, int]:
    """On how many contacts and companies each tag is."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT tag, count(*) FROM (SELECT unnest(tag_ids) AS tag FROM people_contact WHERE workspace_id = %(ws)s "
            "UNION ALL SELECT unnest(tag_ids) FROM people_company WHERE workspace_id = %(ws)s) AS tags GROUP BY tag",
            {"ws": workspace_id_of(workspace)},
        )
        return dict(cursor.fetchall())


def rename_tag(*, tag: Tag, by: Member, at: datetime, name: str) -> Tag:
    """Rename a tag; when another has the name already, the two become one. Returns the tag that is left."""
    name = _name(name)
    other = Tag.objects.of(tag.workspace_id).filter(key=name.casefold()).exclude(pk=tag.pk).first()
    if other is not None:
        merge_tags(tag=tag, into=other, by=by, at=at)
        return other
    tag.name, tag.key = name, name.casefold()
    with transaction.atomic():
        tag.save(update_fields=["name", "key"])
        ledger.write("people.tag.renamed", workspace=tag.workspace_id, by=by, about=tag, at=at)
    return tag


def merge_tags(*, tag: Tag, into: Tag, by: Member, at: datetime) -> int:
    """Put `into` wherever `tag` is, and take `tag` away. Returns on how many records it was."""
    with transaction.atomic():
        count = _replace(tag, into)
        Tag.objects.of(tag.workspace_id).filter(pk=tag.pk).delete()
        ledger.write("people.tag.merged", workspace=tag.workspace_id, by=by, about=into, at=at, count=count)
    return count


def delete_tag(*, tag: Tag, by: Member, at: datetime) -> int:
    """Take a tag off everything. Returns on how many records it was."""
    with transaction.atomic():
        count = _replace(tag, None)
        Tag.objects.of(tag.workspace_id).filter(pk=tag.pk).delete()
        ledger.write("people.tag.deleted", workspace=tag.workspace_id, by=by, about=tag, at=at, count=count)
    return count


def _replace(tag: Tag, into: Tag | None) -> int:
    changed = 0
    with connection.cursor() as cursor:
        for model in (Contact, Company):
            table = connection.ops.quote_name(model._meta.db_table)
            fresh = "array_remove(tag_ids, %(old)s)"
            if into is not None:
                fresh = (
                    f"CASE WHEN %(new)s = ANY (tag_ids) THEN {fresh} ELSE array_replace(tag_ids, %(old)s, %(new)s) END"
                )
            cursor.execute(
                f"UPDATE {table} SET tag_ids = {fresh} WHERE workspace_id = %(ws)s AND %(old)s = ANY (tag_ids)",  # noqa: S608
                {"old": tag.pk, "new": into.pk if into else None, "ws": tag.workspace_id},
            )
            changed += cursor.rowcount
    return changed
