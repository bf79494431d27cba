"""How often somebody may guess a password, a code, a second factor; and how many codes one person is sent.

Each try is taken by one conditional statement before the secret is compared (`core.limits`), so parallel clients and
copies of a cookie share one count. What is counted together:

- Passwords, per account: 20 an hour for all places from which this account was never entered, together. A counter that
  stopped everybody would let a stranger lock the owner out by typing nonsense, so every network from which she signed in
  during the last 90 days has 20 tries of its own; they are forgotten when she gets in. Codes by e-mail and passkeys
  have counts of their own and stay open to her when passwords do not.
- Codes: 5 per code sent, whatever the number of clients. A new code can be asked for 10 times an hour per address or
  number, known or not, so 50 guesses an hour at one in a million.
- Second factors, per user: 5 a quarter of an hour in one session, 20 an hour, 60 a day. Only who knows the password gets here.
Callers are counted besides by their address (an IPv6 owner has a /64) on every route that takes a secret.
"""

from __future__ import annotations

import hashlib
from datetime import timedelta
from uuid import UUID

from django.db import connection

from amanat.accounts.models import SignIn
from amanat.core import clock, limits
from amanat.core.limits import Limit

FROM_ANYWHERE = Limit(20, timedelta(hours=1), per="account")
FROM_HOME = Limit(20, timedelta(hours=1), per="account at a known place")
PER_CODE = Limit(5, timedelta(minutes=30), per="code")
PER_SESSION = Limit(5, timedelta(minutes=15), per="session")
PER_USER = (Limit(20, timedelta(hours=1), per="user"), Limit(60, timedelta(days=1), per="user"))
SENDINGS = Limit(10, timedelta(hours=1), per="recipient")
KNOWN_FOR = timedelta(days=90)


class TooManyTries(Exception):
    """The count is used up. `retry_after` is in seconds."""

    def __init__(self, retry_after: int) -> None:
        self.retry_after = retry_after
        super().__init__(f"again in {retry_after} s")


def _take(name: str, whose: str, *counted: Limit) -> None:
    for limit in counted:
        verdict = limits.spend(name, whose, limit)
        if not verdict.allowed:
            raise TooManyTries(verdict.retry_after)


def password(*, email: str, address: str) -> None:
    """Take one try at the password of `email`, which need not exist. Raises TooManyTries."""
    network = limits.network_of(address)
    if is_known_place(email, network):
        _take("password", f"{email} {network}", FROM_HOME)
    else:
        _take("password", email, FROM_ANYWHERE)


def password_was_right(*, email: str, address: str) -> None:
    limits.forgive("password", f"{email} {limits.network_of(address)}", FROM_HOME)


def is_known_place(email: str, network: str) -> bool:
    """Whether the account was entered from this network within 90 days."""
    if network == "unknown":
        return False
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM accounts_signin s JOIN accounts_user u ON u.id = s.user_id "
            "WHERE u.email = %s AND s.outcome = %s AND s.at > %s AND s.address <<= %s::inet)",
            [email.strip().lower(), SignIn.Outcome.SIGNED_IN, clock.now() - KNOWN_FOR, network],
        )
        return bool(cursor.fetchone()[0])


def code(*, session_key: str, expected: str) -> None:
    """Take one try at the code that this session waits for; `expected` is empty where none was sent."""
    _take("code", f"{session_key} {hashlib.sha256(expected.encode()).hexdigest()}", PER_CODE)


def second_factor(*, user_id: UUID, session_key: str) -> None:
    _take("second factor", session_key, PER_SESSION)
    _take("second factor", str(user_id), *PER_USER)


def sending(recipient: str) -> None:
    """Take one sending to an e-mail address or number, whether or not somebody here has it."""
    _take("sending", recipient, SENDINGS)
