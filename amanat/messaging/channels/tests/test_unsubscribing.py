"""The link that ends messages: looking changes nothing, one click ends it at once, and it works for people who are gone from here."""

from __future__ import annotations

import random
from datetime import date
from string import ascii_letters
from uuid import UUID

import pytest
from django.test import Client

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.basis import gate, suppression
from amanat.basis.models import ConsentRecord, Suppression
from amanat.basis.tests.test_public import entered
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry
from amanat.messaging.channels import mail_making, sms, stop_words, unsubscribing
from amanat.messaging.channels.contract import Outgoing
from amanat.messaging.channels.models import MessageTemplate, TemplateText
from amanat.messaging.channels.unsubscribing import LinkRefused, Wish
from amanat.messaging.outbox.models import Dispatch
from amanat.messaging.outbox.tests import post as provider
from amanat.people.models import Contact
from amanat.people.tests.factories import make_contact

ASHA = "asha@mail.example"
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def asha(shree: Workspace, db: None) -> Contact:
    contact = make_contact(shree, "Asha Menon", emails=[(ASHA, "")])
    with tenancy.inside(shree):
        for purpose in ("marketing", "reminders"):
            provider.agree(contact, purpose, "email")
    return contact


def link(workspace: Workspace, **changes: str) -> str:
    wish = {"purpose": "marketing", "channel": "email", "address": ASHA, **changes}
    with tenancy.inside(workspace):
        return "/" + unsubscribing.link(Wish(workspace.pk, **wish)).partition("//")[2].partition("/")[2]


def may(workspace: Workspace, contact: Contact, purpose: str = "marketing") -> bool:
    with tenancy.inside(workspace):
        answer = gate.decide(
            contact, workspace=workspace, purpose=purpose, channel="email", at=clock.now(), today=date(2026, 11, 22)
        )
        return answer.is_agreed


def test_who_looks_changes_nothing(shree: Workspace, asha: Contact, client: Client) -> None:
    """Mail scanners fetch every link, some of them twice and with HEAD."""
    page = link(shree)
    for _ in range(3):
        assert client.get(page).status_code == 200
        assert client.head(page).status_code == 200
    assert may(shree, asha)
    with tenancy.inside(shree):
        assert not Suppression.objects.of(shree).exists()


def test_one_click_ends_it_at_once_without_a_sign_in(shree: Workspace, asha: Contact) -> None:
    """RFC 8058: no cookie, no token of a page, no redirect; only this purpose and channel."""
    response = Client(enforce_csrf_checks=True).post(link(shree), ONE_CLICK)
    assert response.status_code == 200
    assert not may(shree, asha)
    assert may(shree, asha, "reminders")
    with tenancy.inside(shree):
        assert Suppression.objects.of(shree).filter(reason="opt_out").count() == 1
        assert ConsentRecord.objects.of(shree).get(what="withdrawn").purpose == "marketing"
        assert LedgerEntry.objects.of(shree).filter(event="messaging.unsubscribed").count() == 1


def test_the_same_again_changes_nothing_more(shree: Workspace, asha: Contact, client: Client) -> None:
    page = link(shree)
    assert [client.post(page, ONE_CLICK).status_code for _ in range(3)] == [200] * 3
    with tenancy.inside(shree):
        assert ConsentRecord.objects.of(shree).filter(what="withdrawn").count() == 1
        assert LedgerEntry.objects.of(shree).filter(event="messaging.unsubscribed").count() == 1


def test_the_page_shows_the_receipt_and_nobodys_name(shree: Workspace, asha: Contact, client: Client) -> None:
    page = client.get(link(shree)).content.decode()
    done = client.post(link(shree)).content.decode()
    assert "Send me nothing more" in page and "Your receipt" in done
    receipt = done.partition("/receipts/")[2].partition('"')[0]
    assert client.get(f"/w/{shree.pk}/receipts/{receipt}").status_code == 200
    for text in (page, done):
        assert "Asha" not in text and ASHA not in text


def test_it_works_when_the_person_is_gone(shree: Workspace, asha: Contact, client: Client) -> None:
    page = link(shree)
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=asha.pk).update(deleted_at=clock.now())
    assert client.post(page, ONE_CLICK).status_code == 200
    with tenancy.inside(shree):
        row = Suppression.objects.of(shree).get(purpose="marketing", channel="email")
        assert bytes(row.digest) == suppression.digest(ASHA, workspace_id=shree.pk)


def test_everybody_with_the_address_is_meant(shree: Workspace, asha: Contact, client: Client) -> None:
    second = make_contact(shree, "A. Menon", emails=[(ASHA, "")])
    with tenancy.inside(shree):
        provider.agree(second, "marketing", "email")
    client.post(link(shree), ONE_CLICK)
    assert not may(shree, asha) and not may(shree, second)


