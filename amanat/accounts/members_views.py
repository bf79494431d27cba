"""Pages of members and invitations."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import gettext as _

from amanat.accounts import forms, invitations, members
from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.accounts.models import Invitation, Member, Team
from amanat.core import clock


def _teams(request: MemberRequest) -> list[Team]:
    return list(Team.objects.of(request.workspace).order_by("name"))


def member_list(request: MemberRequest) -> HttpResponse:
    context = {
        "listed": members.listed(request.workspace),
        "invitations": invitations.waiting(request.workspace.pk),
        "now": clock.now(),
    }
    return render(request, "accounts/settings/members.html", context)


def member(request: MemberRequest, member_id: UUID) -> HttpResponse:
    present = Member.objects.of(request.workspace).filter(ended_at__isnull=True).select_related("user")
    found = get_object_or_404(present, pk=member_id)
    hers = found.team_seats.of(request.workspace).values_list("team_id", flat=True)
    initial = {"role": found.role, "sees": found.sees, "teams": [str(key) for key in hers]}
    form = forms.MemberForm(sent(request), teams=_teams(request), initial=initial)
    if request.method == "POST" and form.is_valid():
        try:
            members.change(
                member=found,
                by=request.member,
                at=clock.now(),
                role=form.cleaned_data["role"],
                sees=form.cleaned_data["sees"],
                team_ids=form.cleaned_data["teams"],
            )
            messages.success(request, _("Saved."))
            return see_other(reverse("accounts:members"))
        except members.LastOwner:
            form.add_error("role", _("This is the only owner. Make somebody else an owner first."))
    context = {"form": form, "found": found}
    return render(request, "accounts/settings/member.html", context, status=422 if form.errors else 200)


def end_member(request: MemberRequest, member_id: UUID) -> HttpResponse:
    found = get_object_or_404(Member.objects.of(request.workspace), pk=member_id)
    try:
        members.end(member=found, by=request.member, at=clock.now())
    except members.LastOwner:
        messages.error(request, _("This is the only owner. Make somebody else an owner first."))
        return see_other(reverse("accounts:member", args=[member_id]))
    messages.success(request, _("%(name)s is no longer a member.") % {"name": found.name})
    return see_other(reverse("accounts:members"))


def invite(request: MemberRequest) -> HttpResponse:
    """Invite by e-mail. The link also stands in this one answer, for those who send it by WhatsApp; hence no redirect."""
    form = forms.InvitationForm(sent(request), teams=_teams(request))
    if request.method == "POST" and form.is_valid():
        try:
            invitation, url = invitations.send(
                workspace_id=request.workspace.pk, by=request.member, at=clock.now(), **form.cleaned_data
            )
            return render(request, "accounts/settings/invited.html", {"invitation": invitation, "url": url})
        except members.AlreadyMember:
            form.add_error("email", _("This person is a member already."))
    return render(request, "accounts/settings/invite.html", {"form": form}, status=422 if form.errors else 200)


def _invitation(request: MemberRequest, invitation_id: UUID) -> Invitation:
    return get_object_or_404(Invitation.objects.of(request.workspace), pk=invitation_id)


def invite_again(request: MemberRequest, invitation_id: UUID) -> HttpResponse:
    invitation = _invitation(request, invitation_id)
    try:
        url = invitations.send_again(invitation=invitation, by=request.member, at=clock.now())
    except invitations.InvitationOver:
        messages.error(request, _("This invitation was used or withdrawn."))
        return see_other(reverse("accounts:members"))
    return render(request, "accounts/settings/invited.html", {"invitation": invitation, "url": url})


def withdraw_invitation(request: MemberRequest, invitation_id: UUID) -> HttpResponse:
    invitations.withdraw(invitation=_invitation(request, invitation_id), by=request.member, at=clock.now())
    messages.success(request, _("The invitation is withdrawn."))
    return see_other(reverse("accounts:members"))
