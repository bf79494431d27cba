"""Old evidence that only repeats itself is taken out, and the chain stays whole over the gap (docs/decisions/0016).

The database decides what may go, for the application may not delete evidence; what went, and the digest of all gaps made at once,
stands in the ledger. A gap that nobody wrote down there, or one that swallowed a change, is found by `evidence.verify`.
"""

from __future__ import annotations

from datetime import UTC, timedelta
from uuid import UUID

from django.db import connection

from amanat.core import clock, ledger, tenancy
from amanat.proof import evidence
from amanat.proof.models import EvidenceGap

EVERY = timedelta(days=1)


def thin_daily(workspace_id: UUID) -> int:
    """Thin the evidence of a workspace unless that was done within a day; returns how many rows went."""
    at = clock.now()
    with tenancy.inside(workspace_id):
        end = evidence.locked_round(workspace_id, at=at)
        if end.thinned_at is not None and at - end.thinned_at < EVERY:
            return 0
        end.thinned_at = at
        end.save(update_fields=["thinned_at"])
        with connection.cursor() as cursor:
            cursor.execute("SELECT thin_evidence(%s, %s)", [workspace_id, at])
            taken = int(cursor.fetchone()[0])
        if taken:
            made = list(EvidenceGap.objects.of(workspace_id).filter(made_at=at).order_by("first"))
            ledger.write(
                evidence.THINNED, workspace=workspace_id, at=at, rows=taken, gaps=len(made), digest=evidence.digest_of_gaps(made),
                made_at=at.astimezone(UTC).isoformat(),
            )  # fmt: skip
    return taken
