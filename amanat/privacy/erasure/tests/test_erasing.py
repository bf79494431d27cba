"""A person is gone from every table, file and queue; the books and the proof stay without her; nobody is resurrected."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from django.conf import settings
from django.db import IntegrityError, connection

from amanat.accounts.models import Workspace
from amanat.basis import suppression
from amanat.core import clock, files, ids, jobs, ledger, tally, tenancy, tombstones
from amanat.core.models import IdempotentAnswer, LedgerEntry, LocalMessage
from amanat.core.models_files import StoredFile
from amanat.core.schema import workspace_models
from amanat.desk.models import Paper, Payment, ServiceRecord, Task
from amanat.messaging.sandbox.record import Record
from amanat.people import merging, search
from amanat.people.importing import runs
from amanat.people.models import Contact, ExportRun, ImportProblem, ImportRun, Interaction, Phone, SearchEntry
from amanat.people.tests import factories
from amanat.privacy.erasure import erasing, traces
from amanat.privacy.erasure.models import Erasure, ErasureCertificate, ErasureOpenItem
from amanat.privacy.erasure.tests import people
from amanat.privacy.erasure.tests.people import ADDRESS, NAME, NUMBER
from amanat.privacy.erasure.wanted import Wanted
from amanat.privacy.retention import holds


def _everything(workspace: Workspace) -> str:
    """Every row of every table of the workspace, and every message and job, as text."""
    with tenancy.inside(workspace), connection.cursor() as cursor:
        cursor.execute(
            "SELECT string_agg(line, ' ') FROM ("
            + " UNION ALL ".join(
                f'SELECT t::text AS line FROM "{table}" t'
                for table in (
                    *(each._meta.db_table for each in workspace_models()),
                    "core_localmessage",
                    "procrastinate_jobs",
                )
            )
            + ") AS everything"
        )
        return str(cursor.fetchone()[0])


@pytest.mark.slow
def test_nothing_of_her_is_left_but_the_books(shree: Workspace) -> None:
    scene = people.scene(shree)
    objects = Path(settings.FILES_ROOT)
    assert NAME in _everything(shree)
    done = people.erase(shree, scene.her, by=scene.owner)
    left = _everything(shree)
    for mark in (NAME, "Zarathustra", NUMBER, "9822041736", ADDRESS, "ACK998877", "Likes tea"):
        assert mark not in left
    assert done.state == Erasure.State.DONE
    with tenancy.inside(shree):
        assert list(StoredFile.objects.of(shree)) == []
        record = ServiceRecord.objects.of(shree).get()
        assert (record.contact_id, record.fee_paise, record.title) == (None, 10_000, "Service")
        assert Payment.objects.of(shree).get().amount_paise == 10_000
        assert not any(model.objects.of(shree).exists() for model in (Task, Paper, Interaction, ImportProblem, Phone))
        assert ExportRun.objects.of(shree).get().state == "expired"
        assert ImportRun.objects.of(shree).get().file_id is None
        assert not IdempotentAnswer.objects.of(shree).exists()
        assert tally.count("contacts", workspace=shree) == 0
    assert not LocalMessage.objects.exists()
    assert done.gone["people.Contact"] == 1
    assert done.stayed == {"desk.ServiceRecord": 1, "desk.Payment": 1}
    assert [step["step"] for step in done.steps] == ["prepared", "erased", "searched"]
    assert objects.exists()


@pytest.mark.slow
def test_others_lose_nothing(shree: Workspace) -> None:
    scene = people.scene(shree)
    him = factories.make_contact(shree, "Vishal Shinde", notes="His own")
    firm = factories.make_company(shree)
    with tenancy.inside(shree):
        ServiceRecord.objects.create(
            workspace_id=shree.pk, number=3, contact=scene.her, company=firm, title="GST return"
        )
        Task.objects.create(
            workspace_id=shree.pk, record=scene.record, contact=him, title="Ask him", due_on=date(2026, 1, 1)
        )
    people.erase(shree, scene.her)
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get().notes == "His own"
        assert Phone.objects.of(shree).get().contact_id == him.pk
        assert Task.objects.of(shree).get().contact_id == him.pk
        kept = ServiceRecord.objects.of(shree).get(number=3)
        assert (kept.company_id, kept.contact_id, kept.title) == (firm.pk, None, "GST return")
        assert search.find("Vishal", member=scene.owner) != []


@pytest.mark.slow
def test_the_same_name_and_number_of_others_are_theirs(shree: Workspace) -> None:
    her, other = people.make_her(shree), people.make_her(shree, emails=[])
    done = people.erase(shree, her)
    assert done.state == Erasure.State.DONE
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get() == other
        assert suppression.among([NUMBER, ADDRESS], workspace=shree, at=clock.now()) == {ADDRESS: "erased"}


@pytest.mark.slow
def test_her_addresses_stay_as_keyed_hashes(shree: Workspace) -> None:
    her = people.make_her(shree)
    people.erase(shree, her)
    with tenancy.inside(shree):
        known = suppression.among([NUMBER, ADDRESS, "+919000000099"], workspace=shree, at=clock.now())
    assert known == {NUMBER: "erased", ADDRESS: "erased"}


@pytest.mark.slow
def test_an_order_waits_for_its_job_and_runs_once(shree: Workspace) -> None:
    her = people.make_her(shree)
    with tenancy.inside(shree):
        ordered = erasing.order(
            workspace=shree, contact_ids=[her.pk, ids.new()], because="request", by=None, at=clock.now()
        )
        assert ordered.contact_ids == [her.pk]
        assert erasing.unfinished(shree) == [ordered.pk]
        with connection.cursor() as cursor:
            cursor.execute("SELECT args->>'erasure' FROM procrastinate_jobs WHERE task_name = %s", [erasing.JOB])
            assert cursor.fetchall() == [(str(ordered.pk),)]
        erasing.enqueue(ordered)
        assert jobs.waiting(str(shree.pk)) == 1
        first = erasing.carry_out(ordered.pk, workspace_id=shree.pk)
        second = erasing.carry_out(ordered.pk, workspace_id=shree.pk)
        assert first.steps == second.steps
        assert ErasureCertificate.objects.of(shree).count() == 1


def test_nobody_there(shree: Workspace, other: Workspace) -> None:
    hers = factories.make_contact(other)
    with tenancy.inside(shree), pytest.raises(erasing.NobodyThere):
        erasing.order(workspace=shree, contact_ids=[hers.pk], because="request", by=None, at=clock.now())


@pytest.mark.slow
def test_each_step_can_be_done_again_after_a_kill(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """A step that dies before its commit leaves nothing; the next call begins it anew and ends the same."""
    scene = people.scene(shree)
    with tenancy.inside(shree):
        ordered = erasing.order(
            workspace=shree, contact_ids=[scene.her.pk], because="request", by=None, at=clock.now(), at_once=True
        )
        for state, step in list(erasing._STEPS.items())[::1]:
            if state == Erasure.State.HELD:
                continue

            def dies(current: Erasure, at: object, step: object = step) -> None:
                step(current, at)  # type: ignore[operator]
                current.save()
                raise KeyboardInterrupt

            with monkeypatch.context() as patched:
                patched.setitem(erasing._STEPS, state, dies)
                with pytest.raises(KeyboardInterrupt):
                    erasing.carry_out(ordered.pk, workspace_id=shree.pk)
            assert Erasure.objects.of(shree).get(pk=ordered.pk).state == state
            erasing._step_done(ordered.pk, shree.pk)
        done = Erasure.objects.of(shree).get(pk=ordered.pk)
    assert done.state == Erasure.State.DONE
    assert [step["step"] for step in done.steps] == ["prepared", "erased", "searched"]
    assert done.gone["people.Contact"] == 1


@pytest.mark.slow
def test_many_people_go_piece_by_piece(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(erasing, "PIECE", 2)
    several = [factories.make_contact(shree, f"Person {number}") for number in range(5)]
    kept = factories.make_contact(shree, "Stays Here")
    done = people.erase(shree, *several, because="retention")
    assert done.gone["people.Contact"] == 5
    assert done.gone["people.Phone"] == 5
    with tenancy.inside(shree):
        assert list(Contact.objects.of(shree)) == [kept]
        assert tally.count("contacts", workspace=shree) == 1


@pytest.mark.slow
def test_a_legal_hold_stops_it_and_its_end_lets_it_go_on(shree: Workspace) -> None:
    her, owner = people.make_her(shree), factories.owner(shree)
    with tenancy.inside(shree):
        hold = holds.add(
            workspace=shree,
            contact=her,
            keep="",
            basis="A court asked",
            until=date(2099, 1, 1),
            by=owner,
            at=clock.now(),
        )
    done = people.erase(shree, her)
    assert done.state == Erasure.State.HELD
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).filter(pk=her.pk).exists()
        assert erasing.carry_out(done.pk, workspace_id=shree.pk).steps == done.steps
        holds.lift(hold=hold, by=owner, at=clock.now())
        assert erasing.carry_out(done.pk, workspace_id=shree.pk).state == Erasure.State.DONE
        assert not Contact.objects.of(shree).filter(pk=her.pk).exists()


@pytest.mark.slow
def test_those_without_a_hold_do_not_wait_for_those_with_one(shree: Workspace) -> None:
    her, him = people.make_her(shree), factories.make_contact(shree, "Vishal Shinde")
    with tenancy.inside(shree):
        holds.add(
            workspace=shree, contact=her, keep="", basis="A court asked", until=date(2099, 1, 1),
            by=factories.owner(shree), at=clock.now(),
        )  # fmt: skip
    done = people.erase(shree, her, him)
    with tenancy.inside(shree):
        assert done.contact_ids == [him.pk]
        assert list(Contact.objects.of(shree)) == [her]
        held = Erasure.objects.of(shree).get(state=Erasure.State.HELD)
        assert held.contact_ids == [her.pk]


@pytest.mark.slow
def test_what_was_merged_into_her_is_remembered_as_gone(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    monkeypatch.setattr(tombstones, "record", lambda kind, subjects, **_: told.extend(subjects))
    first, her = factories.make_contact(shree, "Z. Quillfeather"), people.make_her(shree)
    with tenancy.inside(shree):
        merging.merge(keep=her, gone=first, choices={}, by=factories.owner(shree), at=clock.now())
    people.erase(shree, her)
    assert set(told) >= {her.pk, first.pk}
    assert "Quillfeather" not in _everything(shree)


@pytest.mark.slow
def test_whoever_writes_for_her_at_the_same_moment_does_not_stop_it(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The database refuses the commit of the step; it is tried again with the new row among those that go."""
    her, tries = people.make_her(shree), []
    real = erasing._destroy

    def interrupted(*arguments: object, **named: object) -> None:
        tries.append(1)
        real(*arguments, **named)  # type: ignore[arg-type]
        if len(tries) < 3:
            raise IntegrityError

    monkeypatch.setattr(erasing, "_destroy", interrupted)
    assert people.erase(shree, her).state == Erasure.State.DONE
    assert len(tries) == 3


