"""What contacts and companies have in common when they are made and changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ids, phones
from amanat.core.tenancy import HasId, WorkspaceRow, workspace_id_of
from amanat.people import drafts
from amanat.people.drafts import ADDRESS_PARTS, AddressDraft, RecordDraft
from amanat.people.likely import Same, likely_same
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


def entry_of(record: Person, draft: RecordDraft) -> Entry:
    """What the record is found by."""
    words = [record.name, *(address for address, _label in draft.emails)]
    if isinstance(record, Company):
        words += [record.gstin, record.website]
    return Entry(
        kind=holder(record),
        id=record.pk,
        workspace_id=record.workspace_id,
        words=[word for word in words if word],
        digits=[number for number, _label in draft.phones],
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


def show(value: Any) -> str:
    """A value of a field as the history of changes tells it."""
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return _("Yes") if value else _("No")
    return "" if value is None else str(value)[:300]


def show_numbers(numbers: Sequence[tuple[str, str]]) -> str:
    return ", ".join(phones.national(number) for number, _label in numbers)


def shared_draft(record: Person, words: Vocabulary, lines: Lines) -> dict[str, Any]:
    """The fields of a draft that contacts and companies share, as they are now."""
    numbers, mails, addresses = lines
    keys = {field.key for field in words.fields_on(holder(record))}
    return {
        "name": record.name,
        "phones": numbers,
        "emails": mails,
        "addresses": addresses,
        "tags": words.tag_names(record.tag_ids),
        "owner": record.owner_id,
        "team": record.team_id,
        "notes": record.notes,
        "follow_up_on": record.follow_up_on,
        "custom": {key: value for key, value in record.custom.items() if key in keys},
        "external_id": record.external_id,
    }


def shared_columns(draft: RecordDraft) -> dict[str, Any]:
    """The columns that contacts and companies share, but for those that need a look at other tables."""
    return {
        "name": draft.name,
        "sort_name": drafts.sort_name(draft.name),
        "owner_id": draft.owner,
        "team_id": draft.team,
        "notes": draft.notes,
        "follow_up_on": draft.follow_up_on,
        "custom": dict(draft.custom),
        "external_id": draft.external_id,
    }


def check_external_id(by: Member | None, *, before: str, after: str) -> None:
    """Raise ValidationError where `by` may not give this external id: only who sees all records may (docs/decisions/0007).

    An id is unique in its workspace, so whoever sees few records could learn from a refusal that a hidden one exists.
    """
    if after != before and by is not None and not by.sees_all:
        raise ValidationError({"external_id": _("Only members who see all records can write external ids.")})


def refuse_double_id(save: Callable[[], None]) -> None:
    """Run `save`; an external id that another record has becomes a message at its field."""
    try:
        save()
    except IntegrityError as problem:
        if "external_id_once" not in str(problem):
            raise
        raise ValidationError({"external_id": _("Another record has this external id.")}) from None


__all__ = [
    "Lines", "Person", "Same", "Stale", "check_external_id", "entry_of", "holder", "likely_same", "reach_rows", "reaches", "refuse_double_id",
    "replace_reaches", "shared_columns", "shared_draft", "show", "show_numbers", "tag_ids",
]  # fmt: skip
