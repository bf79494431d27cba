"""What people answer by SMS, over the whole site: taken in once from who knows the secret, and heeded as on WhatsApp."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from threading import Barrier
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest
from django.db import connection
from django.test import Client

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.basis import gate
from amanat.basis.gate import Reason
from amanat.core import clock, tenancy
from amanat.messaging.channels import accounts, hooks, sms_http, sms_inbound
from amanat.messaging.channels.contract import Access, Arrived, Report, WebhookRefused
from amanat.messaging.channels.models import ChannelAccount
from amanat.messaging.channels.sms_http import SmsHttp
from amanat.messaging.channels.sms_msg91 import Msg91
from amanat.messaging.channels.tests.calls import SECRET
from amanat.messaging.channels.unsigned_calls import QUERY_HEADER
from amanat.messaging.inbox import bodies
from amanat.messaging.inbox.models import Message
from amanat.messaging.outbox import events
from amanat.messaging.outbox.models import Dispatch, ProviderEvent
from amanat.messaging.outbox.tests import post as provider
from amanat.messaging.outbox.tests.post import NOON, PHONE
from amanat.messaging.sandbox.sms import SmsSandbox, Written
from amanat.people.models import Contact

ADAPTERS = {"sms_http": SmsHttp(), "msg91": Msg91()}
WRITTEN = Written("key", "in.1", "919822041736", "Is it ready?", NOON.timestamp())
#: As Indian gateways pass on what came for a keyword of a shared number: everything in the address.
SHARED = {"from": "msisdn", "text": "content", "keyword": "keyword", "at": "timestamp"}


@pytest.fixture(autouse=True)
def _now() -> Iterator[None]:
    with clock.standing_at(NOON):
        yield


def access(settings: Mapping[str, Any], *, is_sandbox: bool = False) -> Access:
    return Access(uuid4(), uuid4(), "SHREEC", settings, {"verify_token": SECRET}, is_sandbox=is_sandbox)


def heard(which: str, settings: Mapping[str, Any], body: bytes = b"", **query: str) -> list[Any]:
    adapter, opened = ADAPTERS[which], access(settings)
    kept = adapter.events(opened, body, {QUERY_HEADER: urlencode({"key": SECRET, **query})}, at=NOON)
    return [news for _mark, payload in kept for news in adapter.read(opened, payload)]


def as_json(**said: Any) -> bytes:
    return json.dumps(said).encode()


@pytest.mark.parametrize("which", ["sms_http", "msg91"])
def test_what_the_double_passes_on_is_a_message(which: str) -> None:
    body, _headers = SmsSandbox().inbound(WRITTEN, "gateway" if which == "sms_http" else "msg91")
    provider_id = "in.1" if which == "sms_http" else ""
    assert heard(which, sms_http.SANDBOX if which == "sms_http" else {}, body) == [
        Arrived(provider_id, PHONE, NOON, text="Is it ready?")
    ]


@pytest.mark.parametrize(
    "said",
    [
        {"number": "919822041736", "message": "SHREE stop", "keyword": "SHREE"},
        {"mobile": "9822041736", "message": "stop", "msgId": "1"},
        {"sender": "+91 98220 41736", "text": "stop", "received_at": "2026-12-01 12:00:00"},
        {"data": [{"number": "09822041736", "message": "stop"}]},
    ],
)
def test_every_form_that_msg91s_callers_know_is_read(said: dict[str, Any]) -> None:
    [one] = heard("msg91", {}, json.dumps(said).encode())
    assert (one.sender, one.text) == (PHONE, "stop") and NOON - one.at <= timedelta(minutes=1)


def test_an_account_may_say_where_it_stands_at_msg91() -> None:
    own = {"inbound": {"from": "who", "text": ["words", "more"]}}
    assert heard("msg91", own, as_json(who="9822041736", more="stop")) == [Arrived("", PHONE, NOON, text="stop")]


def test_all_may_stand_in_the_address() -> None:
    asked = {
        "msisdn": "9822041736",
        "keyword": "Shree",
        "content": "SHREE band karo",
        "timestamp": f"{NOON.timestamp() * 1_000:.0f}",
    }
    [one] = heard("sms_http", {"inbound": SHARED}, **asked)
    assert one == Arrived("", PHONE, NOON, text="band karo")


def test_a_keyword_alone_is_kept_and_one_inside_a_sentence_too() -> None:
    told = {"msisdn": "9822041736", "keyword": "shree"}
    for text in ("SHREE", "is shree open", "shreestop"):
        assert [one.text for one in heard("sms_http", {"inbound": SHARED}, content=text, **told)] == [text]


def test_words_that_look_like_json_stay_words() -> None:
    for text in ("[ok", "{stop}", "{", "a\x00b"):
        [one] = heard("sms_http", {"inbound": SHARED}, urlencode({"msisdn": PHONE, "content": text}).encode())
        assert one.text == text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def test_reports_and_messages_of_one_call_are_told_apart() -> None:
    reference = uuid4()
    report = {
        "id": "a",
        "reference": reference.hex,
        "status": "delivered",
        "from": "919822041736",
        "text": "It is ready",
    }
    written = {"id": "b", "from": "919822041736", "text": "1"}
    settings = {**sms_http.SANDBOX, "report": {**sms_http.SANDBOX["report"], "list": "all"}}
    settings["inbound"] = {**sms_http.SANDBOX["inbound"], "list": "all"}
    found = heard("sms_http", settings, as_json(all=[report, written, {"id": "c"}]))
    assert sorted(type(one).__name__ for one in found) == ["Arrived", "Report"]
    assert [one.provider_id for one in found if isinstance(one, Report)] == ["a"]


def test_where_a_kind_is_said_it_decides() -> None:
    mapping = {"from": "from", "text": "text", "path": "direction", "is": ["Inbound"]}
    said = {"from": "919822041736", "text": "stop", "status": "received"}
    assert heard("sms_http", {"inbound": mapping}, as_json(direction="outbound", **said)) == []
    assert len(heard("sms_http", {"inbound": mapping}, as_json(direction="inbound", **said))) == 1


@pytest.mark.parametrize(
    "said", [{"from": "SHREEC", "text": "Your card is here"}, {"from": PHONE}, {"text": "x"}, {}, []]
)
def test_what_nobody_wrote_is_no_message(said: Any) -> None:
    assert heard("sms_http", sms_http.SANDBOX, json.dumps(said).encode()) == []


@pytest.mark.parametrize("inbound", [None, {}, "from", ["from"], {"from": 1, "text": 2}])
def test_without_a_usable_mapping_nothing_is_taken_in(inbound: Any) -> None:
    assert heard("sms_http", {"inbound": inbound}, as_json(**{"from": PHONE, "text": "stop"})) == []


def test_who_has_no_number_is_a_sender_all_the_same() -> None:
    told = {"VK-BANKIN": "VK-BANKIN", "56161": "56161", "447911123456": "+447911123456"}
    for sender, known in told.items():
        [one] = heard("sms_http", sms_http.SANDBOX, as_json(**{"from": sender, "text": "Hello"}))
        assert one.sender == known


def test_the_same_words_are_another_message_when_they_are_written_again() -> None:
    def mark(came: datetime = NOON, *, key: str = "", at: str = "") -> bytes:
        return sms_inbound.same(sms_inbound.Written(PHONE, "1", key, at), came)

    assert mark(key="a") == mark(NOON + timedelta(days=2), key="a") != mark(key="b")
    assert mark(at="2026-12-01 12:00:00") != mark(at="2026-12-01 12:00:09")
    assert mark() == mark(NOON + timedelta(minutes=9)) != mark(NOON + timedelta(minutes=10))


# --- over the site -------------------------------------------------------------------------------------------------


def connected(workspace: Workspace, which: str = "sms_http", **settings: Any) -> ChannelAccount:
    with tenancy.inside(workspace):
        return accounts.connect(
            workspace=workspace, by=None, at=NOON, provider=which, name="SMS", address="SHREEC",
            settings={**sms_http.SANDBOX, **settings}, secrets={"key": "k"}, is_sandbox=True,
        )  # fmt: skip


def secret(account: ChannelAccount) -> str:
    with tenancy.inside(account.workspace_id):
        return accounts.access(account).secrets["verify_token"]


def call(account: ChannelAccount, body: bytes, *, key: str | None = None, workspace: Workspace | None = None) -> int:
    query = urlencode({"key": secret(account) if key is None else key})
    address = f"/w/{workspace.pk if workspace else account.workspace_id}/hooks/{account.pk}/?{query}"
    client = Client(enforce_csrf_checks=True)
    return client.post(address, body, content_type="application/json").status_code


def writes(account: ChannelAccount, text: str, number: int = 1, *, at: datetime = NOON) -> None:
    with clock.standing_at(at):
        said = Written("key", f"in.{number}", PHONE[1:], text, at.timestamp())
        assert call(account, SmsSandbox().inbound(said)[0]) == 200
        work_off(account)


def work_off(account: ChannelAccount) -> None:
    while events.work_off(account.workspace_id, account.pk):
        pass


def rows(workspace: Workspace) -> int:
    with tenancy.inside(workspace):
        return ProviderEvent.objects.of(workspace).count()


def came_in(workspace: Workspace) -> list[str]:
    with tenancy.inside(workspace):
        found = Message.objects.of(workspace).filter(direction=Message.Direction.IN, channel="sms").order_by("id")
        return [bodies.open(one) for one in found]


def test_who_writes_for_the_first_time_becomes_a_contact_of_this_channel(shree: Workspace) -> None:
    writes(connected(shree), "Is my card here?")
    assert came_in(shree) == ["Is my card here?"]
    with tenancy.inside(shree):
        contact = Contact.objects.of(shree).get(phones__number=PHONE)
    assert (contact.source, contact.main_phone) == ("sms", PHONE)


@pytest.mark.slow
def test_a_hundred_copies_are_one_message(shree: Workspace) -> None:
    account, (body, _headers) = connected(shree), SmsSandbox().inbound(WRITTEN)
    assert {call(account, body) for _ in range(50)} == {200}
    work_off(account)
    assert {call(account, body) for _ in range(50)} == {200}
    work_off(account)
    again = as_json(**{**json.loads(body), "attempt": 2})
    assert call(account, again) == 200
    work_off(account)
    assert rows(shree) == 1 and came_in(shree) == ["Is it ready?"]


@pytest.mark.slow  # ten connections, and everything is committed
def test_ten_copies_at_once_are_one_message(committed_db: None, shree: Workspace) -> None:
    account, (body, _headers), ready = connected(shree), SmsSandbox().inbound(WRITTEN), Barrier(10)
    key = secret(account)

    def calls(_number: int) -> int:
        with clock.standing_at(NOON):
            ready.wait(20)
            try:
                return call(account, body, key=key)
            finally:
                connection.close()

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(calls, range(10))) == {200}
    work_off(account)
    assert rows(shree) == 1 and came_in(shree) == ["Is it ready?"]


def test_what_is_forged_broken_or_of_another_workspace_leaves_no_row(shree: Workspace, other: Workspace) -> None:
    account, elsewhere = connected(shree), connected(other)
    body, _headers = SmsSandbox().inbound(WRITTEN)
    good = secret(account)
    wrong = ["", "x", good[:-1], f"{good}x", good.swapcase(), secret(elsewhere)]
    assert [call(account, body, key=key) for key in wrong] == [403] * len(wrong)
    assert [call(account, broken) for broken in (body[:-1], b"\xff", b"x", b"{" * 9)] == [403] * 4
    assert call(account, body, workspace=other) == 404
    assert call(account, b"") == 200, "providers try an address out before they keep it"
    assert rows(shree) == rows(other) == 0 and came_in(shree) == came_in(other) == []
    assert call(account, body) == 200 and rows(shree) == 1


def test_a_call_that_asks_is_refused_as_one_that_sends(shree: Workspace) -> None:
    account = connected(shree, inbound=SHARED)
    address, said = (
        f"/w/{shree.pk}/hooks/{account.pk}/",
        {"msisdn": PHONE, "content": "stop", "timestamp": "1796103000"},
    )
    assert Client().get(address, said).status_code == 403 and rows(shree) == 0
    assert {Client().get(address, {**said, "key": secret(account)}).status_code for _ in range(3)} == {200}
    work_off(account)
    assert rows(shree) == 1 and came_in(shree) == ["stop"]


def may(contact: Contact, purpose: str, channel: str, at: datetime) -> Reason:
    with tenancy.inside(contact.workspace_id):
        answer = gate.decide(
            contact, workspace=contact.workspace_id, purpose=purpose, channel=channel, at=at, today=at.date()
        )
    return answer.reason


@pytest.fixture
def asha(shree: Workspace) -> Contact:
    with tenancy.inside(shree):
        contact = provider.make_person(shree)
        provider.agree(contact, "reminders", "sms")
    return contact


def test_stop_by_sms_ends_what_was_agreed_to_and_start_brings_it_back(shree: Workspace, asha: Contact) -> None:
    account = connected(shree)
    later = [NOON + timedelta(minutes=minutes) for minutes in range(4)]
    writes(account, "STOP", 1)
    assert {may(asha, "reminders", channel, later[1]) for channel in ("sms", "whatsapp")} == {Reason.SUPPRESSED}
    writes(account, "START", 2, at=later[1])
    assert {may(asha, "reminders", channel, later[2]) for channel in ("sms", "whatsapp")} == {Reason.CONSENT}
    writes(account, "STOP", 3, at=later[2])
    assert may(asha, "reminders", "sms", later[3]) is Reason.SUPPRESSED
    with tenancy.inside(shree):
        assert not Dispatch.objects.of(shree).exists(), "no free text leaves for an Indian number"


def test_what_only_sounds_like_a_stop_pauses_and_asks_somebody(shree: Workspace, asha: Contact) -> None:
    writes(connected(shree), "please SMS mat bhejo")
    assert may(asha, "reminders", "sms", NOON + timedelta(minutes=1)) is not Reason.CONSENT
    with tenancy.inside(shree):
        assert Message.objects.of(shree).filter(direction=Message.Direction.NOTE).count() == 1


# --- the page of the channel ---------------------------------------------------------------------------------------

DETAILS = {
    "name": "SMS", "address": "SHREEC", "entity_id": "1101234567890123456", "header_class": "service", "authkey": "k",
    "url": "https://sms.example/send", "method": "POST", "body": "json", "fields": '{"to": "{number}"}',
    "success": '{"status": [200]}', "id_path": "id",
}  # fmt: skip


@pytest.mark.parametrize("which", ["sms_http", "msg91"])
def test_the_page_says_one_address_with_its_secret_and_keeps_the_mapping(shree: Workspace, which: str) -> None:
    client = signed_in(owner_of(shree))
    page = f"/settings/channels/connect/{which}/"
    for wrong in ('{"from": "a"}', '"from"', "[1]", '{"from": "a", "text": 7}'):
        refused = client.post(page, {**DETAILS, "inbound": wrong})
        assert refused.status_code == 422 and list(refused.context["form"].errors) == ["inbound"]
    made = client.post(page, {**DETAILS, "inbound": json.dumps(SHARED)})
    assert made.status_code == 303
    with tenancy.inside(shree):
        account = ChannelAccount.objects.of(shree).get()
    assert account.settings["inbound"] == SHARED
    shown = client.get(made["Location"]).text
    assert f"/w/{shree.pk}/hooks/{account.pk}/?key={secret(account)}" in shown and "Verify token" not in shown
    # What the page shows can be sent back as it is.
    shown_details = {name: field.value() for name, field in zip(*_fields(client, made["Location"]), strict=True)}
    again = client.post(made["Location"], {**shown_details, "authkey": "", "key": "", "extra": ""})
    assert again.status_code == 303
    with tenancy.inside(shree):
        assert ChannelAccount.objects.of(shree).get().settings == account.settings


def test_a_new_address_ends_the_old_one(shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hooks, "_SECONDS", 0.0)
    account, (body, _headers), client = connected(shree), SmsSandbox().inbound(WRITTEN), signed_in(owner_of(shree))
    old = secret(account)
    assert client.post(f"/settings/channels/{account.pk}/act/", {"act": "renew"}).status_code == 303
    with tenancy.inside(shree):
        account.refresh_from_db(from_queryset=ChannelAccount.objects.of(shree))
    assert call(account, body, key=old) == 403 and rows(shree) == 0
    assert call(account, body) == 200 and rows(shree) == 1
    with tenancy.inside(shree):
        assert accounts.access(account).secrets["key"] == "k", "the key at the provider stays"


def _fields(client: Client, page: str) -> tuple[list[str], list[Any]]:
    form = client.get(page).context["form"]
    names = [name for name in form.fields if form[name].value() is not None]
    return names, [form[name] for name in names]


def test_a_secret_that_is_no_secret_lets_nobody_in() -> None:
    opened = Access(uuid4(), uuid4(), "SHREEC", sms_http.SANDBOX, {"verify_token": ""}, is_sandbox=True)
    with pytest.raises(WebhookRefused):
        SmsHttp().events(opened, as_json(**{"from": PHONE, "text": "stop"}), {QUERY_HEADER: "key="}, at=NOON)
