"""What came of tries, written down in one statement for many: compared with the claim, so that nobody overwrites what another decided."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from amanat.basis import suppression
from amanat.basis.models import Suppression
from amanat.messaging.channels.contract import Answer, Outcome
from amanat.messaging.outbox import changes
from amanat.messaging.outbox.journal import Claim
from amanat.messaging.outbox.models import Dispatch

log = logging.getLogger(__name__)

#: Tries that a provider may turn away before we give up: some nine hours in which it took others. While it is down for all, none counts.
MOST_FAILURES = 60
#: After an outage everything is on its way within a quarter of an hour.
_FIRST_WAIT, _LONGEST_WAIT = 5.0, 600.0
#: Codes of answers that no provider gave: a file that is damaged, and a store of files that is away.
UNREADABLE, NO_STORE = "unreadable", "no_store"
OURS = frozenset({UNREADABLE, NO_STORE})
_State = Dispatch.State


@dataclass(frozen=True, slots=True)
class Result:
    """A claim and its answer; None: it was not tried and goes back. `failures` is how often it was turned away before."""

    claim: Claim
    answer: Answer | None
    failures: int = 0


@dataclass(frozen=True, slots=True)
class _Row:
    """The new values of a dispatch."""

    claim: Claim
    state: str
    due_at: datetime | None = None
    provider_id: str = ""
    code: str = ""
    pricing: str = ""
    reason: str | None = None
    failed: int = 0


_RECORD = """
UPDATE messaging_dispatch d SET state = v.state, due_at = coalesce(v.due_at, d.due_at), lease_until = NULL,
    provider_id = CASE WHEN v.provider_id <> '' THEN v.provider_id ELSE d.provider_id END, error_code = v.code,
    pricing = CASE WHEN v.pricing <> '' THEN v.pricing ELSE d.pricing END, reason = coalesce(v.reason, d.reason),
    failures = d.failures + v.failed,
    sent_at = CASE WHEN v.state = 'done' THEN coalesce(d.sent_at, %(at)s) ELSE d.sent_at END,
    ended_at = CASE WHEN v.state IN ('done', 'dead') THEN %(at)s ELSE NULL END,
    extra = CASE WHEN v.state IN ('done', 'dead') THEN NULL ELSE d.extra END
FROM unnest(%(ids)s::uuid[], %(tries)s::int[], %(states)s::text[], %(due)s::timestamptz[], %(provider)s::text[], %(codes)s::text[],
    %(pricing)s::text[], %(reasons)s::text[], %(failed)s::int[])
    AS v(id, tries, state, due_at, provider_id, code, pricing, reason, failed)
WHERE d.workspace_id = %(here)s AND d.id = v.id
    AND d.claimed_by = %(token)s AND d.tries = v.tries AND d.state IN ('sending', 'unknown')
RETURNING d.id, d.message_id, d.contact_id, d.source, d.source_id, d.state, d.delivery, d.reason, d.channel
"""

#: A provider that gives two messages the same id is wrong about one of them; the first keeps it.
_NAME_LETTERS = """
UPDATE messaging_message m SET provider_id = v.provider_id
FROM (SELECT DISTINCT ON (d.provider_id) d.message_id, d.provider_id, d.account_id FROM messaging_dispatch d
      WHERE d.workspace_id = %(here)s AND d.id = ANY(%(ids)s) AND d.provider_id <> '') v
WHERE m.workspace_id = %(here)s AND m.id = v.message_id AND m.provider_id = ''
    AND (SELECT o.id FROM messaging_message o WHERE o.workspace_id = %(here)s AND o.account_id = v.account_id
         AND o.provider_id = v.provider_id AND o.provider_id <> '' LIMIT 1) IS NULL
