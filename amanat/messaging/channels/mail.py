"""E-mail through any mailbox: SMTP with TLS, one recipient a mail, and an outcome that never lies.

A mail counts as unclear from the moment its last dot is on the way until the server answers. Before that it was surely not taken, however the
connection broke: tried again. The host is resolved, checked and connected to by `core.outgoing`; mail leaves encrypted or not at all.

`settings` of an account: `smtp_host`, `smtp_port` (465, 587, 2525), `smtp_tls` ("tls" or "starttls"), `smtp_user`, `from_name`, `reply_to`;
for what arrives see `imap`. `secrets`: `smtp_password`, `imap_password`.
"""

from __future__ import annotations

import re
import smtplib
import socket
import ssl
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any, cast

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.core import clock, outgoing
from amanat.messaging.channels import doubles, mail_making, mail_sign_in
from amanat.messaging.channels.contract import Access, AccountNews, Answer, Outcome, Outgoing
from amanat.messaging.channels.mail_sign_in import SignedOut

RECIPIENT = "mail"
SANDBOX = "mail sandbox"
_PORTS = frozenset({443, 465, 587, 2525, 993, 143})
TIMEOUT = 30.0
_MOST_OPEN = 4
_MOST_A_CONNECTION = 100


def declare() -> None:
    """Who is connected to: any provider the owner names, on public addresses; doubles on this machine for sandbox accounts."""
    outgoing.register_recipient(RECIPIENT, hosts=(outgoing.ANY_PUBLIC_HOST,), ports=_PORTS)
    outgoing.register_recipient(SANDBOX, hosts=doubles.places, allow_private=True)
    mail_sign_in.declare()


def connect(access: Access, host: str, port: int) -> socket.socket:
    """A checked connection to a server of the account. Raises outgoing.Refused or Unreachable."""
    made = outgoing.connect(host, port, recipient=SANDBOX if access.is_sandbox else RECIPIENT, timeout=TIMEOUT)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # the last dot goes alone: without this it waits 40 ms
    return made


class Smtp:
    """The adapter for any mailbox."""

    name = "smtp"
    channel = "email"
    recipient = RECIPIENT
    title = cast(str, gettext_lazy("Any mailbox (SMTP and IMAP)"))
    reports_within: timedelta | None = None
    needs: Collection[str] = (
        *("smtp_host", "smtp_port", "smtp_tls", "smtp_user", "smtp_password", "from_name"),
        *("imap_host", "imap_port", "imap_user", "imap_password"),
    )

    @contextmanager
    def line(self, access: Access) -> Iterator[_Line]:
        line = _Line(access)
        try:
            yield line
        finally:
            line.close()

    def explain(self, code: str) -> tuple[str, str]:
        return words(code)

    def check(self, access: Access) -> AccountNews:
        """Sign in at the server and leave again. Raises outgoing.Refused or Unreachable."""
        session = _Session(access)
        try:
            session.open()
        except _Fault as fault:
            return AccountNews(trouble=" ".join(words(fault.answer.code)))
        session.close()
        return AccountNews()


_GOOGLE = {
    "smtp_host": "smtp.gmail.com", "smtp_port": 465, "smtp_tls": "tls",
    "imap_host": "imap.gmail.com", "imap_port": 993, "imap_tls": "tls",
}  # fmt: skip
_MICROSOFT = {
    "smtp_host": "smtp.office365.com", "smtp_port": 587, "smtp_tls": "starttls",
    "imap_host": "outlook.office365.com", "imap_port": 993, "imap_tls": "tls",
}  # fmt: skip


class SignedInMailbox(Smtp):
    """A mailbox whose provider takes no password of ours (`mail_sign_in`). `fixed` are settings that nobody has to fill in."""

    def __init__(self, name: str, title: str | Promise, fixed: Mapping[str, Any], *needs: str) -> None:
        self.name, self.title, self.fixed = name, cast(str, title), fixed
        self.needs = ("client_id", "client_secret", *needs, "from_name")


SIGNED_IN = (
    SignedInMailbox("google_mail", gettext_lazy("Mailbox at Google (Workspace, Gmail)"), _GOOGLE),
    SignedInMailbox("microsoft_mail", gettext_lazy("Mailbox at Microsoft 365"), _MICROSOFT, "tenant"),
)


class _Fault(Exception):
    """The server said no, or nothing, before the mail was on its way."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.code)
        self.answer = answer


class _Pinned(smtplib.SMTP):
    """smtplib over a connection that `core.outgoing` made; the certificate must be the host's."""

    def __init__(self, access: Access, *, host: str, port: int, is_tls: bool) -> None:
        self._access, self._is_tls = access, is_tls
        name = access.address.rpartition("@")[2] or "localhost"
        super().__init__(host, port, local_hostname=name, timeout=TIMEOUT)

    def _get_socket(self, host: str, port: int, timeout: float) -> socket.socket:
        plain = connect(self._access, host, port)
        return outgoing.tls().wrap_socket(plain, server_hostname=host) if self._is_tls else plain


