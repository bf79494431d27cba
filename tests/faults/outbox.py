"""Workers that are killed and frozen while they send, a database that goes down, a provider that fails and loses answers, people who opt out.

    python -m tests.faults.outbox --messages 10000 --kills 200 --restarts 6
    python -m tests.faults.outbox --messages 10000 --kills 200 --restarts 6 --real

Nothing may be lost, doubled, or sent to who opted out. The judge is the provider's own record of what it accepted. The driver is the
provider, has a PostgreSQL server of its own that it ends at once and starts again, orders the messages, reports what became of them,
takes consents back and kills; a second process, the nursery, forks the workers. They do what the jobs do, with times shorter than in life
(`FAST`), or, with `--real`, are the workers of an installation with all its jobs and times (some ten minutes).
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID

from tests.faults import judging, plan, servers, traffic, workers
from tests.faults.judging import Verdict
from tests.faults.plan import SETTLED, Cut, Wanted
from tests.faults.provider import Provider
from tests.faults.traffic import Leavers
from tests.faults.workers import Workers

if TYPE_CHECKING:
    from amanat.messaging.channels.models import ChannelAccount


def run(
    account: ChannelAccount, wanted: Wanted, folder: Path, *, cut: Cut | None = None, tell: bool = False
) -> Verdict:
    """Order, send, kill, cut, report, judge. The account's workspace is there and committed."""
    provider, moved = Provider(wanted), plan.till_noon()
    workers.install(provider.port, folder, moved, real=wanted.real)
    verdict, began = Verdict(), time.monotonic()
    ordered = traffic.order(account, wanted)
    leavers = Leavers(account, wanted)
    ordered |= leavers.order(wanted)
    traffic.mix(account, wanted)
    with traffic.reporting(provider, [account]):
        crew = Workers(provider.port, folder, moved, real=wanted.real)
        try:
            for _ in range(wanted.workers):
                crew.start()
            torment(crew, account, wanted, verdict, leavers=leavers, cut=cut, tell=tell)
            ordered |= drain(account, wanted, verdict, tell=tell)
        finally:
            crew.end()
    provider.close()
    judging.judge(provider, account, ordered, leavers, verdict)
    verdict.seconds = round(time.monotonic() - began, 1)
    return verdict


def torment(
    crew: Workers,
    account: ChannelAccount,
    wanted: Wanted,
    verdict: Verdict,
    *,
    leavers: Leavers,
    cut: Cut | None,
    tell: bool,
) -> None:
    """Kill a worker every 0.3 to 0.9 s, freeze some beyond their lease, start new ones; cut the database; let people opt out."""
    chance, until = random.Random(wanted.seed + 1), time.monotonic() + wanted.longest
    cut_at = {wanted.kills * number // (wanted.restarts + 1) for number in range(1, wanted.restarts + 1)}
    leave_every = max(1, wanted.kills // max(1, wanted.opting_out))
    while verdict.kills < wanted.kills and time.monotonic() < until:
        time.sleep(chance.uniform(0.3, 0.9))
        crew.thaw()
        if cut is not None and verdict.kills in cut_at:
            cut_at.remove(verdict.kills)
            verdict.database_back_in = max(verdict.database_back_in, round(cut(), 1))
            verdict.restarts += 1
        number = chance.randrange(len(crew.alive))
        if wanted.freeze_every and verdict.kills % wanted.freeze_every == wanted.freeze_every - 1 and not crew.frozen:
            crew.freeze(number)
            verdict.freezes += 1
        else:
            crew.kill(number)
            verdict.kills += 1
            for _ in range(1 + wanted.opting_out // wanted.kills if verdict.kills % leave_every == 0 else 0):
                leavers.leave()
        while len(crew.alive) < wanted.workers:
            crew.start()
        judging.watch(account, verdict, tell=tell and verdict.kills % 20 == 0)
    while crew.frozen:
        time.sleep(0.2)
        crew.thaw()


def drain(account: ChannelAccount, wanted: Wanted, verdict: Verdict, *, tell: bool) -> set[UUID]:
    """Nobody is killed any more: wait until all is sent and reported. Later traffic shows which reports are missing."""
    began, later = time.monotonic(), set[UUID]()
    while time.monotonic() < began + min(wanted.longest, SETTLED):
        states = judging.watch(account, verdict, tell=tell)
        waits = states["todo"] + states["sending"] + states["unreported"]
        verdict.settled_in = round(time.monotonic() - began, 1)
        if not waits and not states["unknown"]:
            return later
        if not waits and len(later) < 40:
            later |= traffic.order(account, Wanted(messages=4, spread=0.0, seed=len(later)))
        time.sleep(0.5 if not tell else 2.0)
    return later


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in asdict(Wanted()).items():
        if isinstance(value, bool):
            parser.add_argument(f"--{name}", action="store_true")
        else:
            parser.add_argument(f"--{name.replace('_', '-')}", type=type(value), default=value)
    options = vars(parser.parse_args())
    with servers.own_database() as cut, tempfile.TemporaryDirectory(prefix="amanat-faults-") as place:
        from amanat.accounts.tests import factories
        from amanat.core import tenancy
        from amanat.messaging.outbox.tests import post

        workspace = factories.make_workspace("Shree CSC Kendra", owner="Rekha Kulkarni")
        workers.install(0, Path(place), plan.till_noon(), real=options["real"])
        with tenancy.inside(workspace):
            account = post.make_account(workspace)
        verdict = run(account, Wanted(**options), Path(place), cut=cut, tell=True)
    print(json.dumps(asdict(verdict) | {"is_good": verdict.is_good}, indent=2))
    return int(not verdict.is_good)


if __name__ == "__main__":
    sys.exit(main())
