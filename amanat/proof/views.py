"""Pages of the promises: the board, one clause with its evidence, checking now, the proof to take away, what covers what."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.contrib import messages
from django.http import Http404, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import content_disposition_header
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest
from amanat.accounts.permissions import May
from amanat.core import clock, jobs, ledger
from amanat.policy import references, rendering
from amanat.policy.ready import reasons
from amanat.policy.rendering import RenderedClause
from amanat.privacy.requests import views as requests_views
from amanat.proof import board, bundles, coverage, evidence, judging, signing, wording
from amanat.proof.board import Board
from amanat.proof.judging import Judged, State
from amanat.proof.models import Evidence
from amanat.publishing import editing_words
from amanat.web.templatetags.amanat import SEALS

#: Findings that a row of the board quotes; the others are one click away.
QUOTED = 2
#: The probe of the ledger, whose finding stands among the figures above the board.
LEDGER = "core.ledger"
#: The page asks for findings of a check that somebody asked for no longer than this.
LONGEST_CHECK = timedelta(minutes=5)
_COVERED = ("promise", "key", "clause", "rules")


@dataclass(frozen=True, slots=True)
class Row:
    """A clause as the board shows it."""

    id: str
    state: str
    text: str
    path: str
    found: tuple[str, ...]
    more: int
    kept: int
    checked: int
    promises: int
    checked_at: datetime | None
    is_shown: bool


@dataclass(frozen=True, slots=True)
class Part:
    heading: str
    rows: tuple[Row, ...]


def board_page(request: MemberRequest) -> HttpResponse:
    """All promises of the policy in force, by its parts. `state` narrows to one seal; `part` asks for the table alone."""
    shown = board.of(request.workspace.id)
    wanted = request.GET.get("state", "")
    states = shown.states
    checked = sum(states[state] for state in (State.KEPT, State.DUE, State.BROKEN))
    context = {
        "parts": _parts(shown, wanted if wanted in set(State) else ""),
        "state": wanted,
        "kept": states[State.KEPT],
        "checked": checked,
        "due": states[State.DUE],
        "broken": states[State.BROKEN],
        "stated": states[State.STATEMENT],
        "percent": round(100 * states[State.KEPT] / checked) if checked else 0,
        "in_force": shown.suite.in_force,
        "checked_at": shown.checked_at,
        "requests": requests_views.open_count(request) or 0,
        "ledger": _ledger_state(shown),
        "is_checking": _is_checking(request, shown),
        "tabs": [(str(state), SEALS[state][0]) for state in State],
        "fingerprint": _fingerprint(),
        **_policy_pages(request),
    }
    return render(request, "proof/board_part.html" if request.GET.get("part") else "proof/board.html", context)


def _is_checking(request: MemberRequest, shown: Board) -> bool:
    """Whether a check that was `asked` for within the last minutes has findings still to come."""
    try:
        asked = datetime.fromisoformat(request.GET.get("asked", ""))
    except ValueError:
        return False
    if asked.tzinfo is None or not timedelta(0) <= shown.at - asked <= LONGEST_CHECK:
        return False
    newest = shown.known.evidence
    return any(name not in newest or newest[name].at < asked for name in shown.suite.probes)


def _policy_pages(request: MemberRequest) -> dict[str, str]:
    """Where the policy is read by everyone, and where it is written."""
    public = reverse("publishing:public_policy", args=[request.workspace.id])
    edit = reverse("publishing:policy") if request.member.may(May.MANAGE_POLICY) else ""
    return {"public_url": public, "edit_url": edit}


def _fingerprint() -> str:
    """What people compare with the key of a bundle; empty while there is no key."""
    try:
        return signing.fingerprint(signing.public_key())
    except signing.SigningKeyMissing:
        return ""


def _ledger_state(shown: Board) -> str:
    """intact, broken, late when nobody looked in time, or empty while nobody looked at all."""
    found = [check for clause in shown.clauses for check in clause.checks if check.probe.name == LEDGER]
    if not found or found[0].evidence is None:
        return ""
    return {State.KEPT: "intact", State.BROKEN: "broken"}.get(found[0].state, "late")


def _parts(shown: Board, wanted: str) -> list[Part]:
    language = _language(shown)
    policy = shown.suite.in_force.policy
    headings = references.vocabulary(language)["parts"]
    rows: dict[str, list[Row]] = {}
    for one in shown.clauses:
        if not wanted or one.state == wanted:
            text = rendering.clause_of(policy, one.clause, language).text
            rows.setdefault(one.clause.part, []).append(_row(one, text, shown))
    return [Part(headings[part], tuple(found)) for part, found in rows.items()]


def _language(shown: Board) -> str:
    """The reader's language when policies can be said in it."""
    language = (get_language() or "en").split("-")[0]
    return language if language in ("en", *shown.suite.in_force.policy.head.langs) else "en"


def _row(one: Judged, text: str, shown: Board) -> Row:
    broken = [wording.said(check.evidence) for check in one.checks if check.evidence and check.state is State.BROKEN]
    others = [
        wording.said(check.evidence) for check in one.checks if check.evidence and check.state is not State.BROKEN
    ]
    told = [*broken, *(_standing_words(standing, shown) for standing in one.standings), *others]
    return Row(
        id=one.clause.id,
        state=str(one.state),
        text=text,
        path=" · ".join(one.clause.rests),
        found=tuple(told[:QUOTED]),
        more=max(len(told) - QUOTED, 0),
        kept=one.kept,
        checked=one.checked,
        promises=len(one.promises),
        checked_at=one.checked_at,
        is_shown=judging.is_shown(one, shown.known.today),
    )


