"""Imports and exports through the API."""

from __future__ import annotations

import csv
import io
import zipfile
from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.api_client import Program, owners_program, program
from amanat.accounts.tests.factories import make_member
from amanat.core import tenancy
from amanat.core.models import LedgerEntry
from amanat.people import exporting
from amanat.people.importing import undo, working
from amanat.people.models import Contact, ExportRun, ImportRun
from amanat.people.tests.factories import make_company, make_contact, make_stage

FILE = "Name,Mobile,Born\nSunita Deshmukh,98220 41736,01/02/1990\nAsha Menon,98220 41737,03/04/1991\nNobody,12,\n"


@pytest.fixture
def hers(shree: Workspace) -> Program:
    return owners_program(shree)


def _upload(hers: Program, content: str = FILE) -> Any:
    return hers.upload("/imports", {"file": SimpleUploadedFile("people.csv", content.encode())})


def _names(workspace: Workspace) -> list[str]:
    with tenancy.inside(workspace):
        return sorted(Contact.objects.of(workspace).alive().values_list("name", flat=True))


@pytest.mark.slow
def test_a_file_is_uploaded_checked_imported_and_taken_back(hers: Program, shree: Workspace) -> None:
    stage = make_stage(shree)
    uploaded = _upload(hers)
    assert (uploaded.status_code, uploaded.json()["state"]) == (201, "uploaded")
    url = uploaded["Location"]
    assert [column["target"] for column in uploaded.json()["columns"]][:2] == ["name", "phone"]
    changed = hers.patch(
        url,
        {
            "columns": [{"index": 2, "target": "birthday", "order": "mdy"}],
            "options": {"stage_id": str(stage.pk), "existing": "skip"},
        },
    ).json()
    assert (changed["columns"][2]["target"], changed["columns"][2]["options"]) == ("birthday", {"order": "mdy"})
    assert (changed["options"]["stage_id"], changed["options"]["existing"]) == (str(stage.pk), "skip")
    started = hers.post(f"{url}/start")
    assert (started.status_code, started.json()["state"]) == (202, "queued")
    working.work(shree.id, UUID(started.json()["id"]))
    done = hers.get(url).json()
    assert (done["state"], done["position"], done["created"]) == ("done", 3, 3)
    problems = hers.get(f"{url}/problems").json()["items"]
    assert [(row["row_number"], row["cells"][0]) for row in problems] == [(4, "Nobody")]
    with tenancy.inside(shree):
        sunita = Contact.objects.of(shree).get(name="Sunita Deshmukh")
        assert (sunita.stage_id, str(sunita.birthday)) == (stage.pk, "1990-01-02")
    assert hers.post(f"{url}/undoing").json()["state"] == "undoing"
    undo.work(shree.id, UUID(done["id"]))
    assert (hers.get(url).json()["state"], _names(shree)) == ("undone", [])


@pytest.mark.slow
def test_only_what_fits_the_state_is_done(hers: Program, shree: Workspace) -> None:
    url = _upload(hers)["Location"]
    assert hers.post(f"{url}/undoing").status_code == 409
    assert hers.post(f"{url}/continuation").status_code == 409
    assert hers.post(f"{url}/start").status_code == 202
    for response in (hers.post(f"{url}/start"), hers.patch(url, {"options": {}}), hers.delete(url)):
        assert (response.status_code, response["Content-Type"]) == (409, "application/problem+json")
    assert hers.post(f"{url}/stop").json()["state"] == "stopped"
    assert hers.post(f"{url}/continuation").json()["state"] == "queued"
    thrown = _upload(hers)["Location"]
    assert (hers.delete(thrown).status_code, hers.get(thrown).status_code) == (204, 404)


def test_wrong_uploads_and_corrections_are_refused(hers: Program, shree: Workspace) -> None:
    program_file = hers.upload("/imports", {"file": SimpleUploadedFile("people.csv", b"MZ\x90\x00" + b"\x00" * 200)})
    nothing = hers.upload("/imports", {})
    extra = hers.upload("/imports", {"file": SimpleUploadedFile("p.csv", b"Name\nA\n"), "workspace_id": "1"})
    for response, pointer in ((program_file, "/file"), (nothing, "/file"), (extra, "/workspace_id")):
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)
    url = _upload(hers)["Location"]
    for body, pointer in (
        ({"columns": [{"index": 0, "target": "password"}]}, "/columns/0/target"),
        ({"columns": [{"index": 99, "target": "name"}]}, "/columns/0"),
        ({"options": {"owner_id": "01a200ba-093a-7808-8ef1-d67e59465e78"}}, "/options/owner_id"),
    ):
        assert hers.patch(url, body).json()["errors"][0]["pointer"] == pointer
    with tenancy.inside(shree):
        assert ImportRun.objects.of(shree).count() == 1


def test_imports_are_listed_newest_first_by_key(hers: Program) -> None:
    urls = [_upload(hers)["Location"] for _number in range(3)]
    first = hers.get("/imports?limit=2").json()
    second = hers.get(first["next"]).json()
    ids = [each["id"] for each in first["items"] + second["items"]]
    assert [f"/api/v1/imports/{identity}" for identity in ids] == urls[::-1] and second["next"] is None


@pytest.mark.slow
def test_an_export_is_asked_for_written_and_fetched_by_whoever_asked(hers: Program, shree: Workspace) -> None:
    make_contact(shree, "With a phone", phone="+919822041736")
    make_contact(shree, "Without", phone="")
    asked = hers.post(
        "/exports", {"scope": "contacts", "format": "csv", "filters": {"has_phone": ["yes"]}, "sort": "name"}
    )
    assert (asked.status_code, asked.json()["state"], asked.json()["file"]) == (202, "queued", None)
    url = asked["Location"]
    assert hers.get(f"{url}/file").status_code == 409
    exporting.work(shree.id, UUID(asked.json()["id"]))
    done = hers.get(url).json()
    assert (done["state"], done["total"]) == ("done", 1)
    fetched = hers.get(done["file"])
    with zipfile.ZipFile(io.BytesIO(b"".join(fetched.streaming_content))) as archive:
        rows = list(csv.reader(io.StringIO(archive.read(archive.namelist()[0]).decode("utf-8-sig"))))
    assert len(rows) == 2 and "With a phone" in rows[1]
    manager = program(make_member(shree, Role.MANAGER))
    assert (manager.get(url).status_code, manager.get(f"{url}/file").status_code) == (404, 404)
    with tenancy.inside(shree):
        assert ExportRun.objects.of(shree).get().taken_at is not None
        assert LedgerEntry.objects.of(shree).filter(event="people.export.taken").count() == 1


def test_an_export_that_makes_no_sense_is_refused(hers: Program, shree: Workspace) -> None:
    make_company(shree)
    for body in (
        {"scope": "contacts", "format": "pdf"},
        {"scope": "workspace", "format": "csv", "filters": {"stage": ["none"]}},
        {"scope": "contacts", "format": "csv", "filters": {"password": ["x"]}},
        {"scope": "contacts", "format": "csv", "sort": "password"},
    ):
        response = hers.post("/exports", body)
        assert (response.status_code, response["Content-Type"]) == (422, "application/problem+json"), body
    with tenancy.inside(shree):
        assert ExportRun.objects.of(shree).count() == 0
    assert hers.post("/exports", {"scope": "workspace", "format": "json"}).json()["scope"] == "workspace"
