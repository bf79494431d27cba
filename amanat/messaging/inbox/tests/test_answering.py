"""An answer by mail, as the program of the person sees it: below the mail that it answers, under its subject."""

from __future__ import annotations

import pytest
from django.test import Client

from amanat.accounts.models import Workspace
from amanat.core import tenancy
from amanat.messaging.inbox import answering, bodies
from amanat.messaging.inbox.models import Message, Thread
from amanat.messaging.inbox.saying import Words
from amanat.messaging.inbox.tests.factories import came, make_account

ASHA = "asha@mail.example"


def mail(workspace: Workspace, subject: str = "PAN card", **said: object) -> Message:
    account = make_account(workspace, "email", address="shop@shree.example")
    return came(workspace, account, sender=ASHA, subject=subject, **said)


def test_the_box_offers_the_subject_and_the_answer_names_the_mail(shree: Workspace, browser: Client) -> None:
    asked = mail(shree)
    page = browser.get(f"/inbox/{asked.thread_id}/").content.decode()
    assert 'name="subject" value="Re: PAN card"' in page
    sent = {"channel": "email", "text": "It is ready.", "subject": ""}
    assert browser.post(f"/inbox/with/{asked.contact_id}/reply/", sent).status_code == 303
    with tenancy.inside(shree):
        answer = Message.objects.of(shree).get(direction="out")
        assert (answer.answers_id, bodies.open(answer, "subject")) == (asked.pk, "Re: PAN card")


@pytest.mark.parametrize(("theirs", "ours"), [("Re: PAN card", "Re: PAN card"), ("AW: PAN", "AW: PAN"), ("", "")])
def test_a_subject_is_answered_once(shree: Workspace, theirs: str, ours: str) -> None:
    asked = mail(shree, theirs)
    with tenancy.inside(shree):
        assert answering.subject_of(Thread.objects.of(shree).get(pk=asked.thread_id)) == ours


def test_what_is_no_mail_and_who_wrote_none_stay_as_they_are(shree: Workspace) -> None:
    asked, words = mail(shree), Words(text="Hello", subject="Offer")
    with tenancy.inside(shree):
        thread = Thread.objects.of(shree).get(pk=asked.thread_id)
        assert answering.as_answer(words, channel="sms", thread=thread) is words
        assert answering.as_answer(words, channel="email", thread=None) == words
        assert answering.as_answer(words, channel="email", thread=thread).subject == "Offer"
