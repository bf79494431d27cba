"""Who calls, behind any number of proxies, and whom a forged header deceives."""

from __future__ import annotations

import gzip
from ipaddress import ip_network
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.test import RequestFactory

from amanat.core import middleware


def asked(settings: Any, trusted: list[str], address: str, forwarded: str | None, **kept: str) -> tuple[str, HttpResponse]:  # fmt: skip
    """The caller's address as a view sees it, and the answer."""
    settings.CONFIGURATION = SimpleNamespace(trusted_proxies=tuple(ip_network(network) for network in trusted))
    seen: list[str] = []

    def view(request: HttpRequest) -> HttpResponse:
        seen.append(request.META["REMOTE_ADDR"])
        return HttpResponse("ok", headers=kept)

    headers = {} if forwarded is None else {"X-Forwarded-For": forwarded}
    request = RequestFactory().get("/", headers=headers, REMOTE_ADDR=address)
    response = middleware.caller(view)(request)
    assert isinstance(response, HttpResponse)
    return seen[0], response


@pytest.mark.parametrize(
    ("trusted", "address", "forwarded", "caller"),
    [
        # Nobody is believed unless the operator named them.
        ([], "203.0.113.7", None, "203.0.113.7"),
        ([], "203.0.113.7", "1.1.1.1", "203.0.113.7"),
        ([], "127.0.0.1", "1.1.1.1", "127.0.0.1"),
        (["10.0.0.0/8"], "203.0.113.7", "1.1.1.1", "203.0.113.7"),
        (["10.0.0.0/8"], "127.0.0.1", "1.1.1.1", "127.0.0.1"),
        # One proxy: the last address is the one it saw; what the caller wrote before it is the caller's invention.
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.7", "203.0.113.7"),
        (["10.0.0.0/8"], "10.0.0.1", "1.1.1.1, 203.0.113.7", "203.0.113.7"),
        (["10.0.0.0/8"], "10.0.0.1", "127.0.0.1, 10.0.0.9, 203.0.113.7", "203.0.113.7"),
        # Two of them, both named.
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.7, 10.0.0.2", "203.0.113.7"),
        (["10.0.0.0/8", "192.168.1.1/32"], "10.0.0.1", "1.1.1.1, 203.0.113.7, 192.168.1.1", "203.0.113.7"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.7, 192.168.1.1", "192.168.1.1"),
        # Only proxies, or nothing.
        (["10.0.0.0/8"], "10.0.0.1", None, "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", " , ,", "10.0.0.1"),
        (["10.0.0.0/8"], "10.0.0.1", "10.0.0.3, 10.0.0.2", "10.0.0.3"),
        # Rubbish ends the walk where it stands.
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.7, rubbish", "rubbish"),
        (["10.0.0.0/8"], "10.0.0.1", "203.0.113.7:4711", "203.0.113.7:4711"),
        (["10.0.0.0/8"], "", "203.0.113.7", ""),
        # IPv6
        (["::1/128"], "::1", "2001:db8::7", "2001:db8::7"),
        (["2001:db8::/32"], "2001:db8::1", "1.1.1.1, 2001:db9::7", "2001:db9::7"),
        (["10.0.0.0/8"], "::ffff:10.0.0.1", "203.0.113.7", "::ffff:10.0.0.1"),
    ],
)
def test_the_caller_is_the_last_address_no_trusted_proxy_added(
    trusted: list[str], address: str, forwarded: str | None, caller: str, settings: Any
) -> None:
    assert asked(settings, trusted, address, forwarded)[0] == caller


def test_a_long_forged_chain_is_walked_no_further_than_needed(settings: Any) -> None:
    forged = ", ".join(["10.0.0.2"] * 5_000)
    assert asked(settings, ["10.0.0.0/8"], "203.0.113.7", forged)[0] == "203.0.113.7"
    assert asked(settings, ["10.0.0.0/8"], "10.0.0.1", f"198.51.100.9, {forged}")[0] == "198.51.100.9"


def test_answers_are_kept_nowhere_unless_they_say_otherwise(settings: Any) -> None:
    assert asked(settings, [], "203.0.113.7", None)[1]["Cache-Control"] == "no-store"
    kept = {"Cache-Control": "public, max-age=60"}
    assert asked(settings, [], "203.0.113.7", None, **kept)[1]["Cache-Control"] == "public, max-age=60"


def test_answers_ask_the_browser_for_nothing(settings: Any) -> None:
    response = asked(settings, [], "203.0.113.7", None)[1]
    for power in ("camera", "geolocation", "microphone", "payment", "usb"):
        assert f"{power}=()" in response["Permissions-Policy"]
    assert response["Cross-Origin-Resource-Policy"] == "same-origin"


PAGE = "<p>सुनीता " * 400


def compressed(response: Any, accepts: str = "gzip, br") -> Any:
    request = RequestFactory().get("/", headers={"Accept-Encoding": accepts})
    return middleware.Compression(lambda _request: response)(request)


@pytest.mark.parametrize("kind", ["text/html; charset=utf-8", "application/json", "application/problem+json"])
def test_pages_and_answers_leave_compressed_and_whole(kind: str) -> None:
    answer = compressed(HttpResponse(PAGE, content_type=kind, headers={"ETag": '"1"'}))
    assert answer["Content-Encoding"] == "gzip"
    assert answer["ETag"] == 'W/"1"'
    assert "Accept-Encoding" in answer["Vary"]
    assert len(answer.content) < len(PAGE.encode()) / 4
    assert gzip.decompress(answer.content).decode() == PAGE


def test_who_does_not_unpack_gets_it_plain() -> None:
    assert compressed(HttpResponse(PAGE), accepts="br").content.decode() == PAGE


@pytest.mark.parametrize("kind", ["text/csv", "application/zip", "image/png", "text/vcard"])
def test_files_keep_their_length(kind: str) -> None:
    answer = compressed(HttpResponse(PAGE, content_type=kind))
    assert "Content-Encoding" not in answer
    assert answer.content.decode() == PAGE


def test_what_is_streamed_is_left_alone() -> None:
    answer = compressed(StreamingHttpResponse([PAGE.encode()], content_type="text/html"))
    assert b"".join(answer).decode() == PAGE


def test_equal_pages_differ_in_length() -> None:
    assert len({len(compressed(HttpResponse(PAGE)).content) for _ in range(20)}) > 1
