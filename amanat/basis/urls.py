"""Routes of basis."""

from __future__ import annotations

from datetime import timedelta

from amanat.accounts.access import WRITES, anyone, members
from amanat.accounts.permissions import May
from amanat.basis import public_views, views
from amanat.core.limits import Limit
from amanat.core.routes import route

app_name = "basis"
_HERE = "contacts/<uuid:contact_id>/choices/"
_PUBLIC = "w/<uuid:workspace_id>/choices/"
_DOOR = (Limit(60, timedelta(hours=1), per="address"),)
_CODES = (Limit(60, timedelta(minutes=15), per="member"),)

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
        methods=("POST",), limits=WRITES, records=("basis.consent.withdrawn",),
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
        records=("basis.consent.given", "basis.consent.withdrawn"),
    ),
    route(f"{_PUBLIC}leave/", public_views.leave, name="public_leave", rule=anyone, methods=("POST",), limits=_DOOR),
]  # fmt: skip
