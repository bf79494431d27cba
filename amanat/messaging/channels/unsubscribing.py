"""Stop it by one click: the link in every offer and reminder, for people without an account (RFC 8058, law.md section 9).

A mail about what somebody asked for herself (a receipt, an answer) has no such link and no such header: a mail program's button would end her
own order's news for good. What was ended otherwise (a text message's link, STOP) she can allow again on the page of her choices.

The token says workspace, purpose, channel and address, sealed under a key of the workspace that outlives every rotation: nobody can make
one up, nobody else can read one, and it works when the person has long been erased here. Looking at the page changes nothing, for mail
scanners look at every link; the button, and the one-click call of a mail program, act at once and without a sign-in.

For a text message there is a short link (`short_link`): the number of its dispatch and a mark. Its template holds the place for it
(`stop_words`), for what the register has not seen does not arrive.
"""

from __future__ import annotations

import json
import os
from base64 import b32encode, urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import urljoin
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.db import connection, transaction
from django.urls import reverse
from django.utils import translation
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.translation import gettext as _

from amanat.accounts.models import Workspace
from amanat.basis import consent, hours, passcodes, rules, suppression
from amanat.basis.consent import How
from amanat.basis.models import ConsentRecord, Method, Suppression
from amanat.core import ledger, tenancy, vault
from amanat.messaging.channels import sms_register, stop_words
from amanat.messaging.channels.contract import Outgoing
from amanat.messaging.channels.models import Channel
from amanat.messaging.outbox.models import Dispatch

_NONCE = 12
_MARK = 6


class LinkRefused(Exception):
    """The token was not made here, was altered, or is of another workspace. Which is not told."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What shall end: messages to `address` (E.164 or e-mail) for a purpose over a channel."""

    workspace_id: UUID
    purpose: str
    channel: str
    address: str


def token(wish: Wish) -> str:
    """The token of a link; asked inside the workspace."""
    nonce = os.urandom(_NONCE)
    said = json.dumps([wish.purpose, wish.channel, wish.address], ensure_ascii=False, separators=(",", ":")).encode()
    sealed = nonce + _cipher(wish.workspace_id).encrypt(nonce, said, wish.workspace_id.bytes)
    return urlsafe_b64encode(sealed).decode().rstrip("=")


def read(text: str, *, workspace_id: UUID) -> Wish:
    """What a token says. Raises LinkRefused."""
    try:
        sealed = urlsafe_b64decode(text.encode("ascii") + b"=" * (-len(text) % 4))
        said = _cipher(workspace_id).decrypt(sealed[:_NONCE], sealed[_NONCE:], workspace_id.bytes)
        purpose, channel, address = json.loads(said)
    except (ValueError, InvalidTag, UnicodeError):
        raise LinkRefused from None
    return Wish(workspace_id, purpose, channel, address)


def _cipher(workspace_id: UUID) -> AESGCM:
    return AESGCM(vault.fingerprint_key(workspace_id, purpose="unsubscribe"))


def link(wish: Wish) -> str:
    """The address of the page, whole."""
    return urljoin(settings.BASE_URL, reverse("messaging:unsubscribe", args=[wish.workspace_id, token(wish)]))


