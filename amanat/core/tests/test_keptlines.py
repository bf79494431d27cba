"""Kept connections: what is written, what is read, and when a connection is used again."""

from __future__ import annotations

from collections.abc import Callable
from http.client import HTTPException, IncompleteRead
from typing import Any

import pytest

from amanat.core import keptlines
from amanat.core.keptlines import Lines, NotWellFormed

PLACE = ("http", "shop.example", 80)
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Wire:
    """A connection whose other end says what it was told to; a request is answered by one entry."""

    def __init__(self, *answers: bytes) -> None:
        self.answers, self.written, self.waiting = list(answers), list[bytes](), b""
        self.is_closed = False

    def read(self, max_bytes: int) -> bytes:
        piece, self.waiting = self.waiting[:max_bytes], self.waiting[max_bytes:]
        return piece

    def write(self, buffer: bytes) -> None:
        self.written.append(buffer)
        self.waiting += self.answers.pop(0)

    def close(self) -> None:
        self.is_closed = True

    def get_extra_info(self, info: str) -> Any:
        assert info == "is_readable"
        return bool(self.waiting)


class Exchange:
    """Lines whose connections are `Wire`s, made one after the other."""

    def __init__(self, *wires: Wire, kept_for: float = 60.0, most: int = 8) -> None:
        self.wires, self.opened = list(wires), list[Wire]()
        self.lines = Lines(self._connect, most=most, kept_for=kept_for)

    def _connect(self, _place: keptlines.Place) -> Wire:
        self.opened.append(self.wires.pop(0))
        return self.opened[-1]

    def ask(self, method: str = "POST", body: bytes = b"{}") -> tuple[int, bytes]:
        with self.lines.ask(method, PLACE, b"/v1/messages", [(b"Host", b"shop.example")], body) as answer:
            return answer.status, b"".join(answer.pieces())


def test_a_request_is_written_in_one_piece() -> None:
    written = keptlines.written_out("POST", b"/a?b=c", [(b"Host", b"x"), (b"Content-Length", b"99")], b"hi")
    assert written == b"POST /a?b=c HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi"
    assert keptlines.written_out("GET", b"/", [(b"Host", b"x")], b"") == b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
    assert b"Content-Length: 0\r\n" in keptlines.written_out("POST", b"/", [], b"")


@pytest.mark.parametrize(
    ("target", "header"),
    [
        (b"/", (b"X-A", b"1\r\nX-B: 2")),
        (b"/", (b"X-A\r\nX-B", b"1")),
        (b"/", (b"X-A", b"1\x00")),
        (b"/a\nb", (b"X-A", b"1")),
        (b"/a HTTP/1.1", (b"X-A", b"1")),
    ],
)
def test_no_line_of_a_request_brings_another(target: bytes, header: tuple[bytes, bytes]) -> None:
    with pytest.raises(NotWellFormed):
        keptlines.written_out("GET", target, [header], b"")


def test_a_connection_serves_one_request_after_the_other() -> None:
    exchange = Exchange(Wire(OK, OK, OK))
    assert [exchange.ask() for _ in range(3)] == [(200, b"ok")] * 3
    assert len(exchange.opened) == 1 and len(exchange.opened[0].written) == 3


ANSWERS: list[tuple[bytes, bytes]] = [
    (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n", b"abcde"),
    (b"HTTP/1.1 204 No Content\r\n\r\n", b""),
    (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", b""),
    (b"HTTP/1.1 100 Continue\r\n\r\n" + OK, b"ok"),
]


@pytest.mark.parametrize(("answer", "content"), ANSWERS)
def test_an_answer_of_any_shape_is_read_whole_and_the_line_kept(answer: bytes, content: bytes) -> None:
    exchange = Exchange(Wire(answer, OK))
    assert (exchange.ask()[1], exchange.ask()) == (content, (200, b"ok"))
    assert len(exchange.opened) == 1


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nshort",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n",
    ],
)
def test_an_answer_that_was_cut_off_is_none(answer: bytes) -> None:
    wire = Wire(answer)
    with pytest.raises(IncompleteRead):
        Exchange(wire).ask()
    assert wire.is_closed


@pytest.mark.parametrize("answer", [b"", b"nonsense\r\n\r\n", b"HTTP/1.1 abc\r\n\r\n"])
def test_nonsense_is_no_answer_and_ends_the_line(answer: bytes) -> None:
    wire = Wire(answer)
    with pytest.raises((HTTPException, ConnectionError)):
        Exchange(wire).ask()
    assert wire.is_closed


def _says_close(wire: Wire) -> None:
    wire.answers[0] = b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok"


def _says_more(wire: Wire) -> None:
    wire.get_extra_info = lambda info: True  # type: ignore[method-assign]


@pytest.mark.parametrize("spoil", [_says_close, _says_more])
def test_a_line_that_was_closed_or_speaks_unasked_is_not_used_again(spoil: Callable[[Wire], None]) -> None:
    first = Wire(OK)
    spoil(first)
    exchange = Exchange(first, Wire(OK))
    assert [exchange.ask(), exchange.ask()] == [(200, b"ok")] * 2
    assert len(exchange.opened) == 2 and first.is_closed


def test_an_old_line_is_closed_instead() -> None:
    exchange = Exchange(Wire(OK), Wire(OK), kept_for=0.0)
    exchange.ask(), exchange.ask()
    assert [wire.is_closed for wire in exchange.opened] == [True, False]


def test_an_answer_that_is_not_read_to_its_end_ends_the_line() -> None:
    wire = Wire(OK)
    exchange = Exchange(wire, Wire(OK))
    with exchange.lines.ask("POST", PLACE, b"/", [], b"") as answer:
        assert answer.header("content-length") == "2"
    assert wire.is_closed and exchange.ask() == (200, b"ok")


def test_no_more_are_kept_than_wanted() -> None:
    wires = [Wire(OK), Wire(OK), Wire(OK)]
    exchange = Exchange(*wires, most=2)
    answers = [exchange.lines.ask("POST", PLACE, b"/", [], b"") for _ in wires]
    for answer in answers:
        with answer:
            list(answer.pieces())
    assert [wire.is_closed for wire in wires] == [True, False, False]


def test_a_line_whose_request_cannot_be_written_is_closed() -> None:
    class Broken(Wire):
        def write(self, buffer: bytes) -> None:
            raise TimeoutError

    wire = Broken()
    with pytest.raises(TimeoutError):
        Exchange(wire).ask()
    assert wire.is_closed
