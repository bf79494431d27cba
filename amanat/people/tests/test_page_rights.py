"""Who gets which page of people, by role and by what a member may see; and that a refused form changes nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import TABLE, May, Role
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, routes, tenancy
from amanat.people import custom_fields, saved_views
from amanat.people.custom_fields import FieldDraft
from amanat.people.lists import Definition
from amanat.people.models import Company, Contact, CustomField, Interaction, SavedView, Stage, Tag
from amanat.people.tests.factories import make_company, make_contact, make_stage, make_team, narrow_member, owner


@dataclass
class Shop:
    """One row of each kind, made by the owner."""

    workspace: Workspace
    contact: Contact
    second: Contact
    company: Company
    stage: Stage
    tag: Tag
    field: CustomField
    view: SavedView


@pytest.fixture
def shop(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> Shop:
    monkeypatch.setattr(routes, "_over_limit", lambda request, declared: None)
    contact, second = make_contact(shree, "Sunita", tags=["VIP"]), make_contact(shree, "Sunita D")
    company, stage = make_company(shree, "Dairy"), make_stage(shree, "Prospect")
    with tenancy.inside(shree):
        field = custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=FieldDraft("Village"))
        view = saved_views.save(member=owner(shree), at=clock.now(), name="Mine", definition=Definition("contact"))
        tag = Tag.objects.of(shree).get()
    return Shop(shree, contact, second, company, stage, tag, field, view)


def _state(shop: Shop) -> list[Any]:
    with tenancy.inside(shop.workspace):
        models = (Contact, Company, Interaction, Stage, Tag, CustomField, SavedView)
        return [list(model.objects.of(shop.workspace).order_by("pk").values()) for model in models]


#: Pages to read: address and the permission they ask for.
def _pages(shop: Shop) -> list[tuple[str, May]]:
    contact, company = str(shop.contact.pk), str(shop.company.pk)
    return [
        ("/contacts/", May.READ_CONTACTS), ("/companies/", May.READ_CONTACTS), (f"/contacts/{contact}/", May.READ_CONTACTS), (f"/companies/{company}/", May.READ_CONTACTS),
        ("/search/?q=sunita", May.READ_CONTACTS), ("/search/palette/?q=sunita", May.READ_CONTACTS), ("/companies/names/?company_name=d", May.READ_CONTACTS),
        ("/contacts/new/", May.WRITE_CONTACTS), ("/companies/new/", May.WRITE_CONTACTS), (f"/contacts/{contact}/edit/", May.WRITE_CONTACTS),
        (f"/companies/{company}/edit/", May.WRITE_CONTACTS), ("/same/contact/?name=sunita", May.WRITE_CONTACTS),
        (reverse("people:merge_with", args=["contact", contact]), May.MERGE_CONTACTS), (reverse("people:merge", args=["contact", contact, shop.second.pk]), May.MERGE_CONTACTS),
        (reverse("people:duplicates"), May.MERGE_CONTACTS), (reverse("people:merges"), May.MERGE_CONTACTS), (reverse("people:bin"), May.DELETE_CONTACTS),
        ("/settings/fields/", May.MANAGE_FIELDS), (f"/settings/fields/{shop.field.pk}/", May.MANAGE_FIELDS), ("/settings/stages/", May.MANAGE_FIELDS), ("/settings/tags/", May.MANAGE_FIELDS),
    ]  # fmt: skip


#: Forms: address, what is sent, and the permission. Each would change a row.
def _forms(shop: Shop) -> list[tuple[str, dict[str, Any], May]]:
    contact, company = str(shop.contact.pk), str(shop.company.pk)
    return [
        ("/contacts/new/", {"name": "New"}, May.WRITE_CONTACTS), ("/companies/new/", {"name": "New"}, May.WRITE_CONTACTS),
        (f"/contacts/{contact}/edit/", {"name": "Changed"}, May.WRITE_CONTACTS), (f"/companies/{company}/edit/", {"name": "Changed"}, May.WRITE_CONTACTS),
        (f"/contacts/{contact}/notes/", {"note": "x"}, May.WRITE_CONTACTS), (f"/companies/{company}/notes/", {"note": "x"}, May.WRITE_CONTACTS),
        (f"/contacts/{contact}/follow-up/", {"in": "3"}, May.WRITE_CONTACTS), (f"/companies/{company}/follow-up/", {"in": "3"}, May.WRITE_CONTACTS),
        ("/contacts/change/", {"ids": [contact], "act": "add_tag", "tag_name": "New"}, May.WRITE_CONTACTS),
        ("/companies/change/", {"ids": [company], "act": "add_tag", "tag_name": "New"}, May.WRITE_CONTACTS),
        (f"/contacts/{contact}/delete/", {}, May.DELETE_CONTACTS), (f"/companies/{company}/delete/", {}, May.DELETE_CONTACTS),
        (reverse("people:merge", args=["contact", shop.second.pk, contact]), {}, May.MERGE_CONTACTS),
        ("/settings/fields/", {"label": "New", "kind": "text", "on": "contact"}, May.MANAGE_FIELDS), (f"/settings/fields/{shop.field.pk}/", {"label": "Changed"}, May.MANAGE_FIELDS),
        (f"/settings/fields/{shop.field.pk}/act/", {"act": "retire"}, May.MANAGE_FIELDS), ("/settings/stages/", {"name": "New"}, May.MANAGE_FIELDS),
        (f"/settings/stages/{shop.stage.pk}/", {"act": "delete"}, May.MANAGE_FIELDS), (f"/settings/tags/{shop.tag.pk}/", {"act": "delete"}, May.MANAGE_FIELDS),
    ]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("role", Role.values)
def test_each_role_reads_the_pages_of_its_permissions(shop: Shop, role: str) -> None:
    client = signed_in(make_member(shop.workspace, role, name="Asha"))
    found = [(url, client.get(url).status_code == 200) for url, _may in _pages(shop)]
    assert found == [(url, may in TABLE[role]) for url, may in _pages(shop)]


@pytest.mark.slow
@pytest.mark.parametrize("role", Role.values)
def test_each_role_changes_what_its_permissions_say_and_nothing_else(shop: Shop, role: str) -> None:
    client = signed_in(make_member(shop.workspace, role, name="Asha"))
    for url, sent, may in _forms(shop):
        before = _state(shop)
        answer = client.post(url, sent)
        if may in TABLE[role]:
            # A record that was deleted or merged by an earlier form is not there for a later one.
            assert answer.status_code in {302, 303, 404}, url
        else:
            assert answer.status_code in {403, 404}, url
            assert _state(shop) == before, url


@pytest.mark.slow
def test_every_form_changes_a_row_for_whoever_may(shop: Shop) -> None:
    """So that the matrix above means something."""
    client = signed_in(owner(shop.workspace))
    unchanged = []
    for url, sent, _may in _forms(shop):
        if url.endswith(("/delete/",)):
            continue  # last, below
        before = _state(shop)
        client.post(url, sent)
        if _state(shop) == before:
            unchanged.append(url)
    # The contact was merged into the second by then.
    assert unchanged == []
    before = _state(shop)
    assert client.post(f"/companies/{shop.company.pk}/delete/").status_code == 303
    assert _state(shop) != before


def test_nobody_signed_out_reads_or_changes_anything(shop: Shop) -> None:
    client, before = Client(), _state(shop)
    for url, _may in _pages(shop):
        answer = client.get(url)
        assert answer.status_code in {302, 303, 401, 403}, url
        assert "Sunita" not in answer.text
    for url, sent, _may in _forms(shop):
        assert client.post(url, sent).status_code in {302, 303, 401, 403}, url
    assert _state(shop) == before


@pytest.mark.slow
def test_a_limited_member_gets_no_page_and_no_change_of_hidden_records(shop: Shop) -> None:
    client = signed_in(narrow_member(shop.workspace, "Prakash Jadhav", make_team(shop.workspace)))
    for key, path in ((shop.contact.pk, "contacts"), (shop.company.pk, "companies")):
        before = _state(shop)
        for page in ("", "edit/"):
            assert client.get(f"/{path}/{key}/{page}").status_code == 404
        for act, sent in (
            ("edit/", {"name": "Changed"}),
            ("notes/", {"note": "x"}),
            ("follow-up/", {"in": "3"}),
            ("delete/", {}),
        ):
            assert client.post(f"/{path}/{key}/{act}", sent).status_code in {403, 404}
        client.post(f"/{path}/change/", {"ids": [key], "act": "owner", "owner": "none"})
        assert _state(shop) == before
        assert client.get(f"/{path}/").context["count"] == 0


@pytest.mark.sampled
@pytest.mark.parametrize("sees", ["own", "team"])
def test_a_limited_member_works_with_the_own_and_the_teams_records(shop: Shop, sees: str) -> None:
    team = make_team(shop.workspace)
    narrow = narrow_member(shop.workspace, "Prakash Jadhav", team)
    given: dict[str, Any] = {"owner": narrow.pk} if sees == "own" else {"team": team.pk}
    contact, company = make_contact(shop.workspace, "Seen", **given), make_company(shop.workspace, "Seen firm", **given)
    client = signed_in(narrow)
    for key, path in ((contact.pk, "contacts"), (company.pk, "companies")):
        keep = {"owner": str(narrow.pk)} if sees == "own" else {"team": str(team.pk)}
        assert client.get(f"/{path}/{key}/").status_code == 200
        assert client.post(f"/{path}/{key}/edit/", {"name": "Changed", **keep}).status_code == 303
        assert client.post(f"/{path}/{key}/notes/", {"note": "x"}).status_code == 303
        assert client.post(f"/{path}/{key}/follow-up/", {"in": "7"}).status_code == 303
        assert client.post(f"/{path}/{key}/delete/").status_code in {403, 404}
        listed = client.get(f"/{path}/").context
        assert (listed["count"], "Changed" in listed["body"]) == (1, True)


@pytest.mark.slow
def test_buttons_are_offered_to_whoever_may_press_them(shop: Shop) -> None:
    page = f"/contacts/{shop.contact.pk}/"
    marks = {
        "Edit": f'href="{page}edit/"', "note": "data-composer", "delete": f'action="{page}delete/"', "merge": reverse("people:merge_with", args=["contact", shop.contact.pk]),
    }  # fmt: skip
    offered = {}
    for role in Role.values:
        text = signed_in(make_member(shop.workspace, role, name="Asha")).get(page).text
        offered[role] = {name for name, mark in marks.items() if mark in text}
    everything = set(marks)
    assert offered == {"owner": everything, "manager": everything, "agent": {"Edit", "note"}, "auditor": set()}


@pytest.mark.slow
def test_tools_of_a_list_are_offered_to_whoever_may_use_them(shop: Shop) -> None:
    marks = {
        "new": 'href="/contacts/new/"',
        "import": 'href="/imports/"',
        "export": "/export/",
        "delete": 'value="delete"',
        "change": "data-bulk",
    }
    offered = {}
    for role in Role.values:
        text = signed_in(make_member(shop.workspace, role, name="Asha")).get("/contacts/").text
        main = text.partition("<main")[2]
        offered[role] = {name for name, mark in marks.items() if mark in main}
    assert offered["agent"] >= {"new", "change"} and not offered["agent"] & {"import", "delete"}
    assert offered["owner"] >= {"new", "import", "delete", "change"}
    assert not offered["auditor"] & {"new", "import", "delete", "change"}
