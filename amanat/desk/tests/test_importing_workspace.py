"""A whole workspace out and in again: the same people, catalogue, services, payments, tasks and notes, once each."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from datetime import date, time, timedelta
from typing import Any

import pytest

from amanat.accounts import permissions
from amanat.accounts.models import Member, User
from amanat.accounts.permissions import May, Role
from amanat.accounts.tests.factories import make_member, make_user, make_workspace, owner_of
from amanat.core import clock, ids, tally, tenancy
from amanat.core.models import LedgerEntry
from amanat.core.recurrence import Repeat, Unit
from amanat.desk import papers, payments, services, todo
from amanat.desk.cases import counting, handling
from amanat.desk.cases.counting import Year
from amanat.desk.cases.models import SupportCase
from amanat.desk.models import Counter, Payment, Service, ServiceRecord, Task
from amanat.desk.payments import NewPayment
from amanat.desk.tests.factories import NOW, make_case, make_contact, make_record, make_service, make_task
from amanat.people import companies, custom_fields, export_formats, notes, search
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import CompanyDraft
from amanat.people.importing import runs, undo, working
from amanat.people.importing.mapping import Mapping
from amanat.people.importing.runs import ImportRefused
from amanat.people.models import (
    Company,
    Contact,
    CustomField,
    ImportChange,
    ImportProblem,
    ImportRun,
    Interaction,
    SearchEntry,
    Stage,
    Tag,
)
from amanat.people.tests.test_importing_runs import again, queued

pytestmark = pytest.mark.django_db
LISTS = ("stages", "tags", "companies", "contacts", "catalogue", "services", "payments", "tasks", "cases")
MODELS: dict[str, Any] = {
    "stages": Stage, "tags": Tag, "companies": Company, "contacts": Contact, "catalogue": Service, "services": ServiceRecord,
    "payments": Payment, "tasks": Task, "cases": SupportCase, "timeline": Interaction,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def user() -> User:
    return make_user("Rekha Kulkarni")


@pytest.fixture
def rekha(db: None, user: User) -> Member:
    """A shop with something of everything."""
    by = owner_of(make_workspace("Here", owner=user))
    with tenancy.inside(by.workspace, actor=by.pk):
        fill(by)
    return by


@pytest.fixture
def there(db: None, user: User, rekha: Member) -> Member:
    """The same person's new and empty workspace."""
    return owner_of(make_workspace("There", owner=user))


def fill(by: Member) -> None:
    here = by.workspace
    Stage.objects.create(workspace_id=here.pk, key="warm", name="Warm; ready", position=3)
    Stage.objects.create(workspace_id=here.pk, key="lost", name="=Lost", position=4, is_closed=True)
    field = custom_fields.add(
        workspace=here, by=by, at=NOW,
        draft=FieldDraft(label="Stamp", kind="money", on="service", help_text="of the court", is_required=True),
    )  # fmt: skip
    custom_fields.add(
        workspace=here, by=by, at=NOW,
        draft=FieldDraft(label="Village", kind="choice", on="contact", choices=["Sinnar", "=Yeola"], personal_kind="pd:Preference"),
    )  # fmt: skip
    firm = companies.create(
        workspace=here, by=by, at=NOW, draft=CompanyDraft(name="Patil & Sons", gstin="27AAPFU0939F1ZV")
    )
    sunita = make_contact(
        by, "सुनीता देशमुख", tags=["VIP", "=cmd"], company_name="Patil & Sons", owner=by.pk, external_id="C-1",
        stage=Stage.objects.of(here).get(key="warm").pk, custom={"village": "=Yeola"}, birthday=date(1980, 2, 29),
    )  # fmt: skip
    nobody = make_contact(by, "No Phone", phone="0253 2570001")
    pan = make_service(here, "PAN correction", names={"hi": "पैन"}, validity_months=12, usual_days=7)
    first = make_record(
        by, contact=sunita, service=pan, paid_paise=10_000, notes="=1+1\nsecond line", acknowledgement="ACK/17"
    )
    services.change(record=first, by=by, at=NOW, custom={field.key: 5_050})
    services.tick(record=first, steps=["Fill the form"], documents=["Aadhaar card"], by=by, at=NOW)
    payments.take(record=first, payment=NewPayment(5_000, "upi", "UTR-9", date(2026, 10, 2)), by=by, at=NOW)
    wrong = payments.take(record=first, payment=NewPayment(2_000, "bank"), by=by, at=NOW)
    payments.cancel(payment=wrong, by=by, at=NOW, reason="-typed twice")
    services.set_status(record=first, status="delivered", by=by, at=NOW)
    services.repeat_last(record=first, by=by, at=NOW)
    services.create(
        workspace=here,
        wanted=services.NewService(service=None, title="Audit", fee_paise=0),
        by=by,
        at=NOW,
        company=firm,
    )
    services.delete(record=make_record(by, contact=nobody), by=by, at=NOW)
    make_task(
        by, "Call her", contact=sunita, record=first, assignee=by, due_time=time(16, 30), kind="call", notes="@home"
    )
    rent = make_task(by, "Rent", due_on=date(2026, 1, 31), repeat=Repeat(Unit.MONTH, month_day=31))
    todo.finish(task=rent, by=by, at=NOW)
    todo.cancel(task=make_task(by, "Never mind"), by=by, at=NOW)
    wrong_name = make_case(by, "=Wrong name", contact=sunita, what="PAN says Deshmuk\n-1", owner=by)
    handling.close(case=wrong_name, outcome="@New card", satisfaction=4, by=by, at=NOW)
    make_case(by, "Receipt missing", contact=sunita)
    notes.write(record=sunita, by=by, at=NOW - timedelta(days=3), text="She called.\nTomorrow again.", kind="call")
    notes.write(record=firm, by=by, at=NOW, text="Asked for the audit")


