"""Pages of a workspace's settings: details, security, roles, teams, tokens. Members have `members_views`."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts import api_tokens, forms, permissions, teams, workspaces
from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.accounts.models import ApiToken, Member, Team
from amanat.accounts.permissions import May, Role
from amanat.core import clock


def start(request: MemberRequest) -> HttpResponse:
    """The first page of the settings that this member may open."""
    managing = request.member.may(May.MANAGE_WORKSPACE)
    return see_other(reverse("accounts:workspace" if managing else "accounts:profile"))


def workspace(request: MemberRequest) -> HttpResponse:
    form = forms.WorkspaceForm(sent(request), instance=request.workspace)
    if request.method == "POST":
        # A bound form writes what was typed into its instance, and the frame of the page shows the instance.
        kept = workspaces.by_id(request.workspace.pk)
        if form.is_valid():
            workspaces.change(workspace=kept, by=request.member, at=clock.now(), **form.details())
            messages.success(request, _("Saved."))
            return see_other(reverse("accounts:workspace"))
        request.workspace = request.member.workspace = kept
    return render(request, "accounts/settings/workspace.html", {"form": form}, status=422 if form.errors else 200)


def security(request: MemberRequest) -> HttpResponse:
    form = forms.SecurityForm(
        sent(request),
        user=request.user,
        initial={"requires_mfa": request.workspace.requires_mfa},
    )
    if request.method == "POST" and form.is_valid():
        workspaces.change(workspace=request.workspace, by=request.member, at=clock.now(), **form.cleaned_data)
        messages.success(request, _("Saved."))
        return see_other(reverse("accounts:security"))
    return render(request, "accounts/settings/security.html", {"form": form}, status=422 if form.errors else 200)


def roles(request: MemberRequest) -> HttpResponse:
    lines = [
        (sentence, [(label, permission in permissions.TABLE[role]) for role, label in Role.choices])
        for permission, sentence in permissions.SENTENCES.items()
    ]
    return render(request, "accounts/settings/roles.html", {"lines": lines, "roles": Role.labels})


def team_list(request: MemberRequest) -> HttpResponse:
    form = forms.TeamForm(sent(request))
    if request.method == "POST" and form.is_valid():
        try:
            team = teams.make(
                workspace_id=request.workspace.pk, name=form.cleaned_data["name"], by=request.member, at=clock.now()
            )
            return see_other(reverse("accounts:team", args=[team.pk]))
        except teams.NameTaken:
            form.add_error("name", _("There is a team of this name."))
    context = {"form": form, "teams": teams.listed(request.workspace.pk)}
    return render(request, "accounts/settings/teams.html", context, status=422 if form.errors else 200)


def team(request: MemberRequest, team_id: UUID) -> HttpResponse:
    found = get_object_or_404(Team.objects.of(request.workspace), pk=team_id)
    present = list(Member.objects.of(request.workspace).filter(ended_at__isnull=True).order_by("name", "id"))
    hers = [str(key) for key in teams.member_ids(found)]
    form = forms.TeamMembersForm(
        sent(request),
        present=present,
        initial={"name": found.name, "members": hers},
    )
    if request.method == "POST" and form.is_valid():
        try:
            if form.cleaned_data["name"] != found.name:
                teams.rename(team=found, name=form.cleaned_data["name"], by=request.member, at=clock.now())
            teams.set_members(team=found, member_ids=form.cleaned_data["members"], by=request.member, at=clock.now())
            messages.success(request, _("Saved."))
            return see_other(reverse("accounts:teams"))
        except teams.NameTaken:
            form.add_error("name", _("There is a team of this name."))
            found.refresh_from_db(fields=["name"], from_queryset=Team.objects.of(request.workspace))
    return render(
        request, "accounts/settings/team.html", {"form": form, "team": found}, status=422 if form.errors else 200
    )


def delete_team(request: MemberRequest, team_id: UUID) -> HttpResponse:
    found = get_object_or_404(Team.objects.of(request.workspace), pk=team_id)
    try:
        teams.delete(team=found, by=request.member, at=clock.now())
    except teams.TeamInUse:
        messages.error(request, _("Contacts still belong to this team. Give them to another team first."))
        return see_other(reverse("accounts:team", args=[team_id]))
    messages.success(request, _("The team is deleted."))
    return see_other(reverse("accounts:teams"))


def token_list(request: MemberRequest) -> HttpResponse:
    context = {"tokens": api_tokens.listed(request.workspace.pk), "now": clock.now()}
    return render(request, "accounts/settings/tokens.html", context)


def new_token(request: MemberRequest) -> HttpResponse:
    """Make a token. Its text stands in this one answer and nowhere else, hence no redirect."""
    form = forms.TokenForm(sent(request))
    if request.method == "POST" and form.is_valid():
        at = clock.now()
        token, text = api_tokens.make(
            member=request.member,
            name=form.cleaned_data["name"],
            scopes=form.cleaned_data["scopes"],
            expires_at=at + form.cleaned_data["days"],
            at=at,
        )
        return render(request, "accounts/settings/token_made.html", {"token": token, "text": text})
    return render(request, "accounts/settings/token_new.html", {"form": form}, status=422 if form.errors else 200)


def revoke_token(request: MemberRequest, token_id: UUID) -> HttpResponse:
    token = get_object_or_404(ApiToken.objects.of(request.workspace), pk=token_id)
    api_tokens.revoke(token=token, by=request.member, at=clock.now())
    messages.success(request, _("The token is revoked."))
    return see_other(reverse("accounts:tokens"))
