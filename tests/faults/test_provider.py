"""The provider of the drills tells the truth: drills are judged by what it remembers."""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, HTTPException

import pytest

from tests.faults.fairness import Verdict
from tests.faults.plan import Wanted
from tests.faults.provider import Apart, Provider


@pytest.fixture
def provider() -> Iterator[Provider]:
    made = Provider(Wanted(failing=0.0, limiting=0.0, losing=0.0, latency=0.0))
    yield made
    made.close()


def send(port: int, reference: str, account: str = "+1") -> int:
    """The status of the answer; 0: there was none."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        connection.request("POST", "/", json.dumps({"reference": reference, "from": account}))
        try:
            return connection.getresponse().status
        except HTTPException:
            return 0


def test_it_remembers_what_it_accepted_each_time_and_when(provider: Provider) -> None:
    began = time.monotonic()
    assert [send(provider.port, each) for each in ("a", "b", "a")] == [200] * 3
    assert dict(provider.accepted) == {"a": 2, "b": 1}
    assert began <= provider.came["b"] <= provider.came["a"] <= time.monotonic()


@pytest.mark.parametrize(
    ("fault", "status", "accepted"), [("failing", 500, 0), ("limiting", 429, 0), ("losing", 0, 1)]
)  # fmt: skip
def test_its_faults_are_what_was_wanted(provider: Provider, fault: str, status: int, accepted: int) -> None:
    setattr(provider.wanted, fault, 1.0)
    assert (send(provider.port, "a"), provider.accepted["a"]) == (status, accepted)


def test_what_it_swallows_it_holds_until_the_other_side_goes(provider: Provider) -> None:
    provider.swallows = {"+1"}
    waiting = [socket.create_connection(("127.0.0.1", provider.port)) for _ in range(3)]
    body = json.dumps({"reference": "a", "from": "+1"}).encode()
    for each in waiting:
        each.sendall(b"POST / HTTP/1.1\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
    until = time.monotonic() + 10
    while provider.held["+1"] < 3 and time.monotonic() < until:
        time.sleep(0.005)
    for each in waiting:
        each.close()
    while provider.held["+1"] and time.monotonic() < until:
        time.sleep(0.005)
    assert (provider.held["+1"], provider.held_at_most["+1"]) == (0, 3) and not provider.accepted
    assert send(provider.port, "b", "+2") == 200


@pytest.mark.slow  # a process begins: 0.3 s and more
def test_apart_it_says_the_same() -> None:
    apart = Apart(latency=0.0)
    try:
        began = time.monotonic()
        assert send(apart.port, "a") == 200
        assert apart.came.keys() == {"a"} and began <= apart.came["a"] <= time.monotonic()
        apart.swallow({"+1"})
        assert send(apart.port, "b", "+2") == 200 and not apart.held_at_most
    finally:
        apart.close()


@pytest.mark.parametrize(
    ("during", "held", "good"), [(0.16, 10, True), (0.17, 10, False), (0.16, 11, False)]
)  # fmt: skip
def test_who_waits_a_quarter_longer_beside_a_flood_waits_too_long(during: float, held: int, good: bool) -> None:
    assert Verdict(alone=0.13, during={"flood": during}, held_later=held).is_good is good
