"""The sweep: what a policy promises to be gone is gone, every day, a batch a transaction.

**Design of the part that destroys.** A run asks the policy in force and nothing else: no number stands here. For each rule of `keep` and each
of its triggers the rows are found by one statement (`reckoning.Term.due`); the promise that ends first wins, the floors of the law hold
against all of them, and a legal hold on a rule stops it.

- People: who is due is written down (`RetentionDue`), told first where the rule says `warn`, and ordered to be erased, 2,500 an order, in the
  same transaction that closes the row; the erasure goes on by itself whatever becomes of this run. Two orders are carried out at a time:
  while the database deletes for one, the program reads for the other. Somebody who was in touch again is taken off the list.
- The books, proofs of consent, the sealed store and all other tables go in batches, each its own transaction.

Killed at any moment, the next run finds what is left; nothing depends on where the last one was. Two runs at once take turns.
"""

from __future__ import annotations

import logging
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ALL_COMPLETED, FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from contextvars import copy_context
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext_lazy as _

from amanat.accounts.models import Member
from amanat.core import ids, ledger, ledger_words, tenancy
from amanat.people.models import Contact
from amanat.policy.durations import Duration
from amanat.policy.format import Policy
from amanat.privacy.erasure import belongings, erasing
from amanat.privacy.retention import books, due, holds, proofs, reckoning, tables, telling
from amanat.privacy.retention.models import RetentionDue, RetentionRun
from amanat.privacy.vault import sealing
from amanat.publishing import dry_runs, versions

log = logging.getLogger(__name__)

State = RetentionDue.State
_PIECE = 1000
#: People an order. Its search, which costs nearly the same for one as for all, falls on all of them.
_ORDER = 2500
_LANES = 2  #: orders carried out at a time
_MOST_TOLD = 2_000  #: warnings a run; the rest waits for the next, and so do their erasures


def run(workspace_id: UUID, *, at: datetime, by: Member | None = None) -> RetentionRun:
    """Sweep one workspace. Call it outside of any transaction: it makes one for each batch."""
    done: Counter[tuple[str, str]] = Counter()
    waiting: Counter[str] = Counter()
    with tenancy.inside(workspace_id):
        held = versions.in_force(workspace_id, at)
        RetentionRun.objects.of(workspace_id).filter(ended_at__isnull=True).update(
            ended_at=at
        )  # their worker was killed
        swept = RetentionRun.objects.create(workspace_id=workspace_id, started_at=at, by=by, policy_number=held.number)
        on_hold = set(holds.on_rules(workspace_id, at=at))
    _people(workspace_id, held.policy, at, done, waiting)
    for name, count in _batches(workspace_id, held.policy, at, on_hold, waiting):
        done[name] += count
        _keep(swept, done, waiting)
    with tenancy.inside(workspace_id):
        swept.counts, swept.waiting, swept.ended_at = _nested(done), dict(+waiting), max(at, swept.started_at)
        swept.save(update_fields=["counts", "waiting", "ended_at"])
        ledger.write(
            "privacy.retention.swept", workspace=workspace_id, by=by, about=swept.pk, at=at,
            gone=sum(done.values()), waiting=sum(waiting.values()), policy=held.number,
        )  # fmt: skip
    return swept


def _batches(
    workspace_id: UUID, policy: Policy, at: datetime, on_hold: set[str], waiting: Counter[str]
) -> Iterator[tuple[tuple[str, str], int]]:
    """What each batch took, by rule and table."""
    for one, term in swept_tables(policy):
        if one.keep in on_hold:
            with _turn(workspace_id):
                waiting["held"] += tables.count(one, term, at=at, workspace_id=workspace_id)
        else:
            take = partial(tables.sweep, one, term, at=at, workspace_id=workspace_id)
            yield from _until_empty(workspace_id, (one.keep, one.label), take)
    if "billing" not in on_hold:
        take = partial(books.sweep, workspace_id, policy, at=at)
        yield from _until_empty(workspace_id, ("billing", "desk.ServiceRecord"), take)
    if "evidence" not in on_hold:
        yield from _proofs(workspace_id, policy, at)
    with _turn(workspace_id):
        if count := sealing.destroy_due(workspace_id, at=at):
            yield ("vault", "privacy.SealedRecord"), count


def swept_tables(policy: Policy) -> Iterator[tuple[tables.Counted, reckoning.Term]]:
    """The tables of a workspace whose rows simply go, each with how its rule ends."""
    for one in tables.counted():
        term = reckoning.term(policy, one.keep, one.trigger)
        if term is not None and one.is_of_a_workspace and one.label not in proofs.LABELS:
            yield one, term


def _until_empty(
    workspace_id: UUID, name: tuple[str, str], take: Callable[[], int]
) -> Iterator[tuple[tuple[str, str], int]]:
    """Batch after batch, each its own turn, until one takes nothing."""
    while True:
        with _turn(workspace_id):
            count = take()
        if not count:
            return
        yield name, count


