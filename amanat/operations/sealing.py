"""The file format of backups: one stream of named entries, encrypted so that any change to it is found.

    AMANAT BACKUP\\n | length, header (JSON, readable) | chunk, chunk, … last chunk

A chunk is its length and up to 1 MiB under AES-256-GCM; its number and whether it is the last one are in the nonce, and
the header's hash is bound to every chunk: so bytes cannot be altered, left out, moved, repeated or cut off unseen. The key
is made for this file alone from the root key or a passphrase and a random salt, which is why counting nonces is safe.
Inside, records: N name of an entry, D some of its bytes, E the summary, which ends the stream.
"""

import hashlib
import json
import os
import struct
from collections.abc import Iterator
from typing import IO, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from amanat.operations import Refused

MAGIC = b"AMANAT BACKUP\n"
FORMAT = 1
CHUNK = 1 << 20
TAG = 16
LONGEST_HEADER = 1 << 20
LENGTH = struct.Struct(">I")
NAME, DATA, END = b"N", b"D", b"E"


class Secret:
    """What the file's key is made from: the root key, a key of this backup alone (32 random bytes each) or a passphrase."""

    def __init__(self, *, root_key: bytes = b"", passphrase: str = "", own_key: bytes = b"") -> None:
        self._root_key = own_key or root_key
        self._passphrase = passphrase.encode()
        self.kind = "passphrase" if passphrase else "keys file" if own_key else "root key"

    def keys(self, salt: bytes) -> tuple[bytes, bytes]:
        """The file's key, and a value by which a wrong secret is told from a damaged file."""
        material = self._root_key
        if self._passphrase:  # 128 MiB and about half a second a guess
            material = Scrypt(salt=salt, length=32, n=1 << 17, r=8, p=1).derive(self._passphrase)
        both = HKDF(algorithm=SHA256(), length=48, salt=salt, info=b"amanat.backup.1").derive(material)
        return both[:32], both[32:]


class Writer:
    """Writes one backup. Entries are given whole or in pieces; `close` writes the summary."""

    def __init__(self, file: IO[bytes], *, header: dict[str, Any], secret: Secret) -> None:
        salt = os.urandom(16)
        key, check = secret.keys(salt)
        full = {"format": FORMAT, "key": secret.kind, "salt": salt.hex(), "check": check.hex(), **header}
        encoded = json.dumps(full, sort_keys=True).encode()
        self._file = file
        self._cipher = AESGCM(key)
        self._bound = hashlib.sha256(MAGIC + encoded).digest()
        self._number = 0
        self._buffer = bytearray()
        file.write(MAGIC + LENGTH.pack(len(encoded)) + encoded)

    def entry(self, name: str) -> None:
        """What is written from here on belongs to the entry `name`."""
        self._record(NAME, name.encode())

    def write(self, data: bytes) -> None:
        for start in range(0, len(data), CHUNK):
            self._record(DATA, data[start : start + CHUNK])

    def close(self, summary: dict[str, Any]) -> None:
        self._record(END, json.dumps(summary, sort_keys=True).encode())
        self._seal(bytes(self._buffer), last=True)

    def _record(self, kind: bytes, data: bytes) -> None:
        self._buffer += kind + LENGTH.pack(len(data)) + data
        while len(self._buffer) > CHUNK:
            self._seal(bytes(self._buffer[:CHUNK]), last=False)
            del self._buffer[:CHUNK]

    def _seal(self, data: bytes, *, last: bool) -> None:
        sealed = self._cipher.encrypt(_nonce(self._number, last=last), data, self._bound)
        self._file.write(LENGTH.pack(len(sealed)) + sealed)
        self._number += 1


class Reader:
    """Reads one backup. Raises Refused for a wrong key, another format, and any damage."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        if file.read(len(MAGIC)) != MAGIC:
            raise Refused("This is not a backup of Amanat: give a file that `backup` wrote.")
        encoded = self._exactly(self._length(LONGEST_HEADER))
        try:
            self.header: dict[str, Any] = json.loads(encoded)
            known = self.header["format"] == FORMAT
            self._salt, self._check = bytes.fromhex(self.header["salt"]), bytes.fromhex(self.header["check"])
        except (ValueError, KeyError, TypeError):
            raise _damaged("its header cannot be read") from None
        if not known:
            raise Refused(
                f"The backup has format {self.header['format']}, this version reads {FORMAT}: use the version that wrote it."
            )
        self._bound = hashlib.sha256(MAGIC + encoded).digest()

    def entries(self, secret: Secret) -> Iterator[tuple[str, bytes]]:
        """Name and bytes, piece by piece and verified; last the summary, under the name END."""
        key, check = secret.keys(self._salt)
        if check != self._check:
            raise Refused(
                f"The key does not open this backup: it was locked with the {self.header['key']} of the installation that wrote it "
                "(settings AMANAT_ROOT_KEY_FILE and AMANAT_BACKUP_PASSPHRASE)."
            )
        name, ended = "", False
        for kind, data in _records(self._chunks(AESGCM(key))):
            if ended:
                raise _damaged("something follows its end")
            if kind == NAME:
                name = data.decode()
            yield (END.decode() if kind == END else name, data if kind != NAME else b"")
            ended = kind == END
        if not ended:
            raise _damaged("its summary is missing")

    def _chunks(self, cipher: AESGCM) -> Iterator[bytes]:
        number = 0
        ahead = self._next()
        while ahead is not None:
            sealed, ahead = ahead, self._next()
            try:
                yield cipher.decrypt(_nonce(number, last=ahead is None), sealed, self._bound)
            except InvalidTag:
                raise _damaged(f"the piece at {number} MiB was altered or the end is missing") from None
            number += 1

    def _next(self) -> bytes | None:
        head = self._file.read(LENGTH.size)
        if not head:
            return None
        if len(head) < LENGTH.size or LENGTH.unpack(head)[0] > CHUNK + TAG:
            raise _damaged("it is cut off or altered")
        return self._exactly(LENGTH.unpack(head)[0])

    def _length(self, most: int) -> int:
        length = int(LENGTH.unpack(self._exactly(LENGTH.size))[0])
        if length > most:
            raise _damaged("its header cannot be read")
        return length

    def _exactly(self, count: int) -> bytes:
        data = self._file.read(count)
        if len(data) != count:
            raise _damaged("it is cut off")
        return data


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


def _damaged(how: str) -> Refused:
    return Refused(f"The backup is damaged ({how}): nothing was changed; use another copy.")


def _records(chunks: Iterator[bytes]) -> Iterator[tuple[bytes, bytes]]:
    head = len(DATA) + LENGTH.size
    buffer = bytearray()
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= head:
            end = head + LENGTH.unpack(buffer[1:head])[0]
            if len(buffer) < end:
                break
            yield bytes(buffer[:1]), bytes(buffer[head:end])
            del buffer[:end]
    if buffer:
        raise _damaged("its last record is cut off")
