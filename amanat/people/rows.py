"""Several new rows of several tables in one round trip to the database."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import connection, models
from django.db.models.sql.subqueries import InsertQuery

from amanat.core.tenancy import Unscoped, WorkspaceRow


def insert(rows: Iterable[WorkspaceRow]) -> None:
    """Insert `rows`, one statement a table, all in one message. Foreign keys are deferred, so their order is free."""
    by_model: dict[type[WorkspaceRow], list[models.Model]] = {}
    for row in rows:
        if row.workspace_id is None:
            raise Unscoped(f"{type(row).__name__} was saved without a workspace")
        by_model.setdefault(type(row), []).append(row)
    parts: list[str] = []
    parameters: list[Any] = []
    for model, group in by_model.items():
        query = InsertQuery(model)
        query.insert_values([field for field in model._meta.local_concrete_fields if not field.generated], group)
        for sql, values in query.get_compiler(connection=connection).as_sql():
            parts.append(sql)
            parameters += values
    if not parts:
        return
    with connection.cursor() as cursor:
        cursor.execute("; ".join(parts), parameters)
    for group in by_model.values():
        for saved in group:
            saved._state.adding, saved._state.db = False, connection.alias
