"""The push services: whose browsers they serve, at which hosts, and one request to them.

An endpoint comes from a browser, so from outside: only hosts of the services below are ever connected to, or the one double that the
operator set (AMANAT_PUSH_URL). All of it goes through `core.outgoing`, as the recipient that the policy calls "push"; where the policy
of a workspace does not name it, nothing is sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

from django.conf import settings

from amanat.basis import rules
from amanat.core import clock, configuration, outgoing
from amanat.messaging.push import vapid
from amanat.publishing import inventory

RECIPIENT = "push"
#: Whose service it is, by its hosts; "*." stands for all names below.
SERVICES: dict[str, tuple[str, ...]] = {
    "Google": ("fcm.googleapis.com",),
    "Mozilla": ("*.push.services.mozilla.com",),
    "Apple": ("*.push.apple.com",),
    "Microsoft": ("*.notify.windows.com",),
}
#: The double's, shown in the list of devices.
SANDBOX = "Sandbox"
LONGEST = 1_000
_TIMEOUT = 15.0
_LONGEST_WAIT = timedelta(hours=1)


class Outcome(StrEnum):
    SENT = "sent"
    GONE = "gone"  #: the browser is not there any more: never ask again
    LATER = "later"
    REFUSED = "refused"  #: the service does not want it, and would not the next time


@dataclass(frozen=True, slots=True)
class Answer:
    """What a service said; `wait` is its wish (Retry-After)."""

    outcome: Outcome
    status: int = 0
    wait: timedelta | None = None


def service_of(endpoint: str) -> str:
    """Whose endpoint it is, "" where it is of none that we would call."""
    if len(endpoint) > LONGEST or not endpoint.isascii() or not endpoint.isprintable() or "\\" in endpoint:
        return ""
    try:
        parts = urlsplit(endpoint)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        return ""
    if "@" in parts.netloc or parts.fragment or not parts.path.strip("/"):
        return ""
    if settings.PUSH_URL and endpoint.startswith(f"{settings.PUSH_URL}/"):
        return SANDBOX
    if parts.scheme != "https" or port not in {None, 443}:
        return ""
    return next((name for name, hosts in SERVICES.items() if any(_is_at(host, one) for one in hosts)), "")


def _is_at(host: str, known: str) -> bool:
    return host.endswith(known[1:]) if known.startswith("*.") else host == known


def hosts() -> tuple[str, ...]:
    """For the table of recipients."""
    double = (urlsplit(settings.PUSH_URL).netloc,) if settings.PUSH_URL else ()
    return (*(host for named in SERVICES.values() for host in named), *double)


def register() -> None:
    """Declare the services; called when the site starts."""
    is_near = configuration.is_loopback(urlsplit(settings.PUSH_URL).hostname or "") if settings.PUSH_URL else False
    outgoing.register_recipient(RECIPIENT, hosts=hosts, allow_private=is_near)
    inventory.asks_first(RECIPIENT)


def is_named(workspace_id: UUID) -> bool:
    """Whether the policy of the workspace says that push services receive anything."""
    return RECIPIENT in rules.of(workspace_id).policy.recipients


def push(endpoint: str, body: bytes, *, topic: str, lasts: timedelta) -> Answer:
    """Hand a sealed notification over. `topic` replaces an older one that was not shown yet; it is given up after `lasts`."""
    if not service_of(endpoint):
        return Answer(Outcome.GONE)
    now = clock.now()
    headers = {
        "authorization": vapid.authorization(endpoint, at=now),
        "content-encoding": "aes128gcm",
        "content-type": "application/octet-stream",
        "ttl": str(max(0, int(lasts.total_seconds()))),
        "topic": topic,
        "urgency": "high",
    }
    try:
        answer = outgoing.send(
            "POST", endpoint, recipient=RECIPIENT, headers=headers, content=body, timeout=_TIMEOUT, max_bytes=100_000
        )
    except outgoing.Unreachable:
        return Answer(Outcome.LATER)
    except outgoing.Refused:
        return Answer(Outcome.REFUSED)
    return _read(answer.status, answer.headers.get("retry-after", ""), now)


def _read(status: int, retry_after: str, now: datetime) -> Answer:
    if 200 <= status < 300:
        return Answer(Outcome.SENT, status)
    if status in {404, 410}:
        return Answer(Outcome.GONE, status)
    if status in {401, 403}:  # bound to a key of ours that was lost: it will never be heard again
        return Answer(Outcome.GONE, status)
    if status == 429 or status >= 500 or status == 408:
        return Answer(Outcome.LATER, status, _wait(retry_after, now))
    return Answer(Outcome.REFUSED, status)


def _wait(text: str, now: datetime) -> timedelta | None:
    """Seconds or a date; an hour at most, for after that the notification is old."""
    if text.strip().isdigit():
        return min(timedelta(seconds=int(text.strip()[:9])), _LONGEST_WAIT)
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    return min(max(moment - now, timedelta()), _LONGEST_WAIT) if moment.tzinfo else None
