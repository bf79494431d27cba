"""Templates for one person, filled as they would arrive: in her language, with her own words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from django.utils.translation import gettext as _

from amanat.accounts.models import Workspace
from amanat.messaging.channels import templates
from amanat.messaging.channels.models import TemplateText
from amanat.messaging.inbox.saying import SayRefused
from amanat.messaging.reminders import values
from amanat.people.forms import LANGUAGES
from amanat.people.models import Contact

MOST = 100


@dataclass(frozen=True, slots=True)
class Pick:
    """One template as it would read. `missing` names what is not known of the person; such a one cannot be sent."""

    text: TemplateText
    channel: str
    title: str
    purpose: str
    language: str
    language_name: str
    preview: str
    values: Sequence[str]
    missing: str = ""


def picks(contact: Contact, *, channel: str, workspace: Workspace) -> list[Pick]:
    """The templates of a channel that may be sent, each in the person's language or else in English, by title."""
    rows = (
        TemplateText.objects.of(workspace.pk)
        .filter(template__channel=channel, template__ended_at__isnull=True, state=TemplateText.State.APPROVED)
        .select_related("template")
        .order_by("template__title", "language")
    )
    wanted = [contact.language or workspace.language, "en"]
    best: dict[UUID, TemplateText] = {}
    for text in rows[: MOST * 3]:
        held = best.get(text.template_id)
        if text.language in wanted and (held is None or wanted.index(text.language) < wanted.index(held.language)):
            best[text.template_id] = text
    return [_pick(text, contact, workspace) for text in list(best.values())[:MOST]]


def pick(text_id: UUID, contact: Contact, *, workspace: Workspace) -> Pick:
    """One text, filled. Raises SayRefused when there is no such text."""
    text = TemplateText.objects.of(workspace.pk).select_related("template").filter(pk=text_id).first()
    if text is None or text.template.ended_at is not None:
        raise SayRefused(_("There is no such template any more."))
    return _pick(text, contact, workspace)


def _pick(text: TemplateText, contact: Contact, workspace: Workspace) -> Pick:
    found, missing = _values(text, contact, workspace)
    return Pick(
        text=text, channel=text.template.channel, title=text.template.title, purpose=text.template.purpose,
        language=text.language, language_name=dict(LANGUAGES).get(text.language, text.language),
        preview=templates.filled(text, [value or "…" for value in found]), values=found, missing=missing,
    )  # fmt: skip


def _values(text: TemplateText, contact: Contact, workspace: Workspace) -> tuple[list[str], str]:
    around = values.Around(workspace=workspace, contact=contact)
    try:
        found = values.read(text.variables, around, language=text.language)
    except KeyError:
        return [""] * len(text.variables), _("an unknown variable")
    empty = [values.ALL[name].label for name, value in zip(text.variables, found, strict=True) if not value.strip()]
    return found, ", ".join(str(label) for label in empty)
