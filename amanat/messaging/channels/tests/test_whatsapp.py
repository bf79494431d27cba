"""The real adapter against the double of the Graph API, over real sockets of this machine."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.test import override_settings
from pywa.types import Button, SectionRow

from amanat.core import ids, outgoing
from amanat.messaging.channels import whatsapp, whatsapp_errors
from amanat.messaging.channels.contract import Answer, Attached, Choice, Choices, Outcome, Outgoing
from amanat.messaging.channels.models import MessageTemplate, TemplateText
from amanat.messaging.channels.whatsapp import MediaTooLarge, ProviderRefused, WhatsApp
from amanat.messaging.sandbox.running import Running
from amanat.messaging.sandbox.tests import doubles
from amanat.messaging.sandbox.tests.doubles import ACCESS, SUNITA, control, text, wait_for

ADAPTER = WhatsApp()


@pytest.fixture(scope="module")
def double(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with doubles.whatsapp(tmp_path_factory.mktemp("graph")) as running:
        yield running


@pytest.fixture(autouse=True)
def _sandbox(double: Running) -> Iterator[None]:
    with override_settings(SANDBOX_URL=double.url):
        yield


def send(message: Outgoing) -> Answer:
    with ADAPTER.line(ACCESS) as line:
        return line.send(message)


def last(double: Running) -> dict[str, Any]:
    found: dict[str, Any] = double.doubles.graph.accepted[-1]["message"]
    return found


def count(double: Running) -> int:
    return len(double.doubles.graph.accepted)


@pytest.mark.slow
def test_a_text_arrives_with_our_reference(double: Running) -> None:
    message = text(answers="wamid.before")
    answer = send(message)
    assert answer.outcome is Outcome.ACCEPTED
    assert answer.provider_id == double.doubles.graph.accepted[-1]["id"]
    assert last(double) == {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "type": "text",
        "to": SUNITA.removeprefix("+"),
        "context": {"message_id": "wamid.before"},
        "biz_opaque_callback_data": str(message.reference),
        "text": {"body": "Your PAN card has come.", "preview_url": False},
    }


def test_choices_travel_as_the_library_writes_them(double: Running) -> None:
    """What pywa's own types make of the same choices is what leaves; a list of one section goes without its title."""
    yes_no = Choices([Choice("Yes", id="m/0"), Choice("No", id="m/1")])
    assert send(text("Coming?", choices=yes_no)).outcome is Outcome.ACCEPTED
    buttons = [Button("Yes", "m/0").to_dict(), Button("No", "m/1").to_dict()]
    assert last(double)["interactive"] == {
        "type": "button",
        "body": {"text": "Coming?"},
        "action": {"buttons": buttons},
    }
    times = Choices([Choice("Morning", "9 to 12", "m/0"), Choice("Evening", id="m/1")], label="Times")
    assert send(text("When?", choices=times)).outcome is Outcome.ACCEPTED
    rows = [SectionRow("Morning", "m/0", "9 to 12").to_dict(), SectionRow("Evening", "m/1").to_dict()]
    action = {"button": "Times", "sections": [{"rows": rows}]}
    assert last(double)["interactive"] == {"type": "list", "body": {"text": "When?"}, "action": action}
    file = Attached("a.pdf", "application/pdf", b"%PDF-1.7")
    assert send(text(choices=times, files=[file])) == Answer(Outcome.REFUSED, code="file_with_choices")
    assert "does not go with buttons" in str(ADAPTER.explain("file_with_choices")[0])


@pytest.mark.parametrize(
    ("words", "choices"),
    [
        pytest.param("x" * 1025, Choices([Choice("A", id="0")]), id="text over buttons"),
        pytest.param("", Choices([Choice("A", id="0")]), id="no text"),
        pytest.param("?", Choices([Choice(str(n), id=str(n)) for n in range(4)]), id="four buttons"),
        pytest.param("?", Choices([Choice("x" * 21, id="0")]), id="title of a button"),
        pytest.param("?", Choices([Choice("A", id="0"), Choice("A", id="1")]), id="same title"),
        pytest.param("?", Choices([Choice(str(n), id=str(n)) for n in range(11)], "Open"), id="eleven rows"),
        pytest.param("?", Choices([Choice("x" * 25, id="0")], "Open"), id="title of a row"),
        pytest.param("?", Choices([Choice("A", "x" * 73, "0")], "Open"), id="description"),
        pytest.param("?", Choices([Choice("A", id="0")], "x" * 21), id="label"),
        pytest.param("?", Choices([Choice("A", id="0"), Choice("B", id="0")], "Open"), id="same id"),
        pytest.param("?", Choices([], "Open"), id="no rows"),
    ],
)
def test_the_double_refuses_choices_as_meta_does(double: Running, words: str, choices: Choices) -> None:
    before = count(double)
    assert send(text(words, choices=choices)) == Answer(Outcome.REFUSED, code="131009")
    assert count(double) == before


