"""Numbers of rows that come from a file: each keeps its own where it is free, and the counter goes on behind them all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.core import ids as new_ids
from amanat.people.importing.parts import Line

_KEEP_ABOVE = """
INSERT INTO desk_counter AS c (id, workspace_id, what, next_number) VALUES (%(id)s, %(here)s, %(what)s, %(next)s + %(more)s)
ON CONFLICT (workspace_id, what) DO UPDATE SET next_number = greatest(c.next_number, %(next)s) + %(more)s
RETURNING next_number - %(more)s
"""


def keep_or_give(lines: Sequence[Line], workspace_id: UUID, *, model: Any, what: str) -> None:
    """The number it had when no other row of `model` has it, otherwise the next one of the counter `what`."""
    if not lines:
        return
    wanted = [line.row["number"] for line in lines]
    taken = set(model.objects.of(workspace_id).filter(number__in=wanted).values_list("number", flat=True))
    without = []
    for line in lines:
        if line.row["number"] in taken:
            without.append(line)
        taken.add(line.row["number"])
    with connection.cursor() as cursor:
        values = {
            "id": new_ids.new(), "here": workspace_id, "what": what, "next": max(wanted) + 1, "more": len(without),
        }  # fmt: skip
        cursor.execute(_KEEP_ABOVE, values)
        first = int(cursor.fetchone()[0])
    for place, line in enumerate(without):
        line.row["number"] = first + place
