"""Settings → Channels and → Message templates, as an owner and as others see them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.core import clock, filetypes, outgoing, tenancy
from amanat.messaging.channels import accounts, whatsapp_reading
from amanat.messaging.channels.models import ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.channels.tests.calls import AT
from amanat.messaging.channels.tests.test_accounts import connect
from amanat.messaging.inbox import fetching
from amanat.messaging.inbox.models import Message
from amanat.messaging.inbox.tests.factories import came
from amanat.messaging.sandbox.running import Running
from amanat.messaging.sandbox.tests import doubles
from amanat.people.models import Contact
from amanat.people.tests.factories import make_contact
from amanat.web import formatting

pytestmark = pytest.mark.usefixtures("db")
CHANNELS, TEMPLATES = "/settings/channels/", "/settings/templates/"


@pytest.fixture
def double(tmp_path: Path) -> Iterator[Running]:
    with doubles.whatsapp(tmp_path) as running:
        yield running


def test_an_owner_connects_a_number_and_sees_what_to_enter(shree: Workspace) -> None:
    client = signed_in(owner_of(shree))
    assert "WhatsApp (Meta Cloud API)" in client.get(f"{CHANNELS}connect/").content.decode()
    page = f"{CHANNELS}connect/whatsapp_cloud/"
    details = {"name": "Counter", "phone_number_id": "1", "waba_id": "2", "token": "t0ken", "app_secret": "s3cret"}
    refused = client.post(page, {**details, "address": "98220"})
    assert refused.status_code == 422
    made = client.post(page, {**details, "address": "98220 00001"})
    assert made.status_code == 303
    shown = client.get(made["Location"]).content.decode()
    with tenancy.inside(shree):
        account = ChannelAccount.objects.of(shree).get()
    assert account.address == "+919822000001"
    assert f"/w/{shree.pk}/hooks/{account.pk}/" in shown
    assert "t0ken" not in shown
    assert "s3cret" not in shown
    assert client.post(page, {**details, "address": "9822000001"}).status_code == 422


def test_an_account_is_paused_resumed_and_changed(shree: Workspace) -> None:
    client = signed_in(owner_of(shree))
    with tenancy.inside(shree):
        account = connect(shree)
    page = f"{CHANNELS}{account.pk}/"
    for act, state in (("pause", "paused"), ("resume", "ready"), ("default", "ready"), ("check", "ready")):
        assert client.post(f"{page}act/", {"act": act}).status_code == 303
        with tenancy.inside(shree):
            account.refresh_from_db()
        assert account.state == state
    assert client.post(f"{page}act/", {"act": "explode"}).status_code == 400
    changed = client.post(page, {"name": "Shop", "phone_number_id": "7", "waba_id": "8"})
    assert changed.status_code == 303
    with tenancy.inside(shree):
        account.refresh_from_db()
    assert (account.name, account.settings["phone_number_id"]) == ("Shop", "7")


def test_another_mail_server_asks_for_the_password_and_the_page_for_a_new_sign_in(shree: Workspace) -> None:
    owner = owner_of(shree)
    with tenancy.inside(shree):
        account = accounts.connect(
            workspace=shree, by=None, at=AT, provider="smtp", name="Office", address="office@shree.example",
            settings={"smtp_host": "mail.shree.example", "smtp_port": 587, "smtp_tls": "starttls", "smtp_user": "office", "from_name": "Shree"},
            secrets={"smtp_password": "s3cret"},
        )  # fmt: skip
    page, asked = f"{CHANNELS}{account.pk}/", {
        "name": "Office", "smtp_host": "mail.evil.example", "smtp_port": "587", "smtp_tls": "starttls", "smtp_user": "office", "from_name": "S",
    }  # fmt: skip
    old = signed_in(owner, fresh=False).post(page, asked)
    assert (old.status_code, "reauthenticate" in old["Location"]) == (303, True) or old.status_code == 302
    refused = signed_in(owner).post(page, asked)
    assert refused.status_code == 422 and "another server" in refused.content.decode()
    with tenancy.inside(shree):
        account.refresh_from_db()
        assert account.settings["smtp_host"] == "mail.shree.example"
    assert signed_in(owner).post(page, {**asked, "smtp_password": "again"}).status_code == 303


@pytest.mark.parametrize("role", [Role.MANAGER, Role.AGENT, Role.AUDITOR])
def test_only_owners_see_channels(shree: Workspace, role: Role) -> None:
    client = signed_in(make_member(shree, role=role))
    assert client.get(CHANNELS).status_code == 403
    assert client.get(TEMPLATES).status_code == (200 if role == Role.MANAGER else 403)


@pytest.mark.parametrize("count", [1, 3])
def test_lists_cost_the_same_for_one_and_for_three(
    shree: Workspace, count: int, django_assert_max_num_queries: object
) -> None:
    client = signed_in(owner_of(shree))
    with tenancy.inside(shree):
        for number in range(count):
            connect(shree, f"+91982200000{number}")
    client.get(CHANNELS)
    with django_assert_max_num_queries(12):  # type: ignore[operator]
        shown = client.get(CHANNELS).content.decode()
    assert shown.count('class="line-title"') == count


@pytest.mark.slow
def test_a_template_is_written_shown_and_handed_in(shree: Workspace) -> None:
    client = signed_in(owner_of(shree))
    facts = {
        "title": "PAN ready",
        "name": "pan_ready",
        "channel": "whatsapp",
        "category": "utility",
        "purpose": "service",
    }
    assert client.post(f"{TEMPLATES}new/", {**facts, "name": "PAN ready"}).status_code == 422
    made = client.post(f"{TEMPLATES}new/", facts)
    assert made.status_code == 303
    words = {"body": "Namaste {{1}}, it has come to us today.", "variables": "first_name", "examples": "Sunita"}
    wrong = client.post(made["Location"], {**words, "variables": "shoe_size"})
    assert wrong.status_code == 422
    assert "shoe_size" in wrong.content.decode()
    assert client.post(made["Location"], {**words, "body": "{{1}} first"}).status_code == 422
    saved = client.post(made["Location"], {**words, "buttons": "OK\nPage | https://shree.in"})
    assert saved.status_code == 303
    shown = client.get(saved["Location"]).content.decode()
    assert "Namaste Sunita, it has come to us today." in shown
    assert "Page" in shown
    with tenancy.inside(shree):
        text = TemplateText.objects.of(shree).get()
        template = MessageTemplate.objects.of(shree).get()
        connect(shree)
    handed_in = client.post(f"{TEMPLATES}{template.pk}/{text.language}/submit/")
    assert handed_in.status_code == 303
    with tenancy.inside(shree):
        text.refresh_from_db()
    assert text.state == "submitted"
    assert "PAN ready" in client.get(TEMPLATES).content.decode()
    assert client.post(f"{TEMPLATES}{template.pk}/end/").status_code == 303
    assert "PAN ready" not in client.get(TEMPLATES).content.decode()


@pytest.mark.slow
def test_the_sandbox_and_its_other_phone(shree: Workspace, double: Running) -> None:
    client = signed_in(owner_of(shree))
    made = client.post(f"{CHANNELS}sandbox/")
    assert made.status_code == 303
    phone = made["Location"]
    assert client.get(phone).status_code == 200
    said = client.post(phone, {"sender": "98220 41736", "name": "Sunita", "text": "Is my PAN ready?", "act": "say"})
    assert said.status_code == 303
    assert "Is my PAN ready?" in client.get(phone).content.decode()
    assert client.post(phone, {"sender": "x", "text": "y"}).status_code == 422
    assert double.doubles.graph.answered[-1]["message"]["text"] == {"body": "Is my PAN ready?"}
    assert "reaches nobody" in client.get(CHANNELS).content.decode()


def test_without_the_sandbox_the_page_says_how_to_start_it(shree: Workspace, settings: object) -> None:
    settings.SANDBOX_URL = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    answer = signed_in(owner_of(shree)).post(f"{CHANNELS}sandbox/")
    assert answer.status_code == 409
    assert "./run sandbox" in answer.content.decode()
    with tenancy.inside(shree):
        assert not ChannelAccount.objects.of(shree).exists()


@pytest.mark.parametrize(
    ("way", "leads_to"), [("whatsapp", "https://wa.me/919822041736?text=Namaste & more"), ("call", "tel:+919822041736")]
)
def test_writing_from_ones_own_phone_is_written_down(shree: Workspace, way: str, leads_to: str) -> None:
    with tenancy.inside(shree):
        contact = Contact.objects.create(workspace_id=shree.pk, name="Sunita", main_phone="+919822041736")
        nobody = Contact.objects.create(workspace_id=shree.pk, name="Nobody")
    client, page = signed_in(owner_of(shree)), f"/contacts/{contact.pk}/by-phone/{way}/"
    shown = client.get(page)
    assert shown.status_code == 200
    assert "https://wa.me" in shown["Content-Security-Policy"]
    answer = client.post(page, {"text": "Namaste & more"})
    assert (answer.status_code, unquote(answer["Location"])) == (303, leads_to)
    with tenancy.inside(shree):
        message = Message.objects.of(shree).get()
    assert (message.kind, message.channel, message.contact_id) == ("intended", way, contact.pk)
    assert client.get(f"/contacts/{nobody.pk}/by-phone/{way}/").status_code == 404


def test_a_text_of_several_lines_is_kept_with_one_character_for_each(shree: Workspace) -> None:
    """A browser sends two, which hid the empty lines that WhatsApp refuses."""
    client, template = signed_in(owner_of(shree)), written(shree)
    with tenancy.inside(shree):
        MessageTemplate.objects.of(shree).update(channel="whatsapp")
    page = f"{TEMPLATES}{template.pk}/en/"
    answer = client.post(page, {"body": "Namaste,\r\n\r\n\r\nyour card is here."})
    assert answer.status_code == 422
    assert "At most one empty line" in answer.content.decode()
    assert client.post(page, {"body": "Namaste,\r\nyour card is here."}).status_code == 303
    with tenancy.inside(shree):
        assert TemplateText.objects.of(shree).get().body == "Namaste,\nyour card is here."


def written(shree: Workspace, **details: str) -> MessageTemplate:
    with tenancy.inside(shree):
        return MessageTemplate.objects.create(
            workspace_id=shree.pk, name="due_sms", title="Due", channel="sms", purpose="reminders",
            **{"category": "utility", **details},
        )  # fmt: skip


def test_the_writer_of_a_text_message_sees_its_parts_its_price_and_where_it_differs(shree: Workspace) -> None:
    client, template = signed_in(owner_of(shree)), written(shree)
    with tenancy.inside(shree):
        accounts.connect(
            workspace=shree, by=None, at=AT, provider="sms_http", name="SMS", address="SHREEC",
            settings={"part_price": "0.25"}, secrets={},
        )  # fmt: skip
    measure = f"{TEMPLATES}{template.pk}/measure/"
    asked = {"body": "न" * 71 + " {{1}}", "examples": "x", "registered": "न" * 71 + " {#var#}{#var#}"}
    page = client.get(measure, asked).content.decode()
    assert "73 characters" in page and "2 parts" in page and f"{formatting.rupees(5_000)} for 100 people" in page
    assert "It is the registered text, letter by letter." in page
    page = client.get(measure, {**asked, "registered": "न"}).content.decode()
    assert "the registered text ends" in page
    assert client.get(f"{TEMPLATES}{template.pk}/en/").content.decode().count('id="measure"') == 1


def test_an_offer_by_text_begins_with_the_line_that_ends_offers(shree: Workspace) -> None:
    client, template = signed_in(owner_of(shree)), written(shree, category="marketing")
    page = client.get(f"{TEMPLATES}{template.pk}/en/").content.decode()
    assert "/s/{{1}}" in page and "stop_code" in page


def test_a_header_of_the_sandbox_is_one_click_and_shows_its_texts(shree: Workspace, double: Running) -> None:
    client = signed_in(owner_of(shree))
    made = client.post(f"{CHANNELS}sandbox/", {"channel": "sms"})
    assert made.status_code == 303
    with tenancy.inside(shree):
        account = ChannelAccount.objects.of(shree).get(channel="sms")
        key = accounts.access(account).secrets["key"]
    text = {"number": "919822041736", "text": "It is ready. http://shop.example/s/x", "reference": "a"}
    for reference in ("a", "b"):
        asked = outgoing.send(
            "POST", f"{double.url}/send", recipient="sandbox", json={**text, "reference": reference},
            headers={"authorization": f"Bearer {key}"},
        )  # fmt: skip
        assert asked.is_success
    page = client.get(made["Location"]).content.decode()
    assert page.count('href="http://shop.example/s/x"') == 2
    assert client.post(f"{CHANNELS}sandbox/", {"channel": "sms"})["Location"] == CHANNELS  # there is one already


def test_the_other_phone_reads_templates_out(shree: Workspace, double: Running) -> None:
    client = signed_in(owner_of(shree))
    phone = client.post(f"{CHANNELS}sandbox/")["Location"]
    with tenancy.inside(shree):
        account = ChannelAccount.objects.of(shree).get()
        access = accounts.access(account)
        template = MessageTemplate.objects.create(
            workspace_id=shree.pk, name="due", channel="whatsapp", purpose="reminders"
        )
        TemplateText.objects.create(workspace_id=shree.pk, template=template, language="hi", body="नमस्ते {{1}}, आइए।")
    double.doubles.graph.settings["any_template"] = True
    for language in ("hi", "mr"):
        parameters = [{"type": "body", "parameters": [{"type": "text", "text": "सुनीता"}]}]
        made = {"name": "due", "language": {"code": language}, "components": parameters}
        asked = outgoing.send(
            "POST", f"{double.url}/v23.0/{access.settings['phone_number_id']}/messages", recipient="sandbox",
            headers={"authorization": f"Bearer {access.secrets['token']}"},
            json={"messaging_product": "whatsapp", "to": "919822041736", "type": "template", "template": made},
        )  # fmt: skip
        assert asked.is_success
    page = client.get(phone).content.decode()
    assert "नमस्ते सुनीता, आइए।" in page and "Template due (mr)" in page


def test_buttons_are_pressed_on_the_other_phone(shree: Workspace, double: Running) -> None:
    """The answer of a template's button, of a reply button and of a line of a list arrives as Meta would send it."""
    client = signed_in(owner_of(shree))
    phone = client.post(f"{CHANNELS}sandbox/")["Location"]
    with tenancy.inside(shree):
        account = ChannelAccount.objects.of(shree).get()
        access = accounts.access(account)
        template = MessageTemplate.objects.create(
            workspace_id=shree.pk, name="ready", channel="whatsapp", purpose="reminders"
        )
        TemplateText.objects.create(
            workspace_id=shree.pk, template=template, language="en", body="It is ready.",
            buttons=[{"type": "reply", "text": "Coming"}, {"type": "url", "text": "Our page", "url": "https://a.example"}],
        )  # fmt: skip
    double.doubles.graph.settings["any_template"] = True
    rows = [{"id": "late", "title": "After five"}]
    sent: list[dict[str, Any]] = [
        {"type": "template", "template": {"name": "ready", "language": {"code": "en"}}},
        {"type": "interactive", "interactive": {
            "type": "button", "body": {"text": "When?"},
            "action": {"buttons": [{"type": "reply", "reply": {"id": "mon", "title": "Monday"}}]}}},
        {"type": "interactive", "interactive": {
            "type": "list", "body": {"text": "At what time?"}, "action": {"button": "Times", "sections": [{"rows": rows}]}}},
    ]  # fmt: skip
    double.doubles.graph._wrote[access.settings["phone_number_id"], "919822041736"] = clock.now().timestamp()
    for each in sent:
        asked = outgoing.send(
            "POST", f"{double.url}/v23.0/{access.settings['phone_number_id']}/messages", recipient="sandbox",
            headers={"authorization": f"Bearer {access.secrets['token']}"},
            json={"messaging_product": "whatsapp", "to": "919822041736", **each},
        )  # fmt: skip
        assert asked.is_success, asked.text
    page = client.get(phone).content.decode()
    assert page.count('value="press"') == 3 and "Our page" not in page
    for kind, choice, title in (
        ("button", "Coming", "Coming"), ("button_reply", "mon", "Monday"), ("list_reply", "late", "After five"),
    ):  # fmt: skip
        pressed = {"sender": "+919822041736", "kind": kind, "choice": choice, "title": title, "answers": "wamid.x"}
        assert client.post(phone, {**pressed, "act": "press"}).status_code == 303
    said = [line["message"] for line in double.doubles.graph.answered]
    assert [whatsapp_reading._SAYS[one["type"]](one) for one in said] == [
        {"kind": "choice", "text": title, "choice": choice}
        for choice, title in (("Coming", "Coming"), ("mon", "Monday"), ("late", "After five"))
    ]
    assert {one["context"]["id"] for one in said} == {"wamid.x"}
    assert client.post(phone, {**pressed, "kind": "nonsense", "act": "press"}).status_code == 303
    assert len(double.doubles.graph.answered) == 3
    shown = client.get(phone).content.decode()
    assert shown.count("bubble-theirs") == 3


