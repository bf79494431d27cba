from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from django.core.mail import EmailMessage
from django.test import Client
from django.urls import reverse

from amanat.accounts import access, setup, signing_up
from amanat.accounts.models import OwnerLink, User, Workspace
from amanat.accounts.tests import browsers, factories
from amanat.accounts.tests.browsers import PASSWORD, confirm, newest_code, sign_in, sign_up
from amanat.core import clock, tenancy
from amanat.core.models import LocalMessage
from amanat.core.tests import texts

pytestmark = pytest.mark.django_db


def make_workspace(client: Client, name: str = "Shree CSC Kendra") -> Any:
    form = {"name": name, "kind": "csc", "place": "Sinnar", "language": "mr"}
    return client.post(reverse("accounts:new_workspace"), form)


@pytest.mark.slow
def test_from_sign_up_to_the_first_page_in_three_forms() -> None:
    client = Client()
    asked = sign_up(client, "rekha@example.in", name="  Rekha   Kulkarni ")
    assert (asked.status_code, asked["Location"]) == (302, reverse("account_email_verification_sent"))
    assert client.get(asked["Location"]).status_code == 200
    confirmed = confirm(client, "rekha@example.in")
    assert confirmed["Location"] == "/"
    assert client.get("/workspaces/")["Location"] == reverse("accounts:new_workspace")
    assert client.get(reverse("accounts:new_workspace")).status_code == 200
    assert make_workspace(client)["Location"] == "/"
    user = User.objects.get(email="rekha@example.in")
    (seat,) = access.seats_of(user)
    assert (seat.name, seat.place, seat.role, user.name) == ("Shree CSC Kendra", "Sinnar", "owner", "Rekha Kulkarni")
    with tenancy.inside(seat.workspace_id):
        workspace = Workspace.objects.of(seat.workspace_id).get()
    assert (workspace.kind, workspace.language, workspace.time_zone) == ("csc", "mr", "Asia/Kolkata")
    assert client.get("/settings/workspace/").status_code == 200


def test_a_number_is_confirmed_by_a_code_after_the_email() -> None:
    client = Client()
    sign_up(client, "rekha@example.in", phone="98220 41736")
    assert not LocalMessage.objects.filter(channel="sms").exists()
    assert confirm(client, "rekha@example.in")["Location"] == reverse("account_verify_phone")
    page = client.get(reverse("account_verify_phone"))
    assert "+91 98220 41736" in page.content.decode()
    assert confirm(client, "+919822041736", "account_verify_phone")["Location"] == "/"
    user = User.objects.get()
    assert user.phone == "+919822041736" and user.phone_verified_at is not None


def test_who_gets_no_text_goes_on_without_a_number() -> None:
    client = Client()
    sign_up(client, "rekha@example.in", phone="9822041736")
    confirm(client, "rekha@example.in")
    assert client.post(reverse("account_verify_phone"), {"action": "skip"})["Location"] == "/"
    assert User.objects.get().phone is None
    assert client.get("/workspaces/")["Location"] == reverse("accounts:new_workspace")


def test_a_code_that_cannot_be_sent_stops_no_sign_up(settings: Any) -> None:
    settings.TEXT_SENDER = texts.DOWN
    client = Client()
    sign_up(client, "rekha@example.in", phone="9822041736")
    assert confirm(client, "rekha@example.in")["Location"] == "/"
    user = User.objects.get()
    assert (user.phone, user.phone_verified_at) == ("+919822041736", None)
    assert "The code could not be sent to your phone." in client.get(reverse("accounts:new_workspace")).content.decode()


