"""Cases by the API: the same rules as on the pages."""

from __future__ import annotations

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.api_client import Program, owners_program, program
from amanat.accounts.tests.factories import owner_of
from amanat.basis import restrictions
from amanat.basis.consent import How
from amanat.basis.models import Method, Restriction
from amanat.core import clock, tenancy
from amanat.desk.cases.models import SupportCase
from amanat.desk.tests.factories import make_contact
from amanat.people.models import Contact

pytestmark = pytest.mark.django_db


@pytest.fixture
def hers(shree: Workspace) -> Program:
    return owners_program(shree)


@pytest.fixture
def asha(shree: Workspace) -> Contact:
    with tenancy.inside(shree):
        return make_contact(owner_of(shree), "Asha Patil")


@pytest.mark.slow
def test_a_case_from_its_beginning_to_its_end(hers: Program, asha: Contact) -> None:
    made = hers.post("/cases", {"contact_id": str(asha.pk), "subject": " Wrong  name ", "due_on": "2026-12-01"})
    said, here = made.json(), made["Location"]
    assert (made.status_code, said["number"], said["subject"], said["state"]) == (201, 1, "Wrong name", "open")
    assert hers.get(here).json() == said and hers.get("/cases").json()["items"] == [said]
    changed = hers.patch(here, {"what": "Deshmuk"}, If_Match=made["ETag"])
    assert (changed.json()["what"], changed.json()["subject"]) == ("Deshmuk", "Wrong name")
    assert hers.patch(here, {"what": "x"}, If_Match=made["ETag"]).status_code == 412
    assert hers.post(f"{here}/notes", {"text": "Sent again", "now_waits": True}).json()["state"] == "waiting"
    closed = hers.post(f"{here}/closing", {"outcome": "Came", "satisfaction": 4}).json()
    assert (closed["state"], closed["outcome"], closed["satisfaction"]) == ("closed", "Came", 4)
    assert hers.get("/cases").json()["items"] == [] and hers.get("/cases?state=closed").json()["items"] == [closed]
    assert hers.post(f"{here}/closing", {"outcome": "Twice"}).status_code == 409
    assert hers.delete(f"{here}/closing").json()["closed_at"] is None


def test_what_is_not_well_formed_is_told_where_it_stands(hers: Program, shree: Workspace, asha: Contact) -> None:
    good = {"contact_id": str(asha.pk), "subject": "Wrong name"}
    for body, pointer in (
        (good | {"subject": " "}, "/subject"), (good | {"contact_id": str(shree.pk)}, "/contact_id"),
        (good | {"owner_id": str(asha.pk)}, "/owner_id"), (good | {"due_on": "soon"}, "/due_on"), (good | {"number": 7}, "/number"),
    ):  # fmt: skip
        response = hers.post("/cases", body)
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (422, pointer)
    assert hers.get("/cases?state=all").json()["items"] == []


def test_a_token_needs_the_scope_and_a_restricted_person_shows_no_words(
    hers: Program, shree: Workspace, asha: Contact
) -> None:
    here = hers.post("/cases", {"contact_id": str(asha.pk), "subject": "Wrong name"})["Location"]
    reads = program(owner_of(shree), "cases:read")
    assert reads.get(here).status_code == 200
    assert reads.post(f"{here}/notes", {"text": "x"}).status_code == 403
    assert program(owner_of(shree), "tasks:read").get(here).status_code == 403
    with tenancy.inside(shree):
        restrictions.impose(contact=asha, ground=Restriction.Ground.REQUEST, how=How(Method.LINK), at=clock.now())
    said = hers.get(here).json()
    assert (said["number"], said["subject"], said["what"], said["outcome"]) == (1, None, None, None)
    assert hers.post(f"{here}/notes", {"text": "x"}).status_code == 404
    again = hers.post("/cases", {"contact_id": str(asha.pk), "subject": "More"})
    assert again.status_code == 422
    with tenancy.inside(shree):
        assert SupportCase.objects.of(shree).count() == 1
