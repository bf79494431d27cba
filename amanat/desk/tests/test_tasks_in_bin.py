"""Tasks of people who lie in the bin are nowhere, and come back with them: Today, calendar, feed, pages, API, need to know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import time, timedelta
from typing import Any

import pytest
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.core.recurrence import Repeat, Unit
from amanat.desk import agenda, feed, home, todo
from amanat.desk.models import ServiceRecord, Task
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record, make_task
from amanat.people import bin as bins
from amanat.people import companies
from amanat.people.drafts import CompanyDraft
from amanat.people.models import Company, Contact

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def firm_of(by: Member) -> Company:
    return companies.create(workspace=by.workspace, by=by, at=NOW, draft=CompanyDraft(name="Dairy"))


def in_bin(by: Member, person: Contact | Company, *, back: bool = False) -> None:
    rule: Any = bins.restore if back else bins.delete
    with tenancy.inside(by.workspace):
        rule(model=type(person), workspace=by.workspace, by=by, at=NOW, ids=[person.pk])


PLACES: dict[str, Callable[[Member], Any]] = {
    "today": lambda member: [task.title for task in home.overview(member, TODAY).due],
    "calendar": lambda member: [item.title for item in agenda.items(member, TODAY, TODAY + timedelta(days=1), today=TODAY)],
    "everybody's calendar": lambda member: [
        item.title for item in agenda.items(member, TODAY, TODAY + timedelta(days=1), today=TODAY, everyone=True)
    ],
    "feed": lambda member: feed.calendar(member, at=NOW, secret="k").count(b"BEGIN:VEVENT") * ["Call"],
    "open tasks": lambda member: list(Task.objects.of(member.workspace_id).visible_to(member).open().values_list("title", flat=True)),
}  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize("place", list(PLACES))
@pytest.mark.parametrize("kind", ["contact", "company"])
@pytest.mark.parametrize("sees", ["all", "own"])
def test_a_task_goes_and_comes_back_with_its_person(rekha: Member, place: str, kind: str, sees: str) -> None:
    member = rekha if sees == "all" else make_member(rekha.workspace, Role.AGENT, sees="own")
    member.team_ids = []
    with tenancy.inside(rekha.workspace):
        person: Any = make_contact(rekha) if kind == "contact" else firm_of(rekha)
        type(person).objects.of(rekha.workspace).filter(pk=person.pk).update(owner=member)
        make_task(rekha, "Call", assignee=member, **{kind: person})
    shown = PLACES[place]

    def seen() -> Any:
        with tenancy.inside(rekha.workspace):
            return shown(member)

    assert seen() == ["Call"]
    in_bin(rekha, person)
    assert seen() == []
    in_bin(rekha, person, back=True)
    assert seen() == ["Call"]


def test_a_task_of_a_living_contact_stays_when_the_firm_goes(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        contact, firm = make_contact(rekha), firm_of(rekha)
        make_task(rekha, "Both", contact=contact, company=firm)
        make_task(rekha, "Nobody's")
    in_bin(rekha, firm)
    with tenancy.inside(rekha.workspace):
        assert [task.title for task in home.overview(rekha, TODAY).due] == ["Both", "Nobody's"]
    in_bin(rekha, contact)
    with tenancy.inside(rekha.workspace):
        assert [task.title for task in home.overview(rekha, TODAY).due] == ["Nobody's"]


def test_a_series_waits_in_the_bin_and_goes_on_after_it(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha)
        make_task(rekha, "Rent", contact=contact, repeat=Repeat(Unit.WEEK))
    in_bin(rekha, contact)
    with tenancy.inside(rekha.workspace):
        assert agenda.items(rekha, TODAY, TODAY + timedelta(days=60), today=TODAY) == []
    in_bin(rekha, contact, back=True)
    with tenancy.inside(rekha.workspace):
        following = todo.finish(task=Task.objects.of(rekha.workspace).get(), by=rekha, at=NOW)
        assert following is not None and following.due_on == TODAY + timedelta(days=7)


@pytest.mark.parametrize("url", ["/", "/calendar/", "/calendar/?show=week", "/calendar/?who=all"])
def test_the_pages_do_not_name_the_task(rekha: Member, url: str) -> None:
    browser = signed_in(rekha)
    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha)
        make_task(rekha, "Fetch the passbook", contact=contact, due_time=time(9))
    assert "Fetch the passbook" in browser.get(url).text
    in_bin(rekha, contact)
    assert "Fetch the passbook" not in browser.get(url).text


def test_the_feed_a_calendar_program_reads_loses_and_regains_it(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha)
        make_task(rekha, "Call", contact=contact, kind="call")
        path = feed.new_address(member=rekha, at=NOW, with_names=True)

    def events() -> int:
        return Client().get(path).text.count("BEGIN:VEVENT")

    assert events() == 1
    in_bin(rekha, contact)
    assert events() == 0
    in_bin(rekha, contact, back=True)
    assert events() == 1


def test_a_service_of_somebody_in_the_bin_shows_no_task_of_its_own(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        make_task(rekha, "Submit the form", record=record)
        contact = record.contact
    assert contact is not None
    assert "Submit the form" in signed_in(rekha).get(f"/services/{record.pk}/").text
    in_bin(rekha, contact)
    assert "Submit the form" not in signed_in(rekha).get(f"/services/{record.pk}/").text


def test_those_in_the_bin_are_counted_in_no_figure(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        records = [make_record(rekha, due_on=TODAY) for _each in range(3)]
    contact = records[0].contact
    assert contact is not None
    in_bin(rekha, contact)
    with tenancy.inside(rekha.workspace):
        figures = home.overview(rekha, TODAY).figures
        assert figures is not None and (figures.in_hand, figures.due_this_week, figures.unpaid_count) == (2, 2, 2)
        assert ServiceRecord.objects.of(rekha.workspace).count() == 3


# --- the feed's secret -----------------------------------------------------------------------------------------------


def test_an_address_dies_with_the_next_one_and_with_the_stop(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        first = feed.new_address(member=rekha, at=NOW, with_names=False)
        second = feed.new_address(member=rekha, at=NOW, with_names=False)
    assert (Client().get(first).status_code, Client().get(second).status_code) == (404, 200)
    with tenancy.inside(rekha.workspace):
        feed.stop(member=rekha, at=NOW)
    assert Client().get(second).status_code == 404


@pytest.mark.parametrize("ended", ["seat", "account", "letter", "case", "other member", "other shop", "names"])
def test_an_address_that_is_not_quite_it_is_not_there(rekha: Member, other: Workspace, ended: str) -> None:
    prakash = make_member(rekha.workspace, Role.AGENT)
    with tenancy.inside(rekha.workspace):
        path = feed.new_address(member=prakash, at=NOW, with_names=False)
    secret = path.rstrip("/").rsplit("/", 1)[-1]
    match ended:
        case "seat":
            with tenancy.inside(rekha.workspace):
                Member.objects.of(rekha.workspace).filter(pk=prakash.pk).update(ended_at=NOW)
        case "account":
            prakash.user.is_active = False
            prakash.user.save(update_fields=["is_active"])
        case "letter":
            path = path.replace(secret, secret[:-1] + ("A" if secret[-1] != "A" else "B"))
        case "case":
            path = path.replace(secret, secret.swapcase())
        case "other member":
            path = path.replace(str(prakash.pk), str(rekha.pk))
        case "other shop":
            path = path.replace(str(rekha.workspace_id), str(other.pk))
        case "names":
            path = path.replace(secret, "n" + secret[1:])
    assert Client().get(path).status_code == 404


WORDS = ("Deshmukh", "98220", "Loan", "secret", "₹", "PAN", "Nashik", "ACK-7", "sunita@example.in")


@pytest.mark.parametrize("with_names", [False, True])
@pytest.mark.parametrize("kind", list(Task.Kind.values))
def test_the_feed_says_no_more_than_the_manual_says(rekha: Member, kind: str, with_names: bool) -> None:
    with tenancy.inside(rekha.workspace):
        contact = make_contact(
            rekha, "Sunita Deshmukh", phone="9822041736", notes="secret", emails=[("sunita@example.in", "")]
        )
        record = make_record(rekha, contact=contact, title="PAN", acknowledgement="ACK-7", notes="Nashik")
        make_task(rekha, "Loan of ₹ 5 lakh", contact=contact, record=record, kind=kind, notes="secret")
        path = feed.new_address(member=rekha, at=NOW, with_names=with_names)
    answer = Client().get(path)
    assert [word for word in WORDS if word in answer.text] == []
    assert ("Sunita" in answer.text) == with_names
    assert answer["Cache-Control"] == "private, max-age=900" and answer["X-Robots-Tag"] == "noindex"
    assert "set-cookie" not in {name.lower() for name in answer.headers}
