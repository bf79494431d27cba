"""Every route of the desk by every role, and every operation of its API by bad and good requests: answers and rows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection, transaction
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.api_client import Program, owners_program
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.core.recurrence import Repeat, Unit
from amanat.desk import papers
from amanat.desk.models import Payment, Service, ServiceRecord, Task
from amanat.desk.tests.factories import NOW, TODAY, make_case, make_contact, make_record, make_service, make_task

pytestmark = pytest.mark.django_db
READERS, WRITERS, MANAGERS = "omgr", "omg", "om"
LETTERS = {Role.OWNER: "o", Role.MANAGER: "m", Role.AGENT: "g", Role.AUDITOR: "r"}


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@dataclass
class Shop:
    rekha: Member
    ids: dict[str, Any]

    @property
    def here(self) -> Workspace:
        return self.rekha.workspace


def shop_of(rekha: Member) -> Shop:
    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha, "Sunita Deshmukh")
        service = make_service(rekha.workspace)
        record = make_record(rekha, contact=contact, service=service, paid_paise=100)
        task = make_task(rekha, record=record)
        paper = papers.attach(kind="pan", number="AAAPA1234A", record=record, by=rekha, at=NOW)
        payment = Payment.objects.of(rekha.workspace).get()
        case = make_case(rekha, contact=contact)
    ids = {
        "record": record.pk, "contact": contact.pk, "service": service.pk, "task": task.pk, "paper": paper.pk, "payment": payment.pk,
        "case": case.pk,
    }  # fmt: skip
    return Shop(rekha, ids)


@pytest.fixture
def shop(shree: Workspace) -> Shop:
    return shop_of(owner_of(shree))


#: Route, whose id it takes, who may, what is posted (None: it is got).
ROUTES: list[tuple[str, str, str, dict[str, Any] | None]] = [
    ("today", "", READERS, None), ("services", "", READERS, None), ("service", "record", READERS, None), ("receipt", "record", READERS, None),
    ("receipt_pdf", "record", READERS, None), ("papers_of_contact", "contact", READERS, None), ("paper", "paper", READERS, None),
    ("task", "task", READERS, None), ("calendar", "", READERS, None), ("feed_settings", "", READERS, None),
    ("service_new", "", WRITERS, None), ("service_edit", "record", WRITERS, None), ("people_picker", "", WRITERS, None), ("task_new", "", WRITERS, None),
    ("catalogue", "", MANAGERS, None), ("catalogue_new", "", MANAGERS, None), ("catalogue_edit", "service", MANAGERS, None),
    ("services_bulk", "", WRITERS, {"status": "ready"}), ("service_status", "record", WRITERS, {"status": "waiting"}),
    ("service_checklist", "record", WRITERS, {"step": "Submit"}), ("service_repeat", "record", WRITERS, {}), ("service_delete", "record", WRITERS, {}),
    ("service_restore", "record", WRITERS, {}), ("payment_take", "record", WRITERS, {"amount": "1", "method": "cash"}),
    ("payment_cancel", "payment", MANAGERS, {"reason": "mistake"}), ("paper_attach", "record", WRITERS, {"kind": "pan", "number": "AAAPA1234A"}),
    ("paper_open", "paper", WRITERS, {"reason": "checking", "what": "number"}), ("paper_remove", "paper", WRITERS, {"reason": "x"}),
    ("task_done", "task", WRITERS, {}), ("task_reopen", "task", WRITERS, {}), ("task_snooze", "task", WRITERS, {"until": "tomorrow"}),
    ("task_cancel", "task", WRITERS, {}), ("catalogue_move", "service", MANAGERS, {"direction": "up"}), ("catalogue_retire", "service", MANAGERS, {}),
    ("cases", "", READERS, None), ("case", "case", READERS, None), ("case_new", "", WRITERS, None), ("case_edit", "case", WRITERS, None),
    ("case_note", "case", WRITERS, {"text": "Called"}), ("case_close", "case", WRITERS, {"outcome": "Done"}), ("case_reopen", "case", WRITERS, {}),
    ("pack_install", "", MANAGERS, {"pack": "csc"}), ("feed_settings", "", READERS, {"act": "make"}),
]  # fmt: skip
CASES = {
    f"{name} {'post' if data is not None else 'get'}": (name, which, may, data) for name, which, may, data in ROUTES
}


def ask(  # noqa: PLR0917
    browser: Client, shop: Shop, name: str, which: str, data: dict[str, Any] | None, identity: Any = None
) -> Any:
    url = reverse(f"desk:{name}", args=[identity or shop.ids[which]] if which else [])
    return browser.get(url) if data is None else browser.post(url, data)


def digest(workspace: Workspace) -> str:
    """A sum over every row of the desk, to see that nothing changed."""
    with tenancy.inside(workspace), connection.cursor() as cursor:
        parts = []
        for table in ("service", "servicerecord", "payment", "task", "paper", "counter", "supportcase"):
            cursor.execute(f"SELECT coalesce(md5(string_agg(t::text, '|' ORDER BY id)), '') FROM desk_{table} t")
            parts.append(cursor.fetchone()[0])
    return " ".join(parts)


def test_every_route_of_the_desk_is_in_the_table() -> None:
    from amanat.desk import urls

    names = {pattern.name for pattern in urls.urlpatterns}
    assert names - {name for name, *_rest in ROUTES} == {"feed", "paper_file"}


@pytest.mark.slow
def test_each_role_may_what_the_table_says_and_a_refusal_changes_nothing(shop: Shop) -> None:
    browsers = {"o": signed_in(shop.rekha)}
    for role in (Role.MANAGER, Role.AGENT, Role.AUDITOR):
        browsers[LETTERS[role]] = signed_in(make_member(shop.here, role, name=role.title()))
    before = digest(shop.here)
    for case, (name, which, may, data) in CASES.items():
        answers = {}
        for letter, browser in browsers.items():
            undone = transaction.savepoint()
            answers[letter] = ask(browser, shop, name, which, data).status_code
            if answers[letter] == 403:
                assert digest(shop.here) == before, (case, letter)
            transaction.savepoint_rollback(undone)
        assert {letter for letter, status in answers.items() if status != 403} == set(may), (case, answers)
        assert all(status in {200, 302, 303, 403, 422} for status in answers.values()), (case, answers)


@pytest.mark.slow
def test_an_id_that_is_none_and_one_of_another_shop_do_not_exist(shop: Shop, other: Workspace) -> None:
    theirs = shop_of(owner_of(other))
    browser, before = signed_in(shop.rekha), digest(other)
    for case, (name, which, _may, data) in CASES.items():
        for identity in (uuid4(), theirs.ids[which]) if which else ():
            assert ask(browser, shop, name, which, data, identity).status_code == 404, case
    assert digest(other) == before


@pytest.mark.slow
def test_who_need_not_know_finds_nothing(shop: Shop) -> None:
    browser = signed_in(make_member(shop.here, Role.AGENT, name="Narrow", sees="own"))
    before = digest(shop.here)
    for case, (name, which, may, data) in CASES.items():
        if which and "g" in may:
            assert ask(browser, shop, name, which, data).status_code == 404, case
    assert digest(shop.here) == before


def test_nobody_signed_in_is_led_to_the_door(shop: Shop) -> None:
    before = digest(shop.here)
    for case, (name, which, _may, data) in CASES.items():
        answer = ask(Client(), shop, name, which, data)
        assert answer.status_code in {302, 303} and answer["Location"].startswith("/accounts/login/"), case
    assert digest(shop.here) == before


def test_what_is_posted_cannot_be_got(shop: Shop) -> None:
    browser, before = signed_in(shop.rekha), digest(shop.here)
    for case, (name, which, _may, data) in CASES.items():
        if data is not None and name != "feed_settings":
            assert ask(browser, shop, name, which, None).status_code == 405, case
    assert digest(shop.here) == before


# --- the API ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def till(shree: Workspace) -> Program:
    return owners_program(shree)


RECORD_KEYS = {
    "id", "number", "contact_id", "contact", "company_id", "company", "service_id", "title", "status", "may_become", "acknowledgement",
    "fee_paise", "paid_paise", "balance_paise", "currency", "quantity", "due_on", "expires_on", "follow_up_on", "steps", "steps_done",
    "documents", "documents_seen", "notes", "owner_id", "custom", "papers_vanish", "created_at", "updated_at", "delivered_at", "deleted_at", "erased_at",
}  # fmt: skip
SHAPES: dict[str, tuple[str, set[str]]] = {
    "service-records": ("/service-records", RECORD_KEYS),
    "services": ("/services", {"id", "name", "category", "fee_paise", "currency", "documents", "steps", "usual_days", "validity_months", "remind_days_before", "papers_vanish", "is_active"}),
    "payments": ("/payments", {"id", "service_record_id", "amount_paise", "currency", "method", "reference", "paid_on", "taken_by_id", "created_at", "cancelled_at", "cancel_reason"}),
    "papers": ("/papers", {"id", "kind", "contact_id", "service_record_id", "has_file", "masked_number", "note", "vanishes_on_delivery", "added_by_id", "added_at"}),
    "tasks": ("/tasks", {"id", "title", "kind", "notes", "due_on", "due_time", "contact_id", "company_id", "service_record_id", "assignee_id", "repeat", "occurrence", "created_by_id", "created_at", "done_at", "cancelled_at"}),
}  # fmt: skip


@pytest.mark.parametrize("name", list(SHAPES))
def test_a_list_has_these_keys_and_one_item_the_same(shop: Shop, till: Program, name: str) -> None:
    path, keys = SHAPES[name]
    listed = till.get(path).json()
    assert set(listed) == {"items", "next"} and set(listed["items"][0]) == keys
    if name not in {"services", "papers"}:
        assert till.get(f"{path}/{listed['items'][0]['id']}").json() == listed["items"][0]


def test_a_record_says_what_the_row_says(shop: Shop, till: Program) -> None:
    with tenancy.inside(shop.here):
        row = ServiceRecord.objects.of(shop.here).get()
    told = till.get(f"/service-records/{row.pk}").json()
    for key in (
        "number",
        "title",
        "status",
        "fee_paise",
        "paid_paise",
        "quantity",
        "notes",
        "steps",
        "documents",
        "papers_vanish",
    ):
        assert told[key] == getattr(row, key), key
    assert (told["contact"], told["company"], told["contact_id"], told["currency"]) == (
        "Sunita Deshmukh",
        "",
        str(row.contact_id),
        "INR",
    )
    assert (
        told["balance_paise"] == row.fee_paise - row.paid_paise and told["custom"] == {} and told["erased_at"] is None
    )


def record_body(shop: Shop) -> dict[str, Any]:
    return {"contact_id": str(shop.ids["contact"]), "title": "PAN", "fee_paise": 100}


def task_body(_shop: Shop) -> dict[str, Any]:
    return {"title": "Call", "due_on": "2026-11-30"}


def payment_body(_shop: Shop) -> dict[str, Any]:
    return {"amount_paise": 100, "method": "cash"}


POSTS = {"/service-records": record_body, "/tasks": task_body, "/service-records/{record}/payments": payment_body}
WRONG: list[tuple[str, dict[str, Any]]] = [
    ("/service-records", {"fee_paise": -1}), ("/service-records", {"fee_paise": "100"}), ("/service-records", {"fee_paise": 1.5}),
    ("/service-records", {"fee_paise": 10**14}), ("/service-records", {"quantity": 0}), ("/service-records", {"quantity": 1000}),
    ("/service-records", {"due_on": "30-11-2026"}), ("/service-records", {"due_on": "2026-02-30"}), ("/service-records", {"title": "x" * 121}),
    ("/service-records", {"title": "  "}), ("/service-records", {"contact_id": str(uuid4())}), ("/service-records", {"contact_id": None}),
    ("/service-records", {"service_id": str(uuid4())}), ("/service-records", {"owner_id": str(uuid4())}), ("/service-records", {"number": 9}),
    ("/service-records", {"workspace_id": str(uuid4())}), ("/service-records", {"paid_paise": 5}), ("/service-records", {"status": "delivered"}),
    ("/service-records", {"erased_at": "2026-11-21T00:00:00Z"}), ("/service-records", {"deleted_at": None}), ("/service-records", {"notes": "x" * 10_001}),
    ("/service-records", {"payment": {"amount_paise": 0, "method": "cash"}}), ("/service-records", {"payment": {"amount_paise": 5, "method": "cheque"}}),
    ("/service-records", {"payment": {"amount_paise": 5, "method": "cash", "paid_on": "2026-11-22"}}), ("/service-records", {"custom": []}),
    ("/tasks", {"title": ""}), ("/tasks", {"title": " "}), ("/tasks", {"title": "x" * 201}), ("/tasks", {"due_on": None}), ("/tasks", {"due_on": "soon"}),
    ("/tasks", {"kind": "party"}), ("/tasks", {"due_time": "25:00"}), ("/tasks", {"assignee_id": str(uuid4())}), ("/tasks", {"contact_id": str(uuid4())}),
    ("/tasks", {"service_record_id": str(uuid4())}), ("/tasks", {"repeat": {"unit": "hour"}}), ("/tasks", {"repeat": {"unit": "day", "every": 0}}),
    ("/tasks", {"repeat": {"unit": "day", "weekdays": [1]}}), ("/tasks", {"repeat": {"unit": "week", "month_day": 3}}), ("/tasks", {"repeat": {"unit": "week", "weekdays": [7]}}),
    ("/tasks", {"repeat": {"unit": "month", "month_day": 32}}), ("/tasks", {"done_at": "2026-11-21T00:00:00Z"}), ("/tasks", {"series_id": str(uuid4())}),
    ("/service-records/{record}/payments", {"amount_paise": 0}), ("/service-records/{record}/payments", {"amount_paise": -5}),
    ("/service-records/{record}/payments", {"amount_paise": "5"}), ("/service-records/{record}/payments", {"currency": "USD"}),
    ("/service-records/{record}/payments", {"method": "cheque"}), ("/service-records/{record}/payments", {"paid_on": "2026-11-22"}),
    ("/service-records/{record}/payments", {"reference": "x" * 61}), ("/service-records/{record}/payments", {"taken_by_id": str(uuid4())}),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("path", list(POSTS))
def test_a_bad_body_is_422_with_the_place_and_changes_no_row(shop: Shop, till: Program, path: str) -> None:
    good, at = POSTS[path](shop), path.format(**shop.ids)
    before = digest(shop.here)
    for where, change in WRONG:
        if where == path:
            answer = till.post(at, good | change)
            assert answer.status_code == 422, (change, answer.text)
            assert answer["Content-Type"] == "application/problem+json" and answer.json()["errors"], change
    assert digest(shop.here) == before
    assert till.post(at, good).status_code == 201 and digest(shop.here) != before


LISTS = ("/service-records", "/services", "/payments", "/papers", "/tasks", "/service-records/{record}/payments")
BAD_QUESTIONS = ("limit=0", "limit=201", "limit=x", "after=nonsense", "after=~", "nothing=1", "limit=1%00")


@pytest.mark.sampled
@pytest.mark.parametrize("path", LISTS)
def test_a_bad_question_is_422(shop: Shop, till: Program, path: str) -> None:
    answers = {query: till.get(f"{path.format(**shop.ids)}?{query}").status_code for query in BAD_QUESTIONS}
    assert answers == dict.fromkeys(BAD_QUESTIONS, 422)


@pytest.mark.parametrize(
    "query",
    ["status=gone", "view=mine", "service_id=1", "owner_id=x", "contact_id=x", "company_id=", "custom.nothing=1"],
)
def test_a_bad_filter_of_records_is_422(shop: Shop, till: Program, query: str) -> None:
    assert till.get(f"/service-records?{query}").status_code == 422


MISSING = [
    ("get", "/service-records/{id}"), ("patch", "/service-records/{id}"), ("put", "/service-records/{id}/status"), ("put", "/service-records/{id}/checklist"),
    ("delete", "/service-records/{id}"), ("post", "/service-records/{id}/restoration"), ("get", "/service-records/{id}/payments"),
    ("post", "/service-records/{id}/payments"), ("get", "/payments/{id}"), ("post", "/payments/{id}/cancellation"), ("get", "/tasks/{id}"),
    ("patch", "/tasks/{id}"), ("post", "/tasks/{id}/completion"), ("delete", "/tasks/{id}/completion"), ("post", "/tasks/{id}/snooze"),
    ("post", "/tasks/{id}/cancellation"),
]  # fmt: skip
BODIES: dict[str, dict[str, Any]] = {
    "status": {"status": "ready"}, "checklist": {}, "payments": {"amount_paise": 1, "method": "cash"}, "snooze": {"until": "2026-11-30"}, "cancellation": {"reason": "x"},
}  # fmt: skip


@pytest.mark.slow
def test_what_is_not_there_or_anothers_is_404(shop: Shop, till: Program, other: Workspace) -> None:
    theirs = shop_of(owner_of(other))
    before = digest(other)
    for method, path in MISSING:
        kind = "payment" if path.startswith("/payments") else "task" if path.startswith("/tasks") else "record"
        body = {} if path == "/tasks/{id}/cancellation" else BODIES.get(path.rsplit("/", 1)[-1], {})
        for identity in (uuid4(), theirs.ids[kind]):
            at = path.format(id=identity)
            answer = getattr(till, method)(at) if method in {"get", "delete"} else getattr(till, method)(at, body)
            assert answer.status_code == 404, (method, path, answer.text)
    assert digest(other) == before


@pytest.mark.slow
def test_tasks_and_papers_of_people_in_the_bin_are_in_no_list_of_the_api(shop: Shop, till: Program) -> None:
    from amanat.people import bin as bins
    from amanat.people.models import Contact

    assert len(till.get("/tasks?state=all").json()["items"]) == len(till.get("/papers").json()["items"]) == 1
    acts = {"model": Contact, "workspace": shop.here, "by": shop.rekha, "at": NOW, "ids": [shop.ids["contact"]]}
    with tenancy.inside(shop.here):
        bins.delete(**acts)
    for path in ("/tasks?state=all", "/tasks", "/papers", "/service-records"):
        assert till.get(path).json()["items"] == [], path
    assert len(till.get("/payments").json()["items"]) == 1, "money taken stays in the books"
    with tenancy.inside(shop.here):
        bins.restore(**acts)
    assert len(till.get("/tasks").json()["items"]) == len(till.get("/papers").json()["items"]) == 1


@pytest.mark.slow
def test_what_is_left_of_an_erased_person_is_read_and_never_changed(shop: Shop, till: Program) -> None:
    from datetime import timedelta

    from amanat.people import bin as bins
    from amanat.people.models import Contact

    acts = {"model": Contact, "workspace": shop.here, "by": shop.rekha, "ids": [shop.ids["contact"]]}
    with tenancy.inside(shop.here):
        bins.delete(at=NOW, **acts)
        bins.purge(at=NOW + timedelta(days=31), **acts)
    at = f"/service-records/{shop.ids['record']}"
    told = till.get(at).json()
    assert (told["contact"], told["contact_id"], told["may_become"], told["paid_paise"]) == ("", None, [], 100)
    assert told["erased_at"] == "2026-12-22T04:40:00Z"
    assert [each["amount_paise"] for each in till.get(f"{at}/payments").json()["items"]] == [100]
    before = digest(shop.here)
    refused = [
        till.patch(at, {"notes": "Sunita"}), till.put(f"{at}/status", {"status": "open"}), till.put(f"{at}/checklist", {}), till.delete(at),
        till.post(f"{at}/restoration", {}), till.post(f"{at}/payments", {"amount_paise": 1, "method": "cash"}),
        till.post(f"/payments/{shop.ids['payment']}/cancellation", {"reason": "x"}),
    ]  # fmt: skip
    assert [answer.status_code for answer in refused] == [409] * 7
    assert digest(shop.here) == before


@pytest.mark.sampled
@pytest.mark.parametrize("path", ["/service-records", "/payments", "/papers", "/tasks"])
def test_a_page_of_the_api_costs_the_same_for_one_and_three(shop: Shop, till: Program, path: str) -> None:
    from django.test.utils import CaptureQueriesContext

    counts = []
    till.get(path)
    for _round in range(2):
        with CaptureQueriesContext(connection) as captured:
            assert till.get(path).status_code == 200
        counts.append(len(captured))
        with tenancy.inside(shop.here):
            for _each in range(2):
                record = make_record(shop.rekha, paid_paise=100)
                make_task(shop.rekha, record=record)
                papers.attach(kind="pan", number="AAAPA1234A", record=record, by=shop.rekha, at=NOW)
    assert counts[0] == counts[1]


def test_a_series_through_the_api_goes_on(shop: Shop, till: Program) -> None:
    made = till.post(
        "/tasks", {"title": "Rent", "due_on": str(TODAY), "repeat": {"unit": "month", "month_day": -1}}
    ).json()
    done = till.post(f"/tasks/{made['id']}/completion", {}).json()
    assert (done["task"]["done_at"] is not None, done["next"]["due_on"], done["next"]["occurrence"]) == (
        True,
        "2026-11-30",
        2,
    )
    with tenancy.inside(shop.here):
        kept = Task.objects.of(shop.here).get(pk=done["next"]["id"])
        assert Repeat.from_json(kept.repeat) == Repeat(Unit.MONTH, month_day=-1)


def test_retired_services_are_offered_to_nobody(shop: Shop, till: Program) -> None:
    signed_in(shop.rekha).post(reverse("desk:catalogue_retire", args=[shop.ids["service"]]))
    with tenancy.inside(shop.here):
        assert not Service.objects.of(shop.here).get(pk=shop.ids["service"]).is_active
    assert till.get("/services").json()["items"] == []
    assert [each["is_active"] for each in till.get("/services?active=no").json()["items"]] == [False]
    body = record_body(shop) | {"service_id": str(shop.ids["service"])}
    assert till.post("/service-records", body).status_code == 422
