"""What every provider of text messages has in common: one recipient a request, unsigned reports whose address carries a secret.

A provider says how its request looks (`request`), what its answer means (`understood`), what its reports say (`items`, `said`) and where what
people answer stands in its calls (`inbound`); when a text may not be tried at all, what becomes of a request that broke, and who may call, is
the same for all of them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from amanat.core import clock, outgoing
from amanat.messaging.channels import sandboxes, sms, sms_inbound, unsigned_calls
from amanat.messaging.channels.contract import (
    Access,
    AccountNews,
    Answer,
    Arrived,
    News,
    Outcome,
    Outgoing,
    Progress,
    Report,
    WebhookRefused,
)
from amanat.messaging.channels.provider_json import at_path
from amanat.messaging.channels.sms_inbound import Written

_INDIA = ZoneInfo("Asia/Kolkata")
_MOST_ITEMS = 1_000
CREDENTIALS = Answer(Outcome.LATER, code="credentials", stops_account=True)
BALANCE = Answer(Outcome.LATER, code="balance", stops_account=True)


@dataclass(frozen=True, slots=True)
class Request:
    """What one text is sent with."""

    method: str
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What a report says, in the provider's own ids and time; `progress` None: nothing we know."""

    provider_id: str
    reference: str
    progress: Progress | None
    at: str = ""
    code: str = ""
    opts_out: bool = False


class SmsAdapter(ABC):
    """One provider; no state is kept between calls."""

    name: str
    title: str
    needs: Collection[str]
    channel = "sms"
    recipient = sms.RECIPIENT
    reports_within: timedelta | None = None

    @abstractmethod
    def request(self, access: Access, message: Outgoing) -> Request:
        """The request for one text that may be tried."""

    @abstractmethod
    def understood(self, access: Access, answer: outgoing.Response) -> Answer:
        """What the provider's answer to it means."""

    @abstractmethod
    def items(self, access: Access, data: Any) -> Sequence[Any]:
        """The reports of a call; those that are no objects are left out."""

    @abstractmethod
    def said(self, access: Access, payload: Mapping[str, Any]) -> Said:
        """What one of them says."""

    @abstractmethod
    def inbound(self, access: Access) -> Mapping[str, Any]:
        """Where an incoming message stands, as `sms_inbound` reads it."""

    @abstractmethod
    def unknown(self, code: str) -> tuple[str, str]:
        """Words for a code of the provider that we do not know."""

    @abstractmethod
    def check(self, access: Access) -> AccountNews:
        """Whether the account works."""

    @contextmanager
    def line(self, access: Access) -> Iterator[_Line]:
        sandboxes.introduce_again(access)
        yield _Line(self, access)

    def explain(self, code: str) -> tuple[str, str]:
        return sms.words(code) or self.unknown(code)

    def handshake(self, access: Access, query: Mapping[str, str]) -> str:
        raise WebhookRefused("no handshake")

    def events(
        self, access: Access, body: bytes, headers: Mapping[str, str], *, at: datetime
    ) -> list[tuple[bytes, Any]]:
        unsigned_calls.known(access, headers)
        data = unsigned_calls.said(body, headers)
        written = [
            (sms_inbound.same(one, at), item)
            for item in self._parts(access, data)
            if (one := self._written(access, item))
        ]
        reports = [
            item
            for item in self.items(access, data)
            if item and isinstance(item, dict) and not self._written(access, item)
        ]
        return [*written, *((unsigned_calls.canonical(item), item) for item in reports)][:_MOST_ITEMS]

    def _parts(self, access: Access, data: Any) -> Sequence[Any]:
        """What may be incoming messages, where they do not stand among the reports."""
        path = self.inbound(access).get("list")
        found = self.items(access, data) if path is None else at_path(data, str(path))
        return found if isinstance(found, list) else [found]

    def _written(self, access: Access, payload: Any) -> Written | None:
        """A message of somebody; our own header writes none."""
        found = sms_inbound.found(self.inbound(access), payload)
        return None if found is None or found.sender == sms.header(access) else found

    def read(self, access: Access, payload: Any) -> list[News]:
        written = self._written(access, payload)
        if written is not None:
            return [Arrived(written.provider_id, written.sender, moment(written.at), text=written.text)]
        said = self.said(access, payload)
        reference = unsigned_calls.uuid_of(said.reference)
        if said.progress is None or not (reference or said.provider_id):
            return []
        at, name = moment(said.at), said.provider_id[:250]
        return [Report(name, said.progress, at, reference, said.code[:40], opts_out=said.opts_out)]


class _Line:
    def __init__(self, adapter: SmsAdapter, access: Access) -> None:
        self._adapter, self._access = adapter, access

    def send(self, message: Outgoing) -> Answer:
        refused = sms.refusal(self._access, message)
        if refused is not None:
            return refused
        answer = posted(self._adapter.request(self._access, message), recipient=sms.double_of(self._access))
        return answer if isinstance(answer, Answer) else self._adapter.understood(self._access, answer)


def posted(request: Request, *, recipient: str = "", timeout: float = 20.0) -> outgoing.Response | Answer:
    """The provider's answer, or ours where there was none: only a request that cannot have arrived is worth another try."""
    if request.method not in {"GET", "POST"}:
        return Answer(Outcome.REFUSED, code="refused_address")
    try:
        return outgoing.send(
            request.method, request.url, recipient=recipient or sms.RECIPIENT, headers=request.headers, content=request.content,
            timeout=timeout, max_bytes=200_000,
        )  # fmt: skip
    except outgoing.Refused:
        return Answer(Outcome.REFUSED, code="refused_address", stops_account=True)
    except outgoing.AnswerTooLarge:
        return Answer(Outcome.UNCLEAR, code="odd_answer")
    except outgoing.Unreachable as broken:
        if broken.may_have_arrived:
            return Answer(Outcome.UNCLEAR, code="no_answer")
        return Answer(Outcome.LATER, code="unreachable")


#: Where the provider says that it was too much, and not for how long: without a time the account would wait for a person.
_A_WHILE = timedelta(minutes=1)


def by_status(answer: outgoing.Response) -> Answer:
    """What the status of an answer that is no success says by itself."""
    match answer.status:
        case 429:
            return Answer(Outcome.LATER, code="429", wait=_retry_after(answer) or _A_WHILE, stops_account=True)
        case 401 | 403:
            return CREDENTIALS
        case 503:
            return Answer(Outcome.LATER, code="503", wait=_retry_after(answer))
    return Answer(Outcome.UNCLEAR if answer.status >= 500 else Outcome.REFUSED, code=str(answer.status))


def json_of(answer: outgoing.Response) -> Any:
    """The answer as JSON, or None."""
    try:
        return answer.json()
    except ValueError:
        return None


def _retry_after(answer: outgoing.Response) -> timedelta | None:
    """How long the provider wants us to wait, at most an hour; None when it did not say."""
    said = answer.headers.get("retry-after", "")
    return timedelta(seconds=min(int(said), 3_600)) if said.isdigit() else None


def moment(text: str) -> datetime:
    """A provider's time; without a zone it is India's, without any it is now. Never later than now."""
    now = clock.now()
    try:
        if text.isdigit():
            number = int(text)
            found = datetime.fromtimestamp(number / 1_000 if number > 10**11 else number, UTC)
        else:
            found = datetime.fromisoformat(text.strip().replace(" ", "T", 1))
            found = found if found.tzinfo else found.replace(tzinfo=_INDIA)
    except (ValueError, OverflowError, OSError):
        return now
    return min(found.astimezone(UTC), now)
