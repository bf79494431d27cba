"""The ledger: what happened, in order, that nobody can quietly change.

Two writers, one table. A rule writes the fact it stands for (`ledger.write("contacts.merged", ...)`) in its own
transaction; a statement trigger (`ledger_watch`, made by `core.schema`) writes every change of a business row, naming
table, columns and rows but never a value, because the chain must outlive an erasure.

A sealer numbers and chains the new entries of each workspace every few seconds: `hash` = SHA-256 over the previous
hash and the entry's canonical JSON. Entries cannot be updated by the application (it may fill number, previous and
hash once). The newest head of each workspace is also appended to a file outside the database, so that cutting off the
end of the table is found too. `verify()` names the first entry that was changed, is missing or stands elsewhere.

In that file a head never goes down, except by the mark of a restore from a backup, which says how far the ledger had come
and is signed with a key that the database does not know. A mark that is not signed right is a finding by itself; one that
is, `verify()` states for ever: which entries were lost, when, and with which backup.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple
from uuid import UUID

from django.conf import settings
from django.db import transaction

from amanat.core import clock, ledger_marks, tenancy, tombstones
from amanat.core.ledger_marks import Fingerprints, Mark
from amanat.core.models import LedgerEntry, LedgerHead
from amanat.core.tenancy import HasId

FIRST = "0" * 64
SEAL_BATCH = 5000


def write(
    event: str,
    *,
    workspace: HasId | UUID,
    by: HasId | UUID | None = None,
    about: HasId | UUID | None = None,
    at: datetime | None = None,
    **facts: Any,
) -> LedgerEntry:
    """Record that `event` ("subject.thing.happened") took place; call it inside the transaction that made it happen.

    `facts` are JSON values without personal data: counts, ids, names of fields. `about` is the record concerned.
    """
    return LedgerEntry.objects.create(
        workspace_id=tenancy.workspace_id_of(workspace),
        event=event,
        actor=_id(by),
        about=_id(about),
        at=at or clock.now(),
        facts=facts,
    )


def _id(row: HasId | UUID | None) -> UUID | None:
    return row if row is None or isinstance(row, UUID) else row.pk


class Stored(NamedTuple):
    """What is stored of an entry: a whole model costs as much to make as its hash."""

    workspace_id: UUID
    id: UUID
    at: datetime
    event: str
    actor: UUID | None
    about: UUID | None
    facts: dict[str, Any]
    number: int
    previous: str
    hash: str


def canonical(entry: LedgerEntry | Stored, *, number: int, previous: str) -> bytes:
    """The bytes that are hashed: every stored fact of the entry, keys sorted, times in UTC to the microsecond."""
    return json.dumps(
        {
            "workspace": str(entry.workspace_id),
            "number": number,
            "previous": previous,
            "id": str(entry.id),
            "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
            "event": entry.event,
            "actor": str(entry.actor) if entry.actor else None,
            "about": str(entry.about) if entry.about else None,
            "facts": entry.facts,
        },
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
    ).encode()


def seal(workspace: UUID) -> int:
    """Number and chain what is new in one workspace; returns how many entries. One sealer at a time, others return 0."""
    with tenancy.inside(workspace):
        LedgerHead.objects.bulk_create(
            [LedgerHead(workspace_id=workspace, number=0, hash=FIRST, sealed_at=clock.now())], ignore_conflicts=True
        )
        head = LedgerHead.objects.of(workspace).select_for_update(skip_locked=True).first()
        if head is None:
            return 0
        fresh = list(LedgerEntry.objects.of(workspace).filter(number__isnull=True).order_by("at", "id")[:SEAL_BATCH])
        for entry in fresh:
            entry.number, entry.previous = head.number + 1, head.hash
            entry.hash = hashlib.sha256(canonical(entry, number=entry.number, previous=entry.previous)).hexdigest()
            head.number, head.hash = entry.number, entry.hash
        if fresh:
            LedgerEntry.objects.of(workspace).bulk_update(fresh, ["number", "previous", "hash"], batch_size=500)
            head.sealed_at = clock.now()
            head.save(update_fields=["number", "hash", "sealed_at"])
            transaction.on_commit(lambda: _publish(workspace, head.number, head.hash))
    return len(fresh)


def _heads_file() -> Path:
    return Path(settings.LEDGER_HEADS_FILE)


def _publish(workspace: UUID, number: int, digest: str) -> None:
    """Append the head to the file outside the database; the highest of a workspace counts."""
    _append({"workspace": str(workspace), "number": number, "hash": digest, "at": clock.now().isoformat()})


def _append(said: dict[str, Any]) -> None:
    path = _heads_file()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write(json.dumps(said) + "\n")


@dataclass(frozen=True)
class Restoration:
    """A restore that took entries away: those after `kept`, up to `lost_to`, were written after the backup of `made_at`."""

    at: datetime
    made_at: datetime
    kept: int
    lost_to: int

    def __str__(self) -> str:
        days = f"restored on {self.at:%Y-%m-%d %H:%M} UTC from a backup of {self.made_at:%Y-%m-%d %H:%M} UTC"
        return f"{days}: entries {self.kept + 1} to {self.lost_to} were lost then"


@dataclass
class _Published:
    """What the file outside the database says of one workspace."""

    number: int = 0
    hash: str = FIRST
    restored: tuple[Restoration, ...] = ()
    is_forged: bool = False


def published_heads() -> dict[UUID, tuple[int, str]]:
    """The head of each workspace as written outside the database."""
    return {workspace: (said.number, said.hash) for workspace, said in _published().items()}


def mark_restored(*, made_at: datetime, at: datetime, heads: dict[UUID, tuple[int, str]]) -> int:
    """After a restore: write down for each ledger that is shorter or other than it was published that a backup did it.

    `heads` are the restored ones; `made_at` is when the backup was made. Returns how many ledgers lost entries.
    """
    marked = 0
    for workspace, published in _published().items():
        number, digest = heads.get(workspace, (0, FIRST))
        if published.number < number or (published.number, published.hash) == (number, digest):
            continue
        said = {
            "workspace": str(workspace),
            "number": number,
            "hash": digest,
            "at": at.astimezone(UTC).isoformat(),
            "made_at": made_at.astimezone(UTC).isoformat(),
            "lost_to": published.number,
        }
        _append({**said, "signed": _signature(said)})
        marked += 1
    return marked


def _signature(said: dict[str, Any]) -> str:
    message = json.dumps(said, sort_keys=True, separators=(",", ":")).encode()
    return hashlib.blake2b(message, key=tombstones.key(), person=b"ledger.restored").hexdigest()


def _published() -> dict[UUID, _Published]:
    found: dict[UUID, _Published] = {}
    path = _heads_file()
    if path.exists():
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                said = json.loads(line)
                _take(found.setdefault(UUID(str(said["workspace"])), _Published()), said)
            except (ValueError, KeyError, TypeError):
                continue  # a line cut by a crash says nothing; the one before it still counts
    return found


def _take(known: _Published, said: dict[str, Any]) -> None:
    """One line: a head, which only counts when it is higher, or the mark of a restore."""
    number, digest = int(said["number"]), str(said["hash"])
    if "lost_to" in said:
        signature = str(said.pop("signed", ""))
        if not hmac.compare_digest(signature, _signature(said)):
            known.is_forged = True
            return
        moments = (datetime.fromisoformat(said["at"]), datetime.fromisoformat(said["made_at"]))
        known.restored += (Restoration(*moments, number, int(said["lost_to"])),)
        known.number, known.hash = number, digest
    elif number > known.number:
        known.number, known.hash = number, digest


@dataclass(frozen=True)
class Verdict:
    """What `verify` found in one workspace. `problem` is a sentence naming the first bad entry, or None.

    Entries before `recomputed_from` were compared by their fingerprint with those of an earlier check.
    """

    workspace: UUID
    entries: int
    problem: str | None
    restored: tuple[Restoration, ...] = ()
    recomputed_from: int = 1

    @property
    def is_intact(self) -> bool:
        return self.problem is None


def verify(workspace: UUID, *, whole: bool = True) -> Verdict:
    """Recompute the chain of one workspace and compare it with the head kept outside.

    `whole=False` goes on from where the last check came to, when nothing before it is other than it was then (see
    `ledger_marks`); it finds what a check from the first entry finds.
    """
    published = _published().get(workspace, _Published())
    if published.is_forged:
        return Verdict(
            workspace, 0, f"somebody wrote the mark of a restore into {_heads_file()} without the key for it"
        )
    at = clock.now()
    mark = None if whole else ledger_marks.read(workspace, at=at)
    with tenancy.inside(workspace):
        # First what is there, then the entries themselves: what somebody changes in between does not get into the mark.
        there = ledger_marks.fingerprints(workspace, upto=mark.number if mark else 0)
        if mark and not _still_holds(mark, there, published, workspace):
            mark = None
        problem, reached, at_mark = _recomputed(workspace, mark, published, upto=there.number)
    if problem is None and published.number > reached and not (reached == 0 and _is_closed(workspace)):
        problem = f"entry {reached + 1} is missing: the ledger once reached {published.number} and was cut off"
    if problem is None and at_mark:
        ledger_marks.write(workspace, Mark(there.number, at_mark, there.all, mark.whole_at if mark else at))
    return Verdict(workspace, reached, problem, published.restored, recomputed_from=mark.number + 1 if mark else 1)


def _still_holds(mark: Mark, there: Fingerprints, published: _Published, workspace: UUID) -> bool:
    """Whether every entry up to the mark is the one that was recomputed, the newest that was published outside among them."""
    if there.number < mark.number or there.upto_mark != mark.fingerprint:
        return False
    if published.number > mark.number:
        return True  # met on the way
    hashes = LedgerEntry.objects.of(workspace).filter(number=published.number).values_list("hash", flat=True)
    return published.number == 0 or list(hashes) == [published.hash]


def _recomputed(workspace: UUID, mark: Mark | None, published: _Published, *, upto: int) -> tuple[str | None, int, str]:
    """The first problem after the mark, the last good entry, and the hash of entry `upto`, "" when it was not come to."""
    reached, previous = (mark.number, mark.hash) if mark else (0, FIRST)
    at_mark = previous if reached == upto else ""
    for entry in _sealed(workspace, after=reached):
        number = reached + 1
        problem = _problem(entry, number=number, previous=previous, outside=(published.number, published.hash))
        if problem:
            return problem, reached, ""
        reached, previous = number, entry.hash
        at_mark = previous if reached == upto else at_mark
    return None, reached, at_mark if upto else ""


def _is_closed(workspace: UUID) -> bool:
    """Whether a tombstone, which only our key can write, says that the workspace went, its whole ledger with it."""
    return tombstones.read().ended_at(tombstones.Kind.WORKSPACE, workspace) is not None


def _sealed(workspace: UUID, *, after: int) -> Iterator[Stored]:
    """Those after a number; from the first on also one with a number that no entry may have."""
    sealed = LedgerEntry.objects.of(workspace).filter(number__isnull=False)
    found = (sealed.filter(number__gt=after) if after else sealed).order_by("number")
    return (Stored(*values) for values in found.values_list(*Stored._fields).iterator(2000))


def _problem(entry: Stored, *, number: int, previous: str, outside: tuple[int, str]) -> str | None:
    if entry.number != number:
        return f"entry {number} is missing: entry {entry.number} follows {number - 1}"
    if entry.previous != previous:
        return f"entry {number} ({entry.id}) does not continue the one before it"
    if hashlib.sha256(canonical(entry, number=number, previous=previous)).hexdigest() != entry.hash:
        return f"entry {number} ({entry.id}, {entry.event}) was changed after it was sealed"
    if outside[0] == number and outside[1] != entry.hash:
        return f"entry {number} ({entry.id}) is not the one that was published outside the database"
    return None
