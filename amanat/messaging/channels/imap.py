"""What lies in the mailbox of an account: fetched mail by mail, in order, from where it was left; the mailbox itself is not changed.

The server on the other side is not trusted either: every wait has an end, a mail larger than 25 MB is read by its head alone, a server that
sends more than it was asked for is hung up on. Where the server gives its mails new numbers (UIDVALIDITY), those of the last days are looked
at again; what came before is known by its Message-ID.

`settings` of an account: `imap_host`, `imap_port` (993, 143), `imap_tls` ("tls" or "starttls"), `imap_user`, `imap_folder`.
"""

from __future__ import annotations

import imaplib
import re
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from amanat.core import outgoing
from amanat.messaging.channels import doubles, mail, mail_reading, mail_sign_in
from amanat.messaging.channels.contract import Access
from amanat.messaging.channels.mail_reading import Read
from amanat.messaging.channels.mail_sign_in import SignedOut

#: In an account's settings: how far its mailbox was read, as validity and uid.
PLACE = "imap_place"
MOST_A_RUN = 50
SECONDS = 60.0
_HEAD_BYTES = 100_000
#: How far back mails are looked at again when the server numbered them anew.
_AGAIN = timedelta(days=3)
_MOST_AGAIN = 500
_MOST_OF_ANSWERS = 300_000_000


class CannotFetch(Exception):
    """Nothing can be fetched; the text is a code of `mail.words`: "unreachable", "credentials", "signed_out", "client", "no_tls", "refused_address"."""


@dataclass(frozen=True, slots=True)
class Place:
    """How far a mailbox was read: mails up to `uid` under this `validity`. Validity 0: never yet."""

    validity: int = 0
    uid: int = 0


@dataclass(frozen=True, slots=True)
class Fetched:
    """One mail, and the place after it."""

    place: Place
    said: Read


class _Bounded(imaplib.IMAP4):
    """imaplib on a connection of ours, with a limit on what a server may send and how long it may take."""

    def __init__(self, access: Access, *, host: str, port: int, is_tls: bool) -> None:
        self._access, self._is_tls = access, is_tls
        self._ends, self._left = time.monotonic() + SECONDS, _MOST_OF_ANSWERS
        super().__init__(host, port, timeout=mail.TIMEOUT)

    def _create_socket(self, timeout: float | None) -> socket.socket:
        plain = mail.connect(self._access, self.host, self.port)
        return outgoing.tls().wrap_socket(plain, server_hostname=self.host) if self._is_tls else plain

    def read(self, size: int) -> bytes:
        """A literal is as long as the server says, and it may say anything."""
        self._spend(size)
        if size > mail_reading.MOST_BYTES + 1_000:
            raise self.abort("a literal larger than was asked for")
        return bytes(super().read(size))

    def readline(self) -> bytes:
        line = bytes(super().readline())
        self._spend(len(line))
        return line

    def _spend(self, size: int) -> None:
        self._left -= size
        if self._left < 0 or time.monotonic() > self._ends:
            raise self.abort("the server sends too much, or takes too long")


def fetch(access: Access, place: Place, *, at: datetime) -> Iterator[Fetched]:
    """The mails after `place`, the oldest first, at most `MOST_A_RUN`. At the first run it only learns where the end is.

    Raises CannotFetch. The caller keeps the place of each mail together with what it said.
    """
    with _signed_in(access) as client:
        validity, next_uid = _opened(client, access)
        if place.validity == 0:
            yield Fetched(Place(validity, next_uid - 1), None)
            return
        after = place.uid if place.validity == validity else 0
        uids = _waiting(client, after, None if place.validity == validity else at - _AGAIN)
        if not uids and place.validity != validity:
            yield Fetched(Place(validity, next_uid - 1), None)
        for uid in uids[:MOST_A_RUN]:
            yield Fetched(Place(validity, uid), _one(client, uid, access, at))


def check(access: Access) -> None:
    """Sign in and open the folder. Raises CannotFetch."""
    with _signed_in(access) as client:
        _opened(client, access)


def is_set(access: Access) -> bool:
    return bool(access.settings.get("imap_host"))


