"""The public page: a code to one's own address, choices turned both ways, and nothing told to strangers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
from django.core import mail
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.test.utils import CaptureQueriesContext

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.basis import consent, gate, notices, objections, passcodes, public_views
from amanat.basis.consent import How
from amanat.basis.models import ConsentRecord, Method, Passcode
from amanat.basis.tests.people import make_contact, mark_on, send_codes
from amanat.core import clock, codes, ids, tenancy
from amanat.core.models import LocalMessage
from amanat.people.models import Contact
from amanat.publishing.tests.samples import published

PHONE, EMAIL = "+919822041736", "asha@example.in"


@pytest.fixture
def asha(db: None, shree: Workspace) -> Contact:
    with tenancy.inside(shree):
        return make_contact(shree, "Asha Menon", phone=PHONE, email=EMAIL)


@pytest.fixture
def start(asha: Contact, shree: Workspace) -> str:
    return f"/w/{shree.pk}/choices/"


def sent() -> str:
    send_codes()
    found = re.search(r"\b\d{6}\b", LocalMessage.objects.order_by("-id")[0].body)
    assert found
    return found[0]


def entered(start: str, address: str = "98220 41736") -> Client:
    """A browser in which the right code was typed."""
    client = Client()
    answer = client.post(start, {"address": address})
    send_codes()
    code = re.findall(r"\b\d{6}\b", str(mail.outbox[-1].body))[0] if "@" in address else sent()
    assert client.post(answer["Location"], {"code": code})["Location"] == f"{start}mine/"
    return client


def choose(client: Client, start: str, wanted: str, act: str) -> HttpResponse:
    """Press the button at a choice, with the mark of the notice that the page shows."""
    mark = mark_on(client.get(f"{start}mine/").content.decode(), wanted)
    return client.post(f"{start}mine/", {"wanted": wanted, "act": act, "shown": mark})  # type: ignore[return-value]


def agreed(shree: Workspace, person: Contact, channel: str = "sms") -> bool:
    with tenancy.inside(shree):
        return gate.decide(
            person, workspace=shree, purpose="marketing", channel=channel, at=clock.now(), today=date(2026, 12, 1)
        ).is_agreed


@pytest.mark.slow
def test_with_a_code_she_allows_and_stops_and_each_holds_at_once(start: str, asha: Contact, shree: Workspace) -> None:
    client = entered(start)
    assert "You did not agree." in client.get(f"{start}mine/").content.decode()
    choose(client, start, "marketing.sms", "give")
    page = client.get(f"{start}mine/").content.decode()
    assert "Done. It holds from this moment." in page and agreed(shree, asha)
    receipt = re.search(r'href="([^"]*/receipts/[^"]+)"', page)
    assert receipt is not None
    told_her = Client().get(receipt[1]).content.decode()
    assert "it is taken back" in told_her and "What you were shown" in told_her
    assert receipt[1] in signed_in(owner_of(shree)).get(f"/contacts/{asha.pk}/choices/").content.decode()
    client.post(f"{start}mine/", {"wanted": "marketing.sms", "act": "withdraw"})
    assert not agreed(shree, asha)
    assert "You took it back." in client.get(f"{start}mine/").content.decode()
    choose(client, start, "marketing.sms", "give")
    assert agreed(shree, asha)
    with tenancy.inside(shree):
        told = ConsentRecord.objects.of(shree).order_by("at", "id").values_list("what", "method", "by")
        assert list(told) == [("given", "link", None), ("withdrawn", "link", None), ("given", "link", None)]


@pytest.mark.slow
def test_the_record_points_to_what_she_read_and_a_changed_text_is_read_again(
    start: str, asha: Contact, shree: Workspace
) -> None:
    client = entered(start)
    said = {"wanted": "marketing.sms", "act": "give"}
    old = mark_on(client.get(f"{start}mine/").content.decode(), "marketing.sms")
    published(shree, at=clock.now() - timedelta(minutes=1))
    refused = client.post(f"{start}mine/", said | {"shown": old})
    page = refused.content.decode()
    assert refused.status_code == 422 and "The text has changed" in page and 'disclosure" open' in page
    assert not agreed(shree, asha)
    answer = client.post(
        f"{start}mine/", said | {"shown": mark_on(page, "marketing.sms")}, headers={"Accept-Language": "mr"}
    )
    with tenancy.inside(shree):
        notice = ConsentRecord.objects.of(shree).select_related("notice").get().notice
    assert answer.status_code == 303 and notice is not None
    assert (notice.language, notice.policy_version) == ("en", 1)


@pytest.mark.parametrize("address", ["98220 41736", "+91-9822041736", "09822041736", EMAIL, " ASHA@Example.in "])
def test_her_address_is_known_however_it_is_typed(start: str, address: str) -> None:
    assert entered(start, address).get(f"{start}mine/").status_code == 200


@pytest.mark.slow
def test_who_is_unknown_gets_the_same_answers_and_no_message(start: str, shree: Workspace) -> None:
    client = Client()
    pages, told = [], []
    for address in ("9822041736", "9822041799"):
        answer = client.post(start, {"address": address})
        send_codes()
        page = client.get(answer["Location"]).content.decode()
        wrong = client.post(answer["Location"], {"code": "not it"}, follow=True)
        pages.append(re.sub(r'[0-9a-f-]{36}|value="[^"]*"|nonce="[^"]*"', "", page))
        told.append((answer.status_code, "This is not the code that was sent." in wrong.content.decode()))
    assert pages[0] == pages[1] and told == [(303, True), (303, True)]
    assert [message.to for message in LocalMessage.objects.all()] == [PHONE]


def test_the_request_does_the_same_for_who_is_known_and_who_is_not_even_when_mail_is_down(
    start: str, shree: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing leaves within the request: neither its time nor its failure tells who is a customer."""

    def down(*_all: object, **_more: object) -> None:
        raise ConnectionRefusedError

    monkeypatch.setattr(codes, "deliver", down)
    said = []
    for address in (EMAIL, "nobody@example.in"):
        with CaptureQueriesContext(connection) as asked:
            answer = Client().post(start, {"address": address})
        plain = [re.sub(r"'[^']*'|\d+", "", one["sql"]) for one in asked]
        said.append((answer.status_code, plain))
    assert said[0] == said[1] and said[0][0] == 303
    with pytest.raises(ConnectionRefusedError):
        send_codes()


