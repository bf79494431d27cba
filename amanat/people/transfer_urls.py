"""Routes of import, export, duplicates, merging and the bin."""

from __future__ import annotations

from datetime import timedelta

from amanat.accounts.access import WRITES, members
from amanat.accounts.permissions import May
from amanat.core.limits import Limit
from amanat.core.routes import route
from amanat.people import import_views

FORM = ("GET", "POST")
POST = ("POST",)
UPLOADS = (Limit(60, timedelta(hours=1), per="member"),)

_import = members(May.IMPORT)

imports = [
    route(
        "imports/", import_views.imports, name="imports", rule=_import, methods=FORM, limits=UPLOADS,
        records=("people.import.uploaded",),
    ),
    route("imports/<uuid:run_id>/", import_views.import_page, name="import", rule=_import),
    route(
        "imports/<uuid:run_id>/start/", import_views.import_start, name="import_start", rule=_import, methods=POST, limits=WRITES,
        records=("people.import.started",),
    ),
    route("imports/<uuid:run_id>/part/", import_views.import_part, name="import_part", rule=_import, methods=POST, limits=WRITES),
    route("imports/<uuid:run_id>/progress/", import_views.import_progress, name="import_progress", rule=_import),
    route(
        "imports/<uuid:run_id>/stop/", import_views.import_stop, name="import_stop", rule=_import, methods=POST, limits=WRITES,
        records=("people.import.stopped",),
    ),
    route(
        "imports/<uuid:run_id>/go-on/", import_views.import_go_on, name="import_go_on", rule=_import, methods=POST, limits=WRITES,
        records=("people.import.continued",),
    ),
    route(
        "imports/<uuid:run_id>/undo/", import_views.import_undo, name="import_undo", rule=_import, methods=POST, limits=WRITES,
        records=("people.import.undo_started",),
    ),
    route(
        "imports/<uuid:run_id>/cancel/", import_views.import_cancel, name="import_cancel", rule=_import, methods=POST, limits=WRITES,
        records=("people.import.cancelled",),
    ),
    route("imports/<uuid:run_id>/failed/", import_views.import_failed_rows, name="import_failed_rows", rule=_import),
]  # fmt: skip

urlpatterns = [*imports]
