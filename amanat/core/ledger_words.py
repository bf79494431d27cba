"""What the entries of the ledger say to a reader: a sentence for each event, given by the package that writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.db.models import Model
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

Words = str | Promise

_sentences: dict[str, Words] = {}
_tables: dict[str, Words] = {
    "core.StoredFile": gettext_lazy("stored file"),
    "core.LedgerEntry": gettext_lazy("entry of the ledger"),
    "core.IdempotentAnswer": gettext_lazy("answer kept for a repeated request"),
    "core.LocalMessage": gettext_lazy("message in the local outbox"),
}


def register(sentences: Mapping[str, Words], tables: Mapping[str, Words] | None = None) -> None:
    """Say in words what events and tables (by the model's label) mean; called once by each package when it is loaded."""
    _sentences.update(sentences)
    _tables.update(tables or {})


def known() -> dict[str, Words]:
    return dict(_sentences)


def table(model: type[Model]) -> Words:
    """What rows of a model are called."""
    return _tables.get(model._meta.label, str(model._meta.verbose_name))


def of(event: str, facts: Mapping[str, Any]) -> str:
    """The sentence of an entry: the event's own words with its count, or the table and columns of a changed row."""
    if event.startswith("row."):
        return _changed_rows(event, facts)
    sentence = str(_sentences.get(event, event))
    count = facts.get("count")
    return f"{sentence} ({count})" if isinstance(count, int) else sentence


def _changed_rows(event: str, facts: Mapping[str, Any]) -> str:
    actions = {"row.inserted": _("added"), "row.updated": _("changed"), "row.deleted": _("deleted")}
    table = str(facts.get("table", ""))
    model = next((model for model in apps.get_models() if model._meta.db_table == table), None)
    columns = ", ".join(_column(model, name) for name in facts.get("columns", ()))
    words = f"{_table(model) if model else table}: {facts.get('count', 0)} {actions.get(event, event)}"
    return f"{words} ({columns})" if columns else words


def _table(model: type[Model]) -> str:
    return str(table(model))


def _column(model: type[Model] | None, name: str) -> str:
    """The column's name on forms where it has one, else its own."""
    fields = {field.column: field for field in model._meta.concrete_fields} if model else {}
    spoken = fields[name].verbose_name if name in fields else name
    return str(spoken) if isinstance(spoken, Promise) else name
