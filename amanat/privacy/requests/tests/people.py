"""Workspaces, people and requests for tests, made by the rules that make them in life."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from amanat.accounts.models import Member, Workspace
from amanat.basis.tests.people import make_contact
from amanat.people.models import Address, Contact
from amanat.policy import ready
from amanat.policy.format import Policy
from amanat.privacy.requests import asking
from amanat.privacy.requests.details import Asker, Details
from amanat.privacy.requests.models import Kind, RightsRequest
from amanat.publishing import versions

AT = datetime(2026, 12, 1, 6, 0, tzinfo=UTC)
PHONE, EMAIL = "+919822041736", "asha@example.in"
How, Who = RightsRequest.How, RightsRequest.Who


def in_force(workspace: Workspace) -> Policy:
    return versions.in_force(workspace).policy


def make_person(workspace: Workspace, name: str = "Asha Menon", *, country: str = "", **fields: Any) -> Contact:
    person = make_contact(workspace, name, **({"phone": PHONE, "email": EMAIL} | fields))
    if country:
        Address.objects.create(workspace_id=workspace.pk, contact=person, country=country)
    return person


def ask(
    workspace: Workspace,
    person: Contact | None,
    kind: str = Kind.ERASE,
    *,
    at: datetime = AT,
    by: Member | None = None,
    how: str = How.SELF_SERVICE,
    who: str = Who.PERSON,
    **said: Any,
) -> RightsRequest:
    """A request as the public page makes it for somebody who typed her code, or the desk for `by`."""
    return asking.open_request(
        workspace=workspace,
        contact=person,
        kind=kind,
        how=how,
        by=by,
        at=at,
        details=Details(**said),
        asker=Asker(who=Who(who)),
    )


def every_policy() -> list[str]:
    return ready.names()
