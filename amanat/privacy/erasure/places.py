"""Where something of a person stood, or who received it, in words for people: "lines of the timeline: text", not names of tables."""

from __future__ import annotations

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from amanat.core import filetypes
from amanat.policy import references
from amanat.policy.format import Policy
from amanat.privacy.copies import telling
from amanat.privacy.erasure import lawful

#: Columns that no form and no copy has a word for.
_COLUMNS: dict[str, Promise] = {
    "body": _("text"), "text": _("text"), "html": _("text"), "summary": _("text"), "subject": _("subject"), "title": _("name"),
    "name": _("name"), "sort_name": _("name"), "words": _("text"), "statement": _("text"), "lines": _("text"), "data": _("details"),
    "extra": _("details"), "facts": _("details"), "payload": _("details"), "answer": _("answer"), "address": _("address"),
    "file_name": _("name of the file"), "main_phone": _("phone numbers"), "main_email": _("e-mail addresses"),
}  # fmt: skip
#: Files that are read, by their use.
_FILES: dict[str, Promise] = {
    "paper": _("papers"), "attachment": _("attachments"), "import": _("files of imports"), "export": _("files of exports"),
    "message": _("files of messages"), "sandbox": _("what the sandbox took"),
}  # fmt: skip


def in_words(place: str, policy: Policy) -> str:
    """A place of `traces.Finding` or a recipient of the policy. A column without a word is left out: its table is named."""
    if place in policy.recipients:
        language = (get_language() or "en").split("-")[0]
        return capfirst(references.listed(references.in_words(policy, f"recipients.{place}", language), language))
    if place in lawful.NAMES or place in _FILES:
        return str(lawful.NAMES.get(place) or _FILES[place])
    label, _dot, column = place.rpartition(".")
    if not label:
        return lawful.named("core.StoredFile") if place in filetypes.kinds() else place
    column_words = _column(label, column)
    return f"{lawful.named(label)}: {column_words}" if column_words else lawful.named(label)


def _column(label: str, column: str) -> str:
    try:
        field = apps.get_model(label)._meta.get_field(column.removesuffix("_id"))
    except (LookupError, ValueError, FieldDoesNotExist):
        return ""
    return telling.field_in_words(field) or str(_COLUMNS.get(column, ""))
