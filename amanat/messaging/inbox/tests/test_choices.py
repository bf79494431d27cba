"""Buttons and lists below a text: what may be offered, how it is kept and found, and what a tapped answer leads to."""

from __future__ import annotations

import pytest
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.api_client import Program, program
from amanat.core import clock, tenancy, vault
from amanat.messaging.channels.contract import Choice, Choices
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import bodies, choices, saying, threads
from amanat.messaging.inbox.choices import Offer
from amanat.messaging.inbox.models import Message, ReplyDraft, Thread
from amanat.messaging.inbox.offering import retyped
from amanat.messaging.inbox.saying import OfferRefused, SayRefused, Words
from amanat.messaging.inbox.tests.factories import came, make_account
from amanat.messaging.outbox.models import Dispatch
from amanat.people.models import Contact

TIMES = Offer([("Morning", "9 to 12"), ("", ""), ("Evening", "")], is_list=True, label="Times")


@pytest.fixture
def wrote(shree: Workspace, account: ChannelAccount, sunita: Contact) -> Message:
    """She wrote, so that she may be answered freely."""
    return came(shree, account)


def offer(rekha: Member, contact: Contact, wanted: Offer, text: str = "When shall we come?") -> Message:
    with tenancy.inside(contact.workspace_id):
        return saying.say(
            contact=contact, channel="whatsapp", words=Words(text=text, offer=wanted), by=rekha, at=clock.now()
        )


def found_wrong(wanted: Offer, text: str = "When?") -> list[tuple[str, int]]:
    return [(one.part, one.place) for one in choices.problems(wanted, text)]


@pytest.mark.parametrize(
    ("wanted", "text", "wrong"),
    [
        pytest.param(Offer([("x" * 20, "")] * 1), "x" * 1024, [], id="as long as may be"),
        pytest.param(Offer([("Yes", "")]), "x" * 1025, [("text", 0)], id="long text over buttons"),
        pytest.param(TIMES, "x" * 4096, [], id="long text over a list"),
        pytest.param(TIMES, " ", [("text", 0)], id="no text"),
        pytest.param(Offer([("", ""), ("x" * 21, "")]), "?", [("title", 1)], id="long button"),
        pytest.param(Offer([("Yes", ""), ("", ""), (" yes ", "")]), "?", [("title", 2)], id="twice"),
        pytest.param(Offer([("", ""), ("", "")]), "?", [("title", 0)], id="nothing offered"),
        pytest.param(Offer([(str(n), "") for n in range(4)]), "?", [("title", 3)], id="four buttons"),
        pytest.param(Offer([("Yes", "surely")]), "?", [("description", 0)], id="described button"),
        pytest.param(Offer([(str(n), "") for n in range(10)], True, "Open"), "?", [], id="ten rows"),
        pytest.param(Offer([(str(n), "") for n in range(11)], True, "Open"), "?", [("title", 10)], id="eleven rows"),
        pytest.param(
            Offer([("x" * 25, "x" * 73)], True, "Open"), "?", [("title", 0), ("description", 0)], id="long row"
        ),
        pytest.param(Offer([("", "alone")], True, "Open"), "?", [("title", 0)], id="description alone"),
        pytest.param(Offer([("A", "")], True, " "), "?", [("label", 0)], id="no label"),
        pytest.param(Offer([("A", "")], True, "x" * 21), "?", [("label", 0)], id="long label"),
        pytest.param(Offer([("Cancel", "")]), "?", [("title", 0)], id="a stop unawares"),
        pytest.param(Offer([("बंद करो", "")]), "?", [("title", 0)], id="a stop unawares in Hindi"),
        pytest.param(Offer([("STOP", ""), ("Cancel visit", "")]), "?", [], id="a stop that says so"),
    ],
)
def test_what_is_wrong_is_said_at_its_part(wanted: Offer, text: str, wrong: list[tuple[str, int]]) -> None:
    assert found_wrong(wanted, text) == wrong


