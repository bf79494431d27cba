"""The only way out: every HTTP request this server makes to another machine goes through `send`.

What holds for all of them: the host belongs to a declared recipient; the address is resolved once, checked, and that
very address is connected to (a name that changes its answer between check and use gains nothing); no proxy from the
environment, no cookies, no redirect unless asked for and then each hop checked again; a limit on time as a whole, and
on the size of the answer both as received and unpacked. A refused address and one where nobody listens give the same
text, so that the answer is no port scanner.
"""

import json as json_module
import re
import socket
import ssl
import time
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
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

    def covers(self, host: str, port: int) -> bool:
        hosts = self.hosts() if callable(self.hosts) else self.hosts
        known = {entry.lower() for entry in hosts}
        if f"{_bracketed(host)}:{port}" in known:
            return True
        return port in _DEFAULT_PORTS and (_bracketed(host) in known or ANY_PUBLIC_HOST in known)


@dataclass(frozen=True)
class Disclosure:
    """One request about to leave: to whom, where, how much, and about whom when the caller said so."""

    recipient: str
    host: str
    method: str
    sent_bytes: int
    about: UUID | None


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


def register_recipient(name: str, *, hosts: Hosts, allow_private: bool = False, allow_plain: bool = False) -> Recipient:
    """Declare `name` as somebody data may go to. Registering the same name again replaces it.

    `allow_private` is for a base URL that the operator set (a sandbox on this machine): it opens this machine and its
    network, never link-local or metadata addresses, and allows plain HTTP. Otherwise plain HTTP needs `allow_plain`.
    """
    if allow_private and not callable(hosts) and ANY_PUBLIC_HOST in hosts:
        raise ValueError("A recipient at any host cannot be on a private network.")
    recipient = Recipient(name=name, hosts=hosts, allow_private=allow_private, allow_plain=allow_plain or allow_private)
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
        for hook in _disclosure_hooks:
            hook(disclosure)
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
    backend = _PinnedBackend(recipient, deadline)
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
            content = b"".join(_unpacked(answer, max_bytes))
            return Response(answer.status_code, _plain_headers(answer), content, str(target))
    except httpx.LocalProtocolError as error:
        raise Refused("The request is not well formed.", reason=repr(error)) from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError, zlib.error) as error:
        message = _UNREACHED.format(host=_host(target))
        raise Unreachable(message, reason=repr(error), may_have_arrived=backend.has_connected) from None


def _unpacked(answer: httpx.Response, max_bytes: int) -> Iterator[bytes]:
    """The answer's body in pieces, unpacked by a decompressor that is never asked for more than the limit allows."""
    encoding = answer.headers.get("content-encoding", "identity").strip().lower()
    host = str(answer.url.host)
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


class _PinnedStream(httpcore.NetworkStream):
    """A connection on which no single wait outlasts the deadline of the whole request: slow drips end too."""

    def __init__(self, stream: httpcore.NetworkStream, deadline: float) -> None:
        self._stream = stream
        self._deadline = deadline

    def _left(self) -> float:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time for this request is over")
        return left

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._left())

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _PinnedStream(self._stream.start_tls(ssl_context, server_hostname, self._left()), self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)


class _PinnedBackend(httpcore.NetworkBackend):
    """Resolves once, checks every answer, and connects to a checked address; TLS and Host keep the name of the URL."""

    def __init__(self, recipient: Recipient, deadline: float) -> None:
        self._recipient = recipient
        self._deadline = deadline
        self.has_connected = False

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        failure: Exception = httpcore.ConnectError("no address")
        for address in self._allowed(host, port):
            left = self._deadline - time.monotonic()
            if left <= 0:
                raise httpcore.ConnectTimeout("the time for this request is over")
            try:
                stream = httpcore.SyncBackend().connect_tcp(address, port, left, None, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            self.has_connected = True
            return _PinnedStream(stream, self._deadline)
        raise failure

    def _allowed(self, host: str, port: int) -> list[str]:
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

    def __init__(self, backend: httpcore.NetworkBackend) -> None:
        super().__init__(verify=_tls(), trust_env=False)
        self._pool = httpcore.ConnectionPool(ssl_context=_tls(), network_backend=backend, max_keepalive_connections=0)


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
