"""What tests of outgoing requests stand before: a server on this machine, and a make-believe internet."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from amanat.core import outgoing
from amanat.core.outgoing import rules, sessions

PUBLIC = "93.184.216.34"
OTHER_PUBLIC = "93.184.216.35"
Answer = Callable[[BaseHTTPRequestHandler], None]


@dataclass
class Server:
    """An HTTP server on 127.0.0.1 that remembers what it was asked."""

    port: int = 0
    asked: list[tuple[str, str, dict[str, str], bytes]] = field(default_factory=list)
    answer: Answer | None = None
    names: list[str | None] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Server]:
    seen = Server()

    class Handler(BaseHTTPRequestHandler):
        def handle_any(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            headers = {name.lower(): value for name, value in self.headers.items()}
            seen.asked.append((self.command, self.path, headers, body))
            if seen.answer:
                seen.answer(self)
            else:
                reply(self, b'{"ok": true}', {"Content-Type": "application/json", "Set-Cookie": "a=b"})

        do_GET = do_POST = do_HEAD = do_PUT = handle_any

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            pass

    server = Quiet(("127.0.0.1", 0), Handler)
    if context is not None:
        context.sni_callback = lambda _socket, name, _context: seen.names.append(name)
        server.socket = context.wrap_socket(server.socket, server_side=True)
    seen.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def reply(
    handler: BaseHTTPRequestHandler, body: bytes, headers: dict[str, str] | None = None, status: int = 200
) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def redirecting(*locations: str, status: int = 302) -> Answer:
    left = list(locations)

    def answer(handler: BaseHTTPRequestHandler) -> None:
        if left:
            reply(handler, b"", {"Location": left.pop(0), "Set-Cookie": "session=1"}, status)
        else:
            reply(handler, b"arrived")

    return answer


class Internet:
    """A make-believe internet: names with answers that may change, public addresses that are really servers here."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.names: dict[str, list[list[str]]] = {}
        self.places: dict[tuple[str, int], int] = {}
        self.dialed: list[str] = []
        self._resolve, self._connect = socket.getaddrinfo, socket.create_connection
        monkeypatch.setattr(socket, "getaddrinfo", self.getaddrinfo)
        monkeypatch.setattr(socket, "create_connection", self.create_connection)

    def getaddrinfo(self, host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        if host in self.names:
            answers = self.names[host]
            found = answers.pop(0) if len(answers) > 1 else answers[0]
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in found]
        if (
            any(character.isalpha() for character in str(host))
            and not str(host).startswith("0x")
            and ":" not in str(host)
        ):
            raise socket.gaierror("unknown name")  # no test asks a real resolver
        return self._resolve(host, port, *args, **kwargs)

    def create_connection(self, address: tuple[str, int], *args: Any, **kwargs: Any) -> socket.socket:
        self.dialed.append(address[0])
        if address in self.places:
            return self._connect(("127.0.0.1", self.places[address]), *args, **kwargs)
        if not address[0].startswith("127.") and address[0] != "::1":
            raise ConnectionRefusedError
        return self._connect(address, *args, **kwargs)


def refused_or_unreachable(url: str, **options: Any) -> outgoing.Refused | outgoing.Unreachable:
    with pytest.raises((outgoing.Refused, outgoing.Unreachable)) as caught:
        outgoing.send("GET", url, recipient="webhooks", timeout=2, **options)
    assert isinstance(caught.value, outgoing.Refused | outgoing.Unreachable)
    return caught.value


def declare_any_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that only the check of the address stands between a spelling and the canary."""
    outgoing.register_recipient("webhooks", hosts=(outgoing.ANY_PUBLIC_HOST,), allow_plain=True)
    monkeypatch.setattr(rules, "_DEFAULT_PORTS", frozenset(range(1, 65536)))


def uncounted(patch: pytest.MonkeyPatch) -> None:
    """For tests without a database; that requests are counted is tested with the registers."""
    patch.setattr(rules, "_disclosure_hooks", [])
    patch.setattr(rules, "_refusal_hooks", [])


def alone(patch: pytest.MonkeyPatch) -> None:
    """Nobody is declared but by the test, and nothing counted or kept."""
    uncounted(patch)
    patch.setattr(rules, "_recipients", {})
    patch.setattr(sessions, "_kept", {})
