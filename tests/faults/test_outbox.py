"""The drill of the outbox in small: the same driver, some seconds (by hand: `python -m tests.faults.outbox`)."""

from __future__ import annotations

from pathlib import Path

import pytest

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.messaging.outbox.tests import post
from tests.faults import outbox
from tests.faults.outbox import Wanted


@pytest.mark.slow  # workers are killed one after the other, and a frozen one outlives its lease
def test_whatever_is_killed_or_frozen_nothing_is_lost_and_nothing_is_doubled(
    committed_db: None, shree: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    from amanat.messaging.outbox import claiming, sending, settling

    for owner, names in ((claiming, ("FRESH", "LEASE")), (sending, ("MOST", "SLICE")), (settling, ("_EMPTY_FOR",))):
        for name in names:
            monkeypatch.setattr(owner, name, getattr(owner, name))  # put back what the drill shortens
    monkeypatch.setattr(settings, "FILES_ROOT", settings.FILES_ROOT)
    monkeypatch.setattr(clock, "_offset", clock._offset)
    outbox.install(0, tmp_path)
    with tenancy.inside(shree):
        account = post.make_account(shree)
    verdict = outbox.run(account, Wanted(messages=250, kills=16, spread=8.0, freeze_every=8, longest=90.0), tmp_path)
    assert (verdict.lost, verdict.doubled, verdict.without_decision) == (0, 0, 0), verdict
    assert verdict.unknown <= 1 and verdict.kills >= 16 and verdict.freezes >= 1, verdict
    assert verdict.accepted >= 249 and verdict.rescued_in <= 60, verdict
