"""One e-mail as it leaves: plain text and simple HTML, attachments, one recipient, headers nobody can add to.

Header lines are written here one by one, each without line breaks, so that nothing that stands in a name, a subject or a variable becomes a
header. Nothing is loaded by who reads the mail: no pictures, no counting of openings.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from datetime import datetime
from email.header import Header
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime

from django.utils.translation import get_language_info

from amanat.core import html
from amanat.messaging.channels import mail_ids
from amanat.messaging.channels.contract import Access, Outgoing

MOST_BYTES = 20_000_000
_ADDRESS = re.compile(
    r"[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}"
)
_TYPE = re.compile(r"[a-z]+/[a-z0-9.+-]{1,80}")
#: The only headers that a message may bring along.
_ALLOWED = {"list-unsubscribe": "List-Unsubscribe", "list-unsubscribe-post": "List-Unsubscribe-Post",
            "auto-submitted": "Auto-Submitted", "precedence": "Precedence"}  # fmt: skip
_PLAIN_POLICY = SMTP.clone(cte_type="7bit")


class CannotBeMade(ValueError):
    """The message makes no mail; the text is a code: "bad_address", "no_unsubscribe", "empty", "too_large"."""


def is_address(text: str) -> bool:
    """Whether it is one address that every server takes: no name, no list, no comment, no letters outside ASCII."""
    return len(text) <= 254 and _ADDRESS.fullmatch(text) is not None and ".." not in text


def one_line(text: str, *, most: int = 200) -> str:
    """`text` without line breaks, control and direction characters, so that it is what it looks like. Joiners of Indian scripts stay."""
    kept = (
        " " if unicodedata.category(character) in {"Cc", "Zl", "Zp"} else character
        for character in text[: most * 2]
        if character in "\u200c\u200d" or unicodedata.category(character) not in {"Cf", "Cs", "Co", "Cn"}
    )
    return " ".join("".join(kept).split())[:most].strip()


def make(access: Access, message: Outgoing, *, at: datetime) -> tuple[str, bytes]:
    """The Message-ID and the whole mail, lines ended by CR LF. Raises CannotBeMade."""
    if not is_address(message.to) or not is_address(access.address):
        raise CannotBeMade("bad_address")
    if not message.text.strip() and not message.files:
        raise CannotBeMade("empty")
    if message.category == "marketing" and not _can_be_stopped(message.headers):
        raise CannotBeMade("no_unsubscribe")
    domain = access.address.rpartition("@")[2].lower()
    message_id = mail_ids.make(message.reference, workspace_id=access.workspace_id, to=message.to, domain=domain)
    head = "".join(f"{name}: {value}\r\n" for name, value in _head(access, message, message_id, at))
    content = head.encode("ascii") + _body(message).as_bytes(policy=_PLAIN_POLICY)
    if len(content) > MOST_BYTES:
        raise CannotBeMade("too_large")
    return message_id, content


def _can_be_stopped(headers: Mapping[str, str]) -> bool:
    """RFC 8058: an https address and the word that one click is enough."""
    lower = {name.lower(): value for name, value in headers.items()}
    return "http" in lower.get("list-unsubscribe", "") and "One-Click" in lower.get("list-unsubscribe-post", "")


def _head(access: Access, message: Outgoing, message_id: str, at: datetime) -> list[tuple[str, str]]:
    lines = [
        ("From", named(str(access.settings.get("from_name", "")), access.address)),
        ("To", f"<{message.to}>"),
        ("Subject", words(message.subject)),
        ("Date", format_datetime(at)),
        ("Message-ID", message_id),
        ("X-Amanat-Mail", message_id),  # stays where a provider gives an id of its own
    ]
    reply_to = str(access.settings.get("reply_to", ""))
    if is_address(reply_to):
        lines.append(("Reply-To", f"<{reply_to}>"))
    if answered := mail_ids.listed(message.answers):
        lines += [("In-Reply-To", answered[0]), ("References", " ".join(answered[:3]))]
    lines += [
        (_ALLOWED[name.lower()], one_line(value, most=900).encode("ascii", "ignore").decode())
        for name, value in message.headers.items()
        if name.lower() in _ALLOWED
    ]
    return lines


def named(name: str, address: str) -> str:
    """An address with a name before it, in whatever script."""
    shown = one_line(name, most=80)
    if not shown:
        return f"<{address}>"
    if not shown.isascii():
        return f"{words(shown)} <{address}>"
    return '"' + shown.replace("\\", "\\\\").replace('"', '\\"') + f'" <{address}>'


def words(text: str) -> str:
    """A header's text, encoded where it is not ASCII, folded as RFC 2047 asks."""
    plain = one_line(text)
    return (
        plain if plain.isascii() and "=?" not in plain else Header(plain, "utf-8", maxlinelen=70).encode(linesep="\r\n")
    )


def _body(message: Outgoing) -> EmailMessage:
    made = EmailMessage(policy=_PLAIN_POLICY)
    text = re.sub(r"[\x00-\x08\x0b\x0c\x0e-\x1f]", "", message.text.replace("\r\n", "\n").replace("\r", "\n"))
    made.set_content(text, cte="quoted-printable")
    made.add_alternative(_page(text, message.language), subtype="html", cte="quoted-printable")
    for one in message.files:
        kind = one.content_type if _TYPE.fullmatch(one.content_type) else "application/octet-stream"
        main, _slash, sub = kind.partition("/")
        if main in {"multipart", "message"}:
            main, sub = "application", "octet-stream"
        name = re.sub(r"[/\\:*?\"<>|]", "_", one_line(one.name, most=120)) or "file"
        made.add_attachment(one.content, maintype=main, subtype=sub, filename=name)
    return made


def _page(text: str, language: str) -> str:
    """The same text as a page of its own: no style, no picture, nothing that is loaded."""
    try:
        is_right = bool(get_language_info(language)["bidi"])
    except KeyError:
        is_right = False
    code = language if re.fullmatch(r"[A-Za-z-]{2,12}", language) else "en"
    direction = ' dir="rtl"' if is_right else ""
    return f'<!doctype html>\n<html lang="{code}"{direction}><body>{html.text_to_html(text)}</body></html>\n'
