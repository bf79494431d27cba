"""The other phone as a page: it is switched off and on, and a header's register of texts is played with."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import Client

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import tenancy
from amanat.messaging.channels.models import MessageTemplate, TemplateText
from amanat.messaging.sandbox.running import Running
from amanat.messaging.sandbox.tests import doubles

HERS = "+919822041736"
OFF, ENDED = "switched off", "Let it stand again"


@pytest.fixture
def double(db: None, tmp_path: Path) -> Iterator[Running]:
    with doubles.whatsapp(tmp_path) as running:
        yield running


@pytest.fixture
def browser(shree: Workspace) -> Client:
    return signed_in(owner_of(shree))


def test_a_phone_is_switched_off_before_anything_was_sent_to_it_and_on_again(browser: Client, double: Running) -> None:
    page = browser.post("/settings/channels/sandbox/", {"channel": "whatsapp"})["Location"]
    assert OFF not in browser.get(page).text
    browser.post(page, {"sender": HERS, "act": "off"})
    shown = browser.get(page).text
    assert OFF in shown and "+91 98220 41736" in shown
    browser.post(page, {"sender": HERS, "act": "on"})
    assert OFF not in browser.get(page).text


def test_a_text_of_the_register_is_ended_and_stands_again(browser: Client, shree: Workspace, double: Running) -> None:
    page = browser.post("/settings/channels/sandbox/", {"channel": "sms"})["Location"]
    with tenancy.inside(shree):
        template = MessageTemplate.objects.create(
            workspace_id=shree.pk, channel="sms", name="due", title="Is due", purpose="reminders", category="utility"
        )
        TemplateText.objects.create(
            workspace_id=shree.pk, template=template, language="hi", body="x", provider_id="1107160000000000007"
        )
    assert "Is due · हिन्दी" in browser.get(page).text
    for act, is_ended in (("end", True), ("stand", False)):
        browser.post(page, {"text": "1107160000000000007", "act": act})
        assert (ENDED in browser.get(page).text) is is_ended


@pytest.mark.slow
def test_a_text_is_answered_by_words_and_by_a_press(browser: Client, shree: Workspace, double: Running) -> None:
    page = browser.post("/settings/channels/sandbox/", {"channel": "sms"})["Location"]
    assert browser.post(page, {"sender": HERS, "text": "", "act": "say"}).status_code == 422
    assert browser.post(page, {"sender": "98", "act": "STOP"}).status_code == 422
    for said in ({"text": "When are you open?", "act": "say"}, {"act": "STOP"}, {"act": "1"}):
        assert browser.post(page, {"sender": "98220 41736", **said})["Location"] == f"{page}?from=919822041736"
    unsent = browser.post(page, {"sender": HERS, "text": "not yet", "act": "START"})
    assert unsent.status_code == 200 and 'value="not yet"' in unsent.text, "what was typed stays"
    written = [(one.sender, one.text) for one in double.doubles.sms.written]
    assert written == [("919822041736", text) for text in ("When are you open?", "STOP", "1", "START")]
    shown = browser.get(page).text
    assert "+91 98220 41736" in shown and shown.count("bubble-theirs") == 4
