"""The API of requests: scopes, list by key, status, taking down."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from amanat.accounts import api_tokens
from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of
from amanat.core import clock, ids, tenancy
from amanat.people.models import Contact
from amanat.privacy.requests import asking
from amanat.privacy.requests.models import RightsRequest
from amanat.privacy.requests.tests.people import ask, make_person

PATH = "/api/v1/requests"


@pytest.fixture
def asha(db: None, shree: Workspace) -> Contact:
    with tenancy.inside(shree):
        return make_person(shree)


def bearer(workspace: Workspace, *scopes: str, role: str = Role.OWNER) -> dict[str, str]:
    member = owner_of(workspace) if role == Role.OWNER else make_member(workspace, role)
    with tenancy.inside(workspace):
        at = clock.now()
        _token, secret = api_tokens.make(
            member=member, name="test", scopes=list(scopes), at=at, expires_at=at + timedelta(days=1)
        )
    return {"Authorization": f"Bearer {secret}"}


def post(said: dict[str, Any], headers: dict[str, str]) -> Any:
    return Client().post(PATH, json.dumps(said), content_type="application/json", headers=headers)


def test_a_request_is_taken_down_and_read_again(shree: Workspace, asha: Contact) -> None:
    headers = bearer(shree, "requests:read", "requests:write")
    made = post(
        {"kind": "erase", "how": "email", "contact_id": str(asha.pk), "is_sure": True, "text": "By mail"}, headers
    )
    assert made.status_code == 201, made.content
    said = made.json()
    with tenancy.inside(shree):
        request = RightsRequest.objects.of(shree).get()
        assert asking.opens_with(request, said["code"]) and request.how == "email"
    read = Client().get(made["Location"], headers=headers).json()
    assert read == {name: value for name, value in said.items() if name != "code"} and read["state"] == "open"


@pytest.mark.parametrize(
    ("wrong", "status"),
    [
        ({"kind": "sell"}, 422),
        ({"how": "self_service"}, 422),
        ({"is_sure": False}, 422),
        ({"contact_id": str(ids.new())}, 422),
        ({"who": "guardian"}, 409),
        ({"text": "x" * 5000}, 422),
        ({"state": "answered"}, 422),
    ],
)
def test_what_is_not_well_formed_changes_nothing(
    shree: Workspace, asha: Contact, wrong: dict[str, Any], status: int
) -> None:
    said = {"kind": "erase", "how": "email", "contact_id": str(asha.pk), "is_sure": True} | wrong
    assert post(said, bearer(shree, "requests:write")).status_code == status
    with tenancy.inside(shree):
        assert not RightsRequest.objects.of(shree).exists()


def test_scopes_and_permissions_are_asked(shree: Workspace, asha: Contact) -> None:
    said = {"kind": "erase", "how": "email"}
    assert post(said, bearer(shree, "requests:read")).status_code == 403
    assert post(said, bearer(shree, "requests:write", role=Role.AUDITOR)).status_code == 403
    assert Client().get(PATH, headers=bearer(shree, "contacts:read")).status_code == 403
    assert Client().get(PATH, headers=bearer(shree, "requests:read", role=Role.AUDITOR)).status_code == 200


def test_the_list_is_paged_and_filtered(shree: Workspace, asha: Contact) -> None:
    now = clock.now()
    with tenancy.inside(shree):
        made = [ask(shree, asha, at=now - timedelta(days=days)) for days in (1, 40, 3)]
    headers = bearer(shree, "requests:read")
    first = Client().get(f"{PATH}?limit=2", headers=headers).json()
    rest = Client().get(first["next"], headers=headers).json()
    assert [one["id"] for one in (*first["items"], *rest["items"])] == [str(made[at].pk) for at in (1, 2, 0)]
    assert rest["next"] is None
    late = Client().get(f"{PATH}?view=late", headers=headers).json()
    assert [one["id"] for one in late["items"]] == [str(made[1].pk)]
    assert Client().get(f"{PATH}?after=nonsense", headers=headers).status_code == 422


def test_a_request_of_another_workspace_does_not_exist(shree: Workspace, other: Workspace, asha: Contact) -> None:
    with tenancy.inside(shree):
        request = ask(shree, asha)
    assert Client().get(f"{PATH}/{request.pk}", headers=bearer(other, "requests:read")).status_code == 404
