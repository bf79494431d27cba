"""The keys behind `vault`: made, wrapped by the root key, remembered for a minute, destroyed. Only `vault` needs it.

A key made in a transaction is not remembered before that transaction has committed. Otherwise, after a rollback, the
process would go on sealing under a key that exists nowhere, and every such value would be lost. Nothing tells of a
rollback; but the connection then forgets what it was to do at the commit, and by that it is seen.
"""

import os
import threading
import time
import weakref
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.db import models, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from amanat.core import clock, rootkeys
from amanat.core.models_vault import SystemKey, Use, WorkspaceKey

#: Stands for the workspace where a value belongs to none.
SYSTEM = UUID(int=0)
_REMEMBERED = 1_000
_SECONDS = 60.0
_NONCE = 12

type _Slot = tuple[UUID, str, int | str]  # the version 0 stands for "the newest", a word for a key derived from it


class VaultRefused(Exception):
    """A sealed value does not open here. Which part is wrong is not told."""

    def __init__(self) -> None:
        super().__init__("This value cannot be opened.")


@dataclass(frozen=True, slots=True)
class _Change:
    """A ring changed in a transaction that may still be open, in whatever thread."""

    connection: "weakref.ref[BaseDatabaseWrapper]"
    at_commit: partial[None]

    def is_under_way(self) -> bool:
        """Whether the transaction is neither committed nor rolled back, nor the savepoint around the change."""
        connection = self.connection()
        return connection is not None and any(self.at_commit is entry[1] for entry in list(connection.run_on_commit))


class _Memory:
    """Unwrapped keys by slot, for a minute at most."""

    def __init__(self) -> None:
        self._kept: OrderedDict[_Slot, tuple[float, int, bytes]] = OrderedDict()
        self._uncommitted: dict[tuple[UUID, str], list[_Change]] = {}
        self._lock = threading.Lock()

    def get(self, slot: _Slot) -> tuple[int, bytes] | None:
        with self._lock:
            found = self._kept.get(slot)
            if found is None or found[0] < time.monotonic():
                return None
            self._kept.move_to_end(slot)
            return found[1:]

    def keep(self, slot: _Slot, version: int, key: bytes, *, no_longer_than: _Slot | None = None) -> None:
        with self._lock:
            if slot[:2] in self._uncommitted:
                under_way = [change for change in self._uncommitted[slot[:2]] if change.is_under_way()]
                if under_way:
                    self._uncommitted[slot[:2]] = under_way
                    return
                del self._uncommitted[slot[:2]]
            until = time.monotonic() + _SECONDS
            if no_longer_than is not None:
                until = self._kept.get(no_longer_than, (0.0,))[0]
            self._kept[slot] = (until, version, key)
            while len(self._kept) > _REMEMBERED:
                self._kept.popitem(last=False)

    def forget(self, workspace_id: UUID, use: str, change: "_Change | None" = None) -> None:
        """Drop the keys of one ring; while `change` is under way none of them is kept again."""
        with self._lock:
            for slot in [slot for slot in self._kept if slot[:2] == (workspace_id, use)]:
                del self._kept[slot]
            if change is not None:
                self._uncommitted.setdefault((workspace_id, use), []).append(change)

    def clear(self) -> None:
        with self._lock:
            self._kept.clear()
            self._uncommitted.clear()


_memory = _Memory()


def forget_all() -> None:
    """Empty the memory of keys: after the root key file was changed, and between tests."""
    _memory.clear()
    rootkeys.forget()


def newest(workspace_id: UUID, use: Use) -> tuple[int, bytes]:
    """The version and key that new values use; the first is made when there is none."""
    if (found := _memory.get((workspace_id, use, 0))) is not None:
        return found
    row = _rows(workspace_id, use).order_by("-version").first()
    if row is None:
        _insert(workspace_id, use, 1)
        row = _rows(workspace_id, use).order_by("-version").first()
        assert row is not None
    key = _unwrapped(workspace_id, row)
    _memory.keep((workspace_id, use, 0), row.version, key)
    return row.version, key


def derived(workspace_id: UUID, use: Use, word: str, derive: Callable[[bytes], bytes]) -> bytes:
    """What `derive` makes of the newest key for `word`; remembered and forgotten with that key."""
    slot, newest_of_all = (workspace_id, use, word), (workspace_id, use, 0)
    if (found := _memory.get(slot)) is not None:
        return found[1]
    version, base = newest(workspace_id, use)
    key = derive(base)
    _memory.keep(slot, version, key, no_longer_than=newest_of_all)
    return key


