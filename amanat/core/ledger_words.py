"""What the entries of the ledger say to a reader: a sentence for each event, given by the package that writes it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.apps import apps
from django.utils.functional import Promise
from django.utils.translation import gettext as _

Words = str | Promise

_sentences: dict[str, Words] = {}


def register(sentences: Mapping[str, Words]) -> None:
    """Say in words what events mean; called once by each package when it is loaded."""
    _sentences.update(sentences)


def known() -> dict[str, Words]:
    return dict(_sentences)


def of(event: str, facts: Mapping[str, Any]) -> str:
    """The sentence of an entry: the event's own words with its count, or the table and columns of a changed row."""
    if event.startswith("row."):
        return _changed_rows(event, facts)
    sentence = str(_sentences.get(event, event))
    count = facts.get("count")
    return f"{sentence} ({count})" if isinstance(count, int) else sentence


def _changed_rows(event: str, facts: Mapping[str, Any]) -> str:
    actions = {"row.inserted": _("added"), "row.updated": _("changed"), "row.deleted": _("deleted")}
    columns = ", ".join(facts.get("columns", ()))
    words = f"{_table(str(facts.get('table', '')))}: {facts.get('count', 0)} {actions.get(event, event)}"
    return f"{words} ({columns})" if columns else words


def _table(name: str) -> str:
    """The table's name as its package and model say it: "people contact"."""
    model = next((model for model in apps.get_models() if model._meta.db_table == name), None)
    return str(model._meta.verbose_name) if model is not None else name
