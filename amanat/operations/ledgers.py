"""`amanat ledger verify`: the chains of all workspaces, recomputed and compared with the heads kept outside."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connections

from amanat.core import ledger
from amanat.core.models import LedgerEntry

TABLE = LedgerEntry._meta.db_table


@dataclass(frozen=True, slots=True)
class Report:
    verdicts: tuple[ledger.Verdict, ...]

    @property
    def ok(self) -> bool:
        return all(verdict.is_intact for verdict in self.verdicts)

    def as_json(self) -> dict[str, Any]:
        return {
            "ok": self.ok,
            "workspaces": [
                {"workspace": str(verdict.workspace), "entries": verdict.entries, "problem": verdict.problem}
                | {"restored": [str(restored) for restored in verdict.restored]}
                for verdict in self.verdicts
            ],
        }

    def as_text(self) -> str:
        broken = [
            f"Workspace {verdict.workspace}: {verdict.problem}." for verdict in self.verdicts if not verdict.is_intact
        ]
        entries = sum(verdict.entries for verdict in self.verdicts)
        last = f"{entries} entries in {len(self.verdicts)} workspaces checked; {len(broken)} workspaces are broken."
        restored = [f"Workspace {verdict.workspace}: {fact}." for verdict in self.verdicts for fact in verdict.restored]
        return "\n".join([*broken, *restored, last])


def verify() -> Report:
    """Verify every workspace that has entries or a head: one that vanished with its head left behind is found too."""
    return Report(
        tuple(ledger.verify(workspace) for workspace in sorted(_workspaces() | set(ledger.published_heads())))
    )


def _workspaces() -> set[UUID]:
    with connections["owner"].cursor() as cursor:  # the owner's policy shows the rows of all workspaces
        cursor.execute(f"SELECT DISTINCT workspace_id FROM {TABLE}")  # noqa: S608 (a name of ours)
        return {row[0] for row in cursor.fetchall()}
