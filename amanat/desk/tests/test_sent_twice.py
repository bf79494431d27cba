"""Forms that arrive twice: two taps on a slow line, a page that a browser sends again."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from amanat.accounts.models import Workspace
from amanat.accounts.tests import parallel
from amanat.accounts.tests.factories import make_member, make_workspace, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.core.models import IdempotentAnswer
from amanat.desk.models import Paper, Payment, ServiceRecord, Task
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record, make_service
from amanat.desk.tests.test_fields import Kind, field
from amanat.desk.tests.test_pages import statements
from amanat.people.models import Contact, Interaction

_KEY = re.compile(r'name="once_key" value="([0-9a-f-]{36})"')


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


def key_on(browser: Client, address: str) -> str:
    found = _KEY.search(browser.get(address).text)
    assert found, f"{address} carries no key"
    return found[1]


def service(key: str, **values: Any) -> dict[str, Any]:
    return {
        "new_name": "Sunita Deshmukh", "new_phone": "98220 41736", "title": "PAN correction", "fee": "250", "paid": "100",
        "quantity": "1", "method": "cash", "once_key": key,
    } | values  # fmt: skip


def test_a_service_sent_twice_is_one_service_one_person_and_one_payment(shree: Workspace) -> None:
    browser = signed_in(owner_of(shree))
    key = key_on(browser, "/services/new/")
    first, second = (browser.post("/services/new/", service(key)) for _ in range(2))
    assert first.status_code == second.status_code == 303
    assert first["Location"] == second["Location"] != "/services/new/"
    with tenancy.inside(shree):
        counts = [model.objects.of(shree).count() for model in (ServiceRecord, Contact, Payment)]
    assert counts == [1, 1, 1]


def test_the_same_page_with_other_content_is_another_act(shree: Workspace) -> None:
    browser = signed_in(owner_of(shree))
    key = key_on(browser, "/services/new/")
    browser.post("/services/new/", service(key))
    other = browser.post(
        "/services/new/", service(key, title="Passport", new_name="", new_phone="", person="9822041736")
    )
    assert other.status_code == 303
    with tenancy.inside(shree):
        assert set(ServiceRecord.objects.of(shree).values_list("title", flat=True)) == {"PAN correction", "Passport"}


def test_a_refused_form_may_be_sent_again_with_its_key(shree: Workspace) -> None:
    browser = signed_in(owner_of(shree))
    key = key_on(browser, "/services/new/")
    assert browser.post("/services/new/", service(key, paid="900")).status_code == 422
    with tenancy.inside(shree):
        assert not IdempotentAnswer.objects.of(shree).exists()
    assert browser.post("/services/new/", service(key)).status_code == 303


@pytest.mark.slow
def test_a_contact_a_task_a_note_a_paper_and_a_repetition_are_made_once(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    with tenancy.inside(shree):
        contact = make_contact(rekha, "Farhana Khan")
        record = make_record(rekha, contact=contact)
    page, work = f"/contacts/{contact.pk}/", f"/services/{record.pk}/"
    for asked, sent, content in (
        ("/contacts/new/", "/contacts/new/", {"name": "Ramesh Pawar"}),
        ("/companies/new/", "/companies/new/", {"name": "Pawar Dairy"}),
        ("/tasks/new/", "/tasks/new/", {"title": "Call her", "kind": "call", "due_on": TODAY.isoformat()}),
        (page, f"{page}notes/", {"note": "Comes on Monday"}),
        (work, f"{work}repeat/", {}),
        (work, f"{work}papers/", {"kind": "pan", "number": "ABCPD1234F"}),
        (f"/papers/of/{contact.pk}/", f"/papers/of/{contact.pk}/", {"kind": "passbook", "number": "4477"}),
    ):
        key = key_on(browser, asked)
        answers = [browser.post(sent, content | {"once_key": key}) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [303, 303], (sent, answers[0].content[-2000:])
        assert answers[0]["Location"] == answers[1]["Location"], sent
    with tenancy.inside(shree):
        made = Contact.objects.of(shree).filter(name="Ramesh Pawar")
        assert made.count() == Task.objects.of(shree).count() == 1
        assert Interaction.objects.of(shree).filter(summary="Comes on Monday").count() == 1
        assert ServiceRecord.objects.of(shree).filter(repeats=record).count() == 1
        assert Paper.objects.of(shree).count() == 2


def test_a_note_with_another_file_is_another_note(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    with tenancy.inside(shree):
        contact = make_contact(rekha)
    page = f"/contacts/{contact.pk}/"
    key = key_on(browser, page)
    for content in (b"first\n", b"first\n", b"other\n"):
        file = SimpleUploadedFile("list.txt", content, "text/plain")
        assert browser.post(f"{page}notes/", {"note": "", "file": file, "once_key": key}).status_code == 303
    with tenancy.inside(shree):
        assert Interaction.objects.of(shree).filter(kind="file").count() == 2


def test_keys_are_each_members_own(shree: Workspace) -> None:
    rekha, prakash = owner_of(shree), make_member(shree)
    key = key_on(signed_in(rekha), "/contacts/new/")
    sent = {"name": "Tanvi Shah", "once_key": key, "anyway": "1"}
    first, his = (signed_in(member).post("/contacts/new/", sent) for member in (rekha, prakash))
    assert first["Location"] != his["Location"], "what she made is not his to be led to"


def test_what_is_kept_of_a_form_tells_neither_name_nor_number(shree: Workspace) -> None:
    browser = signed_in(owner_of(shree))
    browser.post("/services/new/", service(key_on(browser, "/services/new/")))
    with tenancy.inside(shree), connection.cursor() as cursor:
        cursor.execute("SELECT a::text, encode(body, 'escape') FROM core_idempotentanswer a")
        row = " ".join(cursor.fetchone())
    assert "Sunita" not in row and "41736" not in row and "/services/" in row


@pytest.mark.parametrize("key", ["", "not a key", "x" * 5000])
def test_a_form_without_a_key_of_ours_acts_each_time(shree: Workspace, key: str) -> None:
    browser = signed_in(owner_of(shree))
    for _ in range(2):
        assert browser.post("/contacts/new/", {"name": "Anil", "anyway": "1", "once_key": key}).status_code == 303
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).count() == 2


def test_taps_at_the_same_moment_make_one(committed_db: None) -> None:
    shop = make_workspace(name="Taps")
    browser = signed_in(owner_of(shop))
    sent = service(key_on(browser, "/services/new/"))
    taps = [signed_in(owner_of(shop)) for _ in range(4)]
    answers = parallel.at_once(lambda tap: tap.post("/services/new/", sent)["Location"], taps)
    assert len(set(answers)) == 1
    with tenancy.inside(shop):
        assert ServiceRecord.objects.of(shop).count() == 1


def test_the_key_of_a_form_keeps_it_within_twelve_statements(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    with tenancy.inside(shree):
        person, entry = make_contact(rekha), make_service(shree)
    field(rekha, Kind.TEXT)
    known = {"new_name": "", "new_phone": "", "contact": str(person.pk), "service": str(entry.pk), "title": ""}
    asked = service(key_on(browser, "/services/new/"), **known)
    contact = {"name": "Sunita", "phone_number": "9822041799", "company_name": "Deshmukh Dairy", "tags": "Farmer, New"}
    contact |= {"once_key": key_on(browser, "/contacts/new/"), "email_address": "s@example.in"}
    taken_back = 1  # the workspace, in the transaction that the test itself has around the request
    assert statements(browser, "/services/new/", asked) - taken_back <= 12
    assert statements(browser, "/contacts/new/", contact) - taken_back <= 12
