"""Whose turn it is, on a clock of its own: how long a workspace rests and is remembered, who makes room and who tries a provider that is down."""

from __future__ import annotations

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any
from uuid import UUID

import pytest

from amanat.core import configuration, ids, jobs
from amanat.messaging.outbox import settling, turns
from amanat.messaging.outbox.journal import Claim, Evidence
from amanat.messaging.outbox.turns import Turn

PLACE = ("post", "")


class Clock:
    """Seconds since some moment; goes on only when told to."""

    now = 1000.0


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    mine = Clock()
    monkeypatch.setattr(turns, "time", SimpleNamespace(monotonic=lambda: mine.now))
    for name, empty in (
        ("_busy", {}),
        ("_queues", {}),
        ("_seen", {}),
        ("_rests", {}),
        ("_failing", {}),
        ("_trying", set()),
    ):
        monkeypatch.setattr(turns, name, empty)  # fmt: skip
    return mine


@pytest.fixture
def here() -> UUID:
    return ids.new()


def taken(workspace_id: UUID, clock: Clock) -> UUID:
    """An account whose turn it is now."""
    account_id = ids.new()
    assert turns.take(workspace_id, account_id) is Turn.OURS
    turns._busy[account_id].began_at = clock.now
    return account_id


def test_a_rest_is_three_times_the_work_adds_up_and_is_never_longer_than_a_second(here: UUID, clock: Clock) -> None:
    assert turns.rest_of(here) <= 0
    turns.rest_after(here, 0.1)
    assert turns.rest_of(here) == pytest.approx(0.3)
    turns.rest_after(here, 0.2)
    assert turns.rest_of(here) == pytest.approx(0.9)
    turns.rest_after(here, 0.2)
    assert turns.rest_of(here) == pytest.approx(1.0)
    clock.now += 0.4
    assert turns.rest_of(here) == pytest.approx(0.6) and turns.rest_of(ids.new()) <= 0
    clock.now += 5
    turns.rest_after(here, 0.1)
    assert turns.rest_of(here) == pytest.approx(0.3), "what is over adds nothing"


def test_a_workspace_counts_for_ten_seconds_after_its_last_run_and_then_has_no_rest_either(
    here: UUID, clock: Clock
) -> None:
    other = ids.new()
    account = taken(other, clock)
    turns.rest_after(other, 60)
    clock.now += 5
    turns.leave(account)
    clock.now += 10
    assert turns.share(here) == turns.SHARED and other in turns._rests
    clock.now += 0.1
    assert turns.share(here) is None
    assert turns._seen == turns._rests == {}


def test_the_share_of_a_workspace_is_divided_among_its_accounts(here: UUID, clock: Clock) -> None:
    first, second = taken(here, clock), taken(here, clock)
    assert turns.share(here) is None, "nobody else sends"
    taken(ids.new(), clock)
    assert turns.share(here) == turns.SHARED // 2
    turns.leave(first)
    assert turns.share(here) == turns.SHARED
    turns.leave(second)
    assert turns.share(here) == turns.SHARED