def test_a_mail_server_that_is_off_is_said_and_no_account_is_made(monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(mail: EmailMessage) -> int:
        raise ConnectionRefusedError

    monkeypatch.setattr(EmailMessage, "send", refused)
    answer = sign_up(Client(), "rekha@example.in")
    assert answer.status_code == 502 and "The message could not be sent" in answer.content.decode()
    assert not User.objects.exists()


def test_where_no_text_arrives_the_number_is_not_asked_for_its_code(settings: Any) -> None:
    settings.SENDS_MAIL = True
    client = Client()
    sign_up(client, "rekha@example.in", phone="9822041736")
    assert confirm(client, "rekha@example.in")["Location"] == "/"
    assert User.objects.get().phone_verified_at is None


def test_two_people_may_share_a_number() -> None:
    for email in ("asha@example.in", "meera@example.in"):
        client = Client()
        sign_up(client, email, phone="9822041736")
        confirm(client, email)
        assert confirm(client, "+919822041736", "account_verify_phone")["Location"] == "/"
    assert User.objects.filter(phone="+919822041736", phone_verified_at__isnull=False).count() == 2


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"email": "no address"}, "email"),
        ({"name": ""}, "name"),
        ({"phone": "12"}, "phone"),
        ({"password1": "password123"}, "password1"),
        ({"password1": "short"}, "password1"),
        ({"password1": "P@ssw0rd2024"}, "password1"),
    ],
)
def test_wrong_input_is_told_at_its_field_and_kept(changed: dict[str, str], field: str) -> None:
    form = {"name": "Asha", "email": "asha@example.in", "phone": "9822041736", "password1": PASSWORD, **changed}
    response = Client().post(reverse("account_signup"), form)
    assert response.status_code == 422
    assert list(response.context["form"].errors) == [field]
    page = response.content.decode()
    assert f'id="id_{field}_error"' in page
    if field != "email":
        assert 'value="asha@example.in"' in page
    assert not User.objects.exists()


def test_a_name_like_password_is_refused_for_similarity() -> None:
    response = sign_up(Client(), "kulkarnirekha@example.in", password="kulkarnirekha1")
    assert list(response.context["form"].errors) == ["password1"]


def test_whoever_was_first_with_a_strangers_address_gains_nothing() -> None:
    attacker, owner = Client(), Client()
    sign_up(attacker, "rekha@example.in", password="attacker knows this one", name="Mallory", phone="9000000001")
    old = newest_code("rekha@example.in")
    sign_up(owner, "rekha@example.in")
    confirm(owner, "rekha@example.in")
    user = User.objects.get()
    assert (user.name, user.phone, user.check_password(PASSWORD)) == ("Asha Menon", None, True)
    attacker.post(reverse("account_email_verification_sent"), {"code": old})
    assert sign_in(Client(), "rekha@example.in", "attacker knows this one").status_code == 422
    assert "_auth_user_id" not in attacker.session


def test_codes_do_not_enter_an_account_that_nobody_confirmed() -> None:
    """The victim who asks for a code must not put life into the account that a stranger began, password and all."""
    sign_up(Client(), "rekha@example.in", password="attacker knows this one")
    for url_name in ("account_request_login_code", "account_reset_password"):
        Client().post(reverse(url_name), {"email": "rekha@example.in"})
        newest = LocalMessage.objects.order_by("-created_at", "-id")[0]
        assert reverse("account_signup") in newest.body
    assert not EmailAddress.objects.filter(verified=True).exists()


def test_unconfirmed_accounts_go_after_two_days_and_confirmed_ones_stay() -> None:
    sign_up(Client(), "nobody@example.in")
    stays = factories.make_user(email="asha@example.in")
    assert signing_up.sweep(at=clock.now() + timedelta(days=1)) == 0
    assert signing_up.sweep(at=clock.now() + timedelta(days=3)) == 1
    assert list(User.objects.all()) == [stays]


def test_an_account_that_was_closed_and_emptied_is_none_that_nobody_confirmed(shree: Workspace) -> None:
    """Its seat points at it, which is not seen outside of the workspace: to delete it would fail, and with it the whole night's sweep."""
    closed = factories.make_member(shree).user
    EmailAddress.objects.filter(user=closed).delete()
    User.objects.filter(pk=closed.pk).update(email=f"{closed.pk}@erased.invalid", name="", is_active=False)
    sign_up(Client(), "nobody@example.in")
    assert signing_up.sweep(at=clock.now() + timedelta(days=3)) == 1
    assert User.objects.filter(pk=closed.pk).exists()


def test_a_started_sign_up_can_be_taken_up_by_signing_in() -> None:
    sign_up(Client(), "rekha@example.in")
    later = Client()
    assert sign_in(later, "rekha@example.in")["Location"] == reverse("account_email_verification_sent")
    assert confirm(later, "rekha@example.in")["Location"] == "/"


def test_on_a_closed_site_strangers_cannot_sign_up(settings: Any) -> None:
    closed(settings)
    page = Client().get(reverse("account_signup"))
    assert b"invitation" in page.content
    sign_up(Client(), "rekha@example.in")
    assert not User.objects.exists()


