"""Pages of the agents that may ask by the Data Rights Protocol."""

from __future__ import annotations

from uuid import UUID

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.urls import reverse

from amanat.accounts.access import MemberRequest, see_other
from amanat.core import clock
from amanat.privacy.requests import agents
from amanat.privacy.requests.forms import AgentForm
from amanat.privacy.requests.models import RightsAgent


def agents_page(request: MemberRequest) -> HttpResponse:
    """The agents that may ask by the Data Rights Protocol."""
    form = AgentForm(request.POST if request.method == "POST" else None)
    if form.is_valid():
        try:
            agents.register(workspace=request.workspace, by=request.member, at=clock.now(), **form.cleaned_data)
            return see_other(reverse("privacy:request_agents"))
        except agents.AgentRefused as refused:
            form.add_error("verify_key" if refused.is_about_the_key else "agent_id", str(refused))
    known = RightsAgent.objects.of(request.workspace).filter(ended_at__isnull=True).order_by("name", "id")
    context = {
        "form": form,
        "agents": list(known[:200]),
        "api_base": request.build_absolute_uri(reverse("privacy:drp_business", args=[request.workspace.pk])),
    }
    return render(request, "privacy/requests_agents.html", context, status=422 if form.errors else 200)


def agent_end(request: MemberRequest, agent_id: UUID) -> HttpResponse:
    known = RightsAgent.objects.of(request.workspace).filter(pk=agent_id).first()
    if known is None:
        raise Http404
    agents.end(agent=known, by=request.member, at=clock.now())
    return see_other(reverse("privacy:request_agents"))
