"""Routes of people."""

from __future__ import annotations

from django.urls import URLPattern

from amanat.accounts.access import WRITES, members
from amanat.accounts.permissions import May
from amanat.core.routes import route
from amanat.people import list_views, record_edit_views, record_views, search_views, settings_views, transfer_urls

app_name = "people"

FORM, POST = ("GET", "POST"), ("POST",)
_read, _write, _delete = members(May.READ_CONTACTS), members(May.WRITE_CONTACTS), members(May.DELETE_CONTACTS)
_manage = members(May.MANAGE_FIELDS)

_lists = [
    route("contacts/", list_views.contact_list, name="contacts", rule=_read),
    route("companies/", list_views.company_list, name="companies", rule=_read),
    route(
        "contacts/change/", list_views.change_contacts, name="contacts_change", rule=_write, methods=POST, limits=WRITES,
        records=("people.contact.changed_many",),
    ),
    route(
        "companies/change/", list_views.change_companies, name="companies_change", rule=_write, methods=POST, limits=WRITES,
        records=("people.company.changed_many",),
    ),
    route("views/", list_views.save_view, name="view_new", rule=_read, methods=POST, limits=WRITES, records=("people.view.shared",)),
    route(
        "views/<uuid:view_id>/", list_views.change_view, name="view", rule=_read, methods=POST, limits=WRITES,
        records=("people.view.shared",),
    ),
]  # fmt: skip

_records = [
    route(
        "contacts/new/", record_edit_views.contact_new, name="contact_new", rule=_write, methods=FORM, limits=WRITES,
        records=("people.contact.created",),
    ),
    route(
        "companies/new/", record_edit_views.company_new, name="company_new", rule=_write, methods=FORM, limits=WRITES,
        records=("people.company.created",),
    ),
    route("same/<str:on>/", record_edit_views.same, name="same", rule=_write),
    route("companies/names/", record_edit_views.company_names, name="company_names", rule=_read),
    route("contacts/<uuid:contact_id>/", record_views.contact, name="contact", rule=_read),
    route("companies/<uuid:company_id>/", record_views.company, name="company", rule=_read),
    route(
        "contacts/<uuid:contact_id>/edit/", record_edit_views.contact_edit, name="contact_edit", rule=_write, methods=FORM, limits=WRITES,
        records=("people.contact.changed",),
    ),
    route(
        "companies/<uuid:company_id>/edit/", record_edit_views.company_edit, name="company_edit", rule=_write, methods=FORM, limits=WRITES,
        records=("people.company.changed",),
    ),
    route(
        "contacts/<uuid:contact_id>/notes/", record_views.contact_note, name="contact_note", rule=_write, methods=POST, limits=WRITES,
        records=("people.file.attached",),
    ),
    route(
        "companies/<uuid:company_id>/notes/", record_views.company_note, name="company_note", rule=_write, methods=POST, limits=WRITES,
        records=("people.file.attached",),
    ),
    route(
        "contacts/<uuid:contact_id>/follow-up/", record_views.contact_follow_up, name="contact_follow_up", rule=_write, methods=POST,
        limits=WRITES, records=("people.contact.changed",),
    ),
    route(
        "companies/<uuid:company_id>/follow-up/", record_views.company_follow_up, name="company_follow_up", rule=_write, methods=POST,
        limits=WRITES, records=("people.company.changed",),
    ),
    route(
        "contacts/<uuid:contact_id>/delete/", record_views.contact_delete, name="contact_delete", rule=_delete, methods=POST,
        limits=WRITES, records=("people.contact.deleted",),
    ),
    route(
        "companies/<uuid:company_id>/delete/", record_views.company_delete, name="company_delete", rule=_delete, methods=POST,
        limits=WRITES, records=("people.company.deleted",),
    ),
    route("attachments/<uuid:attachment_id>/", record_views.attachment, name="attachment", rule=_read),
]  # fmt: skip

_search = [
    route("search/", search_views.search_page, name="search", rule=_read),
    route("search/palette/", search_views.palette, name="palette", rule=_read),
]

_settings = [
    route(
        "settings/fields/", settings_views.fields, name="fields", rule=_manage, methods=FORM, limits=WRITES,
        records=("people.field.added",),
    ),
    route(
        "settings/fields/<uuid:field_id>/", settings_views.field, name="field", rule=_manage, methods=FORM, limits=WRITES,
        records=("people.field.changed",),
    ),
    route(
        "settings/fields/<uuid:field_id>/act/", settings_views.field_act, name="field_act", rule=_manage, methods=POST, limits=WRITES,
        records=("people.field.retired", "people.field.brought_back"),
    ),
    route(
        "settings/stages/", settings_views.stages, name="stages", rule=_manage, methods=FORM, limits=WRITES,
        records=("people.stage.added",),
    ),
    route(
        "settings/stages/<uuid:stage_id>/", settings_views.stage_act, name="stage", rule=_manage, methods=POST, limits=WRITES,
        records=("people.stage.changed", "people.stage.deleted"),
    ),
    route("settings/tags/", settings_views.tags, name="tags", rule=_manage),
    route(
        "settings/tags/<uuid:tag_id>/", settings_views.tag_act, name="tag", rule=_manage, methods=POST, limits=WRITES,
        records=("people.tag.renamed", "people.tag.merged", "people.tag.deleted"),
    ),
]  # fmt: skip

urlpatterns: list[URLPattern] = [*_lists, *_records, *_search, *_settings, *transfer_urls.urlpatterns]
