"""Service records are found from the search box, by those who may see them."""

from __future__ import annotations

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.desk import services
from amanat.desk.models import ServiceRecord
from amanat.desk.services import NewService
from amanat.people import contacts
from amanat.people.drafts import ContactDraft

pytestmark = pytest.mark.django_db


def _record(workspace: Workspace, acknowledgement: str = "884122901207") -> ServiceRecord:
    owner = owner_of(workspace)
    with tenancy.inside(workspace):
        sunita = contacts.create(
            workspace=workspace, by=owner, at=clock.now(), draft=ContactDraft(name="Sunita Deshmukh", owner=owner.pk)
        )
        wanted = NewService(service=None, title="PAN correction", fee_paise=25000, acknowledgement=acknowledgement)
        return services.create(workspace=workspace, wanted=wanted, by=owner, at=clock.now(), contact=sunita)


@pytest.mark.parametrize("address", ["/search/", "/search/palette/"])
@pytest.mark.parametrize("query", ["884122901207", "22901", "8841 2290", "pan correct"])
def test_a_record_is_found_by_its_number_or_service(address: str, query: str, shree: Workspace) -> None:
    record = _record(shree)
    page = signed_in(owner_of(shree)).get(address, {"q": query}).content.decode()
    assert f"/services/{record.pk}/" in page
    assert "Sunita Deshmukh" in page


def test_who_may_not_see_the_person_does_not_find_her_service(shree: Workspace, other: Workspace) -> None:
    record = _record(shree)
    limited = make_member(shree, Role.AGENT, sees="team")
    for member in (limited, owner_of(other)):
        assert f"/services/{record.pk}/" not in signed_in(member).get("/search/", {"q": "22901"}).content.decode()


def test_a_deleted_record_is_not_found(shree: Workspace) -> None:
    record, owner = _record(shree), owner_of(shree)
    with tenancy.inside(shree):
        services.delete(record=record, by=owner, at=clock.now())
    assert f"/services/{record.pk}/" not in signed_in(owner).get("/search/", {"q": "22901"}).content.decode()
