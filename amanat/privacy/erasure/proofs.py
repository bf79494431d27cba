"""Records about people's rights outlive them as proof: what was asked, told, held, disclosed, without whom. As declared: fields to be
blanked are, the contact is taken off, and what such a row held as a file goes with its key."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any
from uuid import UUID

from django.contrib.postgres.fields import ArrayField
from django.db import connection, models

from amanat.core import files
from amanat.core.models_files import StoredFile
from amanat.core.personal_data import OnErasure
from amanat.core.tenancy import WorkspaceForeignKey
from amanat.people import pointing
from amanat.people.bin import Kind
from amanat.people.models import Contact
from amanat.privacy.erasure import belongings, lawful
from amanat.privacy.erasure.belongings import Model


def let_go(model: Kind, workspace: UUID, ids: Sequence[UUID], at: datetime) -> None:
    """Before contacts are purged: the package's rows that stay by their declaration let go of them."""
    if model is not Contact:
        return
    for kept, column in _holding(workspace, ids):
        rows = kept.objects.of(workspace).filter(**{f"{column}__in": list(ids)})
        blanks = _blanks(kept)
        keys = [each.column for each in _file_keys(kept)]
        held = {file for each in rows.values_list(*keys) for file in each if file} if keys else set()
        rows.update(**blanks | {column: None})
        for file in StoredFile.objects.of(workspace).filter(pk__in=held) if held else ():
            files.delete(file)


def _holding(workspace: UUID, ids: Sequence[UUID]) -> list[tuple[Model, str]]:
    """Those of `staying` that hold any of the people: few do, and one statement asks them all."""
    parts = " UNION ALL ".join(
        f'SELECT {number} WHERE EXISTS (SELECT 1 FROM "{kept._meta.db_table}" WHERE workspace_id = %s '  # noqa: S608 - our own table
        f'AND "{column}" = ANY((SELECT ids FROM given)::uuid[]))'
        for number, (kept, column) in enumerate(staying())
    )
    with connection.cursor() as cursor:
        cursor.execute(
            f"WITH given AS (SELECT %s::uuid[] AS ids) {parts}", [belongings.array(ids), *[workspace] * len(staying())]
        )
        return [staying()[number] for (number,) in cursor.fetchall()]


@cache
def staying() -> tuple[tuple[Model, str], ...]:
    """Tables of this package, and their columns, that point at contacts and stay when these go."""
    found = []
    for model, column in pointing.at(Contact):
        declared = belongings.held(model)
        field = next(each for each in model._meta.local_fields if each.column == column)
        is_ours = model._meta.app_label == "privacy" and not getattr(model, "append_only", False)
        if is_ours and field.null and declared is not None and not lawful.goes_whole(declared):
            found.append((model, column))
    return tuple(found)


def _blanks(model: Model) -> dict[str, Any]:
    """What the columns become that their declaration wants blank."""
    declared = belongings.held(model)
    assert declared is not None  # `staying` gives no other
    wanted = {name for name, said in declared.personal.items() if said.on_erasure == OnErasure.BLANK}
    return {str(each.column): _blank(each) for each in model._meta.local_concrete_fields if each.name in wanted}


def _blank(each: models.Field[Any, Any]) -> Any:
    if each.null:
        return None
    if isinstance(each, ArrayField):
        return []
    if isinstance(each, models.JSONField):
        return {}
    return b"" if isinstance(each, models.BinaryField) else ""


def _file_keys(model: Model) -> list[WorkspaceForeignKey]:
    keys = (each for each in model._meta.local_fields if isinstance(each, WorkspaceForeignKey))
    return [each for each in keys if each.related_model is StoredFile]
