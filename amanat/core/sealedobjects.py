"""Bytes in the object store, encrypted in pieces: the format, and where the store is.

An object is: "AMF1", then pieces of 1 MiB of plaintext, each with AES-256-GCM under the key of this one file. The
nonce of a piece is its number and whether it is the last; the workspace and the object's name are bound to each. So a
piece cut off, swapped, repeated or brought from another object does not open (the STREAM construction,
https://eprint.iacr.org/2015/189). A key seals one object only.

Writing and reading hold a few pieces at a time, however long the object is; reading may begin anywhere. Which piece is
the last follows from the length that the reader knows from elsewhere: a wrong length does not open it either.
"""

import os
import struct
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

import obstore
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from obstore.exceptions import GenericError
from obstore.store import LocalStore, ObjectStore, S3Store

if TYPE_CHECKING:
    from obstore import BytesStream

PIECE = 1024 * 1024
MAGIC = b"AMF1"
TAG = 16
_NONCE = struct.Struct(">7xIB")
#: Sent to the store at once, by two at a time: above S3's least of 5 MiB, and 10,000 parts of it are 80 GiB.
_PART = 8 * 1024 * 1024


class FileDamaged(Exception):
    """The stored bytes are not what was stored: altered, cut off, or gone."""


def new_key() -> bytes:
    return AESGCM.generate_key(256)


class Writer:
    """An object being written. It exists under its name after `finish` only; one dropped before leaves nothing.

    A process killed in between leaves a part-written file beside it, or an unfinished upload at S3, which no reader
    and no listing sees: `remove_unfinished` takes the first, a lifecycle rule of the bucket the second.
    """

    def __init__(self, name: str, *, key: bytes, workspace_id: UUID) -> None:
        self._name, self._cipher, self._bound = name, AESGCM(key), _bound_to(workspace_id, name)
        self._target = obstore.open_writer(_store(), name, buffer_size=_PART, max_concurrency=2)
        self._target.write(MAGIC)
        self._waiting, self._number = bytearray(), 0

    def write(self, part: bytes | bytearray | memoryview) -> None:
        view = memoryview(part)
        for start in range(0, len(view), PIECE):
            self._waiting += view[start : start + PIECE]
            if len(self._waiting) > PIECE:  # the last piece is held back, for it is marked as the last
                self._put(self._waiting[:PIECE], last=0)
                del self._waiting[:PIECE]

    def finish(self) -> None:
        """The object is on the disk itself when this returns."""
        self._put(self._waiting, last=1)
        self._target.close()
        if not settings.S3_URL:
            _settle(Path(settings.FILES_ROOT) / self._name)

    def _put(self, piece: bytearray, *, last: int) -> None:
        self._target.write(self._cipher.encrypt(_NONCE.pack(self._number, last), piece, self._bound))
        self._number += 1


def write(name: str, plaintext: Iterable[bytes], *, key: bytes, workspace_id: UUID) -> None:
    """Store `plaintext` under `name`, whole or not at all, on disk when this returns. Raises when it could not."""
    writer = Writer(name, key=key, workspace_id=workspace_id)
    for part in plaintext:
        writer.write(part)
    writer.finish()


def read(
    name: str, *, key: bytes, workspace_id: UUID, size: int, start: int = 0, end: int | None = None
) -> Iterator[bytes]:
    """The plaintext from `start` to `end` (excluded), each piece proved before it is given. Raises FileDamaged.

    `size` is the length of the whole plaintext. Only the pieces that hold the range are fetched and opened. The object
    is looked up now, so that the pieces may be asked for after the transaction.
    """
    end = size if end is None else min(end, size)
    last = max(-(-size // PIECE), 1) - 1
    first = min(start // PIECE, last)
    numbers = range(first, max(-(-end // PIECE), first + 1))  # one piece at least: it tells whether the file is sound
    length = _place(last) + size - last * PIECE + TAG
    reach = (_place(first) if first else 0, min(_place(numbers.stop), length))
    opened = _opened(_fetched(name, length, *reach), AESGCM(key), _bound_to(workspace_id, name), numbers, last)
    return _cut(opened, start - first * PIECE, max(end - first * PIECE, 0))


def stored_start(name: str, length: int) -> bytes:
    """The first bytes of an object as they lie in the store, sealed; `length` is at most the object's."""
    return bytes(obstore.get_range(_store(), name, start=0, end=max(length, 1)))


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


def remove_unfinished(workspace_id: UUID, *, older_than: datetime) -> int:
    """Remove what killed processes left half written, where the store is a folder; returns how many files."""
    if settings.S3_URL:
        return 0
    # The store writes "name#1" first and then renames it; its own listing does not show these.
    left = [
        path
        for path in (Path(settings.FILES_ROOT) / str(workspace_id)).glob("*#*")
        if datetime.fromtimestamp(path.stat().st_mtime, UTC) < older_than
    ]
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def _place(number: int) -> int:
    """Where a piece begins in the object."""
    return len(MAGIC) + number * (PIECE + TAG)


def _fetched(name: str, length: int, start: int, end: int) -> "BytesStream":
    """The bytes of an object from `start` to `end`. Raises FileDamaged when it is not `length` long."""
    try:
        found = obstore.get(_store(), name, options={"range": (start, end)})
        is_whole = found.meta["size"] == length
    except FileNotFoundError:
        raise FileDamaged("The file is gone from the store.") from None
    except GenericError:  # so it is named when the object ends before `start`
        if obstore.head(_store(), name)["size"] == length:
            raise
        is_whole = False
    if not is_whole:
        raise FileDamaged("The file was cut off or replaced.")
    return found.stream(min_chunk_size=PIECE)


def _opened(incoming: "BytesStream", cipher: AESGCM, bound: bytes, numbers: range, last: int) -> Iterator[bytes]:
    waiting = bytearray()
    for number in numbers:
        ahead = len(MAGIC) if number == 0 else 0
        whole = ahead + PIECE + TAG
        while len(waiting) < whole and (part := next(incoming, None)) is not None:
            waiting += part
        if not waiting.startswith(MAGIC[:ahead]):
            raise FileDamaged("The file does not begin as ours do.")
        try:
            yield cipher.decrypt(_NONCE.pack(number, number == last), waiting[ahead:whole], bound)
        except (InvalidTag, ValueError):
            raise FileDamaged("The file was altered or cut off.") from None
        del waiting[:whole]


def _cut(pieces: Iterator[bytes], start: int, end: int) -> Iterator[bytes]:
    """What lies between `start` and `end` of the bytes in `pieces`; empty pieces are left out."""
    place = 0
    for piece in pieces:
        wanted = piece[max(start - place, 0) : max(end - place, 0)]
        place += len(piece)
        if wanted:
            yield wanted


def _bound_to(workspace_id: UUID, name: str) -> bytes:
    return MAGIC + workspace_id.bytes + name.encode()


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
