"""What the desk adds to the lists that an import of a whole workspace takes."""

from __future__ import annotations

from amanat.desk.importing import cases, catalogue, payments, records, tasks
from amanat.people.importing import parts


def register() -> None:
    for part in (catalogue.PART, records.PART, payments.PART, tasks.PART, cases.PART):
        parts.register(part)
