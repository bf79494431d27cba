"""Notes: how a text becomes a line, what hangs on it, and what is refused without a trace."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, files, tenancy
from amanat.core.models import LedgerEntry, StoredFile
from amanat.people import bin as deleted
from amanat.people import notes
from amanat.people.models import Attachment, Contact, Interaction
from amanat.people.tests.factories import make_company, make_contact, make_team, narrow_member, owner


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner(shree)


@pytest.fixture
def browser(rekha: Member) -> Client:
    return signed_in(rekha)


def _lines(workspace: Workspace) -> list[Interaction]:
    with tenancy.inside(workspace):
        return list(Interaction.objects.of(workspace).exclude(kind="created").order_by("id"))


TEXTS: list[tuple[str, str, str]] = [
    ("Came by", "Came by", ""), ("  Came by \n", "Came by", ""), ("First\nsecond\n\nthird", "First", "second\n\nthird"), ("x" * 120, "x" * 120, ""),
    ("x" * 121, "x" * 117 + "…", "x" * 121), ("long " * 30 + "\nrest", ("long " * 30)[:117].rstrip() + "…", "long " * 30 + "\nrest"),
    ("null\x00byte", "nullbyte", ""), ("सुनीता आली\nउद्या येईल", "सुनीता आली", "उद्या येईल"), ("🙂", "🙂", ""),
]  # fmt: skip


@pytest.mark.parametrize(("text", "summary", "body"), TEXTS)
def test_a_text_becomes_a_summary_and_the_rest(
    shree: Workspace, rekha: Member, text: str, summary: str, body: str
) -> None:
    contact = make_contact(shree)
    with tenancy.inside(shree):
        line = notes.write(record=contact, by=rekha, at=clock.now(), text=text)
    assert (line.summary, line.body, line.kind, line.actor_id, line.contact_id) == (
        summary,
        body,
        "note",
        rekha.pk,
        contact.pk,
    )


@pytest.mark.parametrize("kind", notes.KINDS)
def test_each_kind_a_person_may_write_moves_last_contact(shree: Workspace, rekha: Member, kind: str) -> None:
    contact, at = make_contact(shree), clock.now()
    with tenancy.inside(shree):
        assert notes.write(record=contact, by=rekha, at=at, text="x", kind=kind).kind == kind
        assert Contact.objects.of(shree).get().last_contact_at == at


@pytest.mark.sampled
@pytest.mark.parametrize("kind", ["change", "file", "merge", "service", "", "Note"])
def test_nobody_writes_a_line_of_the_program(shree: Workspace, rekha: Member, browser: Client, kind: str) -> None:
    contact = make_contact(shree)
    with tenancy.inside(shree), pytest.raises(ValueError, match="not a kind"):
        notes.write(record=contact, by=rekha, at=clock.now(), text="x", kind=kind)
    answer = browser.post(f"/contacts/{contact.pk}/notes/", {"note": "x", "kind": kind})
    assert answer.status_code == (303 if kind == "" else 422)
    assert [line.kind for line in _lines(shree)] == (["note"] if kind == "" else [])


@pytest.mark.parametrize("path", ["contacts", "companies"])
def test_the_form_writes_on_both_kinds_of_record(shree: Workspace, browser: Client, path: str) -> None:
    record: Any = make_contact(shree) if path == "contacts" else make_company(shree)
    answer = browser.post(f"/{path}/{record.pk}/notes/", {"note": "Came by\nwith a friend", "kind": "call"})
    assert (answer.status_code, answer["Location"]) == (303, f"/{path}/{record.pk}/")
    (line,) = _lines(shree)
    assert (line.kind, line.summary, line.body, line.contact_id or line.company_id) == (
        "call",
        "Came by",
        "with a friend",
        record.pk,
    )


@pytest.mark.parametrize("sent", [{}, {"note": "  "}, {"note": "x" * 10_001}, {"note": "\n\n"}])
def test_an_empty_or_endless_note_is_refused_at_its_place(
    shree: Workspace, browser: Client, sent: dict[str, str]
) -> None:
    contact = make_contact(shree)
    answer = browser.post(f"/contacts/{contact.pk}/notes/", sent)
    assert answer.status_code == 422
    assert list(answer.context["note_form"].errors) == ["note"]
    assert _lines(shree) == []


FILES: list[tuple[str, bytes, bool]] = [
    ("list.csv", b"a,b\n1,2\n", True), ("words.txt", b"hello", True), ("page.html", b"<script>1</script>", False), ("run.exe", b"MZ\x90\x00" + b"\0" * 60, False),
    ("fake.pdf", b"this is no pdf \x00\x01", False), ("empty.txt", b"", False), ("../../etc/passwd.txt", b"root", True),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("name", "content", "taken"), FILES)
def test_a_file_is_taken_by_what_is_in_it(
    shree: Workspace, browser: Client, name: str, content: bytes, taken: bool
) -> None:
    contact = make_contact(shree)
    sent = {"note": "See the file", "file": SimpleUploadedFile(name, content)}
    answer = browser.post(f"/contacts/{contact.pk}/notes/", sent)
    assert answer.status_code == (303 if taken else 422)
    with tenancy.inside(shree):
        assert Attachment.objects.of(shree).count() == StoredFile.objects.of(shree).count() == int(taken)
        assert LedgerEntry.objects.of(shree).filter(event="people.file.attached").count() == int(taken)
        if taken:
            assert "/" not in Attachment.objects.of(shree).get().name
    assert len(_lines(shree)) == int(taken)
    if not taken:
        assert answer.context["note_form"].errors and "See the file" in answer.text


def test_a_file_without_a_word_is_a_line_of_its_own_kind(shree: Workspace, rekha: Member) -> None:
    contact = make_contact(shree)
    with tenancy.inside(shree):
        line = notes.write(record=contact, by=rekha, at=clock.now(), file=b"hello", file_name="hello.txt")
        attachment = Attachment.objects.of(shree).get()
        assert Contact.objects.of(shree).get().last_contact_at is None  # a file alone is no contact
    assert (line.kind, line.summary, line.data, line.reference_id) == (
        "file", "File added", {"attachment": str(attachment.pk), "file": "hello.txt", "said": ["added", {}]}, attachment.pk,
    )  # fmt: skip


def test_a_refused_file_leaves_nothing(shree: Workspace, rekha: Member) -> None:
    contact = make_contact(shree)
    with tenancy.inside(shree):
        with pytest.raises(files.FileRefused):
            notes.write(record=contact, by=rekha, at=clock.now(), text="x", file=b"MZ\x90\x00", file_name="a.txt")
        assert (Attachment.objects.of(shree).count(), StoredFile.objects.of(shree).count()) == (0, 0)
    assert _lines(shree) == []


@pytest.mark.slow
def test_an_attachment_is_read_by_whoever_sees_its_record_only(
    shree: Workspace, other: Workspace, rekha: Member
) -> None:
    team = make_team(shree)
    seen, hidden = make_contact(shree, "Seen", team=team.pk), make_contact(shree, "Hidden")
    firm = make_company(shree, "Dairy")
    with tenancy.inside(shree):
        for record in (seen, hidden, firm):
            notes.write(record=record, by=rekha, at=clock.now(), file=b"hello", file_name="hello.txt")
        keys = list(Attachment.objects.of(shree).order_by("id").values_list("pk", flat=True))

    def statuses(member: Member) -> list[int]:
        client = signed_in(member)
        return [client.get(f"/attachments/{key}/").status_code for key in [*keys, UUID(int=1)]]

    assert statuses(rekha) == [200, 200, 200, 404]
    assert statuses(make_member(shree, Role.AUDITOR, name="Atul")) == [200, 200, 200, 404]
    assert statuses(narrow_member(shree, "Prakash Jadhav", team)) == [200, 404, 404, 404]
    assert statuses(owner(other)) == [404, 404, 404, 404]
    with tenancy.inside(shree):
        deleted.delete(model=Contact, workspace=shree, by=rekha, at=clock.now(), ids=[seen.pk])
    assert statuses(rekha) == [404, 200, 200, 404]


def test_a_download_is_a_download(shree: Workspace, rekha: Member, browser: Client) -> None:
    contact = make_contact(shree)
    with tenancy.inside(shree):
        notes.write(record=contact, by=rekha, at=clock.now(), file=b"hello", file_name='we"ird नाव.txt')
        key = Attachment.objects.of(shree).get().pk
    answer = browser.get(f"/attachments/{key}/")
    assert b"".join(answer) == b"hello"
    assert answer["Content-Disposition"].startswith("attachment")
    assert answer["X-Content-Type-Options"] == "nosniff"


def test_an_auditor_writes_no_note(shree: Workspace) -> None:
    contact = make_contact(shree)
    client = signed_in(make_member(shree, Role.AUDITOR, name="Atul"))
    assert client.post(f"/contacts/{contact.pk}/notes/", {"note": "x"}).status_code in {403, 404}
    assert "data-composer" not in client.get(f"/contacts/{contact.pk}/").text
    assert _lines(shree) == []
