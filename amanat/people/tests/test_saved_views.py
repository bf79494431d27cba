"""Saved views: a member's own lists, shared by whoever may, and seen, changed and deleted by nobody else."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import TABLE, May, Role
from amanat.accounts.tests.factories import make_member, signed_in
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.people import custom_fields, lists, saved_views, vocabulary
from amanat.people.custom_fields import FieldDraft
from amanat.people.lists import Definition
from amanat.people.models import SavedView
from amanat.people.tests.factories import make_contact, make_stage, make_team, narrow_member, owner


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner(shree)


def _save(member: Member, name: str = "Mine", *, is_shared: bool = False, **filters: list[str]) -> SavedView:
    with tenancy.inside(member.workspace_id):
        return saved_views.save(
            member=member, at=clock.now(), name=name, definition=Definition("contact", filters), is_shared=is_shared
        )


def _seen(member: Member, on: str = "contact") -> list[str]:
    with tenancy.inside(member.workspace_id):
        return [view.name for view in saved_views.seen_by(member, on=on)]


def _rows(workspace: Workspace) -> list[tuple[Any, ...]]:
    with tenancy.inside(workspace):
        return list(
            SavedView.objects.of(workspace).order_by("id").values_list("name", "member_id", "is_shared", "definition")
        )


def test_a_view_holds_the_whole_list_and_gives_it_back(shree: Workspace, rekha: Member) -> None:
    stage = make_stage(shree)
    with tenancy.inside(shree):
        words = vocabulary.of(shree)
        definition = lists.parse(
            {"stage": [str(stage.pk), "none"], "city": ["Sinnar"], "sort": ["-name"], "columns": ["phone", "city"]}, on="contact", words=words
        )  # fmt: skip
        view = saved_views.save(member=rekha, at=clock.now(), name="  The   list ", definition=definition)
        assert view.name == "The list"
        found = saved_views.find(rekha, view.pk)
        assert found is not None
        assert lists.parse(found.definition, on="contact", words=words) == definition


def test_each_sees_the_own_and_the_shared_of_that_list_only(shree: Workspace, rekha: Member, other: Workspace) -> None:
    asha = make_member(shree, name="Asha")
    (
        _save(rekha, "Own"),
        _save(rekha, "Shared", is_shared=True),
        _save(asha, "Hers"),
        _save(owner(other), "Elsewhere", is_shared=True),
    )
    with tenancy.inside(shree):
        saved_views.save(member=rekha, at=clock.now(), name="Firms", definition=Definition("company"), is_shared=True)
    assert _seen(rekha) == ["Own", "Shared"]
    assert _seen(asha) == ["Shared", "Hers"]
    assert (_seen(rekha, "company"), _seen(asha, "company")) == (["Firms"], ["Firms"])


def test_the_same_name_is_the_same_view_for_one_and_another_for_others(shree: Workspace, rekha: Member) -> None:
    first = _save(rekha, "Calls", owner=["me"])
    again = _save(rekha, "Calls", owner=["none"])
    hers = _save(make_member(shree, name="Asha"), "Calls")
    assert first.pk == again.pk != hers.pk
    assert [row[3]["filters"] for row in _rows(shree)] == [{"owner": ["none"]}, {}]


@pytest.mark.parametrize("name", ["", "   ", "\x00", "x" * 61])
def test_a_view_needs_a_name(shree: Workspace, rekha: Member, name: str) -> None:
    view = _save(rekha)
    with tenancy.inside(shree):
        with pytest.raises(ValidationError, match="60 characters"):
            saved_views.save(member=rekha, at=clock.now(), name=name, definition=Definition())
        with pytest.raises(ValidationError, match="60 characters"):
            saved_views.change(view=view, member=rekha, at=clock.now(), name=name, is_shared=False)
    assert [row[0] for row in _rows(shree)] == ["Mine"]


def test_there_is_an_end_to_the_views_one_keeps(
    shree: Workspace, rekha: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(saved_views, "MOST", 2)
    _save(rekha, "One"), _save(rekha, "Two")
    with pytest.raises(ValidationError, match="2 views already"):
        _save(rekha, "Three")
    _save(make_member(shree, name="Asha"), "Three")
    assert [row[0] for row in _rows(shree)] == ["One", "Two", "Three"]


@pytest.mark.parametrize("role", Role.values)
def test_who_may_share(shree: Workspace, role: str) -> None:
    member = make_member(shree, role, name="Asha")
    may = May.SHARE_VIEWS in TABLE[role]
    if may:
        _save(member, "Shared", is_shared=True)
    else:
        with pytest.raises(PermissionError):
            _save(member, "Shared", is_shared=True)
    own = _save(member, "Own")
    with tenancy.inside(shree):
        if may:
            saved_views.change(view=own, member=member, at=clock.now(), name="Own", is_shared=True)
        else:
            with pytest.raises(PermissionError):
                saved_views.change(view=own, member=member, at=clock.now(), name="Own", is_shared=True)
        events = LedgerEntry.objects.of(shree).filter(event="people.view.shared").count()
    assert events == (2 if may else 0)
    assert [row[2] for row in _rows(shree)] == ([True, True] if may else [False])


def _may_change(view: SavedView, member: Member) -> bool:
    with tenancy.inside(member.workspace_id):
        return saved_views.may_change(view, member)


def test_who_may_change_a_view(shree: Workspace, rekha: Member) -> None:
    agent, manager = make_member(shree, name="Asha"), make_member(shree, Role.MANAGER, name="Mira")
    auditor = make_member(shree, Role.AUDITOR, name="Atul")
    own, shared = _save(agent, "Own"), _save(rekha, "Shared", is_shared=True)
    assert {member.name: (_may_change(own, member), _may_change(shared, member)) for member in (agent, manager, auditor, rekha)} == {
        "Asha": (True, False), "Mira": (False, True), "Atul": (False, False), "Rekha Kulkarni": (False, True),
    }  # fmt: skip
    with tenancy.inside(shree):
        for view, member in ((own, manager), (shared, agent), (shared, auditor)):
            with pytest.raises(PermissionError):
                saved_views.change(view=view, member=member, at=clock.now(), name="Taken", is_shared=view.is_shared)
            with pytest.raises(PermissionError):
                saved_views.delete(view=view, member=member)
    assert [row[0] for row in _rows(shree)] == ["Own", "Shared"]


def test_a_shared_view_of_somebody_else_keeps_its_owner_and_her_names(shree: Workspace, rekha: Member) -> None:
    manager = make_member(shree, Role.MANAGER, name="Mira")
    shared = _save(rekha, "Shared", is_shared=True)
    _save(rekha, "Taken")
    with tenancy.inside(shree):
        with pytest.raises(ValidationError, match="view of this name"):
            saved_views.change(view=shared, member=manager, at=clock.now(), name="Taken", is_shared=True)
        shared.refresh_from_db()
        saved_views.change(view=shared, member=manager, at=clock.now(), name="Renamed", is_shared=False)
    assert [(row[0], row[1], row[2]) for row in _rows(shree)] == [
        ("Renamed", rekha.pk, False),
        ("Taken", rekha.pk, False),
    ]
    assert _seen(manager) == []


def test_nobody_finds_what_is_not_theirs(shree: Workspace, rekha: Member, other: Workspace) -> None:
    asha, own = make_member(shree, name="Asha"), _save(rekha, "Own")
    shared = _save(rekha, "Shared", is_shared=True)
    with tenancy.inside(shree):
        assert saved_views.find(asha, own.pk) is None
        assert saved_views.find(asha, shared.pk) == shared
        assert saved_views.find(asha, UUID(int=7)) is None
    with tenancy.inside(other):
        assert saved_views.find(owner(other), shared.pk) is None


# --- on the pages ----------------------------------------------------------------------------------------------------


def test_a_page_of_a_view_shows_its_list_and_its_tab(shree: Workspace, rekha: Member) -> None:
    make_contact(shree, "With"), make_contact(shree, "Without", phone="")
    view = _save(rekha, "No phone", has_phone=["no"])
    page = signed_in(rekha).get(f"/contacts/?view={view.pk}")
    assert ("Without" in page.context["body"], ">With<" in page.context["body"]) == (True, False)
    assert [(tab["label"], tab["is_current"]) for tab in page.context["tabs"]] == [
        ("All contacts", False),
        ("No phone", True),
    ]
    turned = signed_in(rekha).get(f"/contacts/?view={view.pk}&sort=name")
    assert (turned.context["definition"].sort, turned.context["definition"].filters) == ("name", {"has_phone": ["no"]})
    assert "sort=name" in turned.context["query"] and f"view={view.pk}" in turned.context["query"]


@pytest.mark.parametrize("what", ["not hers", "deleted", "nonsense", "of the other list"])
def test_a_view_that_cannot_be_used_shows_the_plain_list(shree: Workspace, rekha: Member, what: str) -> None:
    make_contact(shree, "With"), make_contact(shree, "Without", phone="")
    asha = make_member(shree, name="Asha")
    view = _save(rekha if what == "not hers" else asha, "No phone", has_phone=["no"])
    if what == "deleted":
        with tenancy.inside(shree):
            saved_views.delete(view=view, member=asha)
    if what == "of the other list":
        with tenancy.inside(shree):
            view = saved_views.save(member=asha, at=clock.now(), name="Firms", definition=Definition("company"))
    key = "evil" if what == "nonsense" else str(view.pk)
    page = signed_in(asha).get(f"/contacts/?view={key}")
    assert page.status_code == 200 and page.context["view"] is None
    assert ">With<" in page.text and "Without" in page.text


def test_a_shared_view_widens_nothing_for_a_limited_member(shree: Workspace, rekha: Member) -> None:
    narrow = narrow_member(shree, "Prakash Jadhav", make_team(shree))
    make_contact(shree, "Hidden", phone=""), make_contact(shree, "Mine", phone="", owner=narrow.pk)
    view = _save(rekha, "No phone", is_shared=True, has_phone=["no"])
    page = signed_in(narrow).get(f"/contacts/?view={view.pk}")
    assert ("Mine" in page.context["body"], "Hidden" in page.context["body"], page.context["count"]) == (True, False, 1)


def test_a_view_of_a_field_that_is_gone_says_so_and_shows_the_way_out(shree: Workspace, rekha: Member) -> None:
    with tenancy.inside(shree):
        field = custom_fields.add(workspace=shree, by=rekha, at=clock.now(), draft=FieldDraft("Village"))
        view = saved_views.save(
            member=rekha, at=clock.now(), name="Village", definition=Definition("contact", {"custom.village": ["x"]})
        )
        custom_fields.retire(field=field, by=rekha, at=clock.now())
    page = signed_in(rekha).get(f"/contacts/?view={view.pk}")
    assert page.status_code == 400 and "custom.village" in page.context["problem"]
    assert 'href="/contacts/"' in page.text


@pytest.mark.sampled
@pytest.mark.parametrize(
    "definition",
    [{}, {"filters": []}, {"filters": {}, "sort": 7}, {"columns": "x"}, {"filters": {"id": ["x"]}}, {"sort": None}],
)
def test_a_stored_definition_of_another_hand_breaks_no_page(shree: Workspace, rekha: Member, definition: Any) -> None:
    view = _save(rekha)
    with tenancy.inside(shree):
        SavedView.objects.of(shree).filter(pk=view.pk).update(definition=definition)
    assert signed_in(rekha).get(f"/contacts/?view={view.pk}").status_code in {200, 400}


@pytest.mark.slow
def test_the_forms_of_views_answer_in_words(shree: Workspace, rekha: Member) -> None:
    browser, agent = signed_in(rekha), signed_in(make_member(shree, name="Asha"))
    view = _save(rekha, "Shared", is_shared=True)
    nameless = browser.post("/views/", {"on": "contact", "name": " ", "query": "owner=me"}, follow=True)
    assert "60 characters" in nameless.text
    assert browser.post("/views/", {"on": "evil", "name": "x"}).status_code == 404
    assert (
        "belongs to somebody else"
        in agent.post(f"/views/{view.pk}/", {"name": "Taken", "is_shared": "1"}, follow=True).text
    )
    assert agent.post(f"/views/{UUID(int=9)}/", {"name": "x"}).status_code == 404
    _save(rekha, "Other")
    assert (
        "view of this name" in browser.post(f"/views/{view.pk}/", {"name": "Other", "is_shared": "1"}, follow=True).text
    )
    assert [row[0] for row in _rows(shree)] == ["Shared", "Other"]
    kept = agent.post("/views/", {"on": "contact", "name": "Asked to share", "query": "owner=me", "is_shared": "1"})
    assert kept.status_code == 303
    assert _rows(shree)[-1][2] is False  # an agent's view stays her own


def test_views_cost_a_list_nothing_more(shree: Workspace, rekha: Member) -> None:
    browser, costs = signed_in(rekha), []
    for amount in (1, 2):
        for number in range(amount):
            _save(rekha, f"View {amount} {number}")
        with CaptureQueriesContext(connection) as captured:
            browser.get("/contacts/")
        costs.append(len(captured))
    assert costs[0] == costs[1]
