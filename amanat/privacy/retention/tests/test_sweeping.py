"""The sweep keeps the promises of `keep`: not a second early, at the moment, and nothing else."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from django.core import mail

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import make_workspace, owner_of
from amanat.core import clock, ids, tenancy
from amanat.core.models import IdempotentAnswer, LedgerEntry, LocalMessage
from amanat.desk.models import ServiceRecord, Task
from amanat.people.models import Contact
from amanat.policy.durations import Duration
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.retention import due, holds, sweeping, telling
from amanat.privacy.retention.models import RetentionDue, RetentionRun
from amanat.privacy.retention.tests.factories import LONG_AGO, contact, policy, publish

pytestmark = pytest.mark.django_db

THREE_YEARS = Duration.parse("P3Y").after(LONG_AGO)
SECOND = timedelta(seconds=1)


def swept(workspace: Workspace, at: datetime) -> RetentionRun:
    with clock.standing_at(at):
        return sweeping.run(workspace.pk, at=at)


def names(workspace: Workspace) -> set[str]:
    with tenancy.inside(workspace):
        return set(Contact.objects.of(workspace).values_list("name", flat=True))


def test_somebody_held_for_offers_alone_goes_three_years_after_the_last_contact(shree: Workspace) -> None:
    contact(shree)
    contact(shree, "Still known", at=LONG_AGO, last_contact_at=LONG_AGO + timedelta(days=1))
    assert swept(shree, THREE_YEARS - SECOND).counts == {}
    assert names(shree) == {"Asha Patil", "Still known"}
    run = swept(shree, THREE_YEARS)
    assert run.counts == {"marketing": {"people.Contact": 1}}
    assert names(shree) == {"Still known"}
    with tenancy.inside(shree):
        assert [one.because for one in Erasure.objects.of(shree)] == ["retention"]
        assert LedgerEntry.objects.of(shree).filter(event="privacy.retention.swept").count() == 2


def test_a_customer_stays(shree: Workspace) -> None:
    customer, planned, busy = (contact(shree, name) for name in ("Customer", "Planned", "Busy"))
    with tenancy.inside(shree):
        ServiceRecord.objects.create(
            workspace_id=shree.pk, number=1, contact=customer, title="Pan card", fee_paise=0, paid_paise=0
        )
        Task.objects.create(workspace_id=shree.pk, title="Call", contact=busy, due_on=date(2030, 1, 1))
        Contact.objects.of(shree).filter(pk=planned.pk).update(follow_up_on=date(2035, 1, 1))
    assert swept(shree, THREE_YEARS + timedelta(days=1)).counts == {}
    with tenancy.inside(shree):
        Task.objects.of(shree).update(done_at=LONG_AGO)
    assert swept(shree, THREE_YEARS + timedelta(days=2)).counts == {"marketing": {"people.Contact": 1}}
    assert names(shree) == {"Customer", "Planned"}


def test_the_other_workspace_is_not_touched(shree: Workspace, other: Workspace) -> None:
    contact(shree)
    contact(other, "Elsewhere")
    swept(shree, THREE_YEARS)
    assert names(other) == {"Elsewhere"}


@pytest.fixture
def warned(shree: Workspace) -> Workspace:
    """A workspace that promises to tell people two days before."""
    rule = {"of": ["choice"], "until": {"last_interaction": "P3Y"}, "warn": "PT48H", "leave": "suppression_hmac"}
    publish(shree, policy(marketing=rule), by=owner_of(shree), at=LONG_AGO)
    return shree


def test_people_are_told_first_and_go_then(warned: Workspace) -> None:
    contact(warned, main_email="asha@example.in", language="hi")
    assert swept(warned, THREE_YEARS - timedelta(days=3) - SECOND).counts == {}
    assert mail.outbox == []
    told_at = THREE_YEARS - timedelta(days=3)
    swept(warned, told_at)
    [message] = mail.outbox
    assert message.to == ["asha@example.in"]
    assert swept(warned, THREE_YEARS - SECOND).counts == {}
    assert len(mail.outbox) == 1
    assert swept(warned, THREE_YEARS).counts == {"marketing": {"people.Contact": 1}}


def test_a_late_warning_delays_the_erasure(warned: Workspace) -> None:
    contact(warned, main_email="asha@example.in")
    assert swept(warned, THREE_YEARS).counts == {}
    assert swept(warned, THREE_YEARS + timedelta(hours=48) - SECOND).counts == {}
    assert swept(warned, THREE_YEARS + timedelta(hours=48)).counts == {"marketing": {"people.Contact": 1}}


def test_a_warning_that_cannot_be_delivered_stops_the_erasure(
    warned: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    contact(warned, main_email="asha@example.in")

    def refuse(*args: object) -> None:
        raise OSError("connection refused")

    with monkeypatch.context() as broken:
        broken.setattr(telling, "_mail", refuse)
        assert swept(warned, THREE_YEARS).waiting == {"not told yet": 1}
        assert swept(warned, THREE_YEARS + timedelta(days=10)).counts == {}
    swept(warned, THREE_YEARS + timedelta(days=11))
    assert swept(warned, THREE_YEARS + timedelta(days=13)).counts == {"marketing": {"people.Contact": 1}}


def test_who_left_no_address_is_not_kept_for_ever(warned: Workspace) -> None:
    contact(warned)
    assert swept(warned, THREE_YEARS).counts == {"marketing": {"people.Contact": 1}}


def test_who_has_a_phone_alone_gets_a_text_message(warned: Workspace) -> None:
    contact(warned, main_phone="+919876543210")
    swept(warned, THREE_YEARS - timedelta(days=2))
    assert [(one.channel, one.to) for one in LocalMessage.objects.all()] == [("sms", "+919876543210")]


def test_a_contact_in_between_takes_her_off_the_list(warned: Workspace) -> None:
    asha = contact(warned, main_email="asha@example.in")
    swept(warned, THREE_YEARS - timedelta(days=2))
    with tenancy.inside(warned):
        Contact.objects.of(warned).filter(pk=asha.pk).update(last_contact_at=THREE_YEARS - timedelta(days=1))
    assert swept(warned, THREE_YEARS + timedelta(days=5)).counts == {}
    with tenancy.inside(warned):
        assert [row.state for row in RetentionDue.objects.of(warned)] == [RetentionDue.State.CANCELLED]
    assert names(warned) == {"Asha Patil"}


def test_more_people_than_an_order_holds_go_in_several(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "_ORDER", 2)
    monkeypatch.setattr(sweeping, "_PIECE", 2)
    for number in range(5):
        contact(shree, f"Asha {number}")
    run = swept(shree, THREE_YEARS)
    assert names(shree) == set()
    assert run.counts["marketing"]["people.Contact"] == 5
    with tenancy.inside(shree):
        orders = Erasure.objects.of(shree).order_by("ordered_at", "id")
        assert [len(order.contact_ids) for order in orders] == [2, 2, 1]
        assert {order.state for order in orders} == {Erasure.State.DONE}
        assert set(RetentionDue.objects.of(shree).values_list("contact_id", "state")) == {(None, "ordered")}


def test_a_hold_on_a_person_waits(shree: Workspace) -> None:
    asha, owner = contact(shree), owner_of(shree)
    with tenancy.inside(shree):
        hold = holds.add(
            workspace=shree,
            contact=asha,
            keep="",
            basis="Court case 12 of 2029",
            until=date(2029, 12, 31),
            by=owner,
            at=LONG_AGO,
        )
    run = swept(shree, THREE_YEARS)
    assert (run.counts, run.waiting) == ({}, {"held": 1})
    with tenancy.inside(shree):
        holds.lift(hold=hold, by=owner, at=THREE_YEARS)
    assert swept(shree, THREE_YEARS + SECOND).counts == {"marketing": {"people.Contact": 1}}


def test_a_hold_ends_with_its_last_day(shree: Workspace) -> None:
    asha, owner = contact(shree), owner_of(shree)
    until = THREE_YEARS.date() + timedelta(days=3)
    with tenancy.inside(shree):
        holds.add(workspace=shree, contact=asha, keep="", basis="Court case", until=until, by=owner, at=LONG_AGO)
    end = datetime.combine(until + timedelta(days=1), datetime.min.time(), UTC)
    assert swept(shree, end - SECOND).counts == {}
    assert swept(shree, end).counts == {"marketing": {"people.Contact": 1}}


@pytest.mark.parametrize("keep", ["marketing", "content"])
def test_a_hold_on_a_rule_holds_everybody_under_it(shree: Workspace, keep: str) -> None:
    contact(shree)
    with tenancy.inside(shree):
        holds.add(
            workspace=shree,
            contact=None,
            keep=keep,
            basis="Audit",
            until=date(2040, 1, 1),
            by=owner_of(shree),
            at=LONG_AGO,
        )
    assert swept(shree, THREE_YEARS).waiting == {"held": 1}


def answer(workspace: Workspace, at: datetime) -> UUID:
    with tenancy.inside(workspace):
        row: Any = IdempotentAnswer.objects.create(
            workspace_id=workspace.pk,
            member_id=ids.new(),
            route="x",
            key=str(ids.new()),
            request_digest="d",
            created_at=at,
        )
    return row.pk  # type: ignore[no-any-return]


def test_working_copies_go_in_batches(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(5):
        answer(shree, LONG_AGO)
    new = answer(shree, LONG_AGO + SECOND)
    at = LONG_AGO + timedelta(days=30)
    assert swept(shree, at - SECOND).counts == {}
    monkeypatch.setattr(sweeping.tables, "BATCH", 2)
    assert swept(shree, at).counts == {"working": {"core.IdempotentAnswer": 5}}
    with tenancy.inside(shree):
        assert [row.pk for row in IdempotentAnswer.objects.of(shree)] == [new]


def test_a_rule_on_hold_takes_nothing(shree: Workspace) -> None:
    answer(shree, LONG_AGO)
    with tenancy.inside(shree):
        holds.add(
            workspace=shree,
            contact=None,
            keep="working",
            basis="Audit",
            until=date(2040, 1, 1),
            by=owner_of(shree),
            at=LONG_AGO,
        )
    run = swept(shree, LONG_AGO + timedelta(days=40))
    assert (run.counts, run.waiting) == ({}, {"held": 1})


def test_foretelling_says_what_the_run_then_does(shree: Workspace) -> None:
    contact(shree)
    answer(shree, LONG_AGO)
    with tenancy.inside(shree):
        told = {(one.keep_name, one.count) for one in sweeping.foretell(shree.pk, policy(), THREE_YEARS)}
        assert RetentionDue.objects.of(shree).count() == 0
    assert told == {("marketing", 1), ("working", 1)}
    assert swept(shree, THREE_YEARS).counts == {
        "marketing": {"people.Contact": 1},
        "working": {"core.IdempotentAnswer": 1},
    }


def test_a_run_whose_worker_was_killed_is_closed_by_the_next(shree: Workspace) -> None:
    with tenancy.inside(shree):
        RetentionRun.objects.create(workspace_id=shree.pk, started_at=LONG_AGO, policy_number=0)
    swept(shree, LONG_AGO + timedelta(days=1))
    with tenancy.inside(shree):
        assert not RetentionRun.objects.of(shree).filter(ended_at__isnull=True).exists()


def test_the_page_of_one_person_says_what_the_sweep_does(shree: Workspace) -> None:
    asha = contact(shree)
    with tenancy.inside(shree):
        found = due.of_one(shree.pk, policy(), asha.pk)
    assert found is not None
    term, when = found
    assert (term.keep, term.trigger, when) == ("marketing", "last_interaction", THREE_YEARS)


def test_a_workspace_made_today_has_nothing_to_do() -> None:
    made = make_workspace()
    assert swept(made, clock.now()).counts == {}
