"""Probes of signing in: each is green on a house in order and red when the thing it watches is really broken."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from pytest_django.fixtures import Settings

from amanat.accounts import access, api_tokens, permissions, probes, probes_doors
from amanat.accounts.api_tokens import Scope
from amanat.accounts.models import ApiToken, Member, Session, User, Workspace
from amanat.accounts.passwords import Argon2id
from amanat.accounts.permissions import May, Role
from amanat.accounts.tests import factories
from amanat.core import clock, routes, tenancy
from amanat.policy import ready
from amanat.policy.probing import Asked, Finding, Run

POLICY = ready.policy("default")


def ask(run: Run, workspace: Workspace) -> Finding:
    with tenancy.inside(workspace):
        return run(Asked(workspace.id, POLICY, clock.now()))


def give_password(workspace: Workspace, stored: str) -> None:
    user = factories.owner_of(workspace).user
    User.objects.filter(pk=user.pk).update(password=stored)


@pytest.mark.usefixtures("real_hashes")
def test_real_passwords_are_strong_hashes(shree: Workspace) -> None:
    user = factories.owner_of(shree).user
    user.set_password(factories.PASSWORD)
    user.save()
    found = ask(probes.passwords, shree)
    assert (found.is_kept, found.facts["strong"], found.facts["all"]) == (True, 1, 1)


@pytest.mark.parametrize(
    "stored",
    [
        "correct horse battery",
        "pbkdf2_sha256$1000000$salt$hash",
        "argon2$argon2id$v=19$m=8192,t=3,p=1$salt$hash",
        "argon2$argon2id$v=19$m=65536,t=1,p=1$salt$hash",
        "argon2$argon2i$v=19$m=65536,t=3,p=1$salt$hash",
    ],
)
def test_a_weak_or_plain_password_is_found(shree: Workspace, stored: str) -> None:
    give_password(shree, stored)
    found = ask(probes.passwords, shree)
    assert (found.is_kept, found.facts["strong"]) == (False, 0)


def test_two_equal_hashes_are_found(shree: Workspace) -> None:
    strong = "argon2$argon2id$v=19$m=65536,t=3,p=1$salt$hash"
    give_password(shree, strong)
    User.objects.filter(pk=factories.make_member(shree).user_id).update(password=strong)
    assert not ask(probes.passwords, shree).is_kept


def test_an_owner_without_a_second_factor_is_found_unless_kept_out(shree: Workspace) -> None:
    assert not ask(probes.second_factor, shree).is_kept
    with tenancy.inside(shree):
        Workspace.objects.of(shree).update(requires_mfa=True)
    assert ask(probes.second_factor, shree).is_kept


def test_an_owner_with_a_second_factor_keeps_the_promise(shree: Workspace, settings: Settings) -> None:
    owner = factories.owner_of(shree)
    Authenticator.objects.create(user=owner.user, type=Authenticator.Type.TOTP, data={"secret": "00"})
    factories.make_member(shree, Role.AGENT)
    assert ask(probes.second_factor, shree).is_kept
    settings.MFA_SUPPORTED_TYPES = ["totp"]
    assert not ask(probes.second_factor, shree).is_kept


def test_sessions_of_members_are_well(shree: Workspace) -> None:
    factories.signed_in(factories.owner_of(shree))
    found = ask(probes.sessions, shree)
    assert (found.is_kept, found.facts["open"]) == (True, 1)


def test_a_stranger_inside_is_found(shree: Workspace, other: Workspace) -> None:
    factories.signed_in(factories.owner_of(other))
    Session.objects.update(workspace_id=shree.id)
    assert ask(probes.sessions, shree).facts["strangers"] == 1
    assert not ask(probes.sessions, shree).is_kept


def test_a_session_that_never_ends_is_found(shree: Workspace) -> None:
    factories.signed_in(factories.owner_of(shree))
    Session.objects.update(expire_date=clock.now() + timedelta(days=400))
    assert not ask(probes.sessions, shree).is_kept


def test_a_session_key_that_is_stored_readable_is_found(shree: Workspace) -> None:
    factories.signed_in(factories.owner_of(shree))
    Session.objects.update(session_key="the-cookie-itself")
    assert not ask(probes.sessions, shree).is_kept


def test_cookies_that_scripts_could_read_are_found(shree: Workspace, settings: Settings) -> None:
    settings.SESSION_COOKIE_HTTPONLY = False
    assert not ask(probes.sessions, shree).is_kept


@pytest.mark.usefixtures("real_hashes")
def test_the_next_password_is_hashed_as_promised(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(probes.passwords, shree).facts["next"]
    monkeypatch.setattr(Argon2id, "passes", 1)
    assert not ask(probes.passwords, shree).is_kept


def test_sessions_that_will_last_too_long_are_found(shree: Workspace, settings: Settings) -> None:
    assert ask(probes.sessions, shree).is_kept
    settings.SESSION_COOKIE_AGE = 365 * 86_400
    assert ask(probes.sessions, shree).facts["days"] == 351


def nobody_left(user: User, workspace_id: UUID, **asked: bool) -> Member:
    return Member.objects.of(workspace_id).select_related("workspace").get(user=user)


@pytest.mark.parametrize(
    ("who", "where", "what", "broken"),
    [
        ("stranger", access.SignedIn, "admit", lambda self, request, route, run: run()),
        ("agent", Member, "may", lambda self, permission: True),
        ("gone", access, "seat_of", nobody_left),
        ("unproved", access.second_factors, "has_one", lambda user_id: True),
        ("hurried", routes, "_over_limit", lambda request, declared: None),
        ("owner", Member, "may", lambda self, permission: False),
    ],
)
def test_a_door_that_stands_open_is_found(  # noqa: PLR0917
    shree: Workspace, monkeypatch: pytest.MonkeyPatch, who: str, where: Any, what: str, broken: Any
) -> None:
    before = ask(probes_doors.doors, shree)
    monkeypatch.setattr(where, what, broken)
    after = ask(probes_doors.doors, shree)
    assert (before.is_kept, after.is_kept) == (True, False)
    assert [name for name, value in after.facts.items() if value is not before.facts[name]] == [who]


def test_every_route_is_declared_and_the_open_ones_limited(shree: Workspace) -> None:
    found = ask(probes.deny_by_default, shree)
    assert found.is_kept, found.facts
    assert int(found.facts["closed"] or 0) > 100


def test_an_undeclared_route_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "undeclared", lambda: ["forgotten/"])
    assert not ask(probes.deny_by_default, shree).is_kept


def test_an_open_form_without_a_limit_is_found(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from dataclasses import replace

    real = routes.addresses()
    door = next(pattern for pattern, one in real.items() if one.name == "account_signup")
    monkeypatch.setattr(routes, "addresses", lambda: {**real, door: replace(real[door], limits=())})
    assert ask(probes.deny_by_default, shree).facts["unlimited"] == 1
    assert not ask(probes.deny_by_default, shree).is_kept
    assert ask(probes.guessing_is_stopped, shree).facts["open"] == 1


def test_doors_are_limited(shree: Workspace) -> None:
    assert ask(probes.guessing_is_stopped, shree).is_kept


def test_members_reach_what_their_role_needs(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ask(probes.need_to_know, shree).is_kept
    monkeypatch.setitem(permissions.TABLE, Role.AGENT, permissions.TABLE[Role.AGENT] | {May.MANAGE_MEMBERS})
    assert not ask(probes.need_to_know, shree).is_kept


def test_a_key_of_somebody_who_left_is_found(shree: Workspace) -> None:
    seat = factories.make_member(shree, Role.MANAGER)
    with tenancy.inside(shree):
        ApiToken.objects.create(
            workspace_id=shree.id, member=seat, name="till", secret_hash="0" * 64, scopes=[Scope.values[0]],
            expires_at=clock.now() + api_tokens.LONGEST,
        )  # fmt: skip
        Member.objects.of(shree).filter(pk=seat.pk).update(ended_at=clock.now())
    assert ask(probes.need_to_know, shree).facts["left"] == 1
    assert not ask(probes.need_to_know, shree).is_kept


def test_members_who_proved_their_address(shree: Workspace) -> None:
    assert ask(probes.sign_up, shree).is_kept
    EmailAddress.objects.update(verified=False)
    assert not ask(probes.sign_up, shree).is_kept


def test_a_sign_up_that_lies_unconfirmed_is_found(shree: Workspace) -> None:
    user = User.objects.create_user("waiting@example.in", None, name="Waiting")
    assert ask(probes.sign_up, shree).is_kept
    User.objects.filter(pk=user.pk).update(created_at=clock.now() - timedelta(days=4))
    assert ask(probes.sign_up, shree).facts["left"] == 1
    assert not ask(probes.sign_up, shree).is_kept


def test_sign_up_asks_for_little(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    from django import forms

    from amanat.accounts.forms import SignUpExtras

    assert ask(probes.given_freely, shree).is_kept
    ticked = forms.BooleanField(initial=True, required=False)
    monkeypatch.setitem(SignUpExtras.base_fields, "newsletter", ticked)
    assert not ask(probes.given_freely, shree).is_kept
    monkeypatch.setitem(SignUpExtras.base_fields, "newsletter", forms.CharField(required=True))
    assert not ask(probes.given_freely, shree).is_kept


def test_codes_are_few_and_short_lived(shree: Workspace, settings: Settings) -> None:
    assert ask(probes.codes, shree).is_kept
    settings.ACCOUNT_LOGIN_BY_CODE_MAX_ATTEMPTS = 50
    assert not ask(probes.codes, shree).is_kept


def test_who_left_is_out(shree: Workspace) -> None:
    seat = factories.make_member(shree)
    factories.signed_in(seat)
    assert ask(probes.managed, shree).is_kept
    with tenancy.inside(shree):
        Member.objects.of(shree).filter(pk=seat.pk).update(ended_at=clock.now())
    assert ask(probes.managed, shree).facts["inside"] == 1
    assert not ask(probes.managed, shree).is_kept


def test_a_workspace_without_an_owner_is_found(shree: Workspace) -> None:
    with tenancy.inside(shree):
        Member.objects.of(shree).update(role=Role.MANAGER)
    assert not ask(probes.managed, shree).is_kept
