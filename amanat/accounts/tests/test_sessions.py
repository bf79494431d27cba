from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts import sessions
from amanat.accounts.models import Session, SignIn, User
from amanat.accounts.session_store import SessionStore, hashed
from amanat.accounts.tests import factories
from amanat.accounts.tests.browsers import PASSWORD, confirm, sign_in
from amanat.core import clock

pytestmark = pytest.mark.django_db
CHROME = "Mozilla/5.0 (Linux; Android 14) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0 Mobile Safari/537.36"


def user_with_password(email: str = "asha@example.in") -> User:
    return factories.make_user(email=email, password=PASSWORD)


def browser(email: str = "asha@example.in", agent: str = CHROME) -> Client:
    client = Client(headers={"User-Agent": agent})
    assert sign_in(client, email).status_code == 302
    return client


def test_the_key_changes_at_sign_in_and_only_its_hash_is_stored() -> None:
    user_with_password()
    client = Client()
    client.get(reverse("account_login"))
    session = client.session
    session["planted"] = True
    session.save()
    client.cookies["session"] = planted = session.session_key
    sign_in(client, "asha@example.in")
    new = client.cookies["session"].value
    assert new != planted
    assert not Session.objects.filter(session_key=hashed(planted)).exists()
    assert Session.objects.filter(session_key=hashed(new)).exists()
    assert not Session.objects.filter(session_key=new).exists()


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites() -> None:
    user_with_password()
    cookie = browser().cookies["session"]
    assert (cookie["httponly"], cookie["samesite"], cookie["path"], cookie["domain"]) == (True, "Lax", "/", "")


def test_devices_are_listed_with_this_one_first_and_ended_one_by_one() -> None:
    user = user_with_password()
    phone, desk = browser(), browser(agent="Mozilla/5.0 (Windows NT 10.0) Firefox/130.0")
    listed = phone.get(reverse("accounts:devices")).context["devices"]
    assert [(d.name, d.is_this, d.address) for d in listed] == [
        ("Chrome on Android", True, "127.0.0.1"), ("Firefox on Windows", False, "127.0.0.1"),
    ]  # fmt: skip
    assert phone.post(reverse("accounts:end_device", args=[listed[0].id])).status_code == 404
    assert phone.post(reverse("accounts:end_device", args=[listed[1].id])).status_code == 303
    assert desk.get(reverse("accounts:devices"))["Location"].startswith(reverse("account_login"))
    assert phone.get(reverse("accounts:devices")).status_code == 200
    ended = SignIn.objects.get(user=user, device="Firefox on Windows")
    assert ended.ended_by == "revoked" and ended.ended_at is not None
    words = phone.get(reverse("accounts:history")).content.decode()
    assert "after 1 min</span>" not in words and "after 1 min, signed out from another device" in words
    assert words.count('<span class="small muted">password</span>') == 2


def test_all_other_devices_are_ended_at_once() -> None:
    user_with_password()
    here, *others = [browser() for _ in range(3)]
    assert here.post(reverse("accounts:end_other_devices")).status_code == 303
    assert here.get(reverse("accounts:devices")).status_code == 200
    assert all(client.get(reverse("accounts:devices")).status_code == 302 for client in others)


def test_a_device_of_somebody_else_is_not_found() -> None:
    user_with_password()
    user_with_password("meera@example.in")
    hers = browser("meera@example.in")
    row = Session.objects.get(user__email="meera@example.in")
    assert browser().post(reverse("accounts:end_device", args=[row.session_key])).status_code == 404
    assert hers.get(reverse("accounts:devices")).status_code == 200


def test_signing_out_takes_a_post_and_is_written_down() -> None:
    user = user_with_password()
    client = browser()
    assert client.get(reverse("account_logout")).status_code == 200
    assert client.get(reverse("accounts:devices")).status_code == 200
    assert client.post(reverse("account_logout"))["Location"] == "/"
    assert client.get(reverse("accounts:devices")).status_code == 302
    assert SignIn.objects.get(user=user).ended_by == "sign-out"


def test_a_changed_password_ends_every_session() -> None:
    user = user_with_password()
    here, there = browser(), browser()
    url = reverse("account_change_password")
    wrong = here.post(url, {"oldpassword": "not it at all", "password1": "three new words here"})
    assert (wrong.status_code, list(wrong.context["form"].errors)) == (422, ["oldpassword"])
    assert SignIn.objects.filter(user=user, outcome="wrong password").count() == 1
    assert here.post(url, {"oldpassword": PASSWORD, "password1": "three new words here"}).status_code == 302
    assert there.get(reverse("accounts:devices")).status_code == 302
    assert not Session.objects.filter(user=user).exists()
    assert SignIn.objects.filter(user=user, ended_at__isnull=True, outcome="signed in").count() == 0
    user.refresh_from_db()
    assert user.check_password("three new words here")


