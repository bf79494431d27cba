from __future__ import annotations

import json
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Member, SignIn, Workspace
from amanat.accounts.tests import factories
from amanat.accounts.tests.browsers import PASSWORD, sign_in
from amanat.accounts.tests.looking import nothing_changes
from amanat.accounts.tests.passkeys import Passkey, added, kept, offered, signed_by
from amanat.core.models import LocalMessage

pytestmark = pytest.mark.django_db


@pytest.fixture
def member(shree: Workspace) -> Member:
    found = factories.owner_of(shree)
    found.user.set_password(PASSWORD)
    found.user.save()
    return found


@pytest.fixture
def passkey(member: Member) -> Passkey:
    """A passkey of the member's, added over the page."""
    made = Passkey()
    assert added(factories.signed_in(member), made).status_code == 302
    LocalMessage.objects.all().delete()
    return made


def is_in(client: Client) -> bool:
    return client.get(reverse("accounts:devices")).status_code == 200


def test_a_passkey_is_added_with_recovery_codes_and_the_owner_is_told(member: Member) -> None:
    client = factories.signed_in(member)
    answer = added(client, Passkey(), name="Blue phone")
    assert answer["Location"] == reverse("mfa_view_recovery_codes")
    (row,) = kept(member.user)
    assert row.wrap().name == "Blue phone" and row.wrap().is_passwordless
    assert "Blue phone" in client.get(reverse("mfa_list_webauthn")).content.decode()
    titles = set(LocalMessage.objects.filter(to=member.user.email).values_list("title", flat=True))
    assert titles >= {"A passkey was added"}


def test_a_second_passkey_makes_no_new_recovery_codes(member: Member, passkey: Passkey) -> None:
    assert added(factories.signed_in(member), Passkey())["Location"] == reverse("mfa_index")
    assert len(kept(member.user)) == 2
    assert Authenticator.objects.filter(user=member.user, type=Authenticator.Type.RECOVERY_CODES).count() == 1


def test_a_passkey_without_a_name_gets_one(member: Member) -> None:
    added(factories.signed_in(member), Passkey(), name="")
    (row,) = kept(member.user)
    assert row.wrap().name


def test_a_new_passkey_ends_the_sessions_begun_without_it(member: Member) -> None:
    here, elsewhere = factories.signed_in(member), factories.signed_in(member)
    added(here, Passkey())
    assert is_in(here) and not is_in(elsewhere)


def test_a_passkey_signs_in_alone_and_the_history_says_so(member: Member, passkey: Passkey) -> None:
    client = Client(HTTP_USER_AGENT="Mozilla/5.0 (Linux; Android 14) Chrome/126.0")
    assert signed_by(client, passkey)["Location"] == "/"
    line = SignIn.objects.filter(user=member.user).latest("at")
    assert (line.outcome, line.method, line.device) == (SignIn.Outcome.SIGNED_IN, "webauthn", "Chrome on Android")
    assert line.means == "passkey"
    assert client.get(reverse("accounts:members")).status_code == 200


def test_what_a_passkey_signed_signs_in_once(member: Member, passkey: Passkey) -> None:
    client, thief = Client(), Client()
    answer = {"credential": json.dumps(passkey.sign(offered(client)))}
    thief.cookies.load(client.cookies.output(header="", sep=";"))
    assert client.post(reverse("mfa_login_webauthn"), answer)["Location"] == "/"
    thief.post(reverse("mfa_login_webauthn"), answer)
    other_browser = Client()
    offered(other_browser)
    assert other_browser.post(reverse("mfa_login_webauthn"), answer)["Location"] == reverse("account_login")
    assert not is_in(thief) and not is_in(other_browser)


@pytest.mark.sampled
@pytest.mark.parametrize("wrong", ["other site", "no finger", "unknown key", "somebody else's", "spoiled signature"])
def test_a_wrong_answer_signs_nobody_in(member: Member, passkey: Passkey, wrong: str) -> None:
    stranger = factories.make_user()
    client = Client()
    options = offered(client)
    if wrong == "other site":
        passkey.rp = "amanat.example"
    if wrong == "no finger":
        passkey.is_verified = False
    signer = passkey
    if wrong == "unknown key":
        signer = Passkey()
        signer.user_handle = passkey.user_handle
    answer = signer.sign(options, as_user=stranger if wrong == "somebody else's" else None)
    if wrong == "spoiled signature":
        answer["response"]["signature"] = answer["response"]["signature"][:-8] + "AAAAAAAA"
    refused = client.post(reverse("mfa_login_webauthn"), {"credential": json.dumps(answer)})
    assert refused["Location"] == reverse("account_login")
    assert not is_in(client)
    assert "not right" in client.get(reverse("account_login")).content.decode()


