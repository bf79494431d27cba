"""Mail in, over a real IMAP server on this machine: what is fetched, what is believed, what hostile mail can do."""

from __future__ import annotations

import random
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from amanat.core import clock
from amanat.messaging.channels import doubles, imap, mail_ids, mail_making, mail_reading
from amanat.messaging.channels.contract import Access, Arrived, Outgoing
from amanat.messaging.channels.imap import CannotFetch, Place
from amanat.messaging.channels.mail_reading import Bounce, Complaint
from amanat.messaging.sandbox.mail import MailSandbox, serve

HERE, ASHA = "shop@shree.example", "asha@mail.example"
NOW = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)
START = Place(1, 0)


pytestmark = pytest.mark.usefixtures("uncounted")


@pytest.fixture(scope="module")
def running() -> Iterator[MailSandbox]:
    with serve(MailSandbox({HERE: "secret"})) as sandbox:
        doubles.allow(f"127.0.0.1:{sandbox.imap_port}")
        yield sandbox
        doubles.forbid(f"127.0.0.1:{sandbox.imap_port}")


@pytest.fixture
def box(running: MailSandbox) -> MailSandbox:
    running.mailboxes[HERE].letters.clear()
    return running


@pytest.fixture
def access(running: MailSandbox) -> Access:
    settings = {"imap_host": "127.0.0.1", "imap_port": running.imap_port, "imap_tls": "none", "imap_user": HERE}
    return Access(uuid4(), uuid4(), HERE, settings, {"imap_password": "secret"}, is_sandbox=True)


def letter(text: str = "Hello", *, sender: str = f"Asha <{ASHA}>", number: int = 1, **headers: str) -> bytes:
    lines = {"From": sender, "To": HERE, "Subject": "Question", "Message-ID": f"<{number}@mail.example>", **headers}
    head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
    return (head + "\r\n" + text).encode()


def fetched(access: Access, place: Place = START) -> list[Any]:
    return [one.said for one in imap.fetch(access, place, at=NOW)]


def read(content: bytes, access: Access | None = None) -> Any:
    return mail_reading.read(content, access or ANY, at=NOW)


ANY = Access(uuid4(), uuid4(), HERE, {}, {}, is_sandbox=False)


# --- fetching ------------------------------------------------------------------------------------------------------


def test_the_first_run_only_learns_where_the_end_is(access: Access, box: MailSandbox) -> None:
    box.deliver(HERE, letter())
    [only] = imap.fetch(access, Place(), at=NOW)
    assert only == imap.Fetched(Place(1, box.mailboxes[HERE].last_uid), None)
    box.deliver(HERE, letter("New", number=2))
    assert [one.text for one in fetched(access, only.place)] == ["New"]


def test_fetching_goes_on_where_it_stopped(access: Access, box: MailSandbox) -> None:
    first = box.deliver(HERE, letter("One", number=1))
    for number in (2, 3):
        box.deliver(HERE, letter(str(number), number=number))
    run = imap.fetch(access, Place(1, first - 1), at=NOW)
    one = next(run)
    run.close()  # the worker dies here
    rest = list(imap.fetch(access, one.place, at=NOW))
    assert [each.said.text for each in (one, *rest) if isinstance(each.said, Arrived)] == ["One", "2", "3"]
    assert list(imap.fetch(access, rest[-1].place, at=NOW)) == []


