"""The server's write-ahead log over the replication protocol (PostgreSQL's manual, "Streaming Replication Protocol").

What we have written down safely we confirm; what we have not, the server keeps for us in the slot `amanat_archive`, up to
`max_slot_wal_keep_size`.
"""

import select
import struct
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType

import psycopg
from psycopg import pq

from amanat.core import clock, database
from amanat.core.configuration import Configuration
from amanat.operations.archive.chapters import Line

SLOT = "amanat_archive"
_EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
_LOG = struct.Struct(">cQQQ")  # 'w', start, the server's end, when it was sent
_ALIVE = struct.Struct(">cQQB")  # 'k', the server's end, when it was sent, whether it wants an answer
_ANSWER = struct.Struct(">cQQQQB")  # 'r', written, flushed, applied, when, no answer wanted


class StreamEnded(Exception):
    """The server ended the stream or refused to begin it; the text is its reason."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some of the log. Without data it says only how far the server is."""

    start: int
    data: bytes
    server_end: int
    sent_at: datetime


class Stream:
    """A connection that receives the log. Use as a context."""

    def __init__(self, configuration: Configuration) -> None:
        address = database.address(configuration, "superuser", "postgres")
        self._connection = pq.PGconn.connect(f"{address} replication=true application_name=amanat-archive".encode())
        if self._connection.status != pq.ConnStatus.OK:
            raise StreamEnded(self._reason())

    def __enter__(self) -> "Stream":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.finish()

    def identify(self) -> tuple[Line, int]:
        """Whose log it is, and its end."""
        system, timeline, end = self._row(b"IDENTIFY_SYSTEM")[:3]
        return Line(system, int(timeline)), position(end)

    def begin(self, start: int, line: Line) -> None:
        """Have everything sent from `start` on. Raises StreamEnded, at the latest at the first `receive`."""
        words = (
            f"START_REPLICATION SLOT {SLOT} PHYSICAL {start >> 32:X}/{start & 0xFFFFFFFF:X} TIMELINE {line.timeline}"
        )
        result = self._connection.exec_(words.encode())
        if result.status != pq.ExecStatus.COPY_BOTH:
            raise StreamEnded(_text(result.error_message))

    def receive(self, patience: float) -> Piece | None:
        """What comes next; None when nothing came for `patience` seconds. Raises StreamEnded."""
        length, data = self._connection.get_copy_data(1)
        if length == 0:
            select.select([self._connection.socket], [], [], patience)
            try:
                self._connection.consume_input()
            except psycopg.OperationalError as error:
                raise StreamEnded(_text(str(error).encode())) from None
            length, data = self._connection.get_copy_data(1)
        if length == 0:
            return None
        if length < 0:
            result = self._connection.get_result()
            raise StreamEnded(_text(result.error_message) if result else self._reason())
        return _parsed(bytes(data))

    def confirm(self, end: int) -> None:
        """We have everything before `end` for good."""
        now = (clock.now() - _EPOCH) // timedelta(microseconds=1)
        self._connection.put_copy_data(_ANSWER.pack(b"r", end, end, end, now, 0))
        self._connection.flush()

    def _row(self, command: bytes) -> list[str]:
        result = self._connection.exec_(command)
        if result.status != pq.ExecStatus.TUPLES_OK:
            raise StreamEnded(_text(result.error_message))
        return [(result.get_value(0, column) or b"").decode() for column in range(result.nfields)]

    def _reason(self) -> str:
        return _text(self._connection.error_message)


def ensure_slot(connection: psycopg.Connection, *, anew: bool) -> int:
    """Have the server keep the log for us; the position from which on it does. `anew`: from now on, whatever it kept."""
    if anew:
        drop_slot(connection)
    if not _slots(connection):
        connection.execute("SELECT pg_create_physical_replication_slot(%s, true)", [SLOT])
    row = connection.execute("SELECT restart_lsn FROM pg_replication_slots WHERE slot_name = %s", [SLOT]).fetchone()
    return position(row[0]) if row and row[0] else 0  # none: it fell too far behind and was given up


def drop_slot(connection: psycopg.Connection) -> None:
    """Have the server keep nothing; a connection left of a killed process is ended for it."""
    for pid in _slots(connection):
        if pid:
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
        connection.execute("SELECT pg_drop_replication_slot(%s)", [SLOT])


def position(text: str) -> int:
    """A place in the log, from the server's way of writing it, such as 0/16EF7F8."""
    high, _, low = text.partition("/")
    return (int(high, 16) << 32) + int(low, 16)


def _slots(connection: psycopg.Connection) -> list[int | None]:
    rows = connection.execute("SELECT active_pid FROM pg_replication_slots WHERE slot_name = %s", [SLOT])
    return [row[0] for row in rows.fetchall()]


def _parsed(message: bytes) -> Piece:
    if message[:1] == b"w":
        _, start, end, sent = _LOG.unpack_from(message)
        return Piece(start, message[_LOG.size :], end, _EPOCH + timedelta(microseconds=sent))
    if message[:1] == b"k":
        _, end, sent, _ = _ALIVE.unpack_from(message)
        return Piece(end, b"", end, _EPOCH + timedelta(microseconds=sent))
    raise StreamEnded(f"The server sent a message of an unknown kind ({message[:1]!r}).")


def _text(message: bytes) -> str:
    lines = message.decode(errors="replace").strip().splitlines()
    return lines[0] if lines else "the connection was lost"
