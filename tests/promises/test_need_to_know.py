"""Need to know: a member who sees only her teams' people can neither see, infer nor change anything about others.

Two looks at the same workspace, before and after people she may not see were added, must be the same byte by byte: lists,
filters, orders, counts, search, picker, duplicate warning, calendar, feed and API alike.
"""

from __future__ import annotations

import io
import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Member, TeamMember, User, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.accounts.tests.api_client import Program, program
from amanat.core import clock, routes, tenancy
from amanat.core.tenancy import WorkspaceRow
from amanat.core.tests import samples
from amanat.desk import feed, papers
from amanat.desk.models import Paper
from amanat.desk.tests import factories as desk
from amanat.people import notes
from amanat.people.models import Company, Contact, RecordQuerySet
from amanat.people.tests import factories as people
from tests.promises.cast import undone, written
from tests.promises.test_hostile_input import plausible, read_by
from tests.promises.test_isolation import PARAMETER, url_of

SECRET = "Gokhale"
NUMBER = "+919822099999"
#: What differs between two answers to the same question for reasons of its own.
_PASSING = re.compile(
    r'name="csrfmiddlewaretoken" value="\w+"|name="once_key" value="[\w-]+"|"X-CSRFToken": "\w+"|\d+ ms|DTSTAMP:\w+'
)


@dataclass
class Shop:
    """One workspace: an agent of the counter, what she sees, and her browser, program and feed."""

    workspace: Workspace
    agent: Member
    contact: Contact
    company: Company
    browser: Client
    program: Program
    feed: str


