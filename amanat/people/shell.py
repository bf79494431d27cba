"""What people puts into the shell: the kinds of lines of the timeline."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from amanat.people import timeline
from amanat.people.timeline import Kind


def register() -> None:
    timeline.register(Kind("note", _("Notes"), "sticky-note", "marigold", is_contact=True))
    timeline.register(Kind("call", _("Calls"), "phone", "blue", is_contact=True))
    timeline.register(Kind("message", _("Messages"), "message-circle", "green", is_contact=True))
    timeline.register(Kind("file", _("Files"), "paperclip", "violet"))
    timeline.register(Kind("change", _("Changes"), "pencil", "grey"))
    timeline.register(Kind("created", _("Added"), "user-plus", "green", tab="change"))
    timeline.register(Kind("merge", _("Merged"), "merge", "violet", tab="change"))
