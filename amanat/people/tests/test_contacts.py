"""Contacts: what making and changing them writes, and what is refused."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.core import clock, tally, tenancy
from amanat.core.models import LedgerEntry
from amanat.people import companies, contacts, custom_fields, search, timeline
from amanat.people.bulk import BulkChanges
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import AddressDraft, ContactDraft
from amanat.people.models import Address, Company, Contact, CustomField, Email, Interaction, Phone, SearchEntry, Tag
from amanat.people.records import Stale
from amanat.people.tests.factories import (
    make_company,
    make_contact,
    make_stage,
    make_team,
    narrow_member,
    owner,
    words_of,
)  # fmt: skip


def _statements(captured: CaptureQueriesContext) -> list[str]:
    return [one["sql"] for one in captured if not one["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))]


def test_creating_writes_reach_timeline_ledger_count_and_search(shree: Workspace) -> None:
    member = owner(shree)
    draft = ContactDraft(
        name="  Sunita   Deshmukh ",
        phones=[("098220 41736", "mobile"), ("+91 98220 41736", "again"), ("0253 2345678", "home")],
        emails=[("Sunita@Example.in", "")],
        addresses=[AddressDraft(city="Sinnar", postal_code="422103"), AddressDraft()],
        tags=["Farmer", "farmer"],
        company_name="Deshmukh Dairy",
        follow_up_on=date(2026, 12, 1),
    )
    with tenancy.inside(shree, actor=member.pk):
        contact = contacts.create(
            workspace=shree, by=member, at=clock.now(), draft=draft, source="api", source_detail="Website"
        )
        contact.refresh_from_db()
        assert contact.name == "Sunita Deshmukh"
        assert contact.sort_name == "sunita deshmukh"
        assert (contact.main_phone, contact.main_email) == ("+919822041736", "sunita@example.in")
        assert [(p.number, p.label) for p in Phone.objects.of(shree).order_by("position")] == [
            ("+919822041736", "mobile"),
            ("+912532345678", "home"),
        ]
        assert Email.objects.of(shree).get().source == "api"
        assert Address.objects.of(shree).get().city == "Sinnar"
        assert Tag.objects.of(shree).get().key == "farmer"
        assert Company.objects.of(shree).get().pk == contact.company_id
        assert tally.count("contacts", workspace=shree) == 1
        assert tally.count("companies", workspace=shree) == 1
        line = timeline.of(contact)[0]
        assert (line.kind, line.actor_id, line.data["detail"]) == ("created", member.pk, "Website")
        assert LedgerEntry.objects.of(shree).filter(event="people.contact.created", about=contact.pk).exists()
        entry = SearchEntry.objects.of(shree).get(pk=contact.pk)
        assert "sunita" in entry.text
        assert "919822041736" in entry.digits


def test_creating_takes_no_more_statements_with_more_phones(shree: Workspace) -> None:
    counts = []
    for amount in (1, 3):
        words = words_of(shree)
        phones = [(f"98220{amount}{number:04d}", "") for number in range(amount)]
        with tenancy.inside(shree), CaptureQueriesContext(connection) as captured:
            contacts.create(
                workspace=shree, by=None, at=clock.now(), words=words,
                draft=ContactDraft(name="Sunita", phones=phones, emails=[("a@b.in", "")], addresses=[AddressDraft(city="x")], tags=["new"]),
            )  # fmt: skip
        counts.append(len(_statements(captured)))
    assert counts[0] == counts[1] <= 4


def test_a_named_company_is_found_before_it_is_made(shree: Workspace) -> None:
    made = make_company(shree, "Deshmukh Dairy")
    assert make_contact(shree, company_name="DESHMUKH dairy").company_id == made.pk
    make_contact(shree, company_name="Deshmukh Dairies")
    with tenancy.inside(shree):
        assert Company.objects.of(shree).count() == 2


def test_a_phone_alone_is_enough_and_names_the_contact(shree: Workspace) -> None:
    assert make_contact(shree, "", phone="9822041736").name == "98220 41736"


@pytest.mark.parametrize(
    ("fields", "key"),
    [
        ({"name": ""}, "name"),
        ({"name": "x" * 201}, "name"),
        ({"phones": [("9822041736", ""), ("12", "")]}, "phones-1"),
        ({"emails": [("not an address", "")]}, "emails-0"),
        ({"stage": "00000000-0000-0000-0000-000000000001"}, "stage"),
        ({"tags": ["x" * 61]}, "tags"),
        ({"custom": {"unknown": "1"}}, "custom-unknown"),
        ({"addresses": [AddressDraft(postal_code="4" * 21)]}, "addresses-0"),
    ],
)
def test_bad_input_names_its_field_and_writes_nothing(shree: Workspace, fields: dict[str, object], key: str) -> None:
    with tenancy.inside(shree):
        with pytest.raises(ValidationError) as refused:
            contacts.create(workspace=shree, by=None, at=clock.now(), draft=ContactDraft(**{"name": "Sunita"} | fields))  # type: ignore[arg-type]
        assert list(refused.value.message_dict) == [key]
        assert not Contact.objects.of(shree).exists()


def test_an_external_id_is_refused_the_second_time(shree: Workspace) -> None:
    make_contact(shree, external_id="A-1")
    with pytest.raises(ValidationError) as refused:
        make_contact(shree, external_id="A-1")
    assert "external_id" in refused.value.message_dict


def test_a_change_tells_what_was_and_what_is(shree: Workspace) -> None:
    member, stage = owner(shree), make_stage(shree, "Customer")
    contact = make_contact(shree, phones=[("9822041736", ""), ("9822041737", "")])
    with tenancy.inside(shree):
        kept = Phone.objects.of(shree).get(number="+919822041736").pk
        changed = contacts.change(
            contact=contact, by=member, at=clock.now(),
            changes={"name": "Sunita Patil", "stage": stage.pk, "phones": [("9822041738", ""), ("9822041736", "work")]},
        )  # fmt: skip
        assert Phone.objects.of(shree).get(number="+919822041736").pk == kept
        assert set(Phone.objects.of(shree).values_list("number", flat=True)) == {"+919822041736", "+919822041738"}
        assert changed.main_phone == "+919822041738"
        line = timeline.of(changed, kinds=["change"])[0]
        told = {name: (old, new) for name, old, new in line.data["changes"]}
        assert told["name"] == ("Sunita Deshmukh", "Sunita Patil")
        assert told["stage"] == ("", "Customer")
        assert search.find("patil", member=member)
        assert not search.find("deshmukh", member=member)


def test_a_change_of_nothing_writes_nothing(shree: Workspace) -> None:
    contact = make_contact(shree)
    with tenancy.inside(shree):
        lines = Interaction.objects.of(shree).count()
        again = contacts.change(contact=contact, by=None, at=clock.now(), changes={"name": contact.name})
        assert again.updated_at == contact.updated_at
        assert Interaction.objects.of(shree).count() == lines


def test_the_second_of_two_editors_is_told_and_loses_nothing(shree: Workspace) -> None:
    contact = make_contact(shree)
    with tenancy.inside(shree):
        seen = Contact.objects.of(shree).get().updated_at
        contacts.change(contact=contact, by=owner(shree), at=clock.now(), changes={"notes": "first"}, seen_at=seen)
        with pytest.raises(Stale) as stale:
            contacts.change(contact=contact, by=None, at=clock.now(), changes={"notes": "second"}, seen_at=seen)
        assert stale.value.record.notes == "first"


def test_values_of_retired_and_required_fields_survive_other_changes(shree: Workspace) -> None:
    member = owner(shree)
    contact = make_contact(shree)
    with tenancy.inside(shree):
        fee = custom_fields.add(workspace=shree, by=member, at=clock.now(), draft=FieldDraft("Fee", kind="money"))
        old = custom_fields.add(workspace=shree, by=member, at=clock.now(), draft=FieldDraft("Old"))
        contacts.change(
            contact=contact, by=member, at=clock.now(), changes={"custom": {"fee": "1,250.50", "old": "kept"}}
        )
        custom_fields.retire(field=old, by=member, at=clock.now())
        custom_fields.add(workspace=shree, by=member, at=clock.now(), draft=FieldDraft("Village", is_required=True))
        changed = contacts.change(
            contact=contact, by=member, at=clock.now(), changes={"follow_up_on": date(2026, 12, 1)}
        )
        assert changed.custom == {"fee": 125050, "old": "kept"}
        assert CustomField.objects.of(shree).get(pk=fee.pk).key == "fee"


def test_visible_to_shows_teams_and_own_only(shree: Workspace) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    make_contact(shree, "Hidden")
    make_contact(shree, "Of the team", team=team.pk)
    make_contact(shree, "Own", owner=narrow.pk)
    with tenancy.inside(shree):
        names = Contact.objects.of(shree).visible_to(narrow).alive().values_list("name", flat=True)
        assert set(names) == {"Of the team", "Own"}
        assert Contact.objects.of(shree).visible_to(owner(shree)).count() == 3


def test_bulk_change_touches_only_what_the_member_sees(shree: Workspace) -> None:
    team, stage = make_team(shree), make_stage(shree, "Customer")
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    hidden, seen = make_contact(shree, "Hidden"), make_contact(shree, "Seen", team=team.pk)
    with tenancy.inside(shree):
        count = contacts.bulk_change(
            workspace=shree, by=narrow, at=clock.now(), ids=[hidden.pk, seen.pk],
            changes=BulkChanges(stage=stage.pk, add_tag="Farmer", owner=narrow.pk),
        )  # fmt: skip
        assert count == 1
        hidden.refresh_from_db()
        seen.refresh_from_db()
        assert (hidden.stage_id, hidden.tag_ids) == (None, [])
        assert (seen.stage_id, seen.owner_id, len(seen.tag_ids)) == (stage.pk, narrow.pk, 1)
        assert SearchEntry.objects.of(shree).get(pk=seen.pk).owner_id == narrow.pk
        contacts.bulk_change(
            workspace=shree, by=narrow, at=clock.now(), ids=[seen.pk], changes=BulkChanges(add_tag="farmer")
        )
        seen.refresh_from_db()
        assert len(seen.tag_ids) == 1
        contacts.bulk_change(
            workspace=shree, by=narrow, at=clock.now(), ids=[seen.pk], changes=BulkChanges(remove_tag="FARMER")
        )
        seen.refresh_from_db()
        assert seen.tag_ids == []


def test_bulk_change_costs_the_same_for_one_and_three(shree: Workspace) -> None:
    made = [make_contact(shree, tags=["new"]) for _ in range(4)]
    counts = []
    for ids in ([made[0].pk], [one.pk for one in made[1:]]):
        with tenancy.inside(shree), CaptureQueriesContext(connection) as captured:
            changes = BulkChanges(owner=owner(shree).pk, add_tag="new")
            contacts.bulk_change(workspace=shree, by=owner(shree), at=clock.now(), ids=ids, changes=changes)
        counts.append(len(_statements(captured)))
    assert counts[0] == counts[1]


def test_likely_same_tells_phone_email_and_name_but_nothing_hidden(shree: Workspace) -> None:
    contact = make_contact(shree, phone="+919822041736", emails=[("s@example.in", "")])
    member, narrow = owner(shree), narrow_member(shree)
    with tenancy.inside(shree):
        assert [s.reason for s in contacts.likely_same(member=member, phones=["+919822041736"])] == ["phone"]
        assert [s.reason for s in contacts.likely_same(member=member, emails=["s@example.in"])] == ["email"]
        assert [s.id for s in contacts.likely_same(member=member, name="सुनीता देशमुख")] == [contact.pk]
        assert contacts.likely_same(member=member, phones=["+919822041736"], but=contact.pk) == []
        assert (
            contacts.likely_same(
                member=narrow, phones=["+919822041736"], emails=["s@example.in"], name="Sunita Deshmukh"
            )
            == []
        )


def test_contact_moves_last_contact_forward_only(shree: Workspace) -> None:
    contact = make_contact(shree)
    now = clock.now()
    with tenancy.inside(shree):
        for moment in (now, now - timedelta(days=3)):
            timeline.record(workspace=shree, kind="note", summary="Came by", happened_at=moment, contact=contact)
        timeline.record(
            workspace=shree, kind="change", summary="x", happened_at=now + timedelta(days=1), contact=contact
        )
        contact.refresh_from_db()
        assert contact.last_contact_at == now


def test_the_timeline_is_paged_and_forgets_what_its_row_wrote(shree: Workspace) -> None:
    contact, company = make_contact(shree), make_company(shree)
    start = clock.now()
    with tenancy.inside(shree):
        for number in range(5):
            timeline.record(
                workspace=shree, kind="note", summary=str(number), happened_at=start, contact=contact, reference=company
            )
        first = timeline.of(contact, kinds=["note"], limit=3)
        place = timeline.Place(first[-1].happened_at, first[-1].pk)
        assert timeline.Place.parse(str(place)) == place
        rest = timeline.of(contact, kinds=["note"], after=place)
        assert sorted(line.summary for line in [*first, *rest]) == ["0", "1", "2", "3", "4"]
        assert timeline.Place.parse("2026-01-01~x") is None
        assert timeline.Place.parse("") is None
        assert timeline.forget(company) == 5
        assert timeline.of(contact, kinds=["note"]) == []


def test_companies_are_changed_like_contacts(shree: Workspace) -> None:
    company = make_company(shree, gstin="27aapfu0939f1zv", phones=[("0253 2345678", "office")])
    assert company.gstin == "27AAPFU0939F1ZV"
    with tenancy.inside(shree):
        changed = companies.change(
            company=company, by=owner(shree), at=clock.now(), changes={"name": "Deshmukh Foods", "tags": ["Dairy"]}
        )
        assert timeline.of(changed, kinds=["change"])[0].data["changes"][0][:1] == ["name"]
        with pytest.raises(ValidationError) as refused:
            companies.change(company=company, by=None, at=clock.now(), changes={"gstin": "27AAPFU0939F1ZX"})
        assert "gstin" in refused.value.message_dict
