"""Bytes in the object store, encrypted in pieces: the format, and where the store is.

An object is: "AMF1", then pieces of 1 MiB of plaintext, each with AES-256-GCM under the key of this one file. The
nonce of a piece is its number and whether it is the last; the workspace and the object's name are bound to each. So a
piece cut off, swapped, repeated or brought from another object does not open (the STREAM construction,
https://eprint.iacr.org/2015/189). A key seals one object only.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from uuid import UUID

import obstore
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from obstore.store import LocalStore, ObjectStore, S3Store

PIECE = 1024 * 1024
_MAGIC = b"AMF1"
_TAG = 16
_NONCE = struct.Struct(">7xIB")


class FileDamaged(Exception):
    """The stored bytes are not what was stored: altered, cut off, or gone."""


def new_key() -> bytes:
    return AESGCM.generate_key(256)


def write(name: str, plaintext: Iterable[bytes], *, key: bytes, workspace_id: UUID) -> None:
    """Store `plaintext` under `name`, whole or not at all, on disk when this returns. Raises when it could not."""
    store = _store()
    obstore.put(store, name, _sealed(plaintext, AESGCM(key), _bound_to(workspace_id, name)), use_multipart=None)
    if not settings.S3_URL:
        _settle(Path(settings.FILES_ROOT) / name)


def read(name: str, *, key: bytes, workspace_id: UUID) -> Iterator[bytes]:
    """The plaintext piece by piece, each proved before it is given. Raises FileDamaged.

    Everything it needs is taken now, so that the pieces may be asked for after the transaction.
    """
    return _opened(_store(), name, AESGCM(key), _bound_to(workspace_id, name))


def delete(names: list[str]) -> None:
    """Remove objects; those already gone are no error."""
    for name in names:
        try:
            obstore.delete(_store(), name)
        except FileNotFoundError:
            continue


def names_of(workspace_id: UUID, *, older_than: datetime) -> list[str]:
    """Objects of a workspace last written before `older_than`."""
    return [
        found["path"]
        for batch in obstore.list(_store(), prefix=str(workspace_id))
        for found in batch
        if found["last_modified"] < older_than
    ]


def _sealed(plaintext: Iterable[bytes], cipher: AESGCM, bound: bytes) -> Iterator[bytes]:
    yield _MAGIC
    number, waiting = 0, bytearray()
    for part in plaintext:
        waiting += part
        while len(waiting) > PIECE:  # the last piece is held back, for it is marked as the last
            yield cipher.encrypt(_NONCE.pack(number, 0), bytes(waiting[:PIECE]), bound)
            del waiting[:PIECE]
            number += 1
    yield cipher.encrypt(_NONCE.pack(number, 1), bytes(waiting), bound)


def _opened(store: ObjectStore, name: str, cipher: AESGCM, bound: bytes) -> Iterator[bytes]:
    try:
        incoming = iter(obstore.get(store, name).stream(min_chunk_size=PIECE))
    except FileNotFoundError:
        raise FileDamaged("The file is gone from the store.") from None
    waiting, number = bytearray(), 0
    for part in incoming:
        waiting += part
        if number == 0 and len(waiting) >= len(_MAGIC) and not waiting.startswith(_MAGIC):
            raise FileDamaged("The file does not begin as ours do.")
        ahead = len(_MAGIC) if number == 0 else 0
        while len(waiting) > ahead + PIECE + _TAG:
            yield _piece(cipher, number, 0, waiting[ahead : ahead + PIECE + _TAG], bound)
            del waiting[: ahead + PIECE + _TAG]
            number, ahead = number + 1, 0
    ahead = len(_MAGIC) if number == 0 else 0
    if number == 0 and not waiting.startswith(_MAGIC):
        raise FileDamaged("The file does not begin as ours do.")
    yield _piece(cipher, number, 1, waiting[ahead:], bound)


def _piece(cipher: AESGCM, number: int, last: int, sealed: bytearray, bound: bytes) -> bytes:
    try:
        return cipher.decrypt(_NONCE.pack(number, last), bytes(sealed), bound)
    except (InvalidTag, ValueError):
        raise FileDamaged("The file was altered or cut off.") from None


def _bound_to(workspace_id: UUID, name: str) -> bytes:
    return _MAGIC + workspace_id.bytes + name.encode()


def _settle(path: Path) -> None:
    """Bring a file and its name to the disk itself: the store does not, and "stored" must outlive a power cut."""
    for settled in (path, path.parent, path.parent.parent):
        handle = os.open(settled, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _store() -> ObjectStore:
    return _opened_store(settings.S3_URL or "", str(settings.FILES_ROOT))


@lru_cache(maxsize=4)
def _opened_store(s3_url: str, root: str) -> ObjectStore:
    if s3_url:
        return S3Store.from_url(s3_url)
    Path(root).mkdir(mode=0o700, parents=True, exist_ok=True)
    return LocalStore(root)
