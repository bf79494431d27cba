"""The root keys: a file outside the data folder, one key a line, the newest first.

A line is 64 hexadecimal digits, or "id:base64" for keys that came with an id of their own. More than one line stands
only between adding a new root key and the end of rewrapping.
"""

import base64
import hashlib
import os
import secrets
import stat
import threading
from pathlib import Path

from django.conf import settings

from amanat.core import wholefiles


class RootKeyMissing(Exception):
    """The root key file is missing, damaged, readable by others, or lacks the key that is needed."""


_lock = threading.Lock()
_known: dict[tuple[str, int], dict[str, bytes]] = {}


def newest() -> tuple[str, bytes]:
    """Id and key that new wrappings use."""
    return next(iter(_keys().items()))


def by_id(root_id: str) -> bytes | None:
    return _keys().get(root_id)


def forget() -> None:
    with _lock:
        _known.clear()


def create(path: Path) -> None:
    """Write a first root key, readable by its owner only. Raises FileExistsError rather than replace one."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(secrets.token_hex(32) + "\n")
        file.flush()
        os.fsync(file.fileno())


def add(path: Path) -> str:
    """Put a new root key before the ones in the file, whole or not at all; returns its id."""
    line = secrets.token_hex(32)
    wholefiles.write(path, line + "\n" + path.read_text())
    return _parsed(line)[0]


def put_back(path: Path, root_id: str, key: bytes) -> None:
    """Put an older root key after the ones in the file: restored data is wrapped with it."""
    line = f"{root_id}:{base64.b64encode(key).decode()}"
    wholefiles.write(path, path.read_text().rstrip("\n") + "\n" + line + "\n")


def drop_old(path: Path) -> int:
    """Keep the newest root key only: for when nothing is wrapped with the others any more. Returns how many went."""
    lines = _lines(path.read_text())
    wholefiles.write(path, lines[0] + "\n")
    return len(lines) - 1


def read(path: Path) -> dict[str, bytes]:
    """The keys of a file by id, newest first."""
    try:
        if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise RootKeyMissing(f"The root key file {path} can be read by others: chmod 600 '{path}'.")
        lines = _lines(path.read_text())
    except FileNotFoundError:
        raise RootKeyMissing(f"The root key file {path} is missing: put it back from where you keep it.") from None
    if not lines:
        raise RootKeyMissing(f"The root key file {path} is empty.")
    try:
        return dict(_parsed(line) for line in lines)
    except ValueError:
        raise RootKeyMissing(f"The root key file {path} is damaged: put it back from where you keep it.") from None


def _keys() -> dict[str, bytes]:
    """The configured keys; read again when the file has changed."""
    path = Path(settings.ROOT_KEY_FILE)
    try:
        version = (str(path), path.stat().st_mtime_ns)
    except FileNotFoundError:
        version = (str(path), 0)
    with _lock:
        if version not in _known:
            _known.clear()
            _known[version] = read(path)
        return _known[version]


def _lines(text: str) -> list[str]:
    return [line for line in map(str.strip, text.splitlines()) if line and not line.startswith("#")]


def _parsed(line: str) -> tuple[str, bytes]:
    if ":" in line:
        root_id, _, encoded = line.partition(":")
        key = base64.b64decode(encoded, validate=True)
    else:
        key = bytes.fromhex(line)
        root_id = hashlib.sha256(b"amanat.root:" + key).hexdigest()[:16]
    if len(key) != 32 or not 0 < len(root_id) <= 16:
        raise ValueError("not a root key")
    return root_id, key
