"""An objection that came as a request is taken back at the desk with the person's own code, and nothing else with it."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from django.urls import reverse

from amanat.accounts.models import Workspace
from amanat.accounts.permissions import Role
from amanat.accounts.tests.factories import make_member, owner_of, signed_in
from amanat.basis import gate, objections, passcodes, restrictions
from amanat.basis.consent import How as SaidHow
from amanat.basis.models import Method, Objection, Passcode, Restriction
from amanat.core import clock, tenancy
from amanat.core.models import LedgerEntry, LocalMessage
from amanat.people.models import Contact
from amanat.privacy.erasure import erasing
from amanat.privacy.requests import carrying, relenting
from amanat.privacy.requests.asking import RequestRefused
from amanat.privacy.requests.models import Kind, RequestStep, RightsRequest
from amanat.privacy.requests.tests.people import How, Who, ask, make_person


def objected(
    workspace: Workspace, purposes: tuple[str, ...] = (), *, who: str = Who.PERSON, **fields: str
) -> RightsRequest:
    """Taken down at the counter and carried out by the owner."""
    with tenancy.inside(workspace):
        owner, now = owner_of(workspace), clock.now()
        more = {"name": "Ravi Rao", "reply_to": "ravi@example.in"} if who != Who.PERSON else {}
        person = make_person(workspace, **fields)
        request = ask(
            workspace, person, Kind.OBJECT, at=now, by=owner, how=How.COUNTER, who=who, purposes=purposes, **more
        )
        return carrying.fulfil(request=request, by=owner, at=now)


def back(client: Client, request: RightsRequest, **said: str) -> str:
    """Post to the card; what the page says then."""
    answer = client.post(reverse("privacy:request_objection_back", args=[request.pk]), said, follow=True)
    return answer.content.decode()


def code() -> str:
    found = re.search(r"\b\d{6}\b", LocalMessage.objects.order_by("-id")[0].body)
    assert found
    return found[0]


def reason(request: RightsRequest, purpose: str = "support") -> str:
    with tenancy.inside(request.workspace_id):
        now = clock.now()
        assert request.contact is not None
        found = gate.decide(request.contact, workspace=request.workspace_id, purpose=purpose, at=now, today=now.date())
        return found.reason.value


def rows(workspace: Workspace) -> tuple[int, int, int]:
    with tenancy.inside(workspace):
        kinds = (Objection, RequestStep, Passcode)
        first, second, third = (kind.objects.of(workspace).count() for kind in kinds)
        return first, second, third


def test_with_the_code_the_person_tells_it_is_taken_back_with_its_proof(shree: Workspace) -> None:
    request, client = objected(shree), signed_in(owner_of(shree))
    assert reason(request) == "objection"
    LocalMessage.objects.all().delete()
    assert "A code was sent to ••1736" in back(client, request, act="send")
    assert "Every use that no law orders" in LocalMessage.objects.get().body
    assert "This is not the code." in back(client, request, code="000000" if code() != "000000" else "111111")
    assert reason(request) == "objection"
    assert "The objection is taken back." in back(client, request, code=code())
    assert reason(request) == "ground"
    with tenancy.inside(shree):
        steps = RequestStep.objects.of(shree).filter(request=request).order_by("id").values_list("what", flat=True)
        assert list(steps)[-2:] == ["back_asked", "back"]
        over = Objection.objects.of(shree).order_by("-at", "-id")[0]
        passcode = Passcode.objects.of(shree).get()
        assert (over.what, over.method, over.by) == ("withdrawn", Method.COUNTER, owner_of(shree))
        assert over.evidence == {"request": str(request.pk), "code": str(passcode.pk)}
        told = LedgerEntry.objects.of(shree).filter(event__in=["basis.objection.withdrawn", "privacy.request.back"])
        assert told.count() == 2
    page = client.get(reverse("privacy:request", args=[request.pk])).content.decode()
    assert "Take the objection back" not in page and "Objection taken back" in page


def test_only_the_uses_of_this_request_come_back(shree: Workspace) -> None:
    request, client = objected(shree, ("support", "improve")), signed_in(owner_of(shree))
    with tenancy.inside(shree):
        assert request.contact is not None
        objections.make(contact=request.contact, purpose="service", how=SaidHow(Method.LINK), at=clock.now())
    back(client, request, act="send")
    back(client, request, code=code())
    with tenancy.inside(shree):
        assert objections.standing(request.contact, at=clock.now()) == {"service"}


def test_a_restriction_stays(shree: Workspace) -> None:
    request, client = objected(shree), signed_in(owner_of(shree))
    with tenancy.inside(shree):
        ground, how = Restriction.Ground.REQUEST, SaidHow(Method.LINK)
        assert request.contact is not None
        restrictions.impose(contact=request.contact, ground=ground, how=how, at=clock.now())
    assert "It stays so." in client.get(reverse("privacy:request", args=[request.pk])).content.decode()
    back(client, request, act="send")
    back(client, request, code=code())
    assert reason(request) == "restricted"


@pytest.mark.parametrize("why", ["being erased", "in the bin", "guardian", "taken back", "no address"])
def test_what_cannot_be_taken_back_is_refused_and_changes_no_row(shree: Workspace, why: str) -> None:
    request = objected(
        shree,
        who=Who.GUARDIAN if why == "guardian" else Who.PERSON,
        **({"phone": "", "email": ""} if why == "no address" else {}),
    )
    client = signed_in(owner_of(shree))
    with tenancy.inside(shree):
        person, now = request.contact, clock.now()
        assert person is not None
        match why:
            case "being erased":
                erasing.order(workspace=shree, contact_ids=[person.pk], because="request", by=owner_of(shree), at=now)
            case "in the bin":
                Contact.objects.of(shree).filter(pk=person.pk).update(deleted_at=now)
            case "taken back":
                objections.withdraw(contact=person, how=SaidHow(Method.LINK), at=now)
    before = rows(shree)
    wanted = "neither a phone number" if why == "no address" else "Nothing of this objection stands any more"
    assert wanted in back(client, request, act="send")
    with tenancy.inside(shree), pytest.raises((RequestRefused, passcodes.Over)):
        relenting.confirm(request=request, code="123456", by=owner_of(shree), at=clock.now())
    assert rows(shree) == before


def test_a_code_works_once_for_its_own_request_and_without_one_nothing_does(shree: Workspace) -> None:
    request, client = objected(shree), signed_in(owner_of(shree))
    before = rows(shree)
    assert "This code no longer works." in back(client, request, code="123456")
    back(client, request)
    assert rows(shree) == before, "an empty field neither"
    back(client, request, act="send")
    first = code()
    back(client, request, act="send")
    if first != code():
        assert "This is not the code." in back(client, request, code=first), "a newer one was sent"
    right = code()
    assert "The objection is taken back." in back(client, request, code=right)
    assert "Nothing of this objection stands" in back(client, request, code=right)


def test_the_code_opens_no_page_of_the_person(shree: Workspace) -> None:
    request = objected(shree)
    back(signed_in(owner_of(shree)), request, act="send")
    with tenancy.inside(shree):
        passcode = Passcode.objects.of(shree).get()
        assert passcodes.people_with(shree.pk, passcodes.address_of(passcode)) == []


def test_who_may_not_answer_requests_may_not_take_it_back(shree: Workspace) -> None:
    request, before = objected(shree), rows(shree)
    auditor = signed_in(make_member(shree, Role.AUDITOR))
    assert (
        auditor.post(reverse("privacy:request_objection_back", args=[request.pk]), {"act": "send"}).status_code == 403
    )
    assert "Take the objection back" not in auditor.get(reverse("privacy:request", args=[request.pk])).content.decode()
    assert rows(shree) == before