def exported(member: Member, format: str = "json") -> bytes:
    file = io.BytesIO()
    with tenancy.inside(member.workspace):
        export_formats.of_workspace(member.workspace_id, format, file)
    return file.getvalue()


def taken(member: Member, content: bytes, **options: Any) -> ImportRun:
    run = queued(member, content, name="workspace.json", **options)
    working.work(member.workspace_id, run.pk)
    return again(run)


def lists(content: bytes) -> dict[str, list[dict[str, Any]]]:
    """The lists as they are compared: without the lines that say where the records came from."""
    found = json.loads(content)
    timeline = [line for line in found["timeline"] if line.get("reference_kind") != "people.ImportRun"]
    return {name: found[name] for name in LISTS} | {"timeline": timeline}


def counts(member: Member) -> dict[str, int]:
    with tenancy.inside(member.workspace):
        return {name: model.objects.of(member.workspace).count() for name, model in MODELS.items()}


def everything(member: Member) -> dict[str, list[dict[str, Any]]]:
    """All rows of all tables that an import writes, to prove that nothing changed."""
    models = [*MODELS.values(), SearchEntry, Counter, CustomField]
    with tenancy.inside(member.workspace):
        return {model.__name__: list(model.objects.of(member.workspace).order_by("pk").values()) for model in models}


def problems(run: ImportRun) -> list[tuple[bool, str, str]]:
    with tenancy.inside(run.workspace_id):
        rows = ImportProblem.objects.of(run.workspace_id).filter(run=run).order_by("row_number")
        return [(row.is_failure, reason["column"], reason["reason"]) for row in rows for reason in row.reasons]


def edited(content: bytes, change: Callable[[dict[str, Any]], None]) -> bytes:
    """The file after somebody changed it by hand, written in another form as a program would."""
    found = json.loads(content)
    change(found)
    return json.dumps(found, indent=1).encode()


@pytest.mark.slow
def test_an_empty_workspace_becomes_the_same(rekha: Member, there: Member) -> None:
    content = exported(rekha)
    run = taken(there, content)
    assert (run.state, run.failed, problems(run)) == ("done", 0, [])
    assert lists(exported(there)) == lists(content)
    fields = ["key", "label", "kind", "on", "choices", "help_text", "is_required", "personal_kind"]
    with tenancy.inside(rekha.workspace):
        wanted = list(CustomField.objects.of(rekha.workspace).order_by("on").values(*fields))
    with tenancy.inside(there.workspace):
        assert list(CustomField.objects.of(there.workspace).order_by("on").values(*fields)) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_tables_of_a_whole_workspace_give_it_back_as_its_json_does(rekha: Member, there: Member, format: str) -> None:
    run = taken(there, exported(rekha, format))
    assert (run.state, run.failed, problems(run)) == ("done", 0, [])
    assert lists(exported(there)) == lists(exported(rekha))
    fields = ["key", "label", "kind", "on", "choices", "help_text", "is_required", "personal_kind"]
    with tenancy.inside(rekha.workspace):
        wanted = list(CustomField.objects.of(rekha.workspace).order_by("on").values(*fields))
    with tenancy.inside(there.workspace):
        assert list(CustomField.objects.of(there.workspace).order_by("on").values(*fields)) == wanted