def test_a_reaction_and_a_file_travel(double: Running) -> None:
    assert send(text("", reaction="👍", answers="wamid.theirs")).outcome is Outcome.ACCEPTED
    assert last(double)["reaction"] == {"message_id": "wamid.theirs", "emoji": "👍"}
    assert send(text("", reaction="", answers="wamid.theirs")).outcome is Outcome.ACCEPTED
    assert last(double)["reaction"] == {"message_id": "wamid.theirs", "emoji": ""}, "it takes the first away"
    assert "context" not in last(double)
    assert send(text("", reaction="👍")) == Answer(Outcome.REFUSED, code="131008")
    paper = Attached("receipt.pdf", "application/pdf", b"%PDF-1.7 paper")
    assert send(text("Here it is.", files=[paper])).outcome is Outcome.ACCEPTED
    content = last(double)["document"]
    assert (content["caption"], content["filename"]) == ("Here it is.", "receipt.pdf")
    fetched = ADAPTER.fetch(ACCESS, Attached("x", "", provider_id=content["id"]))
    assert (fetched.content, fetched.content_type) == (paper.content, "application/pdf")
    with pytest.raises(MediaTooLarge):
        ADAPTER.fetch(ACCESS, Attached("x", "", provider_id=content["id"]), most_bytes=5)


def test_one_message_takes_one_file(double: Running) -> None:
    before, one = count(double), Attached("a.pdf", "application/pdf", b"%PDF-1.7")
    assert send(text(files=[one, one])) == Answer(Outcome.REFUSED, code="one_file")
    assert count(double) == before


def made(name: str = "pan_ready", body: str = "Namaste {{1}}, your PAN card {{2}} has come today.") -> TemplateText:
    workspace = ids.new()
    template = MessageTemplate(
        id=ids.new(), workspace_id=workspace, name=name, title="PAN ready", channel="whatsapp", category="utility"
    )
    return TemplateText(
        id=ids.new(),
        workspace_id=workspace,
        template=template,
        language="hi",
        body=body,
        footer="Shree CSC Kendra",
        examples=["Sunita", "1042"],
        buttons=[{"type": "quick_reply", "text": "OK"}],
    )


def test_a_template_is_submitted_approved_and_sent(double: Running) -> None:
    control(double, "settings", approve_after=60)
    wanted = made()
    news = ADAPTER.submit(ACCESS, wanted.template, wanted)
    assert (news.name, news.language, news.state) == ("pan_ready", "hi", "submitted")
    assert ADAPTER.submit(ACCESS, wanted.template, wanted) == news  # a second try finds the first
    message = text("", template="pan_ready", language="hi", values=["Sunita\nDevi", "1042"], buttons=[("ok-1", "OK")])
    assert send(message) == Answer(Outcome.REFUSED, code="132001")
    control(double, f"template/{doubles.NUMBER.id}", name="pan_ready", status="APPROVED")
    assert [(one.name, one.state) for one in ADAPTER.texts(ACCESS)] == [("pan_ready", "approved")]
    assert send(message).outcome is Outcome.ACCEPTED
    assert last(double)["template"]["components"] == [
        {"type": "body", "parameters": [{"type": "text", "text": "Sunita Devi"}, {"type": "text", "text": "1042"}]},
        {
            "type": "button",
            "sub_type": "quick_reply",
            "index": "0",
            "parameters": [{"type": "payload", "payload": "ok-1"}],
        },
    ]
    assert send(replace(message, values=["one"])).code == "132000"


def test_what_the_provider_refuses_of_a_template_is_told(double: Running) -> None:
    wanted = made("bad_ending", "Namaste, this body ends with {{1}}")
    wanted.examples = ["Sunita"]
    with pytest.raises(ProviderRefused) as caught:
        ADAPTER.submit(ACCESS, wanted.template, wanted)
    assert "start or end" in caught.value.detail


