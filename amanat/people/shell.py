"""What people puts into the shell: navigation, the New menu, the kinds of lines of the timeline."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.accounts.permissions import May
from amanat.people import differences, timeline
from amanat.people.timeline import Kind
from amanat.web import navigation
from amanat.web.navigation import Entry, Offer


def register() -> None:
    navigation.register(
        Entry(
            "work",
            20,
            _("Contacts"),
            "users",
            "people:contacts",
            May.READ_CONTACTS,
            also=("/merge/contact/", "/papers/of/"),
        )
    )
    navigation.register(Entry("work", 25, _("Companies"), "building-2", "people:companies", May.READ_CONTACTS))
    navigation.register(
        Entry(
            "workspace",
            40,
            _("Fields, stages and tags"),
            "columns-3",
            "people:fields",
            May.MANAGE_FIELDS,
            also=("/settings/stages/", "/settings/tags/"),
        )
    )
    navigation.register(Entry("workspace", 50, _("Imports"), "upload", "people:imports", May.IMPORT))
    navigation.register(Entry("workspace", 51, _("Exports"), "download", "people:exports", May.EXPORT))
    navigation.register(
        Entry("workspace", 52, _("Likely duplicates"), "merge", "people:duplicates", May.MERGE_CONTACTS)
    )
    navigation.register(Entry("workspace", 53, _("Bin"), "trash-2", "people:bin", May.DELETE_CONTACTS))
    navigation.offer(Offer(10, _("Contact"), "user-plus", "people:contact_new", May.WRITE_CONTACTS))
    navigation.offer(Offer(40, _("Company"), "building-2", "people:company_new", May.WRITE_CONTACTS))
    timeline.register(Kind("note", _("Notes"), "sticky-note", "marigold", is_contact=True))
    timeline.register(Kind("call", _("Calls"), "phone", "blue", is_contact=True))
    timeline.register(Kind("message", _("Messages"), "message-circle", "green", is_contact=True))
    timeline.register(Kind("file", _("Files"), "paperclip", "violet", sentences={"added": _("File added")}))
    timeline.register(Kind("change", _("Changes"), "pencil", "grey", tells=differences.told_again))
    added = {"contact": _("Contact added"), "company": _("Company added"), "imported": _("Imported from %(file)s")}
    timeline.register(Kind("created", _("Added"), "user-plus", "green", tab="change", sentences=added))
    merged = {"merged": _("%(name)s was merged into this record")}
    timeline.register(Kind("merge", _("Merged"), "merge", "violet", tab="change", sentences=merged))