def test_a_run_has_an_end(access: Access, box: MailSandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(imap, "MOST_A_RUN", 2)
    before = box.mailboxes[HERE].last_uid
    for number in range(5):
        box.deliver(HERE, letter(number=number))
    assert len(fetched(access, Place(1, before))) == 2


def test_a_mailbox_with_new_numbers_is_looked_at_again(access: Access, box: MailSandbox) -> None:
    box.deliver(HERE, letter("Known", number=1))
    box.deliver(HERE, letter("Just came", number=2))
    box.mailboxes[HERE].rebuild()
    validity = box.mailboxes[HERE].validity
    found = list(imap.fetch(access, Place(validity - 1, 900), at=clock.now()))
    assert [one.said.text for one in found if isinstance(one.said, Arrived)] == ["Known", "Just came"]
    assert found[-1].place == Place(validity, 2)
    box.mailboxes[HERE].validity = 1


def test_the_mailbox_is_not_changed(access: Access, box: MailSandbox) -> None:
    box.deliver(HERE, letter())
    fetched(access)
    assert [(one.content, one.flags) for one in box.mailboxes[HERE].letters] == [(letter(), set())]


def test_a_wrong_password_is_told(access: Access, box: MailSandbox) -> None:
    with pytest.raises(CannotFetch, match="credentials"):
        imap.check(replace(access, secrets={"imap_password": 'x" y\r\nA1 LOGOUT'}))
    imap.check(access)


def test_a_mailbox_is_opened_encrypted_or_not_at_all(access: Access, box: MailSandbox) -> None:
    with pytest.raises(CannotFetch, match="no_tls"):
        imap.check(replace(access, is_sandbox=False))


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "0177.1", "inside\r\n"])
def test_a_server_inside_is_not_connected_to(access: Access, host: str) -> None:
    settings = {**access.settings, "imap_host": host, "imap_tls": "tls", "imap_port": 993}
    with pytest.raises(CannotFetch, match=r"refused_address|unreachable"):
        imap.check(replace(access, settings=settings, is_sandbox=False))


@contextmanager
def lying(answer: bytes) -> Iterator[int]:
    """A server that signs anybody in and answers every fetch with `answer`."""
    server = socket.create_server(("127.0.0.1", 0))
    port = int(server.getsockname()[1])

    def talk() -> None:
        connection, _peer = server.accept()
        with connection, connection.makefile("rwb") as file:
            file.write(b"* OK hi\r\n")
            file.flush()
            while line := file.readline():
                tag, _space, rest = line.decode().partition(" ")
                file.write(answer if b"FETCH" in line else _usual(rest))
                file.write(f"{tag} OK done\r\n".encode())
                try:
                    file.flush()
                except OSError:
                    return

    threading.Thread(target=talk, daemon=True).start()
    doubles.allow(f"127.0.0.1:{port}")
    yield port
    doubles.forbid(f"127.0.0.1:{port}")
    server.close()


def _usual(command: str) -> bytes:
    if command.startswith("CAPABILITY"):
        return b"* CAPABILITY IMAP4rev1\r\n"
    if "SEARCH" in command:
        return b"* SEARCH 1\r\n"
    return b"* OK [UIDVALIDITY 1]\r\n* OK [UIDNEXT 2]\r\n* 1 EXISTS\r\n"


