"""Codes by e-mail and by text: how long they work, how often they may be guessed, that each works once."""

from __future__ import annotations

import re
import time
from datetime import timedelta
from typing import Any

import pytest
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, generate_totp_secret, hotp_value
from django.test import Client
from django.urls import reverse

from amanat.accounts import guessing, second_factors
from amanat.accounts.models import Member, SignIn, User, Workspace
from amanat.accounts.tests import factories
from amanat.accounts.tests.browsers import PASSWORD, confirm, newest_code, sign_in, sign_up
from amanat.accounts.tests.looking import nothing_changes
from amanat.core import clock, tenancy
from amanat.core.models import LocalMessage
from amanat.core.tests import texts

pytestmark = pytest.mark.django_db
EMAIL = "asha@example.in"
NEW_PASSWORD = "tractor-nimbu-2 kites"


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Moves the library's clock: it stamps its codes with time.time()."""
    real = time.time

    def move(seconds: float) -> None:
        monkeypatch.setattr("allauth.account.internal.flows.code_verification.time.time", lambda: real() + seconds)

    return move


@pytest.fixture
def user() -> User:
    return factories.make_user(email=EMAIL, password=PASSWORD)


@pytest.fixture
def member(shree: Workspace) -> Member:
    return factories.owner_of(shree)


def wrong_of(right: str) -> str:
    return f"{(int(right) + 1) % 10**6:06}"


def asked(url_name: str, email: str = EMAIL) -> Client:
    client = Client()
    assert client.post(reverse(url_name), {"email": email}).status_code == 302
    return client


CODES = [
    ("account_request_login_code", "account_confirm_login_code", "/"),
    ("account_reset_password", "account_confirm_password_reset_code", reverse("account_complete_password_reset")),
]


@pytest.mark.parametrize(("ask", "answer", "leads_to"), CODES)
def test_a_code_works_within_fifteen_minutes(user: User, later: Any, ask: str, answer: str, leads_to: str) -> None:
    client = asked(ask)
    later(14 * 60)
    assert client.post(reverse(answer), {"code": newest_code(EMAIL)})["Location"] == leads_to


@pytest.mark.parametrize(("ask", "answer", "leads_to"), CODES)
def test_a_code_is_over_after_fifteen_minutes(user: User, later: Any, ask: str, answer: str, leads_to: str) -> None:
    client = asked(ask)
    later(15 * 60 + 1)
    late = client.post(reverse(answer), {"code": newest_code(EMAIL)})
    assert late.headers.get("Location") != leads_to
    assert client.get(reverse("accounts:devices")).status_code == 302


@pytest.mark.parametrize(("ask", "answer", "leads_to"), CODES)
def test_after_five_wrong_codes_the_right_one_is_over(user: User, ask: str, answer: str, leads_to: str) -> None:
    client = asked(ask)
    right = newest_code(EMAIL)
    tried = [client.post(reverse(answer), {"code": wrong_of(right)}).status_code for _ in range(4)]
    assert tried == [422] * 4
    client.post(reverse(answer), {"code": wrong_of(right)})
    assert client.post(reverse(answer), {"code": right}).headers.get("Location") != leads_to


@pytest.mark.parametrize(("ask", "answer", "leads_to"), CODES)
def test_the_code_of_another_browser_does_not_fit(user: User, ask: str, answer: str, leads_to: str) -> None:
    first, second = asked(ask), asked(ask)
    newest = newest_code(EMAIL)
    assert first.post(reverse(answer), {"code": newest}).status_code == 422
    assert second.post(reverse(answer), {"code": newest})["Location"] == leads_to


@pytest.mark.parametrize(("ask", "answer", "leads_to"), CODES)
@pytest.mark.parametrize("typed", ["", " ", "12345", "1234567", "abcdef", "१२३४५६", "0" * 400, "1\x002345"])
def test_what_is_no_code_is_told(user: User, ask: str, answer: str, leads_to: str, typed: str) -> None:
    client = asked(ask)
    if newest_code(EMAIL) == typed:
        pytest.fail("a code of that kind is never sent")
    refused = client.post(reverse(answer), {"code": typed})
    assert refused.status_code == 422 and "field-error" in refused.content.decode()


