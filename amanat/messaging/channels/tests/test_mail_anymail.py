"""Mail by providers' interfaces, against their doubles on this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

import pytest

from amanat.core import clock, outgoing
from amanat.messaging.channels import mail_anymail
from amanat.messaging.channels.contract import Access, Answer, Attached, Outcome, Outgoing, Progress, WebhookRefused
from amanat.messaging.channels.tests.calls import SECRET
from amanat.messaging.sandbox.mail_api import MailApis
from amanat.messaging.sandbox.running import Running

ADAPTERS = {one.name: one for one in mail_anymail.ADAPTERS}
THREE = pytest.mark.parametrize("name", ["postmark", "mailgun", "brevo"])


pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.fixture
def double(providers: Running) -> MailApis:
    found = providers.doubles.mail
    found.accepted.clear()
    found._plan.clear()
    return found


@pytest.fixture
def access(providers: Running, double: MailApis) -> Access:
    settings = {"base_url": f"{providers.url}/mail", "from_name": "Shree"}
    secrets = {"api_key": "sandbox-key", "verify_token": SECRET}
    return Access(uuid4(), uuid4(), "shop@shree.example", settings, secrets, is_sandbox=True)


def message(**changes: Any) -> Outgoing:
    return replace(Outgoing(uuid4(), "asha@mail.example", "It is ready.", subject="तैयार है"), **changes)


def sent(name: str, access: Access, one: Outgoing) -> Answer:
    with ADAPTERS[name].line(access) as line:
        answer: Answer = line.send(one)
        return answer


@THREE
def test_a_mail_leaves_by_our_own_way_out(name: str, access: Access, double: MailApis) -> None:
    files = (Attached("पासपोर्ट.pdf", "application/pdf", b"%PDF"),)
    one = message(files=files)
    answer = sent(name, access, one)
    [taken] = double.accepted
    assert (answer.outcome, answer.provider_id) == (Outcome.ACCEPTED, taken.provider_id)
    assert (taken.provider, taken.to, taken.subject) == (name, "asha@mail.example", "तैयार है")
    assert one.reference.hex in str(dict(taken.fields))
    assert "It is ready." in str(dict(taken.fields))


@THREE
def test_what_the_provider_answers_becomes_an_outcome(name: str, access: Access, double: MailApis) -> None:
    double.fail("500", "429", "400", "lost")
    found = [sent(name, access, message()) for _ in range(4)]
    assert [one.outcome for one in found] == [Outcome.UNCLEAR, Outcome.LATER, Outcome.REFUSED, Outcome.UNCLEAR]
    assert [one.stops_account for one in found] == [False, True, False, False]
    assert found[1].wait is not None and found[1].wait.total_seconds() == 3


@THREE
def test_header_lines_cannot_be_added(name: str, access: Access, double: MailApis) -> None:
    one = message(subject="Hi\r\nBcc: all@evil.example", headers={"Bcc": "all@evil.example"})
    sent(name, access, one)
    [taken] = double.accepted
    assert taken.subject == "Hi Bcc: all@evil.example"
    assert not {"bcc", "Bcc"} & {key for key, value in taken.fields.items() if value}
    assert sent(name, access, message(to="a@b.example, c@d.example")).code == "bad_address"


@THREE
def test_an_account_that_is_no_sandbox_goes_to_its_provider_alone(
    name: str, access: Access, double: MailApis, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def send(method: str, url: str, **given: Any) -> outgoing.Response:
        asked.append(f"{given['recipient']} {url}")
        raise outgoing.Unreachable("no", reason="", may_have_arrived=False)

    monkeypatch.setattr(outgoing, "send", send)
    assert sent(name, replace(access, is_sandbox=False), message()).outcome is Outcome.LATER
    hosts = {"postmark": "api.postmarkapp.com", "mailgun": "api.mailgun.net", "brevo": "api.brevo.com"}
    assert asked[0].startswith(f"mail https://{hosts[name]}/")


def test_a_key_that_is_wrong_stops_the_account(access: Access, double: MailApis) -> None:
    wrong = replace(access, secrets={"api_key": "no"})
    for name in ("postmark", "brevo"):
        answer = sent(name, wrong, message())
        assert (answer.outcome, answer.code, answer.stops_account) == (Outcome.LATER, "credentials", True)


def test_a_recipient_whom_the_provider_refuses_is_refused(access: Access, double: MailApis) -> None:
    assert sent("postmark", access, message(to="inactive@mail.example")).outcome is Outcome.REFUSED


REFERENCE = uuid4()
EVENTS: list[tuple[str, dict[str, Any], Progress, str, bool]] = [
    ("postmark", {"RecordType": "Delivery", "MessageID": "p1", "Recipient": "a@b.example", "DeliveredAt": "2026-11-20T10:00:00Z",
                  "Metadata": {"reference": REFERENCE.hex}}, Progress.DELIVERED, "", False),
    ("postmark", {"RecordType": "Bounce", "MessageID": "p1", "Type": "HardBounce", "Email": "a@b.example",
                  "Metadata": {"reference": REFERENCE.hex}}, Progress.FAILED, "5.1.1", True),
    ("postmark", {"RecordType": "SpamComplaint", "MessageID": "p1", "Type": "SpamComplaint", "Email": "a@b.example",
                  "Metadata": {"reference": REFERENCE.hex}}, Progress.DELIVERED, "complaint", True),
    ("mailgun", {"signature": {"token": "t"}, "event-data": {"event": "failed", "severity": "permanent", "reason": "bounce",
                 "recipient": "a@b.example", "timestamp": 1_700_000_000, "message": {"headers": {"message-id": "p1"}},
                 "user-variables": {"reference": REFERENCE.hex}}}, Progress.FAILED, "5.1.1", True),
    ("brevo", {"event": "hard_bounce", "email": "a@b.example", "message-id": "p1", "ts_epoch": 1_700_000_000_000,
               "X-Mailin-custom": json.dumps({"reference": REFERENCE.hex})}, Progress.FAILED, "5.1.1", True),
    ("brevo", {"event": "delivered", "email": "a@b.example", "message-id": "p1", "ts_epoch": 1_700_000_000_000,
               "X-Mailin-custom": json.dumps({"reference": REFERENCE.hex})}, Progress.DELIVERED, "", False),
]  # fmt: skip


@pytest.mark.parametrize(("name", "event", "progress", "code", "opts_out"), EVENTS)
def test_reports_are_read(  # noqa: PLR0917 - a test's
    name: str, event: dict[str, Any], progress: Progress, code: str, opts_out: bool, access: Access
) -> None:
    adapter: Any = ADAPTERS[name]
    headers = {"x-amanat-query": urlencode({"key": SECRET})}
    [(_mark, kept)] = adapter.events(access, json.dumps(event).encode(), headers, at=clock.now())
    [report] = adapter.read(access, kept)
    assert (report.reference, report.progress, report.code, report.opts_out) == (REFERENCE, progress, code, opts_out)
    with pytest.raises(WebhookRefused):
        adapter.events(access, json.dumps(event).encode(), {}, at=clock.now())


@pytest.mark.parametrize(
    "payload", [{}, {"event": "opened", "message-id": "x"}, {"RecordType": "Open"}, {"event-data": {}}, {"event": []}]
)
@THREE
def test_what_says_nothing_is_left(name: str, payload: dict[str, Any], access: Access) -> None:
    adapter: Any = ADAPTERS[name]
    assert adapter.read(access, payload) == []


def test_ses_is_reached_by_smtp_in_its_region(access: Access) -> None:
    there = mail_anymail._at_amazon(replace(access, settings={"region": "ap-south-1"}, is_sandbox=False))
    assert there.settings["smtp_host"] == "email-smtp.ap-south-1.amazonaws.com"
    assert (there.settings["smtp_port"], there.settings["smtp_tls"]) == (465, "tls")
