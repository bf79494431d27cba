"""What belongs to people: every row of every package, and nobody else's."""

from __future__ import annotations

from datetime import date

from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.core import clock, files, ids, tenancy
from amanat.core.schema import workspace_models
from amanat.core.tenancy import WorkspaceForeignKey
from amanat.desk.models import Paper, Payment, ServiceRecord, Task
from amanat.people import merging, timeline
from amanat.people.models import Attachment, Contact, Interaction, Merge, Phone, SearchEntry
from amanat.people.tests import factories
from amanat.privacy.erasure import belongings
from tests.promises import cast


def test_every_table_that_points_at_a_contact_is_found(shree: Workspace) -> None:
    rows = cast.fill(shree)
    her = rows["people.Contact"]
    with tenancy.inside(shree):
        found = belongings.of([her.pk], workspace_id=shree.pk)
    pointing = {
        model._meta.label
        for model in workspace_models()
        for each in model._meta.local_fields
        if isinstance(each, WorkspaceForeignKey) and each.related_model is Contact and model is not Contact
    }
    assert pointing
    assert pointing <= {model._meta.label for model in found.rows}
    assert all(rows[label].pk in found.rows[type(rows[label])] for label in pointing if label in rows)
    assert rows["core.StoredFile"].pk in found.files


def test_without_the_rest_there_are_the_services_and_what_leads_to_them(shree: Workspace) -> None:
    rows = cast.fill(shree)
    her = rows["people.Contact"]
    with tenancy.inside(shree):
        whole = belongings.of([her.pk], workspace_id=shree.pk)
        found = belongings.of([her.pk], workspace_id=shree.pk, is_whole=False)
    assert (found.contact_ids, found.former) == (whole.contact_ids, whole.former)
    assert found.rows[ServiceRecord] == whole.rows[ServiceRecord]
    assert Phone in whole.rows
    assert (found.files, Phone in found.rows, SearchEntry in found.rows) == ({}, False, False)
    assert whole.files


def test_ids_as_one_array_are_the_same_ids(db: None) -> None:
    wanted = [ids.new() for _ in range(3)]
    with connection.cursor() as cursor:
        cursor.execute("SELECT %s::uuid[], %s::uuid[]", [belongings.array(wanted), belongings.array([])])
        assert cursor.fetchone() == (wanted, [])


def test_what_hangs_on_her_services_is_hers(shree: Workspace) -> None:
    her = factories.make_contact(shree)
    with tenancy.inside(shree):
        record = ServiceRecord.objects.create(workspace_id=shree.pk, number=1, contact=her, title="PAN", fee_paise=100)
        payment = Payment.objects.create(
            workspace_id=shree.pk, record=record, amount_paise=100, method="cash", paid_on=date(2026, 11, 22)
        )
        task = Task.objects.create(workspace_id=shree.pk, record=record, title="Call her", due_on=date(2026, 11, 23))
        line = timeline.record(
            workspace=shree, happened_at=clock.now(), kind="note", summary="Asked", contact=her, reference=record
        )
        found = belongings.of([her.pk], workspace_id=shree.pk)
    assert found.rows[ServiceRecord] == {record.pk: her.pk}
    assert found.rows[Payment] == {payment.pk: her.pk}
    assert found.rows[Task] == {task.pk: her.pk}
    assert line.pk in found.rows[Interaction]
    assert found.rows[SearchEntry] == {her.pk: her.pk}


def test_a_task_about_somebody_else_on_her_service_is_not_hers(shree: Workspace) -> None:
    her, him = factories.make_contact(shree), factories.make_contact(shree, "Vishal Shinde")
    with tenancy.inside(shree):
        record = ServiceRecord.objects.create(workspace_id=shree.pk, number=1, contact=her, title="PAN")
        Task.objects.create(workspace_id=shree.pk, record=record, contact=him, title="Ask him", due_on=date(2026, 1, 1))
        found = belongings.of([her.pk], workspace_id=shree.pk)
    assert Task not in found.rows


def test_shared_rows_are_marked(shree: Workspace) -> None:
    her, firm = factories.make_contact(shree), factories.make_company(shree)
    with tenancy.inside(shree):
        ours = ServiceRecord.objects.create(workspace_id=shree.pk, number=1, contact=her, company=firm, title="GST")
        ServiceRecord.objects.create(workspace_id=shree.pk, number=2, contact=her, title="PAN")
        found = belongings.of([her.pk], workspace_id=shree.pk)
    assert len(found.rows[ServiceRecord]) == 2
    assert found.shared[ServiceRecord] == {ours.pk}


def test_each_row_says_whose_it_is_and_others_are_left(shree: Workspace) -> None:
    her, him, third = (factories.make_contact(shree, name) for name in ("Asha Patil", "Vishal Shinde", "Meena Rao"))
    with tenancy.inside(shree):
        found = belongings.of([her.pk, him.pk, ids.new()], workspace_id=shree.pk)
        own = set(Phone.objects.of(shree).filter(contact=him).values_list("pk", flat=True))
    assert set(found.contact_ids) == {her.pk, him.pk}
    assert set(found.of_one(him.pk)[Phone]) == own
    assert third.pk not in found.whose()
    assert found.counts()["people.Phone"] == 2


def test_what_was_merged_into_her_is_hers(shree: Workspace) -> None:
    owner = factories.owner(shree)
    first, second, third = (factories.make_contact(shree, name) for name in ("Asha Patil", "Asha Patl", "A. Patil"))
    with tenancy.inside(shree):
        merging.merge(keep=second, gone=first, choices={}, by=owner, at=clock.now())
        merging.merge(keep=third, gone=second, choices={}, by=owner, at=clock.now())
        found = belongings.of([third.pk], workspace_id=shree.pk)
        known = Merge.objects.of(shree).count()
    assert found.former == {second.pk: third.pk, first.pk: third.pk}
    assert len(found.rows[Merge]) == known == 2


def test_files_of_her_rows(shree: Workspace) -> None:
    her, him = factories.make_contact(shree), factories.make_contact(shree, "Vishal Shinde")
    with tenancy.inside(shree):
        kept = [
            files.store(b"some text", workspace_id=shree.pk, name="a.txt", by=None, kind="attachment") for _ in range(3)
        ]
        Attachment.objects.create(workspace_id=shree.pk, contact=her, file=kept[0], name="a.txt")
        Paper.objects.create(workspace_id=shree.pk, contact=her, file=kept[1], kind="pan")
        Attachment.objects.create(workspace_id=shree.pk, contact=him, file=kept[2], name="a.txt")
        found = belongings.of([her.pk], workspace_id=shree.pk)
    assert found.files == {kept[0].pk: her.pk, kept[1].pk: her.pk}
    assert set(found.files_of_one(her.pk)) == {kept[0].pk, kept[1].pk}


def test_the_number_of_statements_is_that_of_one_person(shree: Workspace) -> None:
    def statements(people: int) -> int:
        with tenancy.inside(shree):
            several = [factories.make_contact(shree, f"Person {number}").pk for number in range(people)]
            for pk in several:
                ServiceRecord.objects.create(workspace_id=shree.pk, number=pk.int % 10**9, contact_id=pk, title="PAN")
            with CaptureQueriesContext(connection) as asked:
                belongings.of(several, workspace_id=shree.pk)
        return len(asked)

    assert statements(1) == statements(12) <= 8


def test_nothing_is_found_in_another_workspace(shree: Workspace, other: Workspace) -> None:
    her = factories.make_contact(shree)
    with tenancy.inside(other):
        found = belongings.of([her.pk], workspace_id=other.pk)
    assert found.rows == {}
    assert found.contact_ids == ()