@pytest.mark.parametrize("typed", ["{code} ", " {code}", "{first} {rest}", "{first}-{rest}"])
def test_a_code_may_be_typed_with_blanks(user: User, typed: str) -> None:
    client = asked("account_request_login_code")
    code = newest_code(EMAIL)
    shown = typed.format(code=code, first=code[:3], rest=code[3:])
    assert client.post(reverse("account_confirm_login_code"), {"code": shown}).headers.get("Location") == "/"


def test_a_code_signs_in_once(user: User) -> None:
    client = asked("account_request_login_code")
    code = newest_code(EMAIL)
    assert client.post(reverse("account_confirm_login_code"), {"code": code})["Location"] == "/"
    client.post(reverse("account_logout"))
    again = client.post(reverse("account_confirm_login_code"), {"code": code})
    assert again["Location"] == reverse("account_request_login_code")


def test_codes_are_six_digits_and_differ(user: User) -> None:
    codes = set()
    for _ in range(6):
        asked("account_request_login_code")
        codes.add(newest_code(EMAIL))
    assert len(codes) >= 5 and all(re.fullmatch(r"\d{6}", code) for code in codes)


def test_a_new_password_by_code_ends_with_signing_in_anew(user: User) -> None:
    elsewhere = Client()
    sign_in(elsewhere, EMAIL)
    client = asked("account_reset_password")
    client.post(reverse("account_confirm_password_reset_code"), {"code": newest_code(EMAIL)})
    refused = client.post(reverse("account_complete_password_reset"), {"password1": "short"})
    assert refused.status_code == 422 and list(refused.context["form"].errors) == ["password1"]
    assert client.post(reverse("account_complete_password_reset"), {"password1": NEW_PASSWORD}).status_code == 302
    assert elsewhere.get(reverse("accounts:devices")).status_code == 302
    assert sign_in(Client(), EMAIL).status_code == 422
    assert sign_in(Client(), EMAIL, NEW_PASSWORD)["Location"] == "/"


def test_a_new_password_by_code_does_not_pass_by_the_second_factor(user: User) -> None:
    TOTP.activate(user, generate_totp_secret())
    client = asked("account_reset_password")
    client.post(reverse("account_confirm_password_reset_code"), {"code": newest_code(EMAIL)})
    client.post(reverse("account_complete_password_reset"), {"password1": NEW_PASSWORD})
    assert client.get(reverse("accounts:devices")).status_code == 302
    assert sign_in(Client(), EMAIL, NEW_PASSWORD)["Location"] == reverse("mfa_authenticate")


def test_a_code_by_email_does_not_pass_by_the_second_factor(user: User) -> None:
    TOTP.activate(user, generate_totp_secret())
    client = asked("account_request_login_code")
    code = {"code": newest_code(EMAIL)}
    assert client.post(reverse("account_confirm_login_code"), code)["Location"] == reverse("mfa_authenticate")
    assert client.get(reverse("accounts:devices")).status_code == 302


# --- one's own e-mail and number ----------------------------------------------------------------------------------
def test_a_new_email_counts_once_its_code_is_typed_and_the_old_address_is_told(member: Member) -> None:
    client, old = factories.signed_in(member), member.user.email
    client.post(reverse("account_email"), {"email": "new@example.in", "action_add": ""})
    assert User.objects.get(pk=member.user_id).email == old
    confirm(client, "new@example.in")
    assert User.objects.get(pk=member.user_id).email == "new@example.in"
    assert list(EmailAddress.objects.filter(user=member.user).values_list("email", "verified")) == [
        ("new@example.in", True)
    ]
    assert LocalMessage.objects.filter(to=old, title="Your e-mail at Amanat was changed").exists()


def test_a_wrong_code_changes_no_email(member: Member, shree: Workspace) -> None:
    client = factories.signed_in(member)
    client.post(reverse("account_email"), {"email": "new@example.in", "action_add": ""})
    right = newest_code("new@example.in")
    with nothing_changes(shree):
        answer = client.post(reverse("account_email_verification_sent"), {"code": wrong_of(right), "action": "verify"})
    assert answer.status_code == 422


