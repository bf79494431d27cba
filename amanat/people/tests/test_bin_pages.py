"""The bin: what waits there, for how long, who brings it back, and that what is purged is gone."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import TABLE, May, Role
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tally, tenancy
from amanat.core.models import LedgerEntry
from amanat.people import bin as deleted
from amanat.people import bin_views, notes, search
from amanat.people.bin import MayNotDelete
from amanat.people.models import BIN, Attachment, Company, Contact, Interaction, SearchEntry
from amanat.people.tests.factories import make_company, make_contact, make_team, narrow_member, owner

URL, ACT = "/bin/", "/bin/act/"


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner(shree)


@pytest.fixture
def browser(rekha: Member) -> Client:
    return signed_in(rekha)


def _bin(record: Any, *, days: float = 0) -> None:
    model = type(record)
    with tenancy.inside(record.workspace_id):
        member = owner(_workspace(record))
        deleted.delete(
            model=model,
            workspace=record.workspace_id,
            by=member,
            at=clock.now() - timedelta(days=days),
            ids=[record.pk],
        )


def _workspace(record: Any) -> Workspace:
    return Workspace.objects.of(record.workspace_id).get()


def _shown(browser: Client, **query: Any) -> list[str]:
    return [row["name"] for row in browser.get(URL, query).context["rows"]]


def _alive(workspace: Workspace, model: Any = Contact) -> list[str]:
    with tenancy.inside(workspace):
        return list(model.objects.of(workspace).alive().order_by("id").values_list("name", flat=True))


@pytest.mark.slow
def test_contacts_and_companies_wait_apart_the_last_deleted_first(shree: Workspace, browser: Client) -> None:
    for days, name in ((3, "Asha"), (1, "Bala"), (2, "Chitra")):
        _bin(make_contact(shree, name), days=days)
    _bin(make_company(shree, "Dairy"))
    make_contact(shree, "Alive")
    assert _shown(browser) == _shown(browser, on="contact") == _shown(browser, on="evil") == ["Bala", "Chitra", "Asha"]
    assert _shown(browser, on="company") == ["Dairy"]
    row = browser.get(URL).context["rows"][0]
    assert (row["deleted_by__name"], row["goes_at"] - row["deleted_at"]) == ("Rekha Kulkarni", BIN)
    crumbs = browser.get(URL, {"on": "company"}).text.partition('class="crumbs"')[2].partition("</nav>")[0]
    assert (
        'href="/companies/"' in crumbs
        and 'href="/contacts/"' in browser.get(URL).text.partition('class="crumbs"')[2].partition("</nav>")[0]
    )


@pytest.mark.slow
@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(days=st.lists(st.sampled_from([1, 1, 2, 3]), max_size=7), size=st.integers(1, 3))
def test_the_pages_of_the_bin_are_all_of_it_once(shree: Workspace, browser: Client, days: list[int], size: int) -> None:
    now = clock.now()
    with tenancy.inside(shree):
        Contact.objects.of(shree).update(deleted_at=None)
        for number, ago in enumerate(days):
            contact = make_contact(shree, f"Contact {number}", phone="")
            Contact.objects.of(shree).filter(pk=contact.pk).update(deleted_at=now - timedelta(days=ago))
        expected = list(
            Contact.objects.of(shree)
            .filter(deleted_at__isnull=False)
            .order_by("-deleted_at", "-id")
            .values_list("pk", flat=True)
        )
    seen: list[UUID] = []
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bin_views, "PAGE", size)
        following = "?"
        while following:
            page = browser.get(URL + following)
            seen += [row["pk"] for row in page.context["rows"]]
            following = page.context["next_url"]
    assert seen == expected


@pytest.mark.parametrize("after", ["x", "~", "2026-01-01~x", "2026-01-01T00:00:00~" + str(UUID(int=1)), "%00"])
def test_a_broken_place_shows_the_first_page(shree: Workspace, browser: Client, after: str) -> None:
    _bin(make_contact(shree, "Asha"))
    assert _shown(browser, after=after) == ["Asha"]


def test_what_is_brought_back_is_everywhere_again(shree: Workspace, rekha: Member, browser: Client) -> None:
    asha, bala = make_contact(shree, "Asha", phone="9822041736"), make_contact(shree, "Bala")
    for contact in (asha, bala):
        _bin(contact)
    with tenancy.inside(shree):
        assert (tally.count("contacts", workspace=shree.pk), search.find("9822041736", member=rekha)) == (0, [])
    told = browser.post(ACT, {"act": "restore", "ids": [asha.pk, "nonsense", UUID(int=1)]}, follow=True).text
    assert "1 is back." in told
    assert _alive(shree) == ["Asha"]
    with tenancy.inside(shree):
        assert tally.count("contacts", workspace=shree.pk) == 1
        assert [hit.id for hit in search.find("9822041736", member=rekha)] == [asha.pk]
        assert Contact.objects.of(shree).values_list("deleted_at", "deleted_by").get(pk=asha.pk) == (None, None)
        entry = LedgerEntry.objects.of(shree).get(event="people.contact.restored")
        assert (entry.actor, entry.about, entry.facts) == (rekha.pk, asha.pk, {"count": 1})


def test_bringing_back_what_is_not_there_does_nothing(shree: Workspace, other: Workspace, browser: Client) -> None:
    foreign = make_contact(other, "Foreign")
    _bin(foreign)
    for ids in ([], ["x"], [foreign.pk], [make_contact(shree, "Alive").pk]):
        assert "0 are back." in browser.post(ACT, {"act": "restore", "ids": ids}, follow=True).text
    assert _alive(other) == []
    with tenancy.inside(shree):
        assert not LedgerEntry.objects.of(shree).filter(event="people.contact.restored").exists()


def test_a_lost_external_id_is_told(shree: Workspace, browser: Client) -> None:
    first = make_contact(shree, "First", external_id="T-1")
    _bin(first)
    make_contact(shree, "Second", external_id="T-1")
    told = browser.post(ACT, {"act": "restore", "ids": [first.pk]}, follow=True).text
    assert "1 lost the external id, as another record has it now." in told and "1 is back." in told


def test_two_of_one_id_come_back_and_the_first_keeps_it(shree: Workspace, rekha: Member) -> None:
    made = []
    for name in ("First", "Second"):
        made.append(make_contact(shree, name, external_id="T-1"))
        _bin(made[-1])
    with tenancy.inside(shree):
        assert deleted.restore(
            model=Contact, workspace=shree, by=rekha, at=clock.now(), ids=[one.pk for one in made]
        ) == (2, 1)
        assert list(Contact.objects.of(shree).order_by("id").values_list("external_id", flat=True)) == ["T-1", ""]


def test_purging_asks_for_a_fresh_sign_in(shree: Workspace, rekha: Member) -> None:
    contact = make_contact(shree, "Asha")
    _bin(contact)
    stale = signed_in(rekha, fresh=False)
    answer = stale.post(ACT, {"act": "purge", "ids": [contact.pk]})
    assert answer.status_code in {302, 303} and "reauthenticate" in answer["Location"]
    with tenancy.inside(shree):
        assert Contact.objects.of(shree).count() == 1
    assert "1 is back." in stale.post(ACT, {"act": "restore", "ids": [contact.pk]}, follow=True).text


@pytest.mark.slow
def test_what_is_purged_is_gone_with_its_files_and_lines(shree: Workspace, rekha: Member, browser: Client) -> None:
    gone, kept = make_contact(shree, "Asha"), make_contact(shree, "Bala")
    with tenancy.inside(shree):
        for contact in (gone, kept):
            notes.write(record=contact, by=rekha, at=clock.now(), text="x", file=b"hello", file_name="a.txt")
    _bin(gone)
    assert "1 was deleted for good." in browser.post(ACT, {"act": "purge", "ids": [gone.pk, kept.pk]}, follow=True).text
    with tenancy.inside(shree):
        assert list(Contact.objects.of(shree).values_list("pk", flat=True)) == [kept.pk]
        assert set(Interaction.objects.of(shree).values_list("contact_id", flat=True)) == {kept.pk}
        assert Attachment.objects.of(shree).get().contact_id == kept.pk
        assert SearchEntry.objects.of(shree).get().pk == kept.pk
        entry = LedgerEntry.objects.of(shree).get(event="people.contact.purged")
        assert entry.facts["count"] == 1 and "Asha" not in str(entry.facts)
    assert "0 were deleted for good." in browser.post(ACT, {"act": "purge", "ids": [gone.pk]}, follow=True).text


@pytest.mark.slow
def test_the_daily_round_takes_what_waited_thirty_days_and_nothing_younger(shree: Workspace, other: Workspace) -> None:
    for workspace in (shree, other):
        for days in (29.9, 30.1, 45):
            _bin(make_contact(workspace, f"{days} days"), days=days)
        _bin(make_company(workspace, "Firm"), days=31)
        make_contact(workspace, "Alive")
    assert deleted.empty_when_due(shree.pk, at=clock.now()) == 3
    with tenancy.inside(shree):
        assert set(Contact.objects.of(shree).values_list("name", flat=True)) == {"29.9 days", "Alive"}
        assert not Company.objects.of(shree).exists()
    with tenancy.inside(other):
        assert (Contact.objects.of(other).count(), Company.objects.of(other).count()) == (4, 1)
    assert deleted.empty_when_due(shree.pk, at=clock.now()) == 0
    assert deleted.empty_all() == 3


@pytest.mark.parametrize("role", Role.values)
def test_who_may_use_the_bin(shree: Workspace, role: str) -> None:
    contact = make_contact(shree, "Asha")
    member = make_member(shree, role, name="Atul")
    may = May.DELETE_CONTACTS in TABLE[role]
    client = signed_in(member)
    assert (client.get(URL).status_code == 200) == may
    assert (client.post(f"/contacts/{contact.pk}/delete/").status_code == 303) == may
    assert _alive(shree) == ([] if may else ["Asha"])
    if not may:
        _bin(contact)
    assert (client.post(ACT, {"act": "restore", "ids": [contact.pk]}).status_code == 302) == may
    assert _alive(shree) == (["Asha"] if may else [])
    with tenancy.inside(shree):
        for act in (deleted.delete, deleted.restore, deleted.purge):
            if not may:
                with pytest.raises(MayNotDelete):
                    act(model=Contact, workspace=shree, by=member, at=clock.now(), ids=[contact.pk])


def test_a_limited_member_who_may_delete_reaches_the_own_only(
    shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    team = make_team(shree)
    narrow = narrow_member(shree, "Prakash Jadhav", team)
    monkeypatch.setattr(Member, "may", lambda member, permission: True)
    seen, hidden = make_contact(shree, "Seen", team=team.pk), make_contact(shree, "Hidden")
    everyone = [seen.pk, hidden.pk]
    details: dict[str, Any] = {"model": Contact, "workspace": shree, "by": narrow, "at": clock.now(), "ids": everyone}
    with tenancy.inside(shree):
        assert deleted.delete(**details) == 1
    assert _alive(shree) == ["Hidden"]
    _bin(hidden)
    assert _shown(signed_in(narrow)) == ["Seen"]
    with tenancy.inside(shree):
        assert deleted.restore(**details) == (1, 0)
        deleted.delete(**details)
        assert deleted.purge(**details) == 1
        assert Contact.objects.of(shree).get().pk == hidden.pk


def test_the_bin_costs_the_same_for_one_and_three(shree: Workspace, browser: Client) -> None:
    costs = []
    for amount in (1, 2):
        for number in range(amount):
            _bin(make_contact(shree, f"Contact {amount} {number}"))
        with CaptureQueriesContext(connection) as captured:
            assert browser.get(URL).status_code == 200
        costs.append(len(captured))
    assert costs[0] == costs[1]


def test_an_empty_bin_says_so_and_names_are_escaped(shree: Workspace, browser: Client) -> None:
    assert "The bin is empty" in browser.get(URL).text
    _bin(make_contact(shree, "<script>1</script>"))
    assert "<script>1" not in browser.get(URL).text and "&lt;script&gt;" in browser.get(URL).text
