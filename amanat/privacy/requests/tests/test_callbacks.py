"""An agent's program is told of each change, at its own host alone, also of the end of an erasure."""

from __future__ import annotations

from typing import Any

import pytest

from amanat.accounts.models import Workspace
from amanat.accounts.tests.factories import owner_of
from amanat.core import clock, jobs, outgoing, tenancy
from amanat.core.models import LedgerEntry
from amanat.people.models import Contact
from amanat.privacy.erasure import erasing
from amanat.privacy.registers import contracts, traffic
from amanat.privacy.requests import agents, asking, callbacks, carrying, following
from amanat.privacy.requests.models import RightsAgent, RightsRequest
from amanat.privacy.requests.tests.test_agents import agent, asha, asking_for
from amanat.publishing import versions

__all__ = ["agent", "asha"]
URL = "https://status.agent.example/requests/7"


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What reached the agent's program; the machine's only way out is replaced at its end."""
    said: list[tuple[str, dict[str, Any]]] = []

    def send(method: str, url: str, *, recipient: str, json: Any, **_more: Any) -> outgoing.Response:
        assert (method, recipient) == ("POST", contracts.ANSWERS)
        said.append((url, json))
        return outgoing.Response(204, {}, b"", url)

    monkeypatch.setattr(outgoing, "send", send)
    return said


def asked(workspace: Workspace, by: RightsAgent, **more: Any) -> RightsRequest:
    with tenancy.inside(workspace):
        RightsAgent.objects.of(workspace).filter(pk=by.pk).update(web_url="https://agent.example")
        by.web_url = "https://agent.example"
        return agents.exercise(
            workspace=workspace,
            agent=by,
            body=asking_for(workspace, **({"status_callback": URL} | more)),
            at=clock.now(),
        )


@pytest.mark.slow
def test_each_change_is_told_and_the_end_of_an_erasure_too(
    agent: RightsAgent, asha: Contact, shree: Workspace, told: list[tuple[str, dict[str, Any]]]
) -> None:
    request = asked(shree, agent)
    assert callbacks.call(request.pk, workspace_id=shree.pk) == 204
    with tenancy.inside(shree):
        carrying.fulfil(request=request, by=owner_of(shree), at=clock.now())
        erasure = RightsRequest.objects.of(shree).get().result_id
    assert erasure is not None
    erasing.carry_out(erasure, workspace_id=shree.pk)
    with tenancy.inside(shree):
        assert not Contact.objects.of(shree).exists()
        assert jobs.under_way([asking.CALLBACK], argument="request", among=[str(request.pk)]) == {str(request.pk)}
        following.follow(shree.pk, at=clock.now())
    assert callbacks.call(request.pk, workspace_id=shree.pk) == 204
    assert [(url, said["status"]) for url, said in told] == [(URL, "in_progress"), (URL, "fulfilled")]
    assert all(set(said) <= {"request_id", "received_at", "expected_by", "status"} for _url, said in told)
    with tenancy.inside(shree):
        lines = LedgerEntry.objects.of(shree).filter(event="privacy.request.agent_told").order_by("at", "id")
        assert [one.facts["state"] for one in lines] == ["in_progress", "fulfilled"]


@pytest.mark.parametrize(
    "url",
    [
        "", "http://agent.example/x", "https://agent.example.evil.example/x", "https://evilagent.example/", "https://169.254.169.254/",
        "https://me@agent.example/", "https://[::1", "ftp://agent.example/",
    ],
)  # fmt: skip
def test_no_other_host_is_called(agent: RightsAgent, shree: Workspace, told: list[Any], url: str) -> None:
    request = asked(shree, agent, status_callback=url)
    assert callbacks.call(request.pk, workspace_id=shree.pk) is None
    assert told == []


def test_an_agent_whose_registration_ended_is_not_told(agent: RightsAgent, shree: Workspace, told: list[Any]) -> None:
    request = asked(shree, agent)
    with tenancy.inside(shree):
        agents.end(agent=agent, by=owner_of(shree), at=clock.now())
    assert callbacks.call(request.pk, workspace_id=shree.pk) is None and told == []


def test_later_is_tried_again(agent: RightsAgent, shree: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    request = asked(shree, agent)
    monkeypatch.setattr(outgoing, "send", lambda *_a, **_k: outgoing.Response(503, {}, b"", URL))
    with pytest.raises(outgoing.Unreachable):
        callbacks.call(request.pk, workspace_id=shree.pk)


def test_what_goes_to_a_persons_agent_is_no_unnamed_recipient(shree: Workspace) -> None:
    traffic._add(contracts.ANSWERS, "agent.example", 10, was_refused=False)
    traffic._add("somebody", "else.example", 10, was_refused=False)
    with tenancy.inside(shree):
        policy = versions.in_force(shree.pk).policy
        found = contracts.register(policy, workspace_id=shree.pk, language="en", at=clock.now())
    assert [line.host for line in found.unnamed] == ["else.example"]
