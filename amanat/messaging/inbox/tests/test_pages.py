"""The pages of the inbox: what they show to whom, what their buttons do, and what they cost."""

from __future__ import annotations

import html
from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, tally, tenancy
from amanat.core.models import LedgerEntry
from amanat.desk import prepared
from amanat.messaging.channels.contract import Attached
from amanat.messaging.channels.models import ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.inbox import bodies, choices, listing, saying, showing, threads
from amanat.messaging.inbox.choices import Offer
from amanat.messaging.inbox.models import CannedReply, Message, MessageFile, ReplyDraft, Thread
from amanat.messaging.inbox.saying import Words
from amanat.messaging.inbox.tests.factories import SUNITA, came, make_account
from amanat.messaging.outbox.models import Dispatch
from amanat.people.models import Contact
from amanat.people.tests.factories import make_contact, make_team, narrow_member

INBOX = "/inbox/"


@pytest.fixture
def sunita(shree: Workspace) -> Contact:
    return make_contact(shree, "Sunita Deshmukh", phone=SUNITA, language="mr")


def page_of(message: Message) -> str:
    return f"/inbox/{message.thread_id}/"


def text_of(browser: Client, url: str, status: int = 200) -> str:
    answer = browser.get(url)
    assert answer.status_code == status
    return answer.content.decode()


def reply(browser: Client, contact: Contact, **fields: Any) -> Any:
    return browser.post(f"/inbox/with/{contact.pk}/reply/", {"channel": "whatsapp", **fields})


def test_an_empty_inbox_says_what_it_is_for(browser: Client, shree: Workspace) -> None:
    assert "All messages in one place" in text_of(browser, INBOX)


def test_the_list_shows_who_wrote_what_and_the_sidebar_how_many(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    came(shree, account)
    text = text_of(browser, INBOX)
    assert "Sunita Deshmukh" in text
    assert "Haan, Monday ko aati hoon" in text
    sidebar = text.partition("</aside>")[0].partition('href="/inbox/"')[2].partition("</a>")[0]
    assert '<span class="count">1</span>' in sidebar


def test_a_conversation_shows_its_parts(
    browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact
) -> None:
    message = came(shree, account)
    with tenancy.inside(shree):
        saying.say(contact=sunita, channel="whatsapp", words=Words(text="रेशन कार्ड आणा"), by=rekha, at=clock.now())
        threads.note(thread=Thread.objects.of(shree).get(), text="She is <b>in a hurry</b>", by=rekha, at=clock.now())
    text = text_of(browser, page_of(message))
    for part in (
        "Today",
        "रेशन कार्ड आणा",
        "Note by Rekha Kulkarni",
        "Free reply for 23 h",
        "May be reached by",
        "No offers",
        "Purpose: service",
    ):
        assert part in text
    assert "<b>in a hurry" not in text


@pytest.mark.sampled
@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"state": "done"}, "Sent"),
        ({"state": "done", "delivery": "delivered"}, "Delivered"),
        ({"state": "done", "delivery": "read"}, "Read"),
        ({"state": "done", "delivery": "sent", "error_code": "4.4.7"}, "Delayed"),
        ({"state": "done", "delivery": "failed", "error_code": "131026"}, "Not delivered"),
        ({"state": "dead", "error_code": "131051"}, "Could not be sent"),
        ({"state": "unknown"}, "Was it sent?"),
        ({"state": "refused", "reason": "suppressed"}, "must not be written to"),
        ({"state": "dropped"}, "Not sent any more"),
    ],
)
def test_how_far_a_message_got_is_said_in_words(  # noqa: PLR0917
    browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact, fields: dict[str, str], says: str
) -> None:  # fmt: skip
    message = came(shree, account)
    with tenancy.inside(shree):
        saying.say(contact=sunita, channel="whatsapp", words=Words(text="11:30?"), by=rekha, at=clock.now())
        ended = {"ended_at": clock.now()} if fields["state"] not in {"unknown"} else {}
        Dispatch.objects.of(shree).update(**fields, **ended, begun_at=clock.now())
    text = text_of(browser, page_of(message))
    assert says in text.partition("data-inbox-lines")[2]


