from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings as site
from PIL import Image

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import tenancy, vault
from amanat.core.models import LedgerEntry, StoredFile
from amanat.desk import papers, services
from amanat.desk.models import Paper, PaperOpening
from amanat.desk.papers import PaperRefused
from amanat.desk.tests.factories import NOW, make_contact, make_record
from amanat.people import bin as people_bin
from amanat.people.models import Contact, Interaction


def picture() -> io.BytesIO:
    held = io.BytesIO()
    Image.new("RGB", (400, 300), "white").save(held, "PNG")
    held.seek(0)
    return held


def attached(by: Member, **details: Any) -> Paper:
    values = {"kind": "aadhaar", "source": picture(), "name": "front.png", "number": valid_aadhaar()} | details
    if "record" not in values and "contact" not in values:
        values["contact"] = make_contact(by)
    return papers.attach(by=by, at=NOW, **values)


def valid_aadhaar() -> str:
    from stdnum import verhoeff

    return "23456789012" + verhoeff.calc_check_digit("23456789012")


def files_on_disk() -> list[Path]:
    return [path for path in Path(site.FILES_ROOT).rglob("*") if path.is_file()]


def test_number_is_sealed_and_shown_by_its_tail_alone(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        attached(rekha)
        kept = Paper.objects.of(shree).get()
        number = valid_aadhaar()
        assert (kept.number_tail, kept.masked_number) == (number[-4:], f"···· ···· {number[-4:]}")
        assert number.encode() not in bytes(kept.number_sealed)
        opened = vault.open_text(kept.number_sealed, workspace_id=shree.pk, context=papers.number_context(kept))
        assert opened == number


def test_bytes_on_disk_say_nothing_and_come_back_whole(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        text = b"pan of Sunita, SECRETCANARY"
        paper = attached(rekha, kind="other", number="", source=io.BytesIO(text), name="note.txt")
        on_disk = files_on_disk()
        assert on_disk and all(b"SECRETCANARY" not in path.read_bytes() for path in on_disk)
        opened = papers.open_file(paper=paper, by=rekha, at=NOW, reason="PAN correction")
        link = papers.read_link(opened.opening.pk, opened.token)
        response = papers.download(opening_id=opened.opening.pk, link=link, workspace_name="Shree")
        assert b"".join(response.streaming_content) == text  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("kind", "number", "message"),
    [
        ("aadhaar", "2345 6789 0123", "not an Aadhaar"),
        ("aadhaar", "1234", "not an Aadhaar"),
        ("pan", "ABC123", "not a PAN"),
        ("voter", "<script>", "3 to 30"),
    ],
)
def test_a_wrong_number_is_refused_in_words(shree: Workspace, kind: str, number: str, message: str) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        with pytest.raises(PaperRefused, match=message):
            attached(rekha, kind=kind, number=number)
        assert not Paper.objects.of(shree).exists()


def test_pan_is_kept_in_its_compact_form(shree: Workspace) -> None:
    with tenancy.inside(shree):
        assert papers.clean_number("pan", " abcpe 1234 f ") == "ABCPE1234F"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("front.jpg", b"<html><script>alert(1)</script></html>"),
        ("front.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
        ("a.pdf", b"MZ\x90\x00 program"),
        ("empty.png", b""),
    ],
)
def test_a_bad_file_is_refused_and_nothing_is_kept(shree: Workspace, name: str, content: bytes) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        contact = make_contact(rekha)
        with pytest.raises(PaperRefused):
            attached(rekha, contact=contact, source=io.BytesIO(content), name=name)
        assert not Paper.objects.of(shree).exists()
        assert not StoredFile.objects.of(shree).exists()


