"""What a reader may see of a contact: what her purpose does not need comes back empty, what is sensitive comes back masked.

This module knows which field says what (`people.personal_data`) and how to blank and mask; which fields a purpose and a role get is
answered by a `Provider` that a package above registers (it knows the policy). Without one, everything is shown. Fields have the names of
`people.differences`: "phones", "birthday", "custom-aadhaar". A record's name always shows, or nobody could find it.

A guard costs no statement: what it rests on is read together with the workspace's words (`vocabulary.also`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol, cast
from uuid import UUID

from amanat.accounts.models import Member
from amanat.people.models import Contact
from amanat.people.vocabulary import Vocabulary

#: Fields of a contact and what each says about a person, as `personal_data` declares it (a test holds the two together).
KINDS: Mapping[str, str] = {
    "phones": "pd:TelephoneNumber",
    "emails": "pd:EmailAddress",
    "addresses": "pd:PhysicalAddress",
    "company": "pd:Professional",
    "job_title": "pd:Job",
    "stage": "pd:Interaction",
    "language": "pd:Language",
    "birthday": "pd:BirthDate",
    "external_id": "pd:Identifying",
    "notes": "dpv:PersonalData",
    "follow_up_on": "pd:Interaction",
    "last_contact_at": "pd:Interaction",
}
#: For which purpose lists and records are read unless a route says another.
SERVICE = "service"
#: Everything of a restricted person.
EVERYTHING = "*"
_SHOWN_LETTERS = 3
_ENOUGH = 7


@dataclass(frozen=True, slots=True)
class Guard:
    """What stays hidden on one page: fields outside the purpose, fields masked for the role, people whose use is restricted."""

    purpose: str = ""
    withheld: frozenset[str] = frozenset()
    masked: frozenset[str] = frozenset()
    restricted: frozenset[UUID] = frozenset()

    def hides(self, name: str) -> bool:
        return name in self.withheld or name in self.masked

    def cell(self, name: str, draw: Callable[[Any], str]) -> Callable[[Any], str]:
        """The same cell of a list for this reader; decided once a column, not once a row."""
        if name in self.withheld:
            return nothing
        if name in self.masked:
            return lambda row: mask(draw(row))
        return draw

    def about(self, contact_id: UUID | None) -> Guard:
        """The guard of one person among others: of a restricted one everything is closed until it is opened on her own page."""
        if contact_id not in self.restricted:
            return self
        return replace(self, withheld=self.withheld | self.masked | KINDS.keys(), masked=frozenset())

    def shown(self, name: str, text: str) -> str:
        """The text of a field for this reader: whole, its end, or nothing."""
        if name in self.withheld:
            return ""
        return mask(text) if name in self.masked else text

    @property
    def is_open(self) -> bool:
        return not (self.withheld or self.masked or self.restricted)


class Provider(Protocol):
    """Who knows the policy. `guard` costs no statement."""

    def guard(self, *, member: Member, words: Vocabulary, purpose: str, kinds: Mapping[str, str]) -> Guard: ...

    def opened(self, *, member: Member, contact_id: UUID) -> frozenset[str]: ...

    def note(self, *, member: Member, purpose: str, fields: Sequence[str]) -> None: ...

    def opening_url(self, contact_id: UUID, name: str) -> str: ...


_providers: list[Provider] = []


def register(provider: Provider) -> None:
    """Let `provider` answer; the last one registered does. Called in AppConfig.ready()."""
    _providers[:] = [provider]


@dataclass(frozen=True, slots=True)
class Hidden:
    """A field that is not shown: its name, its mask ("" when the purpose does not need it), and where it can be opened."""

    name: str
    mask: str = ""
    url: str = ""


def guard(member: Member, words: Vocabulary, purpose: str) -> Guard:
    """The guard of a member who reads contacts for a purpose."""
    return guard_of(member, words, purpose, kinds_of(words))


def guard_of(member: Member, words: Vocabulary, purpose: str, kinds: Mapping[str, str]) -> Guard:
    """The same for fields of other records that say something of a person: `kinds` names each with what it says."""
    if not _providers:
        return Guard(purpose)
    return _providers[-1].guard(member=member, words=words, purpose=purpose, kinds=kinds)


def kinds_of(words: Vocabulary) -> Mapping[str, str]:
    """Every field of contacts with what it says; own fields that say nothing about a person are not among them."""
    own = {f"custom-{one.key}": one.personal_kind for one in words.fields_on("contact") if one.personal_kind}
    return {**KINDS, **own} if own else KINDS


def note(held: Guard, member: Member, asked: Iterable[str]) -> None:
    """Write down that fields outside the purpose were asked for."""
    fields = sorted(held.withheld.intersection(asked))
    if fields and _providers:
        _providers[-1].note(member=member, purpose=held.purpose, fields=fields)


def for_record(held: Guard, member: Member, contact: Contact) -> tuple[Guard, bool]:
    """The guard of one contact's page: what she opened lately is open. The second: everything is closed, for it is restricted."""
    is_restricted = contact.pk in held.restricted
    if not _providers or not (held.masked or is_restricted):
        return held, False
    opened = _providers[-1].opened(member=member, contact_id=contact.pk)
    if is_restricted and EVERYTHING not in opened:
        return replace(held, withheld=held.withheld | held.masked | KINDS.keys()), True
    return replace(held, masked=frozenset() if EVERYTHING in opened else held.masked - opened), False


