"""Papers under distrust: who may open what, files that are not what they say, numbers that are not numbers, and tombstones."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from PIL import Image

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy, tombstones
from amanat.core.models import LedgerEntry, StoredFile
from amanat.core.tombstones import Kind
from amanat.desk import papers, services
from amanat.desk.models import Paper, PaperOpening
from amanat.desk.papers import PaperRefused
from amanat.desk.tests.factories import NOW, make_contact, make_record
from amanat.desk.tests.test_papers import attached, files_on_disk, picture, valid_aadhaar

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


# --- files -----------------------------------------------------------------------------------------------------------


def jpeg() -> bytes:
    held = io.BytesIO()
    Image.new("RGB", (60, 40), "white").save(held, "JPEG")
    return held.getvalue()


def zipped(name: str = "x.txt") -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(name, "x")
    return held.getvalue()


def huge_picture() -> bytes:
    """A picture of 40,000 by 40,000 points in a few kilobytes."""
    import struct
    import zlib

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    head = struct.pack(">IIBBBBB", 40_000, 40_000, 1, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(b"\0" * 1_000)) + chunk(b"IEND", b"")
    )


BAD: dict[str, tuple[str, bytes]] = {
    "a page named as picture": ("front.jpg", b"<html><script>alert(1)</script></html>"),
    "a script in a drawing": ("front.svg", b"<svg xmlns='http://www.w3.org/2000/svg'><script/></svg>"),
    "a program named as PDF": ("a.pdf", b"MZ\x90\x00" + b"\0" * 200),
    "a shell script": ("run.sh", b"#!/bin/sh\nrm -rf /\n"),
    "an archive named as picture": ("front.png", zipped()),
    "nothing": ("empty.png", b""),
    "half a picture": ("half.jpg", jpeg()[:200]),
    "half a PDF": ("half.pdf", b"%PDF-1.7\n1 0 obj\n"),
    "a picture that fills the memory": ("bomb.png", huge_picture()),
    "an EICAR file": ("note.exe", b"X5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"),
    "a page before a picture": ("front.jpg", b"<script>alert(1)</script>" + jpeg()),
    "a web archive": ("page.mhtml", b"MIME-Version: 1.0\nContent-Type: multipart/related\n"),
    "a shortcut": ("front.jpg.lnk", b"L\x00\x00\x00\x01\x14\x02\x00"),
}


@pytest.mark.sampled
@pytest.mark.parametrize("name", list(BAD))
def test_a_file_that_is_not_what_it_says_is_refused_and_leaves_nothing(rekha: Member, name: str) -> None:
    file, content = BAD[name]
    before = files_on_disk()
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
    answer = signed_in(rekha).post(
        f"/services/{record.pk}/papers/", {"kind": "aadhaar", "file": SimpleUploadedFile(file, content)}
    )
    assert answer.status_code == 422 and "field-error" in answer.text, name
    with tenancy.inside(rekha.workspace):
        assert not Paper.objects.of(rekha.workspace).exists() and not StoredFile.objects.of(rekha.workspace).exists()
    assert files_on_disk() == before


def test_a_picture_with_an_archive_behind_it_is_stored_as_a_picture_alone(rekha: Member) -> None:
    """A polyglot: what is served is the picture drawn anew, without what hung on it."""
    with tenancy.inside(rekha.workspace):
        try:
            paper = attached(rekha, source=io.BytesIO(jpeg() + zipped("evil.html")), name="front.jpg")
        except PaperRefused:
            assert not Paper.objects.of(rekha.workspace).exists()
            return
        opened = papers.open_file(paper=paper, by=rekha, at=NOW, reason="look")
        link = papers.read_link(opened.opening.pk, opened.token)
        answer = papers.download(opening_id=opened.opening.pk, link=link, workspace_name="Shree")
        content = b"".join(answer.streaming_content)  # type: ignore[attr-defined]
    assert answer["Content-Type"] == "image/jpeg" and "attachment" in answer["Content-Disposition"]
    assert b"evil.html" not in content


def test_more_than_the_most_bytes_is_refused(rekha: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(papers, "MOST_BYTES", 1_000)
    with tenancy.inside(rekha.workspace):
        with pytest.raises(PaperRefused):
            attached(rekha, source=io.BytesIO(b"x" * 1_001), name="note.txt")
        assert not Paper.objects.of(rekha.workspace).exists()
        attached(rekha, source=io.BytesIO(b"x" * 1_000), name="note.txt")


@pytest.mark.sampled
@pytest.mark.parametrize(
    "name",
    ["../../etc/passwd.png", "a\x00b.png", "<b>.png", "नाव.png", "x" * 300 + ".png", ".png", "COM1.png", 'a".png'],
)
def test_a_file_name_is_only_a_name(rekha: Member, name: str) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        paper = attached(rekha, record=record, name=name)
        held = StoredFile.objects.of(rekha.workspace).get(pk=paper.file_id)
    assert "/" not in held.name and "\x00" not in held.name and len(held.name) <= 255
    assert not [path for path in files_on_disk() if Path(path).name == name]
    page = signed_in(rekha).get(f"/services/{record.pk}/")
    assert page.status_code == 200 and "<b>.png" not in page.text


# --- numbers ---------------------------------------------------------------------------------------------------------

GOOD = valid_aadhaar()
NUMBERS: list[tuple[str, str, str | None]] = [
    # kind, as typed, as kept; None: refused
    ("aadhaar", GOOD, GOOD), ("aadhaar", f"{GOOD[:4]} {GOOD[4:8]} {GOOD[8:]}", GOOD), ("aadhaar", f"{GOOD[:4]}-{GOOD[4:8]}-{GOOD[8:]}", GOOD),
    ("aadhaar", GOOD[:-1] + str((int(GOOD[-1]) + 1) % 10), None), ("aadhaar", "123456789012", None), ("aadhaar", GOOD[:-1], None), ("aadhaar", GOOD + "0", None),
    ("aadhaar", "ABCD", None), ("pan", "aaapa1234a", "AAAPA1234A"), ("pan", "AAAPA 1234 A", "AAAPA1234A"), ("pan", "AAAPA12345", None), ("pan", "AAAXA1234A", None),
    ("pan", "AAAPA1234", None), ("voter", "abc1234567", "ABC1234567"), ("licence", "MH15/2019-123", "MH15/2019-123"), ("passport", "A·123 4567", "A1234567"),
    ("other", "12", None), ("other", "x" * 31, None), ("other", "a;b", None), ("other", "", ""), ("other", "  ", ""), ("ration", "<script>", None),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "typed", "kept"), NUMBERS)
def test_a_number_is_kept_in_one_spelling_or_refused(kind: str, typed: str, kept: str | None) -> None:
    if kept is None:
        with pytest.raises(PaperRefused):
            papers.clean_number(kind, typed)
    else:
        assert papers.clean_number(kind, typed) == kept


@pytest.mark.sampled
@pytest.mark.parametrize(("number", "shown"), [("AAAPA1234A", "···· ···· 234A"), ("ABC", "···· ···· ABC")])
def test_lists_show_the_last_four_and_never_the_rest(rekha: Member, number: str, shown: str) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        paper = attached(rekha, record=record, kind="pan" if len(number) == 10 else "other", source=None, number=number)
    browser = signed_in(rekha)
    for url in (
        f"/services/{record.pk}/",
        f"/papers/of/{record.contact_id}/",
        f"/papers/{paper.pk}/",
        f"/contacts/{record.contact_id}/",
    ):
        page = browser.get(url).text
        assert shown in page or "/papers/" in url, url
        assert len(number) <= 4 or number not in page, url


# --- who opens what --------------------------------------------------------------------------------------------------


@pytest.mark.sampled
@pytest.mark.parametrize("what", ["file", "marked", "number"])
@pytest.mark.parametrize("reason", ["", "   "])
def test_nothing_opens_without_a_reason(rekha: Member, what: str, reason: str) -> None:
    with tenancy.inside(rekha.workspace):
        paper = attached(rekha)
    answer = signed_in(rekha).post(f"/papers/{paper.pk}/open/", {"reason": reason, "what": what})
    assert answer.status_code == 422 and GOOD not in answer.text
    with tenancy.inside(rekha.workspace):
        assert not PaperOpening.objects.of(rekha.workspace).exists()


def test_each_opening_is_written_down_with_who_when_and_why(rekha: Member) -> None:
    agent = make_member(rekha.workspace, Role.AGENT)
    with tenancy.inside(rekha.workspace):
        paper = attached(rekha)
    for member, what in ((rekha, "file"), (agent, "marked"), (agent, "number")):
        assert (
            signed_in(member).post(f"/papers/{paper.pk}/open/", {"reason": f"for {what}", "what": what}).status_code
            == 200
        )
    with tenancy.inside(rekha.workspace):
        rows = PaperOpening.objects.of(rekha.workspace).order_by("id").values_list("member_id", "reason", "what", "at")
        assert list(rows) == [
            (rekha.pk, "for file", "file", NOW), (agent.pk, "for marked", "marked copy", NOW), (agent.pk, "for number", "number", NOW),
        ]  # fmt: skip
        assert LedgerEntry.objects.of(rekha.workspace).filter(event="desk.paper.opened", about=paper.pk).count() == 3
    page = signed_in(rekha).get(f"/papers/{paper.pk}/").text
    assert "for number" in page and "for marked" in page and GOOD not in page


def test_the_number_is_shown_once_in_groups_and_never_cached(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        paper = attached(rekha, source=None)
    answer = signed_in(rekha).post(f"/papers/{paper.pk}/open/", {"reason": "form", "what": "number"})
    assert f"{GOOD[:4]} {GOOD[4:8]} {GOOD[8:]}" in answer.text and answer["Cache-Control"] == "no-store, private"
    with tenancy.inside(rekha.workspace):
        for event in LedgerEntry.objects.of(rekha.workspace):
            assert GOOD not in str(event.facts)


@pytest.mark.parametrize("ended", ["role", "seat", "gone paper", "other opening", "other token"])
def test_a_link_ends_with_the_right_to_it(rekha: Member, ended: str) -> None:
    agent = make_member(rekha.workspace, Role.AGENT)
    with tenancy.inside(rekha.workspace):
        paper = attached(rekha)
        opened = papers.open_file(paper=paper, by=agent, at=NOW, reason="look")
        again = papers.open_file(paper=paper, by=rekha, at=NOW, reason="look")
        opening, token = opened.opening.pk, opened.token
        match ended:
            case "role":
                Member.objects.of(rekha.workspace).filter(pk=agent.pk).update(role=Role.AUDITOR)
            case "seat":
                Member.objects.of(rekha.workspace).filter(pk=agent.pk).update(ended_at=NOW)
            case "gone paper":
                papers.remove(paper=paper, by=rekha, at=NOW, reason="x")
            case "other opening":
                opening = again.opening.pk
            case "other token":
                token = token[:-4] + "AAAA"
    from django.test import Client

    assert Client().get(f"/papers/file/{opening}/{token}/").status_code == 404
    assert Client().get(f"/papers/file/{uuid4()}/{token}/").status_code == 404


def test_a_link_is_good_for_one_download(rekha: Member) -> None:
    from django.test import Client

    with tenancy.inside(rekha.workspace):
        opened = papers.open_file(paper=attached(rekha), by=rekha, at=NOW, reason="look")
    url = f"/papers/file/{opened.opening.pk}/{opened.token}/"
    assert [Client().get(url).status_code for _again in range(3)] == [200, 404, 404]


@pytest.mark.parametrize(("kind", "content_type"), [("picture", "image/png"), ("text", None)])
def test_a_marked_copy_is_made_of_pictures_and_refused_for_the_rest(
    rekha: Member, kind: str, content_type: str | None
) -> None:
    from django.test import Client

    with tenancy.inside(rekha.workspace):
        paper = attached(rekha) if kind == "picture" else attached(rekha, source=io.BytesIO(b"words"), name="a.txt")
        opened = papers.open_file(paper=paper, by=rekha, at=NOW, reason="PAN correction", marked=True)
    answer = Client().get(f"/papers/file/{opened.opening.pk}/{opened.token}/")
    if content_type is None:
        assert answer.status_code == 404
        return
    marked = Image.open(io.BytesIO(answer.content)).convert("RGB")
    assert answer["Content-Type"] == content_type and len(marked.getcolors(100_000) or []) > 1, (
        "nothing was written over it"
    )


# --- vanishing and destroying ----------------------------------------------------------------------------------------

VANISH: list[tuple[bool, bool, str, bool]] = [
    # the record promises, the paper promises, the state it comes to, whether the paper is gone
    (True, False, "delivered", True), (False, True, "delivered", True), (True, True, "delivered", True), (False, False, "delivered", False),
    (True, True, "ready", False), (True, True, "cancelled", False), (True, True, "refused", False),
]  # fmt: skip


@pytest.mark.parametrize(("by_record", "by_paper", "state", "is_gone"), VANISH)
def test_papers_go_when_they_were_promised_to(
    rekha: Member, by_record: bool, by_paper: bool, state: str, is_gone: bool
) -> None:
    before = len(files_on_disk())
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, papers_vanish=by_record)
        attached(rekha, record=record, vanishes_on_delivery=by_paper)
        services.set_status(record=record, status=state, by=rekha, at=NOW)
        kept = Paper.objects.of(rekha.workspace).get()
    assert (kept.gone_at is not None) == is_gone == (kept.number_sealed is None)
    assert (kept.file_id is None, kept.number_tail == "") == (is_gone, is_gone)
    del before


def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Kind, list[Any]]]:
    """What the rules have the tombstones remember."""
    kept: list[tuple[Kind, list[Any]]] = []

    def record(kind: Kind, subjects: Any, **_details: Any) -> None:
        if ids := list(subjects):
            kept.append((kind, ids))

    monkeypatch.setattr(tombstones, "record", record)
    return kept


@pytest.mark.parametrize("way", ["removed", "vanished", "with the purged service"])
def test_each_way_of_destroying_a_paper_is_remembered_outside(
    rekha: Member, way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = told(monkeypatch)
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, papers_vanish=True)
        paper = attached(rekha, record=record)
        if way == "removed":
            papers.remove(paper=paper, by=rekha, at=NOW, reason="wrong person")
            papers.remove(paper=Paper.objects.of(rekha.workspace).get(), by=rekha, at=NOW, reason="again")
        elif way == "vanished":
            services.set_status(record=record, status="delivered", by=rekha, at=NOW)
        else:
            services.delete(record=record, by=rekha, at=NOW)
            services.purge(rekha.workspace_id, at=NOW + timedelta(days=31))
    assert kept == [(Kind.PAPER, [paper.pk])]


class Ended:
    """What the file of tombstones says, for a restored backup in which everything is still there."""

    def __init__(self, *ids: Any) -> None:
        self.ids = set(ids)

    def among(self, kind: Kind, subjects: Any, *, workspace_id: Any) -> list[Any]:
        return [one for one in subjects if kind is Kind.PAPER and one in self.ids]


def test_after_a_restore_destroyed_papers_are_destroyed_again_and_the_others_stay(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        back, kept = attached(rekha), attached(rekha)
        ended: Any = Ended(back.pk, uuid4())
        for wanted in (1, 0):
            assert papers.destroy_again(ended, workspace=rekha.workspace_id, at=NOW) == wanted
        rows = {paper.pk: paper for paper in Paper.objects.of(rekha.workspace)}
        assert (rows[back.pk].file_id, rows[back.pk].number_sealed, rows[back.pk].number_tail) == (None, None, "")
        assert rows[back.pk].gone_because and rows[kept.pk].gone_at is None and rows[kept.pk].file_id is not None
        assert StoredFile.objects.of(rekha.workspace).count() == 1
        assert LedgerEntry.objects.of(rekha.workspace).filter(event="desk.paper.deleted", actor=None).count() == 1


def test_another_shops_papers_are_not_destroyed_by_our_tombstones(rekha: Member, other: Workspace) -> None:
    om = owner_of(other)
    with tenancy.inside(other):
        theirs = attached(om)
    with tenancy.inside(rekha.workspace):
        ended: Any = Ended(theirs.pk)
        assert papers.destroy_again(ended, workspace=rekha.workspace_id, at=NOW) == 0
    with tenancy.inside(other):
        assert Paper.objects.of(other).get().gone_at is None


def test_a_paper_needs_somebody_it_belongs_to(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        with pytest.raises(PaperRefused, match="belongs to"):
            papers.attach(kind="pan", number="AAAPA1234A", by=rekha, at=NOW)
        with pytest.raises(PaperRefused, match="file, or"):
            papers.attach(kind="pan", contact=make_contact(rekha), by=rekha, at=NOW)
        paper = papers.attach(
            kind="photo", source=picture(), name="a.png", contact=make_contact(rekha), by=rekha, at=NOW
        )
        assert paper.record_id is None and paper.masked_number == ""
