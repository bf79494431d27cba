"""Companies: made, found by name, changed one by one and many at once."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import partial
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from amanat.accounts.models import Member
from amanat.core import ledger, tally
from amanat.core.tenancy import HasId, WorkspaceRow
from amanat.people import bulk, changing, drafts, records, rows, timeline, vocabulary
from amanat.people.changing import Kind, Origin
from amanat.people.drafts import CompanyDraft
from amanat.people.models import Company, RecordQuerySet, Source
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
    records.check_external_id(by, before="", after=draft.external_id)
    with transaction.atomic():
        tag_ids, tags = records.tag_ids(draft.tags, words, workspace=workspace)
        company, new = _made(draft, Origin(by, at, source, source_detail), workspace=workspace, tag_ids=tag_ids)
        records.refuse_double_id(lambda: rows.insert([*tags, *new]))
        tally.add("companies", 1, workspace=workspace)
        ledger.write("people.company.created", workspace=workspace, by=by, about=company, at=at, source=source)
    return company


def named(
    *, workspace: HasId | UUID, by: Member | None, at: datetime, name: str = "", company_id: UUID | None = None
) -> tuple[Company | None, list[WorkspaceRow]]:
    """The company of that id or name; when there is none of that name, a new one with its rows still to insert.

    Whoever sees few records finds only those among the names, and owns what is made, so as to find it again. Raises
    ValidationError for an id that is not there.
    """
    if company_id is not None:
        found = Company.objects.of(workspace).alive().filter(pk=company_id).first()
        if found is None:
            raise ValidationError({"company_name": _("There is no such company here.")})
        return found, []
    if not name:
        return None, []
    seen = Company.objects.of(workspace).alive()
    limited = by is not None and not by.sees_all
    if by is not None:
        seen = seen.visible_to(by)
    alike = seen.filter(sort_name=drafts.sort_name(name)).order_by("id")[:20]
    found = next((one for one in alike if one.name.casefold() == name.casefold()), None)
    if found is not None:
        return found, []
    draft = CompanyDraft(name=name, owner=by.pk if by is not None and limited else None)
    return _made(draft, Origin(by, at), workspace=workspace, tag_ids=[])


def _made(
    draft: CompanyDraft, origin: Origin, *, workspace: HasId | UUID, tag_ids: list[UUID]
) -> tuple[Company, list[WorkspaceRow]]:
    company = Company(**changing.first_columns(origin, workspace=workspace), tag_ids=tag_ids, **_columns(draft))
    return company, changing.first_rows(company, draft, origin, summary=timeline.say("company"))


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
    return changing.change(_KIND, company, by=by, at=at, changes=changes, seen_at=seen_at, words=words)


#: The same change on many companies, of those the member may see; returns how many there were. Raises ValidationError.
bulk_change = partial(bulk.apply, Company)
#: Companies the member may see that share a phone (E.164) or e-mail (lower-case), or have the name.
likely_same = partial(records.likely_same, "company")


def as_draft(company: Company, words: Vocabulary, lines: Lines | None = None) -> CompanyDraft:
    return CompanyDraft(
        **records.shared_draft(company, words, lines or records.reaches(company)),
        gstin=company.gstin,
        website=company.website,
        industry=company.industry,
    )


def _columns(draft: CompanyDraft) -> dict[str, Any]:
    return records.shared_columns(draft) | {
        "gstin": draft.gstin,
        "website": draft.website,
        "industry": draft.industry,
    }


def _rows(company: Company) -> RecordQuerySet[Company]:
    found: RecordQuerySet[Company] = Company.objects.of(company.workspace_id)
    return found


_KIND = Kind("company", _rows, as_draft, _columns, lambda *_nothing_is_only_named: [])
