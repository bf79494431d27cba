"""The page of a record: each fact as people read it, where it came from, and what is left out when it is empty."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tenancy
from amanat.people import contacts, custom_fields, record_pages, vocabulary
from amanat.people.custom_fields import FieldDraft
from amanat.people.drafts import AddressDraft, ContactDraft
from amanat.people.models import Contact, Source
from amanat.people.tests.factories import make_company, make_contact, make_stage, make_team, narrow_member, owner


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner(shree)


@pytest.fixture
def browser(rekha: Member) -> Client:
    return signed_in(rekha)


@pytest.mark.slow
def test_every_fact_of_a_contact_is_on_the_page(shree: Workspace, rekha: Member, browser: Client) -> None:
    stage, team, firm = make_stage(shree, "Prospect"), make_team(shree), make_company(shree, "Deshmukh Dairy")
    contact = make_contact(
        shree, "Sunita Deshmukh", phones=[("9822041736", "mobile"), ("0253 2345678", "shop")], emails=[("s@example.in", "home")], language="mr",
        addresses=[AddressDraft(street="1 Main", city="Sinnar", postal_code="422103", label="farm")], tags=["VIP"], stage=stage.pk, team=team.pk, owner=rekha.pk,
        company_id=firm.pk, job_title="Farmer", birthday=date(1990, 2, 28), notes="Pays <late>", follow_up_on=date(2020, 1, 1), external_id="T-1",
    )  # fmt: skip
    text = browser.get(f"/contacts/{contact.pk}/").text
    for shown in (
        "+91 98220 41736", "+91 253 234 5678", "Shop", "s@example.in", "मराठी", "1 Main, Sinnar, 422103", "Farm", "VIP", "Prospect", "Counter", "Rekha Kulkarni",
        f'href="/companies/{firm.pk}/"', "Farmer", "28 Feb 1990", "Pays &lt;late&gt;", "T-1", 'href="tel:+919822041736"', f'href="/contacts/{contact.pk}/by-phone/call/"', f'href="/contacts/{contact.pk}/by-phone/whatsapp/"',
    ):  # fmt: skip
        assert shown in text, shown
    context = browser.get(f"/contacts/{contact.pk}/").context
    assert (context["is_due"], [key for key, _label, _day in context["days"]]) == (True, ["1", "3", "7"])


def test_an_empty_contact_shows_no_empty_facts(shree: Workspace, browser: Client) -> None:
    contact = make_contact(shree, "Bare", phone="")
    page = browser.get(f"/contacts/{contact.pk}/")
    assert (page.context["whatsapp_url"], page.context["numbers"], page.context["custom"], page.context["is_due"]) == (
        "",
        [],
        [],
        False,
    )
    for label in ("E-mail", "Language", "Birthday", "Team", "External id", "Job title"):
        assert f"<dt>{label}</dt>" not in page.text


@pytest.mark.parametrize(
    ("source", "told"),
    [
        (Source.FORM, "Added by Rekha Kulkarni on"), (Source.FILE, "Came from the file people.csv on"), (Source.API, "Came through the API (people.csv) on"),
        (Source.PERSON, "Given by the person on"), (Source.DEMO, "Demo data, made on"),
    ],
)  # fmt: skip
def test_where_a_record_came_from_is_a_sentence(
    shree: Workspace, rekha: Member, browser: Client, source: str, told: str
) -> None:
    with tenancy.inside(shree):
        contact = contacts.create(
            workspace=shree,
            by=rekha,
            at=clock.now(),
            draft=ContactDraft(name="Asha"),
            source=source,
            source_detail="people.csv",
        )
    sentence = browser.get(f"/contacts/{contact.pk}/").context["source_text"]
    assert sentence.startswith(told)
    assert ("brought by Rekha Kulkarni" in sentence) == (source == Source.FILE)


def test_a_record_of_nobody_says_so(shree: Workspace) -> None:
    contact = make_contact(shree, "Asha")
    with tenancy.inside(shree):
        assert "nobody in particular" in record_pages.source(contact, vocabulary.of(shree))


LINKS: list[tuple[str, Any, str]] = [
    ("link", "https://example.in/a", "https://example.in/a"), ("link", "javascript:alert(1)", ""), ("link", "ftp://x", ""), ("phone", "+919822041736", "tel:+919822041736"),
    ("email", "a@b.in", "mailto:a@b.in"), ("text", "https://example.in", ""), ("number", 7, ""),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("kind", "value", "leads_to"), LINKS)
def test_a_custom_value_leads_only_where_it_may(
    shree: Workspace, browser: Client, kind: str, value: Any, leads_to: str
) -> None:
    with tenancy.inside(shree):
        custom_fields.add(workspace=shree, by=owner(shree), at=clock.now(), draft=FieldDraft("Extra", kind=kind))
    contact = make_contact(shree, "Asha")
    with tenancy.inside(shree):  # as another hand may have written it
        Contact.objects.of(shree).filter(pk=contact.pk).update(custom={"extra": value})
    page = browser.get(f"/contacts/{contact.pk}/")
    assert [one["link"] for one in page.context["custom"]] == [leads_to]
    assert 'href="javascript' not in page.text


@pytest.mark.slow
def test_a_company_shows_its_people_as_far_as_one_may_see_them(
    shree: Workspace, browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record_pages, "SHOWN_CONTACTS", 2)
    narrow = narrow_member(shree, "Prakash Jadhav", make_team(shree))
    firm = make_company(shree, "Dairy", owner=narrow.pk)
    for number in range(3):
        make_contact(
            shree,
            f"Person {number}",
            company_id=firm.pk,
            job_title=f"Title {number}",
            owner=narrow.pk if number == 0 else None,
        )
    page = browser.get(f"/companies/{firm.pk}/")
    assert [one["name"] for one in page.context["people"]] == ["Person 2", "Person 1"]
    assert page.context["people_more_url"] == f"/contacts/?company={firm.pk}"
    assert browser.get(page.context["people_more_url"]).context["count"] == 3
    seen = signed_in(narrow).get(f"/companies/{firm.pk}/").context
    assert ([one["name"] for one in seen["people"]], seen["people_more_url"]) == (["Person 0"], "")
    auditor = signed_in(make_member(shree, "auditor", name="Atul")).get(f"/companies/{firm.pk}/").context
    assert auditor["person_new_url"] == ""
    new = browser.get(page.context["person_new_url"])
    assert new.context["form"]["company_name"].value() == "Dairy"


FOLLOW_UPS: list[tuple[dict[str, str], int | str | None]] = [
    ({"in": "1"}, 1), ({"in": "3"}, 3), ({"in": "7"}, 7), ({"day": "2027-01-15"}, "2027-01-15"), ({}, None), ({"in": "99"}, None), ({"day": " "}, None),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("sent", "expected"), FOLLOW_UPS)
@pytest.mark.parametrize("path", ["contacts", "companies"])
def test_a_follow_up_is_set_in_days_or_by_a_day_or_taken_away(
    shree: Workspace, browser: Client, path: str, sent: dict[str, str], expected: int | str | None
) -> None:
    before = date(2020, 1, 1)
    record: Any = (
        make_contact(shree, follow_up_on=before) if path == "contacts" else make_company(shree, follow_up_on=before)
    )
    assert browser.post(f"/{path}/{record.pk}/follow-up/", sent).status_code == 303
    wanted = (
        clock.today(shree.time_zone) + timedelta(days=expected)
        if isinstance(expected, int)
        else expected and date.fromisoformat(expected)
    )
    with tenancy.inside(shree):
        assert type(record).objects.of(shree).get().follow_up_on == wanted


@pytest.mark.parametrize("day", ["tomorrow", "2026-02-30", "2026-13-01", "0"])
def test_a_follow_up_on_no_day_is_refused_in_words(shree: Workspace, browser: Client, day: str) -> None:
    contact = make_contact(shree, follow_up_on=date(2020, 1, 1))
    told = browser.post(f"/contacts/{contact.pk}/follow-up/", {"day": day}, follow=True).text
    assert f"“{day}” is not a date." in told
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get().follow_up_on == date(2020, 1, 1)


def test_a_record_that_is_not_well_formed_any_more_says_why(shree: Workspace, browser: Client) -> None:
    contact = make_contact(shree, phone="")
    with tenancy.inside(shree):  # by another hand
        Contact.objects.of(shree).filter(pk=contact.pk).update(name="")
    told = browser.post(f"/contacts/{contact.pk}/follow-up/", {"in": "3"}, follow=True).text
    assert "Write a name or a phone number." in told
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get().follow_up_on is None
