"""What must not come back when an older backup is restored: a short record kept outside the database.

A rule that ends something for good (a record purged, a token revoked, a seat ended, a password changed) writes a line here;
`restore` ends by doing it all again before the site may open. Lines are only ever added. A line holds a
keyed hash of the id, so that the file by itself names nobody: its key lies beside it in the secrets folder, is never
rotated, and without it the lines mean nothing. Whoever restores hashes the ids that came back and looks which are here.
What must hold although nothing of it is in the backup (an address that came and was opted out after it) carries what to write again, which must
name nobody either: a hash under a key of the workspace.

No line is lost to a kill: it is first a row (`TombstoneDue`) of the very transaction that ends the thing, and comes into the file right after
the commit, which also deletes the row. What a killed process left is carried over by `settle`: every minute, before the site opens, and out of
the database that a restore is about to replace. Carried over twice, a line says nothing new.
"""

from __future__ import annotations

import fcntl
import hashlib
import hmac
import json
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.db import transaction

from amanat.core.models import TombstoneDue

_NO_WORKSPACE = UUID(int=0)
_MOST = 1000  # rows in one go; each may hold a thousand lines


class Kind(StrEnum):
    """What was ended, and what an id of it is the id of."""

    CONTACT = "contact purged"
    COMPANY = "company purged"
    TOKEN = "token revoked"  # noqa: S105 - a name
    SEAT = "seat ended"
    PAPER = "paper destroyed"
    PASSWORD = "password changed"  # noqa: S105 - a name; the subject is a user, of no workspace
    FACTOR = "factor gone"  #: a way to sign in, of no workspace: `subject`; recovery codes also when one is used
    ADDRESS = "address left"  #: an e-mail address of a user, of no workspace: `subject`
    SEAT_CHANGED = "seat changed"  #: a member with the role and sight she has from then on: `subject`
    TEAM_LEFT = "team left"  #: a member and the team: `subject`
    USER = "user erased"  #: the subject is a user, of no workspace
    WORKSPACE = "workspace closed"  #: the subject is the workspace itself
    OPT_OUT = "written to no more"  #: an address, for a purpose and channel: `subject`, which is carried
    OPT_IN = "written to again"
    OBJECTION = "objected"  #: a person, to a purpose: `subject`
    OBJECTION_OVER = "objection taken back"
    CONSENT_OVER = "agrees no more"  #: a person, to a purpose over a channel: `subject`
    CONSENT_AGAIN = "agrees again"
    RESTRICTED = "restricted"  #: a person, on a ground: `subject`
    RESTRICTION_OVER = "restriction lifted"
    GUARDIAN_OVER = "guardian no more"  #: a child and who answered for her: `subject`
    GUARDIAN_AGAIN = "guardian"


class KeyMissing(Exception):
    """The key of the tombstones is gone, so they cannot be read."""


def subject(*parts: bytes) -> UUID:
    """The id of something that has none, made of what it is."""
    framed = b"".join(len(part).to_bytes(4) + part for part in parts)
    return UUID(bytes=hashlib.sha256(framed).digest()[:16])


def record(
    kind: Kind,
    subjects: Iterable[UUID],
    *,
    at: datetime,
    workspace_id: UUID = _NO_WORKSPACE,
    carried: Sequence[str] = (),
) -> None:
    """Remember, with the open transaction and not without it, that these were ended for good. Raises KeyMissing.

    `carried` says of each subject, in their order, what to write again where it is not in the backup; it stands in the file as it is.
    """
    if ids := list(subjects):
        due = TombstoneDue.objects.create(lines=_lines(kind, ids, at, workspace_id, carried))
        transaction.on_commit(partial(_carry_over, [due]))


def settle() -> int:
    """Carry over what a killed process left; returns how many rows. Several at once do no harm."""
    with transaction.atomic():
        left = list(TombstoneDue.objects.select_for_update(skip_locked=True).order_by("created_at", "id")[:_MOST])
        if left:
            append([row.lines for row in left])
            TombstoneDue.objects.filter(pk__in=[row.pk for row in left]).delete()
    return len(left)


