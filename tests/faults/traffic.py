"""Messages to people who agreed, people who take that back while messages leave, and the provider's reports."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol
from uuid import UUID

from tests.faults.plan import Wanted

if TYPE_CHECKING:
    from amanat.messaging.channels.models import ChannelAccount


class Reports(Protocol):
    """A provider that says what became of messages."""

    def to_report(self) -> list[tuple[str, str]]: ...


def order(account: ChannelAccount, wanted: Wanted, people: list[Any] | None = None) -> set[UUID]:
    """Reminders to people who agreed, due one after the other."""
    from amanat.core import clock, ids, tenancy
    from amanat.messaging.inbox import bodies
    from amanat.messaging.inbox.models import Message, Thread
    from amanat.messaging.outbox import ordering
    from amanat.messaging.outbox.models import Dispatch
    from amanat.messaging.outbox.tests import post as provider
    from amanat.people.models import Contact

    at, chance, made = clock.now(), random.Random(wanted.seed), set()
    with tenancy.inside(account.workspace_id) as here:
        from amanat.accounts.models import Workspace

        workspace = Workspace.objects.of(here).get()
        known = Contact.objects.of(here).filter(name__startswith="Person ")
        people = (
            people
            or list(known)
            or [
                provider.make_person(workspace, f"Person {number}", f"+9198220{number:05d}")
                for number in range(max(20, min(400, wanted.messages // 25)))
            ]  # to each they leave one after the other
        )
        for begin in range(0, wanted.messages, 1000):
            rows, messages = [], []
            for number in range(begin, min(begin + 1000, wanted.messages)):
                person = people[number % len(people)]
                thread, _new = Thread.objects.of(here).get_or_create(
                    contact=person, defaults={"workspace_id": here, "last_at": at}
                )
                message = Message(
                    id=ids.new(), workspace_id=here, thread=thread, contact=person, channel="whatsapp", account=account,
                    direction="out", happened_at=at,
                )  # fmt: skip
                message.body = bodies.seal("Your insurance runs out.", workspace_id=here, message_id=message.pk)
                messages.append(message)
                rows.append(Dispatch(
                    id=ids.new(), workspace_id=here, message=message, contact=person, account=account, channel="whatsapp",
                    address=person.main_phone, purpose="reminders", source="reminder",
                    due_at=at + timedelta(seconds=chance.uniform(0, wanted.spread)),
                ))  # fmt: skip
            Message.objects.bulk_create(messages)
            ordering.order_many(rows)
            made |= {row.pk for row in rows}
    return made


def mix(account: ChannelAccount, wanted: Wanted) -> None:
    """What was ordered becomes due from now on, in any order: to those who leave among all others."""
    from django.db import connection

    from amanat.core import clock, tenancy

    with tenancy.inside(account.workspace_id) as here, connection.cursor() as cursor:
        cursor.execute(
            "UPDATE messaging_dispatch SET due_at = %s + random() * make_interval(secs => %s) WHERE workspace_id = %s",
            [clock.now(), wanted.spread, here],
        )


def patiently[T](act: Callable[[], T]) -> T:
    """Do something with the database, again and again while it is away."""
    from django.db import Error, connections

    until = time.monotonic() + 60
    while True:
        try:
            return act()
        except Error:
            if time.monotonic() > until:
                raise
            connections.close_all()
            time.sleep(0.1)


class Leavers:
    """People who agreed and take it back while messages to them leave: at the desk, where the answer is the end of the transaction."""

    def __init__(self, account: ChannelAccount, wanted: Wanted) -> None:
        from amanat.accounts.models import Workspace
        from amanat.core import tenancy
        from amanat.messaging.outbox.tests import post as provider

        self._account, self.left_at = account, dict[UUID, float]()
        with tenancy.inside(account.workspace_id) as here:
            workspace = Workspace.objects.of(here).get()
            self._waiting = [
                provider.make_person(workspace, f"Leaver {number}", f"+9198330{number:05d}")
                for number in range(wanted.opting_out)
            ]

    def order(self, wanted: Wanted) -> set[UUID]:
        """Five messages to each, spread like all others."""
        if not self._waiting:
            return set()
        few = Wanted(messages=5 * len(self._waiting), spread=wanted.spread, seed=wanted.seed + 2)
        return order(self._account, few, people=self._waiting)

    def leave(self) -> None:
        """The next one."""
        from amanat.basis import consent
        from amanat.basis.consent import How
        from amanat.basis.models import Method
        from amanat.core import clock, tenancy

        if not self._waiting:
            return
        person = self._waiting.pop()

        def withdraw() -> None:
            with tenancy.inside(self._account.workspace_id):
                consent.withdraw(
                    contact=person, purpose="reminders", channels=["whatsapp"], how=How(Method.COUNTER), at=clock.now()
                )

        patiently(withdraw)
        self.left_at[person.pk] = time.monotonic()


@contextlib.contextmanager
def reporting(provider: Reports, accounts: Sequence[ChannelAccount]) -> Iterator[None]:
    """Hand the provider's reports in, as its calls would: each to the account that sent the message."""
    from django.db import Error, connections

    from amanat.core import clock, tenancy
    from amanat.messaging.outbox import events

    ended = threading.Event()

    def report() -> None:
        due: dict[str, list[str]] = {account.address: [] for account in accounts}
        while not ended.wait(0.2):
            for address, reference in provider.to_report():
                due[address].append(reference)
            for account in accounts:
                try:
                    with tenancy.inside(account.workspace_id):
                        told = [(each.encode(), {"r": each}) for each in due[account.address]]
                        events.keep(account, told, clock.now())
                except Error:
                    connections.close_all()  # we are away: it calls again
                else:
                    due[account.address] = []
        connections.close_all()

    thread = threading.Thread(target=report)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