@pytest.mark.slow
def test_the_ledger_tells_of_it_without_a_name(shree: Workspace) -> None:
    scene = people.scene(shree)
    done = people.erase(shree, scene.her, by=scene.owner)
    with tenancy.inside(shree):
        told = dict(LedgerEntry.objects.of(shree).filter(event__startswith="privacy.").values_list("event", "facts"))
        certificate = ErasureCertificate.objects.of(shree).get()
    assert set(told) == {"privacy.erasure.ordered", "privacy.erasure.certified"}
    assert told["privacy.erasure.certified"]["digest"] == certificate.digest
    assert told["privacy.erasure.ordered"]["erasure"] == str(done.pk)
    ledger.seal(shree.pk)
    assert ledger.verify(shree.pk).is_intact


@pytest.mark.slow
def test_jobs_that_wait_for_her_go_and_others_stay(shree: Workspace) -> None:
    her, him = people.make_her(shree), factories.make_contact(shree, "Vishal Shinde")
    with tenancy.inside(shree), connection.cursor() as cursor:
        for person in (her, him):
            cursor.execute(
                "INSERT INTO procrastinate_jobs (queue_name, task_name, args) VALUES ('default', 'some.job', "
                "jsonb_build_object('workspace_id', %s::text, 'people', jsonb_build_array(%s::text)))",
                [str(shree.pk), str(person.pk)],
            )
        people.erase(shree, her)
        cursor.execute("SELECT args->'people'->>0 FROM procrastinate_jobs WHERE task_name = 'some.job'")
        assert cursor.fetchall() == [(str(him.pk),)]


