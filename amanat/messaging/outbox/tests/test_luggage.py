"""Files of messages under way fill no memory: their bytes are bounded, together."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest

from amanat.messaging.outbox import luggage


def always() -> bool:
    return True


def in_thread(act: Callable[[], None]) -> threading.Thread:
    thread = threading.Thread(target=act, daemon=True)
    thread.start()
    return thread


def until(is_so: Callable[[], bool]) -> None:
    ends = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < ends
        time.sleep(0.002)


def test_all_together_never_hold_more_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(luggage, "MOST", 100)
    peaks: list[int] = []

    def send(size: int) -> None:
        with luggage.room(size, may_wait=always) as has_room:
            assert has_room
            peaks.append(sum(luggage._held))

    threads = [in_thread(lambda size=size: send(size)) for size in (40, 60, 10, 100, 30, 70, 90, 50) * 4]
    for thread in threads:
        thread.join(20)
    assert len(peaks) == 32 and max(peaks) <= 100
    assert luggage._held == [] and not luggage._waiting


def test_what_is_larger_than_the_bound_goes_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(luggage, "MOST", 100)
    with luggage.room(500, may_wait=always) as has_room:
        assert has_room
        with luggage.room(1, may_wait=lambda: False) as other:
            assert not other


def test_a_message_without_files_never_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(luggage, "MOST", 100)
    with luggage.room(100, may_wait=always), luggage.room(0, may_wait=lambda: False) as has_room:
        assert has_room


def test_a_small_one_does_not_overtake_a_large_one_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """If this fails, a stream of small files keeps a large one from leaving until it is too late."""
    monkeypatch.setattr(luggage, "MOST", 100)
    order: list[int] = []

    def send(size: int) -> None:
        with luggage.room(size, may_wait=always):
            order.append(size)

    with luggage.room(50, may_wait=always):
        large = in_thread(lambda: send(90))
        until(lambda: len(luggage._waiting) == 1)
        small = in_thread(lambda: send(10))
        until(lambda: len(luggage._waiting) == 2)
        assert order == []
    large.join(10)
    small.join(10)
    assert order == [90, 10]


def test_who_may_wait_no_longer_makes_way_for_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(luggage, "MOST", 100)
    monkeypatch.setattr(luggage, "_LOOK", 0.005)
    late, order = threading.Event(), list[tuple[int, bool]]()

    def send(size: int, may_wait: Callable[[], bool]) -> None:
        with luggage.room(size, may_wait=may_wait) as has_room:
            order.append((size, has_room))

    with luggage.room(50, may_wait=always):
        first = in_thread(lambda: send(90, lambda: not late.is_set()))
        until(lambda: len(luggage._waiting) == 1)
        second = in_thread(lambda: send(20, always))
        until(lambda: len(luggage._waiting) == 2)
        late.set()
        first.join(10)
        second.join(10)
    assert order == [(90, False), (20, True)] and luggage._held == []


def test_room_is_given_back_when_the_request_breaks() -> None:
    with pytest.raises(RuntimeError), luggage.room(7, may_wait=always):
        raise RuntimeError
    assert luggage._held == []
