"""Money taken for service records: in parts, never more than is owed, never changed, cancelled with a reason.

`paid_paise` of the record is the sum of the payments that count, kept in the same transaction under the record's row
lock: two people who take money at the same moment come one after the other, and the second sees what the first took.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ids, ledger
from amanat.core.models import Tally
from amanat.core.money import rupees
from amanat.desk.models import Payment, ServiceRecord
from amanat.people import rows, timeline
from amanat.people.drafts import plain
from amanat.people.models import Interaction

__all__ = [
    "BalanceChanged",
    "NewPayment",
    "OverPayment",
    "PaymentRefused",
    "cancel",
    "first",
    "rupees",
    "take",
    "tallies",
]


class PaymentRefused(ValueError):
    """The money is not taken; the text says why."""


class OverPayment(PaymentRefused):
    """More than is owed."""


class BalanceChanged(PaymentRefused):
    """Somebody took or cancelled a payment since the page was opened."""


@dataclass(frozen=True)
class NewPayment:
    """`id` makes it safe to send the same form twice; `expected_balance_paise` is what the page showed as owed."""

    amount_paise: int
    method: str
    reference: str = ""
    paid_on: date | None = None
    id: UUID | None = None
    expected_balance_paise: int | None = None


def first(record: ServiceRecord, payment: NewPayment, *, by: Member, at: datetime) -> Payment:
    """An unsaved payment for a record that is about to be saved. Raises OverPayment."""
    _check_amount(payment, owed=record.fee_paise)
    return _made(record, payment, by, at)


def take(*, record: ServiceRecord, payment: NewPayment, by: Member, at: datetime) -> Payment:
    """Write a payment down. The same `id` again gives the first payment back and takes nothing.

    Raises OverPayment, BalanceChanged, or PaymentRefused for a record that was cancelled or deleted, or whose person is erased.
    """
    with transaction.atomic():
        held = _locked(record.workspace_id, record.pk)
        if payment.id is not None:
            before = Payment.objects.of(held.workspace_id).filter(pk=payment.id).first()
            if before is not None:
                if before.record_id != held.pk:
                    raise PaymentRefused(_("This payment belongs to another record."))
                return before
        if held.deleted_at or held.status == ServiceRecord.Status.CANCELLED:
            raise PaymentRefused(_("This service was cancelled; no money can be taken for it."))
        if payment.expected_balance_paise not in (None, held.balance_paise):
            raise BalanceChanged(
                _("Meanwhile a payment was written down; %(owed)s is owed now. Check, and save again.")
                % {"owed": rupees(held.balance_paise)}
            )
        _check_amount(payment, owed=held.balance_paise)
        taken = _made(held, payment, by, at)
        told = _line(held, taken, "paid", by, at)
        rows.insert([taken, told, *tallies([taken])])
        _keep(held, held.paid_paise + taken.amount_paise, at)
        ledger.write(
            "desk.payment.taken", workspace=held.workspace_id, by=by, about=held, at=at,
            payment=str(taken.pk), amount_paise=taken.amount_paise, method=taken.method,
        )  # fmt: skip
    _show(record, held)
    return taken


def cancel(*, payment: Payment, by: Member, at: datetime, reason: str) -> Payment:
    """Take a payment back because it was a mistake or was given back. Cancelling twice changes nothing."""
    reason = plain(reason)
    if not reason:
        raise PaymentRefused(_("Write why the payment is cancelled."))
    with transaction.atomic():
        held = _locked(payment.workspace_id, payment.record_id)
        fresh = Payment.objects.of(payment.workspace_id).get(pk=payment.pk)
        if fresh.cancelled_at is not None:
            return fresh
        fresh.cancelled_at, fresh.cancelled_by, fresh.cancel_reason = at, by, reason[:200]
        fresh.save(update_fields=["cancelled_at", "cancelled_by", "cancel_reason"])
        told = _line(held, fresh, "cancelled", by, at)
        rows.insert([told, *tallies([fresh], sign=-1)])
        _keep(held, held.paid_paise - fresh.amount_paise, at)
        ledger.write(
            "desk.payment.cancelled", workspace=held.workspace_id, by=by, about=held, at=at,
            payment=str(fresh.pk), amount_paise=fresh.amount_paise,
        )  # fmt: skip
    return fresh


def collected_key(day: date) -> str:
    """The name of the kept sum of a month."""
    return f"collected:{day:%Y-%m}"


def tallies(payments: Iterable[Payment], *, sign: int = 1) -> list[Tally]:
    """Unsaved changes of the kept sums by month, which the chart on the home page reads."""
    return [
        Tally(workspace_id=each.workspace_id, what=collected_key(each.paid_on), change=sign * each.amount_paise)
        for each in payments
    ]


def _check_amount(payment: NewPayment, *, owed: int) -> None:
    if payment.amount_paise <= 0:
        raise PaymentRefused(_("The amount must be more than zero."))
    if payment.method not in Payment.Method.values:
        raise PaymentRefused(_("Choose how the money came."))
    if payment.amount_paise > owed:
        raise OverPayment(_("Only %(owed)s is owed.") % {"owed": rupees(owed)} if owed else _("Nothing is owed."))


def _made(record: ServiceRecord, payment: NewPayment, by: Member, at: datetime) -> Payment:
    return Payment(
        id=payment.id or ids.new(),
        workspace_id=record.workspace_id,
        record_id=record.pk,
        amount_paise=payment.amount_paise,
        method=payment.method,
        reference=plain(payment.reference)[:60],
        paid_on=payment.paid_on or at.astimezone(ZoneInfo(by.workspace.time_zone)).date(),
        taken_by=by,
        created_at=at,
    )


def _locked(workspace_id: UUID, record_id: UUID) -> ServiceRecord:
    held: ServiceRecord = ServiceRecord.objects.of(workspace_id).select_for_update().get(pk=record_id)
    if held.is_erased:
        raise PaymentRefused(_("The person of this service is erased; what the books need of it stays as it is."))
    return held


def _keep(held: ServiceRecord, paid_paise: int, at: datetime) -> None:
    held.paid_paise, held.updated_at = paid_paise, at
    held.save(update_fields=["paid_paise", "updated_at"])
    held.balance_paise = held.fee_paise - paid_paise


def _show(record: ServiceRecord, held: ServiceRecord) -> None:
    record.paid_paise, record.balance_paise, record.updated_at = held.paid_paise, held.balance_paise, held.updated_at


def _line(record: ServiceRecord, payment: Payment, what: str, by: Member, at: datetime) -> Interaction:
    return timeline.line(
        workspace=record.workspace_id,
        kind="payment",
        summary=timeline.say(what, amount=rupees(payment.amount_paise), method=payment.method),
        body=record.title,
        happened_at=at,
        contact=record.contact_id,
        company=record.company_id,
        actor=by,
        reference=record,
    )
