"""An erasure and an export at the same moment: no file that is left holds the erased person."""

from __future__ import annotations

import io
import threading
import time
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID

import pytest
from django.db import connection, connections

from amanat.accounts.models import Workspace
from amanat.core import clock, files, tenancy
from amanat.people import exporting
from amanat.people.models import Contact, ExportRun
from amanat.people.tests import factories
from amanat.privacy.erasure import erasing
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.erasure.tests.people import NAME, make_her

PATIENCE = 60.0


def _asked(workspace: Workspace) -> ExportRun:
    with tenancy.inside(workspace):
        return exporting.of_workspace(format="json", by=factories.owner(workspace), at=clock.now())


def _apart(work: Callable[[], Any]) -> Any:
    """In a thread, with a connection of its own."""
    try:
        return work()
    finally:
        connections["default"].close()


def _erase(workspace: Workspace, her: Contact) -> Erasure:
    return erasing.order(
        workspace=workspace, contact_ids=[her.pk], because=Erasure.Because.REQUEST, by=None, at=clock.now(), at_once=True
    )  # fmt: skip


def _waits_for_a_lock() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
            " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
        )
        return bool(cursor.fetchone()[0])


def _until(holds: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < give_up, "nobody waited"
        time.sleep(0.02)


def _left(workspace: Workspace, run_id: UUID) -> tuple[str, str]:
    """The state of an export and what its file says."""
    with tenancy.inside(workspace):
        run = ExportRun.objects.of(workspace).select_related("file").get(pk=run_id)
        if run.file is None:
            return run.state, ""
        archive = zipfile.ZipFile(io.BytesIO(files.read_all(run.file)))
        return run.state, archive.read(archive.namelist()[0]).decode()


def test_an_export_that_is_being_written_is_waited_for_and_destroyed(
    committed_db: None, shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    her, run = make_her(shree), _asked(shree)
    has_read, may_end = threading.Event(), threading.Event()
    write = exporting._write

    def slowly(*given: Any) -> int:
        count = write(*given)
        has_read.set()
        assert may_end.wait(PATIENCE)
        return count

    monkeypatch.setattr(exporting, "_write", slowly)
    order = _erase(shree, her)
    with ThreadPoolExecutor(2) as threads:
        written = threads.submit(_apart, lambda: exporting.work(shree.pk, run.pk))
        assert has_read.wait(PATIENCE)
        erased = threads.submit(_apart, lambda: erasing.carry_out(order.pk, workspace_id=shree.pk))
        _until(_waits_for_a_lock)
        may_end.set()
        written.result(PATIENCE)
        assert erased.result(PATIENCE).state == Erasure.State.DONE
    assert _left(shree, run.pk) == (ExportRun.State.EXPIRED, "")


@pytest.mark.slow
def test_an_export_that_begins_while_she_is_erased_waits_and_is_without_her(
    committed_db: None, shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    her = make_her(shree)
    factories.make_contact(shree, "Asha Menon")
    order = _erase(shree, her)
    has_cleared, may_end = threading.Event(), threading.Event()
    tell_soon = erasing.recipients.tell_soon

    def slowly(*given: Any) -> None:
        tell_soon(*given)
        has_cleared.set()
        assert may_end.wait(PATIENCE)

    monkeypatch.setattr(erasing.recipients, "tell_soon", slowly)
    with ThreadPoolExecutor(2) as threads:
        erased = threads.submit(_apart, lambda: erasing.carry_out(order.pk, workspace_id=shree.pk))
        assert has_cleared.wait(PATIENCE)
        run = _asked(shree)
        written = threads.submit(_apart, lambda: exporting.work(shree.pk, run.pk))
        _until(_waits_for_a_lock)
        may_end.set()
        erased.result(PATIENCE)
        written.result(PATIENCE)
    state, said = _left(shree, run.pk)
    assert state == ExportRun.State.DONE
    assert "Asha Menon" in said
    assert NAME not in said
