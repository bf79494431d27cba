from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import IntegrityError, connections, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import ids, tally, tenancy
from amanat.core.models import LedgerEntry
from amanat.desk import payments, services
from amanat.desk.models import Payment, ServiceRecord
from amanat.desk.payments import BalanceChanged, NewPayment, OverPayment, PaymentRefused
from amanat.desk.tests.factories import NOW, make_contact, make_record
from amanat.people.models import Interaction


def balance(workspace: Workspace) -> int:
    return ServiceRecord.objects.of(workspace).get().balance_paise


def test_parts_add_up_to_the_fee(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
        payments.take(record=record, payment=NewPayment(10_000, "cash"), by=rekha, at=NOW)
        payments.take(record=record, payment=NewPayment(15_000, "upi", " 4412 "), by=rekha, at=NOW)
        assert (record.paid_paise, record.balance_paise, balance(shree)) == (25_000, 0, 0)
        assert [payment.reference for payment in Payment.objects.of(shree).order_by("id")] == ["", "4412"]
        told = Interaction.objects.of(shree).filter(kind="payment").order_by("id")
        assert [line.summary for line in told] == ["₹ 100 paid by Cash", "₹ 150 paid by UPI"]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (NewPayment(25_001, "cash"), "Only ₹ 250 is owed"),
        (NewPayment(0, "cash"), "more than zero"),
        (NewPayment(-5, "cash"), "more than zero"),
        (NewPayment(100, "cheque"), "how the money came"),
    ],
)
def test_take_refuses_in_words_and_keeps_nothing(shree: Workspace, wanted: NewPayment, message: str) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
        with pytest.raises(PaymentRefused, match=message):
            payments.take(record=record, payment=wanted, by=rekha, at=NOW)
        assert (Payment.objects.of(shree).count(), balance(shree)) == (0, 25_000)


def test_take_refuses_for_a_cancelled_service(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
        services.set_status(record=record, status="cancelled", by=rekha, at=NOW)
        with pytest.raises(PaymentRefused, match="was cancelled"):
            payments.take(record=record, payment=NewPayment(100, "cash"), by=rekha, at=NOW)


def test_the_same_form_sent_twice_counts_once(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
        wanted = NewPayment(10_000, "cash", id=ids.new())
        first = payments.take(record=record, payment=wanted, by=rekha, at=NOW)
        second = payments.take(record=record, payment=wanted, by=rekha, at=NOW)
        assert first.pk == second.pk
        assert balance(shree) == 15_000


def test_a_page_that_is_out_of_date_takes_nothing(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
        payments.take(record=record, payment=NewPayment(10_000, "cash"), by=rekha, at=NOW)
        late = NewPayment(10_000, "cash", expected_balance_paise=25_000)
        with pytest.raises(BalanceChanged, match="₹ 150 is owed now"):
            payments.take(record=record, payment=late, by=rekha, at=NOW)
        assert balance(shree) == 15_000


def test_cancel_keeps_the_row_with_who_and_why(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        make_record(rekha, paid_paise=10_000)
        payment = Payment.objects.of(shree).get()
        with pytest.raises(PaymentRefused, match="Write why"):
            payments.cancel(payment=payment, by=rekha, at=NOW, reason="  ")
        payments.cancel(payment=payment, by=rekha, at=NOW, reason="given back")
        payments.cancel(payment=payment, by=rekha, at=NOW, reason="again")
        kept = Payment.objects.of(shree).get()
        assert (kept.cancelled_by_id, kept.cancelled_at, kept.cancel_reason) == (rekha.pk, NOW, "given back")
        assert balance(shree) == 25_000
        assert LedgerEntry.objects.of(shree).filter(event="desk.payment.cancelled").count() == 1


def test_kept_sum_of_the_month_follows_takes_and_cancels(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha, paid_paise=10_000)
        payments.take(record=record, payment=NewPayment(5_000, "upi"), by=rekha, at=NOW)
        assert tally.count("collected:2026-11", workspace=shree) == 15_000
        first = Payment.objects.of(shree).order_by("id").first()
        assert first is not None
        payments.cancel(payment=first, by=rekha, at=NOW, reason="mistake")
        assert tally.count("collected:2026-11", workspace=shree) == 5_000


def test_database_itself_refuses_an_overpaid_record(shree: Workspace) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        make_record(rekha)
        with pytest.raises(IntegrityError, match="never_overpaid"), transaction.atomic():
            ServiceRecord.objects.of(shree).update(paid_paise=25_001)


@pytest.mark.slow
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=st.lists(
        st.tuples(st.sampled_from(["take", "cancel"]), st.integers(min_value=-10, max_value=12_000)), max_size=12
    )
)
def test_balance_is_fee_minus_counted_payments_in_any_order(shree: Workspace, acts: list[Any]) -> None:
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha)
        for act, value in acts:
            held = list(Payment.objects.of(shree).filter(record=record).order_by("id"))
            try:
                if act == "take":
                    payments.take(record=record, payment=NewPayment(value, "cash"), by=rekha, at=NOW)
                elif held:
                    payments.cancel(payment=held[value % len(held)], by=rekha, at=NOW, reason="x")
            except PaymentRefused:
                pass
            counted = Payment.objects.of(shree).filter(record=record, cancelled_at__isnull=True)
            total = sum(counted.values_list("amount_paise", flat=True))
            kept = ServiceRecord.objects.of(shree).get(pk=record.pk)
            assert (kept.paid_paise, kept.balance_paise) == (total, 25_000 - total)
            assert 0 <= total <= 25_000


def test_two_who_take_the_whole_fee_at_once_take_it_once(committed: Workspace) -> None:
    shree = committed
    rekha = owner_of(shree)
    with tenancy.inside(shree):
        record = make_record(rekha, contact=make_contact(rekha))
    start = threading.Barrier(4)
    results: list[str] = []

    def pay() -> None:
        try:
            start.wait()
            with tenancy.inside(shree):
                mine = ServiceRecord.objects.of(shree).get(pk=record.pk)
                payments.take(record=mine, payment=NewPayment(25_000, "cash"), by=rekha, at=NOW)
            results.append("taken")
        except OverPayment:
            results.append("refused")
        finally:
            connections.close_all()

    threads = [threading.Thread(target=pay) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == ["refused", "refused", "refused", "taken"]
    with tenancy.inside(shree):
        kept = ServiceRecord.objects.of(shree).get()
        assert (kept.paid_paise, Payment.objects.of(shree).count()) == (25_000, 1)
