"""The draft as its sentences, each with the rules it rests on; one sentence, or one entry of a block, changed at a time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpResponse, QueryDict
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other
from amanat.core import clock
from amanat.policy import editing as rules
from amanat.policy import loading, questions, telling
from amanat.policy.editing import Effect, LeaveOut, Put, Step
from amanat.policy.format import Clause, Policy
from amanat.policy.references import GROUPS
from amanat.publishing import dry_runs, editing, editing_cards, editing_words, publish
from amanat.publishing.editing_cards import Card, Told
from amanat.publishing.editing_recipients import RecipientForm
from amanat.publishing.editing_views import draft_or_404, readable
from amanat.publishing.models import PolicyDraft


@readable
def draft(request: MemberRequest) -> HttpResponse:
    """All sentences by part, the rules beside them, findings at their place."""
    held = draft_or_404(request)
    planned = publish.plan(workspace=request.workspace, source=held.source, at=clock.now())
    return render(
        request,
        "publishing/editing_draft.html",
        {
            "draft": held,
            "parts": editing_cards.parts(planned.policy, planned.findings),
            "elsewhere": editing_cards.elsewhere(planned.policy, planned.findings),
            "errors": len(planned.errors),
            "warnings": len(planned.findings) - len(planned.errors),
            "changes": len(planned.changes),
            "dry_run": foretold(request, planned.policy),
        },
    )


@readable
def clause(request: MemberRequest, clause_id: str) -> HttpResponse:
    """One sentence with its rules as inputs. POST saves them, or says at each what the law does not allow."""
    held = draft_or_404(request)
    policy = loading.load(held.source).policy
    found = _clause(policy, clause_id)
    if request.method == "GET":
        return _clause_page(request, held, editing_cards.card(policy, found), policy)
    answers = editing_cards.read(policy, request.POST)
    if answers.errors:
        card = editing_cards.card(policy, found, data=request.POST)
        editing_cards.with_errors([*card.asked, *card.more], answers.errors)
        return _clause_page(request, held, card, policy, status=422)
    try:
        editing.change(
            workspace=request.workspace, steps=answers.steps, was=answers.was, by=request.member, at=clock.now()
        )
    except editing.Refused as refused:
        return _clause_page(
            request, held, _refused_card(policy, found, request.POST, refused.effect), policy, status=422
        )
    except editing.Conflict as conflict:
        return _conflict(request, conflict, clause_id)
    if answers.steps:
        messages.success(request, _("Saved in the draft"))
    return see_other(f"{reverse('publishing:policy_draft')}#clause-{clause_id}")


def _refused_card(policy: Policy, found: Clause, data: QueryDict, effect: Effect) -> Card:
    card = editing_cards.card(policy, found, data=data)
    rest = editing_cards.with_errors([*card.asked, *card.more], {}, effect.refused)
    card.findings = rest
    return card


def _conflict(request: MemberRequest, conflict: editing.Conflict, clause_id: str) -> HttpResponse:
    """Both values: theirs stands beside, what was typed here stays in the inputs; saving again puts it in place of theirs."""
    policy = loading.load(conflict.draft.source).policy
    card = editing_cards.card(policy, _clause(policy, clause_id), data=request.POST)
    for asked in [*card.asked, *card.more]:
        if asked.path in conflict.paths:
            asked.errors.append(
                _("%(who)s changed this meanwhile to: %(now)s. Save again to put yours in its place.")
                % {"who": conflict.draft.edited_by or _("Somebody"), "now": asked.now}
            )
    return _clause_page(request, conflict.draft, card, policy, status=409)


def _clause_page(
    request: MemberRequest, held: PolicyDraft, card: Card, policy: Policy, *, status: int = 200
) -> HttpResponse:
    return render(
        request,
        "publishing/editing_clause.html",
        {
            "draft": held,
            "card": card,
            "units": list(editing_words.UNITS.items()),
            "heading": editing_words.part(card.part),
            "dry_run": foretold(request, policy),
        },
        status=status,
    )


@readable
def tried(request: MemberRequest, clause_id: str) -> HttpResponse:
    """What the answers would mean, before anybody saves them: the sentence, the changes, what is refused, what would be erased."""
    held = draft_or_404(request)
    policy = loading.load(held.source).policy
    _clause(policy, clause_id)
    return render(request, "publishing/_editing_effect.html", _effect(request, held, policy, request.POST))


def _effect(request: MemberRequest, held: PolicyDraft, policy: Policy, data: QueryDict) -> dict[str, Any]:
    answers = editing_cards.read(policy, data)
    if answers.errors or not answers.steps:
        return {"is_invalid": bool(answers.errors), "dry_run": foretold(request, policy)}
    effect = editing.try_out(held.source, answers.steps, language=editing_words.language())
    return {
        "sentences": effect.sentences,
        "changes": [
            {
                "sentence": telling.in_words(one.sentence),
                "reason": telling.in_words(one.reason),
                "direction": one.direction.value,
            }
            for one in effect.changes
        ],
        "refused": [Told.of(one) for one in effect.refused],
        "dry_run": foretold(request, effect.policy or policy),
        "is_changed": True,
    }


def foretold(request: MemberRequest, policy: Policy) -> dict[str, Any] | None:
    """What would be erased tomorrow; None when nothing here can say."""
    found = dry_runs.of(request.workspace.pk, policy, clock.now() + timedelta(days=1))
    if found is None:
        return None
    lines = [{"keep": telling.name(one.keep_name), "label": str(one.label), "count": one.count} for one in found]
    return {"lines": lines, "total": sum(one.count for one in found)}


# --- entries of blocks --------------------------------------------------------------------------------------------------------


@readable
def entry(request: MemberRequest, block: str, name: str) -> HttpResponse:
    """One kind of data, purpose, recipient or rule of keeping: all that can be said of it."""
    held = draft_or_404(request)
    policy = loading.load(held.source).policy
    if block not in {*GROUPS, "keep"} - {"products"} or name not in getattr(policy, block):
        raise Http404
    asked = [editing_cards.asked(policy, one) for one in questions.of_entry(policy, f"{block}.{name}")]
    told: list[Told] = []
    if request.method == "POST":
        answers = editing_cards.read(policy, request.POST)
        asked = [
            editing_cards.asked(policy, one, request.POST) for one in questions.of_entry(policy, f"{block}.{name}")
        ]
        removing = request.POST.get("act") == "remove"
        steps: list[Step] = [LeaveOut((block, name))] if removing else answers.steps
        if answers.errors and not removing:
            editing_cards.with_errors(asked, answers.errors)
        else:
            try:
                editing.change(
                    workspace=request.workspace,
                    steps=steps,
                    was={} if removing else answers.was,
                    by=request.member,
                    at=clock.now(),
                )
            except editing.Refused as refused:
                told = editing_cards.with_errors(asked, {}, refused.effect.refused)
            except editing.Conflict as conflict:
                for one in asked:
                    if one.path in conflict.paths:
                        one.errors.append(_("Somebody else changed this meanwhile. Look at it again."))
            else:
                messages.success(request, _("Taken out of the draft") if removing else _("Saved in the draft"))
                return see_other(reverse("publishing:policy_draft"))
    return render(
        request,
        "publishing/editing_entry.html",
        {
            "draft": held,
            "kind": block,
            "name": name,
            "block_words": editing_words.BLOCKS[block],
            "words": editing_cards.entry_words(policy, block, name) if block != "keep" else telling.name(name),
            "asked": asked,
            "told": told,
            "units": list(editing_words.UNITS.items()),
            "leaves": _leaves(policy, block, name),
        },
        status=422 if request.method == "POST" else 200,
    )


def _leaves(policy: Policy, block: str, name: str) -> int:
    """How many sentences would go with it."""
    path = f"{block}.{name}"
    return sum(any(f"{one}.".startswith(f"{path}.") for one in rules.paths_said(each)) for each in policy.clauses)


@readable
def recipient(request: MemberRequest) -> HttpResponse:
    """Somebody else who receives data: named, with what, where and on which condition, so that nothing is left to guess."""
    held = draft_or_404(request)
    policy = loading.load(held.source).policy
    form = RecipientForm(request.POST if request.method == "POST" else None, policy=policy)
    told: list[Told] = []
    if request.method == "POST" and form.is_valid():
        key, value = form.entry()
        try:
            editing.change(
                workspace=request.workspace,
                steps=[Put(("recipients", key), value)],
                was={},
                by=request.member,
                at=clock.now(),
            )
        except editing.Refused as refused:
            told = [Told.of(one) for one in refused.effect.refused]
        else:
            messages.success(request, _("Saved in the draft"))
            return see_other(reverse("publishing:policy_draft"))
    return render(
        request,
        "publishing/editing_recipient.html",
        {"form": form, "draft": held, "told": told},
        status=422 if request.method == "POST" else 200,
    )


def _clause(policy: Policy, clause_id: str) -> Clause:
    for one in policy.clauses:
        if one.id == clause_id:
            return one
    raise Http404
