"""Pages of what people vouch for: what is due, vouching with a paper, what was vouched for before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, sent
from amanat.accounts.permissions import May
from amanat.core import clock, files
from amanat.core.filetypes import FileRefused
from amanat.policy.durations import UNITS
from amanat.proof import attesting, judging
from amanat.proof.attesting import NotAttestable
from amanat.proof.forms import AttestForm
from amanat.proof.models import Attestation
from amanat.publishing import versions

LISTED = 50


def attestations(request: MemberRequest) -> HttpResponse:
    """Everything the policy leaves to people, what is due first, and what was vouched for before."""
    in_force = versions.in_force(request.workspace)
    today = judging.today_of(clock.now(), request.workspace.time_zone)
    standings = attesting.standings(request.workspace.id, in_force.policy)
    lines = [_line(one, today) for one in standings.values()]
    lines.sort(key=lambda line: (line.state != "due", line.until or today, line.path))
    made = Attestation.objects.of(request.workspace).select_related("by").order_by("-attested_at", "-id")[:LISTED]
    titles = {path: str(one.subject.title) for path, one in standings.items()}
    context = {
        "lines": lines,
        "history": [(one, titles.get(one.subject, one.subject)) for one in made],
        "may_attest": request.member.may(May.MANAGE_POLICY),
    }
    return render(request, "proof/attestations.html", context)


@dataclass(frozen=True, slots=True)
class Line:
    """A subject as the page shows it."""

    state: str
    title: str
    path: str
    every: str
    newest: Attestation | None
    until: date | None


def _line(one: attesting.Standing, today: date) -> Line:
    language = (get_language() or "en").split("-")[0]
    every = one.subject.every
    return Line(
        "kept" if one.is_valid(today) and not one.is_nearly_due(today) else "due",
        str(one.subject.title),
        one.subject.path,
        every.in_words(language if language in UNITS else "en") if every else _("as its report says"),
        one.newest,
        one.until,
    )


def attest(request: MemberRequest, path: str) -> HttpResponse:
    """Vouch for one subject of the policy in force."""
    in_force = versions.in_force(request.workspace)
    subject = attesting.subjects(in_force.policy).get(path)
    if subject is None:
        raise Http404
    form = AttestForm(sent(request), request.FILES or None, subject=subject)
    if request.method == "POST" and form.is_valid():
        paper = form.cleaned_data["paper"]
        try:
            attesting.attest(
                path=path, policy=in_force.policy, policy_number=in_force.number, statement=form.cleaned_data["statement"],
                done_on=form.cleaned_data["done_on"], valid_to=form.cleaned_data["valid_to"], paper=paper,
                paper_name=paper.name if paper else "", by=request.member, at=clock.now(),
            )  # fmt: skip
        except NotAttestable as refused:
            form.add_error(None, str(refused))
        except FileRefused as refused:
            form.add_error("paper", str(refused))
        else:
            messages.success(request, _("Attested. The promise counts as kept while this is valid."))
            return HttpResponseRedirect(reverse("proof:attestations"), status=303)
    status = 422 if form.is_bound else 200
    return render(request, "proof/attest.html", {"form": form, "subject": subject}, status=status)


def paper(request: MemberRequest, attestation_id: UUID) -> HttpResponseBase:
    """The paper of an attestation, as a download."""
    made = Attestation.objects.of(request.workspace).select_related("file").filter(pk=attestation_id).first()
    if made is None or made.file is None:
        raise Http404
    return files.serve(made.file)
