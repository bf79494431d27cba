"""The rules of routes: where a refused request is sent, what it may leave behind, what it costs."""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts import access, second_factors
from amanat.accounts.models import Member, Session, SignIn, Team, Workspace
from amanat.accounts.permissions import May, Role
from amanat.accounts.tests import factories
from amanat.accounts.tests.browsers import PASSWORD
from amanat.core import tenancy

HTMX = {"HX-Request": "true"}


def where(answer: Any) -> str:
    return unquote(answer.headers.get("Location") or answer.headers.get("HX-Redirect", ""))


@pytest.mark.parametrize(
    ("method", "headers", "back"),
    [
        ("GET", {}, "/settings/roles/?a=1"),
        ("GET", HTMX, "/"),
        ("GET", {**HTMX, "HX-Current-URL": "http://testserver/contacts/?q=x"}, "/contacts/?q=x"),
        ("GET", {**HTMX, "HX-Current-URL": "http://testserver/contacts/", "Referer": "/other/"}, "/contacts/"),
        ("GET", {**HTMX, "HX-Current-URL": "https://evil.example//evil.example/"}, "/"),
        ("GET", {**HTMX, "HX-Current-URL": "javascript:alert(1)"}, "/"),
        ("GET", {**HTMX, "HX-Current-URL": "http://[broken"}, "/"),
        ("POST", {}, "/"),
        ("POST", {"Referer": "http://testserver/settings/account/"}, "/settings/account/"),
        ("POST", {"Referer": "http://testserver"}, "/"),
        ("POST", {"Referer": "nonsense"}, "/"),
        ("POST", {"Referer": "http://testserver/a/?x=http://evil.example/"}, "/a/?x=http://evil.example/"),
    ],
)
def test_who_must_sign_in_first_comes_back_to_the_page_that_was_shown(
    method: str, headers: dict[str, str], back: str
) -> None:
    request = getattr(RequestFactory(), method.lower())("/settings/roles/?a=1", headers=headers)
    request.htmx = "HX-Request" in headers
    assert where(access.to_sign_in(request)) == f"/accounts/login/?next={back}"
    assert where(access.to_reauthentication(request)) == f"/accounts/reauthenticate/?next={back}"


@pytest.mark.django_db
def test_htmx_is_told_to_go_as_a_whole_page(shree: Workspace) -> None:
    asked = Client().get(reverse("accounts:roles"), headers=HTMX)
    assert asked.status_code == 200 and asked["HX-Redirect"].startswith(reverse("account_login"))
    stale = factories.signed_in(factories.owner_of(shree), fresh=False)
    asked = stale.get(reverse("accounts:security"), headers=HTMX)
    assert asked["HX-Redirect"].startswith(reverse("account_reauthenticate"))


@pytest.mark.django_db
@pytest.mark.parametrize("permission", list(May))
def test_the_seat_in_the_request_may_what_the_role_may(shree: Workspace, permission: May) -> None:
    found = {role for role in Role.values if Member(role=role).may(permission)}
    assert Role.OWNER in found
    assert (Role.AUDITOR in found) == (
        permission
        in {
            May.READ_CONTACTS,
            May.READ_SERVICES,
            May.READ_TASKS,
            May.READ_CASES,
            May.READ_LEDGER,
            May.READ_JOBS,
            May.READ_TRUST,
        }
    )
    if permission in {May.MANAGE_MEMBERS, May.MANAGE_WORKSPACE, May.MANAGE_TOKENS, May.MANAGE_POLICY}:
        assert found == {Role.OWNER}


