"""Limits against many clients at once: a real server on a real port, forty threads with connections of their own."""

from __future__ import annotations

import http.client
import re
import threading
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from allauth.account import forms
from django.core.servers.basehttp import ThreadedWSGIServer, WSGIRequestHandler
from django.core.wsgi import get_wsgi_application
from django.db import connections
from django.test import Client
from django.urls import reverse

from amanat.accounts import access, guessing
from amanat.accounts.models import SignIn, User
from amanat.accounts.tests import factories
from amanat.accounts.tests.browsers import PASSWORD, newest_code, sign_in
from amanat.accounts.tests.parallel import at_once
from amanat.core import clock, limits
from amanat.core.models import LocalMessage

CLIENTS = 40


class _Quiet(WSGIRequestHandler):
    def log_message(self, *args: Any) -> None:
        """Nothing: forty clients would fill the report."""


class _Server(ThreadedWSGIServer):
    request_queue_size = 256  # forty connections come in one moment


@pytest.fixture
def port(committed_db: None) -> Iterator[int]:
    """A server in this process with one thread a request, each with its own connection to the committed database."""
    application = get_wsgi_application()

    def with_own_connections(environ: dict[str, Any], start: Any) -> Any:
        try:
            return application(environ, start)
        finally:
            connections.close_all()

    server = _Server(("127.0.0.1", 0), _Quiet, connections_override=None)
    server.set_app(with_own_connections)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


