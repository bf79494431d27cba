"""What is to happen in a drill of the outbox, and the times it goes by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

ROOT = Path(__file__).parents[2]

#: Seconds: lease, freshness of a claim, a request, an empty journal, silence. A frozen worker sleeps longer than its lease.
FAST = {"lease": 5.0, "fresh": 1.0, "request": 2.0, "empty": 20.0, "silence": 6.0, "freeze": 7.0}
#: The first four are the product's own; WhatsApp surely reports within five minutes.
REAL = {"request": 20.0, "silence": 300.0, "freeze": 70.0}
#: Who may be written to until so many seconds after an opt-out was answered.
OPT_OUT = 5.0
#: What is unclear must be settled within ten minutes, but for one in a thousand.
SETTLED = 600.0
#: Ends the database at once and brings it back; returns after how many seconds it answered again.
type Cut = Callable[[], float]


@dataclass
class Wanted:
    """What is to happen: messages, kills one after the other, workers at once, and how the provider behaves."""

    messages: int = 10_000
    kills: int = 200
    workers: int = 3
    spread: float = 120.0  #: seconds over which the messages become due
    latency: float = 0.1
    failing: float = 0.05
    limiting: float = 0.05
    losing: float = 0.01
    freeze_every: int = 12  #: kills between two workers that are frozen instead
    restarts: int = 6  #: of the database, spread over the kills
    opting_out: int = 40  #: people who take their consent back while messages to them leave
    real: bool = False  #: the workers of an installation, with its times
    longest: float = 3600.0
    seed: int = 1


def till_noon() -> timedelta:
    """By how much the clock is moved back so that it is noon in India. (Back: jobs for later then wait for nothing.)"""
    now = datetime.now(UTC)
    noon = now.replace(hour=6, minute=30)
    return noon - now if noon <= now else noon - now - timedelta(days=1)
