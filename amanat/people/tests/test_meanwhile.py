"""Two people at one record: nothing either of them wrote is lost, and what both wrote stands side by side."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date
from typing import Any

import pytest
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tenancy
from amanat.people import companies, contacts, custom_fields, meanwhile, vocabulary
from amanat.people.bulk import BulkChanges
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import AddressDraft, ContactDraft
from amanat.people.meanwhile import Theirs
from amanat.people.models import Company, Contact
from amanat.people.tests.factories import make_company, make_contact, make_stage, owner

BOTH = "here meanwhile"


@pytest.fixture
def rekha(shree: Workspace) -> Client:
    return signed_in(owner(shree))


@pytest.fixture
def asha(shree: Workspace) -> Member:
    """The other one."""
    member = make_member(shree, name="Asha Menon")
    member.team_ids = []
    return member


def _form_of(client: Client, url: str) -> dict[str, Any]:
    """What a browser would send when nothing is touched."""
    return _filled(client.get(url))


def _filled(page: Any) -> dict[str, Any]:
    form = page.context["form"]
    data: dict[str, Any] = {name: form[name].value() or "" for name in form.fields}
    phones, mails, places = form.phone_rows(), form.email_rows(), form.address_rows()
    data |= {"phone_number": [row.value for row in phones], "phone_label": [row.label for row in phones]}
    data |= {"email_address": [row.value for row in mails], "email_label": [row.label for row in mails]}
    for part in ("street", "locality", "city", "district", "state", "postal_code", "country"):
        data[f"address_{part}"] = [getattr(row.value, part) for row in places]
    return data | {"seen_at": page.context["seen_at"]}


def _change(by: Member, contact: Contact, **changes: Any) -> None:
    with tenancy.inside(contact.workspace_id):
        contacts.change(contact=contact, by=by, at=clock.now(), changes=changes)


def _now(contact: Contact) -> Contact:
    with tenancy.inside(contact.workspace_id):
        found: Contact = Contact.objects.of(contact.workspace_id).select_related("company").get(pk=contact.pk)
        return found


def _errors(page: Any) -> dict[str, list[str]]:
    return {name: list(found) for name, found in page.context["form"].errors.items()}


@pytest.mark.slow
def test_what_both_changed_shows_theirs_beside_mine(shree: Workspace, rekha: Client, asha: Member) -> None:
    contact = make_contact(shree, "Sunita", notes="was", job_title="Farmer")
    url = f"/contacts/{contact.pk}/edit/"
    sent = _form_of(rekha, url) | {"notes": "mine", "job_title": "Teacher"}
    _change(asha, contact, notes="theirs")
    late = rekha.post(url, sent)
    assert late.status_code == 422
    assert _errors(late) == {"notes": ["Asha Menon wrote “theirs” here meanwhile. Saving puts yours in its place."]}
    assert (late.context["form"]["notes"].value(), late.context["form"]["job_title"].value()) == ("mine", "Teacher")
    assert "Nothing you typed is lost." in late.text and "Where both of you wrote something" in late.text
    assert "Already in the form" not in late.text
    assert _now(contact).notes == "theirs"
    again = rekha.post(url, sent | {"seen_at": late.context["seen_at"]})
    assert again.status_code == 303
    now = _now(contact)
    assert (now.notes, now.job_title) == ("mine", "Teacher")


def test_what_only_the_other_changed_is_in_the_form_already(shree: Workspace, rekha: Client, asha: Member) -> None:
    stage, firm = make_stage(shree), make_company(shree, "Dairy")
    contact = make_contact(shree, "Sunita", phone="9822041736", notes="was")
    url = f"/contacts/{contact.pk}/edit/"
    sent = _form_of(rekha, url) | {"notes": "mine"}
    _change(
        asha, contact, stage=stage.pk, company_id=firm.pk, company_name=firm.name, birthday=date(1990, 2, 28), tags=["Farmer", "VIP"],
        phones=[("9822041736", "work"), ("9822041737", "")], emails=[("a@b.in", "home")], owner=asha.pk, language="mr",
        addresses=[AddressDraft(city="Sinnar", postal_code="422103")], follow_up_on=date(2026, 12, 1), external_id="T-1",
    )  # fmt: skip
    late = rekha.post(url, sent)
    assert late.status_code == 422
    assert _errors(late) == {}
    assert "Already in the form, as the others wrote it" in late.text
    assert "Where both of you wrote something" not in late.text
    shown = {
        name: late.context["form"][name].value()
        for name in (
            "stage",
            "company_name",
            "birthday",
            "tags",
            "owner",
            "language",
            "follow_up_on",
            "external_id",
            "notes",
        )
    }
    assert shown == {
        "stage": str(stage.pk), "company_name": "Dairy", "birthday": "1990-02-28", "tags": "Farmer, VIP", "owner": str(asha.pk),
        "language": "mr", "follow_up_on": "2026-12-01", "external_id": "T-1", "notes": "mine",
    }  # fmt: skip
    again = _filled(late)
    assert rekha.post(url, again).status_code == 303
    now = _now(contact)
    assert (now.notes, now.stage_id, now.company_id, now.birthday) == ("mine", stage.pk, firm.pk, date(1990, 2, 28))
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        draft = contacts.as_draft(now, words)
    assert draft.phones == [("+919822041736", "work"), ("+919822041737", "")]
    assert draft.emails == [("a@b.in", "home")]
    assert [(place.city, place.postal_code) for place in draft.addresses] == [("Sinnar", "422103")]
    assert (draft.tags, draft.owner, draft.external_id) == (["Farmer", "VIP"], asha.pk, "T-1")


def test_numbers_that_both_changed_are_told_at_the_numbers(shree: Workspace, rekha: Client, asha: Member) -> None:
    contact = make_contact(shree, "Sunita", phone="9822041736")
    url = f"/contacts/{contact.pk}/edit/"
    sent = _form_of(rekha, url) | {"phone_number": ["9822041736", "9822041738"], "phone_label": ["", "home"]}
    _change(asha, contact, phones=[("9822041737", "")])
    late = rekha.post(url, sent)
    rows = late.context["form"].phone_rows()
    assert [row.value for row in rows][:2] == ["9822041736", "9822041738"]
    assert rows[0].errors == ["Asha Menon wrote “98220 41737” here meanwhile. Saving puts yours in its place."]
    assert BOTH in late.text
    assert rekha.post(url, sent | {"seen_at": late.context["seen_at"]}).status_code == 303
    with tenancy.inside(shree):
        draft = contacts.as_draft(_now(contact), vocabulary.of(shree))
    assert draft.phones == [("+919822041736", ""), ("+919822041738", "home")]


def test_what_the_other_emptied_is_said_so(shree: Workspace, rekha: Client, asha: Member) -> None:
    contact = make_contact(shree, "Sunita", notes="was")
    url = f"/contacts/{contact.pk}/edit/"
    sent = _form_of(rekha, url) | {"notes": "mine"}
    _change(asha, contact, notes="")
    assert _errors(rekha.post(url, sent)) == {
        "notes": ["Asha Menon emptied this meanwhile. Saving puts yours in its place."]
    }


def test_both_wrote_the_same_and_nobody_is_bothered_about_it(shree: Workspace, rekha: Client, asha: Member) -> None:
    contact = make_contact(shree, "Sunita", notes="was")
    url = f"/contacts/{contact.pk}/edit/"
    sent = _form_of(rekha, url) | {"notes": "the same", "job_title": "Teacher"}
    _change(asha, contact, notes="the same")
    late = rekha.post(url, sent)
    assert (late.status_code, _errors(late)) == (422, {})
    assert rekha.post(url, sent | {"seen_at": late.context["seen_at"]}).status_code == 303
    assert (_now(contact).notes, _now(contact).job_title) == ("the same", "Teacher")


@pytest.mark.slow
def test_two_changes_meanwhile_count_from_the_first(shree: Workspace, rekha: Client, asha: Member) -> None:
    contact = make_contact(shree, "Sunita", notes="was")
    url = f"/contacts/{contact.pk}/edit/"
    untouched, touched = _form_of(rekha, url), _form_of(rekha, url) | {"notes": "mine"}
    _change(asha, contact, notes="second")
    _change(owner(shree), contact, notes="third")
    late = rekha.post(url, untouched)
    assert (late.context["form"]["notes"].value(), _errors(late)) == ("third", {})
    told = _errors(rekha.post(url, touched))["notes"][0]
    assert told.startswith("Rekha Kulkarni wrote “third”")


def test_a_wrong_value_is_told_first_and_the_clash_after_it(shree: Workspace, rekha: Client, asha: Member) -> None:
    contact = make_contact(shree, "Sunita", notes="was")
    url = f"/contacts/{contact.pk}/edit/"
    sent = _form_of(rekha, url) | {"notes": "mine", "phone_number": ["12"], "phone_label": [""]}
    _change(asha, contact, notes="theirs")
    wrong = rekha.post(url, sent)
    assert wrong.status_code == 422 and wrong.context["form"].row_errors.keys() == {"phones-0"}
    assert wrong.context["form"]["notes"].value() == "mine"
    late = rekha.post(url, sent | {"phone_number": ["9822041736"], "seen_at": wrong.context["seen_at"]})
    assert "theirs" in _errors(late)["notes"][0]
    assert _now(contact).notes == "theirs"


def test_custom_fields_clash_at_their_own_place(shree: Workspace, rekha: Client, asha: Member) -> None:
    with tenancy.inside(shree):
        for draft in (FieldDraft("Village"), FieldDraft("Income", kind="money"), FieldDraft("Insured", kind="yes_no")):
            custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=draft)
    contact = make_contact(shree, "Sunita", custom={"village": "Sinnar", "income": "100", "insured": "no"})
    url = f"/contacts/{contact.pk}/edit/"
    sent = _form_of(rekha, url) | {"custom-village": "Dindori"}
    assert (sent["custom-income"], sent["custom-insured"]) == ("100", "no")
    _change(asha, contact, custom={"village": "Niphad", "income": "250.50", "insured": "yes"})
    late = rekha.post(url, sent)
    assert list(_errors(late)) == ["custom-village"]
    assert "“Niphad”" in _errors(late)["custom-village"][0]
    form = late.context["form"]
    assert [form[f"custom-{key}"].value() for key in ("village", "income", "insured")] == ["Dindori", "250.50", "yes"]
    assert "Income" in late.context["stale"]["taken"]
    assert rekha.post(url, _filled(late)).status_code == 303
    assert _now(contact).custom == {"village": "Dindori", "income": 25050, "insured": True}


def test_a_change_of_many_rows_is_shown_where_it_would_be_undone(shree: Workspace, rekha: Client, asha: Member) -> None:
    contact = make_contact(shree, "Sunita", owner=owner(shree).pk)
    url = f"/contacts/{contact.pk}/edit/"
    sent = _form_of(rekha, url) | {"notes": "mine"}
    with tenancy.inside(shree):
        contacts.bulk_change(
            workspace=shree, by=asha, at=clock.now(), ids=[contact.pk], changes=BulkChanges(owner=asha.pk)
        )
    late = rekha.post(url, sent)
    # The line of such a change does not say what was there: so theirs is shown, and mine stands.
    assert list(_errors(late)) == ["owner"]
    assert "Asha Menon" in _errors(late)["owner"][0]
    assert _now(contact).owner_id == asha.pk


def test_a_change_that_left_no_line_shows_every_difference(shree: Workspace, rekha: Client) -> None:
    contact = make_contact(shree, "Sunita", notes="was")
    url = f"/contacts/{contact.pk}/edit/"
    sent = _form_of(rekha, url) | {"job_title": "Teacher"}
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=contact.pk).update(notes="from a file", updated_at=clock.now())
    late = rekha.post(url, sent)
    assert _errors(late) == {
        "job_title": ["Somebody emptied this meanwhile. Saving puts yours in its place."],
        "notes": ["Somebody wrote “from a file” here meanwhile. Saving puts yours in its place."],
    }


def test_companies_clash_like_contacts(shree: Workspace, rekha: Client, asha: Member) -> None:
    firm = make_company(shree, "Dairy", industry="Milk", website="a.in")
    url = f"/companies/{firm.pk}/edit/"
    sent = _form_of(rekha, url) | {"industry": "Curd"}
    with tenancy.inside(shree):
        companies.change(company=firm, by=asha, at=clock.now(), changes={"industry": "Ghee", "website": "b.in"})
    late = rekha.post(url, sent)
    assert list(_errors(late)) == ["industry"] and "“Ghee”" in _errors(late)["industry"][0]
    assert late.context["form"]["website"].value() == "b.in"
    assert rekha.post(url, _filled(late)).status_code == 303
    with tenancy.inside(shree):
        assert Company.objects.of(shree).values_list("industry", "website").get() == ("Curd", "b.in")


def test_what_others_wrote_is_escaped(shree: Workspace, rekha: Client, asha: Member) -> None:
    contact = make_contact(shree, "Sunita")
    url = f"/contacts/{contact.pk}/edit/"
    sent = _form_of(rekha, url) | {"notes": "mine"}
    _change(asha, contact, notes="<script>alert(1)</script>")
    late = rekha.post(url, sent).text
    assert "&lt;script&gt;" in late and not re.search(r"<script>alert", late)


def test_a_form_that_says_no_time_is_taken_as_just_read(shree: Workspace, rekha: Client, asha: Member) -> None:
    contact = make_contact(shree, "Sunita")
    url = f"/contacts/{contact.pk}/edit/"
    sent = _form_of(rekha, url) | {"notes": "mine", "seen_at": "nonsense"}
    _change(asha, contact, job_title="Teacher")
    assert rekha.post(url, sent).status_code == 303


def test_the_rule_sorts_every_kind_of_difference(shree: Workspace, asha: Member) -> None:
    contact = make_contact(shree, "Sunita", phone="", notes="was", job_title="Farmer", tags=["a"])
    seen_at = contact.updated_at
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        base = contacts.as_draft(_now(contact), words)
    _change(asha, contact, notes="theirs", job_title="Teacher", tags=["a", "b"])
    with tenancy.inside(shree):
        words, now = vocabulary.of(shree), _now(contact)
        theirs = contacts.as_draft(now, words)

        def compared(mine: ContactDraft) -> meanwhile.Meanwhile:
            return meanwhile.since(seen_at, now, theirs=theirs, mine=mine, words=words)

        assert sorted(compared(base).taken) == ["job_title", "notes", "tags"]
        assert compared(theirs) == meanwhile.Meanwhile()
        both = compared(replace(base, notes="mine", name="Sunita D"))
        assert both.both == {"notes": Theirs("theirs", "Asha Menon")}
        assert sorted(both.taken) == ["job_title", "tags"]
        late = meanwhile.since(now.updated_at, now, theirs=theirs, mine=base, words=words)
        assert (late.taken, set(late.both)) == ([], {"notes", "job_title", "tags"})