@contextmanager
def _signed_in(access: Access) -> Iterator[imaplib.IMAP4]:
    settings = access.settings
    tls = str(settings.get("imap_tls") or ("none" if access.is_sandbox else "tls"))
    if tls not in {"tls", "starttls"} and not access.is_sandbox:
        raise CannotFetch("no_tls")
    client: _Bounded | None = None
    try:
        host, port = _server(access)
        client = _Bounded(access, host=host, port=port, is_tls=tls == "tls")
        if tls == "starttls":
            client.starttls(outgoing.tls())
        _sign_in(client, access)
        yield client
    except outgoing.Refused:
        raise CannotFetch("refused_address") from None
    except SignedOut as gone:
        raise CannotFetch(gone.code) from None
    except ssl.SSLError:
        raise CannotFetch("no_tls") from None
    except (imaplib.IMAP4.error, outgoing.Unreachable, OSError, ValueError, EOFError):
        raise CannotFetch("unreachable") from None
    finally:
        if client is not None:
            with suppress(imaplib.IMAP4.error, OSError, ValueError):
                client.logout()
            with suppress(OSError):
                client.shutdown()


def _sign_in(client: imaplib.IMAP4, access: Access) -> None:
    """By a token where the provider takes no password; one that is refused is made anew, for the next look. Raises CannotFetch."""
    user = _one_line(str(access.settings.get("imap_user") or access.settings.get("smtp_user") or access.address))
    house = mail_sign_in.house_of(access)
    try:
        if house is not None:
            said = mail_sign_in.xoauth2(user, mail_sign_in.token(house, access)).encode()
            client.authenticate("XOAUTH2", lambda challenge: b"" if challenge else said)
        else:
            secret = access.secrets.get("imap_password") or access.secrets.get("smtp_password", "")
            client.login(user, _one_line(secret))
    except imaplib.IMAP4.abort:
        raise
    except imaplib.IMAP4.error:
        if house is None:
            raise CannotFetch("credentials") from None
        mail_sign_in.token(house, access, is_refused=True)
        raise CannotFetch("unreachable") from None


def _server(access: Access) -> tuple[str, int]:
    """Host and port; those of the sandbox where an account of it names no port."""
    port = str(access.settings.get("imap_port") or (doubles.ports()[1] if access.is_sandbox else 993))
    return str(access.settings.get("imap_host", "")), int(port) if port.isdigit() else 993


def _one_line(text: str) -> str:
    """imaplib writes user name and password into the command as they are."""
    return re.sub(r"[\x00-\x1f\x7f]", "", text)


def _opened(client: imaplib.IMAP4, access: Access) -> tuple[int, int]:
    """Validity of the folder's numbers, and the next one. Opened for reading only."""
    folder = re.sub(r'[\x00-\x1f\x7f"\\]', "", str(access.settings.get("imap_folder") or "INBOX"))
    status, _data = client.select(f'"{folder}"', readonly=True)
    if status != "OK":
        raise CannotFetch("unreachable")
    return _number(client.response("UIDVALIDITY")[1]), max(_number(client.response("UIDNEXT")[1]), 1)


def _number(data: Any) -> int:
    found = re.search(rb"\d{1,10}", data[0]) if data and isinstance(data[0], bytes) else None
    return int(found[0]) if found else 1


def _waiting(client: imaplib.IMAP4, after: int, since: datetime | None) -> list[int]:
    """Uids after one, in order. "4:*" gives the last mail even where its uid is lower, so that is sorted out here."""
    wanted = f"UID {after + 1}:*" if since is None else f"SINCE {since.strftime('%d-%b-%Y')}"
    status, data = client.uid("SEARCH", wanted)
    if status != "OK":
        raise CannotFetch("unreachable")
    found = {int(one) for line in data or [] if line for one in re.findall(rb"\d{1,10}", line)}
    uids = sorted(uid for uid in found if uid > after)
    return uids[-_MOST_AGAIN:] if since is not None else uids


def _one(client: imaplib.IMAP4, uid: int, access: Access, at: datetime) -> Read:
    status, data = client.uid("FETCH", str(uid), "(RFC822.SIZE)")
    found = re.search(rb"RFC822\.SIZE (\d{1,12})", b" ".join(one for one in data or [] if isinstance(one, bytes)))
    is_cut = found is None or int(found[1]) > mail_reading.MOST_BYTES
    what = f"(BODY.PEEK[HEADER]<0.{_HEAD_BYTES}>)" if is_cut else f"(BODY.PEEK[]<0.{mail_reading.MOST_BYTES}>)"
    status, data = client.uid("FETCH", str(uid), what)
    content = next((one[1] for one in data or [] if isinstance(one, tuple)), b"")
    if status != "OK" or not content:
        return None  # deleted since
    return mail_reading.read(content, access, at=at, is_cut=is_cut)
