"""The columns of the lists, and their rows as markup.

Rows are written here rather than in a template: a page has some hundred cells, and a template spends longer on them
than the database does. Every value goes through `escape`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from html import escape  # a cell is a str; Django's would look for lazy texts first
from typing import Any
from uuid import UUID

from django.db.models import OuterRef, Subquery
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from amanat.core import clock, phones
from amanat.core.tenancy import HasId, workspace_id_of
from amanat.people import custom_fields, masking
from amanat.people.models import Address, Source
from amanat.people.vocabulary import Vocabulary
from amanat.web import formatting


class Row:
    """One record of a list, by name of its value."""

    __slots__ = ("days", "values", "words")

    def __init__(self, values: dict[str, Any], words: Vocabulary, days: Days) -> None:
        self.values, self.words, self.days = values, words, days


class Days:
    """Days of a page in words; most rows of a page share a few days."""

    def __init__(self) -> None:
        self._known: dict[date, str] = {}

    @cached_property
    def now(self) -> datetime:
        return clock.now()

    @cached_property
    def today(self) -> date:
        return timezone.localtime(self.now).date()

    def recent(self, moment: datetime | None) -> str:
        if moment is None:
            return ""
        local = timezone.localtime(moment)
        if local.date() == self.today:
            return formatting.recent(moment, now=self.now)
        return self.day(local.date())

    def day(self, day: date | None) -> str:
        if day is None:
            return ""
        if day not in self._known:
            self._known[day] = formatting.recent(day, now=self.now)
        return self._known[day]


@dataclass(frozen=True, slots=True)
class Column:
    """`needs` are the values of the row it reads; `cell` gives the markup inside the cell; `classes` are the cell's."""

    key: str
    label: Any
    needs: tuple[str, ...]
    cell: Callable[[Row], str]
    classes: str = ""
    sort: str = ""
    on: tuple[str, ...] = ("contact", "company")


def _tag(text: str, tone: str = "") -> str:
    return f'<span class="tag{tone}">{escape(text)}</span>' if text else ""


def _tags(row: Row) -> str:
    names = row.words.tag_names(row.values["tag_ids"])
    more = f' <span class="muted small">+{len(names) - 3}</span>' if len(names) > 3 else ""
    return "".join(_tag(name) for name in names[:3]) + more


def _follow_up(row: Row) -> str:
    day = row.values["follow_up_on"]
    if day is None:
        return ""
    text = escape(row.days.day(day))
    return f'<span class="tag tag-marigold">{text}</span>' if day <= row.days.today else text


def _email(row: Row) -> str:
    return escape(row.values["main_email"])


_SOURCES: dict[str, Any] = dict(Source.choices)


COLUMNS: tuple[Column, ...] = (
    Column("company", gettext_lazy("Company"), ("company__name",), lambda row: escape(row.values["company__name"] or "—"), "phone-hide clip", on=("contact",)),
    Column("phone", gettext_lazy("Mobile"), ("main_phone",), lambda row: phones.international(row.values["main_phone"]) if row.values["main_phone"] else "", "nowrap figure", on=("contact",)),
    Column("email", gettext_lazy("E-mail"), ("main_email",), _email, "phone-hide clip", on=("contact",)),
    Column("stage", gettext_lazy("Stage"), ("stage_id",), lambda row: _tag(row.words.stage_name(row.values["stage_id"])), on=("contact",)),
    Column("job_title", gettext_lazy("Job title"), ("job_title",), lambda row: escape(row.values["job_title"]), "phone-hide clip", on=("contact",)),
    Column("gstin", gettext_lazy("GSTIN"), ("gstin",), lambda row: escape(row.values["gstin"]), "figure phone-hide", on=("company",)),
    Column("industry", gettext_lazy("Industry"), ("industry",), lambda row: escape(row.values["industry"]), "phone-hide clip", on=("company",)),
    Column("owner", pgettext_lazy("contact", "Owner"), ("owner_id",), lambda row: escape(row.words.first_name(row.values["owner_id"])), "phone-hide"),
    Column("team", gettext_lazy("Team"), ("team_id",), lambda row: escape(row.words.teams.get(row.values["team_id"], "")), "phone-hide"),
    Column("tags", gettext_lazy("Tags"), ("tag_ids",), _tags, "nowrap"),
    Column("city", gettext_lazy("Town"), ("_city",), lambda row: escape(row.values["_city"] or ""), "phone-hide"),
    Column("source", gettext_lazy("Source"), ("source",), lambda row: escape(str(_SOURCES.get(row.values["source"], ""))), "phone-hide"),
    Column("follow_up", gettext_lazy("Follow-up"), ("follow_up_on",), _follow_up, "nowrap", "follow_up"),
    Column("created", pgettext_lazy("day", "Added"), ("created_at",), lambda row: escape(row.days.recent(row.values["created_at"])), "quiet nowrap phone-hide", "-created"),
    Column("last_contact", gettext_lazy("Last contact"), ("last_contact_at",), lambda row: escape(row.days.recent(row.values["last_contact_at"])), "quiet nowrap phone-hide", "-last_contact"),
)  # fmt: skip
USUAL = {
    "contact": ("company", "phone", "stage", "owner", "tags", "follow_up", "last_contact"),
    "company": ("industry", "gstin", "owner", "tags", "follow_up", "last_contact"),
}


