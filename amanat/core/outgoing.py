"""The only way out: every HTTP request this server makes to another machine goes through `send` or a `session`.

What holds for all of them: the host belongs to a declared recipient; the address is resolved once, checked, and that
very address is connected to (a name that changes its answer between check and use gains nothing); no proxy from the
environment, no cookies, no redirect unless asked for and then each hop checked again; a limit on time as a whole, and
on the size of the answer both as received and unpacked. A refused address and one where nobody listens give the same
text, so that the answer is no port scanner.

A `session` is for many requests to one recipient: the same tests for each request, on connections that are kept. A kept
connection leads to the address that was checked when it was opened, and nowhere else.
"""

import json as json_module
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Any, cast
from uuid import UUID

import certifi
import httpcore
import httpx

from amanat.core import addresses

type Hosts = tuple[str, ...] | Callable[[], Collection[str]]

#: Any public host, on ports 80 and 443: for addresses that members type in, such as webhooks.
ANY_PUBLIC_HOST = "*"
_DEFAULT_PORTS = frozenset({80, 443})
#: A name or an address as it is resolved: no percent signs, no zones, nothing that two parsers could read differently.
_HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")
_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_USER_AGENT = "Amanat"
_UNREACHED = "{host} could not be reached."


class Refused(Exception):
    """We will not make this request: it breaks a rule of ours. Trying again changes nothing.

    `reason` is for the log and for operators only: shown to members it would describe the inside of the network.
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class Unreachable(Exception):
    """The other side gave no usable answer; `may_have_arrived` tells whether it may have acted all the same."""

    def __init__(self, message: str, *, reason: str, may_have_arrived: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.may_have_arrived = may_have_arrived


class AnswerTooLarge(Unreachable):
    """The answer is larger than the caller allowed; the request itself has arrived."""


@dataclass(frozen=True)
class Recipient:
    """Somebody who may receive data. `hosts`: "host" (ports 80 and 443) or "host:port", or gives them when asked."""

    name: str
    hosts: Hosts
    allow_private: bool
    allow_plain: bool
    ports: Collection[int] = ()  #: of hosts that were declared without one; none said: those of the web

    def covers(self, host: str, port: int) -> bool:
        hosts = self.hosts() if callable(self.hosts) else self.hosts
        known = {entry.lower() for entry in hosts}
        if f"{_bracketed(host)}:{port}" in known:
            return True
        return port in (self.ports or _DEFAULT_PORTS) and (_bracketed(host) in known or ANY_PUBLIC_HOST in known)


@dataclass(frozen=True)
class Disclosure:
    """Requests about to leave: to whom, where, how much, and about whom when the caller said so.

    A session tells of many `requests` at once before the first of them leaves, and at its end takes back those that did
    not (a number below zero) and tells the bytes of those that did.
    """

    recipient: str
    host: str
    method: str
    sent_bytes: int
    about: UUID | None
    requests: int = 1


@dataclass(frozen=True)
class Response:
    """The answer. Header names are in lower case; `content` is unpacked; `url` is where the answer came from."""

    status: int
    headers: Mapping[str, str]
    content: bytes
    url: str

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def text(self) -> str:
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """The content as JSON. Raises ValueError when it is not."""
        return json_module.loads(self.content)


_recipients: dict[str, Recipient] = {}
_disclosure_hooks: list[Callable[[Disclosure], None]] = []
_refusal_hooks: list[Callable[[str, str], None]] = []


def register_recipient(
    name: str,
    *,
    hosts: Hosts,
    allow_private: bool = False,
    allow_plain: bool = False,
    ports: Collection[int] = (),
) -> Recipient:
    """Declare `name` as somebody data may go to. Registering the same name again replaces it.

    `allow_private` is for a base URL that the operator set (a sandbox on this machine): it opens this machine and its
    network, never link-local or metadata addresses, and allows plain HTTP. Otherwise plain HTTP needs `allow_plain`.
    """
    if allow_private and not callable(hosts) and ANY_PUBLIC_HOST in hosts:
        raise ValueError("A recipient at any host cannot be on a private network.")
    recipient = Recipient(name, hosts, allow_private, allow_plain or allow_private, ports)
    _recipients[name] = recipient
    return recipient


def recipients() -> list[Recipient]:
    return sorted(_recipients.values(), key=lambda recipient: recipient.name)


def on_disclosure(hook: Callable[[Disclosure], None]) -> None:
    """Call `hook` before each request leaves. When it raises, the request is not made: nothing goes unrecorded."""
    if hook not in _disclosure_hooks:
        _disclosure_hooks.append(hook)


def on_refusal(hook: Callable[[str, str], None]) -> None:
    """Call `hook` with the recipient and the host of each request that is refused because neither was declared."""
    if hook not in _refusal_hooks:
        _refusal_hooks.append(hook)


def _undeclared(recipient: str, host: str) -> None:
    for hook in _refusal_hooks:
        hook(recipient, host)


def send(
    method: str,
    url: str,
    *,
    recipient: str,
    headers: Mapping[str, str] | None = None,
    content: bytes | None = None,
    json: Any = None,
    timeout: float = 20.0,
    max_bytes: int = 5_000_000,
    allow_redirects: bool = False,
    about: UUID | None = None,
) -> Response:
    """Make one request within `timeout` seconds in all and return the answer, whatever its status.

    Redirects are followed only when asked, only for GET and HEAD, to hosts of the same recipient, and without the
    caller's headers when the origin changes. Raises Refused or Unreachable, nothing else.
    """
    if recipient not in _recipients:
        _undeclared(recipient, url.partition("//")[2].partition("/")[0])
        raise Refused(f"“{recipient}” is not a declared recipient.")
    body = json_module.dumps(json, ensure_ascii=False).encode() if json is not None else content
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    if json is not None:
        sent.setdefault("content-type", "application/json")
    method, deadline = method.upper(), time.monotonic() + timeout
    target = _checked(url, _recipients[recipient])
    for _ in range(_MOST_REDIRECTS + 1):
        disclosure = Disclosure(recipient, target.host, method, len(body or b""), about)
        _disclose(disclosure)
        response = _send_once(
            method,
            target,
            recipient=_recipients[recipient],
            headers=sent,
            body=body,
            deadline=deadline,
            max_bytes=max_bytes,
        )
        if not allow_redirects or response.status not in _REDIRECTS or "location" not in response.headers:
            return response
        if method not in {"GET", "HEAD"}:
            raise Refused("A redirect is followed for reading only.")
        following = _checked(str(_joined(target, response.headers["location"])), _recipients[recipient])
        if target.scheme == "https" and following.scheme == "http":
            raise Refused("A redirect led from HTTPS to plain HTTP.")
        if _origin(following) != _origin(target):
            sent = {}
        target = following
    raise Refused("Too many redirects.")


def connect(host: str, port: int, *, recipient: str, timeout: float, sent_bytes: int = 0) -> socket.socket:
    """A connection to a server that speaks no HTTP (mail), under the same rules; `timeout` is for each wait on it.

    Raises Refused or Unreachable, which never means that something arrived: nothing was said yet.
    """
    name, known = host.strip().lower().rstrip("."), _recipients.get(recipient)
    if known is None or not _HOST.fullmatch(name) or not known.covers(name, port):
        _undeclared(recipient, name[:255])
        raise Refused(_UNREACHED.format(host=name), reason=f"{name}:{port} is no host of recipient {recipient}")
    for hook in _disclosure_hooks:
        hook(Disclosure(recipient, name, "CONNECT", sent_bytes, None))
    failure: OSError | None = None
    try:
        for address in _PinnedBackend(known, lambda: _Attempt(0)).allowed(name, port):
            try:
                return socket.create_connection((address, port), timeout)
            except OSError as error:
                failure = error
    except httpcore.ConnectError as error:
        raise Unreachable(_UNREACHED.format(host=name), reason=repr(error), may_have_arrived=False) from None
    raise Unreachable(_UNREACHED.format(host=name), reason=repr(failure), may_have_arrived=False)


def tls() -> ssl.SSLContext:
    """What every encrypted connection to another machine is made with: certificates and host names are checked."""
    return _tls()


@contextmanager
def session(
    recipient: str, *, base_url: str, timeout: float = 20.0, max_bytes: int = 5_000_000, ahead: int = 200
) -> Iterator[httpx.Client]:
    """A client for many requests to `recipient`, from many threads: every request passes the tests of `send`.

    Its requests raise Refused or Unreachable and nothing else, follow no redirect to another recipient and keep no
    cookie; `timeout` and `max_bytes` hold for each. `ahead` requests to the host of `base_url` are told to the hooks of
    disclosure at once, before the first leaves, in the thread that needs them; those to other hosts one by one.
    """
    if recipient not in _recipients:
        _undeclared(recipient, base_url.partition("//")[2].partition("/")[0])
        raise Refused(f"“{recipient}” is not a declared recipient.")
    declared = _recipients[recipient]
    told = _Told(recipient, _host(_checked(base_url, declared)), ahead)
    transport = _SessionTransport(declared, told, timeout=timeout, max_bytes=max_bytes)
    headers = {"user-agent": _USER_AGENT, "accept": "application/json", "accept-encoding": "identity"}
    client = httpx.Client(
        transport=transport, trust_env=False, timeout=timeout, base_url=base_url, headers=headers, max_redirects=5
    )
    try:
        yield client
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
            _disclose(Disclosure(self._recipient, host, method, sent_bytes, None))
            return
        with self._lock:
            if self._left == 0:
                _disclose(Disclosure(self._recipient, host, method, self._sent_bytes, None, self._ahead))
                self._left, self._sent_bytes = self._ahead, 0
            self._left -= 1
            self._sent_bytes += sent_bytes

    def settle(self) -> None:
        with self._lock:
            if self._left or self._sent_bytes:
                _disclose(Disclosure(self._recipient, self._host, "", self._sent_bytes, None, -self._left))
            self._left = self._sent_bytes = 0


def _disclose(disclosure: Disclosure) -> None:
    for hook in _disclosure_hooks:
        hook(disclosure)


_KEPT = 128  # connections to one recipient
_KEPT_FOR = 15.0  # seconds; Meta's balancers close idle ones after a minute
_under_way = threading.local()
_kept: dict[str, tuple[Recipient, httpx.HTTPTransport]] = {}
_kept_lock = threading.Lock()


def _connections_to(recipient: Recipient) -> httpx.HTTPTransport:
    """The kept connections to a recipient as it is declared now; they carry no key of anybody."""
    with _kept_lock:
        declared, transport = _kept.get(recipient.name, (None, None))
        if declared is not recipient or transport is None:
            backend = _PinnedBackend(recipient, lambda: cast(_Attempt, _under_way.attempt))
            transport = _PinnedTransport(backend, kept=_KEPT, kept_for=_KEPT_FOR)
            _kept[recipient.name] = (recipient, transport)
        return transport


class _SessionTransport(httpx.BaseTransport):
    """Each request checked, told and limited; each answer whole and without cookies."""

    def __init__(self, recipient: Recipient, told: _Told, *, timeout: float, max_bytes: int) -> None:
        self._recipient, self._told = recipient, told
        self._timeout, self._max_bytes = timeout, max_bytes
        self._connections = _connections_to(recipient)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        target = _checked(str(request.url), self._recipient)
        if "cookie" in request.headers or request.headers["host"] != target.netloc.decode("ascii"):
            raise Refused("The Host and Cookie headers cannot be set.")
        self._told.tell(_host(target), request.method, int(request.headers.get("content-length", 0)))
        attempt = _under_way.attempt = _Attempt(time.monotonic() + self._timeout)
        try:
            answer = self._connections.handle_request(request)
            try:
                content = b"".join(_unpacked(answer, self._max_bytes, _host(target)))
            finally:
                answer.close()
        except httpx.LocalProtocolError as error:
            raise Refused("The request is not well formed.", reason=repr(error)) from None
        except (httpx.HTTPError, UnicodeError, OSError, zlib.error) as error:
            message = _UNREACHED.format(host=_host(target))
            raise Unreachable(message, reason=repr(error), may_have_arrived=attempt.has_written) from None
        headers = [(name, value) for name, value in answer.headers.raw if name.lower() not in _NOT_PASSED_ON]
        return httpx.Response(answer.status_code, headers=headers, content=content)


_NOT_PASSED_ON = frozenset({b"set-cookie", b"content-encoding", b"transfer-encoding", b"content-length"})


def _checked(url: str, recipient: Recipient) -> httpx.URL:
    """`url` parsed by the same code that connects, after every test that needs no resolver."""
    try:
        target = httpx.URL(url)
        host, port = _host(target), _port(target)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Refused("This is not a valid web address.", reason=repr(error)) from None
    if target.scheme not in {"http", "https"} or not _HOST.fullmatch(host) or "\\" in url:
        raise Refused("This is not a valid web address.")
    if target.userinfo:
        raise Refused("A web address must not carry a user name or password.")
    if target.scheme == "http" and not recipient.allow_plain:
        raise Refused("Only HTTPS addresses are allowed here.")
    if not recipient.covers(host, port):
        _undeclared(recipient.name, host)
        raise Refused(_UNREACHED.format(host=host), reason=f"{host}:{port} is no host of recipient {recipient.name}")
    return target


def _send_once(
    method: str,
    target: httpx.URL,
    *,
    recipient: Recipient,
    headers: Mapping[str, str],
    body: bytes | None,
    deadline: float,
    max_bytes: int,
) -> Response:
    if "host" in headers or "cookie" in headers:
        raise Refused("The Host and Cookie headers cannot be set.")
    attempt = _Attempt(deadline)
    backend = _PinnedBackend(recipient, lambda: attempt)
    left = max(deadline - time.monotonic(), 0.001)
    try:
        with (
            httpx.Client(transport=_PinnedTransport(backend), trust_env=False, timeout=left) as client,
            client.stream(
                method,
                target,
                headers={"user-agent": _USER_AGENT, **headers, "accept-encoding": "gzip", "connection": "close"},
                content=body,
                follow_redirects=False,
            ) as answer,
        ):
            content = b"".join(_unpacked(answer, max_bytes, _host(target)))
            return Response(answer.status_code, _plain_headers(answer), content, str(target))
    except httpx.LocalProtocolError as error:
        raise Refused("The request is not well formed.", reason=repr(error)) from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError, zlib.error) as error:
        message = _UNREACHED.format(host=_host(target))
        raise Unreachable(message, reason=repr(error), may_have_arrived=attempt.has_connected) from None


def _unpacked(answer: httpx.Response, max_bytes: int, host: str) -> Iterator[bytes]:
    """The answer's body in pieces, unpacked by a decompressor that is never asked for more than the limit allows."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    if encoding not in {"identity", "gzip", ""}:
        raise Unreachable(_UNREACHED.format(host=host), reason=f"content-encoding {encoding}", may_have_arrived=True)
    unpacker = zlib.decompressobj(wbits=31) if encoding == "gzip" else None
    received = size = 0
    for chunk in answer.iter_raw():
        received += len(chunk)
        piece = unpacker.decompress(chunk, max_bytes - size + 1) if unpacker else chunk
        size += len(piece)
        if size > max_bytes or received > max_bytes:
            raise AnswerTooLarge(
                f"The answer of {host} is too large.", reason=f"over {max_bytes}", may_have_arrived=True
            )
        yield piece


