"""A provider for tests, in memory, and what is needed to send over it. `Post.taken` is its own record of what it accepted."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from amanat.accounts.models import Workspace
from amanat.basis import consent, notices
from amanat.basis.consent import How
from amanat.basis.models import Method
from amanat.basis.tests.people import make_contact
from amanat.core import clock, ids
from amanat.messaging.channels import adapters
from amanat.messaging.channels.contract import Access, AccountNews, Answer, News, Outcome, Outgoing
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.outbox import ordering
from amanat.messaging.outbox.models import Dispatch
from amanat.people.models import Contact

NOON = datetime(2026, 12, 1, 6, 30, tzinfo=UTC)  # in Kolkata
PHONE = "+919822041736"


@dataclass
class Post:
    """The adapter, its line, and the provider behind it."""

    name: str = "post"
    channel: str = "whatsapp"
    recipient: str = "whatsapp"
    title: str = "Post"
    needs: tuple[str, ...] = ()
    reports_within: timedelta | None = None
    taken: list[Outgoing] = field(default_factory=list)
    answer: Callable[[Outgoing], Answer] | None = None
    news: Callable[[Any], list[News]] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    @contextmanager
    def line(self, access: Access) -> Iterator[Post]:
        yield self

    def send(self, message: Outgoing) -> Answer:
        if self.answer is not None:
            said = self.answer(message)
            if said.outcome is not Outcome.ACCEPTED:
                return said
        with self.lock:
            self.taken.append(message)
        return Answer(Outcome.ACCEPTED, provider_id=f"post.{message.reference}")

    def explain(self, code: str) -> tuple[str, str]:
        return f"It said {code}.", "Ask it."

    def check(self, access: Access) -> AccountNews:
        return AccountNews()

    def events(
        self, access: Access, body: bytes, headers: Mapping[str, str], *, at: datetime
    ) -> list[tuple[bytes, Any]]:
        raise NotImplementedError

    def read(self, access: Access, payload: Any) -> list[News]:
        assert self.news is not None
        return self.news(payload)


def open_post(**changes: Any) -> Post:
    """A new provider, known by its name from now on."""
    post = Post(**changes)
    adapters.register(post)
    return post


def make_account(workspace: Workspace, *, channel: str = "whatsapp", address: str = "+912048574321") -> ChannelAccount:
    return ChannelAccount.objects.create(
        workspace_id=workspace.pk, channel=channel, provider="post", name="Post", address=address, is_default=True
    )


def agree(
    contact: Contact, purpose: str = "reminders", channel: str = "whatsapp", *, at: datetime | None = None
) -> None:
    """She agrees by a link."""
    at = at or clock.now() - timedelta(hours=1)
    workspace = Workspace.objects.of(contact.workspace_id).get()
    shown = notices.show(workspace=workspace, purposes=[purpose], language="en", at=at)
    consent.give(contact=contact, purpose=purpose, channels=[channel], notice=shown, how=How(Method.LINK), at=at)


def make_person(workspace: Workspace, name: str = "Asha Menon", phone: str = PHONE, **fields: Any) -> Contact:
    contact = make_contact(workspace, name, phone=phone, **fields)
    agree(contact)
    return contact


def write(contact: Contact, account: ChannelAccount, text: str = "Your insurance runs out on Friday.") -> Message:
    """A message of the workspace in the person's thread, not ordered yet."""
    here = contact.workspace_id
    thread = Thread.objects.of(here).filter(contact=contact).first() or Thread.objects.create(
        workspace_id=here, contact=contact, last_at=clock.now()
    )
    message = Message(
        id=ids.new(),
        workspace_id=here,
        thread=thread,
        contact=contact,
        channel=account.channel,
        account=account,
        direction=Message.Direction.OUT,
        happened_at=clock.now(),
    )
    message.body = bodies.seal(text, workspace_id=here, message_id=message.pk)
    message.save(force_insert=True)
    return message


def order(contact: Contact, account: ChannelAccount, **changes: Any) -> Dispatch:
    """A reminder for her that is due now."""
    values: dict[str, Any] = {
        "address": contact.main_phone, "purpose": "reminders", "source": "reminder", "due_at": clock.now()
    }  # fmt: skip
    values.update(changes)
    return ordering.order(message=write(contact, account), account=account, **values)


def order_each(account: ChannelAccount, count: int) -> list[Dispatch]:
    """A message for each of so many people: to one person they leave one after the other."""
    workspace = Workspace.objects.of(account.workspace_id).get()
    people = [make_contact(workspace, f"Person {number}", phone=f"+9198220{number:05d}") for number in range(count)]
    return [order(person, account, purpose="service") for person in people]