def test_a_paper_needs_a_file_or_a_number_and_somebody(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        with pytest.raises(PaperRefused):
            attached(rekha, source=None, number="")
        with pytest.raises(PaperRefused):
            papers.attach(kind="pan", by=rekha, at=NOW, number="ABCPE1234F")


def test_opening_needs_a_reason_and_is_written_down(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        paper = attached(rekha)
        for act in (papers.open_file, papers.open_number):
            with pytest.raises(PaperRefused):
                act(paper=paper, by=rekha, at=NOW, reason="  ")
        assert not PaperOpening.objects.of(shree).exists()
        assert papers.open_number(paper=paper, by=rekha, at=NOW, reason="bank form").number == valid_aadhaar()
        papers.open_file(paper=paper, by=rekha, at=NOW, reason="PAN correction")
        found = PaperOpening.objects.of(shree).order_by("id").values_list("member_id", "reason", "what")
        assert list(found) == [(rekha.pk, "bank form", "number"), (rekha.pk, "PAN correction", "file")]
        entries = LedgerEntry.objects.of(shree).filter(event="desk.paper.opened", about=paper.pk).order_by("id")
        assert [entry.facts for entry in entries] == [{"what": "number"}, {"what": "file"}]


def test_watermark_says_what_for_where_and_when(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        paper = attached(rekha)
        opened = papers.open_file(paper=paper, by=rekha, at=NOW, reason="PAN correction", marked=True)
        assert papers.watermark_text(opened.opening, shree.name) == "For PAN correction, Shree CSC Kendra, 21 Nov 2026"
        link = papers.read_link(opened.opening.pk, opened.token)
        response = papers.download(opening_id=opened.opening.pk, link=link, workspace_name=shree.name)
        marked = Image.open(io.BytesIO(response.content)).convert("L")  # type: ignore[attr-defined]
        assert marked.getextrema()[0] < 250  # the white page carries something now
        assert response["Cache-Control"] == "no-store, private"


def test_delivery_makes_promised_papers_vanish(shree: Workspace, django_capture_on_commit_callbacks: Any) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
        goes = attached(rekha, record=record, vanishes_on_delivery=True)
        stays = attached(rekha, record=record, kind="photo", number="")
        assert len(files_on_disk()) == 2
        with django_capture_on_commit_callbacks(execute=True):
            services.set_status(record=record, status="delivered", by=rekha, at=NOW)
        gone = Paper.objects.of(shree).get(pk=goes.pk)
        assert (gone.gone_at, gone.gone_because) == (NOW, "the service was delivered")
        assert (gone.file_id, gone.number_sealed, gone.number_tail) == (None, None, "")
        assert Paper.objects.of(shree).kept().get().pk == stays.pk
        assert (len(files_on_disk()), StoredFile.objects.of(shree).count()) == (1, 1)
        assert Interaction.objects.of(shree).filter(summary="Aadhaar deleted").count() == 1


def test_a_record_that_promises_it_takes_all_its_papers(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha, papers_vanish=True)
        attached(rekha, record=record)
        other = attached(rekha, contact=record.contact)
        services.set_status(record=record, status="delivered", by=rekha, at=NOW)
        assert [paper.pk for paper in Paper.objects.of(shree).kept()] == [other.pk]


def test_removed_paper_cannot_be_opened_and_an_old_link_is_dead(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        paper = attached(rekha)
        opened = papers.open_file(paper=paper, by=rekha, at=NOW, reason="x")
        link = papers.read_link(opened.opening.pk, opened.token)
        papers.remove(paper=paper, by=rekha, at=NOW, reason="asked for it")
        papers.remove(paper=paper, by=rekha, at=NOW, reason="again")
        assert Paper.objects.of(shree).get().gone_because == "asked for it"
        with pytest.raises(papers.LinkRefused):
            papers.download(opening_id=opened.opening.pk, link=link, workspace_name="x")
        with pytest.raises(PaperRefused):
            papers.open_number(paper=Paper.objects.of(shree).get(), by=rekha, at=NOW, reason="x")


def test_purging_the_person_takes_papers_and_leaves_the_proof_of_openings(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        paper = attached(rekha)
        papers.open_number(paper=paper, by=rekha, at=NOW, reason="x")
        assert paper.contact_id is not None
        people_bin.delete(model=Contact, workspace=shree, by=rekha, at=NOW, ids=[paper.contact_id])
        people_bin.purge(model=Contact, workspace=shree, by=rekha, at=NOW, ids=[paper.contact_id])
        assert not Paper.objects.of(shree).exists()
        assert not StoredFile.objects.of(shree).exists()
        assert PaperOpening.objects.of(shree).get().paper_id == paper.pk


def test_page_opens_only_by_post_with_a_reason_and_the_link_works_once(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        paper = attached(rekha)
    browser = signed_in(rekha)
    page = browser.get(f"/papers/{paper.pk}/")
    assert page.status_code == 200
    assert valid_aadhaar() not in page.text.replace(" ", "") and "/papers/file/" not in page.text
    assert browser.get(f"/papers/{paper.pk}/open/").status_code == 405
    assert browser.post(f"/papers/{paper.pk}/open/", {"reason": ""}).status_code == 422
    with tenancy.inside(shree):
        assert not PaperOpening.objects.of(shree).exists()
    opened = browser.post(f"/papers/{paper.pk}/open/", {"reason": "PAN correction", "what": "file"})
    link = opened.context["link"]
    assert link in opened.text.replace("&amp;", "&")
    first = browser.get(link)
    assert first.status_code == 200 and b"".join(first.streaming_content).startswith(b"\x89PNG")  # type: ignore[attr-defined]
    assert first["Content-Disposition"].startswith("attachment")
    assert browser.get(link).status_code == 404
    assert "PAN correction" in browser.get(f"/papers/{paper.pk}/").text
    shown = browser.post(f"/papers/{paper.pk}/open/", {"reason": "bank form", "what": "number"})
    digits = valid_aadhaar()
    assert f"{digits[:4]} {digits[4:8]} {digits[8:]}" in shown.text and shown["Cache-Control"] == "no-store, private"


def test_papers_are_not_there_for_who_need_not_know(shree: Workspace, other: Workspace) -> None:
    rekha = owner_of(shree)
    prakash = make_member(shree, Role.AGENT, sees="team")
    auditor = make_member(shree, Role.AUDITOR, name="Asha")
    with tenancy.inside(shree):
        paper = attached(rekha)
    reason = {"reason": "curious", "what": "number"}
    for member, status in ((prakash, 404), (auditor, 403), (owner_of(other), 404)):
        answer = signed_in(member).post(f"/papers/{paper.pk}/open/", reason)
        assert answer.status_code == status, member
    assert signed_in(prakash).get(f"/papers/{paper.pk}/").status_code == 404
    with tenancy.inside(shree):
        assert not PaperOpening.objects.of(shree).exists()


def test_attach_from_the_page_of_a_service_and_of_a_person(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
    browser = signed_in(rekha)
    held = picture()
    held.name = "front.png"
    done = browser.post(f"/services/{record.pk}/papers/", {"kind": "pan", "file": held, "number": "ABCPE1234F"})
    assert done.status_code == 303
    refused = browser.post(f"/services/{record.pk}/papers/", {"kind": "aadhaar", "number": "1234"})
    assert refused.status_code == 422 and "not an Aadhaar number" in refused.text
    done = browser.post(f"/papers/of/{record.contact_id}/", {"kind": "voter", "number": "XYZ1234567"})
    assert done.status_code == 303
    page = browser.get(f"/papers/of/{record.contact_id}/").text
    assert "···· ···· 4567" in page and "···· ···· 234F" in page and "ABCPE1234F" not in page


def test_link_leads_to_the_host_of_files_when_there_is_one(shree: Workspace, settings: Any) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        paper = attached(rekha)
    settings.FILES_URL = "https://files.example.in/"
    opened = signed_in(rekha).post(f"/papers/{paper.pk}/open/", {"reason": "PAN", "what": "file"})
    assert opened.context["link"].startswith("https://files.example.in/papers/file/")
