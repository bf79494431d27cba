"""At which hours a person may be written to or called: windows of the law pack, by what it is for, on her own clock.

Promotion has the narrow window, service the wide one; codes and what a law orders go at any time. The windows are figures of the pack
`in-telecom`, so a new law is a new file (TRAI's regulations; law.md, section 5).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from phonenumbers import NumberParseException, parse
from phonenumbers.timezone import time_zones_for_number

from amanat.policy import law
from amanat.policy.format import Policy

_WRITTEN = re.compile(r"(\d\d:\d\d)-(\d\d:\d\d)(?: (Mon|Tue|Wed|Thu|Fri|Sat|Sun)-(Mon|Tue|Wed|Thu|Fri|Sat|Sun))?")
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_PACK = "in-telecom"
#: Channels that ring or buzz. Mail waits until it is looked at.
LOUD = frozenset({"sms", "whatsapp", "call"})
PROMOTION = frozenset({"dpv:DirectMarketing", "dpv:Marketing", "dpv:Advertising", "dpv:PersonalisedAdvertising"})
#: Codes and warnings do not wait for the morning.
_AT_ANY_TIME = frozenset({"dpv:AccountManagement", "dpv:FraudPreventionAndDetection", "dpv:LegalCompliance"})


class WindowUnreadable(ValueError):
    """The pack's figure is not written as "10:00-20:45 Mon-Sat"."""


@dataclass(frozen=True, slots=True)
class Window:
    """From `opens` to `closes` (excluded) on `days` (0 is Monday)."""

    opens: time
    closes: time
    days: frozenset[int]

    @classmethod
    def parse(cls, text: str) -> Window:
        found = _WRITTEN.fullmatch(text)
        if found is None:
            raise WindowUnreadable(text)
        first, last = (_DAYS.index(found[3]), _DAYS.index(found[4])) if found[3] else (0, 6)
        return cls(time.fromisoformat(found[1]), time.fromisoformat(found[2]), frozenset(range(first, last + 1)))

    def next_open(self, local: datetime) -> datetime:
        """`local` itself inside the window, else the next moment it opens; on the same clock."""
        for ahead in range(8):
            day = local.date() + timedelta(days=ahead)
            opens = datetime.combine(day, self.opens, local.tzinfo)
            if day.weekday() in self.days and (local < opens or (ahead == 0 and local.time() < self.closes)):
                return max(opens, local)
        raise WindowUnreadable(str(self))


def window(policy: Policy, purpose: str, channel: str) -> Window | None:
    """The window for a purpose over a channel; None for any time. Only where a law of telecommunication is among the packs."""
    pack = next((name for name in policy.head.law if name.startswith(_PACK)), None)
    term = policy.purposes[purpose].term
    if channel not in LOUD or pack is None or term in _AT_ANY_TIME:
        return None
    return _of_pack(pack, "promotion.hours" if term in PROMOTION else "service.hours")


@lru_cache(maxsize=64)
def _of_pack(pack: str, figure: str) -> Window:
    return Window.parse(str(law.figure(pack, figure).value))


@lru_cache(maxsize=10_000)
def zone_of(phone: str, country: str) -> ZoneInfo:
    """The clock of a person, from her number, else from her address's country; India's where nothing is known.

    A number that may be in several zones counts as in the first of them.
    """
    if phone and not phone.startswith("+91"):
        try:
            zones: Sequence[str] = time_zones_for_number(parse(phone, None))
            return ZoneInfo(zones[0])
        except (NumberParseException, KeyError, ValueError, IndexError):
            pass  # no number, or a zone this machine does not know
    return ZoneInfo("Asia/Kolkata")
