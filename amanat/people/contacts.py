"""Contacts: made, changed one by one and many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import transaction
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from amanat.accounts.models import Member
from amanat.core import ids, ledger, tally
from amanat.core.tenancy import HasId, WorkspaceRow, workspace_id_of
from amanat.people import bulk, companies, drafts, records, rows, search, timeline, vocabulary
from amanat.people.drafts import AddressDraft, ContactDraft
from amanat.people.models import Company, Contact, Source
from amanat.people.records import Lines, Same, Stale
from amanat.people.vocabulary import Vocabulary

__all__ = [
    "AddressDraft", "ContactDraft", "Same", "Stale", "as_draft", "bulk_change", "change", "create", "entry_of", "likely_same",
]  # fmt: skip

LABELS = {
    "name": gettext_lazy("name"), "company": gettext_lazy("company"), "job_title": gettext_lazy("job title"),
    "phones": gettext_lazy("phones"), "emails": gettext_lazy("e-mails"), "addresses": gettext_lazy("addresses"),
    "tags": gettext_lazy("tags"), "stage": gettext_lazy("stage"), "language": gettext_lazy("language"),
    "birthday": gettext_lazy("birthday"), "owner": gettext_lazy("owner"), "team": gettext_lazy("team"),
    "notes": gettext_lazy("notes"), "follow_up_on": gettext_lazy("next follow-up"), "external_id": gettext_lazy("external id"),
    "gstin": gettext_lazy("GSTIN"), "website": gettext_lazy("website"), "industry": gettext_lazy("industry"),
}  # fmt: skip


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
        company, extra = companies.named(workspace=workspace, by=by, at=at, name=draft.company_name, company_id=draft.company_id)
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
        new: list[WorkspaceRow] = [*tags, *extra, contact, *records.reach_rows(contact, draft, source=source, at=at), told]
        new.append(search.row_of(entry_of(contact, draft)))
        records.refuse_double_id(lambda: rows.insert(new))
        tally.add("contacts", 1, workspace=workspace)
        if extra:
            tally.add("companies", 1, workspace=workspace)
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
        contact = Contact.objects.of(contact.workspace_id).select_related("company").select_for_update(of=("self",)).get(pk=contact.pk)
        if seen_at is not None and contact.updated_at != seen_at:
            raise Stale(contact)
        lines = records.reaches(contact)
        before = as_draft(contact, words, lines)
        wanted = changes if isinstance(changes, ContactDraft) else replace(before, **changes)
        if isinstance(changes, Mapping) and "company_name" in changes and "company_id" not in changes:
            wanted = replace(wanted, company_id=None)
        after = drafts.cleaned(wanted, words, on="contact")
        differences = _differences(before, after, words)
        if differences:
            _write(contact, after, lines, words, by=by, at=at, differences=differences)
    return contact


def _write(
    contact: Contact,
    after: ContactDraft,
    lines: Lines,
    words: Vocabulary,
    *,
    by: Member | None,
    at: datetime,
    differences: dict[str, tuple[str, str]],
) -> None:
    workspace = contact.workspace_id
    company, new = companies.named(workspace=workspace, by=by, at=at, name=after.company_name, company_id=after.company_id)
    tag_ids, tags = records.tag_ids(after.tags, words, workspace=workspace)
    contact.company, contact.tag_ids, contact.updated_at = company, tag_ids, at
    for column, value in _columns(after).items():
        setattr(contact, column, value)
    new = [*tags, *new, *records.replace_reaches(contact, after, lines, at=at)]
    new.append(
        timeline.line(
            workspace=workspace, kind="change", summary=_summary(differences), happened_at=at, contact=contact, actor=by,
            data={"changes": [[name, old, now] for name, (old, now) in differences.items()]},
        )  # fmt: skip
    )
    records.refuse_double_id(contact.save)
    rows.insert(new)
    if any(isinstance(row, Company) for row in new):
        tally.add("companies", 1, workspace=workspace)
    search.index([entry_of(contact, after)])
    ledger.write(
        "people.contact.changed", workspace=workspace, by=by, about=contact, at=at, fields=sorted(differences)
    )


def bulk_change(
    *, workspace: HasId, by: Member, at: datetime, ids: Sequence[UUID], changes: bulk.BulkChanges
) -> int:
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


def _differences(before: ContactDraft, after: ContactDraft, words: Vocabulary) -> dict[str, tuple[str, str]]:
    """What is new, by field: as it was, as it is."""
    found: dict[str, tuple[str, str]] = {}
    if (before.company_id, before.company_name) != (after.company_id, after.company_name):
        found["company"] = (before.company_name, after.company_name)
    for one in fields(ContactDraft):
        if one.name in {"company_id", "company_name", "custom"}:
            continue
        old, new = getattr(before, one.name), getattr(after, one.name)
        if (list(old) if isinstance(old, tuple | list) else old) != (list(new) if isinstance(new, tuple | list) else new):
            found[one.name] = (_told(one.name, old, words), _told(one.name, new, words))
    return found | custom_differences(before.custom, after.custom)


def custom_differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    keys = [key for key in {**before, **after} if before.get(key) != after.get(key)]
    return {f"custom-{key}": (records.show(before.get(key)), records.show(after.get(key))) for key in keys}


def _told(name: str, value: Any, words: Vocabulary) -> str:
    match name:
        case "owner":
            return words.member_name(value)
        case "stage":
            return words.stage_name(value)
        case "team":
            return words.teams.get(value, "")
        case "phones":
            return records.show_numbers(value)
        case "emails":
            return ", ".join(address for address, _label in value)
        case "tags":
            return ", ".join(value)
        case "addresses":
            return " | ".join(", ".join(getattr(one, part) for part in drafts.ADDRESS_PARTS if getattr(one, part)) for one in value)
        case _:
            return records.show(value)


def _summary(differences: Mapping[str, Any]) -> str:
    names = [str(LABELS.get(name, name.removeprefix("custom-"))) for name in differences]
    if len(names) > 3:
        return ngettext("Changed %(count)d field", "Changed %(count)d fields", len(names)) % {"count": len(names)}
    return _("Changed %(fields)s") % {"fields": ", ".join(names)}


def set_follow_up(*, contact: Contact, by: Member, at: datetime, day: date | None) -> Contact:
    """Set or take away the day of the next follow-up."""
    return change(contact=contact, by=by, at=at, changes={"follow_up_on": day})


