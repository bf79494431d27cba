"""Routes of the owner's pages of the policy."""

from __future__ import annotations

from amanat.accounts.access import WRITES, members
from amanat.accounts.permissions import May
from amanat.core.routes import route
from amanat.publishing import addresses_views, editing_ready_views, editing_rule_views, editing_views

_READ, _EDIT = members(May.READ_TRUST), members(May.MANAGE_POLICY)
_BOTH = ("GET", "POST")
_BEGUN, _CHANGED = ("publishing.draft.begun",), ("publishing.draft.changed",)

urlpatterns = [
    route("policy/", editing_views.overview, name="policy", rule=_READ),
    route("policy/addresses/", addresses_views.page, name="policy_addresses", rule=_READ),
    route(
        "policy/addresses/code/", addresses_views.said, name="policy_address_code", rule=_EDIT, methods=("POST",), limits=WRITES,
        records=("publishing.address.asked", "publishing.address.confirmed"),
    ),
    route("policy/ready/", editing_ready_views.index, name="policy_ready", rule=_READ),
    route("policy/ready/<slug:trade>/", editing_ready_views.one, name="policy_ready_one", rule=_READ),
    route("policy/start/", editing_views.start, name="policy_start", rule=_EDIT, methods=_BOTH, limits=WRITES, records=_BEGUN),
    route("policy/start/merged/", editing_views.merge, name="policy_merge", rule=_EDIT, methods=_BOTH, limits=WRITES, records=_BEGUN),
    route("policy/draft/", editing_rule_views.draft, name="policy_draft", rule=_EDIT),
    route("policy/draft/details/", editing_views.details, name="policy_details", rule=_EDIT, methods=_BOTH, limits=WRITES, records=_CHANGED),
    route("policy/draft/text/", editing_views.text, name="policy_text", rule=_EDIT, methods=_BOTH, limits=WRITES, records=_CHANGED),
    route("policy/draft/review/", editing_views.review, name="policy_review", rule=_READ),
    route("policy/draft/preview/", editing_views.preview, name="policy_preview", rule=_READ),
    route(
        "policy/draft/publish/", editing_views.published, name="policy_publish", rule=_EDIT, methods=("POST",), limits=WRITES,
        fresh=True, records=("publishing.version.published",),
    ),
    route(
        "policy/draft/discard/", editing_views.discarded, name="policy_discard", rule=_EDIT, methods=("POST",), limits=WRITES,
        records=("publishing.draft.discarded",),
    ),
    route(
        "policy/draft/recipient/", editing_rule_views.recipient, name="policy_recipient", rule=_EDIT, methods=_BOTH, limits=WRITES,
        records=_CHANGED,
    ),
    route(
        "policy/draft/clauses/<slug:clause_id>/", editing_rule_views.clause, name="policy_clause", rule=_EDIT, methods=_BOTH,
        limits=WRITES, records=_CHANGED,
    ),
    route(
        "policy/draft/clauses/<slug:clause_id>/try/", editing_rule_views.tried, name="policy_try", rule=_EDIT, methods=("POST",),
        limits=WRITES,
    ),
    route(
        "policy/draft/<slug:block>/<slug:name>/", editing_rule_views.entry, name="policy_entry", rule=_EDIT, methods=_BOTH,
        limits=WRITES, records=_CHANGED,
    ),
]  # fmt: skip
