"""The receipt of a service record: what was done, for how much, what was paid and what is still owed.

One set of facts (`Receipt`), shown as a page to print (A4 or an 80 mm roll) and as PDF. typst sets the PDF, because it
shapes Devanagari as it must be; the faces lie in `fonts/`, so the result is the same on every machine.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import typst
from django.utils.formats import date_format
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.models import Workspace
from amanat.core import phones
from amanat.desk import amounts, veil
from amanat.desk.models import Payment, ServiceRecord
from amanat.people.masking import Guard
from amanat.web import formatting

FOLDER = Path(__file__).parent
FONTS = FOLDER / "fonts"
SHEET = FOLDER / "receipt.typ"
PAPERS = ("a4", "80mm")


@dataclass(frozen=True)
class Line:
    label: str
    text: str


@dataclass(frozen=True)
class Receipt:
    """Everything a receipt says, as text."""

    shop: str
    shop_lines: tuple[str, ...]
    title: str
    number: str
    day: str
    for_whom: tuple[Line, ...]
    service: str
    details: tuple[Line, ...]
    fee: str
    payments: tuple[Line, ...]
    paid: str
    balance: str
    is_paid: bool
    in_words: str
    words_label: str
    labels: dict[str, str]
    foot: str
    language: str


def of(
    *, record: ServiceRecord, payments: Sequence[Payment], workspace: Workspace, at: datetime, held: Guard | None = None
) -> Receipt:
    """The receipt as of now; cancelled payments are left out. `held` says what its reader does not see, None that she sees all."""
    held = (held or Guard()).about(record.contact_id)
    counted = [payment for payment in payments if payment.cancelled_at is None]
    language = get_language() or "en"
    zone = ZoneInfo(workspace.time_zone)
    return Receipt(
        shop=workspace.legal_name or workspace.name,
        shop_lines=_shop_lines(workspace),
        title=_("Receipt"),
        number=str(record.number),
        day=formatting.day(at.astimezone(zone).date()),
        for_whom=_for_whom(record, held),
        service=record.title if record.quantity == 1 else f"{record.title} × {record.quantity}",
        details=_details(record, held),
        fee=formatting.rupees(record.fee_paise, always_paise=True),
        payments=tuple(_payment_line(payment) for payment in counted),
        paid=formatting.rupees(record.paid_paise, always_paise=True),
        balance=formatting.rupees(record.fee_paise - record.paid_paise, always_paise=True),
        is_paid=record.paid_paise >= record.fee_paise,
        in_words=amounts.in_words(record.paid_paise, language),
        words_label=_("Paid in words"),
        labels={
            "service": _("Service"),
            "amount": _("Amount"),
            "fee": _("Fee"),
            "paid": _("Paid"),
            "balance": _("Still to pay"),
            "number": _("No."),
            "payments": _("Payments"),
            "signature": _("Signature"),
        },
        foot=_("Thank you. Keep this receipt till the work is done."),
        language=language.split("-", maxsplit=1)[0],
    )


def _shop_lines(workspace: Workspace) -> tuple[str, ...]:
    facts = [
        workspace.name if workspace.legal_name and workspace.legal_name != workspace.name else "",
        " ".join(workspace.address.split()) or workspace.place,
        " · ".join(filter(None, [_phone(workspace.phone), workspace.email])),
        _("CSC id %(id)s") % {"id": workspace.csc_id} if workspace.csc_id else "",
        _("VLE %(name)s") % {"name": workspace.vle_name} if workspace.vle_name else "",
        _("Registration %(number)s") % {"number": workspace.registration_number}
        if workspace.registration_number
        else "",
        _("GSTIN %(number)s") % {"number": workspace.gstin} if workspace.gstin else "",
    ]
    return tuple(fact for fact in facts if fact)


def _phone(text: str) -> str:
    return phones.international(text) if phones.is_e164(text) else text


def _for_whom(record: ServiceRecord, held: Guard) -> tuple[Line, ...]:
    if record.is_erased:
        return (Line(_("For"), record.for_whom),)
    lines = []
    if record.contact is not None:
        lines.append(Line(_("For"), record.contact.name))
        number = record.contact.main_phone
        if number and (text := held.shown("phones", phones.international(number))):
            lines.append(Line(_("Mobile"), text))
    if record.company is not None:
        lines.append(Line(_("Firm") if lines else _("For"), record.company.name))
        if record.company.gstin:
            lines.append(Line(_("GSTIN of the firm"), record.company.gstin))
    return tuple(lines)


def _details(record: ServiceRecord, held: Guard) -> tuple[Line, ...]:
    found = [Line(_("Status"), str(record.get_status_display()))]
    if acknowledgement := veil.shown(held, "acknowledgement", record.acknowledgement):
        found.append(Line(_("Acknowledgement"), acknowledgement))
    if record.due_on:
        found.append(Line(_("Expected by"), formatting.day(record.due_on)))
    if record.expires_on:
        found.append(Line(_("Valid until"), formatting.day(record.expires_on)))
    return tuple(found)


def _payment_line(payment: Payment) -> Line:
    parts = [date_format(payment.paid_on, "j M Y"), str(payment.get_method_display()), payment.reference]
    return Line(" · ".join(part for part in parts if part), formatting.rupees(payment.amount_paise, always_paise=True))


def pdf(receipt: Receipt, *, paper: str = "a4") -> bytes:
    """The receipt as PDF on one of `PAPERS`. The texts go in as values, never as source, so none can be typst code."""
    facts: dict[str, Any] = asdict(receipt) | {"paper": paper}
    made = typst.compile(
        str(SHEET), root=str(FOLDER), format="pdf", font_paths=[str(FONTS)], ignore_system_fonts=True,
        sys_inputs={"receipt": json.dumps(facts, ensure_ascii=False)},
    )  # fmt: skip
    assert isinstance(made, bytes)
    return made