#: The table as it is promised in docs/users.md; `permissions.TABLE` must say the same.
OWNERS = {May.MANAGE_MEMBERS, May.MANAGE_WORKSPACE, May.MANAGE_TOKENS, May.MANAGE_POLICY}
MANAGERS = {
    May.DELETE_CONTACTS, May.MERGE_CONTACTS, May.IMPORT, May.EXPORT, May.SHARE_VIEWS, May.MANAGE_FIELDS,
    May.CANCEL_PAYMENTS, May.MANAGE_CATALOGUE, May.READ_LEDGER, May.READ_JOBS, May.READ_TRUST, May.ANSWER_REQUESTS,
    May.MANAGE_REMINDERS,
}  # fmt: skip
WORKERS = {
    May.WRITE_CONTACTS, May.WRITE_SERVICES, May.TAKE_PAYMENTS, May.OPEN_PAPERS, May.WRITE_PAPERS, May.WRITE_TASKS,
    May.WRITE_CASES,
}  # fmt: skip
READERS = {May.READ_CONTACTS, May.READ_SERVICES, May.READ_TASKS, May.READ_CASES}


@pytest.mark.parametrize(
    ("role", "allowed"),
    [
        (Role.OWNER, OWNERS | MANAGERS | WORKERS | READERS),
        (Role.MANAGER, MANAGERS | WORKERS | READERS),
        (Role.AGENT, WORKERS | READERS),
        (Role.AUDITOR, READERS | {May.READ_LEDGER, May.READ_JOBS, May.READ_TRUST}),
        ("stranger", set()),
        ("", set()),
    ],
)
def test_what_each_role_may(role: str, allowed: set[May]) -> None:
    assert {permission for permission in May if Member(role=role).may(permission)} == allowed


@pytest.mark.parametrize(
    ("role", "sees", "all_of_them"),
    [
        (Role.OWNER, "team", True), (Role.MANAGER, "team", True), (Role.AUDITOR, "team", True), (Role.AGENT, "team", False),
        (Role.AGENT, "all", True),
    ],
)  # fmt: skip
def test_the_limit_to_teams_holds_for_agents(role: str, sees: str, all_of_them: bool) -> None:
    assert Member(role=role, sees=sees).sees_all is all_of_them


@pytest.mark.django_db
def test_a_seat_comes_with_workspace_and_teams_in_one_statement(shree: Workspace) -> None:
    member = factories.make_member(shree, sees="team")
    with tenancy.inside(shree):
        for name in ("North", "South"):
            team = Team.objects.create(workspace_id=shree.pk, name=name)
            team.seats.create(workspace_id=shree.pk, member=member)
    with tenancy.inside(shree), CaptureQueriesContext(connection) as asked:
        seat = access.seat_of(member.user, shree.pk)
        assert seat is not None
        assert (seat.workspace.name, seat.sees, len(seat.team_ids)) == ("Shree CSC Kendra", "team", 2)
    assert len([line for line in asked if "accounts_member" in line["sql"]]) == 1


@pytest.mark.django_db
def test_there_is_no_seat_for_strangers_former_members_and_behind_another_wall(
    shree: Workspace, other: Workspace
) -> None:
    member = factories.make_member(shree)
    stranger = factories.make_user()
    with tenancy.inside(shree):
        assert access.seat_of(stranger, shree.pk) is None
        assert access.seat_of(member.user, other.pk) is None
        Member.objects.of(shree).filter(pk=member.pk).update(ended_at=member.joined_at)
        assert access.seat_of(member.user, shree.pk) is None


@pytest.mark.django_db
def test_seats_of_a_user_are_listed_by_name_without_those_that_ended(shree: Workspace, other: Workspace) -> None:
    user = factories.make_user()
    for name in ("Zenith Coaching", "Asha Clinic"):
        factories.make_workspace(name, owner=user)
    with tenancy.inside(other):
        seat = Member.objects.create(workspace_id=other.pk, user=user, role=Role.AUDITOR, name="A")
        assert [found.name for found in access.seats_of(user)] == ["Asha Clinic", "Other Traders", "Zenith Coaching"]
        Member.objects.of(other).filter(pk=seat.pk).update(ended_at=seat.joined_at)
    found = access.seats_of(user)
    assert [(each.name, each.role_name) for each in found] == [("Asha Clinic", "Owner"), ("Zenith Coaching", "Owner")]


