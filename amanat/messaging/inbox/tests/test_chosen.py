"""Whatever is done with a conversation, the list beside it stays the one that was chosen: a view, a place in it, or words that were searched for."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.core import clock, tenancy
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import listing
from amanat.messaging.inbox.models import Message
from amanat.messaging.inbox.tests.factories import came
from amanat.messaging.outbox.models import Dispatch
from amanat.people.models import Contact
from amanat.people.tests.factories import make_contact

CHOSEN = [{"view": "mine"}, {"view": "unassigned"}, {"view": "failed"}, {"q": "Haan Monday"}, {}]
#: What is done, and whether it puts the conversation away.
ACTS = [
    ("assign", {"to": ""}, False),
    ("snooze", {"for": "3h"}, True),
    ("snooze", {}, False),
    ("read", {}, False),
    ("unread", {}, True),
    ("close", {}, True),
    ("reopen", {}, False),
    ("note", {"text": "Call her"}, False),
]


@pytest.fixture
def message(shree: Workspace, account: ChannelAccount, sunita: Contact) -> Message:
    return came(shree, account)


def query(chosen: dict[str, str]) -> str:
    return f"?{urlencode(chosen)}" if chosen else ""


def forms(text: str) -> list[str]:
    """Where the forms of the conversation send what is written or pressed."""
    return [
        url.replace("&amp;", "&")
        for url in re.findall(r'<(?:form|button)[^>]*action="(/inbox/[^"]+)"', text)
        if "method" not in url
    ]


@pytest.mark.sampled
@pytest.mark.parametrize("chosen", CHOSEN, ids=lambda one: query(one) or "nothing")
def test_every_act_leads_back_to_the_list_that_was_chosen(
    browser: Client, message: Message, sunita: Contact, chosen: dict[str, str]
) -> None:
    here = f"/inbox/{message.thread_id}/"
    for name, fields, is_put_away in ACTS:
        answer = browser.post(f"{here}{name}/{query(chosen)}", fields)
        assert (name, answer.status_code, answer["Location"]) == (
            name, 303, f"{'/inbox/' if is_put_away else here}{query(chosen)}"
        )  # fmt: skip
    answer = browser.post(f"/inbox/with/{sunita.pk}/reply/{query(chosen)}", {"channel": "whatsapp", "text": "11:30?"})
    assert (answer.status_code, answer["Location"]) == (303, here + query(chosen))


@pytest.mark.sampled
@pytest.mark.parametrize("chosen", CHOSEN[:-1], ids=query)
def test_every_form_and_link_of_a_conversation_carries_the_list(
    browser: Client, message: Message, chosen: dict[str, str]
) -> None:
    text = browser.get(f"/inbox/{message.thread_id}/{query(chosen)}").content.decode()
    sent_to = forms(text.partition("inbox-thread")[2])
    assert len(sent_to) >= 5
    assert [one for one in sent_to if not one.endswith(query(chosen))] == []
    assert f'class="back" href="/inbox/{query(chosen)}"'.replace("&", "&amp;") in text


def test_a_refused_reply_stands_beside_the_same_list_and_its_links_lead_to_the_conversation(  # noqa: PLR0917
    browser: Client, rekha: Member, shree: Workspace, account: ChannelAccount, message: Message, sunita: Contact
) -> None:
    make_contact(shree, "Arjun Mehta", phone="+919822041799")
    came(shree, account, sender="+919822041799")
    here = f"/inbox/{message.thread_id}/"
    browser.post(f"{here}assign/", {"to": str(rekha.pk)})
    answer = browser.post(f"/inbox/with/{sunita.pk}/reply/?view=mine", {"channel": "whatsapp", "text": ""})
    text = answer.content.decode()
    assert answer.status_code == 422
    listed = text.partition("data-inbox-list")[2].partition("</ul>")[0]
    assert ("Sunita Deshmukh" in listed, "Arjun Mehta" in listed) == (True, False)
    assert f'data-url="{here}"' in text, "what is new is asked for where it is answered"
    links = re.findall(r'href="([^"]*write=[^"]*)"', text)
    assert links
    assert all(one.startswith(f"{here}?view=mine") for one in links)


def test_settling_what_is_unclear_keeps_the_list(
    browser: Client, shree: Workspace, message: Message, sunita: Contact
) -> None:
    browser.post(f"/inbox/with/{sunita.pk}/reply/", {"channel": "whatsapp", "text": "11:30?"})
    with tenancy.inside(shree):
        Dispatch.objects.of(shree).update(state="unknown", begun_at=clock.now())
    here = f"/inbox/{message.thread_id}/?view=unclear"
    (form,) = [one for one in forms(browser.get(here).content.decode()) if "/sent/" in one]
    answer = browser.post(form, {"was_sent": "yes"})
    assert (answer.status_code, answer["Location"]) == (303, here)


def test_a_place_further_down_the_list_is_kept_and_leads_back_to_the_newest(
    browser: Client, shree: Workspace, account: ChannelAccount, message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    shown: Any = listing.page
    monkeypatch.setattr(listing, "page", lambda view, **options: shown(view, **options, size=1))
    came(shree, account, sender="+919822041799", at=clock.now() - timedelta(hours=1))
    text = browser.get("/inbox/?view=all").content.decode()
    (older,) = re.findall(r'href="(/inbox/\?view=all&amp;after=[^"]+)"', text)
    older = older.replace("&amp;", "&")
    listed = browser.get(older).content.decode()
    assert "Newest conversations" in listed
    (line,) = re.findall(r'class="row-link" href="([^"#]+)', listed)
    opened = browser.get(line.replace("&amp;", "&")).content.decode()
    assert "Newest conversations" in opened
    assert f'class="back" href="{older}"'.replace("&", "&amp;") in opened


def test_what_a_view_is_called_by_strangers_chooses_nothing(browser: Client, message: Message) -> None:
    here = f"/inbox/{message.thread_id}/"
    answer = browser.post(f"{here}read/?view=javascript:alert(1)&after=x&next=//evil.example", {})
    assert answer["Location"] == here
