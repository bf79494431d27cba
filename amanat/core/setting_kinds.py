"""The kinds of values a setting may have: each reads a text, or says in the ValueError what to give instead."""

import ipaddress
from collections.abc import Callable
from datetime import datetime, time
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
from psycopg.conninfo import conninfo_to_dict

CHECKOUT = Path(__file__).resolve().parents[2]
Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _number(low: int, high: int) -> Callable[[str], int]:
    def parse(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ValueError("give a whole number") from None
        if not low <= value <= high:
            raise ValueError(f"give a number from {low} to {high}")
        return value

    return parse


def _choice(*choices: str) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text.lower() not in choices:
            raise ValueError(f"give one of {', '.join(choices)}")
        return text.lower()

    return parse


def _boolean(text: str) -> bool:
    return _choice("true", "false", "yes", "no", "1", "0")(text) in {"true", "yes", "1"}


def _switch(text: str) -> bool:
    return _choice("on", "off")(text) == "on"


def _hour(text: str) -> time:
    try:
        return datetime.strptime(text, "%H:%M").time()  # noqa: DTZ007 (a time of day, without a day)
    except ValueError:
        raise ValueError("give hours and minutes, such as 02:30") from None


def _path(text: str) -> Path | None:
    return (CHECKOUT / Path(text).expanduser()).absolute() if text else None


def _address(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.hostname or parts.path.strip("/") or parts.query):
        raise ValueError("give a scheme and a host only, such as https://crm.example.in")
    return text.rstrip("/")


def _database(text: str) -> str:
    try:
        database = conninfo_to_dict(text).get("dbname")
    except psycopg.ProgrammingError:
        database = None
    if text and not (database and text.startswith(("postgresql://", "postgres://"))):
        raise ValueError("give an address such as postgresql://user:password@host:5432/database")
    return text


def _networks(text: str) -> tuple[Network, ...]:
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())
    except ValueError:
        raise ValueError("give networks such as 10.0.0.0/8, separated by commas") from None


def _region(text: str) -> str:
    if not (len(text) == 2 and text.isascii() and text.isalpha()):
        raise ValueError("give a country code of two letters, such as IN")
    return text.upper()


def _id(text: str) -> str:
    try:
        return str(UUID(text)) if text else ""
    except ValueError:
        raise ValueError("give an id such as 019a5c1e-7c1f-7b3a-9d52-3f0c2b6f8a11") from None


KINDS: dict[str, Callable[[str], object]] = {
    "text": str,
    "folder": _path,
    "file": _path,
    "database": _database,
    "address": _address,
    "networks": _networks,
    "port": _number(1, 65534),
    "count": _number(1, 1024),
    "seconds": _number(-(10**10), 10**10),
    "boolean": _boolean,
    "switch": _switch,
    "hour": _hour,
    "nights": _number(1, 30),  # longer than that, and an erasure would not reach the backups within 30 days
    "days": _number(0, 30),  # likewise
    "region": _region,
    "id": _id,
    "tls": _choice("none", "starttls", "tls"),
    "sign-up": _choice("open", "closed"),
    "level": _choice("debug", "info", "warning", "error"),
}