def test_where_there_are_two_numbers_a_template_may_leave_from_one_of_them(shree: Workspace) -> None:
    client, facts = (
        signed_in(owner_of(shree)),
        {"title": "PAN", "channel": "whatsapp", "category": "utility", "purpose": "service"},
    )
    with tenancy.inside(shree):
        connect(shree)
    assert 'name="account"' not in client.get(f"{TEMPLATES}new/").content.decode()
    with tenancy.inside(shree):
        second = connect(shree, "+919822000002")
    assert 'name="account"' in client.get(f"{TEMPLATES}new/").content.decode()
    assert client.post(f"{TEMPLATES}new/", {**facts, "name": "any", "account": ""}).status_code == 303
    assert client.post(f"{TEMPLATES}new/", {**facts, "name": "one", "account": str(second.pk)}).status_code == 303
    assert client.post(f"{TEMPLATES}new/", {**facts, "name": "bad", "account": str(shree.pk)}).status_code == 422
    with tenancy.inside(shree):
        made = dict(MessageTemplate.objects.of(shree).values_list("name", "account_id"))
    assert made == {"any": None, "one": second.pk}


@pytest.mark.parametrize(
    ("kind", "content", "shown"),
    [
        ("contacts", [{"name": {"formatted_name": "Mohan Patil"}, "phones": []}], "Mohan Patil"),
        ("location", {"latitude": 19.99, "longitude": 73.78, "name": "Shop"}, "19.99, 73.78"),
        ("reaction", {"message_id": "wamid.1", "emoji": "🙏"}, "🙏"),
        ("unsupported", {"type": "unknown"}, "unsupported"),
    ],
)
def test_the_other_phone_shows_whatever_kind_was_written(
    shree: Workspace, double: Running, kind: str, content: Any, shown: str
) -> None:
    client = signed_in(owner_of(shree))
    page = client.post(f"{CHANNELS}sandbox/")["Location"]
    with tenancy.inside(shree):
        account = ChannelAccount.objects.of(shree).get()
    number = account.settings["phone_number_id"]
    double.doubles.graph.answered.append({
        "id": "wamid.9", "number": number, "from": "919822041736", "at": AT.timestamp(), "message": {"type": kind, kind: content},
    })  # fmt: skip
    answer = client.get(page)
    assert (answer.status_code, shown in answer.content.decode()) == (200, True)


