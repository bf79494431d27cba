"""Erase people: all their rows and files in every package, then what else may hold them, then a search, then the certificate.

**Design of the part that destroys.** An order is a row; carrying it out goes through steps, each one transaction that also writes down
that it is done, each bearing to be done twice. Killed anywhere, it goes on where it was.

1. *prepare*: a legal hold stops it here. What the law makes us keep is sealed by the vault. What identifies the people is gathered, for the
   search, and sealed; their addresses become keyed hashes that stop messages and a second import.
2. *erase*: 2500 people a transaction: their rows and files, found by declarations and foreign keys (`belongings`), removed by `people.bin`,
   which first lets packages keep what must stay without the person (the books, proof of consent). The keys of files go with their rows.
   With the last piece goes what holds people besides (`around`).
3. *search*: everything is searched (`traces`). Nothing found: the certificate. Something found: an open item for each place, closed by
   somebody who looked. What was searched through indexes only is searched whole at night.

Nobody is resurrected: who writes for a person at the same moment holds her row, or fails at his commit because she is gone; when he was
first, this transaction fails and is tried again with his row among those that go. After a restore `operations.replay` erases again:
who is gone is written down outside the database as each piece commits, and once more by whoever goes on after a kill.
"""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, OperationalError, connection
from django.db.transaction import get_connection

from amanat.accounts.models import Member, Workspace
from amanat.basis import suppression
from amanat.basis.models import Suppression
from amanat.core import clock, jobs, ledger, tenancy, tombstones
from amanat.core.tenancy import HasId, workspace_id_of
from amanat.people import bin as deleted
from amanat.people.models import Contact
from amanat.privacy.erasure import around, belongings, certificates, lawful, recipients, traces, wanted
from amanat.privacy.erasure.belongings import Belongings
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.erasure.wanted import Wanted
from amanat.privacy.vault import sealing

log = logging.getLogger(__name__)

JOB = "privacy.erasure"
PIECE = 2500
#: Whoever wrote for a person at the same moment makes a transaction fail; more often than this something else is wrong.
_TRIES = 8
State, Because = Erasure.State, Erasure.Because


class NobodyThere(LookupError):
    """None of the contacts is in the workspace."""


def order(
    *,
    workspace: HasId | UUID,
    contact_ids: Collection[UUID],
    because: str,
    by: Member | None,
    at: datetime,
    request_id: UUID | None = None,
    at_once: bool = False,
) -> Erasure:
    """Order the erasure of contacts, those in the bin too; a job carries it out, with `at_once` the caller does. Raises NobodyThere."""
    here = workspace_id_of(workspace)
    with tenancy.inside(here):
        known = Contact.objects.of(here).filter(pk__in=list(contact_ids)).order_by("id").values_list("pk", flat=True)
        ids = list(known)
        if not ids:
            raise NobodyThere
        ordered = Erasure.objects.create(
            workspace_id=here, contact_ids=ids, because=Because(because), by=by, ordered_at=at, request_id=request_id
        )
        ledger.write(
            "privacy.erasure.ordered", workspace=here, by=by, about=ids[0] if len(ids) == 1 else None, at=at,
            erasure=str(ordered.pk), count=len(ids), because=ordered.because,
        )  # fmt: skip
        if not at_once:
            enqueue(ordered)
    return ordered


def enqueue(ordered: Erasure) -> None:
    jobs.enqueue(JOB, workspace=ordered.workspace_id, once=f"{JOB}:{ordered.pk}", erasure=str(ordered.pk))


def carry_out(erasure_id: UUID, *, workspace_id: UUID) -> Erasure:
    """Do what is left to do of an erasure. Killed at any moment, it is called again and goes on; when all is done, nothing happens."""
    _remember(erasure_id, workspace_id)
    while True:
        before = _step_done(erasure_id, workspace_id)
        if before.is_over or before.state == State.HELD:
            return before


