"""Dispatches whose worker is gone, and those of which nobody can say whether they were sent (docs/decisions/0017).

What a worker claimed and never began goes straight back. What it began is `unknown`, and is never tried again before somebody knows: the
provider's report settles it (`reports`), or, where a provider surely reports, its silence while it reported others; what is left a person
decides.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from django.db import connection

from amanat.accounts.models import Member
from amanat.core import clock, ledger, tenancy
from amanat.messaging.channels import adapters
from amanat.messaging.channels.contract import Answer, Outcome
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import changes, journal, ordering, recording
from amanat.messaging.outbox.journal import Claim, Evidence, Found
from amanat.messaging.outbox.models import Dispatch, ProviderEvent
from amanat.messaging.outbox.recording import Result

log = logging.getLogger(__name__)

#: A journal without rows stays this long: its last claim may still be on its way into the database.
_EMPTY_FOR = 120.0
#: A claim whose journal is nowhere to be seen is another machine's; that one has this long to come back.
_ABROAD = timedelta(minutes=10)
#: So many later messages must have been reported before silence counts.
_REPORTED_AFTER = 3
_AT_ONCE, _SILENT_AT_ONCE = 1000, 100
_State = Dispatch.State
_UNCLEAR = Answer(Outcome.UNCLEAR, code="lost")

_STALE = """
SELECT id, tries, claimed_by, failures, lease_until < clock_timestamp(), lease_until < clock_timestamp() - make_interval(secs => %s)
FROM messaging_dispatch WHERE workspace_id = %s AND state = 'sending' AND (%s = '' OR claimed_by = %s)
ORDER BY lease_until LIMIT %s FOR UPDATE SKIP LOCKED
"""


def rescue_here() -> int:
    """Settle the claims of runs that ended on this machine without saying so; returns how many."""
    settled = 0
    for token in journal.tokens():
        try:
            with Found(token) as found:
                if found.is_over:
                    settled += _bury(token, found)
        except FileNotFoundError:
            continue  # its run has taken it away, or another rescuer
        except ValueError:
            log.warning("a journal of the outbox cannot be read", extra={"journal": token})
    return settled


def rescue(workspace_id: UUID) -> int:
    """Settle claims whose lease is over, whatever became of their worker; returns how many.

    A worker that only stood still checks its own clock after it wrote into its journal and before it sends. So a claim that is over and
    not in the journal will never be sent by it.
    """
    with tenancy.inside(workspace_id):
        over = [row for row in _claimed(workspace_id) if row[4]]
        settled = 0
        for token in sorted({row[2] for row in over}):
            evidence = _evidence(token)
            rows = [row for row in over if row[2] == token and (evidence is not None or row[5])]
            settled += _settle(workspace_id, token, rows, evidence)
    return settled


def settle_by_silence(workspace_id: UUID) -> int:
    """Try again what a provider said nothing about, though it reported later messages of the same account; returns how many.

    Only for providers that surely report (`Adapter.reports_within`), and not while the run that began it may still be at work.
    """
    with tenancy.inside(workspace_id):
        settled = 0
        for account in ChannelAccount.objects.of(workspace_id):
            try:
                within = adapters.adapter_of(account).reports_within
            except adapters.UnknownProvider:
                continue
            if within is not None:
                settled += _silent(account, within)
    return settled


def settle_sent(*, dispatches: Iterable[Dispatch], by: Member) -> int:
    """A person found that these were sent. Returns how many were still unknown."""
    return _decide(dispatches, by, _State.DONE, "messaging.outbox.settled_sent")


def settle_again(*, dispatches: Iterable[Dispatch], by: Member) -> int:
    """A person found that these were not sent: they are tried again. Returns how many were still unknown."""
    return _decide(dispatches, by, _State.TODO, "messaging.outbox.settled_again")


type _Row = tuple[UUID, int, str, int, bool, bool]


def _claimed(workspace_id: UUID, token: str = "") -> list[_Row]:
    with connection.cursor() as cursor:
        cursor.execute(_STALE, [_ABROAD.total_seconds(), workspace_id, token, token, _AT_ONCE])
        return list(cursor.fetchall())


def _bury(token: str, found: Found) -> int:
    """A run is over: its rows are settled, and the file goes once none can come any more."""
    evidence = found.read()
    with tenancy.inside(evidence.workspace_id):
        rows = _claimed(evidence.workspace_id, token)
        settled = _settle(evidence.workspace_id, token, rows, evidence)
    if not rows and found.age > _EMPTY_FOR:
        found.take_away()
    return settled


def _evidence(token: str) -> Evidence | None:
    try:
        with Found(token) as found:
            return found.read()
    except (FileNotFoundError, ValueError):
        return None


def _settle(workspace_id: UUID, token: str, rows: Sequence[_Row], evidence: Evidence | None) -> int:
    results = [Result((row[0], row[1]), _answer((row[0], row[1]), evidence), row[3]) for row in rows]
    return len(recording.record(workspace_id, token, results, at=clock.now()))


def _answer(claim: Claim, evidence: Evidence | None) -> Answer | None:
    """What is known of a claim; None: it surely did not leave."""
    if evidence is None:
        return _UNCLEAR
    if claim in evidence.answers:
        return evidence.answers[claim]
    if claim in evidence.put_back:
        return None
    return None if evidence.is_whole and claim not in evidence.begun else _UNCLEAR


def _silent(account: ChannelAccount, within: timedelta) -> int:
    if ProviderEvent.objects.of(account.workspace_id).filter(account=account.pk, done_at__isnull=True).exists():
        return 0  # what it said was not read to its end
    with connection.cursor() as cursor:
        cursor.execute(_SILENT, {
            "here": account.workspace_id, "account": account.pk, "within": within.total_seconds(), "after": _REPORTED_AFTER, "most": _SILENT_AT_ONCE,
        })  # fmt: skip
        found = [(row[0], row[1]) for row in cursor.fetchall()]
    quiet = [key for key, token in found if not journal.is_here(token)]
    return _back_to_todo(account.workspace_id, quiet)


#: `begun_at` is by the database's clock. That reports reach us at all is shown by later messages, and that none of that time's reports is
#: still on its way (our site was down, an event could not be read) by its neighbours in time and by what was kept.
_SILENT = """
SELECT d.id, d.claimed_by FROM messaging_dispatch d
WHERE d.workspace_id = %(here)s AND d.account_id = %(account)s AND d.state = 'unknown'
    AND d.begun_at < clock_timestamp() - make_interval(secs => %(within)s)
    AND %(after)s <= (SELECT count(*) FROM (SELECT 1 FROM messaging_dispatch o
        WHERE o.workspace_id = %(here)s AND o.account_id = %(account)s AND o.delivery <> '' AND o.begun_at > d.begun_at
        LIMIT %(after)s) later)
    AND NOT EXISTS (SELECT 1 FROM messaging_dispatch o
        WHERE o.workspace_id = %(here)s AND o.account_id = %(account)s AND o.state = 'done' AND o.delivery = ''
            AND o.begun_at BETWEEN d.begun_at - interval '1 minute' AND d.begun_at + interval '1 minute')
    AND NOT EXISTS (SELECT 1 FROM messaging_providerevent e
        WHERE e.workspace_id = %(here)s AND e.account_id = %(account)s AND e.received_at > d.begun_at - interval '1 hour'
            AND e.payload IS NOT NULL)
