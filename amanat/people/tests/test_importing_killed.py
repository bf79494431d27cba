"""An import whose worker is killed in the middle, for real: another process, committed transactions, kill -9."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections import Counter

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_workspace, owner_of
from amanat.core import tally, tenancy
from amanat.people.models import Contact, Email, ImportProblem, ImportRun, Phone, SearchEntry
from amanat.people.tests.test_importing_runs import again, queued

pytestmark = [pytest.mark.slow]
ROWS, BATCH = 6_000, 300  # in life a batch is of 1,000; what matters is that twenty of them make an import
WORKER = """
import os, sys, django
django.setup()
from uuid import UUID
from django.conf import settings
settings.FILES_ROOT, settings.LEDGER_HEADS_FILE = sys.argv[3], sys.argv[4]
from amanat.people.importing import working
working.BATCH = int(sys.argv[5])
working.work(UUID(sys.argv[1]), UUID(sys.argv[2]))
"""


@pytest.fixture
def workspace(committed_db: None) -> Workspace:
    """A workspace that other processes see."""
    return make_workspace("Killed and raised again")


def worker(run: ImportRun, settings: object) -> subprocess.Popen[bytes]:
    arguments = [
        str(run.workspace_id),
        str(run.pk),
        str(settings.FILES_ROOT),
        str(settings.LEDGER_HEADS_FILE),
        str(BATCH),
    ]  # type: ignore[attr-defined]
    return subprocess.Popen([sys.executable, "-c", WORKER, *arguments], env=os.environ.copy())


def content() -> str:
    """Every fifth person twice, every fiftieth row broken."""
    lines = ["Name,Mobile,Email"]
    for number in range(ROWS):
        person = number - 1 if number % 5 == 4 else number
        lines.append(f",12,{number}" if number % 50 == 7 else f"Person {person},9{person:09d},p{person}@example.in")
    return "\n".join(lines)


def test_killed_again_and_again_an_import_loses_no_row_and_doubles_none(workspace: Workspace, settings: object) -> None:
    member: Member = owner_of(workspace)
    run = queued(member, content())
    seen = [0]
    for _kill in range(3):
        process = worker(run, settings)
        wanted = seen[-1] + 2 * BATCH
        deadline = time.monotonic() + 300  # only a fault takes so long
        while again(run).position < wanted and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(process.pid, signal.SIGKILL)
        process.wait()
        state = again(run)
        seen.append(state.position)
        assert state.created + state.updated + state.unchanged + state.skipped + state.failed == state.position
    assert 0 < seen[1] < seen[2] < seen[3] < ROWS
    assert worker(run, settings).wait() == 0
    done = again(run)
    broken = sum(1 for number in range(ROWS) if number % 50 == 7)
    people = {n - 1 if n % 5 == 4 else n for n in range(ROWS) if n % 50 != 7}
    assert (done.state, done.position, done.failed, done.created) == ("done", ROWS, broken, len(people))
    with tenancy.inside(workspace):
        names = Counter(Contact.objects.of(workspace).values_list("name", flat=True))
        assert names == Counter({f"Person {number}": 1 for number in people})
        for model in (Phone, Email, SearchEntry):
            assert model.objects.of(workspace).count() == len(people)
        assert ImportProblem.objects.of(workspace).filter(is_failure=True).count() == broken
        assert tally.count("contacts", workspace=workspace) == len(people)
