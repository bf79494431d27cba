"""Why nothing would reach a person's number or address, said before somebody writes: since when, and what to do about it.

Whether it is sent, the gate decides when it leaves; this is what it would find now.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.basis.explaining import SENTENCES
from amanat.basis.gate import Answer
from amanat.basis.models import Suppression
from amanat.basis.suppression import Stop
from amanat.web import formatting

_WORDS: dict[str, Promise] = {
    Suppression.Reason.OPT_OUT: gettext_lazy(
        "It will not be sent: the person opted out (%(day)s). Ask what is wanted, and write the answer down on the contact page."
    ),
    Suppression.Reason.ERASED: gettext_lazy(
        "It will not be sent: the data of this number or address was erased (%(day)s). Only who asks for messages again gets them."
    ),
    Suppression.Reason.COMPLAINT: gettext_lazy(
        "It will not be sent: a complaint came from there (%(day)s). Speak with the person another way first."
    ),
    Suppression.Reason.UNREACHABLE: gettext_lazy(
        "It will not be sent: what is sent there comes back (since %(day)s). Ask the person for the right number or address."
    ),
    Suppression.Reason.CARRIER: gettext_lazy(
        "It will not be sent: the carrier refuses it there (since %(day)s). Ask the person for another number or address."
    ),
}


def against(stops: Sequence[Stop], address: str, *, purpose: str, channel: str, now: datetime) -> str:
    """What stands against writing to the address for the purpose over the channel, "" for nothing. Of several, the first that was."""
    standing = [stop for stop in stops if stop.address == address and stop.covers(purpose, channel)]
    if not standing:
        return ""
    first = min(standing, key=lambda stop: stop.at)
    return str(_WORDS[first.reason]) % {"day": formatting.short_day(first.at, now=now)}


def by_gate(answer: Answer | None) -> str:
    """What else the gate would say, "" where it has nothing against it at another hour."""
    if answer is None or answer.is_agreed:
        return ""
    return _("It will not be sent: %(why)s") % {"why": str(SENTENCES[answer.reason])}