ORDER BY d.begun_at LIMIT %(most)s FOR UPDATE OF d SKIP LOCKED
"""


def _back_to_todo(workspace_id: UUID, ids: Sequence[UUID]) -> int:
    if not ids:
        return 0
    rows = Dispatch.objects.of(workspace_id).filter(pk__in=ids, state=_State.UNKNOWN)
    count = rows.update(state=_State.TODO, reason="", due_at=clock.now(), claimed_by="")
    ledger.write("messaging.outbox.settled_by_silence", workspace=workspace_id, count=count)
    changes.tell_of(workspace_id, set(ids))
    for account_id in set(Dispatch.objects.of(workspace_id).filter(pk__in=ids).values_list("account_id", flat=True)):
        ordering.wake(workspace_id, account_id)
    return count


def _decide(dispatches: Iterable[Dispatch], by: Member, state: Dispatch.State, event: str) -> int:
    at, here = clock.now(), by.workspace_id
    unknown = Dispatch.objects.of(here).filter(pk__in=[row.pk for row in dispatches], state=_State.UNKNOWN)
    rows = list(unknown.select_for_update())
    for row in rows:
        row.state, row.reason, row.claimed_by = state, "by_hand", ""
        if state == _State.DONE:
            row.sent_at, row.ended_at, row.extra = row.begun_at, at, None
        else:
            row.due_at = at
        row.save(update_fields=["state", "reason", "claimed_by", "sent_at", "ended_at", "extra", "due_at"])
    if rows:
        ledger.write(event, workspace=here, by=by, at=at, count=len(rows))
        changes.tell(here, rows)
    for account_id in {row.account_id for row in rows if state == _State.TODO}:
        ordering.wake(here, account_id)
    return len(rows)
