"""The only place from which messages leave: claimed rows go out over the account's line, from many threads, and what came of them is written down.

A run sends for one account, for a few seconds, and then makes room for others (`turns`). Whatever happens to its process, its journal tells
which requests were begun (`journal`, docs/decisions/0017). The number of requests under way follows how the provider does: it begins small,
also after some idle seconds, doubles while messages are taken, and ten failures in a row give the provider a pause. After a pause it is asked whether it is back, and
a single message tries it: if that fails too, the next pause is twice as long.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from queue import Empty, SimpleQueue
from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections

from amanat.core import clock, outgoing, tenancy
from amanat.core.outgoing import Patience
from amanat.core.sealedobjects import FileDamaged
from amanat.messaging.channels import accounts, adapters
from amanat.messaging.channels.contract import Access, Adapter, Answer, Line, Outcome
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import claiming, luggage, ordering, recording, turns
from amanat.messaging.outbox.claiming import Try
from amanat.messaging.outbox.journal import Journal
from amanat.messaging.outbox.recording import Result
from amanat.messaging.outbox.turns import Place, Turn

log = logging.getLogger(__name__)

#: Seconds a run claims before it lets others have its place.
SLICE = 3.0
#: Requests under way for one account and process, at first and at most.
FIRST, MOST = 8, 128
#: After so many seconds without a message it begins as at first: nobody knows how the provider does now.
_IDLE = 5.0
#: Failures in a row after which the provider gets a pause, and how long.
_TOO_MANY = 10
_SHORTEST_PAUSE, _LONGEST_PAUSE = 15.0, 300.0
#: Seconds an account waits while too many others are sent for, or while another one tries its provider.
_ITS_TURN, _AFTER_ANOTHER = 1.0, 30.0
#: Seconds after which finished tries are written down at the latest; how old a run is at least when it looks for the last time.
_RECORD_AFTER, _LINGER = 0.1, 0.05
#: After so many seconds without any answer (or three times the longest silence that one ended) only `FIRST` requests go on waiting.
_SILENCE = 5.0
#: For how long answers are kept in memory while the database is away.
_PATIENCE = 45.0
#: Settings that say where the provider of one account stands, where each has its own.
_SERVERS = ("smtp_host", "url", "base_url")


@dataclass(slots=True)
class Health:
    """How a provider does, as this process has seen it."""

    pace: int = FIRST
    failures: int = 0  #: in a row
    silence: float = 0.0  #: seconds without any answer: the longest that was ended by one
    pauses: int = 0
    heard_at: float = field(default_factory=time.monotonic)  #: when it last answered

    def begin(self) -> None:
        """A run begins. What was learned a while ago says little: a provider that went silent meanwhile shall not hold a hundred requests."""
        if self.pace > FIRST and time.monotonic() - self.heard_at > _IDLE:
            self.pace = FIRST

    def saw(self, answers: Sequence[Answer]) -> float | None:
        """Take in what came of tries; returns seconds to pause when it is too much."""
        self.heard_at = time.monotonic()
        for answer in answers:
            is_down = answer.outcome in {Outcome.LATER, Outcome.UNCLEAR} and not answer.stops_account
            self.failures = self.failures + 1 if is_down else 0
            if not is_down and not answer.stops_account:
                self.pauses = 0
        if self.failures == 0:
            self.pace = min(self.pace * 2, MOST)
        elif self.failures >= _TOO_MANY or self.pauses:
            return self.pause()
        return None

    def pause(self) -> float:
        """It is down: seconds to leave it alone. The next request is alone, to try it."""
        self.pace, self.failures, self.pauses = 1, 0, self.pauses + 1
        return float(min(_SHORTEST_PAUSE * 2 ** min(self.pauses - 1, 10), _LONGEST_PAUSE))


_health: dict[UUID, Health] = {}


def send_waiting(workspace_id: UUID, account_id: UUID, *, seconds: float = SLICE) -> bool:
    """Send what an account has due, for `seconds` at most; returns whether more is left.

    One thread of a process at a time sends for an account: a second one tells the first to look once more.
    """
    turn = turns.take(workspace_id, account_id)
    if turn is not Turn.OURS:
        if turn is Turn.LATER:
            ordering.wake(workspace_id, account_id, not_before=clock.now() + timedelta(seconds=_ITS_TURN))
        return False
    ends, is_more = time.monotonic() + seconds, True
    try:
        while is_more and time.monotonic() < ends and not turns.gives_way(account_id):
            is_more = _run(workspace_id, account_id, ends)
    finally:
        left = turns.leave(account_id)
        _wake(workspace_id, left.follower)
    return is_more or left.was_asked


def _wake(workspace_id: UUID, follower: UUID | None) -> None:
    if follower is not None:
        ordering.wake(workspace_id, follower)


def _run(workspace_id: UUID, account_id: UUID, ends: float) -> bool:
    """One run; returns whether there is a reason for another."""
    with tenancy.inside(workspace_id):
        account = ChannelAccount.objects.of(workspace_id).filter(pk=account_id).first()
        if account is None or not is_open(account):
            return False
        access = accounts.access(account)
    try:
        adapter = adapters.adapter_of(account)
    except adapters.UnknownProvider:
        log.error("an account has no adapter", extra={"account": str(account_id)})
        return False
    place = _place_of(account.provider, access)
    with turns.at(place, account_id) as may_try, Journal(workspace_id) as journal:
        run = _Run(account, journal, ends, place)
        try:
            if not may_try:
                run.pause(_AFTER_ANOTHER)
            elif run.is_trial and not _is_back(adapter, access):
                run.found_down()
            else:
                with adapter.line(access) as line:
                    run.work(line)
        except (outgoing.Unreachable, outgoing.Refused, OSError):
            if run.has_begun and not run.is_complete:
                raise
            if not run.has_begun:
                run.found_down()
        journal.is_settled = True
    return run.is_cut_short


def _is_back(adapter: Adapter, access: Access) -> bool:
    """Whether a provider that was down answers a question again: a message that it swallowed would be unclear for long."""
    try:
        adapter.check(access)
    except outgoing.Unreachable:
        return False
    except Exception:
        return True  # it said something; what it says of messages is seen by one
    return True


def _place_of(provider: str, access: Access) -> Place:
    """Who carries the messages of an account: those of one place are down together."""
    server = next((str(access.settings[name]) for name in _SERVERS if access.settings.get(name)), "")
    return f"{provider}{' (sandbox)' if access.is_sandbox else ''}", server


def is_open(account: ChannelAccount) -> bool:
    """Whether messages may leave from the account now."""
    return account.state == ChannelAccount.State.READY and (
        account.resumes_at is None or account.resumes_at <= clock.now()
    )


class _Run:
    """One run over an open line: claims a little ahead of what is under way, and writes down what ended."""

    def __init__(self, account: ChannelAccount, journal: Journal, ends: float, place: Place) -> None:
        self._account, self._journal, self._ends, self._place = account, journal, ends, place
        self._health = _health.setdefault(account.pk, Health())
        self._health.begin()
        self._share: int | None = None
        self._has_more = False
        self._under_way: dict[Future[Answer | None], Try] = {}
        self._patience: dict[Future[Answer | None], Patience] = {}
        self._heard_at = time.monotonic()
        self._finished: SimpleQueue[Future[Answer | None]] = SimpleQueue()
        self._ended: list[tuple[Try, Answer | None]] = []
        self._recorded_at = time.monotonic()
        self._is_stopped = self._has_made_room = False
        self.has_begun = self.is_complete = self.is_cut_short = False

    def work(self, line: Line) -> None:
        self.has_begun, began = True, time.monotonic()
        with ThreadPoolExecutor(MOST, thread_name_prefix="outbox") as pool:
            while True:
                looked_at = self._claim(line, pool)
                self._make_room()
                if self._under_way or self._ended:
                    self._collect()
                elif not self._may_claim():
                    break
                elif not looked_at:
                    # Who ordered a moment before this job began found it waiting, enqueued no other, and may commit only now.
                    left = began + _LINGER - time.monotonic()
                    if left <= 0:
                        break
                    time.sleep(left)
        self.is_complete = True
        self.is_cut_short = not self._is_stopped and self._is_over()

    def pause(self, seconds: float) -> None:
        """Nothing leaves from the account for a while, whoever sends."""
        self._is_stopped = True
        with tenancy.inside(self._account.workspace_id):
            at = clock.now()
            until = at + timedelta(seconds=seconds)
            accounts.stop(account=self._account, code="", at=at, until=until)
            ordering.wake(self._account.workspace_id, self._account.pk, not_before=until)

    @property
    def is_trial(self) -> bool:
        """Whether its provider was down when it was last asked."""
        return self._health.pauses > 0

    def found_down(self) -> None:
        """Nothing was to be had of the provider, or nothing but failures."""
        turns.fared(self._place, self._account.pk, well=False)
        self.pause(self._health.pause())

    def _may_claim(self) -> bool:
        return not self._is_stopped and not self._is_over()

    def _make_room(self) -> None:
        """Let another account of the workspace begin while this one only waits for answers."""
        if not self._has_made_room and not self._may_claim():
            self._has_made_room = True
            _wake(self._account.workspace_id, turns.make_room(self._account.pk))

    def _is_over(self) -> bool:
        return time.monotonic() >= self._ends or turns.gives_way(self._account.pk)

    def _claim(self, line: Line, pool: ThreadPoolExecutor) -> int:
        self._share = turns.share(self._account.workspace_id)
        pace = self._health.pace if self._share is None else min(self._health.pace, self._share)
        room = pace - len(self._under_way)
        if not self._may_claim() or room < max(1, pace // 2) or not self._is_rested():
            return 0
        with self._busy():
            claimed = claiming.claim(self._account, self._journal.token, most=room)
            self._has_more = claimed.looked_at >= room
        for each in claimed.tries:
            if not self._under_way:
                self._heard_at = time.monotonic()
            patience = Patience()
            future = pool.submit(self._try, line, each, patience)
            self._under_way[future], self._patience[future] = each, patience
            future.add_done_callback(self._finished.put)
        return claimed.looked_at

    def _is_rested(self) -> bool:
        """Whether it may claim again; waits for that where there is nothing else to wait for."""
        left = turns.rest_of(self._account.workspace_id) if self._has_more else 0.0
        if left > 0 and not self._under_way and not self._ended:
            time.sleep(min(left, max(self._ends - time.monotonic(), 0.0)))
            return self._may_claim()
        return left <= 0

    @contextmanager
    def _busy(self) -> Iterator[None]:
        """What keeps the database and this process at work. Its time is the clock's: where they are slow, the workspace rests longer.

        An account that has no more than was claimed at once never rests: one message never waits for the next.
        """
        here, among_others = self._account.workspace_id, self._share is not None
        if not self._has_more:
            turns.hurry(self._account.pk)
        elif among_others:
            turns.let_pass(here)
        began = time.monotonic()
        yield
        turns.hurry(self._account.pk, is_over=True)
        if among_others and self._has_more:
            turns.rest_after(here, time.monotonic() - began)

    def _try(self, line: Line, each: Try, patience: Patience) -> Answer | None:
        """In a thread of its own. The journal comes first and the clock second: see `settling.rescue` for the other half."""

        def may_begin() -> bool:
            return not (self._is_stopped or patience.is_over or claiming.moment() >= each.begin_before)

        with luggage.room(sum(file.size for file in each.files), may_wait=may_begin) as has_room:
            if not has_room or not may_begin():
                return None
            whole = _whole(each)
            if isinstance(whole, Answer):
                return whole
            if not may_begin():
                return None
            self._journal.begin(each.claim)
            if claiming.moment() >= each.begin_before:
                self._journal.never_left(each.claim)
                return None
            with outgoing.waited_for(patience):
                answer = _sent(line, whole)
        self._journal.answered(each.claim, answer)
        return answer

    def _collect(self) -> None:
        has_answered = False
        for future in self._just_finished():
            each, answer, _patience = self._under_way.pop(future), future.result(), self._patience.pop(future)
            self._ended.append((each, answer))
            has_answered |= answer is not None and answer.outcome is not Outcome.UNCLEAR
        self._wait_for_fewer(has_answered=has_answered)
        is_late = time.monotonic() - self._recorded_at >= _RECORD_AFTER
        if self._ended and (is_late or not self._under_way or len(self._ended) >= self._health.pace // 2):
            self._record()

    def _wait_for_fewer(self, *, has_answered: bool) -> None:
        """A provider that swallows requests holds a few and no more. The others are unclear now instead of a little later."""
        now = time.monotonic()
        silence = now - self._heard_at
        if has_answered:
            self._heard_at, self._health.silence = now, max(silence, self._health.silence * 0.9)
        elif len(self._under_way) > FIRST and silence > max(_SILENCE, 3 * self._health.silence):
            for future in list(self._under_way)[FIRST:]:
                self._patience[future].is_over = True

    def _just_finished(self) -> Iterator[Future[Answer | None]]:
        """What ended, after a short wait for the first. They say so themselves: asking all that are under way costs more than sending."""
        with suppress(Empty):
            yield self._finished.get(timeout=_RECORD_AFTER if self._under_way else 0.0)
            while True:
                yield self._finished.get_nowait()

    def _record(self) -> None:
        ended, self._ended = self._ended, []
        self._recorded_at = time.monotonic()
        results = [Result(each.claim, self._as_of_trial(answer), each.failures) for each, answer in ended]
        with self._busy():
            _patiently(self._account.workspace_id, self._journal.token, results)
        # What this house could not read says nothing about the provider.
        answers = [answer for _each, answer in ended if answer is not None and answer.code not in recording.OURS]
        for answer in answers:
            if answer.stops_account and not self._is_stopped:
                self._stop(answer)
        if any(answer.outcome in {Outcome.ACCEPTED, Outcome.REFUSED} for answer in answers):
            turns.fared(self._place, self._account.pk, well=True)
        pause = self._health.saw(answers) if answers else None
        if pause is not None and not self._is_stopped:
            turns.fared(self._place, self._account.pk, well=False)
            self.pause(pause)

    def _as_of_trial(self, answer: Answer | None) -> Answer | None:
        """While the provider is down, what it turns away says nothing about the message."""
        if answer is None or answer.outcome is not Outcome.LATER or answer.code in recording.OURS or not self.is_trial:
            return answer
        return replace(answer, stops_account=True)

    def _stop(self, answer: Answer) -> None:
        self._is_stopped = True
        with tenancy.inside(self._account.workspace_id):
            at = clock.now()
            until = None if answer.wait is None else at + answer.wait
            accounts.stop(account=self._account, code=answer.code, at=at, until=until)
            if until is not None:
                ordering.wake(self._account.workspace_id, self._account.pk, not_before=until)


def _whole(each: Try) -> Try | Answer:
    """The message with its files, or what becomes of it when they cannot be had: no request is made for it then."""
    try:
        return each.whole()
    except FileDamaged:
        return Answer(Outcome.REFUSED, code=recording.UNREADABLE)
    except Exception:
        log.exception("the store of files did not give one", extra={"dispatch": str(each.claim[0])})
        return Answer(Outcome.LATER, code=recording.NO_STORE)


def _sent(line: Line, each: Try) -> Answer:
    try:
        return line.send(each.outgoing)
    except outgoing.Refused:
        return Answer(Outcome.LATER, code="not_made")
    except outgoing.Unreachable as error:
        return Answer(Outcome.UNCLEAR if error.may_have_arrived else Outcome.LATER, code="unreachable")
    except Exception:
        # An adapter that breaks must not take the run with it; whether its request left, nobody can say.
        log.exception("an adapter failed", extra={"dispatch": str(each.claim[0])})
        return Answer(Outcome.UNCLEAR, code="failed")


def _patiently(workspace_id: UUID, token: str, results: Sequence[Result]) -> None:
    """Write results down; while the database is away, again and again. Doing it twice changes nothing."""
    until = time.monotonic() + _PATIENCE
    while True:
        try:
            with tenancy.inside(workspace_id):
                recording.record(workspace_id, token, results, at=clock.now())
        except (OperationalError, InterfaceError):
            if time.monotonic() >= until:
                raise
            time.sleep(0.5)
            close_old_connections()
        else:
            return
