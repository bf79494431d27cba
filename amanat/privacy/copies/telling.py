"""The values of rows, told to the person and told to machines. Both forms say the same; neither names other people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

from django.db import models
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language, get_language_info, gettext_lazy, pgettext_lazy
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.basis import rules, wording
from amanat.core import ledger_words
from amanat.core.tenancy import WorkspaceForeignKey, WorkspaceRow
from amanat.people import timeline, vocabulary
from amanat.people.models import Contact, Interaction
from amanat.people.vocabulary import Vocabulary
from amanat.policy.format import Policy
from amanat.privacy import laws
from amanat.privacy.copies import masking
from amanat.privacy.copies.gathering import Gathered, Row, Table
from amanat.privacy.copies.masking import Masker
from amanat.web import formatting

type Pair = tuple[str, str]

#: Fields that say nothing to a reader: they order rows or serve the search.
_NOT_READ = frozenset(
    {
        "id",
        "contact",
        "sort_name",
        "position",
        "updated_at",
        "code_tries",
        "main_phone",
        "main_email",
        "facts",
        "evidence",
    }
)
#: Tables made of the others for the program's own sake: a reader is told that they are there, machines get their rows.
_FOR_MACHINES = frozenset({"people.SearchEntry", "messaging.MessageWords"})
#: Of what a line of the timeline keeps beside its sentence: what leads the program to other rows.
_LEADS = frozenset({"said", "url", "attachment"})
#: Words for fields that no form asks for, so that their models have none.
_LABELS: dict[str, Promise] = {
    "created_at": gettext_lazy("added"), "added_at": gettext_lazy("added"), "made_at": gettext_lazy("made"), "at": gettext_lazy("when"),
    "on": gettext_lazy("day"), "what": gettext_lazy("what"), "purpose": gettext_lazy("purpose"), "channel": gettext_lazy("channel"),
    "method": gettext_lazy("how"), "reason": gettext_lazy("reason"), "rule": gettext_lazy("rule of the policy"), "by": gettext_lazy("by"),
    "created_by": gettext_lazy("added by"), "added_by": gettext_lazy("added by"), "ordered_by": gettext_lazy("ordered by"), "member": gettext_lazy("by"), "until": gettext_lazy("until"),
    "kind": gettext_lazy("kind"), "source": gettext_lazy("came from"), "file": gettext_lazy("file"), "state": pgettext_lazy("condition", "state"),
    "fee_paise": gettext_lazy("fee"), "paid_paise": gettext_lazy("paid"), "balance_paise": gettext_lazy("still to pay"), "amount_paise": gettext_lazy("amount"),
    "custom": gettext_lazy("own fields"), "tag_ids": gettext_lazy("tags"), "last_contact_at": gettext_lazy("last contact"), "is_allowed": gettext_lazy("allowed"),
    "number_sealed": gettext_lazy("number"), "number_tail": gettext_lazy("number, last characters"),
    "happened_at": gettext_lazy("when"), "last_at": gettext_lazy("last message"), "unread": gettext_lazy("not read yet"), "waiting_since": gettext_lazy("waits for an answer since"),
    "window_until": gettext_lazy("can be answered freely until"), "window_account": gettext_lazy("written to"), "addresses": gettext_lazy("addresses"),
    "received_at": gettext_lazy("received"), "identified_at": gettext_lazy("identified"), "promised_at": gettext_lazy("promised by"), "due_at": gettext_lazy("answer by"),
    "begun_at": gettext_lazy("begun"), "answered_at": gettext_lazy("answered"), "regimes": gettext_lazy("laws"), "details": gettext_lazy("what was asked"),
    "ordered_at": gettext_lazy("ordered"), "openings": gettext_lazy("taken how often"), "told_at": gettext_lazy("told"), "notice": gettext_lazy("notice"), "direction": gettext_lazy("direction"),
}  # fmt: skip
#: How the rows of tables are called, by which field.
_NAMED_BY = ("name", "title", "label")


@dataclass(frozen=True, slots=True)
class Record:
    """One row: its heading, if it has one, and what it says."""

    title: str
    lines: tuple[Pair, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A chapter or a part of one."""

    heading: str
    records: tuple[Record, ...] = ()
    lead: str = ""
    level: int = 2


