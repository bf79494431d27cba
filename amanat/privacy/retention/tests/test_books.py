"""Books end when the promise and the floors of the law are over, of living and erased people alike; nothing before."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, tenancy
from amanat.desk.models import Payment, ServiceRecord, Task
from amanat.people.models import Interaction
from amanat.policy.probing import Asked
from amanat.privacy.retention import books, holds, probes, sweeping
from amanat.privacy.retention.tests.factories import contact, policy

pytestmark = pytest.mark.django_db

DAY = date(2025, 4, 1)
#: Companies Act section 128(5): eight financial years after that of 1 April 2025, so until 31 March 2034.
INDIA = ZoneInfo("Asia/Kolkata")
END = datetime(2034, 4, 1, tzinfo=INDIA)


def service(workspace: Workspace, number: int = 1, *, paid_on: date = DAY, **fields: Any) -> ServiceRecord:
    person = None if "erased_at" in fields else contact(workspace)
    with tenancy.inside(workspace):
        made: ServiceRecord = ServiceRecord.objects.create(
            workspace_id=workspace.pk, number=number, contact=person, title="Pan card", fee_paise=100, paid_paise=100,
            created_at=datetime(2025, 4, 1, 9, tzinfo=UTC), **{"status": ServiceRecord.Status.DELIVERED, **fields},
        )  # fmt: skip
        Payment.objects.create(workspace_id=workspace.pk, record=made, amount_paise=100, method="cash", paid_on=paid_on)
        if person is not None:
            Interaction.objects.create(
                workspace_id=workspace.pk, contact=person, kind="service", happened_at=made.created_at, summary="Delivered",
                reference_kind="desk.ServiceRecord", reference_id=made.pk,
            )  # fmt: skip
    return made


def swept(workspace: Workspace, at: datetime) -> dict[str, int]:
    with clock.standing_at(at):
        return sweeping.run(workspace.pk, at=at).counts.get("billing", {})


def left(workspace: Workspace) -> tuple[int, int]:
    with tenancy.inside(workspace):
        return ServiceRecord.objects.of(workspace).count(), Payment.objects.of(workspace).count()


@pytest.mark.parametrize("erased", [False, True])
def test_a_service_goes_with_its_payments(shree: Workspace, erased: bool) -> None:
    service(shree, **({"erased_at": datetime(2026, 1, 1, tzinfo=UTC)} if erased else {}))
    assert swept(shree, END - timedelta(seconds=1)) == {}
    assert left(shree) == (1, 1)
    assert swept(shree, END) == {"desk.ServiceRecord": 1}
    assert left(shree) == (0, 0)
    with tenancy.inside(shree):
        assert not Interaction.objects.of(shree).exists()


def test_the_last_payment_counts(shree: Workspace) -> None:
    service(shree, paid_on=date(2026, 4, 1))
    assert swept(shree, END) == {}
    assert swept(shree, datetime(2035, 4, 1, tzinfo=INDIA)) == {"desk.ServiceRecord": 1}


def test_a_service_of_the_first_night_of_the_year_belongs_to_that_year(shree: Workspace) -> None:
    """Delivered on 1 April at half past two in India, which is 31 March in Greenwich: the books of a year more."""
    service(shree, delivered_at=datetime(2026, 4, 1, 2, 30, tzinfo=INDIA))
    later = END.replace(year=2035)
    with tenancy.inside(shree):
        assert [books.count(shree.pk, policy(), at=at) for at in (END, later - timedelta(seconds=1), later)] == [
            0,
            0,
            1,
        ]


def test_what_is_in_hand_stays(shree: Workspace) -> None:
    service(shree, status=next(iter(ServiceRecord.IN_HAND)))
    assert swept(shree, END + timedelta(days=1)) == {}


def test_a_task_lives_on_without_it(shree: Workspace) -> None:
    made = service(shree)
    with tenancy.inside(shree):
        Task.objects.create(workspace_id=shree.pk, title="Call", record=made, due_on=date(2035, 1, 1))
    swept(shree, END)
    with tenancy.inside(shree):
        assert [task.record_id for task in Task.objects.of(shree)] == [None]


def test_a_repeated_service_lets_go_of_the_first(shree: Workspace) -> None:
    first = service(shree)
    service(shree, 2, repeats=first, paid_on=date(2030, 1, 1))
    assert swept(shree, END) == {"desk.ServiceRecord": 1}
    with tenancy.inside(shree):
        assert [record.number for record in ServiceRecord.objects.of(shree)] == [2]


def test_a_hold_on_the_books(shree: Workspace) -> None:
    service(shree)
    with tenancy.inside(shree):
        holds.add(
            workspace=shree,
            contact=None,
            keep="billing",
            basis="Audit",
            until=date(2040, 1, 1),
            by=owner_of(shree),
            at=END,
        )
    assert swept(shree, END + timedelta(days=1)) == {}


def test_the_probe_counts_books_that_are_late(shree: Workspace) -> None:
    service(shree)

    def found(at: datetime) -> Any:
        with tenancy.inside(shree):
            return probes.books_end(Asked(shree.pk, policy(), at))

    assert found(END).is_kept
    late = found(END + timedelta(days=2))
    assert (late.is_kept, late.facts) == (False, {"late": 1, "floors": 2})
    swept(shree, END + timedelta(days=2))
    assert found(END + timedelta(days=2)).is_kept
