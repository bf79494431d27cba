"""What a program may do with members by the API, and what it may not: see docs/decisions/0009."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.urls import reverse

from amanat.accounts import alarms, api_tokens, bulk_reads, teams
from amanat.accounts.api_tokens import Scope
from amanat.accounts.models import ApiToken, Invitation, Member, Team, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.api_client import owners_program, program, token_of
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.accounts.tests.looking import nothing_changes
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry, LocalMessage

pytestmark = pytest.mark.django_db


@pytest.fixture
def field(shree: Workspace) -> Team:
    with tenancy.inside(shree):
        return teams.make(workspace_id=shree.pk, name="Field", by=owner_of(shree), at=clock.now())


def mails_to(member: Member) -> list[str]:
    return list(
        LocalMessage.objects.filter(to=member.user.email).order_by("created_at").values_list("title", flat=True)
    )


# --- scopes -------------------------------------------------------------------------------------------------------
OPERATIONS: list[tuple[str, str, Any, Scope]] = [
    ("GET", "/members", None, Scope.MEMBERS_READ), ("GET", "/members/{id}", None, Scope.MEMBERS_READ),
    ("PATCH", "/members/{id}", {"role": "auditor"}, Scope.MEMBERS_WRITE),
    ("DELETE", "/members/{id}", None, Scope.MEMBERS_WRITE),
    ("GET", "/invitations", None, Scope.MEMBERS_READ), ("GET", "/invitations/{id}", None, Scope.MEMBERS_READ),
    ("POST", "/invitations", {"email": "a@example.in"}, Scope.MEMBERS_WRITE),
    ("DELETE", "/invitations/{id}", None, Scope.MEMBERS_WRITE), ("GET", "/teams", None, Scope.MEMBERS_READ),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("method", "path", "body", "scope"), OPERATIONS)
def test_without_its_scope_an_operation_is_refused_and_changes_no_row(
    shree: Workspace, method: str, path: str, body: Any, scope: Scope
) -> None:
    agent = make_member(shree)
    lacking = program(owner_of(shree), *(set(Scope.values) - {scope.value}))
    with nothing_changes(shree):
        refused = lacking.send(method, path.replace("{id}", str(agent.pk)), body)
    assert (refused.status_code, refused.json()["title"]) == (403, "The token lacks a scope")
    assert scope.value in refused.json()["detail"]


@pytest.mark.sampled
@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.AUDITOR])
@pytest.mark.parametrize("operation", OPERATIONS[:-1])
def test_a_token_is_never_more_than_its_member(shree: Workspace, role: Role, operation: Any) -> None:
    method, path, body, _scope = operation
    member = make_member(shree, role)
    theirs = program(member)
    with nothing_changes(shree):
        refused = theirs.send(method, path.replace("{id}", str(member.pk)), body)
    assert (refused.status_code, refused.json()["title"]) == (403, "The member may not do this")


@pytest.mark.sampled
@pytest.mark.parametrize("member_of", ["nobody", "other workspace", "former"])
@pytest.mark.parametrize(("method", "body"), [("GET", None), ("PATCH", {"role": "agent"}), ("DELETE", None)])
def test_members_of_elsewhere_and_former_ones_are_not_found(
    shree: Workspace, other: Workspace, member_of: str, method: str, body: Any
) -> None:
    found = make_member(other) if member_of == "other workspace" else make_member(shree)
    if member_of == "former":
        with tenancy.inside(shree):
            Member.objects.of(shree).filter(pk=found.pk).update(ended_at=clock.now())
    key = uuid4() if member_of == "nobody" else found.pk
    mine = owners_program(shree)
    with nothing_changes(shree, other):
        assert mine.send(method, f"/members/{key}", body).status_code == 404


# --- changing -----------------------------------------------------------------------------------------------------
def test_what_is_left_out_stays(shree: Workspace, field: Team) -> None:
    agent, mine = make_member(shree, sees="team"), owners_program(shree)
    path = f"/members/{agent.pk}"
    assert mine.patch(path, {"team_ids": [str(field.pk)]}).json()["team_ids"] == [str(field.pk)]
    said = mine.patch(path, {"role": "manager"}).json()
    assert (said["role"], said["sees"], said["team_ids"]) == ("manager", "team", [str(field.pk)])
    said = mine.patch(path, {}).json()
    assert (said["role"], said["sees"], said["team_ids"]) == ("manager", "team", [str(field.pk)])
    assert mine.patch(path, {"team_ids": []}).json()["team_ids"] == []


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"role": "emperor"}, "/role"), ({"role": "owner"}, "/role"), ({"role": ""}, "/role"), ({"role": 7}, "/role"),
        ({"sees": "nothing"}, "/sees"), ({"sees": ["all"]}, "/sees"), ({"team_ids": "x"}, "/team_ids"),
        ({"team_ids": ["x"]}, "/team_ids/0"), ({"team_ids": [str(uuid4())]}, "/team_ids"),
        ({"team_ids": [str(uuid4())] * 101}, "/team_ids"), ({"name": "Mallory"}, "/name"), ({"user_id": "x"}, "/user_id"),
    ],
)  # fmt: skip
def test_a_wrong_change_is_told_at_its_place_and_changes_no_row(shree: Workspace, body: Any, pointer: str) -> None:
    agent, mine = make_member(shree), owners_program(shree)
    with nothing_changes(shree):
        refused = mine.patch(f"/members/{agent.pk}", body)
    assert (refused.status_code, refused["Content-Type"]) == (422, "application/problem+json")
    assert refused.json()["errors"][0]["pointer"] == pointer


def test_a_team_of_another_workspace_is_not_given(shree: Workspace, other: Workspace) -> None:
    with tenancy.inside(other):
        theirs = teams.make(workspace_id=other.pk, name="Theirs", by=owner_of(other), at=clock.now())
    agent, mine = make_member(shree), owners_program(shree)
    with nothing_changes(shree, other):
        assert mine.patch(f"/members/{agent.pk}", {"team_ids": [str(theirs.pk)]}).status_code == 422
        invited = mine.post("/invitations", {"email": "a@example.in", "team_id": str(theirs.pk)})
        assert (invited.status_code, invited.json()["errors"][0]["pointer"]) == (422, "/team_id")


def test_a_change_names_the_token_s_member_in_the_ledger(shree: Workspace) -> None:
    agent, owner = make_member(shree), owner_of(shree)
    program(owner).patch(f"/members/{agent.pk}", {"role": "manager"})
    with tenancy.inside(shree):
        entry = LedgerEntry.objects.of(shree).get(event="accounts.member.changed")
    assert (entry.actor, entry.about) == (owner.pk, agent.pk)
    assert (entry.facts["before"]["role"], entry.facts["role"]) == ("agent", "manager")


@pytest.mark.sampled
@pytest.mark.parametrize(
    "body",
    [{"email": "no"}, {"email": ""}, {"email": "x" * 300}, {"role": "agent"}, {"email": "a@example.in", "role": "owner"},
     {"email": "a@example.in", "sees": "no"}, {"email": "a@example.in", "team_id": "x"}, {"email": "a@example.in", "x": 1},
     {"email": "a@example.in", "name": "n" * 121}, {"email": ["a@example.in"]}],
)  # fmt: skip
def test_a_wrong_invitation_is_told_and_invites_nobody(shree: Workspace, body: Any) -> None:
    mine = owners_program(shree)
    with nothing_changes(shree):
        refused = mine.post("/invitations", body)
    assert refused.status_code == 422 and refused.json()["errors"]


def test_a_member_is_not_invited_by_a_token_either(shree: Workspace) -> None:
    agent, mine = make_member(shree), owners_program(shree)
    with nothing_changes(shree):
        refused = mine.post("/invitations", {"email": agent.user.email.upper()})
    assert refused.json()["errors"] == [{"pointer": "/email", "detail": "This person is a member already."}]


@pytest.mark.parametrize("state", ["accepted", "withdrawn", "other workspace", "nobody's"])
def test_an_invitation_that_is_over_is_not_found(shree: Workspace, other: Workspace, state: str) -> None:
    where = other if state == "other workspace" else shree
    sent = owners_program(where).post("/invitations", {"email": "a@example.in"}).json()
    with tenancy.inside(where):
        if state == "accepted":
            Invitation.objects.of(where).update(accepted_at=clock.now())
        if state == "withdrawn":
            Invitation.objects.of(where).update(withdrawn_at=clock.now())
    key = uuid4() if state == "nobody's" else sent["id"]
    mine = owners_program(shree)
    assert mine.get(f"/invitations/{key}").status_code == 404
    assert mine.delete(f"/invitations/{key}").status_code == 404


# --- owners -------------------------------------------------------------------------------------------------------
def test_the_owners_are_mailed_once_an_hour_when_a_token_changes_members(
    shree: Workspace, django_capture_on_commit_callbacks: Any
) -> None:
    first, agent = owner_of(shree), make_member(shree)
    second = make_member(shree, Role.OWNER, name="Second Owner")
    mine, another = program(first), program(first)
    with django_capture_on_commit_callbacks(execute=True):
        mine.patch(f"/members/{agent.pk}", {"role": "auditor"})
        mine.post("/invitations", {"email": "new@example.in"})
    subject = "The API token Tally sync has changed members"
    assert [mails_to(member) for member in (first, second, agent)] == [[subject], [subject], []]
    body = LocalMessage.objects.filter(to=first.user.email).get().body
    assert reverse("oversight:ledger") in body and reverse("accounts:tokens") in body and "Shree CSC Kendra" in body
    with django_capture_on_commit_callbacks(execute=True):
        another.delete(f"/members/{agent.pk}")
    assert len(mails_to(first)) == 2
    with django_capture_on_commit_callbacks(execute=True), clock.standing_at(clock.now() + timedelta(minutes=61)):
        mine.post("/invitations", {"email": "more@example.in"})
    assert len(mails_to(first)) == 3


def test_a_refused_change_mails_nobody(shree: Workspace, django_capture_on_commit_callbacks: Any) -> None:
    owner, mine = owner_of(shree), owners_program(shree)
    with django_capture_on_commit_callbacks(execute=True):
        assert mine.patch(f"/members/{owner.pk}", {"sees": "team"}).status_code == 403
        assert mine.post("/invitations", {"email": "no"}).status_code == 422
        assert mine.get("/members").status_code == 200
    assert mails_to(owner) == []


@pytest.mark.parametrize("reader", ["former owner", "switched off", "manager"])
def test_only_present_owners_are_told(shree: Workspace, reader: str, django_capture_on_commit_callbacks: Any) -> None:
    owner = owner_of(shree)
    member = make_member(shree, Role.MANAGER if reader == "manager" else Role.OWNER, name="Another")
    with tenancy.inside(shree):
        if reader == "former owner":
            Member.objects.of(shree).filter(pk=member.pk).update(ended_at=clock.now())
        if reader == "switched off":
            member.user.is_active = False
            member.user.save()
        with django_capture_on_commit_callbacks(execute=True):
            alarms.tell_owners(shree.pk, subject="Look\nhere", body="Namaste")
    assert mails_to(member) == [] and mails_to(owner) == ["Look here"]


def test_who_reads_a_great_many_contacts_is_told_of_once_an_hour(
    shree: Workspace, django_capture_on_commit_callbacks: Any
) -> None:
    owner = owner_of(shree)
    token_of(owner, "contacts:read")
    with tenancy.inside(shree):
        token = ApiToken.objects.of(shree).get()
        for contacts, mails in [(0, 0), (4999, 0), (1, 0), (1, 1), (5000, 1), (200, 1)]:
            with django_capture_on_commit_callbacks(execute=True):
                bulk_reads.count(token=token, member=owner, contacts=contacts)
            assert len(mails_to(owner)) == mails, contacts
        assert LedgerEntry.objects.of(shree).filter(event="accounts.token.bulk_read").count() == 1
        with django_capture_on_commit_callbacks(execute=True), clock.standing_at(clock.now() + timedelta(minutes=61)):
            bulk_reads.count(token=token, member=owner, contacts=5001)
    assert len(mails_to(owner)) == 2


# --- the token itself ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("scopes", "days", "is_made"),
    [
        (["members:write"], 30, True), (["members:write"], 31, False), (["members:write", "export"], 90, False),
        (["members:read"], 365, True), (["export"], 365, True), (list(Scope.values), 30, True), (list(Scope.values), 180, False),
    ],
)  # fmt: skip
def test_what_may_change_members_works_a_month_at_most(
    shree: Workspace, scopes: list[str], days: int, is_made: bool
) -> None:
    at = clock.now()
    with tenancy.inside(shree):
        try:
            api_tokens.make(
                member=owner_of(shree), name="x", scopes=scopes, expires_at=at + timedelta(days=days), at=at
            )
        except ValueError as refused:
            assert str(refused) == "expires_at"
        assert ApiToken.objects.of(shree).count() == is_made


@pytest.mark.parametrize("days", ["30", "90"])
def test_the_page_says_how_long_such_a_token_may_work(shree: Workspace, days: str) -> None:
    form = {"name": "Seats", "scopes": ["members:write"], "days": days}
    answer = signed_in(owner_of(shree)).post(reverse("accounts:new_token"), form)
    if days == "30":
        assert answer.status_code == 200 and "amt_" in answer.content.decode()
    else:
        assert "30 days at most" in answer.content.decode() and answer.status_code == 422


def test_no_operation_of_the_api_makes_or_ends_a_token() -> None:
    from amanat.core import routes

    paths = [pattern for pattern in routes.addresses() if pattern.startswith("api/")]
    assert paths and not [path for path in paths if "token" in path]


@pytest.mark.parametrize("days", [0, 1, 29])
def test_a_token_ends_to_the_second(shree: Workspace, days: int) -> None:
    at = clock.now()
    with tenancy.inside(shree):
        _token, text = api_tokens.make(
            member=owner_of(shree),
            name="x",
            scopes=["tasks:read"],
            expires_at=at + timedelta(days=days, hours=1),
            at=at,
        )
    mine = program(owner_of(shree))
    mine.token = text
    for seconds, status in [(-1, 200), (0, 401), (1, 401)]:
        with clock.standing_at(at + timedelta(days=days, hours=1, seconds=seconds)):
            assert mine.get("/me").status_code == status
