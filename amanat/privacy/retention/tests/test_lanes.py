"""Orders of a run are carried out two at a time, each on a connection of its own: nobody is left out, and a fault stops the run."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

import pytest
from django.db import connection

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.people.models import Contact
from amanat.policy.durations import Duration
from amanat.privacy.erasure import erasing
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.retention import sweeping
from amanat.privacy.retention.models import RetentionRun
from amanat.privacy.retention.tests.factories import LONG_AGO, contact

DUE: datetime = Duration.parse("P3Y").after(LONG_AGO)
PATIENCE = 20.0  #: seconds, for a machine that does much else
CarryOut = Callable[..., Erasure]


@pytest.fixture
def five(committed_db: None, shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> list[Contact]:
    """People who are due, two to an order."""
    monkeypatch.setattr(sweeping, "_ORDER", 2)
    return [contact(shree, f"Asha {number}") for number in range(5)]


def swept(workspace: Workspace) -> RetentionRun:
    with clock.standing_at(DUE):
        return sweeping.run(workspace.pk, at=DUE)


def left(workspace: Workspace) -> int:
    with tenancy.inside(workspace):
        return Contact.objects.of(workspace).count()


def states(workspace: Workspace) -> list[str]:
    with tenancy.inside(workspace):
        return sorted(Erasure.objects.of(workspace).values_list("state", flat=True))


def test_two_orders_are_under_way_at_once_and_never_three(
    five: list[Contact], shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    two, lock, busy = threading.Event(), threading.Lock(), [0]
    plain: CarryOut = erasing.carry_out

    def met(erasure_id: UUID, *, workspace_id: UUID) -> Erasure:
        with lock:
            busy.append(busy[-1] + 1)
        if busy[-1] > 1:
            two.set()
        assert two.wait(PATIENCE), "one waited in vain for another"
        try:
            return plain(erasure_id, workspace_id=workspace_id)
        finally:
            with lock:
                busy.append(busy[-1] - 1)

    monkeypatch.setattr(erasing, "carry_out", met)
    run = swept(shree)
    assert (max(busy), busy[-1]) == (2, 0)
    assert (left(shree), states(shree), run.ended_at) == (0, ["done"] * 3, DUE)
    assert run.counts["marketing"]["people.Contact"] == 5


@pytest.mark.slow
def test_an_order_that_fails_stops_the_run_and_the_others_end(
    five: list[Contact], shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain: CarryOut = erasing.carry_out

    def fails_for_the_first(erasure_id: UUID, *, workspace_id: UUID) -> Erasure:
        with tenancy.inside(workspace_id):
            if five[0].pk in Erasure.objects.of(workspace_id).get(pk=erasure_id).contact_ids:
                raise RuntimeError("the disk is full")
        return plain(erasure_id, workspace_id=workspace_id)

    monkeypatch.setattr(erasing, "carry_out", fails_for_the_first)
    with pytest.raises(RuntimeError, match="the disk is full"):
        swept(shree)
    assert states(shree)[-1] == "ordered"
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).filter(pk=five[0].pk).exists()
        assert RetentionRun.objects.of(shree).get().ended_at is None
    monkeypatch.setattr(erasing, "carry_out", plain)
    with tenancy.inside(shree):
        waiting = erasing.unfinished(shree.pk)
    for one in waiting:
        erasing.carry_out(one, workspace_id=shree.pk)
    assert swept(shree).ended_at == DUE
    assert left(shree) == 0


@pytest.mark.slow
def test_its_threads_leave_no_connection_open(five: list[Contact], shree: Workspace) -> None:
    swept(shree)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("retention")]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user"
        )
        assert cursor.fetchone()[0] == 0
