"""HTTP/1.1 over connections that are kept: one request after the other on each, answers taken whole, nothing else.

`core.outgoing` gives the connections, made to addresses it has checked, and holds the time over them. A general client keeps a list of
all connections and requests under a lock and parses every answer event by event; with a hundred requests under way that cost more
than all else a message costs (1.3 of 2.1 ms of processor). Here whoever asks takes the connection that was used last and gives it back.
"""

from __future__ import annotations

import io
import re
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from http.client import HTTPResponse, IncompleteRead
from typing import Any, Protocol

type Header = tuple[bytes, bytes]
type Place = tuple[str, str, int]  #: scheme, host and port

#: What would end a header or the line of a request before its end.
_BREAKS = re.compile(rb"[\r\n\x00]")
_PIECE, _BUFFER = 65_536, 8_192
_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


class NotWellFormed(ValueError):
    """The request cannot be written as HTTP: nothing of it has left."""


class Stream(Protocol):
    """An open connection. Its waits end by themselves with the time of the request."""

    def read(self, max_bytes: int) -> bytes: ...

    def write(self, buffer: bytes) -> None: ...

    def close(self) -> None: ...

    def get_extra_info(self, info: str) -> Any: ...


class _Incoming(io.RawIOBase):
    """What arrives on a connection, for a buffered reader."""

    def __init__(self, stream: Stream) -> None:
        self._stream = stream

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any, /) -> int:
        piece = self._stream.read(len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)


class _Line:
    """One connection, and when it was last used."""

    def __init__(self, stream: Stream) -> None:
        self.stream, self.used_at = stream, time.monotonic()

    def makefile(self, *_mode: Any) -> io.BufferedReader:
        """What the reader of answers asks a socket for; what came behind an answer goes with it."""
        return io.BufferedReader(_Incoming(self.stream), _BUFFER)

    def is_good(self, kept_for: float) -> bool:
        """Nothing is to be read on an idle line but its end."""
        return time.monotonic() - self.used_at < kept_for and not self.stream.get_extra_info("is_readable")


class Lines:
    """The kept connections of one recipient, for many threads."""

    def __init__(self, connect: Callable[[Place], Stream], *, most: int, kept_for: float) -> None:
        self._connect, self._most, self._kept_for = connect, most, kept_for
        self._idle: dict[Place, deque[_Line]] = {}
        self._lock = threading.Lock()

    def ask(self, method: str, place: Place, target: bytes, headers: Sequence[Header], body: bytes) -> Answering:
        """Write a request; the answer is read by entering what is returned. Raises NotWellFormed, and whatever the stream raises."""
        written = written_out(method, target, headers, body)
        line = self._taken(place) or _Line(self._connect(place))
        try:
            line.stream.write(written)
            answer = HTTPResponse(line, method=method)  # type: ignore[arg-type]  # of a socket it uses `makefile` alone
            answer.begin()
        except BaseException:
            line.stream.close()
            raise
        return Answering(self, place, line, answer)

    def _taken(self, place: Place) -> _Line | None:
        while True:
            with self._lock:
                idle = self._idle.get(place)
                if not idle:
                    return None
                line = idle.pop()
            if line.is_good(self._kept_for):
                return line
            line.stream.close()

    def give_back(self, place: Place, line: _Line) -> None:
        line.used_at = time.monotonic()
        with self._lock:
            idle = self._idle.setdefault(place, deque())
            idle.append(line)
            old = idle.popleft() if len(idle) > self._most else None
        if old is not None:
            old.stream.close()


class Answering:
    """An answer that is being read. The connection is kept when the whole of it was read, and closed otherwise."""

    def __init__(self, lines: Lines, place: Place, line: _Line, answer: HTTPResponse) -> None:
        self._lines, self._place, self._line, self._answer = lines, place, line, answer
        self._is_whole = False
        self.status = answer.status
        self.headers = [(name.lower(), value) for name, value in answer.getheaders()]

    def header(self, name: str) -> str:
        return next((value for known, value in self.headers if known == name), "")

    def __enter__(self) -> Answering:
        return self

    def __exit__(self, *_error: object) -> None:
        if self._is_whole and not self._answer.will_close:
            self._lines.give_back(self._place, self._line)
        else:
            self._line.stream.close()

    def pieces(self) -> Iterator[bytes]:
        """The content as it comes."""
        while piece := self._answer.read1(_PIECE):
            yield piece
        if self._answer.length:
            raise IncompleteRead(b"", self._answer.length)
        self._answer.read()
        self._is_whole = True


def written_out(method: str, target: bytes, headers: Sequence[Header], body: bytes) -> bytes:
    """The bytes of a request. Raises NotWellFormed."""
    kept = [(name, value) for name, value in headers if name.lower() not in {b"content-length", b"transfer-encoding"}]
    if body or method in _WITH_BODY:
        kept.append((b"Content-Length", b"%d" % len(body)))
    lines = [b"%s %s HTTP/1.1" % (method.encode("ascii"), target), *(b"%s: %s" % header for header in kept)]
    if any(_BREAKS.search(line) for line in lines) or b" " in target:
        raise NotWellFormed("a line of the request would end too early")
    return b"\r\n".join(lines) + b"\r\n\r\n" + body
