"""The reply box says beforehand what the channel and the gate would refuse."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client

from amanat.accounts.models import Member, Workspace
from amanat.accounts.tests.api_client import program
from amanat.basis import suppression
from amanat.basis.models import Suppression
from amanat.basis.suppression import Stop
from amanat.core import clock, tenancy
from amanat.messaging.channels.models import ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.inbox import stopped
from amanat.messaging.inbox.models import Message
from amanat.messaging.inbox.tests.factories import SUNITA, came, make_account
from amanat.people.models import Contact
from amanat.people.tests.factories import make_contact

DLT = "registered with DLT"
WILL_NOT = "It will not be sent"
REASONS = Suppression.Reason


@pytest.fixture
def header(shree: Workspace) -> ChannelAccount:
    return make_account(shree, "sms")


@pytest.fixture
def reminder(shree: Workspace) -> TemplateText:
    """A registered text for reminders."""
    with tenancy.inside(shree):
        template = MessageTemplate.objects.create(
            workspace_id=shree.pk, name="due", title="Due soon", channel="sms", purpose="reminders", category="utility"
        )
        return TemplateText.objects.create(
            workspace_id=shree.pk,
            template=template,
            language="en",
            body="It is due.",
            state="approved",
            provider_id="11",
        )


def box_of(browser: Client, contact: Contact, channel: str = "sms") -> str:
    """The reply box of a person with whom nothing was said yet."""
    page = browser.get(f"/inbox/with/{contact.pk}/?by={channel}").content.decode()
    return page.partition('id="write"')[2].partition("</section>")[0]


@pytest.mark.usefixtures("header", "reminder")
def test_to_an_indian_number_only_registered_texts_go_by_sms(browser: Client, sunita: Contact) -> None:
    box = box_of(browser, sunita)
    assert DLT in box and "Due soon" in box
    assert '<textarea name="text"' not in box and "Write freely" not in box


@pytest.mark.usefixtures("header")
def test_what_was_typed_for_an_indian_number_is_refused_and_kept(
    browser: Client, shree: Workspace, rekha: Member, sunita: Contact
) -> None:
    fields = {"channel": "sms", "text": "Come at 11:30"}
    answer = browser.post(f"/inbox/with/{sunita.pk}/reply/", fields)
    assert answer.status_code == 422
    assert DLT in answer.text and "Come at 11:30" in answer.text
    refused = program(rekha).post("/messages", {"contact_id": str(sunita.pk), **fields})
    assert refused.status_code == 422 and DLT in str(refused.json()["errors"])
    with tenancy.inside(shree):
        assert not Message.objects.of(shree).exists()


@pytest.mark.usefixtures("header")
def test_numbers_of_other_countries_are_written_to_freely(browser: Client, shree: Workspace) -> None:
    anna = make_contact(shree, "Anna Berg", phone="+4915112345678")
    box = box_of(browser, anna)
    assert "Reply on SMS" in box and DLT not in box
    answer = browser.post(f"/inbox/with/{anna.pk}/reply/", {"channel": "sms", "text": "Come at 11:30"})
    assert answer.status_code == 303


def test_the_number_that_is_written_to_decides(
    browser: Client, shree: Workspace, header: ChannelAccount, account: ChannelAccount
) -> None:
    """Her first number is Indian; she wrote from the one abroad."""
    from amanat.people.models import Phone

    asha = make_contact(shree, "Asha", phone=SUNITA)
    with tenancy.inside(shree):
        Phone.objects.create(workspace_id=shree.pk, contact=asha, number="+4915112345678", position=1)
    assert DLT in box_of(browser, asha)
    said = came(shree, header, sender="+4915112345678")
    assert "Reply on SMS" in browser.get(f"/inbox/{said.thread_id}/?by=sms").text


@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (REASONS.OPT_OUT, "the person opted out"), (REASONS.ERASED, "was erased"), (REASONS.COMPLAINT, "a complaint came"),
        (REASONS.UNREACHABLE, "comes back"), (REASONS.CARRIER, "the carrier refuses"),
    ],
)  # fmt: skip
def test_what_stands_against_an_address_is_said_with_its_day(reason: str, says: str) -> None:
    now = clock.now()
    stop = Stop("a@example.in", "", "email", reason, now - timedelta(days=400))
    said = stopped.against([stop], "a@example.in", purpose="service", channel="email", now=now)
    assert says in said and str(stop.at.year) in said
    for other in (("b@example.in", "service", "email"), ("a@example.in", "service", "sms")):
        assert not stopped.against([stop], other[0], purpose=other[1], channel=other[2], now=now)


def test_the_box_warns_of_an_address_that_must_not_be_written_to(
    browser: Client, shree: Workspace, account: ChannelAccount, sunita: Contact
) -> None:
    page = f"/inbox/{came(shree, account).thread_id}/"
    at = clock.now() - timedelta(days=40)
    with tenancy.inside(shree):
        suppression.add(
            [SUNITA], workspace=shree, reason=REASONS.OPT_OUT, at=at, purpose="reminders", channel="whatsapp"
        )
    assert WILL_NOT not in browser.get(page).text, "who ended reminders is answered"
    with tenancy.inside(shree):
        suppression.add([SUNITA], workspace=shree, reason=REASONS.COMPLAINT, at=at)
    text = browser.get(page).text
    assert "a complaint came from there" in text and "/suppressed/" in text
    with tenancy.inside(shree):
        suppression.allow([SUNITA], workspace=shree, at=clock.now(), scopes=[("", "")], by=None)
    assert WILL_NOT not in browser.get(page).text


@pytest.mark.usefixtures("header", "reminder")
def test_a_template_says_that_its_own_purpose_is_refused(browser: Client, shree: Workspace, sunita: Contact) -> None:
    assert "It will not be sent: The person was never asked" in box_of(browser, sunita)
    with tenancy.inside(shree):
        suppression.add(
            [SUNITA], workspace=shree, reason=REASONS.OPT_OUT, at=clock.now(), purpose="reminders", channel="sms"
        )
    assert "the person opted out" in box_of(browser, sunita)


@pytest.mark.usefixtures("header")
def test_a_template_whose_purpose_is_gone_spoils_no_page(
    browser: Client, shree: Workspace, reminder: TemplateText, sunita: Contact
) -> None:
    with tenancy.inside(shree):
        MessageTemplate.objects.of(shree).update(purpose="no_more")
    assert "Due soon" in box_of(browser, sunita)
