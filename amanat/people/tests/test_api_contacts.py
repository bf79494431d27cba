"""Contacts and companies through the API: the same rules as on the pages."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.accounts.tests.api_client import Program, owners_program, program
from amanat.core import clock, tenancy
from amanat.people import custom_fields
from amanat.people.custom_fields import FieldDraft
from amanat.people.models import Contact, CustomField, Interaction
from amanat.people.tests.factories import (
    make_company,
    make_contact,
    make_stage,
    make_team,
    narrow_member,
    owner,
)  # fmt: skip


@pytest.fixture
def hers(shree: Workspace) -> Program:
    return owners_program(shree)


def _count(hers: Program, method: str, path: str, body: Any = None, **headers: str) -> int:
    with CaptureQueriesContext(connection) as captured:
        response = hers.send(method, path, body, **headers)
    assert response.status_code < 300, response.content
    skipped = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
    return len([one for one in captured if not one["sql"].startswith(skipped)])


def _names(response: Any) -> list[str]:
    return [each["name"] for each in response.json()["items"]]


def _pointers(response: Any) -> list[str]:
    assert (response.status_code, response["Content-Type"]) == (422, "application/problem+json")
    return [error.get("pointer", error.get("parameter")) for error in response.json()["errors"]]


def test_a_contact_is_made_with_all_that_hangs_on_it_and_read_back(hers: Program, shree: Workspace) -> None:
    stage, team = make_stage(shree), make_team(shree)
    made = hers.post(
        "/contacts",
        {
            "name": " Sunita  Deshmukh ",
            "phones": [{"number": "98220 41736", "label": "mobile"}, {"number": "0253 2345678"}],
            "emails": [{"address": "Sunita@Example.in"}],
            "addresses": [{"city": "Sinnar", "postal_code": "422103"}],
            "tags": ["Farmer"], "stage_id": str(stage.pk), "team_id": str(team.pk), "company": "Deshmukh Dairy",
            "birthday": "1990-02-28", "follow_up_on": "2026-12-01", "notes": "Two lines\nof notes", "external_id": "T-1",
        },
    )  # fmt: skip
    said = made.json()
    assert made.status_code == 201
    assert made["Location"] == f"/api/v1/contacts/{said['id']}"
    assert said["phones"] == [{"number": "+919822041736", "label": "mobile"}, {"number": "+912532345678", "label": ""}]
    assert said["emails"] == [{"address": "sunita@example.in", "label": ""}]
    assert (said["addresses"][0]["city"], said["tags"], said["stage"], said["company"]) == (
        "Sinnar", ["Farmer"], "Lead", "Deshmukh Dairy",
    )  # fmt: skip
    assert (said["source"], said["owner_id"]) == ("api", str(owner(shree).pk))
    assert said["created_at"].endswith("Z") and said["created_at"] == said["updated_at"]
    assert hers.get(made["Location"]).json() == said
    line = hers.get("/contacts").json()["items"][0]
    assert line["phone"] == "+919822041736"
    assert {name: line[name] for name in line.keys() & said.keys()} == {
        name: said[name] for name in line.keys() & said.keys()
    }
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get().source_detail == "Tally sync"


def test_wrong_values_are_named_by_pointers(hers: Program) -> None:
    refused = hers.post(
        "/contacts",
        {
            "phones": [{"number": "9822041736"}, {"number": "12"}],
            "emails": [{"address": "x"}],
            "custom": {"no such": 1},
        },
    )
    assert _pointers(refused) == ["/phones/1", "/emails/0", "/custom/no such"]
    assert _pointers(hers.post("/contacts", {"name": "A", "phones": [{"numbr": "1"}]})) == [
        "/phones/0/number", "/phones/0/numbr",
    ]  # fmt: skip
    assert _pointers(hers.post("/contacts", {"name": "A", "follow_up_on": 20_000})) == ["/follow_up_on"]
    assert _pointers(hers.post("/contacts", {"name": "A", "birthday": "1001-01-01"})) == ["/birthday"]
    assert _pointers(hers.post("/contacts", {"name": "A", "owner_id": "01a200ba-093a-7808-8ef1-d67e59465e78"})) == [
        "/owner_id"
    ]
    assert _names(hers.get("/contacts")) == []


def test_a_change_touches_only_what_it_names(hers: Program, shree: Workspace) -> None:
    contact = make_contact(shree, "Sunita", phone="+919822041736", tags=["Farmer"], notes="Old")
    changed = hers.patch(f"/contacts/{contact.pk}", {"notes": "New", "phones": [{"number": "+919822041737"}]}).json()
    assert (changed["name"], changed["notes"], changed["tags"]) == ("Sunita", "New", ["Farmer"])
    assert [each["number"] for each in changed["phones"]] == ["+919822041737"]
    assert hers.patch(f"/contacts/{contact.pk}", {"tags": []}).json()["tags"] == []
    assert hers.get(f"/contacts/{contact.pk}").json()["notes"] == "New"


def test_a_change_over_somebody_elses_is_refused(hers: Program, shree: Workspace) -> None:
    url = f"/contacts/{make_contact(shree).pk}"
    seen = hers.get(url)
    tag, moment = seen["ETag"], seen.json()["updated_at"]
    assert hers.patch(url, {"notes": "first", "updated_at": moment}).status_code == 200
    by_header, by_body = (
        hers.patch(url, {"notes": "second"}, If_Match=tag),
        hers.patch(url, {"notes": "x", "updated_at": moment}),
    )
    assert (by_header.status_code, by_body.status_code) == (412, 409)
    assert hers.patch(url, {"notes": "x"}, If_Match="nonsense").status_code == 412
    assert hers.get(url).json()["notes"] == "first"
    assert hers.patch(url, {"notes": "second"}, If_Match=hers.get(url)["ETag"]).status_code == 200


@pytest.mark.slow
def test_custom_fields_hold_paise_and_moments_in_utc(hers: Program, shree: Workspace) -> None:
    kinds = CustomField.Kind
    with tenancy.inside(shree):
        for label, kind in (
            ("Income", kinds.MONEY),
            ("Seen", kinds.TIME),
            ("Crops", kinds.CHOICES),
            ("Village", kinds.TEXT),
        ):
            choices = ("rice", "wheat") if kind == kinds.CHOICES else ()
            draft = FieldDraft(label=label, kind=kind, choices=choices)
            custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=draft)
    fields = hers.get("/custom-fields").json()["items"]
    assert [(each["key"], each["kind"]) for each in fields] == [
        ("income", "money"), ("seen", "time"), ("crops", "choices"), ("village", "text"),
    ]  # fmt: skip
    values = {"income": 1_250_050, "seen": "2026-11-21T15:00:00+05:30", "crops": ["rice"], "village": "Sinnar"}
    made = hers.post("/contacts", {"name": "Sunita", "custom": values})
    assert made.json()["custom"] == {**values, "seen": "2026-11-21T09:30:00Z"}
    assert hers.get("/contacts").json()["items"][0]["custom"] == made.json()["custom"]
    changed = hers.patch(made["Location"], {"custom": {"village": None, "income": -5}})
    assert changed.json()["custom"] == {"income": -5, "seen": "2026-11-21T09:30:00Z", "crops": ["rice"]}
    for wrong in ({"income": 12.5}, {"income": "12"}, {"village": ["a"]}, {"crops": 5}, {"crops": ["maize"]}):
        assert _pointers(hers.patch(made["Location"], {"custom": wrong})) == [f"/custom/{next(iter(wrong))}"]
    assert _names(hers.get("/contacts?custom.crops=rice")) == ["Sunita"]
    assert _names(hers.get("/contacts?custom.crops=wheat")) == []
    assert hers.get("/contacts?custom.nothing=1").status_code == 422


def test_lists_filter_sort_and_go_on_by_key(hers: Program, shree: Workspace) -> None:
    stage = make_stage(shree)
    for number in range(5):
        make_contact(shree, f"Contact {number}", stage=stage.pk if number % 2 else None)
    make_contact(shree, "Without a phone", phone="")
    seen, following = [], "/contacts?sort=name&has_phone=yes&limit=2"
    while following:
        page = hers.get(following)
        seen.append(_names(page))
        following = page.json()["next"]
    assert seen == [["Contact 0", "Contact 1"], ["Contact 2", "Contact 3"], ["Contact 4"]]
    assert _names(hers.get(f"/contacts?stage={stage.pk}")) == ["Contact 3", "Contact 1"]
    assert _names(hers.get(f"/contacts?stage={stage.pk}&stage=none&sort=created&limit=2")) == ["Contact 0", "Contact 1"]
    assert hers.get("/contacts?stage=nonsense").status_code == 422
    assert _pointers(hers.get("/contacts?sort=password")) == ["sort"]


@pytest.mark.slow
def test_what_a_limited_member_may_not_see_does_not_exist(shree: Workspace) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    mine = program(narrow)
    seen = make_contact(shree, "Mine", owner=narrow.pk)
    make_contact(shree, "The team's", team=team.pk)
    hidden, firm = make_contact(shree, "Hidden", phone="+919822041736"), make_company(shree, "Hidden Dairy")
    assert _names(mine.get("/contacts")) == ["The team's", "Mine"]
    assert _names(mine.get("/companies")) == []
    for response in (
        mine.get(f"/contacts/{hidden.pk}"),
        mine.patch(f"/contacts/{hidden.pk}", {"notes": "x"}),
        mine.post(f"/contacts/{hidden.pk}/notes", {"text": "x"}),
        mine.get(f"/contacts/{hidden.pk}/timeline"),
        mine.get(f"/companies/{firm.pk}"),
    ):
        assert response.status_code == 404
    assert mine.post("/contacts/likely-duplicates", {"phones": ["98220 41736"]}).json()["items"] == []
    assert mine.get("/search?q=hidden").json()["items"] == []
    assert _pointers(mine.patch(f"/contacts/{seen.pk}", {"company_id": str(firm.pk)})) == ["/company_id"]


@pytest.mark.slow
def test_the_bin_and_back(hers: Program, shree: Workspace) -> None:
    contact, firm = make_contact(shree), make_company(shree)
    for url in (f"/contacts/{contact.pk}", f"/companies/{firm.pk}"):
        assert hers.delete(url).status_code == 204
        assert (hers.get(url).status_code, hers.delete(url).status_code) == (404, 404)
        assert hers.post(f"{url}/restoration").status_code == 200
        assert (hers.get(url).status_code, hers.post(f"{url}/restoration").status_code) == (200, 404)


def test_notes_stand_on_the_timeline_which_pages(hers: Program, shree: Workspace) -> None:
    contact = make_contact(shree)
    for number in range(3):
        written = hers.post(f"/contacts/{contact.pk}/notes", {"text": f"Note {number}\nand more", "kind": "call"})
        assert (written.status_code, written.json()["summary"], written.json()["body"]) == (
            201,
            f"Note {number}",
            "and more",
        )
    first = hers.get(f"/contacts/{contact.pk}/timeline?limit=3").json()
    rest = hers.get(first["next"]).json()
    assert [line["summary"] for line in first["items"]] == ["Note 2", "Note 1", "Note 0"]
    assert ([line["kind"] for line in rest["items"]], rest["next"]) == (["created"], None)
    assert first["items"][0]["actor"] == "Rekha Kulkarni"
    assert _pointers(hers.post(f"/contacts/{contact.pk}/notes", {"text": "  "})) == ["/text"]
    with tenancy.inside(shree):
        assert Interaction.objects.of(shree).filter(kind="call").count() == 3


def test_likely_duplicates_say_what_they_share(hers: Program, shree: Workspace) -> None:
    make_contact(shree, "Sunita Deshmukh", phone="+919822041736")
    make_contact(shree, "Sunita Deshmukh", phone="")
    found = hers.post(
        "/contacts/likely-duplicates", {"name": "सुनीता देशमुख", "phones": ["098220 41736", "nonsense"]}
    ).json()
    assert [(each["reason"], each["value"]) for each in found["items"]] == [
        ("phone", "+919822041736"), ("name", "Sunita Deshmukh"),
    ]  # fmt: skip
    make_company(shree, "Deshmukh Dairy")
    assert _names(hers.post("/companies/likely-duplicates", {"name": "Deshmukh Dairy"})) == ["Deshmukh Dairy"]


@pytest.mark.slow
def test_a_merge_is_made_and_undone(hers: Program, shree: Workspace) -> None:
    keep, gone = make_contact(shree, "Sunita", notes="One"), make_contact(shree, "Sunita D", notes="Two")
    body = {"keep_id": str(keep.pk), "gone_id": str(gone.pk), "choices": {"name": "gone"}}
    merged = hers.post("/merges", body)
    assert merged.status_code == 201
    one = hers.get(f"/contacts/{keep.pk}").json()
    assert (one["name"], one["notes"], len(one["phones"])) == ("Sunita D", "One\n\nTwo", 2)
    assert hers.get(f"/contacts/{gone.pk}").status_code == 404
    assert _pointers(hers.post("/merges", body)) == ["/gone_id"]
    undone = hers.post(f"{merged['Location']}/undoing")
    assert undone.json()["undone_at"] and hers.get(merged["Location"]).json()["undone_at"]
    assert hers.get(f"/contacts/{gone.pk}").json()["name"] == "Sunita D"
    assert hers.post(f"{merged['Location']}/undoing").status_code == 409
    assert hers.post("/merges", body | {"gone_id": str(keep.pk)}).status_code == 409


@pytest.mark.slow
def test_companies_are_made_changed_and_listed(hers: Program, shree: Workspace) -> None:
    made = hers.post("/companies", {"name": "Deshmukh Dairy", "industry": "Dairy", "website": "dairy.example.in"})
    assert (made.status_code, made.json()["source"]) == (201, "api")
    assert hers.patch(made["Location"], {"industry": "Milk"}, If_Match=made["ETag"]).json()["industry"] == "Milk"
    assert hers.patch(made["Location"], {"industry": "Curd"}, If_Match=made["ETag"]).status_code == 412
    assert _pointers(hers.patch(made["Location"], {"gstin": "27AAPFU0939F1ZX"})) == ["/gstin"]
    make_company(shree, "Another")
    assert _names(hers.get("/companies?sort=name&limit=1")) == ["Another"]
    assert hers.post(f"{made['Location']}/notes", {"text": "Came by."}).status_code == 201
    assert hers.get(f"{made['Location']}/timeline").json()["items"][0]["summary"] == "Came by."
    contact = hers.post("/contacts", {"name": "Sunita", "company_id": made.json()["id"]})
    assert contact.json()["company"] == "Deshmukh Dairy"
    assert hers.patch(contact["Location"], {"company_id": None}).json()["company"] == ""


def test_stages_and_tags_are_listed(hers: Program, shree: Workspace) -> None:
    stage = make_stage(shree, "Customer", is_closed=True)
    make_contact(shree, tags=["Farmer", "Pensioner"])
    assert hers.get("/stages").json()["items"] == [{"id": str(stage.pk), "name": "Customer", "is_closed": True}]
    assert _names(hers.get("/tags")) == ["Farmer", "Pensioner"]


@pytest.mark.slow
def test_a_list_takes_eight_statements_for_one_and_for_fifty(hers: Program, shree: Workspace) -> None:
    make_contact(shree)
    hers.get("/contacts")  # the token's time of use is written once a minute
    one = _count(hers, "GET", "/contacts")
    for number in range(49):
        make_contact(shree, f"Contact {number}", follow_up_on=date(2026, 12, 1) + timedelta(days=number))
    assert _count(hers, "GET", "/contacts") == one <= 8
    assert _count(hers, "GET", "/companies") <= 8
    assert _count(hers, "GET", "/search?q=contact") <= 9, "no list: one more, which counts whom it showed"


def test_one_contact_takes_few_statements_to_make_and_to_read(hers: Program, shree: Workspace) -> None:
    url = hers.post("/contacts", {"name": "First"})["Location"]
    body = {"name": "Sunita", "phones": [{"number": "9822041736"}], "tags": ["Farmer"]}
    assert _count(hers, "POST", "/contacts", body) <= 12
    assert _count(hers, "POST", "/contacts", {"name": "With a key"}, Idempotency_Key="k") <= 14
    assert _count(hers, "GET", url) <= 9  # one of them counts what the token has read