@pytest.mark.slow
def test_what_could_not_be_sent_is_a_list_that_many_failures_do_not_lengthen(
    browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("Asha Menon", "Bala Nair", "Chitra Rao")
    for number, name in enumerate(names):
        make_contact(shree, name, phone=f"+91982204180{number}")
        came(shree, account, sender=f"+91982204180{number}")
        with tenancy.inside(shree):
            contact = Contact.objects.of(shree).get(name=name)
            saying.say(contact=contact, channel="whatsapp", words=Words(text="11:30?"), by=rekha, at=clock.now())
    with tenancy.inside(shree):
        asha, bala, chitra = (Dispatch.objects.of(shree).filter(contact__name=name) for name in names)
        asha.update(state="done", delivery="failed", ended_at=clock.now())
        bala.update(state="dead", ended_at=clock.now())
        chitra.update(state="done", delivery="delivered", ended_at=clock.now())
    shown = text_of(browser, "/inbox/?view=failed").partition("data-inbox-list")[2]
    assert [name in shown for name in names] == [True, True, False]
    monkeypatch.setattr(listing, "MOST_TROUBLED", 1)
    monkeypatch.setattr(prepared, "_written", {})  # where the number stands
    shown = text_of(browser, "/inbox/?view=failed").partition("data-inbox-list")[2]
    assert [name in shown for name in names] == [False, True, False]


def test_a_reply_is_sent_and_leads_back(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    message = came(shree, account)
    answer = reply(browser, sunita, text="11:30?", attached=SimpleUploadedFile("list.txt", b"ration card"))
    assert (answer.status_code, answer["Location"]) == (303, page_of(message))
    with tenancy.inside(shree):
        assert Dispatch.objects.of(shree).count() == 1
        assert MessageFile.objects.of(shree).count() == 1


def test_what_cannot_be_said_comes_back_with_its_words(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    came(shree, account, at=clock.now() - timedelta(days=2))
    answer = reply(browser, sunita, text="not lost")
    assert answer.status_code == 422
    assert "choose a template" in answer.content.decode()
    with tenancy.inside(shree):
        assert not Dispatch.objects.of(shree).exists()


def test_each_new_line_of_a_reply_is_one_character(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    """A browser sends two: WhatsApp's 4,096 would be fewer, and so would the 160 of a text message."""
    came(shree, account)
    assert reply(browser, sunita, text="a\r\n" * 2_047 + "bc").status_code == 303
    with tenancy.inside(shree):
        message = Message.objects.of(shree).get(direction="out")
        assert bodies.open(message) == "a\n" * 2_047 + "bc"


def test_who_answers_after_somebody_else_is_asked_first(
    browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact
) -> None:
    first = came(shree, account)
    prakash = make_member(shree)
    with tenancy.inside(shree):
        theirs = saying.say(contact=sunita, channel="whatsapp", words=Words(text="Yes"), by=prakash, at=clock.now())
    answer = reply(browser, sunita, text="No", seen=str(first.pk))
    assert answer.status_code == 409
    assert "Prakash Jadhav answered meanwhile" in answer.content.decode()
    assert f'name="seen" value="{theirs.pk}"' in answer.content.decode()
    assert reply(browser, sunita, text="No", seen=str(theirs.pk)).status_code == 303


def test_who_begins_a_conversation_after_somebody_else_is_asked_first(browser: Client, shree: Workspace) -> None:
    """Both had opened the page before anything was said: it names no message that was seen."""
    make_account(shree, "sms")
    anna = make_contact(shree, "Anna Berg", phone="+4915112345678")
    assert 'name="seen" value=""' in text_of(browser, f"/inbox/with/{anna.pk}/")
    assert reply(signed_in(make_member(shree)), anna, channel="sms", text="Yes", seen="").status_code == 303
    answer = reply(browser, anna, channel="sms", text="No", seen="")
    assert answer.status_code == 409
    assert "Yes" in answer.content.decode(), "the page shows what was said"
    with tenancy.inside(shree):
        assert Message.objects.of(shree).count() == 1


def test_what_was_attached_to_a_refused_reply_is_named(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    """A page cannot give a file back: pressing Send again would send the words without it."""
    first = came(shree, account)
    with tenancy.inside(shree):
        saying.say(contact=sunita, channel="whatsapp", words=Words(text="Yes"), by=make_member(shree), at=clock.now())
    answer = reply(
        browser, sunita, text="", seen=str(first.pk), attached=SimpleUploadedFile("list.txt", b"ration card")
    )
    assert answer.status_code == 409
    assert "attach it again: list.txt" in answer.content.decode()


def test_templates_are_shown_filled_for_the_person_and_sent(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    message = came(shree, account, at=clock.now() - timedelta(days=2))
    with tenancy.inside(shree):
        template = MessageTemplate.objects.create(
            workspace_id=shree.pk,
            name="renewal_due",
            title="Renewal due",
            channel="whatsapp",
            purpose="reminders",
            category="utility",
        )
        made = [
            TemplateText.objects.create(
                workspace_id=shree.pk,
                template=template,
                language=language,
                body=body,
                variables=["first_name"],
                state="approved",
            )
            for language, body in (("en", "Dear {{1}}, hello"), ("mr", "नमस्कार {{1}} जी"))
        ]
    text = text_of(browser, page_of(message))
    assert 'नमस्कार <b data-value="v0">Sunita</b> जी' in text
    assert "Dear " not in text
    assert "only templates may go" in text
    assert reply(browser, sunita, template=str(made[1].pk)).status_code == 303
    with tenancy.inside(shree):
        assert Message.objects.of(shree).filter(kind="template", text_of=made[1].pk).count() == 1


def test_writing_to_somebody_new_begins_the_conversation(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    make_account(shree, "sms")
    anna = make_contact(shree, "Anna Berg", phone="+4915112345678")
    text = text_of(browser, f"/inbox/with/{anna.pk}/?by=sms")
    assert "Reply on SMS" in text
    with tenancy.inside(shree):
        assert not Thread.objects.of(shree).exists()
    assert reply(browser, anna, channel="sms", text="11:30?").status_code == 303
    assert browser.get(f"/inbox/with/{anna.pk}/").status_code == 303


def test_a_draft_for_no_channel_there_is_keeps_its_words(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    message = came(shree, account)
    for channel in ("\0", "pigeon", "whatsapp' --"):
        assert browser.post(f"{page_of(message)}draft/", {"text": "half", "channel": channel}).status_code == 204
    with tenancy.inside(shree):
        assert [draft.channel for draft in ReplyDraft.objects.of(shree)] == [""]


@pytest.mark.slow
def test_drafts_come_back(browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact) -> None:
    message = came(shree, account)
    assert (
        browser.post(f"{page_of(message)}draft/", {"text": "half a senten", "channel": "whatsapp"}).status_code == 204
    )
    assert "half a senten" in text_of(browser, page_of(message))
    prakash = signed_in(make_member(message_workspace := shree))
    other = text_of(prakash, page_of(message))
    assert "half a senten" not in other
    assert "Rekha is writing" in other
    lines = f"{page_of(message)}?part=lines"
    assert "Rekha is writing" in text_of(prakash, lines), "an open page hears of it too"
    assert "is writing" not in text_of(browser, lines), "of oneself one knows it"
    with tenancy.inside(message_workspace):
        ReplyDraft.objects.of(shree).update(touched_at=clock.now() - timedelta(minutes=1))
    assert "is writing" not in text_of(prakash, page_of(message))
    assert "is writing" not in text_of(prakash, lines)


@pytest.mark.slow
def test_the_buttons_do_what_they_say(
    browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount
) -> None:
    message = came(shree, account)
    here = page_of(message)

    def now() -> Thread:
        with tenancy.inside(shree):
            return Thread.objects.of(shree).get()

    def press(what: str, **fields: str) -> Thread:
        assert browser.post(f"{here}{what}/", fields).status_code == 303
        return now()

    assert press("read").unread == 0
    assert press("unread").unread == 1
    assert press("assign", to=str(rekha.pk)).assigned_to_id == rekha.pk
    assert press("assign", to="").assigned_to_id is None
    assert press("snooze", **{"for": "3h"}).snoozed_until is not None
    assert press("snooze").snoozed_until is None
    assert press("snooze", **{"for": "morning"}).snoozed_until is not None
    assert press("close").closed_at is not None
    assert press("reopen").closed_at is None
    assert press("note", text="A note").last_message_id == message.pk
    assert browser.post(f"{here}assign/", {"to": "nobody"}).status_code == 404
    assert browser.post(f"{here}note/", {"text": " "}).status_code == 422


def test_an_unclear_message_is_settled_by_a_person(
    browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact
) -> None:
    message = came(shree, account)
    with tenancy.inside(shree):
        saying.say(contact=sunita, channel="whatsapp", words=Words(text="11:30?"), by=rekha, at=clock.now())
        Dispatch.objects.of(shree).update(state="unknown", begun_at=clock.now())
        dispatch = Dispatch.objects.of(shree).get()
    assert "Sunita" in text_of(browser, f"{INBOX}?view=unclear")
    assert browser.post(f"/inbox/sent/{dispatch.pk}/", {"was_sent": "yes"})["Location"] == page_of(message)
    with tenancy.inside(shree):
        assert Dispatch.objects.of(shree).get().state == "done"
    assert (
        "row-link"
        not in text_of(browser, f"{INBOX}?view=unclear").partition("inbox-list")[2].partition("</section>")[0]
    )


def test_files_are_downloads_that_the_ledger_knows(browser: Client, shree: Workspace, account: ChannelAccount) -> None:
    came(shree, account, "", kind="media", files=[Attached("list.txt", "text/plain", b"ration card")])
    with tenancy.inside(shree):
        row = MessageFile.objects.of(shree).get()
    answer = browser.get(f"/inbox/files/{row.pk}/")
    assert answer["Content-Disposition"].startswith("attachment")
    assert "sandbox" in answer["Content-Security-Policy"]
    with tenancy.inside(shree):
        assert LedgerEntry.objects.of(shree).filter(event="messaging.file.opened").count() == 1


def test_what_was_said_is_found_and_so_is_who(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    message = came(shree, account, "the passbook is lost")
    assert f"#m-{message.pk}" in text_of(browser, f"{INBOX}?q=passbook")
    assert "Sunita Deshmukh" in text_of(browser, f"{INBOX}?q=sunita")
    assert "Nobody wrote" in text_of(browser, f"{INBOX}?q=voter")


@pytest.mark.slow
def test_who_sees_some_people_sees_their_conversations_only(
    shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    message = came(shree, account, "secret words")
    team = make_team(shree, "Counter")
    browser = signed_in(narrow_member(shree, "Prakash Jadhav", team))
    for url in (INBOX, f"{INBOX}?view=all", f"{INBOX}?q=secret", f"{INBOX}?q=sunita"):
        text = text_of(browser, url)
        assert "Sunita" not in text.replace("?q=sunita", "")
    for url in (page_of(message), f"/inbox/with/{sunita.pk}/"):
        assert browser.get(url).status_code == 404
    assert reply(browser, sunita, text="x").status_code == 404
    with tenancy.inside(shree):
        Contact.objects.of(shree).update(team=team)
    assert "secret words" in text_of(browser, page_of(message))


def test_an_auditor_reads_with_the_number_masked_and_cannot_write(
    shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    message = came(shree, account)
    browser = signed_in(make_member(shree, Role.AUDITOR, name="Anita Auditor"))
    text = text_of(browser, page_of(message))
    assert "98220" not in text
    assert "•••• 736" in text
    assert "textarea" not in text.partition("inbox-thread")[2].partition("inbox-beside")[0]
    assert reply(browser, sunita, text="x").status_code == 403
    assert browser.post(f"{page_of(message)}read/").status_code == 403


def test_parts_are_the_same_pieces(browser: Client, shree: Workspace, account: ChannelAccount) -> None:
    message = came(shree, account)
    assert text_of(browser, f"{INBOX}?part=list").lstrip().startswith("<div")
    lines = text_of(browser, f"{page_of(message)}?part=lines")
    assert "Haan, Monday" in lines
    assert "<html" not in lines


def test_ready_replies_are_kept_by_who_may(browser: Client, shree: Workspace) -> None:
    assert (
        browser.post("/inbox/replies/new/", {"shortcut": "thanks", "body": "Thank you", "language": ""}).status_code
        == 303
    )
    assert (
        browser.post("/inbox/replies/new/", {"shortcut": "thanks", "body": "Twice", "language": ""}).status_code == 422
    )
    assert (
        browser.post("/inbox/replies/new/", {"shortcut": "two words", "body": "x", "language": ""}).status_code == 422
    )
    with tenancy.inside(shree):
        canned = CannedReply.objects.of(shree).get()
    assert "Thank you" in text_of(browser, "/inbox/replies/")
    assert (
        browser.post(
            f"/inbox/replies/{canned.pk}/", {"shortcut": "thanks", "body": "Thanks!", "language": "hi"}
        ).status_code
        == 303
    )
    agent = signed_in(make_member(shree))
    assert agent.post(f"/inbox/replies/{canned.pk}/remove/").status_code == 403
    assert browser.post(f"/inbox/replies/{canned.pk}/remove/").status_code == 303


def test_the_contact_page_shows_the_conversation(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    came(shree, account)
    text = text_of(browser, reverse("people:contact", args=[sunita.pk]))
    assert "Haan, Monday ko aati hoon" in text
    assert f"/inbox/with/{sunita.pk}/" in text


@pytest.mark.sampled
@pytest.mark.parametrize("rows", [1, 3])
def test_the_pages_cost_the_same_however_full(
    browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount, rows: int
) -> None:
    for number in range(rows):
        for _time in range(rows):
            message = came(shree, account, sender=f"+91982204170{number}")
    with tenancy.inside(shree):
        saying.say(contact=message.contact, channel="whatsapp", words=Words(text="11:30?"), by=rekha, at=clock.now())
    for url, most in ((INBOX, 8), (page_of(message), 14), (f"{INBOX}?q=monday", 10)):
        browser.get(url)
        with CaptureQueriesContext(connection) as asked:
            browser.get(url)
        # Keys of a workspace are remembered, but not before the transaction that made them is over; here it never is.
        passing = ("SAVEPOINT", "RELEASE", "BEGIN", "COMMIT")
        told = [
            one["sql"] for one in asked if not one["sql"].startswith(passing) and "core_workspacekey" not in one["sql"]
        ]
        assert len(told) <= most, "\n".join(told)


def test_a_sandbox_account_leads_to_the_other_phone(shree: Workspace, sunita: Contact) -> None:
    account = make_account(shree)
    page = page_of(came(shree, account))
    owner = signed_in(owner_of(shree))
    link = f"/settings/channels/{account.pk}/phone/?from={SUNITA[1:]}"
    assert link in text_of(owner, page)
    with tenancy.inside(shree):
        ChannelAccount.objects.of(shree).update(is_sandbox=False)
    assert "/phone/?from" not in text_of(owner, page)


@pytest.mark.parametrize("view", listing.VIEWS)
def test_an_empty_view_says_what_it_would_hold(browser: Client, shree: Workspace, view: str) -> None:
    assert str(listing.EMPTY[view]) in text_of(browser, f"{INBOX}?view={view}")


def test_a_search_that_finds_nothing_says_that_it_looks_for_whole_words(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    came(shree, account, "Mera passbook kab milega?")
    assert "Sunita" in text_of(browser, f"{INBOX}?q=passbook").partition("data-inbox-list")[2]
    listed = text_of(browser, f"{INBOX}?q=passb").partition("data-inbox-list")[2]
    assert "Sunita" not in listed
    assert "A part of a word finds no messages" in listed
    listed = text_of(browser, f"{INBOX}?q=sunit").partition("data-inbox-list")[2]
    assert "Messages are found by whole words" in listed and "Sunita" in listed


def test_a_mention_is_counted_beside_the_views_until_it_is_read(
    browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount
) -> None:
    message, prakash = came(shree, account), make_member(shree)
    with tenancy.inside(shree):
        threads.note(thread=Thread.objects.of(shree).get(), text="@Rekha please call", by=prakash, at=clock.now())
    assert "inbox-mentioned" in text_of(browser, INBOX)
    assert "inbox-mentioned" not in text_of(signed_in(prakash), INBOX)
    browser.post(f"{page_of(message)}read/")
    assert "inbox-mentioned" not in text_of(browser, INBOX)


def test_without_an_account_the_box_leads_to_ones_own_phone(browser: Client, shree: Workspace, sunita: Contact) -> None:
    text = text_of(browser, f"/inbox/with/{sunita.pk}/")
    for way in ("whatsapp", "call"):
        assert f'href="/contacts/{sunita.pk}/by-phone/{way}/"' in text
    nobody = make_contact(shree, "Without Number", phone="")
    assert "by-phone" not in text_of(browser, f"/inbox/with/{nobody.pk}/")


@pytest.mark.slow
def test_what_did_not_reach_the_person_is_taken_up_again_and_stands_in_no_address(
    browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact
) -> None:
    here = page_of(came(shree, account))
    with tenancy.inside(shree):
        said = saying.say(
            contact=sunita, channel="whatsapp", words=Words(text="11:30 & bank?"), by=rekha, at=clock.now()
        )
    again = f"{here}?view=mine&again={said.pk}"
    assert "again=" not in text_of(browser, f"{here}?view=mine").partition("data-inbox-lines")[2]
    with tenancy.inside(shree):
        Dispatch.objects.of(shree).update(state="dead", error_code="131026", begun_at=clock.now(), ended_at=clock.now())
    lines = text_of(browser, f"{here}?view=mine&part=lines")
    assert f'href="{again.replace("&", "&amp;")}#write"' in lines
    assert ">11:30 &amp; bank?</textarea>" in text_of(browser, again)
    theirs = came(shree, account, "What she wrote")
    assert "</textarea>" in text_of(browser, f"{here}?again={theirs.pk}")
    assert ">What she wrote</textarea>" not in text_of(browser, f"{here}?again={theirs.pk}")
    for nonsense in ("x", str(sunita.pk), ""):
        text_of(browser, f"{here}?again={nonsense}")


def test_a_note_of_the_system_has_no_author(browser: Client, shree: Workspace, account: ChannelAccount) -> None:
    message = came(shree, account)
    with tenancy.inside(shree):
        threads.note(thread=message.thread, text="Please ask", by=owner_of(shree), at=clock.now())
        Message.objects.of(shree).filter(direction="note").update(by=None)
    text = text_of(browser, page_of(message))
    head = text.partition("bubble bubble-note")[2].partition("bubble-text")[0]
    assert "Note by" not in head and "Note" in head


def test_what_was_put_on_an_older_message_shows_where_that_stands(  # noqa: PLR0917
    browser: Client, shree: Workspace, rekha: Member, account: ChannelAccount, sunita: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:  # fmt: skip
    monkeypatch.setattr(showing.show, "__kwdefaults__", {**(showing.show.__kwdefaults__ or {}), "limit": 2})
    at = clock.now() - timedelta(hours=1)
    old = came(shree, account, "The old one", provider_id="wamid.old", at=at)
    with tenancy.inside(shree):
        offer = Offer([("Monday", ""), ("Friday", "")])
        asked = saying.say(contact=sunita, channel="whatsapp", words=Words(text="When?", offer=offer), by=rekha, at=at)
        tapped = choices.of(asked)
    assert tapped is not None
    came(shree, account, "", kind="reaction", reaction="🙏", answers="wamid.old")
    came(shree, account, "Friday", kind="choice", choice=tapped.offered[1].id)
    page = page_of(old)
    newest = text_of(browser, page)
    assert "The old one" not in newest
    older = html.unescape(newest.partition('class="inbox-older"><a class="link" href="')[2].partition('"')[0])
    text = text_of(browser, older)
    assert '<span class="bubble-reactions">🙏</span>' in text.partition(f"m-{old.pk}")[2].partition("</article>")[0]
    chosen = text.partition('class="is-chosen"')[2]
    assert "Friday" in chosen.partition("</li>")[0]


def test_a_figure_stops_at_ninety_nine_and_says_so(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    message = came(shree, account)
    with tenancy.inside(shree):
        Thread.objects.of(shree).update(unread=150)
        tally.add(threads.UNREAD, 99, workspace=shree)
    text = text_of(browser, INBOX)
    assert '<span class="count count-now">99+<span' in text, "of the conversation"
    sidebar = text.partition("</aside>")[0]
    assert '<span class="count">99+</span>' in sidebar
    assert 'data-inbox-unread="99+"' in text_of(browser, f"{INBOX}?part=list")
    pulse = browser.get("/inbox/pulse/").json()
    assert pulse == {"newest": str(message.pk), "badge": "99+"}
    assert 'data-badge="/inbox/pulse/"' in sidebar


def test_a_reaction_is_the_newest_one_until_it_is_taken_back(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    message = came(shree, account, provider_id="wamid.first")
    page = page_of(message)
    for emoji, shown in (("👍", "👍"), ("❤️", "❤️"), ("", "")):
        came(shree, account, "", kind="reaction", reaction=emoji, answers="wamid.first")
        found = text_of(browser, page)
        assert [one for one in ("👍", "❤️") if one in found.partition("bubble-reactions")[2][:60]] == (
            [shown] if shown else []
        )
        assert "cannot show" not in found
