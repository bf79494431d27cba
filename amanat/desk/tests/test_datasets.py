"""The export of the whole workspace: every row of every table, with its values, in each format."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from python_calamine import CalamineWorkbook

from amanat.accounts.models import Member, Team, TeamMember, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, make_workspace, owner_of
from amanat.core import clock, spreadsheets, tenancy
from amanat.core.spreadsheets import restored
from amanat.core.tests.test_spreadsheets import FORMULA
from amanat.desk import papers, payments, services
from amanat.desk.cases.models import SupportCase
from amanat.desk.models import Paper, PaperOpening, Payment, Service, ServiceRecord, Task
from amanat.desk.tests.factories import NOW, make_case, make_contact, make_record, make_service, make_task
from amanat.people import custom_fields, export_formats, export_tables, exporting
from amanat.people.custom_fields import FieldDraft
from amanat.people.exporting import ExportRefused
from amanat.people.models import Company, Contact, CustomField, Interaction, Stage, Tag
from amanat.people.tests.test_importing_runs import figures, imported

pytestmark = pytest.mark.django_db
MODELS: dict[str, Any] = {
    "contacts": Contact, "companies": Company, "members": Member, "teams": Team, "team-members": TeamMember, "stages": Stage,
    "tags": Tag, "custom-fields": CustomField, "timeline": Interaction, "catalogue": Service, "services": ServiceRecord,
    "payments": Payment, "tasks": Task, "cases": SupportCase, "papers": Paper, "paper-openings": PaperOpening,
}  # fmt: skip


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    """The owner of a shop with something in every table, some of it nasty."""
    rekha = owner_of(shree)
    with tenancy.inside(shree, actor=rekha.pk):
        team = Team.objects.create(workspace_id=shree.pk, name="@Field team")
        TeamMember.objects.create(workspace_id=shree.pk, team=team, member=rekha)
        Stage.objects.create(workspace_id=shree.pk, key="new", name="=New")
        one = custom_fields.add(
            workspace=shree, by=rekha, at=NOW, draft=FieldDraft(label="Stamp", kind="money", on="service")
        )
        contact = make_contact(rekha, "=HYPERLINK(1)", tags=["-5"], company_name="+Dairy")
        service = make_service(shree, "=1+1", fee_paise=1_206_550)
        record = make_record(rekha, contact=contact, service=service, paid_paise=100_005, notes="@SUM(A1)")
        services.change(record=record, by=rekha, at=NOW, custom={one.key: 5_050})
        services.delete(record=make_record(rekha), by=rekha, at=NOW)
        payment = Payment.objects.of(shree).get()
        payments.cancel(payment=payment, by=rekha, at=NOW, reason="=typed twice")
        make_case(rekha, "=wrong", contact=contact)
        make_task(rekha, "-call", record=record, due_on=date(2026, 12, 1))
        papers.attach(by=rekha, at=NOW, record=record, kind="pan", number="ABCPE1234F")
    return rekha


def written(member: Member, format: str) -> bytes:
    file = io.BytesIO()
    with tenancy.inside(member.workspace):
        export_formats.of_workspace(member.workspace_id, format, file)
    return file.getvalue()


def tables(content: bytes, format: str) -> dict[str, list[list[str]]]:
    """Each table with its heading; the marks of a CSV taken off."""
    if format == "xlsx":
        book = CalamineWorkbook.from_filelike(io.BytesIO(content))
        sheets = {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}
        return {name: [[str(cell) for cell in row] for row in rows] for name, rows in sheets.items()}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {
            name.removesuffix(".csv"): [
                [restored(cell) for cell in row[:-1]]
                for row in csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"), newline=""))
            ]
            for name in archive.namelist()
        }


def rows_of(found: dict[str, list[list[str]]], key: str) -> list[dict[str, str]]:
    heading, *rows = found[key]
    return [dict(zip(heading, row, strict=True)) for row in rows]


@pytest.mark.sampled
@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_tables_have_as_many_rows_as_the_database(rekha: Member, format: str) -> None:
    found = tables(written(rekha, format), format)
    with tenancy.inside(rekha.workspace):
        counts = {key: model.objects.of(rekha.workspace).count() for key, model in MODELS.items()}
    assert {key: len(found[key]) - 1 for key in counts} == counts
    assert all(counts[key] for key in counts if key != "paper-openings"), counts


def test_json_has_the_same_rows(rekha: Member) -> None:
    found = json.loads(written(rekha, "json"))
    with tenancy.inside(rekha.workspace):
        assert {key: len(found[key]) for key in MODELS} == {
            key: model.objects.of(rekha.workspace).count() for key, model in MODELS.items()
        }
    record = found["services"][0]
    assert (record["fee"], record["fee_paise"], record["currency"]) == ("12065.50", 1_206_550, "INR")
    assert record["custom"] == {"stamp": 5_050}


@pytest.mark.parametrize("format", ["csv", "xlsx"])
def test_values_are_those_of_the_database(rekha: Member, format: str) -> None:
    found = tables(written(rekha, format), format)
    with tenancy.inside(rekha.workspace):
        record, binned = ServiceRecord.objects.of(rekha.workspace).select_related("contact").order_by("id")
        payment = Payment.objects.of(rekha.workspace).get()
        task = Task.objects.of(rekha.workspace).get()
        paper = Paper.objects.of(rekha.workspace).get()
    first, second = rows_of(found, "services")
    assert first["Amanat service id"] == str(record.pk)
    assert (first["Fee (INR)"], first["Paid (INR)"], first["Still to pay (INR)"]) == ("12065.50", "0.00", "12065.50")
    assert (first["Stamp [money]"], first["Service"], first["Notes"]) == ("50.50", "=1+1", "@SUM(A1)")
    assert (first["Contact"], first["Amanat id"]) == ("=HYPERLINK(1)", str(record.contact_id))
    assert (first["In the bin since"], second["In the bin since"]) == ("", NOW.isoformat())
    assert second["Amanat service id"] == str(binned.pk)
    (paid,) = rows_of(found, "payments")
    assert (paid["Amount (INR)"], paid["Why cancelled"], paid["Day"]) == (
        "1000.05", "=typed twice", payment.paid_on.isoformat()
    )  # fmt: skip
    assert (paid["Service number"], paid["Amanat service id"]) == (str(record.number), str(record.pk))
    (told,) = rows_of(found, "tasks")
    assert (told["What"], told["Day"], told["Amanat task id"]) == ("-call", "2026-12-01", str(task.pk))
    (shown,) = rows_of(found, "papers")
    assert (shown["Amanat paper id"], shown["Number ends in"]) == (str(paper.pk), paper.masked_number)
    assert rows_of(found, "catalogue")[0]["Fee (INR)"] == "12065.50"
    assert rows_of(found, "members")[0]["E-mail"] == rekha.user.email


@pytest.mark.parametrize("format", ["csv", "xlsx", "json"])
def test_no_number_of_a_paper_leaves(rekha: Member, format: str) -> None:
    content = written(rekha, format)
    if format != "json":
        content = json.dumps(tables(content, format)).encode()
    assert b"ABCPE1234F" not in content and b"ABCPE" not in content


def test_no_cell_of_a_csv_can_run(rekha: Member) -> None:
    with zipfile.ZipFile(io.BytesIO(written(rekha, "csv"))) as archive:
        for name in archive.namelist():
            for row in csv.reader(io.StringIO(archive.read(name).decode("utf-8-sig"), newline="")):
                assert not [cell for cell in row if FORMULA.match(cell)], (name, row)


def test_no_cell_of_a_workbook_is_a_formula(rekha: Member) -> None:
    with zipfile.ZipFile(io.BytesIO(written(rekha, "xlsx"))) as archive:
        sheets = [name for name in archive.namelist() if name.startswith("xl/worksheets/sheet")]
        assert len(sheets) == len(export_tables.registered())
        assert not [name for name in sheets if b"<f>" in archive.read(name) or b"<f " in archive.read(name)]


@pytest.mark.slow
@pytest.mark.parametrize(("format", "part"), [("xlsx", "contacts"), ("csv", "contacts.csv"), ("json", "contacts")])
def test_the_contacts_of_a_whole_export_come_back(rekha: Member, format: str, part: str) -> None:
    content = written(rekha, format)
    there = owner_of(make_workspace("There"))
    ending = {"xlsx": "xlsx", "csv": "zip", "json": "json"}[format]
    run = imported(there, content, name=f"workspace.{ending}", part=part)
    with tenancy.inside(rekha.workspace):
        mine = sorted(Contact.objects.of(rekha.workspace).values_list("name", "main_phone"))
    assert figures(run)[:2] == ("done", len(mine)), run.problem
    with tenancy.inside(there.workspace):
        assert sorted(Contact.objects.of(there.workspace).values_list("name", "main_phone")) == mine


def test_rows_beyond_one_piece_are_all_there(rekha: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    from amanat.people import datasets

    monkeypatch.setattr(datasets, "_PIECE", 1)
    found = tables(written(rekha, "csv"), "csv")
    with tenancy.inside(rekha.workspace):
        ids = [str(pk) for pk in ServiceRecord.objects.of(rekha.workspace).order_by("id").values_list("pk", flat=True)]
    assert [row["Amanat service id"] for row in rows_of(found, "services")] == ids


def test_only_whoever_may_export_and_sees_all_gets_it(rekha: Member) -> None:
    agent = make_member(rekha.workspace, Role.AGENT)
    with tenancy.inside(rekha.workspace), pytest.raises(ExportRefused):
        exporting.of_workspace(format="csv", by=agent, at=NOW)


def test_a_table_that_fills_a_sheet_goes_on_in_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheets, "SHEET_ROWS", 3)
    file = io.BytesIO()
    many = [[str(number)] for number in range(5)]
    assert spreadsheets.write_workbook([("many", ["N"], many), ("none", ["N"], [])], file) == 5
    book = CalamineWorkbook.from_filelike(io.BytesIO(file.getvalue()))
    assert book.sheet_names == ["many", "many 2", "many 3", "none"]
    assert book.get_sheet_by_name("many 2").to_python() == [["N"], ["2"], ["3"]]
