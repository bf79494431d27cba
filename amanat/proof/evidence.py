"""Evidence: findings written down in order, each bound to the one before, so that none can be changed or taken out.

`digest` is the SHA-256 of the canonical JSON of a row, `previous` among it. The end of the chain is written to the ledger once
a day and on every change of state, and the ledger's own head lies outside the database: cutting off the end is found too.
"""

from __future__ import annotations

import bisect
import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils import translation

from amanat.core import clock, ledger
from amanat.core.models import LedgerEntry
from amanat.core.rows import Reader
from amanat.policy.probing import Words
from amanat.proof.models import Evidence, EvidenceGap, Outcome, Round

FIRST = "0" * 64
THINNED = "proof.evidence.thinned"
PUBLISHED_EVERY = timedelta(days=1)
_NOT_BROKEN = frozenset({Outcome.KEPT, Outcome.DUE})


@dataclass(frozen=True, slots=True)
class Ran:
    """A run that is over: what `append` writes. `said` is the English message."""

    probe: str
    outcome: Outcome
    said: str
    facts: Mapping[str, Any]
    took_ms: int


def message(words: Words) -> str:
    """The English message of a lazy translation: what is stored, so that every reader gets her own language."""
    with translation.override("en"):
        return str(words)


def canonical(row: Evidence) -> dict[str, Any]:
    """Every stored fact of a row but its digest, as plain JSON."""
    return {
        "workspace": str(row.workspace_id),
        "number": row.number,
        "previous": row.previous,
        "probe": row.probe,
        "at": row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "policy_number": row.policy_number,
        "outcome": str(row.outcome),
        "said": row.said,
        "facts": row.facts,
        "took_ms": row.took_ms,
    }


def digest_of(document: Mapping[str, Any]) -> str:
    text = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_gaps(gaps: Iterable[EvidenceGap]) -> str:
    """What binds gaps that were made at once, in their order."""
    told = [[gap.first, gap.last, gap.previous, gap.digest] for gap in gaps]
    return hashlib.sha256(json.dumps(told, separators=(",", ":")).encode()).hexdigest()


def append(workspace_id: UUID, found: Sequence[Ran], *, policy_number: int, at: datetime) -> list[Evidence]:
    """Write findings at the end of the chain, and into the ledger what changed by them. Needs the workspace's transaction."""
    if not found:
        return []
    end = locked_round(workspace_id, at=at)
    before = latest(workspace_id, [one.probe for one in found])
    rows = []
    for one in found:
        row = Evidence(
            workspace_id=workspace_id, number=end.number + 1, probe=one.probe, at=at, policy_number=policy_number,
            outcome=one.outcome, said=one.said, facts=dict(one.facts), took_ms=one.took_ms, previous=end.digest,
        )  # fmt: skip
        row.digest = digest_of(canonical(row))
        end.number, end.digest = row.number, row.digest
        rows.append(row)
    Evidence.objects.bulk_create(rows)
    changed = _tell_changes(workspace_id, rows, before, at=at)
    if changed or end.published_at is None or at - end.published_at >= PUBLISHED_EVERY:
        ledger.write("proof.evidence.published", workspace=workspace_id, at=at, number=end.number, digest=end.digest)
        end.published_at = at
    end.save(update_fields=["number", "digest", "published_at"])
    return rows


def locked_round(workspace_id: UUID, *, at: datetime) -> Round:
    """The round of a workspace, made at its first use, held until the transaction ends."""
    held = Round.objects.of(workspace_id).select_for_update().first()
    if held is None:
        fresh = Round(workspace_id=workspace_id, due_at=at, digest=FIRST)
        Round.objects.bulk_create([fresh], ignore_conflicts=True)
        held = Round.objects.of(workspace_id).select_for_update().get()
    return held


def _tell_changes(
    workspace_id: UUID, rows: Iterable[Evidence], before: Mapping[str, Evidence], *, at: datetime
) -> bool:
    """Write promises that broke, or are kept again, into the ledger; whether there were any."""
    changed = False
    for row in rows:
        was = before.get(row.probe)
        was_whole = was is None or was.outcome in _NOT_BROKEN
        if was_whole != (row.outcome in _NOT_BROKEN):
            event = "proof.promise.broken" if was_whole else "proof.promise.kept_again"
            ledger.write(event, workspace=workspace_id, at=at, probe=row.probe, evidence=row.number)
            changed = True
    return changed


