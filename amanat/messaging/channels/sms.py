"""What is true of every text message: how long it is on the air, what the register of templates (DLT) asks, which header may carry what.

In India an SMS of a business leaves only under a registered sender (entity id), from a registered header, with the text of a registered
template; the operator compares them and drops what differs (TRAI TCCCPR 2018; law.md, section 5). The operator adds -P, -S or -T behind the
header by the template's class: promotional, service, transactional.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.utils.translation import gettext as _

from amanat.core import outgoing
from amanat.messaging.channels import doubles, stop_words
from amanat.messaging.channels.contract import Access, Answer, Outcome, Outgoing

#: Name of the carrier in `core.outgoing` and in the policy's recipients.
RECIPIENT = "carrier"
#: A variable of a registered template takes this many characters.
MOST_OF_A_VARIABLE = 30
MOST_PARTS = 10
#: GSM 03.38: one septet each, and those that take two.
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§"
    "¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("\f^{}\\[~]|€")
_PLACE = re.compile(r"\{\{\s*(\d{1,2})\s*\}\}")
_HEADER = re.compile(r"[A-Za-z0-9]{3,11}(?:-[PSTG])?")


class HeaderClass(StrEnum):
    """What the header was registered for."""

    PROMOTIONAL = "promotional"
    SERVICE = "service"
    TRANSACTIONAL = "transactional"


_SUFFIX = {"P": HeaderClass.PROMOTIONAL, "S": HeaderClass.SERVICE, "T": HeaderClass.TRANSACTIONAL}
#: Which headers may carry a template of a category. A text with an offer is promotional wherever it stands.
_CARRIES = {
    "marketing": {HeaderClass.PROMOTIONAL},
    "utility": {HeaderClass.SERVICE, HeaderClass.TRANSACTIONAL},
    "authentication": {HeaderClass.SERVICE, HeaderClass.TRANSACTIONAL},
}


@dataclass(frozen=True, slots=True)
class Length:
    """How long a text is. `parts` are what is paid for; `is_unicode` halves what fits and more."""

    characters: int
    is_unicode: bool
    parts: int


def length(text: str) -> Length:
    """160 septets fit into one part and 153 into each of several; with any character outside GSM 03.38, 70 and 67 of UTF-16."""
    if all(character in _BASIC or character in _EXTENDED for character in text):
        septets = sum(2 if character in _EXTENDED else 1 for character in text)
        return Length(len(text), False, _parts(septets, 160, 153))
    return Length(len(text), True, _parts(len(text.encode("utf-16-be")) // 2, 70, 67))


def _parts(units: int, alone: int, together: int) -> int:
    return 1 if units <= alone else -(-units // together)


def filled(body: str, values: Sequence[str]) -> str:
    """A template's text with these values in its places ({{1}}, {{2}}); what has no value stays as it is written."""
    return _PLACE.sub(lambda at: values[int(at[1]) - 1] if 1 <= int(at[1]) <= len(values) else at[0], body)


@dataclass(frozen=True, slots=True)
class Measure:
    """How long a template's texts get: with its examples, and at most, when every value is as long as the register lets it be."""

    shown: Length
    most: Length


def measure(body: str, examples: Sequence[str], limits: Sequence[int] = ()) -> Measure:
    """`limits` are those of the variables in their order; `MOST_OF_A_VARIABLE` where nothing is said."""
    count = max((int(one) for one in _PLACE.findall(body)), default=0)
    given = [*examples, *["x" * MOST_OF_A_VARIABLE] * (count - len(examples))]
    longest = ["x" * (limits[place] if place < len(limits) else MOST_OF_A_VARIABLE) for place in range(count)]
    return Measure(length(filled(body, given)), length(filled(body, longest)))


def header_class(access: Access) -> HeaderClass | None:
    """The class of the account's header: its suffix says it, else the owner did. None where neither did."""
    suffix = access.address.rpartition("-")[2] if "-" in access.address else ""
    if suffix in _SUFFIX:
        return _SUFFIX[suffix]
    said = str(access.settings.get("header_class", ""))
    return HeaderClass(said) if said in set(HeaderClass) else None


def header(access: Access) -> str:
    """The header as it is registered, without the operator's suffix."""
    return access.address.rpartition("-")[0] if re.search(r"-[PSTG]$", access.address) else access.address


