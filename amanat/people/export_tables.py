"""The tables of an export of the whole workspace. Packages above add theirs with `register`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

from amanat.people.export_records import Records
from amanat.people.importing import ours


@dataclass(frozen=True)
class Dataset:
    """A table of the export of the whole workspace. Functions get the workspace and run inside its transaction.

    `columns` are the headings, `rows` their cells as texts, `objects` the same rows as JSON objects.
    """

    key: str
    title: str | Promise
    columns: Callable[[UUID], list[str]]
    rows: Callable[[UUID], Iterator[Sequence[str]]]
    objects: Callable[[UUID], Iterator[dict[str, Any]]]
    #: by heading, the key in JSON and whether the cells are rupees; custom fields aside
    keys: Mapping[str, tuple[str, bool]] = field(default_factory=dict)


_datasets: dict[str, Dataset] = {}


def register(dataset: Dataset) -> None:
    """Add a table to the export of the whole workspace; the same key again replaces it."""
    _datasets[dataset.key] = dataset


def registered() -> list[Dataset]:
    return list(_datasets.values())


def keys_of(name: str) -> Mapping[str, tuple[str, bool]]:
    """By heading, the key in JSON of each column of a table, and whether its cells are rupees, of which JSON has the paise."""
    return _datasets[name].keys


def _of_all(on: str) -> Dataset:
    def columns(workspace: UUID) -> list[str]:
        return ours.columns(on, Records(on, workspace).widths())

    def rows(workspace: UUID) -> Iterator[Sequence[str]]:
        records = Records(on, workspace)
        widths = records.widths()
        return (ours.cells(on, draft, widths) for draft in records.drafts())

    def objects(workspace: UUID) -> Iterator[dict[str, Any]]:
        return (ours.as_object(on, draft) for draft in Records(on, workspace).drafts())

    title = gettext_lazy("Contacts") if on == "contact" else gettext_lazy("Companies")
    return Dataset("contacts" if on == "contact" else "companies", title, columns, rows, objects)


register(_of_all("contact"))
register(_of_all("company"))
