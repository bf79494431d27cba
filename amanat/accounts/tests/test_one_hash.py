"""Signing in costs one password hash, whoever asks: hashing is nine tenths of the time and must not happen twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts.passwords import Argon2id
from amanat.accounts.tests.factories import make_user

PASSWORD = "seven quiet lanterns"


@pytest.fixture
def hashes(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    done: list[str] = []
    for name in ("verify", "encode"):
        real = getattr(Argon2id, name)

        def counted(self: Argon2id, *args: object, _name: str = name, _real: object = real) -> object:
            done.append(_name)
            return _real(self, *args)  # type: ignore[operator]

        monkeypatch.setattr(Argon2id, name, counted)
    yield done


@pytest.mark.parametrize(
    ("email", "password"),
    [("asha@example.in", PASSWORD), ("asha@example.in", "six loud lanterns"), ("nobody@example.in", PASSWORD)],
)
def test_signing_in_hashes_once(db: None, hashes: list[str], email: str, password: str) -> None:
    make_user(email="asha@example.in", password=PASSWORD)
    hashes.clear()
    Client().post(reverse("account_login"), {"login": email, "password": password})
    assert len(hashes) == 1
