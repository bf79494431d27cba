"""Addresses that must not be written to, kept as keyed hashes: they outlive an erasure and stop the same person's second import."""

from __future__ import annotations

import hmac
import json
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db import connection

from amanat.accounts.models import Member
from amanat.basis.models import Suppression
from amanat.core import ids, ledger, tombstones, vault
from amanat.core.tenancy import HasId, workspace_id_of
from amanat.core.tombstones import Kind, Tombstones

_PIECE = 1000
_BLOCK = 64  # bytes of a block of SHA-256
_INNER, _OUTER = 0x36, 0x5C  # RFC 2104


def pads(workspace_id: UUID) -> tuple[bytes, bytes]:
    """The workspace's key as the two pads of HMAC, for the function `keyed_hash` in the database."""
    key = vault.fingerprint_key(workspace_id, purpose="suppression").ljust(_BLOCK, b"\0")
    return bytes(byte ^ _INNER for byte in key), bytes(byte ^ _OUTER for byte in key)


def digest(address: str, *, workspace_id: UUID) -> bytes:
    """The keyed hash of a number in E.164 or an e-mail address."""
    key = vault.fingerprint_key(workspace_id, purpose="suppression")
    return hmac.digest(key, address.strip().lower().encode(), "sha256")


def mark(keyed: bytes, purpose: str, channel: str) -> UUID:
    """What an act about an address (its keyed hash) is known by outside the database."""
    return tombstones.subject(keyed, purpose.encode(), channel.encode())


def add(
    addresses: Iterable[str],
    *,
    workspace: HasId | UUID,
    reason: Suppression.Reason,
    at: datetime,
    purpose: str = "",
    channel: str = "",
) -> int:
    """From `at` on none of the addresses is written to, for the purpose and over the channel; "" is all. Returns how many were added."""
    return _act(_Scope(workspace_id_of(workspace), purpose, channel), Suppression.What.ADDED, addresses, reason, at)


def lift(addresses: Iterable[str], *, workspace: HasId | UUID, at: datetime, purpose: str, channel: str) -> int:
    """The person agreed again: whatever stood against this purpose and channel goes, the general suppression of her address too."""
    here, known = workspace_id_of(workspace), list(addresses)
    scopes = {_Scope(here, one, other) for one in (purpose, "") for other in (channel, "")}
    return sum(_act(scope, Suppression.What.LIFTED, known, Suppression.Reason.CONSENT, at) for scope in sorted(scopes))


def standing(addresses: Iterable[str], *, workspace: HasId | UUID, at: datetime) -> list[tuple[str, str]]:
    """The purposes and channels for which one of the addresses must not be written to; "" is all."""
    here = workspace_id_of(workspace)
    latest = _latest([digest(address, workspace_id=here) for address in addresses], workspace_id=here, at=at)
    return sorted({(row.purpose, row.channel) for row in latest if row.what == Suppression.What.ADDED})


def allow(
    addresses: Iterable[str],
    *,
    workspace: HasId | UUID,
    at: datetime,
    scopes: Iterable[tuple[str, str]],
    by: Member | None,
) -> int:
    """The person wants to be written to again, for exactly these purposes and channels; `by` is the member who has her word for it."""
    here, known = workspace_id_of(workspace), list(addresses)
    return sum(
        _act(_Scope(here, purpose, channel), Suppression.What.LIFTED, known, Suppression.Reason.CONSENT, at, by=by)
        for purpose, channel in sorted(scopes)
    )


def among(addresses: Collection[str], *, workspace: HasId | UUID, at: datetime) -> dict[str, str]:
    """Those of the addresses that are suppressed for every purpose and channel, with the reason: what an import must not bring back."""
    here = workspace_id_of(workspace)
    by_digest = {digest(address, workspace_id=here): address for address in addresses}
    latest = _latest(by_digest, workspace_id=here, at=at, purposes=[""], channels=[""])
    return {by_digest[row.digest]: row.reason for row in latest if row.what == Suppression.What.ADDED}


