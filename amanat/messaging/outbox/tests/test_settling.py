"""What becomes of claims whose worker is gone: never twice, never lost, and a person decides what nobody can know."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.messaging.channels.contract import Answer, Outcome, Outgoing
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import claiming, events, journal, ordering, recording, sending, settling
from amanat.messaging.outbox.journal import Evidence, Found, Journal
from amanat.messaging.outbox.models import Dispatch, ProviderEvent
from amanat.messaging.outbox.recording import Result
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, Post
from amanat.people.models import Contact

State = Dispatch.State


@pytest.fixture
def four(post: Post, account: ChannelAccount, asha: Contact) -> list[Dispatch]:
    """Claimed, all of them, by a run that ended: never begun, begun, taken, turned away."""
    with tenancy.inside(account.workspace_id):
        rows = provider.order_each(account, 4)
    dead = Journal(account.workspace_id)
    with tenancy.inside(account.workspace_id):
        claims = [each.claim for each in claiming.claim(account, dead.token, most=4).tries]
    for claim in claims[1:]:
        dead.begin(claim)
    dead.answered(claims[2], Answer(Outcome.ACCEPTED, provider_id="post.3"))
    dead.answered(claims[3], Answer(Outcome.LATER, code="busy"))
    dead.__exit__(None, None, None)
    return [now_is(row) for row in rows]


def now_is(row: Dispatch) -> Dispatch:
    with tenancy.inside(row.workspace_id):
        return Dispatch.objects.of(row.workspace_id).get(pk=row.pk)


def let_the_lease_end(workspace_id: UUID, ago: timedelta = timedelta(seconds=1)) -> None:
    with tenancy.inside(workspace_id):
        rows = Dispatch.objects.of(workspace_id).filter(state=State.SENDING)
        rows.update(lease_until=real_now() - ago)


def real_now() -> object:
    from django.db.models.functions import Now

    return Now()


def test_a_dead_run_is_settled_at_once_by_what_it_wrote_down(four: list[Dispatch], account: ChannelAccount) -> None:
    assert {row.state for row in four} == {State.SENDING}
    with tenancy.inside(account.workspace_id):
        Dispatch.objects.of(account.workspace_id).update(failures=3)
    assert settling.rescue_here() == 4
    never_begun, begun, taken, turned_away = (now_is(row) for row in four)
    assert (never_begun.state, never_begun.failures) == (State.TODO, 3)
    assert begun.state == State.UNKNOWN
    assert (taken.state, taken.provider_id) == (State.DONE, "post.3")
    assert (turned_away.state, turned_away.failures, turned_away.error_code) == (State.TODO, 4, "busy")
    assert settling.rescue_here() == 0


def test_after_a_crash_of_the_machine_nothing_is_surely_unsent(
    four: list[Dispatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(journal, "_boot", lambda: "another start of the machine")
    settling.rescue_here()
    assert [now_is(row).state for row in four] == [State.UNKNOWN, State.UNKNOWN, State.DONE, State.TODO]


def test_a_run_that_lives_keeps_its_claims_until_its_lease_is_over(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    with tenancy.inside(account.workspace_id):
        rows = provider.order_each(account, 2)
    with Journal(account.workspace_id) as alive:
        with tenancy.inside(account.workspace_id):
            claims = [each.claim for each in claiming.claim(account, alive.token, most=2).tries]
        alive.begin(claims[0])
        assert settling.rescue_here() == settling.rescue(account.workspace_id) == 0
        let_the_lease_end(account.workspace_id)
        assert settling.rescue_here() == 0
        assert settling.rescue(account.workspace_id) == 2
        assert [now_is(row).state for row in rows] == [State.UNKNOWN, State.TODO]
        # It comes back to life and says what it knows: that settles the one it had begun.
        with tenancy.inside(account.workspace_id):
            said = [
                Result(claims[0], Answer(Outcome.ACCEPTED, provider_id="x")),
                Result(claims[1], Answer(Outcome.LATER)),
            ]
            assert recording.record(account.workspace_id, alive.token, said, at=NOON) == {rows[0].pk}
        assert [now_is(row).state for row in rows] == [State.DONE, State.TODO]


@pytest.mark.slow
def test_a_worker_that_stood_still_beyond_its_lease_sends_nothing_when_it_wakes(
    post: Post, account: ChannelAccount, asha: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It stands still between writing into its journal and looking at the clock: the worst moment."""
    with tenancy.inside(account.workspace_id):
        row = provider.order(asha, account)
    begin, elsewhere = Journal.begin, []

    def freeze(self: Journal, claim: tuple[UUID, int]) -> None:
        begin(self, claim)
        # Meanwhile a minute and more passes.
        moment = claiming.moment() + claiming.LEASE.total_seconds() + 1
        monkeypatch.setattr(claiming, "moment", lambda: moment)
        elsewhere.append(claim)

    monkeypatch.setattr(Journal, "begin", freeze)
    sending.send_waiting(account.workspace_id, account.pk, seconds=0.4)
    assert elsewhere and post.taken == []
    assert now_is(row).state == State.TODO


