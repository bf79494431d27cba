"""A request of the API that is repeated acts once; a token that reads very many contacts is noticed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.mail import EmailMessage
from django.db import connections

from amanat.accounts import bulk_reads, tasks
from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.api_client import Program, owners_program, program, token_of
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, tenancy
from amanat.core.limits import Limit
from amanat.core.models import IdempotentAnswer, LedgerEntry
from amanat.people.models import Contact
from amanat.people.tests.factories import make_contact

SUNITA = {"name": "Sunita Deshmukh", "phones": [{"number": "98220 41736"}]}


def _names(workspace: Workspace) -> list[str]:
    with tenancy.inside(workspace):
        return list(Contact.objects.of(workspace).alive().order_by("id").values_list("name", flat=True))


def test_a_repeat_with_the_same_key_gets_the_first_answer(shree: Workspace) -> None:
    hers = owners_program(shree)
    first = hers.post("/contacts", SUNITA, Idempotency_Key="order-4711")
    again = hers.post("/contacts", SUNITA, Idempotency_Key="order-4711")
    assert "Idempotent-Replayed" not in first and again["Idempotent-Replayed"] == "true"
    assert (again.status_code, again.content, again["Location"], again["ETag"]) == (
        201, first.content, first["Location"], first["ETag"],
    )  # fmt: skip
    assert _names(shree) == ["Sunita Deshmukh"]


def test_a_key_belongs_to_its_content_its_address_and_its_member(shree: Workspace) -> None:
    hers, manager = owners_program(shree), program(make_member(shree, Role.MANAGER))
    assert hers.post("/contacts", SUNITA, Idempotency_Key="k").status_code == 201
    other = hers.post("/contacts", {"name": "Somebody else"}, Idempotency_Key="k")
    assert (other.status_code, other["Content-Type"]) == (422, "application/problem+json")
    assert manager.post("/contacts", {"name": "Asha"}, Idempotency_Key="k").status_code == 201
    assert hers.post("/companies", {"name": "Dairy"}, Idempotency_Key="k").status_code == 201
    one, two = make_contact(shree, "One"), make_contact(shree, "Two")
    note = {"text": "Asked for the form."}
    assert hers.post(f"/contacts/{one.pk}/notes", note, Idempotency_Key="n").status_code == 201
    assert hers.post(f"/contacts/{two.pk}/notes", note, Idempotency_Key="n").status_code == 422
    assert _names(shree) == ["Sunita Deshmukh", "Asha", "One", "Two"]


def test_a_refused_request_may_be_tried_again_with_its_key(shree: Workspace) -> None:
    hers = owners_program(shree)
    assert hers.post("/contacts", {"name": ""}, Idempotency_Key="k").status_code == 422
    assert hers.post("/contacts", SUNITA, Idempotency_Key="k").status_code == 201


def test_a_key_that_is_too_long_or_unprintable_is_refused(shree: Workspace) -> None:
    hers = owners_program(shree)
    for key in ("x" * 256, "a\x01b"):
        assert hers.post("/contacts", SUNITA, Idempotency_Key=key).status_code == 400
    assert _names(shree) == []


def test_an_upload_is_repeated_whatever_separates_its_parts(shree: Workspace) -> None:
    hers = owners_program(shree)

    def upload(content: bytes) -> Any:
        return hers.upload("/imports", {"file": SimpleUploadedFile("people.csv", content)}, Idempotency_Key="upload")

    first, again = upload(b"Name,Phone\nSunita,9822041736\n"), upload(b"Name,Phone\nSunita,9822041736\n")
    assert (first.status_code, again["Idempotent-Replayed"], again.content) == (201, "true", first.content)
    assert upload(b"Name,Phone\nAsha,9822041736\n").status_code == 422


def test_answers_are_forgotten_after_seven_days(shree: Workspace) -> None:
    hers = owners_program(shree)
    for key in ("old", "young"):
        hers.post("/contacts", {"name": key}, Idempotency_Key=key)
    with tenancy.inside(shree):
        rows = IdempotentAnswer.objects.of(shree)
        rows.filter(key="old").update(created_at=clock.now() - timedelta(days=7, seconds=1))
    tasks.sweep_answers()
    with tenancy.inside(shree):
        assert list(rows.values_list("key", flat=True)) == ["young"]


@pytest.mark.slow
def test_fifty_equal_requests_at_once_make_one_contact(committed_db: None, shree: Workspace) -> None:
    token = token_of(owner_of(shree))

    def send(_number: int) -> tuple[int, str]:
        try:
            response = Program(token).post("/contacts", SUNITA, Idempotency_Key="once")
            return response.status_code, response.json()["id"]
        finally:
            connections.close_all()

    with ThreadPoolExecutor(50) as pool:
        answers = set(pool.map(send, range(50)))
    assert len(answers) == 1 and answers.pop()[0] == 201
    assert _names(shree) == ["Sunita Deshmukh"]


def test_reading_very_many_contacts_is_told_to_the_owners_once(
    shree: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    django_capture_on_commit_callbacks: Any,
    mailoutbox: list[EmailMessage],
) -> None:
    monkeypatch.setattr(bulk_reads, "ALARM", Limit(5, timedelta(hours=1), per="token"))
    for number in range(3):
        make_contact(shree, f"Contact {number}")
    hers = program(make_member(shree, name="Prakash Jadhav"))

    def alarms() -> list[int]:
        with tenancy.inside(shree):
            entries = LedgerEntry.objects.of(shree).filter(event="accounts.token.bulk_read")
            return [entry.facts["contacts"] for entry in entries]

    with django_capture_on_commit_callbacks(execute=True):
        hers.get("/contacts")
    assert alarms() == []
    with django_capture_on_commit_callbacks(execute=True):
        for _again in range(3):
            assert hers.get("/contacts").status_code == 200
    assert alarms() == [6]
    (mail,) = mailoutbox
    assert mail.to == [owner_of(shree).user.email] and "has read 6 contacts" in mail.subject
    assert "Prakash Jadhav" in mail.body and "/settings/tokens/" in mail.body
