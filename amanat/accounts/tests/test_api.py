"""The API's door: tokens, limits; and what it says about members."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amanat.accounts import api_access, api_tokens, members
from amanat.accounts.models import ApiToken, Invitation, Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.api_client import owners_program, program
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, routes, tenancy
from amanat.core.limits import Limit
from amanat.core.models import LimitCount


def test_a_token_says_whom_it_acts_as(shree: Workspace) -> None:
    owner = owner_of(shree)
    said = program(owner, "tasks:read").get("/me").json()
    assert (said["member"], said["role"], said["workspace"]) == ("Rekha Kulkarni", "owner", "Shree CSC Kendra")
    assert (said["scopes"], said["token"], said["currency"]) == (["tasks:read"], "Tally sync", "INR")
    assert said["expires_at"].endswith("Z")


def test_a_token_stops_when_it_is_revoked_when_it_expires_and_when_its_member_goes(shree: Workspace) -> None:
    agent = make_member(shree)
    hers = program(agent)
    assert hers.get("/me").status_code == 200
    with tenancy.inside(shree):
        members.end(member=agent, by=owner_of(shree), at=clock.now())
    assert hers.get("/me").status_code == 401
    revoked, expired = program(owner_of(shree)), program(owner_of(shree))
    with tenancy.inside(shree):
        first, second = ApiToken.objects.of(shree).filter(revoked_at__isnull=True).order_by("id")
        api_tokens.revoke(token=first, by=owner_of(shree), at=clock.now())
        ApiToken.objects.of(shree).filter(pk=second.pk).update(expires_at=clock.now())
    assert (revoked.get("/me").status_code, expired.get("/me").status_code) == (401, 401)
    assert revoked.get("/me")["WWW-Authenticate"] == "Bearer"


def test_where_a_second_factor_is_asked_for_a_token_of_a_member_without_one_is_refused(shree: Workspace) -> None:
    hers = owners_program(shree)
    with tenancy.inside(shree):
        Workspace.objects.of(shree).update(requires_mfa=True)
    assert hers.get("/contacts").json()["title"] == "A second factor is needed"


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    from amanat.core import routes

    minute = timedelta(minutes=1)
    small = (
        Limit(3, minute, per="token", name="api reads", methods=("GET",)),
        Limit(2, minute, per="token", name="api writes", methods=("POST",)),
    )
    for route in routes.table().values():
        if isinstance(route.rule, api_access.ApiTokens):
            monkeypatch.setitem(route.__dict__, "limits", small)


def test_reads_and_writes_are_limited_per_token_over_all_routes(shree: Workspace, small_limits: None) -> None:
    hers, another = owners_program(shree), owners_program(shree)
    assert [hers.get(path).status_code for path in ("/me", "/contacts", "/tags", "/tasks")] == [200, 200, 200, 429]
    assert [hers.post(path, {"name": "A"}).status_code for path in ("/contacts", "/companies", "/contacts")] == [
        201,
        201,
        429,
    ]
    refused = hers.get("/me")
    assert refused["Content-Type"] == "application/problem+json" and 0 < int(refused["Retry-After"]) <= 60
    # The same token written otherwise is the same token; another token is another count.
    assert hers.get("/me", Authorization=f"bearer   {hers.token}").status_code == 429
    assert another.get("/me").status_code == 200


@pytest.mark.slow
def test_invented_tokens_leave_no_row_each_and_are_limited_by_where_they_come_from(shree: Workspace) -> None:
    """From an address of its own, for the counts of other tests."""
    there, hers = {"REMOTE_ADDR": "198.51.100.77"}, owners_program(shree)
    invented = [f"Bearer {hers.token[:-8]}{number:08}" for number in range(routes.STRANGERS.tries + 3)]
    told = [Client().get("/api/v1/me", headers={"Authorization": one}, **there).status_code for one in invented]
    assert told == [401] * routes.STRANGERS.tries + [429] * 3
    assert not LimitCount.objects.filter(key__startswith="api reads").exists()
    owned = Client().get("/api/v1/me", headers={"Authorization": f"Bearer {hers.token}"}, **there)
    assert owned.status_code == 200, "who has a token is let in from there all the same"


def test_members_are_listed_with_the_same_statements_for_one_and_for_many(shree: Workspace) -> None:
    hers = owners_program(shree)
    hers.get("/members")

    def statements() -> int:
        with CaptureQueriesContext(connection) as captured:
            assert hers.get("/members").status_code == 200
        return len(captured)

    one = statements()
    for number in range(3):
        make_member(shree, name=f"Member {number}")
    assert statements() == one


def test_a_member_is_changed_and_her_seat_ended(shree: Workspace) -> None:
    agent = make_member(shree)
    hers = owners_program(shree)
    changed = hers.patch(f"/members/{agent.pk}", {"role": "auditor", "sees": "team"})
    assert (changed.status_code, changed.json()["role"], changed.json()["sees"]) == (200, "auditor", "team")
    assert hers.delete(f"/members/{agent.pk}").status_code == 204
    assert hers.get(f"/members/{agent.pk}").status_code == 404
    assert [each["name"] for each in hers.get("/members").json()["items"]] == ["Rekha Kulkarni"]


def test_a_token_neither_changes_nor_ends_an_owner(shree: Workspace) -> None:
    owner = owner_of(shree)
    second = make_member(shree, Role.OWNER, name="Second Owner")
    program_of_second = program(second)
    for member in (owner, second):
        address = f"/members/{member.pk}"
        for refused in (program_of_second.patch(address, {"role": "agent"}), program_of_second.delete(address)):
            assert (refused.status_code, refused.json()["title"]) == (403, "A token changes no owner")
    with tenancy.inside(shree):
        assert Member.objects.of(shree).filter(role=Role.OWNER, ended_at__isnull=True).count() == 2


def test_a_token_makes_no_owner(shree: Workspace) -> None:
    hers, agent = owners_program(shree), make_member(shree)
    assert hers.patch(f"/members/{agent.pk}", {"role": "owner"}).status_code == 422
    assert hers.post("/invitations", {"email": "a@example.in", "role": "owner"}).status_code == 422
    with tenancy.inside(shree):
        assert Member.objects.of(shree).filter(role=Role.OWNER).count() == 1


def test_an_invitation_is_sent_once_shows_no_link_and_can_be_withdrawn(shree: Workspace) -> None:
    hers = owners_program(shree)
    sent = hers.post("/invitations", {"email": "Prakash@example.in", "name": "Prakash"})
    assert (sent.status_code, sent.json()["email"]) == (201, "prakash@example.in")
    assert "http" not in sent.content.decode()
    assert hers.get(sent["Location"]).json() == sent.json()
    assert hers.post("/invitations", {"email": "nonsense"}).json()["errors"][0]["pointer"] == "/email"
    assert hers.delete(sent["Location"]).status_code == 204
    assert hers.get("/invitations").json()["items"] == []
    with tenancy.inside(shree):
        assert Invitation.objects.of(shree).get().withdrawn_at is not None


def test_head_answers_like_get_without_content(shree: Workspace) -> None:
    response = owners_program(shree).send("HEAD", "/me")
    assert (response.status_code, response.content) == (200, b"") and int(response["Content-Length"]) > 100