def opening_url(contact_id: UUID, name: str) -> str:
    """Where a value is opened, "" where nobody knows how."""
    return _providers[-1].opening_url(contact_id, name) if _providers else ""


def veil(contact: Contact, held: Guard, *, everything: bool = False) -> list[Hidden]:
    """Blank in `contact`, which must not be saved, what the guard hides, and tell what was there."""
    hidden = [
        _hidden(contact, held, name, value) for name, value in _values(contact) if value and (everything or held.hides(name))
    ]  # fmt: skip
    if everything:
        contact.custom = {}
        for name in KINDS:
            _blank(contact, name)
    else:
        for name in (*held.withheld, *held.masked):
            _blank(contact, name)
    return hidden


def _values(contact: Contact) -> Iterable[tuple[str, Any]]:
    plain: dict[str, Any] = {
        "phones": contact.main_phone, "emails": contact.main_email, "job_title": contact.job_title, "language": contact.language,
        "birthday": contact.birthday, "external_id": contact.external_id, "notes": contact.notes,
    }  # fmt: skip
    yield from plain.items()
    for key, value in contact.custom.items():
        yield f"custom-{key}", value


def _hidden(contact: Contact, held: Guard, name: str, value: Any) -> Hidden:
    if name not in held.masked:
        return Hidden(name)
    text = "" if name == "birthday" else str(value)
    return Hidden(name, mask(text) or "••••", opening_url(contact.pk, name))


def _blank(contact: Contact, name: str) -> None:
    if name.startswith("custom-"):
        contact.custom = {key: value for key, value in contact.custom.items() if f"custom-{key}" != name}
    elif name in {"birthday", "follow_up_on", "last_contact_at"}:
        setattr(contact, name, None)
    elif name == "phones":
        contact.main_phone = ""
    elif name == "emails":
        contact.main_email = ""
    elif name in {"company", "stage"}:
        setattr(contact, name, None)
    elif name != "addresses":
        setattr(contact, name, "")


def mask(text: str) -> str:
    """The end of a value behind dots: "•••• 736". Short ones are dots only, nothing stays nothing."""
    if not text:
        return ""
    return f"•••• {text[-_SHOWN_LETTERS:]}" if len(text) >= _ENOUGH else "••••"


def nothing(row: Any) -> str:
    """A cell without content."""
    return ""


def without[Draft](draft: Draft, hidden: frozenset[str]) -> Draft:
    """The draft of a record on its way out, emptied of what is hidden."""
    for name in hidden:
        if name.startswith("custom-"):
            cast(Any, draft).custom.pop(name.removeprefix("custom-"), None)
        else:
            value = getattr(draft, name, None)
            if value:
                setattr(draft, name, type(value)())
    return draft


@dataclass(frozen=True, slots=True)
class LeftOut:
    """What an export of contacts leaves out: people whose use is restricted, fields that its purpose or its maker does not get."""

    ids: Sequence[UUID]  #: those that remain
    people: int = 0
    fields: frozenset[str] = frozenset()

    def as_facts(self) -> dict[str, Any]:
        facts: dict[str, Any] = {"left_out_people": self.people} if self.people else {}
        return facts | ({"left_out_fields": sorted(self.fields)} if self.fields else {})


def for_export(member: Member, words: Vocabulary, ids: Sequence[UUID], *, on: str, purpose: str) -> LeftOut:
    """What may go out of a list of records. Companies go whole."""
    if on != "contact":
        return LeftOut(ids)
    held = guard(member, words, purpose)
    kept = [one for one in ids if one not in held.restricted] if held.restricted else ids
    note(held, member, held.withheld)
    return LeftOut(kept, len(ids) - len(kept), held.withheld | held.masked)