@pytest.mark.parametrize(
    "answer", [b"* 1 FETCH (UID 1 BODY[] {9999999999}\r\n", b"* 1 FETCH (UID 1 RFC822.SIZE 9)\r\n" * 2_000]
)
def test_a_server_that_sends_too_much_is_hung_up_on(
    access: Access, answer: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(imap, "_MOST_OF_ANSWERS", 50_000)
    with lying(answer) as port:
        liar = replace(access, settings={**access.settings, "imap_port": port})
        with pytest.raises(CannotFetch, match="unreachable"):
            fetched(liar)


def test_a_mail_that_is_too_large_is_read_by_its_head(
    access: Access, box: MailSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """T25: what is larger than the limit is never fetched; the message says where it can be read."""
    monkeypatch.setattr(mail_reading, "MOST_BYTES", 50_000)
    before = box.deliver(HERE, letter("x" * 60_000))
    asked: list[int] = []
    monkeypatch.setattr(imap._Bounded, "_spend", lambda self, size: asked.append(size))
    [found] = fetched(access, Place(1, before - 1))
    assert (found.sender, found.text) == (ASHA, "This mail is larger than 25 MB. Read it in the mailbox.")
    assert sum(asked) < 10_000


# --- what it says --------------------------------------------------------------------------------------------------


def test_a_mail_becomes_a_message(access: Access, box: MailSandbox) -> None:
    date = "Sun, 22 Nov 2026 13:30:00 +0530"
    before = box.deliver(HERE, letter("Is it ready?", Date=date))
    assert fetched(access, Place(1, before - 1)) == [
        Arrived("<1@mail.example>", ASHA, datetime(2026, 11, 22, 8, 0, tzinfo=UTC), "Is it ready?", "text", "Asha", "Question", files=[], references=[])
    ]  # fmt: skip


@pytest.mark.parametrize(
    "date",
    [
        "",
        "soon",
        "Sun, 22 Nov 2999 13:30:00 +0530",
        "Sun, 22 Nov 1999 13:30:00 +0530",
        "Sun, 22 Nov 2026 25:99:00 +9999",
    ],
)
def test_a_date_that_cannot_be_is_now(date: str) -> None:
    assert read(letter(Date=date)).at == NOW


def test_an_answer_names_the_mail_we_sent_to_this_person() -> None:
    one = Outgoing(uuid4(), ASHA, "Hi")
    ours, _content = mail_making.make(ANY, one, at=NOW)
    found = read(letter(In_Reply_To=ours, References=f"<old@x.example> {ours}"))
    assert (found.answers, found.references) == (ours, [ours])


def test_a_forged_answer_joins_nobodys_thread() -> None:
    """T25: an id of ours for somebody else, of another workspace, with another mark, or one that looks like ours."""
    ours, _content = mail_making.make(ANY, Outgoing(uuid4(), "ravi@mail.example", "Hi"), at=NOW)
    theirs = mail_ids.make(uuid4(), workspace_id=uuid4(), to=ASHA, domain="shree.example")
    mine, _content = mail_making.make(ANY, Outgoing(uuid4(), ASHA, "Hi"), at=NOW)
    marked = mine.replace(mine[34:54], "0" * 20)
    for forged in (ours, theirs, marked, f"<{uuid4().hex}@shree.example>", "<a@b>" * 5_000):
        found = read(letter(In_Reply_To=forged, References=forged))
        assert (found.answers, found.references) == ("", [])


@pytest.mark.parametrize(
    "sender",
    [HERE, "Shop <SHOP@SHREE.EXAMPLE>", "MAILER-DAEMON@x.example", "", "a@b.example, c@d.example", "nobody", "<>",
     "(" * 900 + "a@b.example", '"a\r\n b" <x y@b.example>'],
)  # fmt: skip
def test_a_mail_of_nobody_is_left_alone(sender: str) -> None:
    assert read(letter(sender=sender)) is None


def test_two_senders_are_no_sender() -> None:
    assert read(b"From: a@b.example\r\n" + letter()) is None


def test_a_name_is_what_it_looks_like() -> None:
    """T25: direction marks, line breaks, and an address posing as a name."""
    found = read(
        letter(
            sender="=?utf-8?q?Asha=E2=80=AE_moc.knab=0D=0ABcc_x?= <asha@mail.example>",
            Subject="=?utf-8?b?4oCu4oCr?= \x07ok",
        )
    )
    assert (found.name, found.subject) == ("Asha moc.knab Bcc x", "ok")
    devanagari = read(letter(sender="=?utf-8?b?4KSG4KS24KS+?= <asha@mail.example>"))
    assert devanagari.name == "आशा"


def multipart(*parts: str, kind: str = "mixed") -> bytes:
    body = "".join(f"--b\r\n{part}\r\n" for part in parts) + "--b--\r\n"
    return letter(body, MIME_Version="1.0", Content_Type=f"multipart/{kind}; boundary=b")


HTML = (
    '<p onclick=a()>Hi <img src="https://track.example/1.gif" width=1 height=1><b>there</b></p><script>a()</script><style>p{background:url(//x)}</style>'
    '<a href="javascript:a()">x</a><form action=/delete/><input name=x></form><iframe src=//x></iframe><base href=//x><meta http-equiv=refresh>'
    '<svg onload=a()></svg><link rel=stylesheet href=//x><div style="position:fixed">over</div>'
)


def test_a_picture_that_lies_elsewhere_is_a_link_to_it() -> None:
    shown = '<p>Hi<img src="https://shop.example/new.png?a=1&b=2" alt="Our &quot;new&quot; <i>lamp" onerror=a()></p><img src=//x/y.png>'
    found = read(multipart(f"Content-Type: text/html\r\n\r\n{shown}"))
    assert found.html.count("<a ") == 1 and "img" not in found.html and "onerror" not in found.html
    assert 'href="https://shop.example/new.png?a=1&amp;b=2"' in found.html
    assert found.text == 'Hi Picture: Our "new" <i>lamp'


def test_a_page_is_inert_and_loads_nothing() -> None:
    """T25: what is left can neither run, nor style, nor ask another host for anything."""
    found = read(multipart(f"Content-Type: text/html\r\n\r\n{HTML}"))
    for gone in (
        "img",
        "src=",
        "script",
        "style",
        "onclick",
        "javascript",
        "form",
        "input",
        "iframe",
        "base",
        "meta",
        "svg",
        "link",
        "track",
    ):
        assert gone not in found.html
    assert "<b>there</b>" in found.html
    assert found.text.startswith("Hi there")


def test_files_come_along_with_harmless_names() -> None:
    name = 'Content-Disposition: attachment; filename="../../\u202egpj.exe"'
    found = read(
        multipart(
            "\r\nSee the paper", f"Content-Type: image/jpeg\r\n{name}\r\nContent-Transfer-Encoding: base64\r\n\r\naGk="
        )
    )
    assert found.text.strip() == "See the paper"
    assert [(one.content_type, one.content) for one in found.files] == [("image/jpeg", b"hi")]
    assert "/" not in found.files[0].name and "\u202e" not in found.files[0].name


def test_more_parts_than_can_be_read_are_not_read() -> None:
    """T25: of 1,000 parts the first are there; a mail of 10,000 is shown by its head alone."""
    parts = [f"Content-Disposition: attachment; filename={number}.txt\r\n\r\nx" for number in range(10_000)]
    some, all_of_them = read(multipart("\r\nHello", *parts[:1_000])), read(multipart("\r\nHello", *parts))
    assert (some.text.strip(), len(some.files)) == ("Hello", mail_reading.MOST_FILES)
    assert (all_of_them.text.strip(), all_of_them.files) == ("This mail cannot be shown here.", [])


@pytest.mark.parametrize(
    "content",
    [
        b"--b\r\n\r\nx\r\n" * 500_000,
        b"X-A: b\r\n" * 1_000_000,
        b"\r\n" + b"<div>" * 400_000,
        b"\r\n" + b"<" * 3_000_000,
        b"Content-Type: message/rfc822\r\n\r\n" * 100_000,
    ],
    ids=["parts", "headers", "tags", "brackets", "mails"],
)
def test_a_mail_made_to_cost_much_costs_little(content: bytes) -> None:
    head = f"From: {ASHA}\r\nContent-Type: text/html; boundary=b\r\n".encode()
    begins = time.process_time()
    read(head + content)
    assert time.process_time() - begins < 2


def test_a_mail_deeper_than_any_costs_little() -> None:
    lines = []
    for depth in range(3_000):
        lines.append(f"Content-Type: multipart/mixed; boundary=b{depth}\r\n\r\n--b{depth}\r\n")
    begins = time.perf_counter()
    found = read(letter("".join(lines) + "\r\nx", MIME_Version="1.0", Content_Type="multipart/mixed; boundary=a").replace(b"\r\n\r\n", b"\r\n\r\n--a\r\n", 1))  # fmt: skip
    assert time.perf_counter() - begins < 2
    assert found.text.strip() == "This mail cannot be shown here."


def test_a_mail_inside_mails_is_not_followed() -> None:
    nested = "Content-Type: message/rfc822\r\n\r\n" * 500 + "Subject: x\r\n\r\nDeep"
    found = read(letter(nested, MIME_Version="1.0", Content_Type="message/rfc822"))
    assert found is None or "Deep" not in found.text


def test_text_has_an_end_in_bytes() -> None:
    found = read(letter("न" * 200_000, Content_Type="text/plain; charset=utf-8"))
    assert len(found.text.encode()) <= mail_reading.MOST_TEXT
    page = read(letter("<p>" + "न" * 400_000, Content_Type="text/html; charset=utf-8"))
    assert len(page.html.encode()) <= mail_reading.MOST_HTML


@pytest.mark.parametrize(
    "charset", ["punycode", "unicode_escape", "zip", "rot13", "no-such", "utf-7", "\x00", "x" * 5_000]
)
def test_a_charset_that_is_a_trick_is_not_used(charset: str) -> None:
    assert read(letter("plain +AGE-", Content_Type=f'text/plain; charset="{charset}"')).text == "plain +AGE-"


def test_any_bytes_are_read_or_left_and_never_raise() -> None:
    chance = random.Random(24)
    good = multipart(
        "Content-Type: text/html\r\n\r\n<p>Hi",
        "Content-Type: message/delivery-status\r\n\r\nAction: failed",
        kind="report",
    )
    for _ in range(300):
        content = bytearray(good)
        for _ in range(chance.randrange(1, 30)):
            content[chance.randrange(len(content))] = chance.choice(b'\r\n:;="<>\x00\xff-b()')
        found = read(bytes(content))
        assert found is None or isinstance(found, Arrived | Bounce | Complaint)


# --- bounces and complaints ----------------------------------------------------------------------------------------

OURS, _CONTENT = mail_making.make(ANY, Outgoing(uuid4(), ASHA, "Hi"), at=NOW)


def bounced(message_id: str = OURS, *, action: str = "failed", status: str = "5.1.1") -> bytes:
    status_part = (
        "Content-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; {ASHA}\r\nAction: {action}\r\nStatus: {status}\r\nDiagnostic-Code: smtp; 550 no\r\n"
    )
    original = f"Content-Type: text/rfc822-headers\r\n\r\nMessage-ID: {message_id}\r\nTo: {ASHA}\r\n"
    made = multipart("\r\nIt did not work", status_part, original, kind="report; report-type=delivery-status")
    return made.replace(f"Asha <{ASHA}>".encode(), b"MAILER-DAEMON@mx.example")


def test_a_mail_that_came_back_names_ours() -> None:
    assert read(bounced()) == Bounce(OURS, "5.1.1", is_final=True, at=NOW)
    assert read(bounced(action="delayed", status="4.4.7")) == Bounce(OURS, "4.4.7", is_final=False, at=NOW)


@pytest.mark.parametrize("changed", [{"action": "delivered"}, {"status": "nonsense"}, {"message_id": "<x@y>"}])
def test_a_report_that_says_nothing_of_ours_is_left(changed: dict[str, str]) -> None:
    assert read(bounced(**changed)) is None


def test_the_whole_mail_inside_a_report_is_found_too() -> None:
    content = bounced().replace(b"text/rfc822-headers", b"message/rfc822")
    assert read(content) == Bounce(OURS, "5.1.1", is_final=True, at=NOW)


def complained(kind: str = "abuse") -> bytes:
    feedback = (
        f"Content-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\nUser-Agent: x/1\r\nVersion: 1\r\n"
    )
    original = f"Content-Type: message/rfc822\r\n\r\nMessage-ID: {OURS}\r\n\r\nHi"
    return multipart("\r\nA complaint", feedback, original, kind="report; report-type=feedback-report")


def test_a_complaint_names_ours() -> None:
    assert read(complained()) == Complaint(OURS, NOW)
    assert not isinstance(read(complained("not-spam")), Complaint)


def test_a_clock_that_moves_on_changes_nothing() -> None:
    assert mail_reading.read(bounced(), ANY, at=NOW + timedelta(days=400)) == Bounce(
        OURS, "5.1.1", True, NOW + timedelta(days=400)
    )
