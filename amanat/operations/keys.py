"""`amanat keys`: show the keys that seal fields and files, replace them, and replace the root key that wraps them.

`rotate` adds a version of every ring's sealing key, seals every value anew under it, and destroys the old versions. The
ring of the system is begun first and finished last, so its state alone tells whether a rotation is under way: killed at any
point and run again, the command goes on where it was. Old versions are destroyed ten minutes after the new ones were made,
because a page that began before may still write under them (`vault.retire`).

`rotate_root` adds a root key, wraps all rings with it, and takes the old root key out of its file, again going on where it
was when two keys stand in the file. A transaction that began before may still bring a key wrapped with the old one, so it
waits for those. The old root key is kept beside for the backups that need it, and deleted by the nightly one after 30 days.

Second factors keep their sealed secrets as hex text within JSON, where `vault.reseal` cannot see them: done here.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from allauth.mfa.adapter import get_adapter
from allauth.mfa.models import Authenticator
from django.db import connection, models

from amanat.accounts import access
from amanat.core import clock, keyring, rootkeys, tenancy, vault
from amanat.core.configuration import Configuration
from amanat.core.models_vault import SystemKey, Use, WorkspaceKey
from amanat.core.vault import SYSTEM
from amanat.operations import Refused, dumps

Say = Callable[[str], None]
BATCH = 2000
SETTLED = timedelta(minutes=10, seconds=5)
LONGEST_WAIT = 900.0  # seconds for transactions that began before
#: Names, in `Authenticator.data`, of what `accounts.adapters.SecondFactorAdapter` sealed: one text or a list of them.
SEALED_IN_FACTORS = ("secret", "seed", "migrated_codes")


@dataclass(frozen=True, slots=True)
class Ring:
    """The sealing keys of one workspace, or of the system."""

    workspace: UUID
    versions: tuple[int, ...]  #: not destroyed, oldest first
    made_at: datetime | None  #: when the newest was made
    root_ids: frozenset[str]

    @property
    def name(self) -> str:
        return "the system" if self.workspace == SYSTEM else f"workspace {self.workspace}"


@dataclass(frozen=True, slots=True)
class Status:
    rings: tuple[Ring, ...]
    root_ids: tuple[str, ...]  #: in the root key file, newest first

    def as_json(self) -> dict[str, Any]:
        rings = [
            {
                "workspace": None if ring.workspace == SYSTEM else str(ring.workspace),
                "versions": list(ring.versions),
                "made_at": ring.made_at.isoformat() if ring.made_at else None,
                "root_keys": sorted(ring.root_ids),
            }
            for ring in self.rings
        ]
        return {"root_keys": list(self.root_ids), "rings": rings}

    def as_text(self) -> str:
        under_way = [ring for ring in self.rings if len(ring.versions) > 1]
        behind = [ring for ring in self.rings if ring.root_ids - {self.root_ids[0]}]
        oldest = min((ring.made_at for ring in self.rings if ring.made_at), default=None)
        lines = [f"Root key {self.root_ids[0]}; {len(self.rings)} rings of keys."]
        if oldest:
            lines.append(f"The oldest sealing key in use was made on {oldest:%Y-%m-%d}.")
        if under_way:
            lines.append(f"{len(under_way)} rings have an old key still: ./run keys rotate goes on with it.")
        if behind or len(self.root_ids) > 1:
            lines.append("An old root key is still needed or still there: ./run keys rotate-root finishes that.")
        return "\n".join(lines)


def status(configuration: Configuration) -> Status:
    return Status(tuple(_rings()), tuple(dumps.root_keys(configuration)))


def rotate(only: UUID | None = None, *, wait: bool = True, say: Say) -> None:
    """Replace the sealing keys of all rings, or of one workspace. Raises Refused when a value cannot be sealed anew."""
    rings = [ring for ring in _rings() if only is None or ring.workspace == only]
    if not rings:
        raise Refused("There is no such workspace, or nothing was ever sealed in it.")
    begun = _begin(rings, say)
    values = refused = 0
    for ring in begun:
        done, left = _reseal(ring)
        values, refused = values + done, refused + left
        say(f"{ring.name}: {done} values sealed anew" + (f", {left} do not open" if left else "") + ".")
    say(f"{values} values in {len(begun)} rings are under new keys.")
    if refused:
        raise Refused(f"{refused} values do not open with the keys there are; the old keys were not destroyed.")
    until = max((ring.made_at for ring in begun if ring.made_at), default=clock.now()) + SETTLED
    if clock.now() < until:
        if not wait:
            say(f"The old keys can be destroyed from {until:%H:%M} UTC on: run this again then.")
            return
        say(f"Waiting until {until:%H:%M:%S} UTC to destroy the old keys; you may stop this and run it again later.")
        while clock.now() < until:
            time.sleep(1)
    destroyed = sum(_retire(ring) for ring in sorted(begun, key=lambda ring: ring.workspace == SYSTEM))
    say(f"{destroyed} old keys were destroyed.")


def _begin(rings: list[Ring], say: Say) -> list[Ring]:
    """Add a version to every ring that has none of this rotation, the system's first; the rings that have an old one."""
    rings = sorted(rings, key=lambda ring: ring.workspace != SYSTEM)
    system = rings[0] if rings[0].workspace == SYSTEM else None
    since = system.made_at if system and len(system.versions) > 1 else None
    added = 0
    for ring in rings:
        if len(ring.versions) > 1 or (since and ring.made_at and ring.made_at >= since):
            continue
        with _inside(ring.workspace):
            vault.rotate(ring.workspace)
        added += 1
    say(f"{added} rings got a new key" + (f"; {len(rings) - added} had theirs already." if added < len(rings) else "."))
    chosen = {ring.workspace for ring in rings}
    found = [ring for ring in _rings() if ring.workspace in chosen and len(ring.versions) > 1]
    return sorted(found, key=lambda ring: ring.workspace != SYSTEM)


