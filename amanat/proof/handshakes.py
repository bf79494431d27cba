"""Looking at our own door from outside: the public address is called as any browser calls it, through `core.outgoing`.

What is in front of this process (a proxy, a load balancer) ends the encryption, so no setting of ours says whether it holds. Nothing about
anybody is sent: a handshake, and the sign-in page.
"""

from __future__ import annotations

import re
import ssl
import warnings
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from django.conf import settings
from django.urls import reverse

from amanat.core import outgoing
from amanat.privacy.registers.contracts import OWN_DOOR

PATIENCE = 10.0  # seconds for each of the three calls
_AGE = re.compile(r"max-age=(\d+)")
_VERSIONS = {
    "1.0": ssl.TLSVersion.TLSv1, "1.1": ssl.TLSVersion.TLSv1_1, "1.2": ssl.TLSVersion.TLSv1_2, "1.3": ssl.TLSVersion.TLSv1_3,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Door:
    """What was seen. `version` is "" when no handshake came about: then `is_reached` says whether anybody took the call at all, and
    `problem` what was wrong in the words of the encryption. `remembered_days` is what browsers are told, 0 when they are told nothing."""

    is_reached: bool
    problem: str = ""
    version: str = ""  #: "1.3"
    days_left: int = 0
    takes_older: bool = False
    status: int = 0
    remembered_days: int = 0


def register() -> None:
    """Our own public address may be called, wherever it lies: the operator set it."""
    outgoing.register_recipient(OWN_DOOR, hosts=_hosts, allow_private=True)


def address() -> tuple[str, int]:
    """Host and port of the public address."""
    base = urlsplit(settings.BASE_URL)
    return base.hostname or "", base.port or (443 if base.scheme == "https" else 80)


def _hosts() -> tuple[str, ...]:
    host, port = address()
    return (f"[{host}]:{port}" if ":" in host else f"{host}:{port}",)


def look(*, least: str, at: datetime) -> Door:
    """A handshake with the public address, one that offers only versions below `least` ("1.2"), and the sign-in page."""
    try:
        version, ends_at = _shaken(outgoing.tls())
    except (outgoing.Refused, outgoing.Unreachable):
        return Door(is_reached=False)
    except (ssl.SSLError, OSError) as error:
        return Door(is_reached=True, problem=_words_of(error))
    door = Door(True, "", version, (ends_at - at) // timedelta(days=1), _takes_older(least))
    try:
        url = f"{settings.BASE_URL}{reverse('account_login')}"
        seen = outgoing.send("GET", url, recipient=OWN_DOOR, timeout=PATIENCE)
    except (outgoing.Refused, outgoing.Unreachable) as error:
        return Door(True, str(error), version, door.days_left, door.takes_older)
    told = _AGE.search(seen.headers.get("strict-transport-security", ""))
    days = int(told[1]) // 86_400 if told else 0
    return Door(True, "", version, door.days_left, door.takes_older, seen.status, days)


def _shaken(context: ssl.SSLContext) -> tuple[str, datetime]:
    """The version agreed on and the end of the certificate. Raises Refused, Unreachable, OSError (of which SSLError is one)."""
    host, port = address()
    with (
        closing(outgoing.connect(host, port, recipient=OWN_DOOR, timeout=PATIENCE)) as plain,
        context.wrap_socket(plain, server_hostname=host) as wrapped,
    ):
        ends = (wrapped.getpeercert() or {}).get("notAfter")
        seconds = ssl.cert_time_to_seconds(str(ends)) if ends else 0.0
        return (wrapped.version() or "").removeprefix("TLSv"), datetime.fromtimestamp(seconds, UTC)


def _takes_older(least: str) -> bool:
    """Whether a handshake comes about with what the policy calls too old. This side's certificates do not matter: nothing is said."""
    older = [version for name, version in _VERSIONS.items() if name < least]
    if not older:
        return False
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with warnings.catch_warnings():  # that these versions are out of date is the point
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version, context.maximum_version = older[0], older[-1]
    context.set_ciphers("ALL:@SECLEVEL=0")
    try:
        _shaken(context)
    except (outgoing.Refused, outgoing.Unreachable, OSError):
        return False
    return True


def _words_of(error: OSError) -> str:
    said = getattr(error, "verify_message", "") or getattr(error, "reason", "") or type(error).__name__
    return str(said).replace("_", " ").lower()


__all__ = ["Door", "address", "look", "register"]
