"""Querysets asked in one statement whose text is kept: the values of one member must never answer another."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
from django.db import connection
from django.db.models import QuerySet
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, tenancy
from amanat.desk import home, prepared
from amanat.desk.models import ServiceRecord, Task
from amanat.desk.prepared import Part, Standins
from amanat.desk.tests.factories import NOW, TODAY, make_contact, make_record, make_task
from amanat.people.tests.factories import make_team

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOW):
        yield


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


def records(standins: Standins) -> dict[str, Part]:
    rows = ServiceRecord.objects.of(standins.member.workspace_id).visible_to(standins.member)
    due = rows.filter(due_on__lte=standins.day("until"))
    return {
        "rows": Part(due.order_by("number").values("title", "due_on")),
        "many": Part(due.values("id"), "count"),
        "owed": Part(due.values("balance_paise"), "sum"),
    }


def titles(member: Member, until: date = TODAY) -> list[str]:
    found = prepared.read("test", records, member=member, values={"until": until})
    assert found["many"] == len(found["rows"])
    return [row["title"] for row in found["rows"]]


def test_it_asks_once_and_gives_each_part(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        make_record(rekha, title="One", fee_paise=100, due_on=TODAY)
        make_record(rekha, title="Two", fee_paise=250, due_on=TODAY + timedelta(days=1))
        with CaptureQueriesContext(connection) as captured:
            found = prepared.read("test", records, member=rekha, values={"until": TODAY + timedelta(days=1)})
    assert len(captured) == 1
    assert found == {
        "rows": [{"title": "One", "due_on": "2026-11-21"}, {"title": "Two", "due_on": "2026-11-22"}], "many": 2, "owed": [2, 350],
    }  # fmt: skip


def test_nothing_there_is_empty_lists_and_noughts(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        found = prepared.read("test", records, member=rekha, values={"until": TODAY})
    assert found == {"rows": [], "many": 0, "owed": [0, 0]}


def test_the_kept_text_takes_each_requests_own_values(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        for number in range(4):
            make_record(rekha, title=str(number), due_on=TODAY + timedelta(days=number))
        assert [titles(rekha, TODAY + timedelta(days=number)) for number in (3, 0, 2)] == [
            ["0", "1", "2", "3"], ["0"], ["0", "1", "2"],
        ]  # fmt: skip


def test_two_workspaces_are_never_mixed(rekha: Member, other: Workspace) -> None:
    om = owner_of(other)
    with tenancy.inside(rekha.workspace):
        make_record(rekha, title="Ours", due_on=TODAY)
        assert titles(rekha) == ["Ours"]
    with tenancy.inside(other):
        assert titles(om) == []
        make_record(om, title="Theirs", due_on=TODAY)
        assert titles(om) == ["Theirs"]
    with tenancy.inside(rekha.workspace):
        assert titles(rekha) == ["Ours"]


def test_members_who_see_differently_have_each_their_own_answer(rekha: Member) -> None:
    here = rekha.workspace
    first = make_member(here, Role.AGENT, name="First", sees="own")
    second = make_member(here, Role.AGENT, name="Second", sees="own")
    with tenancy.inside(here):
        for member in (rekha, first, second):
            make_record(rekha, title=member.name, due_on=TODAY, owner=member)
        assert titles(rekha) == ["Rekha Kulkarni", "First", "Second"]
        assert titles(first) == ["First"]
        assert titles(second) == ["Second"]
        assert titles(rekha) == ["Rekha Kulkarni", "First", "Second"]


def test_one_team_more_is_another_text(rekha: Member) -> None:
    here = rekha.workspace
    agent = make_member(here, Role.AGENT, name="Teams", sees="team")
    north, south = make_team(here, "North"), make_team(here, "South")
    with tenancy.inside(here):
        for team in (north, south):
            contact = make_contact(rekha, team.name)
            type(contact).objects.of(here).filter(pk=contact.pk).update(team=team, owner=None)
            make_record(rekha, contact=contact, title=team.name, due_on=TODAY)
        seen = []
        for teams in ([], [north.pk], [south.pk], [north.pk, south.pk], [south.pk, north.pk], []):
            agent.team_ids = teams
            seen.append(titles(agent))
    assert seen == [[], ["North"], ["South"], ["North", "South"], ["North", "South"], []]


def test_the_text_is_written_once_for_a_shape(rekha: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []

    def build(standins: Standins) -> dict[str, Part]:
        written.append(standins.member.pk)
        return {"tasks": Part(Task.objects.of(standins.member.workspace_id).values("title"))}

    monkeypatch.setattr(prepared, "_written", {})
    with tenancy.inside(rekha.workspace):
        make_task(rekha, "Call")
        for _again in range(5):
            assert prepared.read("once", build, member=rekha, values={}) == {"tasks": [{"title": "Call"}]}
    assert len(written) == 1 and written[0] != rekha.pk


def test_building_leaves_the_member_as_it_was(rekha: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepared, "_written", {})
    before = (rekha.pk, rekha.workspace_id, rekha.workspace)
    with tenancy.inside(rekha.workspace):
        titles(rekha)
    assert (rekha.pk, rekha.workspace_id, rekha.workspace) == before


@pytest.mark.parametrize(
    "title", ["100%", "%s", "%(x)s", "it's", 'say "x"', "back\\slash", "नमस्ते", "\ue000until", "{}"]
)
def test_any_text_comes_back_as_it_is(rekha: Member, title: str) -> None:
    def build(standins: Standins) -> dict[str, Part]:
        rows = Task.objects.of(standins.member.workspace_id).filter(title=standins.text("title"))
        return {"found": Part(rows.values("title"))}

    with tenancy.inside(rekha.workspace):
        make_task(rekha, title)
        make_task(rekha, "other")
        assert prepared.read("text", build, member=rekha, values={"title": title}) == {"found": [{"title": title}]}


def test_a_name_has_one_standin_however_often_it_is_asked_for(rekha: Member) -> None:
    standins = Standins(rekha)
    assert standins.day("today") == standins.day("today") != standins.day("until")
    assert standins.text("a") == standins.text("a") != standins.text("b")
    assert standins.identity("person") == standins.identity("person")
    assert len({standins.day("today"), standins.day("until"), standins.day("third")}) == 3


def test_rows_are_what_the_queryset_gives_with_moments_in_their_place(rekha: Member) -> None:
    def build(standins: Standins) -> QuerySet[Task, Any]:
        rows = Task.objects.of(standins.member.workspace_id).filter(created_at__gt=standins.moment("after"))
        return rows.order_by("title").values_list("pk", "title", "due_on", "created_at")

    with tenancy.inside(rekha.workspace):
        first, second = make_task(rekha, "First"), make_task(rekha, "Second", due_on=TODAY)
        whole = prepared.rows("some", build, member=rekha, values={"after": first.created_at - timedelta(seconds=1)})
        assert whole == [(one.pk, one.title, one.due_on, one.created_at) for one in (first, second)]
        assert prepared.rows("some", build, member=rekha, values={"after": second.created_at}) == []
        assert {"rows some"} == {key for key, *_shape in prepared._written if key.endswith(" some")}


def test_a_moment_has_one_standin_and_is_no_day(rekha: Member) -> None:
    standins = Standins(rekha)
    assert standins.moment("now") == standins.moment("now") != standins.moment("then")
    assert (
        len({standins.moment("now"), standins.moment("then"), standins.day("today"), standins.identity("person")}) == 4
    )


def test_a_value_that_was_not_given_is_told(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace), pytest.raises(KeyError, match="until"):
        prepared.read("test", records, member=rekha, values={})


# --- the home page by it ---------------------------------------------------------------------------------------------


def many_things(by: Member) -> None:
    for number in range(home.LIST + 4):
        day = TODAY + timedelta(days=number - 5)
        contact = make_contact(by, f"Person {number}", follow_up_on=day)
        make_record(by, contact=contact, title=f"Work {number}", due_on=day, expires_on=day, follow_up_on=day)
        make_task(by, f"Task {number}", due_on=day, contact=contact)


@pytest.mark.slow
@pytest.mark.parametrize("sees", ["all", "team", "own"])
def test_the_overview_is_one_statement_for_any_number_of_rows(rekha: Member, sees: str) -> None:
    member = rekha if sees == "all" else make_member(rekha.workspace, Role.AGENT, sees=sees)
    counts = []
    with tenancy.inside(rekha.workspace):
        home.overview(member, TODAY)
        for _round in range(2):
            with CaptureQueriesContext(connection) as captured:
                home.overview(member, TODAY)
            counts.append(len(captured))
            many_things(member)
    assert counts == [1, 1]


def test_no_card_of_the_home_page_is_longer_than_its_limit(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        many_things(rekha)
        shown = home.overview(rekha, TODAY)
    assert [len(each) for each in (shown.records, shown.unpaid)] == [6, 8]
    kinds: dict[tuple[str, str, bool], int] = {}
    for each in shown.expected:
        slot = (each.kind, each.about, each.day < TODAY)
        kinds[slot] = kinds.get(slot, 0) + 1
    assert max(kinds.values()) <= home.LIST
    assert [each.day for each in shown.expected] == sorted(each.day for each in shown.expected)


@pytest.mark.sampled
@pytest.mark.parametrize("role", list(Role.values))
def test_each_role_has_the_parts_it_may_read(rekha: Member, role: str) -> None:
    member = rekha if role == Role.OWNER else make_member(rekha.workspace, role)
    with tenancy.inside(rekha.workspace):
        many_things(rekha)
        shown = home.overview(member, TODAY)
    assert shown.figures is not None and shown.months and shown.unpaid
    assert shown.late and shown.setup.has_contacts


@pytest.mark.slow
def test_a_figure_stops_at_its_limit(rekha: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "MOST", 3)
    monkeypatch.setattr(prepared, "_written", {})
    with tenancy.inside(rekha.workspace):
        many_things(rekha)
        figures = home.overview(rekha, TODAY).figures
    assert figures is not None
    assert (figures.in_hand, figures.in_hand_text, figures.due_text) == (3, "2+", "2+")
    monkeypatch.setattr(prepared, "_written", {})


def test_months_are_twelve_and_end_with_this_one(rekha: Member) -> None:
    with tenancy.inside(rekha.workspace):
        for today in (date(2026, 1, 1), date(2026, 12, 31), date(2028, 2, 29)):
            months = [month.first for month in home.overview(rekha, today).months]
            assert len(months) == 12 and months[-1] == today.replace(day=1)
            assert all(later > earlier for earlier, later in pairwise(months))


def test_cards_of_a_person_are_one_statement(rekha: Member, rf: Any) -> None:
    from amanat.desk import onpeople

    with tenancy.inside(rekha.workspace):
        contact = make_contact(rekha)
        counts = []
        for _round in range(2):
            request = rf.get("/")
            request.member, request.workspace = rekha, rekha.workspace
            with CaptureQueriesContext(connection) as captured:
                for card in (onpeople.services_card, onpeople.papers_card, onpeople.tasks_card):
                    card(request, contact)
            counts.append(len(captured))
            for _each in range(8):
                make_task(rekha, "Call", record=make_record(rekha, contact=contact))
    assert counts == [1, 1]
