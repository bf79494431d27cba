"""Each page of this package: who opens it, what stands beside it, and that a wrong form is told and changes nothing."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts import invitations, teams
from amanat.accounts.models import Member, User, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests import factories
from amanat.accounts.tests.browsers import PASSWORD
from amanat.accounts.tests.looking import nothing_changes
from amanat.core import clock, tenancy

#: Pages whose address needs no row, and the roles that open them beside the owner.
ALL = {Role.MANAGER, Role.AGENT, Role.AUDITOR}
NOBODY: set[Role] = set()
READERS = {Role.MANAGER, Role.AUDITOR}
PAGES: dict[str, set[Role]] = {
    "accounts:profile": ALL, "accounts:devices": ALL, "accounts:history": ALL, "accounts:workspaces": ALL,
    "accounts:roles": ALL, "accounts:second_factor_needed": ALL, "mfa_index": ALL, "mfa_list_webauthn": ALL,
    "mfa_add_webauthn": ALL, "mfa_activate_totp": ALL, "account_email": ALL, "account_change_phone": ALL,
    "account_change_password": ALL, "account_reauthenticate": ALL,
    "accounts:workspace": NOBODY, "accounts:security": NOBODY, "accounts:members": NOBODY, "accounts:invite": NOBODY,
    "accounts:teams": NOBODY, "accounts:tokens": NOBODY, "accounts:new_token": NOBODY,
    "oversight:ledger": READERS, "oversight:jobs": READERS,
}  # fmt: skip
#: Settings pages, each with the side bar; the others stand alone.
ALONE = {"accounts:workspaces", "account_reauthenticate"}


@pytest.fixture
def owner(shree: Workspace) -> Member:
    """With a password, as most have: without one the library sends to the page that sets it."""
    found = factories.owner_of(shree)
    found.user.set_password(PASSWORD)
    found.user.save()
    return found


def member_of(shree: Workspace, role: Role) -> Member:
    found = factories.make_member(shree, role)
    found.user.set_password(PASSWORD)
    found.user.save()
    return found


@pytest.mark.sampled
@pytest.mark.parametrize("name", PAGES)
def test_the_owner_opens_every_page(owner: Member, name: str) -> None:
    page = factories.signed_in(owner).get(reverse(name))
    assert page.status_code == 200
    text = page.content.decode()
    assert text.count("<h1") == 1 and "<main" in text
    assert ("settings-nav" in text) == (name not in ALONE)


@pytest.mark.slow
@pytest.mark.parametrize("role", sorted(ALL))
def test_other_roles_open_what_is_theirs_and_are_told_so_of_the_rest(shree: Workspace, role: Role) -> None:
    client = factories.signed_in(member_of(shree, role))
    found = {name: client.get(reverse(name)).status_code for name in PAGES}
    assert found == {name: 200 if role in roles else 403 for name, roles in PAGES.items()}


@pytest.mark.parametrize("name", PAGES)
def test_who_is_signed_out_signs_in_first_and_comes_back(db: None, name: str) -> None:
    where = Client().get(reverse(name))["Location"]
    assert where == f"{reverse('account_login')}?next={reverse(name)}"


@pytest.mark.sampled
@pytest.mark.parametrize("name", sorted(set(PAGES) - ALONE))
def test_the_side_bar_lists_what_the_member_may_open_and_marks_the_page(shree: Workspace, name: str) -> None:
    for role in (Role.OWNER, Role.AGENT):
        member = factories.owner_of(shree) if role == Role.OWNER else member_of(shree, role)
        page = factories.signed_in(member).get(reverse(name))
        if page.status_code != 200:
            continue
        bar = page.content.decode().split("settings-nav", 1)[1].split("</nav>", 1)[0]
        for other in ("accounts:members", "accounts:security", "accounts:tokens", "oversight:ledger", "oversight:jobs"):
            assert (f'href="{reverse(other)}"' in bar) == (role == Role.OWNER)
        for other in ("accounts:profile", "mfa_index", "accounts:devices", "accounts:history", "accounts:roles"):
            assert f'href="{reverse(other)}"' in bar
        if f'href="{reverse(name)}"' in bar:
            marked = bar.split(f'href="{reverse(name)}"', 1)[1].split(">", 1)[0]
            assert 'aria-current="page"' in marked


def test_without_a_workspace_the_side_bar_has_ones_own_pages_only(db: None) -> None:
    client = Client()
    client.force_login(factories.make_user())
    text = client.get(reverse("accounts:devices")).content.decode()
    bar = text.split("settings-nav", 1)[1].split("</nav>", 1)[0]
    assert bar.count("side-link") == 4 and reverse("accounts:roles") not in bar


@pytest.mark.parametrize("role", Role.values)
def test_settings_of_other_packages_stand_in_the_same_side_bar(shree: Workspace, role: str) -> None:
    """They are registered once, with the navigation; this package does not know them."""
    member = factories.owner_of(shree) if role == Role.OWNER else member_of(shree, Role(role))
    page = factories.signed_in(member).get(reverse("accounts:profile"))
    bar = page.content.decode().split("settings-nav", 1)[1].split("</nav>", 1)[0]
    registered = [entry.url for entry in page.context["navigation"]["workspace"] if entry.url.startswith("/settings/")]
    assert registered and all(f'href="{url}"' in bar for url in registered)


#: Wrong input by page: what is sent, the fields that must be marked.
LONG = "x" * 300
WRONG: list[tuple[str, dict[str, Any], set[str]]] = [
    ("accounts:profile", {"name": "", "language": "en", "theme": ""}, {"name"}),
    ("accounts:profile", {"name": "   ", "language": "en", "theme": ""}, {"name"}),
    ("accounts:profile", {"name": LONG, "language": "en", "theme": ""}, {"name"}),
    ("accounts:profile", {"name": "Asha", "language": "tlh", "theme": ""}, {"language"}),
    ("accounts:profile", {"name": "Asha", "language": "en", "theme": "pink"}, {"theme"}),
    ("accounts:profile", {"name": "As\x00ha", "language": "en", "theme": ""}, {"name"}),
    ("accounts:profile", {}, {"name", "language"}),
    ("accounts:new_workspace", {"name": "", "kind": "csc", "language": "en"}, {"name"}),
    ("accounts:new_workspace", {"name": LONG, "kind": "csc", "language": "en"}, {"name"}),
    ("accounts:new_workspace", {"name": "Shop", "kind": "bank", "language": "en"}, {"kind"}),
    ("accounts:new_workspace", {"name": "Shop", "kind": "csc", "language": "xx"}, {"language"}),
    ("accounts:new_workspace", {"name": "Shop", "kind": "csc", "language": "en", "place": LONG}, {"place"}),
    ("accounts:security", {"requires_mfa": "on"}, {"requires_mfa"}),
    ("accounts:invite", {"email": "", "role": "agent", "sees": "all"}, {"email"}),
    ("accounts:invite", {"email": "no address", "role": "agent", "sees": "all"}, {"email"}),
    ("accounts:invite", {"email": "a@example.in", "role": "emperor", "sees": "all"}, {"role"}),
    ("accounts:invite", {"email": "a@example.in", "role": "agent", "sees": "nothing"}, {"sees"}),
    ("accounts:invite", {"email": "a@example.in", "role": "agent", "sees": "all", "team": str(uuid4())}, {"team"}),
    ("accounts:invite", {"email": "a@example.in", "role": "agent", "sees": "all", "name": LONG}, {"name"}),
    ("accounts:invite", {"email": f"{LONG}@example.in", "role": "agent", "sees": "all"}, {"email"}),
    ("accounts:invite", {}, {"email", "role", "sees"}),
    ("accounts:teams", {"name": ""}, {"name"}),
    ("accounts:teams", {"name": " \t "}, {"name"}),
    ("accounts:teams", {"name": LONG}, {"name"}),
    ("accounts:new_token", {"name": "x", "scopes": ["export"], "days": "0"}, {"days"}),
    ("accounts:new_token", {"name": "x", "scopes": ["export"], "days": "-30"}, {"days"}),
    ("accounts:new_token", {"name": "x", "scopes": ["export", "root"], "days": "30"}, {"scopes"}),
    ("accounts:new_token", {"name": "x", "scopes": ["members:write"], "days": "365"}, {"days"}),
    ("accounts:new_token", {"name": "x", "scopes": ["members:write", "export"], "days": "90"}, {"days"}),
    ("accounts:new_token", {"name": LONG, "scopes": ["export"], "days": "30"}, {"name"}),
    ("accounts:new_token", {}, {"name", "scopes", "days"}),
    ("account_change_phone", {"phone": "12"}, {"phone"}),
    ("account_change_phone", {"phone": "not a number"}, {"phone"}),
    ("account_change_phone", {"phone": ""}, {"phone"}),
    ("account_change_password", {"oldpassword": "wrong", "password1": "tractor-nimbu-2 kites"}, {"oldpassword"}),
    ("account_change_password", {"oldpassword": PASSWORD, "password1": "short"}, {"password1"}),
    ("account_change_password", {"oldpassword": PASSWORD, "password1": "P@ssw0rd2024"}, {"password1"}),
    ("account_change_password", {"oldpassword": PASSWORD, "password1": ""}, {"password1"}),
    ("account_change_password", {"oldpassword": "", "password1": "tractor-nimbu-2 kites"}, {"oldpassword"}),
    ("account_reauthenticate", {"password": "wrong wrong wrong"}, {"password"}),
    ("account_reauthenticate", {"password": ""}, {"password"}),
    ("mfa_activate_totp", {"code": "000000"}, {"code"}),
    ("mfa_activate_totp", {"code": ""}, {"code"}),
    ("mfa_add_webauthn", {"name": "Phone", "credential": "{}"}, {"credential"}),
    ("mfa_add_webauthn", {"name": "Phone", "credential": "not json"}, {"credential"}),
    ("mfa_add_webauthn", {"name": "Phone", "credential": "[" * 5000}, {"credential"}),
]  # fmt: skip


@pytest.mark.sampled
@pytest.mark.parametrize(("name", "form", "fields"), WRONG)
def test_wrong_input_is_told_at_its_field_and_changes_no_row(
    owner: Member, shree: Workspace, name: str, form: dict[str, Any], fields: set[str]
) -> None:
    client = factories.signed_in(owner)
    if name.startswith("mfa_"):
        client.get(reverse(name))  # the page holds the secret or the challenge to answer
    with nothing_changes(shree):
        answer = client.post(reverse(name), form)
    assert answer.status_code == 422
    assert set(answer.context["form"].errors) == fields
    text = answer.content.decode()
    assert "field-error" in text and ("<form" in text)


@pytest.mark.parametrize(
    "form",
    [
        {"email": "no address", "action_add": ""},
        {"email": "", "action_add": ""},
    ],
)
def test_a_wrong_new_email_is_told_and_sends_nothing(owner: Member, shree: Workspace, form: dict[str, str]) -> None:
    with nothing_changes(shree):
        answer = factories.signed_in(owner).post(reverse("account_email"), form)
    assert answer.status_code == 422 and answer.context["form"].errors


@pytest.mark.sampled
@pytest.mark.parametrize("role", ["manager", "agent", "auditor"])
def test_whoever_may_not_manage_changes_no_row_by_any_post(shree: Workspace, other: Workspace, role: str) -> None:
    client = factories.signed_in(member_of(shree, Role(role)))
    owner = factories.owner_of(shree)
    with tenancy.inside(shree):
        team = teams.make(workspace_id=shree.pk, name="Field", by=owner, at=clock.now())
        invitation, _url = invitations.send(
            workspace_id=shree.pk, email="new@example.in", role="agent", by=owner, at=clock.now()
        )
    posts: list[tuple[str, list[Any], dict[str, Any]]] = [
        ("workspace", [], {"name": "Mine"}), ("security", [], {"requires_mfa": ""}),
        ("invite", [], {"email": "x@example.in", "role": "owner", "sees": "all"}),
        ("member", [owner.pk], {"role": "agent", "sees": "all"}), ("end_member", [owner.pk], {}),
        ("invite_again", [invitation.pk], {}), ("withdraw_invitation", [invitation.pk], {}),
        ("teams", [], {"name": "Mine"}), ("team", [team.pk], {"name": "Mine"}), ("delete_team", [team.pk], {}),
        ("new_token", [], {"name": "x", "scopes": ["export"], "days": "30"}), ("revoke_token", [uuid4()], {}),
    ]  # fmt: skip
    with nothing_changes(shree, other):
        assert {
            client.post(reverse(f"accounts:{name}", args=args), form).status_code for name, args, form in posts
        } == {403}


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("name", "answers"),
    [
        ("member", 404), ("end_member", 404), ("team", 404), ("delete_team", 404), ("invite_again", 404),
        ("withdraw_invitation", 404), ("revoke_token", 404), ("enter_workspace", 404),
    ],
)  # fmt: skip
def test_what_is_not_there_is_not_found_and_changes_no_row(shree: Workspace, name: str, answers: int) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    with nothing_changes(shree):
        assert client.post(reverse(f"accounts:{name}", args=[uuid4()]), {"name": "x"}).status_code == answers


@pytest.mark.parametrize(
    "name", ["enter_workspace", "end_member", "delete_team", "invite_again", "withdraw_invitation", "revoke_token"]
)
def test_acts_take_a_post(shree: Workspace, name: str) -> None:
    answer = factories.signed_in(factories.owner_of(shree)).get(reverse(f"accounts:{name}", args=[uuid4()]))
    assert (answer.status_code, answer["Allow"]) == (405, "POST")


@pytest.mark.parametrize("name", ["end_other_devices"])
def test_ending_devices_takes_a_post(shree: Workspace, name: str) -> None:
    assert factories.signed_in(factories.owner_of(shree)).get(reverse(f"accounts:{name}")).status_code == 405


@pytest.mark.parametrize(
    "name",
    [
        "account_login", "account_signup", "account_request_login_code", "account_reset_password", "account_inactive",
        "account_password_reset_completed",
    ],
)  # fmt: skip
def test_pages_before_signing_in_open_to_anyone(db: None, name: str) -> None:
    page = Client().get(reverse(name))
    assert page.status_code == 200 and page.content.decode().count("<h1") == 1


@pytest.mark.parametrize(
    "name",
    [
        "account_confirm_login_code", "account_confirm_password_reset_code", "account_complete_password_reset",
        "account_email_verification_sent", "account_verify_phone", "mfa_authenticate",
    ],
)  # fmt: skip
def test_a_step_nobody_began_leads_to_the_beginning(db: None, name: str) -> None:
    begun = Client().get(reverse(name))
    assert begun.status_code == 302 and begun["Location"].startswith("/accounts/")
    assert not User.objects.exists()


@pytest.mark.parametrize("language", ["hi", "mr"])
@pytest.mark.parametrize("name", ["account_login", "account_signup", "account_request_login_code"])
def test_pages_before_signing_in_speak_the_chosen_language(db: None, name: str, language: str) -> None:
    client = Client()
    client.cookies["language"] = language
    page = client.get(reverse(name))
    assert page["Content-Language"] == language
    assert f'<html lang="{language}"' in page.content.decode()
    assert any("\u0900" <= letter <= "\u097f" for letter in page.content.decode().split("<h1>")[1].split("</h1>")[0])


@pytest.mark.slow
def test_no_page_of_settings_calls_anybody_she_or_he(owner: Member, shree: Workspace) -> None:
    member = factories.make_member(shree, sees="team")
    client = factories.signed_in(owner)
    addresses = [reverse(name) for name in PAGES] + [reverse("accounts:member", args=[member.pk])]
    for address in addresses:
        words = set(client.get(address).content.decode().lower().replace("<", " ").replace(">", " ").split())
        assert not words & {"she", "her", "hers", "he", "his", "him"}, address
