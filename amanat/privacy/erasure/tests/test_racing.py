"""Two people and a job on one record: the erasure wins, and nobody is resurrected."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from django.db import DatabaseError, connections

from amanat.accounts.models import Workspace
from amanat.core import clock, tenancy
from amanat.core.tenancy import WorkspaceRow
from amanat.people import timeline
from amanat.people.models import Contact, Interaction, Phone, SearchEntry
from amanat.people.tests import factories
from amanat.privacy.erasure import erasing
from amanat.privacy.erasure.models import Erasure

ROUNDS = 50
_WORKERS = 2


def _race(workspace: Workspace, rounds: int) -> int:
    """In each round a contact is erased while one thread edits it and another, as a job would, writes to its timeline. Returns how many
    rounds met: the writer was in time or refused."""
    writes: list[str] = []
    people = [factories.make_contact(workspace, f"Person {number}") for number in range(rounds)]
    gate = threading.Barrier(_WORKERS + 1)

    def worker(write: Callable[[Contact], object]) -> None:
        try:
            for person in people:
                gate.wait(60)
                try:
                    with tenancy.inside(workspace.pk):
                        write(person)
                    writes.append("written")
                except DatabaseError:
                    writes.append("refused")
        finally:
            connections["default"].close()

    def edit(person: Contact) -> None:
        Contact.objects.of(workspace).filter(pk=person.pk).update(notes="edited", updated_at=clock.now())

    def job(person: Contact) -> None:
        timeline.record(workspace=workspace, happened_at=clock.now(), kind="note", summary="by a job", contact=person)

    threads = [threading.Thread(target=worker, args=[write]) for write in (edit, job)]
    for thread in threads:
        thread.start()
    for person in people:
        with tenancy.inside(workspace.pk):
            order = erasing.order(
                workspace=workspace, contact_ids=[person.pk], because="request", by=None, at=clock.now(), at_once=True
            )
        gate.wait(60)
        assert erasing.carry_out(order.pk, workspace_id=workspace.pk).is_over
    for thread in threads:
        thread.join(60)
    return len(writes)


def _left(workspace: Workspace) -> dict[str, int]:
    models: tuple[type[WorkspaceRow], ...] = (Contact, Phone, Interaction, SearchEntry)
    with tenancy.inside(workspace.pk):
        return {model.__name__: model.objects.of(workspace).count() for model in models}


NOBODY = {"Contact": 0, "Phone": 0, "Interaction": 0, "SearchEntry": 0}


def test_the_erasure_wins(committed_db: None, shree: Workspace) -> None:
    assert _race(shree, 3) == 6
    assert _left(shree) == NOBODY
    with tenancy.inside(shree.pk):
        assert Erasure.objects.of(shree).exclude(state=Erasure.State.DONE).count() == 0


@pytest.mark.slow
def test_many_rounds(committed_db: None, shree: Workspace) -> None:
    """Slow: each round is three commits at once, which only many of show what happens between two."""
    assert _race(shree, ROUNDS) == 2 * ROUNDS
    assert _left(shree) == NOBODY
