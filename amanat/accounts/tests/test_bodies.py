"""What is sent is refused by its length before it is read, and a large upload is taken in only from who is known."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import HttpRequest
from django.test import Client

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import bodies

FORM = "multipart/form-data; boundary=x"


def sent(client: Client, path: str, length: int, **headers: Any) -> Any:
    """The answer to a body that is announced and never comes."""
    return client.generic("POST", path, b"-", FORM, headers=headers, CONTENT_LENGTH=str(length))


def test_a_stranger_may_not_send_what_a_member_may(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "take_in", lambda request: None)
    assert sent(Client(), "/imports/", bodies.MOST_OF_STRANGERS + 1).status_code == 413
    answer = sent(signed_in(owner_of(shree)), "/imports/", bodies.MOST_OF_MEMBERS + 1)
    assert answer.status_code == 413 and "This is too large" in answer.text
    taken: list[int] = []

    def give_up(request: HttpRequest) -> None:
        taken.append(1)
        raise bodies.TooSlow

    monkeypatch.setattr(bodies, "take_in", give_up)
    assert sent(signed_in(owner_of(shree)), "/imports/", bodies.MOST_OF_STRANGERS + 1).status_code == 408
    assert taken == [1], "hers was read"


@pytest.mark.parametrize("token", ["", "Bearer amt_nonsense", "Bearer amt_" + "0" * 32 + "_" + "a" * 43])
def test_a_large_upload_without_a_token_is_refused_unread(
    db: None, monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    monkeypatch.setattr(bodies, "take_in", lambda request: pytest.fail("it was read"))
    answer = sent(Client(), "/api/v1/imports", 90_000_000, **({"Authorization": token} if token else {}))
    assert (answer.status_code, answer["Content-Type"]) == (401, "application/problem+json")


def test_who_finds_no_place_is_asked_to_come_again(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "WAITS", (0.0, 0.0))
    full = bodies.Places(1, 1)
    monkeypatch.setattr(bodies, "places", lambda *, known: full)
    with full.one("somebody", wait=0):
        assert Client().post("/accounts/login/", {"login": "a@b.example"}).status_code == 429
        assert Client().get("/accounts/login/").status_code == 200
    assert Client().post("/accounts/login/", {"login": "a@b.example"}).status_code not in (408, 429)
