from __future__ import annotations

import pytest
from django.contrib.auth.hashers import check_password, identify_hasher, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from amanat.accounts.models import User
from amanat.accounts.passwords import Argon2id

pytestmark = pytest.mark.usefixtures("real_hashes")


@pytest.mark.slow
def test_passwords_are_hashed_with_argon2id_64_mib_3_passes() -> None:
    stored = make_password("marigold lorry pencil")
    assert stored.startswith("argon2$argon2id$v=19$m=65536,t=3,p=1$")
    assert identify_hasher(stored).algorithm == "argon2"
    assert check_password("marigold lorry pencil", stored) and not check_password("marigold lorry", stored)


@pytest.mark.slow
def test_a_hash_of_the_reference_code_is_believed() -> None:
    """The salt is "somesaltsomesalt"."""
    stored = "argon2$argon2id$v=19$m=65536,t=3,p=1$c29tZXNhbHRzb21lc2FsdA$N+SrQ0hh/RMdQ83pk6+T9GYI/eVY3GLSU61oxkrdfQI"
    assert check_password("marigold lorry pencil", stored) and not check_password("marigold lorry pencil ", stored)


@pytest.mark.parametrize(
    ("stored", "old"),
    [
        ("argon2$argon2id$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA", False),
        ("argon2$argon2id$v=19$m=65536,t=2,p=1$c2FsdA$aGFzaA", True),
        ("argon2$argon2id$v=19$m=32768,t=3,p=1$c2FsdA$aGFzaA", True),
        ("argon2$argon2i$v=19$m=65536,t=3,p=1$c2FsdA$aGFzaA", True),
    ],
)
def test_a_weaker_hash_is_made_anew_at_the_next_sign_in(stored: str, old: bool) -> None:
    assert Argon2id().must_update(stored) is old


@pytest.mark.slow
def test_two_people_with_one_password_have_two_hashes() -> None:
    assert make_password("marigold lorry pencil") != make_password("marigold lorry pencil")


@pytest.mark.parametrize("stored", ["argon2$", "argon2$argon2id$v=19$m=65536,t=3,p=1$", "argon2$argon2id$nonsense"])
def test_a_spoiled_hash_lets_nobody_in(stored: str) -> None:
    assert not check_password("marigold lorry pencil", stored)


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