def _reseal(ring: Ring) -> tuple[int, int]:
    """How many values were brought over, and how many do not open. One transaction a batch."""
    done = 0
    while True:
        with _inside(ring.workspace):
            batch = vault.reseal(ring.workspace, limit=BATCH)
        done += batch.resealed
        if not batch.resealed and batch.refused >= batch.left:
            break
    refused = batch.refused
    if ring.workspace == SYSTEM:
        brought, closed = _reseal_factors(ring.versions[-1])
        done, refused = done + brought, refused + closed
    return done, refused


def _reseal_factors(version: int) -> tuple[int, int]:
    done = refused = 0
    for number in _old_factors(version):
        for _ in range(10):  # a code may be used at the same moment
            row = Authenticator.objects.filter(pk=number).first()
            if row is None:
                break
            try:
                fresh = {**row.data, **{name: _anew(value) for name, value in _sealed_in(row.data).items()}}
            except (vault.VaultRefused, ValueError):
                refused += 1
                break
            if Authenticator.objects.filter(pk=number, data=row.data).update(data=fresh):
                done += 1
                break
    return done, refused


def _old_factors(version: int) -> list[int]:
    """Factors with a value that is not under `version`. The head of a sealed value is its format and key version."""
    head = bytes([1]).hex() + version.to_bytes(4, "big").hex()
    return [
        row.pk
        for row in Authenticator.objects.order_by("pk").iterator(chunk_size=500)
        if any(not text.startswith(head) for value in _sealed_in(row.data).values() for text in _texts(value))
    ]


