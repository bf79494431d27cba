"""Connections to addresses that were checked, within a time: a name is resolved once, and what it gave is what is dialed."""

import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any

import certifi
import httpcore
import httpx

from amanat.core import addresses
from amanat.core.outgoing.rules import UNREACHED, AnswerTooLarge, Recipient, Refused, Unreachable


@dataclass(slots=True)
class Patience:
    """Of somebody who has requests made by threads: once it is over they end within a second, as if their own time were."""

    is_over: bool = False


_mine = threading.local()
#: Seconds after which a waiting thread looks whether it is still waited for.
_GLANCE = 1.0


@contextmanager
def waited_for(patience: Patience) -> Iterator[None]:
    """The requests that this thread makes inside the block last no longer than `patience`."""
    _mine.patience = patience
    try:
        yield
    finally:
        _mine.patience = None


class Attempt:
    """One request under way: until when it may take, and how far it got."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self._patience: Patience | None = getattr(_mine, "patience", None)
        self.has_connected = False  #: a connection was opened for it
        self.has_written = False  #: something of it was given to a connection

    @property
    def left(self) -> float:
        if self._patience is not None and self._patience.is_over:
            return 0.0
        return self.deadline - time.monotonic()


type Attempts = Callable[[], Attempt]


class _PinnedStream(httpcore.NetworkStream):
    """A connection on which no single wait outlasts the deadline of the whole request: slow drips end too."""

    def __init__(self, stream: httpcore.NetworkStream, attempts: Attempts) -> None:
        self._stream = stream
        self._attempts = attempts

    def _left(self) -> float:
        left = self._attempts().left
        if left <= 0:
            raise httpcore.ReadTimeout("the time for this request is over")
        return left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        while True:
            left = self._left()
            try:
                return self._stream.read(max_bytes, min(left, _GLANCE))
            except httpcore.ReadTimeout:
                if left <= _GLANCE:
                    raise

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        left = self._left()
        self._attempts().has_written = True
        self._stream.write(buffer, left)

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _PinnedStream(self._stream.start_tls(ssl_context, server_hostname, self._left()), self._attempts)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class PinnedBackend(httpcore.NetworkBackend):
    """Resolves once, checks every answer, and connects to a checked address; TLS and Host keep the name of the URL."""

    def __init__(self, recipient: Recipient, attempts: Attempts) -> None:
        self._recipient = recipient
        self._attempts = attempts

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        attempt = self._attempts()
        for address in self.allowed(host, port):
            left = attempt.left
            if left <= 0:
                raise httpcore.ConnectTimeout("the time for this request is over")
            try:
                stream = httpcore.SyncBackend().connect_tcp(address, port, left, None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            attempt.has_connected = True
            return _PinnedStream(stream, self._attempts)
        raise failure

    def allowed(self, host: str, port: int) -> list[str]:
        """The addresses of `host`, all of them allowed; one that is not spoils the name."""
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} has no address: {error}") from error
        texts = list(dict.fromkeys(str(entry[4][0]) for entry in found))
        for text in texts:
            address = addresses.parse(text)
            private = self._recipient.allow_private and address is not None and addresses.is_private(address)
            if address is None or not (addresses.is_public(address) or private):
                raise Refused(UNREACHED.format(host=host), reason=f"{host} leads to {text}, which is not public")
        return texts


class PinnedTransport(httpx.HTTPTransport):
    """httpx's transport over our backend. httpx 0.28 has no public way to give one; tests guard this."""

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        super().__init__(verify=tls(), trust_env=False)
        self._pool = httpcore.ConnectionPool(ssl_context=tls(), network_backend=backend, max_keepalive_connections=0)


@cache
def tls() -> ssl.SSLContext:
    """Certificates of certifi only, not of SSL_CERT_FILE; made once, for it costs about 10 ms."""
    return ssl.create_default_context(cafile=certifi.where())


def unpacked(pieces: Iterable[bytes], encoding: str, max_bytes: int, host: str) -> Iterator[bytes]:
    """The answer's body in pieces, unpacked by a decompressor that is never asked for more than the limit allows."""
    encoding = encoding.strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        raise Unreachable(UNREACHED.format(host=host), reason=f"content-encoding {encoding}", may_have_arrived=True)
    unpacker = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    received = size = 0
    for chunk in pieces:
        received += len(chunk)
        piece = unpacker.decompress(chunk, max_bytes - size + 1) if unpacker else chunk
        size += len(piece)
        if size > max_bytes or received > max_bytes:
            raise AnswerTooLarge(
                f"The answer of {host} is too large.", reason=f"over {max_bytes}", may_have_arrived=True
            )
        yield piece
