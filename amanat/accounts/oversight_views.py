"""What an owner or auditor may look at: the ledger, and the jobs of the workspace with their failures."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.contrib import messages
from django.core.exceptions import BadRequest
from django.db import connection
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST
from procrastinate.contrib.django import app

from amanat.accounts import operating
from amanat.accounts.access import MemberRequest
from amanat.accounts.models import Member
from amanat.core import clock, jobs, ledger, ledger_words
from amanat.core.models import LedgerEntry, LedgerHead

PAGE = 50
STATES = ("todo", "doing", "failed", "succeeded")


def ledger_page(request: MemberRequest) -> HttpResponse:
    """The ledger, newest first. `kind` narrows to facts of one subject, `after` continues below an entry."""
    entries = LedgerEntry.objects.of(request.workspace).order_by("-at", "-id")
    kind = request.GET.get("kind", "")
    if kind == "facts":
        entries = entries.exclude(event__startswith="row.")
    elif kind == "rows":
        entries = entries.filter(event__startswith="row.")
    if about := _uuid(request.GET.get("about", "")):
        entries = entries.filter(about=about)
    if after := request.GET.get("after", ""):
        at, last = _place(after)
        entries = entries.filter(at__lte=at).exclude(at=at, id__gte=last)
    found = list(entries[: PAGE + 1])
    actors = {entry.actor for entry in found if entry.actor}
    names = dict(Member.objects.of(request.workspace).filter(id__in=actors).values_list("id", "name"))
    lines = [
        (entry, ledger_words.of(entry.event, entry.facts), names.get(entry.actor, "") if entry.actor else "")
        for entry in found[:PAGE]
    ]
    older = f"{found[PAGE - 1].at.isoformat()}~{found[PAGE - 1].id}" if len(found) > PAGE else ""
    head = LedgerHead.objects.of(request.workspace).first()
    return render(
        request,
        "accounts/ledger.html",
        {"lines": lines, "older": older, "kind": kind, "head": head},
    )


def _place(text: str) -> tuple[datetime, UUID]:
    at_text, _mark, id_text = text.partition("~")
    try:
        at, last = parse_datetime(at_text.replace(" ", "+")), _uuid(id_text)
    except ValueError:
        at, last = None, None
    if at is None or last is None:
        raise BadRequest("after")
    return at, last


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


@require_POST
def verify(request: MemberRequest) -> HttpResponse:
    """Check the chain of this workspace now and say the outcome."""
    verdict = ledger.verify(request.workspace.id, whole=False)
    if verdict.is_intact:
        messages.success(request, _("The ledger is whole: %(count)s sealed entries.") % {"count": verdict.entries})
    else:
        messages.error(request, _("The ledger is broken: %(problem)s") % {"problem": verdict.problem})
    return HttpResponseRedirect(reverse("oversight:ledger"), status=303)


@dataclass(frozen=True)
class JobLine:
    number: int
    name: str
    purpose: str
    state: str
    tries: int
    at: datetime | None


def jobs_page(request: MemberRequest) -> HttpResponse:
    """Jobs of this workspace: counts by state, those that failed, those that wait or run."""
    known = jobs.registered()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT status::text, count(*) FROM procrastinate_jobs WHERE args->>'workspace_id' = %s GROUP BY status",
            [str(request.workspace.id)],
        )
        counts = dict(cursor.fetchall())
        cursor.execute(
            "SELECT j.id, j.task_name, j.status::text, j.attempts, "
            "(SELECT max(e.at) FROM procrastinate_events e WHERE e.job_id = j.id) "
            "FROM procrastinate_jobs j WHERE j.args->>'workspace_id' = %s AND j.status IN ('todo', 'doing', 'failed') "
            "ORDER BY j.status = 'failed' DESC, j.id DESC LIMIT 100",
            [str(request.workspace.id)],
        )
        lines = [
            JobLine(number, name, _(known[name].purpose) if name in known else "", state, tries, at)
            for number, name, state, tries, at in cursor.fetchall()
        ]
    states = [(state, counts.get(state, 0)) for state in STATES]
    troubles = operating.troubles_for(request.workspace)
    return render(request, "accounts/jobs.html", {"states": states, "lines": lines, "troubles": troubles})


@require_POST
def try_again(request: MemberRequest, number: int) -> HttpResponse:
    """Put a failed job of this workspace back into the queue."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT task_name FROM procrastinate_jobs WHERE id = %s AND status = 'failed' AND args->>'workspace_id' = %s",
            [number, str(request.workspace.id)],
        )
        found = cursor.fetchone()
    if found is None:
        raise Http404
    app.job_manager.retry_job_by_id(number, retry_at=clock.now())
    ledger.write("jobs.job.retried", workspace=request.workspace, by=request.member, job=number, name=found[0])
    messages.success(request, _("The job is in the queue again."))
    return HttpResponseRedirect(reverse("oversight:jobs"), status=303)
