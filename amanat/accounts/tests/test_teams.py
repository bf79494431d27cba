from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts import invitations, members, teams
from amanat.accounts.models import Invitation, Member, Team, TeamMember, Workspace
from amanat.accounts.tests import factories
from amanat.accounts.tests.looking import nothing_changes
from amanat.accounts.tests.parallel import at_once
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry


def made(workspace: Workspace, name: str = "Field", *present: Member) -> Team:
    owner = factories.owner_of(workspace)
    with tenancy.inside(workspace):
        team = teams.make(workspace_id=workspace.pk, name=name, by=owner, at=clock.now())
        if present:
            teams.set_members(team=team, member_ids={each.pk for each in present}, by=owner, at=clock.now())
    return team


def ids_of(team: Team) -> set[Any]:
    with tenancy.inside(team.workspace_id):
        return teams.member_ids(team)


def test_two_workspaces_may_have_teams_of_one_name_and_one_may_not(shree: Workspace, other: Workspace) -> None:
    made(shree), made(other)
    with nothing_changes(shree, other), pytest.raises(teams.NameTaken):
        made(shree)


def test_a_team_is_not_renamed_to_a_taken_name_over_the_page(shree: Workspace) -> None:
    field, _office = made(shree), made(shree, "Office")
    client = factories.signed_in(factories.owner_of(shree))
    with nothing_changes(shree):
        answer = client.post(reverse("accounts:team", args=[field.pk]), {"name": "Office", "members": []})
    assert answer.status_code == 422 and list(answer.context["form"].errors) == ["name"]
    assert answer.context["team"].name == "Field"


def test_names_are_kept_on_one_line(shree: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    client.post(reverse("accounts:teams"), {"name": "  Field \t team "})
    with tenancy.inside(shree):
        assert Team.objects.of(shree).get().name == "Field team"


@pytest.mark.parametrize("who", ["other workspace", "former", "nobody"])
def test_only_present_members_are_chosen_over_the_page(shree: Workspace, other: Workspace, who: str) -> None:
    team = made(shree)
    member = factories.make_member(other if who == "other workspace" else shree)
    if who == "former":
        with tenancy.inside(shree):
            members.end(member=member, by=factories.owner_of(shree), at=clock.now())
    key = uuid4() if who == "nobody" else member.pk
    client = factories.signed_in(factories.owner_of(shree))
    with nothing_changes(shree, other):
        answer = client.post(reverse("accounts:team", args=[team.pk]), {"name": "Field", "members": [str(key)]})
    assert answer.status_code == 422


def test_members_come_and_go_and_the_ledger_counts_them(shree: Workspace) -> None:
    first, second, third = (factories.make_member(shree, name=name) for name in ("A", "B", "C"))
    team = made(shree, "Field", first, second)
    client = factories.signed_in(factories.owner_of(shree))
    chosen = {"name": "Field", "members": [str(second.pk), str(third.pk)]}
    assert client.post(reverse("accounts:team", args=[team.pk]), chosen).status_code == 303
    assert ids_of(team) == {second.pk, third.pk}
    with tenancy.inside(shree):
        entry = LedgerEntry.objects.of(shree).filter(event="accounts.team.members_changed").order_by("-at", "-id")[0]
        assert (entry.facts["came"], entry.facts["left"]) == (1, 1)
        assert not LedgerEntry.objects.of(shree).filter(event="accounts.team.renamed").exists()


def test_a_seat_that_ends_leaves_its_teams(shree: Workspace) -> None:
    member = factories.make_member(shree)
    team = made(shree, "Field", member)
    with tenancy.inside(shree):
        members.end(member=member, by=factories.owner_of(shree), at=clock.now())
    assert ids_of(team) == set()


def test_deleting_a_team_takes_its_seats_and_leaves_members_and_invitations(shree: Workspace) -> None:
    member, owner = factories.make_member(shree), factories.owner_of(shree)
    team = made(shree, "Field", member)
    with tenancy.inside(shree):
        invitations.send(workspace_id=shree.pk, email="a@example.in", role="agent", team=team, by=owner, at=clock.now())
    answer = factories.signed_in(owner).post(reverse("accounts:delete_team", args=[team.pk]))
    assert answer["Location"] == reverse("accounts:teams")
    with tenancy.inside(shree):
        assert not Team.objects.of(shree).exists() and not TeamMember.objects.of(shree).exists()
        assert Member.objects.of(shree).filter(ended_at__isnull=True).count() == 2
        assert Invitation.objects.of(shree).get().team_id is None


@pytest.mark.parametrize("name", ["team", "delete_team"])
def test_another_workspaces_team_is_not_found(shree: Workspace, other: Workspace, name: str) -> None:
    theirs = made(other)
    client = factories.signed_in(factories.owner_of(shree))
    with nothing_changes(shree, other):
        assert client.post(reverse(f"accounts:{name}", args=[theirs.pk]), {"name": "Mine"}).status_code == 404


@pytest.mark.parametrize("name", ["team", "delete_team"])
def test_who_may_see_whom_is_changed_after_a_fresh_sign_in_only(shree: Workspace, name: str) -> None:
    team = made(shree)
    stale = factories.signed_in(factories.owner_of(shree), fresh=False)
    address = reverse(f"accounts:{name}", args=[team.pk])
    with nothing_changes(shree):
        asked = stale.post(
            address, {"name": "Mine"}, headers={"Referer": f"http://testserver{reverse('accounts:teams')}"}
        )
    assert asked["Location"] == f"{reverse('account_reauthenticate')}?next={reverse('accounts:teams')}"


def test_the_list_costs_the_same_for_one_team_and_for_three(shree: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    made(shree, "First", factories.make_member(shree))
    client.get(reverse("accounts:teams"))

    def statements() -> int:
        with CaptureQueriesContext(connection) as asked:
            page = client.get(reverse("accounts:teams"))
        assert page.status_code == 200
        return len(asked)

    one = statements()
    for name in ("Second", "Third"):
        made(shree, name, factories.make_member(shree), factories.make_member(shree))
    assert statements() == one


def test_of_many_teams_of_one_name_at_once_one_is_made(committed_db: None, shree: Workspace) -> None:
    owner = factories.owner_of(shree)

    def make(_number: int) -> bool:
        with tenancy.inside(shree):
            try:
                teams.make(workspace_id=shree.pk, name="Field", by=owner, at=clock.now())
            except teams.NameTaken:
                return False
        return True

    assert sum(at_once(make, range(8))) == 1
    with tenancy.inside(shree):
        assert Team.objects.of(shree).count() == 1
