"""What is left of erased people, out of one workspace and into another, and out of an older backup."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from amanat.accounts.models import Member
from amanat.accounts.tests.factories import make_user, make_workspace, owner_of
from amanat.core import clock, tally, tenancy
from amanat.desk import payments
from amanat.desk.models import Payment, ServiceRecord
from amanat.desk.payments import NewPayment
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record, make_service
from amanat.desk.tests.test_importing_workspace import edited, exported, taken
from amanat.people import bin as bins
from amanat.people import search
from amanat.people.models import Contact

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(db: None) -> Member:
    """A shop with the books of somebody who is erased."""
    by = owner_of(make_workspace("Here", owner=make_user("Rekha Kulkarni")))
    with tenancy.inside(by.workspace, actor=by.pk):
        sunita = make_contact(by, "Sunita Deshmukh")
        record = make_record(by, contact=sunita, service=make_service(by.workspace), notes="secret", quantity=2)
        payments.take(record=record, payment=NewPayment(20_000, "upi", "UPI-5"), by=by, at=NOW)
        acts = {"model": Contact, "workspace": by.workspace, "by": by, "ids": [sunita.pk]}
        bins.delete(at=NOW, **acts)
        bins.purge(at=NOW + timedelta(days=31), **acts)
    return by


def there(rekha: Member) -> Member:
    return owner_of(make_workspace("There", owner=rekha.user))


def only_record(member: Member) -> ServiceRecord:
    with tenancy.inside(member.workspace):
        found: ServiceRecord = ServiceRecord.objects.of(member.workspace).get()
        return found


@pytest.mark.slow
def test_the_books_of_the_erased_come_over_as_they_are(rekha: Member) -> None:
    other = there(rekha)
    run = taken(other, exported(rekha))
    before, after = only_record(rekha), only_record(other)
    names = (
        "number",
        "title",
        "status",
        "fee_paise",
        "paid_paise",
        "quantity",
        "created_at",
        "erased_at",
        "notes",
        "custom",
    )
    assert run.failed == 0
    assert [getattr(after, name) for name in names] == [getattr(before, name) for name in names]
    assert after.is_erased and after.for_whom == "erased person"
    with tenancy.inside(other.workspace):
        paid = Payment.objects.of(other.workspace).get()
        assert (paid.amount_paise, paid.method, paid.reference) == (20_000, "upi", "")
        assert tally.count(payments.collected_key(TODAY), workspace=other.workspace) == 20_000
        assert after.pk in [hit.id for hit in search.find("PAN correction", member=other)]


@pytest.mark.slow
def test_importing_them_again_changes_nothing(rekha: Member) -> None:
    other, content = there(rekha), exported(rekha)
    taken(other, content)
    first = only_record(other)
    run = taken(other, content)
    assert (run.failed, only_record(other).updated_at) == (0, first.updated_at)


FORGED: dict[str, Any] = {
    "notes": "Sunita Deshmukh", "acknowledgement": "ACK-1", "custom": {"village": "Ozar"}, "due_on": "2026-12-01", "status": "open",
    "documents_seen": ["Aadhaar"], "steps": ["Call Sunita"], "papers_vanish": True, "deleted_at": "2026-11-21T00:00:00Z", "follow_up_on": "2026-12-01",
}  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize("column", list(FORGED))
def test_a_file_that_puts_more_into_them_brings_the_books_alone(rekha: Member, column: str) -> None:
    def change(found: dict[str, Any]) -> None:
        found["services"][0][column] = FORGED[column]

    other = there(rekha)
    taken(other, edited(exported(rekha), change))
    kept = only_record(other)
    assert kept.is_erased and kept.status in ServiceRecord.CLOSED
    assert (kept.notes, kept.acknowledgement, kept.custom, kept.steps, kept.documents_seen) == ("", "", {}, [], [])
    assert (kept.due_on, kept.follow_up_on, kept.deleted_at, kept.papers_vanish) == (None, None, None, False)


@pytest.mark.slow
def test_a_mark_on_a_service_of_somebody_who_is_here_is_not_believed(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace, actor=rekha.pk):
        record = make_record(rekha, contact=make_contact(rekha, "Ravi Patil"), notes="his own")

    def change(found: dict[str, Any]) -> None:
        for line in found["services"]:
            line["erased_at"] = "2026-11-21T00:00:00Z"

    other = there(rekha)
    taken(other, edited(exported(rekha), change))
    with tenancy.inside(other.workspace):
        rows = ServiceRecord.objects.of(other.workspace).select_related("contact")
        kept = rows.get(number=record.number)
    assert (kept.erased_at, kept.notes, kept.for_whom) == (None, "his own", "Ravi Patil")


def test_the_export_says_since_when_and_names_nobody(rekha: Member) -> None:
    content = exported(rekha)
    [line] = json.loads(content)["services"]
    assert (line.get("contact_id"), line.get("company_id"), bool(line["erased_at"])) == (None, None, True)
    assert b"Sunita" not in content and b"UPI-5" not in content and b"secret" not in content
