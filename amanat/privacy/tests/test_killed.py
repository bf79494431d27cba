"""Real processes, killed at every few statements and commits of what destroys, copies and tells: whoever goes on ends the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from uuid import UUID

import pytest
from django.conf import settings

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, files, tenancy, tombstones
from amanat.core.models import LocalMessage
from amanat.core.models_files import StoredFile
from amanat.people import bin as deleted
from amanat.people.models import Contact, Interaction, Phone, SearchEntry
from amanat.people.tests import factories
from amanat.privacy.copies import making
from amanat.privacy.copies.models import PersonCopy
from amanat.privacy.erasure import erasing
from amanat.privacy.erasure.models import Erasure, ErasureCertificate
from amanat.privacy.erasure.tests import people
from amanat.privacy.incidents import reporting, telling
from amanat.privacy.incidents.models import AffectedPerson
from amanat.privacy.incidents.tests.test_clocks import what
from amanat.privacy.retention import sweeping
from amanat.privacy.retention.models import RetentionDue, RetentionRun
from amanat.privacy.retention.tests.factories import LONG_AGO
from amanat.privacy.tests import killing
from amanat.privacy.tests.killing import Driver

pytestmark = pytest.mark.slow(reason="each point is a process of its own")


@pytest.fixture(scope="module")
def driver(django_db_setup: None) -> Iterator[Driver]:
    with killing.driver() as made:
        yield made


# What the driver's children do, by name.


def _erase(erasure: str, workspace: str) -> None:
    erasing.carry_out(UUID(erasure), workspace_id=UUID(workspace))


def _copy(copy: str, workspace: str) -> None:
    making.make(UUID(copy), workspace_id=UUID(workspace))


def _tell(incident: str, workspace: str) -> None:
    telling.tell_people(UUID(incident), workspace_id=UUID(workspace), by=None, at=clock.now())


def _sweep(workspace: str) -> None:
    sweeping._ORDER = 4
    sweeping.run(UUID(workspace), at=clock.now())


def _empty_the_bin(workspace: str) -> None:
    deleted.empty_when_due(UUID(workspace), at=clock.now())


def _objects(workspace: Workspace) -> list[Path]:
    folder = Path(settings.FILES_ROOT) / str(workspace.pk)
    return [path for path in folder.rglob("*") if path.is_file()]


def test_an_erasure_killed_at_every_step_is_finished_and_remembered(
    driver: Driver, committed_db: None, shree: Workspace
) -> None:
    scene = people.scene(shree)
    with tenancy.inside(shree):
        ordered = erasing.order(
            workspace=shree, contact_ids=[scene.her.pk], because="request", by=None, at=clock.now(), at_once=True
        )
    deaths: Counter[str] = Counter()
    state, after = "", 0
    while True:
        with tenancy.inside(shree):
            now = Erasure.objects.of(shree).get(pk=ordered.pk)
            there = Contact.objects.of(shree).filter(pk=scene.her.pk).exists()
        assert there == (now.state in {Erasure.State.ORDERED, Erasure.State.ERASING}), (
            "a step is done whole or not at all"
        )
        # Each step is killed from its beginning on, until it is past.
        after = 0 if now.state != state else after + 8
        state = now.state
        if not driver.killed(f"{__name__}:_erase", str(ordered.pk), str(shree.pk), after=after):
            break
        deaths[state] += 1
    assert all(deaths[one] > 3 for one in ("ordered", "erasing", "searching")), deaths
    with tenancy.inside(shree):
        done = Erasure.objects.of(shree).get(pk=ordered.pk)
        assert (done.state, [step["step"] for step in done.steps]) == ("done", ["prepared", "erased", "searched"])
        assert ErasureCertificate.objects.of(shree).filter(erasure=done).count() == 1
        assert not any(model.objects.of(shree).exists() for model in (Contact, Phone, StoredFile))
        assert not Interaction.objects.of(shree).filter(contact__isnull=False).exists()
        assert not SearchEntry.objects.of(shree).filter(pk=scene.her.pk).exists()
        files.sweep(shree.pk, older_than=timedelta(0))
    assert _objects(shree) == []
    gone = tombstones.read()
    assert gone.ended_at(tombstones.Kind.CONTACT, scene.her.pk, workspace_id=shree.pk), "a restore would bring her back"


def test_the_bin_emptied_by_a_process_that_is_killed_anywhere_remembers_who_went(
    driver: Driver, committed_db: None, shree: Workspace
) -> None:
    """Killed between the commit and the file, it leaves a row that the next look carries over."""
    deaths = [0, 0]
    for after in range(0, 400, 9):
        with tenancy.inside(shree):
            binned = Contact.objects.create(workspace_id=shree.pk, name="Asha", deleted_at=LONG_AGO)
        was_killed = driver.killed(f"{__name__}:_empty_the_bin", str(shree.pk), after=after)
        with tenancy.inside(shree):
            is_gone = not Contact.objects.of(shree).filter(pk=binned.pk).exists()
            Contact.objects.of(shree).filter(pk=binned.pk).delete()
        tombstones.settle()
        remembered = tombstones.read().ended_at(tombstones.Kind.CONTACT, binned.pk, workspace_id=shree.pk) is not None
        assert remembered == is_gone, "whoever is gone is known to be, and nobody else"
        if not was_killed:
            break
        deaths[is_gone] += 1
    assert not was_killed and deaths[0] > 2, deaths


def test_a_copy_killed_anywhere_is_made_once(driver: Driver, committed_db: None, shree: Workspace) -> None:
    scene = people.scene(shree)
    with tenancy.inside(shree):
        copy = making.order(workspace=shree, contact_id=scene.her.pk, language="en", by=None, at=clock.now())
    deaths = 0
    for after in range(0, 4_000, 5):
        if not driver.killed(f"{__name__}:_copy", str(copy.pk), str(shree.pk), after=after):
            break
        deaths += 1
        with tenancy.inside(shree):
            row = PersonCopy.objects.of(shree).get()
            # Killed after the commit it is whole; killed before, it still waits.
            assert (row.state, row.file_id is not None) in {("ordered", False), ("done", True)}
    assert deaths > 3
    with tenancy.inside(shree):
        made = PersonCopy.objects.of(shree).get()
        assert made.state == PersonCopy.State.DONE
        assert b"".join(making.open_for_person(made.pk, shree.pk).pieces).startswith(b"PK")
        files.sweep(shree.pk, older_than=timedelta(0))
        known = StoredFile.objects.of(shree).count()
    assert len(_objects(shree)) == known


def test_people_are_told_of_a_breach_once_each_whoever_dies_over_it(
    driver: Driver, committed_db: None, shree: Workspace
) -> None:
    touched = [factories.make_contact(shree, f"Person {n}", phone=f"+9198220417{n:02d}") for n in range(4)]
    at = clock.now()
    with tenancy.inside(shree):
        incident = reporting.report(workspace=shree, what=what(at), by=owner_of(shree), at=at)
        for person in touched:
            AffectedPerson.objects.create(workspace_id=shree.pk, incident=incident, contact=person, added_at=at)
    deaths = 0
    for after in range(0, 4_000, 3):
        if not driver.killed(f"{__name__}:_tell", str(incident.pk), str(shree.pk), after=after):
            break
        deaths += 1
        told = AffectedPerson.objects
        with tenancy.inside(shree):
            assert (
                told.of(shree).filter(told_at__isnull=False).count()
                == LocalMessage.objects.filter(channel="sms").count()
            )
    assert deaths > 5
    assert sorted(LocalMessage.objects.filter(channel="sms").values_list("to", flat=True)) == [
        f"+9198220417{n:02d}" for n in range(4)
    ]


def test_a_retention_run_killed_anywhere_is_finished_by_the_next(
    driver: Driver, committed_db: None, shree: Workspace
) -> None:
    at = LONG_AGO + timedelta(days=1_200)
    with tenancy.inside(shree):
        going = Contact.objects.bulk_create(
            Contact(workspace_id=shree.pk, name=f"Person {n}", created_at=LONG_AGO, updated_at=LONG_AGO)
            for n in range(10)
        )
        Contact.objects.create(workspace_id=shree.pk, name="Stays", created_at=at, updated_at=at)
    deaths = 0
    with clock.standing_at(at):
        for after in range(0, 40_000, 53):
            if not driver.killed(f"{__name__}:_sweep", str(shree.pk), after=after, at=at):
                break
            deaths += 1
        with tenancy.inside(shree):
            waiting = erasing.unfinished(shree.pk)
        for erasure_id in waiting:  # the job that goes on with erasures whose worker died
            erasing.carry_out(erasure_id, workspace_id=shree.pk)
    assert deaths > 5
    with tenancy.inside(shree):
        assert [one.name for one in Contact.objects.of(shree)] == ["Stays"]
        assert not RetentionDue.objects.of(shree).filter(state=RetentionDue.State.WAITING).exists()
        assert not RetentionRun.objects.of(shree).filter(ended_at__isnull=True).exists()
        assert {one.state for one in Erasure.objects.of(shree)} <= {Erasure.State.DONE, Erasure.State.FAILED}
    gone = tombstones.read()
    assert len(gone.among(tombstones.Kind.CONTACT, [one.pk for one in going], workspace_id=shree.pk)) == 10
