"""Pages of the export: choose a format, watch, take the file."""

from __future__ import annotations

from typing import Any, cast
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.core import clock, filelinks, files, routes
from amanat.core.downloads import download
from amanat.people import exporting, lists, lost_runs, vocabulary
from amanat.people.exporting import ExportRefused
from amanat.people.models import ExportRun

_ON = {"contacts": "contact", "companies": "company"}
LISTED = 20
FORMAT_WORDS = [
    ("xlsx", gettext_lazy("Excel (XLSX)"), gettext_lazy("for Excel, LibreOffice and Google Sheets")),
    ("csv", gettext_lazy("CSV"), gettext_lazy("for any other program")),
    ("vcf3", gettext_lazy("Contact cards (vCard 3.0)"), gettext_lazy("for phones and address books")),
    ("vcf4", gettext_lazy("Contact cards (vCard 4.0)"), gettext_lazy("for new address books")),
    ("json", gettext_lazy("JSON"), gettext_lazy("for programs")),
]
_BUSY = {ExportRun.State.QUEUED, ExportRun.State.RUNNING}


def export_list(request: MemberRequest, what: str) -> HttpResponseBase:
    """Export the list that the address asks for, with all its fields."""
    on = _ON.get(what)
    if on is None:
        raise Http404
    words = vocabulary.of(request.workspace)
    try:
        definition = lists.parse(request.GET, on=on, words=words)
        if request.method == "POST":
            return _answered(request, definition)
        count, is_more = lists.count(definition, member=request.member, words=words)
    except (lists.Refused, ExportRefused) as refusal:
        messages.error(request, str(refusal))
        return HttpResponseRedirect(reverse(f"people:{what}"))
    context = {
        "what": what, "on": on, "count": count, "is_more": is_more, "formats": FORMAT_WORDS, "query": request.GET.urlencode(),
        "is_narrowed": bool(definition.filters),
    }  # fmt: skip
    return render(request, "people/export_list.html", context)


def _answered(request: MemberRequest, definition: lists.Definition) -> HttpResponseBase:
    answer = exporting.of_list(
        definition=definition, format=request.POST.get("format", ""), by=request.member, at=clock.now()
    )
    if answer.content is None:
        messages.info(request, _("This list is long. Its file is being written; it will be here in a moment."))
        return HttpResponseRedirect(reverse("people:exports"))
    if answer.left_out:
        messages.info(request, answer.left_out)
    return download([answer.content], answer.name, answer.content_type)


def exports(request: MemberRequest) -> HttpResponse:
    """The member's own exports, and the export of everything. The list renews itself while one is being written."""
    found = ExportRun.objects.of(request.workspace).filter(created_by=request.member).order_by("-created_at")[:LISTED]
    runs = list(found)
    lost_runs.end_exports(runs, at=clock.now())
    names = {key: name for key, name, _for_what in FORMAT_WORDS}
    for run in runs:
        cast(Any, run).format_name = names.get(run.format, run.format)
    context = {
        "runs": runs, "is_busy": any(run.state in _BUSY for run in runs), "formats": FORMAT_WORDS,
        "may_all": request.member.may(May.EXPORT) and request.member.sees_all,
    }  # fmt: skip
    template = (
        "people/export_runs.html"
        if request.headers.get("HX-Request") and "part" in request.GET
        else "people/export_page.html"
    )
    return render(request, template, context)


def export_workspace(request: MemberRequest) -> HttpResponseBase:
    try:
        exporting.of_workspace(format=request.POST.get("format", ""), by=request.member, at=clock.now())
    except ExportRefused as refusal:
        messages.error(request, str(refusal))
    return HttpResponseRedirect(reverse("people:exports"))


def export_again(request: MemberRequest, run_id: UUID) -> HttpResponseBase:
    """Try an export that failed once more."""
    run = ExportRun.objects.of(request.workspace).filter(pk=run_id, created_by=request.member).first()
    if run is None:
        raise Http404
    try:
        exporting.go_on(run=run, by=request.member, at=clock.now())
    except ExportRefused as refusal:
        messages.error(request, str(refusal))
    return HttpResponseRedirect(reverse("people:exports"))


def export_take(request: MemberRequest, run_id: UUID) -> HttpResponseBase:
    """A link for one opening by this member within five minutes."""
    run = ExportRun.objects.of(request.workspace).filter(pk=run_id, created_by=request.member).first()
    if run is None or run.file_id is None:
        raise Http404
    token = filelinks.link_token(
        run.file_id, workspace_id=request.workspace.pk, member_id=request.member.pk, purpose=exporting.PURPOSE
    )
    ExportRun.objects.of(request.workspace).filter(pk=run.pk).update(taken_at=clock.now())
    return HttpResponseRedirect(reverse("people:export_file", args=[token]))


def export_file(request: MemberRequest, token: str) -> HttpResponseBase:
    """Give the file out; the link is used up by it."""
    try:
        link = filelinks.read_link_token(token, purpose=exporting.PURPOSE)
        if link.member_id != request.member.pk or link.workspace_id != request.workspace.pk:
            raise filelinks.LinkRefused
        filelinks.consume(link)
    except filelinks.LinkRefused:
        return routes.refusal(request, 404)
    run = ExportRun.objects.of(request.workspace).filter(file=link.file_id).select_related("file").first()
    if run is None or run.file is None:
        return routes.refusal(request, 404)
    return files.serve(run.file)
