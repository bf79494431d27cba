"""Notifications in a real browser: what the service worker shows of a push, when it keeps quiet, and where a press on it leads.

Push services are not asked here: Chromium hands the worker what one would have brought. How it gets there has tests beside the code.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from tests.journeys.test_inbox import arrive

pytestmark = [pytest.mark.slow, pytest.mark.journey]

#: A browser without a window shows nothing, so what the worker asks to be shown is written down instead.
LISTEN = """() => {
    self.shown = new Map();
    self.registration.showNotification = async (title, options) => {
        self.shown.set(options.tag, [title, options.body, new URL(options.data.url).pathname]);
    };
}"""
SHOWN = "() => [...self.shown.values()]"
PRESS = """(url) => {
    const event = new ExtendableEvent("notificationclick");
    event.notification = { close() {}, data: { url } };
    self.dispatchEvent(event);
}"""


def test_a_push_is_shown_unless_the_inbox_is_looked_at_and_leads_to_its_conversation(seated: Any, site: Any) -> None:
    owner = seated("csc", "owner")
    arrive(site, "ration card")
    page = owner.go("/inbox/?view=all")
    thread = re.search(r"/inbox/[0-9a-f-]{36}/", page.content())[0]  # type: ignore[index]
    page.evaluate("() => navigator.serviceWorker.ready.then(() => true)")
    worker = page.context.service_workers[0]
    worker.evaluate(LISTEN)
    line = page.context.new_cdp_session(page)
    known: list[Any] = []
    line.on("ServiceWorker.workerRegistrationUpdated", lambda event: known.extend(event["registrations"]))
    line.send("ServiceWorker.enable")
    page.wait_for_timeout(300)

    def push(text: str) -> None:
        where = {"origin": owner.base, "registrationId": known[0]["registrationId"]}
        line.send("ServiceWorker.deliverPushMessage", {**where, "data": text})

    def shows(*expected: list[str]) -> None:
        """Waits until these are shown and nothing else."""
        found: list[Any] = []
        for _ in range(100):
            found = sorted(worker.evaluate(SHOWN))
            if found == sorted(expected):
                return
            page.wait_for_timeout(100)
        assert found == sorted(expected)

    told = {"title": "Shree", "body": "A new message is waiting.", "url": thread, "tag": "one", "lang": "en"}
    one, lost = ["Shree", "A new message is waiting.", thread], ["Amanat", "", "/inbox/"]
    push(json.dumps({**told, "tag": "quiet"}))  # the inbox is open and looked at
    page.wait_for_timeout(1_000)
    owner.go("/contacts/")
    push(json.dumps(told))
    shows(one)
    push(json.dumps(told))  # the same place again is one line
    push(json.dumps({**told, "url": "https://attacker.example/steal", "tag": "two"}))
    shows(one, ["Shree", "A new message is waiting.", "/inbox/"])
    push("not what our server writes")
    shows(one, ["Shree", "A new message is waiting.", "/inbox/"], lost)
    owner.go("/inbox/?view=all")
    worker.evaluate(PRESS, thread)
    page.wait_for_url(f"**{thread}", timeout=30_000)
