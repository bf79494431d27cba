"""The API about the token itself and about who works here."""

from __future__ import annotations

from typing import Annotated, Literal, cast
from uuid import UUID

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from ninja import Router
from pydantic import BaseModel, Field

from amanat.accounts import alarms, invitations, members
from amanat.accounts.api_access import ApiRequest, needs, problem
from amanat.accounts.api_shapes import Listed, Moment, Strict, answer
from amanat.accounts.models import Invitation, Member, Team
from amanat.accounts.permissions import May, Role
from amanat.core import clock

router = Router(tags=["Members"])

_ROLE_NAMES = Literal["owner", "manager", "agent", "auditor"]
_SEES = Literal["all", "team"]


class MeOut(BaseModel):
    """Whom the token acts as, and what it may."""

    token: str = Field(description="The token's name.", examples=["Tally sync"])
    scopes: list[str] = Field(examples=[["contacts:read", "contacts:write"]])
    expires_at: Moment
    member_id: UUID
    member: str
    role: _ROLE_NAMES
    permissions: list[str] = Field(
        description="What the member may; the token may no more, and only within its scopes."
    )
    workspace_id: UUID
    workspace: str
    time_zone: str = Field(examples=["Asia/Kolkata"])
    currency: Literal["INR"] = "INR"


class TeamOut(BaseModel):
    id: UUID
    name: str


class TeamPage(Listed[TeamOut]):
    """All teams, by name."""


class MemberOut(BaseModel):
    id: UUID
    name: str
    email: str
    role: _ROLE_NAMES
    sees: _SEES = Field(description="`team`: only contacts of their teams and their own.")
    team_ids: list[UUID]
    has_second_factor: bool
    joined_at: Moment
    last_seen_at: Moment | None


class MemberPage(Listed[MemberOut]):
    """All members, by name."""


class MemberChange(Strict):
    """What to change. An owner is made on the page Members only: it asks for a fresh sign-in."""

    role: Literal["manager", "agent", "auditor"] | None = Field(default=None, description="Left out: stays as it is.")
    sees: _SEES | None = None
    team_ids: Annotated[list[UUID], Field(max_length=100)] | None = None


class InvitationIn(Strict):
    email: str = Field(max_length=254, examples=["prakash@example.in"])
    name: str = Field(default="", max_length=120)
    role: Literal["manager", "agent", "auditor"] = "agent"
    sees: _SEES = "all"
    team_id: UUID | None = None


class InvitationOut(BaseModel):
    """An invitation; its link went by mail and is not shown here, for who has it may enter."""

    id: UUID
    email: str
    name: str
    role: _ROLE_NAMES
    sees: _SEES
    team_id: UUID | None
    created_at: Moment
    expires_at: Moment


class InvitationPage(Listed[InvitationOut]):
    """Invitations that were neither used nor withdrawn, newest first."""


@router.get("/me", response=MeOut, summary="Whom the token acts as", tags=["Token"])
@needs("", None)
def me(request: HttpRequest) -> MeOut:
    asked = cast(ApiRequest, request)
    member, token, workspace = asked.member, asked.token, asked.workspace
    return MeOut(
        token=token.name,
        scopes=list(token.scopes),
        expires_at=token.expires_at,
        member_id=member.pk,
        member=member.name,
        role=cast(_ROLE_NAMES, member.role),
        permissions=sorted(may.value for may in May if member.may(may)),
        workspace_id=workspace.pk,
        workspace=workspace.name,
        time_zone=workspace.time_zone,
    )


@router.get("/members", response=MemberPage, summary="List the members")
@needs("members:read", May.MANAGE_MEMBERS)
def list_members(request: HttpRequest) -> MemberPage:
    return MemberPage(items=[_shape(line) for line in members.listed(cast(ApiRequest, request).workspace)])


@router.get("/members/{uuid:member_id}", response=MemberOut, summary="Read a member")
@needs("members:read", May.MANAGE_MEMBERS)
def get_member(request: HttpRequest, member_id: UUID) -> MemberOut:
    return _read(cast(ApiRequest, request), member_id)


@router.patch("/members/{uuid:member_id}", response=MemberOut, summary="Change a member's role, sight or teams")
@needs("members:write", May.MANAGE_MEMBERS)
def change_member(request: HttpRequest, member_id: UUID, change: MemberChange) -> MemberOut | HttpResponse:
    """An owner is changed on the page Members only (403), as an owner is made there only. The owners are told by mail."""
    asked = cast(ApiRequest, request)
    member = _changeable(asked, member_id)
    if isinstance(member, HttpResponse):
        return member
    present = set(member.team_seats.of(asked.workspace).values_list("team_id", flat=True))
    team_ids = present if change.team_ids is None else set(change.team_ids)
    known = set(Team.objects.of(asked.workspace).filter(id__in=team_ids).values_list("id", flat=True))
    if team_ids - known:
        raise ValidationError({"team_ids": _("There is no such team here.")})
    members.change(
        member=member,
        by=asked.member,
        at=clock.now(),
        role=change.role or member.role,
        sees=change.sees or member.sees,
        team_ids=team_ids,
    )
    alarms.members_changed(token=asked.token, member=asked.member)
    return _read(asked, member_id)


