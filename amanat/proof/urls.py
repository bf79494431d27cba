"""Routes of proof."""

from __future__ import annotations

from amanat.accounts.access import WRITES, members
from amanat.accounts.permissions import May
from amanat.core.routes import route
from amanat.proof import attestation_views, views

app_name = "proof"
urlpatterns = [
    route("promises/", views.board_page, name="board", rule=members(May.READ_TRUST)),
    route(
        "promises/check/", views.check_now, name="check", rule=members(May.READ_TRUST),
        methods=("POST",), limits=WRITES, records=("proof.check.asked",),
    ),
    route(
        "promises/proof/", views.download, name="bundle", rule=members(May.READ_TRUST),
        methods=("POST",), limits=WRITES, records=("proof.bundle.made",),
    ),
    route("promises/coverage/", views.coverage_page, name="coverage", rule=members(May.READ_TRUST)),
    route(
        "promises/attestations/", attestation_views.attestations, name="attestations", rule=members(May.READ_TRUST),
    ),
    route(
        "promises/attestations/papers/<uuid:attestation_id>/", attestation_views.paper, name="attestation_paper",
        rule=members(May.READ_TRUST),
    ),
    route(
        "promises/attestations/<str:path>/", attestation_views.attest, name="attest", rule=members(May.MANAGE_POLICY),
        methods=("GET", "POST"), limits=WRITES, records=("proof.attestation.made",),
    ),
    route("promises/<slug:clause_id>/", views.clause_page, name="clause", rule=members(May.READ_TRUST)),
]  # fmt: skip