def of(on: str, words: Vocabulary, chosen: Sequence[str] = ()) -> list[Column]:
    """The columns of a list in order: the chosen ones, or the usual ones."""
    by_key = {column.key: column for column in all_of(on, words)}
    return [by_key[key] for key in (chosen or USUAL[on]) if key in by_key]


def all_of(on: str, words: Vocabulary) -> list[Column]:
    return [column for column in COLUMNS if on in column.on] + [_custom(field) for field in words.fields_on(on)]


def keys(on: str, words: Vocabulary) -> set[str]:
    return {column.key for column in all_of(on, words)}


def _custom(field: Any) -> Column:
    def cell(row: Row) -> str:
        return escape(custom_fields.shown(field, row.values["custom"].get(field.key)))

    return Column(f"custom.{field.key}", field.label, ("custom",), cell, "phone-hide clip")


def needed(columns: Sequence[Column]) -> list[str]:
    """The values a list must read for its columns, each once."""
    return list(dict.fromkeys(["id", "name", *(name for column in columns for name in column.needs)]))


def expressions(names: Sequence[str], *, on: str, workspace: HasId | UUID) -> list[Any]:
    """The same for a query: the town is looked up only for the rows of the page."""
    addresses = (
        Address.objects.of(workspace_id_of(workspace)).filter(**{f"{on}_id": OuterRef("pk")}).order_by("position")
    )
    city = Subquery(addresses.values("city")[:1])
    return [city if name == "_city" else name for name in names]


#: What a column shows of a person, where its name is another than its own.
_FIELDS = {
    "phone": "phones",
    "email": "emails",
    "city": "addresses",
    "follow_up": "follow_up_on",
    "last_contact": "last_contact_at",
}


def field_of(column: Column) -> str:
    """The name that `masking` has for what a column shows."""
    return _FIELDS.get(column.key, column.key.replace("custom.", "custom-", 1))


def body(
    rows: Sequence[tuple[Any, ...]],
    names: Sequence[str],
    columns: Sequence[Column],
    words: Vocabulary,
    *,
    on: str,
    guard: masking.Guard | None = None,
) -> SafeString:
    """The rows of the table, with what `guard` lets through. A `<tr>` is a card on a phone."""
    held = guard or masking.Guard()
    days = Days()
    base = reverse(f"people:{on}", args=[UUID(int=0)]).rpartition("00000000-")[0]
    select = escape(_("Select %(name)s"))
    cells = [
        (f'<td class="{column.classes}" data-label="{escape(str(column.label))}">' if column.classes else
         f'<td data-label="{escape(str(column.label))}">', held.cell(field_of(column), column.cell))
        for column in columns
    ]  # fmt: skip
    closed = [(opening, masking.nothing) for opening, _cell in cells]
    restricted = held.restricted
    tag = f' <span class="tag tag-marigold">{escape(_("restricted"))}</span>' if restricted else ""
    lines = []
    for values in rows:
        row = Row(dict(zip(names, values, strict=True)), words, days)
        identity, name = row.values["id"], escape(row.values["name"])
        lines.append(
            f'<tr><td class="tick"><input type="checkbox" name="ids" value="{identity}" aria-label="{select % {"name": name}}"></td>'
            f'<th scope="row" class="lead"><a class="row-link" href="{base}{identity}/">'
            f'<span class="avatar tone-{formatting.avatar_tone(identity)}" aria-hidden="true">'
            f"{escape(formatting.initials(row.values['name']))}</span>{name}{tag if identity in restricted else ''}</a></th>"
            + "".join(f"{opening}{cell(row)}</td>" for opening, cell in (closed if identity in restricted else cells))
            + "</tr>"
        )
    return mark_safe("\n".join(lines))  # noqa: S308 (every value above is escaped)
