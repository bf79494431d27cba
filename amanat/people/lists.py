"""Lists of contacts and companies: what somebody asks for, checked, and the one place that turns it into a query.

A definition is names and values, from a page's address or from a saved view; nothing of it reaches the database but as
the value of a parameter. Paging is by key in both directions, so the last page costs what the first does.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection
from django.db.models import CharField, F, Value
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan
from django.db.models.functions import Coalesce
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from psycopg.errors import QueryCanceled

from amanat.accounts.models import Member
from amanat.core import tally
from amanat.people import list_filters, masking
from amanat.people.list_filters import (
    FILTERS,
    ME,
    NONE,
    RANGED,
    SIDES,
    Context,
    Filter,
    Refused,
    custom_condition,
    custom_in_words,
    custom_limit,
    custom_names,
    in_words,
    masked_name,
)
from amanat.people.models import NEVER, NO_DAY, RecordQuerySet
from amanat.people.vocabulary import Vocabulary

PAGE = 50
#: Counting further than this tells nobody anything and costs more with every contact.
COUNT_CAP = 10_000
MOST_VALUES = 50
_NOT_FILTERS = {"sort", "columns", "after", "before", "view", "page", "name", "csrfmiddlewaretoken"}
#: A filter that few of a million contacts fit reads them all: half a second, some seconds in the order of names. No page
#: holds a connection longer than this.
LONGEST = timedelta(seconds=4)
type Records = RecordQuerySet[Any]


@dataclass(frozen=True)
class Definition:
    """A list: filters by name (any of their values), the order, the columns ([] is the usual ones)."""

    on: str = "contact"
    filters: Mapping[str, Sequence[str]] = field(default_factory=dict)
    sort: str = "-created"
    columns: Sequence[str] = ()

    def as_json(self) -> dict[str, Any]:
        return {
            "filters": {name: list(values) for name, values in self.filters.items()},
            "sort": self.sort,
            "columns": list(self.columns),
        }

    def pairs(self) -> list[tuple[str, str]]:
        """As the parameters of an address."""
        found = [(name, value) for name, values in self.filters.items() for value in values]
        if self.sort != "-created":
            found.append(("sort", self.sort))
        return found + [("columns", column) for column in self.columns]


#: Orders: the key that the page goes on from, beside the id, and whether small comes first.
SORTS: dict[str, Any] = {
    "created": gettext_lazy("First added"),
    "-created": gettext_lazy("Newest first"),
    "name": gettext_lazy("Name, A to Z"),
    "-name": gettext_lazy("Name, Z to A"),
    "-last_contact": gettext_lazy("Last contact, newest first"),
    "last_contact": gettext_lazy("Last contact, oldest first"),
    "follow_up": gettext_lazy("Next follow-up"),
    "-follow_up": gettext_lazy("Next follow-up, latest first"),
}
_KEYS: dict[str, Any] = {
    "created": None,
    "name": F("sort_name"),
    "last_contact": Coalesce("last_contact_at", Value(NEVER)),
    "follow_up": Coalesce("follow_up_on", Value(NO_DAY)),
}


def parse(given: QueryDict | Mapping[str, Any], *, on: str, words: Vocabulary) -> Definition:
    """The definition that an address or a stored JSON asks for. Raises Refused for unknown fields, orders and columns."""
    from amanat.people import columns  # it draws what this module asks for

    if "filters" in given and not isinstance(given, QueryDict):
        sort, chosen = given.get("sort") or "-created", given.get("columns") or []
        filters = given["filters"]
    else:
        lists = dict(given.lists()) if isinstance(given, QueryDict) else dict(given)
        sort = str((lists.pop("sort", None) or ["-created"])[-1] or "-created")
        chosen = lists.pop("columns", None) or []
        filters = {name: values for name, values in lists.items() if name not in _NOT_FILTERS}
    if not isinstance(filters, Mapping) or not isinstance(chosen, list | tuple) or not isinstance(sort, str):
        raise Refused(_("This list is not written in a way we can read."))
    kept = {str(name): _values(name, values) for name, values in filters.items()}
    kept = {name: values for name, values in kept.items() if values}
    custom = custom_names(words.fields_on(on))
    for name in kept:
        if name not in custom and (name not in FILTERS or on not in FILTERS[name].on):
            raise Refused(_("There is no filter “%(name)s”.") % {"name": name[:40]})
    if sort not in SORTS:
        raise Refused(_("This list cannot be put in the order “%(name)s”.") % {"name": sort[:40]})
    known = columns.keys(on, words)
    for column in chosen:
        if column not in known:
            raise Refused(_("There is no column “%(name)s”.") % {"name": str(column)[:40]})
    return Definition(on, kept, sort, [str(column) for column in dict.fromkeys(chosen)])


def _values(name: str, values: Any) -> list[str]:
    if isinstance(values, str):
        values = [values]
    if not isinstance(values, list | tuple) or len(values) > MOST_VALUES:
        raise Refused(_("The filter “%(name)s” has too many values.") % {"name": str(name)[:40]})
    kept = [str(value).replace("\x00", "").strip() for value in values]
    if any(len(value) > 200 for value in kept):
        raise Refused(_("A value of the filter “%(name)s” is too long.") % {"name": str(name)[:40]})
    return [value for value in dict.fromkeys(kept) if value]


@contextmanager
def bounded(definition: Definition) -> Iterator[None]:
    """Let what is asked inside take no longer than `LONGEST`. Raises Refused when it did."""
    if not definition.filters:
        yield  # always answered from an index
        return
    with connection.cursor() as cursor:
        # A savepoint, because a statement that was stopped breaks its transaction; both in one round trip.
        limit = int(LONGEST.total_seconds() * 1000)
        cursor.execute("SAVEPOINT bounded; SET LOCAL statement_timeout = %s", [limit])
        try:
            yield
        except OperationalError as error:
            cursor.execute("ROLLBACK TO SAVEPOINT bounded")
            if not isinstance(error.__cause__, QueryCanceled):
                raise
            raise Refused(
                _("Too many records would have to be looked through. Add another filter, or choose the usual order.")
            ) from error
        cursor.execute("RELEASE SAVEPOINT bounded; SET LOCAL statement_timeout = DEFAULT")


def filtered(definition: Definition, *, member: Member, words: Vocabulary) -> Records:
    """The rows of the list that `member` may see, in no order. Raises Refused for values that make no sense."""
    context = Context(member, words, definition.on)
    rows: Records = context.model.objects.of(member.workspace_id).visible_to(member).alive()
    if definition.on == "contact":
        rows = _tells_nothing_hidden(rows, definition, member, words)
    for name, values in definition.filters.items():
        condition = (
            list_filters.custom(context, name, values)
            if name.startswith("custom.")
            else FILTERS[name].test(context, values)
        )
        rows = rows.filter(condition)
    return rows


#: What filters and orders ask of a person, by the names of `masking`. That something is there at all is seen behind its mask too.
_ASKS = {
    "stage": "stage", "company": "company", "city": "addresses", "follow_up": "follow_up_on", "last_contact": "last_contact_at",
    "last_contact_after": "last_contact_at", "last_contact_before": "last_contact_at",
}  # fmt: skip
_ASKS_WHETHER = {"has_phone": "phones", "has_email": "emails"}


def _tells_nothing_hidden(rows: Records, definition: Definition, member: Member, words: Vocabulary) -> Records:
    """The rows whose fields the member may see, where a filter or the order asks for one: who is listed, or where, would tell its
    value. Raises Refused for a field that is hidden from her."""
    named = [*definition.filters, definition.sort.removeprefix("-")]
    asked = [_ASKS.get(name) or masked_name(name) for name in named if name in _ASKS or "." in name]
    whether = [_ASKS_WHETHER[name] for name in named if name in _ASKS_WHETHER]
    if not asked and not whether:
        return rows
    held = masking.guard(member, words, masking.SERVICE)
    if any(map(held.hides, asked)) or held.withheld.intersection(whether):
        masking.note(held, member, [*asked, *whether])
        raise Refused(_("You do not see this field, so no list can be asked for it."))
    return rows.exclude(pk__in=held.restricted) if held.restricted else rows


def ordered(rows: Records, sort: str, *, backwards: bool = False) -> Records:
    """The rows in the order of a key of `SORTS`; the key of each row is `_key` where it is not the id alone."""
    name, descending = sort.removeprefix("-"), sort.startswith("-") != backwards
    if _KEYS[name] is None:
        return rows.order_by("-id" if descending else "id")
    rows = rows.annotate(_key=_KEYS[name])
    return rows.order_by("-_key", "-id") if descending else rows.order_by("_key", "id")


def rows_of(definition: Definition, *, member: Member, words: Vocabulary) -> Records:
    """The whole list in its order, for exports."""
    return ordered(filtered(definition, member=member, words=words), definition.sort)


@dataclass(frozen=True)
class Page:
    """One page: rows of values, and the keys by which to go on."""

    rows: list[tuple[Any, ...]]
    after: str | None
    before: str | None


def page(
    definition: Definition,
    *,
    member: Member,
    words: Vocabulary,
    values: Sequence[Any],
    after: str = "",
    before: str = "",
    size: int = PAGE,
) -> Page:
    """One page of the list, as tuples of `values` (expressions or names of columns). Raises Refused for a broken key."""
    rows = filtered(definition, member=member, words=words)
    start, backwards = (before, True) if before else (after, False)
    if start:
        rows = _beyond(rows, definition.sort, start, backwards=backwards)
    lines = ordered(rows, definition.sort, backwards=backwards).values_list(*_with_key(definition.sort), *values)
    with bounded(definition):
        found = list(lines[: size + 1])
    more, found = len(found) > size, found[:size]
    if backwards:
        found.reverse()
    has_next, has_previous = (True, more) if backwards else (more, bool(start))
    return Page(
        rows=[row[2:] for row in found],
        after=_place(found[-1]) if found and has_next else None,
        before=_place(found[0]) if found and has_previous else None,
    )


def _with_key(sort: str) -> tuple[str, str]:
    return ("id" if _KEYS[sort.removeprefix("-")] is None else "_key", "id")


def _place(row: tuple[Any, ...]) -> str:
    key = row[0]
    if isinstance(key, UUID):
        return str(key)
    return f"{key.isoformat() if isinstance(key, date) else key}~{row[1]}"


def _beyond(rows: Records, sort: str, start: str, *, backwards: bool) -> Records:
    name, descending = sort.removeprefix("-"), sort.startswith("-") != backwards
    text, _separator, identity = start.rpartition("~")
    try:
        row_id = UUID(identity)
        key: Any = text.replace("\x00", "")
        if name == "last_contact":
            key = datetime.fromisoformat(text)
            key = key if key.tzinfo else key.replace(tzinfo=UTC)
        elif name == "follow_up":
            key = date.fromisoformat(text)
    except ValueError:
        raise Refused(_("This page of the list is not there any more. Begin at the first page.")) from None
    if _KEYS[name] is None:
        return rows.filter(id__lt=row_id) if descending else rows.filter(id__gt=row_id)
    beyond = TupleLessThan if descending else TupleGreaterThan
    sides = Tuple(_KEYS[name], F("id"))
    if name == "name":
        key = Value(key, CharField())
    return rows.filter(beyond(sides, (key, row_id)))


def count(definition: Definition, *, member: Member, words: Vocabulary) -> tuple[int, bool]:
    """How many rows, and whether there are more than that: the kept count where nothing narrows, else up to `COUNT_CAP`."""
    if not definition.filters and member.sees_all:
        return tally.count(
            "contacts" if definition.on == "contact" else "companies", workspace=member.workspace_id
        ), False
    with bounded(definition):
        found = filtered(definition, member=member, words=words)[: COUNT_CAP + 1].count()
    return min(found, COUNT_CAP), found > COUNT_CAP


def ids_of(definition: Definition, *, member: Member, words: Vocabulary, most: int) -> list[UUID]:
    """The ids of all rows of the list, `most` at most, newest first."""
    with bounded(definition):
        return list(
            filtered(definition, member=member, words=words).order_by("-id").values_list("pk", flat=True)[:most]
        )


def without(definition: Definition, name: str) -> Definition:
    """The same list without one filter."""
    return replace(definition, filters={key: value for key, value in definition.filters.items() if key != name})


__all__ = [
    "FILTERS", "ME", "NONE", "RANGED", "SIDES", "SORTS", "Context", "Definition", "Filter", "Page", "Refused", "bounded", "count", "custom_condition",
    "custom_in_words", "custom_limit", "custom_names", "filtered", "ids_of", "in_words", "masked_name", "ordered", "page", "parse", "rows_of", "without",
]  # fmt: skip
