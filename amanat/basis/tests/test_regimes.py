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


@pytest.mark.parametrize(
    "phone",
    [
        "+919822041736", "+4915112345678", "+447911123456", "+14155550132", "+16475550132", "+35316612345", "+390612345678", "+379069812345",
        "+97148765432", "+8613912345678", "+33612345678", "+999123456789", "+800123456789", "+91", "+4412", "919822041736", "", "+91abc2041736",
        "+१२३४५६७८९०", "+3581812345", "+358401234567", "+77012345678", "+78121234567",
    ],
)  # fmt: skip
def test_the_short_way_to_the_country_of_a_phone_says_what_the_long_way_says(phone: str) -> None:
    assert regimes.country_of(phone=phone) == regimes._read_whole(phone)
