"""Pages of breaches: the register, one breach with its clocks, people and drafts."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from amanat.accounts.access import MemberRequest, see_other
from amanat.accounts.permissions import May
from amanat.basis import rules
from amanat.core import clock
from amanat.core.tenancy import WorkspaceQuerySet
from amanat.people import vocabulary
from amanat.privacy.incidents import finding, reporting, telling
from amanat.privacy.incidents.forms import CloseForm, ReportForm, SearchForm, ToldForm, WordsForm
from amanat.privacy.incidents.models import AffectedPerson, Audience, Incident, IncidentClock
from amanat.privacy.incidents.reporting import Closed, Report, StillRunning

LISTED = 100
PEOPLE = 25


def register(request: MemberRequest) -> HttpResponse:
    """Every breach and drill, newest first, with the next clock of each that is open."""
    rows = list(Incident.objects.of(request.workspace).order_by("-noticed_at", "-id")[:LISTED])
    running = IncidentClock.objects.of(request.workspace).filter(
        incident__in=[row.pk for row in rows], told_at__isnull=True
    )
    following = {row.incident_id: row for row in running.order_by("-due_at")}
    now = clock.now()
    lines = [_line(row, following.get(row.pk) if row.is_open else None, now) for row in rows]
    return render(
        request,
        "privacy/incidents_register.html",
        {"lines": lines, "may_report": request.member.may(May.ANSWER_REQUESTS)},
    )


def _line(row: Incident, running: IncidentClock | None, now: datetime) -> dict[str, Any]:
    return {"row": row, "clock": running, "is_late": running is not None and running.is_late(now)}


def new(request: MemberRequest) -> HttpResponse:
    """Report a breach: the clocks start."""
    now = clock.now()
    form = ReportForm(
        request.POST if request.method == "POST" else None,
        now=now,
        initial={"noticed_at": now, "happened_from": now, "happened_to": now},
    )
    if request.method == "POST" and form.is_valid():
        incident = reporting.report(
            workspace=request.workspace, what=Report(**form.cleaned_data), by=request.member, at=now
        )
        return see_other(reverse("privacy:incident", args=[incident.pk]))
    return render(request, "privacy/incidents_new.html", {"form": form}, status=422 if form.errors else 200)


def incident(request: MemberRequest, incident_id: UUID) -> HttpResponse:
    """One breach: clocks, words, people, drafts."""
    return _shown(request, _found(request, incident_id))


def words(request: MemberRequest, incident_id: UUID) -> HttpResponse:
    row = _found(request, incident_id)
    form = WordsForm(
        request.POST,
        instance=Incident(workspace_id=row.workspace_id, kind=row.kind),
        languages=telling.other_languages(request.workspace),
    )
    if not form.is_valid():
        return _shown(request, row, words=form)
    return _acted(
        request, row, lambda: reporting.describe(incident=row, by=request.member, at=clock.now(), **form.said())
    )


def search(request: MemberRequest, incident_id: UUID) -> HttpResponse:
    """Look for people in the logs and put them on the list."""
    row = _found(request, incident_id)
    form = SearchForm(request.POST, members=_members(request))
    if not form.is_valid():
        return _shown(request, row, search=form)
    values = form.cleaned_data
    span = finding.Span(
        values["since"], values["until"], UUID(values["actor"]) if values["actor"] else None, values["table"]
    )

    def act() -> None:
        added, traces = reporting.add_from_logs(incident=row, span=span, by=request.member, at=clock.now())
        said = ngettext("%(count)d person was added.", "%(count)d people were added.", added) % {"count": added}
        if traces.uncounted:
            said += " " + _("%(count)d more rows are only counted in the ledger: name the people, or add everyone.") % {
                "count": traces.uncounted
            }
        if traces.exports:
            said += " " + _("Lists were exported at that time, which may have held anybody.")
        messages.info(request, said)

    return _acted(request, row, act)


def everyone(request: MemberRequest, incident_id: UUID) -> HttpResponse:
    row = _found(request, incident_id)
    return _acted(request, row, lambda: reporting.add_everyone(incident=row, by=request.member, at=clock.now()))


def tell(request: MemberRequest, incident_id: UUID) -> HttpResponse:
    """Let a job tell everybody on the list."""
    row = _found(request, incident_id)
    if lacking := telling.missing(row):
        labels = ", ".join(str(Incident._meta.get_field(name).verbose_name) for name in lacking)  # type: ignore[union-attr]
        messages.error(request, _("Write this first, for the people must read it: %(what)s.") % {"what": labels})
        return see_other(reverse("privacy:incident", args=[row.pk]))
    if not row.affected.exists():  # nobody told must not look like everybody told
        messages.error(request, _("Nobody is on the list yet."))
        return see_other(reverse("privacy:incident", args=[row.pk]))
    messages.info(request, _("The people are being told."))
    return _acted(request, row, lambda: reporting.order_telling(incident=row, by=request.member, at=clock.now()))


def told(request: MemberRequest, incident_id: UUID) -> HttpResponse:
    """An authority was told."""
    row = _found(request, incident_id)
    form = ToldForm(request.POST)
    audiences = set(Audience.values) - {Audience.PEOPLE.value}
    if not form.is_valid() or form.cleaned_data["audience"] not in audiences:
        messages.error(request, _("Write down what proves it."))
        return _shown(request, row, status=422)
    audience = Audience(form.cleaned_data["audience"])
    if not IncidentClock.objects.of(request.workspace).filter(incident=row, audience=audience).exists():
        raise Http404
    return _acted(
        request,
        row,
        lambda: reporting.told(
            incident=row, audience=audience, proof=form.cleaned_data["proof"], by=request.member, at=clock.now()
        ),
    )


def close(request: MemberRequest, incident_id: UUID) -> HttpResponse:
    row = _found(request, incident_id)
    form = CloseForm(request.POST)
    if not form.is_valid():
        return _shown(request, row, close=form)
    return _acted(
        request,
        row,
        lambda: reporting.close(incident=row, lessons=form.cleaned_data["lessons"], by=request.member, at=clock.now()),
    )


def _acted(request: MemberRequest, row: Incident, act: Any) -> HttpResponse:
    try:
        act()
    except Closed:
        messages.error(request, _("This breach is closed."))
    except StillRunning as running:
        messages.error(request, _("Still to be told: %(who)s.") % {"who": ", ".join(running.what)})
    return see_other(reverse("privacy:incident", args=[row.pk]))


def _found(request: MemberRequest, incident_id: UUID) -> Incident:
    row = Incident.objects.of(request.workspace).filter(pk=incident_id).first()
    if row is None:
        raise Http404
    return row


def _members(request: MemberRequest) -> list[tuple[str, str]]:
    return [(str(one.id), one.name) for one in vocabulary.of(request.workspace).members.values()]


def _id(text: str | None) -> UUID | None:
    try:
        return UUID(text) if text else None
    except ValueError:
        return None


def _page_of(
    rows: WorkspaceQuerySet[AffectedPerson], *, after: UUID | None, before: UUID | None
) -> tuple[list[AffectedPerson], UUID | None, UUID | None]:
    """Some of the people in the order they were found, and the keys of the pages before and after."""
    found = rows.select_related("contact")
    if before is not None:
        taken = list(found.filter(pk__lt=before).order_by("-id")[: PEOPLE + 1])
        is_more, taken = len(taken) > PEOPLE, taken[:PEOPLE][::-1]
        return taken, taken[0].pk if taken and is_more else None, taken[-1].pk if taken else None
    taken = list((found.filter(pk__gt=after) if after else found).order_by("id")[: PEOPLE + 1])
    is_more, taken = len(taken) > PEOPLE, taken[:PEOPLE]
    return taken, taken[0].pk if taken and after else None, taken[-1].pk if taken and is_more else None


def _shown(request: MemberRequest, row: Incident, *, status: int = 0, **given: Any) -> HttpResponse:
    now, policy = clock.now(), rules.of(request.workspace.pk).policy
    running = list(IncidentClock.objects.of(request.workspace).filter(incident=row).order_by("due_at", "audience"))
    rows = AffectedPerson.objects.of(request.workspace).filter(incident=row)
    people, before, after = _page_of(rows, after=_id(request.GET.get("after")), before=_id(request.GET.get("before")))
    problems = {"no address": _("no address"), "erased": _("erased meanwhile"), "refused": _("refused by the provider")}
    errors = any(form.errors for form in given.values())
    context = {
        "row": row,
        "clocks": [{"row": one, "is_late": one.is_late(now), "is_people": one.audience == Audience.PEOPLE} for one in running],
        "people": [{"row": one, "problem": problems.get(one.problem, one.problem)} for one in people],
        "before": before, "after": after, "count": rows.count(), "told": rows.filter(told_at__isnull=False).count(),
        "drafts": telling.drafts(row, workspace=request.workspace, policy=policy),
        "may_act": row.is_open and request.member.may(May.ANSWER_REQUESTS),
        "words_form": given.get("words") or WordsForm(instance=row, languages=telling.other_languages(request.workspace)),
        "search_form": given.get("search") or SearchForm(members=_members(request), initial={"since": row.happened_from, "until": row.happened_to}),
        "close_form": given.get("close") or CloseForm(),
        "told_form": ToldForm(),
    }  # fmt: skip
    return render(request, "privacy/incidents_incident.html", context, status=status or (422 if errors else 200))
