from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts import api_tokens, members, teams
from amanat.accounts.models import Member, Team, TeamMember
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.accounts.tests.parallel import at_once
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry


def form(role: str = "agent", sees: str = "all", *team_ids: Any) -> dict[str, Any]:
    return {"role": role, "sees": sees, "teams": [str(key) for key in team_ids]}


def team_of(workspace: Any, name: str) -> Team:
    with tenancy.inside(workspace):
        return Team.objects.create(workspace_id=workspace.pk, name=name)


@pytest.mark.django_db
def test_the_owner_changes_role_sight_and_teams(shree: Any) -> None:
    owner, agent = factories.owner_of(shree), factories.make_member(shree)
    field, counter = team_of(shree, "Field"), team_of(shree, "Counter")
    client = factories.signed_in(owner)
    url = reverse("accounts:member", args=[agent.pk])
    assert client.get(url).status_code == 200
    assert client.post(url, form("agent", "team", field.pk, counter.pk)).status_code == 303
    assert client.post(url, form("agent", "team", counter.pk)).status_code == 303
    with tenancy.inside(shree):
        changed = Member.objects.of(shree).get(pk=agent.pk)
        assert (changed.role, changed.sees, changed.sees_all) == ("agent", "team", False)
        assert [seat.team_id for seat in TeamMember.objects.of(shree).filter(member=agent)] == [counter.pk]
        (newest, *_) = LedgerEntry.objects.of(shree).filter(event="accounts.member.changed").order_by("-at")
        assert (newest.actor, newest.about, newest.facts["sees"]) == (owner.pk, agent.pk, "team")


@pytest.mark.django_db
def test_the_only_owner_stays_owner(shree: Any) -> None:
    owner = factories.owner_of(shree)
    client = factories.signed_in(owner)
    refused = client.post(reverse("accounts:member", args=[owner.pk]), form("agent"))
    assert refused.status_code == 422 and "role" in refused.context["form"].errors
    client.post(reverse("accounts:end_member", args=[owner.pk]))
    assert factories.owner_of(shree).ended_at is None
    second = factories.make_member(shree, Role.OWNER, name="Meera Joshi")
    assert client.post(reverse("accounts:member", args=[owner.pk]), form("agent")).status_code == 303
    with tenancy.inside(shree):
        assert [m.pk for m in Member.objects.of(shree).filter(role=Role.OWNER)] == [second.pk]


@pytest.mark.django_db
def test_an_owner_whose_account_is_switched_off_does_not_count(shree: Any) -> None:
    owner, second = factories.owner_of(shree), factories.make_member(shree, Role.OWNER)
    second.user.is_active = False
    second.user.save()
    with tenancy.inside(shree), pytest.raises(members.LastOwner):
        members.end(member=owner, by=owner, at=clock.now())


@pytest.mark.django_db
def test_an_ended_seat_is_refused_at_the_next_request(shree: Any) -> None:
    owner, manager = factories.owner_of(shree), factories.make_member(shree, Role.OWNER, name="Meera Joshi")
    with tenancy.inside(shree):
        _token, text = api_tokens.make(
            member=manager,
            name="x",
            scopes=["tasks:read"],
            expires_at=clock.now() + api_tokens.LONGEST / 2,
            at=clock.now(),
        )
    client = factories.signed_in(manager)
    assert client.get(reverse("accounts:members")).status_code == 200
    factories.signed_in(owner).post(reverse("accounts:end_member", args=[manager.pk]))
    gone = client.get(reverse("accounts:members"))
    assert (gone.status_code, gone["Location"]) == (302, reverse("accounts:workspaces"))
    assert api_tokens.authenticate(text) is None


@pytest.mark.django_db
def test_a_changed_role_counts_at_the_next_request(shree: Any) -> None:
    owner, second = factories.owner_of(shree), factories.make_member(shree, Role.OWNER, name="Meera Joshi")
    client = factories.signed_in(second)
    assert client.get(reverse("accounts:tokens")).status_code == 200
    factories.signed_in(owner).post(reverse("accounts:member", args=[second.pk]), form("agent"))
    assert client.get(reverse("accounts:tokens")).status_code == 403


@pytest.mark.django_db
def test_a_user_switched_off_is_refused_at_the_next_request(shree: Any) -> None:
    agent = factories.make_member(shree)
    client = factories.signed_in(agent)
    assert client.get(reverse("accounts:roles")).status_code == 200
    agent.user.is_active = False
    agent.user.save()
    assert client.get(reverse("accounts:roles"))["Location"].startswith(reverse("account_login"))


@pytest.mark.django_db
def test_another_workspaces_member_is_not_found(shree: Any, other: Any) -> None:
    stranger = factories.make_member(other)
    client = factories.signed_in(factories.owner_of(shree))
    for url_name in ("accounts:member", "accounts:end_member"):
        assert client.post(reverse(url_name, args=[stranger.pk]), form("owner")).status_code == 404
    with tenancy.inside(other):
        assert Member.objects.of(other).get(pk=stranger.pk).role == "agent"


