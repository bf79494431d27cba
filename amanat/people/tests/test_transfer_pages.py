"""Pages of import, export, duplicates, merging and the bin, as a browser sees them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, filelinks, tenancy
from amanat.core.models import LedgerEntry
from amanat.people import bin as deleted
from amanat.people import contacts, exporting, merging
from amanat.people.drafts import ContactDraft
from amanat.people.importing import undo, working
from amanat.people.models import Contact, ExportRun, ImportRun, Merge, NotDuplicate

pytestmark = pytest.mark.django_db
LIST = "Name,Mobile,Town,Since\nAsha Menon,9822041736,Pune,03-04-2020\nRavi Patil,12,Pune,05-04-2020\n"


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


@pytest.fixture
def browser(rekha: Member) -> Client:
    return signed_in(rekha)


def make(by: Member, name: str, **details: Any) -> Contact:
    return contacts.create(workspace=by.workspace, by=by, at=clock.now(), draft=ContactDraft(name=name, **details))


def uploaded(browser: Client, content: str | bytes = LIST, name: str = "people.csv") -> str:
    data = content.encode() if isinstance(content, str) else content
    answer = browser.post(reverse("people:imports"), {"file": SimpleUploadedFile(name, data)})
    assert answer.status_code in {302, 303}, answer.content.decode()[:3000]
    return str(answer["Location"])


@pytest.mark.slow
def test_upload_check_start_watch_report_and_undo(browser: Client, rekha: Member) -> None:
    page = uploaded(browser)
    text = browser.get(page).content.decode()
    assert "Asha Menon" in text
    assert "98220 41736" in text
    assert "UTF-8" in text
    assert "It has too few digits" in text
    answer = browser.post(page + "start/", {"act": "start", "on": "contact", "existing": "update", "tag": "VIP"})
    assert answer.status_code in {302, 303}, answer.content.decode()[:2000]
    assert 'hx-get="' in browser.get(page).content.decode()
    with tenancy.inside(rekha.workspace):
        run = ImportRun.objects.of(rekha.workspace).get()
    working.work(rekha.workspace_id, run.pk)
    assert browser.get(page + "progress/")["HX-Refresh"] == "true"
    report = browser.get(page).content.decode()
    assert "It has too few digits" in report
    with tenancy.inside(rekha.workspace):
        assert Contact.objects.of(rekha.workspace).alive().count() == 2
    browser.post(page + "undo/")
    undo.work(rekha.workspace_id, run.pk)
    with tenancy.inside(rekha.workspace):
        assert Contact.objects.of(rekha.workspace).alive().count() == 0
    assert "2 went to the bin" in browser.get(page).content.decode()


def test_columns_may_be_changed_before_the_start(browser: Client, rekha: Member) -> None:
    page = uploaded(browser)
    browser.post(
        page + "start/",
        {"act": "check", "on": "contact", "existing": "update", "column-2": "notes", "column-3": "ignore"},
    )
    browser.post(page + "start/", {"act": "start", "on": "contact", "existing": "update"})
    with tenancy.inside(rekha.workspace):
        run = ImportRun.objects.of(rekha.workspace).get()
    working.work(rekha.workspace_id, run.pk)
    with tenancy.inside(rekha.workspace):
        asha = Contact.objects.of(rekha.workspace).get(name="Asha Menon")
        assert (asha.notes, asha.custom) == ("Pune", {})


def test_failed_rows_come_back_with_their_columns_and_the_reason(browser: Client, rekha: Member) -> None:
    page = uploaded(browser, "Town,Mobile\nPune,12\nNashik,9822041736\n")
    browser.post(page + "start/", {"act": "start", "on": "contact", "existing": "update"})
    with tenancy.inside(rekha.workspace):
        run = ImportRun.objects.of(rekha.workspace).get()
    working.work(rekha.workspace_id, run.pk)
    answer = browser.get(page + "failed/")
    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Town,Mobile,Reason")
    assert lines[1].startswith("Pune,12,") and "too few digits" in lines[1]
    assert len(lines) == 2


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.csv", b"", "empty"),
        ("a.xlsx", b"MZ\x90\x00" * 50, "programs and documents"),
        ("a.json", b'{"some": "thing"}', "not exported by Amanat"),
        ("a.csv", b"<html><body>hello</body></html>", ""),
        ("a.zip", b"PK\x05\x06" + b"\0" * 18, ""),
    ],
)
def test_hostile_files_are_refused_in_words(
    browser: Client, rekha: Member, name: str, content: bytes, word: str
) -> None:
    answer = browser.post(reverse("people:imports"), {"file": SimpleUploadedFile(name, content)})
    assert answer.status_code == 422
    assert word in answer.content.decode()
    assert "field-error" in answer.content.decode()
    with tenancy.inside(rekha.workspace):
        assert ImportRun.objects.of(rekha.workspace).count() == 0


@pytest.mark.slow
def test_a_zip_bomb_is_refused(browser: Client) -> None:
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.csv", b"0" * 60_000_000)
    answer = browser.post(reverse("people:imports"), {"file": SimpleUploadedFile("a.zip", bomb.getvalue())})
    assert answer.status_code == 422


def test_the_list_that_is_seen_is_what_is_exported(browser: Client, rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        make(rekha, "Asha Menon", phones=[("9822041736", "")])
        make(rekha, "=Ravi()")
    page = reverse("people:export_list", args=["contacts"])
    assert "All 2 records" in browser.get(page).content.decode()
    answer = browser.post(page + "?has_phone=no", {"format": "csv"})
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    assert "'=Ravi()" in text
    assert "Asha" not in text
    assert "attachment" in answer["Content-Disposition"]
    with tenancy.inside(rekha.workspace):
        entry = LedgerEntry.objects.of(rekha.workspace).get(event="people.contacts.exported")
        assert (entry.actor, entry.facts) == (rekha.pk, {"count": 1, "format": "csv", "purpose": "service"})


def test_the_whole_workspace_needs_a_fresh_sign_in(rekha: Member) -> None:
    stale = signed_in(rekha, fresh=False)
    answer = stale.post(reverse("people:export_workspace"), {"format": "json"})
    assert "reauthenticate" in answer["Location"]
    with tenancy.inside(rekha.workspace):
        assert ExportRun.objects.of(rekha.workspace).count() == 0


@pytest.mark.sampled
@pytest.mark.parametrize("format", ["csv", "xlsx", "json", "vcf3"])
def test_the_file_is_taken_once_by_whoever_asked(browser: Client, rekha: Member, format: str) -> None:
    manager = make_member(rekha.workspace, Role.MANAGER)
    with tenancy.inside(rekha.workspace):
        make(rekha, "Asha Menon", company_name="Menon Traders")
    browser.post(reverse("people:export_workspace"), {"format": format})
    with tenancy.inside(rekha.workspace):
        run = ExportRun.objects.of(rekha.workspace).get()
    exporting.work(rekha.workspace_id, run.pk)
    assert "Take the file" in browser.get(reverse("people:exports")).content.decode()
    assert "Take the file" not in signed_in(manager).get(reverse("people:exports")).content.decode()
    assert signed_in(manager).post(reverse("people:export_take", args=[run.pk])).status_code == 404
    link = browser.post(reverse("people:export_take", args=[run.pk]))["Location"]
    assert signed_in(manager).get(link).status_code == 404
    answer = browser.get(link)
    archive = zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    content = b"".join(archive.read(name) for name in archive.namelist())
    assert b"Asha Menon" in content or format == "xlsx"
    assert browser.get(link).status_code == 404
    late = browser.post(reverse("people:export_take", args=[run.pk]))["Location"]
    with clock.standing_at(clock.now() + filelinks.LONGEST + timedelta(seconds=1)):
        assert browser.get(late).status_code in {302, 404}
    exporting.expire_due(rekha.workspace_id, at=clock.now() + timedelta(hours=25))
    assert browser.post(reverse("people:export_take", args=[run.pk])).status_code == 404


@pytest.mark.slow
def test_duplicates_are_compared_merged_and_taken_apart(browser: Client, rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        asha, other = (make(rekha, name, phones=[("9822041736", "")]) for name in ("Asha Menon", "Asha R Menon"))
    page = browser.get(reverse("people:duplicates")).content.decode()
    assert "same phone" in page
    merge_url = reverse("people:merge", args=["contact", asha.pk, other.pk])
    assert merge_url in page
    assert "Asha R Menon" in browser.get(merge_url).content.decode()
    answer = browser.post(merge_url, {"name": "gone"})
    assert answer["Location"] == reverse("people:contact", args=[asha.pk])
    with tenancy.inside(rekha.workspace):
        assert [contact.name for contact in Contact.objects.of(rekha.workspace)] == ["Asha R Menon"]
        merge = Merge.objects.of(rekha.workspace).get()
    assert "Undo" in browser.get(reverse("people:merges")).content.decode()
    browser.post(reverse("people:merge_undo", args=[merge.pk]))
    with tenancy.inside(rekha.workspace):
        assert [c.name for c in Contact.objects.of(rekha.workspace).order_by("pk")] == ["Asha Menon", "Asha R Menon"]
    browser.post(reverse("people:duplicate_dismiss"), {"first": str(asha.pk), "second": str(other.pk)})
    assert "same phone" not in browser.get(reverse("people:duplicates")).content.decode()
    assert "Asha R Menon" in browser.get(reverse("people:merge_with", args=["contact", asha.pk])).content.decode()


def test_the_bin_brings_back_and_deletes_for_good(browser: Client, rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        asha, ravi = make(rekha, "Asha Menon"), make(rekha, "Ravi Patil")
        deleted.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=clock.now(), ids=[asha.pk, ravi.pk])
    page = browser.get(reverse("people:bin")).content.decode()
    assert "Asha Menon" in page and "Rekha Kulkarni" in page
    browser.post(reverse("people:bin_act"), {"act": "restore", "ids": [str(asha.pk)]})
    browser.post(reverse("people:bin_act"), {"act": "purge", "ids": [str(ravi.pk), "nonsense"]})
    with tenancy.inside(rekha.workspace):
        assert [contact.pk for contact in Contact.objects.of(rekha.workspace)] == [asha.pk]


ROUTES: list[tuple[str, Callable[[], list[Any]]]] = [
    (name, list) for name in ("imports", "exports", "duplicates", "merges", "bin")
]


@pytest.mark.parametrize(("name", "args"), ROUTES)
def test_agents_may_not_enter(rekha: Member, name: str, args: Callable[[], list[Any]]) -> None:
    agent = signed_in(make_member(rekha.workspace, Role.AGENT))
    assert agent.get(reverse(f"people:{name}", args=args())).status_code == 403


@pytest.mark.slow
@pytest.mark.parametrize("name", ["duplicates", "bin", "merges", "imports", "exports"])
def test_lists_ask_the_same_number_of_questions_for_one_row_and_for_many(
    rekha: Member, browser: Client, name: str
) -> None:
    counts = []
    for rows in (1, 3):
        with tenancy.inside(rekha.workspace):
            for number in range(rows):
                pair = [
                    make(rekha, f"Asha{rows}{number} Menon", phones=[(f"982204{rows}{number}36", "")]) for _ in range(2)
                ]
                third, fourth = (make(rekha, f"Om {rows} {number} {word}") for word in ("Kale", "Rao"))
                merging.merge(keep=third, gone=fourth, choices={}, by=rekha, at=clock.now())
                deleted.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=clock.now(), ids=[third.pk])
                ExportRun.objects.create(
                    workspace_id=rekha.workspace_id, scope="contacts", format="csv", created_by=rekha
                )
                ImportRun.objects.create(workspace_id=rekha.workspace_id, file_name="a.csv", created_by=rekha)
                assert pair
        browser.get(reverse(f"people:{name}"))
        with CaptureQueriesContext(connection) as asked:
            browser.get(reverse(f"people:{name}"))
        said = [
            query["sql"] for query in asked if not query["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))
        ]
        counts.append(len(said))
    assert counts[0] == counts[1]
    assert counts[0] <= 12, said
    with tenancy.inside(rekha.workspace):
        assert NotDuplicate.objects.of(rekha.workspace).count() == 0
