"""Routes of the inbox."""

from __future__ import annotations

from django.urls import URLPattern

from amanat.accounts.access import members
from amanat.accounts.pages import act, form, page
from amanat.accounts.permissions import May
from amanat.messaging.inbox import canned_views, care_views, views
from amanat.messaging.outbox import ordering

_READS = members(May.READ_CONTACTS)
_WRITES = members(May.WRITE_CONTACTS)
_MANAGES = members(May.MANAGE_FIELDS)

urlpatterns: list[URLPattern] = [
    page("inbox/", views.inbox, "inbox", _READS),
    page("inbox/pulse/", views.pulse, "inbox_pulse", _READS),
    page("inbox/with/<uuid:contact_id>/", views.with_contact, "write_to", _READS),
    act("inbox/with/<uuid:contact_id>/reply/", views.reply, "reply", _WRITES, "messaging.message.written"),
    page("inbox/files/<uuid:file_id>/", views.file, "inbox_file", _READS, "messaging.file.opened"),
    page("inbox/replies/", canned_views.replies, "canned", _READS),
    form("inbox/replies/new/", canned_views.new, "canned_new", _MANAGES, "messaging.canned.added"),
    form("inbox/replies/<uuid:canned_id>/", canned_views.edit, "canned_edit", _MANAGES, "messaging.canned.changed"),
    act("inbox/replies/<uuid:canned_id>/remove/", canned_views.remove, "canned_remove", _MANAGES, "messaging.canned.removed"),
    page("inbox/<uuid:thread_id>/", views.thread, "thread", _READS),
    act("inbox/messages/<uuid:message_id>/reaction/", care_views.react, "message_react", _WRITES, "messaging.message.written"),
    act("inbox/<uuid:thread_id>/note/", views.note, "thread_note", _WRITES, "messaging.note.written"),
    act("inbox/<uuid:thread_id>/draft/", views.draft, "thread_draft", _WRITES),
    act("inbox/<uuid:thread_id>/assign/", care_views.assign, "thread_assign", _WRITES, "messaging.thread.assigned"),
    act("inbox/<uuid:thread_id>/snooze/", care_views.snooze, "thread_snooze", _WRITES, "messaging.thread.snoozed", "messaging.thread.woken"),
    act("inbox/<uuid:thread_id>/close/", care_views.close, "thread_close", _WRITES, "messaging.thread.closed"),
    act("inbox/<uuid:thread_id>/reopen/", care_views.reopen, "thread_reopen", _WRITES, "messaging.thread.reopened"),
    act("inbox/<uuid:thread_id>/read/", care_views.read, "thread_read", _WRITES),
    act("inbox/sent/<uuid:dispatch_id>/", care_views.settle, "dispatch_settle", _WRITES, "messaging.outbox.settled_sent", "messaging.outbox.settled_again",
        *ordering.DECISIONS),
    act("inbox/<uuid:thread_id>/unread/", care_views.unread, "thread_unread", _WRITES),
]  # fmt: skip