@dataclass
class Teller:
    """Says values in the language that is active."""

    gathered: Gathered
    masker: Masker
    words: Vocabulary
    policy: Policy
    #: names of rows that foreign keys point at, by model and id
    names: Mapping[type[WorkspaceRow], Mapping[UUID, str]] = field(default_factory=dict)

    def section(self, table: Table) -> Section:
        heading = str(capfirst(str(ledger_words.table(table.model))))
        if table.label in _FOR_MACHINES:
            lead = _("Made of what stands here, so that the program finds it. The rows are in the folder “tables”.")
            return Section(heading, lead=lead, level=3)
        return Section(heading, tuple(self._record(table, row) for row in table.rows), level=3)

    def _record(self, table: Table, row: Row) -> Record:
        if table.label == "people.Interaction":  # by far the most rows: one line, not one for each field
            return self._line(table, row)
        pairs = []
        for one in table.fields:
            if one.name in _NOT_READ or type(one) is models.UUIDField:
                continue
            text = self.spoken(table, one, row)
            if text:
                pairs.append((str(capfirst(str(_LABELS.get(one.name, one.verbose_name)))), text))
        return Record("", tuple(pairs))

    def _line(self, table: Table, row: Row) -> Record:
        """A line of the timeline, in the language of the copy where its kind has a sentence."""
        facts = row["data"] if isinstance(row["data"], Mapping) else {}
        read = {**row, "data": {name: value for name, value in facts.items() if name not in _LEADS}}
        said = [self.spoken(table, one, read) for one in table.fields if one.name in {"body", "data", "actor"}]
        line = Interaction(kind=row["kind"], summary=row["summary"], data=row["data"])
        when = date_format(timezone.localtime(row["happened_at"]), "j M Y, H:i")
        title = f"{when} · {self.masker.text(timeline.summary_of(line))}"
        return Record(title, tuple(("", text) for text in said if text))

    def spoken(self, table: Table, one: models.Field[Any, Any], row: Row) -> str:
        """A value as text for people; "" when there is nothing to say."""
        value = row[one.name]
        if value in (None, "", [], {}):
            return ""
        if one.name == "custom":
            labels = {each.key: each.label for each in self.words.fields}
            return self._text({labels.get(key, key): each for key, each in self.masker.value(value).items()})
        if isinstance(one, models.ForeignKey):
            return self._who(one, value)
        if one.name.endswith("_paise"):
            return formatting.rupees(value)
        if one.name in _NAMED and not one.choices:
            return self._named(one.name, value, row)
        named = dict(one.flatchoices).get(value, value) if one.choices else self._masked(table, one, value)
        return self._text(named)

    def _named(self, field: str, value: Any, row: Row) -> str:
        """What stands in the row by a short name that only the program knows."""
        language, purpose = (get_language() or "en").split("-")[0], row.get("purpose", "")
        match field:
            case "tag_ids":
                said = ", ".join(self.words.tag_names(value))
            case "language":
                said = _language(value)
            case "regimes":
                said = ", ".join(laws.regime(one) for one in value)
            case "details":
                said = self._text(self.masker.value(_opened(value)))
            case "purpose" if purpose in self.policy.purposes:
                said = wording.purpose(self.policy, purpose, language)
            case "channel" if purpose in self.policy.purposes:
                said = wording.channel(self.policy, purpose, value, language)
            case _:
                said = ""
        return said or self._text(value)

    def machine(self, table: Table, row: Row) -> dict[str, Any]:
        """A row as plain JSON, by the names of its fields."""
        return {one.name: self._plain(table, one, row[one.name]) for one in table.fields}

    def _plain(self, table: Table, one: models.Field[Any, Any], value: Any) -> Any:
        if one.name == "tag_ids":
            return self.words.tag_names(value)
        if isinstance(value, UUID) and (seat := self.masker.member(value)):
            return {"role": seat.role, "initials": seat.initials}
        if isinstance(one, models.ForeignKey) and value is not None:
            return {"id": str(value), "name": self._who(one, value)}
        return _json(self._masked(table, one, value))

    def _masked(self, table: Table, one: models.Field[Any, Any], value: Any) -> Any:
        personal = table.personal(one.name)
        is_free = personal.kind in masking.FREE if personal else isinstance(one, models.TextField | models.JSONField)
        return self.masker.value(value) if is_free and isinstance(value, str | Mapping | list) else value

    def _who(self, one: Any, value: UUID) -> str:
        if one.related_model is Member:
            return str(self.masker.member(value) or "")
        name = self.names.get(one.related_model, {}).get(value, "")
        if one.related_model is Contact and value not in self.gathered.contact_ids:
            return formatting.initials(name) if name else ""
        return name

    def _text(self, value: Any) -> str:
        if isinstance(value, Mapping):
            told = {name: below for name, below in value.items() if below not in (None, "", [], {})}
            return "; ".join(f"{name}: {self._text(below)}" for name, below in told.items())
        if isinstance(value, list | tuple):
            return ", ".join(self._text(below) for below in value)
        if isinstance(value, UUID):
            return str(self.masker.member(value) or "")
        return _moment(value) if isinstance(value, datetime | date | time) else _word(value)