def test_no_code_fits_an_address_that_nobody_has(start: str, shree: Workspace) -> None:
    client = Client()
    answer = client.post(start, {"address": "9822041799"})
    assert send_codes() == [False]
    for code in ("", "000000", "123456"):
        client.post(answer["Location"], {"code": code})
    assert client.get(f"{start}mine/").status_code == 303


@pytest.mark.parametrize("address", ["", "Asha", "12345", "a b@example.in"])
def test_what_is_no_address_is_an_error_at_the_field(start: str, shree: Workspace, address: str) -> None:
    answer = Client().post(start, {"address": address})
    assert answer.status_code == 422 and "field-error" in answer.content.decode()
    with tenancy.inside(shree):
        assert not Passcode.objects.of(shree).exists()


def test_the_page_shows_nothing_else_that_is_kept_about_her(start: str) -> None:
    page = entered(start).get(f"{start}mine/").content.decode()
    assert "Asha" not in page and "9822041736" not in page and EMAIL not in page


def test_without_the_code_the_page_is_closed_and_sets_no_cookie(start: str, shree: Workspace) -> None:
    client = Client()
    assert client.get(f"{start}mine/")["Location"] == start
    assert client.post(f"{start}mine/", {"wanted": "marketing.sms", "act": "give"})["Location"] == start
    client.get(start)
    assert public_views.COOKIE not in client.cookies
    with tenancy.inside(shree):
        assert not ConsentRecord.objects.of(shree).exists()


def test_a_forged_cookie_or_that_of_another_workspace_opens_nothing(start: str, other: Workspace) -> None:
    client = entered(start)
    assert client.get(f"/w/{other.pk}/choices/mine/").status_code == 303
    client.cookies[public_views.COOKIE] = client.cookies[public_views.COOKIE].value[:-2] + "xx"
    assert client.get(f"{start}mine/").status_code == 303


def test_the_cookie_is_hers_alone_and_short(start: str) -> None:
    cookie = entered(start).cookies[public_views.COOKIE]
    assert cookie["httponly"] and cookie["samesite"] == "Strict" and cookie["max-age"] == 900


def test_done_closes_the_page_at_once(start: str) -> None:
    client = entered(start)
    kept = client.cookies[public_views.COOKIE].value
    client.post(f"{start}leave/")
    client.cookies[public_views.COOKIE] = kept
    assert client.get(f"{start}mine/").status_code == 303


@pytest.mark.slow
def test_two_records_with_her_number_are_turned_together(start: str, asha: Contact, shree: Workspace) -> None:
    with tenancy.inside(shree):
        twin = make_contact(shree, "A. Menon", phone=PHONE)
        notice = notices.show(workspace=shree, purposes=["marketing"], language="en", at=clock.now())
        consent.give(
            contact=twin, purpose="marketing", channels=["sms"], notice=notice, how=How(Method.LINK), at=clock.now()
        )
    client = entered(start)
    assert client.get(f"{start}mine/").content.decode().count("You agreed.") == 0  # only one of the two did
    choose(client, start, "marketing.sms", "give")
    assert agreed(shree, asha) and agreed(shree, twin)
    client.post(f"{start}mine/", {"wanted": "marketing.sms", "act": "withdraw"})
    assert not agreed(shree, asha) and not agreed(shree, twin)