def test_a_reset_password_ends_every_session() -> None:
    user_with_password()
    old, new = browser(), Client()
    new.post(reverse("account_reset_password"), {"email": "asha@example.in"})
    assert confirm(new, "asha@example.in", "account_confirm_password_reset_code")["Location"] == reverse(
        "account_complete_password_reset"
    )
    weak = new.post(reverse("account_complete_password_reset"), {"password1": "password123"})
    assert weak.status_code == 422
    done = new.post(reverse("account_complete_password_reset"), {"password1": "three new words here"})
    assert new.get(done["Location"]).status_code == 200
    assert old.get(reverse("accounts:devices")).status_code == 302
    assert sign_in(Client(), "asha@example.in").status_code == 422
    assert sign_in(Client(), "asha@example.in", "three new words here").status_code == 302


def test_a_code_by_email_signs_in() -> None:
    user_with_password()
    client = Client()
    asked = client.post(reverse("account_request_login_code"), {"email": "asha@example.in"})
    assert client.get(asked["Location"]).status_code == 200
    assert client.post(asked["Location"], {"code": "000000"}).status_code == 422
    assert confirm(client, "asha@example.in", "account_confirm_login_code")["Location"] == "/"
    assert sorted(SignIn.objects.values_list("outcome", "method")) == [("signed in", "code"), ("wrong code", "")]


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example/", "/\\evil.example", "http:evil", "javascript:alert(1)"]
)
def test_next_leads_nowhere_else(target: str) -> None:
    user_with_password()
    client = Client()
    answer = client.post(reverse("account_login"), {"login": "asha@example.in", "password": PASSWORD, "next": target})
    assert answer["Location"] == "/"
    out = client.post(reverse("account_logout"), {"next": target})
    assert out["Location"] == "/"


def test_next_leads_to_a_page_of_ours() -> None:
    user_with_password()
    form = {"login": "asha@example.in", "password": PASSWORD, "next": "/settings/devices/?x=1"}
    assert Client().post(reverse("account_login"), form)["Location"] == "/settings/devices/?x=1"


def test_a_form_without_its_token_is_refused() -> None:
    user_with_password()
    client = Client(enforce_csrf_checks=True)
    assert sign_in(client, "asha@example.in").status_code == 403


def test_history_shows_failures_and_pages_without_holes_or_doubles() -> None:
    user = user_with_password()
    client = browser()
    at = clock.now() - timedelta(days=1)
    SignIn.objects.bulk_create(
        [SignIn(user=user, outcome="wrong password", at=at - timedelta(minutes=n // 2)) for n in range(120)]
    )
    seen, url = [], reverse("accounts:history")
    while True:
        page = client.get(url)
        seen += [line.pk for line in page.context["lines"]]
        if not page.context["older"]:
            break
        url = reverse("accounts:history") + page.context["older"]
    assert len(seen) == len(set(seen)) == 121
    assert client.get(reverse("accounts:history") + "?after=nonsense").status_code == 200


def test_a_strangers_typing_is_not_kept() -> None:
    sign_in(Client(), "nobody@example.in")
    assert not SignIn.objects.exists()


def test_one_device_and_three_cost_the_same() -> None:
    user_with_password()
    client = browser()
    client.get(reverse("accounts:devices"))
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(connection) as asked:
            client.get(reverse("accounts:devices"))
        counts.append(len(asked))
        browser(), browser()
    assert counts[0] == counts[1] <= 8


def test_expired_sessions_are_cleared_and_the_history_says_until_when() -> None:
    user = user_with_password()
    browser()
    row = Session.objects.get(user=user)
    with clock.standing_at(clock.now() + timedelta(days=13)):
        SessionStore.clear_expired()
    assert Session.objects.filter(user=user).exists()
    with clock.standing_at(clock.now() + timedelta(days=15)):
        SessionStore.clear_expired()
    assert not Session.objects.exists()
    assert (SignIn.objects.get().ended_at, SignIn.objects.get().ended_by) == (row.expire_date, "expired")


def test_ending_nothing_is_said() -> None:
    assert sessions.end(user_with_password(), "no such device") is False


def test_a_stale_sign_in_is_renewed_by_the_password(shree: Any) -> None:
    owner = factories.owner_of(shree)
    owner.user.set_password(PASSWORD)
    owner.user.save()
    client = factories.signed_in(owner, fresh=False)
    asked = client.get(reverse("accounts:security"))
    assert client.get(asked["Location"]).status_code == 200
    wrong = client.post(asked["Location"], {"password": "not it at all"})
    assert wrong.status_code == 422
    assert SignIn.objects.filter(user=owner.user, outcome="wrong password").count() == 1
    assert client.post(asked["Location"], {"password": PASSWORD})["Location"] == reverse("accounts:security")
    assert client.get(reverse("accounts:security")).status_code == 200
