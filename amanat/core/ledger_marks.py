"""How far a ledger was verified, kept outside the database, so that the next check need not begin at the first entry.

A check that goes on from a mark must find whatever a check from the first entry would find. So a mark holds more than a number: the
fingerprint of every entry up to it, SHA-256 over every stored column of block after block, which the database computes in a fraction of the time
that recomputing the chain takes. When it is the same as when the chain was recomputed, no entry below the mark can differ from the one that
was recomputed then. When it is not, for whatever reason, the mark says nothing and the chain is recomputed from its first entry.

The file lies beside the heads, is signed with the key that the database does not know, and is only ever a reason to do less:
without it, or when it is damaged, cut or older than `WHOLE_EVERY`, everything is recomputed.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import connection

from amanat.core import tombstones

#: Every chain is recomputed from its first entry at least so often.
WHOLE_EVERY = timedelta(days=7)
BLOCK = 10_000
#: The next block of entries. `ROW(...)::text` quotes what it puts together, so that no two lists of rows give the same text. A block is
#: read along the index of numbers and takes some ten milliseconds: no ledger is too long for the time a statement may take.
_SQL = """
SELECT CASE WHEN max(number) > %(upto)s THEN
    encode(sha256(convert_to(string_agg(one, '' ORDER BY number) FILTER (WHERE number <= %(upto)s), 'UTF8')), 'hex') END,
  encode(sha256(convert_to(string_agg(one, '' ORDER BY number), 'UTF8')), 'hex'), max(number)
FROM (SELECT number, ROW(id, number, previous, hash, event, actor, about, facts, at AT TIME ZONE 'UTC')::text AS one
  FROM core_ledgerentry WHERE workspace_id = %(here)s AND {which} ORDER BY number LIMIT %(block)s) AS entries
"""
_FIRST, _NEXT = _SQL.format(which="number IS NOT NULL"), _SQL.format(which="number > %(after)s")


@dataclass(frozen=True, slots=True)
class Mark:
    """Up to entry `number`, with this `hash`, all was recomputed; from the first entry last at `whole_at`."""

    number: int
    hash: str
    fingerprint: str
    whole_at: datetime


@dataclass(frozen=True, slots=True)
class Fingerprints:
    """Of the entries up to a mark, and of all that are there now, the newest of which is `number`."""

    upto_mark: str
    all: str
    number: int


def fingerprints(workspace_id: UUID, *, upto: int) -> Fingerprints:
    """Asked inside the workspace. Entries that are sealed meanwhile may come in at the end."""
    before: list[str] = []
    every: list[str] = []
    last: int | None = None
    with connection.cursor() as cursor:
        while True:
            cursor.execute(
                _FIRST if last is None else _NEXT, {"here": workspace_id, "upto": upto, "block": BLOCK, "after": last}
            )
            in_part, whole, newest = cursor.fetchone()
            if newest is None:
                return Fingerprints(_joined(before), _joined(every), last or 0)
            every.append(whole)
            if newest <= upto:
                before.append(whole)
            elif in_part:
                before.append(in_part)
            last = newest


def _joined(digests: Sequence[str]) -> str:
    return hashlib.sha256("".join(digests).encode()).hexdigest()


def read(workspace_id: UUID, *, at: datetime) -> Mark | None:
    """The mark of a workspace, when it is ours, whole and young enough."""
    try:
        said = json.loads(_file(workspace_id).read_text(encoding="utf-8"))
        signed = str(said.pop("signed"))
        if not hmac.compare_digest(signed, _signature(said)) or said["workspace"] != str(workspace_id):
            return None
        mark = Mark(
            int(said["number"]), str(said["hash"]), str(said["fingerprint"]), datetime.fromisoformat(said["whole_at"])
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, tombstones.KeyMissing):
        return None
    return mark if timedelta() <= at - mark.whole_at < WHOLE_EVERY else None


def write(workspace_id: UUID, mark: Mark) -> None:
    """Replace the mark, all at once. What cannot be written is left: the next check does more."""
    said = {"workspace": str(workspace_id), **asdict(mark), "whole_at": mark.whole_at.astimezone(UTC).isoformat()}
    path = _file(workspace_id)
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        text = json.dumps({**said, "signed": _signature(said)})
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh.write_text(text, encoding="utf-8")
        fresh.replace(path)
    except (OSError, tombstones.KeyMissing):
        fresh.unlink(missing_ok=True)


def _signature(said: dict[str, object]) -> str:
    message = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.blake2b(message, key=tombstones.key(), person=b"ledger.verified").hexdigest()


def _file(workspace_id: UUID) -> Path:
    return Path(settings.LEDGER_HEADS_FILE).with_name("ledger-verified") / f"{workspace_id}.json"


__all__ = ["WHOLE_EVERY", "Fingerprints", "Mark", "fingerprints", "read", "write"]
