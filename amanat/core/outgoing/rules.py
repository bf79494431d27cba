"""Who may receive data, and at which addresses: what holds for a request before anything of it leaves."""

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import lru_cache
from uuid import UUID

import httpx

type Hosts = tuple[str, ...] | Callable[[], Collection[str]]

#: Any public host, on ports 80 and 443: for addresses that members type in, such as webhooks.
ANY_PUBLIC_HOST = "*"
_DEFAULT_PORTS = frozenset({80, 443})
#: A name or an address as it is resolved: no percent signs, no zones, nothing that two parsers could read differently.
_HOST = re.compile(r"[a-z0-9._-]{1,253}|[0-9a-f:.]{2,45}")
UNREACHED = "{host} could not be reached."
USER_AGENT = "Amanat"


class Refused(Exception):
    """We will not make this request: it breaks a rule of ours. Trying again changes nothing.

    `reason` is for the log and for operators only: shown to members it would describe the inside of the network.
    """

    def __init__(self, message: str, *, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message


class Unreachable(Exception):
    """The other side gave no usable answer; `may_have_arrived` tells whether it may have acted all the same."""

    def __init__(self, message: str, *, reason: str, may_have_arrived: bool) -> None:
        super().__init__(message)
        self.reason = reason
        self.may_have_arrived = may_have_arrived


class AnswerTooLarge(Unreachable):
    """The answer is larger than the caller allowed; the request itself has arrived."""


@dataclass(frozen=True)
class Recipient:
    """Somebody who may receive data. `hosts`: "host" (ports 80 and 443) or "host:port", or gives them when asked.

    "*.host" stands for every name below that one: for services that give each customer's data centre a name of its own.
    """

    name: str
    hosts: Hosts
    allow_private: bool
    allow_plain: bool
    ports: Collection[int] = ()  #: of hosts that were declared without one; none said: those of the web
    part_of: str = ""  #: the recipient as people are told of it, when this is a part of one

    def covers(self, host: str, port: int) -> bool:
        hosts = self.hosts() if callable(self.hosts) else self.hosts
        known = {entry.lower() for entry in hosts}
        if f"{_bracketed(host)}:{port}" in known:
            return True
        below = any(entry.startswith("*.") and host.endswith(entry[1:]) for entry in known)
        is_known = below or _bracketed(host) in known or ANY_PUBLIC_HOST in known
        return is_known and port in (self.ports or _DEFAULT_PORTS)


@dataclass(frozen=True)
class Disclosure:
    """Requests about to leave: to whom, where, how much, and about whom when the caller said so.

    A session tells of many `requests` at once before the first of them leaves, and at its end takes back those that did
    not (a number below zero) and tells the bytes of those that did.
    """

    recipient: str
    host: str
    method: str
    sent_bytes: int
    about: UUID | None
    requests: int = 1


_recipients: dict[str, Recipient] = {}
_disclosure_hooks: list[Callable[[Disclosure], None]] = []
_refusal_hooks: list[Callable[[str, str], None]] = []


def register_recipient(
    name: str,
    *,
    hosts: Hosts,
    allow_private: bool = False,
    allow_plain: bool = False,
    ports: Collection[int] = (),
    part_of: str = "",
) -> Recipient:
    """Declare `name` as somebody data may go to. Registering the same name again replaces it.

    `allow_private` is for a base URL that the operator set (a sandbox on this machine): it opens this machine and its
    network, never link-local or metadata addresses, and allows plain HTTP. Otherwise plain HTTP needs `allow_plain`.
    """
    if allow_private and not callable(hosts) and ANY_PUBLIC_HOST in hosts:
        raise ValueError("A recipient at any host cannot be on a private network.")
    recipient = Recipient(name, hosts, allow_private, allow_plain or allow_private, ports, part_of)
    _recipients[name] = recipient
    return recipient


def recipients() -> list[Recipient]:
    return sorted(_recipients.values(), key=lambda recipient: recipient.name)


def on_disclosure(hook: Callable[[Disclosure], None]) -> None:
    """Call `hook` before each request leaves. When it raises, the request is not made: nothing goes unrecorded."""
    if hook not in _disclosure_hooks:
        _disclosure_hooks.append(hook)


def on_refusal(hook: Callable[[str, str], None]) -> None:
    """Call `hook` with the recipient and the host of each request that is refused because neither was declared."""
    if hook not in _refusal_hooks:
        _refusal_hooks.append(hook)


def undeclared(recipient: str, host: str) -> None:
    for hook in _refusal_hooks:
        hook(recipient, host)


def declared(recipient: str, address: str) -> Recipient:
    """The recipient of this name, for a request to `address`. Raises Refused."""
    if recipient not in _recipients:
        undeclared(recipient, address.partition("//")[2].partition("/")[0])
        raise Refused(f"“{recipient}” is not a declared recipient.")
    return _recipients[recipient]


def declared_at(recipient: str, host: str, port: int) -> Recipient:
    """The recipient of this name, which must cover a server that speaks no HTTP. Raises Refused."""
    known = _recipients.get(recipient)
    if known is None or not _HOST.fullmatch(host) or not known.covers(host, port):
        undeclared(recipient, host[:255])
        raise Refused(UNREACHED.format(host=host), reason=f"{host}:{port} is no host of recipient {recipient}")
    return known


def disclose(disclosure: Disclosure) -> None:
    for hook in _disclosure_hooks:
        hook(disclosure)


def checked(url: str, recipient: Recipient) -> httpx.URL:
    """`url` parsed by the same code that connects, after every test that needs no resolver."""
    try:
        target = _parsed(url)
        host, port = host_of(target), port_of(target)
    except (httpx.InvalidURL, ValueError, TypeError) as error:
        raise Refused("This is not a valid web address.", reason=repr(error)) from None
    if target.scheme not in {"http", "https"} or not _HOST.fullmatch(host) or "\\" in url:
        raise Refused("This is not a valid web address.")
    if target.userinfo:
        raise Refused("A web address must not carry a user name or password.")
    if target.scheme == "http" and not recipient.allow_plain:
        raise Refused("Only HTTPS addresses are allowed here.")
    if not recipient.covers(host, port):
        undeclared(recipient.name, host)
        raise Refused(UNREACHED.format(host=host), reason=f"{host}:{port} is no host of recipient {recipient.name}")
    return target


@lru_cache(maxsize=256)
def _parsed(url: str) -> httpx.URL:
    """Remembered, for messages go to the same address one after the other."""
    return httpx.URL(url)


def host_of(url: httpx.URL) -> str:
    """The host as it will be resolved: ASCII, lower case, no final dot, no brackets."""
    return url.raw_host.decode("ascii").lower().rstrip(".")


def port_of(url: httpx.URL) -> int:
    return url.port or (443 if url.scheme == "https" else 80)


def origin_of(url: httpx.URL) -> tuple[str, str, int]:
    return (url.scheme, host_of(url), port_of(url))


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def joined(base: httpx.URL, location: str) -> httpx.URL:
    try:
        return base.join(location)
    except (httpx.InvalidURL, ValueError) as error:
        raise Refused("A redirect led to no valid web address.", reason=repr(error)) from None