SENDER = {"sender": "98220 41736", "name": "Sunita"}


def heard(double: Running) -> dict[str, Any]:
    """What the adapter reads of the newest thing that the other phone sent."""
    message = double.doubles.graph.answered[-1]["message"]
    return whatsapp_reading._SAYS[message["type"]](message)


@pytest.mark.slow
def test_the_other_phone_sends_more_than_words(shree: Workspace, double: Running) -> None:
    client, paper = signed_in(owner_of(shree)), SimpleUploadedFile("my list.txt", b"Two photos, one form")
    phone = client.post(f"{CHANNELS}sandbox/")["Location"]
    known = double.doubles.graph.media
    for act, starts, name in (("picture", b"\x89PNG", "image.png"), ("document", b"%PDF", "sample.pdf")):
        assert client.post(phone, {**SENDER, "act": act, "text": "Here"}).status_code == 303
        said = heard(double)
        assert (said["kind"], said["text"], said["files"][0].name) == ("media", "Here", name)
        assert known.content(said["files"][0].provider_id).body.startswith(starts)
    for act, kind in (("voice", "audio/ogg"), ("sticker", "image/webp")):
        assert client.post(phone, {**SENDER, "act": act}).status_code == 303
        said = heard(double)["files"][0]
        content = known.content(said.provider_id).body
        assert (said.content_type, filetypes.sniff(content, "")) == (kind, kind)
    client.post(phone, {**SENDER, "act": "place"})
    assert heard(double)["text"].partition("\n")[0] == "Panchavati Karanja"
    client.post(phone, {**SENDER, "act": "card"})
    assert heard(double)["text"] == "Mohan Patil, +91 98220 00000"
    client.post(phone, {**SENDER, "act": "say", "file": paper})
    assert known.content(heard(double)["files"][0].provider_id).body == b"Two photos, one form"
    assert client.get(phone).status_code == 200


