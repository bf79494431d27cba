"""A partner gets a person's data after her yes to that partner, which is taken back like any other; never a child's."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from amanat.accounts.models import Workspace
from amanat.basis import consent, gate, notices, objections, rules
from amanat.basis.gate import Reason
from amanat.basis.models import Method
from amanat.core import tenancy
from amanat.people.models import Contact
from amanat.publishing.tests.samples import NOW, published

NAMED = (
    "partner:   {is: dpv:ThirdParty, gets: [identity], when: consent, named: true}",
    "partner:   {is: dpv:ThirdParty, gets: [identity], when: consent, named: true}\n"
    '  sahyadri:  {is: dpv:ThirdParty, gets: [identity], in: [IN], when: consent, named: true, name: "Sahyadri Insurance"}\n'
    '  deccan:    {is: dpv:ThirdParty, gets: [identity], in: [IN], when: consent, named: true, name: "Deccan Bank"}',
)
HERSELF = consent.How(Method.LINK)
LATER = NOW + timedelta(days=40)


@pytest.fixture
def asha(shree: Workspace) -> Contact:
    published(shree, NAMED)
    with tenancy.inside(shree):
        return Contact.objects.create(workspace_id=shree.pk, name="Asha", birthday=date(1980, 1, 1))


def may(contact: Contact, partner: str, *, minutes: int = 0) -> gate.Answer:
    at = LATER + timedelta(minutes=minutes)
    with tenancy.inside(contact.workspace_id):
        return gate.decide(
            contact, workspace=contact.workspace_id, purpose=partner, at=at, today=at.date(), what="partner"
        )


def agree(contact: Contact, workspace: Workspace, partner: str, *, minutes: int = 0) -> None:
    at = LATER + timedelta(minutes=minutes)
    with tenancy.inside(workspace):
        notice = notices.show(workspace=workspace, purposes=[partner], language="en", at=at)
        consent.give(contact=contact, purpose=partner, notice=notice, how=HERSELF, at=at)


def test_a_yes_to_one_is_no_yes_to_another(asha: Contact, shree: Workspace) -> None:
    assert may(asha, "to_sahyadri").reason == Reason.NO_CONSENT
    agree(asha, shree, "to_sahyadri")
    assert (may(asha, "to_sahyadri").is_allowed, may(asha, "to_deccan").reason) == (True, Reason.NO_CONSENT)


def test_taking_it_back_holds_at_once(asha: Contact, shree: Workspace) -> None:
    agree(asha, shree, "to_sahyadri")
    with tenancy.inside(shree):
        consent.withdraw(contact=asha, purpose="to_sahyadri", how=HERSELF, at=LATER)
    assert may(asha, "to_sahyadri").reason == Reason.WITHDRAWN


def test_opting_out_of_sale_ends_it_until_she_says_yes_to_a_partner_again(asha: Contact, shree: Workspace) -> None:
    agree(asha, shree, "to_sahyadri")
    agree(asha, shree, "to_deccan")
    with tenancy.inside(shree):
        objections.opt_out_of_sale(asha, how=HERSELF, at=LATER + timedelta(minutes=1))
    assert may(asha, "to_sahyadri", minutes=0).is_allowed
    assert {may(asha, name, minutes=2).reason for name in ("to_sahyadri", "to_deccan")} == {Reason.OBJECTION}
    assert may(asha, "service", minutes=2).is_allowed
    agree(asha, shree, "to_deccan", minutes=3)
    assert may(asha, "to_deccan", minutes=4).is_allowed
    assert may(asha, "to_sahyadri", minutes=4).reason == Reason.OBJECTION


def test_a_partner_the_policy_does_not_name_is_unknown(asha: Contact) -> None:
    for name in ("to_partner", "to_nobody"):
        with pytest.raises(rules.UnknownPurpose):
            may(asha, name)


def test_people_are_asked_for_each_with_the_data_by_item(asha: Contact, shree: Workspace) -> None:
    with tenancy.inside(shree):
        wanted = dict(rules.of(shree.pk).asked_of_people())
        text = notices.text_of(workspace=shree, purposes=["to_sahyadri"], language="en")
    assert (wanted["to_sahyadri"], wanted["to_deccan"]) == (("",), ("",))
    assert "giving data to Sahyadri Insurance" in text and "names" in text and "Deccan" not in text


def test_no_consent_gives_a_child_away(asha: Contact, shree: Workspace) -> None:
    agree(asha, shree, "to_sahyadri")
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=asha.pk).update(birthday=LATER.date() - timedelta(days=4000))
    assert may(asha, "to_sahyadri").reason == Reason.CHILD
    with tenancy.inside(shree):
        from amanat.basis import guardians

        assert guardians.is_never_for_children(rules.of(shree.pk), "to_sahyadri")
