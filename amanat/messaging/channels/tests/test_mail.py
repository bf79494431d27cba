"""Mail out, over a real SMTP server on this machine: what is in a mail, and what is known when the connection breaks."""

from __future__ import annotations

import datetime as days
import socket
import ssl
import threading
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, cast
from uuid import uuid4

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from amanat.messaging.channels import doubles, mail, mail_ids, mail_making
from amanat.messaging.channels.contract import Access, Answer, Attached, Outcome, Outgoing
from amanat.messaging.channels.mail import Smtp
from amanat.messaging.sandbox.mail import MailSandbox, serve

FROM, TO = "shop@shree.example", "asha@mail.example"
ONE_CLICK = {
    "List-Unsubscribe": "<https://x.example/w/1/stop/abc/>",
    "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
}


pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.fixture(scope="module")
def running() -> Iterator[MailSandbox]:
    with serve(MailSandbox({FROM: "secret"})) as sandbox:
        doubles.allow(f"127.0.0.1:{sandbox.smtp_port}")
        yield sandbox
        doubles.forbid(f"127.0.0.1:{sandbox.smtp_port}")


@pytest.fixture
def sandbox(running: MailSandbox) -> MailSandbox:
    running.accepted.clear()
    running.connections = 0
    return running


@pytest.fixture
def access(sandbox: MailSandbox) -> Access:
    settings = {
        "smtp_host": "127.0.0.1",
        "smtp_port": sandbox.smtp_port,
        "smtp_tls": "none",
        "smtp_user": FROM,
        "from_name": "Shree",
    }
    return Access(uuid4(), uuid4(), FROM, settings, {"smtp_password": "secret"}, is_sandbox=True)


def message(**changes: Any) -> Outgoing:
    return replace(Outgoing(uuid4(), TO, "Your passport is ready.\nCome by.", subject="Ready"), **changes)


def sent(access: Access, *messages: Outgoing) -> list[Answer]:
    with Smtp().line(access) as line:
        return [line.send(one) for one in messages]


def read(content: bytes) -> EmailMessage:
    return cast(EmailMessage, message_from_bytes(content, policy=default))


def test_a_mail_says_who_what_and_to_whom(access: Access, sandbox: MailSandbox) -> None:
    one = message(answers="<theirs@mail.example>")
    [answer] = sent(access, one)
    [taken] = sandbox.accepted
    made = read(taken.content)
    assert (taken.sender, taken.recipients) == (FROM, (TO,))
    assert answer == Answer(Outcome.ACCEPTED, provider_id=str(made["Message-ID"]))
    assert mail_ids.is_ours(answer.provider_id, workspace_id=access.workspace_id, to=TO)
    assert mail_ids.reference_in(answer.provider_id) == one.reference
    assert (made["From"], made["To"], made["Subject"]) == (f"Shree <{FROM}>", TO, "Ready")
    assert made["In-Reply-To"] == made["References"] == "<theirs@mail.example>"
    plain, page = made.get_body(("plain",)), made.get_body(("html",))
    assert plain is not None and plain.get_content().splitlines() == ["Your passport is ready.", "Come by."]
    assert page is not None and "<p>Your passport is ready.<br>Come by.</p>" in page.get_content()


def test_a_second_try_has_the_same_id(access: Access, sandbox: MailSandbox) -> None:
    one = message()
    first, second = sent(access, one, one)
    assert first.provider_id == second.provider_id


HOSTILE = "Hi\r\nBcc: all@evil.example\r\n\r\n<script>\u202egpj\x00\u2028X: 1"


def test_nothing_that_is_written_becomes_a_header(access: Access, sandbox: MailSandbox) -> None:
    """T24: line breaks in subject, name, reply address, file name, ids and headers that came along."""
    hostile = replace(
        access, settings={**access.settings, "from_name": HOSTILE, "reply_to": f"a@b.example\r\nBcc: {TO}"}
    )
    files = (Attached(HOSTILE, "text/html\r\nX-Evil: 1", b"<b>"),)
    headers = {"List-Unsubscribe": f"<https://x.example/>{HOSTILE}", "Bcc": "all@evil.example", "X-Evil\r\nBcc": "a"}
    sent(hostile, message(subject=HOSTILE, files=files, headers=headers, answers=f"<a@b>\r\nBcc: {TO}"))
    [taken] = sandbox.accepted
    assert taken.recipients == (TO,)
    made = read(taken.content)
    assert {name.lower() for name in made} == {
        "from", "to", "subject", "date", "message-id", "x-amanat-mail", "in-reply-to", "references", "list-unsubscribe", "mime-version", "content-type"
    }  # fmt: skip
    assert made["Subject"] == "Hi Bcc: all@evil.example <script>gpj X: 1"
    assert made["In-Reply-To"] == "<a@b>"
    assert b"\nBcc:" not in taken.content and b"\nX-Evil" not in taken.content
    [attachment] = made.iter_attachments()
    assert attachment.get_content_type() == "application/octet-stream"
    assert "\n" not in str(attachment.get_filename())