def against(
    addresses: Collection[str], *, workspace: HasId | UUID, purpose: str, channel: str, at: datetime
) -> dict[str, str]:
    """Those of the addresses that must not be written to for the purpose over the channel, with the reason. One query."""
    here = workspace_id_of(workspace)
    by_digest = {digest(address, workspace_id=here): address for address in addresses}
    latest = _latest(by_digest, workspace_id=here, at=at, purposes=[purpose, ""], channels=[channel, ""])
    return {by_digest[row.digest]: row.reason for row in latest if row.what == Suppression.What.ADDED}


class Stop(NamedTuple):
    """That an address must not be written to: for the purpose over the channel, "" being all, why and since when."""

    address: str
    purpose: str
    channel: str
    reason: str
    at: datetime

    def covers(self, purpose: str, channel: str) -> bool:
        return self.purpose in {purpose, ""} and self.channel in {channel, ""}


#: What stands against a person's numbers and addresses, for a part of another statement: JSON that `stops` reads. It takes the workspace
#: (ws), the contact, the moment (at) and the `pads` (inner, outer).
STOPS = """
SELECT coalesce(json_agg(json_build_array(address, purpose, channel, reason, at)), '[]') FROM (
    SELECT DISTINCT ON (a.address, p.purpose, p.channel) a.address, p.purpose, p.channel, p.what, p.reason, p.at
    FROM (SELECT number AS address FROM people_phone WHERE workspace_id = %(ws)s AND contact_id = %(contact)s
          UNION ALL SELECT address FROM people_email WHERE workspace_id = %(ws)s AND contact_id = %(contact)s) a
    JOIN basis_suppression p ON p.workspace_id = %(ws)s AND p.digest = keyed_hash(%(inner)s, %(outer)s, a.address) AND p.at <= %(at)s
    ORDER BY a.address, p.purpose, p.channel, p.at DESC, p.id DESC) latest
WHERE what = 'added'
"""


def stops(rows: Iterable[Sequence[str]]) -> list[Stop]:
    """What `STOPS` gave."""
    return [
        Stop(address, purpose, channel, why, datetime.fromisoformat(at)) for address, purpose, channel, why, at in rows
    ]


class _Latest(NamedTuple):
    """The last act about an address, a purpose and a channel."""

    digest: bytes
    purpose: str
    channel: str
    what: str
    reason: str


def _latest(
    digests: Collection[bytes],
    *,
    workspace_id: UUID,
    at: datetime,
    purposes: Collection[str] | None = None,
    channels: Collection[str] | None = None,
) -> list[_Latest]:
    """One statement with arrays: an import or an erasure asks about thousands, and a parameter for each costs more than the search.

    The hashes stand in a query of their own, so that the planner does not weigh each.
    """
    if not digests:
        return []
    conditions = ""
    values: list[Any] = [workspace_id, _array(digests), at]
    for column, wanted in (("purpose", purposes), ("channel", channels)):
        if wanted is not None:
            conditions += f" AND {column} = ANY(%s)"
            values.append(list(wanted))
    with connection.cursor() as cursor:
        cursor.execute(
            f'SELECT DISTINCT ON (digest, purpose, channel) digest, purpose, channel, what, reason FROM "{Suppression._meta.db_table}" '  # noqa: S608 - our own table
            f"WHERE workspace_id = %s AND digest = ANY((SELECT %s::bytea[])::bytea[]) AND at <= %s{conditions} "
            "ORDER BY digest, purpose, channel, at DESC, id DESC",
            values,
        )
        return [_Latest(bytes(keyed), *rest) for keyed, *rest in cursor.fetchall()]


def _array(digests: Iterable[bytes]) -> str:
    """Hashes as the literal of an array."""
    return "{" + ",".join([f'"\\\\x{keyed.hex()}"' for keyed in digests]) + "}"


