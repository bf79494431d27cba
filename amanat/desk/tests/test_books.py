"""The books stay, the person goes: what a purge leaves of services, and that it can never grow into a person again."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import translation

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tally, tenancy
from amanat.core.models_files import StoredFile
from amanat.desk import agenda, home, listing, papers, payments, receipts, searching, services, todo
from amanat.desk.models import Paper, PaperOpening, Payment, ServiceRecord, Task
from amanat.desk.papers import PaperRefused
from amanat.desk.payments import NewPayment, PaymentRefused
from amanat.desk.services import NewService, ServiceRefused
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record, make_service, make_task
from amanat.people import bin as bins
from amanat.people import companies, contacts, custom_fields, merging, search
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import CompanyDraft, ContactDraft
from amanat.people.models import Company, Contact, Interaction, Merge, SearchEntry

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(days=31)
#: Words that lead to the person; none may be left anywhere.
TRACES = (
    "Sunita",
    "Deshmukh",
    "98220",
    "ACK-77",
    "UPI-REF-5",
    "Aadhaar of",
    "secret note",
    "Token 7",
    "for Sunita's son",
)


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


@dataclass
class Shop:
    """A shop that has done much for Sunita, who asks to be forgotten."""

    rekha: Member
    sunita: Contact
    paid: ServiceRecord
    unpaid: ServiceRecord
    free: ServiceRecord
    cancelled_payment: ServiceRecord
    binned: ServiceRecord

    @property
    def here(self) -> Workspace:
        return self.rekha.workspace


@pytest.fixture
def shop(rekha: Member) -> Shop:
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        one = custom_fields.add(
            workspace=rekha.workspace, by=rekha, at=NOW, draft=FieldDraft(label="Token", kind="text", on="service")
        )
        sunita = make_contact(rekha, "Sunita Deshmukh", phone="9822041736")
        pan = make_service(rekha.workspace, "PAN correction", fee_paise=25_000)
        days = {"due_on": TODAY, "expires_on": TODAY + timedelta(days=9), "follow_up_on": TODAY + timedelta(days=1)}
        paid = make_record(
            rekha, contact=sunita, service=pan, title="PAN for Sunita's son", notes="secret note", acknowledgement="ACK-77",
            custom={one.key: "Token 7"}, papers_vanish=True, quantity=2, **days,
        )  # fmt: skip
        payments.take(record=paid, payment=NewPayment(20_000, "upi", "UPI-REF-5"), by=rekha, at=NOW)
        services.tick(record=paid, steps=["Submit"], documents=["Aadhaar card"], by=rekha, at=NOW)
        papers.attach(
            kind="pan", by=rekha, at=NOW, record=paid, number="AAAPA1234A", note="Aadhaar of Sunita",
            source=io.BytesIO(b"the PAN of Sunita"), name="Sunita.txt",
        )  # fmt: skip
        make_task(rekha, "Call Sunita about it", record=paid)
        unpaid = make_record(rekha, contact=sunita, title="Affidavit for Sunita's son", fee_paise=5_000)
        free = make_record(rekha, contact=sunita, title="Advice", fee_paise=0)
        cancelled = make_record(rekha, contact=sunita, service=pan, paid_paise=25_000)
        [mistake] = Payment.objects.of(rekha.workspace).filter(record=cancelled)
        payments.cancel(payment=mistake, by=rekha, at=NOW, reason="Sunita paid twice")
        services.set_status(record=cancelled, status="delivered", by=rekha, at=NOW)
        binned = make_record(rekha, contact=sunita, title="Twice by mistake", fee_paise=900)
        services.delete(record=binned, by=rekha, at=NOW)
    return Shop(rekha, sunita, paid, unpaid, free, cancelled, binned)


def purge(by: Member, person: Contact | Company, *, at: Any = LATER) -> None:
    with tenancy.inside(by.workspace, actor=by.pk):
        bins.delete(model=type(person), workspace=by.workspace, by=by, at=NOW, ids=[person.pk])
        bins.purge(model=type(person), workspace=by.workspace, by=by, at=at, ids=[person.pk])
        connection.check_constraints()


def kept(shop: Shop) -> list[ServiceRecord]:
    with tenancy.inside(shop.here):
        return list(ServiceRecord.objects.of(shop.here).order_by("number"))


def everything(workspace: Workspace, *, ledger: bool = True) -> str:
    """All that the tables of people and desk hold of the workspace, as text."""
    held = []
    with tenancy.inside(workspace), connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_name FROM information_schema.columns WHERE column_name = 'workspace_id' "
            "AND table_schema = 'public' AND table_name LIKE ANY (ARRAY['people_%', 'desk_%', 'core_storedfile', 'core_ledgerentry'])"
        )
        for (table,) in cursor.fetchall():
            if table == "core_ledgerentry" and not ledger:
                continue
            cursor.execute(f"SELECT coalesce(string_agg(to_jsonb(t)::text, chr(10)), '') FROM \"{table}\" t")
            held.append(f"{table}: {cursor.fetchone()[0]}")
    return "\n".join(held)


# --- what stays and what goes ----------------------------------------------------------------------------------------


@pytest.mark.slow
def test_services_with_a_fee_or_a_payment_stay_and_the_others_go(shop: Shop) -> None:
    purge(shop.rekha, shop.sunita)
    assert [each.pk for each in kept(shop)] == [shop.paid.pk, shop.unpaid.pk, shop.cancelled_payment.pk]
    assert all(each.is_erased and each.erased_at == LATER for each in kept(shop))


def test_the_figures_of_the_books_are_as_they_were(shop: Shop) -> None:
    def figures() -> list[tuple[Any, ...]]:
        return [
            (each.number, each.service_id, each.fee_paise, each.paid_paise, each.balance_paise, each.quantity,
             each.created_at, each.created_by_id, each.owner_id, each.delivered_at)
            for each in kept(shop) if each.pk not in {shop.free.pk, shop.binned.pk}
        ]  # fmt: skip

    def money() -> list[tuple[Any, ...]]:
        with tenancy.inside(shop.here):
            rows = Payment.objects.of(shop.here).order_by("id")
            return list(rows.values_list(
                "record_id", "amount_paise", "method", "paid_on", "taken_by_id", "created_at", "cancelled_at", "cancelled_by_id"
            ))  # fmt: skip

    before = figures(), money()
    purge(shop.rekha, shop.sunita)
    assert (figures(), money()) == before


@pytest.mark.slow
def test_no_word_of_the_person_is_left_in_any_table(shop: Shop) -> None:
    before = everything(shop.here)
    assert all(trace in before for trace in TRACES if trace not in {"98220"}), [t for t in TRACES if t not in before]
    purge(shop.rekha, shop.sunita)
    after = everything(shop.here)
    assert [trace for trace in TRACES if trace in after] == []
    assert str(shop.sunita.pk) not in everything(shop.here, ledger=False)  # the ledger keeps ids, never a value


def test_each_column_that_could_tell_is_empty(shop: Shop) -> None:
    purge(shop.rekha, shop.sunita)
    for each in kept(shop):
        told = (
            each.contact_id, each.company_id, each.acknowledgement, each.notes, each.custom, each.steps, each.documents,
            each.steps_done, each.documents_seen, each.due_on, each.expires_on, each.follow_up_on, each.repeats_id,
        )  # fmt: skip
        assert told == (None, None, "", "", {}, [], [], [], [], None, None, None, None)
    with tenancy.inside(shop.here):
        assert set(Payment.objects.of(shop.here).values_list("reference", "cancel_reason")) == {("", "")}


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("which", "title"), [("paid", "PAN correction"), ("unpaid", "Service"), ("cancelled_payment", "PAN correction")]
)
def test_a_typed_title_becomes_the_catalogues_or_a_plain_word(shop: Shop, which: str, title: str) -> None:
    purge(shop.rekha, shop.sunita)
    assert {each.pk: each.title for each in kept(shop)}[getattr(shop, which).pk] == title


@pytest.mark.slow
def test_the_plain_word_is_in_the_shops_language(shop: Shop) -> None:
    with tenancy.inside(shop.here):
        shop.here.language = "mr"
        shop.here.save(update_fields=["language"])
    purge(shop.rekha, shop.sunita)
    with translation.override("mr"):
        word = translation.gettext("Service")
    assert word != "Service" and {each.title for each in kept(shop)} == {"PAN correction", word}


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("which", "status"), [("paid", "cancelled"), ("unpaid", "cancelled"), ("cancelled_payment", "delivered")]
)
def test_work_in_hand_ends_and_what_was_finished_stays_finished(shop: Shop, which: str, status: str) -> None:
    purge(shop.rekha, shop.sunita)
    assert {each.pk: each.status for each in kept(shop)}[getattr(shop, which).pk] == status


@pytest.mark.slow
def test_papers_files_tasks_lines_and_entries_are_gone(shop: Shop) -> None:
    with tenancy.inside(shop.here):
        assert StoredFile.objects.of(shop.here).count() == 1
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here):
        assert [model.objects.of(shop.here).count() for model in (Paper, Task, StoredFile)] == [0, 0, 0]
        assert not Interaction.objects.of(shop.here).exists()
        assert set(SearchEntry.objects.of(shop.here).values_list("pk", flat=True)) == {each.pk for each in kept(shop)}


@pytest.mark.slow
def test_that_a_paper_was_opened_stays_written_down(shop: Shop) -> None:
    with tenancy.inside(shop.here):
        paper = Paper.objects.of(shop.here).get()
        papers.open_number(paper=paper, by=shop.rekha, at=NOW, reason="checking")
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here):
        assert PaperOpening.objects.of(shop.here).get().paper_id == paper.pk


def test_the_kept_sums_agree_with_the_payments_before_and_after(shop: Shop) -> None:
    def both() -> tuple[int, int]:
        with tenancy.inside(shop.here):
            rows = Payment.objects.of(shop.here).filter(cancelled_at__isnull=True)
            return tally.count(payments.collected_key(TODAY), workspace=shop.here), sum(
                row.amount_paise for row in rows
            )

    assert both() == (20_000, 20_000)
    purge(shop.rekha, shop.sunita)
    assert both() == (20_000, 20_000)


@pytest.mark.slow
def test_purging_twice_and_purging_others_changes_nothing_more(shop: Shop) -> None:
    purge(shop.rekha, shop.sunita)
    before = [(each.pk, each.erased_at, each.updated_at) for each in kept(shop)]
    with tenancy.inside(shop.here):
        other = make_contact(shop.rekha, "Ravi Patil")
        make_record(shop.rekha, contact=other, paid_paise=100)
    purge(shop.rekha, other, at=LATER + timedelta(days=1))
    after = [(each.pk, each.erased_at, each.updated_at) for each in kept(shop)]
    assert after[:3] == before and len(after) == 4


def test_the_services_of_others_are_untouched(shop: Shop) -> None:
    with tenancy.inside(shop.here):
        theirs = make_record(
            shop.rekha, contact=make_contact(shop.rekha, "Ravi Patil"), notes="his own", paid_paise=100
        )
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here):
        fresh = ServiceRecord.objects.of(shop.here).get(pk=theirs.pk)
        assert (fresh.notes, fresh.erased_at, fresh.contact_id) == ("his own", None, theirs.contact_id)


def test_another_workspace_is_untouched(shop: Shop, other: Workspace) -> None:
    om = owner_of(other)
    with tenancy.inside(other):
        theirs = make_record(om, notes="theirs", paid_paise=100)
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(other):
        assert ServiceRecord.objects.of(other).get(pk=theirs.pk).notes == "theirs"


def test_the_daily_round_does_the_same_as_a_member(shop: Shop) -> None:
    with tenancy.inside(shop.here):
        bins.delete(model=Contact, workspace=shop.here, by=shop.rekha, at=NOW, ids=[shop.sunita.pk])
    assert bins.empty_when_due(shop.here.pk, at=NOW + timedelta(days=29)) == 0
    assert len(kept(shop)) == 5
    assert bins.empty_when_due(shop.here.pk, at=LATER) == 1
    assert [each.is_erased for each in kept(shop)] == [True, True, True]


@pytest.mark.slow
def test_purging_costs_the_same_for_one_and_five_services(rekha: Member, django_assert_num_queries: Any) -> None:
    from django.test.utils import CaptureQueriesContext

    counts = []
    for number in (1, 5):
        with tenancy.inside(rekha.workspace):
            person = make_contact(rekha, f"Person {number}")
            for _each in range(number):
                make_record(rekha, contact=person, paid_paise=100)
            bins.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=NOW, ids=[person.pk])
            with CaptureQueriesContext(connection) as captured:
                bins.purge(model=Contact, workspace=rekha.workspace, by=rekha, at=LATER, ids=[person.pk])
        counts.append(len(captured))
    assert counts[0] == counts[1]


# --- companies, and services of both ---------------------------------------------------------------------------------


def firm_of(by: Member, name: str = "Deshmukh Dairy") -> Company:
    return companies.create(workspace=by.workspace, by=by, at=NOW, draft=CompanyDraft(name=name))


def test_a_company_that_goes_leaves_its_books_too(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        firm = firm_of(rekha)
        wanted = NewService(service=None, title="GST return Deshmukh", fee_paise=70_000, notes="about the firm")
        record = services.create(
            workspace=rekha.workspace,
            wanted=wanted,
            by=rekha,
            at=NOW,
            company=firm,
            payment=NewPayment(100, "bank", "NEFT 9"),
        )
    purge(rekha, firm)
    with tenancy.inside(rekha.workspace):
        fresh = ServiceRecord.objects.of(rekha.workspace).get()
        assert (fresh.pk, fresh.title, fresh.notes, fresh.company_id, fresh.for_whom) == (
            record.pk, "Service", "", None, "erased person",
        )  # fmt: skip


@pytest.mark.parametrize("goes_first", ["contact", "company"])
def test_a_service_of_both_stays_whole_until_the_second_goes(rekha: Member, goes_first: str) -> None:
    with tenancy.inside(rekha.workspace):
        contact, firm = make_contact(rekha), firm_of(rekha)
        record = make_record(rekha, contact=contact, notes="about the work", paid_paise=100)
        ServiceRecord.objects.of(rekha.workspace).filter(pk=record.pk).update(company=firm)
    first, second = (contact, firm) if goes_first == "contact" else (firm, contact)
    purge(rekha, first)
    with tenancy.inside(rekha.workspace):
        fresh = ServiceRecord.objects.of(rekha.workspace).get()
        assert (fresh.notes, fresh.is_erased, fresh.for_whom) == ("about the work", False, second.name)
    purge(rekha, second)
    with tenancy.inside(rekha.workspace):
        fresh = ServiceRecord.objects.of(rekha.workspace).get()
        assert (fresh.notes, fresh.is_erased, fresh.for_whom) == ("", True, "erased person")


@pytest.mark.slow
def test_a_task_about_somebody_else_lives_on_without_the_service(shop: Shop) -> None:
    with tenancy.inside(shop.here):
        ravi = make_contact(shop.rekha, "Ravi Patil")
        make_task(shop.rekha, "Fetch the form", contact=ravi, record=shop.paid)
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here):
        task = Task.objects.of(shop.here).get()
        assert (task.title, task.contact_id, task.record_id) == ("Fetch the form", ravi.pk, None)


def test_a_repetition_lets_go_of_what_it_repeated(shop: Shop) -> None:
    with tenancy.inside(shop.here):
        again = services.repeat_last(record=shop.paid, by=shop.rekha, at=NOW)
        ravi = make_contact(shop.rekha, "Ravi Patil")
        ServiceRecord.objects.of(shop.here).filter(pk=again.pk).update(contact=ravi)
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here):
        assert ServiceRecord.objects.of(shop.here).get(pk=again.pk).repeats_id is None


# --- merges ----------------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_books_of_a_merged_person_go_with_the_one_that_was_kept(shop: Shop) -> None:
    with tenancy.inside(shop.here):
        twin = make_contact(shop.rekha, "Sunita D.")
        merging.merge(keep=twin, gone=shop.sunita, choices={}, by=shop.rekha, at=NOW)
    purge(shop.rekha, twin)
    assert [each.is_erased for each in kept(shop)] == [True, True, True]
    with tenancy.inside(shop.here):
        assert not Merge.objects.of(shop.here).exists()


def test_undoing_a_merge_leaves_what_was_erased_since_erased(rekha: Member) -> None:
    """The firm was merged; then the contact of a service of both went, and then the merge is taken apart."""
    with tenancy.inside(rekha.workspace):
        kept_firm, gone_firm = firm_of(rekha, "Dairy"), firm_of(rekha, "Dairy Ltd")
        contact = make_contact(rekha)
        lone = make_record(rekha, contact=contact, paid_paise=100)
        both = make_record(rekha, contact=contact, paid_paise=100)
        ServiceRecord.objects.of(rekha.workspace).filter(pk=both.pk).update(company=gone_firm)
        merge = merging.merge(keep=kept_firm, gone=gone_firm, choices={}, by=rekha, at=NOW)
    purge(rekha, contact)
    with tenancy.inside(rekha.workspace):
        merging.undo(merge=merge, by=rekha, at=NOW)
        connection.check_constraints()
        found = {each.pk: (each.company_id, each.is_erased) for each in ServiceRecord.objects.of(rekha.workspace)}
    assert found == {lone.pk: (None, True), both.pk: (gone_firm.pk, False)}


@pytest.mark.slow
def test_undoing_a_merge_of_people_moves_their_services_back_as_ever(shop: Shop) -> None:
    with tenancy.inside(shop.here):
        twin = make_contact(shop.rekha, "Sunita D.")
        own = make_record(shop.rekha, contact=twin, paid_paise=100)
        merge = merging.merge(keep=twin, gone=shop.sunita, choices={}, by=shop.rekha, at=NOW)
        merging.undo(merge=merge, by=shop.rekha, at=NOW)
    purge(shop.rekha, twin)
    assert {each.pk: each.is_erased for each in kept(shop)} == {
        shop.paid.pk: False, shop.unpaid.pk: False, shop.free.pk: False, shop.cancelled_payment.pk: False, shop.binned.pk: False, own.pk: True,
    }  # fmt: skip


# --- it never becomes a person again ---------------------------------------------------------------------------------

ACTS: dict[str, tuple[type[Exception], Callable[[ServiceRecord, Member], object]]] = {
    "change": (ServiceRefused, lambda record, by: services.change(record=record, by=by, at=NOW, notes="Sunita")),
    "fee": (ServiceRefused, lambda record, by: services.change(record=record, by=by, at=NOW, fee_paise=1)),
    "tick": (ServiceRefused, lambda record, by: services.tick(record=record, steps=[], documents=[], by=by, at=NOW)),
    "status": (ServiceRefused, lambda record, by: services.set_status(record=record, status="open", by=by, at=NOW)),
    "same status": (ServiceRefused, lambda record, by: services.set_status(record=record, status=record.status, by=by, at=NOW)),
    "delete": (ServiceRefused, lambda record, by: services.delete(record=record, by=by, at=NOW)),
    "restore": (ServiceRefused, lambda record, by: services.restore(record=record, by=by, at=NOW)),
    "repeat": (ServiceRefused, lambda record, by: services.repeat_last(record=record, by=by, at=NOW)),
    "pay": (PaymentRefused, lambda record, by: payments.take(record=record, payment=NewPayment(1, "cash", "Sunita"), by=by, at=NOW)),
    "paper": (PaperRefused, lambda record, by: papers.attach(kind="pan", number="AAAPA1234A", record=record, by=by, at=NOW)),
}  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize("act", list(ACTS))
@pytest.mark.parametrize("seen", ["before", "after"])
def test_no_rule_changes_what_is_left(shop: Shop, act: str, seen: str) -> None:
    """Also when the rule was given the row as it was before the purge: a page that stood open meanwhile."""
    with tenancy.inside(shop.here):
        stale = services.locked(shop.paid)
    purge(shop.rekha, shop.sunita)
    before = everything(shop.here)
    fresh = next(each for each in kept(shop) if each.pk == shop.paid.pk)
    error, rule = ACTS[act]
    with pytest.raises(error), tenancy.inside(shop.here), transaction.atomic():
        rule(stale if seen == "before" else fresh, shop.rekha)
    assert everything(shop.here) == before


def test_a_payment_of_the_books_cannot_be_cancelled(shop: Shop) -> None:
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here):
        paid = Payment.objects.of(shop.here).get(record=shop.paid)
        with pytest.raises(PaymentRefused, match="erased"):
            payments.cancel(payment=paid, by=shop.rekha, at=NOW, reason="mistake")
        assert Payment.objects.of(shop.here).get(pk=paid.pk).cancelled_at is None


PERSONAL: dict[str, Any] = {
    "acknowledgement": "ACK-77", "notes": "Sunita", "custom": {"token": "7"}, "steps": ["Call Sunita"],
    "documents": ["Aadhaar"], "steps_done": ["Call"], "documents_seen": ["Aadhaar"], "papers_vanish": True,
    "due_on": TODAY, "expires_on": TODAY, "follow_up_on": TODAY, "deleted_at": NOW, "status": "open",
}  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize("column", list(PERSONAL))
def test_the_database_itself_refuses_a_trace(shop: Shop, column: str) -> None:
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here), pytest.raises(IntegrityError, match="books_only"), transaction.atomic():
        ServiceRecord.objects.of(shop.here).filter(pk=shop.paid.pk).update(**{column: PERSONAL[column]})


@pytest.mark.sampled
@pytest.mark.parametrize("column", ["contact", "company", "repeats"])
def test_the_database_itself_refuses_a_person(shop: Shop, column: str) -> None:
    with tenancy.inside(shop.here):
        value = {
            "contact": make_contact(shop.rekha),
            "company": firm_of(shop.rekha),
            "repeats": make_record(shop.rekha),
        }[column]
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here), pytest.raises(IntegrityError, match="books_only"), transaction.atomic():
        ServiceRecord.objects.of(shop.here).filter(pk=shop.paid.pk).update(**{column: value})


def test_without_the_mark_a_service_must_be_for_someone(shop: Shop) -> None:
    with tenancy.inside(shop.here), pytest.raises(IntegrityError, match="is_for_someone"), transaction.atomic():
        ServiceRecord.objects.of(shop.here).filter(pk=shop.unpaid.pk).update(contact=None)
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here), pytest.raises(IntegrityError, match="is_for_someone"), transaction.atomic():
        ServiceRecord.objects.of(shop.here).filter(pk=shop.paid.pk).update(erased_at=None)


# --- where it shows --------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_it_stands_among_all_and_in_no_other_view(shop: Shop) -> None:
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here):
        views = {
            view: listing.rows(shop.rekha, listing.Filters(view=view), today=TODAY).count() for view in listing.VIEWS
        }
        figures = home.overview(shop.rekha, TODAY).figures
        week = agenda.items(shop.rekha, TODAY - timedelta(days=5), TODAY + timedelta(days=15), today=TODAY)
    assert views == {"in_hand": 0, "due": 0, "unpaid": 0, "expiring": 0, "all": 3, "bin": 0}
    assert (figures.in_hand, figures.due_this_week, figures.unpaid_paise, week) == (0, 0, 0, [])


@pytest.mark.sampled
@pytest.mark.parametrize(("language", "words"), [("en", "erased person"), ("hi", ""), ("mr", "")])
def test_the_list_and_the_page_say_erased_person(shop: Shop, language: str, words: str) -> None:
    purge(shop.rekha, shop.sunita)
    shop.rekha.user.language = language
    shop.rekha.user.save(update_fields=["language"])
    with translation.override(language):
        words = words or translation.gettext("erased person")
    assert language == "en" or words != "erased person"
    browser = signed_in(shop.rekha)
    for url in ("/services/?view=all", f"/services/{shop.paid.pk}/", f"/services/{shop.paid.pk}/receipt/"):
        page = browser.get(url)
        assert page.status_code == 200 and words in page.text, url
        assert not [trace for trace in TRACES if trace in page.text]


@pytest.mark.slow
def test_its_page_offers_nothing_to_do(shop: Shop) -> None:
    before = signed_in(shop.rekha).get(f"/services/{shop.paid.pk}/").text
    purge(shop.rekha, shop.sunita)
    after = signed_in(shop.rekha).get(f"/services/{shop.paid.pk}/").text
    for act in ("repeat/", "edit/", "delete/", "state/", "checklist/", "payments/", "papers/", "tasks/new"):
        assert f"/{act}" not in after.replace('/tasks/new/"', "") or f"/{act}" not in before, act
    assert "cannot be changed" in after and "Cancel the payment" not in after and "Take payment" not in after


POSTS = {
    "edit": {"title": "Sunita", "fee_paise": "1", "quantity": "1"}, "status": {"status": "open"}, "checklist": {"step": "x"},
    "repeat": {}, "delete": {}, "restore": {}, "pay": {"amount": "1", "method": "cash"}, "paper": {"kind": "pan", "number": "AAAPA1234A"},
}  # fmt: skip
NAMES = {"pay": "payment_take", "paper": "paper_attach"}


@pytest.mark.sampled
@pytest.mark.parametrize("act", list(POSTS))
def test_no_form_changes_it_and_each_answers_in_words(shop: Shop, act: str) -> None:
    from django.urls import reverse

    purge(shop.rekha, shop.sunita)
    before = everything(shop.here)
    browser = signed_in(shop.rekha)
    url = reverse(f"desk:{NAMES.get(act, f'service_{act}')}", args=[shop.paid.pk])
    answer = browser.post(url, POSTS[act], follow=True)
    assert answer.status_code in {200, 422} and "erased" in answer.text
    assert everything(shop.here).replace("\n", "") == before.replace("\n", "")


def test_it_is_found_by_its_number_and_never_by_the_name(shop: Shop) -> None:
    def found(text: str) -> list[Any]:
        with tenancy.inside(shop.here):
            return [hit.id for hit in search.find(text, member=shop.rekha)]

    assert shop.sunita.pk in found("Sunita")
    purge(shop.rekha, shop.sunita)
    assert found("Sunita") == [] and found("ACK-77") == [] and found("9822041736") == []
    assert shop.paid.pk in found("PAN correction")


def test_the_palette_names_it_an_erased_person(shop: Shop, rf: Any) -> None:
    purge(shop.rekha, shop.sunita)
    request = rf.get("/")
    request.member, request.workspace, request.purpose = shop.rekha, shop.here, "service"
    with tenancy.inside(shop.here):
        shown = searching.services(request, [shop.paid.pk])[shop.paid.pk]
    assert (shown.title, shown.note) == (f"PAN correction #{shop.paid.number}", "erased person")


@pytest.mark.parametrize("paper", receipts.PAPERS)
def test_its_receipt_prints_the_books(shop: Shop, paper: str) -> None:
    purge(shop.rekha, shop.sunita)
    record = next(each for each in kept(shop) if each.pk == shop.paid.pk)
    with tenancy.inside(shop.here):
        taken = list(Payment.objects.of(shop.here).filter(record=record))
        made = receipts.of(record=record, payments=taken, workspace=shop.here, at=NOW)
    assert [(line.label, line.text) for line in made.for_whom] == [("For", "erased person")]
    assert (made.number, made.fee, made.paid, made.balance) == (
        str(shop.paid.number),
        "₹\xa0500.00",
        "₹\xa0200.00",
        "₹\xa0300.00",
    )
    assert [line.label for line in made.payments] == ["21 Nov 2026 · UPI"]
    assert receipts.pdf(made, paper=paper).startswith(b"%PDF")


def test_only_who_did_the_work_and_who_sees_all_see_it(shop: Shop) -> None:
    did = make_member(shop.here, Role.AGENT, name="Did It", sees="own")
    not_theirs = make_member(shop.here, Role.AGENT, name="Another", sees="own")
    with tenancy.inside(shop.here):
        ServiceRecord.objects.of(shop.here).filter(pk=shop.paid.pk).update(owner=did)
    purge(shop.rekha, shop.sunita)
    seen = {}
    with tenancy.inside(shop.here):
        for member in (shop.rekha, did, not_theirs):
            rows = listing.rows(member, listing.Filters(view="all"), today=TODAY)
            seen[member.name] = sorted(rows.values_list("pk", flat=True))
    assert seen == {
        "Rekha Kulkarni": sorted([shop.paid.pk, shop.unpaid.pk, shop.cancelled_payment.pk]), "Did It": [shop.paid.pk], "Another": [],
    }  # fmt: skip


def test_nothing_else_is_due_for_an_erased_person(shop: Shop) -> None:
    with tenancy.inside(shop.here):
        assert home.open_for_person(shop.unpaid, shop.rekha, TODAY)
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here):
        record = ServiceRecord.objects.of(shop.here).get(pk=shop.unpaid.pk)
        assert home.open_for_person(record, shop.rekha, TODAY) == []


def test_purging_in_the_midst_of_a_new_service_number_keeps_the_count(shop: Shop) -> None:
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here):
        fresh = make_record(shop.rekha, paid_paise=100)
    assert fresh.number == shop.binned.number + 1


def test_many_people_at_once_leave_the_books_of_each(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        people = [
            contacts.create(workspace=rekha.workspace, by=rekha, at=NOW, draft=ContactDraft(name=f"Person {number}"))
            for number in range(12)
        ]
        for person in people:
            make_record(rekha, contact=person, paid_paise=100)
        ids = [person.pk for person in people]
        bins.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=NOW, ids=ids)
        assert bins.purge(model=Contact, workspace=rekha.workspace, by=rekha, at=LATER, ids=ids) == 12
        rows = ServiceRecord.objects.of(rekha.workspace)
        assert rows.filter(erased_at=LATER).count() == 12 and sum(rows.values_list("paid_paise", flat=True)) == 1_200


@pytest.mark.slow
def test_the_months_of_the_chart_keep_what_was_collected(shop: Shop) -> None:
    with tenancy.inside(shop.here):
        before = home.overview(shop.rekha, TODAY).months
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here):
        assert home.overview(shop.rekha, TODAY).months == before
    assert (before[-1].first, before[-1].paise) == (date(2026, 11, 1), 20_000)


def test_a_series_of_the_person_ends_with_the_person(shop: Shop) -> None:
    from amanat.core.recurrence import Repeat, Unit

    with tenancy.inside(shop.here):
        task = make_task(shop.rekha, "Call", record=shop.paid, repeat=Repeat(unit=Unit.MONTH, every=1))
        todo.finish(task=task, by=shop.rekha, at=NOW)
        assert Task.objects.of(shop.here).filter(series_id__isnull=False).count() == 2
    purge(shop.rekha, shop.sunita)
    with tenancy.inside(shop.here):
        assert not Task.objects.of(shop.here).exists()