@pytest.mark.slow
@pytest.mark.parametrize("format", ["json", "csv", "xlsx"])
def test_the_same_file_again_changes_nothing(rekha: Member, there: Member, format: str) -> None:
    content = exported(rekha, format)
    taken(there, content)
    before = everything(there)
    run = taken(there, content)
    assert (run.state, run.created, run.updated, run.failed) == ("done", 0, 0, 0)
    assert (run.unchanged, run.skipped) == (run.total, 0)
    assert everything(there) == before


@pytest.mark.slow
def test_into_the_workspace_it_came_from_it_changes_nothing(rekha: Member) -> None:
    content, before = exported(rekha), everything(rekha)
    run = taken(rekha, content)
    assert (run.state, run.created, run.updated, run.failed) == ("done", 0, 0, 0)
    assert everything(rekha) == before


@pytest.mark.slow
def test_what_is_kept_beside_the_rows_is_right(rekha: Member, there: Member) -> None:
    with tenancy.inside(rekha.workspace):
        met_at = Contact.objects.of(rekha.workspace).get(external_id="C-1").last_contact_at
    taken(there, exported(rekha))
    with tenancy.inside(there.workspace):
        here = there.workspace
        record = ServiceRecord.objects.of(here).get(acknowledgement="ACK/17")
        assert (record.paid_paise, record.balance_paise) == (15_000, 10_000)
        assert tally.count("contacts", workspace=here) == 2
        assert tally.count("collected:2026-10", workspace=here) == 5_000
        assert tally.count("collected:2026-11", workspace=here) == 10_000
        assert [hit.id for hit in search.find("ACK/17", member=there) if hit.kind == "service"] == [record.pk]
        assert Counter.objects.of(here).get(what="service_record").next_number == 5
        assert record.owner_id == record.created_by_id == there.pk
        sunita = Contact.objects.of(here).get(external_id="C-1")
        assert sunita.last_contact_at == met_at == NOW
        assert SearchEntry.objects.of(here).filter(kind="service").count() == 3  # one lies in the bin
        following = todo.finish(task=Task.objects.of(here).open().get(title="Rent"), by=there, at=NOW)
        assert following is not None and following.due_on > date(2026, 11, 21)
        assert make_record(there, contact=sunita).number == 5
        assert counting.of_year(2026, workspace=here) == Year(1, 1, 4)
        assert [hit.kind for hit in search.find("wrong name", member=there)] == ["case"]
        case = SupportCase.objects.of(here).get(number=1)
        assert [line.reference_id for line in Interaction.objects.of(here).filter(kind="case")] == [
            case.pk, case.pk, SupportCase.objects.of(here).get(number=2).pk,
        ]  # fmt: skip
        assert make_case(there, contact=sunita).number == 3


@pytest.mark.slow
def test_the_report_and_the_ledger_tell_each_list(rekha: Member, there: Member) -> None:
    run = taken(there, exported(rekha))
    told = run.options["lists"]
    assert {name: told[name]["created"] for name in LISTS} == {
        "stages": 2, "tags": 2, "companies": 1, "contacts": 2, "catalogue": 1, "services": 4, "payments": 3, "tasks": 4, "cases": 2,
    }  # fmt: skip
    assert sum(one["created"] for one in told.values()) == run.created
    assert sum(sum(one.values()) for one in told.values()) == run.position == run.total
    with tenancy.inside(there.workspace):
        made = ledger_details(there, "people.import.ended")
    assert made["created"] == run.created and made["lists"]["services"] == 4


def ledger_details(member: Member, event: str) -> dict[str, Any]:
    rows = LedgerEntry.objects.of(member.workspace).filter(event=event).order_by("-id")
    return dict(rows[0].facts)


# --- undoing -------------------------------------------------------------------------------------------------------


def undone(run: ImportRun, by: Member) -> dict[str, int]:
    with tenancy.inside(by.workspace, actor=by.pk):
        undo.start(run=again(run), by=by, at=clock.now())
    undo.work(by.workspace_id, run.pk)
    assert again(run).state == "undone", again(run).problem
    found: dict[str, int] = {"removed": 0, "kept": 0, "restored": 0} | again(run).options["undone"]
    return found


