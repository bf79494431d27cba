"""A mail from outside, read without believing any of it: bounded in size, parts and depth, its HTML inert, its names without tricks.

What comes out is a message of a person, a report that one of our mails came back (RFC 3464), a complaint (RFC 5965), or nothing. Pictures
that lie elsewhere are links, not fetched. A mail that answers one of ours says so only where it names the Message-ID that we made for
this very sender.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email import message_from_bytes
from email.errors import MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses, parsedate_to_datetime
from html import unescape

from django.utils.translation import gettext as _

from amanat.core import html
from amanat.messaging.channels import mail_ids, mail_making
from amanat.messaging.channels.contract import Access, Arrived, Attached

MOST_BYTES = 25_000_000
MOST_PARTS = 200
MOST_DEPTH = 20
MOST_FILES = 20
#: Bytes of UTF-8.
MOST_TEXT = 90_000
MOST_HTML = 400_000
#: Beyond these a mail is not taken apart: each line and each boundary costs some microseconds. A file of 25 MB has 340,000 lines.
_MOST_LINES = 400_000
_MOST_HEAD = 100_000
_MOST_BOUNDARIES = 100
_MOST_SEPARATORS = 5_000
#: Deep nesting costs the cleaner the square of it: 8,000 tags take half a second.
_MOST_TAGS = 10_000
_OLDEST = timedelta(days=60)
#: Codecs that turn bytes into text in one pass. Others (punycode, unicode_escape, zip) are tricks.
_CHARSET = re.compile(
    r"(?:utf[-_]?8|utf[-_]?16(?:le|be)?|us-ascii|ascii|iso[-_]8859[-_]\d{1,2}|latin-?1|(?:windows|cp)[-_]?125\d|koi8[-_][ru]|"
    r"gb2312|gbk|gb18030|big5|shift[-_]jis|euc[-_](?:jp|kr)|iso-2022-jp|tis-620)",
    re.IGNORECASE,
)
_MACHINES = ("mailer-daemon", "postmaster")


@dataclass(frozen=True, slots=True)
class Bounce:
    """One of our mails, by its Message-ID, came back or waits. `status` is the enhanced code; `is_final`: it will not arrive."""

    message_id: str
    status: str
    is_final: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Complaint:
    """Who got one of our mails told her provider that it is unwanted."""

    message_id: str
    at: datetime


type Read = Arrived | Bounce | Complaint | None


def read(content: bytes, access: Access, *, at: datetime, is_cut: bool = False) -> Read:
    """What a mail says; None when it is our own, or a machine's that says nothing we can use. `at` is now."""
    try:
        made = _parsed(content)
        report = _report(made, at)
        return report if report is not None else _arrived(made, content, access, at, is_cut)
    except (MessageError, ValueError, LookupError, TypeError, RecursionError, AttributeError, AssertionError):
        return None


def _parsed(content: bytes) -> Message:
    """Of a mail that was made to cost much, the beginning of its head alone."""
    if not _is_costly(content):
        return message_from_bytes(content)
    head = content[:_MOST_HEAD].replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    head = re.sub(rb"(?im)^content-(?:type|transfer-encoding):[^\n]*(?:\n[ \t][^\n]*)*\n?", b"", head)
    return message_from_bytes(head + b"\n\n" + _("This mail cannot be shown here.").encode())


def _is_costly(content: bytes) -> bool:
    return (
        len(content) > MOST_BYTES
        or content.count(b"\n") > _MOST_LINES
        or content.count(b"\n--") > _MOST_SEPARATORS
        or len(re.findall(rb"boundary\s*=", content, re.IGNORECASE)) > _MOST_BOUNDARIES
    )


# --- reports -------------------------------------------------------------------------------------------------------