def _remember(erasure_id: UUID, here: UUID) -> None:
    """Tombstones are written after the commit of the step: a process that was killed in between left none, and nobody would know after
    a restore. Whoever goes on writes them for all who are gone; twice says nothing new."""
    with tenancy.inside(here):
        current = Erasure.objects.of(here).get(pk=erasure_id)
        if current.state not in {State.ERASING, State.SEARCHING} or current.wanted is None:
            return
        theirs = {UUID(one) for one in _opened(current).ids}
        there = Contact.objects.of(here).filter(pk__in=theirs).values_list("pk", flat=True)
        tombstones.record(tombstones.Kind.CONTACT, theirs.difference(there), workspace_id=here, at=clock.now())


def _step_done(erasure_id: UUID, here: UUID) -> Erasure:
    """One step, in a transaction of its own, tried again when somebody wrote for one of the people meanwhile."""
    for tries_left in reversed(range(_TRIES)):
        try:
            with tenancy.inside(here):
                current = Erasure.objects.of(here).select_for_update(of=("self",)).get(pk=erasure_id)
                before = State(current.state)
                if step := _STEPS.get(before):
                    step(current, clock.now())
                    current.save(update_fields=_CHANGED[State.ORDERED if before == State.HELD else before])
                if get_connection().in_atomic_block:
                    with connection.cursor() as cursor:
                        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            return current
        except (IntegrityError, OperationalError):
            if not tries_left:
                raise
            log.info("an erasure met somebody who wrote for the person", extra={"erasure": str(erasure_id)})
    raise AssertionError("the last try returns or raises")


def _note(current: Erasure, step: str, at: datetime, count: int) -> None:
    current.steps = [*current.steps, {"step": step, "at": at.isoformat(), "count": count}]


def _prepare(current: Erasure, at: datetime) -> None:
    here = current.workspace_id
    held = set(lawful.held_back(current.contact_ids, workspace_id=here, at=at))
    free = [pk for pk in current.contact_ids if pk not in held]
    if held and free:
        _split_off(current, [pk for pk in current.contact_ids if pk in held], at)
        current.contact_ids = free
    elif held:
        if current.state != State.HELD:
            current.state = State.HELD
            _note(current, "held", at, len(held))
            ledger.write("privacy.erasure.held", workspace=here, at=at, erasure=str(current.pk), count=len(held))
        return
    current.started_at = current.started_at or at
    current.sealed = lawful.sealed(current.contact_ids, workspace_id=here, at=at, erasure_id=current.pk)
    looked_for = wanted.of(belongings.of(current.contact_ids, workspace_id=here, is_whole=False))
    current.wanted = wanted.seal(looked_for, workspace_id=here, erasure_id=current.pk)
    suppression.add(looked_for.reach, workspace=here, reason=Suppression.Reason.ERASED, at=at)
    recipients.note(current, at=at)
    current.state = State.ERASING
    _note(current, "prepared", at, len(current.contact_ids))


def _split_off(current: Erasure, held: list[UUID], at: datetime) -> None:
    """Those whom a hold protects wait in an order of their own."""
    Erasure.objects.create(
        workspace_id=current.workspace_id, contact_ids=held, because=current.because, by_id=current.by_id, state=State.HELD,
        ordered_at=current.ordered_at, request_id=current.request_id,
        steps=[{"step": "held", "at": at.isoformat(), "count": len(held)}],
    )  # fmt: skip
    ledger.write(
        "privacy.erasure.held", workspace=current.workspace_id, at=at, erasure=str(current.pk), count=len(held)
    )


def _erase(current: Erasure, at: datetime) -> None:
    """One piece of the people; with the last one what holds them besides."""
    here = current.workspace_id
    left = Contact.objects.of(here).filter(pk__in=current.contact_ids).order_by("id").values_list("pk", flat=True)
    going = list(left[: PIECE + 1])
    if going:
        _destroy(going[:PIECE], here, at, into=current)
    if len(going) <= PIECE:
        cleared = around.clear(_opened(current), workspace_id=here)
        _add(current.gone, cleared)
        current.state = State.SEARCHING
        recipients.tell_soon(current)
        _note(current, "erased", at, len(current.contact_ids))


