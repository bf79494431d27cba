"""To whom a person can go who is not content with an answer, by the law that protects her."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True, slots=True)
class Authority:
    """`law` is the regime; `url` "" where the authority's own page is not settled."""

    law: str
    name: str | Promise
    how: str | Promise
    url: str = ""


_BY_LAW = {
    "in-dpdp": Authority(
        "in-dpdp",
        _("Data Protection Board of India"),
        _("after our grievance officer has answered, or has not answered in time (DPDP Act, section 13)"),
    ),
    "eu-gdpr": Authority(
        "eu-gdpr",
        _("the data protection authority of the country where you live"),
        _("at any time (GDPR, article 77)"),
        "https://www.edpb.europa.eu/about-edpb/about-edpb/members_en",
    ),
    "us-ccpa": Authority(
        "us-ccpa",
        _("the Attorney General of California"),
        _("at any time (California Consumer Privacy Act)"),
        "https://oag.ca.gov/contact/consumer-complaint-against-business-or-company",
    ),
}


def of(regimes: Iterable[str]) -> list[Authority]:
    """The authorities for these laws, in their order; a law without one known to us is left out."""
    return [_BY_LAW[law] for law in regimes if law in _BY_LAW]


def knows(law: str) -> bool:
    return law in _BY_LAW


def in_words(regimes: Iterable[str]) -> list[str]:
    """One line for each, for messages."""
    return [f"{one.name}: {one.how}{f' ({one.url})' if one.url else ''}" for one in of(regimes)]