@pytest.mark.parametrize(
    "to",
    [
        "a@b.example,c@d.example",
        "a@b.example\r\nBcc: c@d.example",
        "Asha <a@b.example>",
        "a b@c.example",
        "a@b",
        "",
        "a@b.example ",
        '"a@x.example"@b.example',
        "अ@b.example",
        "a@b..example",
    ],
)
def test_one_recipient_who_is_one_address(access: Access, sandbox: MailSandbox, to: str) -> None:
    [answer] = sent(access, message(to=to))
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "bad_address")
    assert sandbox.accepted == []


@pytest.mark.slow
def test_a_thousand_people_get_a_thousand_mails_over_few_connections(access: Access, sandbox: MailSandbox) -> None:
    """T24: nobody learns of another; a tenth of the number shows it."""
    sent(access, *(message(to=f"person{number}@mail.example") for number in range(100)))
    assert sorted(one.recipients for one in sandbox.accepted) == sorted(
        (f"person{number}@mail.example",) for number in range(100)
    )
    assert all(one.content.count(b"person") == 1 for one in sandbox.accepted)
    assert sandbox.connections == 1


def test_scripts_of_india_arrive_as_they_were_written(access: Access, sandbox: MailSandbox) -> None:
    name = "पासपोर्ट तैयार है, " * 8
    sent(
        access,
        message(
            subject=name.strip(), text="नमस्ते।\n.\nआइए", files=(Attached("पासपोर्ट.pdf", "application/pdf", b"%PDF"),)
        ),
    )
    made = read(sandbox.accepted[0].content)
    assert made["Subject"] == name.strip()
    plain = made.get_body(("plain",))
    assert plain is not None and plain.get_content().split() == ["नमस्ते।", ".", "आइए"]
    [attachment] = made.iter_attachments()
    assert (attachment.get_filename(), attachment.get_content()) == ("पासपोर्ट.pdf", b"%PDF")
    assert max(len(line) for line in sandbox.accepted[0].content.splitlines()) <= 998


def test_an_offer_without_a_way_to_end_it_is_not_sent(access: Access, sandbox: MailSandbox) -> None:
    offer = message(category="marketing")
    [refused] = sent(access, offer)
    [answer] = sent(access, replace(offer, headers=ONE_CLICK))
    assert (refused.outcome, refused.code) == (Outcome.REFUSED, "no_unsubscribe")
    assert answer.outcome is Outcome.ACCEPTED
    made = read(sandbox.accepted[0].content)
    assert {name: made[name] for name in ONE_CLICK} == ONE_CLICK


def test_what_a_reader_opens_loads_nothing(access: Access, sandbox: MailSandbox) -> None:
    sent(access, message(text="<img src=https://x.example/1.gif> & https://x.example/"))
    page = read(sandbox.accepted[0].content).get_body(("html",))
    assert page is not None
    assert "&lt;img src=<a href=" in page.get_content()
    assert "<img" not in page.get_content()


@pytest.mark.parametrize(
    ("way", "outcome", "code", "taken"),
    [
        ("451", Outcome.LATER, "4.7.0", 0),
        ("550", Outcome.REFUSED, "5.1.1", 0),
        ("data-554", Outcome.REFUSED, "5.6.0", 0),
        ("data-452", Outcome.LATER, "4.6.0", 0),
        ("lost-after", Outcome.UNCLEAR, "no_answer", 1),
    ],
)
def test_what_the_server_says_becomes_an_outcome(  # noqa: PLR0917 - a test's
    access: Access, sandbox: MailSandbox, way: str, outcome: Outcome, code: str, taken: int
) -> None:
    sandbox.fail(way)
    answer, after = sent(access, message(), message())
    assert (answer.outcome, answer.code) == (outcome, code)
    assert after.outcome is Outcome.ACCEPTED
    assert len(sandbox.accepted) == taken + 1


def test_a_connection_lost_before_the_last_dot_is_tried_again(sandbox: MailSandbox, access: Access) -> None:
    """A server that hangs up instead of asking for the text has taken nothing."""
    with _dropping("354") as port:
        settings = {**access.settings, "smtp_port": port, "smtp_user": ""}
        [answer] = sent(replace(access, settings=settings), message())
    assert (answer.outcome, answer.code) == (Outcome.LATER, "unreachable")


def test_a_kept_connection_that_died_costs_a_new_one(sandbox: MailSandbox, access: Access) -> None:
    with Smtp().line(access) as line:
        assert line.send(message()).outcome is Outcome.ACCEPTED
        cast(Any, line)._idle[0]._smtp.sock.shutdown(socket.SHUT_RDWR)
        assert line.send(message()).outcome is Outcome.ACCEPTED
    assert (len(sandbox.accepted), sandbox.connections) == (2, 2)