def test_somebody_elses_email_is_not_taken_and_the_page_does_not_tell(member: Member) -> None:
    factories.make_user(email="taken@example.in")
    client = factories.signed_in(member)
    answers = [
        client.post(reverse("account_email"), {"email": email, "action_add": ""}).headers.get("Location")
        for email in ("taken@example.in", "free@example.in")
    ]
    assert answers[0] == answers[1]
    assert User.objects.get(pk=member.user_id).email == member.user.email
    assert EmailAddress.objects.get(email="taken@example.in").user_id != member.user_id


def test_a_number_is_kept_once_its_code_is_typed_and_can_be_removed(member: Member) -> None:
    client = factories.signed_in(member)
    assert client.post(reverse("account_change_phone"), {"phone": "98220 41736"})["Location"] == reverse(
        "account_verify_phone"
    )
    assert User.objects.get(pk=member.user_id).phone is None
    right = newest_code("+919822041736")
    assert client.post(reverse("account_verify_phone"), {"code": wrong_of(right)}).status_code == 422
    assert User.objects.get(pk=member.user_id).phone is None
    assert client.post(reverse("account_verify_phone"), {"code": right}).status_code == 302
    found = User.objects.get(pk=member.user_id)
    assert found.phone == "+919822041736" and found.phone_verified_at is not None
    assert client.post(reverse("account_change_phone"), {"action": "remove"}).status_code == 303
    found.refresh_from_db()
    assert (found.phone, found.phone_verified_at) == (None, None)


def test_an_unconfirmed_sign_up_does_not_open_anything(client: Client) -> None:
    sign_up(client, EMAIL)
    for _ in range(3):
        client.post(reverse("account_email_verification_sent"), {"code": wrong_of(newest_code(EMAIL))})
    assert client.get(reverse("accounts:devices")).status_code == 302
    assert not EmailAddress.objects.filter(email=EMAIL, verified=True).exists()
    confirm(client, EMAIL)
    assert client.get(reverse("accounts:devices")).status_code == 200


# --- codes of the app ---------------------------------------------------------------------------------------------
@pytest.fixture
def app(user: User) -> tuple[Authenticator, str]:
    secret = generate_totp_secret()
    return TOTP.activate(user, secret).instance, secret


