"""What several pages of the desk look up."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.db.models import Exists, QuerySet
from django.http import Http404

from amanat.accounts.access import MemberRequest
from amanat.accounts.models import Member
from amanat.core.tenancy import WorkspaceRow
from amanat.desk import fields
from amanat.desk.models import Paper, Service, ServiceRecord, Task
from amanat.people.models import CustomField


def record_of(request: MemberRequest, record_id: UUID) -> ServiceRecord:
    """A record the member may see, in the bin or not; anything else does not exist."""
    rows = ServiceRecord.objects.of(request.workspace).visible_to(request.member)
    return _or_404(rows.select_related("contact", "company", "service", "owner"), record_id)


def task_of(request: MemberRequest, task_id: UUID) -> Task:
    rows = Task.objects.of(request.workspace).visible_to(request.member)
    return _or_404(rows.select_related("contact", "company", "record", "assignee"), task_id)


def paper_of(request: MemberRequest, paper_id: UUID) -> Paper:
    rows = Paper.objects.of(request.workspace).visible_to(request.member)
    return _or_404(rows.select_related("contact", "record", "file"), paper_id)


def service_of(request: MemberRequest, service_id: UUID) -> Service:
    return _or_404(Service.objects.of(request.workspace), service_id)


def offered(request: MemberRequest) -> list[Service]:
    """The catalogue as the counter sees it. Each entry knows, as `has_fields`, whether services have fields of their own."""
    found = Service.objects.of(request.workspace).filter(is_active=True).order_by("position", "id")
    return list(found.annotate(has_fields=Exists(fields.rows(request.workspace))))


def own_fields(request: MemberRequest, offered: list[Any]) -> list[CustomField]:
    """The fields of services; no statement when the catalogue says that there are none."""
    return fields.of(request.workspace) if not offered or offered[0].has_fields else []


def members(request: MemberRequest) -> list[Member]:
    return list(Member.objects.of(request.workspace).filter(ended_at__isnull=True).order_by("name", "id"))


def _or_404[Row: WorkspaceRow](rows: QuerySet[Row], identity: UUID) -> Row:
    found = rows.filter(pk=identity).first()
    if found is None:
        raise Http404
    return found
