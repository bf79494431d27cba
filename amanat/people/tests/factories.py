"""Records for tests, made by the rules that make them in life."""

from __future__ import annotations

from itertools import count
from typing import Any

from amanat.accounts.models import Member, Team, TeamMember, Workspace
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, tenancy
from amanat.people import companies, contacts, vocabulary
from amanat.people.drafts import CompanyDraft, ContactDraft
from amanat.people.models import Company, Contact, Stage

_mobile = count(9_000_000_001)


def make_contact(
    workspace: Workspace,
    name: str = "Sunita Deshmukh",
    *,
    phone: str | None = None,
    by: Member | None = None,
    **fields: Any,
) -> Contact:
    """A contact with one mobile number; `phone=""` gives none."""
    number = f"+91{next(_mobile)}" if phone is None else phone
    fields.setdefault("phones", [(number, "")] if number else [])
    with tenancy.inside(workspace):
        return contacts.create(workspace=workspace, by=by, at=clock.now(), draft=ContactDraft(name=name, **fields))


def make_company(
    workspace: Workspace, name: str = "Deshmukh Dairy", *, by: Member | None = None, **fields: Any
) -> Company:
    with tenancy.inside(workspace):
        return companies.create(workspace=workspace, by=by, at=clock.now(), draft=CompanyDraft(name=name, **fields))


def make_stage(workspace: Workspace, name: str = "Lead", **fields: Any) -> Stage:
    with tenancy.inside(workspace):
        return Stage.objects.create(workspace_id=workspace.id, key=name.casefold(), name=name, **fields)


def make_team(workspace: Workspace, name: str = "Counter", *members: Member) -> Team:
    with tenancy.inside(workspace):
        team = Team.objects.create(workspace_id=workspace.id, name=name)
        for member in members:
            TeamMember.objects.create(workspace_id=workspace.id, team=team, member=member)
        return team


def narrow_member(workspace: Workspace, name: str = "Prakash Jadhav", *teams: Team) -> Member:
    """A member who sees only contacts of her teams and her own."""
    member = make_member(workspace, name=name, sees=Member.Sees.TEAM)
    with tenancy.inside(workspace):
        for team in teams:
            TeamMember.objects.create(workspace_id=workspace.id, team=team, member=member)
    member.team_ids = [team.pk for team in teams]
    return member


def words_of(workspace: Workspace) -> vocabulary.Vocabulary:
    with tenancy.inside(workspace):
        return vocabulary.of(workspace)


def owner(workspace: Workspace) -> Member:
    """The owner, as a request would know her."""
    member = owner_of(workspace)
    member.team_ids = []
    return member
