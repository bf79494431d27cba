from __future__ import annotations

import pytest
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from amanat.accounts.models import User


def test_passwords_are_hashed_with_argon2id_64_mib_3_passes() -> None:
    stored = make_password("marigold lorry pencil")
    assert stored.startswith("argon2$argon2id$v=19$m=65536,t=3,p=1$")
    assert identify_hasher(stored).algorithm == "argon2"
    assert check_password("marigold lorry pencil", stored) and not check_password("marigold lorry", stored)


@pytest.mark.parametrize(
    "password",
    [
        "password123",
        "P@ssw0rd2024",
        "qwertyuiop",
        "1234567890",
        "iloveyou12",
        "Krishna@12345",
        "aaaaaaaaaaaa",
        "short",
        "jaishriram1",
    ],
)
def test_what_is_guessed_first_is_refused(password: str) -> None:
    with pytest.raises(ValidationError):
        validate_password(password)


@pytest.mark.parametrize(
    "password", ["marigold lorry pencil", "Vd7!kqpz-Lm2", "पीली गेंद और नाव", "tractor-nimbu-2 kites"]
)
def test_what_is_hard_to_guess_is_taken(password: str) -> None:
    validate_password(password)


def test_ones_own_name_and_address_are_refused() -> None:
    with pytest.raises(ValidationError):
        validate_password("rekhakulkarni9", User(email="rekhakulkarni@example.in", name="Rekha"))
