"""A ledger as a workspace has it after years: sealed entries, chained as the sealer chains them, until there are as many as wanted."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any
from uuid import UUID

from django.db import connections, transaction
from psycopg.types.json import Jsonb

from amanat.core import clock, ids, ledger, tenancy
from amanat.core.models import LedgerHead

AT_ONCE = 50_000
_COLUMNS = ("workspace_id", "id", "at", "event", "facts", "number", "previous", "hash")
_TABLES = ("people_contact", "people_interaction", "people_phone", "messaging_message", "desk_task")


def fill(workspace_id: UUID, wanted: int) -> int:
    """Write entries until the newest has the number `wanted`; returns how many. What the rules wrote before is sealed first."""
    while ledger.seal(workspace_id):
        pass
    written = 0
    while batch := _batch(workspace_id, wanted):
        written += batch
    return written


def _batch(workspace_id: UUID, wanted: int) -> int:
    with tenancy.inside(workspace_id):
        head = LedgerHead.objects.of(workspace_id).select_for_update().get()
        rows = list(_entries(workspace_id, head, min(wanted - head.number, AT_ONCE)))
        if not rows:
            return 0
        with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
            columns = ", ".join(_COLUMNS)
            cursor.execute(
                f"CREATE TEMP TABLE bench_ledger ON COMMIT DROP AS SELECT {columns} FROM core_ledgerentry LIMIT 0"
            )
            with cursor.copy(f"COPY bench_ledger ({columns}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            cursor.execute(f"INSERT INTO core_ledgerentry ({columns}) SELECT {columns} FROM bench_ledger")
        head.number, head.hash = rows[-1][-3], rows[-1][-1]
        head.save(update_fields=["number", "hash"])
        transaction.on_commit(lambda: ledger._publish(workspace_id, head.number, head.hash))
    return len(rows)


def _entries(workspace_id: UUID, head: LedgerHead, count: int) -> Iterator[tuple[Any, ...]]:
    """What the trigger says of a statement, about one row each."""
    begin, previous = clock.now() - timedelta(days=400), head.hash
    for number in range(head.number + 1, head.number + 1 + count):
        facts = {
            "table": _TABLES[number % len(_TABLES)],
            "count": 1,
            "ids": [str(ids.new())],
            "columns": ["updated_at", "note"],
        }
        one: Any = SimpleNamespace(
            workspace_id=workspace_id, id=ids.new(), at=begin + timedelta(seconds=number), event="row.updated",
            actor=None, about=None, facts=facts,
        )  # fmt: skip
        digest = hashlib.sha256(ledger.canonical(one, number=number, previous=previous)).hexdigest()
        yield workspace_id, one.id, one.at, one.event, Jsonb(facts), number, previous, digest
        previous = digest


__all__ = ["fill"]
