"""A mailbox of the sandbox, tried out by a press: mail goes out over SMTP, comes in over IMAP, and both sides are shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import clock, ids, tenancy
from amanat.messaging.channels import accounts, doubles, mail, mail_arriving, mail_ids, mail_tasks
from amanat.messaging.channels.contract import Outcome, Outgoing
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message
from amanat.messaging.sandbox.mail import serve
from amanat.messaging.sandbox.running import Running
from amanat.messaging.sandbox.tests import doubles as running_doubles

pytestmark = pytest.mark.usefixtures("db")
ASHA = "asha@example.in"


@pytest.fixture
def double(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Running]:
    """With its mail servers, on whatever ports are free."""
    with running_doubles.whatsapp(tmp_path) as running, serve(running.doubles.servers) as servers:
        monkeypatch.setattr(doubles, "ports", lambda: (servers.smtp_port, servers.imap_port))
        yield running


@pytest.fixture
def browser(shree: Workspace) -> Client:
    return signed_in(owner_of(shree))


def connected(browser: Client, shree: Workspace) -> tuple[str, ChannelAccount]:
    """The page of the other side, and the account."""
    page = browser.post("/settings/channels/sandbox/", {"channel": "email"})["Location"]
    with tenancy.inside(shree):
        return page, ChannelAccount.objects.of(shree).get()


def arrived(shree: Workspace, account: ChannelAccount) -> list[dict[str, Any]]:
    mail_arriving.fetch(shree.pk, account.pk, at=clock.now())
    with tenancy.inside(shree):
        rows = Message.objects.of(shree).filter(direction="in").order_by("id")
        return [{"subject": bodies.open(row, "subject"), "text": bodies.open(row).strip()} for row in rows]


@pytest.mark.slow
def test_a_press_connects_a_mailbox_whose_first_mail_is_not_missed(
    browser: Client, shree: Workspace, double: Running
) -> None:
    assert "Connect E-mail (sandbox)" in browser.get("/settings/channels/").text
    page, account = connected(browser, shree)
    said = {"sender": ASHA, "name": "Asha", "subject": "My card", "text": "Is it there?", "act": "say"}
    paper = SimpleUploadedFile("list.txt", b"Two photos")
    assert browser.post(page, {**said, "file": paper}).status_code == 303
    with connection.cursor() as cursor:
        cursor.execute("SELECT args->>'account' FROM procrastinate_jobs WHERE task_name = %s", [mail_tasks.FETCH])
        assert cursor.fetchall() == [(str(account.pk),)], "who tries it out waits for no minute"
    assert arrived(shree, account) == [{"subject": "My card", "text": "Is it there?"}]
    shown = browser.get(page).text
    assert "Is it there?" in shown and "list.txt" in shown
    channels = browser.get("/settings/channels/").text
    assert "Connect E-mail (sandbox)" not in channels and "The other mailbox" in channels


@pytest.mark.slow
def test_what_was_sent_is_shown_answered_and_comes_back(browser: Client, shree: Workspace, double: Running) -> None:
    page, account = connected(browser, shree)
    with tenancy.inside(shree):
        access = accounts.access(account)
    assert not mail.Smtp().check(access).trouble
    with mail.Smtp().line(access) as line:
        sent = line.send(Outgoing(reference=ids.new(), to=ASHA, text="It has come.", subject="Your card"))
    assert sent.outcome is Outcome.ACCEPTED and mail_ids.reference_in(sent.provider_id)
    shown = browser.get(page).text
    assert "It has come." in shown and "Your card" in shown
    answer = shown.partition('href="?from=')[2].partition('"')[0].replace("&amp;", "&")
    form = browser.get(f"{page}?from={answer}").text
    assert f'value="{ASHA}"' in form and 'value="Re: Your card"' in form
    browser.post(
        page, {"sender": ASHA, "subject": "Re: Your card", "text": "Thanks", "answers": sent.provider_id, "act": "say"}
    )
    (letter,) = double.doubles.servers.box(account.address).letters
    assert f"In-Reply-To: {sent.provider_id}".encode() in letter.content
    browser.post(page, {"sender": ASHA, "id": sent.provider_id, "act": "bounce"})
    assert b"Status: 5.1.1" in double.doubles.servers.box(account.address).letters[-1].content
    browser.post(page, {"sender": ASHA, "id": sent.provider_id, "act": "delay"})
    assert b"Action: delayed\r\nStatus: 4.4.1" in double.doubles.servers.box(account.address).letters[-1].content
    assert arrived(shree, account) == [{"subject": "Re: Your card", "text": "Thanks"}]


def test_a_started_anew_sandbox_numbers_its_mails_anew(browser: Client, shree: Workspace, double: Running) -> None:
    """The mailbox is empty then, and its mails begin at 1 again."""
    page, account = connected(browser, shree)
    said = {"sender": ASHA, "subject": "One", "text": "1", "act": "say"}
    browser.post(page, said)
    assert len(arrived(shree, account)) == 1
    servers = double.doubles.servers
    servers.mailboxes.clear()
    servers.owners.clear()
    servers._validity += 1
    browser.post(page, {**said, "subject": "Two", "text": "2"})
    assert [one["text"] for one in arrived(shree, account)] == ["1", "2"]


def test_only_with_its_key_a_mailbox_is_read(browser: Client, shree: Workspace, double: Running) -> None:
    _page, account = connected(browser, shree)
    answer = double.doubles.mailboxes.answer(
        "/control/mail/phone", {"content-type": "application/json", "authorization": "Bearer x"}, b"{}"
    )
    assert answer.status == 401
    assert not double.doubles.servers.may(account.address, "x")
    assert double.doubles.servers.may("anybody@example.in", "x")


def test_what_is_wrong_is_said_and_nothing_is_written(browser: Client, shree: Workspace, double: Running) -> None:
    page, account = connected(browser, shree)
    for said in ({"sender": "nobody", "text": "x"}, {"sender": ASHA, "text": ""}):
        answer = browser.post(page, {**said, "act": "say"})
        assert (answer.status_code, "field-error" in answer.text) == (422, True)
    assert double.doubles.servers.box(account.address).letters == []


def test_a_mailbox_of_another_test_server_has_no_other_side(browser: Client, shree: Workspace, double: Running) -> None:
    page, account = connected(browser, shree)
    with tenancy.inside(shree):
        settings = {**account.settings, "smtp_host": "127.0.0.1"}
        ChannelAccount.objects.of(shree).filter(pk=account.pk).update(settings=settings)
    assert browser.get(page).status_code == 404
    assert "The other mailbox" not in browser.get("/settings/channels/").text
