"""What providers call us with: kept at once in one statement, each event once, and worked off later in the order it came.

A digest stays longer than any provider repeats itself (WhatsApp: 7 days); the words go as soon as they were worked off. An event that fails
is tried again, and parked after a few times: it keeps its payload and stands in nobody's way.
"""

from __future__ import annotations

import hmac
import json
import logging
import time
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import InterfaceError, OperationalError, ProgrammingError, connection, transaction

from amanat.core import clock, jobs, tenancy, vault
from amanat.core.ids import new
from amanat.messaging.channels import accounts, adapters
from amanat.messaging.channels.contract import News
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox import reports
from amanat.messaging.outbox.models import ProviderEvent

log = logging.getLogger(__name__)

WORK = "messages.events"
KEPT = timedelta(days=9)
MOST_TRIES = 6
#: A report about a message that we do not know yet: its sender may not have written down the provider's id.
_UNKNOWN_FOR = timedelta(minutes=2)
_FIRST_WAIT = timedelta(seconds=4)
_AT_ONCE = 100
_LINGER = 0.05

#: Says too whether a job waits already that will work them off.
_KEEP = """
WITH kept AS (
    INSERT INTO messaging_providerevent (id, workspace_id, account_id, digest, payload, received_at)
    SELECT v.id, %s, %s, v.digest, v.payload, %s FROM unnest(%s::uuid[], %s::bytea[], %s::bytea[]) AS v(id, digest, payload)
    ON CONFLICT DO NOTHING RETURNING 1)
SELECT (SELECT count(*) FROM kept), EXISTS (SELECT 1 FROM procrastinate_jobs WHERE queueing_lock = %s AND status = 'todo')
"""


#: A transaction of several statements in one exchange. What is named goes with it.
_KEEP_AT_ONCE = f"SET LOCAL app.workspace = %s; SET LOCAL app.actor = ''; {_KEEP}"


def keep(account: ChannelAccount, events: Sequence[tuple[bytes, Any]], at: datetime) -> int:
    """Keep events as they came: (what makes it the same event, JSON). In the caller's transaction; returns how many are new."""
    if not events:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, _kept(account, events, at))
        count, is_awaited = cursor.fetchone()
    if count and not is_awaited:
        wake(account.workspace_id, account.pk)
    return int(count)


def keep_at_once(account: ChannelAccount, events: Sequence[tuple[bytes, Any]], at: datetime) -> int:
    """The same in a transaction of its own, which is one exchange with the database: providers call hundreds of times a second.

    The job follows in another transaction. If this process ends between the two, the sweep finds the events within seconds.
    """
    here = account.workspace_id
    if connection.in_atomic_block:
        with tenancy.inside(here):
            return keep(account, events, at)
    if not events:
        return 0
    try:
        values = _kept(account, events, at)
    except (
        ProgrammingError
    ):  # the keys are not in memory, and are to be had inside their workspace alone: once a minute
        with tenancy.inside(here):
            return keep(account, events, at)
    with connection.cursor() as cursor:
        cursor.execute(_KEEP_AT_ONCE, [str(here), *values])
        while cursor.nextset():
            pass
        count, is_awaited = cursor.fetchone()
    if count and not is_awaited:
        with tenancy.inside(here):
            wake(here, account.pk)
    return int(count)


def _kept(account: ChannelAccount, events: Sequence[tuple[bytes, Any]], at: datetime) -> list[Any]:
    """The values of `_KEEP`."""
    here, ids = account.workspace_id, [new() for _ in events]
    key = vault.fingerprint_key(here, purpose="provider-event")
    digests = [hmac.digest(key, same, "sha256") for same, _payload in events]
    sealed = [
        vault.seal_text(json.dumps(payload, ensure_ascii=False), workspace_id=here, context=_place(event_id))
        for event_id, (_same, payload) in zip(ids, events, strict=True)
    ]
    return [here, account.pk, at, ids, digests, sealed, _once(account.pk)]


def wake(workspace_id: UUID, account_id: UUID) -> None:
    jobs.enqueue(WORK, workspace=workspace_id, once=_once(account_id), account=str(account_id))