class Browser:
    """One client: its cookies, its connection, the address a proxy would say."""

    def __init__(self, port: int, cookies: dict[str, str] | None = None) -> None:
        self.port, self.cookies = port, dict(cookies or {})

    def send(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, body, Location."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=120)
        headers = {"Host": "localhost", "Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        body = None
        if form is not None:
            body = urlencode({**form, "csrfmiddlewaretoken": self.cookies["csrf"]})
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        text = answer.read().decode()
        for name, value in answer.getheaders():
            if name.lower() == "set-cookie":
                key, _, rest = value.partition("=")
                self.cookies[key] = rest.split(";")[0]
        connection.close()
        return answer.status, text, answer.getheader("Location") or ""

    def post(self, path: str, form: dict[str, str]) -> tuple[int, str, str]:
        if "csrf" not in self.cookies:
            self.send("GET", reverse("account_login"))
        return self.send("POST", path, form)


def statuses(answers: list[tuple[int, str, str]]) -> dict[int, int]:
    found: dict[int, int] = {}
    for status, _text, _where in answers:
        found[status] = found.get(status, 0) + 1
    return found


@pytest.mark.slow
def test_of_forty_clients_at_once_twenty_guess_a_password(port: int) -> None:
    user = factories.make_user(email="asha@example.in", password=PASSWORD)
    first = Browser(port)
    first.send("GET", reverse("account_login"))
    form = {"login": "asha@example.in", "password": "wrong wrong wrong"}
    answers = at_once(lambda _: Browser(port, first.cookies).post(reverse("account_login"), form), range(CLIENTS))
    assert statuses(answers) == {422: 20, 429: 20}
    assert SignIn.objects.filter(user=user).count() == 20
    right = {"login": "asha@example.in", "password": PASSWORD}
    assert Browser(port).post(reverse("account_login"), right)[0] == 429


@pytest.mark.slow
def test_an_unknown_account_runs_out_of_tries_alike(port: int) -> None:
    first = Browser(port)
    first.send("GET", reverse("account_login"))
    form = {"login": "nobody@example.in", "password": "wrong wrong wrong"}
    answers = at_once(lambda _: Browser(port, first.cookies).post(reverse("account_login"), form), range(CLIENTS))
    assert statuses(answers) == {422: 20, 429: 20}


@pytest.mark.slow
@pytest.mark.parametrize(
    ("ask", "guess"),
    [
        ("account_request_login_code", "account_confirm_login_code"),
        ("account_reset_password", "account_confirm_password_reset_code"),
    ],
)
def test_of_forty_copies_of_a_cookie_five_guess_a_code(
    port: int, ask: str, guess: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The library counts in the session, where forty copies would read the same count: ours lets five compare."""
    factories.make_user(email="asha@example.in", password=PASSWORD)
    first = Browser(port)
    first.post(reverse(ask), {"email": "asha@example.in"})
    right = newest_code("asha@example.in")
    compared: list[str] = []
    original = forms.compare_user_code

    def counted(*, actual: str, expected: str) -> bool:
        compared.append(actual)
        return original(actual=actual, expected=expected)

    monkeypatch.setattr(forms, "compare_user_code", counted)
    wrong = [f"{(int(right) + 1 + number) % 10**6:06}" for number in range(CLIENTS)]
    at_once(lambda code: Browser(port, first.cookies).post(reverse(guess), {"code": code}), wrong)
    assert 1 <= len(compared) <= 5
    status, _text, where = Browser(port, first.cookies).post(reverse(guess), {"code": right})
    assert where != "/" and status in (302, 429)


def test_who_drops_the_cookie_starts_anew(port: int) -> None:
    factories.make_user(email="asha@example.in", password=PASSWORD)
    Browser(port).post(reverse("account_request_login_code"), {"email": "asha@example.in"})
    code = newest_code("asha@example.in")
    status, _text, where = Browser(port).post(reverse("account_confirm_login_code"), {"code": code})
    assert (status, where) == (302, reverse("account_request_login_code"))


@pytest.mark.slow
@pytest.mark.parametrize("ask", ["account_request_login_code", "account_reset_password"])
@pytest.mark.parametrize("email", ["asha@example.in", "nobody@example.in"])
def test_of_forty_askings_at_once_ten_codes_are_sent(port: int, ask: str, email: str) -> None:
    factories.make_user(email="asha@example.in", password=PASSWORD)
    first = Browser(port)
    first.send("GET", reverse("account_login"))
    answers = at_once(lambda _: Browser(port, first.cookies).post(reverse(ask), {"email": email}), range(CLIENTS))
    assert statuses(answers) == {302: 10, 429: 30}
    assert LocalMessage.objects.filter(to=email).count() == 10


@pytest.mark.slow
def test_of_forty_sign_ups_at_once_with_one_address_one_account_is_made(port: int) -> None:
    first = Browser(port)
    first.send("GET", reverse("account_login"))
    typed = {"name": "Asha", "email": "asha@example.in", "phone": "", "password1": PASSWORD}
    answers = at_once(lambda _: Browser(port, first.cookies).post(reverse("account_signup"), typed), range(CLIENTS))
    assert set(statuses(answers)) <= {302, 429}
    assert all(re.search("confirm-email", where) for status, _text, where in answers if status == 302)
    assert User.objects.filter(email="asha@example.in").count() == 1


@pytest.mark.slow
@pytest.mark.django_db
def test_a_stranger_does_not_lock_the_owner_out_of_her_own_place() -> None:
    factories.make_user(email="asha@example.in", password=PASSWORD)
    assert sign_in(Client(REMOTE_ADDR="203.0.113.7"), "asha@example.in").status_code == 302
    for number in range(25):
        sign_in(Client(REMOTE_ADDR=f"198.51.100.{number}"), "asha@example.in", "wrong wrong wrong")
    assert sign_in(Client(REMOTE_ADDR="198.51.100.200"), "asha@example.in").status_code == 429
    assert sign_in(Client(REMOTE_ADDR="203.0.113.7"), "asha@example.in").status_code == 302


@pytest.mark.slow
@pytest.mark.django_db
def test_at_a_known_place_tries_run_out_too_and_success_forgives_them() -> None:
    factories.make_user(email="asha@example.in", password=PASSWORD)
    home = {"REMOTE_ADDR": "203.0.113.7"}
    sign_in(Client(**home), "asha@example.in")
    for _ in range(2):
        assert [sign_in(Client(**home), "asha@example.in", "wrong wrong wrong").status_code for _ in range(19)] == [
            422
        ] * 19
        assert sign_in(Client(**home), "asha@example.in").status_code == 302
    assert [sign_in(Client(**home), "asha@example.in", "wrong").status_code for _ in range(21)] == [422] * 20 + [429]


@pytest.mark.django_db
def test_a_place_is_known_for_ninety_days_and_a_subnet_as_one() -> None:
    user = factories.make_user(email="asha@example.in")
    SignIn.objects.create(user=user, outcome="signed in", address="2001:db8:1:2::7")
    SignIn.objects.create(user=user, outcome="wrong password", address="192.0.2.1")
    known = lambda address: guessing.is_known_place("Asha@example.in", limits.network_of(address))  # noqa: E731
    assert known("2001:db8:1:2:ffff::1") and not known("2001:db8:1:3::7")
    assert not known("192.0.2.1") and not known("nonsense")
    with clock.standing_at(clock.now() + timedelta(days=91)):
        assert not known("2001:db8:1:2::7")


@pytest.mark.django_db
def test_the_addresses_of_one_ipv6_owner_count_as_one() -> None:
    (door,) = access.DOOR
    for number in range(door.tries - 1):  # as the route counts them, from another of the owner's addresses each time
        limits.spend("account_login", limits.network_of(f"2001:db8:1:2::{number:x}"), door)
    tried = [
        sign_in(Client(REMOTE_ADDR=address), f"nobody{number}@example.in", "wrong wrong wrong").status_code
        for number, address in enumerate(["2001:db8:1:2:a::1", "2001:db8:1:2:b::1", "2001:db8:1:3::1"])
    ]
    assert tried == [422, 429, 422]


@pytest.mark.django_db
def test_tries_come_back_after_an_hour() -> None:
    for _ in range(20):
        guessing.password(email="asha@example.in", address="198.51.100.1")
    with pytest.raises(guessing.TooManyTries) as refused:
        guessing.password(email="ASHA@example.in ", address="198.51.100.2")
    assert 3500 < refused.value.retry_after <= 3600
    with clock.standing_at(clock.now() + timedelta(hours=1, seconds=1)):
        guessing.password(email="asha@example.in", address="198.51.100.1")
