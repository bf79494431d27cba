"""Settings → Message templates: texts that may be sent unasked, in each language, and how the provider judged them."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings as site
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils.translation import get_language
from django.utils.translation import gettext as _

from amanat.accounts.access import MemberRequest, see_other, sent
from amanat.basis import rules, wording
from amanat.core import clock
from amanat.messaging.channels import checking, measuring, templates, whatsapp_errors
from amanat.messaging.channels.forms import TemplateForm, TextForm
from amanat.messaging.channels.models import Channel, ChannelAccount, MessageTemplate, TemplateText
from amanat.messaging.channels.templates import TemplateRefused

TONES = {"draft": "", "submitted": "blue", "approved": "green", "rejected": "red", "paused": "marigold"}
_State = TemplateText.State


def template_list(request: MemberRequest) -> HttpResponse:
    found = list(MessageTemplate.objects.of(request.workspace).filter(ended_at=None).order_by("title", "id")[:500])
    texts = TemplateText.objects.of(request.workspace).filter(template__in=found).order_by("language")
    by_template: dict[UUID, list[dict[str, str]]] = {}
    category = {one.pk: one for one in found}
    for text in texts.only("template_id", "language", "state", "counted_as", "workspace_id"):
        language = str(dict(site.LANGUAGES).get(text.language, text.language))
        shown = {"language": language, "state": text.get_state_display(), "tone": TONES[text.state]}
        shown["counted_as"] = _counted_as(category[text.template_id], text)
        by_template.setdefault(text.template_id, []).append(shown)
    lines = [{"template": one, "texts": by_template.get(one.pk, [])} for one in found]
    return render(request, "messaging/templates.html", {"lines": lines})


def template_new(request: MemberRequest) -> HttpResponse:
    connected = ChannelAccount.objects.of(request.workspace).order_by("channel", "-is_default", "name", "id")
    form = TemplateForm(sent(request), purposes=_purposes(request), accounts=list(connected))
    if request.method == "POST" and form.is_valid():
        try:
            given = {"account": None, **form.cleaned_data}
            template = templates.make(by=request.member, at=clock.now(), **given)
        except TemplateRefused as refused:
            for name, sentences in refused.problems.items():
                form.add_error(name if name in form.fields else None, list(sentences))
        else:
            language = request.workspace.language
            return see_other(reverse("messaging:template_text", args=[template.pk, language]))
    return render(request, "messaging/template_new.html", {"form": form}, status=422 if form.errors else 200)


def template(request: MemberRequest, template_id: UUID) -> HttpResponse:
    chosen = MessageTemplate.objects.of(request.workspace).select_related("account")
    one = get_object_or_404(chosen, pk=template_id)
    texts = list(TemplateText.objects.of(request.workspace).filter(template=one).order_by("language"))
    context = {
        "template": one,
        "texts": [_shown(one, text) for text in texts],
        "missing": [(code, name) for code, name in site.LANGUAGES if code not in {text.language for text in texts}],
        "purpose": dict(_purposes(request)).get(one.purpose, one.purpose),
    }
    return render(request, "messaging/template.html", context)


def template_text(request: MemberRequest, template_id: UUID, language: str) -> HttpResponse:
    """Write or change the words in one language."""
    one = _template(request, template_id)
    names = dict(site.LANGUAGES)
    if language not in names:
        raise Http404
    text = TemplateText.objects.of(request.workspace).filter(template=one, language=language).first()
    form = TextForm(sent(request), template=one, text=text)
    if request.method == "POST" and form.is_valid():
        try:
            templates.write(template=one, language=language, by=request.member, at=clock.now(), **form.cleaned_data)
        except TemplateRefused as refused:
            form.take(refused)
        else:
            messages.success(request, _("Saved."))
            return see_other(reverse("messaging:template", args=[one.pk]))
    context = {"form": form, "template": one, "text": text, "language_name": names[language]}
    if one.channel == Channel.SMS:
        context["measure"] = measuring.of(
            request.workspace.pk, *(str(form[name].value() or "") for name in ("body", "examples", "registered"))
        )
    return render(request, "messaging/template_text.html", context, status=422 if form.errors else 200)


def template_measure(request: MemberRequest, template_id: UUID) -> HttpResponse:
    """How long a text gets as it is written, what it costs, and where it parts from the register."""
    _template(request, template_id)
    written = (request.GET.get(name, "")[:2_000] for name in ("body", "examples", "registered"))
    return render(request, "messaging/_measure.html", {"measure": measuring.of(request.workspace.pk, *written)})


def template_submit(request: MemberRequest, template_id: UUID, language: str) -> HttpResponse:
    """Hand a text in for approval."""
    one = _template(request, template_id)
    text = get_object_or_404(
        TemplateText.objects.of(request.workspace).select_related("template"), template=one, language=language
    )
    try:
        checking.submit_soon(text=text, by=request.member, at=clock.now())
    except TemplateRefused as refused:
        messages.error(request, str(refused))
    else:
        messages.success(request, _("Handed in. WhatsApp usually decides within minutes."))
    return see_other(reverse("messaging:template", args=[one.pk]))


def template_end(request: MemberRequest, template_id: UUID) -> HttpResponse:
    templates.end(template=_template(request, template_id), by=request.member, at=clock.now())
    return see_other(reverse("messaging:templates"))


def _template(request: MemberRequest, template_id: UUID) -> MessageTemplate:
    return get_object_or_404(MessageTemplate.objects.of(request.workspace), pk=template_id)


def _shown(one: MessageTemplate, text: TemplateText) -> dict[str, object]:
    """A text as a bubble, its variables filled with their examples."""
    numbers = templates.variables_in(text.body)
    values = [*text.examples, *["…"] * (max(numbers, default=0) - len(text.examples))]
    is_at_meta = one.channel == Channel.WHATSAPP
    return {
        "text": text,
        "language_name": dict(site.LANGUAGES).get(text.language, text.language),
        "state": text.get_state_display(),
        "tone": TONES[text.state],
        "body": templates.body_with(text, values),
        "counted_as": _counted_as(one, text),
        "reason": _reason(text),
        "may_submit": is_at_meta and text.state in {_State.DRAFT, _State.REJECTED},
    }


def _reason(text: TemplateText) -> str:
    """Why it may not be sent, and what to do."""
    if text.reason:
        return whatsapp_errors.rejection(text.reason)
    return str(whatsapp_errors.PAUSED) if text.state == _State.PAUSED else ""


def _counted_as(one: MessageTemplate, text: TemplateText) -> str:
    """What the provider calls it, where it calls it something else than we do."""
    differs = text.counted_as and text.counted_as != one.category
    return str(dict(MessageTemplate.Category.choices).get(text.counted_as, text.counted_as)) if differs else ""


def _purposes(request: MemberRequest) -> Sequence[tuple[str, str]]:
    """Purposes of the policy in force for which somebody may be written to."""
    policy, language = rules.of(request.workspace.pk).policy, get_language() or "en"
    return [(name, wording.purpose(policy, name, language)) for name in policy.purposes]
