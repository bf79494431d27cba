"""Limits that hold under parallel clients: each try is one conditional SQL statement, never read-then-write.

A limit is a number of tries in a fixed window that starts with the first try. Counts live in an UNLOGGED table. Those that routes
name are taken before the request's transaction begins, so that a refused request counts too. A rule that counts inside a transaction
counts with it: when that is taken back, so is the try. It may do so where what the try costs (a message that leaves, a guess that is
answered) is taken back with it, or where its view lets a refusal commit.

Who is counted stands in the table as a keyed hash: numbers and addresses can all be guessed, and a plain hash of them looked up.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import ipaddress
import math
import threading
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import connection

from amanat.core import clock


@dataclass(frozen=True)
class Limit:
    """At most `tries` in `window`, counted per `per`: "address", "account" (the typed e-mail or phone), "session", "member"
    or "token" (the API's)."""

    tries: int
    window: timedelta
    per: str = "address"
    #: Routes whose limits have the same name share one count; without one, each route counts by itself.
    name: str = ""
    #: The methods that are counted, where they are not those the route names.
    methods: tuple[str, ...] = ()
    #: A process takes so many tries by one statement and spends them without another, for callers who come hundreds of times a second.
    #: What it does not spend in the window is lost, so that never more are allowed than `tries`.
    at_once: int = 1


@dataclass(frozen=True)
class Verdict:
    allowed: bool
    tries: int  #: taken in this window, this one included
    retry_after: int  #: seconds until the window ends


@dataclass(slots=True)
class _Portion:
    """Tries that this process has taken and not spent."""

    left: int
    taken: int  #: in this window, by all
    ends: datetime


_portions: dict[str, _Portion] = {}
_guard = threading.Lock()
_MOST_PORTIONS = 1_000


def spend(name: str, whose: str, limit: Limit, *, cost: int = 1) -> Verdict:
    """Take one try, or `cost` of them; `whose` is hashed under a key, so no address or e-mail is stored.

    The statement increments and decides at once: of 40 parallel tries with a limit of 5, exactly 5 are allowed.
    """
    if limit.at_once <= cost:
        return _spend(name, whose, limit, cost)
    key, now = _key(name, whose, limit), clock.now()
    with _guard:
        portion = _portions.get(key)
        if portion is not None and portion.left >= cost and now < portion.ends:
            portion.left -= cost
            return Verdict(True, portion.taken - portion.left, max(1, math.ceil((portion.ends - now).total_seconds())))
    verdict = _spend(name, whose, limit, limit.at_once)
    with _guard:
        if len(_portions) >= _MOST_PORTIONS:
            _portions.clear()
        left = limit.at_once - cost if verdict.allowed else 0
        _portions[key] = _Portion(left, verdict.tries, now + timedelta(seconds=verdict.retry_after))
    return verdict


def _spend(name: str, whose: str, limit: Limit, cost: int) -> Verdict:
    now = clock.now()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO core_limitcount AS l (key, tries, window_ends_at) VALUES (%(key)s, %(cost)s, %(ends)s)
            ON CONFLICT (key) DO UPDATE SET
                tries = CASE WHEN l.window_ends_at <= %(now)s THEN %(cost)s ELSE l.tries + %(cost)s END,
                window_ends_at = CASE WHEN l.window_ends_at <= %(now)s THEN %(ends)s ELSE l.window_ends_at END
            RETURNING tries, window_ends_at
            """,
            {"key": _key(name, whose, limit), "cost": cost, "now": now, "ends": now + limit.window},
        )
        tries, ends = cursor.fetchone()
    return Verdict(tries <= limit.tries, tries=tries, retry_after=max(1, math.ceil((ends - now).total_seconds())))


def forgive(name: str, whose: str, limit: Limit) -> None:
    """Forget the tries, after a success that proves who it was."""
    with _guard:
        _portions.pop(_key(name, whose, limit), None)
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM core_limitcount WHERE key = %s", [_key(name, whose, limit)])


def sweep() -> int:
    """Delete windows that have ended; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM core_limitcount WHERE window_ends_at < %s", [clock.now()])
        return int(cursor.rowcount)


def _key(name: str, whose: str, limit: Limit) -> str:
    digest = hmac.new(_secret(settings.SECRET_KEY), whose.strip().lower().encode(), hashlib.sha256).hexdigest()[:40]
    return f"{name}:{limit.per}:{int(limit.window.total_seconds())}:{digest}"


@functools.cache
def _secret(of: str) -> bytes:
    """The installation's key for this. It lies outside the database; where it is changed, the windows begin anew."""
    return hashlib.sha256(b"amanat.core.limits:" + of.encode()).digest()


def network_of(address: str) -> str:
    """What counts as one caller: an IPv4 address, or the /64 of an IPv6 one, whose owner has all of it."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return "unknown"
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)
