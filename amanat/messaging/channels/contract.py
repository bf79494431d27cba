"""What a channel's adapter is given and what it answers: the words that outbox, inbox and every provider share."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Access:
    """An account with its secrets opened: what an adapter needs and nothing of the person."""

    account_id: UUID
    workspace_id: UUID
    address: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    is_sandbox: bool
    provider: str = ""  #: name of the adapter


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that goes along, or came along. `content` is empty where the provider keeps it under `provider_id` until fetched."""

    name: str
    content_type: str
    content: bytes = b""
    provider_id: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One answer that is offered to be tapped. `id` comes back with it; only a row of a list has a `description`."""

    title: str
    description: str = ""
    id: str = ""


@dataclass(frozen=True, slots=True)
class Choices:
    """What stands below a text to be tapped: quick replies, or, behind a button that says `label`, a list."""

    offered: Sequence[Choice]
    label: str = ""  #: "" for quick replies


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message as it leaves. `reference` is ours, made before the first try; the provider echoes it where it can.

    `template` is the provider's name of an approved text and `values` its variables; without one, `text` is free.
    """

    reference: UUID
    to: str  #: E.164 or an e-mail address
    text: str
    subject: str = ""
    language: str = "en"
    template: str = ""
    template_id: str = ""  #: the provider's or the register's (DLT)
    category: str = "utility"  #: "utility", "marketing" or "authentication"
    values: Sequence[str] = ()
    limits: Sequence[int] = ()  #: most characters of each value, where a register of texts says so
    buttons: Sequence[tuple[str, str]] = ()  #: of a template: (id, words)
    choices: Choices | None = None  #: below a free text, where the channel knows such a thing
    files: Sequence[Attached] = ()
    reaction: str | None = None  #: an emoji put on the message `answers`; "" takes ours away from it
    answers: str = ""  #: the provider's id of the message this answers
    headers: Mapping[str, str] = field(default_factory=dict)  #: of an e-mail: List-Unsubscribe and the like


class Outcome(StrEnum):
    """What came of a try."""

    ACCEPTED = "accepted"
    LATER = "later"  #: surely not sent; worth another try
    UNCLEAR = "unclear"  #: it may have been sent: never try again before somebody knows
    REFUSED = "refused"  #: surely not sent, and another try changes nothing


@dataclass(frozen=True, slots=True)
class Answer:
    """`wait` is the provider's wish (Retry-After); `stops_account` says that the whole account must wait or is broken.

    `opts_out` says that the provider told us that the person does not want this: it becomes a suppression.
    """

    outcome: Outcome
    provider_id: str = ""
    code: str = ""  #: the provider's error code; words for it: `Adapter.explain`
    wait: timedelta | None = None
    stops_account: bool = False
    opts_out: bool = False
    pricing: str = ""


class Line(Protocol):
    """An open way to a provider; `send` may be called from many threads at once."""

    def send(self, message: Outgoing) -> Answer: ...


class Progress(StrEnum):
    """What becomes of a message that was taken; only forward: a later report never makes it less."""

    SENT = "sent"
    DELIVERED = "delivered"
    READ = "read"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Report:
    """A provider's report about one of our messages, found by our reference or by its own id."""

    provider_id: str
    progress: Progress
    at: datetime
    reference: UUID | None = None
    code: str = ""
    pricing: str = ""
    opts_out: bool = False


@dataclass(frozen=True, slots=True)
class Arrived:
    """A message of a person, or of somebody who writes for the first time. `kind` is one of inbox.Message.Kind."""

    provider_id: str
    sender: str  #: E.164 or e-mail address
    at: datetime
    text: str = ""
    kind: str = "text"
    name: str = ""  #: as they call themselves
    subject: str = ""
    html: str = ""  #: cleaned by core.html
    answers: str = ""  #: the provider's id of the message this answers
    choice: str = ""  #: the id of the button or entry chosen
    reaction: str = ""
    files: Sequence[Attached] = ()
    references: Sequence[str] = ()  #: ids of earlier mails of the thread


@dataclass(frozen=True, slots=True)
class Preference:
    """The person told the provider to stop or resume what the channel calls marketing."""

    sender: str
    wants: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class TemplateNews:
    """The provider approved, refused or paused a text, or counts it as another category."""

    provider_id: str
    name: str
    language: str
    state: str  #: a TemplateText.State; "" where it stays as it was
    reason: str = ""
    category: str = ""  #: a MessageTemplate.Category; "" where the provider does not say


@dataclass(frozen=True, slots=True)
class AccountNews:
    """The provider changed what it thinks of the account, or of the one with the `address` where that is not empty."""

    quality: str = ""
    daily_limit: int | None = None
    trouble: str = ""
    address: str = ""


type News = Report | Arrived | Preference | TemplateNews | AccountNews


class WebhookRefused(Exception):
    """Forged, altered, for somebody else, or too old: nothing of it is believed. The words are for our log only."""


class Adapter(Protocol):
    """One provider. `recipient` is its name in `core.outgoing` and in the policy's recipients; no state is kept between calls."""

    name: str
    channel: str
    recipient: str
    title: str
    needs: Collection[str]  #: names of settings and secrets the owner fills in
    #: the provider surely reports on what it took within this time; None where silence says nothing
    reports_within: timedelta | None

    def line(self, access: Access) -> AbstractContextManager[Line]:
        """The open way over which a batch leaves."""
        ...

    def explain(self, code: str) -> tuple[str, str]:
        """What an error code means, and what to do: two short sentences, translatable."""
        ...

    def check(self, access: Access) -> AccountNews:
        """Ask the provider whether the account works. Raises core.outgoing.Unreachable or Refused."""
        ...


class Hears(Protocol):
    """A provider that calls us: its webhook is /w/<workspace>/hooks/<account>/."""

    def handshake(self, access: Access, query: Mapping[str, str]) -> str:
        """The text to answer a GET with. Raises WebhookRefused."""
        ...

    def events(
        self, access: Access, body: bytes, headers: Mapping[str, str], *, at: datetime
    ) -> list[tuple[bytes, Any]]:
        """The events of a call after its signature was checked: (what makes it the same event, JSON to keep). Raises WebhookRefused."""
        ...

    def read(self, access: Access, payload: Any) -> list[News]:
        """What one kept event says."""
        ...
