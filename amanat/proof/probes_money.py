"""Probes of money: a fee and a payment are found where they were declared, and masked from those who need not know whose they are.

The invented payment lives inside the probe's savepoint, which is taken back.
"""

from __future__ import annotations

from collections.abc import Iterator
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from amanat.core import ids
from amanat.core.schema import workspace_models
from amanat.desk import services
from amanat.desk.models import Payment
from amanat.desk.payments import NewPayment
from amanat.desk.services import NewService
from amanat.policy.probing import Asked, Finding, probe
from amanat.proof import probes_records
from amanat.proof.probes_records import planted, someone_of
from amanat.publishing import inventory

#: An amount and a reference that no real payment has.
FEE_PAISE, REFERENCE = 7_131_719, "VWKCANARY-1719"
#: The day's sums and the ledger name amounts and nobody; a reference, which leads to a person, may not stand in them.
BOOKS = frozenset({"core.Tally.change", "core.LedgerEntry.facts"})
#: What says something about money; the vocabulary puts them all below pd:Financial.
MONEY = frozenset({"pd:Transaction", "pd:Transactional", "pd:Financial", "pd:FinancialAccount"})


@probe(
    "records.money",
    _("Fees and payments lie only where they were declared"),
    keys=("DATA pd:Transactional", "DATA pd:Financial"),
    rules=("data.content", "data.billing"),
)
def money(asked: Asked) -> Finding:
    """A service with a marked fee is done for the invented person and paid by a marked reference: which columns hold either?"""
    before, by = ids.new(), someone_of(asked.workspace_id)
    services.create(
        workspace=by.workspace,
        wanted=NewService(service=None, title="Vwkcanary", fee_paise=FEE_PAISE),
        by=by,
        at=asked.at,
        contact=planted(asked),
        payment=NewPayment(FEE_PAISE, Payment.Method.UPI, reference=REFERENCE),
    )
    personal = {f"{held.model}.{name}": one for held in inventory.held() for name, one in held.personal.items()}
    referring = set(_places(asked.workspace_id, REFERENCE, before))
    places = referring | (set(_places(asked.workspace_id, str(FEE_PAISE), before)) - BOOKS)
    undeclared = places - personal.keys()
    of_money = [place for place in places & personal.keys() if personal[place].kind in MONEY]
    named = {term for kind in asked.policy.data.values() for term in kind.terms}
    return Finding(
        bool(referring) and len(of_money) >= 3 and not undeclared and bool(named & MONEY),
        _("a marked payment was taken: {places} columns held it, {undeclared} of them undeclared"),
        {"places": len(places), "of_money": len(of_money), "undeclared": len(undeclared)},
    )


def _places(workspace_id: UUID, mark: str, since: UUID) -> Iterator[str]:
    """Columns, as "app.Model.field", of rows made after `since` that hold the mark."""
    for model in workspace_models():
        for row in probes_records.rows_since(model, workspace_id, since):
            for field in model._meta.local_concrete_fields:
                if mark in str(getattr(row, field.attname)):
                    yield f"{model._meta.label}.{field.name}"
