"""Secrets at rest: every sealed value is bound to its workspace and its place, under keys that can be rotated.

The root key (a file outside the data folder) wraps the keys of each workspace and of the system; those seal values
with AES-256-GCM. A sealed value is: format (1 byte), key version (4), nonce (12), ciphertext and tag. Its associated
data are the workspace and the context "table.column:row id", so a value copied to another row, column or workspace
does not open. Whatever is wrong, the answer is the same `VaultRefused`.

Rotation never stops the house: `rotate` adds a version that new values use; `reseal` brings old values over, batch by
batch, and may be killed and run again, for it looks for what is left and writes only over the very value it read;
`retire` destroys a version that nothing uses any more. `rewrap` brings the keys under the newest root key after one
was added.
"""

import hashlib
import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, cast
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from django.db import models
from django.db.models import BinaryField, F, Func, Value

from amanat.core import clock, keyring
from amanat.core.keyring import SYSTEM, VaultRefused
from amanat.core.models_vault import Use

__all__ = [
    "SYSTEM",
    "Progress",
    "StillInUse",
    "VaultRefused",
    "context",
    "destroy_due",
    "fingerprint",
    "fingerprint_key",
    "make_keys",
    "open",
    "open_text",
    "open_until",
    "register_sealed",
    "reseal",
    "retire",
    "rewrap",
    "rotate",
    "seal",
    "seal_text",
    "seal_until",
]

_FORMAT = 1
_HEAD = struct.Struct(">BI")
_NONCE = 12
_TAG = 16
#: A transaction that began before a rotation may still write under the old version; after this long none is left.
_SETTLED = timedelta(minutes=10)


class StillInUse(Exception):
    """A key version cannot be destroyed yet: values are sealed under it, or may still be written under it."""


@dataclass(frozen=True)
class Progress:
    """What one batch did: values brought over, values that did not open, and values still to do (those included)."""

    resealed: int
    refused: int
    left: int


@dataclass(frozen=True)
class Sealed:
    """A column that holds sealed values, and how to find the context of a row."""

    model: type[models.Model]
    field: str
    context_of: Callable[[Any], str]
    is_system: bool


_sealed: dict[tuple[str, str], Sealed] = {}


def context(table_column: str, row_id: object) -> str:
    """The place of a value, such as "people.Contact.passport:0198…"."""
    return f"{table_column}:{row_id}"


def make_keys(workspace_id: UUID) -> None:
    """The keys of a new workspace. One made elsewhere gets them at first use, which may be a page that only reads."""
    for use in (Use.SEAL, Use.FINGERPRINT):
        keyring.newest(workspace_id, use)


def seal(plaintext: bytes, *, workspace_id: UUID, context: str) -> bytes:
    """`plaintext` under the newest key of the workspace, to be opened only with the same workspace and context."""
    version, key = keyring.newest(workspace_id, Use.SEAL)
    head = _HEAD.pack(_FORMAT, version)
    nonce = os.urandom(_NONCE)
    return head + nonce + AESGCM(key).encrypt(nonce, plaintext, _bound_to(head, workspace_id, context))


def open(token: bytes | memoryview, *, workspace_id: UUID, context: str) -> bytes:
    """The plaintext of `token`. Raises VaultRefused when anything about it is not as it was sealed."""
    token = bytes(token)
    if len(token) < _HEAD.size + _NONCE + _TAG or token[0] != _FORMAT:
        raise VaultRefused
    head, rest = token[: _HEAD.size], token[_HEAD.size :]
    key = keyring.of_version(workspace_id, Use.SEAL, _HEAD.unpack(head)[1])
    try:
        return AESGCM(key).decrypt(rest[:_NONCE], rest[_NONCE:], _bound_to(head, workspace_id, context))
    except InvalidTag:
        raise VaultRefused from None


def seal_text(text: str, *, workspace_id: UUID, context: str) -> bytes:
    return seal(text.encode(), workspace_id=workspace_id, context=context)


def open_text(token: bytes | memoryview, *, workspace_id: UUID, context: str) -> str:
    return open(token, workspace_id=workspace_id, context=context).decode()


def seal_until(plaintext: bytes, *, workspace_id: UUID, context: str, day: date) -> bytes:
    """`plaintext` under the key of the sealed store that is destroyed on `day`; nothing else opens it, no rotation reaches it."""
    nonce = os.urandom(_NONCE)
    bound = _bound_to(_HEAD.pack(_FORMAT, day.toordinal()), workspace_id, context)
    return nonce + AESGCM(keyring.of_day(workspace_id, day)).encrypt(nonce, plaintext, bound)


def open_until(token: bytes | memoryview, *, workspace_id: UUID, context: str, day: date) -> bytes:
    """What `seal_until` sealed. Raises VaultRefused, from `day` on always."""
    token = bytes(token)
    bound = _bound_to(_HEAD.pack(_FORMAT, day.toordinal()), workspace_id, context)
    try:
        key = keyring.of_version(workspace_id, Use.VAULT, day.toordinal())
        return AESGCM(key).decrypt(token[:_NONCE], token[_NONCE:], bound)
    except (InvalidTag, ValueError):
        raise VaultRefused from None