def test_many_threads_may_send_over_one_line(sandbox: MailSandbox, access: Access) -> None:
    with Smtp().line(access) as line:
        threads = [threading.Thread(target=line.send, args=(message(to=f"p{n}@mail.example"),)) for n in range(20)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
    assert len({one.recipients for one in sandbox.accepted}) == 20
    assert sandbox.connections <= 4


def test_a_wrong_password_stops_the_account(sandbox: MailSandbox, access: Access) -> None:
    wrong = replace(access, secrets={"smtp_password": "no"})
    [answer] = sent(wrong, message())
    assert (answer.outcome, answer.code, answer.stops_account) == (Outcome.LATER, "credentials", True)
    assert Smtp().check(wrong).trouble
    assert Smtp().check(access).trouble == ""


def test_mail_leaves_encrypted_or_not_at_all(sandbox: MailSandbox, access: Access) -> None:
    """A server without STARTTLS, and one with a certificate that nobody vouches for."""
    [answer] = sent(replace(access, settings={**access.settings, "smtp_tls": "starttls"}), message())
    assert (answer.code, answer.stops_account) == ("no_tls", True)
    [answer] = sent(replace(access, is_sandbox=False), message())
    assert answer.code == "no_tls"
    assert sandbox.accepted == []


def test_a_certificate_of_its_own_making_is_not_trusted(access: Access, tmp_path: Path) -> None:
    with serve(MailSandbox(tls=_own_certificate(tmp_path))) as false:
        doubles.allow(f"127.0.0.1:{false.smtp_port}")
        settings = {**access.settings, "smtp_tls": "starttls", "smtp_port": false.smtp_port}
        [answer] = sent(replace(access, settings=settings), message())
        doubles.forbid(f"127.0.0.1:{false.smtp_port}")
    assert (answer.outcome, answer.code) == (Outcome.LATER, "no_tls")
    assert false.accepted == []


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "10.0.0.1", "169.254.169.254", "[::1]", "0x7f.1", "2130706433"]
)
def test_a_mail_server_inside_is_not_connected_to(access: Access, sandbox: MailSandbox, host: str) -> None:
    """T17: the same words for an open and a closed port."""
    for port in (587, 465, 2525):
        settings = {**access.settings, "smtp_host": host, "smtp_tls": "starttls", "smtp_port": port}
        [answer] = sent(replace(access, settings=settings, is_sandbox=False), message())
        assert answer.code in {"refused_address", "unreachable"}
    assert sandbox.connections == 0


@pytest.mark.parametrize("port", [22, 25, 5432, 6379])
def test_only_ports_of_mail_are_connected_to(access: Access, port: int) -> None:
    settings = {**access.settings, "smtp_host": "mail.example", "smtp_tls": "tls", "smtp_port": port}
    [answer] = sent(replace(access, settings=settings, is_sandbox=False), message())
    assert answer.code == "refused_address"


def test_a_mail_that_is_too_large_is_not_sent(
    access: Access, sandbox: MailSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mail_making, "MOST_BYTES", 10_000)
    [answer] = sent(access, message(files=(Attached("a.bin", "application/octet-stream", b"x" * 10_000),)))
    assert (answer.outcome, answer.code) == (Outcome.REFUSED, "too_large")


@pytest.mark.parametrize(
    ("code", "is_gone"), [("5.1.1", True), ("5.2.1", True), ("5.2.2", False), ("4.1.1", False), ("550", False)]
)
def test_only_a_mailbox_that_does_not_exist_is_gone(code: str, is_gone: bool) -> None:
    assert mail.is_gone(code) is is_gone
    assert all(mail.words(code))


class _dropping:
    """A server that closes the connection instead of answering with `before`."""

    def __init__(self, before: str) -> None:
        self._before = before

    def __enter__(self) -> int:
        self._server = socket.create_server(("127.0.0.1", 0))
        port = int(self._server.getsockname()[1])
        doubles.allow(f"127.0.0.1:{port}")
        threading.Thread(target=self._talk, daemon=True).start()
        return port

    def _talk(self) -> None:
        connection, _peer = self._server.accept()
        with connection, connection.makefile("rwb") as file:
            for answer in ("220 hi", "250 hi", "250 ok", "250 ok", "354 go"):
                if answer.startswith(self._before):
                    return
                file.write(f"{answer}\r\n".encode())
                file.flush()
                file.readline()

    def __exit__(self, *args: object) -> None:
        self._server.close()


def _own_certificate(folder: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    begins = days.datetime(2026, 1, 1, tzinfo=days.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name).issuer_name(name).public_key(key.public_key()).serial_number(1)
        .not_valid_before(begins).not_valid_after(begins + days.timedelta(days=3_650))
        .sign(key, hashes.SHA256())
    )  # fmt: skip
    file = folder / "own.pem"
    kinds = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    file.write_bytes(key.private_bytes(*kinds) + made.public_bytes(serialization.Encoding.PEM))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