@pytest.mark.slow
def test_undone_as_a_whole_and_taken_again(rekha: Member, there: Member) -> None:
    content, before = exported(rekha), counts(there)
    run = taken(there, content)
    told = undone(run, there)
    assert (told["kept"], told["restored"]) == (0, 0)
    with tenancy.inside(there.workspace):
        here = there.workspace
        for model in (Service, ServiceRecord, Payment, Task, SupportCase):
            assert not model.objects.of(here).exists(), model
        assert not Contact.objects.of(here).alive().exists() and not Company.objects.of(here).alive().exists()
        assert not SearchEntry.objects.of(here).exists()
        assert tally.count("collected:2026-11", workspace=here) == tally.count("contacts", workspace=here) == 0
        assert counting.of_year(2026, workspace=here) == Year(0, 0, 0)
        assert not ImportChange.objects.of(here).exists()
    assert before["services"] == 0
    second = taken(there, content)
    assert (second.state, second.failed) == ("done", 0), problems(second)
    assert lists(exported(there)) == lists(content)
    with tenancy.inside(there.workspace):
        assert tally.count("contacts", workspace=there.workspace) == 2
        assert SearchEntry.objects.of(there.workspace).count() == 8
    undone(second, there)
    with tenancy.inside(there.workspace):
        assert tally.count("contacts", workspace=there.workspace) == 0
        assert not SearchEntry.objects.of(there.workspace).exists()
        assert Contact.objects.of(there.workspace).filter(deleted_at__isnull=False).count() == 2


def paid_record(by: Member) -> ServiceRecord:
    return ServiceRecord.objects.of(by.workspace).get(acknowledgement="ACK/17")


def change_record(by: Member) -> None:
    services.change(record=paid_record(by), by=by, at=NOW + timedelta(hours=1), notes="changed since")


def pay_more(by: Member) -> None:
    payments.take(record=paid_record(by), payment=NewPayment(1_000, "cash"), by=by, at=NOW + timedelta(hours=1))


def cancel_payment(by: Member) -> None:
    payment = Payment.objects.of(by.workspace).get(amount_paise=5_000)
    payments.cancel(payment=payment, by=by, at=NOW + timedelta(hours=1), reason="given back")


def add_task(by: Member) -> None:
    make_task(by, "New since", record=paid_record(by))


def attach_paper(by: Member) -> None:
    papers.attach(by=by, at=NOW, record=paid_record(by), kind="pan", number="ABCPE1234F")


@pytest.mark.slow
@pytest.mark.parametrize("since", [change_record, pay_more, cancel_payment, add_task, attach_paper])
def test_undo_leaves_a_service_somebody_worked_on_with_its_payments(
    rekha: Member, there: Member, since: Callable[[Member], None]
) -> None:
    run = taken(there, exported(rekha))
    with tenancy.inside(there.workspace, actor=there.pk):
        since(there)
        kept = paid_record(there)
        paid = kept.paid_paise
        amounts = sorted(Payment.objects.of(there.workspace).filter(record=kept).values_list("amount_paise", flat=True))
    told = undone(run, there)
    assert told["kept"] >= 4  # the record, its payments, whom it is for
    with tenancy.inside(there.workspace):
        here = there.workspace
        assert [row.pk for row in ServiceRecord.objects.of(here)] == [kept.pk]
        assert paid_record(there).paid_paise == paid
        assert sorted(Payment.objects.of(here).values_list("amount_paise", flat=True)) == amounts
        assert [row.external_id for row in Contact.objects.of(here).alive()] == ["C-1"]
        counting = Payment.objects.of(here).filter(cancelled_at__isnull=True)
        total = sum(
            tally.count(payments.collected_key(day), workspace=here)
            for day in {p.paid_on.replace(day=1) for p in counting}
        )
        assert total == sum(one.amount_paise for one in counting) == paid


@pytest.mark.slow
def test_undo_leaves_a_task_that_was_finished_since(rekha: Member, there: Member) -> None:
    run = taken(there, exported(rekha))
    with tenancy.inside(there.workspace, actor=there.pk):
        todo.finish(task=Task.objects.of(there.workspace).get(title="Call her"), by=there, at=NOW)
    undone(run, there)
    with tenancy.inside(there.workspace):
        assert [task.title for task in Task.objects.of(there.workspace)] == ["Call her"]
        assert ServiceRecord.objects.of(there.workspace).count() == 1  # what the task is about


