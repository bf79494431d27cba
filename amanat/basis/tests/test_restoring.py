"""What people stopped after a backup was made stands again when it is restored; what they took back does not."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import pytest
from django.db import transaction

from amanat.accounts.models import Workspace
from amanat.basis import consent, gate, notices, objections, restoring, suppression
from amanat.basis.consent import How
from amanat.basis.models import Method, Suppression
from amanat.basis.tests.people import make_contact
from amanat.core import tenancy, tombstones
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

    def record(kind: Kind, subjects: Iterable[UUID], *, at: datetime, workspace_id: UUID) -> None:
        lines.append(tombstones._lines(kind, subjects, at, workspace_id))

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
    assert again(shree) == 1 and again(shree) == 0
    assert not may(asha, "marketing", "sms")
    assert may(asha, "marketing", "email") and may(asha, "reminders", "sms")


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


def test_an_objection_stands_again(shree: Workspace, asha: Contact, lost: Callable[[Callable[[], None]], None]) -> None:
    lost(lambda: objections.make(contact=asha, how=HERSELF, at=AT, purpose="reminders") and None)
    assert may(asha, "reminders", "sms")
    assert again(shree) == 1 and again(shree) == 0
    assert not may(asha, "reminders", "sms") and may(asha, "marketing", "sms")


def test_where_nothing_was_stopped_nothing_is_looked_for(
    shree: Workspace, asha: Contact, django_assert_num_queries: Callable[[int], object]
) -> None:
    with tenancy.inside(shree), django_assert_num_queries(0):  # type: ignore[attr-defined]
        assert restoring.again(tombstones.Tombstones({}), workspace_id=shree.pk) == 0