@router.delete("/members/{uuid:member_id}", response={204: None}, summary="End a member's seat")
@needs("members:write", May.MANAGE_MEMBERS)
def end_member(request: HttpRequest, member_id: UUID) -> HttpResponse:
    """The member's next request is refused and their tokens stop. An owner leaves by the page Members only (403)."""
    asked = cast(ApiRequest, request)
    member = _changeable(asked, member_id)
    if isinstance(member, HttpResponse):
        return member
    members.end(member=member, by=asked.member, at=clock.now())
    alarms.members_changed(token=asked.token, member=asked.member)
    return HttpResponse(status=204)


@router.get("/invitations", response=InvitationPage, summary="List open invitations")
@needs("members:read", May.MANAGE_MEMBERS)
def list_invitations(request: HttpRequest) -> InvitationPage:
    waiting = invitations.waiting(cast(ApiRequest, request).workspace.pk)
    return InvitationPage(items=[_invited(one) for one in waiting])


@router.post("/invitations", response={201: InvitationOut, 409: None}, summary="Invite somebody by e-mail")
@needs("members:write", May.MANAGE_MEMBERS)
def invite(request: HttpRequest, invitation: InvitationIn) -> HttpResponse:
    """The link goes by mail and works once, within seven days, for this address."""
    asked = cast(ApiRequest, request)
    try:
        validate_email(invitation.email.strip())
    except ValidationError as problem:
        raise ValidationError({"email": problem.messages}) from None
    team = None
    if invitation.team_id is not None:
        team = Team.objects.of(asked.workspace).filter(pk=invitation.team_id).first()
        if team is None:
            raise ValidationError({"team_id": _("There is no such team here.")})
    try:
        sent, _url = invitations.send(
            workspace_id=asked.workspace.pk,
            email=invitation.email,
            name=" ".join(invitation.name.split()),
            role=Role(invitation.role),
            sees=invitation.sees,
            team=team,
            by=asked.member,
            at=clock.now(),
        )
    except members.AlreadyMember:
        raise ValidationError({"email": _("This person is a member already.")}) from None
    alarms.members_changed(token=asked.token, member=asked.member)
    return answer(_invited(sent), status=201, location=f"/api/v1/invitations/{sent.pk}")


@router.get("/invitations/{uuid:invitation_id}", response=InvitationOut, summary="Read an invitation")
@needs("members:read", May.MANAGE_MEMBERS)
def get_invitation(request: HttpRequest, invitation_id: UUID) -> InvitationOut:
    return _invited(_invitation(cast(ApiRequest, request), invitation_id))


@router.delete("/invitations/{uuid:invitation_id}", response={204: None}, summary="Withdraw an invitation")
@needs("members:write", May.MANAGE_MEMBERS)
def withdraw_invitation(request: HttpRequest, invitation_id: UUID) -> HttpResponse:
    asked = cast(ApiRequest, request)
    invitations.withdraw(invitation=_invitation(asked, invitation_id), by=asked.member, at=clock.now())
    return HttpResponse(status=204)


@router.get("/teams", response=TeamPage, summary="List the teams")
@needs("members:read", May.READ_CONTACTS)
def list_teams(request: HttpRequest) -> TeamPage:
    teams = Team.objects.of(cast(ApiRequest, request).workspace).order_by("name")
    return TeamPage(items=[TeamOut(id=team.pk, name=team.name) for team in teams])


def _changeable(request: ApiRequest, member_id: UUID) -> Member | HttpResponse:
    """The present member, or the refusal to touch an owner: a token in wrong hands must not shut the owners out."""
    found = Member.objects.of(request.workspace).filter(pk=member_id, ended_at__isnull=True).first()
    if found is None:
        raise Http404
    if found.is_owner:
        detail = _("Open the page Members: it asks for a fresh sign-in, which a token cannot give.")
        return problem(403, _("A token changes no owner"), detail=detail)
    return found


def _read(request: ApiRequest, member_id: UUID) -> MemberOut:
    line = next((line for line in members.listed(request.workspace) if line.member.pk == member_id), None)
    if line is None:
        raise Http404
    return _shape(line)


def _shape(line: members.Listed) -> MemberOut:
    member = line.member
    return MemberOut(
        id=member.pk,
        name=member.name,
        email=member.user.email,
        role=cast(_ROLE_NAMES, member.role),
        sees=cast(_SEES, member.sees),
        team_ids=[team.pk for team in line.teams],
        has_second_factor=line.has_second_factor,
        joined_at=member.joined_at,
        last_seen_at=line.last_seen_at,
    )


def _invitation(request: ApiRequest, invitation_id: UUID) -> Invitation:
    waiting = Invitation.objects.of(request.workspace).filter(accepted_at__isnull=True, withdrawn_at__isnull=True)
    found = waiting.filter(pk=invitation_id).first()
    if found is None:
        raise Http404
    return found


def _invited(invitation: Invitation) -> InvitationOut:
    return InvitationOut(
        id=invitation.pk,
        email=invitation.email,
        name=invitation.name,
        role=cast(_ROLE_NAMES, invitation.role),
        sees=cast(_SEES, invitation.sees),
        team_id=invitation.team_id,
        created_at=invitation.created_at,
        expires_at=invitation.expires_at,
    )
