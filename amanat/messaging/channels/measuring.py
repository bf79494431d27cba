"""What the writer of a text message is told while it is written: its parts, what they cost, and where it parts from the register."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from uuid import UUID

from amanat.messaging.channels import accounts, sms, sms_register
from amanat.messaging.channels.models import Channel, ChannelAccount
from amanat.messaging.channels.sms import Length

#: Texts whose price is told: that of one is less than a rupee.
_MANY = 100


@dataclass(frozen=True, slots=True)
class Measured:
    """`price_paise` is of a hundred such texts, None where nobody said what a part costs. `is_registered` says whether a wording was given."""

    shown: Length
    most: Length
    difference: str
    is_registered: bool
    price_paise: int | None

    @property
    def is_too_long(self) -> bool:
        return self.shown.parts > sms.MOST_PARTS

    @property
    def may_grow(self) -> bool:
        return self.most.parts > self.shown.parts


def of(workspace_id: UUID, body: str, examples: str = "", registered: str = "") -> Measured:
    """Inside the workspace."""
    plain = body.replace("\r\n", "\n").strip()
    given = [line.strip() for line in examples.splitlines() if line.strip()]
    fit = sms_register.fits(registered, plain) if registered.strip() else sms_register.Fit()
    found = sms.measure(plain, given, fit.limits)
    price = _part_price(accounts.default(workspace_id, Channel.SMS))
    paise = None if price is None else round(price * 100 * found.shown.parts * _MANY)
    return Measured(found.shown, found.most, fit.difference, bool(registered.strip()), paise)


def _part_price(account: ChannelAccount | None) -> Decimal | None:
    """In rupees."""
    try:
        return Decimal(str(account.settings["part_price"])) if account is not None else None
    except (KeyError, InvalidOperation):
        return None
