"""Which law protects a person: a rule, not a guess. All that apply hold at once, and the strictest answer counts.

- `in-dpdp` protects everyone whose data a workspace in India processes, wherever the person is (DPDP Act s.3(a)); so it always applies
  where the policy names it.
- `eu-gdpr` applies when the person is in the European Economic Area or the United Kingdom, whose law has the same shape (article 3).
- `us-ccpa` applies when the person is in the United States: we do not know the State, so California's law is assumed.

Where a person is, her address says, else the country code of her phone. Who says neither is taken to be where the workspace is.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import phonenumbers
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

EEA_AND_UK = frozenset(
    {
        "AT", "BE", "BG", "HR", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MT",
        "NL", "NO", "PL", "PT", "RO", "SE", "SI", "SK", "GB",
    }
)  # fmt: skip
_PEOPLE_IN = {"eu-gdpr": EEA_AND_UK, "us-ccpa": frozenset({"US"})}

#: English names of the countries above, for addresses that people typed.
_NAMES = {
    "austria": "AT", "belgium": "BE", "bulgaria": "BG", "croatia": "HR", "cyprus": "CY", "czechia": "CZ", "czech republic": "CZ",
    "germany": "DE", "denmark": "DK", "estonia": "EE", "spain": "ES", "finland": "FI", "france": "FR", "greece": "GR",
    "hungary": "HU", "ireland": "IE", "iceland": "IS", "italy": "IT", "liechtenstein": "LI", "lithuania": "LT", "luxembourg": "LU",
    "latvia": "LV", "malta": "MT", "netherlands": "NL", "norway": "NO", "poland": "PL", "portugal": "PT", "romania": "RO",
    "sweden": "SE", "slovenia": "SI", "slovakia": "SK", "united kingdom": "GB", "uk": "GB", "england": "GB", "scotland": "GB",
    "wales": "GB", "united states": "US", "united states of america": "US", "usa": "US", "india": "IN", "bharat": "IN",
}  # fmt: skip

#: Characters of a number in E.164, as long as any that is in use.
_SHORTEST, _LONGEST = 8, 16


def protecting(in_scope: Sequence[str], *, country: str = "", phone: str = "") -> tuple[str, ...]:
    """Those of the laws `in_scope` that protect a person. `country` as typed in an address, `phone` in E.164; either may be empty."""
    where = country_of(country=country, phone=phone)
    return tuple(law for law in in_scope if law not in _PEOPLE_IN or where in _PEOPLE_IN[law])


def country_of(*, country: str = "", phone: str = "") -> str:
    """The code of the country a person is in as far as her address or else her phone says, or ""."""
    return _code(country) or _of_phone(phone)


def _code(country: str) -> str:
    plain = country.strip()
    return plain.upper() if len(plain) == 2 else _NAMES.get(plain.lower(), "")


def _of_phone(phone: str) -> str:
    """Most country codes belong to one country. A number is read whole only where several share one: that costs 25 times as much."""
    if phone.startswith("+") and phone[1:].isascii() and phone[1:].isdigit() and _SHORTEST <= len(phone) <= _LONGEST:
        regions = next(
            (found for end in (2, 3, 4) if (found := COUNTRY_CODE_TO_REGION_CODE.get(int(phone[1:end])))), ()
        )
        if len(regions) == 1:
            return str(regions[0])
    return _read_whole(phone)


@lru_cache(maxsize=4096)
def _read_whole(phone: str) -> str:
    try:
        return phonenumbers.region_code_for_number(phonenumbers.parse(phone)) or ""
    except phonenumbers.NumberParseException:
        return ""
