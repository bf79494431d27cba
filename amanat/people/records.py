"""What contacts and companies have in common when they are made and changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ids, phones
from amanat.core.tenancy import HasId, WorkspaceRow, workspace_id_of
from amanat.people import search
from amanat.people.drafts import ADDRESS_PARTS, AddressDraft, RecordDraft, sort_name
from amanat.people.models import Address, Company, Contact, Email, Phone, Tag
from amanat.people.search import Entry
from amanat.people.vocabulary import TagWord, Vocabulary

type Person = Contact | Company
type Lines = tuple[list[tuple[str, str]], list[tuple[str, str]], list[AddressDraft]]


class Stale(Exception):
    """Somebody else changed the record since it was read for changing."""

    def __init__(self, record: Person) -> None:
        super().__init__(f"{record._meta.model_name} was changed meanwhile")
        self.record = record


@dataclass(frozen=True, slots=True)
class Same:
    """A record that may be the one being written. `reason` is "phone", "email" or "name"; `value` what they share."""

    kind: str
    id: UUID
    name: str
    reason: str
    value: str


def tag_ids(names: Sequence[str], words: Vocabulary, *, workspace: HasId | UUID) -> tuple[list[UUID], list[Tag]]:
    """The ids of tags by name, and the tags that had to be made (unsaved); `words` learns them."""
    by_key = {tag.key: tag.id for tag in words.tags.values()}
    found, made = [], []
    for name in names:
        key = name.casefold()
        if key not in by_key:
            tag = Tag(id=ids.new(), workspace_id=workspace_id_of(workspace), name=name, key=key)
            words.tags[tag.id] = TagWord(tag.id, name, key)
            by_key[key] = tag.id
            made.append(tag)
        found.append(by_key[key])
    return found, made


def reach_rows(record: Person, draft: RecordDraft, *, source: str, at: datetime) -> list[WorkspaceRow]:
    """The rows of phones, e-mails and addresses, unsaved, in order."""
    shared: dict[str, Any] = {
        "workspace_id": record.workspace_id,
        "source": source,
        "created_at": at,
        holder(record): record,
    }
    rows: list[WorkspaceRow] = [
        Phone(number=number, label=label, position=place, **shared)
        for place, (number, label) in enumerate(draft.phones)
    ]
    rows += [
        Email(address=text, label=label, position=place, **shared) for place, (text, label) in enumerate(draft.emails)
    ]
    rows += [
        Address(label=line.label, position=place, **{part: getattr(line, part) for part in ADDRESS_PARTS}, **shared)
        for place, line in enumerate(draft.addresses)
    ]
    return rows


def holder(record: Person) -> str:
    """The column by which phones, e-mails, addresses and lines point at this record."""
    return "contact" if isinstance(record, Contact) else "company"


def entry_of(record: Person, *, numbers: Sequence[str], addresses: Sequence[str]) -> Entry:
    """What the record is found by."""
    words = [record.name, *addresses]
    if isinstance(record, Company):
        words += [record.gstin, record.website]
    return Entry(
        kind=holder(record),
        id=record.pk,
        workspace_id=record.workspace_id,
        words=[word for word in words if word],
        digits=list(numbers),
        owner_id=record.owner_id,
        team_id=record.team_id,
    )


_REACHES = """
SELECT 0, number, label, extension, verified_at, NULL, NULL, NULL, NULL, NULL, position, is_whatsapp
  FROM people_phone WHERE workspace_id = %(ws)s AND {holder}_id = %(id)s
UNION ALL SELECT 1, address, label, '', verified_at, NULL, NULL, NULL, NULL, NULL, position, NULL
  FROM people_email WHERE workspace_id = %(ws)s AND {holder}_id = %(id)s
UNION ALL SELECT 2, street, label, locality, verified_at, city, district, state, postal_code, country, position, NULL
  FROM people_address WHERE workspace_id = %(ws)s AND {holder}_id = %(id)s
