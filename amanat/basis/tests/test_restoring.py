"""What people stopped after a backup was made stands again when it is restored; what they took back does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import transaction

from amanat.accounts.models import Workspace
from amanat.basis import consent, gate, guardians, notices, objections, restoring, restrictions, suppression
from amanat.basis.consent import How
from amanat.basis.models import Guardianship, Method, Restriction, Suppression
from amanat.basis.tests.people import make_contact
from amanat.core import tenancy, tombstones
from amanat.core.models import LedgerEntry
from amanat.core.tombstones import Kind
from amanat.people.models import Contact

AT = datetime(2026, 12, 1, 6, 30, tzinfo=UTC)
PHONE, EMAIL = "+919822041736", "asha@example.in"
HERSELF = How(Method.LINK)


@pytest.fixture
def asha(shree: Workspace) -> Contact:
    """She agreed to reminders and offers."""
    with tenancy.inside(shree):
        contact = make_contact(shree, "Asha Menon", phone=PHONE, email=EMAIL)
        for purpose in ("marketing", "reminders"):
            notice = notices.show(workspace=shree, purposes=[purpose], language="en", at=AT)
            consent.give(contact=contact, purpose=purpose, channels=["sms", "email"], notice=notice, how=HERSELF, at=AT)
        return contact


@pytest.fixture
def lost(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Do something that no backup has: its rows go, its lines outside the database stay."""
    lines: list[str] = []

    def record(
        kind: Kind, subjects: Iterable[UUID], *, at: datetime, workspace_id: UUID, carried: Sequence[str] = ()
    ) -> None:
        lines.append(tombstones._lines(kind, list(subjects), at, workspace_id, carried))

    def done(act: Callable[[], None]) -> None:
        lines.clear()
        monkeypatch.setattr(tombstones, "record", record)
        with tenancy.inside(shree), transaction.atomic():
            act()
            transaction.set_rollback(True)
        monkeypatch.undo()
        tombstones.append(lines)

    return done


def again(shree: Workspace) -> int:
    with tenancy.inside(shree):
        return restoring.again(tombstones.read(), workspace_id=shree.pk)


def may(asha: Contact, purpose: str, channel: str, at: datetime = AT + timedelta(hours=3)) -> bool:
    with tenancy.inside(asha.workspace_id):
        answer = gate.decide(
            asha, workspace=asha.workspace_id, purpose=purpose, channel=channel, at=at, today=date(2026, 12, 1)
        )
        return answer.is_agreed


def test_an_opt_out_stands_again_for_its_purpose_and_channel_alone(
    shree: Workspace, asha: Contact, lost: Callable[[Callable[[], None]], None]
) -> None:
    lost(lambda: consent.withdraw(contact=asha, purpose="marketing", channels=["sms"], how=HERSELF, at=AT) and None)
    assert may(asha, "marketing", "sms")
    assert again(shree) == 2 and again(shree) == 0, "her number and her yes"
    assert not may(asha, "marketing", "sms")
    assert may(asha, "marketing", "email") and may(asha, "reminders", "sms")


def test_a_wish_for_none_stands_again_until_her_next_yes(
    shree: Workspace, asha: Contact, lost: Callable[[Callable[[], None]], None]
) -> None:
    lost(lambda: objections.want_none(contact=asha, purpose="marketing", how=HERSELF, at=AT) and None)
    assert may(asha, "marketing", "sms")
    assert again(shree) > 0 and again(shree) == 0
    assert not may(asha, "marketing", "sms") and may(asha, "reminders", "sms")
    with tenancy.inside(shree):
        later, notice = (
            AT + timedelta(minutes=5),
            notices.show(workspace=shree, purposes=["marketing"], language="en", at=AT),
        )
        consent.give(contact=asha, purpose="marketing", channels=["sms"], notice=notice, how=HERSELF, at=later)
    assert may(asha, "marketing", "sms") and not may(asha, "marketing", "email")


def test_a_complaint_stops_everything_again(
    shree: Workspace, asha: Contact, lost: Callable[[Callable[[], None]], None]
) -> None:
    lost(lambda: suppression.add([EMAIL], workspace=shree, reason=Suppression.Reason.COMPLAINT, at=AT) and None)
    assert again(shree) == 1
    assert not may(asha, "marketing", "email") and may(asha, "marketing", "sms")