@pytest.mark.sampled
@pytest.mark.parametrize(
    "said",
    [
        {},
        {"wanted": "marketing.sms"},
        {"wanted": "marketing.sms", "act": "give"},
        {"wanted": "marketing.sms", "act": "give", "shown": "en.0." + "0" * 64},
        {"wanted": "marketing.sms", "act": "sell"},
        {"wanted": "selling.", "act": "give"},
        {"wanted": "service.", "act": "withdraw"},
    ],
)
def test_a_change_that_is_not_well_formed_changes_nothing(start: str, shree: Workspace, said: dict[str, str]) -> None:
    assert entered(start).post(f"{start}mine/", said).status_code == 422
    with tenancy.inside(shree):
        assert not ConsentRecord.objects.of(shree).exists()


def test_a_workspace_that_does_not_exist_has_no_page(db: None) -> None:
    client = Client()
    for rest in ("", "mine/", f"code/{ids.new()}/"):
        assert client.get(f"/w/{ids.new()}/choices/{rest}").status_code == 404
    assert client.post(f"/w/{ids.new()}/choices/leave/").status_code == 404


def test_five_codes_an_hour_then_a_sentence(start: str) -> None:
    client = Client()
    for _again in range(5):
        assert client.post(start, {"address": PHONE}).status_code == 303
    refused = client.post(start, {"address": PHONE})
    assert refused.status_code == 422 and "Too many codes" in refused.content.decode()


def test_five_wrong_codes_end_it(start: str) -> None:
    client = Client()
    page = client.post(start, {"address": PHONE})["Location"]
    for _try in range(5):
        assert client.post(page, {"code": "1"})["Location"] == page
    assert client.post(page, {"code": sent()})["Location"] == start
    assert client.get(f"{start}mine/").status_code == 303


@pytest.fixture
def passcode(asha: Contact, shree: Workspace) -> Iterator[Passcode]:
    with tenancy.inside(shree):
        made = passcodes.send(workspace=shree, address=PHONE, at=AT)
        assert send_codes(AT) == [True]
        yield Passcode.objects.of(shree).get(pk=made.pk)


AT = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)


def test_a_code_works_once_and_for_fifteen_minutes(passcode: Passcode, shree: Workspace) -> None:
    with pytest.raises(passcodes.Over):
        passcodes.open_with(passcode, code=sent(), at=AT + timedelta(minutes=15))
    passcodes.open_with(passcode, code=sent(), at=AT + timedelta(minutes=14))
    for again in (passcode, Passcode.objects.of(shree).get()):
        with pytest.raises(passcodes.Over):
            passcodes.open_with(again, code=sent(), at=AT + timedelta(minutes=14))


@pytest.mark.parametrize(("minutes", "is_open"), [(0, True), (14, True), (15, False), (-1, False)])
def test_what_it_opens_stays_open_for_fifteen_minutes(
    passcode: Passcode, shree: Workspace, minutes: int, is_open: bool
) -> None:
    passcodes.open_with(passcode, code=sent(), at=AT)
    found = passcodes.opened(shree.pk, passcode.pk, at=AT + timedelta(minutes=minutes))
    assert (found is not None) is is_open


def test_neither_code_nor_address_can_be_read_from_the_table(passcode: Passcode, shree: Workspace) -> None:
    kept = str(list(Passcode.objects.of(shree).values()))
    assert PHONE not in kept and sent() not in kept
    assert passcodes.address_of(passcode) == PHONE


def test_codes_go_after_a_day(passcode: Passcode, shree: Workspace) -> None:
    assert passcodes.sweep(shree.pk, at=AT + timedelta(hours=23)) == 0
    assert passcodes.sweep(shree.pk, at=AT + timedelta(hours=25)) == 1
    assert not Passcode.objects.of(shree).exists()


def test_who_is_in_the_bin_is_unknown(asha: Contact, shree: Workspace) -> None:
    with tenancy.inside(shree):
        Contact.objects.of(shree).filter(pk=asha.pk).update(deleted_at=AT)
        assert passcodes.people_with(shree.pk, PHONE) == []
        passcodes.send(workspace=shree, address=PHONE, at=AT)
        assert send_codes(AT) == [False] and Passcode.objects.of(shree).get().code is None
    assert not LocalMessage.objects.exists()


def test_she_takes_an_objection_back_and_the_page_says_what_holds(start: str, asha: Contact, shree: Workspace) -> None:
    with tenancy.inside(shree):
        objections.make(contact=asha, purpose="support", how=How(Method.PHONE), at=clock.now())
        objections.want_none(contact=asha, purpose="marketing", how=How(Method.PHONE), at=clock.now())
    client, mine = entered(start), f"{start}mine/"
    page = client.get(mine).content.decode()
    assert "You objected to" in page and page.count("You want none of this.") > 1
    for said in ({}, {"use": "marketing"}, {"use": ""}, {"use": "selling"}):
        assert client.post(mine, {"act": "use_again"} | said).status_code == 404
    assert client.post(mine, {"act": "use_again", "use": "support"}).status_code == 303
    with tenancy.inside(shree):
        assert objections.standing(asha, at=clock.now()) == {"marketing"}
    assert "You objected to" not in client.get(mine).content.decode()
    choose(client, start, "marketing.sms", "give")
    assert agreed(shree, asha) and not agreed(shree, asha, "email")
