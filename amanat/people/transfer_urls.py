"""Routes of import, export, duplicates, merging and the bin."""

from __future__ import annotations

from datetime import timedelta

from amanat.accounts.access import WRITES, members
from amanat.accounts.permissions import May
from amanat.core.limits import Limit
from amanat.core.routes import route
from amanat.people import bin_views, duplicate_views, export_views, import_views

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

_export, _merge, _delete = members(May.EXPORT), members(May.MERGE_CONTACTS), members(May.DELETE_CONTACTS)

exports = [
    route(
        "export/<str:what>/", export_views.export_list, name="export_list", rule=_export, methods=FORM, limits=UPLOADS,
        fresh=True, records=("people.contacts.exported", "people.companies.exported"),
    ),
    route("exports/", export_views.exports, name="exports", rule=_export),
    route(
        "exports/everything/", export_views.export_workspace, name="export_workspace", rule=_export, methods=POST, limits=UPLOADS,
        fresh=True, records=("people.export.asked",),
    ),
    route(
        "exports/<uuid:run_id>/again/", export_views.export_again, name="export_again", rule=_export, methods=POST, limits=UPLOADS,
        fresh=True, records=("people.export.asked",),
    ),
    route("exports/<uuid:run_id>/take/", export_views.export_take, name="export_take", rule=_export, methods=POST, limits=WRITES),
    route("exports/file/<str:token>/", export_views.export_file, name="export_file", rule=_export),
]  # fmt: skip

merging = [
    route("duplicates/", duplicate_views.duplicate_list, name="duplicates", rule=_merge),
    route("duplicates/look/", duplicate_views.duplicates_look, name="duplicates_look", rule=_merge, methods=POST, limits=WRITES),
    route(
        "duplicates/different/", duplicate_views.duplicate_dismiss, name="duplicate_dismiss", rule=_merge, methods=POST, limits=WRITES,
        records=("people.contact.not_duplicate",),
    ),
    route("merge/<str:on>/<uuid:record_id>/", duplicate_views.merge_with, name="merge_with", rule=_merge),
    route(
        "merge/<str:on>/<uuid:keep_id>/<uuid:gone_id>/", duplicate_views.merge_page, name="merge", rule=_merge, methods=FORM,
        limits=WRITES, records=("people.contact.merged", "people.company.merged"),
    ),
    route("merges/", duplicate_views.merges, name="merges", rule=_merge),
    route(
        "merges/<uuid:merge_id>/undo/", duplicate_views.merge_undo, name="merge_undo", rule=_merge, methods=POST, limits=WRITES,
        records=("people.contact.unmerged", "people.company.unmerged"),
    ),
]  # fmt: skip

deleting = [
    route("bin/", bin_views.bin_page, name="bin", rule=_delete),
    route(
        "bin/act/", bin_views.bin_act, name="bin_act", rule=_delete, methods=POST, limits=WRITES,
        records=("people.contact.restored", "people.contact.purged", "people.company.restored", "people.company.purged"),
    ),
]  # fmt: skip

urlpatterns = [*imports, *exports, *merging, *deleting]
