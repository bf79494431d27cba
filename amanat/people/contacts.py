"""Contacts: made, changed one by one and many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ids, ledger, tally
from amanat.core.models import Tally
from amanat.core.tenancy import HasId, WorkspaceRow, workspace_id_of
from amanat.people import (
    bulk,
    companies,
    custom_fields,
    differences,
    drafts,
    records,
    rows,
    search,
    timeline,
    vocabulary,
)
from amanat.people.drafts import AddressDraft, ContactDraft
from amanat.people.models import Company, Contact, Source
from amanat.people.records import Lines, Same, Stale
from amanat.people.vocabulary import Vocabulary

__all__ = [
    "AddressDraft", "ContactDraft", "Same", "Stale", "as_draft", "bulk_change", "change", "create", "entry_of", "likely_same",
]  # fmt: skip


def create(
    *,
    workspace: HasId,
    by: Member | None,
    at: datetime,
    draft: ContactDraft,
    source: str = Source.FORM,
    source_detail: str = "",
    words: Vocabulary | None = None,
) -> Contact:
    """Make a contact with all that hangs on it. Raises ValidationError whose keys are fields of the draft.

    `words` is the workspace's vocabulary when the caller has read it already. A company that is only named is found by
    its name, or made.
    """
    words = words or vocabulary.of(workspace)
    draft = drafts.cleaned(draft, words, on="contact")
    with transaction.atomic():
        company, extra = companies.named(
            workspace=workspace, by=by, at=at, name=draft.company_name, company_id=draft.company_id
        )
        tag_ids, tags = records.tag_ids(draft.tags, words, workspace=workspace)
        contact = Contact(
            id=ids.new(),
            workspace_id=workspace_id_of(workspace),
            source=source,
            source_detail=source_detail[:200],
            created_at=at,
            created_by=by,
            updated_at=at,
            company=company,
            tag_ids=tag_ids,
            **_columns(draft),
        )
        told = timeline.line(
            workspace=workspace, kind="created", summary=_("Contact added"), happened_at=at, contact=contact, actor=by,
            data={"source": source, "detail": source_detail[:200]},
        )  # fmt: skip
        new: list[WorkspaceRow] = [
            *tags,
            *extra,
            contact,
            *records.reach_rows(contact, draft, source=source, at=at),
            told,
        ]
        new += [
            search.row_of(entry_of(contact, draft)),
            Tally(workspace_id=contact.workspace_id, what="contacts", change=1),
        ]
        if extra:
            new.append(Tally(workspace_id=contact.workspace_id, what="companies", change=1))
        records.refuse_double_id(lambda: rows.insert(new))
        ledger.write("people.contact.created", workspace=workspace, by=by, about=contact, at=at, source=source)
    return contact


def change(
    *,
    contact: Contact,
    by: Member | None,
    at: datetime,
    changes: ContactDraft | Mapping[str, Any],
    seen_at: datetime | None = None,
    words: Vocabulary | None = None,
) -> Contact:
    """Change a contact: a whole draft, or only the named fields of one (`{"stage": ...}`). Raises ValidationError.

    `seen_at` is the contact's `updated_at` as the person read it; raises Stale when it was changed since.
    """
    words = words or vocabulary.of(contact.workspace_id)
    with transaction.atomic():
        contact = (
            Contact.objects.of(contact.workspace_id)
            .select_related("company")
            .select_for_update(of=("self",))
            .get(pk=contact.pk)
        )
        if seen_at is not None and contact.updated_at != seen_at:
            raise Stale(contact)
        lines = records.reaches(contact)
        before = as_draft(contact, words, lines)
        after = _after(before, changes, words)
        found = differences.between(before, after, words)
        if found:
            _write(contact, after, lines, words, by=by, at=at, found=found)
    return contact


def _after(before: ContactDraft, changes: ContactDraft | Mapping[str, Any], words: Vocabulary) -> ContactDraft:
    if isinstance(changes, ContactDraft):
        return drafts.cleaned(changes, words, on="contact")
    named = dict(changes)
    custom = custom_fields.merged(words.fields_on("contact"), before.custom, named.pop("custom", {}))
    if "company_name" in named:
        named.setdefault("company_id", None)
    return drafts.cleaned(replace(before, **named), words, on="contact", stored_custom=custom)


def _write(
    contact: Contact,
    after: ContactDraft,
    lines: Lines,
    words: Vocabulary,
    *,
    by: Member | None,
    at: datetime,
    found: differences.Differences,
) -> None:
    workspace = contact.workspace_id
    company, made = contact.company, list[WorkspaceRow]()
    if "company" in found:
        company, made = companies.named(
            workspace=workspace, by=by, at=at, name=after.company_name, company_id=after.company_id
        )
    hidden = {
        key: value
        for key, value in contact.custom.items()
        if key not in {one.key for one in words.fields_on("contact")}
    }
    tag_ids, tags = records.tag_ids(after.tags, words, workspace=workspace)
    contact.company, contact.tag_ids, contact.updated_at = company, tag_ids, at
    for column, value in _columns(after).items():
        setattr(contact, column, value)
    contact.custom |= hidden  # values of retired fields stay
    new = [*tags, *made, *records.replace_reaches(contact, after, lines, at=at)]
    new.append(
        timeline.line(
            workspace=workspace,
            kind="change",
            summary=differences.summary(found),
            happened_at=at,
            contact=contact,
            actor=by,
            data=differences.as_data(found),
        )
    )
    records.refuse_double_id(contact.save)
    rows.insert(new)
    if any(isinstance(row, Company) for row in new):
        tally.add("companies", 1, workspace=workspace)
    search.index([entry_of(contact, after)])
    ledger.write("people.contact.changed", workspace=workspace, by=by, about=contact, at=at, fields=sorted(found))


def bulk_change(*, workspace: HasId, by: Member, at: datetime, ids: Sequence[UUID], changes: bulk.BulkChanges) -> int:
    """The same change on many contacts, of those `by` may see. Returns how many there were. Raises ValidationError."""
    return bulk.apply(Contact, workspace=workspace, by=by, at=at, ids=ids, changes=changes)


def likely_same(
    *,
    member: Member,
    phones: Sequence[str] = (),
    emails: Sequence[str] = (),
    name: str = "",
    but: UUID | None = None,
    limit: int = 5,
) -> list[Same]:
    """Contacts the member may see that share a phone (E.164) or e-mail (lower-case), or have the name."""
    return records.likely_same("contact", member=member, phones=phones, emails=emails, name=name, but=but, limit=limit)


def entry_of(contact: Contact, draft: ContactDraft) -> search.Entry:
    """What the contact is found by."""
    numbers = [number for number, _label in draft.phones]
    return records.entry_of(contact, numbers=numbers, addresses=[address for address, _label in draft.emails])


def as_draft(contact: Contact, words: Vocabulary, lines: Lines | None = None) -> ContactDraft:
    """The contact as a draft; its company must be loaded."""
    numbers, mails, addresses = lines or records.reaches(contact)
    custom_keys = {field.key for field in words.fields_on("contact")}
    return ContactDraft(
        name=contact.name,
        company_name=contact.company.name if contact.company else "",
        company_id=contact.company_id,
        job_title=contact.job_title,
        phones=numbers,
        emails=mails,
        addresses=addresses,
        tags=words.tag_names(contact.tag_ids),
        stage=contact.stage_id,
        language=contact.language,
        birthday=contact.birthday,
        owner=contact.owner_id,
        team=contact.team_id,
        notes=contact.notes,
        follow_up_on=contact.follow_up_on,
        custom={key: value for key, value in contact.custom.items() if key in custom_keys},
        external_id=contact.external_id,
    )


def _columns(draft: ContactDraft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "sort_name": drafts.sort_name(draft.name),
        "job_title": draft.job_title,
        "stage_id": draft.stage,
        "language": draft.language,
        "birthday": draft.birthday,
        "owner_id": draft.owner,
        "team_id": draft.team,
        "notes": draft.notes,
        "follow_up_on": draft.follow_up_on,
        "custom": dict(draft.custom),
        "external_id": draft.external_id,
        "main_phone": draft.phones[0][0] if draft.phones else "",
        "main_email": draft.emails[0][0] if draft.emails else "",
    }


def set_follow_up(*, contact: Contact, by: Member, at: datetime, day: date | None) -> Contact:
    """Set or take away the day of the next follow-up."""
    return change(contact=contact, by=by, at=at, changes={"follow_up_on": day})