@pytest.mark.slow
def test_payments_added_to_a_service_of_before_go_alone(rekha: Member) -> None:
    """The record was here, one of its payments was not: undoing takes the payment and leaves the record."""
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        record = paid_record(rekha)
    content = exported(rekha)
    lost = next(one for one in json.loads(content)["payments"] if one["amount_paise"] == 5_000)
    fresh = str(ids.new())
    run = taken(rekha, edited(content, lambda found: found["payments"].append({**lost, "id": fresh})))
    assert (run.created, run.failed) == (1, 0), problems(run)
    with tenancy.inside(rekha.workspace):
        assert paid_record(rekha).paid_paise == 20_000
    assert undone(run, rekha) == {"removed": 1, "kept": 0, "restored": 0}
    with tenancy.inside(rekha.workspace):
        assert (paid_record(rekha).pk, paid_record(rekha).paid_paise) == (record.pk, 15_000)
        assert tally.count("collected:2026-10", workspace=rekha.workspace) == 5_000


# --- who may -------------------------------------------------------------------------------------------------------


@pytest.mark.sampled
@pytest.mark.parametrize("role", [Role.AGENT, Role.AUDITOR])
def test_whoever_may_not_import_cannot_start_it(rekha: Member, there: Member, role: Role) -> None:
    content, before = exported(rekha), counts(there)
    with tenancy.inside(there.workspace, actor=there.pk):
        run = runs.upload(source=io.BytesIO(content), name="workspace.json", by=there, at=NOW)
        mapping = Mapping.from_json(run.mapping)
        with pytest.raises(ImportRefused):
            runs.start(run=run, mapping=mapping, options={}, by=make_member(there.workspace, role), at=NOW)
    assert again(run).state == "uploaded"
    assert counts(there) == before


@pytest.mark.slow
def test_a_permission_that_a_list_needs_is_needed(
    rekha: Member, there: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = exported(rekha)
    manager = make_member(there.workspace, Role.MANAGER)
    monkeypatch.setitem(permissions.TABLE, Role.MANAGER, permissions.TABLE[Role.MANAGER] - {May.CANCEL_PAYMENTS})
    with pytest.raises(ImportRefused, match="everything"):
        queued(manager, content, name="workspace.json")
    monkeypatch.undo()
    assert taken(manager, content).state == "done"


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"role": Role.AGENT}, {"ended_at": NOW}])
def test_a_member_demoted_in_the_middle_stops_at_the_next_batch(
    rekha: Member, there: Member, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    manager = make_member(there.workspace, Role.MANAGER)
    run = queued(manager, exported(rekha), name="workspace.json")
    real = working._advance

    def demote(current: Any, position: int, counted: Any, part: str, **more: Any) -> None:
        real(current, position, counted, part, **more)
        if part == "catalogue":
            Member.objects.of(there.workspace).filter(pk=manager.pk).update(**change)

    monkeypatch.setattr(working, "_advance", demote)
    working.work(there.workspace_id, run.pk)
    assert again(run).state == "failed" and "may not import any more" in again(run).problem
    with tenancy.inside(there.workspace):
        assert Service.objects.of(there.workspace).exists()
        assert not ServiceRecord.objects.of(there.workspace).exists()
        monkeypatch.undo()
        with clock.standing_at(NOW):
            runs.go_on(run=again(run), by=there, at=NOW)
    working.work(there.workspace_id, run.pk)
    assert lists(exported(there))["services"] == lists(exported(rekha))["services"]


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"role": Role.AGENT}, {"ended_at": NOW}])
def test_undoing_stops_when_whoever_wanted_it_may_not_any_more(
    rekha: Member, there: Member, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any]
) -> None:
    run = taken(there, exported(rekha))
    manager = make_member(there.workspace, Role.MANAGER)
    with tenancy.inside(there.workspace, actor=manager.pk):
        undo.start(run=again(run), by=manager, at=NOW)
    real = undo._remove_some

    def demote(run: ImportRun, part: Any) -> bool:
        found = real(run, part)
        if part.key == "tasks":
            with tenancy.inside(there.workspace):
                Member.objects.of(there.workspace).filter(pk=manager.pk).update(**change)
        return found

    monkeypatch.setattr(undo, "_remove_some", demote)
    undo.work(there.workspace_id, run.pk)
    stopped = again(run)
    assert (stopped.state, stopped.undone_at) == ("failed", None)
    assert "can undo the rest" in stopped.problem
    with tenancy.inside(there.workspace):
        assert not Task.objects.of(there.workspace).exists()
        assert ServiceRecord.objects.of(there.workspace).count() == 4
    monkeypatch.undo()
    with clock.standing_at(NOW):
        undone(run, there)
    with tenancy.inside(there.workspace):
        assert not ServiceRecord.objects.of(there.workspace).exists()
