"""A provider that is down for a day, in three ways: nothing lost, nothing late, nothing at night, and no hammering."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from amanat.accounts.models import Workspace
from amanat.core import clock, outgoing, tenancy
from amanat.core.outgoing import connections
from amanat.messaging.channels.contract import AccountNews, Answer, Outcome, Outgoing, Progress, Report
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import claiming, reports, sending, settling, turns
from amanat.messaging.outbox.claiming import Claimed
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import Post
from amanat.messaging.outbox.turns import Turn
from amanat.people.models import Contact

State = Dispatch.State
#: Two in the morning in Kolkata, when it goes down and, a day later, when it is back.
DOWN_AT = datetime(2026, 12, 1, 20, 30, tzinfo=UTC)
BACK_AT = DOWN_AT + timedelta(days=1)
OPENS_AT = BACK_AT + timedelta(hours=6)  # eight in the morning, when people may be written to


def refused(_asked: object) -> Answer:
    raise outgoing.Unreachable("x", reason="connection refused", may_have_arrived=False)


def swallowed(_asked: object) -> Answer:
    raise outgoing.Unreachable("x", reason="timeout", may_have_arrived=True)


def unavailable(_asked: object) -> Answer:
    return Answer(Outcome.LATER, code="503")


class Day:
    """Time that goes on in steps; at each, what the jobs would do is done."""

    def __init__(self, post: Post, account: ChannelAccount) -> None:
        self.post, self.account, self.asked, self.at = post, account, 0, DOWN_AT

    def answer(self, way: Callable[[Any], Answer] | None) -> None:
        """How the provider takes messages and questions from now on; each is counted."""

        def counted(asked: Any) -> Any:
            self.asked += 1
            return AccountNews() if way is None else way(asked)

        self.post.answer = counted if way is not None else None
        self.post.check = counted  # type: ignore[method-assign]

    def go_on(self, until: datetime, *, minutes: int = 40) -> Iterator[datetime]:
        while self.at < until:
            self.at = min(until, self.at + timedelta(minutes=minutes))
            with clock.standing_at(self.at):
                sending.send_waiting(self.account.workspace_id, self.account.pk)
            yield self.at


def states(account: ChannelAccount) -> Counter[tuple[str, str]]:
    with tenancy.inside(account.workspace_id):
        return Counter(Dispatch.objects.of(account.workspace_id).values_list("state", "reason"))


@pytest.mark.slow  # a day and a half
@pytest.mark.parametrize("way", [refused, swallowed, unavailable])
def test_a_day_without_the_provider_loses_nothing_and_nothing_goes_late_at_night_or_in_a_hurry(
    post: Post, account: ChannelAccount, asha: Contact, way: Callable[[Any], Answer]
) -> None:
    with tenancy.inside(account.workspace_id):
        for number in range(24):
            due = DOWN_AT + timedelta(hours=7, minutes=25 * number)
            use_by = due + timedelta(hours=6) if number % 2 else None
            provider.order(asha, account, due_at=due, use_by=use_by)
    day = Day(post, account)
    day.answer(way)
    steps = len(list(day.go_on(BACK_AT)))
    assert post.taken == [] and 0 < day.asked <= 10 + sending.FIRST + 2 * steps, "a question and a message a pause"
    assert not states(account).keys() & {("dead", "gave_up"), ("dead", "provider")}
    day.answer(None)
    for _at in day.go_on(OPENS_AT - timedelta(minutes=1)):
        assert post.taken == [], "nobody is written to at night because a provider came back"
    list(day.go_on(OPENS_AT + timedelta(minutes=15), minutes=4))
    if way is swallowed:
        _what_may_have_arrived_is_settled(day)
    done = [row.reference for row in post.taken]
    assert len(done) == len(set(done)) == 12, "all that still makes sense went within a quarter of an hour"
    assert states(account) == {("done", "consent"): 12, ("dropped", "too_late"): 12}


def _what_may_have_arrived_is_settled(day: Day) -> None:
    """What a black hole swallowed waits for a word: of the provider, which reports what it took and nothing else."""
    here = day.account.workspace_id
    unclear = states(day.account)["unknown", "consent"]
    assert 0 < unclear <= 10 + sending.FIRST, "so many were tried once; then it was asked whether it is back"
    day.post.reports_within = timedelta(0)
    with tenancy.inside(here):
        for taken in list(day.post.taken):
            reports.take(here, day.account, [
                Report(f"post.{taken.reference}", Progress.DELIVERED, day.at, reference=taken.reference)
            ])  # fmt: skip
    with clock.standing_at(day.at):
        assert settling.settle_by_silence(here) == unclear
        sending.send_waiting(here, day.account.pk)


def test_a_trial_says_nothing_about_its_message(post: Post, account: ChannelAccount, asha: Contact) -> None:
    with tenancy.inside(account.workspace_id):
        row = provider.order(asha, account)
    sending._health[account.pk] = sending.Health(pace=1, pauses=3)
    post.answer = unavailable
    sending.send_waiting(account.workspace_id, account.pk)
    with tenancy.inside(account.workspace_id):
        row.refresh_from_db()
        account.refresh_from_db()
    assert (row.state, row.failures) == (State.TODO, 0)
    assert account.resumes_at == clock.now() + timedelta(seconds=120)


@pytest.mark.slow
def test_while_it_is_down_one_request_at_a_time_tries_it(post: Post, account: ChannelAccount, asha: Contact) -> None:
    with tenancy.inside(account.workspace_id):
        for _ in range(30):
            provider.order(asha, account)
    day = Day(post, account)
    day.answer(swallowed)
    sending.send_waiting(account.workspace_id, account.pk)
    assert sending.FIRST <= day.asked <= 2 * sending.FIRST
    for _ in range(3):
        before = day.asked
        with tenancy.inside(account.workspace_id):
            account.refresh_from_db()
        assert account.resumes_at is not None
        with clock.standing_at(account.resumes_at):
            sending.send_waiting(account.workspace_id, account.pk)
        assert day.asked == before + 1


def test_a_line_that_cannot_be_opened_gets_longer_and_longer_pauses(
    post: Post, account: ChannelAccount, asha: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(_access: object) -> None:
        raise outgoing.Unreachable("x", reason="connection refused", may_have_arrived=False)

    monkeypatch.setattr(post, "line", closed, raising=False)
    with tenancy.inside(account.workspace_id):
        provider.order(asha, account)
    pauses, at = [], clock.now()
    for _ in range(6):
        with clock.standing_at(at):
            sending.send_waiting(account.workspace_id, account.pk)
        with tenancy.inside(account.workspace_id):
            account.refresh_from_db()
        assert account.resumes_at is not None
        pauses.append((account.resumes_at - at).total_seconds())
        at = account.resumes_at
    assert pauses == [15, 30, 60, 120, 240, 300]


@pytest.mark.slow
def test_a_provider_that_swallows_everything_holds_a_few_requests_and_no_more(
    post: Post, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenancy.inside(account.workspace_id):
        provider.order_each(account, 20)
    sending._health[account.pk] = sending.Health(pace=20)
    monkeypatch.setattr(sending, "_SILENCE", 0.3)
    held, is_over = set[UUID](), threading.Event()

    def swallow(message: Outgoing) -> Answer:
        patience = connections._mine.patience
        held.add(message.reference)
        while not (patience.is_over or is_over.wait(0.01)):
            pass
        held.discard(message.reference)
        raise outgoing.Unreachable("x", reason="timeout", may_have_arrived=True)

    def watch() -> None:
        until = time.monotonic() + 20
        for enough in (lambda: len(held) == 20, lambda: len(held) <= sending.FIRST):
            while not enough() and time.monotonic() < until:
                time.sleep(0.01)
            seen.append(len(held))
        is_over.set()

    seen: list[int] = []
    post.answer = swallow
    watcher = threading.Thread(target=watch)
    watcher.start()
    sending.send_waiting(account.workspace_id, account.pk)
    watcher.join()
    assert seen == [20, sending.FIRST]
    assert states(account) == {("unknown", "ground"): 20}


# --- turns ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, empty in (("_busy", {}), ("_queues", {}), ("_seen", {}), ("_failing", {}), ("_trying", set())):
        monkeypatch.setattr(turns, name, empty)
    monkeypatch.setattr(turns, "most", lambda: 3)


@pytest.mark.usefixtures("nobody")
def test_an_account_has_one_turn_a_workspace_two_and_one_thread_is_always_left() -> None:
    ones, others = [provider.ids.new() for _ in range(3)], [provider.ids.new() for _ in range(2)]
    one, other = provider.ids.new(), provider.ids.new()
    assert [turns.take(one, account) for account in ones] == [Turn.OURS, Turn.OURS, Turn.QUEUED]
    assert [turns.take(other, account) for account in others] == [Turn.OURS, Turn.QUEUED]
    assert turns.take(other, others[0]) is Turn.TAKEN
    assert turns.take(provider.ids.new(), provider.ids.new()) is Turn.LATER
    assert turns.leave(others[0]) == turns.Left(was_asked=True, follower=others[1])


@pytest.mark.usefixtures("nobody")
def test_accounts_of_a_workspace_have_their_turns_in_the_order_they_asked() -> None:
    here, accounts = provider.ids.new(), [provider.ids.new() for _ in range(4)]
    turned = [turns.take(here, account) for account in accounts + accounts[2:]]
    assert turned == [Turn.OURS] * 2 + [Turn.QUEUED] * 4
    assert turns.leave(accounts[1]) == turns.Left(was_asked=False, follower=accounts[2])
    assert turns.take(here, accounts[2]) is Turn.OURS
    assert turns.leave(accounts[0]).follower == accounts[3] and turns._queues == {}
    assert turns.leave(accounts[2]).follower is None


@pytest.mark.usefixtures("nobody")
def test_whose_turn_comes_before_the_queue_is_looked_at_waits_no_more() -> None:
    here, first, second, third = (provider.ids.new() for _ in range(4))
    assert [turns.take(here, account) for account in (first, second, third)][-1] is Turn.QUEUED
    turns._busy.pop(first)
    assert turns.take(here, third) is Turn.OURS, "the sweep woke it"
    assert turns.leave(second).follower is None


@pytest.mark.usefixtures("nobody")
def test_while_others_send_a_workspace_takes_up_messages_of_one_account_at_a_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here, first, second, third = (provider.ids.new() for _ in range(4))
    turns._seen[provider.ids.new()] = time.monotonic()
    assert [turns.take(here, account) for account in (first, second)] == [Turn.OURS, Turn.QUEUED]
    assert not turns.gives_way(first), "it has only begun"
    monkeypatch.setattr(turns, "GIVES_WAY_AFTER", 0.0)
    assert turns.gives_way(first)
    assert turns.make_room(first) == second, "its provider may keep it waiting: nobody waits with it"
    assert turns.take(here, second) is Turn.OURS and turns.take(here, third) is Turn.QUEUED
    assert turns.make_room(second) is None, "two hold the workspace's threads"
    assert turns.leave(first).follower == third


@pytest.mark.usefixtures("nobody")
def test_of_two_runs_both_make_room_when_another_workspace_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    here, first, second = (provider.ids.new() for _ in range(3))
    monkeypatch.setattr(turns, "GIVES_WAY_AFTER", 0.0)
    assert [turns.take(here, account) for account in (first, second)] == [Turn.OURS, Turn.OURS]
    assert not turns.gives_way(first)
    turns._seen[provider.ids.new()] = time.monotonic()
    assert turns.gives_way(first) and turns.gives_way(second)
    turns.make_room(first)
    assert not turns.gives_way(second)


def test_a_run_makes_room_for_an_account_that_waits(
    account: ChannelAccount, post: Post, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has more to send, stops taking up, wakes who waits and then itself."""
    woken: list[UUID] = []
    waits = provider.ids.new()
    with tenancy.inside(account.workspace_id):
        provider.order_each(account, sending.FIRST + 1)
    monkeypatch.setattr(turns, "_queues", {account.workspace_id: {waits: None}})
    monkeypatch.setattr(turns, "GIVES_WAY_AFTER", 0.0)
    monkeypatch.setattr(sending.ordering, "wake", lambda _here, which, **_when: woken.append(which))
    assert sending.send_waiting(account.workspace_id, account.pk) is True
    assert woken == [waits] and post.taken == []