def _sealed_in(data: dict[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in SEALED_IN_FACTORS if name in data}


def _texts(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _anew(value: Any) -> Any:
    adapter = get_adapter()
    if isinstance(value, list):
        return [_anew(text) for text in value]
    return adapter.encrypt(adapter.decrypt(value))


def _retire(ring: Ring) -> int:
    """Destroy the old versions; one that came into use again since, by a slow writer, is sealed anew first."""
    _, refused = _reseal(ring)
    if refused or (ring.workspace == SYSTEM and _old_factors(ring.versions[-1])):
        raise Refused(f"{ring.name[:1].upper()}{ring.name[1:]} still needs its old key: run this again.")
    for version in ring.versions[:-1]:
        with _inside(ring.workspace):
            try:
                vault.retire(ring.workspace, version)
            except vault.StillInUse as reason:
                raise Refused(f"An old key of {ring.name} cannot be destroyed yet: {reason}") from None
    return len(ring.versions) - 1


def rotate_root(configuration: Configuration, *, say: Say) -> None:
    """Replace the root key. The old one goes from its file when nothing is wrapped with it any more."""
    path = configuration.root_key_file
    if len(dumps.root_keys(configuration)) == 1:
        say(f"Added the root key {rootkeys.add(path)}: copy the file {path} to where you keep it.")
    since = _database_time()
    wrapped = _rewrap_all()
    _wait_for_older(since)
    wrapped += _rewrap_all()
    newest, *old = dumps.root_keys(configuration)
    needed = {root_id for ring in _rings(all_uses=True) for root_id in ring.root_ids} - {newest}
    if needed:
        raise Refused(f"Keys are still wrapped with the root key {', '.join(sorted(needed))}: run this again.")
    _keep_for_backups(configuration, old)
    gone = rootkeys.drop_old(path)
    keyring.forget_all()
    say(f"{wrapped} keys were wrapped with {newest}; {gone} old root keys left {path}.")
    say(
        f"Backups made before need the old one: it is in {dumps.former_root_keys(configuration)} until 30 days from now. "
        "Was it stolen? Then make a backup now and delete that file and the older backups."
    )


def _rewrap_all() -> int:
    count = 0
    for workspace in [SYSTEM, *access.workspace_ids()]:
        with _inside(workspace):
            count += vault.rewrap(workspace)
    return count


def _keep_for_backups(configuration: Configuration, old: list[str]) -> None:
    known, former = dumps.root_keys(configuration), dumps.former_root_keys(configuration)
    if not former.exists():
        Path(former).touch(mode=0o600)
    have = rootkeys.read(former) if former.stat().st_size else {}
    for root_id in old:
        if root_id not in have:
            rootkeys.put_back(former, root_id, known[root_id])


def _database_time() -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def _wait_for_older(since: datetime) -> None:
    """Until no transaction of the site is open that began before `since`, and a moment for one about to begin."""
    give_up = time.monotonic() + LONGEST_WAIT
    time.sleep(1)
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = current_user "
                "AND pid <> pg_backend_pid() AND xact_start <= %s + interval '1 second'",
                [since],
            )
            if not cursor.fetchone()[0]:
                return
        if time.monotonic() > give_up:
            raise Refused(
                "A transaction has been open for very long, and may still need the old root key: run this again."
            )
        time.sleep(0.5)


def _rings(*, all_uses: bool = False) -> list[Ring]:
    """The rings that have keys; with `all_uses` those for fingerprints count too, which are wrapped alike."""
    found = []
    for workspace in [SYSTEM, *sorted(access.workspace_ids())]:
        with _inside(workspace):
            rows: models.QuerySet[Any] = (
                SystemKey.objects.all() if workspace == SYSTEM else WorkspaceKey.objects.of(workspace)
            )
            rows = rows.filter(retired_at__isnull=True).order_by("version")
            keys = list(rows if all_uses else rows.filter(use=Use.SEAL))
        if keys:
            roots = frozenset(key.root_id for key in keys)
            found.append(Ring(workspace, tuple(key.version for key in keys), keys[-1].created_at, roots))
    return found


def _inside(workspace: UUID) -> contextlib.AbstractContextManager[Any]:
    return contextlib.nullcontext() if workspace == SYSTEM else tenancy.inside(workspace)
