"""Where the doubles of providers stand, which accounts of the sandbox may reach and nobody else: those of the setting, and a test's own."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.conf import settings

HOST = "127.0.0.1"
_others: set[str] = set()


def url() -> str:
    """Of the providers that speak HTTP."""
    return str(settings.SANDBOX_URL)


def ports() -> tuple[int, int]:
    """Of SMTP and IMAP: the two after the one of HTTP."""
    first = urlsplit(url()).port or 80
    return first + 1, first + 2


def places() -> set[str]:
    """All of them as "host:port"."""
    return {urlsplit(url()).netloc, *(f"{HOST}:{port}" for port in ports()), *_others}


def allow(place: str) -> None:
    """Let accounts of the sandbox connect to one more, such as "127.0.0.1:8123"."""
    _others.add(place)


def forbid(place: str) -> None:
    _others.discard(place)
