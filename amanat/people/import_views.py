"""Pages of the import: upload, check, watch, report, undo."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect, StreamingHttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest
from amanat.core import clock, files, spreadsheets
from amanat.people import lost_runs, vocabulary
from amanat.people.import_forms import ImportForm, UploadForm, changed_mapping, column_choices
from amanat.people.importing import converting, customs, delimited, jsonfiles, parts, runs, undo, uploads, vcards
from amanat.people.importing.mapping import Mapping
from amanat.people.importing.readings import Reading
from amanat.people.importing.runs import ImportRefused
from amanat.people.importing.tables import FileRefused, Table, source_of
from amanat.people.models import ImportProblem, ImportRun

State = ImportRun.State
LISTED = 30
SHOWN_PROBLEMS = 50
_OVER = {State.DONE, State.STOPPED, State.FAILED, State.UNDONE}
_LAYOUTS = {
    "google": "Google Contacts", "outlook": "Outlook", "zoho": "Zoho", "hubspot": "HubSpot", "salesforce": "Salesforce",
    "vcard": "vCard",
}  # fmt: skip
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


def imports(request: MemberRequest) -> HttpResponseBase:
    """The list of imports, and a new one."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        upload = form.cleaned_data["file"]
        try:
            if upload.size > uploads.MOST_BYTES:
                raise FileRefused(
                    _("The file is larger than %(size)s MB. Split it and import the parts.") % {"size": 100}
                )
            run = runs.upload(source=upload, name=upload.name, by=request.member, at=clock.now())
        except FileRefused as refusal:
            form.add_error("file", refusal.reason)
        except files.FileRefused as refusal:
            form.add_error("file", str(refusal))
        else:
            return HttpResponseRedirect(reverse("people:import", args=[run.pk]))
    found = list(ImportRun.objects.of(request.workspace).select_related("created_by").order_by("-created_at")[:LISTED])
    lost_runs.end_imports(found, at=clock.now())
    return render(request, "people/import_list.html", {"form": form, "runs": found}, status=422 if form.errors else 200)


def _run(request: MemberRequest, run_id: UUID) -> ImportRun:
    run = ImportRun.objects.of(request.workspace).select_related("created_by").filter(pk=run_id).first()
    if run is None:
        raise Http404
    lost_runs.end_imports([run], at=clock.now())
    return run


def import_page(request: MemberRequest, run_id: UUID) -> HttpResponse:
    """The check before the start; afterwards progress and report."""
    run = _run(request, run_id)
    if run.state == State.UPLOADED:
        return _check(
            request,
            run,
            ImportForm(
                initial=_initial(run), words=vocabulary.of(request.workspace), workspace_id=request.workspace.pk
            ),
        )
    return render(request, "people/import_run.html", _report(run))


def _initial(run: ImportRun) -> dict[str, Any]:
    return {"existing": "update", "on": "contact", **{k: v for k, v in run.options.items() if v is not None}}


def _check(request: MemberRequest, run: ImportRun, form: ImportForm) -> HttpResponse:
    mapping = Mapping.from_json(run.mapping)
    context: dict[str, Any] = {"run": run, "form": form, "layout": _LAYOUTS.get(mapping.layout, "")}
    try:
        with uploads.opened(run) as table:
            context |= {
                "is_exact": converting.is_exact(table),
                "columns": column_choices(mapping, runs.fields_of(run.workspace_id)),
                "parts": [(name, _part_in_words(name)) for name in table.parts] if len(table.parts) > 1 else [],
                "part": table.part,
                "written": _written(table, run),
                "lists": _lists(table) if run.options["on"] == customs.WORKSPACE else [],
                "readings": [
                    _shown(reading, table)
                    for reading in converting.preview(run, mapping, table, region=settings.DEFAULT_REGION)
                ],
            }
    except FileRefused as refusal:
        context["problem"] = refusal.reason
    return render(request, "people/import_check.html", context, status=422 if form.errors else 200)


def _part_in_words(name: str) -> str:
    return _("Everything in the file") if name == parts.EVERYTHING else name


