from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.urls import reverse
from django.utils import translation

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.basis import consent, explaining, gate, notices, objections, rules
from amanat.basis.consent import How
from amanat.basis.gate import Reason
from amanat.basis.models import Decision, Method
from amanat.basis.tests.people import make_contact
from amanat.core import tenancy
from amanat.people.models import Contact

AT = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
TODAY = date(2026, 12, 1)
HERSELF = How(Method.LINK)


@pytest.fixture
def asha(db: None, shree: Workspace) -> Iterator[Contact]:
    with tenancy.inside(shree):
        yield make_contact(shree, "Asha", phone="+919822041736")


def explained(contact: Contact, at: datetime = AT) -> list[Reason | None]:
    steps = explaining.explain(
        contact, workspace=contact.workspace_id, purpose="marketing", channel="sms", at=at, today=TODAY
    )
    return [step.answer.reason if step.answer else None for step in steps]


def test_every_check_is_told_also_those_after_the_one_that_decides(asha: Contact, shree: Workspace) -> None:
    notice = notices.show(workspace=shree, purposes=["marketing"], language="en", at=AT)
    consent.give(contact=asha, purpose="marketing", channels=["sms"], notice=notice, how=HERSELF, at=AT)
    objections.make(contact=asha, how=HERSELF, at=AT + timedelta(hours=1))
    Contact.objects.of(shree).filter(pk=asha.pk).update(birthday=date(2015, 1, 1))
    assert explained(asha, AT) == [None, None, None, Reason.CHILD, *[None] * 5, Reason.CONSENT]
    assert explained(asha, AT + timedelta(hours=1)) == [
        None, None, None, Reason.CHILD, None, Reason.OBJECTION, None, None, None, Reason.CONSENT,
    ]  # fmt: skip


def test_the_first_answer_is_the_one_the_gate_gives(asha: Contact) -> None:
    objections.make(contact=asha, how=HERSELF, at=AT)
    answer = gate.decide(asha, workspace=asha.workspace_id, purpose="marketing", channel="sms", at=AT, today=TODAY)
    assert next(reason for reason in explained(asha) if reason) == answer.reason == Reason.OBJECTION


def test_explaining_leaves_no_trace(asha: Contact, shree: Workspace) -> None:
    explained(asha)
    assert not Decision.objects.of(shree).exists()


def test_there_are_words_for_every_reason_and_a_question_for_every_check() -> None:
    assert set(explaining.SENTENCES) == set(Reason)
    assert len(explaining.QUESTIONS) == len(gate.CHECKS)


@pytest.mark.parametrize("language", ["hi", "mr"])
def test_the_words_are_translated(language: str) -> None:
    english = [str(words) for words in (*explaining.SENTENCES.values(), *explaining.QUESTIONS)]
    with translation.override(language):
        theirs = [str(words) for words in (*explaining.SENTENCES.values(), *explaining.QUESTIONS)]
    assert [one for one, other in zip(english, theirs, strict=True) if one == other] == []


@pytest.mark.parametrize(
    ("purpose", "laws", "needs_consent", "is_duty"),
    [
        ("marketing", ("in-dpdp",), True, False),
        ("service", ("in-dpdp", "eu-gdpr"), False, False),
        ("law", ("in-dpdp",), False, True),
        ("law", ("in-dpdp", "us-ccpa"), False, True),
        ("security", ("eu-gdpr",), False, False),
    ],
)
def test_grounds_follow_from_policy_and_laws(
    asha: Contact, purpose: str, laws: tuple[str, ...], needs_consent: bool, is_duty: bool
) -> None:
    grounds = rules.of(asha.workspace_id).grounds(purpose, laws)
    assert (rules.needs_consent(grounds), rules.is_legal_duty(grounds)) == (needs_consent, is_duty)


@pytest.mark.parametrize(
    ("channel", "kind"), [("sms", "phone"), ("whatsapp", "phone"), ("call", "phone"), ("newsletter", "email"), ("", "")]
)
def test_a_channel_writes_to_one_kind_of_address(channel: str, kind: str) -> None:
    assert rules.address_kind(channel) == kind


@pytest.mark.parametrize("agreed", [True, False])
def test_what_would_allow_it_is_not_told_where_something_refused(asha: Contact, shree: Workspace, agreed: bool) -> None:
    if agreed:
        notice = notices.show(workspace=shree, purposes=["marketing"], language="en", at=AT)
        consent.give(contact=asha, purpose="marketing", channels=["sms"], notice=notice, how=HERSELF, at=AT)
    asked = {"person": str(asha.pk), "wanted": "marketing.sms", "at": f"{AT:%Y-%m-%dT12:00}"}
    page = signed_in(owner_of(shree)).get(reverse("basis:explain"), asked).content.decode()
    assert ("Then it may be, because:" in page) is agreed
    assert ("The person was never asked" in page) is not agreed
