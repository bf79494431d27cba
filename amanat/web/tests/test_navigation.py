"""What a member finds in the shell."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from django.http import HttpRequest
from django.test import RequestFactory

from amanat.web import context, navigation
from amanat.web.navigation import Entry, Offer


class Clerk:
    def may(self, permission: str) -> bool:
        return permission == "contacts.view"


@pytest.fixture(autouse=True)
def _empty(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(navigation, "_entries", [])
    monkeypatch.setattr(navigation, "_offers", [])
    monkeypatch.setattr(navigation, "reverse", lambda name: {"home": "/"}.get(name, f"/{name.replace(':', '/')}/"))
    yield


def request_of(member: object, path: str = "/") -> HttpRequest:
    request: Any = RequestFactory().get(path)
    request.member, request.workspace = member, SimpleNamespace(name="Shree CSC Kendra") if member else None
    return request


def labels(request: HttpRequest, section: str = "work") -> list[str]:
    return [str(entry.label) for entry in navigation.shown(request)[section]]


def test_entries_stand_in_order_and_only_those_the_member_may_use() -> None:
    navigation.register(Entry("work", 20, "Contacts", "users", "contacts", "contacts.view"))
    navigation.register(Entry("work", 10, "Home", "house", "home"))
    navigation.register(Entry("work", 30, "Billing", "receipt-indian-rupee", "billing", "billing.view"))
    assert labels(request_of(Clerk())) == ["Home", "Contacts"]


def test_signed_out_visitor_sees_nothing() -> None:
    navigation.register(Entry("work", 10, "Home", "house", "home"))
    navigation.offer(Offer(10, "Contact", "user-plus", "contact_new"))
    assert navigation.shown(request_of(None)) == {"work": [], "trust": [], "workspace": [], "member": []}
    assert navigation.offers(request_of(None)) == []
    assert navigation.shown(RequestFactory().get("/"))["work"] == []


def test_entry_of_a_feature_that_is_off_is_left_out() -> None:
    navigation.register(Entry("work", 10, "Calls", "phone", "calls", is_on=lambda request: False))
    navigation.register(Entry("work", 20, "Home", "house", "home", is_on=lambda request: True))
    assert labels(request_of(Clerk())) == ["Home"]


def test_badge_is_asked_with_the_request_and_only_for_shown_entries() -> None:
    asked: list[HttpRequest] = []

    def count(request: HttpRequest) -> int:
        asked.append(request)
        return 4

    navigation.register(Entry("work", 10, "Inbox", "inbox", "inbox", badge=count))
    navigation.register(Entry("work", 20, "Billing", "wallet", "billing", "billing.view", badge=count))
    request = request_of(Clerk())
    assert [entry.badge for entry in navigation.shown(request)["work"]] == [4]
    assert asked == [request]


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/", ["Home"]),
        ("/contacts/", ["Contacts"]),
        ("/contacts/17/", ["Contacts"]),
        ("/contacts/lists/3/", ["Lists"]),
        ("/contactsx/", []),
    ],
)
def test_the_entry_with_the_longest_fitting_address_is_current(path: str, current: list[str]) -> None:
    navigation.register(Entry("work", 10, "Home", "house", "home"))
    navigation.register(Entry("work", 20, "Contacts", "users", "contacts"))
    navigation.register(Entry("workspace", 30, "Lists", "list", "contacts:lists"))
    sections = navigation.shown(request_of(Clerk(), path))
    assert [entry.label for entries in sections.values() for entry in entries if entry.is_current] == current


@pytest.mark.parametrize(
    ("path", "current"),
    [
        ("/fields/", ["Fields"]),
        ("/stages/", ["Fields"]),
        ("/stages/7/", ["Fields"]),
        ("/tags/", ["Fields"]),
        ("/stages/old/", ["Old stages"]),
        ("/stagesx/", []),
    ],
)
def test_an_entry_is_current_also_on_the_pages_that_belong_to_it(path: str, current: list[str]) -> None:
    navigation.register(Entry("workspace", 10, "Fields", "columns-3", "fields", also=("/stages/", "/tags/")))
    navigation.register(Entry("workspace", 20, "Old stages", "list", "stages:old"))
    sections = navigation.shown(request_of(Clerk(), path))
    assert [entry.label for entry in sections["workspace"] if entry.is_current] == current


def test_registering_again_replaces() -> None:
    navigation.register(Entry("work", 10, "Home", "house", "home"))
    navigation.register(Entry("work", 10, "Start", "house", "home"))
    navigation.offer(Offer(10, "Contact", "user-plus", "contact_new"))
    navigation.offer(Offer(10, "Person", "user-plus", "contact_new"))
    assert labels(request_of(Clerk())) == ["Start"]
    assert [offer.label for offer in navigation.offers(request_of(Clerk()))] == ["Person"]


def test_an_unknown_section_is_refused() -> None:
    with pytest.raises(ValueError, match="side"):
        navigation.register(Entry("side", 10, "Home", "house", "home"))


def test_offers_are_those_the_member_may_make() -> None:
    navigation.offer(Offer(20, "Contact", "user-plus", "contact_new", "contacts.view"))
    navigation.offer(Offer(10, "Invoice", "wallet", "invoice_new", "billing.edit"))
    assert [offer.url for offer in navigation.offers(request_of(Clerk()))] == ["/contact_new/"]


def test_shell_gives_the_phone_its_first_three_entries() -> None:
    for order, label in enumerate(["Home", "Contacts", "Services", "Tasks"]):
        navigation.register(Entry("work", order, label, "house", label.lower()))
    shown = context.shell(request_of(Clerk()))
    assert [entry.label for entry in shown["phone_bar"]] == ["Home", "Contacts", "Services"]  # type: ignore[attr-defined]
    assert shown["theme"] == "system"


def test_what_has_a_place_on_the_phone_comes_before_what_stands_higher_in_the_sidebar() -> None:
    for order, label in enumerate(["Home", "Contacts", "Services", "Inbox", "Tasks"]):
        navigation.register(
            Entry("work", order, label, "house", label.lower(), is_on_phone=label in {"Home", "Contacts", "Inbox"})
        )
    shown = context.shell(request_of(Clerk()))
    assert [entry.label for entry in shown["phone_bar"]] == ["Home", "Contacts", "Inbox"]  # type: ignore[attr-defined]


def test_a_fragment_does_not_pay_for_the_badges() -> None:
    asked: list[HttpRequest] = []
    navigation.register(Entry("work", 10, "Inbox", "inbox", "inbox", badge=asked.append))
    shown = context.shell(request_of(Clerk()))
    assert asked == []
    assert [entry.label for entry in shown["navigation"]["work"]] == ["Inbox"]  # type: ignore[index]
    assert list(shown["phone_bar"]) and len(asked) == 1  # type: ignore[call-overload]


@pytest.mark.parametrize(("cookie", "theme"), [("dark", "dark"), ("light", "light"), ("<b>", "system"), ("", "system")])
def test_theme_comes_from_the_cookie_when_it_is_one_of_ours(cookie: str, theme: str) -> None:
    request = RequestFactory().get("/")
    request.COOKIES[context.THEME_COOKIE] = cookie
    assert context.theme_of(request) == theme