def _report(made: Message, at: datetime) -> Bounce | Complaint | None:
    if made.get_content_type() != "multipart/report":
        return None
    kind = str(made.get_param("report-type", "") or "").lower()
    parts = list(_parts(made))
    message_id = _original(parts)
    if not message_id:
        return None
    if kind == "feedback-report":
        fields = _fields(parts, "message/feedback-report")
        is_abuse = any(one.get("feedback-type", "").lower() in {"abuse", "fraud", "other"} for one in fields)
        return Complaint(message_id, at) if is_abuse else None
    for one in _fields(parts, "message/delivery-status"):
        action, status = one.get("action", "").lower(), one.get("status", "").split(" ")[0]
        if action in {"failed", "delayed"} and re.fullmatch(r"[45]\.\d{1,3}\.\d{1,3}", status):
            return Bounce(message_id, status, action == "failed", at)
    return None


def _fields(parts: list[Message], kind: str) -> list[Mapping[str, str]]:
    """The blocks of fields in parts of a kind; the parser gives some as a list of messages, some as text."""
    found: list[Mapping[str, str]] = []
    for part in parts:
        if part.get_content_type() != kind:
            continue
        payload = part.get_payload()
        blocks = payload if isinstance(payload, list) else [message_from_bytes(_bytes(part)[:50_000])]
        for block in blocks[:20]:
            if isinstance(block, Message):
                found.append({name.lower(): _plain(str(value)) for name, value in block.items()[:100]})
                inner = block.get_payload()
                if isinstance(inner, str) and ":" in inner:
                    found.append({name.lower(): str(value) for name, value in message_from_bytes(inner[:50_000].encode("utf-8", "replace")).items()})  # fmt: skip
    return found


def _original(parts: list[Message]) -> str:
    """The Message-ID of the mail that the report is about, if it looks like ours."""
    for part in parts:
        heads: list[Message] = []
        if part.get_content_type() == "text/rfc822-headers":
            heads = [message_from_bytes(_bytes(part)[:50_000])]
        elif part.get_content_type() == "message/rfc822":
            payload = part.get_payload()
            heads = [one for one in payload if isinstance(one, Message)] if isinstance(payload, list) else []
        for head in heads:
            for one in mail_ids.listed(str(head.get("X-Amanat-Mail", "")), str(head.get("Message-ID", ""))):
                if mail_ids.reference_in(one):
                    return one
    return ""


# --- messages of people --------------------------------------------------------------------------------------------


def _arrived(made: Message, content: bytes, access: Access, at: datetime, is_cut: bool) -> Arrived | None:
    name, sender = _sender(made)
    if not sender or sender == access.address.lower() or sender.partition("@")[0] in _MACHINES:
        return None
    text, page, files = _contents(made)
    if is_cut:
        text = _("This mail is larger than 25 MB. Read it in the mailbox.")
        page, files = "", []
    earlier = mail_ids.listed(str(made.get("In-Reply-To", "")), str(made.get("References", "")))
    ours = [one for one in earlier if mail_ids.is_ours(one, workspace_id=access.workspace_id, to=sender)]
    own = mail_ids.listed(str(made.get("Message-ID", "")))
    return Arrived(
        provider_id=own[0] if own else f"<{hashlib.sha256(content).hexdigest()}@none>",
        sender=sender,
        at=_date(made, at),
        text=_cut(text, MOST_TEXT),
        kind="text" if text.strip() or page or not files else "media",
        name=name,
        subject=_plain(str(made.get("Subject", "")), most=200),
        html=page,
        answers=ours[0] if ours else "",
        files=files,
        references=ours,
    )


def _sender(made: Message) -> tuple[str, str]:
    """Name and address; none where the mail names several senders, or one that cannot be answered."""
    froms = made.get_all("From", [])
    if len(froms) != 1:
        return "", ""
    found = getaddresses([str(froms[0])[:1_000].replace("\r", "").replace("\n", "")])
    if len(found) != 1 or not mail_making.is_address(found[0][1]):
        return "", ""
    return _plain(found[0][0], most=120), found[0][1].lower()