@pytest.fixture
def halves(monkeypatch: pytest.MonkeyPatch) -> Any:
    """A clock that stands at the beginning of a half minute and is moved by whole ones."""
    base = (int(time.time()) // second_factors.PERIOD + 10) * second_factors.PERIOD

    def stand(number: float) -> int:
        monkeypatch.setattr(second_factors.time, "time", lambda: base + number * second_factors.PERIOD)
        return base // second_factors.PERIOD

    return stand


@pytest.mark.parametrize(
    ("drift", "right"), [(-3, False), (-2, False), (-1, True), (0, True), (1, True), (2, False), (3, False)]
)
def test_a_phone_may_be_half_a_minute_wrong(app: Any, halves: Any, drift: int, right: bool) -> None:
    authenticator, secret = app
    now = halves(0)
    code = format_hotp_value(hotp_value(secret, now + drift))
    assert second_factors.is_right_app_code(authenticator, code) is right


def test_no_code_works_twice_nor_one_older_than_the_last(app: Any, halves: Any) -> None:
    authenticator, secret = app
    now = halves(0)
    codes = {step: format_hotp_value(hotp_value(secret, now + step)) for step in (-1, 0, 1, 2)}
    assert second_factors.is_right_app_code(authenticator, codes[0])
    assert [second_factors.is_right_app_code(authenticator, codes[step]) for step in (0, -1, 0)] == [False] * 3
    halves(1)
    assert [second_factors.is_right_app_code(authenticator, codes[step]) for step in (0, 1, 1)] == [False, True, False]
    halves(2)
    assert second_factors.is_right_app_code(authenticator, codes[2])


def test_a_clock_set_back_does_not_bring_old_codes_to_life(app: Any, halves: Any) -> None:
    authenticator, secret = app
    now = halves(5)
    assert second_factors.is_right_app_code(authenticator, format_hotp_value(hotp_value(secret, now + 5)))
    halves(0)
    assert not second_factors.is_right_app_code(authenticator, format_hotp_value(hotp_value(secret, now)))


def test_each_recovery_code_works_once_whatever_the_order(user: User, app: Any) -> None:
    codes = RecoveryCodes.activate(user).get_unused_codes()
    assert len(codes) == 10
    for code in reversed(codes):
        assert second_factors.matching(user, code) is not None
        assert second_factors.matching(user, code) is None


def test_new_recovery_codes_end_the_old_ones(user: User, app: Any, shree: Workspace) -> None:
    old = RecoveryCodes.activate(user).get_unused_codes()
    with tenancy.inside(shree):
        seat = Member.objects.create(workspace_id=shree.pk, user=user, role="agent", name=user.name)
    client = factories.signed_in(seat)
    assert "10 unused codes" in client.get(reverse("mfa_generate_recovery_codes")).content.decode()
    client.post(reverse("mfa_generate_recovery_codes"))
    page = client.get(reverse("mfa_view_recovery_codes"))
    new = page.context["unused_codes"]
    assert len(new) == 10 and not set(new) & set(old)
    file = client.get(reverse("mfa_download_recovery_codes"))
    assert file["Content-Disposition"].startswith("attachment") and all(code in file.content.decode() for code in new)
    assert second_factors.matching(user, old[0]) is None and second_factors.matching(user, new[0]) is not None


def test_second_factor_tries_come_back(user: User) -> None:
    for _ in range(5):
        guessing.second_factor(user_id=user.pk, session_key="one")
    with pytest.raises(guessing.TooManyTries):
        guessing.second_factor(user_id=user.pk, session_key="one")
    guessing.second_factor(user_id=user.pk, session_key="two")
    with clock.standing_at(clock.now() + timedelta(minutes=15, seconds=1)):
        guessing.second_factor(user_id=user.pk, session_key="one")


@pytest.mark.slow
def test_over_many_sessions_a_user_has_twenty_an_hour_and_sixty_a_day(user: User) -> None:
    def tries(hour: int) -> int:
        done = 0
        with clock.standing_at(start + timedelta(hours=hour, seconds=hour)):
            for number in range(30):
                try:
                    guessing.second_factor(user_id=user.pk, session_key=f"{hour} {number}")
                    done += 1
                except guessing.TooManyTries:
                    pass
        return done

    start = clock.now()
    assert [tries(hour) for hour in (0, 1, 2, 3)] == [20, 20, 20, 0]
    assert tries(25) == 20  # the day is over


def test_sendings_are_counted_for_each_recipient() -> None:
    for _ in range(10):
        guessing.sending("Asha@example.in")
    with pytest.raises(guessing.TooManyTries):
        guessing.sending("asha@example.in ")
    guessing.sending("meera@example.in")


def test_a_wrong_code_of_signing_in_stands_in_the_history_of_its_owner_only(user: User) -> None:
    for email in (EMAIL, "nobody@example.in"):
        client = asked("account_request_login_code", email)
        client.post(reverse("account_confirm_login_code"), {"code": "000000"})
    assert list(SignIn.objects.values_list("user", "outcome")) == [(user.pk, SignIn.Outcome.WRONG_CODE)]


def test_a_number_whose_code_cannot_be_sent_is_not_taken(member: Member, settings: Any) -> None:
    keeps, settings.TEXT_SENDER = settings.TEXT_SENDER, texts.DOWN
    client, here = factories.signed_in(member), reverse("account_change_phone")
    answer = client.post(here, {"phone": "98220 41736"}, follow=True)
    assert answer.redirect_chain == [(here, 303)] and "The code could not be sent." in answer.content.decode()
    settings.TEXT_SENDER = keeps
    assert client.post(here, {"phone": "98220 41736"})["Location"] == reverse("account_verify_phone")
    assert client.post(reverse("account_verify_phone"), {"code": newest_code("+919822041736")}).status_code == 302