@pytest.mark.usefixtures("nobody")
def test_while_others_send_nobody_takes_the_whole_process(monkeypatch: pytest.MonkeyPatch) -> None:
    one, other, account = (provider.ids.new() for _ in range(3))
    assert turns.share(one) is None
    turns.take(one, account)
    assert turns.share(one) is None and turns.share(other) == turns.SHARED
    turns.leave(account)
    assert turns.share(other) == turns.SHARED, "a moment ago is now"
    monkeypatch.setattr(turns, "_REMEMBERED", -1.0)
    assert turns.share(other) is None


@pytest.mark.usefixtures("nobody")
def test_a_workspace_has_its_share_once_over_however_many_accounts() -> None:
    one, other = provider.ids.new(), provider.ids.new()
    first, second = provider.ids.new(), provider.ids.new()
    turns.take(other, provider.ids.new())
    turns.take(one, first)
    assert turns.share(one) == turns.SHARED
    turns.make_room(first)
    turns.take(one, second)
    assert turns.share(one) == turns.SHARED // 2 and turns.share(other) == turns.SHARED
    turns.leave(first)
    assert turns.share(one) == turns.SHARED


def test_a_flood_is_slowed_while_another_workspace_sends(
    post: Post, account: ChannelAccount, asha: Contact, other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    claim = claiming.claim

    def watched(*given: Any, most: int) -> Claimed:
        asked.append(most)
        return claim(*given, most=most)

    monkeypatch.setattr(claiming, "claim", watched)
    sending._health[account.pk] = sending.Health(pace=64)
    for is_shared in (False, True):
        monkeypatch.setattr(turns, "_seen", {other.pk: time.monotonic()} if is_shared else {})
        with tenancy.inside(account.workspace_id):
            provider.order(asha, account)
        sending.send_waiting(account.workspace_id, account.pk)
    assert asked[0] == 64 and asked[-1] == turns.SHARED


def times_claimed(
    account: ChannelAccount, monkeypatch: pytest.MonkeyPatch, *, shared_with: Workspace | None
) -> list[float]:
    """When each claim began, and its end, of a run that finds all it has; a claim takes 20 ms at least."""
    moments: list[float] = []
    claim = claiming.claim

    def slow(*given: Any, most: int) -> Claimed:
        moments.append(time.monotonic())
        time.sleep(0.02)
        found = claim(*given, most=most)
        moments.append(time.monotonic())
        return found

    monkeypatch.setattr(claiming, "claim", slow)
    monkeypatch.setattr(turns, "_seen", {shared_with.pk: time.monotonic()} if shared_with else {})
    monkeypatch.setattr(turns, "_RESTS", 10.0)
    monkeypatch.setattr(turns, "_rests", {})
    sending.send_waiting(account.workspace_id, account.pk)
    return moments


@pytest.mark.parametrize("is_shared", [True, False])
def test_a_flood_rests_longer_than_it_is_busy_while_others_send(
    flooding: ChannelAccount, post: Post, other: Workspace, monkeypatch: pytest.MonkeyPatch, is_shared: bool
) -> None:
    began, ended, again, *_later = times_claimed(flooding, monkeypatch, shared_with=other if is_shared else None)
    assert len(post.taken) == sending.FIRST + 1
    assert (again - ended >= min(9 * (ended - began), 0.9)) is is_shared


@pytest.fixture
def flooding(account: ChannelAccount) -> ChannelAccount:
    """It has one message more than it takes up at first."""
    with tenancy.inside(account.workspace_id):
        provider.order_each(account, sending.FIRST + 1)
    return account


def test_who_has_few_messages_never_rests(
    post: Post, account: ChannelAccount, other: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tenancy.inside(account.workspace_id):
        provider.order_each(account, sending.FIRST - 1)
    asked: list[UUID] = []
    monkeypatch.setattr(turns, "rest_of", lambda workspace_id: asked.append(workspace_id) or 60.0)
    times_claimed(account, monkeypatch, shared_with=other)
    assert len(post.taken) == sending.FIRST - 1 and asked == [] and turns._rests == {}


def test_accounts_of_one_workspace_rest_together(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else a workspace with three accounts would keep the database busy three times as long as one with a single account."""
    here, there = provider.ids.new(), provider.ids.new()
    monkeypatch.setattr(turns, "_rests", {})
    turns.rest_after(here, 0.1)
    turns.rest_after(here, 0.1)
    assert 0.5 < turns.rest_of(here) <= 0.2 * turns._RESTS and turns.rest_of(there) <= 0
    turns.rest_after(here, 60.0)
    assert 0.9 < turns.rest_of(here) <= turns._LONGEST_REST


def test_after_idle_seconds_a_provider_is_tried_with_a_few_again() -> None:
    learned = sending.Health(pace=64)
    learned.begin()
    assert learned.pace == 64
    learned.heard_at -= sending._IDLE + 1
    learned.begin()
    assert learned.pace == sending.FIRST
    down = sending.Health(pace=1, heard_at=0.0)
    down.begin()
    assert down.pace == 1, "what is tried with one message stays so"


@pytest.mark.usefixtures("nobody")
def test_accounts_that_found_their_provider_down_take_turns_and_hold_up_no_other() -> None:
    place, first, second, healthy = ("whatsapp_cloud", ""), *(provider.ids.new() for _ in range(3))
    turns.fared(place, first, well=False)
    with turns.at(place, first) as one, turns.at(place, first) as again:
        assert one and again, "it is alone"
    turns.fared(place, second, well=False)
    with turns.at(place, first) as one, turns.at(place, second) as two, turns.at(place, healthy) as other:
        assert (one, two, other) == (True, False, True)
    with turns.at(place, second) as two:
        assert two
    turns.fared(place, healthy, well=True)
    with turns.at(place, first) as one, turns.at(place, second) as two:
        assert one and two


@pytest.mark.usefixtures("nobody")
def test_an_account_whose_turn_it_is_not_comes_back_by_itself(
    post: Post, account: ChannelAccount, asha: Contact, other: Workspace
) -> None:
    from django.db import connection

    with tenancy.inside(account.workspace_id):
        provider.order(asha, account)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM procrastinate_jobs")
    for _ in range(3):
        turns.take(provider.ids.new(), provider.ids.new())
    assert sending.send_waiting(account.workspace_id, account.pk) is False and post.taken == []
    with connection.cursor() as cursor:
        cursor.execute("SELECT scheduled_at FROM procrastinate_jobs WHERE task_name = 'messages.send'")
        assert [at for (at,) in cursor.fetchall()] == [clock.now() + timedelta(seconds=1)]


@pytest.mark.usefixtures("nobody")
def test_who_waits_for_another_accounts_trial_sends_nothing_meanwhile(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    with tenancy.inside(account.workspace_id):
        provider.order(asha, account)
    place = ("post", "")
    for failing in (account.pk, provider.ids.new()):
        turns.fared(place, failing, well=False)
    with turns.at(place, account.pk):
        sending.send_waiting(account.workspace_id, account.pk)
    assert post.taken == []
    with tenancy.inside(account.workspace_id):
        account.refresh_from_db()
    assert account.resumes_at == clock.now() + timedelta(seconds=30)
    with clock.standing_at(clock.now() + timedelta(seconds=30)):
        sending.send_waiting(account.workspace_id, account.pk)
    assert len(post.taken) == 1 and turns._failing == {}