def _proofs(workspace_id: UUID, policy: Policy, at: datetime) -> Iterator[tuple[tuple[str, str], int]]:
    with _turn(workspace_id):
        proofs.note_who_left(workspace_id, at=at)
    while True:
        with _turn(workspace_id):
            counts = proofs.sweep(workspace_id, policy, at=at)
        if not counts:
            return
        for label, count in counts.items():
            yield ("evidence", label), count


# --- people --------------------------------------------------------------------------------------------------------


def _people(
    workspace_id: UUID, policy: Policy, at: datetime, done: Counter[tuple[str, str]], waiting: Counter[str]
) -> None:
    with _turn(workspace_id):
        _write_down(workspace_id, policy, at)
    with _turn(workspace_id):
        _take_off(workspace_id, policy, at)
    with _turn(workspace_id):
        waiting["not told yet"] += _tell(workspace_id, policy, at)
    with _lanes(workspace_id) as carry_out:
        while True:
            with _turn(workspace_id):
                ordered = _order(workspace_id, policy, at)
            if ordered is None:
                break
            erasure_id, counts = ordered
            for keep, count in counts.items():
                done[keep, "people.Contact"] += count
            if erasure_id is not None:
                carry_out(erasure_id)
    with tenancy.inside(workspace_id):
        over = RetentionDue.objects.of(workspace_id).filter(state=State.WAITING, due_at__lte=at)
        held = holds.in_the_way(list(over.values_list("contact_id", flat=True)), workspace_id=workspace_id, at=at)
        if held:
            waiting["held"] += len(held)


@contextmanager
def _lanes(workspace_id: UUID) -> Iterator[Callable[[UUID], None]]:
    """What carries an order out, in a thread with a connection of its own; it waits while all lanes are taken. One that fails lets those
    under way end and then stops the run. In a transaction of the caller's, which other connections do not see, one comes after the other."""

    def carry_out(erasure_id: UUID) -> None:
        erasing.carry_out(erasure_id, workspace_id=workspace_id)

    def in_a_lane(erasure_id: UUID) -> None:
        try:
            carry_out(erasure_id)
        finally:
            connection.close()

    if connection.in_atomic_block:
        yield carry_out
        return
    under_way: set[Future[None]] = set()

    def give(erasure_id: UUID) -> None:
        if len(under_way) >= _LANES:
            _ended(under_way, FIRST_COMPLETED)
        under_way.add(pool.submit(copy_context().run, in_a_lane, erasure_id))

    with ThreadPoolExecutor(_LANES, thread_name_prefix="retention") as pool:
        yield give
        _ended(under_way, ALL_COMPLETED)


def _ended(under_way: set[Future[None]], when: str) -> None:
    """Wait, take out who has ended, and raise what one of them raised."""
    over, _others = wait(under_way, return_when=when)
    under_way -= over
    for one in over:
        one.result()


def _write_down(workspace_id: UUID, policy: Policy, at: datetime) -> None:
    found = list(due.people(workspace_id, policy, at=at))
    with connection.cursor() as cursor:
        for start in range(0, len(found), _PIECE):
            piece = found[start : start + _PIECE]
            cursor.execute(
                "INSERT INTO privacy_retentiondue (workspace_id, id, contact_id, keep, trigger, due_at, state, by_way_of, tries) "
                "SELECT %s, *, 'waiting', '', 0 FROM unnest(%s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::timestamptz[]) "
                "ON CONFLICT DO NOTHING",
                [
                    workspace_id, belongings.array(ids.new() for _one in piece), belongings.array(one.contact_id for one in piece),
                    _array(one.term.keep for one in piece), _array(one.term.trigger for one in piece),
                    _array(one.due_at.isoformat() for one in piece),
                ],
            )  # fmt: skip


def _array(words: Iterable[str]) -> str:
    """Our own words and moments, which hold nothing that would have to be escaped, as the literal of an array."""
    return "{" + ",".join(words) + "}"


def _take_off(workspace_id: UUID, policy: Policy, at: datetime) -> None:
    """Who was in touch, or is due by no rule any more, is not waiting; another day that comes is another row."""
    open_ones = RetentionDue.objects.of(workspace_id).filter(state=State.WAITING)
    noted = open_ones.filter(contact__isnull=False).values_list("contact_id", "pk", "due_at")
    waiting = {contact: (pk, due_at) for contact, pk, due_at in noted}
    if not waiting:
        return
    still = {one.contact_id: one for one in due.people(workspace_id, policy, at=at, only=list(waiting))}
    gone = [pk for contact, (pk, due_at) in waiting.items() if contact not in still or still[contact].due_at > due_at]
    open_ones.filter(pk__in=gone).update(state=State.CANCELLED, closed_at=at)


