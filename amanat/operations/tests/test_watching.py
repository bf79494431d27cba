"""A service that hangs is told from one that is slow to start, that refuses, that answers."""

import socket
import threading
from collections.abc import Iterator

import pytest

from amanat.operations import watching
from amanat.operations.watching import Watch


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The monotonic clock in our hand."""
    now = [1000.0]
    monkeypatch.setattr(watching.time, "monotonic", lambda: now[0])
    return now


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield server


def watch(listener: socket.socket) -> Watch:
    return Watch("127.0.0.1", listener.getsockname()[1], "/healthz")


def answer_one(listener: socket.socket, answer: bytes = b"HTTP/1.1 503 \r\n\r\n") -> bytes:
    connection, _ = listener.accept()
    with connection:
        asked = connection.recv(1000)
        connection.sendall(answer)
    return asked


def one_question(watched: Watch, clock: list[float], listener: socket.socket) -> None:
    """Ask and be answered."""
    helper = threading.Thread(target=answer_one, args=[listener])
    helper.start()
    assert not watched.has_hung()
    while helper.is_alive() or watched._socket is not None:
        assert not watched.has_hung()
    clock[0] += watching.PAUSE


def unanswered(watched: Watch, clock: list[float]) -> list[bool]:
    """As many questions as are enough, that nobody answers."""
    said = []
    for _ in range(watching.MOST_UNANSWERED):
        watched.has_hung()
        watched.has_hung()
        clock[0] += watching.PATIENCE + 0.1
        said.append(watched.has_hung())
    return said


def test_any_answer_is_a_sign_of_life(listener: socket.socket, clock: list[float]) -> None:
    watched = watch(listener)
    for _ in range(5):
        one_question(watched, clock, listener)
    assert not watched.has_hung()


def test_silences_in_a_row_mean_that_it_hangs(listener: socket.socket, clock: list[float]) -> None:
    watched = watch(listener)
    one_question(watched, clock, listener)
    assert unanswered(watched, clock) == [False, True]
    watched.begin()
    assert not watched.has_hung()


def test_an_answer_between_silences_forgives_them(clock: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=100) as silent:
        watched = watch(silent)
        one_question(watched, clock, silent)
        assert unanswered(watched, clock)[:1] == [False]
        watched._unanswered = watching.MOST_UNANSWERED - 1
        while True:  # answer whatever lies in the queue of the listener, and with it the newest question
            watched.has_hung()
            answer_one(silent)
            if watched.has_hung() or watched._unanswered == 0:
                break
            clock[0] += 0.5
        assert watched._unanswered == 0


def test_a_service_that_has_not_answered_yet_gets_time_to_start(listener: socket.socket, clock: list[float]) -> None:
    watched = watch(listener)
    assert not any(unanswered(watched, clock))
    clock[0] += watching.FIRST_ANSWER
    assert True in unanswered(watched, clock) + unanswered(watched, clock)


def test_nobody_listening_is_not_a_hang(clock: list[float]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    watched = Watch("127.0.0.1", port, "/healthz")
    watched._has_answered = True
    assert unanswered(watched, clock) + unanswered(watched, clock) == [False] * 4


def test_a_machine_with_too_much_to_do_may_answer_late(listener: socket.socket, clock: list[float]) -> None:
    watched = watch(listener)
    for _ in range(5):
        watched.has_hung()
        watched.has_hung()
        clock[0] += 15
        assert not watched.has_hung(), "a queue of a quarter of a minute is no hang"
        answer_one(listener)
        watched.has_hung()
        clock[0] += watching.PAUSE + 0.1
    assert watched._unanswered == 0