def headers(whole_link: str) -> dict[str, str]:
    """The headers by which a mail program offers to end it with one click."""
    return {"List-Unsubscribe": f"<{whole_link}>", "List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}


def foot(whole_link: str, *, workspace: Workspace, language: str) -> str:
    """The last lines of an e-mail with an offer or a reminder: who writes, from where, and how it ends."""
    with translation.override(language):
        end = _("Do not send me this any more: %(link)s") % {"link": whole_link}
    place = ", ".join(line.strip() for line in (workspace.address or workspace.place).splitlines() if line.strip())
    return "\n".join(["", "", "--", workspace.legal_name or workspace.name, *([place] if place else []), end, ""])


def ends_by_link(in_force: rules.Rules, purpose: str) -> bool:
    """Whether messages for a purpose say how they end: those that rest on a yes, those that promote, and what the policy knows no more."""
    known = in_force.policy.purposes.get(purpose)
    return known is None or in_force.rests_on_consent(purpose) or known.term in hours.PROMOTION


class Dresser:
    """Gives mails that nobody asked for what they must carry. Asked inside the workspace; reads it once, however many mails."""

    def __init__(self, workspace_id: UUID) -> None:
        self._workspace_id = workspace_id
        self._workspace: Workspace | None = None
        self._rules: rules.Rules | None = None

    def dress(self, row: Dispatch, message: Outgoing) -> Outgoing:
        """`message` with headers and foot where it is an e-mail made of a template that nobody asked for, with the code of its link where it is such a text."""
        if row.channel == Channel.SMS and message.template:
            return _with_code(row, message)
        if row.channel != Channel.EMAIL or not message.template:
            return message
        if self._workspace is None or self._rules is None:
            self._workspace = Workspace.objects.of(self._workspace_id).get(pk=self._workspace_id)
            self._rules = rules.of(self._workspace_id)
        if not ends_by_link(self._rules, row.purpose):
            return message
        whole = link(Wish(self._workspace_id, row.purpose, row.channel, row.address))
        text = message.text.rstrip() + foot(whole, workspace=self._workspace, language=message.language)
        return replace(message, text=text, headers={**message.headers, **headers(whole)})


def _with_code(row: Dispatch, message: Outgoing) -> Outgoing:
    """The text with its own code, and how long the register lets its values be."""
    of = row.message.text_of
    limits = sms_register.fits(of.registered, of.body).limits if of is not None and of.registered else ()
    code = short_code(row.pk)
    values = [code if value == stop_words.CODE else value for value in message.values]
    return replace(message, text=message.text.replace(stop_words.CODE, code), values=values, limits=limits)


def short_link(dispatch_id: UUID) -> str:
    """The link for a text message."""
    return stop_words.address() + short_code(dispatch_id)


def short_code(dispatch_id: UUID) -> str:
    return urlsafe_b64encode(dispatch_id.bytes).decode().rstrip("=") + _mark(dispatch_id)


def read_short(code: str) -> Wish:
    """The wish behind a short link. Raises LinkRefused, also when the message is no longer kept."""
    dispatch_id = _id_in(code)
    with connection.cursor() as cursor:
        cursor.execute("SELECT workspace_of_dispatch(%s)", [dispatch_id])
        workspace_id = cursor.fetchone()[0]
    if workspace_id is None:
        raise LinkRefused
    with tenancy.inside(workspace_id):
        row = Dispatch.objects.of(workspace_id).filter(pk=dispatch_id).only("purpose", "channel", "address").first()
    if row is None:
        raise LinkRefused
    return Wish(workspace_id, row.purpose, row.channel, row.address)


def _id_in(code: str) -> UUID:
    try:
        dispatch_id = UUID(bytes=urlsafe_b64decode(code[:-_MARK].encode("ascii") + b"=="))
    except (ValueError, UnicodeError):
        raise LinkRefused from None
    if not constant_time_compare(code[-_MARK:], _mark(dispatch_id)):
        raise LinkRefused
    return dispatch_id


def _mark(dispatch_id: UUID) -> str:
    """30 bits: enough, for the number itself cannot be guessed."""
    digest = salted_hmac("amanat.messaging.unsubscribing", dispatch_id.hex, algorithm="sha256").digest()
    return b32encode(digest)[:_MARK].decode().lower()


def stop(wish: Wish, *, at: datetime) -> list[ConsentRecord]:
    """From `at` on nothing goes to the address for this purpose over this channel; whoever has it here took her yes back.

    It may be said any number of times. Returns the records of what was withdrawn now.
    """
    here, in_force = wish.workspace_id, rules.of(wish.workspace_id)
    records: list[ConsentRecord] = []
    with transaction.atomic():
        if wish.channel in _channels(in_force, wish.purpose):
            for person in passcodes.people_with(here, wish.address):
                stands = consent.standing(person, at=at).get((wish.purpose, wish.channel))
                if stands is None or stands.what != ConsentRecord.What.WITHDRAWN:
                    records += consent.withdraw(
                        contact=person, purpose=wish.purpose, channels=[wish.channel], how=How(Method.LINK), at=at
                    )
        added = suppression.add(
            [wish.address],
            workspace=here,
            reason=Suppression.Reason.OPT_OUT,
            at=at,
            purpose=wish.purpose,
            channel=wish.channel,
        )
        if records or added:
            ledger.write("messaging.unsubscribed", workspace=here, at=at, purpose=wish.purpose, channel=wish.channel)
    return records


def _channels(in_force: rules.Rules, purpose: str) -> tuple[str, ...]:
    known = in_force.policy.purposes.get(purpose)
    return tuple(known.per or ()) if known else ()