def test_who_agrees_again_is_written_to_again(shree: Workspace, asha: Contact, client: Client) -> None:
    client.post(link(shree), ONE_CLICK)
    with tenancy.inside(shree):
        provider.agree(asha, "marketing", "email", at=clock.now())
    assert may(shree, asha)


@pytest.mark.parametrize("purpose", ["service", "unheard_of"])
def test_a_purpose_that_nobody_agreed_to_is_ended_all_the_same(
    shree: Workspace, asha: Contact, client: Client, purpose: str
) -> None:
    assert client.post(link(shree, purpose=purpose), ONE_CLICK).status_code == 200
    with tenancy.inside(shree):
        assert Suppression.objects.of(shree).get().purpose == purpose


def test_a_link_of_another_workspace_or_altered_is_not_found(
    shree: Workspace, other: Workspace, asha: Contact, client: Client
) -> None:
    page = link(shree)
    token = page.rstrip("/").rpartition("/")[2]
    strange = [page.replace(str(shree.pk), str(other.pk)), link(other).replace(str(other.pk), str(shree.pk))]
    altered = [token[:-1] + ("A" if token[-1] != "A" else "B"), token[1:], token + "A" * 4, "x", "%00", "é", "A" * 200]
    for path in (*strange, *(f"/w/{shree.pk}/stop/{one}/" for one in altered), f"/w/{UUID(int=7)}/stop/{token}/"):
        assert client.post(path, ONE_CLICK).status_code == 404
    for workspace in (shree, other):
        with tenancy.inside(workspace):
            assert not Suppression.objects.of(workspace).exists()
    assert may(shree, asha)


def test_nobody_makes_one_up(shree: Workspace, db: None) -> None:
    chance = random.Random(8058)
    with tenancy.inside(shree):
        good = unsubscribing.token(Wish(shree.pk, "marketing", "email", ASHA))
        for _ in range(100):
            place = chance.randrange(len(good) - 1)
            swapped = chance.choice([one for one in ascii_letters if one != good[place]])
            with pytest.raises(LinkRefused):
                unsubscribing.read(good[:place] + swapped + good[place + 1 :], workspace_id=shree.pk)


def test_a_token_says_nothing_to_others(shree: Workspace, db: None) -> None:
    with tenancy.inside(shree):
        wish = Wish(shree.pk, "marketing", "email", ASHA)
        one, again = unsubscribing.token(wish), unsubscribing.token(wish)
        assert one != again  # two mails to one person cannot be told to be hers
        assert unsubscribing.read(one, workspace_id=shree.pk) == wish
    assert len(one) < 150


def ordered(workspace: Workspace, contact: Contact, *, channel: str = "email") -> Dispatch:
    provider.open_post(channel=channel)
    address = "shop@shree.example" if channel == "email" else "SHREEC"
    with tenancy.inside(workspace):
        account = provider.make_account(workspace, channel=channel, address=address)
        return provider.order(contact, account, purpose="marketing", address=ASHA)


def dressed(workspace: Workspace, row: Dispatch, **changes: str) -> Outgoing:
    plain = Outgoing(row.pk, ASHA, "Ten percent off", **{"template": "offer", **changes})  # type: ignore[arg-type]
    with tenancy.inside(workspace):
        return unsubscribing.Dresser(workspace.pk).dress(row, plain)


def test_a_mail_nobody_asked_for_says_how_it_ends(shree: Workspace, asha: Contact, client: Client) -> None:
    with tenancy.inside(shree):
        Workspace.objects.of(shree).update(legal_name="Shree Services", address="1 Market Road\nPune")
    made = dressed(shree, ordered(shree, asha))
    assert made.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    page = made.headers["List-Unsubscribe"].strip("<>")
    assert mail_making._can_be_stopped(made.headers) and len(page) < 900
    assert made.text == (
        f"Ten percent off\n\n--\nShree Services\n1 Market Road, Pune\nDo not send me this any more: {page}\n"
    )
    assert client.post("/w/" + page.partition("/w/")[2], ONE_CLICK).status_code == 200
    assert not may(shree, asha)


def test_a_mail_about_her_own_order_cannot_be_ended_by_a_mail_programs_button(shree: Workspace, asha: Contact) -> None:
    row = ordered(shree, asha)
    row.purpose = "service"
    made = dressed(shree, row)
    assert (made.headers, made.text) == ({}, "Ten percent off")


