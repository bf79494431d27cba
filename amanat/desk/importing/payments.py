"""Payments of service records. The kept sums, of the record and of the month, grow with those that count."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any
from uuid import UUID

from django.db import connection
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.permissions import May
from amanat.core import tally
from amanat.desk import payments
from amanat.desk.importing import records
from amanat.desk.models import Payment, ServiceRecord
from amanat.people.importing import checking, made, parts
from amanat.people.importing.checking import Column
from amanat.people.importing.links import Links
from amanat.people.importing.parts import Line
from amanat.people.models import ImportRun


def _fit(links: Links, lines: Sequence[Line]) -> None:
    owed = _locked(links.workspace_id, {line.row["record_id"] for line in lines})
    for line in lines:
        row = line.row
        record, counts = row["record_id"], row["cancelled_at"] is None
        if record not in owed:
            line.lose("record_id", _("The service it was paid for is not here."))
        elif counts and row["amount_paise"] > owed[record]:
            line.lose("amount_paise", _("It is more than is owed for the service."), row["amount_paise"])
        else:
            owed[record] -= row["amount_paise"] if counts else 0
            row["taken_by_id"] = links.member(row.pop("taken_by_email"))
            row["cancelled_by_id"] = links.member(row.pop("cancelled_by_email"))
            row["created_at"] = row["created_at"] or links.at


def _locked(workspace_id: UUID, ids: set[str]) -> dict[str, int]:
    """What is owed for each record, held until the transaction ends."""
    rows = ServiceRecord.objects.of(workspace_id).filter(pk__in=ids).order_by("pk").select_for_update(of=("self",))
    return {str(pk): fee - paid for pk, fee, paid in rows.values_list("pk", "fee_paise", "paid_paise")}


def _follow(links: Links, lines: Sequence[Line]) -> None:
    counting = [line.row for line in lines if line.row["cancelled_at"] is None]
    _add(links.workspace_id, [(row["record_id"], row["paid_on"], row["amount_paise"]) for row in counting], sign=1)


def _add(workspace_id: UUID, paid: Sequence[tuple[Any, Any, int]], *, sign: int) -> None:
    """Add (record, day, paise) to the kept sums, or take it off."""
    by_record: Counter[str] = Counter()
    by_month: Counter[str] = Counter()
    for record, day, amount in paid:
        by_record[str(record)] += sign * amount
        by_month[payments.collected_key(day if isinstance(day, date) else date.fromisoformat(day))] += sign * amount
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE desk_servicerecord AS row SET paid_paise = row.paid_paise + new.amount "
            "FROM unnest(%s::uuid[], %s::bigint[]) AS new (id, amount) WHERE row.workspace_id = %s AND row.id = new.id",
            [list(by_record), list(by_record.values()), workspace_id],
        )
    for month, amount in sorted(by_month.items()):
        tally.add(month, amount, workspace=workspace_id)


def _undo(run: ImportRun, ids: Sequence[UUID]) -> set[UUID]:
    """A payment of a record that the import made goes only with the record; one of an older record goes by itself."""
    here = run.workspace_id
    columns = ("pk", "record_id", "paid_on", "amount_paise", "cancelled_at")
    found = list(Payment.objects.of(here).filter(pk__in=list(ids)).order_by("pk").values(*columns))
    _locked(here, {str(row["record_id"]) for row in found})
    staying = _records_that_stay(run, found)
    going = [row for row in found if row["record_id"] not in staying]
    counting = [row for row in going if row["cancelled_at"] is None]
    _add(here, [(row["record_id"], row["paid_on"], row["amount_paise"]) for row in counting], sign=-1)
    made.remove(Payment, here, [row["pk"] for row in going])
    return {row["pk"] for row in found if row["record_id"] in staying}


def _records_that_stay(run: ImportRun, found: Sequence[Mapping[str, Any]]) -> set[UUID]:
    wanted = sorted({row["record_id"] for row in found})
    ours = made.of_this_run(run, records.KIND, wanted)
    same = made.untouched_of(run, records.KIND, ServiceRecord, wanted, loose=records.LOOSE)
    besides: dict[Any, tuple[str, list[Any]]] = {Payment: ("false", []), ServiceRecord: ("false", [])}
    held = made.held(run.workspace_id, ServiceRecord, sorted(same), own=besides)
    return (ours - same) | held


PART = parts.Part(
    key="payments", kind="payment", title=gettext_lazy("Payments"), model=Payment, shown="paid_on", order=60,
    needs=(May.TAKE_PAYMENTS, May.CANCEL_PAYMENTS), fit=_fit, follow=_follow, undo=_undo, undo_order=2,
    columns=(
        Column("id", checking.identity, needed=True), Column("record_id", checking.identity, needed=True),
        Column("amount_paise", checking.number(1, 10**15), needed=True),
        Column("method", checking.one_of(Payment.Method.values), needed=True), Column("reference", checking.text(60), default=""),
        Column("paid_on", checking.day, needed=True), Column("taken_by_email", checking.email),
        Column("created_at", checking.moment), Column("cancelled_at", checking.moment),
        Column("cancelled_by_email", checking.email), Column("cancel_reason", checking.text(200), default=""),
    ),
)  # fmt: skip
