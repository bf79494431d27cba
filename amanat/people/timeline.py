"""The timeline of a contact or company: one line per thing that happened, whoever made it happen.

Packages above register the kinds of lines they write; this one shows them all. A line never holds what the record it
refers to already holds; when that record goes, `forget` takes the line with it.

A line that we word keeps which of its kind's sentences it is and the values in it (`say`), so that each reader has it in her own
language; its `summary` holds the writer's, for exports and for the day on which nobody registers the kind any more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NotRequired, TypedDict, Unpack
from uuid import UUID

from django.db.models import F, Q, Value
from django.db.models.fields.tuple_lookups import Tuple, TupleLessThan
from django.db.models.functions import Greatest
from django.utils.functional import Promise

from amanat.accounts.models import Member
from amanat.core.tenancy import HasId, WorkspaceRow, workspace_id_of
from amanat.people.models import Company, Contact, Interaction

SUMMARY = 300
BODY = 10_000


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of line. `tone` is green, blue, violet, marigold, red or grey. `is_contact` moves "last contact"."""

    key: str
    label: str | Promise
    icon: str
    tone: str = "grey"
    is_contact: bool = False
    #: the tab the line stands under; its own when empty
    tab: str = ""
    #: what `say` may name, each with places for values: {"begun": gettext_lazy("%(title)s begun")}
    sentences: Mapping[str, str | Promise] = field(default_factory=dict, hash=False)
    #: values that are words themselves, by the name of their place: {"status": dict(Status.choices)}
    words: Mapping[str, Mapping[Any, str | Promise]] = field(default_factory=dict, hash=False)
    #: words a line from its data, where one sentence does not do; "" when it cannot
    tells: Callable[[Mapping[str, Any]], str] | None = field(default=None, hash=False)


class Kinds:
    """The registry, filled by each package in `AppConfig.ready()`."""

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}

    def register(self, kind: Kind) -> None:
        self._kinds[kind.key] = kind

    def get(self, key: str) -> Kind:
        """The kind, or a plain one for a key that nobody registers any more."""
        return self._kinds.get(key) or Kind(key, key, "circle-dot")

    def __iter__(self) -> Iterator[Kind]:
        return iter(self._kinds.values())

    def of_tab(self, tab: str) -> list[str]:
        """Keys of the kinds under a tab."""
        return [kind.key for kind in self if (kind.tab or kind.key) == tab]


kinds = Kinds()
register = kinds.register


@dataclass(frozen=True, slots=True)
class Said:
    """One of the sentences of a kind, with its values."""

    what: str
    values: Mapping[str, str]

    def text(self, kind: Kind) -> str:
        """In the language of whoever reads now; "" when the kind has no such sentence, or it asks for other values."""
        sentence = kind.sentences.get(self.what)
        try:
            filled = {name: str(kind.words.get(name, {}).get(value, value)) for name, value in self.values.items()}
            return str(sentence) % filled if sentence is not None else ""
        except (KeyError, TypeError, ValueError):
            return ""


def say(what: str, **values: str) -> Said:
    """The sentence `what` of a line's kind, for `summary`."""
    return Said(what, values)


def columns(kind: str, said: Said) -> dict[str, Any]:
    """What a line of `kind` keeps of a sentence."""
    return {
        "summary": said.text(kinds.get(kind))[:SUMMARY],
        "data": {"said": [said.what, dict(said.values)]},
    }


def summary_of(line: Interaction) -> str:
    """What a line says, in the reader's language where it can."""
    kind, data = kinds.get(line.kind), line.data if isinstance(line.data, dict) else {}
    match data.get("said"):
        case [str(what), dict(values)]:
            text = Said(what, values).text(kind)
        case _:
            text = kind.tells(data) if kind.tells is not None else ""
    return text or line.summary


