"""As what a provider counted the messages it charges: its category, as its reports name it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from zoneinfo import ZoneInfo

from django.db.models import Count
from django.db.models.functions import TruncMonth
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.outbox.models import Dispatch

#: Meta's categories (Cloud API, "Pricing", November 2026); an answer within the window of service is free.
_WORDS: dict[str, str | Promise] = {
    "service": _("Answer (free)"),
    "utility": _("Service"),
    "marketing": _("Offer"),
    "marketing_lite": _("Offer"),
    "authentication": _("One-time code"),
    "authentication_international": _("One-time code abroad"),
    "referral_conversion": _("After an advertisement (free)"),
}
_FREE = frozenset({"", "service", "referral_conversion"})
#: The running month and those before it.
MONTHS = 3


@dataclass(frozen=True, slots=True)
class Month:
    first: date
    counts: Sequence[tuple[str, int]]  #: how many of each category, in words


def words(category: str) -> str:
    """A category nobody knows is given back as it came."""
    return str(_WORDS.get(category, category))


def costs(category: str) -> bool:
    return category not in _FREE


def by_month(account: ChannelAccount, *, time_zone: str, now: datetime) -> list[Month]:
    """The messages of an account that were counted, the running month first. One statement."""
    zone = ZoneInfo(time_zone)
    first = now.astimezone(zone).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for _month in range(MONTHS - 1):
        first = first.replace(year=first.year - (first.month == 1), month=(first.month - 2) % 12 + 1)
    rows = Dispatch.objects.of(account.workspace_id).filter(account=account.pk, begun_at__gte=first)
    counted = (
        rows.exclude(delivery="").exclude(pricing="").order_by().annotate(month=TruncMonth("begun_at", tzinfo=zone))
    )
    found: dict[date, dict[str, int]] = {}
    for month, category, count in counted.values_list("month", "pricing").annotate(count=Count("pk")):
        named = found.setdefault(month.date(), {})
        named[words(category)] = named.get(words(category), 0) + count
    return [Month(month, sorted(found[month].items())) for month in sorted(found, reverse=True)]
