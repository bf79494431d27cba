"""Rows of models from SQL written by hand, for the few questions that every single request asks.

Django takes longer to compile such a question (0.3 ms) than PostgreSQL to answer it. Only questions without choices are
written so; all others stay querysets.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db import connection, models


class Reader[Row: models.Model]:
    """The columns of a model for a SELECT, and its instances from what that gave."""

    def __init__(self, model: type[Row], alias: str) -> None:
        self._model = model
        fields = model._meta.concrete_fields
        self._names = [field.attname for field in fields]
        self._read = [
            (place, field.from_db_value) for place, field in enumerate(fields) if hasattr(field, "from_db_value")
        ]
        self.columns = ", ".join(f'{alias}."{field.column}"' for field in fields)
        self.width = len(fields)

    def row(self, values: Sequence[Any]) -> Row:
        """The instance of one answer's `width` values, as a queryset would give it."""
        values = list(values)
        for place, read in self._read:
            values[place] = read(values[place], None, connection)
        return self._model.from_db(connection.alias, self._names, values)


__all__ = ["Reader"]
