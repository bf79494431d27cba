"""What is kept on the reader's device: the public register, and the choice, without a script and without an account."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import get_language

from amanat.accounts.access import see_other
from amanat.basis import middleware, public_views, rules, storage
from amanat.core import tenancy
from amanat.policy.format import Policy
from amanat.publishing.versions import NoWorkspace


def of_site(request: HttpRequest) -> HttpResponse:
    """The register of the pages that belong to no workspace: signing in, setting up."""
    return render(request, "basis/storage.html", {"rows": _rows(None), "choices": []})


def of_workspace(request: HttpRequest, workspace_id: UUID) -> HttpResponse:
    """The register of a workspace's public pages, and the choice where there is one."""
    with tenancy.inside(workspace_id):
        workspace = public_views.workspace_of(workspace_id)
        policy = rules.of(workspace_id).policy
    if request.method == "POST":
        return _chosen(request, workspace_id, policy)
    chosen = storage.choice(request, workspace_id)
    context = {
        "workspace": workspace,
        "rows": _rows(policy),
        "choices": [
            {"kind": kind, "label": storage.KINDS[kind], "is_on": kind in (chosen or ())}
            for kind in storage.asked_for(policy)
        ],
        "has_signal": storage.has_signal(request),
    }
    return render(request, "basis/storage.html", context)


def banner(request: HttpRequest) -> dict[str, Any] | None:
    """What a public page shows about the device: the address of the register and, until somebody chose, the question."""
    here = middleware.workspace_of(request)
    if here is None:
        return {"url": reverse("basis:storage_of_site")}
    shown: dict[str, Any] = {"url": reverse("basis:storage", args=[here])}
    if storage.used() and storage.choice(request, here) is None and request.path_info != shown["url"]:
        try:
            with tenancy.inside(here):
                policy = rules.of(here).policy
        except NoWorkspace:  # a page about an address that leads nowhere, or to a workspace that was closed
            return {"url": reverse("basis:storage_of_site")}
        shown["kinds"] = [storage.KINDS[kind] for kind in storage.asked_for(policy)]
        shown["here"] = request.get_full_path()
    return shown


def _chosen(request: HttpRequest, workspace_id: UUID, policy: Policy) -> HttpResponse:
    """Yes to all, no to all, or what is ticked. A key that was agreed to before and is not any more is taken away at once."""
    asked, act = storage.asked_for(policy), request.POST.get("act", "refuse")
    kinds = asked if act == "accept" else request.POST.getlist("kinds") if act == "choose" else []
    kinds = [] if storage.has_signal(request) else [kind for kind in asked if kind in kinds]
    target = request.POST.get("next", "")
    back = reverse("basis:storage", args=[workspace_id])
    if url_has_allowed_host_and_scheme(target, {request.get_host()}, request.is_secure()):
        back = target
    response = see_other(back)
    response.set_cookie(
        storage.CHOICE_COOKIE, storage.with_choice(request, workspace_id, kinds), max_age=int(storage.CHOICE_LIFE.total_seconds()),
        secure=settings.SESSION_COOKIE_SECURE, httponly=True, samesite="Lax",
    )  # fmt: skip
    for name, key in storage.of_policy(policy).items():
        if key.kind in storage.ASKED and key.kind not in kinds and name in request.COOKIES:
            response.delete_cookie(name, samesite="Lax")
    return response


def _rows(policy: Policy | None) -> list[dict[str, Any]]:
    """The site's own keys, then those of the policy that are really used."""
    language = get_language() or "en"
    own = [
        {
            "name": key.name,
            "kind": storage.KINDS[key.kind],
            "life": storage.shown_life(storage.life_of(key.name, policy) if key.where == "cookie" else key.life),
            "what": key.what,
            "where": storage.PLACES[key.where],
        }
        for key in storage.OWN
    ]
    declared = storage.of_policy(policy).items() if policy is not None else ()
    return own + [
        {
            "name": name,
            "kind": storage.KINDS[key.kind],
            "life": key.life.in_words(language),
            "what": storage.KINDS[key.kind],
            "where": storage.PLACES["cookie"],
        }
        for name, key in declared
        if key.kind in storage.ASKED and storage.is_used(policy, name)
    ]