@pytest.mark.django_db
@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.AUDITOR])
def test_who_is_not_owner_manages_nobody(shree: Any, role: str) -> None:
    client = factories.signed_in(factories.make_member(shree, role))
    for url_name in ("members", "invite", "teams", "tokens", "new_token", "workspace", "security"):
        assert client.get(reverse(f"accounts:{url_name}")).status_code == 403
    assert client.get(reverse("accounts:roles")).status_code == 200


@pytest.mark.django_db
def test_dangerous_pages_ask_for_a_fresh_sign_in(shree: Any) -> None:
    owner = factories.owner_of(shree)
    client = factories.signed_in(owner, fresh=False)
    for path in (
        reverse("accounts:member", args=[owner.pk]), reverse("accounts:invite"), reverse("accounts:security"),
        reverse("accounts:new_token"), reverse("mfa_activate_totp"), reverse("account_change_phone"), reverse("account_email"),
    ):  # fmt: skip
        asked = client.get(path)
        assert asked.status_code == 302
        assert asked["Location"] == f"{reverse('account_reauthenticate')}?next={path}"


@pytest.mark.django_db
def test_the_list_says_who_has_which_teams_and_a_second_factor_at_one_cost(shree: Any) -> None:
    owner = factories.owner_of(shree)
    client = factories.signed_in(owner)
    client.get(reverse("accounts:members"))
    with CaptureQueriesContext(connection) as one:
        assert client.get(reverse("accounts:members")).status_code == 200
    team = team_of(shree, "Field")
    for name in ("Asha Menon", "Prakash Jadhav"):
        member = factories.make_member(shree, name=name)
        with tenancy.inside(shree):
            TeamMember.objects.create(workspace_id=shree.pk, team=team, member=member)
    factories.make_member(shree, name="Gone Person", ended_at=clock.now())
    with CaptureQueriesContext(connection) as three:
        page = client.get(reverse("accounts:members"))
    assert len(three) == len(one) <= 12
    listed = page.context["listed"]
    assert [line.member.name for line in listed] == ["Asha Menon", "Prakash Jadhav", "Rekha Kulkarni"]
    assert [[t.name for t in line.teams] for line in listed] == [["Field"], ["Field"], []]
    assert listed[0].last_seen_at is None and listed[2].last_seen_at is not None


@pytest.mark.django_db
def test_teams_are_made_renamed_filled_and_deleted(shree: Any) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    agent = factories.make_member(shree)
    made = client.post(reverse("accounts:teams"), {"name": " Field  work "})
    with tenancy.inside(shree):
        team = Team.objects.of(shree).get()
    assert (team.name, made["Location"]) == ("Field work", reverse("accounts:team", args=[team.pk]))
    assert client.post(reverse("accounts:teams"), {"name": "Field work"}).status_code == 422
    client.post(made["Location"], {"name": "Field", "members": [str(agent.pk)]})
    page = client.get(reverse("accounts:teams"))
    assert [(line.team.name, line.names) for line in page.context["teams"]] == [("Field", ["Prakash Jadhav"])]
    team_of(shree, "Counter")
    assert client.post(made["Location"], {"name": "Counter", "members": []}).status_code == 422
    assert client.post(reverse("accounts:delete_team", args=[team.pk])).status_code == 303
    with tenancy.inside(shree):
        assert [t.name for t in Team.objects.of(shree)] == ["Counter"]
        assert not TeamMember.objects.of(shree).exists()


@pytest.mark.django_db
def test_a_team_takes_only_present_members(shree: Any, other: Any) -> None:
    gone, stranger = factories.make_member(shree, ended_at=clock.now()), factories.make_member(other)
    team = team_of(shree, "Field")
    owner = factories.owner_of(shree)
    with tenancy.inside(shree):
        teams.set_members(team=team, member_ids={gone.pk, stranger.pk, owner.pk}, by=owner, at=clock.now())
        assert teams.member_ids(team) == {owner.pk}


@pytest.mark.usefixtures("committed_db")
def test_two_owners_who_demote_each_other_at_once_leave_one() -> None:
    workspace = factories.make_workspace()
    first, second = factories.owner_of(workspace), factories.make_member(workspace, Role.OWNER, name="Meera Joshi")

    def demote(pair: tuple[Member, Member]) -> str:
        by, whom = pair
        try:
            with tenancy.inside(workspace):
                members.change(member=whom, by=by, at=clock.now(), role="agent", sees="all", team_ids=set())
        except members.LastOwner:
            return "refused"
        return "done"

    answers = at_once(demote, [(first, second), (second, first)] * 5)
    with tenancy.inside(workspace):
        assert Member.objects.of(workspace).filter(role=Role.OWNER, ended_at__isnull=True).count() == 1
    assert "refused" in answers


@pytest.mark.usefixtures("committed_db")
def test_owners_who_all_leave_at_once_leave_one() -> None:
    workspace = factories.make_workspace()
    owners = [
        factories.owner_of(workspace),
        *(factories.make_member(workspace, Role.OWNER, name=f"O {n}") for n in range(9)),
    ]

    def leave(member: Member) -> bool:
        try:
            with tenancy.inside(workspace):
                members.end(member=member, by=member, at=clock.now())
        except members.LastOwner:
            return False
        return True

    assert sorted(at_once(leave, owners)) == [False] + [True] * 9