def _standing_words(one: judging.Standing, shown: Board) -> str:
    title = str(one.subject.title)
    if one.newest is None:
        return _("%(what)s: nobody has attested it yet") % {"what": title}
    words = {
        "what": title,
        "who": one.newest.by.name,
        "on": wording.day(one.newest.done_on),
        "until": wording.day(one.until),
    }
    if one.is_valid(shown.known.today):
        return _("%(what)s: attested by %(who)s for %(on)s, valid to %(until)s") % words
    return _("%(what)s: last attested by %(who)s for %(on)s, lapsed on %(until)s") % words


@dataclass(frozen=True, slots=True)
class PromiseLine:
    key: str
    says: tuple[str, ...]
    rejected: tuple[str, ...]  #: words of published policies that hold nowhere here
    state: str
    shown_by: str


@dataclass(frozen=True, slots=True)
class CheckLine:
    name: str
    title: str
    state: str
    found: str
    newest: Evidence | None
    next_at: datetime | None


def clause_page(request: MemberRequest, clause_id: str) -> HttpResponse:
    """One clause: the promises behind it, what checks each, and what was found before."""
    shown = board.of(request.workspace.id)
    one = shown.clause(clause_id)
    if one is None:
        raise Http404
    found = evidence.history(request.workspace.id, [check.probe.name for check in one.checks], most=30)
    titles = {check.probe.name: str(check.probe.title) for check in one.checks}
    context = {
        "judged": one,
        "text": _text(shown, one),
        "row": _row(one, "", shown),
        "promises": [_promise_line(promise) for promise in one.promises],
        "checks": [_check_line(check) for check in one.checks],
        "standings": [(standing, _standing_words(standing, shown)) for standing in one.standings],
        "history": [(row, titles.get(row.probe, row.probe), wording.said(row)) for row in found],
        "in_force": shown.suite.in_force,
    }
    return render(request, "proof/clause.html", context)


def _text(shown: Board, one: Judged) -> RenderedClause:
    return rendering.clause_of(shown.suite.in_force.policy, one.clause, _language(shown))


def _promise_line(promise: judging.Promise) -> PromiseLine:
    by = [str(check.probe.title) for check in promise.checks]
    by += [str(standing.subject.title) for standing in promise.standings]
    needs = coverage.later().get(promise.key)
    if by:
        words = ", ".join(by)
    elif needs:
        words = _("waits for a part that is not built yet: %(needs)s") % {"needs": needs}
    else:
        words = _("words only: no program and nobody checks this")
    says, rejected = coverage.sayings(promise.key), coverage.not_promised(promise.key)
    return PromiseLine(promise.key, says, rejected, str(promise.state), words)


def _check_line(check: judging.Check) -> CheckLine:
    found = check.evidence
    return CheckLine(
        check.probe.name,
        str(check.probe.title),
        str(check.state),
        wording.said(found) if found else _("Not checked yet"),
        found,
        found.at + judging.fresh_for(check.probe) if found else None,
    )


def check_now(request: MemberRequest) -> HttpResponse:
    """Put a check of everything, or of one clause, into the queue."""
    clause_id = request.POST.get("clause", "")
    names = None
    if clause_id:
        one = board.of(request.workspace.id).clause(clause_id)
        if one is None:
            raise Http404
        names = [check.probe.name for check in one.checks]
    at = clock.now()
    jobs.enqueue(
        "proof.run_all",
        workspace=request.workspace,
        once=f"proof.run_all:{request.workspace.id}:{clause_id}",
        only=names,
    )
    ledger.write("proof.check.asked", workspace=request.workspace, by=request.member, at=at, clause=clause_id)
    messages.success(request, _("The check has begun. What it finds appears here."))
    url = (
        reverse("proof:clause", args=[clause_id])
        if clause_id
        else f"{reverse('proof:board')}?{urlencode({'asked': at.isoformat()})}"
    )
    return HttpResponseRedirect(url, status=303)


def download(request: MemberRequest) -> HttpResponse:
    """The bundle of proof, signed."""
    at = clock.now()
    try:
        content = bundles.make(request.workspace.id, at=at, by=request.member)
    except signing.SigningKeyMissing as missing:
        messages.error(request, str(missing))
        return HttpResponseRedirect(reverse("proof:board"), status=303)
    response = HttpResponse(content, content_type="application/zip")
    response["Content-Disposition"] = content_disposition_header(True, f"proof-{at:%Y-%m-%d}.zip") or ""
    response["Cache-Control"] = "no-store, private"
    return response


def _covered(line: coverage.Line) -> dict[str, object]:
    """A promise as the page shows it."""
    told = {"words": coverage.KINDS[line.by], "detail": coverage.told(line), "changed": reasons.told(line.changed)}
    return {**told, **{name: getattr(line, name) for name in _COVERED}}


def coverage_page(request: MemberRequest) -> HttpResponse:
    """What keeps each promise of the published policies that Amanat was built after."""
    lines = coverage.lines()
    wanted = request.GET.get("by", "")
    shown = [line for line in lines if not wanted or line.by == wanted]
    counts = coverage.counts(lines)
    context = {
        "policies": [
            (editing_words.TRADES[name][0], [_covered(line) for line in found])
            for name, found in coverage.by_policy(shown).items()
        ],
        "kinds": [(by, word, counts[by]) for by, word in coverage.KINDS.items()],
        "total": len(lines),
        "by": wanted,
        "shown": len(shown),
    }
    return render(request, "proof/coverage.html", context)
