"""Guardians: checked before they count, never for advertising, ended at once."""

from __future__ import annotations

import dataclasses
from datetime import UTC, date, datetime, timedelta

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.basis import consent, gate, guardians, notices, rules
from amanat.basis.consent import How
from amanat.basis.gate import Facts, Question, Reason
from amanat.basis.guardians import Check, NoGuardian, NotVerified, Verified
from amanat.basis.models import Guardianship, Method, Notice
from amanat.basis.tests.people import make_contact
from amanat.core import ids, tenancy
from amanat.people import bin as bins
from amanat.people.models import Contact

AT = datetime(2026, 12, 1, 6, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


@pytest.fixture(autouse=True)
def inside(shree: Workspace) -> object:
    with tenancy.inside(shree):
        yield


@pytest.fixture
def child(inside: None, shree: Workspace) -> Contact:
    return make_contact(shree, "Meera Menon", phone="+919822041736", birthday=date(2015, 6, 1))


@pytest.fixture
def mother(inside: None, shree: Workspace) -> Contact:
    return make_contact(shree, "Asha Menon", phone="+919822041737", birthday=date(1990, 4, 17))


def named(child: Contact, mother: Contact, check: Check = Check.HELD, at: datetime = AT, **given: str) -> Guardianship:
    by = owner_of(Workspace.objects.of(child.workspace_id).get())
    return guardians.name(child=child, guardian=mother, check=check, given=given, by=by, method=Method.COUNTER, at=at)


def agrees(
    guardianship: Guardianship, shree: Workspace, purpose: str = "service", channel: str = "", at: datetime = AT
) -> None:
    guardians.agree(
        guardianship=guardianship, purpose=purpose, channels=[channel], notice=shown(shree, purpose), by=None, method=Method.COUNTER, at=at
    )  # fmt: skip


def shown(shree: Workspace, purpose: str) -> Notice:
    return notices.show(workspace=shree, purposes=[purpose], language="en", at=AT)


def asked(child: Contact, purpose: str = "service", channel: str = "", at: datetime = LATER) -> tuple[bool, Reason]:
    answer = gate.decide(child, workspace=child.workspace_id, purpose=purpose, channel=channel, at=at, today=at.date())
    return answer.is_allowed, answer.reason


def test_a_child_is_used_for_nothing_until_a_guardian_agreed(child: Contact, mother: Contact, shree: Workspace) -> None:
    assert asked(child) == (False, Reason.CHILD)
    guardianship = named(child, mother)
    assert asked(child) == (False, Reason.CHILD), "naming is not agreeing"
    agrees(guardianship, shree)
    assert asked(child) == (True, Reason.GROUND)
    assert asked(child, "support") == (False, Reason.CHILD), "for that purpose and no other"


def test_no_guardian_opens_advertising_or_following(child: Contact, mother: Contact, shree: Workspace) -> None:
    guardianship = named(child, mother)
    agrees(guardianship, shree, "marketing", "sms")
    agrees(guardianship, shree, "analytics")
    assert asked(child, "marketing", "sms") == (False, Reason.CHILD)
    assert asked(child, "analytics") == (False, Reason.CHILD)
    agrees(guardianship, shree, "reminders", "sms")
    assert asked(child, "reminders", "sms") == (True, Reason.CONSENT)


def test_the_childs_own_yes_does_not_count(child: Contact, shree: Workspace) -> None:
    consent.give(
        contact=child,
        purpose="reminders",
        channels=["sms"],
        notice=shown(shree, "reminders"),
        how=How(Method.LINK),
        at=AT,
    )
    assert asked(child, "reminders", "sms") == (False, Reason.CHILD)


def test_a_guardians_yes_that_is_over_opens_nothing_on_whatever_ground(
    child: Contact, mother: Contact, shree: Workspace
) -> None:
    held = named(child, mother)
    consent.give(
        contact=child, purpose="service", notice=shown(shree, "service"), how=How(Method.COUNTER), at=AT, until=LATER,
        guardianship=held,
    )  # fmt: skip
    assert asked(child, at=LATER - timedelta(seconds=1)) == (True, Reason.GROUND)
    assert asked(child, at=LATER) == (False, Reason.CONSENT_OVER)


def test_a_guardians_yes_to_less_is_asked_anew_on_whatever_ground(shree: Workspace) -> None:
    asks = dataclasses.replace(rules.of(shree.pk), asks_anew={"service": 3})
    facts = Facts(
        ids.new(),
        birthday=date(2015, 6, 1),
        consent="given",
        consent_version=2,
        guardian_agreed=True,
        phone="+919822041736",
    )
    question = Question(asks, "service", "", AT, AT.date())
    assert gate.judge(facts, question).reason == Reason.ASK_ANEW
    newer = dataclasses.replace(facts, consent_version=3)
    assert gate.judge(newer, question).reason == Reason.GROUND


def test_what_a_guardian_agreed_to_ends_with_her(child: Contact, mother: Contact, shree: Workspace) -> None:
    guardianship = named(child, mother)
    agrees(guardianship, shree)
    guardians.end(guardianship=guardianship, by=None, method=Method.COUNTER, at=LATER)
    assert asked(child) == (False, Reason.CHILD)
    assert asked(child, at=LATER - timedelta(minutes=1)) == (True, Reason.GROUND), (
        "what was allowed then stays explained"
    )
    with pytest.raises(NoGuardian):
        agrees(guardianship, shree, at=LATER)


def test_consented_names_those_with_a_standing_yes(child: Contact, mother: Contact, shree: Workspace) -> None:
    alone = make_contact(shree, "Om Rane", birthday=date(2016, 1, 1))
    everyone = [child.pk, alone.pk]
    assert guardians.consented(everyone, shree.pk, LATER) == set()
    guardianship = named(child, mother)
    agrees(guardianship, shree)
    assert guardians.consented(everyone, shree.pk, LATER) == {child.pk}
    assert guardians.consented(everyone, shree.pk, AT - timedelta(seconds=1)) == set()
    consent.withdraw(contact=child, purpose="service", how=How(Method.COUNTER), at=LATER)
    assert guardians.consented(everyone, shree.pk, LATER) == set()


@pytest.mark.parametrize(
    ("check", "given", "fields"),
    [
        (Check.HELD, {}, {"birthday": None}),
        (Check.HELD, {}, {"birthday": date(2010, 1, 1)}),
        (Check.HELD, {}, {"main_phone": ""}),
        (Check.GIVEN, {}, {}),
        (Check.GIVEN, {"paper": "PAN", "number": "12"}, {}),
        (Check.TOKEN, {"token": "x"}, {}),
    ],
)
def test_a_guardian_who_cannot_be_shown_to_be_an_adult_does_not_count(
    child: Contact, mother: Contact, check: Check, given: dict[str, str], fields: dict[str, object]
) -> None:
    for name, value in fields.items():
        setattr(mother, name, value)
    with pytest.raises(NotVerified):
        named(child, mother, check, **given)
    assert not Guardianship.objects.of(child.workspace_id).exists()


def test_nobody_answers_for_herself(child: Contact) -> None:
    with pytest.raises(NotVerified):
        named(child, child)


def test_of_a_paper_only_its_kind_and_end_are_kept(child: Contact, mother: Contact) -> None:
    found = named(child, mother, Check.GIVEN, paper="PAN", number="ABCPM 1234 K")
    assert found.evidence == {"paper": "PAN", "number": "••234K"}


def test_a_reader_of_locker_tokens_can_be_registered(child: Contact, mother: Contact) -> None:
    class Locker:
        def verify(self, guardian: Contact, given: object, *, at: datetime) -> Verified:
            return Verified(Check.TOKEN, {"issuer": "locker", "check": "42"})

    guardians.register(Check.TOKEN, Locker())
    try:
        assert named(child, mother, Check.TOKEN).evidence == {"issuer": "locker", "check": "42"}
    finally:
        guardians.register(Check.TOKEN, guardians.NoLocker())


def test_a_guardian_who_is_purged_leaves_the_proof(child: Contact, mother: Contact, shree: Workspace) -> None:
    agrees(named(child, mother), shree)
    by = owner_of(shree)
    bins.delete(model=Contact, workspace=shree, ids=[mother.pk], by=by, at=LATER)
    bins.purge(model=Contact, workspace=shree, ids=[mother.pk], by=by, at=LATER)
    left = Guardianship.objects.of(shree).get()
    assert left.guardian is None and left.contact_id == child.pk
    assert asked(child) == (True, Reason.GROUND)
