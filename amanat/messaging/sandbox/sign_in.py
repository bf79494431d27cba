"""A double of the sign-in at a mail provider (OAuth 2.0, RFC 6749, with PKCE, RFC 7636): a page that asks, codes that work once, tokens.

It knows one client. The mail servers beside it take its short tokens (`takes`). `withdraw` is what a person does in her account there: what
was given ends, and the next question for a token is answered with `invalid_grant`.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from html import escape
from urllib.parse import parse_qsl, urlencode

from amanat.messaging.sandbox.http import Reply, as_json

CLIENT, SECRET = "sandbox-client", "sandbox-secret"
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Sign-in of the sandbox</title><body style="font: 16px system-ui; max-width: 30em; margin: 3em auto; padding: 0 1em">
<h1>Sign-in of the sandbox</h1><p>The app <b>{client}</b> wants to read and send mail as <b>{who}</b>.</p>
<p>It asks for: {scope}</p><p><a href="{yes}">Allow</a></p><p><a href="{no}">Refuse</a></p></body></html>"""


@dataclass(frozen=True, slots=True)
class _Code:
    challenge: str
    redirect: str


@dataclass(slots=True)
class SignIn:
    """`seconds` is how long a short token lasts; `rotates` gives a new lasting one each time, as Microsoft does."""

    seconds: int = 3_600
    rotates: bool = False
    _codes: dict[str, _Code] = field(default_factory=dict)
    _lasting: set[str] = field(default_factory=set)
    _short: set[str] = field(default_factory=set)

    def takes(self, token: str) -> bool:
        """Whether a mail server lets somebody in with it."""
        return token in self._short

    def end_short(self) -> None:
        """The short tokens end before their time."""
        self._short.clear()

    def withdraw(self) -> None:
        """The person takes the permission back."""
        self._short.clear()
        self._lasting.clear()

    def answer(self, method: str, path: str, query: Mapping[str, str], body: bytes) -> Reply:
        """/authorize asks the person, /token gives tokens; /withdraw is for whoever runs it."""
        act = path.rpartition("/")[2]
        if act == "authorize" and method == "GET":
            return self._asked(query)
        if act == "token" and method == "POST":
            return self._token(dict(parse_qsl(body.decode("utf-8", "replace"))))
        if act == "withdraw" and method == "POST":
            self.withdraw()
            return as_json({})
        return as_json({"error": "not_found"}, 404)

    def _asked(self, query: Mapping[str, str]) -> Reply:
        back = query.get("redirect_uri", "")
        is_whole = query.get("response_type") == "code" and query.get("code_challenge_method") == "S256"
        if query.get("client_id") != CLIENT or not is_whole or not query.get("code_challenge") or "://" not in back:
            return Reply(400, b"This request is not complete.", {"content-type": "text/plain"})
        code = secrets.token_urlsafe(16)
        self._codes[code] = _Code(query["code_challenge"], back)
        state = query.get("state", "")
        page = _PAGE.format(
            client=escape(CLIENT), who=escape(query.get("login_hint", "")), scope=escape(query.get("scope", "")),
            yes=escape(f"{back}?{urlencode({'code': code, 'state': state})}"),
            no=escape(f"{back}?{urlencode({'error': 'access_denied', 'state': state})}"),
        )  # fmt: skip
        return Reply(200, page.encode(), {"content-type": "text/html; charset=utf-8", "referrer-policy": "no-referrer"})

    def _token(self, asked: Mapping[str, str]) -> Reply:
        if (asked.get("client_id"), asked.get("client_secret")) != (CLIENT, SECRET):
            return as_json({"error": "invalid_client"}, 401)
        known = asked.get("refresh_token", "")
        if asked.get("grant_type") == "refresh_token" and known in self._lasting:
            return self._given("" if not self.rotates else known)
        code = self._codes.pop(asked.get("code", ""), None)
        if asked.get("grant_type") != "authorization_code" or code is None or not _is_proven(code, asked):
            return as_json({"error": "invalid_grant", "error_description": "expired, used or withdrawn"}, 400)
        return self._given(secrets.token_urlsafe(8))

    def _given(self, before: str) -> Reply:
        """Tokens; with a lasting one where `before` says that there is to be a new one."""
        short, lasting = secrets.token_urlsafe(24), secrets.token_urlsafe(32)
        self._short.add(short)
        said = {"access_token": short, "expires_in": self.seconds, "token_type": "Bearer"}
        if before:
            self._lasting.discard(before)
            self._lasting.add(lasting)
            said["refresh_token"] = lasting
        return Reply(200, json.dumps(said).encode(), {"content-type": "application/json", "cache-control": "no-store"})


def _is_proven(code: _Code, asked: Mapping[str, str]) -> bool:
    """Whoever brings the code must also bring what its challenge was made of (RFC 7636, section 4.6)."""
    digest = hashlib.sha256(asked.get("code_verifier", "").encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")
    return challenge == code.challenge and asked.get("redirect_uri") == code.redirect
