"""Both SMS adapters against the double on this machine; lengths, headers, and the register of templates."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID, uuid4

import pytest

from amanat.core import clock, outgoing
from amanat.messaging.channels import doubles, sms, sms_adapter, sms_http
from amanat.messaging.channels.contract import (
    Access,
    Answer,
    Outcome,
    Outgoing,
    Progress,
    Report,
    WebhookRefused,
)
from amanat.messaging.channels.sms_http import SmsHttp
from amanat.messaging.channels.sms_msg91 import Msg91
from amanat.messaging.channels.tests.calls import SECRET
from amanat.messaging.sandbox.running import Running
from amanat.messaging.sandbox.sms import SmsSandbox

BODY = "Dear {{1}}, your insurance ends on {{2}}. Shree Centre"


pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.fixture
def double(providers: Running) -> SmsSandbox:
    found = providers.doubles.sms
    found.accepted.clear()
    found.templates = {"1107": BODY}
    return found


def access(settings: Mapping[str, Any], **secrets: str) -> Access:
    return Access(uuid4(), uuid4(), "SHREEC", settings, {**secrets, "verify_token": SECRET}, is_sandbox=True)


@pytest.fixture
def generic(providers: Running, double: SmsSandbox) -> Access:
    return access({**sms_http.SANDBOX, "url": f"{providers.url}/send"}, key="sandbox-key")


@pytest.fixture
def msg91(providers: Running, double: SmsSandbox) -> Access:
    settings = {"base_url": providers.url, "url": "", "header_class": "service", "entity_id": "1101"}
    return access(settings, authkey="sandbox-key")


TEXT = BODY.replace("{{1}}", "Asha").replace("{{2}}", "1 Dec")


def message(**changes: Any) -> Outgoing:
    return replace(
        Outgoing(uuid4(), "+919876543210", TEXT, template="ends", template_id="1107", values=("Asha", "1 Dec")),
        **changes,
    )


def sent(adapter: Any, access: Access, one: Outgoing) -> Answer:
    with adapter.line(access) as line:
        answer: Answer = line.send(one)
        return answer


BOTH = pytest.mark.parametrize("which", ["generic", "msg91"])


@pytest.fixture
def pair(which: str, request: pytest.FixtureRequest) -> tuple[Any, Access]:
    return (SmsHttp() if which == "generic" else Msg91()), request.getfixturevalue(which)


@BOTH
def test_a_text_is_taken_once_with_our_reference(pair: tuple[Any, Access], double: SmsSandbox) -> None:
    one = message()
    answer = sent(*pair, one)
    [taken] = double.accepted
    assert answer.outcome is Outcome.ACCEPTED
    assert answer.provider_id == taken.provider_id
    assert UUID(taken.reference) == one.reference
    assert (taken.to, taken.text, taken.template_id) == ("919876543210", one.text, "1107")


@BOTH
def test_what_the_provider_answers_becomes_an_outcome(pair: tuple[Any, Access], double: SmsSandbox) -> None:
    double.fail("500", "503", "429", "balance")
    found = [sent(*pair, message()) for _ in range(4)]
    assert [one.outcome for one in found[1:]] == [Outcome.LATER] * 3
    assert found[0].outcome in {Outcome.UNCLEAR, Outcome.REFUSED}
    assert found[2].wait == timedelta(seconds=2)
    assert [one.stops_account for one in found] == [False, False, True, True]
    assert double.accepted == []


@BOTH
def test_a_lost_answer_is_unclear_and_not_tried_again(pair: tuple[Any, Access], double: SmsSandbox) -> None:
    double.fail("lost")
    assert sent(*pair, message()).outcome is Outcome.UNCLEAR
    assert len(double.accepted) == 1


@BOTH
def test_where_nobody_listens_it_was_surely_not_sent(which: str, pair: tuple[Any, Access]) -> None:
    adapter, access = pair
    doubles.allow("127.0.0.1:9")
    settings = {**access.settings, "url": "http://127.0.0.1:9/send", "base_url": "http://127.0.0.1:9"}
    assert sent(adapter, replace(access, settings=settings), message()) == Answer(Outcome.LATER, code="unreachable")
    doubles.forbid("127.0.0.1:9")


@BOTH
def test_a_wrong_key_stops_the_account(which: str, pair: tuple[Any, Access], double: SmsSandbox) -> None:
    adapter, access = pair
    answer = sent(adapter, replace(access, secrets={"key": "no", "authkey": "no"}), message())
    assert (answer.outcome, answer.code, answer.stops_account) == (Outcome.LATER, "credentials", True)
    assert double.accepted == []


def test_an_account_that_is_no_sandbox_does_not_reach_this_machine(generic: Access, double: SmsSandbox) -> None:
    for url in (generic.settings["url"], "http://10.0.0.1/send", "https://127.0.0.1/send", "https://localhost/send"):
        access = replace(generic, settings={**generic.settings, "url": url}, is_sandbox=False)
        assert sent(SmsHttp(), access, message()).code in {"refused_address", "unreachable"}
    assert double.accepted == []


def test_a_sandbox_account_reaches_doubles_only(generic: Access, monkeypatch: pytest.MonkeyPatch) -> None:
    access = replace(generic, settings={**generic.settings, "url": "http://127.0.0.1:5432/send"})
    assert sent(SmsHttp(), access, message()).code == "refused_address"


@pytest.mark.parametrize("body", ["form", "query"])
def test_fields_travel_as_the_owner_says(generic: Access, double: SmsSandbox, body: str) -> None:
    method = "GET" if body == "query" else "POST"
    access = replace(generic, settings={**generic.settings, "body": body, "method": method})
    one = message(values=("A&to=+911", "1 Dec"), text=BODY.replace("{{1}}", "A&to=+911").replace("{{2}}", "1 Dec"))
    assert sent(SmsHttp(), access, one).outcome is Outcome.ACCEPTED
    assert [(taken.to, taken.text) for taken in double.accepted] == [("919876543210", one.text)]


def test_a_value_may_be_as_long_as_the_register_says(generic: Access) -> None:
    one = message(values=("x" * 40, "1 Dec"), text=BODY.replace("{{1}}", "x" * 40).replace("{{2}}", "1 Dec"))
    assert sms.refusal(generic, one) == Answer(Outcome.REFUSED, code="value_too_long")
    assert sms.refusal(generic, replace(one, limits=(60, 30))) is None


def test_a_value_adds_no_field_no_header_and_no_secret(generic: Access) -> None:
    headers = {"authorization": "Bearer {secret.key}", "x-name": "{1}"}
    access = replace(generic, settings={**generic.settings, "headers": headers, "url": "https://sms.example/{1}"})
    text = "{secret.key} a\r\nX-Evil: 1"
    made = sms_http.request_of(access, message(values=(text, ""), text=text))
    assert made.url == "https://sms.example/%7Bsecret.key%7D%20a%0D%0AX-Evil%3A%201"
    assert made.headers["x-name"] == "{secret.key} a  X-Evil: 1"
    assert json.loads(made.content or b"")["text"] == text
    assert "sandbox-key" not in made.url + made.headers["x-name"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"template_id": ""}, "no_template"),
        ({"values": ("Asha", "2 Dec")}, "other_text"),
        ({"values": ("x" * 31, "1 Dec")}, "value_too_long"),
        ({"category": "marketing"}, "no_stop"),
        ({"category": "marketing", "text": f"{TEXT} Stop: STOP to 56161"}, "header_class"),
        ({"text": " "}, "empty"),
        ({"text": "x" * 1_531}, "too_long"),
    ],
)
@BOTH
def test_what_the_register_would_drop_is_not_sent(
    pair: tuple[Any, Access], double: SmsSandbox, changes: dict[str, Any], code: str
) -> None:
    assert sent(*pair, message(**changes)) == Answer(Outcome.REFUSED, code=code)
    assert double.accepted == []
    assert all(pair[0].explain(code))


def test_the_gateway_drops_a_text_that_differs_from_the_register(generic: Access, double: SmsSandbox) -> None:
    one = message(text="Dear Asha 1 Dec, buy now")
    assert sent(SmsHttp(), generic, one) == Answer(Outcome.REFUSED, code="rejected")


@pytest.mark.parametrize(
    ("address", "said", "category", "may"),
    [
        ("SHREEC-P", "", "marketing", True),
        ("SHREEC-S", "", "marketing", False),
        ("SHREEC-P", "", "utility", False),
        ("SHREEC-T", "", "authentication", True),
        ("SHREEC", "promotional", "marketing", True),
        ("SHREEC", "service", "utility", True),
        ("SHREEC", "", "utility", False),
        ("SHREEC-S", "promotional", "marketing", False),
    ],
)
def test_offers_need_a_promotional_header(address: str, said: str, category: str, may: bool) -> None:
    access = Access(uuid4(), uuid4(), address, {"header_class": said}, {}, is_sandbox=False)
    refused = sms.refusal(access, message(category=category, text=f"{TEXT} Stop: STOP to 56161"))
    assert (refused is None) is may


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a" * 160, (160, False, 1)),
        ("a" * 161, (161, False, 2)),
        ("€" * 80, (80, False, 1)),
        ("€" * 81, (81, False, 2)),
        ("न" * 70, (70, True, 1)),
        ("न" * 71, (71, True, 2)),
        ("😀" * 35, (35, True, 1)),
        ("😀" * 36, (36, True, 2)),
        ("a" * 306 + "ब", (307, True, 5)),
    ],
)
def test_parts_are_counted_as_the_operator_counts(text: str, found: tuple[int, bool, int]) -> None:
    assert sms.length(text) == sms.Length(*found)


def test_a_template_is_measured_with_its_examples_and_at_its_longest() -> None:
    found = sms.measure("Dear {{1}}, " + "x" * 140, ["Asha"])
    assert (found.shown.parts, found.most.parts) == (1, 2)
    assert sms.measure("Dear {{1}}, " + "x" * 140, ["Asha"], limits=(5,)).most.parts == 1
    assert sms.measure("{{2}}", ["Asha"]).shown == sms.Length(30, False, 1)  # nobody gave an example of it


def heard(adapter: Any, access: Access, body: bytes, key: str = SECRET) -> list[Any]:
    headers = {"X-Amanat-Query": urlencode({"key": key})}
    events = adapter.events(access, body, headers, at=clock.now())
    return [news for _mark, payload in events for news in adapter.read(access, payload)]


@BOTH
@pytest.mark.parametrize(
    ("status", "progress", "code", "opts_out"),
    [("delivered", Progress.DELIVERED, "", False), ("failed", Progress.FAILED, "failed", False),
     ("dnd", Progress.FAILED, "dnd", True)],
)  # fmt: skip
def test_a_report_finds_its_message(  # noqa: PLR0917 - a test's
    pair: tuple[Any, Access], double: SmsSandbox, status: str, progress: Progress, code: str, opts_out: bool
) -> None:
    one = message()
    sent(*pair, one)
    body, _headers = double.reports(double.accepted[0], status)
    [report] = heard(*pair, body)
    assert isinstance(report, Report)
    found = (report.reference, report.progress, report.code, report.opts_out)
    assert found == (one.reference, progress, code, opts_out)
    assert report.provider_id == double.accepted[0].provider_id


@BOTH
def test_a_report_without_the_secret_is_not_believed(pair: tuple[Any, Access], double: SmsSandbox) -> None:
    sent(*pair, message())
    body, _headers = double.reports(double.accepted[0])
    adapter, access = pair
    for key in ("", "wrong", SECRET + "x"):
        with pytest.raises(WebhookRefused):
            heard(adapter, access, body, key)
    with pytest.raises(WebhookRefused):
        heard(adapter, replace(access, secrets={**access.secrets, "verify_token": ""}), body, "")


@BOTH
def test_a_report_that_comes_twice_is_the_same_event(pair: tuple[Any, Access], double: SmsSandbox) -> None:
    adapter, access = pair
    sent(adapter, access, message())
    first, _ = double.reports(double.accepted[0])
    other, _ = double.reports(double.accepted[0], "failed")
    marks = [
        adapter.events(access, body, {"x-webhook-secret": SECRET}, at=clock.now())[0][0]
        for body in (first, first, other)
    ]
    assert marks[0] == marks[1] != marks[2]


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"{", b"[" * 100_000, b"x" * 1_000_001, b"=&=&="])
@BOTH
def test_nonsense_is_refused(pair: tuple[Any, Access], body: bytes) -> None:
    adapter, access = pair
    with contextlib.suppress(WebhookRefused):
        assert heard(adapter, access, body) == []


def test_every_form_of_msg91s_reports_is_read(msg91: Access) -> None:
    reference = uuid4()
    item = {"requestId": "346", "CRQID": reference.hex, "status": "1", "desc": "DELIVERED"}
    third = {**item, "date": "2024-05-22 09:58:16"}
    new = {**item, "status": "Delivered", "deliveryTime": "2024-05-22T04:28:16Z"}
    at = datetime(2024, 5, 22, 4, 28, 16, tzinfo=UTC)
    wanted = [Report("346", Progress.DELIVERED, at, reference)]
    assert heard(Msg91(), msg91, json.dumps(third).encode()) == wanted
    assert heard(Msg91(), msg91, json.dumps([third]).encode()) == wanted
    assert heard(Msg91(), msg91, json.dumps(new).encode()) == wanted


def test_a_report_from_the_future_is_of_now() -> None:
    assert sms_adapter.moment("2999-01-01 00:00:00") <= clock.now()
    assert sms_adapter.moment("soon") <= clock.now()


def test_the_check_tells_a_wrong_key(msg91: Access, generic: Access) -> None:
    assert Msg91().check(msg91).trouble == ""
    assert Msg91().check(replace(msg91, secrets={"authkey": "no"})).trouble
    assert SmsHttp().check(generic).trouble == ""
    assert "url" in SmsHttp().check(replace(generic, settings={}, is_sandbox=False)).trouble


@pytest.mark.parametrize(("said", "seconds"), [({}, 60), ({"retry-after": "7"}, 7), ({"retry-after": "soon"}, 60)])
def test_too_many_requests_without_a_time_wait_a_minute(said: dict[str, str], seconds: int) -> None:
    """Without a time the account would be taken for broken, and wait for a person."""
    answer = sms_adapter.by_status(outgoing.Response(429, said, b"", "https://sms.example/"))
    assert (answer.wait, answer.stops_account) == (timedelta(seconds=seconds), True)


@pytest.mark.parametrize("method", ["DELETE", "PUT", "HEAD", "CONNECT", "GET /x HTTP/1.1\r\nX:"])
def test_a_text_is_sent_by_no_other_method(generic: Access, double: SmsSandbox, method: str) -> None:
    """An owner's mapping may name any; the account goes on, for only this text's way is wrong."""
    access = replace(generic, settings={**generic.settings, "method": method})
    assert sent(SmsHttp(), access, message()) == Answer(Outcome.REFUSED, code="refused_address")
    assert double.accepted == []