def work_off(workspace_id: UUID, account_id: UUID, *, seconds: float = 5.0) -> bool:
    """Work off what an account was told, for `seconds` at most; returns whether more is left."""
    ends, lingered = time.monotonic() + seconds, False
    while time.monotonic() < ends:
        if _work_off_some(workspace_id, account_id):
            lingered = False
        elif lingered:
            return False
        else:
            lingered = True
            time.sleep(_LINGER)  # one that was being kept while this job was already at work
    return True


def sweep(workspace_id: UUID, *, at: datetime) -> int:
    """Forget events that nobody repeats any more; parked ones go by their own clause. Returns how many."""
    with tenancy.inside(workspace_id):
        over = ProviderEvent.objects.of(workspace_id).filter(
            received_at__lt=at - KEPT, done_at__isnull=False, payload__isnull=True
        )
        return over.delete()[0]


def place_of_payload(row: ProviderEvent) -> str:
    return _place(row.pk)


def _place(event_id: UUID) -> str:
    return vault.context("messaging.ProviderEvent.payload", event_id)


def _once(account_id: UUID) -> str:
    return f"{WORK}:{account_id}"


def _work_off_some(workspace_id: UUID, account_id: UUID) -> int:
    """One transaction for some events: together, which is quick, or one by one where one of them fails."""
    with tenancy.inside(workspace_id):
        at = clock.now()
        waiting = ProviderEvent.objects.of(workspace_id).filter(account=account_id, done_at__isnull=True)
        rows = list(waiting.exclude(next_at__gt=at).select_for_update(skip_locked=True).order_by("id")[:_AT_ONCE])
        if not rows:
            return 0
        account = ChannelAccount.objects.of(workspace_id).get(pk=account_id)
        reading = _Reading(account, at)
        if not reading.work_off(rows):
            for row in rows:
                if len(rows) == 1 or not reading.work_off([row]):
                    reading.failed(row)
        _write(workspace_id, rows)
    return len(rows)


class _Reading:
    """How the events of one account are read at one moment."""

    def __init__(self, account: ChannelAccount, at: datetime) -> None:
        self._account, self._at = account, at
        self._hears, self._access = adapters.hearing(account), accounts.access(account)

    def work_off(self, rows: Sequence[ProviderEvent]) -> bool:
        """Apply what these events say, all or none; returns whether it went well."""
        try:
            with transaction.atomic():
                said = [(row, each) for row in rows for each in self._read(row)]
                strange = reports.take_all(
                    self._account.workspace_id, self._account, [each for _row, each in said], at=self._at
                )
        except (OperationalError, InterfaceError):
            raise  # the database is away: no fault of an event, and the job is done again
        except Exception:
            if len(rows) == 1:
                log.exception("an event of a provider could not be worked off", extra={"event": str(rows[0].pk)})
            return False
        of_strangers = {said[place][0].pk for place in strange}
        for row in rows:
            if row.pk in of_strangers and self._at - row.received_at < _UNKNOWN_FOR:
                # Each wait as long as it has waited: another program may send from the same number, and all its reports are strange here.
                row.next_at = self._at + max(_FIRST_WAIT, self._at - row.received_at)
            else:
                row.payload, row.done_at = None, self._at
        return True

    def failed(self, row: ProviderEvent) -> None:
        """Try it again later, and a few times in all."""
        row.tries += 1
        if row.tries >= MOST_TRIES:
            row.done_at = self._at
        row.next_at = self._at + _FIRST_WAIT * 4 ** (row.tries - 1)

    def _read(self, row: ProviderEvent) -> Sequence[News]:
        if self._hears is None:
            raise LookupError("nobody understands this event")
        payload = vault.open_text(row.payload or b"", workspace_id=row.workspace_id, context=_place(row.pk))
        return self._hears.read(self._access, json.loads(payload))


_WRITE = """
UPDATE messaging_providerevent e SET done_at = v.done_at, tries = v.tries, next_at = v.next_at,
    payload = CASE WHEN v.keeps THEN e.payload END
FROM unnest(%s::uuid[], %s::timestamptz[], %s::int[], %s::timestamptz[], %s::boolean[]) AS v(id, done_at, tries, next_at, keeps)
WHERE e.workspace_id = %s AND e.id = v.id
"""


def _write(workspace_id: UUID, rows: Sequence[ProviderEvent]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_WRITE, [
            [row.pk for row in rows], [row.done_at for row in rows], [row.tries for row in rows], [row.next_at for row in rows],
            [row.payload is not None for row in rows], workspace_id,
        ])  # fmt: skip
