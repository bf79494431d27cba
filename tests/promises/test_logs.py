"""Logs hold no personal data (T38): flows with marked passwords, codes, tokens, numbers and notes leave no mark in a log."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator

import pytest
from django.core import mail
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import User, Workspace
from amanat.accounts.tests import factories
from amanat.accounts.tests.api_client import owners_program
from amanat.accounts.tests.browsers import PASSWORD, sign_in
from amanat.core import logs, tenancy
from amanat.desk import payments
from amanat.people import contacts
from amanat.people.tests.factories import make_contact

MARKS = ("Marked Name", "marked@example.in", "9822012345", "marked note", "234567890124", "wrong horse 99", PASSWORD)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """All that every logger writes, at its loudest, in the format of the site."""
    text, root = io.StringIO(), logging.getLogger()
    handler = logging.StreamHandler(text)
    handler.setFormatter(logs.Formatter())
    names = ["", "amanat", "django", "django.request", "django.security", "procrastinate", "allauth", "httpx"]
    levels = {name: logging.getLogger(name).level for name in names}
    root.addHandler(handler)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    # Django's log of statements is for developers: it is off unless somebody debugs.
    quiet = logging.getLogger("django.db.backends")
    before, quiet.level = quiet.level, logging.WARNING
    yield text
    quiet.level = before
    root.removeHandler(handler)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def _marked_owner(shree: Workspace) -> User:
    user = factories.owner_of(shree).user
    user.set_password(PASSWORD)
    user.save()
    return user


@pytest.mark.slow
def test_flows_leave_no_mark(written: io.StringIO, shree: Workspace) -> None:
    user = _marked_owner(shree)
    client = Client()
    client.post(reverse("account_login"), {"login": user.email, "password": "wrong horse 99"})
    assert sign_in(client, user.email).status_code == 302
    Client().post(reverse("account_request_login_code"), {"email": user.email})
    contact = {
        "name": "Marked Name",
        "phone_number": "9822012345",
        "email_address": "marked@example.in",
        "notes": "marked note",
    }
    assert client.post(reverse("people:contact_new"), contact).status_code == 303
    assert client.post(reverse("people:contact_new"), contact).status_code == 422
    client.get("/search/", {"q": "Marked Name"})
    client.get("/contacts/", {"company": "marked note", "owner": "marked@example.in"})
    client.get("/nowhere/marked@example.in/")
    program = owners_program(shree)
    assert program.post("/contacts", {"name": "Marked Name", "phones": [{"number": "9822012345"}]}).status_code in {
        201,
        422,
    }
    program.post("/contacts", b'{"name": "Marked Name"')
    program.get("/search?q=Marked%20Name")
    text = written.getvalue()
    codes = [str(message.body) for message in mail.outbox]
    assert [mark for mark in (*MARKS, program.token, user.email) if mark in text] == []
    assert codes and not [
        word
        for body in codes
        for word in body.split()
        if word.strip(".").isdigit() and len(word.strip(".")) == 6 and word in text
    ]


@pytest.mark.parametrize("where", ["page", "program"])
def test_a_mistake_of_ours_is_logged_without_its_words(
    where: str, written: io.StringIO, shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception may quote what somebody typed: the log keeps its type and place."""

    def fail(**details: object) -> None:
        raise RuntimeError(f"Marked Name marked@example.in {details}")

    monkeypatch.setattr(contacts, "create", fail)
    if where == "page":
        client = factories.signed_in(factories.owner_of(shree))
        client.raise_request_exception = False
        answer = client.post(reverse("people:contact_new") + "?name=marked%20note", {"name": "Marked Name"})
    else:
        answer = owners_program(shree).post("/contacts", {"name": "Marked Name"})
    assert answer.status_code == 500
    text = written.getvalue()
    assert "RuntimeError" in text
    assert [mark for mark in MARKS if mark in text or mark in answer.content.decode()] == []


def test_a_row_the_database_refuses_is_not_quoted(
    written: io.StringIO, shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    from amanat.desk.tests.factories import make_record

    owner = factories.owner_of(shree)
    contact = make_contact(shree, "Marked Name")
    with tenancy.inside(shree):
        record = make_record(owner, contact=contact)
    monkeypatch.setattr(payments, "_check_amount", lambda payment, owed: None)
    client = factories.signed_in(owner)
    client.raise_request_exception = False
    address = reverse("desk:payment_take", args=[record.pk])
    answer = client.post(
        address, {"amount": "999999", "method": "cash", "reference": "marked note", "paid_on": "2026-11-20"}
    )
    assert answer.status_code == 500
    text = written.getvalue()
    assert "IntegrityError" in text and "999999" not in text and "marked note" not in text
