"""A sweep killed in the middle: the next one finishes it, nobody is left and nobody goes who should stay."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db import connection

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.people.models import Contact
from amanat.privacy.erasure import erasing
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.retention import sweeping
from amanat.privacy.retention.models import RetentionDue, RetentionRun
from amanat.privacy.retention.tests.factories import LONG_AGO

_SWEEP = """
import sys, uuid
from amanat.operations import services
services.set_up_django()
from datetime import datetime
from django.db import connections
for each in connections.all():
    each.settings_dict["NAME"] = sys.argv[3]
from amanat.core import clock
from amanat.privacy.retention import sweeping
at = datetime.fromisoformat(sys.argv[2])
sweeping._ORDER = 20
print("begins", flush=True)
with clock.standing_at(at):
    sweeping.run(uuid.UUID(sys.argv[1]), at=at)
"""


@pytest.mark.slow(reason="kills a process that erases people")
def test_a_sweep_that_is_killed_is_finished_by_the_next(committed_db: None, shree: Workspace) -> None:
    at = LONG_AGO + timedelta(days=1_200)
    with tenancy.inside(shree):
        Contact.objects.bulk_create(
            Contact(workspace_id=shree.pk, name=f"Person {n}", created_at=LONG_AGO, updated_at=LONG_AGO)
            for n in range(200)
        )
        Contact.objects.create(workspace_id=shree.pk, name="Stays", created_at=at, updated_at=at)
    name = str(connection.settings_dict["NAME"])
    process = subprocess.Popen(
        [sys.executable, "-c", _SWEEP, str(shree.pk), at.isoformat(), name], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None and process.stdout.readline() == "begins\n"
    _wait_until_some_are_gone(shree)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    with tenancy.inside(shree):
        assert 1 < Contact.objects.of(shree).count() < 201
        assert RetentionRun.objects.of(shree).filter(ended_at__isnull=True).count() == 1
    with clock.standing_at(at):
        sweeping.run(shree.pk, at=at)
        with tenancy.inside(shree):
            waiting = erasing.unfinished(shree.pk)
        for erasure_id in waiting:  # the job that goes on with erasures whose worker died
            erasing.carry_out(erasure_id, workspace_id=shree.pk)
    with tenancy.inside(shree):
        assert [one.name for one in Contact.objects.of(shree)] == ["Stays"]
        assert not RetentionDue.objects.of(shree).filter(state=RetentionDue.State.WAITING).exists()
        assert not RetentionRun.objects.of(shree).filter(ended_at__isnull=True).exists()
        assert {one.state for one in Erasure.objects.of(shree)} <= {Erasure.State.DONE, Erasure.State.FAILED}


def _wait_until_some_are_gone(shree: Workspace) -> None:
    for _ in range(600):
        with tenancy.inside(shree):
            if Contact.objects.of(shree).count() < 201:
                return
        time.sleep(0.02)
    raise AssertionError("the sweep did not begin")
