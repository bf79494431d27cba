"""Pages of copies: who may order and take one, the link with a code, and who saw the data."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry, LocalMessage
from amanat.core.tests import texts
from amanat.desk.models import Paper, PaperOpening
from amanat.people.models import Contact
from amanat.people.tests import factories
from amanat.privacy.copies import handing, making, seen
from amanat.privacy.copies.handing import WrongCode
from amanat.privacy.copies.models import PersonCopy, Sighting


@pytest.fixture
def her(shree: Workspace) -> Contact:
    return factories.make_contact(shree, emails=[("sunita@example.in", "")])


def ready(shree: Workspace, her: Contact) -> PersonCopy:
    with tenancy.inside(shree):
        copy = making.order(workspace=shree, contact_id=her.pk, language="en", by=owner_of(shree), at=clock.now())
    made = making.make(copy.pk, workspace_id=shree.pk)
    assert made is not None
    return made


def content(response: Any) -> bytes:
    return b"".join(response.streaming_content)


@pytest.mark.slow
def test_an_owner_orders_and_takes_a_copy(shree: Workspace, her: Contact) -> None:
    client = signed_in(owner_of(shree))
    page = reverse("privacy:copies", args=[her.pk])
    assert client.post(page, {"language": "hi"}).status_code == 303
    with tenancy.inside(shree):
        copy = PersonCopy.objects.of(shree).get()
        assert (copy.contact_id, copy.language, copy.state) == (her.pk, "hi", "ordered")
    assert 'hx-trigger="every 2s"' in client.get(page).content.decode()
    making.make(copy.pk, workspace_id=shree.pk)
    assert "Take the file" in client.get(page).content.decode()
    response: Any = client.post(reverse("privacy:copy_take", args=[copy.pk]))
    assert response.status_code == 200 and response["Cache-Control"] == "no-store, private"
    assert "copy.pdf" in zipfile.ZipFile(io.BytesIO(content(response))).namelist()


def test_taking_asks_for_a_fresh_sign_in(shree: Workspace, her: Contact) -> None:
    copy = ready(shree, her)
    response = signed_in(owner_of(shree), fresh=False).post(reverse("privacy:copy_take", args=[copy.pk]))
    assert response.status_code == 302 and "reauthenticate" in response["Location"]
    with tenancy.inside(shree):
        assert PersonCopy.objects.of(shree).get().openings == 0


@pytest.mark.parametrize(("role", "status"), [(Role.MANAGER, 200), (Role.AGENT, 403), (Role.AUDITOR, 403)])
def test_only_those_who_answer_requests_make_copies(shree: Workspace, her: Contact, role: str, status: int) -> None:
    client = signed_in(make_member(shree, role))
    assert client.get(reverse("privacy:copies", args=[her.pk])).status_code == status


def test_a_language_that_is_none_is_refused_at_its_field(shree: Workspace, her: Contact) -> None:
    response = signed_in(owner_of(shree)).post(reverse("privacy:copies", args=[her.pk]), {"language": "xx"})
    assert response.status_code == 422
    with tenancy.inside(shree):
        assert not PersonCopy.objects.of(shree).exists()


def test_a_copy_of_another_workspace_is_not_found(shree: Workspace, other: Workspace, her: Contact) -> None:
    copy = ready(shree, her)
    client = signed_in(owner_of(other))
    assert client.post(reverse("privacy:copy_take", args=[copy.pk])).status_code == 404
    assert client.get(reverse("privacy:copies", args=[her.pk])).status_code == 404


def test_link_and_code_go_by_two_ways(shree: Workspace, her: Contact, mailoutbox: Any) -> None:
    copy = ready(shree, her)
    assert signed_in(owner_of(shree)).post(reverse("privacy:copy_give", args=[copy.pk])).status_code == 303
    [mail], text = mailoutbox, LocalMessage.objects.get(channel="sms")
    assert mail.to == ["sunita@example.in"] and reverse("privacy:copy_public", args=[shree.pk, copy.pk]) in mail.body
    code = re.findall(r"\d{6}", text.body)[0]
    assert code not in mail.body and str(copy.pk) not in text.body
    response: Any = Client().post(reverse("privacy:copy_public", args=[shree.pk, copy.pk]), {"code": code})
    assert response.status_code == 200
    assert "data.json" in zipfile.ZipFile(io.BytesIO(content(response))).namelist()
    again = Client().post(reverse("privacy:copy_public", args=[shree.pk, copy.pk]), {"code": code})
    assert again.status_code == 303  # it works once


def test_without_a_second_way_the_member_tells_the_code(shree: Workspace) -> None:
    copy = ready(shree, factories.make_contact(shree))
    response = signed_in(owner_of(shree)).post(reverse("privacy:copy_give", args=[copy.pk]), follow=True)
    assert re.search(r"works once: \d{6}", response.content.decode())


def test_a_code_that_cannot_be_sent_is_told_to_the_member(
    shree: Workspace, her: Contact, mailoutbox: Any, settings: Any
) -> None:
    copy, settings.TEXT_SENDER = ready(shree, her), texts.DOWN
    response = signed_in(owner_of(shree)).post(reverse("privacy:copy_give", args=[copy.pk]), follow=True)
    assert len(mailoutbox) == 1
    code = re.findall(r"works once: (\d{6})", response.content.decode())[0]
    taken = Client().post(reverse("privacy:copy_public", args=[shree.pk, copy.pk]), {"code": code})
    assert taken.status_code == 200


@pytest.mark.slow
def test_a_link_that_cannot_be_sent_changes_nothing(shree: Workspace, settings: Any) -> None:
    copy, client = ready(shree, factories.make_contact(shree)), signed_in(owner_of(shree))
    before = client.post(reverse("privacy:copy_give", args=[copy.pk]), follow=True)
    code = re.findall(r"works once: (\d{6})", before.content.decode())[0]
    settings.TEXT_SENDER = texts.DOWN
    response = client.post(reverse("privacy:copy_give", args=[copy.pk]), follow=True)
    assert "could not be sent, so nothing changed" in response.content.decode()
    with tenancy.inside(shree):
        assert LedgerEntry.objects.of(shree).filter(event="privacy.copy.given").count() == 1
    taken = Client().post(reverse("privacy:copy_public", args=[shree.pk, copy.pk]), {"code": code})
    assert taken.status_code == 200


def test_a_person_without_an_address_gets_no_link(shree: Workspace) -> None:
    copy = ready(shree, factories.make_contact(shree, phone=""))
    response = signed_in(owner_of(shree)).post(reverse("privacy:copy_give", args=[copy.pk]), follow=True)
    assert "neither a phone number nor an e-mail address" in response.content.decode()
    with tenancy.inside(shree):
        assert PersonCopy.objects.of(shree).get().code is None


def test_five_wrong_codes_end_it(shree: Workspace) -> None:
    copy, at = ready(shree, factories.make_contact(shree)), clock.now()
    with tenancy.inside(shree):
        given = handing.give(copy=copy, workspace=shree, base_url="https://amanat.test/", by=owner_of(shree), at=at)
    assert given.url.startswith("https://amanat.test/w/")
    wrong = "000000" if given.code != "000000" else "111111"
    address = reverse("privacy:copy_public", args=[shree.pk, copy.pk])
    for _ in range(handing.MOST_TRIES):
        assert Client().post(address, {"code": wrong}).status_code == 303
    with tenancy.inside(shree), pytest.raises(WrongCode):
        handing.take(copy_id=copy.pk, workspace_id=shree.pk, typed=given.code, at=at)


def test_the_code_ends_after_its_days(shree: Workspace) -> None:
    copy, at = ready(shree, factories.make_contact(shree)), clock.now()
    with tenancy.inside(shree):
        given = handing.give(copy=copy, workspace=shree, base_url="https://amanat.test/", by=owner_of(shree), at=at)
        with pytest.raises(WrongCode):
            handing.take(copy_id=copy.pk, workspace_id=shree.pk, typed=given.code, at=at + handing.LIFE)
        last = at + handing.LIFE - timedelta(seconds=1)
        assert handing.take(copy_id=copy.pk, workspace_id=shree.pk, typed=given.code, at=last).size > 0


def test_the_public_page_says_nothing_about_what_is_not_there(shree: Workspace, her: Contact) -> None:
    copy = ready(shree, her)
    right = Client().get(reverse("privacy:copy_public", args=[shree.pk, copy.pk])).content.decode()
    wrong = Client().get(reverse("privacy:copy_public", args=[shree.pk, her.pk])).content.decode()
    strip = re.compile(r'value="[^"]+"|nonce="[^"]+"')
    assert strip.sub("", right) == strip.sub("", wrong)
    assert her.name not in right


@pytest.mark.slow
def test_opening_a_page_is_written_down_once_a_day(shree: Workspace, her: Contact) -> None:
    agent = make_member(shree, name="Prakash Jadhav")
    page, client = reverse("people:contact", args=[her.pk]), signed_in(agent)
    for _ in range(3):
        assert client.get(page).status_code == 200
    with tenancy.inside(shree):
        assert [(one.contact_id, one.member_id) for one in Sighting.objects.of(shree)] == [(her.pk, agent.pk)]  # type: ignore[attr-defined]
    with clock.standing_at(clock.now() + timedelta(days=1)):
        client.get(page)
    with tenancy.inside(shree):
        assert Sighting.objects.of(shree).count() == 2
    assert (
        "This person's rights" not in client.get(page).content.decode()
    )  # an agent sees no card, and is seen all the same


@pytest.mark.slow
def test_who_saw_lists_openings_papers_exports_and_facts(shree: Workspace, her: Contact) -> None:
    owner = owner_of(shree)
    with tenancy.inside(shree):
        paper = Paper.objects.create(workspace_id=shree.pk, kind="pan", contact=her)
        PaperOpening.objects.create(workspace_id=shree.pk, paper_id=paper.pk, member=owner, reason="Check")
        seen.note(contact=her, by=owner, at=clock.now(), today=clock.today("Asia/Kolkata"))
    copy = ready(shree, her)
    signed_in(owner).post(reverse("people:export_list", args=["contacts"]), {"format": "csv"})
    with tenancy.inside(shree):
        said = {one.what for one in seen.of(her.pk, workspace=shree)}
    assert said >= {
        "Opened the person's page",
        "Opened a paper: PAN card",
        "Exported a list of contacts (this person may have been in it)",
    }
    assert any(one.startswith("Copy of a person's data made") for one in said)
    page = signed_in(owner).get(reverse("privacy:seen", args=[her.pk])).content.decode()
    assert "Opened a paper: PAN card" in page and owner.name in page
    assert copy.pk


def test_an_export_before_she_came_did_not_contain_her(shree: Workspace) -> None:
    signed_in(owner_of(shree)).post(reverse("people:export_list", args=["contacts"]), {"format": "csv"})
    her = factories.make_contact(shree)
    with tenancy.inside(shree):
        assert not [one for one in seen.of(her.pk, workspace=shree) if one.what.startswith("Exported")]


def test_an_auditor_sees_who_saw_and_an_agent_does_not(shree: Workspace, her: Contact) -> None:
    address = reverse("privacy:seen", args=[her.pk])
    assert signed_in(make_member(shree, Role.AUDITOR)).get(address).status_code == 200
    assert signed_in(make_member(shree, Role.AGENT)).get(address).status_code == 403


@pytest.mark.slow
def test_the_page_has_the_same_statements_for_one_copy_and_three(shree: Workspace, her: Contact) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client, counts = signed_in(owner_of(shree)), []
    for _ in range(2):
        ready(shree, her)
        if counts:
            ready(shree, her)
        with CaptureQueriesContext(connection) as caught:
            client.get(reverse("privacy:copies", args=[her.pk]))
        counts.append(
            len([one for one in caught.captured_queries if not one["sql"].startswith(("SAVEPOINT", "RELEASE"))])
        )
    assert counts[0] == counts[1] <= 8
