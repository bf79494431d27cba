from __future__ import annotations

import time
from typing import Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client
from django.urls import reverse

from amanat.accounts import second_factors
from amanat.accounts.models import SignIn, User
from amanat.accounts.tests import factories
from amanat.accounts.tests.browsers import PASSWORD, sign_in
from amanat.accounts.tests.parallel import at_once
from amanat.core.models import LocalMessage


def code_at(secret: str, halves: int = 0) -> str:
    """The app's code of this half minute, or of one `halves` later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + halves))


def with_app(email: str = "asha@example.in") -> tuple[User, str]:
    user = factories.make_user(email=email, password=PASSWORD)
    secret = generate_totp_secret()
    TOTP.activate(user, secret)
    return user, secret


def second(client: Client, code: str) -> Any:
    return client.post(reverse("mfa_authenticate"), {"code": code})


@pytest.mark.slow
@pytest.mark.django_db
def test_an_app_is_set_up_by_its_first_code_and_comes_with_recovery_codes(shree: Any) -> None:
    owner = factories.owner_of(shree)
    client = factories.signed_in(owner)
    page = client.get(reverse("mfa_activate_totp"))
    assert page.status_code == 200 and "data:image/svg+xml;base64," in page.content.decode()
    secret = page.context["form"].secret
    wrong = client.post(reverse("mfa_activate_totp"), {"code": "000000"})
    assert wrong.status_code == 422 and wrong.context["form"].secret == secret
    right = client.post(reverse("mfa_activate_totp"), {"code": code_at(secret)})
    assert right["Location"] == reverse("mfa_view_recovery_codes")
    codes = client.get(right["Location"])
    assert len(codes.context["unused_codes"]) == 10
    assert client.get(reverse("mfa_download_recovery_codes")).content.decode().split() == codes.context["unused_codes"]
    stored = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in stored
    assert second_factors.who_has_one([owner.user_id]) == {owner.user_id}
    assert "on" in client.get(reverse("mfa_index")).content.decode()


@pytest.mark.django_db
def test_sign_in_asks_for_the_app_and_each_code_works_once() -> None:
    _user, secret = with_app()
    first, again = Client(), Client()
    code = code_at(secret)
    for client in (first, again):
        assert sign_in(client, "asha@example.in")["Location"] == reverse("mfa_authenticate")
        assert "_auth_user_id" not in client.session
    assert first.get(reverse("mfa_authenticate")).status_code == 200
    assert second(first, code)["Location"] == "/"
    assert "_auth_user_id" in first.session
    assert second(again, code).status_code == 422
    assert "_auth_user_id" not in again.session
    assert second(again, code_at(secret, 1))["Location"] == "/"


@pytest.mark.django_db
def test_codes_older_than_the_last_used_are_refused() -> None:
    user, secret = with_app()
    assert second_factors.matching(user, code_at(secret, 1))
    assert second_factors.matching(user, code_at(secret)) is None
    assert second_factors.matching(user, code_at(secret, 5)) is None


@pytest.mark.django_db
def test_a_recovery_code_works_once() -> None:
    user, _ = with_app()
    code = RecoveryCodes.activate(user).generate_codes()[3]
    for expected in ("/", None):
        client = Client()
        sign_in(client, "asha@example.in")
        answer = second(client, code)
        assert answer.headers.get("Location") == expected


@pytest.mark.django_db
def test_a_wrong_second_factor_stands_in_the_history() -> None:
    user, _ = with_app()
    client = Client()
    sign_in(client, "asha@example.in")
    assert second(client, "000000").status_code == 422
    assert [line.outcome for line in SignIn.objects.filter(user=user)] == ["wrong code"]


@pytest.mark.slow
@pytest.mark.django_db
def test_second_factors_are_limited_per_session_and_per_user_in_all_sessions() -> None:
    with_app()
    answers = []
    for _ in range(5):
        client = Client()
        sign_in(client, "asha@example.in")
        answers.append([second(client, "000000").status_code for _ in range(6)])
    assert answers[0] == [422] * 5 + [429]
    assert sum(status == 422 for one in answers for status in one) == 20


@pytest.mark.slow
@pytest.mark.django_db
def test_what_a_workspace_requires_sends_its_members_to_set_it_up(shree: Any) -> None:
    owner, agent = factories.owner_of(shree), factories.make_member(shree)
    client, hers = factories.signed_in(owner), factories.signed_in(agent)
    refused = client.post(reverse("accounts:security"), {"requires_mfa": "on"})
    assert refused.status_code == 422  # she would shut herself out
    TOTP.activate(owner.user, generate_totp_secret())
    assert client.post(reverse("accounts:security"), {"requires_mfa": "on"}).status_code == 303
    assert client.get(reverse("accounts:roles")).status_code == 200
    sent = hers.get(reverse("accounts:roles"))
    assert sent["Location"] == reverse("accounts:second_factor_needed") + "?next=/settings/roles/"
    assert hers.get(sent["Location"]).status_code == 200
    TOTP.activate(agent.user, generate_totp_secret())
    assert hers.get(reverse("accounts:roles")).status_code == 200
    assert hers.get(sent["Location"])["Location"] == "/settings/roles/"
    assert hers.get(reverse("accounts:second_factor_needed"))["Location"] == "/"


@pytest.mark.django_db
def test_an_app_is_switched_off_only_after_a_fresh_sign_in(shree: Any) -> None:
    owner = factories.owner_of(shree)
    TOTP.activate(owner.user, generate_totp_secret())
    stale = factories.signed_in(owner, fresh=False)
    assert reverse("account_reauthenticate") in stale.post(reverse("mfa_deactivate_totp"))["Location"]
    assert Authenticator.objects.filter(user=owner.user).exists()
    client = factories.signed_in(owner)
    assert client.get(reverse("mfa_deactivate_totp")).status_code == 200
    client.post(reverse("mfa_deactivate_totp"))
    assert not Authenticator.objects.filter(user=owner.user).exists()
    assert LocalMessage.objects.filter(to=owner.user.email, title="Authenticator app switched off").count() == 1


@pytest.mark.django_db
def test_pages_of_passkeys_open(shree: Any) -> None:
    client = factories.signed_in(factories.owner_of(shree))
    assert client.get(reverse("mfa_list_webauthn")).status_code == 200
    page = client.get(reverse("mfa_add_webauthn"))
    options = page.context["js_data"]["creation_options"]["publicKey"]
    assert (page.status_code, options["rp"]["id"]) == (200, "localhost")
    assert client.post(reverse("mfa_add_webauthn"), {"credential": "{}"}).status_code == 422
    asked = Client().get(reverse("mfa_login_webauthn"), headers={"Accept": "application/json"})
    assert "challenge" in asked.json()["request_options"]["publicKey"]


@pytest.mark.usefixtures("committed_db")
def test_of_many_clients_with_one_code_at_once_one_gets_in() -> None:
    user, secret = with_app()
    code = code_at(secret)
    found = at_once(lambda _: second_factors.matching(User.objects.get(pk=user.pk), code) is not None, range(20))
    assert sum(found) == 1
