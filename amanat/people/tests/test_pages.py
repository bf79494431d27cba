"""The pages of people: what they show, what they refuse, what they cost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tenancy
from amanat.people import bin as bins
from amanat.people import custom_fields, timeline
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import AddressDraft
from amanat.people.models import Company, Contact, CustomField, Interaction, Phone, SavedView, Stage, Tag
from amanat.people.tests.factories import make_company, make_contact, make_stage, make_team, narrow_member, owner

LIST = "/contacts/"


@pytest.fixture
def client_of(shree: Workspace) -> Client:
    return signed_in(owner(shree))


def _page(contact: Contact) -> str:
    return reverse("people:contact", args=[contact.pk])


def _statements(client: Client, url: str, data: dict[str, Any] | None = None) -> int:
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url) if data is None else client.post(url, data)
    assert response.status_code in {200, 303}, response.status_code
    skipped = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT", "ROLLBACK")
    return len([one for one in captured if not one["sql"].startswith(skipped)])


def test_the_first_visit_says_what_the_page_is_for(client_of: Client) -> None:
    page = client_of.get(LIST)
    assert "No contacts yet" in page.text
    assert reverse("people:imports") in page.text


@pytest.mark.slow
def test_a_list_costs_the_same_for_1_3_and_50_rows(shree: Workspace, client_of: Client) -> None:
    counts = []
    for amount in (1, 2, 50):
        for _ in range(amount):
            make_contact(shree, company_name="Dairy", tags=["x"], addresses=[AddressDraft(city="Sinnar")])
        counts.append(_statements(client_of, LIST))
    assert counts[0] == counts[1] == counts[2] <= 8
    assert _statements(client_of, f"{LIST}?has_phone=yes&columns=city&columns=tags") <= 8
    assert _statements(client_of, "/companies/") <= 8


def test_a_contact_costs_the_same_for_1_and_3_of_everything(shree: Workspace, client_of: Client) -> None:
    few = make_contact(shree, company_name="Dairy")
    many = make_contact(
        shree, phones=[(f"982204173{n}", "") for n in range(3)], emails=[(f"a{n}@b.in", "") for n in range(3)],
        addresses=[AddressDraft(city=f"Town {n}") for n in range(3)], tags=["a", "b", "c"], company_name="Dairy",
    )  # fmt: skip
    with tenancy.inside(shree):
        for n in range(3):
            timeline.record(
                workspace=shree,
                kind="note",
                summary=f"Note {n}",
                happened_at=clock.now(),
                contact=many,
                actor=owner(shree),
            )
    assert _statements(client_of, _page(few)) == _statements(client_of, _page(many)) <= 12


def test_making_a_contact_stays_within_twelve_statements(shree: Workspace, client_of: Client) -> None:
    data = {
        "name": "Sunita", "phone_number": ["9822041736", "9822041737"], "phone_label": ["", "home"], "email_address": "s@example.in",
        "company_name": "Deshmukh Dairy", "tags": "Farmer, New", "address_city": "Sinnar",
    }  # fmt: skip
    assert _statements(client_of, reverse("people:contact_new"), data) <= 12
    with tenancy.inside(shree):
        assert Phone.objects.of(shree).count() == 2


@pytest.mark.slow
def test_the_list_pages_forth_and_back(shree: Workspace, client_of: Client) -> None:
    for number in range(53):
        make_contact(shree, f"Person {number:02d}", phone="")
    first = client_of.get(f"{LIST}?sort=name")
    assert "Person 49" in first.text
    assert "Person 50" not in first.text
    second = client_of.get(first.context["next_url"])
    assert "Person 52" in second.text
    assert second.context["next_url"] == ""
    assert "Person 49" in client_of.get(second.context["previous_url"]).text


@pytest.mark.slow
def test_names_and_filters_cannot_write_markup(shree: Workspace, client_of: Client) -> None:
    evil = "<script>alert(1)</script>"
    contact = make_contact(shree, evil, company_name=evil, tags=[evil], notes=evil, job_title=evil)
    for url in (LIST, f"{LIST}?columns=company&columns=job_title&columns=tags", _page(contact), f"{_page(contact)}edit/", "/companies/",
                f"/search/?{urlencode({'q': evil})}", f"/search/palette/?{urlencode({'q': 'script'})}", f"{LIST}?{urlencode({'city': evil})}",
                f"/same/contact/?{urlencode({'name': evil})}", "/settings/tags/"):  # fmt: skip
        page = client_of.get(url)
        assert page.status_code == 200, url
        assert evil not in page.text, url


@pytest.mark.sampled
@pytest.mark.parametrize(
    "query", ["unknown=1", "stage=x", "sort=evil", "columns=evil", "after=evil~x", "created_after=evil", "after=%00"]
)
def test_a_list_that_makes_no_sense_is_refused_with_a_message(shree: Workspace, client_of: Client, query: str) -> None:
    make_contact(shree)
    page = client_of.get(f"{LIST}?{query}")
    assert page.status_code == 400
    assert "notice-red" in page.text


@pytest.mark.slow
def test_a_member_of_a_team_sees_finds_opens_and_changes_only_her_own(shree: Workspace) -> None:
    team = make_team(shree)
    hidden = make_contact(shree, "Sunita Hidden", phone="+919822041736")
    seen = make_contact(shree, "Sunita Seen", team=team.pk)
    client = signed_in(narrow_member(shree, "Prakash Jadhav", team))
    listing = client.get(LIST)
    assert "Sunita Seen" in listing.text
    assert "Hidden" not in listing.text
    assert "Hidden" not in client.get("/search/?q=sunita").text
    assert "Hidden" not in client.get("/search/palette/?q=9822041736").text
    assert "Hidden" not in client.get("/same/contact/?phone_number=9822041736").text
    assert client.get(_page(seen)).status_code == 200
    for url in (_page(hidden), f"{_page(hidden)}edit/"):
        assert client.get(url).status_code == 404
    for part in ("notes/", "follow-up/", "edit/"):
        assert client.post(f"{_page(hidden)}{part}", {"note": "x", "in": "1", "name": "x"}).status_code == 404
    client.post("/contacts/change/", {"ids": [hidden.pk, seen.pk], "act": "add_tag", "tag_name": "Mine"})
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get(pk=hidden.pk).tag_ids == []
        assert len(Contact.objects.of(shree).get(pk=seen.pk).tag_ids) == 1


def test_an_auditor_reads_and_writes_nothing(shree: Workspace) -> None:
    contact = make_contact(shree)
    client = signed_in(make_member(shree, Role.AUDITOR, name="Auditor"))
    assert client.get(LIST).status_code == client.get(_page(contact)).status_code == 200
    for url in ("/contacts/new/", f"{_page(contact)}edit/", f"{_page(contact)}notes/", "/contacts/change/"):
        assert client.post(url, {"name": "x", "note": "x"}).status_code == 403


def test_another_workspace_opens_nothing(shree: Workspace, other: Workspace) -> None:
    contact = make_contact(shree)
    client = signed_in(owner(other))
    assert client.get(_page(contact)).status_code == 404
    assert "Sunita" not in client.get(LIST).text


def test_errors_stand_at_their_fields_and_nothing_typed_is_lost(shree: Workspace, client_of: Client) -> None:
    data = {
        "name": "Sunita",
        "phone_number": ["12", "9822041736"],
        "phone_label": ["", ""],
        "email_address": "no",
        "birthday": "x",
    }
    page = client_of.post("/contacts/new/", data)
    assert page.status_code == 422
    data["birthday"] = ""
    page = client_of.post("/contacts/new/", data)
    assert page.status_code == 422
    assert 'value="12"' in page.text
    assert "too few digits" in page.text
    assert "not an e-mail address" in page.text
    with tenancy.inside(shree):
        assert not Contact.objects.of(shree).exists()


def test_a_double_is_told_while_typing_and_on_saving(shree: Workspace, client_of: Client) -> None:
    known = make_contact(shree, "Sunita Deshmukh", phone="+919822041736")
    told = client_of.get("/same/contact/?phone_number=98220+41736").text
    assert "Sunita Deshmukh" in told
    assert _page(known) in told
    data = {"name": "Sunita", "phone_number": "9822041736"}
    page = client_of.post("/contacts/new/", data)
    assert page.status_code == 422
    assert "belongs to" in page.text
    saved = client_of.post("/contacts/new/", data | {"anyway": "1"})
    assert saved.status_code == 303
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).count() == 2


def test_the_second_of_two_editors_keeps_her_text(shree: Workspace, client_of: Client) -> None:
    contact = make_contact(shree)
    seen = client_of.get(f"{_page(contact)}edit/").context["seen_at"]
    form = {"name": "Sunita", "phone_number": contact.main_phone, "seen_at": seen}
    assert client_of.post(f"{_page(contact)}edit/", form | {"notes": "first"}).status_code == 303
    late = client_of.post(f"{_page(contact)}edit/", form | {"notes": "second"})
    assert late.status_code == 422
    assert "Somebody else changed this" in late.text
    assert "second" in late.text
    again = client_of.post(f"{_page(contact)}edit/", form | {"notes": "second", "seen_at": late.context["seen_at"]})
    assert again.status_code == 303
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get().notes == "second"


def test_editing_without_a_change_leaves_everything(shree: Workspace, client_of: Client) -> None:
    contact = make_contact(
        shree, phones=[("9822041736", "work")], emails=[("a@b.in", "")], addresses=[AddressDraft(city="Sinnar")], tags=["a"], company_name="Dairy"
    )  # fmt: skip
    form = client_of.get(f"{_page(contact)}edit/").context["form"]
    data: dict[str, Any] = {name: form[name].value() or "" for name in form.fields}
    rows = {"phone_number": form.phone_rows(), "email_address": form.email_rows()}
    data |= {name: [row.value for row in found] for name, found in rows.items()}
    data |= {
        "phone_label": [row.label for row in rows["phone_number"]],
        "address_city": [row.value.city for row in form.address_rows()],
    }
    assert client_of.post(f"{_page(contact)}edit/", data).status_code == 303
    with tenancy.inside(shree):
        assert not Interaction.objects.of(shree).filter(kind="change").exists()


@pytest.mark.slow
def test_notes_and_files_stand_on_the_timeline(shree: Workspace, client_of: Client) -> None:
    contact = make_contact(shree)
    note = SimpleUploadedFile("papers.txt", b"ration card")
    assert (
        client_of.post(
            f"{_page(contact)}notes/", {"note": "Will come on Monday\nwith papers", "file": note}
        ).status_code
        == 303
    )
    page = client_of.get(_page(contact)).text
    assert "Will come on Monday" in page
    with tenancy.inside(shree):
        line = Interaction.objects.of(shree).get(kind="note")
    served = client_of.get(reverse("people:attachment", args=[line.data["attachment"]]))
    assert b"".join(served.streaming_content) == b"ration card"
    assert "attachment" in served["Content-Disposition"]
    evil = client_of.post(
        f"{_page(contact)}notes/", {"note": "x", "file": SimpleUploadedFile("a.exe", b"MZ\x90\x00" + b"\x00" * 64)}
    )
    assert evil.status_code == 422
    assert client_of.post(f"{_page(contact)}notes/", {"note": "  "}).status_code == 422
    stranger = signed_in(narrow_member(shree))
    assert stranger.get(reverse("people:attachment", args=[line.data["attachment"]])).status_code == 404


@pytest.mark.slow
def test_older_lines_come_by_key(shree: Workspace, client_of: Client) -> None:
    contact = make_contact(shree)
    with tenancy.inside(shree):
        for number in range(32):
            timeline.record(
                workspace=shree, kind="note", summary=f"Note {number:02d}", happened_at=clock.now() + timedelta(minutes=number), contact=contact
            )  # fmt: skip
    page = client_of.get(_page(contact))
    assert "Note 31" in page.text
    assert "Note 01" not in page.text
    older = client_of.get(page.context["older_url"], headers={"HX-Request": "true"})
    assert "Note 01" in older.text
    assert "<html" not in older.text
    assert "Note 01" in client_of.get(page.context["older_url"]).text


def test_follow_up_is_set_by_a_day_or_a_step_and_taken_away(shree: Workspace, client_of: Client) -> None:
    contact = make_contact(shree)
    today = clock.today(shree.time_zone)
    for data, day in (
        ({"in": "1"}, today + timedelta(days=1)),
        ({"day": "2027-01-26"}, "2027-01-26"),
        ({"day": "2027-99-99"}, "2027-01-26"),
        ({}, None),
    ):
        assert client_of.post(f"{_page(contact)}follow-up/", data).status_code == 303
        with tenancy.inside(shree):
            found = Contact.objects.of(shree).get().follow_up_on
        assert str(found) == str(day)


def test_bulk_changes_go_to_the_ticked_or_to_all_that_match(shree: Workspace, client_of: Client) -> None:
    stage = make_stage(shree)
    made = [make_contact(shree, f"Person {n}", phone="" if n else None) for n in range(3)]
    client_of.post("/contacts/change/", {"ids": [made[0].pk], "act": "stage", "stage": stage.pk})
    client_of.post(
        "/contacts/change/", {"everything": "1", "query": "has_phone=no", "act": "owner", "owner": owner(shree).pk}
    )
    client_of.post(
        "/contacts/change/", {"ids": [one.pk for one in made], "act": "follow_up_on", "follow_up_on": "2026-12-01"}
    )
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).filter(stage=stage).count() == 1
        assert Contact.objects.of(shree).filter(owner__isnull=False).count() == 2
        assert Contact.objects.of(shree).filter(follow_up_on="2026-12-01").count() == 3
    for data in ({"act": "stage", "stage": stage.pk}, {"ids": [made[0].pk], "act": "stage", "stage": "evil"}, {"ids": ["evil"], "act": "x"},
                 {"everything": "1", "query": "evil=1", "act": "stage", "stage": stage.pk}, {"ids": [made[0].pk], "act": "follow_up_on", "follow_up_on": "x"}):  # fmt: skip
        assert client_of.post("/contacts/change/", data).status_code == 303
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).filter(stage=stage).count() == 1


def test_deleting_moves_to_the_bin_and_out_of_sight(shree: Workspace, client_of: Client) -> None:
    one, two = make_contact(shree, "Sunita"), make_contact(shree, "Prakash")
    assert client_of.post("/contacts/change/", {"ids": [one.pk], "act": "delete"}).status_code == 303
    assert client_of.post(f"{_page(two)}delete/").status_code == 303
    assert client_of.get(_page(one)).status_code == 404
    assert "Sunita" not in client_of.get("/search/?q=sunita").text.partition("</form>")[2]
    assert bins is not None


def test_views_are_kept_shared_renamed_and_deleted(shree: Workspace, client_of: Client) -> None:
    make_contact(shree, "With"), make_contact(shree, "Without", phone="")
    saved = client_of.post(
        "/views/", {"on": "contact", "name": "No phone", "query": "has_phone=no&sort=name", "is_shared": "1"}
    )
    assert saved.status_code == 303
    agent = signed_in(make_member(shree, name="Asha"))
    page = agent.get(saved.url)
    assert "Without" in page.text
    assert ">With<" not in page.text
    with tenancy.inside(shree):
        view = SavedView.objects.of(shree).get()
    agent.post(f"/views/{view.pk}/", {"name": "Mine now", "act": "delete"})
    agent.post("/views/", {"on": "contact", "name": "Own", "query": "owner=me", "is_shared": "1"})
    client_of.post(f"/views/{view.pk}/", {"name": "Nobody to call", "is_shared": "1"})
    with tenancy.inside(shree):
        assert set(SavedView.objects.of(shree).values_list("name", "is_shared")) == {
            ("Nobody to call", True),
            ("Own", False),
        }
    client_of.post(f"/views/{view.pk}/", {"act": "delete"})
    with tenancy.inside(shree):
        assert SavedView.objects.of(shree).get().name == "Own"


def test_the_palette_offers_pages_and_a_new_contact(shree: Workspace, client_of: Client) -> None:
    make_contact(shree, "Sunita Deshmukh", phone="+919822041736", company_name="Dairy")
    page = client_of.get("/search/palette/?q=सुनीता").text
    assert "Sunita Deshmukh" in page
    assert "+91 98220 41736" in page
    assert reverse("people:contacts") in client_of.get("/search/palette/?q=conta").text
    assert "phone=97777+77777" in client_of.get("/search/palette/?q=9777777777").text
    assert _statements(client_of, "/search/palette/?q=sunita") <= 8


@pytest.mark.slow
def test_a_company_lists_its_people(shree: Workspace, client_of: Client) -> None:
    company = make_company(shree)
    make_contact(shree, company_id=company.pk)
    url = reverse("people:company", args=[company.pk])
    page = client_of.get(url).text
    assert "Sunita Deshmukh" in page
    before = _statements(client_of, url)
    for _ in range(2):
        make_contact(shree, company_id=company.pk)
    assert _statements(client_of, url) == before <= 12
    assert "Deshmukh Dairy" in client_of.get(f"/contacts/new/?company={company.pk}").text
    assert "Deshmukh Dairy" in client_of.get("/companies/names/?company_name=desh").text
    assert client_of.post(f"{url}edit/", {"name": "Deshmukh Foods", "gstin": "wrong"}).status_code == 422
    assert client_of.post(f"{url}edit/", {"name": "Deshmukh Foods"}).status_code == 303
    with tenancy.inside(shree):
        assert Company.objects.of(shree).get().name == "Deshmukh Foods"


@pytest.mark.slow
def test_fields_are_added_changed_ordered_retired_and_brought_back(shree: Workspace, client_of: Client) -> None:
    url = reverse("people:fields")
    assert client_of.post(url, {"label": "Crop", "on": "contact", "kind": "choice", "choices": ""}).status_code == 422
    for label in ("Village", "Policy"):
        assert (
            client_of.post(
                url, {"label": label, "on": "contact", "kind": "text", "personal_kind": "pd:Contact"}
            ).status_code
            == 303
        )
    with tenancy.inside(shree):
        village, policy = CustomField.objects.of(shree).order_by("position")
    assert "custom-village" in client_of.get("/contacts/new/").text
    client_of.post(f"{url}{policy.pk}/act/", {"act": "up"})
    assert client_of.post(f"{url}{village.pk}/", {"label": "Village or town", "personal_kind": ""}).status_code == 303
    with tenancy.inside(shree):
        assert list(CustomField.objects.of(shree).order_by("position").values_list("label", flat=True)) == [
            "Policy",
            "Village or town",
        ]
    client_of.post(f"{url}{village.pk}/act/", {"act": "retire"})
    assert "custom-village" not in client_of.get("/contacts/new/").text
    client_of.post(f"{url}{village.pk}/act/", {"act": "bring_back"})
    assert "custom-village" in client_of.get("/contacts/new/").text
    assert client_of.get(url).status_code == 200


def test_stages_and_tags_are_kept_in_order(shree: Workspace, client_of: Client) -> None:
    for name in ("Lead", "Customer"):
        assert client_of.post("/settings/stages/", {"name": name}).status_code == 303
    assert client_of.post("/settings/stages/", {"name": "lead"}).status_code == 422
    with tenancy.inside(shree):
        lead, customer = Stage.objects.of(shree).order_by("position")
    contact = make_contact(shree, stage=lead.pk, tags=["Farmer", "Framer"])
    assert client_of.get("/settings/stages/").status_code == client_of.get("/settings/tags/").status_code == 200
    client_of.post(f"/settings/stages/{customer.pk}/", {"act": "up"})
    client_of.post(f"/settings/stages/{lead.pk}/", {"act": "delete", "instead": str(customer.pk)})
    with tenancy.inside(shree):
        wrong = Tag.objects.of(shree).get(key="framer")
    client_of.post(f"/settings/tags/{wrong.pk}/", {"act": "rename", "name": "FARMER"})
    with tenancy.inside(shree):
        contact.refresh_from_db()
        assert contact.stage_id == customer.pk
        assert [tag.key for tag in Tag.objects.of(shree)] == ["farmer"]
        assert len(contact.tag_ids) == 1
        tag = Tag.objects.of(shree).get()
    client_of.post(f"/settings/tags/{tag.pk}/", {"act": "delete"})
    with tenancy.inside(shree):
        contact.refresh_from_db()
        assert contact.tag_ids == []


@pytest.mark.slow
def test_two_hundred_fields_and_long_names_are_shown(shree: Workspace, client_of: Client) -> None:
    with tenancy.inside(shree):
        CustomField.objects.bulk_create(
            CustomField(workspace_id=shree.pk, key=f"f{n}", label=f"Field {n}", kind=list(CustomField.Kind)[n % 12], choices=["a", "b"], position=n)
            for n in range(200)
        )  # fmt: skip
    contact = make_contact(shree, "ल" * 200, notes="x" * 10_000, custom={"f0": "value", "f1": "long"})
    columns = "&".join(f"columns=custom.f{n}" for n in range(200))
    for url in (LIST, f"{LIST}?{columns}", _page(contact), f"{_page(contact)}edit/"):
        page = client_of.get(url)
        assert page.status_code == 200
        assert "ल" * 200 in page.text
    assert _statements(client_of, _page(contact)) <= 12


def test_a_required_field_asks_on_the_form(shree: Workspace, client_of: Client) -> None:
    with tenancy.inside(shree):
        custom_fields.add(
            workspace=shree, by=owner(shree), at=clock.now(), draft=FieldDraft("Village", is_required=True)
        )
    page = client_of.post("/contacts/new/", {"name": "Sunita"})
    assert page.status_code == 422
    assert "Please fill in" in page.text
