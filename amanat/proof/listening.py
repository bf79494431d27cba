"""Which sockets of this installation's own processes listen, as the kernel tells it: no packet is sent for it.

Ours are the supervisor that started this process, and whatever descends from it; a program beside us is its operator's.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address
from itertools import pairwise
from pathlib import Path

PROC = Path("/proc")
_LISTENS = "0A"
_SOCKET = re.compile(r"socket:\[(\d+)\]")


@dataclass(frozen=True, slots=True, order=True)
class Listening:
    """An address of this machine at which a process of ours takes connections."""

    address: str
    port: int

    @property
    def is_inside(self) -> bool:
        """Whether only this machine reaches it."""
        found = IPv6Address(self.address) if ":" in self.address else IPv4Address(self.address)
        inner = found.ipv4_mapped if isinstance(found, IPv6Address) else None
        return (inner or found).is_loopback


def ours(proc: Path = PROC, *, of: int = 0) -> list[Listening]:
    """Where our processes listen, each address once. Raises OSError where the kernel does not tell."""
    inodes = {inode for pid in family(proc, of or os.getpid()) for inode in _sockets(proc, pid)}
    return sorted({one for one, inode in _listening(proc) if inode in inodes})


def family(proc: Path, pid: int) -> set[int]:
    """The topmost process of ours above `pid`, or `pid` itself, with all that descend from it."""
    parents = dict(_parents(proc))
    top = above = pid
    while (above := parents.get(above, 0)) > 1:
        if _is_ours(proc, above):
            top = above
    found, new = {top}, {top}
    while new:
        new = {child for child, parent in parents.items() if parent in new} - found
        found |= new
    return found


def _parents(proc: Path) -> Iterator[tuple[int, int]]:
    for entry in proc.iterdir():
        if entry.name.isdigit():
            try:
                told = (entry / "stat").read_text("utf-8", "replace")
            except OSError:
                continue  # it ended in the meantime
            yield int(entry.name), int(told.rpartition(")")[2].split()[1])


def _is_ours(proc: Path, pid: int) -> bool:
    try:
        words = (proc / str(pid) / "cmdline").read_text("utf-8", "replace").split("\0")
    except OSError:
        return False
    return ("-m", "amanat") in pairwise(words)


def _sockets(proc: Path, pid: int) -> Iterator[str]:
    try:
        entries: Iterable[Path] = list((proc / str(pid) / "fd").iterdir())
    except OSError:
        return
    for entry in entries:
        try:
            found = _SOCKET.fullmatch(str(entry.readlink()))
        except OSError:
            continue
        if found:
            yield found[1]


def _listening(proc: Path) -> Iterator[tuple[Listening, str]]:
    for name in ("tcp", "tcp6"):
        place = proc / "net" / name
        if not place.exists():
            continue
        for line in place.read_text().splitlines()[1:]:
            columns = line.split()
            if columns[3] == _LISTENS:
                address, _, port = columns[1].partition(":")
                yield Listening(_address(address), int(port, 16)), columns[9]


def _address(written: str) -> str:
    """The kernel writes addresses as hexadecimal words in the machine's own order of bytes."""
    words = [bytes.fromhex(written[at : at + 8])[::-1] for at in range(0, len(written), 8)]
    packed = b"".join(words)
    return str(IPv4Address(packed) if len(packed) == 4 else IPv6Address(packed))
