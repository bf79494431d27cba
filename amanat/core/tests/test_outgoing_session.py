"""A session keeps its connections and none of `send`'s rules is weaker for it."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from typing import Any

import pytest

from amanat.core import outgoing
from amanat.core.outgoing import Disclosure, Refused, Unreachable, connections, rules
from amanat.core.tests import outside
from amanat.core.tests.outside import Server, reply, serving


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> None:
    outside.alone(monkeypatch)


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        running.answer = keeping
        outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{running.port}",), allow_private=True)
        yield running


CALLERS: set[tuple[str, int]] = set()


def keeping(handler: BaseHTTPRequestHandler) -> None:
    """An answer on a connection that stays open."""
    CALLERS.add(handler.client_address)
    handler.protocol_version = "HTTP/1.1"
    handler.close_connection = False
    reply(handler, b'{"ok": true}', {"Content-Type": "application/json", "Set-Cookie": "a=b"})


def test_requests_share_connections_over_sessions_and_threads(server: Server) -> None:
    CALLERS.clear()
    for _ in range(3):
        with outgoing.session("sandbox", base_url=server.address) as client:
            threads = [threading.Thread(target=lambda: client.post("/a", json={"b": 1})) for _ in range(4)]
            for thread in threads:
                thread.start()
                thread.join()
    assert len(server.asked) == 12
    assert len(CALLERS) == 1


def test_answers_come_whole_and_without_cookies(server: Server) -> None:
    with outgoing.session("sandbox", base_url=server.address) as client:
        first = client.get("/a")
        client.get("/b")
    assert (first.status_code, first.json(), "set-cookie" in first.headers) == (200, {"ok": True}, False)
    assert "cookie" not in server.asked[1][2]
    assert server.asked[1][2]["user-agent"] == "Amanat"


@pytest.mark.parametrize(
    "url", ["https://example.com/", "http://127.0.0.1:9/", "http://localhost/", "http://user:x@127.0.0.1/", "ftp://a/"]
)
def test_no_request_leaves_for_another_host(server: Server, url: str) -> None:
    with outgoing.session("sandbox", base_url=server.address) as client, pytest.raises(Refused):
        client.get(url)
    assert server.asked == []


def test_an_undeclared_recipient_or_base_is_refused(server: Server) -> None:
    for recipient, base in (("nobody", server.address), ("sandbox", "https://example.com")):
        with pytest.raises(Refused), outgoing.session(recipient, base_url=base):
            pass


def test_a_host_or_cookie_cannot_be_set(server: Server) -> None:
    with outgoing.session("sandbox", base_url=server.address) as client:
        for name, value in (("host", "example.com"), ("cookie", "a=b")):
            with pytest.raises(Refused):
                client.get("/", headers={name: value})
    assert server.asked == []


def test_a_redirect_is_checked_like_a_request(server: Server) -> None:
    def elsewhere(handler: BaseHTTPRequestHandler) -> None:
        reply(handler, b"", {"Location": "http://127.0.0.1:9/inside"}, 302)

    server.answer = elsewhere
    with outgoing.session("sandbox", base_url=server.address) as client:
        assert client.get("/").status_code == 302
        with pytest.raises(Refused):
            client.get("/", follow_redirects=True)


def test_a_name_that_leads_inside_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(host: Any, port: Any, **_: Any) -> Any:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.5", port))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    outgoing.register_recipient("meta", hosts=("graph.example",))
    with outgoing.session("meta", base_url="https://graph.example") as client, pytest.raises(Refused):
        client.get("/me")


def test_time_and_size_of_each_answer_are_limited(server: Server) -> None:
    def slow(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(0.2)
        reply(handler, b"late")

    with outgoing.session("sandbox", base_url=server.address, timeout=0.05, max_bytes=5) as client:
        with pytest.raises(outgoing.AnswerTooLarge):
            client.get("/")
        server.answer = slow
        with pytest.raises(Unreachable) as late:
            client.get("/")
    assert late.value.may_have_arrived


def test_what_was_never_written_has_not_arrived() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outgoing.register_recipient("sandbox", hosts=(f"127.0.0.1:{port}",), allow_private=True)
    with (
        outgoing.session("sandbox", base_url=f"http://127.0.0.1:{port}") as client,
        pytest.raises(Unreachable) as caught,
    ):
        client.post("/", json={})
    assert not caught.value.may_have_arrived


def test_requests_are_told_ahead_and_settled_at_the_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[Disclosure] = []
    monkeypatch.setattr(rules, "_disclosure_hooks", [told.append])
    with outgoing.session("sandbox", base_url=server.address, ahead=3) as client:
        for _ in range(4):
            client.post("/", content=b"12345")
            assert sum(one.requests for one in told) >= len(server.asked)
    assert [one.requests for one in told] == [3, 3, -2]
    assert sum(one.requests for one in told) == len(server.asked) == 4
    assert sum(one.sent_bytes for one in told) == 20


def test_what_cannot_be_told_does_not_leave(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(disclosure: Disclosure) -> None:
        raise RuntimeError("no database")

    monkeypatch.setattr(rules, "_disclosure_hooks", [broken])
    with outgoing.session("sandbox", base_url=server.address) as client, pytest.raises(RuntimeError):
        client.get("/")
    assert server.asked == []


def test_a_recipient_declared_anew_gets_new_connections(server: Server) -> None:
    with outgoing.session("sandbox", base_url=server.address) as client:
        client.get("/")
    outgoing.register_recipient("sandbox", hosts=("example.com",))
    with pytest.raises(Refused), outgoing.session("sandbox", base_url=server.address) as client:
        client.get("/")


@pytest.mark.parametrize("kind", ["send", "session"])
def test_who_is_not_waited_for_any_more_ends_soon_and_may_have_arrived(
    server: Server, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    """Whoever had the request made does not want to wait as long as it may take."""
    asked, is_over = threading.Event(), threading.Event()

    def silent(_handler: BaseHTTPRequestHandler) -> None:
        asked.set()
        is_over.wait(20)

    server.answer = silent
    monkeypatch.setattr(connections, "_GLANCE", 0.05)
    patience = outgoing.Patience()

    def lose_it() -> None:
        asked.wait(20)
        patience.is_over = True

    threading.Thread(target=lose_it).start()
    began = time.monotonic()
    try:
        with outgoing.waited_for(patience), pytest.raises(Unreachable) as caught:
            if kind == "send":
                outgoing.send("GET", server.address, recipient="sandbox", timeout=15)
            else:
                with outgoing.session("sandbox", base_url=server.address, timeout=15) as client:
                    client.post("/a", json={})
    finally:
        is_over.set()
    assert caught.value.may_have_arrived and time.monotonic() - began < 10


def test_an_exchange_keeps_the_rules_of_every_request(server: Server) -> None:
    with outgoing.session("sandbox", base_url=f"{server.address}/v1") as client:
        answer = client.exchange("POST", "messages", json={"to": "आशा"})
        assert (answer.status, answer.json(), "set-cookie" in answer.headers) == (200, {"ok": True}, False)
        assert answer.for_libraries().json() == {"ok": True}
    method, path, headers, body = server.asked[0]
    assert (method, path, headers["content-type"]) == ("POST", "/v1/messages", "application/json")
    assert body.decode() == '{"to": "आशा"}'
    outgoing.register_recipient("sandbox", hosts=("example.com",))
    with pytest.raises(Refused), outgoing.session("sandbox", base_url=server.address):
        pass
