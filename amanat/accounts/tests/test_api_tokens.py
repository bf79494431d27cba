from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts import api_tokens
from amanat.accounts.api_tokens import Scope
from amanat.accounts.models import ApiToken, Team, TeamMember
from amanat.accounts.tests import factories
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry

pytestmark = pytest.mark.django_db


def make(member: Any, *, days: int = 30, scopes: tuple[str, ...] = ("contacts:read",)) -> tuple[ApiToken, str]:
    at = clock.now()
    with tenancy.inside(member.workspace_id):
        return api_tokens.make(member=member, name="Tally", scopes=scopes, expires_at=at + timedelta(days=days), at=at)


def test_a_token_names_its_workspace_and_acts_as_its_maker(shree: Any) -> None:
    agent = factories.make_member(shree, sees="team")
    with tenancy.inside(shree):
        team = Team.objects.create(workspace_id=shree.pk, name="Field")
        TeamMember.objects.create(workspace_id=shree.pk, team=team, member=agent)
    token, text = make(agent, scopes=("tasks:read", "contacts:read"))
    assert text.startswith(f"amt_{shree.pk.hex}_")
    assert api_tokens.workspace_of(f"Bearer {text}") == shree.pk
    found = api_tokens.authenticate(f"Bearer {text}")
    assert found is not None
    workspace_id, row, member = found
    assert (workspace_id, row.pk, member.pk, row.scopes) == (
        shree.pk,
        token.pk,
        agent.pk,
        ["contacts:read", "tasks:read"],
    )
    assert (member.team_ids, member.workspace.name, member.user.pk) == ([team.pk], "Shree CSC Kendra", agent.user_id)
    assert text.rsplit("_", 1)[1] not in row.secret_hash


@pytest.mark.parametrize(
    "change", ["revoked", "expired", "seat ended", "user switched off", "other secret", "other workspace"]
)
def test_what_no_longer_holds_is_refused_at_once(shree: Any, other: Any, change: str) -> None:
    agent = factories.make_member(shree)
    token, text = make(agent)
    assert api_tokens.authenticate(text)
    at = clock.now()
    with tenancy.inside(shree):
        if change == "revoked":
            api_tokens.revoke(token=token, by=factories.owner_of(shree), at=at)
        elif change == "expired":
            ApiToken.objects.of(shree).update(expires_at=at)
        elif change == "seat ended":
            type(agent).objects.of(shree).filter(pk=agent.pk).update(ended_at=at)
        elif change == "user switched off":
            type(agent.user).objects.filter(pk=agent.user_id).update(is_active=False)
    if change == "other secret":
        text = text[:-1] + ("a" if text[-1] != "a" else "b")
    elif change == "other workspace":
        text = text.replace(shree.pk.hex, other.pk.hex)
    assert api_tokens.authenticate(text) is None


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Bearer",
        "Bearer amt_",
        "Basic abc",
        "amt_" + "0" * 32 + "_",
        "amt_xyz_" + "a" * 43,
        "Bearer amt_" + "0" * 32 + "_" + "a" * 500,
    ],
)
def test_nonsense_is_refused_without_a_question_to_the_database(header: str) -> None:
    with CaptureQueriesContext(connection) as asked:
        assert api_tokens.authenticate(header) is None
    assert len(asked) == 0


@pytest.mark.parametrize(
    ("days", "scopes"), [(366, ("export",)), (0, ("export",)), (-1, ("export",)), (30, ()), (30, ("everything",))]
)
def test_too_long_too_short_no_or_unknown_scopes_are_refused(shree: Any, days: int, scopes: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"scopes|expires_at"):
        make(factories.owner_of(shree), days=days, scopes=scopes)


def test_the_time_of_use_is_written_once_a_minute(shree: Any) -> None:
    token, text = make(factories.owner_of(shree))
    began = clock.now()
    for seconds, expected in [(0, 0), (59, 0), (60, 60), (100, 60)]:
        with clock.standing_at(began + timedelta(seconds=seconds)):
            api_tokens.authenticate(text)
        with tenancy.inside(shree):
            used = ApiToken.objects.of(shree).get(pk=token.pk).last_used_at
        assert used == began + timedelta(seconds=expected)
    with tenancy.inside(shree):
        assert not LedgerEntry.objects.of(shree).filter(facts__table="accounts_apitoken").exists()


def test_the_page_shows_a_token_once_and_revokes_it(shree: Any) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    assert client.get(reverse("accounts:new_token")).status_code == 200
    form = {"name": "Tally sync", "scopes": ["contacts:read", "export"], "days": "365"}
    made = client.post(reverse("accounts:new_token"), form)
    text = made.context["text"]
    assert text in made.content.decode()
    listed = client.get(reverse("accounts:tokens"))
    assert "Tally sync" in listed.content.decode() and text not in listed.content.decode()
    found = api_tokens.authenticate(text)
    assert found is not None
    assert client.post(reverse("accounts:revoke_token", args=[found[1].pk])).status_code == 303
    assert api_tokens.authenticate(text) is None
    with tenancy.inside(shree):
        events = LedgerEntry.objects.of(shree).filter(event__startswith="accounts.token").order_by("at")
        assert [entry.event for entry in events] == ["accounts.token.made", "accounts.token.revoked"]


@pytest.mark.parametrize("changed", [{"scopes": []}, {"scopes": ["root"]}, {"days": "9999"}, {"name": ""}])
def test_a_wrong_form_makes_no_token(shree: Any, changed: dict[str, Any]) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    form = {"name": "x", "scopes": ["export"], "days": "30", **changed}
    assert client.post(reverse("accounts:new_token"), form).status_code == 422
    with tenancy.inside(shree):
        assert not ApiToken.objects.of(shree).exists()


def test_a_token_does_not_open_pages_that_make_tokens(shree: Any, client: Any) -> None:
    _, text = make(factories.owner_of(shree), scopes=tuple(Scope.values))
    answer = client.get(reverse("accounts:new_token"), headers={"Authorization": f"Bearer {text}"})
    assert answer["Location"].startswith(reverse("account_login"))


def test_another_workspaces_token_cannot_be_revoked(shree: Any, other: Any) -> None:
    token, text = make(factories.owner_of(other))
    client = factories.signed_in(factories.owner_of(shree))
    assert client.post(reverse("accounts:revoke_token", args=[token.pk])).status_code == 404
    assert api_tokens.authenticate(text) is not None


def test_one_token_and_three_cost_the_same(shree: Any) -> None:
    owner = factories.owner_of(shree)
    client = factories.signed_in(owner)
    make(owner)
    client.get(reverse("accounts:tokens"))
    with CaptureQueriesContext(connection) as one:
        client.get(reverse("accounts:tokens"))
    make(owner), make(owner)
    with CaptureQueriesContext(connection) as three:
        client.get(reverse("accounts:tokens"))
    assert len(one) == len(three) <= 8
