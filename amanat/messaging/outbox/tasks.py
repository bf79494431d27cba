"""Jobs of this part."""

from __future__ import annotations

from uuid import UUID

from django.db import connection

from amanat.accounts import access
from amanat.core import clock, jobs
from amanat.messaging.outbox import events, ordering, sending, settling


@jobs.job(ordering.SEND, purpose="Send the messages of an account that are due and allowed", is_quick=True)
def send(workspace_id: UUID, account: str) -> None:
    if sending.send_waiting(workspace_id, UUID(account)):
        ordering.wake(workspace_id, UUID(account))


@jobs.job(events.WORK, purpose="Apply what a provider reported and take in what people wrote", is_quick=True)
def work_off(workspace_id: UUID, account: str) -> None:
    if events.work_off(workspace_id, UUID(account)):
        events.wake(workspace_id, UUID(account))


@jobs.periodic(
    "messages.sweep",
    "* * * * * */10",
    purpose="Find messages that are due, and those whose worker is gone or silent",
    is_quick=True,
)
def sweep() -> None:
    settling.rescue_here()
    with connection.cursor() as cursor:
        cursor.execute("SELECT what, workspace, account FROM outbox_to_do(%s)", [clock.now()])
        found = cursor.fetchall()
    for what, workspace_id, account_id in found:
        if what == "send":
            ordering.wake(workspace_id, account_id)
        elif what == "events":
            events.wake(workspace_id, account_id)
        else:
            settling.rescue(workspace_id)
            settling.settle_by_silence(workspace_id)


@jobs.periodic("messages.sweep_events", "25 3 * * *", purpose="Forget events of providers that nobody repeats any more")
def sweep_events() -> None:
    for workspace_id in access.workspace_ids():
        events.sweep(workspace_id, at=clock.now())