def again(ended: Tombstones, *, workspace_id: UUID) -> int:
    """After a restore: what was suppressed since the backup is so again, also addresses that came here after it. Returns how many acts."""
    over, wanted = ended.carried(Kind.OPT_IN, workspace_id=workspace_id), []
    for said, at in ended.carried(Kind.OPT_OUT, workspace_id=workspace_id).items():
        if said not in over or over[said] <= at:
            keyed, purpose, channel = json.loads(said)
            wanted.append(
                Suppression(
                    workspace_id=workspace_id, digest=bytes.fromhex(keyed), purpose=purpose, channel=channel, at=at,
                    what=Suppression.What.ADDED, reason=Suppression.Reason.OPT_OUT,
                )
            )  # fmt: skip
    return sum(_again(wanted[start : start + _PIECE], workspace_id) for start in range(0, len(wanted), _PIECE))


def _again(wanted: list[Suppression], workspace_id: UUID) -> int:
    digests = {bytes(row.digest) for row in wanted}
    known: dict[tuple[bytes, str, str], list[Suppression]] = {}
    for one in Suppression.objects.of(workspace_id).filter(digest__in=list(digests)).order_by("at", "id"):
        known.setdefault((bytes(one.digest), one.purpose, one.channel), []).append(one)
    rows = []
    for row in wanted:
        scope = (bytes(row.digest), row.purpose, row.channel)
        before = [one.what for one in known.get(scope, ()) if one.at <= row.at]
        if before[-1:] != [Suppression.What.ADDED]:
            rows.append(row)
    _insert(rows)
    if rows:
        ledger.write("basis.suppression.added", workspace=workspace_id, count=len(rows), reason="opt_out")
    return len(rows)


def _carried(keyed: bytes, purpose: str, channel: str) -> str:
    return json.dumps([keyed.hex(), purpose, channel])


class _Scope(NamedTuple):
    """What an act is about, beside the address."""

    workspace_id: UUID
    purpose: str
    channel: str


def _act(
    scope: _Scope,
    what: Suppression.What,
    addresses: Iterable[str],
    reason: Suppression.Reason,
    at: datetime,
    *,
    by: Member | None = None,
) -> int:
    """Write the act for each address where it changes something."""
    wanted = {digest(address, workspace_id=scope.workspace_id) for address in addresses if address}
    latest = _latest(wanted, workspace_id=scope.workspace_id, at=at, purposes=[scope.purpose], channels=[scope.channel])
    standing = {row.digest: row.what for row in latest}
    rows = [
        Suppression(**scope._asdict(), digest=each, what=what, reason=reason, at=at)
        for each in sorted(wanted)
        if standing.get(each, Suppression.What.LIFTED.value) != what
    ]
    _insert(rows)
    if rows:
        kind = Kind.OPT_OUT if what is Suppression.What.ADDED else Kind.OPT_IN
        marks = [mark(bytes(row.digest), scope.purpose, scope.channel) for row in rows]
        carried = [_carried(bytes(row.digest), scope.purpose, scope.channel) for row in rows]
        tombstones.record(kind, marks, at=at, workspace_id=scope.workspace_id, carried=carried)
        ledger.write(
            f"basis.suppression.{what.value}", workspace=scope.workspace_id, by=by, at=at,
            count=len(rows), reason=reason.value, purpose=scope.purpose, channel=scope.channel,
        )  # fmt: skip
    return len(rows)


def _insert(rows: list[Suppression]) -> None:
    """All acts that differ by the address alone in one statement: an erasure of thousands writes as many, in a sixth of the time."""
    alike: dict[tuple[Any, ...], list[Suppression]] = {}
    for row in rows:
        said = (row.workspace_id, row.purpose, row.channel, str(row.what), str(row.reason), row.at)
        alike.setdefault(said, []).append(row)
    with connection.cursor() as cursor:
        for said, these in alike.items():
            cursor.execute(
                f'INSERT INTO "{Suppression._meta.db_table}" (id, digest, workspace_id, purpose, channel, what, reason, at) '  # noqa: S608 - our own table
                "SELECT *, %s, %s, %s, %s, %s, %s FROM unnest(%s::uuid[], %s::bytea[])",
                [*said, ids.array(row.pk for row in these), _array(bytes(row.digest) for row in these)],
            )
