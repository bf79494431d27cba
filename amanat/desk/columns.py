"""The columns of the list of services, and its rows as markup.

Rows are written here rather than in a template for the same reason as those of contacts (`people.columns`): a page has some hundred
cells. Every value goes through `escape`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from html import escape
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.core import clock
from amanat.desk import veil
from amanat.desk.models import ServiceRecord
from amanat.people import custom_fields
from amanat.people.masking import Guard
from amanat.people.vocabulary import FieldWord, Vocabulary
from amanat.web import formatting

Status = ServiceRecord.Status
#: Tone of the tag of each state.
TONES: dict[str, str] = {
    Status.OPEN: "blue",
    Status.WAITING: "marigold",
    Status.SUBMITTED: "violet",
    Status.READY: "green",
    Status.DELIVERED: "",
    Status.REFUSED: "red",
    Status.CANCELLED: "",
}


@dataclass
class Reading:
    """Who reads the list and when; words of days that a page has many times."""

    words: Vocabulary
    today: date
    now: datetime = field(default_factory=clock.now)
    days: dict[date, str] = field(default_factory=dict)
    #: what stays hidden from the reader (`desk.veil`)
    guard: Guard = field(default_factory=Guard)
    statuses: dict[str, str] = field(default_factory=lambda: {key: str(label) for key, label in Status.choices})

    def day(self, day: date | datetime) -> str:
        if day not in self.days:
            self.days[day] = escape(formatting.short_day(day, now=self.now))
        return self.days[day]


#: The markup inside a cell and the classes of this one cell.
type Cell = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Column:
    key: str
    label: Any
    cell: Callable[[ServiceRecord, Reading], Cell]
    head: str = ""
    #: the head of the cell on a phone, where it is shorter
    phone_label: Any = ""


def tag(text: str, tone: str) -> str:
    return f'<span class="tag{f" tag-{tone}" if tone else ""}">{text}</span>'


def is_late(record: ServiceRecord, today: date) -> bool:
    return bool(record.due_on and record.due_on < today and record.status in ServiceRecord.IN_HAND)


def is_expired(record: ServiceRecord, today: date) -> bool:
    return bool(record.expires_on and record.expires_on < today)


def _status(record: ServiceRecord, reading: Reading) -> Cell:
    return tag(escape(reading.statuses[record.status]), TONES[record.status]), "corner"


def _acknowledgement(record: ServiceRecord, reading: Reading) -> Cell:
    number = veil.shown(reading.guard, "acknowledgement", record.acknowledgement)
    return escape(number) or "—", "figure" if number else "figure phone-hide"


def _due(record: ServiceRecord, reading: Reading) -> Cell:
    return _day(record.due_on, reading, _("late, %(day)s") if is_late(record, reading.today) else "")


def _expires(record: ServiceRecord, reading: Reading) -> Cell:
    return _day(record.expires_on, reading, _("expired %(day)s") if is_expired(record, reading.today) else "")


def _day(day: date | None, reading: Reading, warning: str = "") -> Cell:
    if day is None:
        return "—", "nowrap phone-hide"
    text = reading.day(day)
    return (tag(escape(warning) % {"day": text}, "red") if warning else text), "nowrap"


def _money(paise: int) -> Cell:
    return formatting.rupees(paise), "number"


def _balance(record: ServiceRecord, reading: Reading) -> Cell:
    if record.balance_paise:
        return _money(record.balance_paise)
    return escape(_("paid")), "number phone-hide quiet"


COLUMNS: tuple[Column, ...] = (
    Column("for", gettext_lazy("For"), lambda record, reading: (escape(record.for_whom), "")),
    Column("status", gettext_lazy("Status"), _status),
    Column("acknowledgement", gettext_lazy("Acknowledgement"), _acknowledgement, phone_label=gettext_lazy("Ack. number")),
    Column("due", gettext_lazy("Due"), _due),
    Column("expires", gettext_lazy("Expires"), _expires),
    Column("fee", gettext_lazy("Fee"), lambda record, reading: _money(record.fee_paise), "number"),
    Column("balance", gettext_lazy("Still to pay"), _balance, "number"),
    Column("owner", gettext_lazy("Who does it"), lambda record, reading: (escape(reading.words.member_name(record.owner_id)), "quiet phone-hide")),
    Column("paid", gettext_lazy("Paid"), lambda record, reading: _money(record.paid_paise), "number"),
    Column("quantity", gettext_lazy("How many"), lambda record, reading: (str(record.quantity), "number"), "number"),
    Column("follow_up", gettext_lazy("Next follow-up"), lambda record, reading: _day(record.follow_up_on, reading)),
    Column("begun", gettext_lazy("Begun"), lambda record, reading: (reading.day(record.created_at), "quiet nowrap phone-hide")),
)  # fmt: skip
USUAL = ("for", "status", "acknowledgement", "due", "expires", "fee", "balance", "owner")


def all_of(words: Vocabulary) -> list[Column]:
    """Every column there is: the desk's, then the workspace's own fields."""
    return [*COLUMNS, *(_custom(one) for one in words.fields_on("service"))]


def chosen(known: Sequence[Column], keys: Sequence[str]) -> list[Column]:
    """The columns of `keys` in their order; the usual ones when none of them is known."""
    by_key = {column.key: column for column in known}
    return [by_key[key] for key in dict.fromkeys(keys) if key in by_key] or [by_key[key] for key in USUAL]


def _custom(one: FieldWord) -> Column:
    def cell(record: ServiceRecord, reading: Reading) -> Cell:
        text = custom_fields.shown(one, record.custom.get(one.key))
        return escape(veil.shown(reading.guard, f"custom-{one.key}", text)), "phone-hide clip"

    return Column(f"custom.{one.key}", one.label, cell)


def body(records: Sequence[ServiceRecord], columns: Sequence[Column], reading: Reading, *, ticks: bool) -> SafeString:
    """The rows of the table, with a box to tick for members who may change them. A `<tr>` is a card on a phone."""
    base = reverse("desk:service", args=[UUID(int=0)]).partition("00000000-")[0]
    select = escape(_("Select %(title)s, number %(number)s"))
    cells = [(f' data-label="{escape(str(column.phone_label or column.label))}">', column.cell) for column in columns]
    lines = []
    for record in records:
        title = escape(record.title)
        box = (
            f'<td class="tick"><input type="checkbox" name="ids" value="{record.pk}" '
            f'aria-label="{select % {"title": title, "number": record.number}}"></td>'
        )
        drawn = (
            f"<td{f' class="{classes}"' if classes else ''}{rest}{text}</td>"
            for (text, classes), rest in ((cell(record, reading), rest) for rest, cell in cells)
        )
        lines.append(
            f'<tr>{box if ticks else ""}<th scope="row" class="lead"><a class="row-link" href="{base}{record.pk}/">{title}</a> '
            f'<span class="small muted">#{record.number}</span></th>{"".join(drawn)}</tr>'
        )
    return mark_safe("\n".join(lines))  # noqa: S308 (every value above is escaped)
