"""Pages of service records: what they show, to whom, and with how many statements."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, ids, tenancy
from amanat.desk import listing, services
from amanat.desk.models import Payment, ServiceRecord
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record, make_service, make_task
from amanat.people.models import Contact


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


def statements(browser: Client, url: str, data: dict[str, Any] | None = None) -> int:
    """How many statements the request took, transactions aside."""
    with CaptureQueriesContext(
        connection,
    ) as captured:
        answer = browser.get(url) if data is None else browser.post(url, data)
    assert answer.status_code in (200, 303), answer.content[:2000]
    ended = ("SAVEPOINT", "RELEASE", "ROLLBACK", "BEGIN", "COMMIT")
    return sum(not query["sql"].startswith(ended) for query in captured.captured_queries)


def form(**values: Any) -> dict[str, Any]:
    return {"quantity": "1", "method": "cash"} | values


@pytest.mark.sampled
@pytest.mark.parametrize("view", listing.VIEWS)
def test_list_takes_as_many_statements_for_three_rows_as_for_one(shree: Workspace, view: str) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    details = {"due_on": TODAY - timedelta(days=2), "expires_on": TODAY + timedelta(days=3)}
    with tenancy.inside(shree):
        records = [make_record(rekha, **details)]
        if view == "bin":
            services.delete(record=records[0], by=rekha, at=NOW)
    browser.get("/services/")
    one = statements(browser, f"/services/?view={view}")
    with tenancy.inside(shree):
        records += [make_record(rekha, contact=make_contact(rekha, name), **details) for name in ("Arjun", "Farhana")]
        if view == "bin":
            for record in records:
                services.delete(record=record, by=rekha, at=NOW)
    page = browser.get(f"/services/?view={view}")
    assert all(f"#{record.number}" in page.text for record in records)
    assert statements(browser, f"/services/?view={view}") == one <= 8


@pytest.mark.slow
def test_record_page_takes_as_many_statements_for_three_as_for_one(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    with tenancy.inside(shree):
        record = make_record(rekha, paid_paise=100)
        make_record(rekha, contact=record.contact)
        make_task(rekha, record=record)
    browser.get(f"/services/{record.pk}/")
    one = statements(browser, f"/services/{record.pk}/")
    with tenancy.inside(shree):
        for number in range(2):
            make_record(rekha, contact=record.contact, title=f"Other {number}")
            make_task(rekha, record=record)
            browser.post(f"/services/{record.pk}/payments/", {"amount": "1", "method": "upi"})
    page = browser.get(f"/services/{record.pk}/").text
    assert "Other 0" in page and "Other 1" in page and page.count("UPI") >= 2
    assert statements(browser, f"/services/{record.pk}/") == one <= 12


def test_home_takes_as_many_statements_for_three_as_for_one(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)

    def more() -> None:
        contact = make_contact(rekha, follow_up_on=TODAY + timedelta(days=1))
        make_record(rekha, contact=contact, due_on=TODAY, expires_on=TODAY + timedelta(days=4), paid_paise=100)
        make_task(rekha, "today")
        make_task(rekha, "late", due_on=TODAY - timedelta(days=1))

    with tenancy.inside(shree):
        more()
    browser.get("/")
    one = statements(browser, "/")
    with tenancy.inside(shree):
        more()
        more()
    assert statements(browser, "/") == one <= 17


def test_new_service_stays_within_the_budget(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    with tenancy.inside(shree):
        service, contact = make_service(shree), make_contact(rekha)
    browser.get("/services/new/")
    assert statements(browser, "/services/new/", form(contact=contact.pk, service=service.pk, paid="100")) <= 12
    with tenancy.inside(shree):
        record = ServiceRecord.objects.of(shree).get()
        assert (record.title, record.fee_paise, record.paid_paise) == ("PAN correction", 25_000, 10_000)


def test_new_service_for_a_number_that_is_known_finds_the_person(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        sunita = make_contact(rekha, phone="9822041736")
    answer = signed_in(rekha).post("/services/new/", form(person="098220 41736", title="Photocopies", fee="12.50"))
    assert answer.status_code == 303
    with tenancy.inside(shree):
        record = ServiceRecord.objects.of(shree).get()
        assert (record.contact_id, record.fee_paise) == (sunita.pk, 1_250)


def test_new_service_for_somebody_new_makes_the_contact_at_once(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    assert browser.post("/services/new/", form(person="Kavita Jadhav 91580 60093", title="PAN")).status_code == 303
    assert (
        browser.post("/services/new/", form(new_name="Ramesh", new_phone="8605073321", title="PAN")).status_code == 303
    )
    with tenancy.inside(shree):
        found = ServiceRecord.objects.of(shree).select_related("contact").order_by("number")
        assert [(record.contact.name, record.contact.main_phone) for record in found if record.contact] == [
            ("Kavita Jadhav", "+919158060093"),
            ("Ramesh", "+918605073321"),
        ]


def test_new_service_for_a_name_that_fits_several_asks_which_one(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        people = [make_contact(rekha, "Sunita Deshmukh"), make_contact(rekha, "Sunita Pawar")]
    browser = signed_in(rekha)
    asked = browser.post("/services/new/", form(person="sunita", title="PAN"))
    assert asked.status_code == 422
    assert all(f'value="{person.pk}"' in asked.text for person in people)
    assert browser.post("/services/new/", form(person="sunita", contact=people[1].pk, title="PAN")).status_code == 303


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"person": "", "title": "PAN"}, "Type who it is for"),
        ({"person": "Nobody Known", "title": "PAN"}, "Write the mobile number too"),
        ({"person": "9822041736"}, "Choose a service"),
        ({"person": "9822041736", "title": "PAN", "fee": "many"}, "not an amount"),
        ({"person": "9822041736", "title": "PAN", "fee": "-5"}, "less than zero"),
        ({"person": "9822041736", "title": "PAN", "fee": "100", "paid": "101"}, "Only ₹ 100 is owed"),
        ({"contact": str(uuid4()), "title": "PAN"}, "not there any more"),
    ],
)
def test_new_service_refuses_in_words_and_keeps_what_was_typed(
    shree: Workspace, values: dict[str, str], message: str
) -> None:
    answer = signed_in(owner_of(shree)).post("/services/new/", form(**values))
    assert answer.status_code == 422
    assert message in answer.text
    with tenancy.inside(shree):
        assert not ServiceRecord.objects.of(shree).exists()
        assert not Contact.objects.of(shree).exists()


def test_picker_offers_those_who_fit_and_somebody_new(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        sunita = make_contact(rekha, "Sunita Deshmukh", phone="9822041736")
        make_contact(rekha, "Arjun Mehta")
    browser = signed_in(rekha)
    for asked in ("sunit", "सुनीता", "98220417", "Suneeta"):
        page = browser.get("/services/people/", {"q": asked}).text
        assert f'data-id="{sunita.pk}"' in page and "Arjun" not in page, asked
    page = browser.get("/services/people/", {"q": "New Person 9158060093"}).text
    assert 'data-kind="new" data-name="New Person" data-phone="+919158060093"' in page
    assert browser.get("/services/people/", {"q": " "}).text.strip() == ""


@pytest.mark.slow
def test_payment_page_keeps_a_refused_amount_and_tells_why(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    with tenancy.inside(shree):
        record = make_record(rekha)
    url = f"/services/{record.pk}/payments/"
    refused = browser.post(url, {"amount": "300", "method": "cash"})
    assert refused.status_code == 422 and "Only ₹ 250 is owed" in refused.text and 'value="300"' in refused.text
    future = browser.post(url, {"amount": "1", "method": "cash", "paid_on": "2026-11-22"})
    assert future.status_code == 422 and "has not come yet" in future.text
    once = str(ids.new())
    for _ in range(2):
        assert browser.post(url, {"amount": "100", "method": "upi", "once": once}).status_code == 303
    late = browser.post(url, {"amount": "100", "method": "cash", "seen": "25000"})
    assert late.status_code == 422 and "₹ 150 is owed now" in late.text and 'name="seen" value="15000"' in late.text
    with tenancy.inside(shree):
        assert Payment.objects.of(shree).count() == 1


def test_cancelling_a_payment_needs_a_manager(shree: Workspace) -> None:
    rekha, prakash = owner_of(shree), make_member(shree)
    with tenancy.inside(shree):
        make_record(rekha, paid_paise=10_000)
        payment = Payment.objects.of(shree).get()
    assert signed_in(prakash).post(f"/payments/{payment.pk}/cancel/", {"reason": "x"}).status_code == 403
    assert signed_in(rekha).post(f"/payments/{payment.pk}/cancel/", {"reason": "given back"}).status_code == 303
    assert signed_in(rekha).post(f"/payments/{uuid4()}/cancel/", {"reason": "x"}).status_code == 404
    with tenancy.inside(shree):
        assert Payment.objects.of(shree).get().cancel_reason == "given back"


@pytest.mark.slow
def test_status_checklist_repeat_delete_restore_from_the_page(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    with tenancy.inside(shree):
        record = make_record(rekha, service=make_service(shree))
    here = f"/services/{record.pk}/"
    browser.post(here + "status/", {"status": "submitted", "acknowledgement": "8841"})
    browser.post(here + "checklist/", {"step": ["Submit"], "document": ["Aadhaar card", "forged"]})
    again = browser.post(here + "repeat/")
    browser.post(here + "delete/")
    page = browser.get(here).text
    assert "is in the bin" in page and "8841" in page
    browser.post(here + "restore/")
    with tenancy.inside(shree):
        kept = ServiceRecord.objects.of(shree).get(pk=record.pk)
        assert (kept.status, kept.acknowledgement, kept.steps_done, kept.documents_seen, kept.deleted_at) == (
            "submitted", "8841", ["Submit"], ["Aadhaar card"], None,
        )  # fmt: skip
    assert browser.get(again["Location"]).status_code == 200


def test_edit_changes_and_refuses(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    with tenancy.inside(shree):
        record = make_record(rekha, paid_paise=10_000)
    url = f"/services/{record.pk}/edit/"
    values = {"title": "PAN again", "fee_paise": "99", "quantity": "1", "due_on": "2026-12-01", "owner": str(rekha.pk)}
    refused = browser.post(url, values)
    assert refused.status_code == 422 and "₹ 100 is paid already" in refused.text and "PAN again" in refused.text
    assert browser.post(url, values | {"fee_paise": "1,20,000.50"}).status_code == 303
    with tenancy.inside(shree):
        kept = ServiceRecord.objects.of(shree).get()
        assert (kept.title, kept.fee_paise, kept.due_on) == ("PAN again", 12_000_050, TODAY + timedelta(days=10))
    assert 'value="120000.50"' in browser.get(url).text


def test_bulk_status_moves_what_can_and_names_the_rest(shree: Workspace) -> None:
    rekha = owner_of(shree)
    browser = signed_in(rekha)
    with tenancy.inside(shree):
        first, second, done = make_record(rekha), make_record(rekha), make_record(rekha)
        services.set_status(record=done, status="delivered", by=rekha, at=NOW)
    answer = browser.post(
        "/services/states/", {"ids": [first.pk, second.pk, done.pk, "nonsense"], "status": "submitted"}, follow=True
    )
    assert "2 moved to “Submitted”" in answer.text and f"Not possible for #{done.number}" in answer.text
    with tenancy.inside(shree):
        assert ServiceRecord.objects.of(shree).filter(status="submitted").count() == 2


@pytest.mark.parametrize("view", ["all", "due", "unpaid", "expiring"])
def test_pages_by_key_show_each_record_once_forwards_and_back(shree: Workspace, view: str) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        contact = make_contact(rekha)
        for number in range(7):
            make_record(
                rekha, contact=contact, due_on=TODAY - timedelta(days=number // 2), fee_paise=1_000 * (number // 3 + 1),
                expires_on=TODAY + timedelta(days=number // 2),
            )  # fmt: skip
        found = listing.rows(rekha, listing.Filters(view=view), today=TODAY)
        seen: list[Any] = []
        page = listing.page(found, view, limit=3)
        pages = [page]
        while page.after:
            page = listing.page(found, view, after=page.after, limit=3)
            pages.append(page)
        seen = [record.pk for each in pages for record in each.records]
        assert len(seen) == len(set(seen)) == 7
        back = listing.page(found, view, before=pages[-1].before, limit=3)
        assert [record.pk for record in back.records] == [record.pk for record in pages[-2].records]
        assert pages[0].before is None and back.before is not None


def test_filters_by_status_service_and_owner(shree: Workspace) -> None:
    rekha, prakash = owner_of(shree), make_member(shree)
    browser = signed_in(rekha)
    with tenancy.inside(shree):
        service, contact = make_service(shree, "Passport"), make_contact(rekha)
        wanted = make_record(rekha, contact=contact, service=service, owner=prakash)
        make_record(rekha, contact=contact, title="Other one")
    for query in (f"service={service.pk}", f"owner={prakash.pk}", f"service={service.pk}&status=open"):
        page = browser.get(f"/services/?view=all&{query}").text
        assert str(wanted.pk) in page and "Other one" not in page
    assert str(wanted.pk) not in browser.get("/services/?view=all&status=ready").text
    assert browser.get("/services/?view=nonsense&service=1&owner=x&after=zzz&status=q").status_code == 200


@pytest.mark.slow
def test_need_to_know_holds_on_every_page(shree: Workspace, other: Workspace) -> None:
    rekha = owner_of(shree)
    prakash = make_member(shree, Role.AGENT, sees="team")
    with tenancy.inside(shree):
        record = make_record(rekha, title="Hidden service")
        make_task(rekha, "Hidden task", record=record)
    for member in (prakash, owner_of(other)):
        browser = signed_in(member)
        for path in ("", "edit/", "receipt/", "receipt.pdf"):
            assert browser.get(f"/services/{record.pk}/{path}").status_code == 404
        for path in ("status/", "repeat/", "payments/", "delete/", "papers/", "checklist/"):
            assert browser.post(f"/services/{record.pk}/{path}", {"status": "ready"}).status_code == 404
        for page in ("/", "/services/?view=all", "/calendar/", "/services/people/?q=sunita"):
            text = browser.get(page).text
            assert "Hidden" not in text and "Sunita" not in text


@pytest.mark.slow
def test_auditor_reads_and_writes_nothing(shree: Workspace) -> None:
    rekha, asha = owner_of(shree), make_member(shree, Role.AUDITOR)
    with tenancy.inside(shree):
        record = make_record(rekha)
    browser = signed_in(asha)
    for page in ("/", "/services/", f"/services/{record.pk}/", f"/services/{record.pk}/receipt/", "/calendar/"):
        answer = browser.get(page)
        assert answer.status_code == 200
        assert "/services/new/" not in answer.text and "/edit/" not in answer.text
    for path in ("status/", "repeat/", "payments/", "delete/", "papers/"):
        assert browser.post(f"/services/{record.pk}/{path}").status_code == 403
    assert browser.get("/services/new/").status_code == 403


def test_empty_list_says_what_it_is_for(shree: Workspace) -> None:
    page = signed_in(owner_of(shree)).get("/services/").text
    assert "Here stands what you do for people" in page and "/services/new/" in page


def test_page_of_a_person_shows_services_papers_and_tasks(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha, title="Passport application")
        make_task(rekha, "Call about the passport", record=record)
    page = signed_in(rekha).get(f"/contacts/{record.contact_id}/").text
    for part in ("Passport application", "₹\xa0250 due", "Call about the passport", f"contact={record.contact_id}"):
        assert part in page, part