ORDER BY 1, 11
"""


def reaches(record: Person) -> Lines:
    """Phones, e-mails and addresses of a record, in one statement."""
    with connection.cursor() as cursor:
        sql = _REACHES.format(holder=holder(record))  # one of two words of ours
        cursor.execute(sql, {"ws": record.workspace_id, "id": record.pk})
        rows = cursor.fetchall()
    numbers = [(row[1], row[2]) for row in rows if row[0] == 0]
    mails = [(row[1], row[2]) for row in rows if row[0] == 1]
    places = [
        AddressDraft(
            street=r[1], locality=r[3], city=r[5], district=r[6], state=r[7], postal_code=r[8], country=r[9], label=r[2]
        )
        for r in rows
        if r[0] == 2
    ]
    return numbers, mails, places


def replace_reaches(record: Person, draft: RecordDraft, now: Lines, *, at: datetime) -> list[WorkspaceRow]:
    """Make phones, e-mails and addresses those of the draft; what stays keeps its row. Returns rows to insert."""
    fresh: list[WorkspaceRow] = []
    wanted = reach_rows(record, draft, source="form", at=at)
    for model, key, place in ((Phone, "number", 0), (Email, "address", 1)):
        mine = [row for row in wanted if isinstance(row, model)]
        if [(getattr(row, key), row.label) for row in mine] == list(now[place]):
            continue
        rows = model.objects.of(record.workspace_id).filter(**{holder(record): record})
        kept = {getattr(row, key): row for row in rows}
        values = {getattr(row, key) for row in mine}
        gone = [row.pk for value, row in kept.items() if value not in values]
        if gone:
            model.objects.of(record.workspace_id).filter(pk__in=gone).delete()
        for row in mine:
            old = kept.get(getattr(row, key))
            if old is None:
                fresh.append(row)
            elif (old.label, old.position) != (row.label, row.position):
                old.label, old.position = row.label, row.position
                old.save(update_fields=["label", "position"])
    if list(draft.addresses) != list(now[2]):
        Address.objects.of(record.workspace_id).filter(**{holder(record): record}).delete()
        fresh += [row for row in wanted if isinstance(row, Address)]
    return fresh


_SAME = """
SELECT '{kind}', r.id, r.name, 'phone', p.number FROM people_phone p
  JOIN people_{kind} r ON r.workspace_id = p.workspace_id AND r.id = p.{kind}_id
  WHERE p.workspace_id = %(ws)s AND p.number = ANY (%(numbers)s) AND r.deleted_at IS NULL AND r.id <> %(but)s {seen}
UNION ALL
SELECT '{kind}', r.id, r.name, 'email', e.address FROM people_email e
  JOIN people_{kind} r ON r.workspace_id = e.workspace_id AND r.id = e.{kind}_id
  WHERE e.workspace_id = %(ws)s AND e.address = ANY (%(mails)s) AND r.deleted_at IS NULL AND r.id <> %(but)s {seen}
"""
_NOBODY = UUID(int=0)


def likely_same(
    kind: str,
    *,
    member: Member,
    phones: Sequence[str] = (),
    emails: Sequence[str] = (),
    name: str = "",
    but: UUID | None = None,
    limit: int = 5,
) -> list[Same]:
    """Records of `kind` that have one of the phones (E.164) or e-mails (lower-case); with a name, those of that name too.

    Only what `member` may see is told. Separate look-ups, so that each uses its index.
    """
    found: list[Same] = []
    if phones or emails:
        seen = "" if member.sees_all else "AND (r.owner_id = %(me)s OR r.team_id = ANY (%(teams)s))"
        with connection.cursor() as cursor:
            cursor.execute(
                f"SELECT * FROM ({_SAME.format(kind=kind, seen=seen)}) AS same LIMIT %(limit)s",  # noqa: S608 (words of ours)
                {
                    "ws": member.workspace_id, "numbers": list(phones), "mails": list(emails), "but": but or _NOBODY,
                    "me": member.pk, "teams": [] if member.sees_all else list(member.team_ids), "limit": limit,
                },
            )  # fmt: skip
            found = [Same(*row) for row in cursor.fetchall()]
    if name and len(found) < limit:
        found += _of_name(kind, name, member=member, but={but, *(same.id for same in found)}, limit=limit - len(found))
    unique = {same.id: same for same in reversed(found)}
    return list(reversed(unique.values()))


def _of_name(kind: str, name: str, *, member: Member, but: set[UUID | None], limit: int) -> list[Same]:
    hits = [hit.id for hit in search.find(name, member=member, kinds=[kind], limit=limit + 2) if hit.id not in but]
    if not hits:
        return []
    model: type[Contact] | type[Company] = Contact if kind == "contact" else Company
    rows = model.objects.of(member.workspace_id).visible_to(member).alive().filter(pk__in=hits)
    wanted = len(sort_name(name))
    names = {row[0]: row[1] for row in rows.values_list("pk", "name")}
    # A hit has every word; a name that is much longer is another person's.
    near = [hit for hit in hits if hit in names and len(sort_name(names[hit])) <= wanted + 4]
    return [Same(kind, hit, names[hit], "name", names[hit]) for hit in near[:limit]]


def show(value: Any) -> str:
    """A value of a field as the history of changes tells it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return "" if value is None else str(value)[:300]


def show_numbers(numbers: Sequence[tuple[str, str]]) -> str:
    return ", ".join(phones.national(number) for number, _label in numbers)


def refuse_double_id(save: Callable[[], None]) -> None:
    """Run `save`; an external id that another record has becomes a message at its field."""
    try:
        save()
    except IntegrityError as problem:
        if "external_id_once" not in str(problem):
            raise
        raise ValidationError({"external_id": _("Another record has this external id.")}) from None
