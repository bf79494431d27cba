"""Files of the write-ahead log, encrypted while they grow.

    AMANAT WAL\\n | length, header (JSON, readable) | frame, frame, …

A frame is its length and, under AES-256-GCM: a moment, an offset within the segment, and compressed bytes from there on. The
frame's number is its nonce and the header's hash is bound to it. Every file has a key of its own (a random salt), and none
is ever continued after a crash: what follows goes to the segment's next part, so that no nonce is used twice. A torn last
frame is told from a lost one because the next part must begin where the last whole frame ended.

The moment says: whatever was committed until then lies before the end of this frame.
"""

import hashlib
import json
import os
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from amanat.operations.sealing import LENGTH, Secret

MAGIC = b"AMANAT WAL\n"
MOST = 1 << 20  # bytes of the log in one frame
_HEAD = struct.Struct(">QI")  # microseconds since 1970, offset
_LONGEST_FRAME = MOST + (1 << 16)
_LONGEST_HEADER = 1 << 16


class Damaged(Exception):
    """A file that is not what was written; the text says how."""


@dataclass(frozen=True, slots=True)
class Frame:
    moment: datetime
    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Segment:
    """What is sound of one segment, from its beginning on."""

    data: bytes
    moment: datetime | None  #: of its last frame
    damage: str = ""  #: what follows is lost, and why

    def is_whole(self, size: int) -> bool:
        return len(self.data) == size


class Writer:
    """One part of one segment. `append` returns when the bytes are on the disk."""

    def __init__(self, path: Path, *, header: dict[str, Any], secret: Secret) -> None:
        salt = os.urandom(16)
        self._cipher = AESGCM(secret.keys(salt)[0])
        encoded = json.dumps({**header, "salt": salt.hex()}, sort_keys=True).encode()
        self._bound = hashlib.sha256(MAGIC + encoded).digest()
        self._number = 0
        self._file = os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
        self._file.write(MAGIC + LENGTH.pack(len(encoded)) + encoded)

    def append(self, data: bytes, *, offset: int, moment: datetime) -> None:
        for start in range(0, len(data) or 1, MOST):
            plain = _HEAD.pack(int(moment.timestamp() * 1_000_000), offset + start)
            plain += zlib.compress(data[start : start + MOST], 1)
            sealed = self._cipher.encrypt(_nonce(self._number), plain, self._bound)
            self._file.write(LENGTH.pack(len(sealed)) + sealed)
            self._number += 1
        self._file.flush()
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def frames(path: Path, secret: Secret, header: dict[str, Any]) -> Iterator[Frame]:
    """The frames of one file. Raises Damaged where it stops being sound, also when the file is another than `header` says."""
    with path.open("rb") as file:
        encoded = _header(file)
        try:
            found = json.loads(encoded)
            salt = bytes.fromhex(found.pop("salt"))
        except (ValueError, KeyError, TypeError, AttributeError):
            raise Damaged("its header cannot be read") from None
        if found != header:
            raise Damaged("it is another file than its name says")
        cipher, bound, number = AESGCM(secret.keys(salt)[0]), hashlib.sha256(MAGIC + encoded).digest(), 0
        while head := file.read(LENGTH.size):
            length = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else 0
            sealed = file.read(length) if length <= _LONGEST_FRAME else b""
            if not length or len(sealed) < length:
                raise Damaged("it is cut off")
            try:
                plain = cipher.decrypt(_nonce(number), sealed, bound)
            except InvalidTag:
                raise Damaged(f"its frame {number} was altered, or its key is another") from None
            at, offset = _HEAD.unpack_from(plain)
            yield Frame(datetime.fromtimestamp(at / 1_000_000, UTC), offset, zlib.decompress(plain[_HEAD.size :]))
            number += 1


def assemble(parts: Sequence[tuple[Path, Secret, dict[str, Any]]]) -> Segment:
    """One segment from its parts in order. A torn end of a part does no harm when the next begins just there; a part that
    begins at the beginning replaces those before it."""
    data, moment, damage = bytearray(), None, ""
    for path, secret, header in parts:
        try:
            for number, frame in enumerate(frames(path, secret, header)):
                if number == 0 and frame.offset == 0:
                    data.clear()
                if frame.offset != len(data):
                    return Segment(bytes(data), moment, damage or f"{path}: bytes are missing before it")
                data += frame.data
                moment, damage = frame.moment, ""
        except Damaged as how:
            damage = f"{path}: {how}"
    return Segment(bytes(data), moment, damage)


def _header(file: IO[bytes]) -> bytes:
    if file.read(len(MAGIC)) != MAGIC:
        raise Damaged("it is no file of the archive")
    head = file.read(LENGTH.size)
    length = LENGTH.unpack(head)[0] if len(head) == LENGTH.size else _LONGEST_HEADER + 1
    encoded = file.read(length) if length <= _LONGEST_HEADER else b""
    if not encoded or len(encoded) != length:
        raise Damaged("its header cannot be read")
    return encoded


def _nonce(number: int) -> bytes:
    return number.to_bytes(12, "big")
