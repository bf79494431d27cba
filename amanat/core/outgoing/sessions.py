"""Many requests to one recipient, on connections that are kept: each passes the tests of a single one."""

import json as json_module
import threading
import time
import zlib
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from typing import Any, cast

import httpcore
import httpx

from amanat.core.keptlines import Header, Lines, NotWellFormed, Place, Stream
from amanat.core.outgoing import rules
from amanat.core.outgoing.connections import Attempt, PinnedBackend, tls, unpacked
from amanat.core.outgoing.rules import UNREACHED, USER_AGENT, Disclosure, Recipient, Refused, Unreachable
from amanat.core.outgoing.sending import Response


@contextmanager
def session(
    recipient: str, *, base_url: str, timeout: float = 20.0, max_bytes: int = 5_000_000, ahead: int = 200
) -> Iterator["Session"]:
    """A client for many requests to `recipient`, from many threads: every request passes the tests of `send`.

    Its requests raise Refused or Unreachable and nothing else, follow no redirect to another recipient and keep no
    cookie; `timeout` and `max_bytes` hold for each. `ahead` requests to the host of `base_url` are told to the hooks of
    disclosure at once, before the first leaves, in the thread that needs them; those to other hosts one by one.
    """
    declared = rules.declared(recipient, base_url)
    told = _Told(recipient, rules.host_of(rules.checked(base_url, declared)), ahead)
    exchange = _Exchange(declared, told, timeout=timeout, max_bytes=max_bytes)
    headers = {"user-agent": USER_AGENT, "accept": "application/json", "accept-encoding": "identity"}
    try:
        yield Session(exchange, timeout=timeout, base_url=base_url, headers=headers)
    finally:
        told.settle()  # the connections stay in `_kept`, for the next session


class _Told:
    """What the hooks of disclosure were told ahead of time, and how much of that has left."""

    def __init__(self, recipient: str, host: str, ahead: int) -> None:
        self._recipient, self._host, self._ahead = recipient, host, ahead
        self._left = self._sent_bytes = 0
        self._lock = threading.Lock()

    def tell(self, host: str, method: str, sent_bytes: int) -> None:
        """Called before each request; when a hook raises, the request is not made."""
        if host != self._host:
            rules.disclose(Disclosure(self._recipient, host, method, sent_bytes, None))
            return
        with self._lock:
            if self._left == 0:
                rules.disclose(Disclosure(self._recipient, host, method, self._sent_bytes, None, self._ahead))
                self._left, self._sent_bytes = self._ahead, 0
            self._left -= 1
            self._sent_bytes += sent_bytes

    def settle(self) -> None:
        with self._lock:
            if self._left or self._sent_bytes:
                rules.disclose(Disclosure(self._recipient, self._host, "", self._sent_bytes, None, -self._left))
            self._left = self._sent_bytes = 0


_KEPT = 128  # connections to one recipient
_KEPT_FOR = 15.0  # seconds; Meta's balancers close idle ones after a minute
_under_way = threading.local()
_kept: dict[str, tuple[Recipient, Lines]] = {}
_kept_lock = threading.Lock()


def _lines_to(recipient: Recipient) -> Lines:
    """The kept connections to a recipient as it is declared now; they carry no key of anybody."""
    with _kept_lock:
        declared, lines = _kept.get(recipient.name, (None, None))
        if declared is not recipient or lines is None:
            backend = PinnedBackend(recipient, lambda: cast(Attempt, _under_way.attempt))
            lines = Lines(lambda place: _connected(backend, place), most=_KEPT, kept_for=_KEPT_FOR)
            _kept[recipient.name] = (recipient, lines)
        return lines


def _connected(backend: httpcore.NetworkBackend, place: Place) -> Stream:
    scheme, host, port = place
    stream = backend.connect_tcp(host, port)
    if scheme == "https":
        try:
            stream = stream.start_tls(tls(), host)
        except BaseException:
            stream.close()
            raise
    return stream


class _Exchange:
    """Each request checked, told and limited; each answer whole and without cookies."""

    def __init__(self, recipient: Recipient, told: _Told, *, timeout: float, max_bytes: int) -> None:
        self._recipient, self._told = recipient, told
        self._timeout, self._max_bytes = timeout, max_bytes
        self._lines = _lines_to(recipient)

    def ask(self, method: str, url: str, headers: Iterable[Header], body: bytes) -> Response:
        target = rules.checked(url, self._recipient)
        sent = [(b"Host", target.netloc), *(header for header in headers if header[0].lower() != b"host")]
        if any(name.lower() == b"cookie" for name, _value in sent):
            raise Refused("The Host and Cookie headers cannot be set.")
        host = rules.host_of(target)
        self._told.tell(host, method, len(body))
        attempt = _under_way.attempt = Attempt(time.monotonic() + self._timeout)
        try:
            place = (target.scheme, host, rules.port_of(target))
            with self._lines.ask(method, place, target.raw_path, sent, body) as answer:
                pieces = unpacked(answer.pieces(), answer.header("content-encoding"), self._max_bytes, host)
                content = b"".join(pieces)
        except NotWellFormed as error:
            raise Refused("The request is not well formed.", reason=repr(error)) from None
        except (*_FAILURES, HTTPException, ValueError, OSError, zlib.error) as error:
            message = UNREACHED.format(host=host)
            raise Unreachable(message, reason=repr(error), may_have_arrived=attempt.has_written) from None
        kept = {name: value for name, value in answer.headers if name not in _NOT_PASSED_ON}
        return Response(answer.status, kept, content, url)


#: What a connection that fails raises underneath.
_FAILURES = (httpcore.NetworkError, httpcore.TimeoutException, httpcore.ProtocolError)


class Session(httpx.Client):
    """What `session` gives: the client that libraries expect, and `exchange`, which costs a fifth of it."""

    def __init__(self, exchange: _Exchange, *, timeout: float, base_url: str, headers: Mapping[str, str]) -> None:
        super().__init__(
            transport=_SessionTransport(exchange), trust_env=False, timeout=timeout, base_url=base_url, headers=headers,
            max_redirects=5,
        )  # fmt: skip
        self._exchange = exchange

    def exchange(self, method: str, path: str, *, json: Any) -> Response:
        """One request with a JSON body to a path below the base address, with the session's headers. Raises as all of them."""
        url = f"{str(self.base_url).rstrip('/')}/{path.lstrip('/')}"
        headers = [*self.headers.raw, (b"Content-Type", b"application/json")]
        return self._exchange.ask(method, url, headers, json_module.dumps(json, ensure_ascii=False).encode())


class _SessionTransport(httpx.BaseTransport):
    """The same for libraries that speak httpx."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        url = str(request.url)
        if request.headers["host"] != request.url.netloc.decode("ascii"):
            raise Refused("The Host and Cookie headers cannot be set.")
        answer = self._exchange.ask(request.method, url, request.headers.raw, request.read())
        return answer.for_libraries()


_NOT_PASSED_ON = frozenset({"set-cookie", "content-encoding", "transfer-encoding", "content-length"})
