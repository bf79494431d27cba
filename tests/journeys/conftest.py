"""One real site for all journeys, filled with the demo, and a browser to visit it."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser

from amanat.operations.tests import places
from amanat.operations.tests.test_up import Site
from tests.journeys import browsers
from tests.journeys.browsers import Town, Visitor

# Of the package, not the session: a running browser keeps an event loop, beside which later tests could not use the database.


@pytest.fixture(scope="package")
def told() -> dict[str, Any]:
    """What was said while the installation was made: of the demo, and the path with which the first owner begins."""
    return {}


@pytest.fixture(scope="package")
def site(told: dict[str, Any]) -> Iterator[Site]:
    with places.folder() as folder:
        here, told["demo"], told["owner"] = places.with_demo(folder)
        # Without the archive, which costs a browser test its processor.
        started = Site(here.data, AMANAT_ARCHIVE_DAYS="0")
        started.becomes_well()
        yield started
        started.process.send_signal(signal.SIGTERM)
        started.process.wait(places.PATIENCE)


@pytest.fixture(scope="package")
def owner_link(site: Site, told: dict[str, Any]) -> str:
    return f"http://localhost:{site.port}{told['owner']}"


@pytest.fixture(scope="package")
def demo(site: Site, told: dict[str, Any]) -> dict[str, Any]:
    """The demo's workspaces by their key, each with its sign-ins."""
    found = told["demo"]
    members = [member for shop in found["workspaces"] for member in shop["members"]]
    browsers.APPS.update(
        {member["email"]: browsers.App(member["totp_secret"]) for member in members if member["totp_secret"]}
    )
    return {shop["key"]: shop for shop in found["workspaces"]}


@pytest.fixture(scope="package")
def browser() -> Iterator[Browser]:
    with browsers.browser_of_this_machine() as started:
        yield started


@pytest.fixture(scope="package")
def seats(demo: dict[str, Any], site: Site, browser: Browser) -> dict[str, Any]:
    """Cookies of those members of the demo who signed in already, by their address: signing in takes time."""
    return {}


@pytest.fixture
def town(site: Site, browser: Browser) -> Iterator[Town]:
    """Visitors whose pages were without a fault, which is looked at when the journey is over."""
    made = Town(browser, f"http://localhost:{site.port}")
    yield made
    faults = [fault for visitor in made.visitors for fault in visitor.faults]
    for visitor in made.visitors:
        visitor.close()
    assert faults == []


@pytest.fixture
def seated(town: Town, demo: dict[str, Any], seats: dict[str, Any]) -> Any:
    """A member of the demo, signed in: `seated("csc", "owner")`."""

    def seat(shop: str, role: str, **options: Any) -> Visitor:
        member = next(member for member in demo[shop]["members"] if member["role"] == role)
        if member["email"] not in seats:
            first = town.visitor()
            first.sign_in(member["email"], member["password"])
            seats[member["email"]] = first.context.storage_state()
        return town.visitor(seats[member["email"]], **options)

    return seat