def destroy_due(workspace_id: UUID, *, on: date) -> int:
    """Destroy the keys of the sealed store whose day has come; returns how many."""
    return keyring.destroy_days(workspace_id, until=on)


def fingerprint(text: str, *, workspace_id: UUID, purpose: str) -> bytes:
    """32 bytes that are equal for equal texts within one workspace and purpose, and say nothing without the key.

    The caller normalises first (E.164, lower case). Rotation does not change fingerprints.
    """
    return hashlib.blake2b(text.encode(), key=fingerprint_key(workspace_id, purpose=purpose), digest_size=32).digest()


def fingerprint_key(workspace_id: UUID, *, purpose: str) -> bytes:
    """The 32 bytes under which a purpose's fingerprints are made, for where they are made elsewhere (in a query)."""

    def derive(base: bytes) -> bytes:
        info = b"amanat.fingerprint:" + purpose.encode()
        return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info).derive(base)

    return keyring.derived(workspace_id, Use.FINGERPRINT, purpose, derive)


def register_sealed(
    model: type[models.Model], field: str, context_of: Callable[[Any], str], *, is_system: bool = False
) -> None:
    """Declare a column of sealed values, from an AppConfig.ready(): one not declared is lost when its key retires."""
    _sealed[(model._meta.label, field)] = Sealed(model, field, context_of, is_system)


def sealed_columns() -> list[Sealed]:
    return list(_sealed.values())


def rotate(workspace_id: UUID) -> int:
    """Add a key version, which new values use from now on (other processes: within a minute). Returns its number."""
    return keyring.add(workspace_id, Use.SEAL)


def reseal(workspace_id: UUID, *, limit: int = 500) -> Progress:
    """Bring up to `limit` values of a workspace (or of SYSTEM) to the newest version; call until only refused are left.

    Safe beside writers: a value changed meanwhile is left alone and found again by the next call.
    """
    version, _ = keyring.newest(workspace_id, Use.SEAL)
    resealed = refused = left = 0
    for column in _columns_of(workspace_id):
        old = _rows(column, workspace_id).exclude(head=_HEAD.pack(_FORMAT, version))
        for row in old.order_by("pk").iterator(chunk_size=200):
            if resealed >= limit:
                break
            try:
                resealed += _brought_over(column, row, workspace_id)
            except VaultRefused:
                refused += 1
        left += old.count()
    return Progress(resealed, refused, left)


def retire(workspace_id: UUID, version: int) -> None:
    """Destroy a key version: what was sealed under it and is left in old copies can never be opened again.

    Raises StillInUse while it is the newest, while a value needs it, or soon after the rotation.
    """
    newest_version, _ = keyring.newest(workspace_id, Use.SEAL)
    since = keyring.made_at(workspace_id, Use.SEAL, newest_version)
    if version >= newest_version or clock.now() - since < _SETTLED:
        raise StillInUse("The newest key, or the one before it within ten minutes, cannot be retired.")
    head = _HEAD.pack(_FORMAT, version)
    users = [column for column in _columns_of(workspace_id) if _rows(column, workspace_id).filter(head=head).exists()]
    if users:
        raise StillInUse("Still used by " + ", ".join(f"{column.model._meta.label}.{column.field}" for column in users))
    keyring.destroy(workspace_id, Use.SEAL, version)


def rewrap(workspace_id: UUID) -> int:
    """Wrap the keys of a workspace (or of SYSTEM) with the newest root key; returns how many were not yet.

    Run for every workspace and for SYSTEM, after which the old root key may leave its file.
    """
    return keyring.rewrap(workspace_id)


def _bound_to(head: bytes, workspace_id: UUID, context: str) -> bytes:
    return head + workspace_id.bytes + context.encode()


def _columns_of(workspace_id: UUID) -> list[Sealed]:
    return [column for column in _sealed.values() if column.is_system == (workspace_id == SYSTEM)]


def _rows(column: Sealed, workspace_id: UUID) -> models.QuerySet[Any]:
    """Rows with a value, each with the `head` of its token: format and key version."""
    manager: Any = column.model._default_manager
    rows = cast("models.QuerySet[Any]", manager.all() if column.is_system else manager.of(workspace_id))
    head = Func(F(column.field), Value(1), Value(_HEAD.size), function="substring", output_field=BinaryField())
    held = rows.exclude(**{f"{column.field}__isnull": True}).exclude(**{column.field: b""})
    return cast("models.QuerySet[Any]", held.annotate(head=head))


def _brought_over(column: Sealed, row: Any, workspace_id: UUID) -> int:
    """Seal the value of `row` anew; 0 when it changed since it was read."""
    token, place = bytes(getattr(row, column.field)), column.context_of(row)
    plaintext = open(token, workspace_id=workspace_id, context=place)
    fresh = seal(plaintext, workspace_id=workspace_id, context=place)
    same = _rows(column, workspace_id).filter(pk=row.pk, **{column.field: token})
    return same.update(**{column.field: fresh})
