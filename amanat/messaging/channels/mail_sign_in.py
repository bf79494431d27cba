"""Mailboxes whose provider takes no password of a program: the owner signs in there and lets us in (OAuth 2.0 with PKCE, RFC 6749, 7636).

The client id and secret are the owner's own, of an app she made at Google or Microsoft. What the provider gives for the sign-in, a token that
lasts and one for an hour, is sealed with the account's other secrets; the short one is made anew when it is about to end. When the provider
says that the permission is gone, the account stops with words that say where to sign in again.

Both mail protocols take the short token by XOAUTH2 (https://developers.google.com/workspace/gmail/imap/xoauth2-protocol).
"""

from __future__ import annotations

import base64
import hashlib
import secrets as randomness
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import quote, urlencode, urlsplit
from uuid import UUID

from django.conf import settings as site
from django.urls import reverse

from amanat.core import clock, outgoing, tenancy
from amanat.messaging.channels import accounts, doubles
from amanat.messaging.channels.contract import Access
from amanat.messaging.channels.models import ChannelAccount

RECIPIENT, SANDBOX = "mail sign-in", "mail sign-in sandbox"
#: What is sealed with the other secrets of an account, once somebody signed in.
REFRESH, TOKEN, UNTIL = "refresh_token", "access_token", "access_until"
#: A token that ends within this time is not used any more.
_SOON = timedelta(minutes=2)
#: What this process made lately, for an account that was opened before: its tokens, and the lasting one it was opened with.
_made: dict[UUID, dict[str, str]] = {}
_locks: dict[UUID, threading.Lock] = {}
_TIMEOUT = 15.0


class SignedOut(Exception):
    """Nobody signed in yet, or the provider took the permission back: only a person can mend it. `code` is one of `mail.words`."""

    def __init__(self, error: str) -> None:
        super().__init__(error)
        self.code = "client" if error in {"invalid_client", "unauthorized_client"} else "signed_out"


@dataclass(frozen=True, slots=True)
class House:
    """One provider: where its owners sign in, where tokens are given, and what is asked for."""

    title: str
    authorize: str
    token: str
    scope: str
    asks: Mapping[str, str]


def _google(access: Access | None) -> House:
    base = str(site.GOOGLE_SIGN_IN_URL)
    is_real = urlsplit(base).hostname == "accounts.google.com"
    return House(
        title="Google",
        authorize=f"{base}/o/oauth2/v2/auth",
        token="https://oauth2.googleapis.com/token" if is_real else f"{base}/token",
        scope="https://mail.google.com/",
        asks={"access_type": "offline", "prompt": "consent"},  # else a second sign-in gives no lasting token
    )


def _microsoft(access: Access | None) -> House:
    tenant = str(access.settings.get("tenant", "")) if access else ""
    base = f"{site.MICROSOFT_SIGN_IN_URL}/{quote(tenant or 'organizations', safe='')}/oauth2/v2.0"
    return House(
        title="Microsoft",
        authorize=f"{base}/authorize",
        token=f"{base}/token",
        scope="https://outlook.office.com/SMTP.Send https://outlook.office.com/IMAP.AccessAsUser.All offline_access",
        asks={"prompt": "select_account"},
    )


_HOUSES: Mapping[str, Callable[[Access | None], House]] = {"google_mail": _google, "microsoft_mail": _microsoft}


def house_of(access: Access) -> House | None:
    """The provider of an account that is signed in to, or None. A sandbox account has its double."""
    if access.provider not in _HOUSES:
        return None
    house = _HOUSES[access.provider](access)
    if access.is_sandbox:
        base = f"{doubles.url()}/sign-in"
        return replace(house, authorize=f"{base}/authorize", token=f"{base}/token")
    return house


def declare() -> None:
    """Who is asked for tokens: the two providers where the operator says they are; our doubles for sandbox accounts."""
    near = [urlsplit(base) for base in (str(site.GOOGLE_SIGN_IN_URL), str(site.MICROSOFT_SIGN_IN_URL))]
    is_private = any(one.scheme == "http" for one in near)
    outgoing.register_recipient(RECIPIENT, hosts=_hosts, allow_private=is_private, part_of="mail")
    outgoing.register_recipient(SANDBOX, hosts=doubles.places, allow_private=True)


def _hosts() -> set[str]:
    return {urlsplit(made(None).token).netloc for made in _HOUSES.values()}