class _Attempt:
    """One request under way: until when it may take, and how far it got."""

    def __init__(self, deadline: float) -> None:
        self.deadline = deadline
        self.has_connected = False  #: a connection was opened for it
        self.has_written = False  #: something of it was given to a connection

    @property
    def left(self) -> float:
        return self.deadline - time.monotonic()


type _Attempts = Callable[[], _Attempt]


class _PinnedStream(httpcore.NetworkStream):
    """A connection on which no single wait outlasts the deadline of the whole request: slow drips end too."""

    def __init__(self, stream: httpcore.NetworkStream, attempts: _Attempts) -> None:
        self._stream = stream
        self._attempts = attempts

    def _left(self) -> float:
        left = self._attempts().left
        if left <= 0:
            raise httpcore.ReadTimeout("the time for this request is over")
        return left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left())

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


class _PinnedBackend(httpcore.NetworkBackend):
    """Resolves once, checks every answer, and connects to a checked address; TLS and Host keep the name of the URL."""

    def __init__(self, recipient: Recipient, attempts: _Attempts) -> None:
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
                raise Refused(_UNREACHED.format(host=host), reason=f"{host} leads to {text}, which is not public")
        return texts


class _PinnedTransport(httpx.HTTPTransport):
    """httpx's transport over our backend. httpx 0.28 has no public way to give one; tests guard this."""

    def __init__(self, backend: httpcore.NetworkBackend, *, kept: int = 0, kept_for: float | None = None) -> None:
        super().__init__(verify=_tls(), trust_env=False)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(),
            network_backend=backend,
            max_connections=kept or None,
            max_keepalive_connections=kept,
            keepalive_expiry=kept_for,
        )


@cache
def _tls() -> ssl.SSLContext:
    """Certificates of certifi only, not of SSL_CERT_FILE; made once, for it costs about 10 ms."""
    return ssl.create_default_context(cafile=certifi.where())


def _host(url: httpx.URL) -> str:
    """The host as it will be resolved: ASCII, lower case, no final dot, no brackets."""
    return url.raw_host.decode("ascii").lower().rstrip(".")


def _port(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return (url.scheme, _host(url), _port(url))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _joined(base: httpx.URL, location: str) -> httpx.URL:
    try:
        return base.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused("A redirect led to no valid web address.", reason=repr(error)) from None


def _plain_headers(answer: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}