class _Session:
    """One signed-in connection; used by one thread at a time."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._smtp: _Pinned | None = None
        self.sent = 0

    def open(self) -> _Pinned:
        """Raises _Fault. A token that the server refuses is made anew once: it may have ended before its time."""
        try:
            return self._opened()
        except _Fault as fault:
            if fault.answer.code != "credentials" or mail_sign_in.house_of(self._access) is None:
                raise
        self.close()
        return self._opened(is_refused=True)

    def _opened(self, *, is_refused: bool = False) -> _Pinned:
        settings = self._access.settings
        tls = str(settings.get("smtp_tls") or ("none" if self._access.is_sandbox else "starttls"))
        host, port = _place(self._access)
        if tls not in {"tls", "starttls"} and not self._access.is_sandbox:
            raise _Fault(Answer(Outcome.REFUSED, code="no_tls", stops_account=True))
        try:
            said = self._token(is_refused=is_refused)  # first: who is signed out need not be connected to
            smtp = self._smtp = _Pinned(self._access, host=host, port=port, is_tls=tls == "tls")
            smtp.ehlo()
            if tls == "starttls":
                smtp.starttls(context=outgoing.tls())
                smtp.ehlo()
            self._sign_in(smtp, said)
        except outgoing.Refused:
            raise _Fault(Answer(Outcome.REFUSED, code="refused_address", stops_account=True)) from None
        except SignedOut as gone:
            raise _Fault(Answer(Outcome.LATER, code=gone.code, stops_account=True)) from None
        except smtplib.SMTPAuthenticationError as error:
            is_final = error.smtp_code >= 500
            code = "credentials" if is_final else str(error.smtp_code)
            raise _Fault(Answer(Outcome.LATER, code=code, stops_account=is_final)) from None
        except (smtplib.SMTPNotSupportedError, ssl.SSLError):
            raise _Fault(Answer(Outcome.LATER, code="no_tls", stops_account=True)) from None
        except (smtplib.SMTPException, outgoing.Unreachable, OSError, ValueError):
            raise _Fault(Answer(Outcome.LATER, code="unreachable")) from None
        return smtp

    def _token(self, *, is_refused: bool) -> str:
        """What signs in to a mailbox that takes no password; "" for every other. Raises SignedOut."""
        house = mail_sign_in.house_of(self._access)
        if house is None:
            return ""
        user = str(self._access.settings.get("smtp_user") or self._access.address)
        return mail_sign_in.xoauth2(user, mail_sign_in.token(house, self._access, is_refused=is_refused))

    def _sign_in(self, smtp: smtplib.SMTP, said: str) -> None:
        user = str(self._access.settings.get("smtp_user", ""))
        if said:
            smtp.auth("XOAUTH2", lambda challenge=None: said if challenge is None else "")
        elif user:
            smtp.login(user, self._access.secrets.get("smtp_password", ""))

    def close(self) -> None:
        smtp, self._smtp = self._smtp, None
        if smtp is not None:
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()

    def send(self, to: str, content: bytes) -> Answer:
        """The mail to one recipient. Raises _Fault for what surely was not taken."""
        smtp = self._smtp or self.open()
        self.sent += 1
        try:
            _said(smtp.mail(self._access.address), {250})
            _said(smtp.rcpt(to), {250, 251})
            _said(smtp.docmd("data"), {354})
            smtp.send(re.sub(rb"(?m)^\.", b"..", content))
        except (smtplib.SMTPException, OSError):
            raise _Fault(Answer(Outcome.LATER, code="unreachable")) from None
        return _last_word(smtp, content)


def _last_word(smtp: smtplib.SMTP, content: bytes) -> Answer:
    """From here on the server may have taken it, whatever becomes of its answer."""
    try:
        smtp.send(b".\r\n" if content.endswith(b"\r\n") else b"\r\n.\r\n")
        code, said = smtp.getreply()
    except (smtplib.SMTPException, OSError):
        return Answer(Outcome.UNCLEAR, code="no_answer")
    return Answer(Outcome.ACCEPTED) if code == 250 else answer_of(code, said)


def _said(reply: tuple[int, bytes], good: set[int]) -> None:
    if reply[0] not in good:
        raise _Fault(answer_of(*reply))


def answer_of(code: int, said: bytes) -> Answer:
    """A server's refusal: 4yz is for now, 5yz for good. The enhanced code (RFC 3463) tells more, where it stands."""
    found = re.match(rb"([245]\.\d{1,3}\.\d{1,3})\b", said)
    name = found[1].decode() if found else str(code)
    if code == 421 or name.startswith("4.7."):
        return Answer(Outcome.LATER, code=name, wait=timedelta(minutes=5), stops_account=True)
    if 400 <= code < 500:
        return Answer(Outcome.LATER, code=name, wait=timedelta(minutes=5))
    if code in {530, 535}:
        return Answer(Outcome.LATER, code="credentials", stops_account=True)
    return Answer(Outcome.REFUSED, code=name, opts_out=is_gone(name))


