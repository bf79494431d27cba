"""A canary listens on this machine; nothing may reach it, however its address is spelled, unless it was declared."""

import datetime as dt
import gzip
import ipaddress
import json
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import UUID

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from amanat.core import outgoing

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


@pytest.fixture(autouse=True)
def _uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    """These tests have no database; that requests are counted is tested with the registers."""
    monkeypatch.setattr(outgoing, "_disclosure_hooks", [])
    monkeypatch.setattr(outgoing, "_refusal_hooks", [])


@pytest.fixture
def canary() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def _own_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outgoing, "_recipients", {})
    monkeypatch.setattr(outgoing, "_disclosure_hooks", [])


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


@pytest.fixture
def internet(monkeypatch: pytest.MonkeyPatch) -> Internet:
    return Internet(monkeypatch)


SPELLINGS = [
    "127.0.0.1",
    "127.1",
    "127.0.1",
    "127.0.0.2",
    "127.255.255.254",
    "0",
    "0.0.0.0",
    "0.0",
    "00.0.0.0",
    "2130706433",
    "0x0000007f.1",
    "017700000001",
    "0177.0.0.1",
    "0177.0.0.01",
    "0177.1",
    "00177.0.0.1",
    "0x7f000001",
    "0x7f.0.0.1",
    "0x7f.1",
    "0x7F.0x0.0x0.0x1",
    "0x7f.0.1",
    "0X7F000001",
    "127.0.0.1.",
    "127.000.000.001",
    "127。0。0。1",
    "127.0.0.1",
    "①②⑦.⓪.⓪.①",
    "𝟏𝟐𝟕.𝟎.𝟎.𝟏",
    "%31%32%37.0.0.1",
    "127%2e0%2e0%2e1",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000:0000:0000:0000:0000:0000:0000:0001]",
    "[::]",
    "[::127.0.0.1]",
    "[::7f00:1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::FFFF:7F00:0001]",
    "[0:0:0:0:0:ffff:7f00:1]",
    "[::ffff:0:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b:1::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[::1%25lo]",
    "[fd00::1]",
    "[ff02::1]",
    "169.254.169.254",
    "2852039166",
    "0xa9fea9fe",
    "[::ffff:169.254.169.254]",
    "[fd00:ec2::254]",
    "100.64.0.1",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.8",
    "192.168.0.1",
    "10.1",
    "172.16.0.1",
    "224.0.0.1",
    "255.255.255.255",
    "localhost",
    "LOCALHOST",
    "localhost.",
    "localhost.localdomain",
    "ip6-localhost",
    "sub.localhost",
]


def refused_or_unreachable(url: str, **options: Any) -> outgoing.Refused | outgoing.Unreachable:
    with pytest.raises((outgoing.Refused, outgoing.Unreachable)) as caught:
        outgoing.send("GET", url, recipient="webhooks", timeout=2, **options)
    assert isinstance(caught.value, outgoing.Refused | outgoing.Unreachable)
    return caught.value