def _written(table: Table, run: ImportRun) -> str:
    """How the file is written, in words: kind, and for text its encoding and separator."""
    kinds = {"csv": _("Text table"), "workbook": _("Workbook"), "vcard": _("Contact cards"), "json": "JSON"}
    written = table.written if isinstance(table, jsonfiles.JsonTable) else table.kind
    kind = kinds.get(written, written)
    if table.kind != "csv" or table.parts:
        return kind
    with uploads.unpacked(run) as path:
        source = source_of(path, uploads.LIMITS)
        encoding = delimited.encoding_of(source)
        separator = delimited.separator_of(source, encoding)
    names = {"utf-8-sig": "UTF-8", "utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252"}
    return f"{kind} · {names.get(encoding, encoding)} · {_(_SEPARATORS.get(separator, separator))}"


def _lists(table: Table) -> list[dict[str, Any]]:
    """How many records each list of a workspace's file has; the whole file is read for it."""
    counted = Counter(row.cells[0] for row in table.rows())
    return [{"title": parts.title_of(key), "count": counted[key]} for key in parts.order() if counted[key]]


def _shown(reading: Reading, table: Table) -> dict[str, Any]:
    draft = reading.draft
    cells = dict(zip(table.columns, reading.cells, strict=False))
    place = vcards.place_of_kind(table)
    town = next((a.parts.get("city", "") for a in draft.addresses if a.parts.get("city")), "") if draft else ""
    return {
        "number": reading.number,
        "draft": draft,
        "name": draft.shown_name if draft else parts.shown_name(reading),
        "state": "taken" if not reading.is_lost else "skipped" if reading.is_blank else "failed",
        "town": town,
        "is_company": place is not None and reading.cells[place] == vcards.ORG,
        "phones": [phone.number for phone in draft.phones] if draft else [],
        "emails": [email.address for email in draft.emails] if draft else [],
        "problems": reading.problems,
        "original": " · ".join(value for value in cells.values() if value.strip())[:120] if reading.is_lost else "",
    }


def import_start(request: MemberRequest, run_id: UUID) -> HttpResponseBase:
    """Keep the columns as chosen; then show the check again, or start."""
    run = _run(request, run_id)
    here = HttpResponseRedirect(reverse("people:import", args=[run.pk]))
    if run.state != State.UPLOADED:
        messages.error(request, _("This import is not waiting for that any more. Reload the page."))
        return here
    mapping = changed_mapping(Mapping.from_json(run.mapping), request.POST.dict(), runs.fields_of(run.workspace_id))
    form = ImportForm(request.POST, words=vocabulary.of(request.workspace), workspace_id=request.workspace.pk)
    if request.POST.get("act") == "check":
        run.mapping = mapping.to_json()
        run.options = {**run.options, **(form.options() if form.is_valid() else {})}
        run.save(update_fields=["mapping", "options"])
        return here
    run.mapping = mapping.to_json()
    if not form.is_valid():
        return _check(request, run, form)
    try:
        runs.start(run=run, mapping=mapping, options=form.options(), by=request.member, at=clock.now())
    except (ImportRefused, FileRefused) as refusal:
        form.add_error(None, str(refusal))
        return _check(request, run, form)
    except ValidationError as problem:
        form.add_error(None, " ".join(problem.messages))
        return _check(request, run, form)
    return here


def import_part(request: MemberRequest, run_id: UUID) -> HttpResponseBase:
    run = _run(request, run_id)
    try:
        runs.choose_part(run=run, part=request.POST.get("part", "")[:200])
    except (ImportRefused, FileRefused) as refusal:
        messages.error(request, str(refusal))
    return HttpResponseRedirect(reverse("people:import", args=[run.pk]))


def import_progress(request: MemberRequest, run_id: UUID) -> HttpResponse:
    """The part of the page that is fetched every two seconds; when all is over, the page is loaded once more."""
    run = _run(request, run_id)
    if run.state in _OVER:
        response = HttpResponse(status=200)
        response["HX-Refresh"] = "true"
        return response
    return render(request, "people/import_progress.html", _report(run))


