"""What is to leave: written in the transaction of its cause, taken back while it waits, held after a restore.

A dispatch is ordered long before it is sent. Whether it may be sent is asked when it is claimed (`sending`), never here.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from amanat.accounts.models import Member
from amanat.core import clock, jobs, ledger, tenancy, vault
from amanat.core.ids import new
from amanat.core.tenancy import HasId
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox import changes
from amanat.messaging.outbox.models import Dispatch

SEND = "messages.send"
#: Sources whose messages answer a person: no hour is too late while she waits.
ANSWERS = frozenset({"reply", "confirmation"})
#: The reason of what a restore held back.
RESTORED = "restored"
#: The reason of what could not leave by its `use_by`.
TOO_LATE = "too_late"
#: What the ledger says of a decision about what was held.
DECISIONS = ("messaging.outbox.released", "messaging.outbox.left_out", "messaging.outbox.too_late")
_State = Dispatch.State


@dataclass(frozen=True, slots=True)
class Extra:
    """What the adapter needs beside the text: the variables of a template, buttons as (id, words), headers of an e-mail."""

    values: Sequence[str] = ()
    buttons: Sequence[tuple[str, str]] = ()
    headers: Mapping[str, str] = field(default_factory=dict)


def order(
    *,
    message: Message,
    account: ChannelAccount,
    address: str,
    purpose: str,
    source: str,
    due_at: datetime,
    source_id: UUID | None = None,
    use_by: datetime | None = None,
    urgency: int = 5,
    extra: Extra | None = None,
) -> Dispatch:
    """Have `message` sent to `address` (E.164 or e-mail) from `due_at` on, not after `use_by`; in the caller's transaction.

    `urgency` is 0 where a person waits, 5 for reminders, 9 for messages to many. `source` is "reply", "reminder", "batch",
    "confirmation" or "test", `source_id` the row it comes from.
    """
    row = Dispatch(
        id=new(),
        workspace_id=message.workspace_id,
        message=message,
        contact_id=message.contact_id,
        account=account,
        channel=account.channel,
        address=address,
        purpose=purpose,
        urgency=urgency,
        due_at=due_at,
        use_by=use_by,
        source=source,
        source_id=source_id,
    )
    order_many([row], [extra])
    return row


def order_many(rows: Sequence[Dispatch], extras: Sequence[Extra | None] = ()) -> None:
    """The same for many rows of one workspace, unsaved; `extras` in their order where they need any."""
    for row, extra in zip(rows, extras, strict=False):
        if extra is not None:
            row.extra = seal_extra(extra, workspace_id=row.workspace_id, dispatch_id=row.pk)
    Dispatch.objects.bulk_create(rows, batch_size=1000)
    now = clock.now()
    for account_id in {row.account_id for row in rows if row.due_at <= now}:
        wake(rows[0].workspace_id, account_id)


def wake(workspace_id: UUID, account_id: UUID, *, not_before: datetime | None = None) -> None:
    """Let a worker look at what an account has to send, at once. What is due later is found by the sweep."""
    jobs.enqueue(
        SEND, workspace=workspace_id, once=f"{SEND}:{account_id}", not_before=not_before, account=str(account_id)
    )


def take_back(
    *,
    workspace: HasId | UUID,
    at: datetime,
    ids: Collection[UUID] | None = None,
    source_ids: Collection[UUID] | None = None,
    reason: str = "taken_back",
) -> int:
    """What still waits of these dispatches, or of those of these sources, is not sent any more; returns how many.

    One that a worker holds at this moment goes its way.
    """
    if ids is None and source_ids is None:
        raise ValueError("Say which.")
    here = tenancy.workspace_id_of(workspace)
    rows = Dispatch.objects.of(here).filter(state__in=[_State.TODO, _State.HELD])
    if ids is not None:
        rows = rows.filter(pk__in=ids)
    if source_ids is not None:
        rows = rows.filter(source_id__in=source_ids)
    locked = list(rows.select_for_update(skip_locked=True).order_by("id"))
    _drop(here, locked, reason=reason, at=at)
    return len(locked)


def _drop(here: UUID, locked: Sequence[Dispatch], *, reason: str, at: datetime) -> None:
    Dispatch.objects.of(here).filter(pk__in=[row.pk for row in locked]).update(
        state=_State.DROPPED, reason=reason, ended_at=at
    )
    for row in locked:
        row.state, row.reason = _State.DROPPED, reason
    changes.tell(here, locked)


def hold_after_restore(workspace: HasId | UUID, *, at: datetime) -> int:
    """Nothing that waited in a backup leaves by itself: it may have left after the backup was made. Returns how many are held."""
    here = tenancy.workspace_id_of(workspace)
    waiting = Dispatch.objects.of(here).filter(state__in=[_State.TODO, _State.SENDING, _State.UNKNOWN])
    held = waiting.update(state=_State.HELD, reason=RESTORED, claimed_by="", lease_until=None)
    if held:
        ledger.write("messaging.outbox.held", workspace=here, at=at, count=held)
    return held


@dataclass(frozen=True, slots=True)
class Decided:
    """How many held messages are on their way, are left out, and were dropped because their time was over."""

    released: int = 0
    left_out: int = 0
    too_late: int = 0

    @property
    def count(self) -> int:
        return self.released + self.left_out + self.too_late


def let_go(*, by: Member, at: datetime, ids: Collection[UUID], is_sent: bool) -> Decided:
    """A person decided about these held ones: they had gone out before the restore and are left out, or may be sent.

    What is past its `use_by` is dropped instead of sent, and the gate is asked as each leaves. What somebody else decided about
    meanwhile is left as it is, so of two at once the second does nothing.
    """
    here = by.workspace_id
    held = Dispatch.objects.of(here).filter(state=_State.HELD, pk__in=ids)
    rows = list(held.defer("extra").select_for_update().order_by("id"))
    if is_sent:
        _drop(here, rows, reason=RESTORED, at=at)
        _note("left_out", len(rows), by=by, at=at)
        return Decided(left_out=len(rows))
    late = [row for row in rows if _is_over(row, at)]
    _drop(here, late, reason=TOO_LATE, at=at)
    _note("too_late", len(late), by=by, at=at)
    in_time = [row for row in rows if not _is_over(row, at)]
    Dispatch.objects.of(here).filter(pk__in=[row.pk for row in in_time]).update(state=_State.TODO, reason="")
    _note("released", len(in_time), by=by, at=at)
    for account_id in {row.account_id for row in in_time}:
        wake(here, account_id)
    return Decided(released=len(in_time), too_late=len(late))


def _is_over(row: Dispatch, at: datetime) -> bool:
    return row.use_by is not None and row.use_by <= at


def _note(what: str, count: int, *, by: Member, at: datetime) -> None:
    if count:
        ledger.write(f"messaging.outbox.{what}", workspace=by.workspace_id, by=by, at=at, count=count)


def seal_extra(extra: Extra, *, workspace_id: UUID, dispatch_id: UUID) -> bytes:
    said = {
        "values": list(extra.values),
        "buttons": [list(button) for button in extra.buttons],
        "headers": dict(extra.headers),
    }
    plain = json.dumps({name: value for name, value in said.items() if value}, ensure_ascii=False)
    return vault.seal_text(plain, workspace_id=workspace_id, context=_place(dispatch_id))


def open_extra(token: bytes | memoryview | None, *, workspace_id: UUID, dispatch_id: UUID) -> Extra:
    if not token:
        return Extra()
    said: dict[str, Any] = json.loads(vault.open_text(token, workspace_id=workspace_id, context=_place(dispatch_id)))
    buttons = tuple((str(button), str(words)) for button, words in said.get("buttons", ()))
    return Extra(tuple(said.get("values", ())), buttons, said.get("headers", {}))


def place_of_extra(row: Dispatch) -> str:
    return _place(row.pk)


def _place(dispatch_id: UUID) -> str:
    return vault.context("messaging.Dispatch.extra", dispatch_id)
