"""Routes of basis."""

from __future__ import annotations

from datetime import timedelta

from amanat.accounts.access import WRITES, anyone, members
from amanat.accounts.permissions import May
from amanat.basis import capture_views, consent_views, guardian_views, opening_views, public_views, storage_views, views
from amanat.core.limits import Limit
from amanat.core.routes import route

app_name = "basis"
_HERE = "contacts/<uuid:contact_id>/choices/"
_PUBLIC = "w/<uuid:workspace_id>/choices/"
_DOOR = (Limit(60, timedelta(hours=1), per="address"),)
_CODES = (Limit(60, timedelta(minutes=15), per="member"),)
#: Nobody needs more masked values in a quarter of an hour; who opens many in a row is collecting.
_OPENINGS = (Limit(30, timedelta(minutes=15), per="member"),)

urlpatterns = [
    route(_HERE, views.choices, name="choices", rule=members(May.READ_CONTACTS)),
    route(
        f"{_HERE}ask/", views.choices, name="ask", rule=members(May.WRITE_CONTACTS),
        methods=("GET", "POST"), limits=_CODES, records=("basis.consent.asked",),
    ),
    route(
        f"{_HERE}asked/<uuid:asking_id>/", views.asked, name="asked", rule=members(May.WRITE_CONTACTS),
        methods=("GET", "POST"), limits=_CODES, records=("basis.consent.given",),
    ),
    route(
        f"{_HERE}asked/<uuid:asking_id>/no/", views.declined, name="declined", rule=members(May.WRITE_CONTACTS),
        methods=("POST",), limits=WRITES, records=("basis.consent.refused",),
    ),
    route(
        f"{_HERE}withdraw/", views.withdrawn, name="withdraw", rule=members(May.WRITE_CONTACTS),
        methods=("POST",), limits=WRITES, records=("basis.consent.withdrawn", "basis.consent.refused"),
    ),
    route(
        f"{_HERE}asked-again/", views.asked_again, name="asked_again", rule=members(May.WRITE_CONTACTS),
        methods=("POST",), limits=WRITES, 
        records=("basis.objection.withdrawn", "basis.objection.none_wanted", "basis.consent.withdrawn"),
    ),
    route(
        f"{_HERE}guardian/", guardian_views.guardian, name="guardian", rule=members(May.READ_CONTACTS),
    ),
    route(
        f"{_HERE}guardian/name/", guardian_views.guardian, name="guardian_name", rule=members(May.WRITE_CONTACTS),
        methods=("POST",), limits=WRITES, records=("basis.guardian.named",),
    ),
    route(
        f"{_HERE}guardian/<uuid:guardianship_id>/agree/", guardian_views.agree, name="guardian_agree", rule=members(May.WRITE_CONTACTS),
        methods=("POST",), limits=WRITES, records=("basis.consent.given",),
    ),
    route(
        f"{_HERE}guardian/<uuid:guardianship_id>/end/", guardian_views.end, name="guardian_end", rule=members(May.WRITE_CONTACTS),
        methods=("POST",), limits=WRITES, records=("basis.guardian.ended",),
    ),
    route(
        f"{_HERE}link/", capture_views.send_link, name="send_link", rule=members(May.WRITE_CONTACTS),
        methods=("POST",), limits=_CODES, records=("basis.link.sent",),
    ),
    route("consent/", consent_views.overview, name="consent", rule=members(May.READ_TRUST), purpose="law"),
    route("consent/decisions/", consent_views.decisions, name="decisions", rule=members(May.READ_TRUST), purpose="law"),
    route("consent/explain/", consent_views.explain, name="explain", rule=members(May.READ_TRUST), purpose="law"),
    route(
        "consent/suppressed/", consent_views.suppressed, name="suppressed", rule=members(May.READ_TRUST), purpose="law",
        methods=("GET", "POST"), limits=WRITES, records=("basis.suppression.added", "basis.suppression.lifted"),
    ),
    route("consent/notices/", consent_views.notices, name="notices", rule=members(May.READ_TRUST), purpose="law"),
    route(
        "consent/forms/", consent_views.public_forms, name="public_forms", rule=members(May.READ_TRUST), purpose="law",
        methods=("GET", "POST"), limits=WRITES, records=("basis.form.made",),
    ),
    route(
        "consent/forms/<uuid:form_id>/close/", consent_views.close_form, name="public_form_close", rule=members(May.ANSWER_REQUESTS),
        purpose="law", methods=("POST",), limits=WRITES, records=("basis.form.closed",),
    ),
    route(
        "w/<uuid:workspace_id>/forms/<uuid:form_id>/", capture_views.form_page, name="public_form", rule=anyone,
        methods=("GET", "POST"), limits=_DOOR,
    ),
    route(
        "w/<uuid:workspace_id>/forms/code/<uuid:submission_id>/", capture_views.form_code, name="public_form_code", rule=anyone,
        methods=("GET", "POST"), limits=_DOOR, records=("basis.form.submitted",),
    ),
    route("w/<uuid:workspace_id>/receipts/<str:token>/", capture_views.receipt, name="consent_receipt", rule=anyone),
    route(
        "contacts/<uuid:contact_id>/open/", opening_views.open_value, name="open_value", rule=members(May.READ_CONTACTS),
        methods=("GET", "POST"), limits=_OPENINGS, records=("basis.value.opened",),
    ),
    route(
        _PUBLIC, public_views.start, name="public_start", rule=anyone, methods=("GET", "POST"), limits=_DOOR,
    ),
    route(
        f"{_PUBLIC}code/<uuid:passcode_id>/", public_views.code, name="public_code", rule=anyone,
        methods=("GET", "POST"), limits=_DOOR,
    ),
    route(
        f"{_PUBLIC}mine/", public_views.mine, name="public_mine", rule=anyone, methods=("GET", "POST"), limits=_DOOR,
        records=("basis.consent.given", "basis.consent.withdrawn", "basis.consent.refused", "basis.objection.withdrawn"),
    ),
    route("cookies/", storage_views.of_site, name="storage_of_site", rule=anyone),
    route(
        "w/<uuid:workspace_id>/cookies/", storage_views.of_workspace, name="storage", rule=anyone, methods=("GET", "POST"), limits=_DOOR,
    ),
    route(f"{_PUBLIC}leave/", public_views.leave, name="public_leave", rule=anyone, methods=("POST",), limits=_DOOR),
]  # fmt: skip
