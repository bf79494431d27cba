"""Companies: made, found by name, changed one by one and many at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ids, ledger, tally
from amanat.core.tenancy import HasId, WorkspaceRow, workspace_id_of
from amanat.people import bulk, custom_fields, differences, drafts, records, rows, search, timeline, vocabulary
from amanat.people.drafts import CompanyDraft
from amanat.people.models import Company, Source
from amanat.people.records import Lines, Same, Stale
from amanat.people.vocabulary import Vocabulary

__all__ = ["CompanyDraft", "Same", "Stale", "as_draft", "bulk_change", "change", "create", "likely_same", "named"]


def create(
    *,
    workspace: HasId,
    by: Member | None,
    at: datetime,
    draft: CompanyDraft,
    source: str = Source.FORM,
    source_detail: str = "",
    words: Vocabulary | None = None,
) -> Company:
    """Make a company with all that hangs on it. Raises ValidationError whose keys are fields of the draft."""
    words = words or vocabulary.of(workspace)
    draft = drafts.cleaned(draft, words, on="company")
    with transaction.atomic():
        tag_ids, tags = records.tag_ids(draft.tags, words, workspace=workspace)
        company, new = _made(
            workspace, by, at, source=source, source_detail=source_detail, tag_ids=tag_ids, draft=draft
        )
        records.refuse_double_id(lambda: rows.insert([*tags, *new]))
        tally.add("companies", 1, workspace=workspace)
        ledger.write("people.company.created", workspace=workspace, by=by, about=company, at=at, source=source)
    return company


def named(
    *, workspace: HasId | UUID, by: Member | None, at: datetime, name: str = "", company_id: UUID | None = None
) -> tuple[Company | None, list[WorkspaceRow]]:
    """The company of that id or name; when there is none of that name, a new one with its rows still to insert.

    Raises ValidationError for an id that is not there.
    """
    if company_id is not None:
        found = Company.objects.of(workspace).alive().filter(pk=company_id).first()
        if found is None:
            raise ValidationError({"company_name": _("There is no such company here.")})
        return found, []
    if not name:
        return None, []
    alike = Company.objects.of(workspace).alive().filter(sort_name=drafts.sort_name(name)).order_by("id")[:20]
    found = next((one for one in alike if one.name.casefold() == name.casefold()), None)
    if found is not None:
        return found, []
    return _made(workspace, by, at, source=Source.FORM, source_detail="", tag_ids=[], draft=CompanyDraft(name=name))


def _made(
    workspace: HasId | UUID,
    by: Member | None,
    at: datetime,
    *,
    source: str,
    source_detail: str,
    tag_ids: list[UUID],
    draft: CompanyDraft,
) -> tuple[Company, list[WorkspaceRow]]:
    company = Company(
        id=ids.new(), workspace_id=workspace_id_of(workspace), source=source, source_detail=source_detail[:200],
        created_at=at, created_by=by, updated_at=at, tag_ids=tag_ids, **_columns(draft),
    )  # fmt: skip
    told = timeline.line(
        workspace=workspace, kind="created", summary=_("Company added"), happened_at=at, company=company, actor=by,
        data={"source": source, "detail": source_detail[:200]},
    )  # fmt: skip
    lines = records.reach_rows(company, draft, source=source, at=at)
    return company, [company, *lines, told, search.row_of(entry_of(company, draft))]


def change(
    *,
    company: Company,
    by: Member | None,
    at: datetime,
    changes: CompanyDraft | Mapping[str, Any],
    seen_at: datetime | None = None,
    words: Vocabulary | None = None,
) -> Company:
    """Change a company: a whole draft, or only the named fields of one. Raises ValidationError, Stale."""
    words = words or vocabulary.of(company.workspace_id)
    with transaction.atomic():
        company = Company.objects.of(company.workspace_id).select_for_update(of=("self",)).get(pk=company.pk)
        if seen_at is not None and company.updated_at != seen_at:
            raise Stale(company)
        lines = records.reaches(company)
        before = as_draft(company, words, lines)
        after = _after(before, changes, words)
        found = differences.between(before, after, words)
        if found:
            _write(company, after, lines, words, by=by, at=at, found=found)
    return company


def _after(before: CompanyDraft, changes: CompanyDraft | Mapping[str, Any], words: Vocabulary) -> CompanyDraft:
    if isinstance(changes, CompanyDraft):
        return drafts.cleaned(changes, words, on="company")
    some = dict(changes)
    custom = custom_fields.merged(words.fields_on("company"), before.custom, some.pop("custom", {}))
    return drafts.cleaned(replace(before, **some), words, on="company", stored_custom=custom)


def _write(
    company: Company,
    after: CompanyDraft,
    lines: Lines,
    words: Vocabulary,
    *,
    by: Member | None,
    at: datetime,
    found: differences.Differences,
) -> None:
    workspace = company.workspace_id
    hidden = {
        key: value
        for key, value in company.custom.items()
        if key not in {one.key for one in words.fields_on("company")}
    }
    tag_ids, tags = records.tag_ids(after.tags, words, workspace=workspace)
    company.tag_ids, company.updated_at = tag_ids, at
    for column, value in _columns(after).items():
        setattr(company, column, value)
    company.custom |= hidden  # values of retired fields stay
    told = timeline.line(
        workspace=workspace, kind="change", summary=differences.summary(found), happened_at=at, company=company, actor=by,
        data=differences.as_data(found),
    )  # fmt: skip
    records.refuse_double_id(company.save)
    rows.insert([*tags, *records.replace_reaches(company, after, lines, at=at), told])
    search.index([entry_of(company, after)])
    ledger.write("people.company.changed", workspace=workspace, by=by, about=company, at=at, fields=sorted(found))


def bulk_change(*, workspace: HasId, by: Member, at: datetime, ids: Sequence[UUID], changes: bulk.BulkChanges) -> int:
    """The same change on many companies, of those `by` may see. Returns how many there were. Raises ValidationError."""
    return bulk.apply(Company, workspace=workspace, by=by, at=at, ids=ids, changes=changes)


def likely_same(
    *,
    member: Member,
    phones: Sequence[str] = (),
    emails: Sequence[str] = (),
    name: str = "",
    but: UUID | None = None,
    limit: int = 5,
) -> list[Same]:
    """Companies the member may see that share a phone (E.164) or e-mail (lower-case), or have the name."""
    return records.likely_same("company", member=member, phones=phones, emails=emails, name=name, but=but, limit=limit)


def entry_of(company: Company, draft: CompanyDraft) -> search.Entry:
    """What the company is found by."""
    numbers = [number for number, _label in draft.phones]
    return records.entry_of(company, numbers=numbers, addresses=[address for address, _label in draft.emails])


def as_draft(company: Company, words: Vocabulary, lines: Lines | None = None) -> CompanyDraft:
    numbers, mails, addresses = lines or records.reaches(company)
    custom_keys = {field.key for field in words.fields_on("company")}
    taken = {one.name for one in fields(CompanyDraft)} & {
        "name",
        "gstin",
        "website",
        "industry",
        "notes",
        "follow_up_on",
        "external_id",
    }
    return CompanyDraft(
        **{name: getattr(company, name) for name in taken},
        phones=numbers,
        emails=mails,
        addresses=addresses,
        tags=words.tag_names(company.tag_ids),
        owner=company.owner_id,
        team=company.team_id,
        custom={key: value for key, value in company.custom.items() if key in custom_keys},
    )


def _columns(draft: CompanyDraft) -> dict[str, Any]:
    return {
        "name": draft.name,
        "sort_name": drafts.sort_name(draft.name),
        "owner_id": draft.owner,
        "team_id": draft.team,
        "notes": draft.notes,
        "follow_up_on": draft.follow_up_on,
        "custom": dict(draft.custom),
        "external_id": draft.external_id,
        "gstin": draft.gstin,
        "website": draft.website,
        "industry": draft.industry,
    }
