"""Sentences for the ledger entries that the rights desk writes."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

SENTENCES = {
    "privacy.request.received": _("Request of a person received"),
    "privacy.request.confirmed": _("Receipt of a request confirmed"),
    "privacy.request.identified": _("Person of a request identified"),
    "privacy.request.extended": _("Time for a request extended"),
    "privacy.request.warned": _("Owner reminded of a request"),
    "privacy.request.late": _("Request not answered in time"),
    "privacy.request.begun": _("Request begun to be carried out"),
    "privacy.request.fulfilled": _("Request carried out"),
    "privacy.request.refused": _("Request refused"),
    "privacy.request.told": _("Person told of the answer"),
    "privacy.request.agent_told": _("Agent's program told how a request stands"),
    "privacy.request.revoked": _("Request taken back by the person"),
    "privacy.request.opened": _("Status page of a request opened"),
    "privacy.request.proof_opened": _("Paper of a guardian or agent opened"),
    "privacy.request.lift_told": _("Person told that a restriction will be lifted"),
    "privacy.request.lifted": _("Restriction lifted after the person was told"),
    "privacy.request.back_asked": _("Person sent a code to take an objection back"),
    "privacy.request.back": _("Objection taken back by the person's code"),
    "privacy.agent.registered": _("Agent for requests registered"),
    "privacy.agent.ended": _("Agent for requests ended"),
    "privacy.agent.paired": _("Agent for requests received a token"),
}

TABLES = {
    "privacy.RightsRequest": _("request of a person"),
    "privacy.RequestStep": _("step of a request"),
    "privacy.Nomination": _("nomination"),
    "privacy.RightsAgent": _("agent for requests"),
    "privacy.SeenMessage": _("message of an agent"),
}