def closed(settings: Any) -> None:
    settings.CONFIGURATION = replace(settings.CONFIGURATION, sign_up="closed")


def test_the_owners_link_opens_a_closed_site_once(settings: Any) -> None:
    closed(settings)
    link = setup.owner_link("http://localhost:8000")
    assert link is not None
    path = link.removeprefix("http://localhost:8000")
    client = Client()
    assert client.get(path)["Location"] == reverse("account_signup")
    sign_up(client, "rekha@example.in")
    confirm(client, "rekha@example.in")
    assert OwnerLink.objects.get().used_at is None
    assert make_workspace(client)["Location"] == "/"
    assert Client().get(path).status_code == 404
    assert setup.owner_link("http://localhost:8000") is None


def test_a_new_owners_link_stops_the_old_one() -> None:
    old, new = setup.owner_link(""), setup.owner_link("")
    assert old and new and old != new
    assert (Client().get(old).status_code, Client().get(new).status_code) == (404, 303)


def test_on_a_closed_site_an_agent_makes_no_workspace(settings: Any, shree: Any) -> None:
    closed(settings)
    agent = factories.signed_in(factories.make_member(shree))
    assert agent.get(reverse("accounts:new_workspace")).status_code == 403
    assert make_workspace(agent).status_code == 403
    assert make_workspace(factories.signed_in(factories.owner_of(shree)), "Second shop").status_code == 303


@pytest.mark.slow
def test_the_answer_does_not_tell_whether_an_email_is_known() -> None:
    """Status, headers and page of sign-up, sign-in, reset and code are the same for a known and an unknown address."""
    factories.make_user(email="known@example.in", password=PASSWORD)
    for known, unknown in [
        (sign_up_and_look("known@example.in"), sign_up_and_look("fresh@example.in")),
        (sign_up_and_look("known@example.in", "9822041736"), sign_up_and_look("other@example.in", "9822041737")),
        (look_at_sign_in("known@example.in"), look_at_sign_in("nobody@example.in")),
        (
            ask_and_guess("account_reset_password", "known@example.in"),
            ask_and_guess("account_reset_password", "no@example.in"),
        ),
        (
            ask_and_guess("account_request_login_code", "known@example.in"),
            ask_and_guess("account_request_login_code", "no@example.in"),
        ),
    ]:
        assert known == unknown


def seen(response: Any, email: str) -> tuple[int, dict[str, str], str]:
    page = response.content.decode().replace(email, "EMAIL")
    page = re.sub(r'name="csrfmiddlewaretoken" value="[^"]*"|"X-CSRFToken": "[^"]*"', "TOKEN", page)
    return (
        response.status_code,
        {
            name: value
            for name, value in response.headers.items()
            if name not in ("Content-Length", "Expires", "Set-Cookie")
        },
        page,
    )


def sign_up_and_look(email: str, phone: str = "") -> list[Any]:
    client = Client()
    answers = [sign_up(client, email, phone=phone)]
    answers.append(client.get(reverse("account_email_verification_sent")))
    url = reverse("account_email_verification_sent")
    answers += [client.post(url, {"code": "000000", "action": action}) for action in ("resend", *["verify"] * 6)]
    return [seen(answer, email) for answer in answers]


def look_at_sign_in(email: str) -> list[Any]:
    client = Client()
    return [seen(sign_in(client, email, "wrong wrong wrong"), email) for _ in range(25)]


def ask_and_guess(url_name: str, email: str) -> list[Any]:
    client = Client()
    asked = client.post(reverse(url_name), {"email": email})
    guesses = [client.post(asked["Location"], {"code": "000000"}) for _ in range(6)]
    return [seen(answer, email) for answer in [asked, *guesses]]


def test_sign_up_hashes_a_password_for_known_and_unknown_alike(monkeypatch: pytest.MonkeyPatch) -> None:
    from amanat.accounts.passwords import Argon2id

    factories.make_user(email="known@example.in")
    hashed: list[str] = []
    encode = Argon2id.encode
    monkeypatch.setattr(Argon2id, "encode", lambda self, *args: hashed.append("once") or encode(self, *args))
    for email in ("known@example.in", "fresh@example.in"):
        hashed.clear()
        sign_up(Client(), email)
        assert hashed == ["once"]
    hashed.clear()
    sign_in(Client(), "nobody@example.in")
    assert hashed == ["once"]
    assert browsers.PASSWORD
