"""Services, payments, papers, tasks and the search through the API: the same rules as on the pages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from amanat.accounts import bulk_reads
from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.api_client import Program, owners_program, program, token_of
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, tenancy
from amanat.desk import catalogue, papers
from amanat.desk.models import Paper, Payment, Service, ServiceRecord
from amanat.people.models import Contact
from amanat.people.tests.factories import make_company, make_contact, make_team, narrow_member

PROBLEM = "application/problem+json"


@pytest.fixture
def hers(shree: Workspace) -> Program:
    return owners_program(shree)


@pytest.fixture
def sunita(shree: Workspace) -> Contact:
    return make_contact(shree, "Sunita Deshmukh", phone="+919822041736")


def _service(shree: Workspace, name: str = "PAN correction", **details: Any) -> Service:
    with tenancy.inside(shree):
        return catalogue.add(
            workspace=shree, by=owner_of(shree), at=clock.now(), name=name, fee_paise=20_000, **details
        )


def _record(hers: Program, sunita: Contact, **body: Any) -> Any:
    made = hers.post(
        "/service-records", {"contact_id": str(sunita.pk), "title": "PAN correction", "fee_paise": 20_000} | body
    )
    assert made.status_code == 201, made.content
    return made


def _today(shree: Workspace) -> Any:
    return clock.today(shree.time_zone)


def _statements(hers: Program, path: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert hers.get(path).status_code == 200
    return len([one for one in captured if not one["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))])


def test_a_record_comes_out_of_the_catalogue_with_what_was_paid(
    hers: Program, shree: Workspace, sunita: Contact
) -> None:
    service = _service(shree, steps=["Scan", "Submit"], documents=["Photo"], usual_days=7)
    listed = hers.get("/services").json()["items"]
    assert [(each["name"], each["fee_paise"], each["currency"]) for each in listed][-1] == (
        "PAN correction",
        20_000,
        "INR",
    )
    made = hers.post(
        "/service-records",
        {
            "contact_id": str(sunita.pk), "service_id": str(service.pk), "quantity": 2,
            "payment": {"amount_paise": 15_000, "method": "upi", "reference": "4711"},
        },
    )  # fmt: skip
    said = made.json()
    assert (made.status_code, made["Location"]) == (201, f"/api/v1/service-records/{said['id']}")
    assert (said["title"], said["fee_paise"], said["paid_paise"], said["balance_paise"]) == (
        "PAN correction",
        40_000,
        15_000,
        25_000,
    )
    assert (said["steps"], said["documents"], said["contact"]) == (["Scan", "Submit"], ["Photo"], "Sunita Deshmukh")
    assert said["due_on"] == str(_today(shree) + timedelta(days=7))
    assert hers.get(made["Location"]).json() == said
    assert hers.get("/service-records").json()["items"] == [said]
    payments = hers.get(f"{made['Location']}/payments").json()["items"]
    assert [(each["amount_paise"], each["method"], each["paid_on"]) for each in payments] == [
        (15_000, "upi", str(_today(shree)))
    ]


def test_a_record_needs_somebody_and_something(hers: Program, shree: Workspace, sunita: Contact) -> None:
    for body, pointer in (
        ({"title": "PAN"}, "/contact_id"),
        ({"contact_id": str(sunita.pk)}, "/title"),
        ({"contact_id": str(shree.pk), "title": "PAN"}, "/contact_id"),
        ({"contact_id": str(sunita.pk), "service_id": str(sunita.pk)}, "/service_id"),
        ({"contact_id": str(sunita.pk), "title": "PAN", "fee_paise": -1}, "/fee_paise"),
        ({"contact_id": str(sunita.pk), "title": "PAN", "fee_paise": "100"}, "/fee_paise"),
        ({"contact_id": str(sunita.pk), "title": "PAN", "paid_paise": 100}, "/paid_paise"),
        (
            {"contact_id": str(sunita.pk), "title": "PAN", "payment": {"amount_paise": 1, "method": "gold"}},
            "/payment/method",
        ),
    ):
        response = hers.post("/service-records", body)
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)
    over = {
        "contact_id": str(sunita.pk),
        "title": "PAN",
        "fee_paise": 100,
        "payment": {"amount_paise": 101, "method": "cash"},
    }
    assert hers.post("/service-records", over).status_code == 409
    assert hers.get("/service-records").json()["items"] == []


@pytest.mark.slow
def test_a_change_is_checked_against_what_was_read_and_what_was_paid(hers: Program, sunita: Contact) -> None:
    made = _record(hers, sunita, payment={"amount_paise": 10_000, "method": "cash"})
    url, tag = made["Location"], made["ETag"]
    changed = hers.patch(url, {"acknowledgement": "ACK-1", "fee_paise": 30_000}, If_Match=tag)
    assert (changed.json()["acknowledgement"], changed.json()["balance_paise"]) == ("ACK-1", 20_000)
    assert hers.patch(url, {"notes": "x"}, If_Match=tag).status_code == 412
    assert hers.patch(url, {"notes": "x", "updated_at": made.json()["updated_at"]}).status_code == 409
    too_low = hers.patch(url, {"fee_paise": 9_999})
    assert (too_low.status_code, too_low["Content-Type"]) == (409, PROBLEM) and "is paid already" in too_low.json()[
        "detail"
    ]
    assert hers.patch(url, {"title": " ", "fee_paise": None}).status_code == 422
    assert hers.get(url).json()["fee_paise"] == 30_000


def test_the_state_moves_only_where_it_may(hers: Program, sunita: Contact) -> None:
    url = _record(hers, sunita)["Location"]
    submitted = hers.put(f"{url}/status", {"status": "submitted", "acknowledgement": "ACK-9"}).json()
    assert (submitted["status"], submitted["acknowledgement"]) == ("submitted", "ACK-9")
    assert "delivered" in submitted["may_become"] and "open" not in submitted["may_become"]
    assert hers.put(f"{url}/status", {"status": "open"}).status_code == 409
    assert hers.put(f"{url}/status", {"status": "lost"}).status_code == 422
    assert hers.put(f"{url}/status", {"status": "delivered"}).json()["delivered_at"].endswith("Z")


def test_the_checklist_takes_its_own_entries_only(hers: Program, shree: Workspace, sunita: Contact) -> None:
    service = _service(shree, steps=["Scan", "Submit"])
    url = _record(hers, sunita, service_id=str(service.pk))["Location"]
    ticked = hers.put(f"{url}/checklist", {"steps_done": ["Submit", "Dance"]}).json()
    assert (ticked["steps_done"], ticked["documents_seen"]) == (["Submit"], [])


@pytest.mark.slow
def test_payments_are_taken_once_never_too_much_and_cancelled_with_a_reason(hers: Program, sunita: Contact) -> None:
    url = _record(hers, sunita)["Location"]
    part = {"amount_paise": 15_000, "method": "cash", "expected_balance_paise": 20_000}
    first = hers.post(f"{url}/payments", part, Idempotency_Key="p1")
    assert hers.post(f"{url}/payments", part, Idempotency_Key="p1").json() == first.json()
    assert hers.post(f"{url}/payments", part).status_code == 409  # the balance is another one now
    assert hers.post(f"{url}/payments", {"amount_paise": 5_001, "method": "cash"}).status_code == 409
    tomorrow = str(clock.now().date() + timedelta(days=2))
    assert hers.post(f"{url}/payments", {"amount_paise": 1, "method": "cash", "paid_on": tomorrow}).status_code == 422
    assert hers.get(url).json()["balance_paise"] == 5_000
    assert hers.delete(url).status_code == 409
    payment = first["Location"]
    assert hers.post(f"{payment}/cancellation", {"reason": " "}).status_code == 409
    cancelled = hers.post(f"{payment}/cancellation", {"reason": "Entered twice."}).json()
    assert cancelled["cancelled_at"] and cancelled["cancel_reason"] == "Entered twice."
    assert hers.get(payment).json() == cancelled
    assert hers.get(url).json()["balance_paise"] == 20_000
    assert hers.delete(url).status_code == 204
    assert hers.post(f"{url}/restoration").json()["deleted_at"] is None


@pytest.mark.slow
def test_money_taken_at_once_by_many_is_never_more_than_owed(committed_db: None, shree: Workspace) -> None:
    contact = make_contact(shree)
    url = _record(owners_program(shree), contact)["Location"]
    token = token_of(owner_of(shree))

    def pay(number: int) -> int:
        try:
            return Program(token).post(f"{url}/payments", {"amount_paise": 6_000, "method": "cash"}).status_code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(8) as pool:
        assert sorted(pool.map(pay, range(8))) == [201] * 3 + [409] * 5


@pytest.mark.slow
def test_payments_are_listed_by_day_and_key(hers: Program, shree: Workspace, sunita: Contact) -> None:
    url = _record(hers, sunita)["Location"]
    days = [str(_today(shree) - timedelta(days=back)) for back in (3, 2, 1)]
    for day in days:
        hers.post(f"{url}/payments", {"amount_paise": 100, "method": "cash", "paid_on": day})
    first = hers.get("/payments?limit=2").json()
    second = hers.get(first["next"]).json()
    assert [each["paid_on"] for each in first["items"] + second["items"]] == days[::-1] and second["next"] is None
    assert [
        each["paid_on"] for each in hers.get(f"/payments?paid_from={days[1]}&paid_to={days[1]}").json()["items"]
    ] == [days[1]]
    assert hers.get("/payments?method=upi").json()["items"] == []


@pytest.mark.slow
def test_records_are_listed_by_view_and_key_with_the_same_statements(
    hers: Program, shree: Workspace, sunita: Contact
) -> None:
    _record(hers, sunita)
    hers.get("/service-records")
    one = _statements(hers, "/service-records")
    firm = make_company(shree)
    for number in range(4):
        _record(hers, sunita, title=f"Job {number}", fee_paise=1_000 * number)
    hers.post("/service-records", {"company_id": str(firm.pk), "title": "For the firm"})
    assert _statements(hers, "/service-records") == one <= 8
    seen, following = [], "/service-records?view=unpaid&limit=2"
    while following:
        page = hers.get(following).json()
        seen += [each["balance_paise"] for each in page["items"]]
        following = page["next"]
    assert seen == [20_000, 3_000, 2_000, 1_000]
    assert [each["title"] for each in hers.get(f"/service-records?company_id={firm.pk}").json()["items"]] == [
        "For the firm"
    ]


@pytest.mark.slow
def test_what_a_limited_member_may_not_see_does_not_exist(shree: Workspace, hers: Program, sunita: Contact) -> None:
    record = _record(hers, sunita, payment={"amount_paise": 100, "method": "cash"})
    task = hers.post("/tasks", {"title": "Call", "due_on": "2030-01-01", "contact_id": str(sunita.pk)})
    with tenancy.inside(shree):
        owner = owner_of(shree)
        papers.attach(kind="pan", by=owner, at=clock.now(), contact=sunita, number="ABCPE1234F")
        payment = Payment.objects.of(shree).get()
    narrow = program(narrow_member(shree, "Prakash Jadhav", make_team(shree)))
    for path in ("/service-records", "/payments", "/papers", "/tasks", "/search?q=pan"):
        assert narrow.get(path).json()["items"] == [], path
        assert hers.get(path).json()["items"] != [], path
    for path in (record["Location"], f"/payments/{payment.pk}", task["Location"], f"{record['Location']}/payments"):
        assert narrow.get(path).status_code == 404
    assert (
        narrow.post("/tasks", {"title": "x", "due_on": "2030-01-01", "contact_id": str(sunita.pk)}).status_code == 422
    )
    assert narrow.post("/service-records", {"title": "x", "contact_id": str(sunita.pk)}).status_code == 422


def test_papers_show_a_masked_number_and_nothing_to_open(hers: Program, shree: Workspace, sunita: Contact) -> None:
    with tenancy.inside(shree):
        papers.attach(kind="pan", by=owner_of(shree), at=clock.now(), contact=sunita, number="ABCPE1234F", note="Copy")
    response = hers.get(f"/papers?contact_id={sunita.pk}")
    (paper,) = response.json()["items"]
    assert (paper["kind"], paper["masked_number"], paper["has_file"], paper["note"]) == (
        "pan",
        "···· ···· 234F",
        False,
        "Copy",
    )
    assert b"ABCPE" not in response.content
    with tenancy.inside(shree):
        papers.remove(paper=Paper.objects.of(shree).get(), by=owner_of(shree), at=clock.now(), reason="old")
    assert hers.get("/papers").json()["items"] == []


@pytest.mark.slow
def test_a_task_is_made_changed_put_off_and_finished(hers: Program, shree: Workspace, sunita: Contact) -> None:
    today = _today(shree)
    made = hers.post(
        "/tasks", {"title": " Call ", "due_on": str(today), "due_time": "16:30", "contact_id": str(sunita.pk)}
    )
    url, said = made["Location"], made.json()
    assert (said["title"], said["due_time"], said["repeat"], said["done_at"]) == ("Call", "16:30:00", None, None)
    assert hers.get(url).json() == said and hers.get(url)["ETag"] == made["ETag"]
    changed = hers.patch(url, {"notes": "Evening", "due_time": None}, If_Match=made["ETag"])
    assert (changed.json()["notes"], changed.json()["due_time"]) == ("Evening", None)
    assert hers.patch(url, {"notes": "x"}, If_Match=made["ETag"]).status_code == 412
    assert hers.patch(url, {"title": " "}).status_code == hers.patch(url, {"due_on": None}).status_code == 422
    later = str(today + timedelta(days=3))
    assert hers.post(f"{url}/snooze", {"until": later}).json()["due_on"] == later
    assert hers.post(f"{url}/snooze", {"until": "2020-01-01"}).status_code == 409
    finished = hers.post(f"{url}/completion").json()
    assert finished["task"]["done_at"] and finished["next"] is None
    assert hers.get("/tasks").json()["items"] == []
    assert [each["id"] for each in hers.get("/tasks?state=done").json()["items"]] == [said["id"]]
    assert hers.delete(f"{url}/completion").json()["done_at"] is None
    assert hers.post(f"{url}/cancellation", {}).json()["cancelled_at"]


def test_a_task_that_repeats_makes_its_next(hers: Program, shree: Workspace) -> None:
    today = _today(shree)
    made = hers.post("/tasks", {"title": "Rent", "due_on": str(today), "repeat": {"unit": "day", "every": 2}})
    assert made.json()["repeat"]["every"] == 2
    following = hers.post(f"{made['Location']}/completion").json()["next"]
    assert (following["due_on"], following["occurrence"]) == (str(today + timedelta(days=2)), 2)
    assert hers.get(f"/tasks/{following['id']}").json() == following
    assert hers.post(f"/tasks/{following['id']}/cancellation", {"series": True}).json()["cancelled_at"]
    assert hers.get("/tasks").json()["items"] == []
    wrong = hers.post("/tasks", {"title": "x", "due_on": str(today), "repeat": {"unit": "day", "weekdays": [1]}})
    assert wrong.json()["errors"][0]["pointer"] == "/repeat"


def test_tasks_are_listed_by_day_and_key(hers: Program, shree: Workspace) -> None:
    for day in ("2030-01-03", "2030-01-01", "2030-01-02"):
        hers.post("/tasks", {"title": day, "due_on": day})
    hers.get("/tasks")
    one = _statements(hers, "/tasks?due_to=2030-01-01")
    first = hers.get("/tasks?limit=2").json()
    second = hers.get(first["next"]).json()
    assert [each["title"] for each in first["items"] + second["items"]] == ["2030-01-01", "2030-01-02", "2030-01-03"]
    assert _statements(hers, "/tasks") == one <= 8
    newest = hers.get("/tasks?state=all&limit=1").json()
    assert [each["title"] for each in newest["items"] + hers.get(newest["next"]).json()["items"]] == [
        "2030-01-02",
        "2030-01-01",
    ]


def test_the_search_finds_people_firms_and_services_within_the_scopes(
    hers: Program, shree: Workspace, sunita: Contact
) -> None:
    _record(hers, sunita, title="Sunita's PAN", acknowledgement="ACK-77")
    make_company(shree, "Sunita Dairy")
    found = hers.get("/search?q=sunita").json()["items"]
    assert sorted((each["kind"], each["title"]) for each in found) == [
        ("company", "Sunita Dairy"), ("contact", "Sunita Deshmukh"), ("service", "Sunita's PAN"),
    ]  # fmt: skip
    assert [each["note"] for each in hers.get("/search?q=041736&kind=contact").json()["items"]] == ["+919822041736"]
    narrow_scope = owners_program(shree, "contacts:read")
    assert {each["kind"] for each in narrow_scope.get("/search?q=sunita").json()["items"]} == {"contact", "company"}
    assert narrow_scope.get("/search?q=sunita&kind=service").json()["items"] == []
    assert hers.get("/search?q=").status_code == 422


def test_people_that_the_search_shows_count_towards_the_alarm(
    hers: Program, shree: Workspace, sunita: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A program that asks for one beginning after the other learns as much as one that lists contacts."""
    counted: list[int] = []
    monkeypatch.setattr(bulk_reads, "count", lambda *, token, member, contacts: counted.append(contacts))
    make_company(shree, "Sunita Dairy")
    hers.get("/search?q=sunita")
    hers.get("/search?q=nobody")
    assert counted == [1, 0], "a firm is no person"


def test_an_agent_may_not_cancel_payments_and_an_auditor_only_reads(
    shree: Workspace, hers: Program, sunita: Contact
) -> None:
    record = _record(hers, sunita, payment={"amount_paise": 100, "method": "cash"})
    with tenancy.inside(shree):
        payment = Payment.objects.of(shree).get()
    agent, auditor = program(make_member(shree)), program(make_member(shree, Role.AUDITOR))
    assert agent.post(f"/payments/{payment.pk}/cancellation", {"reason": "x"}).status_code == 403
    assert auditor.get(record["Location"]).status_code == 200
    assert auditor.patch(record["Location"], {"notes": "x"}).status_code == 403
    with tenancy.inside(shree):
        assert ServiceRecord.objects.of(shree).get().notes == ""