def test_what_was_taken_back_stays_taken_back(
    shree: Workspace, asha: Contact, lost: Callable[[Callable[[], None]], None]
) -> None:
    def stop_and_start() -> None:
        later = AT + timedelta(minutes=1)
        suppression.add(
            [PHONE], workspace=shree, reason=Suppression.Reason.OPT_OUT, at=AT, purpose="reminders", channel="sms"
        )
        suppression.lift([PHONE], workspace=shree, at=later, purpose="reminders", channel="sms")
        objections.make(contact=asha, how=HERSELF, at=AT, purpose="reminders")
        objections.withdraw(contact=asha, how=HERSELF, at=later, purpose="reminders")

    lost(stop_and_start)
    assert again(shree) == 0 and may(asha, "reminders", "sms")


def test_a_stop_after_a_start_is_the_last_word(
    shree: Workspace, asha: Contact, lost: Callable[[Callable[[], None]], None]
) -> None:
    """Also where the backup has the first of it: the last word before the moment is what counts."""

    def stop(at: datetime) -> int:
        return suppression.add(
            [PHONE], workspace=shree, reason=Suppression.Reason.OPT_OUT, at=at, purpose="reminders", channel="sms"
        )

    def start(at: datetime) -> int:
        return suppression.lift([PHONE], workspace=shree, at=at, purpose="reminders", channel="sms")

    minute = timedelta(minutes=1)
    with tenancy.inside(shree):
        assert stop(AT) and start(AT + minute)
    lost(lambda: stop(AT + 2 * minute) and None)
    assert again(shree) == 1 and again(shree) == 0
    assert not may(asha, "reminders", "sms")
    with tenancy.inside(shree):
        said = LedgerEntry.objects.of(shree).filter(event="basis.suppression.added").order_by("id").last()
        assert said is not None and said.facts == {"count": 1, "reason": "opt_out"}


def test_a_stop_and_a_start_of_the_same_moment_are_a_stop(
    shree: Workspace, asha: Contact, lost: Callable[[Callable[[], None]], None]
) -> None:
    def both() -> None:
        suppression.add([PHONE], workspace=shree, reason=Suppression.Reason.OPT_OUT, at=AT, channel="sms")
        suppression.lift([PHONE], workspace=shree, at=AT, purpose="reminders", channel="sms")

    lost(both)
    assert again(shree) == 1 and not may(asha, "reminders", "sms")


def test_an_objection_stands_again(shree: Workspace, asha: Contact, lost: Callable[[Callable[[], None]], None]) -> None:
    lost(lambda: objections.make(contact=asha, how=HERSELF, at=AT, purpose="reminders") and None)
    assert may(asha, "reminders", "sms")
    assert again(shree) == 1 and again(shree) == 0
    assert not may(asha, "reminders", "sms") and may(asha, "marketing", "sms")


def test_a_yes_to_a_partner_that_was_taken_back_or_became_a_no_does_not_come_back(
    shree: Workspace, asha: Contact, lost: Callable[[Callable[[], None]], None]
) -> None:
    """Nothing of it hangs on an address: it is the yes itself that ends again."""
    with tenancy.inside(shree):
        notice = notices.show(workspace=shree, purposes=["record", "marketing"], language="en", at=AT)
        consent.give(contact=asha, purpose="record", notice=notice, how=HERSELF, at=AT)
    later = AT + timedelta(minutes=1)

    def stop() -> None:
        consent.withdraw(contact=asha, purpose="record", how=HERSELF, at=later)
        consent.refuse(contact=asha, purpose="marketing", channels=["sms"], notice=notice, how=HERSELF, at=later)

    lost(stop)
    assert may(asha, "record", "") and may(asha, "marketing", "sms")
    assert again(shree) == 2 and again(shree) == 0
    assert not may(asha, "record", "") and not may(asha, "marketing", "sms") and may(asha, "marketing", "email")