def waits(workspace_id: UUID, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Whether a workspace with much to send lets somebody pass now."""
    monkeypatch.setattr(turns, "_LETS_PASS", 0.0)
    asked: list[bool] = []

    def wait_for(has_passed: Callable[[], bool], timeout: float) -> bool:
        assert timeout == 0.0 and turns._guard.locked()
        asked.append(has_passed())
        return asked[0]

    monkeypatch.setattr(turns._has_passed, "wait_for", wait_for)
    turns.let_pass(workspace_id)
    return not asked[0]


def test_who_has_much_to_send_lets_those_pass_that_have_little(
    here: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(here, clock)
    assert not waits(here, monkeypatch), "nobody waits for accounts of her own workspace"
    other = taken(ids.new(), clock)
    assert waits(here, monkeypatch), "a run that begins may have one message only"
    turns.hurry(other, is_over=True)
    assert not waits(here, monkeypatch), "its request is on its way"
    turns.hurry(other)
    assert waits(here, monkeypatch), "it writes down what came of it"
    turns.leave(other)
    assert not waits(here, monkeypatch)


@pytest.mark.parametrize("ends", [lambda account: turns.hurry(account, is_over=True), turns.leave])
def test_who_let_pass_goes_on_at_once(
    here: UUID, clock: Clock, monkeypatch: pytest.MonkeyPatch, ends: Callable[[UUID], object]
) -> None:
    monkeypatch.setattr(turns, "_LETS_PASS", 60.0)
    taken(here, clock)
    other = taken(ids.new(), clock)
    passing = threading.Thread(target=turns.let_pass, args=[here])
    passing.start()
    passing.join(0.05)
    assert passing.is_alive()
    ends(other)
    passing.join(30)
    assert not passing.is_alive()


def test_a_run_gives_way_after_a_second_to_who_waits(here: UUID, clock: Clock) -> None:
    first, _second = taken(here, clock), taken(here, clock)
    clock.now += 60
    assert not turns.gives_way(first), "nobody waits"
    third = ids.new()
    assert turns.take(here, third) is Turn.QUEUED
    turns._busy[first].began_at = clock.now
    clock.now += 0.9
    assert not turns.gives_way(first)
    clock.now += 0.1
    assert turns.gives_way(first)
    assert turns.make_room(first) is None, "both places are still taken"
    assert turns.leave(first) == turns.Left(False, third)


def test_of_two_runs_one_gives_way_when_another_workspace_sends(here: UUID, clock: Clock) -> None:
    first, second = taken(here, clock), taken(here, clock)
    taken(ids.new(), clock)
    clock.now += 1
    assert turns.gives_way(first) and turns.gives_way(second)
    turns.make_room(first)
    assert not turns.gives_way(second), "one of them takes up messages, as many as may"


def test_who_makes_room_among_others_lets_the_next_take_up_messages(here: UUID, clock: Clock) -> None:
    first, waiting = taken(here, clock), ids.new()
    taken(ids.new(), clock)
    assert turns.take(here, waiting) is Turn.QUEUED
    assert turns.make_room(first) == waiting
    assert turns.make_room(first) is None
    assert turns.take(here, waiting) is Turn.OURS


def test_who_got_its_place_stands_in_the_queue_no_more(here: UUID, clock: Clock) -> None:
    first, second = taken(here, clock), taken(here, clock)
    third, fourth = ids.new(), ids.new()
    assert [turns.take(here, each) for each in (third, fourth)] == [Turn.QUEUED] * 2
    turns._busy.pop(first)  # a run that died without a word
    assert turns.take(here, third) is Turn.OURS
    clock.now += 2
    assert turns.gives_way(second), "the fourth still waits"
    assert turns.leave(second) == turns.Left(False, fourth)
    assert turns.leave(third) == turns.Left(False, None)
    assert turns._queues == {}, "who was told to come waits no more"


def test_as_many_accounts_send_at_once_as_there_may_be(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "current", lambda: SimpleNamespace(worker_concurrency=2))
    first, _second = taken(ids.new(), clock), taken(ids.new(), clock)
    late = ids.new()
    assert turns.take(late, late) is Turn.LATER
    turns.leave(first)
    assert turns.take(late, late) is Turn.OURS


class Guarded[Key, Value](dict[Key, Value]):
    """Bears to be looked at or changed only by who holds the guard; a set as well."""

    def add(self, key: Key) -> None:
        self[key] = None  # type: ignore[assignment]

    def discard(self, key: Key) -> None:
        self.pop(key)

    def __getattribute__(self, name: str) -> Any:
        assert turns._guard.locked(), name
        return super().__getattribute__(name)


for name in ("__getitem__", "__setitem__", "__delitem__", "__contains__", "__iter__", "__len__"):

    def guarded(self: Any, *given: Any, name: str = name) -> Any:
        assert turns._guard.locked(), name
        return getattr(dict, name)(self, *given)

    setattr(Guarded, name, guarded)


def test_nothing_is_looked_at_without_the_guard(here: UUID, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_busy", "_queues", "_seen", "_rests", "_failing", "_trying"):
        monkeypatch.setattr(turns, name, Guarded[Any, Any]())
    account = ids.new()
    assert turns.take(here, account) is Turn.OURS
    turns.share(here)
    turns.gives_way(account)
    turns.rest_after(here, 0.1)
    turns.rest_of(here)
    turns.let_pass(here)
    turns.hurry(account)
    turns.hurry(account, is_over=True)
    turns.fared(PLACE, account, well=False)
    turns.fared(PLACE, here, well=False)
    with turns.at(PLACE, account):
        assert not turns._guard.locked(), "a provider that is slow holds up nobody"
    turns.make_room(account)
    turns.leave(account)
    assert not turns._guard.locked()


def test_who_asks_meanwhile_is_told_to_the_run_once(here: UUID, clock: Clock) -> None:
    account = taken(here, clock)
    assert turns.take(here, account) is Turn.TAKEN
    assert turns.leave(account) == turns.Left(True, None)
    assert turns.leave(taken(here, clock)) == turns.Left(False, None)


@pytest.mark.parametrize("concurrency", [1, 2, 6])
def test_half_of_the_quick_threads_are_left_for_what_people_answer(
    concurrency: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(configuration, "current", lambda: SimpleNamespace(worker_concurrency=concurrency))
    assert 1 <= turns.most() <= jobs.quick_threads(concurrency) - turns.most()


def tried(account_id: UUID, place: tuple[str, str] = PLACE) -> bool:
    with turns.at(place, account_id) as may_try:
        return may_try


def test_of_accounts_that_found_their_provider_down_one_tries_and_the_others_are_held_up_by_nothing() -> None:
    first, second, well = ids.new(), ids.new(), ids.new()
    turns.fared(PLACE, first, well=False)
    with turns.at(PLACE, first) as alone:
        assert alone and turns._trying == set(), "one alone takes no turns"
    turns.fared(PLACE, second, well=False)
    with turns.at(PLACE, first) as may_try:
        assert may_try and not tried(second) and tried(well) and tried(second, ("other", ""))
        assert not tried(second), "who looked in vain took nothing away"
    assert tried(second)
    with turns.at(PLACE, second):
        turns.fared(PLACE, second, well=True)
        assert tried(first)


CLAIM, OTHER = (UUID(int=1), 1), (UUID(int=1), 2)
ANSWER = settling.Answer(settling.Outcome.ACCEPTED, provider_id="post.1")


def known(
    *, is_whole: bool = True, begun: tuple[Claim, ...] = (), answered: bool = False, back: bool = False
) -> Evidence:
    return Evidence(
        UUID(int=9), is_whole, set(begun), {CLAIM: ANSWER} if answered else {}, {CLAIM} if back else set()
    )  # fmt: skip


@pytest.mark.parametrize(
    ("evidence", "answer"),
    [
        (None, settling._UNCLEAR),
        (known(), None),
        (known(begun=(OTHER,)), None),
        (known(begun=(CLAIM,)), settling._UNCLEAR),
        (known(begun=(CLAIM,), answered=True), ANSWER),
        (known(begun=(CLAIM,), back=True), None),
        (known(is_whole=False), settling._UNCLEAR),
        (known(is_whole=False, answered=True), ANSWER),
        (known(is_whole=False, back=True), None),
    ],
    ids=[
        "no-journal",
        "not-begun",
        "an-earlier-try",
        "begun",
        "answered",
        "put-back",
        "torn",
        "torn-answered",
        "torn-back",
    ],
)
def test_what_a_journal_says_of_a_claim(evidence: Evidence | None, answer: object) -> None:
    """None: it surely did not leave."""
    assert settling._answer(CLAIM, evidence) == answer