"""


def record(workspace_id: UUID, token: str, results: Sequence[Result], *, at: datetime) -> set[UUID]:
    """Write down what came of the claims marked with `token`; returns the dispatches that were still theirs."""
    rows = [_row(result, at) for result in results]
    if not rows:
        return set()
    values: dict[str, Any] = {
        "here": workspace_id, "token": token, "at": at,
        "ids": [row.claim[0] for row in rows], "tries": [row.claim[1] for row in rows],
        "states": [row.state for row in rows], "due": [row.due_at for row in rows],
        "provider": [row.provider_id[:250] for row in rows], "codes": [row.code[:40] for row in rows],
        "pricing": [row.pricing[:30] for row in rows], "reasons": [row.reason for row in rows],
        "failed": [row.failed for row in rows],
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_RECORD, values)
        found = cursor.fetchall()
    moved = [changes.Change(*row[:-1]) for row in found]
    written = {change.dispatch_id for change in moved}
    name_letters(workspace_id, [row[0] for row in found if row[-1] == "email"])
    _opt_out(workspace_id, [result for result in results if result.answer and result.answer.opts_out], at)
    changes.pass_on(workspace_id, moved)
    _complain(rows, written)
    return written


def name_letters(workspace_id: UUID, dispatches: Sequence[UUID]) -> None:
    """Give the letters of dispatches the id under which they left: a mailbox may bring one back, and it is no news.

    What other providers call a message stands in its dispatch alone: a message is a wide row, and would be written once more for each.
    """
    if dispatches:
        with connection.cursor() as cursor:
            cursor.execute(_NAME_LETTERS, {"here": workspace_id, "ids": list(dispatches)})


def wait_after(failures: int) -> timedelta:
    """How long to wait after a try was turned away: doubling, up to ten minutes, spread so that not all come back at once."""
    wait = min(_FIRST_WAIT * 2**failures, _LONGEST_WAIT)
    return timedelta(seconds=wait * (0.5 + secrets.randbelow(1000) / 1000))


def _row(result: Result, at: datetime) -> _Row:
    answer = result.answer
    if answer is None:
        return _Row(result.claim, _State.TODO)
    match answer.outcome:
        case Outcome.ACCEPTED:
            return _Row(result.claim, _State.DONE, provider_id=answer.provider_id, pricing=answer.pricing)
        case Outcome.UNCLEAR:
            return _Row(result.claim, _State.UNKNOWN, code=answer.code)
        case Outcome.REFUSED:
            is_ours = answer.code in OURS
            code, reason = ("", answer.code) if is_ours else (answer.code, "provider")
            return _Row(result.claim, _State.DEAD, code=code, reason=reason)
    if result.failures + 1 >= MOST_FAILURES:
        return _Row(result.claim, _State.DEAD, code=answer.code, reason="gave_up", failed=1)
    wait = max(answer.wait or timedelta(0), wait_after(result.failures))
    # The whole account waits: that says nothing about this message.
    failed = 0 if answer.stops_account else 1
    return _Row(result.claim, _State.TODO, due_at=at + wait, code=answer.code, failed=failed)


def _opt_out(workspace_id: UUID, results: Sequence[Result], at: datetime) -> None:
    """The provider told us that these people do not want this."""
    if results:
        # A claim that was over has left no code in its row.
        codes = {result.claim[0]: result.answer.code for result in results if result.answer}
        for row in Dispatch.objects.of(workspace_id).filter(pk__in=codes):
            suppress(row, at=at, code=codes[row.pk])


def suppress(row: Dispatch, *, at: datetime, code: str) -> None:
    """The address of a dispatch is not written to any more: for its purpose, or at all where it is dead or complained."""
    if row.channel == "email":
        is_complaint = "complain" in code.lower() or "spam" in code.lower()
        reason = Suppression.Reason.COMPLAINT if is_complaint else Suppression.Reason.UNREACHABLE
        suppression.add([row.address], workspace=row.workspace_id, reason=reason, at=at, channel="email")
    else:
        suppression.add(
            [row.address], workspace=row.workspace_id, reason=Suppression.Reason.OPT_OUT, at=at,
            purpose=row.purpose, channel=row.channel,
        )  # fmt: skip


def _complain(rows: Sequence[_Row], written: set[UUID]) -> None:
    """An answer came too late to count. Where it was a yes, the provider's report settles the row all the same."""
    for row in rows:
        if row.state == _State.DONE and row.claim[0] not in written:
            log.warning("an answer came after its claim was over", extra={"dispatch": str(row.claim[0])})
