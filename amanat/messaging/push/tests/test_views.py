"""The page of notifications, and the way from one to its conversation."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import ids, tenancy
from amanat.core.models import LedgerEntry
from amanat.messaging.inbox.tests.factories import came, make_account
from amanat.messaging.push import devices, services, telling
from amanat.messaging.push.devices import Subscription
from amanat.messaging.push.models import PushDevice
from amanat.messaging.push.tests.browsers import subscription, switched_on, work_off
from amanat.messaging.sandbox.running import Running

PAGE = "/settings/notifications/"


@pytest.fixture
def rekha(shree: Workspace) -> Member:
    return owner_of(shree)


@pytest.fixture
def browser(rekha: Member) -> Client:
    return signed_in(rekha)


def press(browser: Client, given: Subscription, wants: str = "all") -> Any:
    fields = {"endpoint": given.endpoint, "public": given.public, "secret": given.secret, "wants": wants}
    agent = {"HTTP_USER_AGENT": "Mozilla/5.0 (Linux; Android 15) Chrome/140.0 Mobile Safari/537.36"}
    return browser.post(f"{PAGE}on/", fields, **agent)


def rows(workspace: Workspace) -> list[PushDevice]:
    with tenancy.inside(workspace):
        return list(PushDevice.objects.of(workspace).order_by("id"))


def test_a_press_switches_this_browser_on_and_the_page_says_so(
    double: Running, browser: Client, rekha: Member, shree: Workspace
) -> None:
    assert "Your devices" not in browser.get(PAGE).content.decode()
    assert press(browser, subscription(double), "mine").status_code == 303
    (device,) = rows(shree)
    assert (device.name, device.service, device.wants, device.member_id) == (
        "Chrome on Android",
        "Sandbox",
        "mine",
        rekha.pk,
    )
    text = browser.get(PAGE).content.decode()
    assert ">this device<" in text and "Chrome on Android" in text and "data-push=" not in text
    assert ">this device<" not in signed_in(rekha).get(PAGE).content.decode()
    with tenancy.inside(shree):
        events = (
            LedgerEntry.objects.of(shree).filter(event__startswith="messaging.push").values_list("event", flat=True)
        )
        assert list(events) == ["messaging.push.switched_on"]


def test_the_address_is_sealed_and_opens_only_as_it_was(double: Running, browser: Client, shree: Workspace) -> None:
    given = subscription(double)
    press(browser, given)
    (device,) = rows(shree)
    held = b"".join(bytes(value) for value in (device.endpoint, device.digest))
    assert given.endpoint.encode() not in held and given.secret.encode() not in held
    with tenancy.inside(shree):
        assert devices.address(device)[0] == given.endpoint
        other = PushDevice(id=ids.new(), workspace_id=shree.pk, endpoint=device.endpoint)
        with pytest.raises(Exception, match="cannot be opened"):
            devices.address(other)


def test_the_same_browser_is_one_row_whoever_sits_before_it(
    double: Running, browser: Client, rekha: Member, shree: Workspace
) -> None:
    given = subscription(double)
    prakash = make_member(shree)
    press(browser, given)
    press(browser, given, "mine")
    assert [(one.member_id, one.wants) for one in rows(shree)] == [(rekha.pk, "mine")]
    press(signed_in(prakash), given)
    assert [one.member_id for one in rows(shree)] == [prakash.pk]


@pytest.mark.parametrize(
    "changes",
    [
        {"endpoint": "https://attacker.example/push"},
        {"endpoint": "http://127.0.0.1:5432/"},
        {"endpoint": ""},
        {"public": "AAAA"},
        {"secret": "AAAA"},
        {"wants": "everything"},
    ],
)
def test_what_no_browser_gives_changes_nothing(
    changes: dict[str, str], double: Running, browser: Client, shree: Workspace
) -> None:
    given = subscription(double)
    fields = {"endpoint": given.endpoint, "public": given.public, "secret": given.secret, "wants": "all", **changes}
    answer = browser.post(f"{PAGE}on/", fields)
    assert answer.status_code == 422 and 'role="alert"' in answer.content.decode()
    assert rows(shree) == []


@pytest.mark.slow
def test_a_member_sets_and_removes_her_own_devices_only(
    double: Running, browser: Client, rekha: Member, shree: Workspace, other: Workspace
) -> None:
    mine, his = switched_on(double, rekha), switched_on(double, make_member(shree))
    assert browser.post(f"{PAGE}{mine.pk}/", {"wants": "off"}).status_code == 303
    assert browser.post(f"{PAGE}{mine.pk}/", {"wants": "loud"}).status_code == 422
    for device, client in ((his, browser), (mine, signed_in(owner_of(other)))):
        assert client.post(f"{PAGE}{device.pk}/", {"wants": "off"}).status_code == 404
        assert client.post(f"{PAGE}{device.pk}/remove/").status_code == 404
    assert {one.pk: one.wants for one in rows(shree)} == {mine.pk: "off", his.pk: "all"}
    assert browser.post(f"{PAGE}{mine.pk}/remove/").status_code == 303
    assert [one.pk for one in rows(shree)] == [his.pk]


@pytest.mark.slow
def test_a_member_has_a_number_of_devices_at_most(double: Running, rekha: Member, shree: Workspace) -> None:
    made = [switched_on(double, rekha).pk for _ in range(devices.MOST + 2)]
    assert [one.pk for one in rows(shree)] == made[2:]


def test_where_the_policy_names_no_push_service_nothing_is_switched_on(
    double: Running, browser: Client, shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "is_named", lambda workspace_id: False)
    text = browser.get(PAGE).content.decode()
    assert "names no push service" in text and "data-push=" not in text
    assert press(browser, subscription(double)).status_code == 422


def test_without_a_key_the_page_says_so(browser: Client, settings: Any, tmp_path: Any) -> None:
    settings.VAPID_KEY_FILE = tmp_path / "none"
    assert "has no key for notifications" in browser.get(PAGE).content.decode()


def test_the_page_costs_the_same_for_one_and_three_devices(double: Running, browser: Client, rekha: Member) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    costs = []
    for _ in range(3):
        switched_on(double, rekha)
        with CaptureQueriesContext(connection) as said:
            browser.get(PAGE)
        costs.append(len([one for one in said if not one["sql"].startswith(("SAVEPOINT", "RELEASE", "BEGIN"))]))
    assert len(set(costs)) == 1 and costs[0] <= 8


@pytest.mark.slow
def test_a_notice_leads_to_its_conversation_in_whatever_workspace_it_is(
    double: Running, rekha: Member, shree: Workspace, other: Workspace
) -> None:
    message = came(shree, make_account(shree))
    way = telling.PLACE.format(workspace=shree.pk, thread=message.thread_id)
    assert way == reverse("messaging:push_open", args=[shree.pk, message.thread_id])
    browser = signed_in(rekha)
    assert browser.get(way).headers["Location"] == f"/inbox/{message.thread_id}/"
    with tenancy.inside(other):
        Member.objects.create(workspace_id=other.pk, user=rekha.user, role=Role.AGENT, name="Rekha")
    browser.post(f"/workspaces/{other.pk}/enter/")
    asked = browser.get(way)
    assert asked.status_code == 200 and f"This conversation is in {shree.name}" in asked.content.decode()
    assert str(other.name) in browser.get("/contacts/").content.decode(), "a link alone leads nowhere"
    assert browser.post(way, follow=True).status_code == 200
    assert str(shree.name) in browser.get("/contacts/").content.decode()
    stranger = signed_in(owner_of(other))
    assert stranger.get(way).status_code == 404 and stranger.post(way).status_code == 404
    assert stranger.get("/inbox/").status_code == 200
    signed_out = Client().get(way)
    assert signed_out.status_code == 302 and "next=" in signed_out.headers["Location"]


def test_what_the_double_shows_is_what_a_browser_would(
    double: Running, heard: Any, rekha: Member, shree: Workspace
) -> None:
    """Through its own addresses, as somebody without our code would use it."""
    from amanat.core import outgoing

    made = outgoing.send("POST", f"{double.url}/push/control/subscriptions", recipient="push")
    assert made.status == 201
    given = made.json()
    browser = signed_in(rekha)
    press(browser, Subscription(given["endpoint"], given["keys"]["p256dh"], given["keys"]["auth"]))
    came(shree, make_account(shree))
    assert work_off() == ["sent"]
    record = outgoing.send("POST", f"{double.url}/push/control/received", recipient="push").json()
    assert len(record) == 1 and "A new message is waiting." in record[0]["text"]
    assert outgoing.send("GET", given["endpoint"], recipient="push").status == 405
    unsigned = outgoing.send("POST", given["endpoint"], recipient="push", headers={"ttl": "1"}, content=b"x")
    assert unsigned.status == 401
    assert telling.LASTS.total_seconds() >= record[0]["ttl"]