@pytest.mark.parametrize(
    "typed",
    ["", "{}", "null", "[]", "0", "not json", '{"id": "AAAA"}', '{"rawId": 7, "response": {}}', '{"response": null}',
     '{"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": {"userHandle": "////"}}', "[" * 4000],
)  # fmt: skip
def test_nonsense_instead_of_an_answer_is_refused(typed: str) -> None:
    client = Client()
    offered(client)
    refused = client.post(reverse("mfa_login_webauthn"), {"credential": typed})
    assert (refused.status_code, refused.headers.get("Location")) == (302, reverse("account_login"))
    assert not is_in(client)


def test_an_answer_nobody_asked_for_is_refused(member: Member, passkey: Passkey) -> None:
    options = offered(Client())
    client = Client()
    refused = client.post(reverse("mfa_login_webauthn"), {"credential": json.dumps(passkey.sign(options))})
    assert refused["Location"] == reverse("account_login") and not is_in(client)


def test_a_passkey_that_is_not_to_sign_in_alone_does_not(member: Member) -> None:
    second_only = Passkey()
    added(factories.signed_in(member), second_only, alone=False)
    client = Client()
    assert signed_by(client, second_only)["Location"] == reverse("account_login")
    assert not is_in(client)


def test_after_the_password_the_passkey_is_asked_for(member: Member, passkey: Passkey) -> None:
    client = Client()
    assert sign_in(client, member.user.email)["Location"] == reverse("mfa_authenticate")
    assert not is_in(client)
    page = client.get(reverse("mfa_authenticate"))
    answer = passkey.sign(page.context["js_data"]["request_options"])
    assert client.post(reverse("mfa_authenticate"), {"credential": json.dumps(answer)})["Location"] == "/"
    assert is_in(client)
    assert SignIn.objects.filter(user=member.user).latest("at").method == "password, webauthn"


@pytest.mark.slow
def test_another_users_passkey_is_no_second_factor(member: Member, passkey: Passkey, other: Workspace) -> None:
    thief = factories.owner_of(other)
    theirs = Passkey()
    added(factories.signed_in(thief), theirs)
    client = Client()
    sign_in(client, member.user.email)
    page = client.get(reverse("mfa_authenticate"))
    answer = theirs.sign(page.context["js_data"]["request_options"], as_user=member.user)
    refused = client.post(reverse("mfa_authenticate"), {"credential": json.dumps(answer)})
    assert refused.status_code == 422 and not is_in(client)


def test_a_user_switched_off_does_not_enter_by_passkey(member: Member, passkey: Passkey) -> None:
    member.user.is_active = False
    member.user.save()
    client = Client()
    assert signed_by(client, passkey)["Location"] == reverse("account_inactive")
    assert not is_in(client)


def test_a_stale_session_is_renewed_by_the_passkey(member: Member, passkey: Passkey) -> None:
    stale = factories.signed_in(member, fresh=False)
    asked = stale.get(reverse("accounts:security"))
    assert asked["Location"].startswith(reverse("account_reauthenticate"))
    again = reverse("mfa_reauthenticate_webauthn") + "?next=" + reverse("accounts:security")
    page = stale.get(again)
    answer = passkey.sign(page.context["js_data"]["request_options"])
    done = stale.post(again, {"credential": json.dumps(answer), "next": reverse("accounts:security")})
    assert done["Location"] == reverse("accounts:security")
    assert stale.get(reverse("accounts:security")).status_code == 200


def test_a_wrong_passkey_renews_nothing_and_comes_back_to_the_page(member: Member, passkey: Passkey) -> None:
    stale = factories.signed_in(member, fresh=False)
    again = reverse("mfa_reauthenticate_webauthn")
    page = stale.get(again)
    answer = Passkey().sign(page.context["js_data"]["request_options"], as_user=member.user)
    refused = stale.post(again, {"credential": json.dumps(answer)})
    assert refused["Location"] == again
    assert "not right" in stale.get(again).content.decode()
    assert stale.get(reverse("accounts:security")).status_code == 302


