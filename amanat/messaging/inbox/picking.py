"""Templates for one person, filled as they would arrive: in her language, with her own words and those of one of her services or tasks.

What is filled in can be changed before it is sent; what is not known is typed by hand.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from amanat.accounts.models import Member, Workspace
from amanat.accounts.permissions import May
from amanat.desk import prepared
from amanat.desk.models import ServiceRecord, Task
from amanat.desk.prepared import Part, Standins
from amanat.messaging.channels import templates
from amanat.messaging.channels.models import TemplateText
from amanat.messaging.inbox.saying import SayRefused
from amanat.messaging.reminders import planning, values
from amanat.messaging.reminders.values import Around
from amanat.people.forms import LANGUAGES
from amanat.people.models import Contact
from amanat.web import formatting

MOST = 100
#: Services and tasks that are offered.
MOST_MATTERS = 12
LONGEST_VALUE = 200


@dataclass(frozen=True, slots=True)
class Matter:
    """A service or task of the person that a template can be about. `key` is "service:<id>" or "task:<id>"."""

    key: str
    label: str
    around: Around


@dataclass(frozen=True, slots=True)
class Blank:
    """One variable of a template: what it is called, and what stands there now."""

    name: str  #: of the field of the form
    label: str
    value: str


@dataclass(frozen=True, slots=True)
class Pick:
    """One template as it would read. `missing` names what is not known of the person and has to be typed."""

    text: TemplateText
    channel: str
    title: str
    purpose: str
    language: str
    language_name: str
    preview: SafeString
    values: Sequence[str]
    blanks: Sequence[Blank]
    missing: str = ""
    against: str = ""  #: why it would not be sent to this person


def matters(contact: Contact, *, by: Member, workspace: Workspace, now: datetime) -> list[Matter]:
    """What a template can be about: services in hand, those lately done, then tasks that wait. One statement."""
    may = (by.may(May.READ_SERVICES), by.may(May.READ_TASKS))
    build = partial(_matters, shows_services=may[0], shows_tasks=may[1])
    read = prepared.read(f"matters {may}", build, member=by, values={"person": contact.pk}) if any(may) else {}
    # Who may not type the number from the office is shown a part of it only, which is no number to send.
    hidden = {} if by.may(May.WRITE_SERVICES) else {"acknowledgement": ""}
    records = [
        ServiceRecord(**{**row, **hidden, **_days(row, "due_on", "expires_on")}) for row in read.get("services", ())
    ]
    found = []
    for record in sorted(records, key=lambda one: one.status not in ServiceRecord.IN_HAND):
        day = record.due_on or record.expires_on
        label = f"{record.title} · {formatting.short_day(day, now=now)}" if day else record.title
        found.append(Matter(f"service:{record.pk}", label, Around(workspace, contact, record, day)))
    for row in read.get("tasks", ()):
        due_on = date.fromisoformat(row["due_on"])
        label = f"{row['title']} · {formatting.short_day(due_on, now=now)}"
        about = next((one.around.record for one in found if one.key == f"service:{row['record_id']}"), None)
        found.append(Matter(f"task:{row['id']}", label, Around(workspace, contact, about, due_on)))
    return found


#: Columns of a service that values of templates are taken from (`reminders.values`).
_OF_SERVICE = ("id", "number", "title", "status", "acknowledgement", "due_on", "expires_on", "balance_paise")


def _matters(standins: Standins, *, shows_services: bool, shows_tasks: bool) -> dict[str, Part]:
    member, person = standins.member, standins.identity("person")
    parts = {}
    if shows_services:
        rows = ServiceRecord.objects.of(member.workspace_id).visible_to(member).alive().filter(contact=person)
        parts["services"] = Part(rows.order_by("-id").values(*_OF_SERVICE)[:MOST_MATTERS])
    if shows_tasks:
        tasks = Task.objects.of(member.workspace_id).visible_to(member).filter(contact=person, done_at__isnull=True)
        in_order = tasks.order_by("due_on", "id").values("id", "title", "due_on", "record_id")
        parts["tasks"] = Part(in_order[:MOST_MATTERS])
    return parts


def _days(row: Mapping[str, Any], *names: str) -> dict[str, date | None]:
    return {name: date.fromisoformat(row[name]) if row[name] else None for name in names}


def chosen(key: str, among: Sequence[Matter]) -> Matter | None:
    """The matter of that key; with none said, the newest service in hand."""
    return next((one for one in among if one.key == key), None) if key else next(iter(among), None)


def picks(
    contact: Contact, *, channel: str, workspace: Workspace, about: Matter | None = None,
    typed: Mapping[UUID, Sequence[str]] | None = None,
) -> list[Pick]:  # fmt: skip
    """The templates of a channel that may be sent, by title; each in the language in which a reminder would go."""
    rows = (
        TemplateText.objects.of(workspace.pk)
        .filter(template__channel=channel, template__ended_at__isnull=True, state=TemplateText.State.APPROVED)
        .select_related("template")
        .order_by("template__title", "language")
    )
    by_template: dict[UUID, dict[str, TemplateText]] = {}
    for text in rows[: MOST * 3]:
        by_template.setdefault(text.template_id, {})[text.language] = text
    languages = (contact.language, workspace.language)
    best = [found for texts in by_template.values() if (found := planning.text_for(texts, *languages)) is not None]
    around = about.around if about else Around(workspace=workspace, contact=contact)
    return [_pick(text, around, (typed or {}).get(text.pk)) for text in best[:MOST]]


def pick(
    text_id: UUID, contact: Contact, *, workspace: Workspace, about: Matter | None = None, typed: Sequence[str] = ()
) -> Pick:
    """One text, filled; `typed` are values by hand in the order of its variables. Raises SayRefused when there is no such text."""
    text = TemplateText.objects.of(workspace.pk).select_related("template").filter(pk=text_id).first()
    if text is None or text.template.ended_at is not None:
        raise SayRefused(_("There is no such template any more."))
    return _pick(text, about.around if about else Around(workspace=workspace, contact=contact), typed)


def _pick(text: TemplateText, around: Around, typed: Sequence[str] | None) -> Pick:
    known = _known(text, around)
    given = [" ".join(value.split())[:LONGEST_VALUE] for value in typed] if typed else []
    found = given if len(given) == len(known) else known
    blanks = [
        Blank(f"v{place}", str(values.ALL[name].label) if name in values.ALL else name, value)
        for place, (name, value) in enumerate(zip(text.variables, found, strict=True))
    ]
    return Pick(
        text=text, channel=text.template.channel, title=text.template.title, purpose=text.template.purpose,
        language=text.language, language_name=dict(LANGUAGES).get(text.language, text.language),
        preview=_preview(text, found), values=found, blanks=blanks,
        missing=", ".join(blank.label for blank in blanks if not blank.value.strip()),
    )  # fmt: skip


def _known(text: TemplateText, around: Around) -> list[str]:
    """What is known for each variable; nothing for one that this program does not know, and no number for a name."""
    known = [name for name in text.variables if name in values.ALL]
    found = dict(zip(known, values.read(known, around, language=text.language), strict=True))
    if not any(letter.isalpha() for letter in around.contact.name):  # who wrote for the first time, and gave no name
        found |= dict.fromkeys({"name", "first_name"} & found.keys(), "")
    return [found.get(name, "") for name in text.variables]


def _preview(text: TemplateText, found: Sequence[str]) -> SafeString:
    """The text as it will be read, each value marked, so that the page can show what is typed meanwhile."""
    marks = [f"\ue000{place}\ue001" for place in range(len(found))]
    shown = str(escape(templates.filled(text, marks)))
    for place, (mark, value) in enumerate(zip(marks, found, strict=True)):
        shown = shown.replace(mark, f'<b data-value="v{place}">{escape(value.strip() or "…")}</b>')
    return mark_safe(shown.replace("\n", "<br>"))  # noqa: S308 (escaped above)
