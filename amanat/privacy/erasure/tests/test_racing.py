"""Two people and a job on one record: the erasure wins, and nobody is resurrected."""

from __future__ import annotations

import random
import threading
from collections import Counter
from collections.abc import Callable
from uuid import UUID

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

ROUNDS = 1_000
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


@pytest.mark.slow(reason="a thousand people are erased while two write for them")
def test_a_thousand_rounds(committed_db: None, shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """One order goes through a thousand people in small pieces; two writers always write for whoever goes next."""
    monkeypatch.setattr(erasing, "PIECE", 25)
    with tenancy.inside(shree.pk):
        people = Contact.objects.bulk_create(Contact(workspace_id=shree.pk, name=f"Person {n}") for n in range(ROUNDS))
        order = erasing.order(
            workspace=shree,
            contact_ids=[one.pk for one in people],
            because="retention",
            by=None,
            at=clock.now(),
            at_once=True,
        )
    met: Counter[str] = Counter()
    is_over = threading.Event()
    threads = [
        threading.Thread(target=_write_for_the_next, args=(shree, write, met, is_over)) for write in (_edit, _job)
    ]
    for thread in threads:
        thread.start()
    try:
        done = erasing.carry_out(order.pk, workspace_id=shree.pk)
    finally:
        is_over.set()
        for thread in threads:
            thread.join(60)
    assert done.gone["people.Contact"] == ROUNDS
    assert _left(shree) == NOBODY
    assert met["written"] + met["refused"] > ROUNDS / 4, met
    assert met["refused"] > 10, "they hardly met"


def _edit(workspace: Workspace, contact_id: UUID) -> None:
    if not Contact.objects.of(workspace).filter(pk=contact_id).update(notes="edited", updated_at=clock.now()):
        raise DatabaseError("gone meanwhile")


def _job(workspace: Workspace, contact_id: UUID) -> None:
    Interaction.objects.create(
        workspace_id=workspace.pk, contact_id=contact_id, kind="note", happened_at=clock.now(), summary="by a job"
    )


def _write_for_the_next(
    workspace: Workspace, write: Callable[[Workspace, UUID], object], met: Counter[str], is_over: threading.Event
) -> None:
    chance = random.Random(7)
    try:
        while not is_over.is_set():
            with tenancy.inside(workspace.pk):
                left = list(Contact.objects.of(workspace).order_by("id").values_list("pk", flat=True)[:30])
            for contact_id in chance.sample(left, len(left)):
                try:
                    with tenancy.inside(workspace.pk):
                        write(workspace, contact_id)
                    met["written"] += 1
                except DatabaseError:
                    met["refused"] += 1
    finally:
        connections["default"].close()
