"""Contacts: made, changed one by one and many at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from amanat.accounts.models import Member
from amanat.core import ledger
from amanat.core.models import Tally
from amanat.core.tenancy import HasId, WorkspaceRow
from amanat.people import bulk, changing, companies, drafts, records, rows, timeline, vocabulary
from amanat.people.changing import Kind, Origin
from amanat.people.differences import Differences
from amanat.people.drafts import AddressDraft, ContactDraft
from amanat.people.models import Contact, RecordQuerySet, Source
from amanat.people.records import Lines, Same, Stale
from amanat.people.vocabulary import Vocabulary

__all__ = [
    "AddressDraft", "ContactDraft", "Same", "Stale", "as_draft", "bulk_change", "change", "create", "likely_same",
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
    records.check_external_id(by, before="", after=draft.external_id)
    with transaction.atomic():
        company, extra = companies.named(
            workspace=workspace, by=by, at=at, name=draft.company_name, company_id=draft.company_id
        )
        tag_ids, tags = records.tag_ids(draft.tags, words, workspace=workspace)
        origin = Origin(by, at, source, source_detail)
        contact = Contact(
            **changing.first_columns(origin, workspace=workspace), company=company, tag_ids=tag_ids, **_columns(draft)
        )
        new = [*tags, *extra, *changing.first_rows(contact, draft, origin, summary=timeline.say("contact"))]
        counted = ["contacts", "companies"] if extra else ["contacts"]
        new += [Tally(workspace_id=contact.workspace_id, what=what, change=1) for what in counted]
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
    return changing.change(_KIND, contact, by=by, at=at, changes=changes, seen_at=seen_at, words=words)


def _with_company(contact: Contact) -> RecordQuerySet[Contact]:
    found: RecordQuerySet[Contact] = Contact.objects.of(contact.workspace_id).select_related("company")
    return found


def _settle(
    contact: Contact, after: ContactDraft, found: Differences, by: Member | None, at: datetime
) -> list[WorkspaceRow]:
    if "company" not in found:
        return []
    contact.company, made = companies.named(
        workspace=contact.workspace_id, by=by, at=at, name=after.company_name, company_id=after.company_id
    )
    return made


#: The same change on many contacts, of those the member may see; returns how many there were. Raises ValidationError.
bulk_change = partial(bulk.apply, Contact)
#: Contacts the member may see that share a phone (E.164) or e-mail (lower-case), or have the name.
likely_same = partial(records.likely_same, "contact")


def as_draft(contact: Contact, words: Vocabulary, lines: Lines | None = None) -> ContactDraft:
    """The contact as a draft; its company must be loaded."""
    return ContactDraft(
        **records.shared_draft(contact, words, lines or records.reaches(contact)),
        company_name=contact.company.name if contact.company else "",
        company_id=contact.company_id,
        job_title=contact.job_title,
        stage=contact.stage_id,
        language=contact.language,
        birthday=contact.birthday,
    )


def _columns(draft: ContactDraft) -> dict[str, Any]:
    return records.shared_columns(draft) | {
        "job_title": draft.job_title,
        "stage_id": draft.stage,
        "language": draft.language,
        "birthday": draft.birthday,
        "main_phone": draft.phones[0][0] if draft.phones else "",
        "main_email": draft.emails[0][0] if draft.emails else "",
    }


_KIND = Kind("contact", _with_company, as_draft, _columns, _settle)
