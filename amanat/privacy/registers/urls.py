"""Routes."""

from __future__ import annotations

from django.urls import URLPattern

from amanat.accounts.access import WRITES, members
from amanat.accounts.permissions import May
from amanat.core.routes import route
from amanat.privacy.registers import partner_views, views

_reads, _answers, _manages = members(May.READ_TRUST), members(May.ANSWER_REQUESTS), members(May.MANAGE_POLICY)
_FORM = ("GET", "POST")
_ONE = "registers/authorities/<uuid:disclosure_id>/"

urlpatterns: list[URLPattern] = [
    route("registers/", views.record, name="registers", rule=_reads),
    route("registers/processing.<str:ending>", views.record_file, name="register_file", rule=_reads),
    route("registers/recipients/", views.recipients, name="register_recipients", rule=_reads),
    route(
        "registers/recipients/new/", views.recipients, name="register_contract", rule=_manages, methods=_FORM, limits=WRITES,
        records=("privacy.contract.registered",),
    ),
    route("registers/contracts/<uuid:contract_id>/file/", views.contract_file, name="register_contract_file", rule=_reads),
    route("registers/partners/", partner_views.overview, name="register_partners", rule=_reads),
    route(
        "registers/partners/<slug:recipient>/new/", partner_views.new, name="register_handover_new", rule=_answers, methods=_FORM,
        limits=WRITES, fresh=True, records=("privacy.partner.prepared",),
    ),
    route("registers/handovers/<uuid:handover_id>/", partner_views.handover, name="register_handover", rule=_answers),
    route(
        "registers/handovers/<uuid:handover_id>/take/", partner_views.take, name="register_handover_take", rule=_answers,
        methods=("POST",), limits=WRITES, fresh=True, records=("privacy.partner.given",),
    ),
    route(
        "registers/partners/told/<uuid:handover_person_id>/", partner_views.told, name="register_partner_told", rule=_answers,
        methods=_FORM, limits=WRITES, records=("privacy.partner.told",),
    ),
    route("registers/authorities/", views.demands, name="register_authorities", rule=_reads),
    route(
        "registers/authorities/new/", views.demands, name="register_demand", rule=_answers, methods=_FORM, limits=WRITES,
        records=("privacy.authority.asked",),
    ),
    route(_ONE, views.demand, name="register_authority", rule=_reads),
    route(
        f"{_ONE}approve/", views.demand_approve, name="register_authority_approve", rule=_answers, methods=("POST",), limits=WRITES,
        fresh=True, records=("privacy.authority.approved",),
    ),
    route(
        f"{_ONE}give/", views.demand_give, name="register_authority_give", rule=_answers, methods=("POST",), limits=WRITES,
        records=("privacy.authority.given",),
    ),
    route(
        f"{_ONE}refuse/", views.demand_refuse, name="register_authority_refuse", rule=_answers, methods=("POST",), limits=WRITES,
        records=("privacy.authority.refused",),
    ),
    route("registers/staff/", views.staff_page, name="register_staff", rule=_reads),
    route(
        "registers/staff/training/", views.staff_page, name="register_training", rule=_manages, methods=_FORM, limits=WRITES,
        records=("privacy.training.recorded",),
    ),
    route("registers/places/", views.places, name="register_places", rule=_reads),
]  # fmt: skip
