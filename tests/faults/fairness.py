"""One workspace floods, or its provider swallows every request: do the messages of others still leave as quickly?

    python -m tests.faults.fairness

One worker of an installation, with its jobs, its schedule and its threads; a provider that takes 100 ms. What is measured is the time from
the moment a message is due to the provider's own record of its coming: of a quiet workspace alone, then while another has thousands due,
while that one sends over three accounts, and while its provider answers nothing at all.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults import outbox
from tests.faults.outbox import Provider, Wanted, Workers

if TYPE_CHECKING:
    from amanat.messaging.channels.models import ChannelAccount

#: By how much the 95th percentile of others may grow.
GROWTH = 1.25
#: Requests that a provider which answers nothing may hold.
HELD = 10
#: Below that nobody sees a difference: some ticks of the machine's own.
TICK = 0.02


@dataclass
class Verdict:
    """Seconds from due to accepted, the 95th of a hundred, of the quiet workspace; what was sent of the other meanwhile."""

    alone: float = 0.0
    medians: dict[str, float] = field(default_factory=dict)
    during: dict[str, float] = field(default_factory=dict)
    flood: dict[str, int] = field(default_factory=dict)
    held_at_most: int = 0
    held_later: int = 0

    @property
    def is_good(self) -> bool:
        return all(each <= self.alone * GROWTH + TICK for each in self.during.values()) and self.held_later <= HELD


class Measuring:
    """A worker, a provider and two workspaces."""

    def __init__(self, folder: Path, *, messages: int, every: float) -> None:
        from amanat.accounts.tests import factories
        from amanat.core import tenancy
        from amanat.messaging.channels.models import ChannelAccount
        from amanat.messaging.outbox.tests import post

        self.messages, self.every = messages, every
        self.provider = Provider(Wanted(failing=0.0, limiting=0.0, losing=0.0))
        self.moved = outbox.till_noon()
        outbox.install(self.provider.port, folder, self.moved, real=True)
        self.quiet = factories.make_workspace("Quiet Traders", owner="Om Quiet")
        self.loud = factories.make_workspace("Loud Traders", owner="Leela Loud")
        with tenancy.inside(self.quiet):
            self.account = post.make_account(self.quiet, address="+912048570001")
            self.person = post.make_person(self.quiet)
        with tenancy.inside(self.loud) as here:
            self.loud_accounts = [post.make_account(self.loud)]
            for number in (2, 3):
                self.loud_accounts.append(ChannelAccount.objects.create(
                    workspace_id=here, channel="whatsapp", provider="post", name=f"Post {number}", address=f"+91204857432{number}",
                ))  # fmt: skip
        self.workers = Workers(self.provider.port, folder, self.moved, real=True)
        self.workers.start()

    def times(self) -> list[float]:
        """Of messages of the quiet workspace that are ordered one after the other, each due at once."""
        from amanat.core import tenancy
        from amanat.messaging.outbox.tests import post

        ordered: dict[str, float] = {}
        with outbox.reporting(self.provider, self.account):
            for _ in range(self.messages):
                with tenancy.inside(self.quiet):
                    row = post.order(self.person, self.account)
                    due = time.monotonic()
                ordered[str(row.pk)] = due
                time.sleep(self.every)
            until = time.monotonic() + 60
            while time.monotonic() < until and not ordered.keys() <= self.provider.came.keys():
                time.sleep(0.05)
        return sorted(self.provider.came.get(key, until) - due for key, due in ordered.items())

    def flood(self, accounts: list[ChannelAccount], messages: int) -> None:
        from amanat.core import tenancy
        from amanat.messaging.outbox import ordering

        for account in accounts:
            outbox.order(account, Wanted(messages=messages // len(accounts), spread=0.0))
            with tenancy.inside(account.workspace_id):
                ordering.wake(account.workspace_id, account.pk)

    def let_go(self) -> int:
        """Take back what the loud workspace still has waiting; returns how many it was."""
        from amanat.core import clock, tenancy
        from amanat.messaging.outbox import ordering
        from amanat.messaging.outbox.models import Dispatch

        with tenancy.inside(self.loud) as here:
            ids = list(Dispatch.objects.of(here).filter(state="todo").values_list("pk", flat=True))
            return ordering.take_back(workspace=here, at=clock.now(), ids=ids)


def p95(times: list[float]) -> float:
    return round(times[min(len(times) - 1, len(times) * 95 // 100)], 3)


def run(folder: Path, *, messages: int, flood: int, every: float) -> Verdict:
    verdict = Verdict()
    measuring = Measuring(folder, messages=messages, every=every)
    try:
        measuring.times()  # the worker reads its modules and opens its connections
        alone = measuring.times()
        verdict.alone, verdict.medians["alone"] = p95(alone), round(alone[len(alone) // 2], 3)
        print(f"alone: {verdict.alone} s", file=sys.stderr)
        for name, accounts in (("flood", 1), ("flood over three accounts", 3)):
            before = len(measuring.provider.accepted)
            measuring.flood(measuring.loud_accounts[:accounts], flood)
            _tell(verdict, name, measuring.times())
            verdict.flood[name] = len(measuring.provider.accepted) - before - messages
            measuring.let_go()
            time.sleep(2)
        measuring.provider.swallows = {account.address for account in measuring.loud_accounts}
        measuring.flood(measuring.loud_accounts[:1], flood)
        _tell(verdict, "black hole", measuring.times())
        address = measuring.loud_accounts[0].address
        verdict.held_at_most = measuring.provider.held_at_most[address]
        measuring.provider.held_at_most.clear()
        _tell(verdict, "black hole, later", measuring.times())
        verdict.held_later = measuring.provider.held_at_most[address]
    finally:
        measuring.workers.end()
        measuring.provider.server.shutdown()
    return verdict


def _tell(verdict: Verdict, name: str, times: list[float]) -> None:
    verdict.during[name], verdict.medians[name] = p95(times), round(times[len(times) // 2], 3)
    print(f"{name}: {verdict.during[name]} s", file=sys.stderr)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100, help="of the quiet workspace, each time")
    parser.add_argument("--flood", type=int, default=6000, help="messages of the loud one")
    parser.add_argument("--every", type=float, default=0.25, help="seconds between two of the quiet one")
    options = parser.parse_args()
    with outbox.own_database(), tempfile.TemporaryDirectory(prefix="amanat-fairness-") as place:
        verdict = run(Path(place), messages=options.messages, flood=options.flood, every=options.every)
    print(json.dumps(asdict(verdict) | {"is_good": verdict.is_good}, indent=2))
    return int(not verdict.is_good)


if __name__ == "__main__":
    sys.exit(main())
