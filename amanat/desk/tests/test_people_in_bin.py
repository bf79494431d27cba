"""Services of people who lie in the bin are nowhere, and come back with them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.desk import agenda, home, listing, services
from amanat.desk.models import ServiceRecord
from amanat.desk.services import NewService
from amanat.desk.tests.factories import NOW, TODAY, make_record
from amanat.desk.tests.test_pages import statements
from amanat.people import bin as bins
from amanat.people import companies
from amanat.people.drafts import CompanyDraft
from amanat.people.models import Company, Contact

pytestmark = pytest.mark.django_db
DETAILS = {"due_on": TODAY, "expires_on": TODAY + timedelta(days=3), "follow_up_on": TODAY + timedelta(days=2)}


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def seen(member: Member) -> list[int]:
    """In how many places a service shows: five views, late, unpaid, expected, calendar; then the figures."""
    with tenancy.inside(member.workspace):
        views = [
            listing.rows(member, listing.Filters(view=view), today=TODAY).count()
            for view in listing.VIEWS
            if view != "bin"
        ]
        shown = home.overview(member, TODAY)
        figures = shown.figures
        assert figures is not None
        week = agenda.items(member, TODAY - timedelta(days=5), TODAY + timedelta(days=9), today=TODAY)
        lists = [len(shown.records), len(shown.unpaid), len(shown.expected)]
        return [
            *views,
            *lists,
            len(week),
            figures.in_hand,
            figures.due_this_week,
            figures.unpaid_count,
            figures.unpaid_paise,
        ]


@pytest.mark.sampled
@pytest.mark.parametrize("kind", ["contact", "company"])
def test_a_service_goes_and_comes_back_with_its_person(rekha: Member, kind: str) -> None:
    with tenancy.inside(rekha.workspace):
        person: Any
        if kind == "contact":
            record = make_record(rekha, **DETAILS)
            person = record.contact
        else:
            person = companies.create(workspace=rekha.workspace, by=rekha, at=NOW, draft=CompanyDraft(name="Dairy"))
            wanted = NewService(service=None, title="GST return", fee_paise=25_000, **DETAILS)
            services.create(workspace=rekha.workspace, wanted=wanted, by=rekha, at=NOW, company=person)
        make_record(rekha, paid_paise=100, **DETAILS)
    model = Contact if kind == "contact" else Company
    before = seen(rekha)
    acts = {"model": model, "workspace": rekha.workspace, "by": rekha, "at": NOW, "ids": [person.pk]}
    with tenancy.inside(rekha.workspace):
        bins.delete(**acts)
    after = seen(rekha)
    assert before[:5] == [2, 2, 2, 2, 2] and after[:5] == [1, 1, 1, 1, 1]
    assert all(left < there for left, there in zip(after, before, strict=True)), (before, after)
    assert (before[-1], after[-1]) == (49_900, 24_900)
    with tenancy.inside(rekha.workspace):
        bins.restore(**acts)
    assert seen(rekha) == before


def test_a_service_of_a_living_contact_stays_when_the_firm_goes(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        firm = companies.create(workspace=rekha.workspace, by=rekha, at=NOW, draft=CompanyDraft(name="Dairy"))
        ServiceRecord.objects.of(rekha.workspace).filter(pk=record.pk).update(company=firm)
        bins.delete(model=Company, workspace=rekha.workspace, by=rekha, at=NOW, ids=[firm.pk])
        assert list(ServiceRecord.objects.of(rekha.workspace).alive()) == [record]
        bins.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=NOW, ids=[record.contact_id])
        assert list(ServiceRecord.objects.of(rekha.workspace).alive()) == []


def test_the_bin_of_services_still_has_those_deleted_before(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        record = make_record(rekha)
        services.delete(record=record, by=rekha, at=NOW)
        bins.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=NOW, ids=[record.contact_id])
        assert list(listing.rows(rekha, listing.Filters(view="bin"), today=TODAY)) == [record]


@pytest.mark.sampled
@pytest.mark.parametrize("url", ["/services/", "/services/?view=unpaid", "/", "/calendar/"])
def test_people_in_the_bin_cost_no_statement(rekha: Member, url: str) -> None:
    browser = signed_in(rekha)
    with tenancy.inside(rekha.workspace):
        records = [make_record(rekha, **DETAILS) for _number in range(4)]
    browser.get(url)
    before = statements(browser, url)
    with tenancy.inside(rekha.workspace):
        ids = [record.contact_id for record in records[:3]]
        bins.delete(model=Contact, workspace=rekha.workspace, by=rekha, at=NOW, ids=ids)
    assert statements(browser, url) == before
