"""What a new version of the policy does to what people agreed to before: a wider purpose asks anew, nothing is taken from silence."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from amanat.accounts.models import Workspace
from amanat.basis import consent, gate, notices, rules
from amanat.basis.consent import How
from amanat.basis.gate import Reason
from amanat.basis.models import Method
from amanat.basis.tests.people import make_contact
from amanat.core import tenancy
from amanat.people.models import Contact
from amanat.publishing.tests.samples import LEAD, LONGER, NARROWER, NOW, WIDER, published

DAY = timedelta(days=1)
HOLDS = NOW + DAY + LEAD  #: when the wider version, published a day after the first, takes effect


@pytest.fixture
def asha(shree: Workspace) -> Contact:
    published(shree, at=NOW)
    with tenancy.inside(shree):
        return make_contact(shree, "Asha Menon", phone="+919822041736", email="asha@example.in")


def agree(workspace: Workspace, contact: Contact, at: datetime, shown_at: datetime | None = None) -> None:
    """She is shown the notice of the policy at one moment and says yes then, or later."""
    with tenancy.inside(workspace):
        notice = notices.show(
            workspace=workspace, purposes=["marketing"], language="en", at=shown_at or at,
            in_force=rules.of(workspace.pk, shown_at or at),
        )  # fmt: skip
        consent.give(contact=contact, purpose="marketing", channels=["sms"], notice=notice, how=How(Method.LINK), at=at)


def asked(workspace: Workspace, contact: Contact, at: datetime) -> tuple[bool, Reason]:
    with tenancy.inside(workspace):
        answer = gate.decide(contact, workspace=workspace, purpose="marketing", channel="sms", at=at, today=at.date())
        counts = consent.still_counts(consent.standing(contact, at=at)["marketing", "sms"], rules.of(workspace.pk, at))
    assert counts == answer.is_allowed, "the pages of the person say what the gate does"
    return answer.is_allowed, answer.reason


@pytest.mark.slow
def test_a_wider_purpose_is_refused_until_she_is_asked_anew(shree: Workspace, asha: Contact) -> None:
    agree(shree, asha, NOW)
    published(shree, WIDER, at=NOW + DAY)
    assert asked(shree, asha, NOW + DAY) == (True, Reason.CONSENT), "announced is not in force"
    assert asked(shree, asha, HOLDS - timedelta(microseconds=1)) == (True, Reason.CONSENT)
    assert asked(shree, asha, HOLDS) == (False, Reason.ASK_ANEW)
    agree(shree, asha, HOLDS + DAY)
    assert asked(shree, asha, HOLDS + DAY) == (True, Reason.CONSENT)


def test_a_yes_to_the_old_notice_given_after_the_new_version_does_not_count(shree: Workspace, asha: Contact) -> None:
    published(shree, WIDER, at=NOW + DAY)
    agree(shree, asha, HOLDS + timedelta(minutes=5), shown_at=HOLDS - timedelta(minutes=5))
    assert asked(shree, asha, HOLDS + timedelta(minutes=6)) == (False, Reason.ASK_ANEW)


def test_a_consent_from_a_file_counts_as_of_its_day(shree: Workspace, asha: Contact) -> None:
    published(shree, WIDER, at=NOW + DAY)
    how = How(Method.FILE, evidence={"file": "2026.csv"})
    for at, expected in ((NOW, (False, Reason.ASK_ANEW)), (HOLDS, (True, Reason.CONSENT))):
        with tenancy.inside(shree):
            consent.give(contact=asha, purpose="marketing", channels=["sms"], notice=None, how=how, at=at)
        assert asked(shree, asha, HOLDS + DAY) == expected


@pytest.mark.parametrize("change", [NARROWER, LONGER], ids=["narrower", "another rule"])
def test_what_does_not_widen_the_purpose_keeps_its_consents(
    shree: Workspace, asha: Contact, change: tuple[str, str]
) -> None:
    agree(shree, asha, NOW)
    published(shree, change, at=NOW + DAY)
    assert asked(shree, asha, HOLDS) == (True, Reason.CONSENT)


@pytest.mark.slow
def test_later_versions_do_not_forget_who_must_be_asked(shree: Workspace, asha: Contact) -> None:
    agree(shree, asha, NOW)
    published(shree, WIDER, at=NOW + DAY)
    published(shree, at=HOLDS + DAY)  # back to the first
    assert asked(shree, asha, HOLDS + DAY) == (False, Reason.ASK_ANEW)


@pytest.mark.slow
def test_a_wider_version_withdrawn_before_it_held_asks_nobody(shree: Workspace, asha: Contact) -> None:
    agree(shree, asha, NOW)
    published(shree, WIDER, at=NOW + DAY)
    published(shree, NARROWER, at=NOW + 2 * DAY)
    assert asked(shree, asha, HOLDS + DAY) == (True, Reason.CONSENT)


def test_the_gate_answers_for_a_past_moment_by_the_policy_of_that_moment(shree: Workspace, asha: Contact) -> None:
    published(shree, ("min_age: 18", "min_age: 21"), at=NOW + DAY)
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=asha.pk).update(birthday=(NOW - timedelta(days=365 * 20)).date())
        answers = [
            gate.decide(asha, workspace=shree, purpose="service", at=at, today=at.date()).reason
            for at in (NOW, NOW + DAY)
        ]
    assert answers == [Reason.GROUND, Reason.CHILD]
