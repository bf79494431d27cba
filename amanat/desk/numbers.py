"""Numbers that count up without gaps: the next one is given out by a locked row and comes back when the work is undone."""

from __future__ import annotations

from django.db import connection

from amanat.core import ids, tenancy
from amanat.core.tenancy import HasId

_NEXT = """
INSERT INTO desk_counter AS c (id, workspace_id, what, next_number) VALUES (%s, %s, %s, 2)
ON CONFLICT (workspace_id, what) DO UPDATE SET next_number = c.next_number + 1
RETURNING next_number - 1
"""


def take(what: str, *, workspace: HasId) -> int:
    """The next number of `what`, from 1. Others who want one wait until this transaction ends, so none is ever lost."""
    with connection.cursor() as cursor:
        cursor.execute(_NEXT, [ids.new(), tenancy.workspace_id_of(workspace), what])
        return int(cursor.fetchone()[0])
