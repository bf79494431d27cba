"""Every period and deadline of the six ready policies, reached by moving the clock of a running installation.

    python -m tests.faults.time_travel
    python -m tests.faults.time_travel --policy agency --period keep.marketing

An installation of its own with the demo in it: four demo shops, and two more for the policies that none of them has, so that each ready
policy is published in one. At one moment something is put under every rule; then the clock of the whole installation is moved on
(AMANAT_TIME_OFFSET), in order, to shortly before and shortly after each end. At each moment new processes of web and worker start, and what
the schedules let run is waited for. What is there is read as the owner of the database, and seen on pages over HTTP. The start lies
on the next day at noon, so that no step depends on how long the set-up takes. Ends with 0 only when all lines are ok; a rule of which
nothing is held is said to be one.
"""

from __future__ import annotations

import argparse
import os
import re
import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.faults import deadlines, endings, keeping
from tests.faults.travelling import Installation, rows
from tests.faults.watches import DAY, SOON, Outcome, Stage, Watch

#: The longest that a job of the running day lets wait for its next round.
WHILE = timedelta(minutes=6)
#: From then on a law wants something kept of whoever is erased (DPDP Rules 2025, rule 8(3)).
LAW_HOLDS = datetime(2027, 5, 14, 12, tzinfo=UTC)


class Drill:
    def __init__(self, installation: Installation, names: Sequence[str], *, only: str = "", tell: bool = False) -> None:
        self._installation, self._only, self._tell = installation, only, tell
        tomorrow = datetime.now(UTC) + DAY
        self.start = tomorrow.replace(hour=12, minute=0, second=0, microsecond=0)
        self.act = max(self.start + 100 * DAY, LAW_HOLDS)
        self.stages = [_stage(name, self.start) for name in names]
        self.watches: list[Watch] = []

    def run(self) -> list[Watch]:
        self._begin()
        if self._tell:
            print(f"{len(self.watches)} periods, {len(self._moments())} moments", file=sys.stderr, flush=True)
        last = self.start - DAY
        while moment := min((one for one in self._moments() if one > last), default=None):
            if moment == self.act:
                self._do(moment, endings.erasure)
            self._visit(moment)
            last = moment
        self._look_for_failed_jobs(last)
        return self.watches

    def _look_for_failed_jobs(self, at: datetime) -> None:
        failed = rows(
            "SELECT task_name, count(*) FROM procrastinate_jobs WHERE status = 'failed' GROUP BY 1 ORDER BY 1"
        )
        said = ", ".join(f"{name} {count}" for name, count in failed) or "none"
        self.watches.append(
            Watch(
                "all",
                "jobs that failed on the way",
                at,
                lambda _site: said,
                "none",
                "none",
                found={"before": "none", "after": said},
            )
        )

    def _begin(self) -> None:
        for stage in self.stages:
            self._do(self.start, keeping.all_of, [stage])
            self._do(self.start, deadlines.all_of, [stage])
        for stage in self.stages:
            self._outside(keeping.tables_of, stage)
            self._outside(endings.closing, _second(stage))

    def _do(self, at: datetime, setting_up: Any, stages: Sequence[Stage] = ()) -> None:
        from amanat.core import clock, tenancy

        for stage in stages or self.stages:
            with clock.standing_at(at), tenancy.inside(stage.workspace, actor=stage.owner.pk):
                self._watch(setting_up(replace(stage, at=at)))

    def _outside(self, setting_up: Any, stage: Stage) -> None:
        from amanat.core import clock

        with clock.standing_at(stage.at):
            self._watch(setting_up(stage))

    def _watch(self, found: Iterator[Watch]) -> None:
        self.watches += [one for one in found if re.search(self._only, one.period)]

    def _moments(self) -> set[datetime]:
        found = {
            self.start,
            self.start + SOON,
            self.act,
            self.act + SOON,
            self.act + WHILE,
            self.act + DAY,
        }  # the night after notes who left
        for watch in self.watches:
            found |= set(watch.moments.values()) if watch.look else set()
        return found

    def _visit(self, moment: datetime) -> None:
        """At the start of something nobody works yet."""
        from amanat.accounts.models import User

        checks = moment == self.start + timedelta(hours=4, minutes=10)
        # The owners signed in the day before: after years away their accounts would go, and with these their workspaces.
        User.objects.filter(pk__in=[one.owner.user_id for one in self.stages]).update(last_login=moment - DAY)
        with self._installation.at(moment, works=moment not in (self.start, self.act), checks=checks) as site:
            for watch in self.watches:
                for which, when in watch.moments.items():
                    if when == moment:
                        watch.see(which, site)
                        if self._tell and len(watch.found) == 2 and watch.outcome is Outcome.WRONG:
                            print(watch.line(), file=sys.stderr)
        if self._tell:
            print(f"{moment:%Y-%m-%d %H:%M:%S}", file=sys.stderr, flush=True)


