"""The only way out: every HTTP request this server makes to another machine goes through `send` or a `session`.

What holds for all of them: the host belongs to a declared recipient; the address is resolved once, checked, and that
very address is connected to (a name that changes its answer between check and use gains nothing); no proxy from the
environment, no cookies, no redirect unless asked for and then each hop checked again; a limit on time as a whole, and
on the size of the answer both as received and unpacked. A refused address and one where nobody listens give the same
text, so that the answer is no port scanner.

A `session` is for many requests to one recipient: the same tests for each request, on connections that are kept
(`core.keptlines`). A kept connection leads to the address that was checked when it was opened, and nowhere else.
"""

from amanat.core.outgoing.connections import Patience, tls, waited_for
from amanat.core.outgoing.rules import (
    ANY_PUBLIC_HOST,
    AnswerTooLarge,
    Disclosure,
    Hosts,
    Recipient,
    Refused,
    Unreachable,
    on_disclosure,
    on_refusal,
    recipients,
    register_recipient,
)
from amanat.core.outgoing.sending import Response, connect, send
from amanat.core.outgoing.sessions import Session, session

__all__ = [
    "ANY_PUBLIC_HOST",
    "AnswerTooLarge",
    "Disclosure",
    "Hosts",
    "Patience",
    "Recipient",
    "Refused",
    "Response",
    "Session",
    "Unreachable",
    "connect",
    "on_disclosure",
    "on_refusal",
    "recipients",
    "register_recipient",
    "send",
    "session",
    "tls",
    "waited_for",
]
