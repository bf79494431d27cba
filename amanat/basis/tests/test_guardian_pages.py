"""A guardian is named at the counter with what was checked, agrees for the child, and answers no longer."""

from __future__ import annotations

from datetime import date

import pytest
from django.test import Client

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.basis import gate, guardian_views, guardians, rules
from amanat.basis.models import Guardianship
from amanat.basis.tests.people import make_contact, mark_on
from amanat.core import clock, tenancy
from amanat.people.models import Contact

MOTHERS = "+919822041737"


@pytest.fixture
def child(shree: Workspace) -> Contact:
    with tenancy.inside(shree):
        make_contact(shree, "Asha Menon", phone=MOTHERS, birthday=date(1990, 4, 17))
        make_contact(shree, "Sunil Menon", phone="+919822041738")
        return make_contact(shree, "Meera Menon", phone="+919822041736", birthday=date(2015, 6, 1))


@pytest.fixture
def client(shree: Workspace) -> Client:
    return factories.signed_in(factories.make_member(shree, role=Role.AGENT))


def page(child: Contact, more: str = "") -> str:
    return f"/contacts/{child.pk}/choices/guardian/{more}"


def answers_for(child: Contact) -> list[Guardianship]:
    with tenancy.inside(child.workspace_id):
        return guardians.standing(child, workspace=child.workspace_id, at=clock.now())


def may_be_used(child: Contact) -> bool:
    with tenancy.inside(child.workspace_id):
        now = clock.now()
        return gate.decide(child, workspace=child.workspace_id, purpose="service", at=now, today=now.date()).is_allowed


@pytest.mark.slow
def test_named_agreed_and_ended_at_the_counter(client: Client, child: Contact) -> None:
    assert "Nobody yet" in client.get(page(child)).content.decode()
    said = client.post(page(child, "name/"), {"phone": "98220 41737", "check": "held"}, follow=True).content.decode()
    assert "Asha Menon" in said and "Age and identity were known here already" in said
    [held] = answers_for(child)
    assert not may_be_used(child)
    mark = mark_on(said)
    stale = client.post(page(child, f"{held.pk}/agree/"), {"wanted": ["service."], "shown": f"hi{mark[2:]}"})
    assert stale.status_code == 422 and "The text has changed" in stale.content.decode() and not may_be_used(child)
    given = {"wanted": ["service."], "shown": mark}
    agreed = client.post(page(child, f"{held.pk}/agree/"), given, follow=True).content.decode()
    assert "The guardian agreed to:" in agreed and may_be_used(child)
    client.post(page(child, f"{held.pk}/end/"))
    assert answers_for(child) == [] and not may_be_used(child)
    assert client.post(page(child, f"{held.pk}/agree/"), {"wanted": ["service."]}).status_code == 404


def test_a_guardian_who_is_erased_is_named_no_more_and_nothing_can_be_done_about_it(
    client: Client, child: Contact
) -> None:
    client.post(page(child, "name/"), {"phone": "98220 41737", "check": "held"})
    [held] = answers_for(child)
    with tenancy.inside(child.workspace_id):
        Guardianship.objects.of(child.workspace_id).update(guardian=None)
    said = client.get(page(child)).content.decode()
    assert "An erased person" in said and "Asha Menon" not in said and "The guardian agrees" not in said
    for act in ("agree", "end"):
        assert client.post(page(child, f"{held.pk}/{act}/"), {"wanted": ["service."]}).status_code == 404


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"phone": "98220 41738", "check": "held"}, "No birthday of an adult"),
        ({"phone": "98220 41736", "check": "held"}, "Nobody with this number"),
        ({"phone": "98220 99999", "check": "held"}, "Nobody with this number"),
        ({"phone": "not a number", "check": "held"}, "Nobody with this number"),
        ({"phone": "98220 41737", "check": "given"}, "Say which paper was shown"),
        ({"phone": "98220 41737", "check": "token"}, "field-error"),
    ],
)
def test_what_was_not_shown_names_nobody(client: Client, child: Contact, given: dict[str, str], said: str) -> None:
    answer = client.post(page(child, "name/"), given)
    assert answer.status_code == 422 and said in answer.content.decode()
    assert answers_for(child) == []


def test_of_a_paper_only_its_kind_and_end_are_kept(client: Client, child: Contact) -> None:
    given = {"phone": "98220 41738", "check": "given", "paper": "Driving licence", "number": "MH12 2011 0012345"}
    said = client.post(page(child, "name/"), given, follow=True).content.decode()
    [held] = answers_for(child)
    assert held.evidence == {"paper": "Driving licence", "number": "••2345"} and "Driving licence ••2345" in said
    assert "0012345" not in said


def test_two_people_with_one_number_are_not_guessed_between(client: Client, child: Contact, shree: Workspace) -> None:
    with tenancy.inside(shree):
        make_contact(shree, "Her sister", phone=MOTHERS)
    answer = client.post(page(child, "name/"), {"phone": MOTHERS, "check": "held"})
    assert answer.status_code == 422 and "Several people have this number" in answer.content.decode()


def test_nothing_that_follows_or_advertises_is_offered(shree: Workspace, client: Client, child: Contact) -> None:
    with tenancy.inside(shree):
        names = {value.partition(".")[0] for value, _words in guardian_views.offered(rules.of(shree.pk), "en")}
    assert "service" in names and not names & {"marketing", "analytics", "improve", "law"}
    client.post(page(child, "name/"), {"phone": MOTHERS, "check": "held"})
    [held] = answers_for(child)
    for wanted in ("marketing.sms", ""):
        assert client.post(page(child, f"{held.pk}/agree/"), {"wanted": wanted}).status_code == 422


def test_an_auditor_sees_it_and_changes_nothing(shree: Workspace, child: Contact) -> None:
    auditor = factories.signed_in(factories.make_member(shree, role=Role.AUDITOR))
    seen = auditor.get(page(child))
    assert seen.status_code == 200 and "Name the guardian" not in seen.content.decode()
    assert auditor.post(page(child, "name/"), {"phone": MOTHERS, "check": "held"}).status_code == 403
    assert answers_for(child) == []
