"""Links that packages above put into the menu of the lists of contacts and companies: what can be done with the people of the list as it is filtered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from django.utils.functional import Promise

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May


@dataclass(frozen=True, slots=True)
class Link:
    """An entry of the menu. The address of the list (its filters, order and columns) is added to `url`."""

    label: str | Promise
    icon: str
    url: str


@dataclass(frozen=True, slots=True)
class Offer:
    """What finds the links of a package. `links` costs no statement: a list has eight."""

    name: str
    permission: May
    links: Callable[[MemberRequest], Sequence[Link]]
    on: str = "contact"


_offers: dict[str, Offer] = {}


def register(offer: Offer) -> None:
    """Called in AppConfig.ready(); the same name registered again replaces the first."""
    _offers[offer.name] = offer


def links_for(request: MemberRequest, on: str) -> list[Link]:
    """The links the member may see on the list of `on`."""
    return [
        link
        for offer in _offers.values()
        if offer.on == on and request.member.may(offer.permission)
        for link in offer.links(request)
    ]
