"""A restriction is lifted by the owner, after the person was told."""

from __future__ import annotations

import pytest
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.basis import gate, restrictions
from amanat.basis.consent import How
from amanat.basis.models import Method, Restriction
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry, LocalMessage
from amanat.privacy.requests import asking, carrying, lifting
from amanat.privacy.requests.asking import RequestRefused
from amanat.privacy.requests.models import RequestStep, RightsRequest
from amanat.privacy.requests.tests.people import make_person


def restricted(workspace: Workspace) -> RightsRequest:
    with tenancy.inside(workspace):
        request = asking.open_request(
            workspace=workspace,
            contact=make_person(workspace),
            kind="restrict",
            how="phone",
            by=owner_of(workspace),
            at=clock.now(),
        )
        return carrying.fulfil(request=request, by=owner_of(workspace), at=clock.now())


def _answer(request: RightsRequest) -> str:
    at = clock.now()
    with tenancy.inside(request.workspace_id):
        assert request.contact is not None
        return gate.decide(
            request.contact, workspace=request.workspace_id, purpose="service", at=at, today=at.date()
        ).reason.value


@pytest.mark.slow
def test_told_first_then_lifted_through_the_pages(shree: Workspace) -> None:
    request = restricted(shree)
    assert _answer(request) == "restricted"
    client, url = signed_in(owner_of(shree)), reverse("privacy:request_lift", args=[request.pk])
    LocalMessage.objects.all().delete()
    assert client.post(url, {"lift-why": ""}).status_code == 422
    assert client.post(url, {"lift-why": "The numbers were checked."}).status_code == 303
    assert "The numbers were checked." in LocalMessage.objects.get().body
    assert _answer(request) == "restricted", "only told so far"
    page = client.get(reverse("privacy:request", args=[request.pk])).content.decode()
    assert "The person was told that her data will be used again." in page
    assert client.post(url).status_code == 303
    assert _answer(request) != "restricted"
    assert "Lift the restriction" not in client.get(reverse("privacy:request", args=[request.pk])).content.decode()
    with tenancy.inside(shree):
        steps = RequestStep.objects.of(shree).filter(request=request).order_by("id").values_list("what", flat=True)
        assert list(steps)[-2:] == ["lift_told", "lifted"]
        assert LedgerEntry.objects.of(shree).filter(event="basis.restriction.lifted", about=request.contact_id).exists()


def test_not_before_she_was_told_and_not_twice(shree: Workspace) -> None:
    request, owner = restricted(shree), owner_of(shree)
    with tenancy.inside(shree):
        with pytest.raises(RequestRefused):
            lifting.lift(request=request, by=owner, at=clock.now())
        assert lifting.announce(request=request, why="Settled.", by=owner, at=clock.now())
        with pytest.raises(RequestRefused):
            lifting.announce(request=request, why="Settled.", by=owner, at=clock.now())
        lifting.lift(request=request, by=owner, at=clock.now())
        with pytest.raises(RequestRefused):
            lifting.lift(request=request, by=owner, at=clock.now())


def test_a_restriction_on_another_ground_stays(shree: Workspace) -> None:
    request, owner = restricted(shree), owner_of(shree)
    with tenancy.inside(shree):
        assert request.contact is not None
        restrictions.impose(
            contact=request.contact, ground=Restriction.Ground.CLAIMS, how=How(Method.FORM, by=owner), at=clock.now()
        )
        lifting.announce(request=request, why="Settled.", by=owner, at=clock.now())
        lifting.lift(request=request, by=owner, at=clock.now())
    assert _answer(request) == "restricted"


def test_others_than_the_owner_may_not(shree: Workspace) -> None:
    request = restricted(shree)
    client = signed_in(make_member(shree, Role.AGENT))
    assert client.post(reverse("privacy:request_lift", args=[request.pk]), {"lift-why": "x"}).status_code in {403, 404}
