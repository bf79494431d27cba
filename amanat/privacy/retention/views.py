"""Pages of retention: the rules and what they will take, runs with their report, legal holds."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.core import clock, jobs, ledger_words
from amanat.people import cards
from amanat.people.models import Company, Contact
from amanat.privacy.retention import due, holds, showing, sweeping
from amanat.privacy.retention.forms import HoldForm
from amanat.privacy.retention.models import LegalHold, RetentionDue, RetentionRun
from amanat.privacy.vault.models import SealedRecord
from amanat.publishing import versions

_RUNS = 10
_UNTOLD = 50


def overview(request: MemberRequest) -> HttpResponse:
    """Each rule with its sentence, what falls under it, what is due next; the last runs; the holds."""
    here, at = request.workspace.pk, clock.now()
    in_force = versions.in_force(here, at)
    runs = list(RetentionRun.objects.of(here).select_related("by").order_by("-started_at")[:_RUNS])
    waiting = RetentionDue.objects.of(here).filter(state=RetentionDue.State.WAITING)
    return render(
        request,
        "privacy/retention_overview.html",
        {
            "lines": showing.lines(here, in_force.policy, language=_language(), at=at),
            "in_force": in_force,
            "runs": [_shown(run) for run in runs],
            "is_late": bool(runs) and sweeping.is_late(runs[0], at),
            "holds": holds.listed(here),
            "waiting": waiting.count(),
            "untold": list(
                waiting.filter(tries__gt=0, told_at__isnull=True, warning_id__isnull=True, contact__isnull=False)
                .select_related("contact")
                .order_by("due_at", "id")[:_UNTOLD]
            ),
            "sealed": SealedRecord.objects.of(here).count(),
            "today": timezone.localdate(at),
        },
    )


def _shown(run: RetentionRun) -> dict[str, Any]:
    return {
        "row": run,
        "gone": sum(sum(tables.values()) for tables in run.counts.values()),
        "waiting": sum(run.waiting.values()),
    }


def _language() -> str:
    return (get_language() or "en").split("-")[0]


def report(request: MemberRequest, retention_run_id: UUID) -> HttpResponse:
    """What one run did, rule by rule."""
    run = get_object_or_404(RetentionRun.objects.of(request.workspace).select_related("by"), pk=retention_run_id)
    rows = [
        (f"keep.{keep}", ledger_words.table(apps.get_model(label)), count)
        for keep, tables in run.counts.items()
        for label, count in tables.items()
    ]
    return render(request, "privacy/retention_report.html", {"run": run, "rows": rows})


def run_now(request: MemberRequest) -> HttpResponse:
    """Sweep now instead of in the night."""
    jobs.enqueue(
        "privacy.retention",
        workspace=request.workspace,
        once=f"privacy.retention:{request.workspace.pk}",
        member=str(request.member.pk),
    )
    messages.success(request, _("The sweep has begun. Its report appears here."))
    return see_other(reverse("privacy:retention"))


def new_hold(request: MemberRequest) -> HttpResponse:
    """Set a hold on a rule, or on the person named in the address."""
    contact = None
    if request.GET.get("contact"):
        contact = get_object_or_404(Contact.objects.of(request.workspace), pk=_uuid(request.GET["contact"]))
    at = clock.now()
    form = HoldForm(
        sent(request),
        policy=versions.in_force(request.workspace, at).policy,
        is_about_a_person=contact is not None,
        today=timezone.localdate(at),
    )
    if form.is_valid():
        holds.add(
            workspace=request.workspace,
            contact=contact,
            keep=form.cleaned_data.get("keep", ""),
            basis=form.cleaned_data["basis"],
            until=form.cleaned_data["until"],
            by=request.member,
            at=at,
        )
        messages.success(request, _("Held. Nothing of this is deleted until then."))
        return see_other(reverse("privacy:retention"))
    context = {"form": form, "person": contact}
    return render(request, "privacy/retention_hold.html", context, status=422 if form.errors else 200)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)


def lift_hold(request: MemberRequest, legal_hold_id: UUID) -> HttpResponse:
    hold = get_object_or_404(LegalHold.objects.of(request.workspace), pk=legal_hold_id)
    holds.lift(hold=hold, by=request.member, at=clock.now())
    messages.success(request, _("The hold is lifted. The next sweep deletes what was waiting."))
    return see_other(reverse("privacy:retention"))


def card(request: MemberRequest, record: Contact | Company) -> dict[str, Any] | None:
    """The line of trust on the page of a contact: when she is erased, and by which rule."""
    if not isinstance(record, Contact):
        return None
    moments = [(row["term"], datetime.fromisoformat(row["moment"])) for row in cards.rows(request, "retention.moments")]
    held = [cards.instance(LegalHold, row) for row in cards.rows(request, "retention.holds")]
    ended = due.ends(versions.of_request(request).policy, moments)
    return {"trust": showing.trust(record, ended, held, language=_language(), at=clock.now())}


def card_reads(request: MemberRequest, record: Contact | Company) -> Mapping[str, cards.Read]:
    policy, here = versions.of_request(request).policy, request.workspace.pk
    return {
        "retention.moments": due.read_of_one(here, policy, record.pk),
        "retention.holds": holds.read_of_one(record.pk, workspace_id=here, at=clock.now()),
    }