def _destroy(ids: list[UUID], here: UUID, at: datetime, *, into: Erasure | None) -> None:
    """Rows and files of people, and of those merged into them: nobody of them comes back with an older backup."""
    Contact.objects.of(here).filter(pk__in=ids).order_by("id").select_for_update(of=("self",)).count()
    theirs = belongings.of(ids, workspace_id=here)
    deleted.purge(model=Contact, workspace=here, by=None, at=at, ids=ids, also_alive=True)
    tombstones.record(tombstones.Kind.CONTACT, theirs.former, workspace_id=here, at=at)
    there = _still_there(theirs)
    if leftovers := _leftovers(theirs, there):
        deleted.remove(leftovers, workspace_id=here)
        there = _still_there(theirs)
    if into is not None:
        survivors = {model._meta.label: len(rows) for model, rows in there.items()}
        counts = theirs.counts()
        _add(into.gone, {label: count - survivors.get(label, 0) for label, count in counts.items()})
        _add(into.stayed, survivors)


def _leftovers(theirs: Belongings, there: Mapping[belongings.Model, set[UUID]]) -> dict[belongings.Model, set[UUID]]:
    """Rows that the walk from the contact does not reach, or only lets go of, and that say nothing without her."""
    found = {}
    for model, rows in there.items():
        declared = belongings.held(model)
        if model is Contact or getattr(model, "append_only", False) or declared is None:
            continue
        if lawful.goes_whole(declared):
            found[model] = rows - theirs.shared.get(model, set())
    return {model: rows for model, rows in found.items() if rows}


def _still_there(theirs: Belongings) -> dict[belongings.Model, set[UUID]]:
    """The rows that are left: the books, proof of consent, what others share. One statement."""
    asked = [(model, belongings.array(rows)) for model, rows in theirs.rows.items() if rows]
    parts = " UNION ALL ".join(
        f'SELECT {number}, id FROM "{model._meta.db_table}" WHERE workspace_id = %s AND id IN (SELECT unnest(%s::uuid[]))'  # noqa: S608
        for number, (model, _rows) in enumerate(asked)
    )
    found: dict[belongings.Model, set[UUID]] = {}
    with connection.cursor() as cursor:
        cursor.execute(parts, [value for _model, rows in asked for value in (theirs.workspace_id, rows)])
        for number, pk in cursor.fetchall():
            found.setdefault(asked[number][0], set()).add(pk)
    return found


def _add(to: dict[str, int], more: dict[str, int]) -> None:
    for label, count in more.items():
        if count:
            to[label] = to.get(label, 0) + count


def _search(current: Erasure, at: datetime) -> None:
    looked_for = _opened(current)
    found = traces.search(looked_for, workspace_id=current.workspace_id)
    current.searched_at = at
    certificates.conclude(current, looked_for, found, at=at)
    current.ended_at = at
    _note(current, "searched", at, len(found.findings))


def confirm(erasure_id: UUID, *, workspace_id: UUID) -> Erasure:
    """Read every row of every table for an erasure that was searched by indexes; what was looked for is forgotten after it."""
    with tenancy.inside(workspace_id):
        current = Erasure.objects.of(workspace_id).select_for_update(of=("self",)).get(pk=erasure_id)
        if current.is_over and current.wanted is not None:
            at, looked_for = clock.now(), _opened(current)
            found = traces.search(looked_for, workspace_id=workspace_id, is_whole=True)
            certificates.conclude(current, looked_for, found, at=at)
            recipients.tell_soon(current)  # its job may have been lost, and it is the last that needs to know them
            _note(current, "confirmed", at, len(found.findings))
            current.save()
    return current


