"""What is to go wrong with a double, and when: told beforehand, by chance of a fixed seed or one by one."""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

RATES = ("error", "busy", "lost")


@dataclass
class Faults:
    """`error`, `busy` and `lost` are shares of requests (0 to 1) that get a 500, a 429, or no answer though they were taken.

    `plan` comes first: ways for the next requests, one each: "500", "html500", "503", "429", "lost" (taken, not answered),
    "dropped" (not taken, not answered), "late:3" (seconds), "code:131047" (refused so), "failed:131026" (taken, reported failed).
    """

    delay: float = 0.0
    error: float = 0.0
    busy: float = 0.0
    lost: float = 0.0
    retry_after: int = 1
    per_second: int = 0  #: messages of one number; 0: no limit
    seed: int = 1
    plan: deque[str] = field(default_factory=deque)
    _random: random.Random = field(default_factory=lambda: random.Random(1))  # noqa: S311 (chance, no secret)
    _seconds: dict[str, tuple[int, int]] = field(default_factory=dict)

    def set(self, wanted: Mapping[str, Any]) -> None:
        """Take what is named and leave the rest. Raises ValueError, TypeError."""
        self.delay = float(wanted.get("delay", self.delay))
        for name in RATES:
            setattr(self, name, float(wanted.get(name, getattr(self, name))))
        self.retry_after = int(wanted.get("retry_after", self.retry_after))
        self.per_second = int(wanted.get("per_second", self.per_second))
        if "seed" in wanted:
            self._random.seed(int(wanted["seed"]))
        self.plan.extend(str(way) for way in wanted.get("plan", ()))

    def next(self) -> str:
        """The way of this request; empty: nothing goes wrong."""
        if self.plan:
            return self.plan.popleft()
        chance = self._random.random()
        for share, way in ((self.error, "500"), (self.busy, "429"), (self.lost, "lost")):
            if chance < share:
                return way
            chance -= share
        return ""

    def is_over(self, number: str) -> bool:
        """Whether a number has had its messages of this second."""
        if not self.per_second:
            return False
        now = int(time.monotonic())
        second, count = self._seconds.get(number, (now, 0))
        count = count + 1 if second == now else 1
        self._seconds[number] = (now, count)
        return count > self.per_second