def is_header(text: str) -> bool:
    return _HEADER.fullmatch(text) is not None


def takes_registered_only(number: str) -> bool:
    """Whether a number (E.164) gets only the texts of registered templates: the register is India's."""
    return number.startswith("+91")


def refusal(access: Access, message: Outgoing) -> Answer | None:
    """Why this message must not even be tried, or None. Whether it is the hour for it is the gate's question."""
    code = _fault(access, message)
    return Answer(Outcome.REFUSED, code=code) if code else None


def _fault(access: Access, message: Outgoing) -> str:
    is_registered = takes_registered_only(message.to)
    faults = {
        "empty": not message.text.strip(),
        "too_long": length(message.text).parts > MOST_PARTS,
        "no_template": is_registered and not message.template_id,
        "value_too_long": is_registered and _is_over(message),
        "other_text": is_registered and not _in_order(message.values, message.text),
        "no_stop": message.category == "marketing" and not stop_words.are_in(message.text),
        "header_class": is_registered and header_class(access) not in _CARRIES.get(message.category, set()),
    }
    return next((code for code, is_true in faults.items() if is_true), "")


def _is_over(message: Outgoing) -> bool:
    limits = [*message.limits, *[MOST_OF_A_VARIABLE] * (len(message.values) - len(message.limits))]
    return any(len(value) > most for value, most in zip(message.values, limits, strict=False))


def _in_order(values: Sequence[str], text: str) -> bool:
    """A cheap look at the last moment that the text was made of these values; the register is asked when it is written."""
    return all(value in text for value in values)


def words(code: str) -> tuple[str, str] | None:
    """What our own codes mean and what to do, or None for a code of the provider's."""
    return {
        "empty": (_("The text is empty."), _("Write something.")),
        "too_long": (_("The text is longer than ten parts."), _("Make it shorter.")),
        "no_template": (
            _("An SMS in India needs a template registered with DLT."),
            _("Register the text and enter its template id."),
        ),
        "value_too_long": (
            _(
                "A value is longer than the registered variable takes, which is 30 characters unless the register says more."
            ),
            _("Shorten the value, or register the template with two variables there."),
        ),
        "other_text": (
            _("The text differs from the registered template."),
            _("Send the text exactly as it was registered."),
        ),
        "no_stop": (
            _("An offer must say how such messages end."),
            _("Put the link that ends them, or the words your operator registered, into the text."),
        ),
        "header_class": (
            _("This header is not registered for this kind of text."),
            _("Offers need a promotional header (-P), everything else a service or transactional one."),
        ),
        "unreachable": (_("The provider could not be reached."), _("It is tried again by itself.")),
        "no_answer": (
            _("The connection broke before the provider answered."),
            _("Whether it was sent shows in the provider's report; until then it is not tried again."),
        ),
        "refused_address": (
            _("The provider's address is not one this server may call."),
            _("Enter a public https address."),
        ),
        "odd_answer": (
            _("The provider answered in a way this account does not know."),
            _("Check the mapping of the answer in the account's settings."),
        ),
        "credentials": (_("The provider did not accept the key."), _("Enter the key again.")),
        "balance": (_("The account at the provider has no credit."), _("Add credit there, then resume the account.")),
        "dnd": (
            _("The person registered not to receive such messages."),
            _("Nothing to do: it is kept, and no offer goes there any more."),
        ),
        "blocked": (_("The operator blocked this number."), _("Ask the person for another number.")),
        "rejected": (
            _("The operator rejected the text."),
            _("Compare entity id, header and template with the register."),
        ),
        "failed": (_("The phone could not be reached."), _("Ask the person whether the number is right.")),
    }.get(code)


def double_of(access: Access) -> str:
    """The recipient for calls of a sandbox account; "" for every other."""
    return f"{RECIPIENT} sandbox" if access.is_sandbox else ""


def declare() -> None:
    """Who is written to: any provider the owner names, on public addresses with https; doubles on this machine for sandbox accounts."""
    outgoing.register_recipient(RECIPIENT, hosts=(outgoing.ANY_PUBLIC_HOST,))
    outgoing.register_recipient(f"{RECIPIENT} sandbox", hosts=doubles.places, allow_private=True)
