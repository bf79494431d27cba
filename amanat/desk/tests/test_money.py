"""Money in parts, against a plain sum: what is owed, what is refused, what the books of the month say."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tally, tenancy
from amanat.core.models import LedgerEntry
from amanat.desk import home, listing, payments, services
from amanat.desk.models import Payment, ServiceRecord
from amanat.desk.payments import BalanceChanged, NewPayment, OverPayment, PaymentRefused
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record
from amanat.people.models import Interaction

pytestmark = pytest.mark.django_db
METHODS = list(Payment.Method.values)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def fresh(record: ServiceRecord) -> ServiceRecord:
    found: ServiceRecord = ServiceRecord.objects.of(record.workspace_id).get(pk=record.pk)
    return found


def collected(by: Member, day: date = TODAY) -> int:
    return tally.count(payments.collected_key(day), workspace=by.workspace)


# --- parts -----------------------------------------------------------------------------------------------------------

PARTS: dict[str, tuple[int, list[int], list[int]]] = {
    # the fee, what is offered one after the other, what is owed after each (unchanged when refused)
    "all at once": (25_000, [25_000], [0]),
    "two halves": (25_000, [12_500, 12_500], [12_500, 0]),
    "odd paise": (10_001, [3_333, 3_334, 3_334], [6_668, 3_334, 0]),
    "one paisa": (1, [1], [0]),
    "one paisa too much": (25_000, [25_001], [25_000]),
    "too much at the end": (25_000, [20_000, 5_001, 5_000], [5_000, 5_000, 0]),
    "nothing owed any more": (100, [100, 1], [0, 0]),
    "free of charge": (0, [1], [0]),
    "a crore": (1_000_000_000, [999_999_999, 1], [1, 0]),
    "not less than nothing": (100, [0, -5, 100], [100, 100, 0]),
}  # fmt: skip


@pytest.mark.parametrize("name", list(PARTS))
def test_parts_are_taken_until_the_fee_is_paid(rekha: Member, name: str) -> None:
    fee, offered, owed_after = PARTS[name]
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, fee_paise=fee)
        taken = 0
        for amount, owed in zip(offered, owed_after, strict=True):
            try:
                payments.take(record=record, payment=NewPayment(amount, "cash"), by=rekha, at=NOW)
                taken += amount
            except PaymentRefused:
                assert amount <= 0 or amount > fresh(record).balance_paise
            kept = fresh(record)
            assert (kept.balance_paise, kept.paid_paise) == (owed, taken)
        assert collected(rekha) == taken
        assert sum(Payment.objects.of(rekha.workspace).values_list("amount_paise", flat=True)) == taken


@pytest.mark.parametrize("seed", range(6))
def test_any_course_of_taking_and_cancelling_keeps_every_sum(rekha: Member, seed: int) -> None:
    rng = random.Random(seed)
    with tenancy.inside(rekha.workspace):
        records = [make_record(rekha, fee_paise=rng.choice([1_000, 25_000, 99_999])) for _each in range(2)]
        model: dict[Any, list[int]] = {record.pk: [] for record in records}
        for _step in range(12):
            record = rng.choice(records)
            held = model[record.pk]
            if rng.random() < 0.35 and held:
                counting = list(Payment.objects.of(rekha.workspace).filter(record=record, cancelled_at__isnull=True))
                gone = rng.choice(counting)
                payments.cancel(payment=gone, by=rekha, at=NOW, reason="mistake")
                held.remove(gone.amount_paise)
            else:
                amount, owed = rng.randint(1, 30_000), record.fee_paise - sum(held)
                wanted = NewPayment(amount, rng.choice(METHODS))
                if amount > owed:
                    with pytest.raises(OverPayment):
                        payments.take(record=record, payment=wanted, by=rekha, at=NOW)
                else:
                    payments.take(record=record, payment=wanted, by=rekha, at=NOW)
                    held.append(amount)
        for record in records:
            kept = fresh(record)
            assert (kept.paid_paise, kept.balance_paise) == (
                sum(model[record.pk]),
                record.fee_paise - sum(model[record.pk]),
            )
        assert collected(rekha) == sum(sum(held) for held in model.values())
        figures = home.overview(rekha, TODAY).figures
        owed = sum(record.fee_paise - sum(model[record.pk]) for record in records)
        assert figures is not None and figures.unpaid_paise == owed


@pytest.mark.sampled
@pytest.mark.parametrize("reference", ["", "4412", "UPI/2026/991", "चेक क्र. ५", "<b>x</b>", "  spaced  out "])
def test_each_way_of_paying_keeps_its_reference(rekha: Member, reference: str) -> None:
    browser, plain = signed_in(rekha), " ".join(reference.split())
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        for method in METHODS:
            payments.take(record=record, payment=NewPayment(100, method, reference), by=rekha, at=NOW)
        kept = Payment.objects.of(rekha.workspace).order_by("id").values_list("method", "reference")
        assert list(kept) == [(method, plain) for method in METHODS]
    page = browser.get(f"/services/{record.pk}/").text
    assert "<b>x</b>" not in page and ("<" in plain or page.count(plain) >= len(METHODS) * bool(plain))


def test_a_reference_is_cut_to_what_the_column_holds(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        payments.take(record=make_record(rekha), payment=NewPayment(100, "upi", "9" * 200), by=rekha, at=NOW)
        assert Payment.objects.of(rekha.workspace).get().reference == "9" * 60


@pytest.mark.parametrize("method", ["", "cheque", "CASH", "upi ", "card'--"])
def test_an_unknown_way_of_paying_is_refused(rekha: Member, method: str) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        with pytest.raises(PaymentRefused, match="how the money came"):
            payments.take(record=record, payment=NewPayment(100, method), by=rekha, at=NOW)
        assert fresh(record).paid_paise == 0 and collected(rekha) == 0


DAYS = {
    "today when none is said": (None, TODAY), "yesterday": (TODAY - timedelta(days=1), TODAY - timedelta(days=1)),
    "last month": (date(2026, 10, 31), date(2026, 10, 31)), "last year": (date(2025, 12, 31), date(2025, 12, 31)),
}  # fmt: skip


@pytest.mark.parametrize("name", list(DAYS))
def test_money_counts_in_the_month_of_its_day(rekha: Member, name: str) -> None:
    said, counted = DAYS[name]
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        taken = payments.take(record=record, payment=NewPayment(700, "cash", paid_on=said), by=rekha, at=NOW)
        assert (taken.paid_on, collected(rekha, counted)) == (counted, 700)
        payments.cancel(payment=taken, by=rekha, at=NOW + timedelta(days=40), reason="given back")
        assert collected(rekha, counted) == 0
        assert collected(rekha, TODAY + timedelta(days=40)) == 0, (
            "a cancelled payment leaves the month it was counted in"
        )


def test_the_day_is_that_of_the_shop_not_of_greenwich(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        late = NOW.replace(hour=19, minute=0)  # half past midnight in Nashik
        taken = payments.take(record=record, payment=NewPayment(100, "cash"), by=rekha, at=late)
    assert taken.paid_on == TODAY + timedelta(days=1)


# --- giving money back -----------------------------------------------------------------------------------------------


def test_money_given_back_is_a_cancelled_payment_with_its_reason(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, paid_paise=25_000)
        [taken] = Payment.objects.of(rekha.workspace)
        payments.cancel(payment=taken, by=rekha, at=NOW, reason="  given\x00 back\n in cash ")
        kept = Payment.objects.of(rekha.workspace).get()
        assert (kept.amount_paise, kept.cancelled_at, kept.cancelled_by_id, kept.cancel_reason) == (
            25_000, NOW, rekha.pk, "given back in cash",
        )  # fmt: skip
        assert fresh(record).balance_paise == 25_000
        told = Interaction.objects.of(rekha.workspace).filter(kind="payment").order_by("-id").first()
        assert told is not None and "cancelled" in told.summary
        entry = LedgerEntry.objects.of(rekha.workspace).get(event="desk.payment.cancelled")
        assert entry.facts == {"payment": str(taken.pk), "amount_paise": 25_000}


@pytest.mark.parametrize("reason", ["", "   ", "\n", "\x00"])
def test_no_payment_is_cancelled_without_a_reason(rekha: Member, reason: str) -> None:
    with tenancy.inside(rekha.workspace):
        make_record(rekha, paid_paise=100)
        [taken] = Payment.objects.of(rekha.workspace)
        with pytest.raises(PaymentRefused, match="why"):
            payments.cancel(payment=taken, by=rekha, at=NOW, reason=reason)
        assert Payment.objects.of(rekha.workspace).get().cancelled_at is None


def test_what_was_given_back_can_be_paid_again(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, paid_paise=25_000)
        [taken] = Payment.objects.of(rekha.workspace)
        payments.cancel(payment=taken, by=rekha, at=NOW, reason="wrong note")
        payments.take(record=record, payment=NewPayment(25_000, "upi"), by=rekha, at=NOW)
        assert (fresh(record).balance_paise, collected(rekha)) == (0, 25_000)


def test_cancelling_twice_gives_back_once(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, paid_paise=10_000)
        [taken] = Payment.objects.of(rekha.workspace)
        for reason in ("first", "second"):
            payments.cancel(payment=taken, by=rekha, at=NOW, reason=reason)
        assert (fresh(record).paid_paise, collected(rekha)) == (0, 0)
        assert Payment.objects.of(rekha.workspace).get().cancel_reason == "first"


# --- two counters ----------------------------------------------------------------------------------------------------


def test_a_form_that_showed_another_balance_takes_nothing(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, fee_paise=10_000)
        seen = record.fee_paise
        payments.take(record=record, payment=NewPayment(4_000, "cash", expected_balance_paise=seen), by=rekha, at=NOW)
        with pytest.raises(BalanceChanged, match="60"):
            payments.take(
                record=record, payment=NewPayment(4_000, "cash", expected_balance_paise=seen), by=rekha, at=NOW
            )
        assert fresh(record).paid_paise == 4_000


def test_the_same_id_is_the_same_payment_whatever_else_it_says(rekha: Member) -> None:
    key = uuid4()
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, fee_paise=10_000)
        first = payments.take(record=record, payment=NewPayment(4_000, "cash", id=key), by=rekha, at=NOW)
        again = payments.take(record=record, payment=NewPayment(9_000, "upi", id=key), by=rekha, at=NOW)
        assert (first.pk, again.pk, again.amount_paise, fresh(record).paid_paise) == (key, key, 4_000, 4_000)


def test_the_id_of_another_records_payment_is_refused(rekha: Member) -> None:
    key = uuid4()
    with tenancy.inside(rekha.workspace):
        one, two = make_record(rekha), make_record(rekha)
        payments.take(record=one, payment=NewPayment(100, "cash", id=key), by=rekha, at=NOW)
        with pytest.raises(PaymentRefused, match="another record"):
            payments.take(record=two, payment=NewPayment(100, "cash", id=key), by=rekha, at=NOW)
        assert fresh(two).paid_paise == 0


@pytest.mark.parametrize("state", ["cancelled", "binned"])
def test_no_money_is_taken_for_what_is_not_done(rekha: Member, state: str) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        if state == "cancelled":
            services.set_status(record=record, status="cancelled", by=rekha, at=NOW)
        else:
            services.delete(record=record, by=rekha, at=NOW)
        with pytest.raises(PaymentRefused):
            payments.take(record=record, payment=NewPayment(100, "cash"), by=rekha, at=NOW)
        assert not Payment.objects.of(rekha.workspace).exists()


@pytest.mark.parametrize(
    ("column", "value", "name"),
    [
        ("paid_paise", 25_001, "never_overpaid"),
        ("paid_paise", -1, "never_overpaid"),
        ("fee_paise", -1, "fee_is_not_negative"),
    ],
)
def test_the_database_itself_keeps_the_sums_possible(rekha: Member, column: str, value: int, name: str) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        with pytest.raises(IntegrityError, match=f"{name}|never_overpaid"), transaction.atomic():
            ServiceRecord.objects.of(rekha.workspace).filter(pk=record.pk).update(**{column: value})


@pytest.mark.parametrize("amount", [0, -1])
def test_the_database_itself_refuses_a_payment_of_nothing(rekha: Member, amount: int) -> None:
    with tenancy.inside(rekha.workspace):
        make_record(rekha, paid_paise=100)
        with pytest.raises(IntegrityError, match="payment_is_positive"), transaction.atomic():
            Payment.objects.of(rekha.workspace).update(amount_paise=amount)


# --- what is owed, shown ---------------------------------------------------------------------------------------------

#: By fee, paid, state: whether it stands among the unpaid, and what the list says of it.
OWED: list[tuple[int, int, str, bool, str]] = [
    (25_000, 0, "open", True, "₹\xa0250"), (25_000, 10_000, "open", True, "₹\xa0150"), (25_000, 24_999, "ready", True, "₹\xa00.01"),
    (25_000, 25_000, "open", False, "paid"), (25_000, 0, "delivered", True, "₹\xa0250"), (25_000, 0, "refused", True, "₹\xa0250"),
    (25_000, 0, "cancelled", False, "₹\xa0250"), (0, 0, "open", False, "paid"), (12_34_56_789, 0, "open", True, "₹\xa012,34,567.89"),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("fee", "paid", "status", "is_unpaid", "shown"), OWED)
def test_what_is_owed_stands_where_it_should(  # noqa: PLR0917
    rekha: Member, fee: int, paid: int, status: str, is_unpaid: bool, shown: str
) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, fee_paise=fee, paid_paise=paid)
        if status in {"delivered", "refused", "ready", "cancelled"}:
            services.set_status(record=record, status=status, by=rekha, at=NOW)
        rows = listing.rows(rekha, listing.Filters(view="unpaid"), today=TODAY)
        overview = home.overview(rekha, TODAY)
        assert rows.filter(pk=record.pk).exists() == is_unpaid
        assert [row.id for row in overview.unpaid] == ([record.pk] if is_unpaid else [])
        assert overview.figures is not None
        assert overview.figures.unpaid_paise == (fee - paid if is_unpaid else 0)
    page = signed_in(rekha).get("/services/?view=all&columns=balance").text
    assert f">{shown}</td>" in page


#: By days until it is due and state: late, due in the view, neither.
DUE: list[tuple[int | None, str, bool, bool]] = [
    (-1, "open", True, True), (0, "open", False, True), (1, "open", False, False), (None, "open", False, False), (-400, "waiting", True, True),
    (-1, "submitted", True, True), (-1, "ready", True, True), (-1, "delivered", False, False), (-1, "refused", False, False), (-1, "cancelled", False, False),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("days", "status", "is_late", "is_due"), DUE)
def test_late_is_what_is_in_hand_after_its_day(
    rekha: Member, days: int | None, status: str, is_late: bool, is_due: bool
) -> None:
    due_on = None if days is None else TODAY + timedelta(days=days)
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, due_on=due_on)
        if status != "open":
            services.set_status(record=record, status=status, by=rekha, at=NOW)
        assert listing.rows(rekha, listing.Filters(view="due"), today=TODAY).exists() == is_due
        assert bool(home.overview(rekha, TODAY).records) == is_due
    page = signed_in(rekha).get("/services/?view=all&columns=due").text
    assert ("tag-red" in page.split("<tbody>")[1]) == is_late


# --- by hand ---------------------------------------------------------------------------------------------------------

WRONG_FORMS: list[tuple[dict[str, str], str]] = [
    ({"amount": ""}, "required"), ({"amount": "many"}, ""), ({"amount": "-5"}, ""), ({"amount": "0"}, "more than zero"),
    ({"amount": "250.01"}, "250"), ({"amount": "1.234"}, ""), ({"method": "cheque"}, "valid choice"), ({"paid_on": "2026-11-22"}, "not come yet"),
    ({"paid_on": "soon"}, "valid date"), ({"reference": "9" * 61}, "60"), ({"once": "x"}, ""), ({"seen": "1"}, "Meanwhile"),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("changed", "words"), WRONG_FORMS)
def test_a_wrong_form_is_told_and_takes_no_money(rekha: Member, changed: dict[str, str], words: str) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
    asked = {"amount": "250", "method": "cash", "reference": "", "paid_on": ""} | changed
    answer = signed_in(rekha).post(f"/services/{record.pk}/payments/", asked)
    assert answer.status_code == 422 and words in answer.text
    assert "field-error" in answer.text or "once" in changed  # a hidden field has no place of its own
    with tenancy.inside(rekha.workspace):
        assert (
            fresh(record).paid_paise == 0 and not Payment.objects.of(rekha.workspace).exists() and collected(rekha) == 0
        )


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("typed", "paise"),
    [
        ("250", 25_000),
        ("1", 100),
        ("0.01", 1),
        ("₹ 250", 25_000),
        ("2,50", None),
        ("199.5", 19_950),
        (" 250.00 ", 25_000),
        ("२५०", 25_000),
    ],
)
def test_amounts_are_read_as_people_write_them(rekha: Member, typed: str, paise: int | None) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
    answer = signed_in(rekha).post(f"/services/{record.pk}/payments/", {"amount": typed, "method": "cash"})
    with tenancy.inside(rekha.workspace):
        taken = list(Payment.objects.of(rekha.workspace).values_list("amount_paise", flat=True))
    assert (answer.status_code, taken) == ((303, [paise]) if paise else (422, []))


MAY = {Role.OWNER: (303, 303), Role.MANAGER: (303, 303), Role.AGENT: (303, 403), Role.AUDITOR: (403, 403)}


@pytest.mark.parametrize("role", list(MAY))
def test_each_role_takes_and_cancels_what_it_may(rekha: Member, role: Role) -> None:
    member = rekha if role == Role.OWNER else make_member(rekha.workspace, role)
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, paid_paise=100)
        [paid] = Payment.objects.of(rekha.workspace)
    browser, (take, cancel) = signed_in(member), MAY[role]
    assert browser.post(f"/services/{record.pk}/payments/", {"amount": "1", "method": "cash"}).status_code == take
    assert browser.post(f"/payments/{paid.pk}/cancel/", {"reason": "mistake"}).status_code == cancel
    with tenancy.inside(rekha.workspace):
        counted = Payment.objects.of(rekha.workspace).filter(cancelled_at__isnull=True).count()
        assert counted == 1 + (take == 303) - (cancel == 303)


@pytest.mark.slow
def test_taking_money_costs_the_same_for_the_first_and_the_tenth_part(rekha: Member) -> None:
    from amanat.desk.tests.test_pages import statements

    browser = signed_in(rekha)
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha, fee_paise=100_000)
    counts = [
        statements(browser, f"/services/{record.pk}/payments/", {"amount": "1", "method": "cash"})
        for _each in range(10)
    ]
    assert counts[1:] == [counts[1]] * 9 and counts[1] <= 13


def test_a_contacts_page_sums_up_nothing_wrong(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha)
        make_record(rekha, contact=contact, paid_paise=10_000)
        make_record(rekha, contact=contact, paid_paise=25_000)
    page = signed_in(rekha).get(f"/contacts/{contact.pk}/").text
    assert "₹\xa0150 due" in page and "₹\xa0250 paid" in page
