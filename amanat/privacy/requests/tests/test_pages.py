"""The desk: lists, a request's page, taking down, answering, refusing, two at once, who may what."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.people.models import Contact
from amanat.privacy.requests import asking
from amanat.privacy.requests import details as asked
from amanat.privacy.requests.models import Kind, RightsRequest
from amanat.privacy.requests.tests.people import PHONE, ask, make_person

DAY = timedelta(days=1)


@pytest.fixture
def asha(db: None, shree: Workspace) -> Contact:
    with tenancy.inside(shree):
        return make_person(shree)


@pytest.fixture
def client(asha: Contact, shree: Workspace) -> Client:
    return signed_in(owner_of(shree))


def make(shree: Workspace, person: Contact | None, kind: str = Kind.ERASE, **said: Any) -> RightsRequest:
    with tenancy.inside(shree):
        return ask(shree, person, kind, **({"at": clock.now()} | said))


def fresh(request: RightsRequest) -> RightsRequest:
    with tenancy.inside(request.workspace_id):
        return RightsRequest.objects.of(request.workspace_id).get(pk=request.pk)


def html(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.slow
def test_tabs_show_what_is_open_soon_late_and_done(client: Client, shree: Workspace, asha: Contact) -> None:
    now = clock.now()
    new, soon, late = (make(shree, asha, at=now - days * DAY) for days in (1, 25, 40))
    done = make(shree, asha)
    with tenancy.inside(shree):
        asking.refuse(request=done, reason="law", answer="No", by=owner_of(shree), at=now)
    shown = {
        view: [one for one, request in (("new", new), ("soon", soon), ("late", late), ("done", done)) if request.short in html(client, f"/requests/?view={view}")]
        for view in ("open", "soon", "late", "done", "all", "invented")
    }  # fmt: skip
    assert shown == {
        "open": ["new", "soon", "late"], "soon": ["soon"], "late": ["late"], "done": ["done"],
        "all": ["new", "soon", "late", "done"], "invented": ["new", "soon", "late"],
    }  # fmt: skip
    page = html(client, "/requests/")
    assert page.index(late.short) < page.index(soon.short) < page.index(new.short) and "10 days late" in page


def test_the_list_asks_eight_statements_for_one_row_and_for_many(
    client: Client, shree: Workspace, asha: Contact
) -> None:
    counts = []
    for more in (1, 5):
        for _one in range(more):
            make(shree, asha)
        client.get("/requests/")
        with CaptureQueriesContext(connection) as found:
            client.get("/requests/")
        counts.append(
            len([one for one in found if not one["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))])
        )
    assert counts[0] == counts[1] <= 8


@pytest.mark.parametrize("view", ["open", "all"])
def test_long_lists_are_paged_by_key_both_ways(shree: Workspace, asha: Contact, view: str) -> None:
    from amanat.privacy.requests import listing

    now = clock.now()
    made = [make(shree, asha, at=now - (day % 3) * DAY) for day in range(7)]
    with tenancy.inside(shree):
        seen, after, pages = [], "", []
        while True:
            page = listing.page(listing.rows(shree.pk, view, at=now), view, after=after, limit=3)
            seen += [one.pk for one in page.requests]
            pages.append(page)
            if page.after is None:
                break
            after = page.after
        assert len(seen) == len(set(seen)) == len(made)
        back = listing.page(listing.rows(shree.pk, view, at=now), view, before=pages[1].before or "", limit=3)
        assert [one.pk for one in back.requests] == [one.pk for one in pages[0].requests] and back.before is None
        for nonsense in ("x", "1~2", f"2026-01-01~{made[0].pk}"):
            assert listing.page(listing.rows(shree.pk, view, at=now), view, after=nonsense).requests


def test_the_badge_counts_open_ones(client: Client, shree: Workspace, asha: Contact) -> None:
    first = make(shree, asha)
    make(shree, None)
    assert 'class="count' in html(client, "/requests/") or ">2<" in html(client, "/requests/")
    with tenancy.inside(shree):
        asking.revoke(request=first, at=clock.now())


def test_an_erasure_page_counts_what_would_go(client: Client, shree: Workspace, asha: Contact) -> None:
    page = html(client, f"/requests/{make(shree, asha).pk}/")
    assert "rows in" in page and "Erase everything about this person?" in page and "Asha Menon" in page
    assert "DPDP" in page and "Data Protection Board of India" in page


def test_a_request_page_asks_a_bounded_number_of_statements(client: Client, shree: Workspace, asha: Contact) -> None:
    request = make(shree, asha, Kind.GRIEVANCE, text="Noise")
    client.get(f"/requests/{request.pk}/")
    with CaptureQueriesContext(connection) as found:
        client.get(f"/requests/{request.pk}/")
    assert len([one for one in found if not one["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT"))]) <= 12


def test_a_request_is_taken_down_at_the_counter_and_its_code_told_once(
    client: Client, shree: Workspace, asha: Contact
) -> None:
    said = {
        "contact": str(asha.pk),
        "person": "Asha Menon",
        "is_sure": "on",
        "kind": "erase",
        "how": "phone",
        "who": "person",
        "language": "hi",
        "text": "On the phone",
    }
    answer = client.post("/requests/new/", said, follow=True)
    with tenancy.inside(shree):
        request = RightsRequest.objects.of(shree).get()
        assert asked.of(request).text == "On the phone"
    assert (request.how, request.state, request.language, request.identified_by_id) == (
        "phone",
        "open",
        "hi",
        owner_of(shree).pk,
    )
    assert "The code for the person is" in answer.content.decode()


@pytest.mark.parametrize(
    "wrong",
    [{"is_sure": ""}, {"kind": "sell"}, {"how": "self_service"}, {"who": "guardian"}, {"language": "xx"}, {"kind": ""}],
)
def test_what_is_not_well_formed_is_not_taken_down(
    client: Client, shree: Workspace, asha: Contact, wrong: dict[str, str]
) -> None:
    said = {
        "contact": str(asha.pk),
        "is_sure": "on",
        "kind": "erase",
        "how": "phone",
        "who": "person",
        "language": "en",
    } | wrong
    assert client.post("/requests/new/", said).status_code == 422
    with tenancy.inside(shree):
        assert not RightsRequest.objects.of(shree).exists()


def test_somebody_not_clear_is_identified_then_answered(client: Client, shree: Workspace, asha: Contact) -> None:
    request = make(shree, None, Kind.RESTRICT, about_name="Asha", about_address=PHONE)
    page = html(client, f"/requests/{request.pk}/")
    assert "Whose data is it?" in page and "Carry it out" not in page
    assert client.post(f"/requests/{request.pk}/identify/", {"person": "Asha"}).status_code == 422
    assert client.post(f"/requests/{request.pk}/identify/", {"contact": str(asha.pk)}).status_code == 303
    assert client.post(f"/requests/{request.pk}/fulfil/", {"answer": ""}).status_code == 303
    assert fresh(request).outcome == "granted"


def test_a_contact_of_another_workspace_is_nobody(client: Client, shree: Workspace, other: Workspace) -> None:
    with tenancy.inside(other):
        theirs = make_person(other, "Other Person", phone="+919822041700", email="")
    request = make(shree, None)
    assert client.post(f"/requests/{request.pk}/identify/", {"contact": str(theirs.pk)}).status_code == 422
    assert fresh(request).contact_id is None


def test_values_ticked_are_taken_over_and_others_need_words(client: Client, shree: Workspace, asha: Contact) -> None:
    request = make(shree, asha, Kind.CORRECT, values={"name": "Asha Kulkarni", "birthday": "1990-12-31"})
    page = html(client, f"/requests/{request.pk}/")
    assert "Asha Kulkarni" in page and "1990-12-31" in page
    refused = client.post(f"/requests/{request.pk}/fulfil/", {"accepted": ["name"], "answer": ""})
    assert refused.status_code == 422 and "Write why a value is not taken over." in refused.content.decode()
    client.post(f"/requests/{request.pk}/fulfil/", {"accepted": ["name"], "answer": "No proof of the day"})
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).get(pk=asha.pk).name == "Asha Kulkarni"
    assert fresh(request).outcome == "partly"


def test_a_refusal_is_never_shown_in_green(client: Client, shree: Workspace, asha: Contact) -> None:
    refused = make(shree, asha)
    with tenancy.inside(shree):
        asking.refuse(request=refused, reason="law", answer="No", by=owner_of(shree), at=clock.now())
    assert '<span class="tag tag-marigold">Refused' in html(client, f"/requests/{refused.pk}/")
    assert '<span class="tag tag-marigold">Refused' in html(client, "/requests/?view=done")


def test_a_refusal_needs_its_reason_at_the_field(client: Client, shree: Workspace, asha: Contact) -> None:
    request = make(shree, asha)
    for said in ({}, {"refuse-reason": "law"}, {"refuse-answer": "No"}, {"refuse-reason": "x", "refuse-answer": "No"}):
        assert client.post(f"/requests/{request.pk}/refuse/", said).status_code == 422
    assert (
        client.post(f"/requests/{request.pk}/refuse/", {"refuse-reason": "law", "refuse-answer": "Tax"}).status_code
        == 303
    )
    assert fresh(request).outcome == "refused"


def test_more_time_is_offered_only_where_a_law_gives_it(client: Client, shree: Workspace, asha: Contact) -> None:
    with tenancy.inside(shree):
        german = make_person(shree, "Jan", phone="+4915112345678", email="", country="Germany")
    home, abroad = make(shree, asha), make(shree, german)
    assert "Take more time" not in html(client, f"/requests/{home.pk}/")
    assert "Take more time" in html(client, f"/requests/{abroad.pk}/")
    assert client.post(f"/requests/{home.pk}/extend/", {"extend-reason": "Hard"}).status_code == 422
    assert client.post(f"/requests/{abroad.pk}/extend/", {"extend-reason": "Hard"}).status_code == 303
    assert fresh(abroad).extended_at and not fresh(home).extended_at


def test_the_second_member_sees_that_it_is_answered(client: Client, shree: Workspace, asha: Contact) -> None:
    request = make(shree, asha, Kind.RESTRICT)
    manager = signed_in(make_member(shree, Role.MANAGER, name="Prakash Jadhav"))
    manager.get(f"/requests/{request.pk}/")
    client.post(f"/requests/{request.pk}/fulfil/", {"answer": ""})
    late = manager.post(f"/requests/{request.pk}/refuse/", {"refuse-reason": "law", "refuse-answer": "No"}, follow=True)
    assert "answered this request meanwhile" in late.content.decode() and fresh(request).outcome == "granted"


@pytest.mark.parametrize(
    ("role", "reads", "answers"), [(Role.MANAGER, 200, 303), (Role.AUDITOR, 200, 403), (Role.AGENT, 403, 403)]
)
def test_who_may_read_and_who_may_answer(shree: Workspace, asha: Contact, role: str, reads: int, answers: int) -> None:
    request = make(shree, asha, Kind.RESTRICT)
    member = signed_in(make_member(shree, role))
    assert member.get("/requests/").status_code == member.get(f"/requests/{request.pk}/").status_code == reads
    assert member.post(f"/requests/{request.pk}/fulfil/", {"answer": ""}).status_code == answers


def test_the_contact_page_shows_what_was_asked_and_offers_a_request(
    client: Client, shree: Workspace, asha: Contact
) -> None:
    request = make(shree, asha)
    page = html(client, f"/contacts/{asha.pk}/")
    assert f"/requests/{request.pk}/" in page and f"/requests/new/?contact={asha.pk}" in page
    assert "Asha Menon" in html(client, f"/requests/new/?contact={asha.pk}")


def test_opening_a_paper_is_written_down(client: Client, shree: Workspace, asha: Contact) -> None:
    from amanat.core import files

    request = make(shree, asha)
    assert client.get(f"/requests/{request.pk}/proof/").status_code == 404
    with tenancy.inside(shree):
        stored = files.store(b"A letter", workspace_id=shree.pk, name="letter.txt", by=None, kind="attachment")
        RightsRequest.objects.of(shree).filter(pk=request.pk).update(proof=stored)
    assert client.get(f"/requests/{request.pk}/proof/").status_code == 200
    with tenancy.inside(shree):
        assert LedgerEntry.objects.of(shree).filter(event="privacy.request.proof_opened", about=request.pk).exists()