@pytest.fixture
def shop(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(routes, "_over_limit", lambda request, declared: None)
    team = people.make_team(shree, "Counter")
    agent = people.narrow_member(shree, "Prakash Jadhav", team)
    agent.workspace = shree
    today = clock.today(shree.time_zone)
    company = people.make_company(shree, "Seen Dairy", by=agent, team=team.pk)
    with tenancy.inside(shree):
        contact = desk.make_contact(
            agent, "Sunita Deshmukh", phone=NUMBER, team=team.pk, company_id=company.pk, follow_up_on=today
        )
        desk.make_record(agent, contact=contact, paid_paise=5_000, due_on=today, at=clock.now())
        desk.make_task(agent, contact=contact, due_on=today, at=clock.now())
        address = feed.new_address(member=agent, at=clock.now(), with_names=True)
    return Shop(shree, agent, contact, company, factories.signed_in(agent), program(agent), address)


def hide_somebody(shop: Shop) -> dict[str, WorkspaceRow]:
    """Everything about a person the agent may not see, made to show wherever a filter was forgotten."""
    owner = factories.owner_of(shop.workspace)
    today = clock.today(shop.workspace.time_zone)
    with tenancy.inside(shop.workspace):
        contact = desk.make_contact(
            owner, f"{SECRET} Sunita Deshmukh", phone=NUMBER, emails=[("gokhale@example.in", "")], owner=owner.pk,
            company_id=shop.company.pk, follow_up_on=today, external_id=SECRET,
        )  # fmt: skip
        notes.write(
            record=contact, by=owner, at=clock.now(), text=SECRET, file=b"Gokhale's file", file_name="gokhale.txt"
        )
        record = desk.make_record(
            owner, contact=contact, paid_paise=7_000, due_on=today, expires_on=today, title=f"{SECRET} PAN",
            acknowledgement="GOKH123456", at=clock.now(),
        )  # fmt: skip
        task = desk.make_task(owner, f"Call {SECRET}", contact=contact, assignee=owner, due_on=today, at=clock.now())
        paper = papers.attach(kind=Paper.Kind.OTHER, by=owner, at=clock.now(), contact=contact, number="GOKH0001")
    company = people.make_company(shop.workspace, f"{SECRET} Dairy", by=owner, owner=owner.pk)
    return {"contact": contact, "company": company, "record": record, "task": task, "paper": paper}


def _questions(shop: Shop) -> Iterator[str]:
    today = clock.today(shop.workspace.time_zone)
    yield from ("/", "/services/", "/calendar/?who=all", "/calendar/?show=week&who=all", "/tasks/new/")
    for sort in ("created", "-created", "name", "-name", "last_contact", "-last_contact", "follow_up", "-follow_up"):
        yield f"/contacts/?sort={sort}"
        yield f"/companies/?sort={sort}"
    for query in (
        "has_phone=yes", "has_email=yes", "source=form", "follow_up=due", "owner=none", f"company={shop.company.pk}",
        "company=Gokhale%20Dairy", f"owner={factories.owner_of(shop.workspace).pk}", f"created_after={today}",
    ):  # fmt: skip
        yield f"/contacts/?{query}"
    for view in ("in_hand", "due", "unpaid", "expiring", "all", "bin"):
        yield f"/services/?view={view}"
    yield from (f"/contacts/{shop.contact.pk}/", f"/contacts/{shop.contact.pk}/edit/", f"/companies/{shop.company.pk}/")
    for words in ("gokhale", "sunita", "99999", "GOKH123456", "gokhle"):
        yield from (f"/search/?q={words}", f"/palette/?q={words}", f"/services/people/?q={words}")
    yield from (
        "/contacts/company-names/?company_name=Gok",
        "/people/same/contact/?phone_number=9822099999&name=Gokhale",
    )
    yield from (f"/services/new/?contact={shop.contact.pk}", f"/papers/of/{shop.contact.pk}/")


def _look(shop: Shop, *, every: int = 1) -> dict[str, str]:
    found = {}
    names = {route.name: pattern for pattern, route in routes.addresses().items()}
    same = "/" + names["same"].replace("<str:on>", "contact")
    fixed = {
        "/palette/": "/" + names["palette"],
        "/contacts/company-names/": "/" + names["company_names"],
        "/people/same/contact/": same,
    }
    for asked_for in [*_questions(shop)][::every]:
        question = asked_for
        for shown, real in fixed.items():
            question = question.replace(shown, real)
        response = shop.browser.get(question)
        assert response.status_code == 200, (question, response.status_code)
        found[question] = _PASSING.sub("", response.content.decode())
    for path in (
        "/contacts", "/companies", "/service-records", "/payments", "/papers", "/tasks", "/search?q=gokhale", "/search?q=sunita",
        "/contacts?sort=name", "/service-records?view=unpaid",
    ):  # fmt: skip
        response = shop.program.get(path)
        assert response.status_code == 200, (path, response.content)
        found[f"API {path}"] = response.content.decode()
    asked = shop.program.post("/contacts/likely-duplicates", {"name": "Gokhale", "phones": [{"number": NUMBER}]})
    found["API duplicates"] = f"{asked.status_code} {asked.content.decode()}"
    found["feed"] = _PASSING.sub("", Client().get(shop.feed).content.decode())
    return found


@pytest.mark.slow
def test_hidden_people_change_no_answer(shop: Shop) -> None:
    before = _look(shop)
    hide_somebody(shop)
    after = _look(shop)
    assert [question for question in before if before[question] != after[question]] == []
    assert not [question for question, text in after.items() if f"{SECRET} Sunita" in text or f"{SECRET} PAN" in text]


@pytest.mark.slow
def test_the_owner_sees_them(shop: Shop) -> None:
    """The same looks by somebody who sees all do differ: so that they are the same for the agent means something."""
    owner = factories.owner_of(shop.workspace)
    shop.browser, shop.program = factories.signed_in(owner), program(owner)
    before = _look(shop, every=3)
    hide_somebody(shop)
    after = _look(shop, every=3)
    changed = {question for question in before if before[question] != after[question]}
    assert len(changed) > len(before) // 2
    lists = [question for question in after if question.startswith("/contacts/?")]
    assert SECRET in after["API /contacts"] and any(SECRET in after[question] for question in lists)


#: Tables that say who a person is or what was done for her.
_HERS = (
    "people_contact", "people_company", "people_phone", "people_email", "people_address", "people_interaction",
    "people_attachment", "people_searchentry", "desk_servicerecord", "desk_payment", "desk_task", "desk_paper",
    "desk_paperopening",
)  # fmt: skip


def _state(shop: Shop, hidden: dict[str, WorkspaceRow]) -> dict[str, str]:
    """Every row that names one of the hidden, as text."""
    ids = [str(row.pk) for row in hidden.values()]
    found = {}
    with tenancy.inside(shop.workspace), connection.cursor() as cursor:
        for table in _HERS:
            cursor.execute(
                f"SELECT coalesce(string_agg(t::text, chr(10) ORDER BY id), '') FROM {table} t WHERE t::text ~ %s",
                ["|".join(ids)],
            )
            found[table] = cursor.fetchone()[0]
    return found


@pytest.mark.parametrize("part", range(2))
@pytest.mark.slow
def test_no_form_reaches_hidden_people(part: int, shop: Shop) -> None:
    """Their ids in the address, and in every field that names a row."""
    assert _reached(shop, part, of=2) == []


@pytest.mark.slow
def test_forms_would_reach_them_without_the_rule(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the rule of contacts and companies taken out, the same walk finds where it was needed."""
    monkeypatch.setattr(RecordQuerySet, "visible_to", lambda rows, member: rows)
    guarded = {
        "contacts/change/",
        "contacts/<uuid:contact_id>/edit/",
        "contacts/<uuid:contact_id>/follow-up/",
        "services/new/",
    }
    found = _reached(shop, 0, of=1, only=guarded)
    assert {line.partition(": ")[0] for line in found} == guarded


def _reached(shop: Shop, part: int, *, of: int, only: Collection[str] = ()) -> list[str]:
    """The forms that change or show what the agent may not see."""
    hidden = hide_somebody(shop)
    rows = {row._meta.label: row for row in hidden.values()} | _others(shop)
    before, found = _state(shop, hidden), []
    mine = [(pattern, route) for pattern, route in sorted(routes.addresses().items()) if "POST" in route.methods]
    for pattern, route in [(pattern, route) for pattern, route in mine if not only or route.path in only][part::of]:
        if pattern.startswith("api/") or set(_parameters(pattern)) & {"token", "secret"}:
            continue
        url = url_of(pattern, route, rows, shop.workspace)
        names = read_by(shop.browser, "POST", url, rows)
        with undone(shop.browser):
            rows_written = written()
            response = shop.browser.post(url, plausible(names, rows))
            text = response.content.decode("utf-8", "replace") if not response.streaming else ""
            if written() != rows_written and _state(shop, hidden) != before:
                found.append(f"{route.path}: answered {response.status_code} and changed what she may not see")
            if f"{SECRET} Sunita" in text or f"{SECRET} PAN" in text:
                found.append(f"{route.path}: answered {response.status_code} and showed it")
    return found


def _parameters(pattern: str) -> list[str]:
    return [name for _kind, name in PARAMETER.findall(pattern)]


def _others(shop: Shop) -> dict[str, WorkspaceRow]:
    """Rows of other tables that a form may name."""
    return {"accounts.Member": shop.agent, "desk.Service": _catalogue(shop)}


def _catalogue(shop: Shop) -> WorkspaceRow:
    with tenancy.inside(shop.workspace):
        return desk.make_service(shop.workspace)


def test_a_changed_team_counts_at_the_next_request(shop: Shop) -> None:
    page = f"/contacts/{shop.contact.pk}/"
    with tenancy.inside(shop.workspace):
        Contact.objects.of(shop.workspace).filter(pk=shop.contact.pk).update(owner=None)
    assert shop.browser.get(page).status_code == 200
    with tenancy.inside(shop.workspace):
        TeamMember.objects.of(shop.workspace).filter(member=shop.agent).delete()
    assert shop.browser.get(page).status_code == 404
    assert shop.program.get(f"/contacts/{shop.contact.pk}").status_code == 404


def _link(shop: Shop) -> str:
    """The address of a download that the agent asked for."""
    picture = io.BytesIO(samples.picture())
    with tenancy.inside(shop.workspace):
        paper = papers.attach(
            kind=Paper.Kind.OTHER, by=shop.agent, at=clock.now(), contact=shop.contact, source=picture, name="front.jpg"
        )
        opened = papers.open_file(paper=paper, by=shop.agent, at=clock.now(), reason="PAN correction")
    return reverse("desk:paper_file", args=[opened.opening.pk, opened.token])


def test_a_link_to_a_paper_works_once(shop: Shop) -> None:
    link = _link(shop)
    assert [Client().get(link).status_code for _ in range(2)] == [200, 404]


@pytest.mark.parametrize("loss", ["seat", "role", "team", "account"])
def test_a_link_to_a_paper_ends_with_the_rights_of_whoever_asked(loss: str, shop: Shop) -> None:
    link, agent = _link(shop), shop.agent
    with tenancy.inside(shop.workspace):
        present = Member.objects.of(shop.workspace).filter(pk=agent.pk)
        if loss == "seat":
            present.update(ended_at=clock.now())
        elif loss == "role":
            present.update(role=Role.AUDITOR)
        elif loss == "team":
            TeamMember.objects.of(shop.workspace).filter(member=agent).delete()
            Contact.objects.of(shop.workspace).filter(pk=shop.contact.pk).update(owner=None)
    if loss == "account":
        User.objects.filter(pk=agent.user_id).update(is_active=False)
    assert Client().get(link).status_code == 404


@pytest.mark.parametrize("loss", ["seat", "account"])
def test_a_feed_ends_with_the_seat_and_the_account(loss: str, shop: Shop) -> None:
    assert Client().get(shop.feed).status_code == 200
    if loss == "account":
        User.objects.filter(pk=shop.agent.user_id).update(is_active=False)
    else:
        with tenancy.inside(shop.workspace):
            Member.objects.of(shop.workspace).filter(pk=shop.agent.pk).update(ended_at=clock.now())
    assert Client().get(shop.feed).status_code == 404
