"""Messages while no provider is set: kept for a day, one for each recipient, shown on this machine alone."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from django.core.mail import EmailMessage, EmailMultiAlternatives
from django.core.mail.message import BadHeaderError  # type: ignore[attr-defined,unused-ignore]

from amanat.core import clock, outbox
from amanat.core.models import LocalMessage


@pytest.fixture(autouse=True)
def _kept(db: None, settings: Any) -> None:
    settings.TEXT_SENDER = "amanat.core.outbox.keep_text"


def kept() -> list[tuple[str, str, str, str]]:
    found = LocalMessage.objects.order_by("id")
    return [(message.channel, message.to, message.title, message.body) for message in found]


def send(*messages: EmailMessage) -> int:
    return outbox.EmailBackend().send_messages(messages)


def test_a_mail_is_kept_and_counted() -> None:
    assert send(EmailMessage("Your code", "123456", to=["asha@example.in"])) == 1
    assert kept() == [("email", "asha@example.in", "Your code", "123456")]


def test_each_recipient_has_a_message_of_her_own_with_no_other_name_in_it() -> None:
    message = EmailMessage(
        "Hello", "Body", to=["a@example.in", "b@example.in"], cc=["c@example.in"], bcc=["d@example.in"]
    )
    send(message)
    assert sorted(to for _, to, _, _ in kept()) == ["a@example.in", "b@example.in", "c@example.in", "d@example.in"]
    assert all("@" not in title + body for _, _, title, body in kept())


def test_several_mails_are_counted_and_a_mail_to_nobody_is_not_kept() -> None:
    assert send(EmailMessage("One", "1", to=["a@example.in"]), EmailMessage("Two", "2", to=[])) == 2
    assert [title for _, _, title, _ in kept()] == ["One"]
    assert send() == 0


def test_the_plain_part_is_kept_not_the_html() -> None:
    message = EmailMultiAlternatives("Hello", "plain", to=["a@example.in"])
    message.attach_alternative("<p>html</p>", "text/html")
    send(message)
    assert kept()[0][3] == "plain"


def test_a_long_title_is_cut_and_any_script_is_kept() -> None:
    send(EmailMessage("क" * 400, "आपला कोड १२३४५६", to=["a@example.in"]))
    assert kept() == [("email", "a@example.in", "क" * 300, "आपला कोड १२३४५६")]


@pytest.mark.parametrize("bad", ["Hello\nBcc: x@example.in", "Hello\r\nX: y", "Hello\rX"])
def test_a_title_cannot_bring_a_header(bad: str) -> None:
    """The message that a mail server would be given refuses it."""
    with pytest.raises((BadHeaderError, ValueError)):
        EmailMessage(bad, "Body", to=["a@example.in"]).message().as_bytes()


def test_a_text_goes_through_the_sender_that_is_set(settings: Any) -> None:
    outbox.send_text("+919822041736", "Your code is 123456")
    assert kept() == [("sms", "+919822041736", "", "Your code is 123456")]
    settings.TEXT_SENDER = f"{__name__}.elsewhere"
    outbox.send_text("+919822041737", "again")
    assert (_elsewhere, len(kept())) == ([("+919822041737", "again")], 1)


_elsewhere: list[tuple[str, str]] = []


def elsewhere(to: str, body: str) -> None:
    _elsewhere.append((to, body))


def test_messages_go_after_a_day_and_not_before() -> None:
    now = clock.now()
    for hours in (23, 24, 25):
        with clock.standing_at(now - timedelta(hours=hours)):
            outbox.keep_text(f"+91982204173{hours - 20}", "code")
    with clock.standing_at(now):
        assert outbox.sweep() == 1
        assert outbox.sweep() == 0
    assert [to for _, to, _, _ in kept()] == ["+919822041733", "+919822041734"]


@pytest.mark.parametrize(
    ("sends", "host", "shown"),
    [
        (False, "localhost", True),
        (False, "127.0.0.1", True),
        (False, "::1", True),
        (False, "shop.localhost", True),
        (False, "crm.example.in", False),
        (False, "192.168.1.5", False),
        (False, "localhost.example.in", False),
        (True, "localhost", False),
        (True, "crm.example.in", False),
    ],
)
def test_the_page_is_shown_on_this_machine_alone_and_only_while_nothing_is_sent(
    sends: bool, host: str, shown: bool, settings: Any
) -> None:
    settings.SENDS_MAIL = sends
    settings.CONFIGURATION = SimpleNamespace(host_name=host)
    assert outbox.is_shown() is shown