def back_url() -> str:
    """Where the provider sends the owner back to; it has to be entered there."""
    return str(site.BASE_URL) + reverse("messaging:mail_sign_in_back")


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in under way: `url` is where the owner goes; `state` and `verifier` wait in her session until she is back."""

    url: str
    state: str
    verifier: str


def begin(house: House, access: Access) -> Begun:
    """The verifier never leaves this machine before the code has come back to it."""
    state, verifier = randomness.token_urlsafe(32), randomness.token_urlsafe(48)
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).decode().rstrip("=")
    asked = {
        "response_type": "code",
        "client_id": str(access.settings.get("client_id", "")),
        "redirect_uri": back_url(),
        "scope": house.scope,
        "state": state,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "login_hint": access.address,
        **house.asks,
    }
    return Begun(f"{house.authorize}?{urlencode(asked)}", state, verifier)


def finish(house: House, access: Access, *, code: str, verifier: str) -> dict[str, str]:
    """The tokens for a code. Raises SignedOut when the provider gives none, Unreachable or Refused."""
    found = _asked(house, access, {
        "grant_type": "authorization_code", "code": code, "redirect_uri": back_url(), "code_verifier": verifier,
    })  # fmt: skip
    if not found.get(REFRESH):
        raise SignedOut("no lasting token was given")
    return found


def token(house: House, access: Access, *, is_refused: bool = False) -> str:
    """The short token to sign in to the mail servers with, made anew where it has ended or `is_refused`.

    Asked outside of any transaction; many connections of an account that ask at once make one. Raises SignedOut, Unreachable or Refused.
    """
    asked_at = clock.now()
    with _locks.setdefault(access.account_id, threading.Lock()):
        known = _made.get(access.account_id, access.secrets)
        if known.get(REFRESH) != access.secrets.get(REFRESH) and known.get("of") != access.secrets.get(REFRESH):
            known = access.secrets  # somebody signed in again since
        until = datetime.fromisoformat(known[UNTIL]) if known.get(UNTIL) else None
        is_newer = known.get("made_at", "") > asked_at.isoformat()
        if until and until > asked_at + _SOON and (is_newer or not is_refused):
            return known[TOKEN]
        if not known.get(REFRESH):
            raise SignedOut("nobody signed in yet")
        wanted = {"grant_type": "refresh_token", "refresh_token": known[REFRESH], "scope": house.scope}
        found = _asked(house, access, wanted)
        keep(access.workspace_id, access.account_id, found)
        of = access.secrets.get(REFRESH, "")
        _made[access.account_id] = {**known, **found, "of": of, "made_at": clock.now().isoformat()}
        return found[TOKEN]


def keep(workspace_id: UUID, account_id: UUID, tokens: Mapping[str, str]) -> None:
    """Seal the tokens with the account's secrets; one that was given no new lasting token keeps the one it has."""
    with tenancy.inside(workspace_id):
        account = ChannelAccount.objects.of(workspace_id).select_for_update().filter(pk=account_id).first()
        if account is not None:
            accounts.keep_secrets(account=account, secrets=tokens)


def xoauth2(user: str, access_token: str) -> str:
    """What both protocols are told, before it is put into base64. Nothing in it may end a field early."""
    plain = "".join(letter for letter in user if letter >= " ")
    return f"user={plain}\x01auth=Bearer {access_token}\x01\x01"


def _asked(house: House, access: Access, wanted: Mapping[str, str]) -> dict[str, str]:
    """One request for tokens. Raises SignedOut for a permission that is gone, Unreachable for what another try may mend."""
    keys = {
        "client_id": str(access.settings.get("client_id", "")),
        "client_secret": access.secrets.get("client_secret", ""),
    }
    answer = outgoing.send(
        "POST", house.token, recipient=SANDBOX if access.is_sandbox else RECIPIENT, timeout=_TIMEOUT, max_bytes=100_000,
        headers={"content-type": "application/x-www-form-urlencoded", "accept": "application/json"},
        content=urlencode({**keys, **wanted}).encode(),
    )  # fmt: skip
    said = _read(answer)
    if answer.is_success and said.get("access_token"):
        until = clock.now() + timedelta(seconds=min(_seconds(said.get("expires_in")), 86_400))
        lasting = {REFRESH: str(said["refresh_token"])} if said.get("refresh_token") else {}
        return {TOKEN: str(said["access_token"]), UNTIL: until.isoformat(), **lasting}
    if answer.status in {400, 401, 403}:
        raise SignedOut(str(said.get("error", "")))
    raise outgoing.Unreachable(f"{house.title}: {answer.status}", reason=answer.text[:200], may_have_arrived=True)


def _read(answer: outgoing.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _seconds(said: Any) -> int:
    return int(said) if str(said).isdigit() else 3_000