def test_choices_are_sealed_found_told_and_offered_once_more(
    shree: Workspace, rekha: Member, wrote: Message, sunita: Contact
) -> None:
    message = offer(rekha, sunita, TIMES)
    assert b"Morning" not in bytes(message.choices or b"")
    with tenancy.inside(shree):
        kept = choices.of(Message.objects.of(shree).get(pk=message.pk))
        assert kept == Choices(
            [Choice("Morning", "9 to 12", f"{message.pk}/0"), Choice("Evening", "", f"{message.pk}/1")], "Times"
        )
        assert bodies.find("evening", member=rekha) == [message.pk]
        # What the copy of her data tells: every sealed column, opened where it says it lies.
        (column,) = [one for one in vault.sealed_columns() if (one.model, one.field) == (Message, "choices")]
        told = vault.open_text(message.choices or b"", workspace_id=shree.pk, context=column.context_of(message))
    assert told == "Times\nMorning\t9 to 12\nEvening"
    assert retyped(kept) == {
        "offer": "list",
        "label": "Times",
        "row0": "Morning",
        "about0": "9 to 12",
        "row1": "Evening",
        "about1": "",
    }


def test_choices_go_with_a_free_text_on_whatsapp_alone(
    shree: Workspace, rekha: Member, wrote: Message, sunita: Contact
) -> None:
    make_account(shree, "sms")
    with tenancy.inside(shree):
        for channel, files in (("sms", ()), ("whatsapp", [("a.pdf", b"%PDF-1.7")])):
            words = Words(text="When?", offer=TIMES, files=files)
            with pytest.raises(SayRefused, match=r"WhatsApp only|A file does not go"):
                saying.say(contact=sunita, channel=channel, words=words, by=rekha, at=clock.now())
        with pytest.raises(OfferRefused, match="Write at least one"):
            saying.say(
                contact=sunita, channel="whatsapp", words=Words(text="?", offer=Offer([])), by=rekha, at=clock.now()
            )
        Thread.objects.of(shree).update(window_until=clock.now())
        with pytest.raises(SayRefused, match="choose a template"):
            saying.say(
                contact=sunita, channel="whatsapp", words=Words(text="When?", offer=TIMES), by=rekha, at=clock.now()
            )
        assert Dispatch.objects.of(shree).count() == 0


# --- the page ------------------------------------------------------------------------------------------------------


def page(browser: Client, message: Message, query: str = "") -> str:
    return browser.get(f"/inbox/{message.thread_id}/{query}").content.decode()


@pytest.mark.slow
def test_the_reply_box_offers_and_the_page_shows_what_was_tapped(
    browser: Client, shree: Workspace, account: ChannelAccount, wrote: Message, sunita: Contact
) -> None:
    assert 'name="offer" value="list"' in page(browser, wrote)
    fields = {"offer": "buttons", "button0": "Monday", "button2": "<b>Tuesday", "row0": "left over from the list"}
    answer = browser.post(f"/inbox/with/{sunita.pk}/reply/", {"channel": "whatsapp", "text": "When?", **fields})
    assert answer.status_code == 303
    with tenancy.inside(shree):
        ours = Message.objects.of(shree).get(direction="out")
    assert ours.kind == "buttons"
    shown = page(browser, wrote)
    assert shown.count('<li dir="auto"><span>Monday') == 1 and "&lt;b&gt;Tuesday" in shown and "left over" not in shown
    came(shree, account, "<b>Tuesday", kind="choice", choice=f"{ours.pk}/1")
    shown = page(browser, wrote)
    assert '<li class="is-chosen" dir="auto"><span>&lt;b&gt;Tuesday' in shown and shown.count("is-chosen") == 1
    assert '<blockquote class="bubble-quoted" dir="auto">When?' in shown


def test_a_refused_offer_keeps_what_was_typed_and_says_what_is_wrong_at_its_field(
    browser: Client, shree: Workspace, wrote: Message, sunita: Contact
) -> None:
    rows = {"row0": "Morning", "about0": "9 to 12", "row1": "morning", "label": ""}
    fields = {"channel": "whatsapp", "text": "When?", "offer": "list", **rows}
    answer = browser.post(f"/inbox/with/{sunita.pk}/reply/", fields)
    said = answer.content.decode()
    assert answer.status_code == 422
    for typed in ("When?", 'value="Morning"', 'value="morning"', 'value="9 to 12"'):
        assert typed in said
    assert 'id="row1-error"' in said and 'id="label-error"' in said and 'id="row0-error"' not in said
    assert 'value="list" checked' in said
    with tenancy.inside(shree):
        assert not Message.objects.of(shree).filter(direction="out").exists()


