from __future__ import annotations

import pytest

from amanat.basis import regimes

ALL = ("in-dpdp", "eu-gdpr", "us-ccpa")


@pytest.mark.parametrize(
    ("country", "phone", "protected_by"),
    [
        ("", "", ["in-dpdp"]),
        ("India", "+919822041736", ["in-dpdp"]),
        ("", "+919822041736", ["in-dpdp"]),
        ("Germany", "", ["in-dpdp", "eu-gdpr"]),
        ("  germany ", "", ["in-dpdp", "eu-gdpr"]),
        ("de", "", ["in-dpdp", "eu-gdpr"]),
        ("", "+4915112345678", ["in-dpdp", "eu-gdpr"]),
        ("", "+442079460000", ["in-dpdp", "eu-gdpr"]),
        ("United Kingdom", "", ["in-dpdp", "eu-gdpr"]),
        ("USA", "", ["in-dpdp", "us-ccpa"]),
        ("", "+14155550100", ["in-dpdp", "us-ccpa"]),
        ("", "+14165550100", ["in-dpdp"]),  # the same country code, but Canada
        ("India", "+4915112345678", ["in-dpdp"]),  # the address says more than the phone
        ("Atlantis", "+4915112345678", ["in-dpdp", "eu-gdpr"]),  # an address that says nothing
        ("", "+97150123", ["in-dpdp"]),
        ("", "nonsense", ["in-dpdp"]),
    ],
)
def test_where_the_person_is_decides_which_laws_protect_her(country: str, phone: str, protected_by: list[str]) -> None:
    assert list(regimes.protecting(ALL, country=country, phone=phone)) == protected_by


def test_a_law_the_policy_does_not_name_is_not_asked() -> None:
    assert regimes.protecting(("in-dpdp",), country="Germany") == ("in-dpdp",)
    assert regimes.protecting((), country="Germany") == ()


def test_every_country_that_has_a_name_is_one_that_a_law_here_knows() -> None:
    known = regimes.EEA_AND_UK | {"US", "IN"}
    assert set(regimes._NAMES.values()) <= known
    assert set(regimes._NAMES.values()) >= regimes.EEA_AND_UK