def _report(run: ImportRun) -> dict[str, Any]:
    is_over = run.state in _OVER
    problems = list(
        ImportProblem.objects.of(run.workspace_id)
        .filter(run=run)
        .order_by("-is_failure", "row_number")[: SHOWN_PROBLEMS + 1]
        if is_over
        else []
    )
    return {
        "run": run,
        "title": _("Undoing the import of %(file)s") % {"file": run.file_name}
        if run.state == State.UNDOING
        else _("Import of %(file)s") % {"file": run.file_name},
        "is_over": is_over,
        "done": run.position,
        "total": run.total or 0,
        "url": reverse("people:import_progress", args=[run.pk]),
        "stop_url": reverse("people:import_stop", args=[run.pk]) if run.state in {State.QUEUED, State.RUNNING} else "",
        "counts": [
            {"label": _("Added"), "figure": run.created, "tone": "ok"},
            {"label": _("Updated"), "figure": run.updated, "tone": ""},
            {"label": _("Unchanged"), "figure": run.unchanged, "tone": ""},
            {"label": _("Skipped"), "figure": run.skipped, "tone": ""},
            {"label": _("Failed"), "figure": run.failed, "tone": "bad" if run.failed else ""},
        ],
        "lists": [
            {"title": parts.title_of(key), "unchanged": 0, **run.options["lists"][key]}
            for key in parts.order()
            if key in run.options.get("lists", {})
        ],
        "problems": problems[:SHOWN_PROBLEMS],
        "nothing_new": run.unchanged > 0 and not run.created and not run.updated,
        "has_more_problems": len(problems) > SHOWN_PROBLEMS,
        "may_go_on": run.state in {State.STOPPED, State.FAILED},
        "may_undo": run.state in {State.DONE, State.STOPPED, State.FAILED}
        and run.undone_at is None
        and bool(run.created or run.updated),
        "namesakes": run.options.get("namesakes", 0),
        "undone": run.options.get("undone", {}),
    }


def import_stop(request: MemberRequest, run_id: UUID) -> HttpResponseBase:
    run = _run(request, run_id)
    runs.stop(run=run, by=request.member, at=clock.now())
    return HttpResponseRedirect(reverse("people:import", args=[run.pk]))


def import_go_on(request: MemberRequest, run_id: UUID) -> HttpResponseBase:
    return _act(request, run_id, runs.go_on)


def import_undo(request: MemberRequest, run_id: UUID) -> HttpResponseBase:
    return _act(request, run_id, undo.start)


def import_cancel(request: MemberRequest, run_id: UUID) -> HttpResponseBase:
    """Throw away a file that was uploaded and not imported."""
    run = _run(request, run_id)
    try:
        runs.cancel(run=run, by=request.member, at=clock.now())
    except ImportRefused as refusal:
        messages.error(request, str(refusal))
    return HttpResponseRedirect(reverse("people:imports"))


def _act(request: MemberRequest, run_id: UUID, rule: Any) -> HttpResponseBase:
    run = _run(request, run_id)
    try:
        rule(run=run, by=request.member, at=clock.now())
    except ImportRefused as refusal:
        messages.error(request, str(refusal))
    return HttpResponseRedirect(reverse("people:import", args=[run.pk]))


def import_failed_rows(request: MemberRequest, run_id: UUID) -> StreamingHttpResponse:
    """The rows that were not taken, with their original columns and the reason: to be mended and imported."""
    run = _run(request, run_id)
    columns = [str(column["column"]) for column in run.mapping.get("columns", [])]
    rows = list(
        ImportProblem.objects.of(run.workspace_id)
        .filter(run=run, is_failure=True)
        .order_by("row_number")
        .values_list("values", "reasons")
    )
    response = StreamingHttpResponse(
        spreadsheets.write_csv([*columns, converting.REASON], _failed(rows, len(columns))), content_type="text/csv"
    )
    name = f"{run.file_name.rpartition('.')[0] or run.file_name} - failed rows.csv"
    response["Content-Disposition"] = str(content_disposition_header(True, name))
    response["Cache-Control"] = "no-store, private"
    return response


def _failed(rows: list[tuple[Any, Any]], width: int) -> Iterator[list[str]]:
    for values, reasons in rows:
        cells = [str(cell) for cell in values.get("cells", [])][:width]
        words = [
            f"{reason['column']}: {reason['reason']}" if reason.get("column") else str(reason["reason"])
            for reason in reasons
        ]
        yield [*cells, *[""] * (width - len(cells)), " · ".join(words)]


__all__ = [
    "import_cancel", "import_failed_rows", "import_go_on", "import_page", "import_part", "import_progress", "import_start",
    "import_stop", "import_undo", "imports",
]  # fmt: skip