@pytest.mark.slow
def test_what_was_stopped_without_need_of_a_yes_can_be_allowed_again(shree: Workspace, asha: Contact) -> None:
    """By herself on her page, or by a member who has her word; what needs her yes only by herself."""
    browser, client = signed_in(owner_of(shree)), entered(start := f"/w/{shree.pk}/choices/", ASHA)
    for again in (
        lambda: client.post(f"{start}mine/", {"wanted": "service.email", "act": "allow"}),
        lambda: browser.post("/consent/suppressed/", {"address": ASHA, "act": "lift"}),
    ):
        for purpose in ("service", "marketing"):
            Client().post(link(shree, purpose=purpose), ONE_CLICK)
        assert not may(shree, asha, "service")
        page = client.get(f"{start}mine/").content.decode()
        assert "Stopped by you" in page and 'value="service.email"' in page
        assert again().status_code == 303
        assert may(shree, asha, "service") and not may(shree, asha)
        assert "Stopped by you" not in client.get(f"{start}mine/").content.decode()
    with tenancy.inside(shree):
        said = LedgerEntry.objects.of(shree).filter(event="basis.suppression.lifted").order_by("id")
        assert list(said.values_list("actor", "facts__purpose")) == [(None, "service"), (owner_of(shree).pk, "service")]
    assert client.post(f"{start}mine/", {"wanted": "marketing.email", "act": "allow"}).status_code == 404


def test_the_foot_speaks_the_persons_language(shree: Workspace, asha: Contact) -> None:
    assert "any more" not in dressed(shree, ordered(shree, asha), language="hi").text


def test_answers_and_other_channels_are_left_as_they_are(shree: Workspace, asha: Contact) -> None:
    row = ordered(shree, asha)
    assert dressed(shree, row, template="").text == "Ten percent off"
    row.channel = "sms"
    assert dressed(shree, row).headers == {}


# --- the short link of a text message ------------------------------------------------------------------------------


@pytest.fixture
def row(shree: Workspace, db: None) -> Dispatch:
    provider.open_post(channel="sms")
    contact = make_contact(shree, "Ravi", phone="+919822041736")
    with tenancy.inside(shree):
        account = provider.make_account(shree, channel="sms", address="SHREEC")
        provider.agree(contact, "marketing", "sms")
        return provider.order(contact, account, purpose="marketing")


def test_a_short_link_ends_it_too(shree: Workspace, row: Dispatch, client: Client) -> None:
    path = "/s/" + unsubscribing.short_code(row.pk)
    assert len(path) <= 31
    assert client.get(path).status_code == 200
    assert client.post(path).status_code == 200
    with tenancy.inside(shree):
        found = Suppression.objects.of(shree).get()
        assert (found.purpose, found.channel) == ("marketing", "sms")
        assert bytes(found.digest) == suppression.digest("+919822041736", workspace_id=shree.pk)


def test_a_text_leaves_with_its_own_code_and_the_registers_limits(
    shree: Workspace, row: Dispatch, client: Client
) -> None:
    plain = Outgoing(
        row.pk, "+919822041736", f"Ravi, new courses. Stop: {stop_words.address()}{stop_words.CODE}", template="offer",
        values=("Ravi", stop_words.CODE),
    )  # fmt: skip
    with tenancy.inside(shree):
        template = MessageTemplate.objects.create(
            workspace_id=shree.pk, name="offer", channel="sms", purpose="marketing"
        )
        row.message.text_of = TemplateText.objects.create(
            workspace_id=shree.pk, template=template, language="en", body="{{1}}, new courses. Stop: x/{{2}}",
            registered="{#var#}{#var#}, new courses. Stop: x/{#var#}",
        )  # fmt: skip
        made = unsubscribing.Dresser(shree.pk).dress(row, plain)
    code = unsubscribing.short_code(row.pk)
    assert len(code) == len(stop_words.CODE) <= sms.MOST_OF_A_VARIABLE
    assert made.text == f"Ravi, new courses. Stop: {unsubscribing.short_link(row.pk)}"
    assert (list(made.values), list(made.limits)) == (["Ravi", code], [60, 30])
    assert stop_words.are_in(made.text)
    assert client.get("/s/" + stop_words.CODE).status_code == 404  # what members see in the inbox ends nothing


def test_a_short_link_that_was_made_up_is_not_found(shree: Workspace, row: Dispatch, client: Client) -> None:
    code = unsubscribing.short_code(row.pk)
    swapped = "a" if code[-1] != "a" else "b"
    for wrong in (
        code[:-1] + swapped,
        code[:-6] + "aaaaaa",
        code[6:],
        unsubscribing.short_code(UUID(int=3)),
        "x",
        "é" * 22,
    ):
        assert client.post(f"/s/{wrong}").status_code == 404
    with tenancy.inside(shree):
        assert not Suppression.objects.of(shree).exists()


def test_only_text_messages_have_short_links(shree: Workspace, row: Dispatch, client: Client) -> None:
    with tenancy.inside(shree):
        Dispatch.objects.of(shree).update(channel="whatsapp")
    assert client.get("/s/" + unsubscribing.short_code(row.pk)).status_code == 404


def test_signed_in_or_not_is_the_same(shree: Workspace, asha: Contact) -> None:
    assert signed_in(owner_of(shree)).post(link(shree), ONE_CLICK).status_code == 200
    assert not may(shree, asha)
