"""A mail provider on this machine: SMTP takes mail in, IMAP gives it out, mailboxes live in memory. It reaches nobody.

Every mail that was taken is in `accepted` with its envelope, and lies in the mailbox of its recipient where there is one. What goes wrong is
told beforehand (`fail`): "421" and other codes at the recipient, "data-554" after the text, "lost-before" (the connection breaks when the
text is asked for) and "lost-after" (the mail was taken and nobody says so). The IMAP side speaks what a fetching program needs of RFC 3501,
and no more: CAPABILITY, LOGIN, AUTHENTICATE by token, SELECT, EXAMINE, UID SEARCH, UID FETCH, UID STORE, NOOP, LOGOUT.
"""

from __future__ import annotations

import asyncio
import base64
import re
import socketserver
import ssl
import threading
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, cast

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP as SmtpServer
from aiosmtpd.smtp import AuthResult, Envelope, LoginPassword, Session

from amanat.core import clock

_MOST_BYTES = 30_000_000
_MOST_KEPT = 20_000


@dataclass(frozen=True, slots=True)
class Accepted:
    """A mail that was taken, with the envelope it came in."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    at: datetime = field(default_factory=clock.now)


@dataclass(slots=True)
class Letter:
    uid: int
    content: bytes
    at: datetime = field(default_factory=clock.now)
    flags: set[str] = field(default_factory=set)


@dataclass(slots=True)
class Mailbox:
    """`validity` changes when uids are given anew, as after a mailbox was rebuilt."""

    validity: int = 1
    letters: list[Letter] = field(default_factory=list)
    last_uid: int = 0

    def put(self, content: bytes) -> int:
        self.last_uid += 1
        self.letters.append(Letter(self.last_uid, content))
        return self.last_uid

    def rebuild(self) -> None:
        """The server lost its index: all letters get new uids."""
        self.validity += 1
        for uid, letter in enumerate(self.letters, 1):
            letter.uid = uid
        self.last_uid = len(self.letters)


class MailSandbox:
    """Both servers; `users` may sign in to both, and have mailboxes. Without any, everybody may, and gets one."""

    def __init__(
        self,
        users: dict[str, str] | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        takes: Callable[[str], bool] = lambda token: False,
        validity: int = 1,
    ) -> None:
        self.users = users or {}
        self.owners: dict[str, str] = {}  #: passwords of mailboxes that somebody has, where everybody gets one
        self._validity = validity
        self.takes = takes  #: the short tokens of who signed in elsewhere
        self.tls = tls
        self.accepted: list[Accepted] = []
        self.mailboxes: dict[str, Mailbox] = {name: Mailbox(validity) for name in self.users}
        self.smtp_port = self.imap_port = 0
        self.connections = 0  #: SMTP sessions that began
        self._plan: deque[str] = deque()

    def fail(self, *ways: str) -> None:
        """What the next mails meet, one each; "" is nothing."""
        self._plan.extend(ways)

    def next_way(self) -> str:
        return self._plan.popleft() if self._plan else ""

    def deliver(self, user: str, content: bytes) -> int:
        """A mail from outside arrives in a mailbox; returns its uid."""
        return self.box(user).put(content)

    def box(self, user: str) -> Mailbox:
        """The mailbox of that name, made where there is none."""
        return self.mailboxes.setdefault(user, Mailbox(self._validity))

    def may(self, user: str, password: str) -> bool:
        if user in self.owners:
            self.box(user)
            return self.owners[user] == password
        if not self.users:
            self.box(user)
            return True
        return bool(password) and self.users.get(user) == password

    def may_with(self, said: bytes) -> str:
        """The user of a sign-in by token (XOAUTH2), or ""."""
        found = re.fullmatch(rb"user=([^\x01]+)\x01auth=Bearer ([^\x01]+)\x01\x01", said)
        if found is None or not self.takes(found[2].decode("ascii", "replace")):
            return ""
        user = found[1].decode("utf-8", "replace")
        self.box(user)
        return user


class _Handler:
    """What aiosmtpd asks at each step."""

    def __init__(self, sandbox: MailSandbox) -> None:
        self._sandbox = sandbox
        self._way = ""

    async def handle_EHLO(
        self, server: SmtpServer, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        self._sandbox.connections += 1
        session.host_name = hostname
        return responses

    async def auth_XOAUTH2(self, server: SmtpServer, arguments: list[str]) -> AuthResult:
        """The whole answer comes with the command."""
        try:
            user = self._sandbox.may_with(base64.b64decode(arguments[1], validate=True))
        except (IndexError, ValueError):
            user = ""
        return AuthResult(success=bool(user), handled=False)

    async def handle_RCPT(
        self, server: SmtpServer, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        self._way = self._sandbox.next_way()
        if self._way.isdigit():
            kind = {"4": "4.7.0 try later", "5": "5.1.1 no such user"}[self._way[0]]
            return f"{self._way} {kind}"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SmtpServer, session: Session, envelope: Envelope) -> str:
        if self._way == "lost-before":
            cast(Any, server).transport.abort()
            return "421 gone"
        if self._way.startswith("data-"):
            return f"{self._way[5:]} {self._way[5]}.6.0 not this"
        content = bytes(cast(bytes, envelope.content))
        made = Accepted(envelope.mail_from or "", tuple(envelope.rcpt_tos), content)
        self._sandbox.accepted.append(made)
        del self._sandbox.accepted[:-_MOST_KEPT]
        for address in made.recipients:
            if address in self._sandbox.mailboxes:
                self._sandbox.deliver(address, content)
        if self._way == "lost-after":
            cast(Any, server).transport.abort()
        return "250 2.0.0 taken"


@contextmanager
def serve(sandbox: MailSandbox, *, smtp_port: int = 0, imap_port: int = 0) -> Iterator[MailSandbox]:
    """Both servers on 127.0.0.1; their ports stand in the sandbox."""

    def authenticate(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        if not isinstance(data, LoginPassword):
            return AuthResult(success=False, handled=False)
        good = sandbox.may(data.login.decode("utf-8", "replace"), data.password.decode("utf-8", "replace"))
        return AuthResult(success=good, handled=good)

    class Server(Controller):
        def factory(self) -> SmtpServer:
            with warnings.catch_warnings():  # that a password would be read on the way; there is no way on one machine
                warnings.simplefilter("ignore")
                return SmtpServer(
                    _Handler(sandbox), hostname="sandbox", data_size_limit=_MOST_BYTES, authenticator=authenticate,
                    auth_required=bool(sandbox.users), auth_require_tls=False, tls_context=sandbox.tls,
                )  # fmt: skip

        def _trigger_server(self) -> None:
            """The port is known only now: the one asked for may have been 0."""
            self.port = cast(asyncio.Server, self.server).sockets[0].getsockname()[1]
            super()._trigger_server()  # type: ignore[no-untyped-call]

    controller = Server(sandbox, hostname="127.0.0.1", port=smtp_port)
    controller.start()
    sandbox.smtp_port = controller.port
    imap = _ImapServer(("127.0.0.1", imap_port), _Imap)
    imap.sandbox = sandbox
    sandbox.imap_port = imap.server_address[1]
    thread = threading.Thread(target=imap.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield sandbox
    finally:
        imap.shutdown()
        imap.server_close()
        controller.stop()


class _ImapServer(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    sandbox: MailSandbox


class _Imap(socketserver.StreamRequestHandler):
    """One session. What it does not know it answers with BAD."""

    disable_nagle_algorithm = True

    def handle(self) -> None:
        self.user = ""
        self.box: Mailbox | None = None
        self._say("* OK IMAP4rev1 sandbox")
        while line := self.rfile.readline(70_000):
            text = line.decode("utf-8", "replace").rstrip("\r\n")
            tag, _space, rest = text.partition(" ")
            name, _space, arguments = rest.partition(" ")
            if name.upper() == "LOGIN":
                arguments = self._with_literals(arguments)
            if not self._command(tag, name.upper(), arguments):
                return

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")

    def _with_literals(self, arguments: str) -> str:
        while found := re.search(r"\{(\d+)\}$", arguments):
            self._say("+ go on")
            literal = self.rfile.read(int(found[1])).decode("utf-8", "replace")
            quoted = literal.replace("\\", "\\\\").replace('"', '\\"')
            arguments = f'{arguments[: found.start()]}"{quoted}"{self.rfile.readline(70_000).decode().rstrip()}'
        return arguments

    def _command(self, tag: str, name: str, arguments: str) -> bool:
        sandbox = cast(_ImapServer, self.server).sandbox
        match name:
            case "CAPABILITY":
                self._say("* CAPABILITY IMAP4rev1 AUTH=XOAUTH2")
            case "NOOP":
                pass
            case "LOGOUT":
                self._say("* BYE")
                self._say(f"{tag} OK bye")
                return False
            case "LOGIN":
                words = [_unquoted(word) for word in re.findall(r'"(?:[^"\\]|\\.)*"|\S+', arguments)]
                if len(words) != 2 or not sandbox.may(*words):
                    self._say(f"{tag} NO [AUTHENTICATIONFAILED] wrong")
                    return True
                self.user = words[0]
            case "AUTHENTICATE" if arguments.upper() == "XOAUTH2":
                self._say("+ ")
                said = self.rfile.readline(70_000).strip()
                self.user = sandbox.may_with(base64.b64decode(said)) if said else ""
                if not self.user:
                    self._say("+ " + base64.b64encode(b'{"status":"400"}').decode())
                    self.rfile.readline(70_000)
                    self._say(f"{tag} NO [AUTHENTICATIONFAILED] wrong")
                    return True
            case "SELECT" | "EXAMINE" if self.user and _unquoted(arguments).upper() == "INBOX":
                self.box = sandbox.mailboxes[self.user]
                self._say(f"* {len(self.box.letters)} EXISTS")
                self._say(f"* OK [UIDVALIDITY {self.box.validity}]")
                self._say(f"* OK [UIDNEXT {self.box.last_uid + 1}]")
            case "UID" if self.box is not None:
                if not self._uid(tag, self.box, arguments):
                    return True
            case _:
                self._say(f"{tag} BAD unknown here")
                return True
        self._say(f"{tag} OK done")
        return True

    def _uid(self, tag: str, box: Mailbox, arguments: str) -> bool:
        name, _space, rest = arguments.partition(" ")
        if name.upper() == "SEARCH" and (found := re.fullmatch(r"(UID|SINCE) (\S+)", rest.strip("()"), re.IGNORECASE)):
            is_since = found[1].upper() == "SINCE"
            chosen = _since(box, found[2]) if is_since else _chosen(box, found[2])
            uids = [str(one.uid) for one in chosen]
            self._say(" ".join(["* SEARCH", *uids]))
            return True
        which, _space, items = rest.partition(" ")
        if name.upper() == "STORE":
            flags = set(re.findall(r"\\?\w+", items.partition(" ")[2]))
            for letter in _chosen(box, which):
                letter.flags = letter.flags | flags if items.startswith("+") else letter.flags - flags
            return True
        if name.upper() != "FETCH":
            self._say(f"{tag} BAD unknown here")
            return False
        for letter in _chosen(box, which):
            self._fetch(box, letter, items)
        return True

    def _fetch(self, box: Mailbox, letter: Letter, items: str) -> None:
        head = f"* {box.letters.index(letter) + 1} FETCH (UID {letter.uid}"
        found = re.search(r"BODY(?:\.PEEK)?\[(HEADER)?\](?:<(\d+)\.(\d+)>)?", items, re.IGNORECASE)
        if found is None:
            self._say(f"{head} RFC822.SIZE {len(letter.content)})")
            return
        content = letter.content
        if found[1]:
            content = content.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"
        if found[2]:
            content = content[int(found[2]) : int(found[2]) + int(found[3])]
        self.wfile.write(f"{head} BODY[] {{{len(content)}}}\r\n".encode() + content + b")\r\n")


def _unquoted(word: str) -> str:
    return re.sub(r"\\(.)", r"\1", word[1:-1]) if word.startswith('"') else word


def _since(box: Mailbox, day: str) -> list[Letter]:
    """The letters that came on a day or later, whatever the hour."""
    begins = datetime.strptime(day, "%d-%b-%Y").replace(tzinfo=UTC)
    return [one for one in box.letters if one.at >= begins]


def _chosen(box: Mailbox, which: str) -> list[Letter]:
    """The letters of a set of uids: "4", "4:9", "4:*". By RFC 3501 "4:*" holds the last letter even where its uid is lower."""
    first, _colon, last = which.partition(":")
    highest = max((one.uid for one in box.letters), default=0)
    low = highest if first == "*" else int(first)
    high = low if not last else highest if last == "*" else int(last)
    return [one for one in box.letters if min(low, high) <= one.uid <= max(low, high)]
