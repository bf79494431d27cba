"""What really left this machine: counted for each recipient, host and day, before it leaves, without a word about whom.

The hook is part of `core.outgoing`: a request that cannot be counted is not made. What was refused because nobody declared it is counted too.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.db import connection
from django.db.models import Max, Min, Sum

from amanat.core import clock
from amanat.core.outgoing import Disclosure
from amanat.privacy.registers.models import Traffic

_SLOTS = 32
_SQL = """
INSERT INTO privacy_traffic ("on", recipient, host, was_refused, slot, requests, sent_bytes) VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT ("on", recipient, host, was_refused, slot)
DO UPDATE SET requests = privacy_traffic.requests + EXCLUDED.requests, sent_bytes = privacy_traffic.sent_bytes + EXCLUDED.sent_bytes
"""


@dataclass(frozen=True, slots=True)
class Line:
    """Traffic to one host of one recipient over a time."""

    recipient: str
    host: str
    was_refused: bool
    requests: int
    sent_bytes: int
    first_on: date
    last_on: date


def count(disclosure: Disclosure) -> None:
    """Requests are about to leave; a session takes those back, at its end, that did not (see `core.outgoing`)."""
    sent, requests = disclosure.sent_bytes, disclosure.requests
    _add(disclosure.recipient, disclosure.host, sent, was_refused=False, requests=requests)


def count_refused(recipient: str, host: str) -> None:
    """A request was refused, because its recipient or its host is not declared."""
    _add(recipient, host, 0, was_refused=True)


def _add(recipient: str, host: str, sent_bytes: int, *, was_refused: bool, requests: int = 1) -> None:
    slot = secrets.randbelow(_SLOTS)
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [clock.now().date(), recipient[:60], host[:255], was_refused, slot, requests, sent_bytes])


def since(day: date) -> list[Line]:
    """What left, or was refused, from a day on, the busiest first."""
    rows: Iterable[Any] = (
        Traffic.objects.filter(on__gte=day)
        .values("recipient", "host", "was_refused")
        .annotate(requests=Sum("requests"), sent_bytes=Sum("sent_bytes"), first_on=Min("on"), last_on=Max("on"))
        .order_by("-requests", "recipient", "host")
    )
    return [Line(**row) for row in rows]