@pytest.mark.parametrize("act", ["place", "card", "voice", "stop", "resume"])
def test_what_was_typed_beside_a_button_that_carries_no_words_stays(
    shree: Workspace, double: Running, act: str
) -> None:
    client = signed_in(owner_of(shree))
    phone = client.post(f"{CHANNELS}sandbox/")["Location"]
    answer = client.post(phone, {**SENDER, "act": act, "text": "On Monday at ten"})
    assert (answer.status_code, 'value="On Monday at ten"' in answer.content.decode()) == (200, True)
    assert client.post(phone, {**SENDER, "act": "picture", "text": "On Monday at ten"}).status_code == 303


@pytest.mark.parametrize("content", [b"MZ a program", b"", b"\x00" * 9], ids=["program", "empty", "nonsense"])
def test_the_other_phone_sends_no_file_that_nobody_knows(shree: Workspace, double: Running, content: bytes) -> None:
    client = signed_in(owner_of(shree))
    phone = client.post(f"{CHANNELS}sandbox/")["Location"]
    answer = client.post(phone, {**SENDER, "act": "say", "file": SimpleUploadedFile("a.bin", content)})
    assert (answer.status_code, double.doubles.graph.answered) == (422, [])
    assert "field-error" in answer.content.decode()


def test_the_other_phone_reacts_and_shows_reactions(shree: Workspace, double: Running) -> None:
    client = signed_in(owner_of(shree))
    phone = client.post(f"{CHANNELS}sandbox/")["Location"]
    with tenancy.inside(shree):
        number = accounts.access(ChannelAccount.objects.of(shree).get()).settings["phone_number_id"]
    double.doubles.graph._keep({
        "id": "wamid.ours", "number": number, "to": "919822041736", "at": AT.timestamp(),
        "message": {"type": "text", "text": {"body": "Come on Monday."}},
    })  # fmt: skip
    for emoji in ("👍", "🙏"):
        assert client.post(phone, {**SENDER, "act": "react", "id": "wamid.ours", "emoji": emoji}).status_code == 303
        assert heard(double) == {"kind": "reaction", "reaction": emoji, "answers": "wamid.ours"}
        page = client.get(phone).content.decode()
        assert f'<span class="bubble-reactions">{emoji}</span>' in page and "bubble-theirs" not in page
    client.post(phone, {**SENDER, "act": "react", "id": "wamid.ours", "emoji": ""})
    assert "emoji" not in double.doubles.graph.answered[-1]["message"]["reaction"], "as Meta leaves it out"
    assert heard(double)["reaction"] == ""
    client.post(phone, {**SENDER, "act": "react", "id": "wamid.ours", "emoji": "x"})
    assert len(double.doubles.graph.answered) == 3