def test_a_yes_that_came_after_the_no_stays(
    shree: Workspace, asha: Contact, lost: Callable[[Callable[[], None]], None]
) -> None:
    with tenancy.inside(shree):
        notice = notices.show(workspace=shree, purposes=["marketing"], language="en", at=AT)

    def stop_and_start() -> None:
        consent.withdraw(contact=asha, purpose="marketing", channels=["sms"], how=HERSELF, at=AT + timedelta(minutes=1))
        consent.give(
            contact=asha,
            purpose="marketing",
            channels=["sms"],
            notice=notice,
            how=HERSELF,
            at=AT + timedelta(minutes=2),
        )

    lost(stop_and_start)
    assert again(shree) == 0 and may(asha, "marketing", "sms")


def test_a_restriction_stands_again_and_a_lifted_one_does_not(
    shree: Workspace, asha: Contact, lost: Callable[[Callable[[], None]], None]
) -> None:
    def restrict() -> None:
        restrictions.impose(contact=asha, ground=Restriction.Ground.REQUEST, how=HERSELF, at=AT)
        restrictions.impose(contact=asha, ground=Restriction.Ground.CLAIMS, how=HERSELF, at=AT)
        restrictions.lift(contact=asha, ground=Restriction.Ground.CLAIMS, how=HERSELF, at=AT + timedelta(minutes=1))

    lost(restrict)
    assert may(asha, "reminders", "sms")
    assert again(shree) == 1 and again(shree) == 0
    assert not may(asha, "reminders", "sms")
    with tenancy.inside(shree):
        assert restrictions.standing(asha, at=AT + timedelta(hours=1)) == {"request"}


def test_who_answered_for_a_child_and_does_no_longer_does_not_again(
    shree: Workspace, lost: Callable[[Callable[[], None]], None]
) -> None:
    with tenancy.inside(shree):
        mother = make_contact(shree, "Asha Menon", phone=PHONE, birthday=date(1990, 4, 17))
        child = make_contact(shree, "Meera Menon", birthday=date(2015, 6, 1))
        held = guardians.name(
            child=child, guardian=mother, check=Guardianship.Check.HELD, given={}, by=None, method=Method.COUNTER, at=AT
        )
        notice = notices.show(workspace=shree, purposes=["service"], language="en", at=AT)
        guardians.agree(guardianship=held, purpose="service", notice=notice, by=None, method=Method.COUNTER, at=AT)
    lost(lambda: guardians.end(guardianship=held, by=None, method=Method.COUNTER, at=AT + timedelta(hours=1)) and None)
    assert may(child, "service", "")
    assert again(shree) == 1 and again(shree) == 0
    assert not may(child, "service", "")


def test_who_came_and_opted_out_after_the_backup_is_not_written_to_when_brought_in_again(
    shree: Workspace, other: Workspace, lost: Callable[[Callable[[], None]], None]
) -> None:
    """Nothing of him is in the backup; his address is known by its keyed hash all the same."""

    def come_and_go() -> None:
        ravi = make_contact(shree, "Ravi Patil", phone="+919822041799")
        consent.withdraw(contact=ravi, purpose="reminders", channels=["sms"], how=HERSELF, at=AT)
        suppression.add(["r@example.in"], workspace=shree, reason=Suppression.Reason.COMPLAINT, at=AT)

    lost(come_and_go)
    assert again(shree) == 2 and again(shree) == 0 and again(other) == 0
    now = AT + timedelta(days=1)
    with tenancy.inside(shree):
        assert suppression.among(["r@example.in"], workspace=shree, at=now) == {"r@example.in": "opt_out"}
        back = make_contact(shree, "Ravi Patil", phone="+919822041799")
        notice = notices.show(workspace=shree, purposes=["reminders"], language="en", at=AT)
        consent.give(contact=back, purpose="reminders", channels=["sms"], notice=notice, how=How(Method.FILE), at=now)
    assert not may(back, "reminders", "sms", now)


def test_where_nothing_was_stopped_nothing_is_looked_for(
    shree: Workspace, asha: Contact, django_assert_num_queries: Callable[[int], object]
) -> None:
    with tenancy.inside(shree), django_assert_num_queries(0):  # type: ignore[attr-defined]
        assert restoring.again(tombstones.Tombstones({}), workspace_id=shree.pk) == 0
