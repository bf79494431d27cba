"""The owner's pages of the policy: what holds, the draft, where to begin, who answers, the whole text, checking and publishing."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.accounts.permissions import May
from amanat.core import clock
from amanat.policy import linting, loading, partners, ready, references, rendering, telling
from amanat.policy.differences import Change
from amanat.policy.linting import Finding, Severity
from amanat.publishing import addresses, editing, editing_words, publish, versions
from amanat.publishing.editing_cards import Told
from amanat.publishing.editing_forms import DetailsForm, SourceForm, StartForm
from amanat.publishing.models import PolicyDraft

type View = Callable[..., HttpResponse]


def readable(view: View) -> View:
    """A draft that this version of the program cannot read is mended as a text: nothing else can be shown of it."""

    @wraps(view)
    def guarded(request: MemberRequest, **options: Any) -> HttpResponse:
        try:
            return view(request, **options)
        except (loading.FormatInvalid, publish.Refused):
            messages.warning(request, _("The draft cannot be read. Mend its text first."))
            return see_other(
                reverse("publishing:policy_text" if request.member.may(May.MANAGE_POLICY) else "publishing:policy")
            )

    return guarded


def overview(request: MemberRequest) -> HttpResponse:
    """What is in force, what is announced, and the draft."""
    at = clock.now()
    holds, draft = versions.in_force(request.workspace, at), editing.draft_of(request.workspace)
    planned: publish.Plan | None = None
    findings: Sequence[Finding] = ()
    if draft:
        try:
            planned = publish.plan(workspace=request.workspace, source=draft.source, at=at)
            findings = planned.findings
        except publish.Refused as refused:
            findings = refused.findings
    errors = sum(one.severity is Severity.ERROR for one in findings)
    return render(
        request,
        "publishing/editing_overview.html",
        {
            "holds": holds,
            "holds_words": trade_words(holds.policy.head.id),
            "announced": list(versions.all_of(request.workspace).filter(effective_at__gt=at)),
            "draft": draft,
            "planned": planned,
            "errors": errors,
            "warnings": len(findings) - errors,
            "may_edit": request.member.may(May.MANAGE_POLICY),
            "public_url": public_url(request),
            "unconfirmed": sum(
                one.is_asked(at) for one in addresses.standing(holds.policy, workspace_id=request.workspace.pk, at=at)
            ),
        },
    )


def start(request: MemberRequest) -> HttpResponse:
    """Who answers and which ready policy: both on one page, for who begins with nothing."""
    draft, holds = editing.draft_of(request.workspace), versions.in_force(request.workspace)
    form = StartForm(sent(request), number=holds.number, initial={"begin": "version" if holds.number else "default"})
    details = DetailsForm(sent(request), initial=DetailsForm.values_of(holds.policy))
    if request.method == "POST" and form.is_valid() and details.is_valid():
        at, chosen = clock.now(), form.cleaned_data["begin"]
        number = holds.number if chosen == "version" else 0
        source = (
            versions.source_of(request.workspace, number)
            if number
            else editing.ready_source(ready.names()[0] if chosen == "version" else chosen, request.workspace)
        )
        source = editing.with_steps(source, details.steps(loading.load(source).policy))
        return _begun(request, source, based_on=number, at=at)
    return render(
        request,
        "publishing/editing_start.html",
        {
            "form": form,
            "details": details,
            "draft": draft,
            "holds": holds,
            "chosen": form["begin"].value(),
            "trades": [(name, *editing_words.TRADES[name]) for name in ready.names()],
        },
        status=422 if request.method == "POST" else 200,
    )


def merge(request: MemberRequest) -> HttpResponse:
    """Several ready policies as one, each conflict with its resolution in words; POST begins with it."""
    asked = (request.POST if request.method == "POST" else request.GET).getlist("of")
    names = [name for name in ready.names() if name in asked]
    resolutions: tuple[Any, ...] = ()
    if len(names) > 1:
        source, resolutions = editing.merged_source(names, request.workspace)
        if request.method == "POST":
            return _begun(request, source, based_on=0, at=clock.now())
    return render(
        request,
        "publishing/editing_merge.html",
        {
            "names": names,
            "trades": [(name, *editing_words.TRADES[name]) for name in ready.names()],
            "resolutions": [(telling.in_words(one.sentence), one.path, one.conflict) for one in resolutions],
            "draft": editing.draft_of(request.workspace),
            "too_few": len(names) == 1,
        },
        status=422 if request.method == "POST" else 200,
    )


def _begun(request: MemberRequest, source: str, *, based_on: int, at: Any) -> HttpResponse:
    """Begins the draft; one that is there is only replaced when its revision was seen and named."""
    seen = request.POST.get("instead_of", "")
    revision = int(seen) if seen.isascii() and seen.isdigit() and len(seen) < 9 else None
    try:
        editing.begin(
            workspace=request.workspace, source=source, based_on=based_on, by=request.member, at=at, revision=revision
        )
    except (editing.DraftExists, editing.Conflict):
        messages.warning(request, _("There is a draft already, and somebody is working on it. Nothing was replaced."))
        return see_other(reverse("publishing:policy"))
    return see_other(reverse("publishing:policy_draft"))


@readable
def details(request: MemberRequest) -> HttpResponse:
    """Who answers and where people reach them."""
    draft = draft_or_404(request)
    policy = loading.load(draft.source).policy
    form = DetailsForm(sent(request), initial=DetailsForm.values_of(policy))
    told: list[Told] = []
    if request.method == "POST" and form.is_valid():
        try:
            editing.change(
                workspace=request.workspace, steps=form.steps(policy), was={}, by=request.member, at=clock.now()
            )
        except editing.Refused as refused:
            told = [Told.of(one) for one in refused.effect.refused]
        else:
            messages.success(request, _("Saved"))
            return see_other(reverse("publishing:policy_draft"))
    status = 422 if request.method == "POST" else 200
    return render(
        request, "publishing/editing_details.html", {"form": form, "draft": draft, "told": told}, status=status
    )


def text(request: MemberRequest) -> HttpResponse:
    """The file itself, for who knows the format."""
    draft = draft_or_404(request)
    form = SourceForm(sent(request), initial={"source": draft.source, "revision": draft.revision})
    context: dict[str, Any] = {"form": form, "draft": draft}
    if request.method == "POST" and form.is_valid():
        typed, revision = form.cleaned_data["source"], form.cleaned_data["revision"]
        try:
            editing.replace(
                workspace=request.workspace, source=typed, revision=revision, by=request.member, at=clock.now()
            )
        except loading.FormatInvalid:
            context["findings"] = [Told.of(one) for one in linting.lint_text(typed)]
        except editing.Conflict as conflict:
            context |= {
                "conflict": conflict.draft,
                "theirs": conflict.draft.source,
                "form": _again(typed, conflict.draft),
            }
        else:
            messages.success(request, _("Saved"))
            return see_other(reverse("publishing:policy_text"))
    elif request.method == "GET":
        try:
            found = publish.plan(workspace=request.workspace, source=draft.source, at=clock.now()).findings
        except publish.Refused as refused:
            found = refused.findings
        context["findings"] = [Told.of(one) for one in found]
    status = 422 if request.method == "POST" else 200
    return render(request, "publishing/editing_text.html", context, status=status)


def _again(typed: str, draft: PolicyDraft) -> SourceForm:
    """What was typed, now against the revision that the conflict shows."""
    return SourceForm(initial={"source": typed, "revision": draft.revision})


@readable
def review(request: MemberRequest) -> HttpResponse:
    """What differs from the policy in force, what is wrong, when it would hold and who is told."""
    return _review(request, draft_or_404(request))


def _review(request: MemberRequest, draft: PolicyDraft, *, status: int = 200) -> HttpResponse:
    planned = publish.plan(workspace=request.workspace, source=draft.source, at=clock.now())
    findings = [Told.of(one) for one in planned.findings]
    spoken = editing_words.language()
    asked = partners.with_purposes(planned.policy)
    before = partners.with_purposes(versions.in_force(request.workspace.pk).policy)
    asked_anew = [
        references.listed(references.in_words(asked, f"purposes.{name}", spoken), spoken)
        for name in planned.asks_anew_for
        if name in asked.purposes and name in before.purposes  # nobody can have agreed to what is new
    ]
    return render(
        request,
        "publishing/editing_review.html",
        {
            "draft": draft,
            "planned": planned,
            "errors": [one for one in findings if one.is_error],
            "warnings": [one for one in findings if not one.is_error],
            "material": [change_words(one) for one in planned.changes if one.is_material],
            "other": [change_words(one) for one in planned.changes if not one.is_material],
            "asked_anew": asked_anew,
            "holds_at_once": planned.effective_at <= clock.now(),
            "told_count": editing.told_count(request.workspace) if planned.is_mailed else 0,
            "may_publish": request.member.may(May.MANAGE_POLICY),
        },
        status=status,
    )


@readable
def preview(request: MemberRequest) -> HttpResponse:
    """The page as it would be, in each of its languages."""
    draft = draft_or_404(request)
    planned = publish.plan(workspace=request.workspace, source=draft.source, at=clock.now())
    languages = planned.policy.head.langs
    wanted = request.GET.get("lang", editing_words.language())
    language = wanted if wanted in languages else languages[0]
    page: rendering.Page | None = None
    missing = ""
    try:
        page = rendering.render(planned.policy, language)
    except (references.ReferenceMissing, references.WordsMissing) as lost:
        missing = str(lost)
    names = {"en": "English", "hi": "हिन्दी", "mr": "मराठी"}
    return render(
        request,
        "publishing/editing_preview.html",
        {
            "draft": draft,
            "page": page,
            "missing": missing,
            "spoken": [(code, names[code], code == language) for code in languages],
            "errors": len(planned.errors),
        },
    )


@readable
def published(request: MemberRequest) -> HttpResponse:
    """Makes the draft the next version, if it is still the one that was looked at."""
    draft = draft_or_404(request)
    if request.POST.get("revision") != str(draft.revision):
        messages.warning(request, _("The draft changed while you looked at it. Look again before you publish."))
        return see_other(reverse("publishing:policy_review"))
    try:
        version = editing.publish_draft(
            workspace=request.workspace, revision=draft.revision, by=request.member, at=clock.now()
        )
    except publish.Refused:
        return _review(request, draft, status=422)
    except editing.Conflict:
        return see_other(reverse("publishing:policy_review"))
    if version is None:
        messages.info(request, _("The draft says what the newest version says. Nothing was published."))
    else:
        messages.success(request, _("Published as version %(number)s") % {"number": version.number})
    return see_other(reverse("publishing:policy"))


def discarded(request: MemberRequest) -> HttpResponse:
    draft = draft_or_404(request)
    seen = request.POST.get("revision", "")
    try:
        if seen != str(draft.revision):
            raise editing.Conflict(draft)
        editing.discard(workspace=request.workspace, revision=draft.revision, by=request.member, at=clock.now())
    except editing.Conflict:
        messages.warning(request, _("The draft changed meanwhile. It was not thrown away."))
    else:
        messages.success(request, _("The draft was thrown away"))
    return see_other(reverse("publishing:policy"))


def draft_or_404(request: MemberRequest) -> PolicyDraft:
    draft = editing.draft_of(request.workspace)
    if draft is None:
        raise Http404
    return draft


def trade_words(identity: str) -> str:
    return str(editing_words.TRADES[identity][0]) if identity in editing_words.TRADES else identity


def change_words(change: Change) -> dict[str, Any]:
    return {
        "sentence": telling.in_words(change.sentence),
        "reason": telling.in_words(change.reason),
        "direction": change.direction.value,
        "path": change.path,
    }


def public_url(request: MemberRequest) -> str:
    """The page everyone reads."""
    return reverse("publishing:public_policy", args=(request.workspace.pk,))
