"""Pages before and between workspaces: the owner's link, choosing and making a workspace, joining one."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts import access, invitations, members, setup, signing_up, workspaces
from amanat.accounts.access import UserRequest, see_other, sent
from amanat.accounts.forms import NewWorkspaceForm
from amanat.accounts.models import User, Workspace
from amanat.core import clock, routes, tenancy


def owner(request: HttpRequest, secret: str) -> HttpResponse:
    """The one-time owner link: remembers the secret and goes to sign-up, or on to the workspace for who is signed in."""
    if not setup.is_owner_secret(secret):
        return routes.refusal(request, 404)
    request.session[signing_up.OWNER_SECRET] = secret
    signed_in = request.user.is_authenticated
    return see_other(reverse("accounts:new_workspace" if signed_in else "account_signup"))


def workspace_list(request: UserRequest) -> HttpResponse:
    """The workspaces one may enter. Who has none is led to the invitation she followed, or to making one."""
    seats = access.seats_of(request.user)
    if not seats:
        may_make = signing_up.may_make_workspace(request, request.user)
        where = signing_up.join_url(request) or (reverse("accounts:new_workspace") if may_make else "")
        if where:
            return see_other(where)
    present = getattr(request, "workspace", None)
    context = {
        "seats": seats,
        "present": present.pk if present else None,
        "may_make": signing_up.may_make_workspace(request, request.user),
    }
    return TemplateResponse(request, "accounts/workspaces.html", context)


def enter_workspace(request: UserRequest, workspace_id: UUID) -> HttpResponse:
    if workspace_id not in {seat.workspace_id for seat in access.seats_of(request.user)}:
        return routes.refusal(request, 404)
    access.choose_workspace(request, workspace_id)
    return see_other("/")


def new_workspace(request: UserRequest) -> HttpResponse:
    """Make a workspace, whose owner one becomes, and go to its first page. On a closed site this spends the owner's link."""
    if not signing_up.may_make_workspace(request, request.user):
        return TemplateResponse(request, "accounts/workspace_closed.html", status=403)
    form = NewWorkspaceForm(sent(request), initial={"language": getattr(request, "LANGUAGE_CODE", "en")})
    if request.method == "POST" and form.is_valid():
        secret = request.session.pop(signing_up.OWNER_SECRET, "")
        if secret:
            setup.use_owner_secret(secret)
        seat = workspaces.create(owner=request.user, at=clock.now(), **form.cleaned_data)
        access.choose_workspace(request, seat.workspace_id)
        return see_other("/")
    context = {"form": form, "has_seats": bool(access.seats_of(request.user))}
    return TemplateResponse(request, "accounts/workspace_new.html", context, status=422 if form.errors else 200)


def join(request: HttpRequest, workspace_id: UUID, secret: str) -> HttpResponse:
    """The page of an invitation. Who is signed out signs in or up first and comes back here."""
    at = clock.now()
    user = request.user if request.user.is_authenticated else None
    with tenancy.inside(workspace_id):
        invitation = invitations.by_secret(workspace_id=workspace_id, secret=secret, at=at)
        workspace = Workspace.objects.of(workspace_id).first() if invitation else None
    if invitation is None or workspace is None:
        request.session.pop(signing_up.INVITATION, None)
        return render(request, "accounts/join_over.html", status=404)
    context: dict[str, object] = {
        "invitation": invitation,
        "place": workspace,
        "is_hers": user and invitations.is_for(invitation, user),
    }
    if user is None:
        signing_up.remember_invitation(request, workspace_id=workspace_id, secret=secret)
        return render(request, "accounts/join.html", context)
    if not context["is_hers"]:
        request.session.pop(signing_up.INVITATION, None)  # or every sign-in of this other account would end here
    if request.method != "POST":
        return render(request, "accounts/join.html", context)
    return _accept(request, user, workspace_id, secret, context)


def _accept(
    request: HttpRequest, user: User, workspace_id: UUID, secret: str, context: dict[str, object]
) -> HttpResponse:
    try:
        invitations.accept(workspace_id=workspace_id, secret=secret, user=user, at=clock.now())
    except invitations.OtherEmail:
        return render(request, "accounts/join.html", context, status=403)
    except invitations.InvitationOver:
        return render(request, "accounts/join_over.html", status=404)
    except members.AlreadyMember:
        messages.info(request, _("You are a member of this workspace already."))
    request.session.pop(signing_up.INVITATION, None)
    access.choose_workspace(request, workspace_id)
    return see_other("/")
