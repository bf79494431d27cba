"""Tags and filters for every page: icons, figures, times, fields, seals. All of them escape what they are given."""

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django import template
from django.conf import settings
from django.forms import BoundField, CheckboxInput, CheckboxSelectMultiple, RadioSelect
from django.http import QueryDict
from django.template.defaulttags import CsrfTokenNode
from django.templatetags.static import static
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from amanat.core import clock, ids
from amanat.web import formatting, frame, sprite

register = template.Library()

#: The hidden field by which a form that arrives twice is known again; `accounts.once` looks for it.
ONCE = "once_key"

#: The hidden field and the header by which a page says in which workspace it was opened.
IN_WORKSPACE, WORKSPACE_HEADER = "in_workspace", "X-Workspace"

#: state: (word, icon, tone). The four of the promises, then the same tones for a person's papers.
SEALS = {
    "kept": (_("Kept"), "badge-check", "green"),
    "due": (pgettext_lazy("seal", "Due"), "timer", "marigold"),
    "broken": (_("Broken"), "circle-x", "red"),
    "statement": (_("Statement"), "file-text", "grey"),
    "in_order": (_("In order"), "badge-check", "green"),
    "notice_due": (_("Notice due"), "timer", "marigold"),
    "restricted": (_("Restricted"), "pause", "grey"),
    "erasure_due": (_("Erasure due"), "hourglass", "red"),
}


@register.simple_tag
def icon(name: str, label: str = "", size: str = "") -> SafeString:
    """A Lucide icon. Without `label` it is decoration and hidden from screen readers. `size` is "", "small", "large" or "huge"."""
    if settings.DEBUG and name not in sprite.drawn_names():
        raise template.TemplateSyntaxError(f"no such icon: {name}; see amanat/web/sprite.py")
    return _drawn(name, str(label), size, settings.STATIC_URL, settings.STORAGES["staticfiles"]["BACKEND"])


@lru_cache(1000)
def _drawn(name: str, label: str, size: str, *_static: str) -> SafeString:
    """A page has some sixty icons; their addresses change only with the settings of static files, hence the last two."""
    address = f"{static('web/vendor/lucide/sprite.svg')}#{name}"
    style = f"icon icon-{size}" if size else "icon"
    if label:
        return format_html(
            '<svg class="{}" role="img" aria-label="{}"><use href="{}"></use></svg>', style, label, address
        )
    return format_html('<svg class="{}" aria-hidden="true"><use href="{}"></use></svg>', style, address)


@register.tag
def csrf_token(parser: template.base.Parser, token: template.base.Token) -> template.Node:
    """Django's tag of that name, with the workspace of the page beside it: a form acts where it was opened (`accounts.access`)."""
    return _Token()


class _Token(CsrfTokenNode):
    def render(self, context: template.Context) -> SafeString:
        workspace = getattr(context.get("request"), "workspace", None)
        field = super().render(context)
        if workspace is None:
            return SafeString(field)
        return format_html('{}<input type="hidden" name="{}" value="{}">', field, IN_WORKSPACE, workspace.pk)


@register.simple_tag
def once() -> SafeString:
    """For a form that makes something: a key of this page, so that the form acts once even when it is sent twice."""
    return format_html('<input type="hidden" name="{}" value="{}">', ONCE, ids.new())


@register.simple_tag(takes_context=True)
def frame_part(context: template.Context, template_name: str) -> SafeString:
    """A part of the frame around the page, kept between pages: see `amanat.web.frame`."""
    return frame.draw(template_name, context)


@register.simple_tag(takes_context=True)
def kept_part(context: template.Context, template_name: str, *differs: object) -> SafeString:
    """A part of a page that is the same for all `differs`, kept between pages: see `amanat.web.frame`."""
    return frame.draw(template_name, context, *differs)


@register.filter
def money(paise: int | None, paise_shown: str = "") -> str:
    """₹ 12,06,500. `{{ amount|money:"paise" }}` shows the paise even when there are none. Nothing for None."""
    return "" if paise is None else formatting.rupees(paise, always_paise=paise_shown == "paise")


@register.filter
def phone(e164: str | None) -> str:
    return formatting.phone(e164) if e164 else ""


@register.filter
def number(value: int | float | Decimal | None) -> str:
    return "" if value is None else formatting.number(value, get_language() or "en")


@register.filter
def badge(value: int | None) -> str:
    return "" if value is None else formatting.badge(value, get_language() or "en")


@register.filter
def day(value: date | None) -> str:
    return formatting.day(value) if value else ""


@register.filter
def short_day(value: date | None) -> str:
    return formatting.short_day(value, now=clock.now()) if value else ""


@register.filter
def clock_time(value: datetime | None) -> str:
    return formatting.clock_time(value) if value else ""


@register.filter
def short_time(value: datetime | None) -> str:
    return formatting.short_time(value, now=clock.now()) if value else ""


@register.filter
def recent(value: date | None) -> str:
    return formatting.recent(value, now=clock.now()) if value else ""


@register.filter
def ago(value: datetime | None) -> str:
    return formatting.ago(value, now=clock.now()) if value else ""


@register.filter
def initials(name: object) -> str:
    return formatting.initials(str(name))


@register.filter
def avatar_tone(identity: object) -> str:
    """The class of an avatar's hue, `tone-0` to `tone-7`."""
    return f"tone-{formatting.avatar_tone(identity)}"


@register.inclusion_tag("web/parts/_avatar.html")
def avatar(name: object, identity: object, size: str = "") -> dict[str, object]:
    """The round picture with initials. `size` is "", "small", "large" or "huge"."""
    return {"name": name, "identity": identity, "size": size}


@register.inclusion_tag("web/parts/_seal.html")
def seal(state: str, word: str = "") -> dict[str, object]:
    """The seal of `state`, a key of `SEALS`; `word` replaces its word, never its icon and tone."""
    own_word, icon_name, tone = SEALS[state]
    return {"word": word or own_word, "icon_name": icon_name, "tone": tone}


@register.inclusion_tag("web/parts/_field.html")
def field(bound_field: BoundField, label: str = "", width: str = "") -> dict[str, object]:
    """Label, control, help and error of a form field. `width` is "", "half", "third" or "quarter" in a `.fields` grid."""
    widget = bound_field.field.widget
    if isinstance(widget, RadioSelect | CheckboxSelectMultiple):
        kind = "group"
    elif isinstance(widget, CheckboxInput):
        kind = "check"
    else:
        kind = "text"
    return {"field": bound_field, "kind": kind, "label": label or bound_field.label, "width": width}


@register.simple_tag(takes_context=True)
def query_with(context: Mapping[str, Any], **changes: object) -> str:
    """The page's query string with `changes` made, "?" included; None or "" removes a key. A new filter begins at the first page again."""
    query: QueryDict = context["request"].GET.copy()
    if "after" not in changes and "before" not in changes:
        changes |= {"after": None, "before": None}
    for key, value in changes.items():
        if value is None or value == "":
            query.pop(key, None)
        else:
            query[key] = str(value)
    return "?" + query.urlencode()
