"""The Data Rights Protocol: signatures, order of the checks, replay and expiry, exercise, status, revoke."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from nacl.signing import SigningKey

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of, signed_in
from amanat.core import clock, ids, tenancy
from amanat.core.models import LocalMessage
from amanat.people import contacts, vocabulary
from amanat.people.models import Contact
from amanat.privacy.copies import making
from amanat.privacy.copies.models import PersonCopy
from amanat.privacy.requests import agents, asking, carrying
from amanat.privacy.requests.models import RequestStep, RightsAgent, RightsRequest
from amanat.privacy.requests.tests.people import EMAIL, PHONE, make_person

KEY, OTHER_KEY = SigningKey(b"1" * 32), SigningKey(b"2" * 32)
AGENT = "CR_AGENT"


def public(key: SigningKey) -> str:
    return base64.b64encode(bytes(key.verify_key)).decode()


@pytest.fixture
def asha(db: None, shree: Workspace) -> Contact:
    with tenancy.inside(shree):
        return make_person(shree)


@pytest.fixture
def agent(asha: Contact, shree: Workspace) -> RightsAgent:
    with tenancy.inside(shree):
        return agents.register(
            workspace=shree,
            agent_id=AGENT,
            name="Consumer agent",
            verify_key=public(KEY),
            by=owner_of(shree),
            at=clock.now(),
        )


def message(workspace: Workspace, *, key: SigningKey = KEY, **more: Any) -> bytes:
    now = clock.now()
    said = {
        "agent-id": AGENT, "business-id": agents.business_id(workspace), "issued-at": now.isoformat(),
        "expires-at": (now + timedelta(minutes=10)).isoformat(), "drp.version": "1.0",
    } | more  # fmt: skip
    return base64.b64encode(key.sign(json.dumps(said).encode()))


def asking_for(workspace: Workspace, exercise: str = "deletion", **more: Any) -> bytes:
    said = {"exercise": exercise, "regime": "ccpa", "email": EMAIL, "email_verified": True}
    return message(workspace, **(said | more))


def base(workspace: Workspace) -> str:
    return f"/w/{workspace.pk}/drp/v1"


def paired(workspace: Workspace) -> dict[str, str]:
    answer = Client().post(f"{base(workspace)}/agent/{AGENT}", message(workspace), content_type="text/plain")
    assert answer.status_code == 200
    return {"Authorization": f"Bearer {answer.json()['token']}"}


def send(workspace: Workspace, body: bytes, headers: dict[str, str]) -> Any:
    return Client().post(f"{base(workspace)}/data-rights-request", body, content_type="text/plain", headers=headers)


def requests(workspace: Workspace) -> list[RightsRequest]:
    with tenancy.inside(workspace):
        return list(RightsRequest.objects.of(workspace).order_by("id"))


def test_an_agent_pairs_asks_looks_and_takes_back(agent: RightsAgent, shree: Workspace, asha: Contact) -> None:
    headers = paired(shree)
    assert Client().get(f"{base(shree)}/agent/{AGENT}", headers=headers).json() == {}
    made = send(shree, asking_for(shree, **{"agent-request-id": "A-7"}), headers)
    said = made.json()
    assert made.status_code == 200 and (said["status"], said["agent_request_id"]) == ("in_progress", "A-7")
    assert {"request_id", "received_at", "expected_by"} <= set(said)
    (request,) = requests(shree)
    assert (request.kind, request.how, request.who, request.contact_id, request.agent_id) == (
        "erase",
        "protocol",
        "agent",
        asha.pk,
        agent.pk,
    )
    one = f"{base(shree)}/data-rights-request/{request.pk}"
    assert Client().get(one, headers=headers).json() == said
    back = Client().delete(
        one, base64.b64encode(KEY.sign(b'{"reason": "changed my mind"}')), content_type="text/plain", headers=headers
    )
    assert back.json()["status"] == "revoked" and requests(shree)[0].state == "revoked"
    assert not LocalMessage.objects.exists()  # an agent's program asks for itself


@pytest.mark.parametrize(
    ("exercise", "kind"),
    [("access", "access"), ("deletion", "erase"), ("sale:opt_out", "opt_out_sale"), ("sale:opt-out", "opt_out_sale")],
)
def test_each_right_becomes_its_request(agent: RightsAgent, shree: Workspace, exercise: str, kind: str) -> None:
    assert send(shree, asking_for(shree, exercise), paired(shree)).status_code == 200
    assert requests(shree)[0].kind == kind


@pytest.mark.parametrize(
    ("spoil", "status"),
    [
        (lambda w: b"not base64!", 400),
        (lambda w: b"", 403),
        (lambda w: message(w, key=OTHER_KEY, exercise="deletion"), 403),
        (lambda w: asking_for(w)[:-8] + b"AAAAAAA=", 403),
        (lambda w: asking_for(w, **{"agent-id": "SOMEBODY"}), 403),
        (lambda w: asking_for(w, **{"business-id": "ANOTHER"}), 403),
        (lambda w: asking_for(w, **{"issued-at": (clock.now() + timedelta(minutes=5)).isoformat()}), 400),
        (lambda w: asking_for(w, **{"expires-at": clock.now().isoformat()}), 400),
        (lambda w: asking_for(w, **{"expires-at": (clock.now() + timedelta(days=1)).isoformat()}), 400),
        (lambda w: asking_for(w, **{"expires-at": "2026-12-01"}), 400),
        (lambda w: asking_for(w, **{"drp.version": "0.5"}), 400),
        (lambda w: asking_for(w, "sale:opt_in"), 400),
        (lambda w: asking_for(w, regime="lgpd"), 400),
        (lambda w: base64.b64encode(KEY.sign(b"[1, 2]")), 400),
        (lambda w: base64.b64encode(KEY.sign(b"{broken")), 400),
        (lambda w: asking_for(w, name="Asha\0Menon"), 400),
        (lambda w: asking_for(w, email="asha\ud800@example.in"), 400),
        (lambda w: asking_for(w, status_callback="https://agent.example/\udfff"), 400),
        (lambda w: asking_for(w, **{"agent-request-id": "A\0"}), 400),
        (lambda w: b"A" * 70_000, 413),
    ],
)
def test_a_message_that_is_not_right_is_refused_and_takes_nothing_down(
    agent: RightsAgent, shree: Workspace, spoil: Callable[[Workspace], bytes], status: int
) -> None:
    answer = send(shree, spoil(shree), paired(shree))
    assert answer.status_code == status and answer.json()["code"] == str(status) and answer.json()["message"]
    assert requests(shree) == []


def test_a_message_works_once(agent: RightsAgent, shree: Workspace) -> None:
    headers, body = paired(shree), asking_for(shree)
    assert [send(shree, body, headers).status_code for _again in range(2)] == [200, 403]
    said = json.loads(KEY.verify_key.verify(base64.b64decode(body)))
    again = base64.b64encode(KEY.sign(json.dumps(said, indent=1).encode()))  # the same words, other bytes
    assert send(shree, again, headers).status_code == 403 and len(requests(shree)) == 1


def test_without_a_token_or_with_that_of_another_agent_nothing_is_told(agent: RightsAgent, shree: Workspace) -> None:
    headers = paired(shree)
    made = send(shree, asking_for(shree), headers).json()
    with tenancy.inside(shree):
        agents.register(
            workspace=shree,
            agent_id="SECOND",
            name="Second",
            verify_key=public(OTHER_KEY),
            by=owner_of(shree),
            at=clock.now(),
        )
    second = (
        Client()
        .post(
            f"{base(shree)}/agent/SECOND",
            message(shree, key=OTHER_KEY, **{"agent-id": "SECOND"}),
            content_type="text/plain",
        )
        .json()
    )
    theirs = {"Authorization": f"Bearer {second['token']}"}
    one = f"{base(shree)}/data-rights-request/{made['request_id']}"
    assert Client().get(one).status_code == 401
    assert Client().get(one, headers=theirs).status_code == 403
    assert Client().get(f"{base(shree)}/data-rights-request/{ids.new()}", headers=headers).status_code == 403
    assert Client().get(f"{base(shree)}/agent/{AGENT}", headers=theirs).status_code == 403
    assert (
        Client()
        .delete(one, base64.b64encode(OTHER_KEY.sign(b"{}")), content_type="text/plain", headers=headers)
        .status_code
        == 403
    )
    assert requests(shree)[0].state == "open"


@pytest.mark.parametrize("spoiled", ["unknown agent", "other key", "replayed"])
def test_a_pairing_that_is_not_right_is_refused_without_a_word(
    agent: RightsAgent, shree: Workspace, spoiled: str
) -> None:
    body = message(shree, key=OTHER_KEY if spoiled == "other key" else KEY)
    path = f"{base(shree)}/agent/{'NOBODY' if spoiled == 'unknown agent' else AGENT}"
    if spoiled == "replayed":
        Client().post(path, body, content_type="text/plain")
    answer = Client().post(path, body, content_type="text/plain")
    assert (answer.status_code, answer.content) == (403, b"")


@pytest.mark.parametrize(
    ("said", "is_known"),
    [
        ({"email": EMAIL, "email_verified": True}, True),
        ({"email": EMAIL.upper(), "email_verified": True}, True),
        ({"phone_number": PHONE, "phone_number_verified": True}, True),
        ({"email": EMAIL}, False),
        ({"email": EMAIL, "email_verified": "true"}, False),
        ({"email": "nobody@example.in", "email_verified": True}, False),
        (
            {"email": EMAIL, "email_verified": True, "phone_number": "+919822041700", "phone_number_verified": True},
            False,
        ),
        ({"name": "Asha Menon"}, False),
    ],
)
def test_only_a_verified_address_says_who_is_meant(
    agent: RightsAgent, shree: Workspace, said: dict[str, Any], is_known: bool
) -> None:
    answer = send(shree, message(shree, exercise="access", **said), paired(shree))
    assert answer.json()["status"] == "in_progress"
    assert (requests(shree)[0].contact_id is not None) is is_known


def test_a_refusal_is_denied_with_its_reason(agent: RightsAgent, shree: Workspace) -> None:
    headers = paired(shree)
    send(shree, asking_for(shree), headers)
    with tenancy.inside(shree):
        request = RightsRequest.objects.of(shree).select_related("contact").get()
        asking.refuse(request=request, reason="no_data", answer="Nobody", by=owner_of(shree), at=clock.now())
    said = Client().get(f"{base(shree)}/data-rights-request/{request.pk}", headers=headers).json()
    assert (said["status"], said["reason"]) == ("denied", "no_match")


def test_an_agent_that_ended_may_not_ask_any_more(agent: RightsAgent, shree: Workspace) -> None:
    headers = paired(shree)
    with tenancy.inside(shree):
        agents.end(agent=agent, by=owner_of(shree), at=clock.now())
    assert send(shree, asking_for(shree), headers).status_code == 401
    assert Client().post(f"{base(shree)}/agent/{AGENT}", message(shree), content_type="text/plain").status_code == 403


def test_the_owner_adds_and_ends_agents_on_a_page(asha: Contact, shree: Workspace) -> None:
    client = signed_in(owner_of(shree))
    said = {"agent_id": AGENT, "name": "Consumer agent", "verify_key": public(KEY)}
    for wrong in ({"verify_key": "short"}, {"verify_key": "é"}, {"agent_id": "a b"}, {"name": ""}):
        assert client.post("/requests/agents/", said | wrong).status_code == 422
    assert client.post("/requests/agents/", said).status_code == 303
    assert client.post("/requests/agents/", said).status_code == 422
    assert AGENT in client.get("/requests/agents/").content.decode()
    with tenancy.inside(shree):
        known = RightsAgent.objects.of(shree).get()
    client.post(f"/requests/agents/{known.pk}/end/")
    assert AGENT not in client.get("/requests/agents/").content.decode()


def test_what_a_directory_lists_of_a_business(asha: Contact, shree: Workspace) -> None:
    said = Client().get(f"/w/{shree.pk}/drp/business.json").json()
    assert said["supported_actions"] == ["access", "access:categories", "access:specific", "deletion", "sale:opt_out"]
    assert said["api_base"].endswith(f"/w/{shree.pk}/drp") and said["id"].replace("_", "").isalpha()


@pytest.mark.parametrize("has_phone", [True, False], ids=["two addresses", "one address"])
def test_a_copy_that_an_agent_asked_for_goes_to_the_person_with_its_code_and_the_agent_hears_that_it_is_done(
    agent: RightsAgent, shree: Workspace, asha: Contact, has_phone: bool
) -> None:
    if not has_phone:
        with tenancy.inside(shree):
            contacts.change(
                contact=asha, by=owner_of(shree), at=clock.now(), changes={"phones": []}, words=vocabulary.of(shree)
            )
    headers = paired(shree)
    assert send(shree, asking_for(shree, "access"), headers).status_code == 200
    (request,) = requests(shree)
    page = signed_in(owner_of(shree)).get(f"/requests/{request.pk}/").content.decode()
    assert "by the agent, at an address that stands here" in page and "by a code" not in page
    assert "No sure address is known" not in page
    with tenancy.inside(shree):
        carrying.fulfil(request=request, by=owner_of(shree), at=clock.now())
        copy = RightsRequest.objects.of(shree).get().result_id
    assert copy is not None
    making.make(copy, workspace_id=shree.pk)
    one = f"{base(shree)}/data-rights-request/{request.pk}"
    said = Client().get(one, headers=headers).json()
    assert said["status"] == "fulfilled" and str(copy) in said["results_url"]
    with tenancy.inside(shree):
        steps = list(
            RequestStep.objects.of(shree).filter(request=request).order_by("id").values_list("what", flat=True)
        )
        assert PersonCopy.objects.of(shree).get().code is not None  # handed over: it opens with it
    assert steps[-2:] == ["fulfilled", "told"]
    posts = [*(one.body for one in LocalMessage.objects.all()), *(str(one.body) for one in mail.outbox)]
    assert sum("is the code for the copy" in one for one in posts) == 1