def test_nothing_is_offered_where_it_could_not_go(
    browser: Client, shree: Workspace, wrote: Message, sunita: Contact
) -> None:
    make_account(shree, "sms")
    assert 'name="offer"' not in page(browser, wrote, "?by=sms")
    with tenancy.inside(shree):
        Thread.objects.of(shree).update(window_until=clock.now())
    assert 'name="offer"' not in page(browser, wrote, "?by=whatsapp")


def test_a_draft_keeps_what_is_offered_until_it_is_sent(
    browser: Client, shree: Workspace, rekha: Member, wrote: Message, sunita: Contact
) -> None:
    fields = {"channel": "whatsapp", "text": "", "offer": "buttons", "button0": "Monday", "nonsense": "x"}
    assert browser.post(f"/inbox/{wrote.thread_id}/draft/", fields).status_code == 204
    shown = page(browser, wrote)
    assert 'value="Monday"' in shown and 'value="buttons" checked' in shown
    with tenancy.inside(shree):
        draft = ReplyDraft.objects.of(shree).get()
        opened = bodies.open_draft(draft.body, workspace_id=shree.pk, draft_id=draft.pk)
        assert opened == ("", "", {"offer": "buttons", "button0": "Monday"})
    offer(rekha, sunita, Offer([("Monday", "")]))
    with tenancy.inside(shree):
        assert not ReplyDraft.objects.of(shree).exists()
        threads.keep_draft(thread=Thread.objects.of(shree).get(), by=rekha, text=" ", offer={}, at=clock.now())
        assert not ReplyDraft.objects.of(shree).exists()


def test_what_did_not_arrive_is_taken_up_with_its_choices(
    browser: Client, shree: Workspace, rekha: Member, wrote: Message, sunita: Contact
) -> None:
    message = offer(rekha, sunita, TIMES)
    with tenancy.inside(shree):
        Dispatch.objects.of(shree).update(state="dead", ended_at=clock.now())
    assert f"?again={message.pk}" in page(browser, wrote).replace("&amp;", "&").replace("&again", "?again")
    shown = page(browser, wrote, f"?again={message.pk}")
    assert 'value="9 to 12"' in shown and 'value="Times"' in shown and "When shall we come?</textarea>" in shown


# --- programs ------------------------------------------------------------------------------------------------------


@pytest.fixture
def api(rekha: Member) -> Program:
    return program(rekha)


def test_a_program_offers_and_reads_what_was_tapped(
    api: Program, shree: Workspace, account: ChannelAccount, wrote: Message, sunita: Contact
) -> None:
    options = [{"title": "Morning", "description": "9 to 12"}, {"title": "Evening"}]
    wanted = {"contact_id": str(sunita.pk), "text": "When?", "choices": {"label": "Times", "options": options}}
    said = api.post("/messages", wanted).json()
    assert said["choices"] == {"label": "Times", "options": [options[0], {"title": "Evening", "description": ""}]}
    tapped = came(shree, account, "Evening", kind="choice", choice=f"{said['id']}/1")
    (newest, *_rest) = api.get(f"/threads/{tapped.thread_id}/messages").json()["items"]
    assert (newest["kind"], newest["text"], newest["answers_id"], newest["choices"]) == (
        "choice",
        "Evening",
        said["id"],
        None,
    )


def test_a_program_is_told_which_part_of_an_offer_is_wrong(
    api: Program, shree: Workspace, wrote: Message, sunita: Contact
) -> None:
    options = [{"title": "Yes"}, {"title": "x" * 21}, {"title": "yes", "description": "surely"}]
    answer = api.post("/messages", {"contact_id": str(sunita.pk), "choices": {"options": options}})
    assert answer.status_code == 422
    named = {error["pointer"]: error["detail"] for error in answer.json()["errors"]}
    assert len(named) == 4 and any("20" in detail for detail in named.values())
    with tenancy.inside(shree):
        assert Dispatch.objects.of(shree).count() == 0