def _plain(text: str, *, most: int = 200) -> str:
    """A header in clear, in one line, without control and direction characters."""
    try:
        pieces = [
            part if isinstance(part, str) else _decoded(part, charset) for part, charset in decode_header(text[:3_000])
        ]
        text = "".join(pieces)
    except (ValueError, LookupError, MessageError):
        text = text[:3_000]
    return mail_making.one_line(text.encode("utf-8", "replace").decode(), most=most)


def _date(made: Message, at: datetime) -> datetime:
    """When it was written, where that is believable: not in the future, not long ago."""
    try:
        said = parsedate_to_datetime(str(made.get("Date", ""))[:100])
    except (ValueError, TypeError, OverflowError):
        return at
    if said.tzinfo is None:
        return at
    return said.astimezone(at.tzinfo) if at - _OLDEST < said <= at else at


def _parts(made: Message) -> Iterator[Message]:
    """The parts that hold something, in order, without recursion; what lies too deep or comes too late is not there."""
    waiting, seen = [(made, 0)], 0
    while waiting and seen < MOST_PARTS:
        part, depth = waiting.pop()
        seen += 1
        payload = part.get_payload()
        is_mail = part.get_content_type() in {"message/rfc822", "message/delivery-status", "message/feedback-report"}
        if isinstance(payload, list) and not is_mail:
            if depth < MOST_DEPTH:
                inner = [one for one in payload if isinstance(one, Message)][: MOST_PARTS - seen]
                waiting += [(one, depth + 1) for one in reversed(inner)]
        else:
            yield part


def _contents(made: Message) -> tuple[str, str, list[Attached]]:
    """The first text, the first page, and the files."""
    text = page = ""
    files: list[Attached] = []
    for part in _parts(made):
        kind = part.get_content_type()
        is_file = part.get_content_disposition() == "attachment" or part.get_filename() is not None
        if kind == "text/plain" and not is_file and not text:
            text = _decoded(_bytes(part), part.get_content_charset()).replace("\r\n", "\n")
        elif kind == "text/html" and not is_file and not page:
            page = _page(_decoded(_bytes(part), part.get_content_charset()))
        elif is_file and len(files) < MOST_FILES:
            files.append(Attached(_name(part), kind[:100], _bytes(part)))
    return re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", text) or _text_of(page), page, files


def _page(source: str) -> str:
    """Inert: nothing that runs, styles or loads is left (`core.html`). Of a page that is no letter any more, its words alone."""
    if source.count("<") > _MOST_TAGS or len(source) > html.MOST_CHARACTERS:
        return html.text_to_html(re.sub(r"<[^<>]*>", " ", source[: html.MOST_CHARACTERS])[:MOST_TEXT])
    made = html.clean(html.with_links_to_pictures(source, word=_("Picture")))
    return made if len(made.encode("utf-8", "replace")) <= MOST_HTML else ""


def _text_of(page: str) -> str:
    """The words of a cleaned page."""
    spaced = re.sub(r"<(?:br|/p|/li|/h3|/h4|/blockquote)[^<>]*>", "\n", page)
    return re.sub(r"\n{3,}", "\n\n", unescape(re.sub(r"<[^<>]*>", "", spaced))).strip()


def _name(part: Message) -> str:
    try:
        name = part.get_filename() or ""
    except (ValueError, LookupError, TypeError):
        name = ""
    return re.sub(r"[/\\]", "_", _plain(str(name), most=150)) or "file"


def _bytes(part: Message) -> bytes:
    try:
        payload = part.get_payload(decode=True)
    except (ValueError, LookupError):
        return b""
    return payload if isinstance(payload, bytes) else b""


def _decoded(content: bytes, charset: str | None) -> str:
    known = charset if charset and _CHARSET.fullmatch(charset) else "utf-8"
    return content[:2_000_000].decode(known, "replace")


def _cut(text: str, most: int) -> str:
    """At most `most` bytes of UTF-8."""
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")
