"""Sealing of notifications, held against the examples of RFC 8291 and RFC 8292, and opened by the double as browsers do."""

from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given, settings
from hypothesis import strategies as st

from amanat.messaging.push import encryption
from amanat.messaging.push.encryption import Keys, decoded, encoded
from amanat.messaging.sandbox import push as double

# RFC 8291, 5 and appendix A
PLAIN = b"When I grow up, I want to be a watermelon"
SECRET = decoded("BTBZMqHH6r4Tts7J_aSIgg")
SALT = decoded("DGv6ra1nlYgDCS1FRnbzlw")
THEIRS = int.from_bytes(decoded("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"))
OURS = int.from_bytes(decoded("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw"))
PUBLIC = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_y"
    "l95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)
# RFC 8292, 2.4
SIGNED = (
    "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3NjgsInN1YiI6"
    "Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA, "
    "k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs"
)


def browser() -> tuple[ec.EllipticCurvePrivateKey, Keys]:
    private = ec.derive_private_key(THEIRS, ec.SECP256R1())
    return private, Keys(encryption.public_bytes(private), SECRET)


def test_the_example_of_the_rfc_comes_out_byte_by_byte() -> None:
    _private, keys = browser()
    assert encoded(keys.public) == PUBLIC
    own = ec.derive_private_key(OURS, ec.SECP256R1())
    assert encoded(encryption.sealed(PLAIN, keys, salt=SALT, own=own)) == BODY


def test_the_double_reads_the_example_of_the_rfc() -> None:
    assert double.opened(decoded(BODY), ec.derive_private_key(THEIRS, ec.SECP256R1()), SECRET) == PLAIN


def test_the_double_knows_the_signature_of_the_rfc_and_refuses_others() -> None:
    asked = {"audience": "https://push.example.net", "now": 1453523768 - 60.0}
    assert double.checked_vapid(SIGNED, **asked) == "mailto:push@example.com"
    for header, changes in (
        (SIGNED.replace("i3CY", "i3CZ"), {}),
        (SIGNED, {"audience": "https://other.example.net"}),
        (SIGNED, {"now": 1453523768 + 1.0}),
        (SIGNED, {"now": 1453523768 - 86_401.0}),
        ("vapid t=a.b.c, k=AAAA", {}),
        ("Bearer x", {}),
        ("", {}),
    ):
        with pytest.raises(double.Refused):
            double.checked_vapid(header, **{**asked, **changes})


@settings(max_examples=25, deadline=None)
@given(text=st.binary(max_size=1_000), length=st.sampled_from([0, 600]))
def test_what_is_sealed_is_read_and_short_texts_have_one_length(text: bytes, length: int) -> None:
    private, keys = browser()
    body = encryption.sealed(text, keys, length=length)
    assert double.opened(body, private, SECRET) == text
    if len(text) <= length:
        assert len(body) == len(encryption.sealed(b"", keys, length=length))


def test_two_sealings_differ_and_another_browser_reads_neither() -> None:
    private, keys = browser()
    first, second = (encryption.sealed(PLAIN, keys) for _ in range(2))
    assert first != second
    with pytest.raises(InvalidTag):
        double.opened(first, private, b"x" * 16)
    with pytest.raises(InvalidTag):
        double.opened(first, ec.generate_private_key(ec.SECP256R1()), SECRET)


def test_too_long_a_text_is_refused() -> None:
    with pytest.raises(ValueError, match="short"):
        encryption.sealed(b"x" * 4_000, browser()[1])


@pytest.mark.parametrize(
    ("public", "secret"),
    [
        ("", ""),
        (PUBLIC, encoded(b"x" * 15)),
        (PUBLIC[:-2], encoded(SECRET)),
        (encoded(b"\x04" + b"\x01" * 64), encoded(SECRET)),  # not on the curve
        (encoded(b"\x00" * 65), encoded(SECRET)),
        ("!" + PUBLIC[1:], encoded(SECRET)),
        (PUBLIC, "é" * 22),
    ],
)
def test_keys_that_no_browser_gives_are_refused(public: str, secret: str) -> None:
    with pytest.raises(ValueError):
        encryption.read_keys(public, secret)


def test_keys_are_read_with_and_without_padding() -> None:
    keys = encryption.read_keys(PUBLIC + "=", encoded(SECRET) + "==")
    assert keys == encryption.read_keys(PUBLIC, encoded(SECRET)) == browser()[1]