@pytest.mark.parametrize("wrong", ["challenge", "site", "no finger"])
def test_a_passkey_made_wrongly_is_not_kept(member: Member, shree: Workspace, wrong: str) -> None:
    client, made = factories.signed_in(member), Passkey(is_verified=wrong != "no finger")
    made.rp = "amanat.example" if wrong == "site" else made.rp
    page = client.get(reverse("mfa_add_webauthn"))
    credential = made.make(page.context["js_data"]["creation_options"])
    if wrong == "challenge":
        client.get(reverse("mfa_add_webauthn"))  # a new challenge; the old one holds no more
    form = {"name": "x", "credential": json.dumps(credential), "passwordless": "on"}
    with nothing_changes(shree):
        assert client.post(reverse("mfa_add_webauthn"), form).status_code == 422


@pytest.mark.slow
def test_a_passkey_is_renamed_and_removed_by_its_owner_only(member: Member, passkey: Passkey, other: Workspace) -> None:
    (row,) = kept(member.user)
    edit, remove = (reverse(name, args=[row.pk]) for name in ("mfa_edit_webauthn", "mfa_remove_webauthn"))
    stranger = factories.signed_in(factories.owner_of(other))
    for address in (edit, remove):
        assert stranger.get(address).status_code == 404
        assert stranger.post(address, {"name": "mine"}).status_code == 404
    client = factories.signed_in(member)
    assert (client.get(edit).status_code, client.get(remove).status_code) == (200, 200)
    assert client.post(edit, {"name": ""}).status_code == 422
    assert client.post(edit, {"name": "Old phone"}).status_code == 302
    assert kept(member.user)[0].wrap().name == "Old phone"
    assert client.post(remove).status_code == 302
    assert not Authenticator.objects.filter(user=member.user).exists()  # the recovery codes went with the last factor
    lost = Client()
    signed_by(lost, passkey)
    assert not is_in(lost)


@pytest.mark.slow
def test_where_a_second_factor_is_required_setting_one_up_leads_back(shree: Workspace, member: Member) -> None:
    Workspace.objects.of(shree)
    agent = factories.make_member(shree)
    added(factories.signed_in(member), Passkey())
    factories.signed_in(member).post(reverse("accounts:security"), {"requires_mfa": "on"})
    client = factories.signed_in(agent)
    asked = client.get("/settings/roles/?from=menu")
    page = client.get(asked["Location"])
    assert page.status_code == 200
    for name in ("mfa_activate_totp", "mfa_add_webauthn"):
        assert f'href="{reverse(name)}"' in page.content.decode()
    codes = added(client, Passkey())
    assert codes["Location"] == reverse("mfa_view_recovery_codes")
    text = client.get(codes["Location"]).content.decode()
    assert f'href="{reverse("accounts:second_factor_needed")}"' in text
    assert client.get(reverse("accounts:second_factor_needed"))["Location"] == "/settings/roles/?from=menu"
    assert client.get("/settings/roles/?from=menu").status_code == 200
    assert reverse("accounts:second_factor_needed") not in client.get(codes["Location"]).content.decode()


def test_who_has_recovery_codes_already_goes_straight_on(shree: Workspace, member: Member) -> None:
    """Such a member has two factors to choose from; the second leads on without showing codes again."""
    client = factories.signed_in(member)
    added(client, Passkey())
    session: Any = client.session
    session["after_second_factor"] = "/contacts/"
    session.save()
    assert added(client, Passkey())["Location"] == reverse("accounts:second_factor_needed")
    assert client.get(reverse("accounts:second_factor_needed"))["Location"] == "/contacts/"


@pytest.mark.sampled
@pytest.mark.parametrize(
    "onward", ["https://evil.example/", "//evil.example/", "javascript:alert(1)", "evil", "/\\evil"]
)
def test_setting_one_up_leads_nowhere_else(shree: Workspace, member: Member, onward: str) -> None:
    client = factories.signed_in(member)
    client.get(reverse("accounts:second_factor_needed"), {"next": onward})
    added(client, Passkey())
    assert client.get(reverse("accounts:second_factor_needed"))["Location"] == "/"
