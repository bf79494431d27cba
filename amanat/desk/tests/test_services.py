from __future__ import annotations

import threading
from datetime import date, timedelta

import pytest
from django.db import connections
from django.utils import translation

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import tenancy
from amanat.core.models import LedgerEntry
from amanat.desk import payments, services
from amanat.desk.models import Payment, ServiceRecord
from amanat.desk.payments import NewPayment, OverPayment
from amanat.desk.services import MOVES, NewService, ServiceRefused
from amanat.desk.tests.factories import NOW, make_contact, make_record, make_service
from amanat.people import search, timeline
from amanat.people.models import BIN, Interaction

Status = ServiceRecord.Status


def test_create_takes_fee_lists_and_due_day_from_the_catalogue(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        service = make_service(shree, usual_days=15, papers_vanish=True)
        record = make_record(rekha, service=service, quantity=2)
        kept = ServiceRecord.objects.of(shree).get()
        assert (kept.title, kept.fee_paise, kept.quantity) == ("PAN correction", 50_000, 2)
        assert (kept.steps, kept.documents) == (["Fill the form", "Submit"], ["Aadhaar card"])
        assert kept.due_on == date(2026, 12, 6)
        assert kept.papers_vanish
        assert (kept.number, kept.balance_paise, kept.owner_id) == (1, 50_000, rekha.pk)
        assert record.pk == kept.pk


def test_create_with_part_payment_tells_the_timeline_and_the_ledger(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha, paid_paise=10_000)
        assert list(Payment.objects.of(shree).values_list("amount_paise", "method")) == [(10_000, "cash")]
        assert ServiceRecord.objects.of(shree).get().balance_paise == 15_000
        told = Interaction.objects.of(shree).get(reference_id=record.pk)
        assert (told.kind, told.summary) == ("service", "PAN correction begun, ₹ 100 paid")
        entry = LedgerEntry.objects.of(shree).get(event="desk.service_record.created")
        assert (entry.about, entry.facts) == (record.pk, {"fee_paise": 25_000, "paid_paise": 10_000})


def test_create_refuses_more_money_than_the_fee_and_keeps_nothing(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        with pytest.raises(OverPayment, match="Only ₹ 250 is owed"):
            make_record(rekha, paid_paise=25_001)
        assert not ServiceRecord.objects.of(shree).exists()


def test_create_refuses_a_record_about_nobody_or_nothing(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        with pytest.raises(ServiceRefused):
            services.create(workspace=shree, wanted=NewService(None, title="PAN"), by=rekha, at=NOW)
        with pytest.raises(ServiceRefused):
            make_record(rekha, title="")


def test_found_by_title_person_number_and_acknowledgement(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha, contact=make_contact(rekha, "Farhana Khan"), acknowledgement="8841 2290 1207")
        make_record(rekha, title="Passport", contact=make_contact(rekha, "Arjun Mehta"))
        for asked in ("pan correction", "farhana pan", "884122901207", "88412290"):
            assert [hit.id for hit in search.find(asked, member=rekha, kinds=["service"])] == [record.pk], asked


@pytest.mark.parametrize("start", Status.values)
@pytest.mark.parametrize("end", Status.values)
def test_only_written_moves_are_possible(shree: Workspace, start: str, end: str) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
        ServiceRecord.objects.of(shree).update(status=start)
        if end == start or end in MOVES[start]:
            services.set_status(record=record, status=end, by=rekha, at=NOW)
            assert ServiceRecord.objects.of(shree).get().status == end
        else:
            with pytest.raises(ServiceRefused):
                services.set_status(record=record, status=end, by=rekha, at=NOW)
            assert ServiceRecord.objects.of(shree).get().status == start


def test_delivering_reckons_expiry_by_the_month_end_rule(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha, service=make_service(shree, validity_months=1))
        delivered = NOW.replace(month=1, day=31, year=2028)
        services.set_status(record=record, status=Status.DELIVERED, by=rekha, at=delivered)
        kept = ServiceRecord.objects.of(shree).get()
        assert (kept.expires_on, kept.delivered_at) == (date(2028, 2, 29), delivered)


def test_delivering_keeps_an_expiry_that_was_written_down(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha, service=make_service(shree, validity_months=12), expires_on=date(2027, 3, 1))
        services.set_status(record=record, status=Status.DELIVERED, by=rekha, at=NOW)
        assert ServiceRecord.objects.of(shree).get().expires_on == date(2027, 3, 1)


def test_day_of_delivery_is_the_workspaces_own(shree: Workspace) -> None:
    rekha = owner_of(shree)
    late = NOW.replace(day=30, hour=19)  # half past midnight of 1 December in Nashik
    with tenancy.inside(shree):
        record = make_record(rekha, service=make_service(shree, validity_months=12))
        services.set_status(record=record, status=Status.DELIVERED, by=rekha, at=late)
        assert ServiceRecord.objects.of(shree).get().expires_on == date(2027, 12, 1)


def test_delivered_by_mistake_goes_back_to_ready(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
        services.set_status(record=record, status=Status.DELIVERED, by=rekha, at=NOW)
        services.set_status(record=record, status=Status.READY, by=rekha, at=NOW)
        assert ServiceRecord.objects.of(shree).get().delivered_at is None


def test_submitting_takes_the_acknowledgement_and_it_is_found(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
        services.set_status(record=record, status=Status.SUBMITTED, by=rekha, at=NOW, acknowledgement=" N-2290 ")
        assert record.acknowledgement == "N-2290"
        assert [hit.id for hit in search.find("2290", member=rekha)] == [record.pk]


def test_change_refuses_a_fee_below_what_is_paid(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha, paid_paise=20_000)
        with pytest.raises(ServiceRefused, match="₹ 200 is paid already"):
            services.change(record=record, by=rekha, at=NOW, fee_paise=19_999)
        services.change(record=record, by=rekha, at=NOW, fee_paise=20_000, notes="less")
        assert ServiceRecord.objects.of(shree).get().balance_paise == 0
        assert LedgerEntry.objects.of(shree).get(event="desk.service_record.changed").facts == {
            "fields": ["fee_paise", "notes"]
        }


def test_repeat_last_is_the_same_again_unpaid_and_unticked(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha, service=make_service(shree), fee_paise=30_000, paid_paise=30_000)
        services.tick(record=record, steps=["Submit", "unknown"], documents=[], by=rekha, at=NOW)
        assert record.steps_done == ["Submit"]
        again = services.repeat_last(record=record, by=rekha, at=NOW)
        kept = ServiceRecord.objects.of(shree).get(pk=again.pk)
        assert (kept.title, kept.fee_paise, kept.paid_paise, kept.steps_done) == ("PAN correction", 30_000, 0, [])
        assert (kept.contact_id, kept.repeats_id, kept.number) == (record.contact_id, record.pk, 2)


def test_delete_waits_in_the_bin_and_comes_back(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
        services.delete(record=record, by=rekha, at=NOW)
        assert not ServiceRecord.objects.of(shree).alive().exists()
        assert search.find("pan correction", member=rekha, kinds=["service"]) == []
        services.restore(record=record, by=rekha, at=NOW)
        assert ServiceRecord.objects.of(shree).alive().count() == 1
        assert [hit.id for hit in search.find("pan correction", member=rekha, kinds=["service"])] == [record.pk]


def test_delete_refuses_while_money_counts(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha, paid_paise=1_000)
        with pytest.raises(ServiceRefused, match="Cancel its payments first"):
            services.delete(record=record, by=rekha, at=NOW)
        payments.cancel(payment=Payment.objects.of(shree).get(), by=rekha, at=NOW, reason="wrong person")
        services.delete(record=record, by=rekha, at=NOW)
        assert ServiceRecord.objects.of(shree).get().deleted_at == NOW


def test_purge_takes_only_what_lay_thirty_days(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        old, young, kept = make_record(rekha), make_record(rekha), make_record(rekha)
        services.delete(record=old, by=rekha, at=NOW - BIN - timedelta(seconds=1))
        services.delete(record=young, by=rekha, at=NOW - timedelta(days=29))
        assert services.purge(shree.pk, at=NOW) == 1
        assert {record.pk for record in ServiceRecord.objects.of(shree)} == {young.pk, kept.pk}
        assert not Interaction.objects.of(shree).filter(reference_id=old.pk).exists()


def test_numbers_have_no_gap_after_a_refused_record(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        contact = make_contact(rekha)
        make_record(rekha, contact=contact)
    with pytest.raises(RuntimeError), tenancy.inside(shree):
        make_record(rekha, contact=contact)
        raise RuntimeError
    with tenancy.inside(shree):
        make_record(rekha, contact=contact)
        assert sorted(ServiceRecord.objects.of(shree).values_list("number", flat=True)) == [1, 2]


def test_numbers_are_given_once_to_parallel_counters(committed: Workspace) -> None:
    shree = committed
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        contact = make_contact(rekha)

    def work() -> None:
        try:
            for _ in range(3):
                with tenancy.inside(shree):
                    make_record(rekha, contact=contact)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with tenancy.inside(shree):
        assert sorted(ServiceRecord.objects.of(shree).values_list("number", flat=True)) == list(range(1, 13))


def test_member_of_a_team_sees_her_people_and_her_work_only(shree: Workspace) -> None:
    rekha = owner_of(shree)
    prakash = make_member(shree, Role.AGENT, sees="team")
    prakash.team_ids = []
    with tenancy.inside(shree):
        hers = make_record(rekha, contact=make_contact(rekha, "Arjun", owner=prakash.pk))
        given = make_record(rekha, owner=prakash)
        make_record(rekha)
        seen = ServiceRecord.objects.of(shree).visible_to(prakash)
        assert {record.pk for record in seen} == {hers.pk, given.pk}
        assert ServiceRecord.objects.of(shree).visible_to(rekha).count() == 3


def test_lines_of_a_service_are_told_in_the_language_of_their_reader(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree), translation.override("hi"):
        record = make_record(rekha, title="PAN", paid_paise=10_000)
        services.set_status(record=record, status="delivered", by=rekha, at=NOW)
        payments.take(record=record, payment=NewPayment(15_000, "bank"), by=rekha, at=NOW)
        lines = timeline.of(record.contact)
    with translation.override("en"):
        told = [" ".join(timeline.summary_of(line).split()) for line in lines]
    assert {"PAN begun, ₹ 100 paid", "PAN: delivered", "₹ 150 paid by Bank transfer"} <= set(told)
