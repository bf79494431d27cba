"""One request: what it carries, where it is led, how long and how large its answer may be."""

import datetime as dt
import gzip
import ipaddress
import json
import socket
import ssl
import threading
import time
import tracemalloc
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from amanat.core import outgoing
from amanat.core.tests import outside
from amanat.core.tests.outside import (
    OTHER_PUBLIC,
    PUBLIC,
    Internet,
    Server,
    declare_any_port,
    redirecting,
    refused_or_unreachable,
    reply,
    serving,
)


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    outside.alone(monkeypatch)


def test_the_canary_can_be_reached_when_declared(canary: Server) -> None:
    outgoing.register_recipient("sandbox", hosts=lambda: (f"127.0.0.1:{canary.port}",), allow_private=True)
    answer = outgoing.send(
        "POST", canary.address + "/v1?a=1", recipient="sandbox", json={"name": "आशा"}, headers={"X-Key": "k"}
    )
    assert (answer.status, answer.json(), answer.is_success) == (200, {"ok": True}, True)
    method, path, headers, body = canary.asked[0]
    assert (method, path, json.loads(body)) == ("POST", "/v1?a=1", {"name": "आशा"})
    assert (headers["x-key"], headers["content-type"], headers["user-agent"]) == ("k", "application/json", "Amanat")


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
    outgoing.tls.cache_clear()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(chain, secret)
    yield context
    outgoing.tls.cache_clear()


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
