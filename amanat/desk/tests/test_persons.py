"""Who a service is for, from what the counter types; and the states a service goes through."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.desk import home, listing, periods, persons, services
from amanat.desk.models import Payment, ServiceRecord
from amanat.desk.persons import PersonUnclear, Typed
from amanat.desk.services import MOVES, NewService, ServiceRefused
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record, make_service
from amanat.people import companies
from amanat.people.drafts import CompanyDraft
from amanat.people.models import Contact

pytestmark = pytest.mark.django_db
Status = ServiceRecord.Status


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


TYPED: list[tuple[str, str, str]] = [
    ("Sunita Deshmukh 98220 41736", "Sunita Deshmukh", "+919822041736"), ("98220 41736 Sunita Deshmukh", "Sunita Deshmukh", "+919822041736"),
    ("9822041736", "", "+919822041736"), ("+91 98220 41736", "", "+919822041736"), ("09822041736", "", "+919822041736"), ("98220-41736", "", "+919822041736"),
    ("Sunita, 98220 41736", "Sunita", "+919822041736"), ("Sunita · 98220 41736", "Sunita", "+919822041736"), ("Sunita", "Sunita", ""),
    ("  Sunita   Deshmukh ", "Sunita Deshmukh", ""), ("Sunita 12345", "Sunita 12345", ""), ("सुनीता ९८२२०४१७३६", "सुनीता", "+919822041736"), ("", "", ""),
    ("Flat 4, 98220", "Flat 4, 98220", ""), ("O'Brien (98220 41736)", "O'Brien", "+919822041736"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "name", "phone"), TYPED)
def test_a_line_is_taken_apart_into_name_and_number(text: str, name: str, phone: str) -> None:
    assert persons.take_apart(text) == Typed(name, phone)


def chosen(by: Member, **data: Any) -> Any:
    with tenancy.inside(by.workspace, actor=by.pk):
        return persons.chosen(by, data, at=NOW)


def people(by: Member) -> list[str]:
    with tenancy.inside(by.workspace):
        return sorted(Contact.objects.of(by.workspace).values_list("name", flat=True))


def test_a_known_number_is_its_person_and_a_new_one_makes_somebody(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        sunita = make_contact(rekha, "Sunita Deshmukh", phone="9822041736")
    assert chosen(rekha, person="98220 41736") == sunita
    assert chosen(rekha, person="Anything 98220 41736") == sunita
    fresh = chosen(rekha, person="Ravi Patil 98220 99999")
    assert (fresh.name, fresh.main_phone, fresh.owner_id) == ("Ravi Patil", "+919822099999", rekha.pk)
    assert people(rekha) == ["Ravi Patil", "Sunita Deshmukh"]


UNCLEAR: list[tuple[dict[str, str], str]] = [
    ({"person": ""}, "Type who"), ({"person": "   "}, "Type who"), ({"person": "Sunita"}, "Choose which"), ({"person": "Nobody Known"}, "Nobody is called"),
    ({"new_phone": "12"}, ""), ({"new_name": "A" * 400}, ""), ({"contact": "01a1cc18-a7b7-7f36-871f-655accea4ea5"}, "not there"),
    ({"company": "01a1cc18-a7b7-7f36-871f-655accea4ea5"}, "not there"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "words"), UNCLEAR)
def test_what_is_unclear_is_asked_and_makes_nobody(rekha: Member, data: dict[str, str], words: str) -> None:
    with tenancy.inside(rekha.workspace):
        for number in (1, 2):
            make_contact(rekha, f"Sunita {number}")
    before = people(rekha)
    with pytest.raises(PersonUnclear, match=words):
        chosen(rekha, **data)
    assert people(rekha) == before


def test_two_with_one_number_are_both_offered(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        both = {make_contact(rekha, name, phone="9822041736").pk for name in ("Sunita", "Her Son")}
    with pytest.raises(PersonUnclear) as caught:
        chosen(rekha, person="98220 41736")
    assert {person.pk for person in caught.value.people} == both


def test_a_chosen_id_counts_before_what_was_typed(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        sunita, ravi = make_contact(rekha, "Sunita"), make_contact(rekha, "Ravi", phone="9822041736")
        firm = companies.create(workspace=rekha.workspace, by=rekha, at=NOW, draft=CompanyDraft(name="Dairy"))
    assert chosen(rekha, contact=sunita.pk, person="98220 41736") == sunita
    assert chosen(rekha, company=firm.pk, person="98220 41736") == firm
    assert chosen(rekha, person="98220 41736") == ravi


def test_people_one_need_not_know_are_neither_found_nor_chosen(rekha: Member) -> None:
    agent = make_member(rekha.workspace, Role.AGENT, sees="own")
    agent.team_ids = []
    with tenancy.inside(rekha.workspace):
        sunita = make_contact(rekha, "Sunita Deshmukh", phone="9822041736")
        assert persons.find(agent, "Sunita") == [] and persons.find(rekha, "Sunita") == [sunita]
    with pytest.raises(PersonUnclear):
        chosen(agent, contact=sunita.pk)


def test_somebody_in_the_bin_is_not_chosen(rekha: Member) -> None:
    from amanat.people import bin as bins

    with tenancy.inside(rekha.workspace):
        sunita = make_contact(rekha, "Sunita Deshmukh", phone="9822041736")
        bins.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=NOW, ids=[sunita.pk])
    with pytest.raises(PersonUnclear):
        chosen(rekha, contact=sunita.pk)


@pytest.mark.parametrize("text", ["", " ", "x", "'", "%", "_", "98", "\x00", "<script>", "a" * 500])
def test_the_picker_answers_anything_typed(rekha: Member, text: str) -> None:
    with tenancy.inside(rekha.workspace):
        make_contact(rekha, "Sunita <b>Deshmukh</b>")
    answer = signed_in(rekha).get("/services/people/", {"q": text})
    assert answer.status_code == 200 and "<script>" not in answer.text and "<b>Deshmukh" not in answer.text


# --- the states ------------------------------------------------------------------------------------------------------


def reached(by: Member, status: str) -> ServiceRecord:
    """A record in a state, by the shortest way there."""
    record = make_record(by)
    if status != Status.OPEN:
        services.set_status(record=record, status=status, by=by, at=NOW)
    return record


@pytest.mark.sampled
@pytest.mark.parametrize("start", Status.values)
def test_a_state_leads_where_the_table_says_and_nowhere_else(rekha: Member, start: str) -> None:
    with tenancy.inside(rekha.workspace):
        for end in Status.values:
            record = reached(rekha, start)
            before = ServiceRecord.objects.of(rekha.workspace).get(pk=record.pk)
            if end in MOVES[start]:
                services.set_status(record=record, status=end, by=rekha, at=NOW + timedelta(hours=1))
            elif end != start:
                with pytest.raises(ServiceRefused, match="cannot become"):
                    services.set_status(record=record, status=end, by=rekha, at=NOW + timedelta(hours=1))
            kept = ServiceRecord.objects.of(rekha.workspace).get(pk=record.pk)
            wanted = end if end in MOVES[start] else start
            assert kept.status == wanted, (start, end)
            assert (kept.delivered_at is not None) == (wanted == Status.DELIVERED)
            assert (kept.updated_at > before.updated_at) == (end in MOVES[start])


def test_from_every_state_one_can_come_back_into_work() -> None:
    for start in Status.values:
        seen, todo = {start}, [start]
        while todo:
            for following in MOVES[todo.pop()]:
                if following not in seen:
                    seen.add(following)
                    todo.append(following)
        assert Status.DELIVERED in seen, start


def test_moving_tells_the_ledger_once_and_the_same_state_again_nothing(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        for _again in range(3):
            services.set_status(record=record, status="ready", by=rekha, at=NOW)
        assert LedgerEntry.objects.of(rekha.workspace).filter(event="desk.service_record.moved").count() == 1


#: Delivered on which day, valid for how many months, written down before or not: until when it holds.
VALID: list[tuple[str, int | None, str | None, str | None]] = [
    ("2026-11-21", 12, None, "2027-11-21"), ("2026-01-31", 1, None, "2026-02-28"), ("2028-01-31", 1, None, "2028-02-29"), ("2024-02-29", 12, None, "2025-02-28"),
    ("2024-02-29", 48, None, "2028-02-29"), ("2026-08-31", 6, None, "2027-02-28"), ("2026-11-21", 120, None, "2036-11-21"), ("2026-11-21", None, None, None),
    ("2026-11-21", 12, "2026-12-01", "2026-12-01"), ("2026-12-31", 2, None, "2027-02-28"), ("2026-11-30", 3, None, "2027-02-28"),
]  # fmt: skip


@pytest.mark.parametrize(("day", "months", "written", "wanted"), VALID)
def test_how_long_the_result_holds(
    rekha: Member, day: str, months: int | None, written: str | None, wanted: str | None
) -> None:
    at = datetime.fromisoformat(f"{day}T06:00:00+00:00")
    with tenancy.inside(rekha.workspace):
        service = make_service(rekha.workspace, validity_months=months)
        expires = date.fromisoformat(written) if written else None
        record = make_record(rekha, service=service, expires_on=expires)
        services.set_status(record=record, status="delivered", by=rekha, at=at)
        kept = ServiceRecord.objects.of(rekha.workspace).get(pk=record.pk)
    assert (kept.expires_on and str(kept.expires_on)) == wanted and kept.delivered_at == at


@pytest.mark.parametrize(
    ("start", "months", "wanted"),
    [
        ("2026-01-31", 0, "2026-01-31"),
        ("2026-01-31", 13, "2027-02-28"),
        ("2026-03-31", 11, "2027-02-28"),
        ("2026-12-15", 1, "2027-01-15"),
    ],
)
def test_months_after_keep_the_day_or_the_last(start: str, months: int, wanted: str) -> None:
    assert str(periods.months_after(date.fromisoformat(start), months)) == wanted


def test_taking_a_delivery_back_keeps_the_validity_that_was_reckoned(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, service=make_service(rekha.workspace, validity_months=12))
        services.set_status(record=record, status="delivered", by=rekha, at=NOW)
        services.set_status(record=record, status="ready", by=rekha, at=NOW)
        kept = ServiceRecord.objects.of(rekha.workspace).get(pk=record.pk)
    assert (kept.delivered_at, str(kept.expires_on)) == (None, "2027-11-21")


# --- the same again --------------------------------------------------------------------------------------------------


def test_the_same_again_takes_what_repeats_and_nothing_else(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        service = make_service(rekha.workspace, usual_days=5)
        last = make_record(
            rekha, service=service, fee_paise=30_000, quantity=3, paid_paise=30_000, notes="last year", acknowledgement="A-1", expires_on=TODAY,
            custom={"token": "7"}, papers_vanish=True, follow_up_on=TODAY,
        )  # fmt: skip
        services.tick(record=last, steps=service.steps, documents=service.documents, by=rekha, at=NOW)
        services.set_status(record=last, status="delivered", by=rekha, at=NOW)
        again = services.repeat_last(record=last, by=rekha, at=NOW + timedelta(days=365))
        kept = ServiceRecord.objects.of(rekha.workspace).get(pk=again.pk)
        assert Payment.objects.of(rekha.workspace).count() == 1
    assert (kept.service_id, kept.title, kept.fee_paise, kept.quantity, kept.papers_vanish, kept.contact_id) == (
        service.pk, last.title, 30_000, 3, True, last.contact_id,
    )  # fmt: skip
    assert (kept.paid_paise, kept.notes, kept.acknowledgement, kept.custom, kept.expires_on, kept.follow_up_on) == (
        0,
        "",
        "",
        {},
        None,
        None,
    )
    assert (kept.status, kept.steps_done, kept.documents_seen, kept.repeats_id) == ("open", [], [], last.pk)
    assert kept.number == last.number + 1 and str(kept.due_on) == "2027-11-26"


def test_a_chain_of_repetitions_points_each_to_the_one_before(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        chain = [make_record(rekha)]
        for _each in range(3):
            chain.append(services.repeat_last(record=chain[-1], by=rekha, at=NOW))
        rows = ServiceRecord.objects.of(rekha.workspace).order_by("number")
        assert [row.repeats_id for row in rows] == [None, *(record.pk for record in chain[:-1])]


# --- what else is due ------------------------------------------------------------------------------------------------

ELSE: dict[str, tuple[dict[str, Any], str, bool]] = {
    "in hand": ({}, "open", True), "delivered and paid": ({"paid_paise": 25_000}, "delivered", False), "delivered and owing": ({}, "delivered", True),
    "cancelled and owing": ({}, "cancelled", False), "refused and paid": ({"paid_paise": 25_000}, "refused", False),
    "expired 30 days ago": ({"paid_paise": 25_000, "expires_on": TODAY - timedelta(days=30)}, "delivered", True),
    "expired 31 days ago": ({"paid_paise": 25_000, "expires_on": TODAY - timedelta(days=31)}, "delivered", False),
    "expires in 60 days": ({"paid_paise": 25_000, "expires_on": TODAY + timedelta(days=60)}, "delivered", True),
    "expires in 61 days": ({"paid_paise": 25_000, "expires_on": TODAY + timedelta(days=61)}, "delivered", False),
    "free and delivered": ({"fee_paise": 0}, "delivered", False),
}  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize("case", list(ELSE))
def test_what_else_is_due_for_the_person(rekha: Member, case: str) -> None:
    details, status, is_shown = ELSE[case]
    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha)
        this = make_record(rekha, contact=contact)
        other = make_record(rekha, contact=contact, **details)
        make_record(rekha)  # somebody else's
        if status != "open":
            services.set_status(record=other, status=status, by=rekha, at=NOW)
        found = home.open_for_person(this, rekha, TODAY)
    assert [record.pk for record in found] == ([other.pk] if is_shown else [])


# --- writing it down -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "fee"),
    [
        ({"fee_paise": None}, 25_000),
        ({"fee_paise": None, "quantity": 3}, 75_000),
        ({"fee_paise": 0}, 0),
        ({"fee_paise": 100, "quantity": 3}, 100),
    ],
)
def test_the_fee_is_the_catalogues_times_how_many_unless_it_is_said(
    rekha: Member, wanted: dict[str, Any], fee: int
) -> None:
    with tenancy.inside(rekha.workspace):
        assert make_record(rekha, service=make_service(rekha.workspace), **wanted).fee_paise == fee


@pytest.mark.parametrize("title", ["", "   "])
def test_a_service_without_words_is_refused_and_takes_no_number(rekha: Member, title: str) -> None:
    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha)
        with pytest.raises(ServiceRefused):
            services.create(
                workspace=rekha.workspace, wanted=NewService(service=None, title=title, fee_paise=1), by=rekha, at=NOW, contact=contact
            )  # fmt: skip
        assert make_record(rekha, contact=contact).number == 1


@pytest.mark.parametrize(
    "details", [{"status": "delivered"}, {"paid_paise": 5}, {"number": 9}, {"erased_at": NOW}, {"contact": None}]
)
def test_change_takes_only_what_may_be_changed(rekha: Member, details: dict[str, Any]) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        with pytest.raises(ValueError, match="not details"):
            services.change(record=record, by=rekha, at=NOW, **details)


def test_ticking_counts_only_what_stands_on_the_list(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, service=make_service(rekha.workspace))
        services.tick(record=record, steps=["Submit", "Steal", "Submit"], documents=["<b>"], by=rekha, at=NOW)
        kept = ServiceRecord.objects.of(rekha.workspace).get()
    assert (kept.steps_done, kept.documents_seen) == (["Submit"], [])


def test_the_bin_of_services_holds_thirty_days_and_no_money(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        free, owing = make_record(rekha), make_record(rekha, paid_paise=100)
        services.delete(record=free, by=rekha, at=NOW)
        with pytest.raises(ServiceRefused, match="Money was taken"):
            services.delete(record=owing, by=rekha, at=NOW)
        assert services.purge(rekha.workspace_id, at=NOW + timedelta(days=30)) == 0
        assert services.purge(rekha.workspace_id, at=NOW + timedelta(days=30, seconds=1)) == 1
        assert [row.pk for row in ServiceRecord.objects.of(rekha.workspace)] == [owing.pk]
        assert listing.rows(rekha, listing.Filters(view="bin"), today=TODAY).count() == 0
