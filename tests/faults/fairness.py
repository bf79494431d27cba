"""One workspace floods, or its provider swallows every request: do the messages of others still leave as quickly?

    python -m tests.faults.fairness
    python -m tests.faults.fairness --rounds 3 --core 1

One worker of an installation, with its jobs, its schedule and its threads; a provider that takes 100 ms, in a process of its own (`--core`: on
that core, and the worker on the others). What is measured is the time from the moment a message is due to the moment its provider has accepted it,
which is what a person waits for: of a quiet workspace alone, then while another has thousands due, while that one sends over three accounts,
and while its provider answers nothing at all. Beside it stands the part of that time which is ours, from due to the provider's own record of the
request's coming. Before each of these it is measured alone once more, for a machine is not the same from one minute to the next; all of it
`--rounds` times.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tests.faults import plan, servers, traffic, workers
from tests.faults.plan import Wanted
from tests.faults.provider import Apart
from tests.faults.workers import Workers

if TYPE_CHECKING:
    from amanat.messaging.channels.models import ChannelAccount

#: By how much the 95th percentile of others may grow.
GROWTH = 1.25
#: Requests that a provider which answers nothing may hold.
HELD = 10
#: Seconds the provider takes for each message.
LATENCY = 0.1
ALONE = "alone"
#: Seconds until a message that was not accepted counts as one that took so long.
PATIENCE = 60.0


@dataclass
class Verdict:
    """Seconds from due to accepted, the 95th of a hundred, of the quiet workspace; what was sent of the other meanwhile; processor time used."""

    alone: float = 0.0
    medians: dict[str, float] = field(default_factory=dict)
    during: dict[str, float] = field(default_factory=dict)
    ours: dict[str, float] = field(
        default_factory=dict
    )  #: the 95th of the part before the request reached the provider
    flood: dict[str, int] = field(default_factory=dict)
    cores: dict[str, dict[str, float]] = field(
        default_factory=dict
    )  #: how much of one each took: worker, database, provider
    held_at_most: int = 0
    held_later: int = 0

    @property
    def is_good(self) -> bool:
        return all(each <= self.alone * GROWTH for each in self.during.values()) and self.held_later <= HELD


class Measuring:
    """A worker, a provider and two workspaces."""

    def __init__(self, folder: Path, *, messages: int, every: float, core: int | None = None) -> None:
        from amanat.accounts.tests import factories
        from amanat.core import tenancy
        from amanat.messaging.channels.models import ChannelAccount
        from amanat.messaging.outbox.tests import post

        self.messages, self.every = messages, every
        self.provider = Apart(latency=LATENCY, core=core)
        self.moved = plan.till_noon()
        workers.install(self.provider.port, folder, self.moved, real=True)
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
        if core is not None:
            self.workers.bind(os.sched_getaffinity(0) - {core})

    def times(self) -> list[tuple[float, float]]:
        """Seconds until accepted, and until the request came, of messages of the quiet workspace that are ordered one after the other, each due
        at once."""
        from amanat.core import clock, tenancy
        from amanat.messaging.outbox.models import Dispatch
        from amanat.messaging.outbox.tests import post

        ordered: dict[str, tuple[float, datetime]] = {}
        with traffic.reporting(self.provider, [self.account, *self.loud_accounts]):
            for _ in range(self.messages):
                with tenancy.inside(self.quiet):
                    row = post.order(self.person, self.account)
                ordered[str(row.pk)] = time.monotonic(), clock.now()
                time.sleep(self.every)
            until, sent = time.monotonic() + PATIENCE, dict[str, datetime]()
            while time.monotonic() < until and not ordered.keys() <= sent.keys():
                time.sleep(0.2)
                with tenancy.inside(self.quiet) as here:
                    rows = Dispatch.objects.of(here).filter(pk__in=list(ordered), sent_at__isnull=False)
                    sent = {str(key): at for key, at in rows.values_list("pk", "sent_at") if at is not None}
        came = self.provider.came
        return [
            ((sent[key] - at).total_seconds() if key in sent else PATIENCE, came.get(key, until) - due)
            for key, (due, at) in ordered.items()
        ]

    def flood(self, accounts: list[ChannelAccount], messages: int) -> None:
        from amanat.core import tenancy
        from amanat.messaging.outbox import ordering

        for account in accounts:
            traffic.order(account, Wanted(messages=messages // len(accounts), spread=0.0))
            with tenancy.inside(account.workspace_id):
                ordering.wake(account.workspace_id, account.pk)
        servers.analyze()

    def let_go(self) -> int:
        """Take back what the loud workspace still has waiting; returns how many it was."""
        from amanat.core import clock, tenancy
        from amanat.messaging.outbox import ordering
        from amanat.messaging.outbox.models import Dispatch

        with tenancy.inside(self.loud) as here:
            ids = list(Dispatch.objects.of(here).filter(state="todo").values_list("pk", flat=True))
            return ordering.take_back(workspace=here, at=clock.now(), ids=ids)


def p95(times: list[float]) -> float:
    return round(sorted(times)[min(len(times) - 1, len(times) * 95 // 100)], 3)


def run(folder: Path, *, messages: int, flood: int, every: float, rounds: int = 1, core: int | None = None) -> Verdict:
    verdict, measuring = Verdict(), Measuring(folder, messages=messages, every=every, core=core)
    times: dict[str, list[tuple[float, float]]] = {}

    def measure(name: str) -> None:
        before, sent = _used(measuring), len(measuring.provider.came)
        began = time.monotonic()
        found = measuring.times()
        took = time.monotonic() - began
        verdict.cores[name] = {who: round((ms - before[who]) / took / 1000, 2) for who, ms in _used(measuring).items()}
        verdict.flood[name] = verdict.flood.get(name, 0) + len(measuring.provider.came) - sent - messages
        times.setdefault(name, []).extend(found)
        accepted, reached = zip(*found, strict=True)
        print(
            f"{name}: {p95(list(accepted))} s, of it ours {p95(list(reached))} s {verdict.cores[name]}", file=sys.stderr
        )

    try:
        measuring.times()  # the worker reads its modules and opens its connections
        for _ in range(rounds):
            measure(ALONE)
            for name, accounts in (("flood", 1), ("flood over three accounts", 3)):
                measuring.flood(measuring.loud_accounts[:accounts], flood)
                measure(name)
                measuring.let_go()
                time.sleep(2)
                measure(ALONE)
        measuring.provider.swallow(addresses := {account.address for account in measuring.loud_accounts})
        measuring.flood(measuring.loud_accounts[:1], flood)
        measure("black hole")
        verdict.held_at_most = max(measuring.provider.held_at_most.values(), default=0)
        measuring.provider.swallow(addresses)
        measure("black hole, later")
        verdict.held_later = max(measuring.provider.held_at_most.values(), default=0)
    finally:
        measuring.workers.end()
        measuring.provider.close()
    ordered = {name: sorted(accepted for accepted, _reached in found) for name, found in times.items()}
    verdict.medians = {name: round(found[len(found) // 2], 3) for name, found in ordered.items()}
    verdict.ours = {name: p95([reached for _accepted, reached in found]) for name, found in times.items()}
    verdict.during = {name: p95(found) for name, found in ordered.items()}
    verdict.alone = verdict.during.pop(ALONE)
    return verdict


def _used(measuring: Measuring) -> dict[str, float]:
    """Milliseconds of processor so far."""
    from django.db import connections

    from amanat.operations.bench import machine

    with connections["owner"].cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        backend = int(cursor.fetchone()[0])
    server = int(Path(f"/proc/{backend}/stat").read_text().rsplit(")", 1)[1].split()[1])
    return {
        "worker": machine.cpu_ms(measuring.workers.alive), "database": machine.cpu_ms(machine.tree(server)),
        "provider": machine.cpu_ms([measuring.provider.pid]),
    }  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=100, help="of the quiet workspace, each time")
    parser.add_argument("--flood", type=int, default=6000, help="messages of the loud one")
    parser.add_argument("--every", type=float, default=0.25, help="seconds between two of the quiet one")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--core", type=int, help="the provider's own")
    options = parser.parse_args()
    with servers.own_database(), tempfile.TemporaryDirectory(prefix="amanat-fairness-") as place:
        verdict = run(
            Path(place),
            messages=options.messages,
            flood=options.flood,
            every=options.every,
            rounds=options.rounds,
            core=options.core,
        )
    print(json.dumps(asdict(verdict) | {"is_good": verdict.is_good}, indent=2))
    return int(not verdict.is_good)


if __name__ == "__main__":
    sys.exit(main())
