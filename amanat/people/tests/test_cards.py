"""Cards that packages above put on a record's page: whose they are, where they stand, who sees them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, cast

import pytest
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext

from amanat.accounts.access import MemberRequest
from amanat.accounts.models import Workspace
from amanat.accounts.permissions import May, Role
from amanat.accounts.tests.factories import make_member
from amanat.people import cards
from amanat.people.cards import Card
from amanat.people.models import Contact
from amanat.people.tests.factories import make_company, make_contact


@pytest.fixture(autouse=True)
def _alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(cards, "_cards", [])
    yield


def _card(name: str, order: int = 10, **fields: Any) -> Card:
    return Card(order, f"{name}.html", fields.pop("context", lambda request, record: {"name": record.name}), **fields)


def _request(workspace: Workspace, role: str = Role.OWNER) -> MemberRequest:
    request = cast(MemberRequest, RequestFactory().get("/"))
    request.member = make_member(workspace, role, name="Asha")
    request.workspace = workspace
    return request


def _shown(request: MemberRequest, record: Any) -> dict[str, list[str]]:
    return {column: [one.template for one in shown] for column, shown in cards.of(request, record).items()}


def test_cards_stand_in_their_column_by_order(shree: Workspace) -> None:
    for name, order, column in (("c", 30, "left"), ("a", 10, "left"), ("z", 5, "right"), ("b", 20, "left")):
        cards.register(_card(name, order, column=column))
    assert _shown(_request(shree), make_contact(shree)) == {
        "left": ["a.html", "b.html", "c.html"],
        "right": ["z.html"],
        "trust": [],
    }


def test_a_card_registered_again_takes_the_place_of_the_first(shree: Workspace) -> None:
    cards.register(_card("a", context=lambda request, record: {"first": 1}))
    cards.register(_card("a", 99, column="right", context=lambda request, record: {"second": 2}))
    shown = cards.of(_request(shree), make_contact(shree))
    assert (shown["left"], [one.context for one in shown["right"]]) == ([], [{"second": 2}])


def test_a_card_without_a_context_is_left_out(shree: Workspace) -> None:
    cards.register(_card("a", context=lambda request, record: None))
    cards.register(_card("b", context=lambda request, record: {}))
    assert _shown(_request(shree), make_contact(shree)) == {"left": ["b.html"], "right": [], "trust": []}


def test_cards_are_for_contacts_companies_or_both(shree: Workspace) -> None:
    (
        cards.register(_card("people", on=("contact",))),
        cards.register(_card("firms", 20, on=("company",))),
        cards.register(_card("both", 30)),
    )
    request = _request(shree)
    assert _shown(request, make_contact(shree))["left"] == ["people.html", "both.html"]
    assert _shown(request, make_company(shree))["left"] == ["firms.html", "both.html"]


@pytest.mark.parametrize("role", Role.values)
def test_a_card_asks_for_its_permission_before_it_reads_anything(shree: Workspace, role: str) -> None:
    asked = []

    def context(request: MemberRequest, record: Any) -> dict[str, Any]:
        asked.append(record.name)
        return {}

    cards.register(_card("papers", context=context, permission=May.OPEN_PAPERS))
    request = _request(shree, role)
    shown = _shown(request, make_contact(shree, "Sunita"))["left"]
    assert (shown, asked) == ((["papers.html"], ["Sunita"]) if request.member.may(May.OPEN_PAPERS) else ([], []))


def test_a_card_gets_the_record_it_is_for(shree: Workspace) -> None:
    cards.register(_card("a"))
    shown = cards.of(_request(shree), make_contact(shree, "Sunita"))
    assert shown["left"][0].context == {"name": "Sunita"}


def test_the_reads_of_all_cards_are_one_statement(shree: Workspace) -> None:
    def reading(name: str) -> Any:
        return lambda request, record: {name: ("SELECT %s::uuid AS id, %s AS name", [record.pk, name])}

    for name in ("a", "b"):
        one = _card(name, context=lambda request, record, name=name: {"rows": cards.rows(request, name)})
        cards.register(replace(one, reads=reading(name)))
    request, contact = _request(shree), make_contact(shree)
    with CaptureQueriesContext(connection) as asked:
        shown = cards.of(request, contact)["left"]
    assert len(asked) == 1
    assert [card.context["rows"] for card in shown] == [[{"id": str(contact.pk), "name": name}] for name in ("a", "b")]
    assert cards.instance(Contact, {"id": str(contact.pk)}) == contact


def test_a_card_not_shown_reads_nothing(shree: Workspace) -> None:
    firms = _card("firms", on=("company",))
    cards.register(replace(firms, reads=lambda request, record: {"firms": ("SELECT 1/0 AS broken", [])}))
    assert _shown(_request(shree), make_contact(shree)) == {"left": [], "right": [], "trust": []}
