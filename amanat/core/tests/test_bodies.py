from __future__ import annotations

import io
import threading
from typing import Any

import pytest
from django.test import RequestFactory

from amanat.core import bodies
from amanat.core.bodies import NoPlace, Places, TooSlow


class Drip(io.RawIOBase):
    """A stream of which each read takes a second of the clock that the test moves."""

    def __init__(self, content: bytes, now: list[float]) -> None:
        self._inner, self._now = io.BytesIO(content), now

    def read(self, size: int | None = -1, /) -> bytes:
        self._now[0] += 1
        return self._inner.read(1 if size is None or size < 0 else min(size, 1))


def request_with(stream: Any, length: int, kind: str = "application/x-www-form-urlencoded") -> Any:
    made = RequestFactory().generic("POST", "/", b"-", content_type=kind)
    made.META["CONTENT_LENGTH"] = str(length)
    made._stream = stream
    return made


def test_a_body_is_read_once_and_is_there_for_whoever_asks() -> None:
    request = request_with(io.BytesIO(b"name=Sunita"), 11)
    bodies.take_in(request)
    assert (request.POST["name"], request.body) == ("Sunita", b"name=Sunita")


def test_a_large_form_is_taken_apart_as_it_comes() -> None:
    content = (
        b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.csv"\r\n\r\n'
        + b"a" * 3_000_000
        + b"\r\n--x--\r\n"
    )
    request = request_with(io.BytesIO(content), len(content), "multipart/form-data; boundary=x")
    bodies.take_in(request)
    assert request.FILES["file"].size == 3_000_000


def test_a_body_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("amanat.core.bodies.time.monotonic", lambda: now[0])
    with pytest.raises(TooSlow):
        bodies.take_in(request_with(Drip(b"a" * 500, now), 500))
    assert bodies.PATIENCE < now[0] < bodies.PATIENCE + 5


def test_a_slow_line_has_the_time_that_its_upload_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("amanat.core.bodies.time.monotonic", lambda: now[0])
    request = request_with(Drip(b"a=" + b"1" * 50, now), 1_000_000)
    bodies.take_in(request)
    assert len(request.POST["a"]) == 50


def test_a_line_that_breaks_off_is_told_as_slow() -> None:
    class Broken(io.RawIOBase):
        def read(self, size: int | None = -1, /) -> bytes:
            raise OSError("gone")

    with pytest.raises(TooSlow):
        bodies.take_in(request_with(Broken(), 10))


def test_one_caller_does_not_get_all_places() -> None:
    places = Places(3, 2)
    with places.one("a", wait=0), places.one("a", wait=0):
        with pytest.raises(NoPlace), places.one("a", wait=0):
            pass
        with places.one("b", wait=0), pytest.raises(NoPlace), places.one("c", wait=0):
            pass
        with places.one("c", wait=0):
            pass
    with places.one("a", wait=0):
        pass


def test_who_waits_gets_the_place_that_becomes_free() -> None:
    places, held, let_go, got = Places(1, 1), threading.Event(), threading.Event(), []

    def first() -> None:
        with places.one("a", wait=0):
            held.set()
            let_go.wait(5)

    thread = threading.Thread(target=first)
    thread.start()
    held.wait(5)
    waiting = threading.Thread(target=lambda: got.append(_enter(places)))
    waiting.start()
    let_go.set()
    thread.join(5)
    waiting.join(5)
    assert got == [True]


def _enter(places: Places) -> bool:
    with places.one("b", wait=5):
        return True


@pytest.mark.parametrize(
    ("known", "length", "status"), [(False, 12_000_001, 413), (True, 110_000_001, 413), (True, 3, 0)]
)
def test_what_is_too_large_is_refused_unread(known: bool, length: int, status: int) -> None:
    class Untouched(io.RawIOBase):
        def read(self, size: int | None = -1, /) -> bytes:
            raise AssertionError("it was read")

    stream = io.BytesIO(b"a=1") if status == 0 else Untouched()
    assert bodies.receive(request_with(stream, length), whose="a", known=known) == status


@pytest.mark.parametrize("said", ["", "-5", "many", "1,2"])
def test_a_length_that_says_nothing_is_none(said: str) -> None:
    request = request_with(io.BytesIO(), 0)
    request.META["CONTENT_LENGTH"] = said
    assert bodies.length_of(request) == 0