def test_an_answer_for_a_claim_of_somebody_else_changes_nothing(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    with tenancy.inside(account.workspace_id):
        row = provider.order(asha, account)
        (old,) = claiming.claim(account, "old", most=1).tries
        Dispatch.objects.of(account.workspace_id).update(state=State.TODO, lease_until=None)
        (new,) = claiming.claim(account, "new", most=1).tries
        late = Answer(Outcome.REFUSED, code="late")
        assert recording.record(account.workspace_id, "old", [Result(old.claim, late)], at=NOON) == set()
        assert recording.record(account.workspace_id, "new", [Result(old.claim, late)], at=NOON) == set()
        assert recording.record(
            account.workspace_id, "new", [Result(new.claim, Answer(Outcome.ACCEPTED, provider_id="y"))], at=NOON
        ) == {row.pk}  # fmt: skip


def test_a_claim_whose_journal_is_on_another_machine_waits_longer_and_is_then_unclear(
    post: Post, account: ChannelAccount, asha: Contact
) -> None:
    with tenancy.inside(account.workspace_id):
        row = provider.order(asha, account)
        claiming.claim(account, "elsewhere", most=1)
    for minutes in (0, 9):
        let_the_lease_end(account.workspace_id, ago=timedelta(minutes=minutes, seconds=1))
        assert settling.rescue(account.workspace_id) == 0
    let_the_lease_end(account.workspace_id, ago=timedelta(minutes=11))
    assert settling.rescue(account.workspace_id) == 1
    assert now_is(row).state == State.UNKNOWN


@pytest.mark.parametrize(("seconds", "left"), [(0, 1), (110, 1), (130, 0)])
def test_an_empty_journal_stays_while_its_claim_may_still_be_on_its_way(
    post: Post, account: ChannelAccount, seconds: int, left: int
) -> None:
    Journal(account.workspace_id).__exit__(None, None, None)
    (path,) = journal.folder().glob("*.journal")
    os.utime(path, (time.time() - seconds, time.time() - seconds))
    assert settling.rescue_here() == 0 and len(journal.tokens()) == left


def test_a_journal_stays_as_long_as_its_claims_come_up(four: list[Dispatch]) -> None:
    (path,) = journal.folder().glob("*.journal")
    os.utime(path, (0, 0))
    assert (settling.rescue_here(), len(journal.tokens())) == (4, 1)
    os.utime(path, (0, 0))
    assert (settling.rescue_here(), len(journal.tokens())) == (0, 0)


def test_what_was_claimed_first_is_settled_first(
    four: list[Dispatch], account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settling, "_AT_ONCE", 1)
    let_the_lease_end(account.workspace_id)
    with tenancy.inside(account.workspace_id):
        Dispatch.objects.of(account.workspace_id).filter(pk=four[2].pk).update(
            lease_until=real_now() - timedelta(hours=1)
        )
    assert settling.rescue(account.workspace_id) == 1
    assert [now_is(row).state for row in four] == [State.SENDING, State.SENDING, State.DONE, State.SENDING]


def test_a_torn_last_line_and_a_file_of_nonsense_stop_nobody(four: list[Dispatch], account: ChannelAccount) -> None:
    (path,) = journal.folder().glob("*.journal")
    with path.open("ab") as file:
        file.write(b'["began", "01')
    (journal.folder() / "zz.journal").write_bytes(b"nonsense\n")
    assert settling.rescue_here() == 4


def test_a_journal_that_somebody_took_away_meanwhile_stops_nobody(
    four: list[Dispatch], monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ["gone", *journal.tokens()]
    monkeypatch.setattr(journal, "tokens", lambda: names)
    assert settling.rescue_here() == 4


def test_a_lock_outlives_nothing_but_its_process(tmp_path: Path, account: ChannelAccount) -> None:
    """A killed process lets go of its journal at once: this is what the whole rescue rests on."""
    script = (
        "import fcntl, os, sys, time\nfile = os.open(sys.argv[1], os.O_RDONLY)\nfcntl.flock(file, fcntl.LOCK_EX)\n"
        "print('held', flush=True)\ntime.sleep(60)\n"
    )
    with Journal(account.workspace_id) as mine:
        pass
    path = journal.folder() / f"{mine.token}.journal"
    process = subprocess.Popen([sys.executable, "-c", script, str(path)], stdout=subprocess.PIPE)
    assert process.stdout is not None and process.stdout.readline() == b"held\n"
    with Found(mine.token) as found:
        assert not found.is_over
    process.send_signal(signal.SIGSTOP)
    with Found(mine.token) as found:
        assert not found.is_over, "it stands still and may go on"
    process.send_signal(signal.SIGKILL)
    process.wait()
    with Found(mine.token) as found:
        assert found.is_over and found.read() == Evidence(account.workspace_id, is_whole=True)
    assert path.exists()


# --- silence and people --------------------------------------------------------------------------------------------


@pytest.fixture
def unclear(post: Post, account: ChannelAccount, asha: Contact) -> Iterator[Dispatch]:
    """It may have been sent, an hour ago; three later ones were sent."""

    def lost(message: Outgoing) -> Answer:
        return Answer(Outcome.UNCLEAR, code="lost")

    with tenancy.inside(account.workspace_id):
        row = provider.order(asha, account)
    post.answer = lost
    sending.send_waiting(account.workspace_id, account.pk)
    post.answer = None
    with tenancy.inside(account.workspace_id):
        Dispatch.objects.of(account.workspace_id).update(begun_at=real_now() - timedelta(hours=1))
        for _ in range(3):
            provider.order(asha, account)
    sending.send_waiting(account.workspace_id, account.pk)
    post.taken.clear()
    assert now_is(row).state == State.UNKNOWN
    return row


def later_ones_are_reported(row: Dispatch, count: int = 3) -> None:
    with tenancy.inside(row.workspace_id):
        keys = list(Dispatch.objects.of(row.workspace_id).exclude(pk=row.pk).values_list("pk", flat=True)[:count])
        Dispatch.objects.of(row.workspace_id).filter(pk__in=keys).update(delivery="delivered")


def test_silence_counts_only_where_the_provider_surely_reports_and_did_report_others(
    post: Post, unclear: Dispatch
) -> None:
    here = unclear.workspace_id
    later_ones_are_reported(unclear, 2)
    post.reports_within = timedelta(minutes=5)
    assert settling.settle_by_silence(here) == 0, "two are too few"
    later_ones_are_reported(unclear)
    post.reports_within = None
    assert settling.settle_by_silence(here) == 0, "this one need not report"
    post.reports_within = timedelta(hours=2)
    assert settling.settle_by_silence(here) == 0, "it has time left"
    post.reports_within = timedelta(minutes=5)
    assert settling.settle_by_silence(here) == 1
    with tenancy.inside(here):
        account = ChannelAccount.objects.of(here).get()
    sending.send_waiting(here, account.pk)
    assert [taken.reference for taken in post.taken] == [unclear.pk]


def test_silence_does_not_count_while_reports_of_that_time_may_be_on_their_way(
    post: Post, unclear: Dispatch, account: ChannelAccount
) -> None:
    post.reports_within = timedelta(minutes=5)
    later_ones_are_reported(unclear)
    with tenancy.inside(account.workspace_id):
        events.keep(account, [(b"waits", {})], clock.now())
        assert settling.settle_by_silence(account.workspace_id) == 0, "an event was not read yet"
        kept = ProviderEvent.objects.of(account.workspace_id)
        kept.update(done_at=NOON)
        assert settling.settle_by_silence(account.workspace_id) == 0, "an event could not be read"
        kept.update(payload=None)
        near = Dispatch.objects.of(account.workspace_id).exclude(pk=unclear.pk).order_by("id").last()
        assert near is not None
        Dispatch.objects.of(account.workspace_id).filter(pk=near.pk).update(
            delivery="", begun_at=now_is(unclear).begun_at
        )
        assert settling.settle_by_silence(account.workspace_id) == 0, (
            "a message of the same minute was not reported either"
        )


def test_silence_does_not_count_while_the_run_may_still_be_at_work(post: Post, unclear: Dispatch) -> None:
    post.reports_within = timedelta(minutes=5)
    later_ones_are_reported(unclear)
    with Journal(unclear.workspace_id) as alive:
        with tenancy.inside(unclear.workspace_id):
            Dispatch.objects.of(unclear.workspace_id).filter(pk=unclear.pk).update(claimed_by=alive.token)
        assert settling.settle_by_silence(unclear.workspace_id) == 0


def test_a_person_says_that_it_was_sent_or_has_it_sent_again(post: Post, unclear: Dispatch, shree: Workspace) -> None:
    with tenancy.inside(shree):
        by = owner_of(shree)
        assert settling.settle_sent(dispatches=[unclear], by=by) == 1
        assert settling.settle_again(dispatches=[unclear], by=by) == 0, "it is settled"
    assert (now_is(unclear).state, now_is(unclear).reason) == (State.DONE, "by_hand")
    with tenancy.inside(shree):
        Dispatch.objects.of(shree).filter(pk=unclear.pk).update(state=State.UNKNOWN)
        assert settling.settle_again(dispatches=[unclear], by=by) == 1
        account = ChannelAccount.objects.of(shree).get()
    sending.send_waiting(shree.pk, account.pk)
    assert [taken.reference for taken in post.taken] == [unclear.pk]


# --- a restored backup ---------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_what_waited_in_a_backup_waits_for_a_person(
    post: Post, account: ChannelAccount, asha: Contact, shree: Workspace, unclear: Dispatch
) -> None:
    with tenancy.inside(shree):
        todo, claimed, done = (provider.order(asha, account) for _ in range(3))
        Dispatch.objects.of(shree).filter(pk=claimed.pk).update(state="sending", lease_until=NOON, claimed_by="x")
        Dispatch.objects.of(shree).filter(pk=done.pk).update(state="done")
        assert ordering.hold_after_restore(shree, at=clock.now()) == 3
        assert ordering.hold_after_restore(shree, at=clock.now()) == 0
    sending.send_waiting(shree.pk, account.pk)
    settling.rescue(shree.pk)
    assert post.taken == []
    assert [now_is(row).state for row in (todo, claimed, unclear, done)] == [*[State.HELD] * 3, State.DONE]
    with tenancy.inside(shree):
        decided = ordering.let_go(by=owner_of(shree), at=clock.now(), ids=[todo.pk, done.pk], is_sent=False)
    assert (decided.released, decided.count) == (1, 1)
    sending.send_waiting(shree.pk, account.pk)
    assert [taken.reference for taken in post.taken] == [todo.pk]


@pytest.mark.parametrize("found", ["yes", "no"])
def test_whoever_sees_it_says_whether_it_had_gone_out(
    post: Post, account: ChannelAccount, asha: Contact, shree: Workspace, found: str
) -> None:
    with tenancy.inside(shree):
        row, other = provider.order(asha, account), provider.order(asha, account)
        ordering.hold_after_restore(shree, at=clock.now())
        client = signed_in(owner_of(shree))
    page = client.get(f"/inbox/{row.message.thread_id}/").content.decode()
    assert "Held back after a restore" in page and "It was not: send it again" in page
    assert "Asha" in client.get("/inbox/?view=unclear").content.decode()
    assert client.post(f"/inbox/sent/{row.pk}/", {"was_sent": found}).status_code == 303
    sending.send_waiting(shree.pk, account.pk)
    assert len(post.taken) == (found == "no") and now_is(other).state == State.HELD
    assert now_is(row).state == (State.DONE if found == "no" else State.DROPPED)
    again = client.post(f"/inbox/sent/{row.pk}/", {"was_sent": found}, follow=True).content.decode()
    assert "It was settled meanwhile" in again


def test_what_is_released_too_late_is_dropped(
    post: Post, account: ChannelAccount, asha: Contact, shree: Workspace
) -> None:
    with tenancy.inside(shree):
        row = provider.order(asha, account, use_by=NOON + timedelta(hours=1))
        ordering.hold_after_restore(shree, at=NOON)
    with clock.standing_at(NOON + timedelta(hours=2)):
        with tenancy.inside(shree):
            decided = ordering.let_go(by=owner_of(shree), at=clock.now(), ids=[row.pk], is_sent=False)
        assert (decided.released, decided.too_late) == (0, 1)
        sending.send_waiting(shree.pk, account.pk)
    assert post.taken == [] and now_is(row).reason == "too_late"


def test_home_says_to_who_may_release_them_how_many_are_held(
    post: Post, account: ChannelAccount, asha: Contact, shree: Workspace
) -> None:
    with tenancy.inside(shree):
        rows = [provider.order(asha, account) for _time in range(2)]
    browser = signed_in(owner_of(shree))
    assert "held back" not in browser.get("/").text
    with tenancy.inside(shree):
        ordering.hold_after_restore(shree, at=NOON)
    page = browser.get("/").text
    assert "2 messages are held back" in page and "/held/" in page
    assert asha.name in browser.get("/inbox/?view=unclear").text
    with tenancy.inside(shree):
        ordering.let_go(by=owner_of(shree), at=clock.now(), ids=[row.pk for row in rows], is_sent=True)
    assert "held back" not in browser.get("/").text


def test_time_stands_nowhere_still() -> None:
    first = claiming.moment()
    time.sleep(0.01)
    assert claiming.moment() > first