@pytest.mark.parametrize(
    ("way", "outcome", "is_taken", "stops"),
    [
        ("500", Outcome.LATER, False, False),
        ("503", Outcome.LATER, False, False),
        ("html500", Outcome.UNCLEAR, False, False),
        ("429", Outcome.LATER, False, True),
        ("lost", Outcome.UNCLEAR, True, False),
        ("dropped", Outcome.UNCLEAR, False, False),
        ("code:1", Outcome.REFUSED, False, False),
        ("code:190", Outcome.LATER, False, True),
        ("code:10", Outcome.LATER, False, True),
        ("code:230", Outcome.LATER, False, True),
        ("code:130429", Outcome.LATER, False, True),
        ("code:131048", Outcome.LATER, False, True),
        ("code:131056", Outcome.LATER, False, False),
        ("code:131026", Outcome.REFUSED, False, False),
        ("code:131047", Outcome.REFUSED, False, False),
        ("code:131051", Outcome.REFUSED, False, False),
        ("code:132012", Outcome.REFUSED, False, False),
        ("code:999999", Outcome.REFUSED, False, False),
    ],
)
def test_each_failure_says_whether_it_may_have_been_sent(
    double: Running, way: str, outcome: Outcome, is_taken: bool, stops: bool
) -> None:
    before = count(double)
    control(double, "faults", plan=[way], retry_after=7)
    answer = send(text())
    assert (answer.outcome, answer.stops_account) == (outcome, stops)
    assert count(double) - before == int(is_taken)
    if way == "429":
        assert answer.wait == timedelta(seconds=7)
    if outcome is Outcome.LATER and not stops:
        assert answer.wait


def test_who_stopped_offers_is_told_as_an_opt_out(double: Running) -> None:
    control(double, "faults", plan=["code:131050"])
    answer = send(text())
    assert (answer.outcome, answer.opts_out) == (Outcome.REFUSED, True)


def test_an_answer_that_comes_too_late_is_unclear(double: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(whatsapp, "_TIMEOUT", 0.05)
    before = count(double)
    control(double, "faults", plan=["late:0.2"])
    assert send(text()).outcome is Outcome.UNCLEAR
    wait_for(lambda: count(double) == before + 1)  # it arrived all the same


def test_nobody_listening_is_surely_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    with override_settings(SANDBOX_URL=f"http://127.0.0.1:{port}"):
        assert send(text()).outcome is Outcome.LATER


def test_a_file_that_cannot_be_uploaded_is_surely_not_sent(double: Running) -> None:
    before = count(double)
    with ADAPTER.line(replace(ACCESS, secrets={**ACCESS.secrets, "token": "old"})) as line:
        answer = line.send(text(files=[Attached("a.pdf", "application/pdf", b"%PDF-1.7")]))
    assert (answer.outcome, answer.code, answer.stops_account) == (Outcome.LATER, "190", True)
    assert count(double) == before


def test_pywa_reaches_no_host_that_was_not_declared(double: Running) -> None:
    with whatsapp._api(ACCESS) as api:
        for url in ("https://graph.facebook.com/v23.0/me", "http://127.0.0.1:9/", "https://example.com/"):
            with pytest.raises(outgoing.Refused):
                api.send_raw_request("GET", url)
    access = replace(ACCESS, is_sandbox=False)  # Meta's own host is declared, and nothing beside it
    with whatsapp._api(access) as api, pytest.raises(outgoing.Refused):
        api.send_raw_request("GET", double.url)


def test_many_threads_share_a_line(double: Running) -> None:
    before, answers = count(double), []
    with ADAPTER.line(ACCESS) as line:

        def work() -> None:
            for _ in range(5):
                answers.append(line.send(text()))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert {answer.outcome for answer in answers} == {Outcome.ACCEPTED}
    assert count(double) - before == 40 == len({answer.provider_id for answer in answers})


def test_a_check_tells_quality_and_limit_or_trouble(double: Running) -> None:
    control(double, f"quality/{doubles.NUMBER.id}", quality="YELLOW", tier="TIER_2K")
    news = ADAPTER.check(ACCESS)
    assert (news.quality, news.daily_limit, news.trouble) == ("yellow", 2_000, "")
    refused = ADAPTER.check(replace(ACCESS, secrets={**ACCESS.secrets, "token": "old"}))
    assert "access token" in refused.trouble


def test_a_message_is_marked_as_read(double: Running) -> None:
    ADAPTER.mark_read(ACCESS, "wamid.theirs")
    assert double.doubles.graph.reads[-1] == "wamid.theirs"


@pytest.mark.parametrize(
    "code", [*map(str, whatsapp_errors.MEANINGS), *whatsapp_errors.OWN, "299", "1", "503", "no_answer"]
)
def test_every_code_has_two_sentences(code: str) -> None:
    says, advice = ADAPTER.explain(code)
    assert says.endswith(".")
    assert advice.endswith(".")


def test_the_double_remembers_after_it_was_killed(tmp_path: Path) -> None:
    from amanat.messaging.sandbox.graph import Graph

    with doubles.whatsapp(tmp_path) as first:
        send(text("before the end"))
        assert count(first) == 1
    (tmp_path / "graph.jsonl").open("a").write('{"what": "acce')  # a kill in the middle of a line
    again = Graph(tmp_path)
    assert [line["message"]["text"]["body"] for line in again.accepted] == ["before the end"]
    assert again.numbers[doubles.NUMBER.id].token == doubles.NUMBER.token
