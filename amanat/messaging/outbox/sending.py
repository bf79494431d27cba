"""The only place from which messages leave: claimed rows go out over the account's line, from many threads, and what came of them is written down.

A run sends for one account, for a few seconds, and then makes room for others. Whatever happens to its process, its journal tells which
requests were begun (`journal`, docs/decisions/0017). The number of requests under way follows how the provider does: it begins small,
doubles while messages are taken, and ten failures in a row give the provider a pause.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import InterfaceError, OperationalError, close_old_connections

from amanat.core import clock, outgoing, tenancy
from amanat.messaging.channels import accounts, adapters
from amanat.messaging.channels.contract import Answer, Line, Outcome
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import claiming, ordering, recording
from amanat.messaging.outbox.claiming import Try
from amanat.messaging.outbox.journal import Journal
from amanat.messaging.outbox.recording import Result

log = logging.getLogger(__name__)

#: Seconds a run claims before it lets others have its place.
SLICE = 3.0
#: Requests under way for one account and process, at first and at most.
FIRST, MOST = 8, 128
#: Failures in a row after which the provider gets a pause, and how long.
_TOO_MANY = 10
_SHORTEST_PAUSE, _LONGEST_PAUSE = 15.0, 300.0
#: Seconds after which finished tries are written down at the latest; how long a run stays for what was ordered a moment ago.
_RECORD_AFTER, _LINGER = 0.1, 0.05
#: For how long answers are kept in memory while the database is away.
_PATIENCE = 45.0


@dataclass(slots=True)
class Health:
    """How a provider does, as this process has seen it."""

    pace: int = FIRST
    failures: int = 0  #: in a row
    pauses: int = 0

    def saw(self, answers: Sequence[Answer]) -> float | None:
        """Take in what came of tries; returns seconds to pause when it is too much."""
        for answer in answers:
            is_down = answer.outcome in {Outcome.LATER, Outcome.UNCLEAR} and not answer.stops_account
            self.failures = self.failures + 1 if is_down else 0
            if answer.outcome is Outcome.ACCEPTED:
                self.pauses = 0
        if self.failures == 0:
            self.pace = min(self.pace * 2, MOST)
        elif self.failures >= _TOO_MANY:
            self.pace, self.failures, self.pauses = FIRST, 0, self.pauses + 1
            return float(min(_SHORTEST_PAUSE * 2 ** (self.pauses - 1), _LONGEST_PAUSE))
        return None


_health: dict[UUID, Health] = {}
_busy: dict[UUID, bool] = {}  #: accounts that a thread of this process sends for; True: look once more
_guard = threading.Lock()


def send_waiting(workspace_id: UUID, account_id: UUID, *, seconds: float = SLICE) -> bool:
    """Send what an account has due, for `seconds` at most; returns whether more is left.

    One thread of a process at a time sends for an account: a second one tells the first to look once more.
    """
    if not _take(account_id):
        return False
    ends, is_more = time.monotonic() + seconds, True
    try:
        while is_more and time.monotonic() < ends:
            is_more = _run(workspace_id, account_id, ends)
    finally:
        was_asked = _leave(account_id)
    return is_more or was_asked


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
    with Journal(workspace_id) as journal:
        run = _Run(account, journal, ends)
        try:
            with adapter.line(access) as line:
                run.work(line)
        except (outgoing.Unreachable, outgoing.Refused, OSError):
            if run.has_begun and not run.is_complete:
                raise
            if not run.has_begun:
                run.pause(_SHORTEST_PAUSE)
        journal.is_settled = True
    return run.is_cut_short


def is_open(account: ChannelAccount) -> bool:
    """Whether messages may leave from the account now."""
    return account.state == ChannelAccount.State.READY and (
        account.resumes_at is None or account.resumes_at <= clock.now()
    )


class _Run:
    """One run over an open line: claims a little ahead of what is under way, and writes down what ended."""

    def __init__(self, account: ChannelAccount, journal: Journal, ends: float) -> None:
        self._account, self._journal, self._ends = account, journal, ends
        self._health = _health.setdefault(account.pk, Health())
        self._under_way: dict[Future[Answer | None], Try] = {}
        self._ended: list[tuple[Try, Answer | None]] = []
        self._recorded_at = time.monotonic()
        self._is_stopped = False
        self.has_begun = self.is_complete = self.is_cut_short = False

    def work(self, line: Line) -> None:
        self.has_begun, lingered = True, False
        with ThreadPoolExecutor(MOST, thread_name_prefix="outbox") as pool:
            while True:
                looked_at = self._claim(line, pool)
                if self._under_way or self._ended:
                    lingered = False
                    self._collect()
                elif not self._may_claim() or (not looked_at and lingered):
                    break
                elif not looked_at:
                    # A job is not enqueued twice: what was ordered while this one was already at work must be seen by it.
                    lingered = True
                    time.sleep(_LINGER)
        self.is_complete = True
        self.is_cut_short = not self._is_stopped and time.monotonic() >= self._ends

    def pause(self, seconds: float) -> None:
        """Nothing leaves from the account for a while, whoever sends."""
        self._is_stopped = True
        with tenancy.inside(self._account.workspace_id):
            at = clock.now()
            until = at + timedelta(seconds=seconds)
            accounts.stop(account=self._account, code="", at=at, until=until)
            ordering.wake(self._account.workspace_id, self._account.pk, not_before=until)

    def _may_claim(self) -> bool:
        return not self._is_stopped and time.monotonic() < self._ends

    def _claim(self, line: Line, pool: ThreadPoolExecutor) -> int:
        room = self._health.pace - len(self._under_way)
        if not self._may_claim() or room < max(1, self._health.pace // 2):
            return 0
        claimed = claiming.claim(self._account, self._journal.token, most=room)
        for each in claimed.tries:
            self._under_way[pool.submit(self._try, line, each)] = each
        return claimed.looked_at

    def _try(self, line: Line, each: Try) -> Answer | None:
        """In a thread of its own. The journal comes first and the clock second: see `settling.rescue` for the other half."""
        if self._is_stopped or claiming.moment() >= each.begin_before:
            return None
        self._journal.begin(each.claim)
        if claiming.moment() >= each.begin_before:
            self._journal.never_left(each.claim)
            return None
        answer = _sent(line, each)
        self._journal.answered(each.claim, answer)
        return answer

    def _collect(self) -> None:
        finished, _rest = wait(self._under_way, timeout=_RECORD_AFTER, return_when=FIRST_COMPLETED)
        for future in finished:
            self._ended.append((self._under_way.pop(future), future.result()))
        is_late = time.monotonic() - self._recorded_at >= _RECORD_AFTER
        if self._ended and (is_late or not self._under_way or len(self._ended) >= self._health.pace // 2):
            self._record()

    def _record(self) -> None:
        ended, self._ended = self._ended, []
        self._recorded_at = time.monotonic()
        results = [Result(each.claim, answer, each.failures) for each, answer in ended]
        _patiently(self._account.workspace_id, self._journal.token, results)
        answers = [answer for _each, answer in ended if answer is not None]
        for answer in answers:
            if answer.stops_account and not self._is_stopped:
                self._stop(answer)
        pause = self._health.saw(answers)
        if pause is not None and not self._is_stopped:
            self.pause(pause)

    def _stop(self, answer: Answer) -> None:
        self._is_stopped = True
        with tenancy.inside(self._account.workspace_id):
            at = clock.now()
            until = None if answer.wait is None else at + answer.wait
            accounts.stop(account=self._account, code=answer.code, at=at, until=until)
            if until is not None:
                ordering.wake(self._account.workspace_id, self._account.pk, not_before=until)


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


def _take(account_id: UUID) -> bool:
    """Whether no other thread sends for the account; that one is told to look once more."""
    with _guard:
        is_alone = account_id not in _busy
        _busy[account_id] = not is_alone
    return is_alone


def _leave(account_id: UUID) -> bool:
    """Let the account go; returns whether somebody asked meanwhile."""
    with _guard:
        return _busy.pop(account_id)