class _Line:
    """Up to four connections, each kept for the next mail; safe for many threads."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._idle: list[_Session] = []
        self._lock = threading.Lock()
        self._places = threading.BoundedSemaphore(_MOST_OPEN)

    def send(self, message: Outgoing) -> Answer:
        try:
            message_id, content = mail_making.make(self._access, message, at=clock.now())
        except mail_making.CannotBeMade as fault:
            return Answer(Outcome.REFUSED, code=str(fault))
        with self._places:
            answer = self._send(message.to, content)
        return Answer(
            answer.outcome, message_id, answer.code, answer.wait, answer.stops_account, answer.opts_out, answer.pricing
        )

    def _send(self, to: str, content: bytes) -> Answer:
        """A kept connection that turns out to be gone costs one new one: nothing was taken over it."""
        with self._lock:
            session = self._idle.pop() if self._idle else _Session(self._access)
        was_used = session.sent > 0
        for may_again in (was_used, False):
            try:
                answer = session.send(to, content)
            except _Fault as fault:
                answer = fault.answer
                session.close()
                if may_again and answer.code == "unreachable":
                    session = _Session(self._access)
                    continue
            self._keep(session, answer)
            break
        return answer

    def _keep(self, session: _Session, answer: Answer) -> None:
        if answer.outcome is Outcome.ACCEPTED and session.sent < _MOST_A_CONNECTION:
            with self._lock:
                self._idle.append(session)
        else:
            session.close()

    def close(self) -> None:
        with self._lock:
            idle, self._idle = self._idle, []
        for session in idle:
            session.close()


def is_gone(code: str) -> bool:
    """Whether an enhanced code says that the mailbox does not exist (RFC 3463, 5.1.x and 5.2.1), so that nothing more may go there."""
    return re.fullmatch(r"5\.1\.(?:0|1|2|3|6|10)|5\.2\.1|5\.7\.13", code) is not None


def _place(access: Access) -> tuple[str, int]:
    """Host and port for sending; those of the sandbox where an account of it names none."""
    if access.is_sandbox and not access.settings.get("smtp_host"):
        return doubles.HOST, doubles.ports()[0]
    port = str(access.settings.get("smtp_port") or "")
    return str(access.settings.get("smtp_host", "")), int(port) if port.isdigit() else 587


def words(code: str) -> tuple[str, str]:
    """What a code means and what to do."""
    known: Mapping[str, tuple[str, str]] = {
        "bad_address": (_("This is no e-mail address that can be written to."), _("Correct the address.")),
        "empty": (_("The mail is empty."), _("Write something.")),
        "too_large": (_("The mail is larger than 20 MB."), _("Send a smaller file, or a link to it.")),
        "no_unsubscribe": (
            _("A mail with an offer must carry a link that ends them."),
            _("Use a template, which adds it."),
        ),
        "unreachable": (_("The mail server could not be reached."), _("It is tried again by itself.")),
        "no_answer": (
            _("The connection broke before the mail server answered."),
            _("Look into the folder of sent mails; it is not tried again by itself."),
        ),
        "refused_address": (_("This mail server may not be connected to."), _("Enter a public host name.")),
        "no_tls": (
            _("The mail server offers no encryption that can be trusted."),
            _("Check host, port and the server's certificate."),
        ),
        "credentials": (_("The mail server did not accept user name and password."), _("Enter the password again.")),
        "signed_out": (
            _("The provider does not let us into this mailbox: nobody signed in yet, or the permission was withdrawn."),
            _("Sign in there again, on the page of this channel."),
        ),
        "client": (
            _("The provider does not know the client id or its secret."),
            _("Enter both again, as they stand at the provider."),
        ),
        "complaint": (_("The person reported the mail as unwanted."), _("Nothing more is sent there.")),
    }
    if code in known:
        return known[code]
    if is_gone(code):
        return _("The mailbox does not exist."), _("Ask the person for the right address.")
    if code.startswith(("5.2.2", "4.2.2")):
        return _("The mailbox is full."), _("Try another channel.")
    if code.startswith(("5.7", "4.7")):
        return _("The other side refuses our mail (%(code)s).") % {"code": code}, _("Check SPF, DKIM and DMARC.")
    if code.startswith("4."):
        return (
            _("The other side has not taken the mail yet (%(code)s).") % {"code": code},
            _("Its server is asked again for some days; there is nothing to do."),
        )
    return _("The mail server answered with the code %(code)s.") % {"code": code}, _("Look at the account.")