def settle(workspace_id: UUID) -> int:
    """Orders that know whom they look for go on and search everything; where nothing is found, they forget it.

    After a restore these are the orders that the backup caught before their end. Returns how many still know it: of those something was
    found. Call it outside of a transaction, after `again`.
    """
    with tenancy.inside(workspace_id):
        knowing = Erasure.objects.of(workspace_id).filter(wanted__isnull=False)
        waiting = list(knowing.order_by("ordered_at", "id").values_list("pk", flat=True))
    for erasure_id in waiting:
        try:
            carry_out(erasure_id, workspace_id=workspace_id)
            confirm(erasure_id, workspace_id=workspace_id)
        except Exception:  # whatever it is, the site must open; the job and the night try again, and the count tells it
            log.exception("an erasure of the backup did not come to its end", extra={"erasure": str(erasure_id)})
    with tenancy.inside(workspace_id):
        return Erasure.objects.of(workspace_id).filter(wanted__isnull=False).count()


def search_again(*, erasure: Erasure, by: Member, at: datetime) -> bool:
    """Let a job search once more, after open items were dealt with. False when nothing is left to search for."""
    with tenancy.inside(erasure.workspace_id):
        waiting = Erasure.objects.of(erasure.workspace_id).filter(
            pk=erasure.pk, state=State.FAILED, wanted__isnull=False
        )
        if not waiting.update(state=State.SEARCHING):
            return False
        ledger.write(
            "privacy.erasure.search_asked", workspace=erasure.workspace_id, by=by, at=at, erasure=str(erasure.pk)
        )
        enqueue(erasure)
    return True


def again(ended: Mapping[UUID, datetime], *, workspace_id: UUID, at: datetime) -> int:
    """Erase people whom a restored backup brought back, in the caller's transaction, without an order. Returns how many.

    `ended` says when each was erased first: what the vault kept of them since then is sealed again, until the same day.
    """
    first: defaultdict[datetime, list[UUID]] = defaultdict(list)
    for contact_id, moment in ended.items():
        first[moment].append(contact_id)
    for moment, people in first.items():
        sealing.seal_before_erasure(people, workspace_id=workspace_id, at=moment, erasure_id=None, today=at.date())
    ids = list(ended)
    for start in range(0, len(ids), PIECE):
        piece = ids[start : start + PIECE]
        looked_for = wanted.of(belongings.of(piece, workspace_id=workspace_id, is_whole=False))
        suppression.add(looked_for.reach, workspace=workspace_id, reason=Suppression.Reason.ERASED, at=at)
        _destroy(piece, workspace_id, at, into=None)
        around.clear(looked_for, workspace_id=workspace_id)
    return len(ids)


def _opened(current: Erasure) -> Wanted:
    assert current.wanted is not None  # written by the first step, emptied by the last
    return wanted.opened(current.wanted, workspace_id=current.workspace_id, erasure_id=current.pk)


_STEPS: dict[Erasure.State, Callable[[Erasure, datetime], Any]] = {
    State.ORDERED: _prepare,
    State.HELD: _prepare,
    State.ERASING: _erase,
    State.SEARCHING: _search,
}
_PROGRESS = ("state", "steps")
_CHANGED: dict[Erasure.State, tuple[str, ...]] = {
    State.ORDERED: (*_PROGRESS, "contact_ids", "started_at", "sealed", "wanted"),
    State.ERASING: (*_PROGRESS, "gone", "stayed"),
    State.SEARCHING: (*_PROGRESS, "searched_at", "ended_at", "confirmed_at", "wanted"),
}


def unfinished(workspace: Workspace | UUID) -> list[UUID]:
    """Orders that wait, also for the end of a hold, or whose job was lost."""
    open_ones = Erasure.objects.of(workspace).filter(state__in=[*Erasure.UNDER_WAY, State.HELD])
    return list(open_ones.order_by("ordered_at", "id").values_list("pk", flat=True))


def unconfirmed(workspace: Workspace | UUID) -> list[UUID]:
    """Erasures that were searched by indexes only."""
    over = Erasure.objects.of(workspace).filter(wanted__isnull=False, state__in=[State.DONE, State.FAILED])
    return list(over.order_by("ordered_at", "id").values_list("pk", flat=True))