def declare_any_port(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that only the check of the address stands between a spelling and the canary."""
    outgoing.register_recipient("webhooks", hosts=(outgoing.ANY_PUBLIC_HOST,), allow_plain=True)
    monkeypatch.setattr(outgoing, "_DEFAULT_PORTS", frozenset(range(1, 65536)))


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_no_spelling_reaches_the_inside(
    spelling: str, canary: Server, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("localhost", "localhost.localdomain", "ip6-localhost", "sub.localhost"):
        internet.names[name] = [["127.0.0.1"]]
    declare_any_port(monkeypatch)
    refused_or_unreachable(f"http://{spelling}:{canary.port}/")
    assert canary.asked == []
    assert internet.dialed == []


def test_the_canary_can_be_reached_when_declared(canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=lambda: (f"127.0.0.1:{canary.port}",), allow_private=True)
    answer = outgoing.send(
        "POST", canary.address + "/v1?a=1", recipient="sandbox", json={"name": "आशा"}, headers={"X-Key": "k"}
    )
    assert (answer.status, answer.json(), answer.is_success) == (200, {"ok": True}, True)
    method, path, headers, body = canary.asked[0]
    assert (method, path, json.loads(body)) == ("POST", "/v1?a=1", {"name": "आशा"})
    assert (headers["x-key"], headers["content-type"], headers["user-agent"]) == ("k", "application/json", "Amanat")


def test_a_private_recipient_does_not_reach_metadata(internet: Internet) -> None:
    internet.names["sandbox.example"] = [["169.254.169.254"]]
    outgoing.register_recipient("webhooks", hosts=("sandbox.example",), allow_private=True)
    assert isinstance(refused_or_unreachable("http://sandbox.example/"), outgoing.Refused)
    assert internet.dialed == []


def test_an_undeclared_recipient_or_host_or_port_is_refused(canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    for recipient, url in [
        ("nobody", canary.address),
        ("sandbox", "https://example.com/"),
        ("sandbox", "http://127.0.0.1/"),
        ("sandbox", f"http://127.0.0.1:{canary.port + 1}/"),
        ("sandbox", f"http://localhost:{canary.port}/"),
    ]:
        with pytest.raises(outgoing.Refused):
            outgoing.send("GET", url, recipient=recipient)
    assert canary.asked == []


def test_any_host_with_private_network_cannot_be_declared() -> None:
    with pytest.raises(ValueError, match="private"):
        outgoing.register_recipient("x", hosts=("*",), allow_private=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.com",
        "ftp://example.com/",
        "file:///etc/passwd",
        "gopher://127.0.0.1:25/",
        "http:///x",
        "https://",
        "https://user:secret@example.com/",
        "https://127.0.0.1\\@example.com/",
        "https://exa mple.com/",
        "https://example.com:99999/",
        "https://example.com:-1/",
        "https://[::1/",
        "https://example.com\r\nHost: x/",
    ],
)
def test_bad_addresses_are_refused(url: str, internet: Internet) -> None:
    outgoing.register_recipient("webhooks", hosts=("*",), allow_plain=True)
    assert isinstance(refused_or_unreachable(url), outgoing.Refused)
    assert internet.dialed == []


def test_plain_http_must_be_declared(internet: Internet) -> None:
    outgoing.register_recipient("webhooks", hosts=("*",))
    assert "HTTPS" in str(refused_or_unreachable("http://example.com/"))


def test_a_name_that_changes_its_answer_gains_nothing(
    canary: Server, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_any_port(monkeypatch)
    internet.names["rebind.example"] = [[PUBLIC], ["127.0.0.1"], [PUBLIC], ["127.0.0.1"]]
    url = f"http://rebind.example:{canary.port}/"
    assert isinstance(refused_or_unreachable(url), outgoing.Unreachable)  # the public answer was dialed, as resolved
    assert isinstance(refused_or_unreachable(url), outgoing.Refused)  # the inside one was not
    assert internet.dialed == [PUBLIC]
    assert canary.asked == []


def test_one_inside_address_among_public_ones_spoils_the_name(internet: Internet) -> None:
    outgoing.register_recipient("webhooks", hosts=("*",), allow_plain=True)
    internet.names["mixed.example"] = [[PUBLIC, "10.0.0.1"]]
    assert isinstance(refused_or_unreachable("http://mixed.example/"), outgoing.Refused)
    assert internet.dialed == []


def test_the_next_address_is_tried_when_the_first_does_not_answer(canary: Server, internet: Internet) -> None:
    outgoing.register_recipient("webhooks", hosts=("*",), allow_plain=True)
    internet.names["two.example"] = [[PUBLIC, OTHER_PUBLIC]]
    internet.places[(OTHER_PUBLIC, 80)] = canary.port
    assert outgoing.send("GET", "http://two.example/", recipient="webhooks").status == 200
    assert internet.dialed == [PUBLIC, OTHER_PUBLIC]
    assert canary.asked[0][2]["host"] == "two.example"


def test_open_closed_and_refused_read_the_same(
    canary: Server, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    declare_any_port(monkeypatch)
    internet.names.update({"inside.example": [["127.0.0.1"]], "outside.example": [[PUBLIC]]})
    texts = {
        str(refused_or_unreachable(f"http://inside.example:{canary.port}/")),  # somebody listens
        str(refused_or_unreachable("http://inside.example:9/")),  # nobody does
    }
    assert texts == {"inside.example could not be reached."}
    assert str(refused_or_unreachable("http://outside.example/")) == "outside.example could not be reached."
    assert str(refused_or_unreachable("http://unknown.example/")) == "unknown.example could not be reached."


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.1:{port}/",
        "http://2130706433:{port}/",
        "http://[::ffff:127.0.0.1]:{port}/",
        "//127.1:{port}/",
        "http://inside.example:{port}/",
        "file:///etc/passwd",
        "http://user:x@127.0.0.1:{port}/",
    ],
)
def test_no_redirect_leads_inside(location: str, internet: Internet, monkeypatch: pytest.MonkeyPatch) -> None:
    declare_any_port(monkeypatch)
    internet.names.update({"outside.example": [[PUBLIC]], "inside.example": [["127.0.0.1"]]})
    with serving() as outside, serving() as inside:
        internet.places[(PUBLIC, 80)] = outside.port
        outside.answer = redirecting("http://outside.example/again", location.format(port=inside.port))
        refused_or_unreachable("http://outside.example/", allow_redirects=True)
        assert [path for _, path, _, _ in outside.asked] == ["/", "/again"]
        assert inside.asked == []


def test_redirects_are_not_followed_unless_asked(canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    canary.answer = redirecting("/next")
    assert outgoing.send("GET", canary.address, recipient="sandbox").status == 302
    canary.answer = redirecting("/next")
    assert outgoing.send("GET", canary.address, recipient="sandbox", allow_redirects=True).content == b"arrived"
    canary.answer = redirecting("/next", status=307)
    with pytest.raises(outgoing.Refused):
        outgoing.send("POST", canary.address, recipient="sandbox", json={}, allow_redirects=True)


def test_a_redirect_carries_no_cookie_and_no_key_to_another_origin(canary: Server) -> None:
    with serving() as other:
        hosts = (f"127.0.0.1:{canary.port}", f"127.0.0.1:{other.port}")
        outgoing.register_recipient("sandbox", hosts=hosts, allow_private=True)
        canary.answer = redirecting("/same", other.address + "/other")
        outgoing.send("GET", canary.address, recipient="sandbox", allow_redirects=True, headers={"X-Key": "k"})
        assert [(path, "x-key" in sent, "cookie" in sent) for _, path, sent, _ in canary.asked + other.asked] == [
            ("/", True, False),
            ("/same", True, False),
            ("/other", False, False),
        ]


def test_a_redirect_loop_ends(canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    canary.answer = redirecting(*["/"] * 99)
    with pytest.raises(outgoing.Refused):
        outgoing.send("GET", canary.address, recipient="sandbox", allow_redirects=True)
    assert len(canary.asked) == 6


def test_proxies_of_the_environment_are_ignored(canary: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    assert outgoing.send("GET", canary.address, recipient="sandbox").status == 200


@pytest.mark.parametrize("name", ["Host", "cookie"])
def test_host_and_cookie_cannot_be_set(name: str, canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    with pytest.raises(outgoing.Refused):
        outgoing.send("GET", canary.address, recipient="sandbox", headers={name: "x"})


def test_a_header_cannot_bring_another(canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    with pytest.raises(outgoing.Refused):
        outgoing.send("GET", canary.address, recipient="sandbox", headers={"X-A": "1\r\nX-B: 2"})
    assert canary.asked == []


def test_an_answer_is_cut_off_at_the_limit(canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    canary.answer = lambda handler: reply(handler, b"x" * 1001)
    assert len(outgoing.send("GET", canary.address, recipient="sandbox", max_bytes=1001).content) == 1001
    with pytest.raises(outgoing.AnswerTooLarge) as caught:
        outgoing.send("GET", canary.address, recipient="sandbox", max_bytes=1000)
    assert caught.value.may_have_arrived


def test_a_packed_answer_is_unpacked_and_its_unpacked_size_counts(canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    canary.answer = lambda handler: reply(handler, gzip.compress(b"hello"), {"Content-Encoding": "gzip"})
    assert outgoing.send("GET", canary.address, recipient="sandbox").text == "hello"
    bomb = gzip.compress(bytes(50_000_000))
    canary.answer = lambda handler: reply(handler, bomb, {"Content-Encoding": "gzip"})
    tracemalloc.start()
    try:
        with pytest.raises(outgoing.AnswerTooLarge):
            outgoing.send("GET", canary.address, recipient="sandbox", max_bytes=1_000_000)
        assert tracemalloc.get_traced_memory()[1] < 10_000_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "zstd", "deflate"])
def test_an_unknown_packing_is_no_answer(encoding: str, canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    canary.answer = lambda handler: reply(handler, b"x", {"Content-Encoding": encoding})
    with pytest.raises(outgoing.Unreachable):
        outgoing.send("GET", canary.address, recipient="sandbox")


def drip(handler: BaseHTTPRequestHandler) -> None:
    """One byte at a time, each well within any single wait."""
    over = threading.Event()
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    for _ in range(100):
        handler.wfile.write(b"a")
        handler.wfile.flush()
        over.wait(0.05)


def test_a_slow_drip_ends_with_the_time_of_the_whole_request(canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    canary.answer = drip
    began = time.monotonic()
    with pytest.raises(outgoing.Unreachable) as caught:
        outgoing.send("GET", canary.address, recipient="sandbox", timeout=0.4)
    assert time.monotonic() - began < 1.5
    assert caught.value.may_have_arrived


def test_nobody_listening_means_it_has_not_arrived() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{port}",), allow_private=True)
    with pytest.raises(outgoing.Unreachable) as caught:
        outgoing.send("GET", f"http://127.0.0.1:{port}/", recipient="sandbox", timeout=2)
    assert not caught.value.may_have_arrived


def test_a_broken_answer_is_unreachable(canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    canary.answer = lambda handler: handler.wfile.write(b"nonsense\r\n\r\n") and None
    with pytest.raises(outgoing.Unreachable):
        outgoing.send("GET", canary.address, recipient="sandbox")


def test_each_disclosure_is_told_before_it_happens(canary: Server) -> None:
    told: list[tuple[outgoing.Disclosure, int]] = []
    about = UUID(int=7)
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    outgoing.on_disclosure(lambda disclosure: told.append((disclosure, len(canary.asked))))
    outgoing.send("post", canary.address, recipient="sandbox", content=b"12345", about=about)
    assert told == [(outgoing.Disclosure("sandbox", "127.0.0.1", "POST", 5, about), 0)]


def test_a_disclosure_that_cannot_be_recorded_does_not_happen(canary: Server) -> None:
    def fail(disclosure: outgoing.Disclosure) -> None:
        raise RuntimeError("no record")

    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{canary.port}",), allow_private=True)
    outgoing.on_disclosure(fail)
    with pytest.raises(RuntimeError):
        outgoing.send("GET", canary.address, recipient="sandbox")
    assert canary.asked == []


def certificate_for(name: str, folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(now - dt.timedelta(days=1)).not_valid_after(now + dt.timedelta(days=1))
    names: list[x509.GeneralName] = [x509.DNSName(name), x509.IPAddress(ipaddress.ip_address("192.0.2.1"))]
    builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    chain, secret = folder / "chain.pem", folder / "key.pem"
    chain.write_bytes(builder.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    secret.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return chain, secret


@pytest.fixture
def tls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[ssl.SSLContext]:
    chain, secret = certificate_for("shop.example", tmp_path)
    monkeypatch.setattr(certifi, "where", lambda: str(chain))
    outgoing._tls.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    yield context
    outgoing._tls.cache_clear()


def test_tls_names_and_proves_the_host_while_the_address_is_pinned(tls: ssl.SSLContext, internet: Internet) -> None:
    outgoing.register_recipient("webhooks", hosts=("*",))
    internet.names.update({"shop.example": [[PUBLIC], ["127.0.0.1"]], "other.example": [[PUBLIC]]})
    with serving(tls) as server:
        internet.places[(PUBLIC, 443)] = server.port
        assert outgoing.send("GET", "https://shop.example/x", recipient="webhooks").status == 200
        assert (server.names, server.asked[0][2]["host"]) == (["shop.example"], "shop.example")
        assert isinstance(refused_or_unreachable("https://other.example/"), outgoing.Unreachable)
        assert len(server.asked) == 1
    assert internet.dialed == [PUBLIC, PUBLIC]


def test_https_does_not_fall_back_to_http(tls: ssl.SSLContext, internet: Internet) -> None:
    outgoing.register_recipient("webhooks", hosts=("*",), allow_plain=True)
    internet.names["shop.example"] = [[PUBLIC]]
    with serving(tls) as server:
        internet.places[(PUBLIC, 443)] = server.port
        server.answer = redirecting("http://shop.example/")
        assert "plain HTTP" in str(refused_or_unreachable("https://shop.example/", allow_redirects=True))


def test_recipients_are_listed_by_name() -> None:
    outgoing.register_recipient("b", hosts=("b.example",))
    outgoing.register_recipient("a", hosts=("a.example",))
    assert [recipient.name for recipient in outgoing.recipients()] == ["a", "b"]
