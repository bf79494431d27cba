"""The double of SMS providers reports by itself, to where its account is called, and keeps what it took over a restart."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from amanat.core import outgoing
from amanat.core.tests import outside
from amanat.core.tests.outside import Server, reply, serving
from amanat.messaging.channels import doubles
from amanat.messaging.sandbox import running
from amanat.messaging.sandbox.running import Running

KEY = "key-of-an-account"


@pytest.fixture(autouse=True)
def _uncounted(monkeypatch: pytest.MonkeyPatch) -> None:
    outside.uncounted(monkeypatch)


def ask(double: Running, path: str, body: Any, key: str = KEY) -> outgoing.Response:
    place = f"127.0.0.1:{double.port}"
    doubles.allow(place)
    try:
        headers = {"authorization": f"Bearer {key}"}
        return outgoing.send("POST", f"{double.url}{path}", recipient="sandbox", headers=headers, json=body)
    finally:
        doubles.forbid(place)


def known(double: Running, callback: str) -> None:
    outgoing.register_recipient("sandbox", hosts=doubles.places, allow_private=True)
    assert ask(double, "/control/sms/account", {"id": KEY, "callback": callback, "host": "shop.example"}).is_success


def sent(double: Running, reference: str = "a1") -> None:
    text = {"number": "919822041736", "text": "It is ready.", "template": "1107", "reference": reference}
    assert ask(double, "/send", text).json()["status"] == "success"


def waited(server: Server, count: int) -> list[dict[str, Any]]:
    ends = time.monotonic() + 5
    while len(server.asked) < count and time.monotonic() < ends:
        time.sleep(0.01)
    return [json.loads(body) for _method, _path, _headers, body in server.asked]


def test_each_text_is_reported_where_its_account_is_called(tmp_path: Path) -> None:
    with serving() as server, running.serving(tmp_path) as double:
        known(double, f"{server.address}/hook?key=secret")
        double.doubles.sms.fail("", "dnd")
        sent(double, "a1")
        sent(double, "a2")
        said = waited(server, 2)
        assert [(one["reference"], one["status"]) for one in said] == [("a1", "delivered"), ("a2", "dnd")]
        assert server.asked[0][1] == "/hook?key=secret"
        assert server.asked[0][2]["host"] == "shop.example"


def test_what_was_taken_and_not_yet_reported_is_after_a_restart(tmp_path: Path) -> None:
    def refuses(handler: Any) -> None:
        reply(handler, b"", status=503)

    with serving() as server:
        server.answer = refuses
        with running.serving(tmp_path) as double:
            known(double, f"{server.address}/hook")
            sent(double, "a1")
            waited(server, 1)
        server.asked.clear()
        server.answer = None
        with running.serving(tmp_path) as double:
            assert [one["reference"] for one in waited(server, 1)] == ["a1"]
            texts = ask(double, "/control/sms/phone", {}).json()["sent"]
            assert [(one["to"], one["text"], one["key"]) for one in texts] == [("919822041736", "It is ready.", KEY)]


def test_an_account_sees_its_own_texts_only(tmp_path: Path) -> None:
    with running.serving(tmp_path) as double:
        known(double, "")
        sent(double)
        assert ask(double, "/control/sms/phone", {}, key="another").status == 401
        assert ask(double, "/send", {"number": "91", "text": "x"}, key="another").status == 401


def test_what_a_person_writes_is_passed_on_and_shown_on_both_sides(tmp_path: Path) -> None:
    with serving() as server:
        with running.serving(tmp_path) as double:
            known(double, f"{server.address}/hook?key=secret")
            assert (
                ask(double, "/control/sms/say", {"sender": "919822041736", "text": "STOP"}, key="another").status == 401
            )
            ask(double, "/control/sms/say", {"sender": "919822041736", "text": "STOP"})
            [passed_on] = waited(server, 1)
        assert (passed_on["from"], passed_on["text"], len(passed_on["id"])) == ("919822041736", "STOP", 16)
        assert server.asked[0][1] == "/hook?key=secret"
        with running.serving(tmp_path) as again:
            [said] = ask(again, "/control/sms/phone", {}).json()["said"]
    assert (said["sender"], said["text"], said["id"]) == ("919822041736", "STOP", passed_on["id"])


def test_a_text_that_left_the_register_is_refused_for_that_account_until_it_stands_again(tmp_path: Path) -> None:
    text = {"number": "919822041736", "text": "It is ready.", "template": "1107", "reference": "a1"}
    with serving() as server, running.serving(tmp_path) as double:
        known(double, f"{server.address}/hook?key=secret")
        assert ask(double, "/control/sms/register", {"template": "1107", "is_ended": True}).json()["ended"] == ["1107"]
        assert ask(double, "/send", text).json() == {"status": "error", "code": "E-DLT"}
        assert ask(double, "/send", {**text, "template": "1108"}).json()["status"] == "success"
        assert ask(double, "/control/sms/register", {"template": "1107", "is_ended": True}, key="other").status == 401
    with running.serving(tmp_path) as again:
        assert ask(again, "/send", text).json()["code"] == "E-DLT"
        ask(again, "/control/sms/register", {"template": "1107", "is_ended": False})
        assert ask(again, "/send", text).json()["status"] == "success"