@dataclass(frozen=True, slots=True)
class Place:
    """Where a page of the timeline ended: lines after it are older."""

    happened_at: datetime
    id: UUID

    def __str__(self) -> str:
        return f"{self.happened_at.isoformat()}~{self.id}"

    @classmethod
    def parse(cls, text: str) -> Place | None:
        moment, _, identity = text.partition("~")
        try:
            happened_at = datetime.fromisoformat(moment)
            return cls(happened_at, UUID(identity)) if happened_at.tzinfo else None
        except ValueError:
            return None


class Told(TypedDict):
    """What a line tells: a contact, a company or both; who did it; the row that it is about and that takes it along."""

    workspace: HasId | UUID
    kind: str
    summary: str | Said
    happened_at: datetime
    contact: NotRequired[HasId | UUID | None]
    company: NotRequired[HasId | UUID | None]
    actor: NotRequired[Member | None]
    body: NotRequired[str]
    reference: NotRequired[WorkspaceRow | None]
    data: NotRequired[dict[str, Any] | None]


def line(**told: Unpack[Told]) -> Interaction:
    """An unsaved line, for callers that insert many rows at once; they touch `last_contact_at` themselves."""
    actor, reference, data = told.get("actor"), told.get("reference"), told.get("data") or {}
    summary = told["summary"]
    if isinstance(summary, Said):
        kept = columns(told["kind"], summary)
        summary, data = kept["summary"], data | kept["data"]
    return Interaction(
        workspace_id=workspace_id_of(told["workspace"]),
        kind=told["kind"],
        summary=summary[:SUMMARY],
        body=told.get("body", "")[:BODY],
        happened_at=told["happened_at"],
        contact_id=_id(told.get("contact")),
        company_id=_id(told.get("company")),
        actor_id=actor.pk if actor else None,
        reference_kind=reference._meta.label if reference is not None else "",
        reference_id=reference.pk if reference is not None else None,
        data=data,
    )


def record(**told: Unpack[Told]) -> Interaction:
    """Write one line, in the transaction of what it tells. `happened_at` is aware; `body` is plain text.

    A kind that counts as contact moves the record's `last_contact_at` forward, never back.
    """
    written = line(**told)
    written.save(force_insert=True)
    if kinds.get(written.kind).is_contact:
        touch(
            workspace=written.workspace_id,
            at=written.happened_at,
            contact=written.contact_id,
            company=written.company_id,
        )
    return written


def touch(*, workspace: HasId | UUID, at: datetime, contact: UUID | None = None, company: UUID | None = None) -> None:
    """Say that there was contact at `at`; a statement only where it is news."""
    for model, identity in ((Contact, contact), (Company, company)):
        if identity is not None:
            model.objects.of(workspace).filter(pk=identity).filter(
                Q(last_contact_at__isnull=True) | Q(last_contact_at__lt=at)
            ).update(last_contact_at=Greatest(F("last_contact_at"), Value(at)))


def of(
    record: Contact | Company, *, kinds: Sequence[str] | None = None, after: Place | None = None, limit: int = 30
) -> list[Interaction]:
    """The newest lines of a record, older than `after`. A company shows the lines written on itself."""
    lines = Interaction.objects.of(record.workspace_id)
    lines = lines.filter(contact_id=record.pk) if isinstance(record, Contact) else lines.filter(company_id=record.pk)
    if kinds is not None:
        lines = lines.filter(kind__in=kinds)
    if after is not None:
        lines = lines.filter(TupleLessThan(Tuple(F("happened_at"), F("id")), (after.happened_at, after.id)))
    return list(lines.order_by("-happened_at", "-id")[:limit])


def forget(reference: WorkspaceRow) -> int:
    """Take away the lines of a row that goes. Returns how many."""
    lines = Interaction.objects.of(reference.workspace_id)
    return lines.filter(reference_id=reference.pk, reference_kind=reference._meta.label).delete()[0]


def _id(row: HasId | UUID | None) -> UUID | None:
    return row if row is None or isinstance(row, UUID) else row.pk