def _stage(policy: str, at: datetime) -> Stage:
    """The demo shop that has published the policy; one more is made where none has."""
    from amanat.accounts.models import User, Workspace
    from amanat.accounts.tests import factories
    from amanat.core import tenancy
    from amanat.messaging.channels.models import ChannelAccount
    from amanat.operations import demo
    from amanat.operations.demo.plan import SHOPS
    from amanat.policy import ready

    shop = next((shop for shop in SHOPS if shop.policy == policy), None)
    if shop is None:
        key = policy.replace("-", "")
        details = {**SHOPS[0].details, "email": f"privacy@{key}.demo.test"}
        shop = replace(SHOPS[0], key=key, name=f"{policy.capitalize()} Kendra (demo)", policy=policy, details=details)
        demo._make_shop(shop)
    (pk,) = rows("SELECT id FROM accounts_workspace WHERE name = %s", shop.name)[0]
    with tenancy.inside(pk):
        workspace = Workspace.objects.of(pk).get(pk=pk)
    owner = factories.owner_of(workspace)
    User.objects.filter(pk=owner.user_id).update(language="en")
    with tenancy.inside(pk):  # nobody plays the providers here
        ChannelAccount.objects.of(pk).update(state=ChannelAccount.State.PAUSED)
    return Stage(policy, ready.document(policy), workspace, owner, at)


def _second(stage: Stage) -> Stage:
    """A workspace under the same policy that may be closed."""
    from amanat.accounts.tests import factories
    from amanat.core import clock, tenancy
    from amanat.publishing import beginning, publish

    with clock.standing_at(stage.at - DAY):
        first = stage.workspace
        workspace = factories.make_workspace(
            f"Closing {stage.policy}", legal_name="Closing", place=first.place, address=first.address, phone=first.phone,
            email=first.email,
        )  # fmt: skip
        owner = factories.owner_of(workspace)
        with tenancy.inside(workspace, actor=owner.pk):
            source = beginning.source(beginning.Details.of(workspace), stage.policy)
            publish.publish(workspace=workspace, source=source, by=owner, at=clock.now())
    return replace(stage, workspace=workspace, owner=owner)


@contextmanager
def installed() -> Iterator[Installation]:
    """An installation of the drill's own with the demo; this process becomes one of its commands."""
    from amanat.operations import postgres, services
    from amanat.operations.tests import places

    with places.folder() as folder:
        here, _demo, _owner = places.with_demo(folder)
        with postgres.using(here):
            os.environ.update({"AMANAT_DATA": str(here.data), "AMANAT_LOG_LEVEL": "error"})
            services.set_up_django()
            log = Path(folder) / "site.log"
            try:
                yield Installation(here.data, log)
            except BaseException:
                if log.exists():
                    print(log.read_text()[-4000:], file=sys.stderr)
                raise
            finally:
                from django.db import connections

                connections.close_all()


def report(watches: Sequence[Watch]) -> int:
    """One line for each policy and period; the exit code."""
    for watch in sorted(watches, key=lambda one: (one.policy, one.period)):
        print(watch.line())
    counts = Counter(watch.outcome for watch in watches)
    periods = len({watch.period for watch in watches})
    print(f"{len(watches)} lines, {periods} periods: " + ", ".join(f"{counts[one]} {one}" for one in Outcome))
    return int(counts[Outcome.WRONG] > 0)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--policy", action="append", help="one of the ready policies; may be given several times")
    parser.add_argument(
        "--period", default="", help="only periods whose line this regular expression fits, such as keep.marketing"
    )
    options = parser.parse_args()
    with installed() as installation:
        from amanat.policy import ready

        names = options.policy or ready.names()
        return report(Drill(installation, names, only=options.period, tell=True).run())


if __name__ == "__main__":
    sys.exit(main())