#: Fields whose values are short names.
_NAMED = frozenset({"purpose", "channel", "language", "regimes", "details", "tag_ids"})


def _language(code: str) -> str:
    try:
        return str(get_language_info(code)["name_translated"])
    except KeyError:
        return code


def _opened(text: Any) -> Any:
    """What a person said in a form, kept as JSON."""
    try:
        return json.loads(text)
    except (TypeError, ValueError):
        return text


def field_in_words(field: Any) -> str:
    """What a field is called; "" where only the program has a name for it."""
    spoken = _LABELS.get(field.name, field.verbose_name)
    return str(spoken) if isinstance(spoken, Promise) else ""


def _word(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    return "" if value is None else str(value)


def _moment(value: datetime | date | time) -> str:
    if isinstance(value, datetime):
        return date_format(timezone.localtime(value), "j M Y, H:i")
    return date_format(value, "j M Y") if isinstance(value, date) else f"{value:%H:%M}"


def of(gathered: Gathered) -> Teller:
    """A teller that knows whose the data is, who the others are, and what the rows that are pointed at are called."""
    here = gathered.workspace_id
    hers = [row[name] for label, name in _HERS for row in gathered.rows(label) if row[name]]
    masker = masking.of(gathered.strings(masking.FREE), workspace_id=here, contact_ids=gathered.contact_ids, hers=hers)
    return Teller(gathered, masker, vocabulary.of(here), rules.of(here).policy, _names(gathered))


_HERS = (("people.Contact", "name"), ("people.Phone", "number"), ("people.Email", "address"))


def _names(gathered: Gathered) -> dict[type[WorkspaceRow], dict[UUID, str]]:
    """One query for each table that is pointed at and whose rows have names."""
    wanted: dict[Any, set[UUID]] = {}
    for table in gathered.tables.values():
        for one in table.fields:
            if isinstance(one, WorkspaceForeignKey) and one.related_model is not Member:
                wanted.setdefault(one.related_model, set()).update(row[one.name] for row in table.rows if row[one.name])
    found = {}
    for model, ids in wanted.items():
        name = next((each for each in _NAMED_BY if each in {one.name for one in model._meta.local_concrete_fields}), "")
        if ids and name:
            manager: Any = model.objects
            found[model] = dict(manager.of(gathered.workspace_id).filter(pk__in=ids).values_list("pk", name))
    return found


def _json(value: Any) -> Any:
    if isinstance(value, datetime | date | time):
        return value.isoformat()
    if isinstance(value, UUID | Decimal | Promise):
        return str(value)
    if isinstance(value, Mapping):
        return {str(name): _json(below) for name, below in value.items()}
    return [_json(below) for below in value] if isinstance(value, list | tuple) else value


def cells(row: Mapping[str, Any], names: Iterable[str]) -> list[str]:
    """A machine's row as texts for CSV; what is nested stands as JSON-like text."""
    return [_cell(row.get(name)) for name in names]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return str(value.get("name") or " ".join(f"{name}={_cell(below)}" for name, below in value.items()))
    return ", ".join(map(_cell, value)) if isinstance(value, list) else str(value)