@pytest.mark.slow
def test_who_opens_a_conversation_lets_the_person_see_it_read(shree: Workspace, double: Running) -> None:
    client = signed_in(owner_of(shree))
    client.post(f"{CHANNELS}sandbox/")
    with tenancy.inside(shree):
        account = ChannelAccount.objects.of(shree).get()
    for provider_id in ("wamid.first", "wamid.newest"):
        message = came(shree, account, provider_id=provider_id)
    assert client.post(f"/inbox/{message.thread_id}/read/").status_code == 303
    with connection.cursor() as cursor:
        cursor.execute("SELECT args->>'thread' FROM procrastinate_jobs WHERE task_name = %s", [fetching.RECEIPT])
        assert cursor.fetchall() == [(str(message.thread_id),)]
    assert message.thread_id is not None
    fetching.tell_read(message.thread_id, workspace_id=shree.pk)
    assert double.doubles.graph.reads == ["wamid.newest"], "with the newest the older ones count as read"
    page = f"{CHANNELS}{account.pk}/"
    assert "Tell customers that their message was read" in client.get(page).content.decode()
    details = {"name": "Counter", **{name: account.settings[name] for name in ("phone_number_id", "waba_id")}}
    assert client.post(page, {**details, "read_receipts": "no"}).status_code == 303
    fetching.tell_read(message.thread_id, workspace_id=shree.pk)
    assert double.doubles.graph.reads == ["wamid.newest"], "nobody is told any more"


