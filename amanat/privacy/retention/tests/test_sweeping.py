"""The sweep keeps the promises of `keep`: not a second early, at the moment, and nothing else."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from django.core import mail
from django.db import connection

from amanat.accounts import access
from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import make_workspace, owner_of
from amanat.core import clock, ids, tenancy
from amanat.core.models import IdempotentAnswer, LedgerEntry, LocalMessage
from amanat.desk.models import ServiceRecord, Task
from amanat.people.models import Contact
from amanat.policy.durations import Duration
from amanat.privacy.erasure.models import Erasure
from amanat.privacy.retention import due, holds, sweeping, tasks, telling
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_late_warning_delays_the_erasure(warned: Workspace) -> None:
    contact(warned, main_email="asha@example.in")
    assert swept(warned, THREE_YEARS).counts == {}
    assert swept(warned, THREE_YEARS + timedelta(hours=48) - SECOND).counts == {}
    assert swept(warned, THREE_YEARS + timedelta(hours=48)).counts == {"marketing": {"people.Contact": 1}}


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_hold_ends_with_its_last_day(shree: Workspace) -> None:
    asha, owner = contact(shree), owner_of(shree)
    until = THREE_YEARS.date() + timedelta(days=3)
    with tenancy.inside(shree):
        holds.add(workspace=shree, contact=asha, keep="", basis="Court case", until=until, by=owner, at=LONG_AGO)
    end = datetime.combine(until + timedelta(days=1), datetime.min.time(), ZoneInfo(shree.time_zone))
    assert swept(shree, end - SECOND).counts == {}
    assert swept(shree, end).counts == {"marketing": {"people.Contact": 1}}


@pytest.mark.parametrize(
    ("zone", "midnight"), [("Asia/Kolkata", "2026-11-23T18:30Z"), ("America/New_York", "2026-11-24T05:00Z")]
)
def test_the_last_day_of_a_hold_ends_at_midnight_where_the_shop_is(shree: Workspace, zone: str, midnight: str) -> None:
    asha, owner, end, until = contact(shree), owner_of(shree), datetime.fromisoformat(midnight), date(2026, 11, 23)
    with tenancy.inside(shree):
        Workspace.objects.of(shree).update(time_zone=zone)
        owner.workspace.time_zone = zone
        for when in (end - SECOND, end):
            said = holds.HoldRefused if when == end else None
            with pytest.raises(said) if said else nullcontext():
                holds.add(workspace=shree, contact=asha, keep="", basis="Court", until=until, by=owner, at=when)
            assert bool(holds.in_the_way([asha.pk], workspace_id=shree.pk, at=when)) is (when < end)
            with connection.cursor() as cursor:
                cursor.execute(*holds.read_of_one(asha.pk, workspace_id=shree.pk, at=when))
                assert cursor.rowcount == (when < end)


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


@pytest.mark.slow
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
    swept(shree, LONG_AGO + timedelta(days=2))
    with tenancy.inside(shree):
        ended = RetentionRun.objects.of(shree).order_by("started_at").values_list("ended_at", flat=True)
        assert list(ended) == [LONG_AGO + timedelta(days=days) for days in (1, 1, 2)], "and no other is touched"


def hold(workspace: Workspace, keep: str = "", *, person: Contact | None = None) -> None:
    with tenancy.inside(workspace):
        holds.add(
            workspace=workspace, contact=person, keep=keep, basis="Court", until=date(2040, 1, 1), by=owner_of(workspace),
            at=LONG_AGO,
        )  # fmt: skip


def test_a_run_says_what_went_what_waits_and_under_which_policy(shree: Workspace) -> None:
    owner = owner_of(shree)
    publish(shree, policy(), by=owner, at=LONG_AGO, number=7)
    held, _gone, later = contact(shree), contact(shree, "Gone"), contact(shree, "Later", at=LONG_AGO + SECOND)
    for person in (held, later):
        hold(shree, person=person)
    with clock.standing_at(THREE_YEARS):
        run = sweeping.run(shree.pk, at=THREE_YEARS, by=owner)
    with tenancy.inside(shree):
        kept = RetentionRun.objects.of(shree).get()
        said = LedgerEntry.objects.of(shree).filter(event="privacy.retention.swept").get()
        due_now = RetentionDue.objects.of(shree).filter(state="waiting").values_list("contact_id", flat=True)
        assert set(due_now) == {held.pk}
    assert kept.counts == run.counts == {"marketing": {"people.Contact": 1}}
    assert (kept.waiting, kept.ended_at, kept.policy_number) == ({"held": 1}, THREE_YEARS, 7)
    assert (said.actor, said.about, said.at) == (owner.pk, kept.pk, THREE_YEARS)
    assert said.facts == {"gone": 1, "waiting": 1, "policy": 7}


def test_how_far_a_run_came_is_written_down_before_it_ends(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    answer(shree, LONG_AGO)
    contact(shree)

    def dies(*said: object, **more: object) -> int:
        raise KeyboardInterrupt

    monkeypatch.setattr(sweeping.books, "sweep", dies)
    with pytest.raises(KeyboardInterrupt):
        swept(shree, THREE_YEARS)
    with tenancy.inside(shree):
        run = RetentionRun.objects.of(shree).get()
    assert run.ended_at is None
    assert run.counts == {"marketing": {"people.Contact": 1}, "working": {"core.IdempotentAnswer": 1}}


@pytest.mark.parametrize("keep", ["billing", "evidence"])
def test_of_books_and_proofs_under_a_hold_nothing_is_looked_for(
    shree: Workspace, keep: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(sweeping.books, "sweep", lambda *_said, **_more: asked.append("billing") or 0)
    monkeypatch.setattr(sweeping.books, "count", lambda *_said, **_more: asked.append("billing") or 3)
    monkeypatch.setattr(sweeping.proofs, "sweep", lambda *_said, **_more: asked.append("evidence") or {})
    hold(shree, keep)
    swept(shree, THREE_YEARS)
    assert set(asked) == {"billing", "evidence"} - {keep}
    with tenancy.inside(shree):
        told = {one.keep_name: one.count for one in sweeping.foretell(shree.pk, policy(), THREE_YEARS)}
    assert told == ({} if keep == "billing" else {"billing": 3})


def test_foretelling_leaves_out_what_is_held_and_who_is_not_due_yet(shree: Workspace) -> None:
    answer(shree, LONG_AGO)
    contact(shree, "Due")
    contact(shree, "Tomorrow", at=LONG_AGO + SECOND)
    hold(shree, "working")
    with tenancy.inside(shree):
        told = {(one.keep_name, one.count) for one in sweeping.foretell(shree.pk, policy(), THREE_YEARS)}
    assert told == {("marketing", 1)}


def test_somebody_deleted_in_between_is_closed_without_an_erasure(shree: Workspace) -> None:
    with tenancy.inside(shree):
        row = RetentionDue.objects.create(
            workspace_id=shree.pk, contact=None, keep="marketing", trigger="last_interaction", due_at=LONG_AGO
        )
        assert sweeping._order(shree.pk, policy(), THREE_YEARS) == (None, {})
        row.refresh_from_db()
        assert (row.state, row.closed_at) == ("ordered", THREE_YEARS)
        assert sweeping._order(shree.pk, policy(), THREE_YEARS) is None
        assert not Erasure.objects.of(shree).exists()


def test_batch_after_batch_of_proofs_and_what_left_the_sealed_store_are_counted(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    batches = [{"basis.Decision": 3, "basis.ConsentRecord": 1}, {"basis.Decision": 2}, {}]
    monkeypatch.setattr(sweeping.proofs, "sweep", lambda *_said, **_more: batches.pop(0))
    monkeypatch.setattr(sweeping.sealing, "destroy_due", lambda *_said, **_more: 4)
    assert swept(shree, LONG_AGO).counts == {
        "evidence": {"basis.Decision": 5, "basis.ConsentRecord": 1},
        "vault": {"privacy.SealedRecord": 4},
    }


TWO_DAYS = Duration.parse("PT48H")


@pytest.mark.parametrize(
    ("keep", "told", "by_way_of", "is_so"),
    [
        ("marketing", None, "", False),
        ("marketing", timedelta(hours=48) - SECOND, "mail", False),
        ("marketing", timedelta(hours=48), "mail", True),
        ("marketing", SECOND, "nothing", True),
        ("marketing", None, "nothing", False),
        ("service", None, "", True),
    ],
    ids=["not-yet", "too-shortly", "long-enough", "nobody-to-tell", "not-looked-yet", "no-warning"],
)
def test_who_was_told_long_enough_ago(keep: str, told: timedelta | None, by_way_of: str, is_so: bool) -> None:
    row = sweeping._Waiting(ids.new(), ids.new(), keep, told and LONG_AGO - told, by_way_of)
    assert sweeping._was_told(row, {"marketing": TWO_DAYS}, LONG_AGO) is is_so


@pytest.mark.parametrize(
    ("ago", "late"), [(None, True), (timedelta(hours=25), False), (timedelta(hours=25, seconds=1), True)]
)
def test_a_sweep_is_late_after_a_day_and_an_hour(ago: timedelta | None, late: bool) -> None:
    assert sweeping.is_late(ago and RetentionRun(started_at=LONG_AGO - ago), LONG_AGO) is late


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


def test_what_was_closed_before_stays_as_it_was(shree: Workspace) -> None:
    """Somebody who is due by no rule any more is taken off the list, not out of what happened."""
    asha = contact(shree, at=THREE_YEARS)
    known = {"contact": asha, "keep": "marketing", "trigger": "last_interaction", "due_at": LONG_AGO}
    with tenancy.inside(shree):
        made = [
            RetentionDue.objects.create(workspace_id=shree.pk, state=state, closed_at=closed, **known)
            for state, closed in (("ordered", LONG_AGO), ("waiting", None))
        ]
        sweeping._take_off(shree.pk, policy(), THREE_YEARS)
        rows = RetentionDue.objects.of(shree).in_bulk([one.pk for one in made])
    assert [(rows[one.pk].state, rows[one.pk].closed_at) for one in made] == [
        ("ordered", LONG_AGO),
        ("cancelled", THREE_YEARS),
    ]


def test_a_workspace_that_goes_while_others_are_swept_is_no_fault(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(access, "workspace_ids", lambda: [ids.new(), shree.pk])
    tasks.sweep_all()
    assert caplog.records == []
    with tenancy.inside(shree):
        assert RetentionRun.objects.of(shree).count() == 1