def of_version(workspace_id: UUID, use: Use, version: int) -> bytes:
    """The key of one version. Raises VaultRefused when there is none, or none any more."""
    if (found := _memory.get((workspace_id, use, version))) is not None:
        return found[1]
    row = _rows(workspace_id, use).filter(version=version, retired_at__isnull=True).first() if version < 2**31 else None
    if row is None:
        raise VaultRefused
    key = _unwrapped(workspace_id, row)
    _memory.keep((workspace_id, use, version), version, key)
    return key


def of_day(workspace_id: UUID, day: date) -> bytes:
    """The key of the sealed store for what is destroyed on `day`: made at first use, gone with `destroy_days`."""
    version = day.toordinal()
    if not _rows(workspace_id, Use.VAULT).filter(version=version).exists():
        _insert(workspace_id, Use.VAULT, version)
    return of_version(workspace_id, Use.VAULT, version)


def destroy_days(workspace_id: UUID, *, until: date) -> int:
    """Destroy the keys of all days up to `until`, for good; returns how many there were."""
    due = _rows(workspace_id, Use.VAULT).filter(version__lte=until.toordinal(), retired_at__isnull=True)
    versions = list(due.values_list("version", flat=True))
    for version in versions:
        destroy(workspace_id, Use.VAULT, version)
    return len(versions)


def made_at(workspace_id: UUID, use: Use, version: int) -> datetime:
    moment: datetime = _rows(workspace_id, use).values_list("created_at", flat=True).get(version=version)
    return moment


def add(workspace_id: UUID, use: Use) -> int:
    """One more version; two at the same time make one."""
    version = newest(workspace_id, use)[0] + 1
    _insert(workspace_id, use, version)
    return version


def destroy(workspace_id: UUID, use: Use, version: int) -> None:
    _changed(workspace_id, use)
    _rows(workspace_id, use).filter(version=version).update(wrapped=b"", retired_at=clock.now())


def rewrap(workspace_id: UUID) -> int:
    root_id = rootkeys.newest()[0]
    count = 0
    for use in Use:
        for row in _rows(workspace_id, use).filter(retired_at__isnull=True).exclude(root_id=root_id):
            wrapped = _wrapped(_unwrapped(workspace_id, row), workspace_id, use, row.version)
            count += _rows(workspace_id, use).filter(pk=row.pk).update(root_id=root_id, wrapped=wrapped)
    return count


def _rows(workspace_id: UUID, use: Use) -> models.QuerySet[Any]:
    if workspace_id == SYSTEM:
        return SystemKey.objects.filter(use=use)
    return WorkspaceKey.objects.of(workspace_id).filter(use=use)


def _insert(workspace_id: UUID, use: Use, version: int) -> None:
    """Write a fresh key; where another process was first, its key stays and ours was never used."""
    _changed(workspace_id, use)
    root_id = rootkeys.newest()[0]
    wrapped = _wrapped(AESGCM.generate_key(256), workspace_id, use, version)
    if workspace_id == SYSTEM:
        system = SystemKey(use=use, version=version, root_id=root_id, wrapped=wrapped)
        SystemKey.objects.bulk_create([system], ignore_conflicts=True)
    else:
        own = WorkspaceKey(workspace_id=workspace_id, use=use, version=version, root_id=root_id, wrapped=wrapped)
        WorkspaceKey.objects.bulk_create([own], ignore_conflicts=True)


def _changed(workspace_id: UUID, use: Use) -> None:
    connection, at_commit = transaction.get_connection(), partial(_memory.forget, workspace_id, use)
    _memory.forget(workspace_id, use, _Change(weakref.ref(connection), at_commit))
    transaction.on_commit(at_commit)


def _wrapped(key: bytes, workspace_id: UUID, use: str, version: int) -> bytes:
    nonce = os.urandom(_NONCE)
    return nonce + AESGCM(rootkeys.newest()[1]).encrypt(nonce, key, _bound_to(workspace_id, use, version))


def _unwrapped(workspace_id: UUID, row: WorkspaceKey | SystemKey) -> bytes:
    wrapped, root = bytes(row.wrapped), rootkeys.by_id(row.root_id)
    if root is None:
        raise rootkeys.RootKeyMissing(f"The root key {row.root_id} is not in the root key file: put it back.")
    try:
        return AESGCM(root).decrypt(wrapped[:_NONCE], wrapped[_NONCE:], _bound_to(workspace_id, row.use, row.version))
    except InvalidTag:
        raise VaultRefused from None


def _bound_to(workspace_id: UUID, use: str, version: int) -> bytes:
    return f"amanat.key:{workspace_id}:{use}:{version}".encode()