@pytest.mark.django_db
def test_the_only_workspace_is_entered_by_itself_and_of_two_one_is_chosen(shree: Workspace, other: Workspace) -> None:
    owner = factories.owner_of(shree)
    client = factories.signed_in(owner)
    Session.objects.update(workspace_id=None)
    assert client.get(reverse("accounts:roles")).status_code == 200
    assert Session.objects.get().workspace_id == shree.pk
    with tenancy.inside(other):
        Member.objects.create(workspace_id=other.pk, user=owner.user, role=Role.AGENT, name="Rekha")
    Session.objects.update(workspace_id=None)
    assert where(client.get(reverse("accounts:roles"))) == reverse("accounts:workspaces")
    page = client.get(reverse("accounts:workspaces"))
    assert {seat.name for seat in page.context["seats"]} == {"Shree CSC Kendra", "Other Traders"}
    client.post(reverse("accounts:enter_workspace", args=[other.pk]))
    assert Session.objects.get().workspace_id == other.pk
    assert client.get(reverse("accounts:members")).status_code == 403


@pytest.mark.django_db
def test_a_browser_in_a_workspace_that_is_gone_for_it_is_led_to_the_list(shree: Workspace) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    Session.objects.update(workspace_id=uuid4())
    assert where(client.get(reverse("accounts:roles"))) == reverse("accounts:workspaces")
    assert Session.objects.get().workspace_id is None
    Session.objects.update(workspace_id=uuid4())
    assert client.get(reverse("accounts:profile")).status_code == 200  # one's own pages open all the same


@pytest.mark.django_db
def test_a_failed_try_at_the_door_is_kept_though_the_answer_is_a_refusal(shree: Workspace) -> None:
    owner = factories.owner_of(shree)
    owner.user.set_password(PASSWORD)
    owner.user.save()
    client = factories.signed_in(owner)
    assert client.post(reverse("account_reauthenticate"), {"password": "wrong wrong wrong"}).status_code == 422
    assert SignIn.objects.filter(user=owner.user, outcome=SignIn.Outcome.WRONG_PASSWORD).count() == 1


@pytest.mark.django_db
def test_a_page_of_settings_costs_few_statements(shree: Workspace) -> None:
    owner = factories.owner_of(shree)
    client = factories.signed_in(owner)
    client.get(reverse("accounts:roles"))
    with CaptureQueriesContext(connection) as asked:
        assert client.get(reverse("accounts:roles")).status_code == 200
    assert len([line for line in asked if not line["sql"].startswith(("SAVEPOINT", "RELEASE"))]) <= 8


@pytest.mark.django_db
def test_whether_somebody_has_a_factor_is_one_question_and_recovery_codes_do_not_count(shree: Workspace) -> None:
    from allauth.mfa.models import Authenticator

    user = factories.make_user()
    assert not second_factors.has_one(user.pk)
    Authenticator.objects.create(user=user, type=Authenticator.Type.RECOVERY_CODES, data={})
    assert not second_factors.has_one(user.pk) and second_factors.who_has_one([user.pk]) == set()
    for kind in second_factors.TYPES:
        row = Authenticator.objects.create(user=user, type=kind, data={})
        with CaptureQueriesContext(connection) as asked:
            assert second_factors.has_one(user.pk)
        assert len(asked) == 1 and second_factors.who_has_one([user.pk]) == {user.pk}
        row.delete()


@pytest.mark.parametrize("permission", [May.READ_TRUST, May.ANSWER_REQUESTS, May.MANAGE_POLICY, May.MANAGE_REMINDERS])
@pytest.mark.parametrize("role", Role.values)
def test_pages_of_trust_are_for_those_who_see_everybody(role: str, permission: May) -> None:
    """They list people of the whole workspace without asking who may see whom, so nobody limited to teams may open them."""
    member = Member(role=role, sees=Member.Sees.TEAM)
    assert member.sees_all or not member.may(permission)