def _tell(workspace_id: UUID, policy: Policy, at: datetime) -> int:
    """Hand over the warnings that are due; returns how many could not be."""
    warn = {term.keep: term.warn for term in due.terms(policy) if term.warn}
    rows = RetentionDue.objects.of(workspace_id).filter(state=State.WAITING, told_at__isnull=True, keep__in=list(warn))
    found = list(rows.select_related("contact").order_by("due_at")[:_MOST_TOLD])
    return sum(not telling.hand_over(row, row.contact, at=at, not_before=warn[row.keep].after(at)) for row in found)


class _Waiting(NamedTuple):
    """What an order asks of a `RetentionDue`."""

    pk: UUID
    contact_id: UUID | None
    keep: str
    told_at: datetime | None
    by_way_of: str


def _order(workspace_id: UUID, policy: Policy, at: datetime) -> tuple[UUID | None, dict[str, int]] | None:
    """Order the erasure of the next people who are ready; None when nobody is."""
    warn = {term.keep: term.warn for term in due.terms(policy) if term.warn}
    rows = RetentionDue.objects.of(workspace_id).filter(state=State.WAITING, due_at__lte=at)
    ready: list[_Waiting] = []
    last = None
    while len(ready) < _ORDER:
        further = (rows.filter(pk__gt=last) if last else rows).order_by("id")
        piece = [_Waiting(*values) for values in further.values_list(*_Waiting._fields)[:_ORDER]]
        if not piece:
            break
        last = piece[-1].pk
        able = [row for row in piece if _was_told(row, warn, at)]
        held = holds.in_the_way([row.contact_id for row in able if row.contact_id], workspace_id=workspace_id, at=at)
        ready += [row for row in able if row.contact_id not in held]
    ready = ready[:_ORDER]
    if not ready:
        return None
    mine = RetentionDue.objects.of(workspace_id).filter(pk__in=[row.pk for row in ready])
    mine.update(state=State.ORDERED, closed_at=at)
    contacts = [row.contact_id for row in ready if row.contact_id]
    known = Contact.objects.of(workspace_id).filter(pk__in=contacts)
    if not known.exists():
        return None, {}
    # Carried out by the caller; when it dies before, the job that goes on with unfinished erasures does it (`erasure.tasks.go_on`).
    # A job of its own would begin at once and wait for each of the caller's steps.
    order = erasing.order(
        workspace=workspace_id, contact_ids=contacts, because="retention", by=None, at=at, at_once=True
    )
    return order.pk, Counter(row.keep for row in ready)


def _was_told(row: _Waiting, warn: dict[str, Duration], at: datetime) -> bool:
    if row.keep not in warn:
        return True
    return row.told_at is not None and (row.by_way_of == "nothing" or warn[row.keep].after(row.told_at) <= at)


# --- foretelling ---------------------------------------------------------------------------------------------------


def foretell(workspace_id: UUID, policy: Policy, at: datetime) -> list[dry_runs.DryRun]:
    """What a run at `at` would take under a policy, by rule and table; it changes nothing. Call it inside the workspace."""
    found: list[dry_runs.DryRun] = []
    on_hold = holds.on_rules(workspace_id, at=at)
    people: defaultdict[str, int] = defaultdict(int)
    for one in due.people(workspace_id, policy, at=at):
        if one.due_at <= at:
            people[one.term.keep] += 1
    for keep, count in people.items():
        found.append(dry_runs.DryRun(keep, ledger_words.table(Contact), count))
    for table, term in swept_tables(policy):
        if table.keep in on_hold:
            continue
        count = tables.count(table, term, at=at, workspace_id=workspace_id)
        found.append(dry_runs.DryRun(table.keep, ledger_words.table(table.model), count))
    if "billing" not in on_hold:
        found.append(
            dry_runs.DryRun("billing", _("services with their payments"), books.count(workspace_id, policy, at=at))
        )
    return [one for one in found if one.count]


# --- turns ---------------------------------------------------------------------------------------------------------


@contextmanager
def _turn(workspace_id: UUID) -> Iterator[None]:
    """One batch: a transaction of the workspace, after any other run's batch."""
    with tenancy.inside(workspace_id):
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('privacy.retention' || %s, 0))", [str(workspace_id)]
            )
        yield


def _keep(swept: RetentionRun, done: Counter[tuple[str, str]], waiting: Counter[str]) -> None:
    """Write down how far the run has come, for whoever looks while it runs, and for the next if it dies."""
    with tenancy.inside(swept.workspace_id):
        swept.counts, swept.waiting = _nested(done), dict(+waiting)
        swept.save(update_fields=["counts", "waiting"])


def _nested(done: Counter[tuple[str, str]]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for (keep, label), count in sorted(done.items()):
        if count:
            found.setdefault(keep, {})[label] = count
    return found


def is_late(row: RetentionRun | None, at: datetime) -> bool:
    """Whether the daily sweep did not come when it should have."""
    return row is None or row.started_at < at - timedelta(hours=25)
