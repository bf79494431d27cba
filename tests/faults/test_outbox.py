"""The drill of the outbox in small: the same driver, some seconds (by hand: `python -m tests.faults.outbox`)."""

from __future__ import annotations

import time
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.messaging.outbox.tests import post
from conftest import NAME, SERVER
from tests.faults import outbox, plan, workers
from tests.faults.judging import Verdict
from tests.faults.plan import Wanted


def cut() -> float:
    """The server is shared with other tests: every connection to our database ends, and none is taken for a second."""
    began, name = time.monotonic(), sql.Identifier(NAME)
    with psycopg.connect(SERVER.url("superuser", "postgres"), autocommit=True) as superuser:
        superuser.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(name))
        superuser.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [NAME])
        time.sleep(1.0)
        superuser.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS true").format(name))
    return time.monotonic() - began


@pytest.mark.slow  # workers are killed one after the other, and a frozen one outlives its lease
def test_whatever_is_killed_frozen_or_cut_off_nothing_is_lost_doubled_or_sent_to_who_opted_out(
    committed_db: None, shree: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    from amanat.messaging.outbox import claiming, sending, settling

    for owner, names in ((claiming, ("FRESH", "LEASE")), (sending, ("MOST", "SLICE")), (settling, ("_EMPTY_FOR",))):
        for name in names:
            monkeypatch.setattr(owner, name, getattr(owner, name))  # put back what the drill shortens
    monkeypatch.setattr(settings, "FILES_ROOT", settings.FILES_ROOT)
    monkeypatch.setattr(clock, "_offset", clock._offset)
    workers.install(0, tmp_path, plan.till_noon())
    with tenancy.inside(shree):
        account = post.make_account(shree)
    wanted = Wanted(
        messages=250, kills=16, spread=8.0, freeze_every=8, restarts=1, opting_out=6, longest=90.0
    )  # fmt: skip
    verdict = outbox.run(account, wanted, tmp_path, cut=cut)
    assert (verdict.lost, verdict.doubled, verdict.after_opt_out) == (0, 0, 0), verdict
    assert (verdict.without_decision, verdict.without_reason) == (0, 0), verdict
    assert verdict.unknown <= 1 and verdict.rescued_in <= 60 and verdict.is_good, verdict
    assert verdict.kills >= 16 and verdict.freezes >= 1 and verdict.restarts == 1 and verdict.opted_out == 6, verdict
    assert verdict.accepted >= 249 and verdict.refused >= 1, verdict


@pytest.mark.parametrize(
    "bad",
    [{"lost": 1}, {"doubled": 1}, {"after_opt_out": 1}, {"unknown": 11}, {"rescued_in": 61.0}, {"without_decision": 1}],
    ids=str,
)
def test_the_drill_fails_by_each_thing_that_must_not_happen(bad: dict[str, float]) -> None:
    assert Verdict(ordered=10_000, accepted=10_000, unknown=10, rescued_in=60.0).is_good
    assert not Verdict(**{"ordered": 10_000, "accepted": 10_000, **bad}).is_good  # type: ignore[arg-type]