@pytest.mark.slow
def test_people_of_a_restored_backup_go_again_without_an_order(shree: Workspace) -> None:
    scene = people.scene(shree)
    with tenancy.inside(shree):
        assert erasing.again({scene.her.pk: clock.now()}, workspace_id=shree.pk, at=clock.now()) == 1
        assert not Erasure.objects.of(shree).exists()
        assert not SearchEntry.objects.of(shree).filter(pk=scene.her.pk).exists()
        assert suppression.among([NUMBER], workspace=shree, at=clock.now()) == {NUMBER: "erased"}
    assert NAME not in _everything(shree)


@pytest.mark.slow
def test_open_items_for_what_people_took_with_them(shree: Workspace) -> None:
    scene = people.scene(shree)
    with tenancy.inside(shree):
        ExportRun.objects.of(shree).update(taken_at=clock.now())
    done = people.erase(shree, scene.her)
    with tenancy.inside(shree):
        item = ErasureOpenItem.objects.of(shree).get()
    assert (item.kind, item.count) == (ErasureOpenItem.Kind.RECIPIENT, 1)
    assert done.state == Erasure.State.DONE


def test_every_reference_that_a_delete_asks_for_is_found_by_an_index(shree: Workspace) -> None:
    """One that holds only some of the rows is none: each person who goes would have the whole table read."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname FROM pg_indexes WHERE schemaname = 'public'")
        names = {row[0] for row in cursor.fetchall()}
    assert {
        f"by_contact_id_of_{table}" for table in ("privacy_retentiondue", "privacy_legalhold", "privacy_nomination")
    } <= names
    assert "by_contact_id_of_people_phone" not in names  # has one of its own


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "places"),
    [
        ("Somebody Else,9822000001", []),
        (f"{NAME},", ["people.ImportRun"]),
        ("Z. Q.,98220 41736", ["people.ImportRun"]),
    ],
)
def test_an_import_that_waits_is_an_open_item_only_where_it_may_name_her(
    line: str, places: list[str], shree: Workspace
) -> None:
    her, owner = people.make_her(shree), factories.owner(shree)
    with tenancy.inside(shree):
        waiting = runs.upload(
            source=io.BytesIO(f"Name,Mobile\nAsha,\n{line}\n".encode()), name="a.csv", by=owner, at=clock.now()
        )
    done = people.erase(shree, her, by=owner)
    with tenancy.inside(shree):
        items = ErasureOpenItem.objects.of(shree).filter(erasure=done, kind="import")
        assert list(items.values_list("place", flat=True)) == places
        assert ImportRun.objects.of(shree).get(pk=waiting.pk).file_id is not None, "it may still go on"
    assert done.state == (Erasure.State.FAILED if places else Erasure.State.DONE)


@pytest.mark.slow
def test_an_import_whose_file_cannot_be_read_is_an_open_item(shree: Workspace) -> None:
    her, owner = people.make_her(shree), factories.owner(shree)
    with tenancy.inside(shree):
        file = files.store(b"damaged", workspace_id=shree.pk, name="a.txt", by=None, kind="attachment")
        ImportRun.objects.create(workspace_id=shree.pk, file=file, file_name="a.csv", state="stopped")
    done = people.erase(shree, her, by=owner)
    with tenancy.inside(shree):
        assert [item.kind for item in ErasureOpenItem.objects.of(shree).filter(erasure=done)] == ["import"]


@pytest.mark.slow
def test_the_sandbox_keeps_no_word_of_her(shree: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A record that comes back meanwhile is found by the search."""
    monkeypatch.setattr(settings, "CONFIGURATION", replace(settings.CONFIGURATION, data=tmp_path))
    record = Record(tmp_path / "sandbox/graph.jsonl")
    record.add("accepted", to="91" + NUMBER[-10:], text="Namaste")
    record.add("said", to="919900000000", text=f"I am {NAME}")
    record.add("said", to="919900000000", text="somebody else")
    scene = people.scene(shree)
    done = people.erase(shree, scene.her, by=scene.owner)
    assert [line["text"] for line in record.lines()] == ["somebody else"]
    assert done.gone["sandbox"] == 2
    record.add("said", to="91" + NUMBER[-10:], text="again")
    with tenancy.inside(shree):
        wanted = Wanted(numbers=[NUMBER[-10:]], ids=[str(scene.her.pk)])
        places = {one.place for one in traces.search(wanted, workspace_id=shree.pk).findings}
    assert "sandbox" in places
