"""The double itself: its calls are what our reader believes, they are repeated until taken, and it asks for tokens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest

from amanat.core import clock, outgoing
from amanat.core.tests.outside import Server, reply, serving
from amanat.messaging.channels import whatsapp_reading
from amanat.messaging.channels.contract import Arrived, News, Preference, Progress, Report
from amanat.messaging.channels.whatsapp import WhatsApp
from amanat.messaging.sandbox.graph import Graph
from amanat.messaging.sandbox.running import Running
from amanat.messaging.sandbox.tests import doubles
from amanat.messaging.sandbox.tests.doubles import ACCESS, NUMBER, SUNITA, control, text, wait_for


@pytest.fixture
def ours() -> Iterator[Server]:
    """A server in our place, which remembers what it was called with."""
    with serving() as running:
        yield running


@pytest.fixture
def double(tmp_path: Path, ours: Server) -> Iterator[Running]:
    with doubles.whatsapp(tmp_path) as running:
        control(running, "numbers", **{**vars(NUMBER), "callback": f"{ours.address}/hook"})
        yield running


def heard(ours: Server) -> list[News]:
    """What our reader makes of every call; it raises for one that is not signed well."""
    found: list[News] = []
    for _method, _path, headers, body in ours.asked:
        for _identity, payload in whatsapp_reading.events(ACCESS, body, headers, at=clock.now()):
            found += whatsapp_reading.read(json.loads(json.dumps(payload)))
    return found


def test_a_message_is_reported_and_answered_in_calls_that_we_believe(double: Running, ours: Server) -> None:
    control(double, f"say/{NUMBER.id}", **{"from": SUNITA, "text": "Namaste", "name": "Sunita"})
    message = text()
    with WhatsApp().line(ACCESS) as line:
        line.send(message)
    control(double, f"prefer/{NUMBER.id}", **{"from": SUNITA.removeprefix("+"), "value": "stop"})
    wait_for(lambda: len(heard(ours)) == 4)
    said, sent, delivered, stop = heard(ours)
    assert isinstance(said, Arrived)
    assert (said.sender, said.text, said.name) == (SUNITA, "Namaste", "Sunita")
    assert isinstance(sent, Report)
    assert isinstance(delivered, Report)
    assert (sent.reference, sent.progress, delivered.progress) == (
        message.reference,
        Progress.SENT,
        Progress.DELIVERED,
    )
    assert isinstance(stop, Preference)
    assert not stop.wants


def test_a_reaction_is_reported_as_sent_and_no_more(double: Running, ours: Server) -> None:
    control(double, f"say/{NUMBER.id}", **{"from": SUNITA, "text": "Namaste", "name": "Sunita"})
    with WhatsApp().line(ACCESS) as line:
        line.send(text(reaction="🙏", answers=double.doubles.graph.answered[-1]["id"]))
        line.send(text())
    wait_for(lambda: len(heard(ours)) == 4)
    told = [news.progress for news in heard(ours) if isinstance(news, Report)]
    assert sorted(told) == sorted([Progress.SENT, Progress.SENT, Progress.DELIVERED])


def test_a_call_is_made_again_until_it_is_taken_and_after_a_restart(
    double: Running, ours: Server, tmp_path: Path
) -> None:
    def refuse(handler: BaseHTTPRequestHandler) -> None:
        reply(handler, b"", status=503)

    ours.answer = refuse
    control(double, f"say/{NUMBER.id}", **{"from": SUNITA, "text": "Are you there?"})
    wait_for(lambda: ours.asked)
    assert Graph(tmp_path).calls.waiting() == 1  # what a new process would begin with
    ours.answer = None
    wait_for(lambda: double.doubles.graph.calls.waiting() == 0)
    assert len({body for _m, _p, _h, body in ours.asked}) == 1
    assert Graph(tmp_path).calls.waiting() == 0


def test_free_text_outside_the_window_is_reported_as_failed(double: Running, ours: Server) -> None:
    with WhatsApp().line(ACCESS) as line:
        line.send(text())
    wait_for(lambda: heard(ours))
    (report,) = heard(ours)
    assert isinstance(report, Report)
    assert (report.progress, report.code) == (Progress.FAILED, "131047")


def ask(double: Running, method: str, path: str, **options: Any) -> int:
    return outgoing.send(method, f"{double.url}{path}", recipient="sandbox", **options).status


def test_a_wrong_token_or_path_gets_nothing(double: Running) -> None:
    wrong = {"authorization": "Bearer guess"}
    message = {"messaging_product": "whatsapp", "to": "1", "type": "text", "text": {"body": "x"}}
    assert ask(double, "POST", f"/v23.0/{NUMBER.id}/messages", headers=wrong, json=message) == 401
    assert ask(double, "POST", f"/control/say/{NUMBER.id}", headers=wrong, json={"from": "1"}) == 401
    assert ask(double, "GET", "/v23.0/nothing", headers={"authorization": f"Bearer {NUMBER.token}"}) == 400
    assert ask(double, "GET", "/nothing") == 404
    assert double.doubles.graph.accepted == double.doubles.graph.answered == []


def test_a_number_has_its_messages_a_second(double: Running) -> None:
    control(double, "faults", per_second=2)
    with WhatsApp().line(ACCESS) as line:
        codes = {line.send(text()).code for _ in range(6)}
    assert "130429" in codes


def test_shares_of_faults_come_by_a_fixed_seed(double: Running) -> None:
    faults = double.doubles.graph.faults
    faults.set({"error": 0.05, "busy": 0.05, "lost": 0.01, "seed": 7})
    first = [faults.next() for _ in range(2_000)]
    faults.set({"seed": 7})
    assert [faults.next() for _ in range(2_000)] == first
    assert [60 < first.count(way) < 140 for way in ("500", "429")] == [True, True]
    assert 5 < first.count("lost") < 40


def test_a_number_with_a_past_has_its_templates_too(double: Running) -> None:
    """Those of a number that was in use before: nobody here saw them approved, and they work all the same."""
    template = {"name": "service_due", "language": {"code": "hi"}}
    body = {"messaging_product": "whatsapp", "to": SUNITA[1:], "type": "template", "template": template}
    url, headers = f"{double.url}/v23.0/{NUMBER.id}/messages", {"authorization": f"Bearer {NUMBER.token}"}
    assert outgoing.send("POST", url, recipient="sandbox", json=body, headers=headers).json()["error"]["code"] == 132001
    double.doubles.graph.numbers[NUMBER.id].past_until = clock.now().timestamp() - 1
    assert outgoing.send("POST", url, recipient="sandbox", json=body, headers=headers).is_success