def _carry_over(rows: list[TombstoneDue]) -> None:
    append([row.lines for row in rows])
    TombstoneDue.objects.filter(pk__in=[row.pk for row in rows]).delete()


class Tombstones:
    """What the file says. Empty when nothing was ever written."""

    def __init__(
        self, ended: dict[tuple[str, str], datetime], carried: dict[tuple[str, str], dict[str, datetime]] | None = None
    ) -> None:
        self._ended = ended
        self._carried = carried or {}
        self._key = key() if ended else b""

    def __len__(self) -> int:
        return len(self._ended)

    def ended_at(self, kind: Kind, subject: UUID, *, workspace_id: UUID = _NO_WORKSPACE) -> datetime | None:
        """When `subject` was ended last, if it was."""
        return self._ended.get((kind.value, _hash(self._key, kind, workspace_id, subject))) if self._ended else None

    def carried(self, kind: Kind, *, workspace_id: UUID) -> dict[str, datetime]:
        """What lines of a workspace carry, each with its last time."""
        where = _hash(self._key, kind, workspace_id, _NO_WORKSPACE) if self._carried else ""
        return self._carried.get((kind.value, where), {})

    def among(self, kind: Kind, subjects: Iterable[UUID], *, workspace_id: UUID) -> list[UUID]:
        """Those of `subjects` that were ended."""
        return [one for one in subjects if self.ended_at(kind, one, workspace_id=workspace_id) is not None]


def read() -> Tombstones:
    """All lines; one that a crash cut off says nothing. Raises KeyMissing when there are lines and no key."""
    ended: dict[tuple[str, str], datetime] = {}
    carried: dict[tuple[str, str], dict[str, datetime]] = {}
    try:
        lines = _file().read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        lines = []
    for line in lines:
        try:
            said = json.loads(line)
            slot, at = (str(said["kind"]), str(said["subject"])), datetime.fromisoformat(said["at"])
            where, what = str(said.get("where", "")), str(said.get("carried", ""))
        except (ValueError, KeyError, TypeError):
            continue
        ended[slot] = max(at, ended.get(slot, at))
        if what:
            there = carried.setdefault((slot[0], where), {})
            there[what] = max(at, there.get(what, at))
    return Tombstones(ended, carried)


def _lines(kind: Kind, subjects: Sequence[UUID], at: datetime, workspace_id: UUID, carried: Sequence[str] = ()) -> str:
    secret = key()
    lines = [
        {"kind": kind.value, "subject": _hash(secret, kind, workspace_id, one), "at": at.isoformat()}
        for one in subjects
    ]
    if carried:
        where = _hash(secret, kind, workspace_id, _NO_WORKSPACE)
        lines = [line | {"where": where, "carried": what} for line, what in zip(lines, carried, strict=True)]
    return "".join(json.dumps(line) + "\n" for line in lines)


def append(texts: Iterable[str]) -> None:
    """One write, on the disk before it returns: a line half there would be a person come back."""
    lines = "".join(texts).encode()
    handle = os.open(_file(), os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "r+b", buffering=0) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        size = os.fstat(handle).st_size
        whole = size == 0 or os.pread(handle, 1, size - 1) == b"\n"
        file.write(lines if whole else b"\n" + lines)  # after a line that a crash cut off
        os.fsync(handle)


def _hash(key: bytes, kind: Kind, workspace_id: UUID, subject: UUID) -> str:
    message = kind.value.encode() + b"\0" + workspace_id.bytes + subject.bytes
    return hmac.new(key, message, hashlib.sha256).hexdigest()


def _file() -> Path:
    return Path(settings.LEDGER_HEADS_FILE).with_name("tombstones.jsonl")


def key() -> bytes:
    """What signs the records outside the database: tombstones, and the marks of restores in the file of ledger heads."""
    path = settings.CONFIGURATION.tombstone_key_file
    try:
        return bytes.fromhex(path.read_text().strip())
    except (FileNotFoundError, ValueError):
        raise KeyMissing(f"The key {path} is missing or damaged: put it back from where you keep it.") from None


__all__ = ["KeyMissing", "Kind", "Tombstones", "append", "key", "read", "record", "settle", "subject"]