def latest(workspace_id: UUID, probes: Sequence[str]) -> dict[str, Evidence]:
    """The newest evidence of each probe that has any: one index look-up a probe, in one statement."""
    reader = Reader(Evidence, "e")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT {reader.columns} FROM unnest(%s::text[]) AS wanted (probe) CROSS JOIN LATERAL ("  # noqa: S608
            "SELECT * FROM proof_evidence WHERE workspace_id = %s AND probe = wanted.probe ORDER BY number DESC LIMIT 1) e",
            [list(probes), workspace_id],
        )
        rows = [reader.row(values) for values in cursor.fetchall()]
    return {row.probe: row for row in rows}


def history(workspace_id: UUID, probes: Sequence[str], *, most: int = 20) -> list[Evidence]:
    """The newest findings of some probes, newest first."""
    return list(Evidence.objects.of(workspace_id).filter(probe__in=list(probes)).order_by("-number")[:most])


def chain(workspace_id: UUID, *, after: int = 0) -> Iterator[Evidence]:
    """The chain from its first row, or from the one after a number."""
    return iter(Evidence.objects.of(workspace_id).filter(number__gt=after).order_by("number").iterator(2000))


@dataclass(frozen=True, slots=True)
class Mark:
    """A place of the chain: a row's number and digest. The default is where every chain begins."""

    number: int = 0
    digest: str = FIRST


def published_before(workspace_id: UUID, at: datetime) -> Mark:
    """The newest place that the ledger, which outlives the chain, knew before a moment; the beginning when there is none."""
    entries = LedgerEntry.objects.of(workspace_id).filter(event="proof.evidence.published", at__lt=at)
    entry = entries.order_by("-at", "-id").first()
    return Mark(entry.facts["number"], entry.facts["digest"]) if entry else Mark()


def verify(workspace_id: UUID, *, since: Mark | None = None) -> tuple[int, str]:
    """Up to which number the chain is whole, and the first thing wrong with it, in words; empty when nothing is.

    `since` is a place known from the ledger, from which on rows are recomputed; without it the whole chain is, gaps included.
    """
    found = _verified(workspace_id, since)
    if found[1]:  # somebody may have written or thinned meanwhile: once more, with nobody else at it
        locked_round(workspace_id, at=clock.now())
        found = _verified(workspace_id, since)
    return found


def _verified(workspace_id: UUID, since: Mark | None) -> tuple[int, str]:
    start, end = since or Mark(), Round.objects.of(workspace_id).first()
    checked, previous = start.number, start.digest
    gaps = {gap.first: gap for gap in EvidenceGap.objects.of(workspace_id).filter(last__gt=start.number)}
    for row in chain(workspace_id, after=start.number):
        if end is not None and row.number > end.number:
            return checked, f"evidence {row.number} stands behind the end of the chain"
        checked, previous = _over_gaps(gaps, checked, previous)
        if row.number != checked + 1:
            return checked, f"evidence {checked + 1} is missing"
        if row.previous != previous or digest_of(canonical(row)) != row.digest:
            return checked, f"evidence {row.number} was changed"
        checked, previous = row.number, row.digest
    checked, previous = _over_gaps(gaps, checked, previous)
    if end is not None and (end.number, end.digest) != (checked, previous):
        return checked, f"evidence {checked + 1} is missing"
    return checked, "" if since else _wrong_gap(workspace_id, gaps.values())


def _over_gaps(gaps: Mapping[int, EvidenceGap], checked: int, previous: str) -> tuple[int, str]:
    """Where the chain goes on behind the gaps that begin here."""
    while (gap := gaps.get(checked + 1)) is not None and gap.previous == previous:
        checked, previous = gap.last, gap.digest
    return checked, previous


def _wrong_gap(workspace_id: UUID, gaps: Iterable[EvidenceGap]) -> str:
    """Gaps that the ledger does not know, and changes that one swallowed."""
    held = sorted(gaps, key=lambda gap: gap.first)
    if not held:
        return ""
    entries = LedgerEntry.objects.of(workspace_id)
    told = {entry.facts["made_at"]: entry.facts["digest"] for entry in entries.filter(event=THINNED)}
    by_moment: dict[str, list[EvidenceGap]] = {}
    for gap in held:
        by_moment.setdefault(gap.made_at.astimezone(UTC).isoformat(), []).append(gap)
    for moment, made in by_moment.items():
        if told.get(moment) != digest_of_gaps(made):
            return f"evidence {made[0].first} was taken out, and the ledger does not say so"
    changes = entries.filter(event__in=["proof.promise.broken", "proof.promise.kept_again"])
    for number in changes.values_list("facts__evidence", flat=True).iterator(2000):
        place = bisect.bisect_right(held, int(number), key=lambda gap: gap.first) - 1
        if place >= 0 and held[place].last >= int(number):
            return f"evidence {number} is missing"
    return ""
