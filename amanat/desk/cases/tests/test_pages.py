"""The pages of cases: the list and its views, the card, the forms, who may do what."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, make_workspace, owner_of, signed_in
from amanat.basis import restrictions
from amanat.basis.consent import How
from amanat.basis.models import Method, Restriction
from amanat.core import clock, tenancy
from amanat.desk.cases import handling, listing, veil
from amanat.desk.cases.models import SupportCase
from amanat.desk.tests.factories import NOW, TODAY, make_case, make_contact
from amanat.people.masking import Guard

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


@pytest.fixture
def stranger(db: None) -> Member:
    """The owner of another workspace."""
    return owner_of(make_workspace("Other Kendra"))


@pytest.fixture
def rekha(shree: Workspace) -> Iterator[Member]:
    by = owner_of(shree)
    with clock.standing_at(NOW), tenancy.inside(shree, actor=by.pk):
        yield by


@pytest.fixture
def page(rekha: Member) -> Client:
    return signed_in(rekha)


def shown(page: Client, **query: str) -> list[str]:
    """The subjects of the list, in its order."""
    response = page.get(reverse("desk:cases"), query)
    assert response.status_code == 200
    return [line["title"] for line in response.context["lines"]]


@pytest.mark.slow
def test_each_view_shows_its_cases(rekha: Member, page: Client) -> None:
    late = make_case(rekha, "Late", due_on=TODAY - DAY)
    make_case(rekha, "Mine", due_on=TODAY + DAY, owner=rekha)
    waits = make_case(rekha, "Waits", due_on=TODAY - 2 * DAY)
    handling.note(case=waits, text="Asked for the slip", by=rekha, at=NOW, now_waits=True)
    for number, subject in enumerate(("First", "Second")):
        handling.close(case=make_case(rekha, subject), outcome="Done", satisfaction=4, by=rekha, at=NOW + number * DAY)
    assert shown(page) == ["Waits", "Late", "Mine"]
    assert shown(page, view="mine") == ["Mine"]
    assert shown(page, view="late") == ["Late"]
    assert shown(page, view="closed") == ["Second", "First"]
    assert shown(page, q="mine") == ["Mine"] and shown(page, q="first", view="closed") == ["First"]
    assert shown(page, q=str(late.number), view="late") == ["Late"]
    assert shown(page, view="wrong", after="x~y", before="") == ["Waits", "Late", "Mine"]
    told = "2 closed in 2026. How happy people were: 4.0 of 5, from 2 answers."
    assert page.get(reverse("desk:cases"), {"view": "closed"}).context["years"] == [told]


def test_the_counts_of_earlier_years_stay_on_the_list(rekha: Member) -> None:
    handling.close(case=make_case(rekha), outcome="Done", by=rekha, at=NOW)
    with clock.standing_at(NOW + 800 * DAY):
        page = signed_in(rekha).get(reverse("desk:cases"), {"view": "closed"})
    assert page.context["years"] == ["0 closed in 2029.", "1 closed in 2026."]


@pytest.mark.parametrize("view", ["open", "closed"])
def test_pages_go_on_and_back_without_losing_one(rekha: Member, view: str) -> None:
    contact = make_contact(rekha)
    for number in range(5):
        case = make_case(rekha, f"Case {number}", contact=contact, due_on=TODAY + DAY * (number // 2))
        if view == "closed":
            handling.close(case=case, outcome="Done", by=rekha, at=NOW + DAY * (number // 2))
    filters = listing.Filters(view)

    def numbers(page: listing.Page) -> list[int]:
        return [case.number for case in page.cases]

    found = listing.rows(rekha, filters, today=TODAY)
    first = listing.page(found, filters, limit=2)
    second = listing.page(found, filters, after=first.after, limit=2)
    third = listing.page(found, filters, after=second.after, limit=2)
    everything = [1, 2, 3, 4, 5] if view == "open" else [5, 4, 3, 2, 1]
    assert numbers(first) + numbers(second) + numbers(third) == everything
    assert (first.before, third.after) == (None, None)
    back = listing.page(found, filters, before=third.before, limit=2)
    assert numbers(back) == numbers(second)
    assert numbers(listing.page(found, filters, before=back.before, limit=2)) == numbers(first)


def test_a_long_list_costs_no_more_statements(rekha: Member, page: Client) -> None:
    counts = []
    for cases in (1, 2):
        for _number in range(cases):
            make_case(rekha, contact=make_contact(rekha, f"Asha {_number}{cases}"))
        shown(page)
        with CaptureQueriesContext(
            connection,
        ) as asked:
            shown(page)
        counts.append(len(asked))
    assert counts[0] == counts[1]


@pytest.mark.slow
def test_a_case_from_the_counter_to_its_end(rekha: Member, page: Client) -> None:
    contact = make_contact(rekha, "Asha Patil")
    first = page.get(reverse("desk:case_new"), {"contact": str(contact.pk), "subject": "Card never came"})
    initial = first.context["form"].initial
    assert (initial["contact"], initial["subject"], initial["due_on"]) == (
        contact.pk,
        "Card never came",
        date(2026, 11, 24),
    )
    given = {
        "contact": str(contact.pk),
        "subject": "Card never came",
        "what": "Since May",
        "due_on": "2026-11-25",
        "owner": str(rekha.pk),
    }
    assert page.post(reverse("desk:case_new"), given).status_code in (302, 303)
    case = SupportCase.objects.of(rekha.workspace_id).get()
    assert (case.contact_id, case.subject, case.what, case.due_on, case.owner_id) == (
        contact.pk, "Card never came", "Since May", date(2026, 11, 25), rekha.pk,
    )  # fmt: skip
    here = [case.pk]
    page.post(reverse("desk:case_note", args=here), {"text": "Wrote to the office", "then": "wait"})
    page.post(reverse("desk:case_edit", args=here), given | {"subject": "Card came late"})
    card = page.get(reverse("desk:case", args=here)).content.decode()
    assert all(
        words in card for words in ("Card came late", "Since May", "Wrote to the office", "Waiting for the customer")
    )
    page.post(reverse("desk:case_close", args=here), {"outcome": "It came", "satisfaction": "5"})
    case.refresh_from_db()
    assert (case.is_closed, case.outcome, case.satisfaction) == (True, "It came", 5)
    assert "5 – very happy" in page.get(reverse("desk:case", args=here)).content.decode()
    page.post(reverse("desk:case_reopen", args=here))
    case.refresh_from_db()
    assert (case.is_closed, case.satisfaction) == (False, None)
    assert "Card came late" in page.get(reverse("people:contact", args=[contact.pk])).content.decode()


@pytest.mark.parametrize(
    ("name", "given", "field"),
    [
        ("case_new", {"subject": "", "person": "Asha", "due_on": "2026-11-25"}, "subject"),
        ("case_new", {"subject": "Late", "person": "", "due_on": "2026-11-25"}, "person"),
        ("case_new", {"subject": "Late", "person": "Nobody", "due_on": "2026-11-25"}, "person"),
        ("case_new", {"subject": "Late", "company": str(uuid4()), "due_on": "2026-11-25"}, "person"),
        ("case_new", {"subject": "Late", "person": "Asha", "due_on": "soon"}, "due_on"),
        ("case_edit", {"subject": " ", "due_on": "2026-11-25"}, "subject"),
        ("case_note", {"text": " "}, "text"),
        ("case_close", {"outcome": "", "satisfaction": "5"}, "outcome"),
        ("case_close", {"outcome": "Done", "satisfaction": "6"}, "satisfaction"),
    ],
)
def test_bad_input_is_told_at_its_field_and_keeps_nothing(
    rekha: Member, page: Client, name: str, given: dict[str, str], field: str
) -> None:
    case = make_case(rekha, "Late card")
    before = SupportCase.objects.of(rekha.workspace_id).values().get()
    response = page.post(reverse(f"desk:{name}", args=[] if name == "case_new" else [case.pk]), given)
    assert response.status_code == 422
    form = next(
        response.context[key]
        for key in ("form", "note_form", "closing_form")
        if key in response.context and response.context[key].errors
    )
    assert list(form.errors) == [field]
    assert SupportCase.objects.of(rekha.workspace_id).values().get() == before


def test_a_second_closing_is_told_and_changes_nothing(rekha: Member, page: Client) -> None:
    case = handling.close(case=make_case(rekha), outcome="Done", by=rekha, at=NOW)
    answer = page.post(reverse("desk:case_close", args=[case.pk]), {"outcome": "Twice\nover"})
    assert answer.status_code == 422
    assert "This case is closed. Reopen it first." in (text := answer.content.decode())
    assert "Twice<br>over" in text, "what she wrote is not lost"
    case.refresh_from_db()
    assert case.outcome == "Done"


@pytest.mark.slow
def test_another_team_and_another_workspace_see_none(stranger: Member, shree: Workspace) -> None:
    by = owner_of(shree)
    with tenancy.inside(shree, actor=by.pk):
        case = make_case(by, contact=make_contact(by, "Asha Patil", owner=by.pk))
    agent = make_member(shree, Role.AGENT, sees=Member.Sees.TEAM)
    for member in (agent, stranger):
        client = signed_in(member)
        assert shown(client) == [] and shown(client, q="name") == []
        assert client.get(reverse("desk:case", args=[case.pk])).status_code == 404
        assert client.post(reverse("desk:case_close", args=[case.pk]), {"outcome": "x"}).status_code == 404
    assert shown(signed_in(by)) == ["Wrong name on the PAN card"]
    with tenancy.inside(shree, actor=by.pk):
        hers = make_case(by, "Hers", contact=make_contact(by, "Farhana Khan", owner=agent.pk))
    client = signed_in(agent)
    assert shown(client) == ["Hers"]
    assert "Hers" in client.get(reverse("people:contact", args=[hers.contact_id])).content.decode()


def test_of_a_restricted_person_only_that_there_is_a_case(rekha: Member, page: Client) -> None:
    case = make_case(rekha, "Wrong name QXZ", what="Marker QXZ")
    handling.note(case=case, text="Said QXZ", by=rekha, at=NOW)
    restrictions.impose(contact=case.contact, ground=Restriction.Ground.REQUEST, how=How(Method.LINK), at=NOW)
    for url in (
        reverse("desk:cases"), reverse("desk:case", args=[case.pk]), reverse("people:contact", args=[case.contact_id]),
        f"{reverse('people:search')}?q=deshmukh",
    ):  # fmt: skip
        answer = page.get(url)
        assert answer.status_code == 200
        assert "QXZ" not in answer.content.decode(), url
    assert page.post(reverse("desk:case_note", args=[case.pk]), {"text": "More"}).status_code == 404


def test_a_policy_without_support_shows_no_words(rekha: Member, page: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    case = make_case(rekha, "Wrong name QXZ", what="Marker QXZ")
    assert "QXZ" in page.get(reverse("desk:case", args=[case.pk])).content.decode()
    monkeypatch.setattr(veil, "guard", lambda *_: Guard("support", withheld=frozenset({"words"})))
    for url in (reverse("desk:cases"), reverse("desk:case", args=[case.pk])):
        assert "QXZ" not in page.get(url).content.decode()