def test_what_the_other_phone_reads_is_reported_read(
    shree: Workspace, double: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(owner_of(shree))
    phone = client.post(f"{CHANNELS}sandbox/")["Location"]
    with tenancy.inside(shree):
        number = accounts.access(ChannelAccount.objects.of(shree).get()).settings["phone_number_id"]
    for key, to in (("wamid.hers", "919822041736"), ("wamid.other", "919822041799")):
        double.doubles.graph._keep({
            "id": key, "number": number, "to": to, "at": AT.timestamp(), "message": {"type": "text", "text": {"body": "Come."}},
        })  # fmt: skip
    read: list[tuple[str, str]] = []
    monkeypatch.setattr(
        double.doubles.graph, "_report", lambda _number, line, status, *, code=0: read.append((line["id"], status))
    )
    client.post(phone, {**SENDER, "act": "read"})
    assert read == [("wamid.hers", "read")]


@pytest.mark.parametrize(
    ("state", "reason", "says"),
    [
        ("rejected", "INVALID_FORMAT", "Its form is wrong"),
        ("rejected", "Something new", "Something new"),
        ("paused", "", "People blocked or reported it"),
    ],
)
def test_a_text_that_may_not_be_sent_says_why_in_words(shree: Workspace, state: str, reason: str, says: str) -> None:
    client = signed_in(owner_of(shree))
    with tenancy.inside(shree):
        template = MessageTemplate.objects.create(
            workspace_id=shree.pk, name="pan", title="PAN", channel="whatsapp", purpose="service", category="utility"
        )
        TemplateText.objects.create(
            workspace_id=shree.pk, template=template, language="en", body="Come.", state=state, reason=reason
        )
    shown = client.get(f"{TEMPLATES}{template.pk}/").content.decode()
    assert says in shown
    assert "INVALID_FORMAT" not in shown


def test_the_greeting_is_in_the_language_of_who_reads_it(shree: Workspace) -> None:
    contact = make_contact(shree, "Sunita", phone="+919822041736", language="mr")
    page = signed_in(owner_of(shree)).get(f"/contacts/{contact.pk}/by-phone/whatsapp/").content.decode()
    assert f"नमस्कार Sunita, {shree.name} मधून." in page
