"""One request, or one connection for what is no HTTP, under the rules."""

import json as json_module
import socket
import time
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpcore
import httpx

from amanat.core.outgoing import rules
from amanat.core.outgoing.connections import Attempt, PinnedBackend, PinnedTransport, unpacked
from amanat.core.outgoing.rules import UNREACHED, USER_AGENT, Disclosure, Recipient, Refused, Unreachable

_MOST_REDIRECTS = 5
_REDIRECTS = frozenset({301, 302, 303, 307, 308})


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

    def for_libraries(self) -> httpx.Response:
        """The same as libraries know it."""
        return httpx.Response(self.status, headers=dict(self.headers), content=self.content)


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
    declared = rules.declared(recipient, url)
    body = json_module.dumps(json, ensure_ascii=False).encode() if json is not None else content
    sent = {name.lower(): value for name, value in (headers or {}).items()}
    if json is not None:
        sent.setdefault("content-type", "application/json")
    method, deadline = method.upper(), time.monotonic() + timeout
    target = rules.checked(url, declared)
    for _ in range(_MOST_REDIRECTS + 1):
        disclosure = Disclosure(recipient, target.host, method, len(body or b""), about)
        rules.disclose(disclosure)
        response = _send_once(
            method,
            target,
            recipient=declared,
            headers=sent,
            body=body,
            deadline=deadline,
            max_bytes=max_bytes,
        )
        if not allow_redirects or response.status not in _REDIRECTS or "location" not in response.headers:
            return response
        if method not in {"GET", "HEAD"}:
            raise Refused("A redirect is followed for reading only.")
        following = rules.checked(str(rules.joined(target, response.headers["location"])), declared)
        if target.scheme == "https" and following.scheme == "http":
            raise Refused("A redirect led from HTTPS to plain HTTP.")
        if rules.origin_of(following) != rules.origin_of(target):
            sent = {}
        target = following
    raise Refused("Too many redirects.")


def connect(host: str, port: int, *, recipient: str, timeout: float, sent_bytes: int = 0) -> socket.socket:
    """A connection to a server that speaks no HTTP (mail), under the same rules; `timeout` is for each wait on it.

    Raises Refused or Unreachable, which never means that something arrived: nothing was said yet.
    """
    name = host.strip().lower().rstrip(".")
    known = rules.declared_at(recipient, name, port)
    rules.disclose(Disclosure(recipient, name, "CONNECT", sent_bytes, None))
    failure: OSError | None = None
    try:
        for address in PinnedBackend(known, lambda: Attempt(0)).allowed(name, port):
            try:
                return socket.create_connection((address, port), timeout)
            except OSError as error:
                failure = error
    except httpcore.ConnectError as error:
        raise Unreachable(UNREACHED.format(host=name), reason=repr(error), may_have_arrived=False) from None
    raise Unreachable(UNREACHED.format(host=name), reason=repr(failure), may_have_arrived=False)


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
    attempt = Attempt(deadline)
    backend = PinnedBackend(recipient, lambda: attempt)
    left = max(deadline - time.monotonic(), 0.001)
    try:
        with (
            httpx.Client(transport=PinnedTransport(backend), trust_env=False, timeout=left) as client,
            client.stream(
                method,
                target,
                headers={"user-agent": USER_AGENT, **headers, "accept-encoding": "gzip", "connection": "close"},
                content=body,
                follow_redirects=False,
            ) as answer,
        ):
            encoding = answer.headers.get("content-encoding", "")
            content = b"".join(unpacked(answer.iter_raw(), encoding, max_bytes, rules.host_of(target)))
            return Response(answer.status_code, _plain_headers(answer), content, str(target))
    except httpx.LocalProtocolError as error:
        raise Refused("The request is not well formed.", reason=repr(error)) from None
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError, OSError, zlib.error) as error:
        message = UNREACHED.format(host=rules.host_of(target))
        raise Unreachable(message, reason=repr(error), may_have_arrived=attempt.has_connected) from None


def _plain_headers(answer: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}
